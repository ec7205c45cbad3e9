/* For people at a terminal. The verdict stands first; then the text as it unfolds, with the piece
 * marked that changes next; then where it leads, what it carries out, and what to do next. */
#include "base/limits.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cmd/attempt_words.h"
#include "cmd/explain_show.h"

#include <ctype.h>

enum {
    LABEL = 13,   /* columns of a label */
    GROUP = 3,    /* as many plain steps or more are told as one */
    PATH = 400,   /* bytes of a path that are shown */
    VALUES = 100, /* bytes of the values that a group lists */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void paint(struct explain_view *v, const char *code, const char *text)
{
    explain_paint(v, code, slice_str(text));
}

/* Text from a column on, folded, each row ended. */
static void add_folded(struct explain_view *v, size_t column, struct slice s)
{
    size_t room = v->columns > column + 20 ? v->columns - column : 20;
    for (bool first = true; s.n || first; first = false) {
        size_t n = text_line(s, room);
        (void)buf_addf(&v->out, "%*s", first ? 0 : (int)column, "");
        (void)buf_add_slice(&v->out, slice_sub(s, 0, n));
        (void)buf_add_char(&v->out, '\n');
        while (n < s.n && s.p[n] == ' ')
            n++;
        s = slice_sub(s, n, s.n);
    }
}

/* --- decoders */

static const char *decoder_words(enum lang lang, const char *name, bool done)
{
    static const char *const words[][3] = {
        {"url", N_("URL decoding"), N_("URL-decoded")},
        {"backslash", N_("undoing backslash escapes"), N_("freed of backslash escapes")},
        {"entity", N_("undoing HTML entities"), N_("freed of HTML entities")},
        {"utf-16", N_("reading as UTF-16"), N_("read as UTF-16")},
        {"base64", N_("base64 decoding"), N_("base64-decoded")},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i][0], name) == 0)
            return T(lang, words[i][done ? 2 : 1]);
    }
    return name;
}

/* --- steps */

struct telling {
    struct explain_view *v;
    const struct explained *e;
    struct server_marks marks; /* of v->now */
    unsigned number;
    size_t told; /* events that were shown or passed over */
};

static void begin_step(struct telling *t)
{
    char text[16];
    (void)snprintf(text, sizeof text, "  %u", t->number++);
    paint(t->v, EXPLAIN_DIM, text);
    (void)buf_add_str(&t->v->out, "  ");
}

static const char *step_sentence(enum lang lang, const struct eval_event *s,
                                 const struct explain_source *source, struct slice *ret_second)
{
    *ret_second = s->value;
    switch (s->kind) {
    case EVAL_EVENT_ESCAPE:
        return T(lang, "%s loses a dollar, and stays plain text");
    case EVAL_EVENT_VALUE:
    case EVAL_EVENT_UNRESOLVED:
        if (source) {
            *ret_second = explain_key(s->name);
            return T(lang, source->is);
        }
        if (s->kind == EVAL_EVENT_UNRESOLVED)
            return T(lang, "%s finds nothing and stays as it is");
        return s->value.n ? T(lang, "%s is %s") : T(lang, "%s is empty");
    case EVAL_EVENT_DEFAULT:
        if (source && s->value.n)
            return T(lang, "%s is the server's own, or its default where that is not set: %s");
        if (source)
            return T(lang, "%s is the server's own, or empty where that is not set");
        return s->value.n ? T(lang, "%s finds nothing and takes its default, %s")
                          : T(lang, "%s finds nothing and takes its default, which is empty");
    case EVAL_EVENT_CYCLE:
        return T(lang, "%s stands within itself: the evaluation ends here, in an error");
    case EVAL_EVENT_BAD_KEY:
        return T(lang, "%s is an error: the evaluation ends here");
    case EVAL_EVENT_PASS:
        return T(lang, "a variable is left further right: the whole is evaluated once more");
    case EVAL_EVENT_JNDI:
        break;
    }
    return T(lang, "jndi lookup");
}

/* The text becomes what it is behind a step. */
static void take_step(struct telling *t, const struct eval_event *s)
{
    struct explain_view *v = t->v;
    struct eval_event moved = *s;
    struct slice now = buf_slice(&v->now), with;
    size_t start = t->e->found.start;
    t->told++;
    if (s->kind == EVAL_EVENT_PASS) { /* what is there already */
        buf_cut(&v->now, start);
        (void)buf_add_slice(&v->now, s->variable);
        return;
    }
    if (!server_event_gives(s, &with))
        return;
    moved.at += start;
    moved.outer += start;
    buf_clear(&v->next);
    (void)buf_add_slice(&v->next, slice_sub(now, 0, moved.at));
    (void)buf_add_slice(&v->next, with);
    (void)buf_add_slice(&v->next, slice_sub(now, moved.at + s->n, now.n));
    struct buf was = v->now;
    v->now = v->next;
    v->next = was;
    server_marks_take(&t->marks, &moved, NULL);
}

/* Whether a step changes nothing that a reader sees: what was told stays as it is once more. */
static bool is_silent(const struct telling *t, size_t i)
{
    const struct eval_event *s = &t->e->steps[i];
    if (s->kind != EVAL_EVENT_UNRESOLVED)
        return false;
    for (size_t k = 0; k < t->marks.count; k++) {
        size_t at = t->e->found.start + s->at;
        if (t->marks.mark[k].at <= at && t->marks.mark[k].at + t->marks.mark[k].n >= at + s->n)
            return true;
    }
    for (size_t k = 0; k < i; k++) {
        if (t->e->steps[k].kind == s->kind && slice_eq(t->e->steps[k].variable, s->variable))
            return true;
    }
    return false;
}

/* A variable that gives plain text. */
static bool is_plain(const struct eval_event *s)
{
    return (s->kind == EVAL_EVENT_VALUE || s->kind == EVAL_EVENT_DEFAULT) &&
           slice_find(s->value, SLICE_LIT("${")) == s->value.n;
}

/* ${env:X:-j}ndi: a default of one letter that touches a word or another variable hides a piece of
 * that word; what the server has is not meant. */
static bool hides_a_letter(const struct eval_event *s, struct slice now, size_t at)
{
    uint8_t before = at > 0 ? now.p[at - 1] : ' ';
    uint8_t behind = at + s->n < now.n ? now.p[at + s->n] : ' ';
    return s->kind == EVAL_EVENT_DEFAULT && s->value.n == 1 &&
           (isalnum(before) || before == '}' || isalnum(behind) || behind == '$');
}

/* How many steps from i on are told as one: plain ones, side by side, none of them the server's
 * own. */
static size_t group_of(const struct telling *t, size_t i)
{
    const struct explained *e = t->e;
    size_t n = 0, shrunk = e->found.start;
    for (; i + n < e->count && n < EXPLAIN_PIECES && is_plain(&e->steps[i + n]); n++) {
        const struct eval_event *s = &e->steps[i + n], *before = n ? s - 1 : NULL;
        if (before && s->at < before->at + before->value.n)
            break;
        if (explain_source(s->name) && !hides_a_letter(s, buf_slice(&t->v->now), s->at + shrunk))
            break;
        shrunk = shrunk + s->n - s->value.n;
    }
    return n >= GROUP ? n : 1;
}

static void show_before(struct telling *t, size_t i, size_t group)
{
    struct explain_piece pieces[EXPLAIN_PIECES];
    size_t shrunk = t->e->found.start, count = 0;
    for (size_t k = i; k < i + group && k < t->e->count; k++) {
        const struct eval_event *s = &t->e->steps[k];
        if (s->kind == EVAL_EVENT_JNDI || s->kind == EVAL_EVENT_PASS)
            break;
        pieces[count++] = (struct explain_piece){s->at + shrunk, s->n};
        shrunk = shrunk + s->n - s->value.n;
    }
    explain_show(t->v, buf_slice(&t->v->now), &t->marks, pieces, count);
}

/* Says steps as one and takes them. */
static void say_group(struct telling *t, size_t i, size_t group)
{
    struct buf *list = &t->v->piece;
    char number[24];
    buf_clear(list);
    for (size_t k = i; k < i + group; k++) {
        struct slice value = t->e->steps[k].value;
        if (list->n > VALUES) {
            (void)buf_add_str(list, ", …");
            break;
        }
        (void)buf_add_str(list, k > i ? ", " : "");
        (void)text_add_escaped(list, value.n ? slice_sub(value, 0, utf8_floor(value, VALUES))
                                             : SLICE_LIT("\"\""));
    }
    (void)snprintf(number, sizeof number, "%zu", group);
    begin_step(t);
    struct buf sentence;
    buf_init(&sentence, KIB(4));
    (void)buf_addf(&sentence, T(t->v->lang, "%s variables take their values: %s"), number,
                   buf_text(list));
    add_folded(t->v, EXPLAIN_INDENT, buf_slice(&sentence));
    buf_done(&sentence);
    for (size_t k = i; k < i + group; k++)
        take_step(t, &t->e->steps[k]);
}

/* Says a step and takes it. Its texts are shown as the text around them is. */
static void say_step(struct telling *t, const struct eval_event *s)
{
    struct explain_view *v = t->v;
    size_t at = t->e->found.start + s->at;
    struct slice second;
    struct buf piece, value, text;
    bool hides = hides_a_letter(s, buf_slice(&v->now), at);
    const struct explain_source *source = hides ? NULL : explain_source(s->name);
    const char *sentence = step_sentence(v->lang, s, source, &second);
    buf_init(&piece, MIB(1));
    buf_init(&value, MIB(1));
    buf_init(&text, KIB(8));
    explain_add_marked(&piece, buf_slice(&v->now), at, least(s->n, PATH), &t->marks, false);
    take_step(t, s);
    if (second.p == s->value.p)
        explain_add_marked(&value, buf_slice(&v->now), at, least(s->value.n, PATH), &t->marks,
                           false);
    else
        (void)text_add_escaped(&value, second);
    attempt_add_sentence(&text, sentence, buf_slice(&piece), buf_slice(&value));
    begin_step(t);
    add_folded(v, EXPLAIN_INDENT, buf_slice(&text));
    buf_done(&piece);
    buf_done(&value);
    buf_done(&text);
}

static void begin_text(struct telling *t)
{
    struct explain_view *v = t->v;
    const struct examined *f = &t->e->found;
    struct slice last = f->chain_count ? f->layers[f->chain_count - 1] : t->e->given;
    bool closed = f->verdict == VERDICT_IF_CLOSED && f->start + f->text.n > last.n;
    buf_clear(&v->now);
    (void)buf_add_slice(&v->now, slice_sub(last, 0, f->start));
    (void)buf_add_slice(&v->now, f->text);
    begin_step(t);
    (void)buf_addf(&v->out, "%s\n", T(v->lang, "as given"));
    for (size_t i = 0; i < f->chain_count; i++) {
        explain_show(v, i ? f->layers[i - 1] : t->e->given, &t->marks, NULL, 0);
        begin_step(t);
        (void)buf_addf(&v->out, "%s\n", decoder_words(v->lang, f->chain[i], false));
    }
    if (closed) {
        explain_show(v, last, &t->marks, NULL, 0);
        begin_step(t);
        (void)buf_addf(&v->out, "%s\n", T(v->lang, "as if it had not been cut"));
    }
}

/* The lookup that came behind the last step that was told. */
static void end_steps(struct telling *t)
{
    struct explain_view *v = t->v;
    const struct explained *e = t->e;
    size_t left = e->total - t->told - (e->target.n > 0);
    (void)buf_addf(
        &v->out, TN(v->lang, "  … and %zu step more\n", "  … and %zu steps more\n", (int64_t)left),
        left);
    if (e->target.n == 0)
        return;
    buf_clear(&v->next); /* what the lookup stands in begins behind what was found before it */
    (void)buf_add_str(&v->next, "${jndi:");
    explain_add_marked(&v->next, e->target.text, 0, least(e->target.text.n, PATH), &e->target.marks,
                       true);
    (void)buf_add_str(&v->next, e->target.text.n < PATH ? "}" : "…");
    static const struct server_marks none;
    struct slice shown = buf_slice(&v->next);
    explain_show(v, shown, &none, NULL, 0);
    begin_step(t);
    (void)buf_addf(&v->out, "%s\n", T(v->lang, "jndi lookup"));
}

static void add_steps(struct explain_view *v, const struct explained *e)
{
    struct telling t = {.v = v, .e = e};
    begin_text(&t);
    for (size_t i = 0, group; t.number < EXPLAIN_STEPS; i += group) {
        while (i < e->count && is_silent(&t, i))
            take_step(&t, &e->steps[i++]);
        group = group_of(&t, i);
        show_before(&t, i, group);
        if (i >= e->count)
            break;
        enum eval_event_kind kind = e->steps[i].kind;
        if (group > 1)
            say_group(&t, i, group);
        else
            say_step(&t, &e->steps[i]);
        if (kind == EVAL_EVENT_JNDI || kind == EVAL_EVENT_CYCLE || kind == EVAL_EVENT_BAD_KEY)
            break;
    }
    if (e->total > t.told)
        end_steps(&t);
}

/* Nothing unfolds where the text is a lookup as it stands. */
static bool unfolds(const struct explained *e)
{
    if (e->found.chain_count || (e->found.verdict == VERDICT_REACHES && e->found.start))
        return true;
    for (size_t i = 0; i < e->count; i++) {
        enum eval_event_kind kind = e->steps[i].kind;
        if (kind != EVAL_EVENT_JNDI && kind != EVAL_EVENT_PASS &&
            (kind != EVAL_EVENT_UNRESOLVED || explain_source(e->steps[i].name)))
            return true;
    }
    return false;
}

/* --- the verdict */

/* "once URL-decoded, this lookup would be done" */
static void add_reached(struct buf *out, enum lang lang, const struct examined *f)
{
    struct buf how;
    buf_init(&how, KIB(1));
    for (size_t i = 0; i < f->chain_count; i++)
        (void)buf_addf(&how, "%s%s", i ? T(lang, ", then ") : "",
                       decoder_words(lang, f->chain[i], true));
    if (f->chain_count)
        (void)buf_addf(out, T(lang, "once %s, this lookup would be done"), buf_text(&how));
    else
        (void)buf_add_str(out, T(lang, "this lookup would be done"));
    if (f->locale == EVAL_TURKISH)
        (void)buf_add_str(out, T(lang, ", on a server that maps letters as Turkish does"));
    buf_done(&how);
}

static void add_attempt(struct buf *out, enum lang lang, const struct explained *e)
{
    struct slice ending = {0};
    bool within_itself = false;
    for (size_t i = 0; i < e->count; i++) {
        enum eval_event_kind kind = e->steps[i].kind;
        if (kind == EVAL_EVENT_CYCLE || kind == EVAL_EVENT_BAD_KEY) {
            ending = e->steps[i].variable;
            within_itself = kind == EVAL_EVENT_CYCLE;
        }
    }
    if (e->found.reason == ATTEMPT_BUDGET)
        (void)buf_add_str(out, T(lang, "not followed to its end, take it as an attack: "));
    else
        (void)buf_add_str(out, T(lang, "means to and cannot: "));
    attempt_add_words(out, lang, e->found.reason, e->found.text, ending, within_itself);
}

static void add_verdict(struct explain_view *v, const struct explained *e)
{
    static const char *const words[] = {N_("NONE"), N_("ATTEMPT"), N_("IF-CLOSED"), N_("REACHES")};
    static const char *const colours[] = {"", EXPLAIN_YELLOW, EXPLAIN_YELLOW, EXPLAIN_RED};
    enum verdict verdict = e->found.verdict;
    const char *word = T(v->lang, words[verdict]);
    size_t have = text_columns(slice_str(word));
    size_t want = verdict == VERDICT_REACHES ? 10 : 11;
    size_t column = have + 2 < want ? want : have + 2;
    struct buf text;
    buf_init(&text, KIB(16));
    if (verdict == VERDICT_REACHES)
        add_reached(&text, v->lang, &e->found);
    else if (verdict == VERDICT_IF_CLOSED)
        (void)buf_add_str(&text,
                          T(v->lang, "would be done, had the line not been cut: a } is missing"));
    else if (verdict == VERDICT_ATTEMPT)
        add_attempt(&text, v->lang, e);
    else
        (void)buf_add_str(&text, T(v->lang, "no JNDI lookup in this text"));
    paint(v, colours[verdict], word);
    (void)buf_addf(&v->out, "%*s", (int)(column - have), "");
    add_folded(v, column, buf_slice(&text));
    buf_done(&text);
}

/* --- where it leads */

static void label(struct explain_view *v, const char *code, const char *text)
{
    size_t have = text_columns(slice_str(text));
    (void)buf_add_str(&v->out, "  ");
    paint(v, code, text);
    (void)buf_addf(&v->out, "%*s", (int)(have + 2 < LABEL ? LABEL - have : 2), "");
}

/* One fact of the call-back: three spaces behind the one before, or in a row of its own. */
static void add_fact(struct explain_view *v, const char *code, struct slice fact, size_t *column)
{
    size_t wide = text_columns(fact);
    if (*column > LABEL + 2) {
        bool fits = *column + 3 + wide <= v->columns;
        if (fits)
            (void)buf_add_str(&v->out, "   ");
        else
            (void)buf_addf(&v->out, "\n%*s", LABEL + 2, "");
        *column = fits ? *column + 3 : LABEL + 2;
    }
    explain_paint(v, code, fact);
    *column += wide;
}

static struct slice key_part(struct explain_view *v, const struct explained *e, const char *word,
                             struct slice part)
{
    size_t from = part.p ? (size_t)(part.p - e->target.text.p) : 0;
    size_t n = utf8_floor(part, PATH);
    buf_clear(&v->piece);
    (void)buf_add_str(&v->piece, word);
    explain_add_marked(&v->piece, e->target.text, from, n, &e->target.marks, true);
    (void)buf_add_str(&v->piece, n < part.n ? "…" : "");
    return buf_slice(&v->piece);
}

static void add_callback(struct explain_view *v, const struct explained *e)
{
    const struct callback *c = &e->to;
    size_t column = LABEL + 2;
    char port[64], path[32];
    label(v, "", T(v->lang, "calls back"));
    if (c->scheme.n)
        add_fact(v, "", key_part(v, e, "", c->scheme), &column);
    if (c->host.n)
        add_fact(v, EXPLAIN_RED, key_part(v, e, "", c->host), &column);
    else
        add_fact(v, "", slice_str(T(v->lang, "no host is named")), &column);
    (void)snprintf(port, sizeof port,
                   c->port_default ? T(v->lang, "port %u (default)") : T(v->lang, "port %u"),
                   (unsigned)c->port);
    if (c->port && c->host.n)
        add_fact(v, "", slice_str(port), &column);
    (void)snprintf(path, sizeof path, "%s ", T(v->lang, "path"));
    if (c->path.n)
        add_fact(v, "", key_part(v, e, path, c->path), &column);
    (void)buf_add_char(&v->out, '\n');
}

static void add_leak(struct explain_view *v, const struct explained *e, size_t i)
{
    const struct server_mark *m = &e->target.marks.mark[i];
    struct buf text;
    buf_init(&text, KIB(8));
    attempt_add_sentence(&text, T(v->lang, explain_source(m->name)->leaks), explain_key(m->name),
                         (struct slice){0});
    if (m->has_default && m->given.n)
        attempt_add_sentence(&text, T(v->lang, " (\"%s\" where it is not set)"), m->given,
                             (struct slice){0});
    else if (m->has_default)
        (void)buf_add_str(&text, T(v->lang, " (nothing where it is not set)"));
    if (explain_leak_in_host(e, i))
        (void)buf_add_str(&text,
                          T(v->lang, ", in the host name: a DNS query is enough to carry it out"));
    label(v, EXPLAIN_YELLOW, T(v->lang, "leaks"));
    add_folded(v, LABEL + 2, buf_slice(&text));
    buf_done(&text);
}

/* A name that a shell takes as it stands. */
static bool is_bare(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (!isalnum(c) && c != '.' && c != ':' && c != '_' && (c != '-' || i == 0))
            return false;
    }
    return s.n > 0;
}

/* " --ioc NAME" for what logs elsewhere can name of the host. */
static void add_indicator(struct buf *out, const struct explained *e)
{
    bool below = false;
    struct buf name;
    buf_init(&name, e->to.host.n + KIB(1));
    if (callback_sought(e->to.host, &name, &below) == OK && is_bare(buf_slice(&name)))
        (void)buf_addf(out, below ? " --ioc '*.%s'" : " --ioc %s", buf_text(&name));
    buf_done(&name);
}

static void add_next(struct explain_view *v, const struct explained *e)
{
    label(v, "", T(v->lang, "next"));
    if (e->found.verdict == VERDICT_ATTEMPT) {
        add_folded(v, LABEL + 2,
                   slice_str(T(v->lang, "the client is hostile all the same: hikeshi hunt LOGS "
                                        "shows what else it sent")));
        return;
    }
    buf_clear(&v->piece);
    add_indicator(&v->piece, e);
    if (e->to.host.n == 0) { /* nobody to look for in an outbound log */
        (void)buf_add_str(&v->out, "hikeshi hunt LOGS\n");
        return;
    }
    (void)buf_addf(&v->out, "hikeshi hunt --outbound LOG%s LOGS\n", buf_text(&v->piece));
}

void explain_text(struct explain_view *v, const struct explained *e)
{
    add_verdict(v, e);
    if (e->found.verdict == VERDICT_NONE)
        return;
    if (unfolds(e)) {
        (void)buf_add_char(&v->out, '\n');
        add_steps(v, e);
        (void)buf_add_char(&v->out, '\n');
    }
    if (e->found.verdict >= VERDICT_IF_CLOSED) {
        add_callback(v, e);
        for (size_t i = 0; i < e->target.marks.count; i++) {
            if (explain_leak_first(e, i))
                add_leak(v, e, i);
        }
    }
    add_next(v, e);
}
