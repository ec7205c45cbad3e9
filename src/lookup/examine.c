/* The search over decoded texts and over the places where a variable begins. */
#include "lookup/examine.h"

#include "base/limits.h"
#include "lookup/decode.h"
#include "lookup/signs.h"
#include "lookup/target.h"
#include "lookup/variable.h"

/* One text of the line: itself, or what decoding gave. */
struct node {
    size_t at, n; /* of what was decoded: where it lies in texts */
    size_t depth;
    size_t from;  /* the node it was decoded from */
    bool refused; /* no escapes in it can matter, only base64 */
    const char *chain[EXAMINE_LAYERS];
};

#define EXAMINE_SIGNS 4      /* bytes of a text looked at for one unit: for its signs */
#define EXAMINE_LOOK 1       /* and for what it may reach */
#define EXAMINE_DISGUISE 2   /* units for each byte to refuse a text in disguise */
#define EXAMINE_SHORT KIB(4) /* bytes of a text of which every order of decoders is tried */
#define EXAMINE_LINE 160     /* units for each line */
#define EXAMINE_START 40     /* units to begin an evaluation */
#define EXAMINE_DECODER 10   /* and to call a decoder */

#define EXAMINE_NAMES MIB(1) /* bytes of names in a text that only a server knows */

#define NODES 48 /* texts of one line: its layers, runs and alignments; more is an attempt */

struct examiner {
    struct evaluator *ev;
    struct slice line; /* the text of node 0 */
    struct node nodes[NODES];
    size_t node_count;
    struct buf texts; /* the others'; all its room is taken at once, so that it stays where it is */
    struct buf closed; /* the text with its brackets closed */
    struct buf key;
    struct buf best_closed, best_key; /* the same of what was found */
    struct buf unclosed;              /* uint32_t places of ${ without }, the last one first */
    struct lookup_target *target;     /* when one was asked for */
    struct arena names;               /* of its marks */
    struct buf target_text;
    uint64_t steps, max_steps; /* of evaluation */
    uint64_t work, max_work;   /* of decoding */
    uint64_t max_all;          /* both */
    uint64_t credit, fund;     /* of this log; what those to come may begin with */
    bool spent;
};

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"none", "attempt", "if-closed", "reaches"};
    return names[v];
}

const char *attempt_reason_name(enum attempt_reason r)
{
    static const char *const names[] = {
        [ATTEMPT_BUDGET] = "budget",
        [ATTEMPT_CYCLE] = "cycle",
        [ATTEMPT_BASE64] = "base64",
        [ATTEMPT_INERT] = "inert",
    };
    return names[r];
}

enum status examiner_new(struct examiner **ret)
{
    struct examiner *x = calloc(1, sizeof *x);
    if (!x || evaluator_new(&x->ev) != OK) {
        free(x);
        return ST_NOMEM;
    }
    x->fund = EXAMINE_CREDIT_ALL;
    arena_init(&x->names, EXAMINE_NAMES);
    examiner_begin(x);
    *ret = x;
    return OK;
}

/* Adds up to a limit; returns what is over. */
static uint64_t add_credit(uint64_t *to, uint64_t more, uint64_t most)
{
    uint64_t fits = more < most - *to ? more : most - *to;
    *to += fits;
    return more - fits;
}

void examiner_begin(struct examiner *x)
{
    (void)add_credit(&x->fund, x->credit, EXAMINE_CREDIT_ALL); /* what is left of the last log's */
    uint64_t given = x->fund < EXAMINE_CREDIT_MOST ? x->fund : EXAMINE_CREDIT_MOST;
    x->fund -= given;
    x->credit = given > EXAMINE_CREDIT_FEW ? given : EXAMINE_CREDIT_FEW;
}

void examiner_begin_span(struct examiner *x)
{
    x->credit = EXAMINE_CREDIT_SPAN;
}

void examiner_pass(struct examiner *x, size_t bytes)
{
    uint64_t more = (uint64_t)bytes * EXAMINE_CREDIT_PER_BYTE;
    more = add_credit(&x->credit, more, EXAMINE_CREDIT_MOST);
    (void)add_credit(&x->fund, more, EXAMINE_CREDIT_ALL);
}

uint64_t examiner_credit(const struct examiner *x)
{
    return x->credit;
}

void examiner_set_credit(struct examiner *x, uint64_t credit)
{
    x->credit = credit < EXAMINE_CREDIT_MOST ? credit : EXAMINE_CREDIT_MOST;
}

void examiner_free(struct examiner *x)
{
    if (!x)
        return;
    evaluator_free(x->ev);
    buf_done(&x->texts);
    buf_done(&x->closed);
    buf_done(&x->key);
    buf_done(&x->best_closed);
    buf_done(&x->best_key);
    buf_done(&x->unclosed);
    buf_done(&x->target_text);
    arena_done(&x->names);
    free(x->target);
    free(x);
}

static void begin_buf(struct buf *b, size_t max)
{
    if (!b->p)
        buf_init(b, max);
    b->max = max;
    buf_clear(b);
}

static void swap(struct buf *a, struct buf *b)
{
    struct buf was = *a;
    *a = *b;
    *b = was;
}

/* --- what it may cost */

static uint64_t all_left(const struct examiner *x)
{
    uint64_t spent = x->steps + x->work;
    return spent < x->max_all ? x->max_all - spent : 0;
}

static uint64_t steps_left(const struct examiner *x)
{
    uint64_t left = x->steps < x->max_steps ? x->max_steps - x->steps : 0, all = all_left(x);
    return left < all ? left : all;
}

static uint64_t work_left(const struct examiner *x)
{
    uint64_t left = x->work < x->max_work ? x->max_work - x->work : 0, all = all_left(x);
    return left < all ? left : all;
}

/* --- one text */

/* The places of the ${ that never close, the last one first, into x->unclosed. Depth counts as rule
 * 8 does; backwards a counter is enough: a ${ closes when a } behind it is owed to nobody. */
static enum status find_unclosed(struct examiner *x, struct slice s)
{
    size_t free_brackets = 0;
    begin_buf(&x->unclosed, s.n * 2 + sizeof(uint32_t));
    for (size_t end = s.n, at; end > 0; end = at) {
        at = (end - 1) / BRACKETS_BLOCK * BRACKETS_BLOCK;
        struct brackets b = brackets_of(s, at);
        for (uint64_t both = b.opens | b.closes, bit; both; both ^= bit) {
            unsigned k = 63 - (unsigned)__builtin_clzll(both);
            uint32_t place = (uint32_t)(at + k - 1); /* of its $ */
            bit = 1ull << k;
            if (b.closes & bit)
                free_brackets++;
            else if (free_brackets)
                free_brackets--;
            else
                (void)buf_add(&x->unclosed, &place, sizeof place);
        }
    }
    return buf_status(&x->unclosed);
}

static size_t unclosed_count(const struct examiner *x)
{
    return x->unclosed.n / sizeof(uint32_t);
}

/* Whether the ${ at `at` is one of them; *left, how many are still ahead, goes along. */
static bool never_closes(const struct examiner *x, size_t at, size_t *left)
{
    uint32_t place = 0;
    while (*left) {
        memcpy(&place, x->unclosed.p + (*left - 1) * sizeof place, sizeof place);
        if (place >= at)
            return place == at;
        --*left;
    }
    return false;
}

struct text_verdict {
    enum eval_outcome worst; /* EVAL_REACH, else EVAL_BUDGET, EVAL_ABORT, EVAL_NOT */
    size_t start;
    bool invented;
};

/* Evaluates from the first $ of those directly before each ${ that has its } (an escaped one is
 * plain text, so there its } does not matter) and that stands before `until`. */
static struct text_verdict evaluate_starts(struct examiner *x, struct slice s, size_t until,
                                           enum eval_locale locale)
{
    struct text_verdict v = {EVAL_NOT, 0, false};
    struct eval_options o = {.locale = locale};
    size_t left = unclosed_count(x), passed = 0;
    for (size_t at; (at = next_opener(s, passed)) < s.n; passed = at + 2) {
        size_t start = at;
        while (start > passed && s.p[start - 1] == '$')
            start--;
        if (start >= until)
            break;
        if (start == at && never_closes(x, at, &left))
            continue;
        uint64_t budget = steps_left(x);
        if (budget == 0) {
            v.worst = EVAL_BUDGET;
            break;
        }
        struct slice rest = slice_sub(s, start, s.n);
        uint64_t own = (uint64_t)rest.n * EVAL_STEPS_PER_BYTE + EVAL_STEPS_FLOOR;
        o.max_steps = own < budget ? own : budget;
        struct eval_result r = evaluate(x->ev, rest, &o);
        x->steps += r.steps + EXAMINE_START;
        if (r.outcome == EVAL_REACH || r.outcome == EVAL_NOMEM) {
            buf_clear(&x->key);
            (void)buf_add_slice(&x->key, r.key);
            return (struct text_verdict){r.outcome, start, r.invented};
        }
        if (r.outcome == EVAL_BUDGET || (r.outcome == EVAL_ABORT && v.worst == EVAL_NOT))
            v = (struct text_verdict){r.outcome, start, false};
        if (r.flags == 0)
            break; /* no later start within can reach */
    }
    return v;
}

/* Letters map otherwise in Turkish only where case is mapped. */
static struct text_verdict evaluate_locales(struct examiner *x, struct slice s, size_t until,
                                            unsigned signs, enum eval_locale *ret_locale)
{
    *ret_locale = EVAL_ROOT;
    struct text_verdict v = evaluate_starts(x, s, until, EVAL_ROOT);
    if (v.worst == EVAL_REACH || v.worst == EVAL_NOMEM || !(signs & SIGN_DOTTED))
        return v; /* only U+0130 maps to an i in Turkish that root does not map */
    struct text_verdict tr = evaluate_starts(x, s, until, EVAL_TURKISH);
    if (tr.worst != EVAL_REACH && tr.worst != EVAL_NOMEM)
        return v;
    *ret_locale = EVAL_TURKISH;
    return tr;
}

static bool says(struct slice s, const char *word)
{
    size_t k = 0;
    while (word[k] && k < s.n && (s.p[k] | 0x20) == (uint8_t)word[k])
        k++;
    return word[k] == '\0';
}

/* jndi or base64: as the name of a variable, spaces before it allowed. */
static enum attempt_reason names_it(struct slice s, unsigned signs)
{
    if (!(signs & (SIGN_J | SIGN_COLON)))
        return ATTEMPT_NO_REASON;
    for (size_t i = 0; (i = next_opener(s, i)) < s.n; i += 2) {
        size_t k = i + 2;
        while (k < s.n && (s.p[k] == ' ' || s.p[k] == '\t'))
            k++;
        if (k < s.n && s.p[k] != '$') {
            if (says(slice_sub(s, k, 4), "jndi"))
                return ATTEMPT_INERT;
            if (says(slice_sub(s, k, 7), "base64:"))
                return ATTEMPT_BASE64;
        }
    }
    return ATTEMPT_NO_REASON;
}

/* Raises what was found, which keeps the text, and the key that was made last. */
static void found(struct examiner *x, struct examined *ret, enum verdict v, struct slice text,
                  const struct text_verdict *how, enum eval_locale locale)
{
    swap(&x->key, &x->best_key);
    ret->verdict = v;
    ret->reason = ATTEMPT_NO_REASON;
    ret->locale = locale;
    ret->text = slice_sub(text, how->start, text.n);
    ret->start = how->start;
    ret->invented = how->invented;
    ret->key = buf_slice(&x->best_key);
}

static void attempt(struct examined *ret, enum attempt_reason why, struct slice text)
{
    if (ret->verdict >= VERDICT_ATTEMPT)
        return;
    ret->verdict = VERDICT_ATTEMPT;
    ret->reason = why;
    ret->text = text;
}

/* The chain and its layers stay as they are: none of them counts. */
static void found_nothing(struct examined *ret)
{
    ret->verdict = VERDICT_NONE;
    ret->reason = ATTEMPT_NO_REASON;
    ret->locale = EVAL_ROOT;
    ret->key = ret->text = (struct slice){NULL, 0};
    ret->start = ret->chain_count = 0;
    ret->invented = false;
}

/* The text with its brackets closed. */
static enum status examine_closed(struct examiner *x, struct slice text, size_t until,
                                  unsigned signs, struct examined *ret,
                                  enum eval_outcome *ret_outcome)
{
    enum eval_locale locale = EVAL_ROOT;
    size_t open = unclosed_count(x);
    begin_buf(&x->closed, text.n + open);
    (void)buf_add_slice(&x->closed, text);
    for (size_t i = 0; i < open; i++)
        (void)buf_add_char(&x->closed, '}');
    if (buf_status(&x->closed) != OK)
        return buf_status(&x->closed);
    struct slice closed = buf_slice(&x->closed);
    buf_clear(&x->unclosed);
    struct text_verdict v = evaluate_locales(x, closed, until, signs, &locale);
    *ret_outcome = v.worst;
    if (v.worst == EVAL_REACH) {
        swap(&x->closed, &x->best_closed);
        found(x, ret, VERDICT_IF_CLOSED, closed, &v, locale);
    }
    return v.worst == EVAL_NOMEM ? ST_NOMEM : buf_status(&x->best_key);
}

/* One text, which has these signs. Raises ret->verdict; a better one that is there already stays.
 */
static enum status examine_text(struct examiner *x, struct slice text, unsigned signs,
                                struct examined *ret)
{
    enum eval_locale locale = EVAL_ROOT;
    if (!(signs & SIGN_OPENER))
        return OK;
    struct text_verdict v = {EVAL_NOT, 0, false};
    struct eval_possible possible = evaluate_possible(text, signs);
    x->work += text.n / EXAMINE_LOOK;
    if (possible.if_closed) {
        enum status st = find_unclosed(x, text);
        if (st != OK)
            return st;
        begin_buf(&x->key, text.n * EVAL_BYTES_PER_BYTE + EVAL_BYTES_FLOOR);
        v = evaluate_locales(x, text, possible.as_is, signs, &locale);
        if (v.worst == EVAL_NOMEM)
            return ST_NOMEM;
        if (v.worst == EVAL_REACH) {
            found(x, ret, VERDICT_REACHES, text, &v, locale);
            return buf_status(&x->best_key);
        }
        if (unclosed_count(x) && ret->verdict < VERDICT_IF_CLOSED) {
            enum eval_outcome closed = EVAL_NOT;
            st = examine_closed(x, text, possible.if_closed, signs, ret, &closed);
            if (st != OK || closed == EVAL_REACH)
                return st;
            v.worst = v.worst == EVAL_NOT ? closed : v.worst;
        }
    }
    enum attempt_reason named =
        ret->verdict < VERDICT_ATTEMPT ? names_it(text, signs) : ATTEMPT_NO_REASON;
    if (v.worst == EVAL_BUDGET)
        attempt(ret, ATTEMPT_BUDGET, text);
    else if (named != ATTEMPT_NO_REASON)
        attempt(ret, v.worst == EVAL_ABORT ? ATTEMPT_CYCLE : named, text);
    else if (v.worst == EVAL_ABORT && possible.as_is)
        attempt(ret, ATTEMPT_CYCLE, text);
    return OK;
}

/* --- all texts */

static struct slice node_text(const struct examiner *x, size_t i)
{
    const struct node *n = &x->nodes[i];
    return i == 0 ? x->line : slice_sub(buf_slice(&x->texts), n->at, n->n);
}

/* The text was seen before: decoders that commute meet in it. */
static bool known(const struct examiner *x, struct slice text)
{
    for (size_t i = 0; i < x->node_count; i++) {
        if (slice_eq(node_text(x, i), text))
            return true;
    }
    return false;
}

static enum status add_decoded(struct examiner *x, size_t from, const struct decoder *d)
{
    struct slice in = node_text(x, from);
    struct decoding state = {.most = work_left(x)};
    x->work += EXAMINE_DECODER;
    x->spent |= state.most == 0;
    for (uint64_t before = 0; !x->spent; before = state.work) {
        size_t mark = x->texts.n;
        enum status st = d->decode(in, &state, &x->texts);
        x->work += state.work - before;
        if (st == ST_END || st == ST_NOMEM)
            return st == ST_END ? OK : st;
        struct slice text = slice_sub(buf_slice(&x->texts), mark, x->texts.n);
        if (st == OK && known(x, text)) {
            buf_cut(&x->texts, mark);
            continue;
        }
        x->spent = st != OK || x->node_count == NODES || work_left(x) == 0;
        if (x->spent)
            break;
        struct node *n = &x->nodes[x->node_count++];
        *n =
            (struct node){.at = mark, .n = text.n, .depth = x->nodes[from].depth + 1, .from = from};
        memcpy(n->chain, x->nodes[from].chain, sizeof n->chain);
        n->chain[n->depth - 1] = d->name;
    }
    return OK;
}

static const struct decoder base64 = {"base64", 0, decode_base64};

/* Behind the evaluation of the text as it is, which a log of plain attempts ends with. What is
 * short is decoded sooner than that is known. */
static bool has_disguise(struct examiner *x, struct slice text, unsigned signs)
{
    if (text.n < EXAMINE_SHORT)
        return true;
    if (!(signs & (SIGN_PERCENT | SIGN_BACKSLASH | SIGN_ENTITY | SIGN_NUL)))
        return false;
    x->work += text.n * EXAMINE_DISGUISE;
    return evaluate_disguised(text);
}

/* What decoders make of a node. Where no escape can matter, they only put together what base64 may
 * be: then the first that there is in each layer is enough, and not every order. */
static enum status decode_node(struct examiner *x, size_t i, unsigned signs)
{
    enum status st = OK;
    bool refused = x->nodes[i].refused || !has_disguise(x, node_text(x, i), signs);
    const struct decoder *d = refused ? decoders_once : decoders;
    for (; st == OK && d->name; d++) {
        size_t before = x->node_count;
        if (d->needs & ~signs)
            continue;
        st = add_decoded(x, i, d);
        if (refused && x->node_count > before) {
            x->nodes[before].refused = true;
            break;
        }
    }
    return st == OK && refused ? add_decoded(x, i, &base64) : st;
}

static void begin(struct examiner *x, struct slice line)
{
    uint64_t n = line.n, least = n * EXAMINE_LEAST_PER_BYTE + EXAMINE_LEAST_FLOOR;
    x->line = line;
    x->steps = 0;
    x->max_steps = n * EXAMINE_STEPS_PER_BYTE + EXAMINE_STEPS_FLOOR;
    x->work = EXAMINE_LINE;
    x->max_work = n * EXAMINE_WORK_PER_BYTE + EXAMINE_WORK_FLOOR;
    x->max_all = x->credit > least ? x->credit : least;
    x->spent = false;
    x->nodes[0] = (struct node){0};
    x->node_count = 1;
}

static void end(struct examiner *x)
{
    uint64_t spent = x->steps + x->work;
    x->credit -= spent < x->credit ? spent : x->credit;
    examiner_pass(x, x->line.n);
}

enum status examine_plain(struct examiner *x, struct slice text, struct examined *ret)
{
    begin(x, text);
    found_nothing(ret);
    enum status st = examine_text(x, text, signs_of(text), ret);
    end(x);
    return st;
}

enum status examine(struct examiner *x, struct slice line, struct examined *ret)
{
    size_t best_node = 0;
    uint8_t *room;
    begin(x, line);
    found_nothing(ret);
    begin_buf(&x->texts, line.n * EXAMINE_TEXT_PER_BYTE + EXAMINE_TEXT_FLOOR);
    enum status st = buf_reserve(&x->texts, x->texts.max, &room);
    for (size_t i = 0; st == OK && i < x->node_count && ret->verdict < VERDICT_REACHES; i++) {
        enum verdict before = ret->verdict;
        struct slice text = node_text(x, i);
        unsigned signs = signs_of(text);
        x->work += text.n / EXAMINE_SIGNS;
        if (!x->nodes[i].refused)
            st = examine_text(x, text, signs, ret);
        if (ret->verdict > before)
            best_node = i;
        if (st != OK || ret->verdict == VERDICT_REACHES || x->nodes[i].depth == EXAMINE_LAYERS)
            continue;
        st = decode_node(x, i, signs);
    }
    if (st == OK && x->spent)
        attempt(ret, ATTEMPT_BUDGET, line);
    ret->chain_count = x->nodes[best_node].depth;
    memcpy(ret->chain, x->nodes[best_node].chain, sizeof ret->chain);
    for (size_t i = best_node; x->nodes[i].depth > 0; i = x->nodes[i].from)
        ret->layers[x->nodes[i].depth - 1] = node_text(x, i);
    end(x);
    return st;
}

enum status examiner_target(struct examiner *x, const struct examined *found, struct slice *ret)
{
    struct eval_options o = {.locale = found->locale, .trace = target_event};
    *ret = found->key;
    if (!found->invented)
        return OK;
    if (!x->target && !(x->target = calloc(1, sizeof *x->target)))
        return ST_NOMEM;
    arena_clear(&x->names);
    target_begin(x->target, &x->names);
    o.trace_ctx = x->target;
    struct eval_result r = evaluate(x->ev, found->text, &o);
    x->credit -= r.steps < x->credit ? r.steps : x->credit;
    if (r.outcome == EVAL_NOMEM)
        return ST_NOMEM;
    begin_buf(&x->target_text, found->key.n + TARGET_BYTES);
    enum status st = target_end(x->target, found->key, &x->target_text);
    *ret = x->target->text;
    return st;
}

struct open_count {
    bool any, early; /* variables that stay open; EXAMINE_OPEN or more before the end */
    bool in_name;    /* one of these where the name of another may become jndi */
};

/* What the name of a lookup has of its own beside variables: an i may come from U+0130 or U+0131.
 */
static bool is_of_name(uint8_t c)
{
    uint8_t low = c | 0x20;
    return low == 'j' || low == 'n' || low == 'd' || low == 'i' || c == '$' || c == 0xc4 ||
           c == 0xb0 || c == 0xb1;
}

/* Depth counts as in find_unclosed. */
static struct open_count count_open(struct slice s)
{
    struct open_count c = {0};
    size_t free_brackets = 0, first = next_opener(s, 0);
    bool name = false; /* nothing else stands up to an early one */
    for (size_t i = s.n; i > first; i--) {
        if (s.p[i - 1] == '}') {
            free_brackets++;
        } else if (s.p[i - 1] == '$' && opens(s, i - 1)) {
            bool open = free_brackets == 0, early = open && s.n - i >= EXAMINE_OPEN;
            c.in_name |= open && name;
            c.any |= open;
            c.early |= early;
            name = open ? early : name;
            free_brackets -= !open;
        } else if (free_brackets == 0 && s.p[i - 1] != '{') {
            name &= is_of_name(s.p[i - 1]);
        }
    }
    return c;
}

static bool is_packed(const struct node *n)
{
    for (size_t i = 0; i < n->depth; i++)
        if (strcmp(n->chain[i], "base64") == 0)
            return true;
    return false;
}

static enum open_variable node_open(const struct examiner *x, size_t i)
{
    struct open_count c = count_open(node_text(x, i));
    if (!c.early)
        return c.any ? OPEN_SHORT : OPEN_NOT;
    if (!c.in_name)
        return OPEN_ALONE;
    return is_packed(&x->nodes[i]) ? OPEN_PACKED : OPEN_LETTERS;
}

enum open_variable examiner_open(const struct examiner *x)
{
    enum open_variable open = OPEN_NOT;
    for (size_t i = 0; i < x->node_count && !x->spent; i++) {
        enum open_variable one = node_open(x, i);
        open = one > open ? one : open;
    }
    return open;
}
