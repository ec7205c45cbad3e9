/* What is told of a line. */
#include "hunt/report.h"

#include "base/limits.h"

void reporter_init(struct reporter *r, const struct line_search *search)
{
    *r = (struct reporter){.filter = search->filter, .examiner = search->examiner};
    buf_init(&r->host, KIB(64));
    buf_init(&r->chain, 256);
    buf_init(&r->field, LIMIT_HUNT_TEXT);
    buf_init(&r->key, MIB(2));
    buf_init(&r->line, LIMIT_HUNT_TEXT);
    buf_init(&r->header, LIMIT_HUNT_LINE);
}

void reporter_done(struct reporter *r)
{
    buf_done(&r->host);
    buf_done(&r->chain);
    buf_done(&r->field);
    buf_done(&r->key);
    buf_done(&r->line);
    buf_done(&r->header);
    *r = (struct reporter){0};
}

static struct slice keep_date(struct reporter *r, struct slice date)
{
    date.n = date.n < sizeof r->date ? date.n : sizeof r->date;
    if (date.n)
        memcpy(r->date, date.p, date.n);
    return slice_of(r->date, date.n);
}

void reporter_begin(struct reporter *r, struct slice head, int64_t newest_ms)
{
    buf_clear(&r->header);
    struct slice date, header = format_header(slice_sub(head, 0, LIMIT_HUNT_LINE), &date);
    (void)buf_add_slice(&r->header, header);
    r->context = (struct format_context){newest_ms, buf_slice(&r->header), keep_date(r, date)};
    r->hint = 0;
}

void reporter_header(struct reporter *r, struct slice line)
{
    struct slice date, header = format_header(slice_sub(line, 0, LIMIT_HUNT_LINE), &date);
    if (date.n)
        r->context.date = keep_date(r, date);
    if (!header.n)
        return;
    buf_clear(&r->header);
    (void)buf_add_slice(&r->header, header);
    r->context.header = buf_slice(&r->header);
}

bool reporter_time(struct reporter *r, struct slice line, int64_t *ret_ms)
{
    format_parse(slice_sub(line, 0, LIMIT_HUNT_LINE), &r->context, &r->hint, &r->facts);
    *ret_ms = r->facts.time_ms;
    return r->facts.has_time;
}

/* The parameter of a query in which the text from `at` on stands, or empty. */
static struct slice parameter(struct slice target, size_t at)
{
    size_t query = slice_index(target, '?');
    if (query >= at)
        return (struct slice){NULL, 0};
    size_t from = query + 1;
    for (size_t i = query + 1; i < at; i++)
        if (target.p[i] == '&' || target.p[i] == ';')
            from = i + 1;
    struct slice name = slice_sub(target, from, at - from);
    return slice_sub(name, 0, slice_index(name, '='));
}

static void name_field(struct reporter *r, const struct line_field *f, size_t opener)
{
    bool target = slice_eq_str(f->name, "target");
    struct slice name = target ? parameter(f->value, opener) : f->name;
    if (target)
        (void)buf_add_str(&r->field, name.n ? "query " : "path");
    (void)buf_add_slice(&r->field, slice_sub(name, 0, 200));
}

/* The first opener. Looking in full at each false one may take half a step a byte; from there on
 * only what a quick look can tell is found, or else the place where the steps ended. */
static size_t first_opener(const struct prefilter *f, struct slice s)
{
    enum { STEPS = 300 }; /* more than any spelling takes that is no attack */
    struct opener_memory memory = {0};
    size_t left = s.n / 2 + STEPS, maybe = s.n;
    for (size_t i = 0; i < s.n; i++) {
        if (!prefilter_may_begin(f, s.p[i]))
            continue;
        enum opener_answer a = opener_quick(s, i, &memory);
        if (a == OPENER_YES)
            return i;
        if (a == OPENER_MAYBE && left) {
            unsigned steps = STEPS;
            if (opener_full(s, i, &steps) && steps < STEPS)
                return i;
            left -= steps < left ? steps : left;
            maybe = left ? maybe : i;
        }
    }
    return maybe;
}

/* The field whose own verdict is the line's. With one candidate no more than that is looked at. */
static enum status find_field(struct reporter *r, enum verdict verdict)
{
    enum { FEW = 8 };
    size_t candidates[FEW], openers[FEW], n = 0;
    for (size_t i = 0; i < r->facts.field_count && n < FEW; i++) {
        openers[n] = first_opener(r->filter, r->facts.fields[i].value);
        if (openers[n] < r->facts.fields[i].value.n)
            candidates[n++] = i;
    }
    for (size_t i = 0; i < n; i++) {
        struct examined got = {.verdict = verdict};
        const struct line_field *f = &r->facts.fields[candidates[i]];
        if (n > 1) {
            enum status st = examine(r->examiner, f->value, &got);
            if (st != OK)
                return st;
        }
        if (got.verdict >= verdict) {
            name_field(r, f, openers[i]);
            return OK;
        }
    }
    return OK;
}

/* As much of the line as is kept, around the text that was found. */
static struct slice excerpt(const struct reporter *r, struct slice line)
{
    if (line.n <= LIMIT_HUNT_TEXT)
        return line;
    size_t at = first_opener(r->filter, line);
    size_t from = at > LIMIT_HUNT_TEXT / 4 && at < line.n ? at - LIMIT_HUNT_TEXT / 4 : 0;
    return slice_sub(line, from, LIMIT_HUNT_TEXT);
}

static void add_chain(struct reporter *r, const struct examined *found)
{
    for (size_t i = 0; i < found->chain_count; i++)
        (void)buf_addf(&r->chain, "%s%s", i ? ", " : "", found->chain[i]);
}

enum sighting_verdict reporter_verdict(const struct line_hit *h)
{
    static const enum sighting_verdict verdicts[] = {
        [VERDICT_ATTEMPT] = SIGHTED_ATTEMPT,
        [VERDICT_IF_CLOSED] = SIGHTED_IF_CLOSED,
        [VERDICT_REACHES] = SIGHTED_REACHES,
    };
    return h->pattern ? SIGHTED_ATTEMPT : verdicts[h->found.verdict];
}

/* JSON writers put a backslash before each slash; the lookup reaches all the same, so no decoder
 * took it off. */
static void add_key(struct reporter *r, struct slice key)
{
    for (size_t i = 0; i < key.n; i++) {
        size_t k = i;
        while (k < key.n && key.p[k] == '\\')
            k++;
        if (k > i && k < key.n && key.p[k] == '/')
            i = k;
        (void)buf_add_char(&r->key, (char)key.p[i]);
    }
}

enum status reporter_tell(struct reporter *r, const struct line_hit *h, struct sighting *ret)
{
    struct sighting s = {
        .line = h->number, .reason = h->found.reason, .turkish = h->found.locale == EVAL_TURKISH};
    enum status st = OK;
    struct slice key;
    buf_clear(&r->host);
    buf_clear(&r->chain);
    buf_clear(&r->field);
    buf_clear(&r->key);
    s.verdict = reporter_verdict(h);
    s.text[SIGHTING_PATTERN] = slice_str(h->pattern ? h->pattern->id : NULL);
    st = examiner_target(r->examiner, &h->found, &key);
    if (st != OK)
        return st;
    add_key(r, slice_sub(key, 0, LIMIT_HUNT_TEXT));
    s.text[SIGHTING_KEY] = buf_slice(&r->key);
    s.callback = callback_parse(s.text[SIGHTING_KEY]);
    (void)callback_host(s.callback.host, &r->host);
    add_chain(r, &h->found);
    r->facts = (struct line_facts){0};
    if (!h->long_line) {
        format_parse(h->line, &r->context, &r->hint, &r->facts);
        if (!h->pattern)
            st = find_field(r, h->found.verdict);
    }
    s.has_time = r->facts.has_time;
    s.time_ms = r->facts.time_ms;
    s.text[SIGHTING_CLIENT] = slice_sub(r->facts.client, 0, 200);
    s.text[SIGHTING_FIELD] = buf_slice(&r->field);
    s.text[SIGHTING_HOST] = buf_slice(&r->host);
    s.text[SIGHTING_CHAIN] = buf_slice(&r->chain);
    s.text[SIGHTING_FORMAT] = slice_str(r->facts.format);
    s.text[SIGHTING_LINE] = excerpt(r, h->line);
    *ret = s;
    return st;
}
