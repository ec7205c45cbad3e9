/* The search over decoded texts and over the places where a variable begins. */
#include "lookup/examine.h"

#include "base/limits.h"
#include "lookup/decode.h"

struct node {
    struct buf text;
    size_t depth;
    size_t from; /* the node it was decoded from */
    const char *chain[EXAMINE_LAYERS];
    uint64_t hash;
};

#define NODES 48 /* texts of one line: its layers, runs and alignments; more is an attempt */

struct examiner {
    struct evaluator *ev;
    struct node nodes[NODES];
    size_t node_count;
    struct buf closed; /* the text with its brackets closed */
    struct buf key;
    struct buf opens;  /* uint32_t places of variables that are still open */
    struct buf starts; /* uint32_t places to evaluate from */
    uint64_t steps, max_steps;
    size_t bytes, max_bytes;
    bool spent;
};

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"none", "attempt", "if-closed", "reaches"};
    return names[v];
}

enum status examiner_new(struct examiner **ret)
{
    struct examiner *x = calloc(1, sizeof *x);
    if (!x || evaluator_new(&x->ev) != OK) {
        free(x);
        return ST_NOMEM;
    }
    *ret = x;
    return OK;
}

void examiner_free(struct examiner *x)
{
    if (!x)
        return;
    evaluator_free(x->ev);
    for (size_t i = 0; i < NODES; i++)
        buf_done(&x->nodes[i].text);
    buf_done(&x->closed);
    buf_done(&x->key);
    buf_done(&x->opens);
    buf_done(&x->starts);
    free(x);
}

static void begin_buf(struct buf *b, size_t max)
{
    if (!b->p)
        buf_init(b, max);
    b->max = max;
    buf_clear(b);
}

/* --- one text */

static bool opens_at(struct slice s, size_t i)
{
    return s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{';
}

static uint32_t place_at(const struct buf *b, size_t i)
{
    uint32_t v;
    memcpy(&v, b->p + i * sizeof v, sizeof v);
    return v;
}

/* The places from which to evaluate: the first $ of those directly before each ${ that has its }
 * (an escaped one is plain text, so there its } does not matter). *ret_open: how many } are missing
 * at the end. Depth counts as rule 8 does, so one sweep finds them all. */
static enum status find_starts(struct examiner *x, struct slice s, size_t *ret_open)
{
    size_t dollars = 0; /* directly before i */
    begin_buf(&x->opens, s.n * 4 + 4);
    begin_buf(&x->starts, s.n * 4 + 4);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '}') {
            if (x->opens.n)
                buf_cut(&x->opens, x->opens.n - 4);
            continue;
        }
        if (s.p[i] != '$') {
            dollars = 0;
            continue;
        }
        if (!opens_at(s, i)) {
            dollars++;
            continue;
        }
        uint32_t place = (uint32_t)(i - dollars);
        (void)buf_add(&x->opens, &place, sizeof place);
        (void)buf_add(&x->starts, &place, sizeof place);
        dollars = 0;
        i++;
    }
    *ret_open = x->opens.n / 4;
    return buf_status(&x->opens) == OK ? buf_status(&x->starts) : buf_status(&x->opens);
}

/* Whether the start stands among those that never close; `*cursor` goes along, both ascend. */
static bool never_closes(const struct examiner *x, uint32_t start, size_t *cursor)
{
    while (*cursor < x->opens.n / 4 && place_at(&x->opens, *cursor) < start)
        ++*cursor;
    return *cursor < x->opens.n / 4 && place_at(&x->opens, *cursor) == start;
}

struct text_verdict {
    enum eval_outcome worst; /* EVAL_REACH, else EVAL_BUDGET, EVAL_ABORT, EVAL_NOT */
    uint32_t start;
};

static struct text_verdict evaluate_starts(struct examiner *x, struct slice s,
                                           enum eval_locale locale)
{
    struct text_verdict v = {EVAL_NOT, 0};
    struct eval_options o = {.locale = locale};
    size_t cursor = 0;
    for (size_t i = 0; i < x->starts.n / 4; i++) {
        uint32_t start = place_at(&x->starts, i);
        struct slice rest = slice_sub(s, start, s.n);
        bool escaped = rest.n > 1 && rest.p[1] == '$';
        if (!escaped && never_closes(x, start, &cursor))
            continue;
        if (!evaluate_possible(rest))
            break;
        if (x->steps >= x->max_steps) {
            v.worst = EVAL_BUDGET;
            break;
        }
        uint64_t own = (uint64_t)rest.n * EVAL_STEPS_PER_BYTE + EVAL_STEPS_FLOOR;
        uint64_t left = x->max_steps - x->steps;
        o.max_steps = own < left ? own : left;
        struct eval_result r = evaluate(x->ev, rest, &o);
        x->steps += r.steps;
        if (r.outcome == EVAL_REACH || r.outcome == EVAL_NOMEM) {
            buf_clear(&x->key);
            (void)buf_add_slice(&x->key, r.key);
            return (struct text_verdict){r.outcome, start};
        }
        if (r.outcome == EVAL_BUDGET || (r.outcome == EVAL_ABORT && v.worst == EVAL_NOT))
            v = (struct text_verdict){r.outcome, start};
        if (r.flags == 0)
            break; /* no later start within can reach */
    }
    return v;
}

/* Letters map otherwise in Turkish only where case is mapped. */
static struct text_verdict evaluate_locales(struct examiner *x, struct slice s,
                                            enum eval_locale *ret_locale)
{
    *ret_locale = EVAL_ROOT;
    struct text_verdict v = evaluate_starts(x, s, EVAL_ROOT);
    if (v.worst == EVAL_REACH || v.worst == EVAL_NOMEM || slice_index(s, 0xc4) == s.n)
        return v; /* only U+0130 maps to an i in Turkish that root does not map */
    struct text_verdict tr = evaluate_starts(x, s, EVAL_TURKISH);
    if (tr.worst != EVAL_REACH && tr.worst != EVAL_NOMEM)
        return v;
    *ret_locale = EVAL_TURKISH;
    return tr;
}

static bool has_word(struct slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.n; i++) {
        size_t k = 0;
        while (k < n && (s.p[i + k] | 0x20) == (uint8_t)word[k])
            k++;
        if (k == n)
            return true;
    }
    return false;
}

/* jndi: or base64: as the name of a variable, spaces before it allowed. */
static enum attempt_reason names_it(struct slice s)
{
    for (size_t i = 0; i + 2 < s.n; i++) {
        if (!opens_at(s, i))
            continue;
        size_t k = i + 2;
        while (k < s.n && (s.p[k] == ' ' || s.p[k] == '\t'))
            k++;
        struct slice head = slice_sub(s, k, 7);
        if (has_word(slice_sub(head, 0, 4), "jndi"))
            return ATTEMPT_INERT;
        if (has_word(head, "base64:"))
            return ATTEMPT_BASE64;
    }
    return ATTEMPT_NO_REASON;
}

static void found(struct examined *ret, enum verdict v, struct slice text, uint32_t start,
                  enum eval_locale locale, struct slice key)
{
    ret->verdict = v;
    ret->reason = ATTEMPT_NO_REASON;
    ret->locale = locale;
    ret->text = slice_sub(text, start, text.n);
    ret->key = key;
}

static void attempt(struct examined *ret, enum attempt_reason why, struct slice text)
{
    if (ret->verdict >= VERDICT_ATTEMPT)
        return;
    found(ret, VERDICT_ATTEMPT, text, 0, EVAL_ROOT, (struct slice){0});
    ret->reason = why;
}

/* The text with the brackets closed that are open at its end. */
static enum status close_it(struct examiner *x, struct slice text, size_t open, struct slice *ret)
{
    begin_buf(&x->closed, text.n + open);
    (void)buf_add_slice(&x->closed, text);
    for (size_t i = 0; i < open; i++)
        (void)buf_add_char(&x->closed, '}');
    *ret = buf_slice(&x->closed);
    return buf_status(&x->closed);
}

/* One text. Raises ret->verdict; a better one that is there already stays. */
static enum status examine_text(struct examiner *x, struct slice text, struct examined *ret)
{
    size_t open = 0;
    enum eval_locale locale = EVAL_ROOT;
    if (slice_find(text, SLICE_LIT("${")) == text.n)
        return OK;
    if (!evaluate_possible_if_closed(text)) {
        enum attempt_reason meant = names_it(text);
        if (meant != ATTEMPT_NO_REASON)
            attempt(ret, meant, text);
        return OK;
    }
    enum status st = find_starts(x, text, &open);
    if (st != OK)
        return st;
    begin_buf(&x->key, text.n * EVAL_BYTES_PER_BYTE + EVAL_BYTES_FLOOR);
    struct text_verdict v = evaluate_locales(x, text, &locale);
    if (v.worst == EVAL_NOMEM)
        return ST_NOMEM;
    if (v.worst == EVAL_REACH) {
        found(ret, VERDICT_REACHES, text, v.start, locale, buf_slice(&x->key));
        return buf_status(&x->key);
    }
    if (open && ret->verdict < VERDICT_IF_CLOSED) {
        struct slice closed;
        struct text_verdict c;
        st = close_it(x, text, open, &closed);
        if (st == OK)
            st = find_starts(x, closed, &open);
        if (st != OK)
            return st;
        c = evaluate_locales(x, closed, &locale);
        if (c.worst == EVAL_NOMEM)
            return ST_NOMEM;
        if (c.worst == EVAL_REACH) {
            found(ret, VERDICT_IF_CLOSED, closed, c.start, locale, buf_slice(&x->key));
            return buf_status(&x->key);
        }
        v.worst = v.worst == EVAL_NOT ? c.worst : v.worst;
    }
    enum attempt_reason named = names_it(text);
    if (v.worst == EVAL_BUDGET)
        attempt(ret, ATTEMPT_BUDGET, text);
    else if (named != ATTEMPT_NO_REASON)
        attempt(ret, v.worst == EVAL_ABORT ? ATTEMPT_CYCLE : named, text);
    else if (v.worst == EVAL_ABORT && evaluate_possible(text))
        attempt(ret, ATTEMPT_CYCLE, text);
    return OK;
}

/* --- all texts */

static uint64_t hash_of(struct slice s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 1099511628211u;
    return h;
}

/* The node's text was seen before: decoders that commute meet in it. */
static bool known(struct examiner *x, const struct node *n)
{
    if (x->nodes[0].hash == 0)
        x->nodes[0].hash = hash_of(buf_slice(&x->nodes[0].text));
    for (size_t i = 0; i < x->node_count; i++) {
        if (x->nodes[i].hash == n->hash && x->nodes[i].text.n == n->text.n)
            return true;
    }
    return false;
}

static enum status add_decoded(struct examiner *x, size_t from, const struct decoder *d)
{
    struct slice in = buf_slice(&x->nodes[from].text);
    for (size_t at = 0;;) {
        if (x->node_count == NODES || x->bytes > x->max_bytes) {
            x->spent = true;
            return OK;
        }
        struct node *n = &x->nodes[x->node_count];
        begin_buf(&n->text, in.n * DECODE_GROWTH + 4096);
        enum status st = d->decode(in, &at, &n->text);
        x->bytes += in.n;
        if (st == ST_END)
            return OK;
        if (st == ST_NOMEM)
            return st;
        n->depth = x->nodes[from].depth + 1;
        n->from = from;
        memcpy(n->chain, x->nodes[from].chain, sizeof n->chain);
        n->chain[n->depth - 1] = d->name;
        n->hash = hash_of(buf_slice(&n->text));
        if (!known(x, n))
            x->node_count++;
    }
}

static void begin(struct examiner *x, struct slice line)
{
    x->steps = 0;
    x->max_steps = (uint64_t)line.n * 256 + 16384;
    x->bytes = 0;
    x->max_bytes = line.n * 64 + 65536;
    x->spent = false;
    x->node_count = 0;
}

enum status examine_plain(struct examiner *x, struct slice text, struct examined *ret)
{
    *ret = (struct examined){0};
    begin(x, text);
    return examine_text(x, text, ret);
}

enum status examine(struct examiner *x, struct slice line, struct examined *ret)
{
    struct examined best = {0};
    size_t best_node = 0;
    enum status st = OK;
    begin(x, line);
    struct node *root = &x->nodes[x->node_count++];
    begin_buf(&root->text, line.n + 1);
    (void)buf_add_slice(&root->text, line);
    root->depth = 0;
    root->hash = 0; /* made when there is another text to compare with */
    st = buf_status(&root->text);
    for (size_t i = 0; st == OK && i < x->node_count && best.verdict < VERDICT_REACHES; i++) {
        enum verdict before = best.verdict;
        st = examine_text(x, buf_slice(&x->nodes[i].text), &best);
        if (best.verdict > before)
            best_node = i;
        if (st != OK || best.verdict == VERDICT_REACHES || x->nodes[i].depth == EXAMINE_LAYERS)
            continue;
        for (const struct decoder *d = decoders; st == OK && d->name; d++)
            st = add_decoded(x, i, d);
    }
    if (st == OK && x->spent)
        attempt(&best, ATTEMPT_BUDGET, line);
    best.chain_count = x->nodes[best_node].depth;
    memcpy(best.chain, x->nodes[best_node].chain, sizeof best.chain);
    for (size_t i = best_node; x->nodes[i].depth > 0; i = x->nodes[i].from)
        best.layers[x->nodes[i].depth - 1] = buf_slice(&x->nodes[i].text);
    *ret = best;
    return st;
}
