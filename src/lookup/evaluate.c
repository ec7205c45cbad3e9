/* The machine: one sweep over the text a pass, regions on an explicit stack of frames.
 *
 * `text` is what this pass reads, `out` what it writes, `stack` holds the names and values of value
 * regions. A region reads from text or from stack, never from out, so out may be cut and grown.
 * Matching by depth is the same from wherever it starts, so only the regions that are read from
 * their start (TOP, VALUE) look ahead for the end of a variable; inside one (NAME) the first } that
 * no escaped ${ owes is its end. Rules: docs/lookups.md. */
#include "lookup/evaluate.h"

#include "lookup/resolve.h"
#include "lookup/server.h"
#include "lookup/variable.h"

#include <assert.h>

enum frame_kind { TOP, NAME, VALUE };

struct frame {
    enum frame_kind kind;
    bool in_stack; /* reads from stack; else from text */
    bool changed;  /* out differs from what was read: NAME only */
    size_t at;     /* reading position */
    size_t end;    /* of TOP and VALUE; a NAME has that of the region around it */
    size_t base;   /* where its output starts in out */
    size_t start;  /* NAME: of its ${ in what is read */
    size_t owed;   /* NAME: escaped ${ whose } has not come */
    size_t kept;   /* VALUE: where its name and bytes start in stack */
    size_t name_n; /* VALUE: its name stands at kept */
};

struct evaluator {
    struct buf text, out, stack, name, value;
    struct frame *frames;
    size_t frame_count, frame_room;
    /* of the evaluation that runs */
    const struct eval_options *o;
    struct slice message;
    uint64_t steps, max_steps;
    size_t max_bytes;
    unsigned flags;
    bool invented;
    enum eval_outcome outcome;
    bool ended;
    struct slice key;
};

#define FIRST_FRAMES 64
#define VECTOR sizeof(__m128i)
#define PAD                                                                              \
    (VECTOR + 1) /* bytes behind what regions are read from: no reader looks for the end \
                  */

enum status evaluator_new(struct evaluator **ret)
{
    struct evaluator *ev = calloc(1, sizeof *ev);
    if (!ev)
        return ST_NOMEM;
    ev->frames = calloc(FIRST_FRAMES, sizeof *ev->frames);
    if (!ev->frames) {
        free(ev);
        return ST_NOMEM;
    }
    ev->frame_room = FIRST_FRAMES;
    *ret = ev;
    return OK;
}

void evaluator_free(struct evaluator *ev)
{
    if (!ev)
        return;
    buf_done(&ev->text);
    buf_done(&ev->out);
    buf_done(&ev->stack);
    buf_done(&ev->name);
    buf_done(&ev->value);
    free(ev->frames);
    free(ev);
}

/* --- limits */

static void end(struct evaluator *ev, enum eval_outcome outcome)
{
    if (!ev->ended)
        ev->outcome = outcome;
    ev->ended = true;
}

static void spend(struct evaluator *ev, uint64_t n)
{
    ev->steps += n;
    if (ev->steps > ev->max_steps)
        end(ev, EVAL_BUDGET);
}

/* A write that failed: memory, or more bytes than the budget has. */
static void check_bytes(struct evaluator *ev, const struct buf *b)
{
    if (buf_status(b) == ST_NOMEM)
        end(ev, EVAL_NOMEM);
    else if (buf_status(b) != OK || ev->text.n + ev->out.n + ev->stack.n > ev->max_bytes)
        end(ev, EVAL_BUDGET);
}

/* Bytes of any kind: what is read of them is not used, but they are there. */
static void pad(struct evaluator *ev, struct buf *b)
{
    uint8_t *room;
    if (buf_reserve(b, PAD, &room) == OK)
        memset(room, 0, PAD);
    else
        check_bytes(ev, b);
}

static void write_slowly(struct evaluator *ev, struct slice s)
{
    (void)buf_add_slice(&ev->out, s);
    check_bytes(ev, &ev->out);
}

/* A call costs more than some bytes: they go as two pieces, which may overlap. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n > 16) {
        memcpy(to, from, n);
    } else if (n >= 8) {
        uint64_t a, b;
        memcpy(&a, from, 8);
        memcpy(&b, from + n - 8, 8);
        memcpy(to, &a, 8);
        memcpy(to + n - 8, &b, 8);
    } else if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, from, 4);
        memcpy(&b, from + n - 4, 4);
        memcpy(to, &a, 4);
        memcpy(to + n - 4, &b, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            to[i] = from[i];
    }
}

/* Most writes are some bytes into room that is there. */
static inline void write_out(struct evaluator *ev, struct slice s)
{
    struct buf *b = &ev->out;
    if (!b->p || s.n >= b->cap - b->n || ev->text.n + b->n + s.n + ev->stack.n > ev->max_bytes ||
        b->failed != OK) {
        write_slowly(ev, s);
        return;
    }
    copy_short(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

/* A frame to fill in; NULL: the evaluation has ended. */
static inline struct frame *push(struct evaluator *ev)
{
    if (ev->frame_count == EVAL_MAX_FRAMES) {
        end(ev, EVAL_BUDGET);
        return NULL;
    }
    if (ev->frame_count == ev->frame_room) {
        struct frame *more = realloc(ev->frames, EVAL_MAX_FRAMES * sizeof *more);
        if (!more) {
            end(ev, EVAL_NOMEM);
            return NULL;
        }
        ev->frames = more;
        ev->frame_room = EVAL_MAX_FRAMES;
    }
    return &ev->frames[ev->frame_count++];
}

static struct frame *current(struct evaluator *ev)
{
    return &ev->frames[ev->frame_count - 1];
}

/* What a frame reads, up to the end of its region. */
static struct slice source(const struct evaluator *ev, const struct frame *f)
{
    const struct buf *b = f->in_stack ? &ev->stack : &ev->text;
    assert(b->p); /* what is read was written */
    return slice_of(b->p, f->end);
}

/* --- telling */

static inline bool is_told(const struct evaluator *ev)
{
    return ev->o->trace && !ev->ended;
}

static void tell(struct evaluator *ev, struct eval_event *event)
{
    size_t i = 0;
    while (i < ev->frame_count && ev->frames[i].kind != NAME)
        i++;
    event->outer = i < ev->frame_count ? ev->frames[i].base - 2 : event->at;
    ev->o->trace(ev->o->trace_ctx, event);
}

/* --- a variable is complete */

/* Rules 14–16. *ret_name lies in e or in ev->name. */
static bool split(struct evaluator *ev, struct slice e, struct slice *ret_name,
                  struct slice *ret_default)
{
    size_t at = 0;
    for (; at < e.n; at++) {
        at = find_near(e, at, ':');
        struct slice rest = slice_sub(e, at, e.n);
        if (slice_starts(rest, SLICE_LIT(":-"))) {
            *ret_name = slice_sub(e, 0, at);
            *ret_default = slice_sub(e, at + 2, e.n);
            return true;
        }
        if (slice_starts(rest, SLICE_LIT(":\\-")))
            break;
    }
    if (at >= e.n) {
        *ret_name = e;
        return false;
    }
    struct slice behind = slice_sub(e, at + 3, e.n);
    size_t second = slice_find(behind, SLICE_LIT(":-"));
    bool has_default = second < behind.n;
    buf_clear(&ev->name);
    (void)buf_add_slice(&ev->name, slice_sub(e, 0, at + 1)); /* with its colon */
    if (!has_default)
        (void)buf_add_char(&ev->name, '-');
    (void)buf_add_slice(&ev->name, slice_sub(behind, 0, second));
    check_bytes(ev, &ev->name);
    *ret_name = buf_slice(&ev->name);
    *ret_default = slice_sub(behind, second + 2, behind.n);
    return has_default;
}

/* Rule 11: the name stands in the chain of the region that is now the current one. */
static bool in_chain(struct evaluator *ev, struct slice name)
{
    for (size_t i = ev->frame_count; i-- > 0 && ev->frames[i].kind == VALUE;) {
        const struct frame *f = &ev->frames[i];
        spend(ev, 1);
        if (slice_eq(name, slice_sub(buf_slice(&ev->stack), f->kept, f->name_n)))
            return true;
    }
    return false;
}

/* Rule 12: the variable stays exactly as it was written. */
static void keep_written(struct evaluator *ev, const struct frame *done)
{
    if (!done->changed) {
        write_out(ev, SLICE_LIT("}")); /* out holds the rest already */
        return;
    }
    struct slice all = source(ev, done);
    struct slice written = slice_sub(all, done->start, done->at - done->start);
    buf_cut(&ev->out, done->base - 2);
    spend(ev, written.n);
    write_out(ev, written);
}

/* Rule 13: the value takes the variable's place; one with variables of its own becomes a region
 * that reads from stack. */
static void take_value(struct evaluator *ev, const struct frame *done, struct slice name,
                       struct slice value)
{
    size_t cut = done->base - 2;
    spend(ev, value.n);
    if (ev->frame_count)
        current(ev)->changed = true;
    if (next_opener(value, 0) == value.n) {
        bool tail = value.n && value.p >= ev->out.p && value.p < ev->out.p + ev->out.n;
        if (tail) { /* a default: it stands at the end of out, and moves down */
            memmove(ev->out.p + cut, value.p, value.n);
            buf_cut(&ev->out, cut + value.n);
            return;
        }
        buf_cut(&ev->out, cut);
        write_out(ev, value);
        return;
    }
    struct frame f = {.kind = VALUE, .in_stack = true, .kept = ev->stack.n, .name_n = name.n};
    ev->flags |= EVAL_REGION;
    (void)buf_add_slice(&ev->stack, name);
    f.at = ev->stack.n;
    (void)buf_add_slice(&ev->stack, value);
    f.end = ev->stack.n;
    pad(ev, &ev->stack);
    check_bytes(ev, &ev->stack);
    buf_cut(&ev->out, cut);
    f.base = cut;
    struct frame *pushed = ev->ended ? NULL : push(ev);
    if (pushed)
        *pushed = f;
}

/* Out holds all that stands before the variable, whatever region it came from, and behind that what
 * stands in it. */
static void tell_variable(struct evaluator *ev, enum eval_event_kind kind, const struct frame *done,
                          struct slice name, struct slice value)
{
    struct slice written = slice_sub(source(ev, done), done->start, done->at - done->start);
    struct eval_event event = {kind,  written,        name,
                               value, done->base - 2, ev->out.n - done->base + 3};
    tell(ev, &event);
}

#define VARIABLE 8 /* steps to decide one */

/* The } of a NAME: f is popped, the frame below goes on behind it. */
static void close_variable(struct evaluator *ev)
{
    struct frame *done = current(ev); /* its place stays as it is until a frame is pushed */
    struct slice name, given = {0}, value = {0};
    done->at++;
    ev->frame_count--;
    current(ev)->at = done->at;
    struct slice e = slice_sub(buf_slice(&ev->out), done->base, ev->out.n);
    spend(ev, e.n + VARIABLE);
    bool has_default = split(ev, e, &name, &given);
    bool cycle = in_chain(ev, name), told = is_told(ev);
    if (cycle && told)
        tell_variable(ev, EVAL_EVENT_CYCLE, done, name, value);
    if (cycle) {
        ev->flags |= EVAL_ABORTED;
        end(ev, EVAL_ABORT);
    }
    if (ev->ended)
        return;
    struct resolve_in in = {name, ev->message, ev->o->locale};
    switch (resolve(&in, &ev->value, &value)) {
    case RESOLVE_JNDI:
        if (told)
            tell_variable(ev, EVAL_EVENT_JNDI, done, name, value);
        ev->key = value;
        end(ev, EVAL_REACH);
        return;
    case RESOLVE_ABORT:
        if (told)
            tell_variable(ev, EVAL_EVENT_BAD_KEY, done, name, value);
        ev->flags |= EVAL_ABORTED;
        end(ev, EVAL_ABORT);
        return;
    case RESOLVE_VALUE:
        check_bytes(ev, &ev->value);
        spend(ev, ev->value.n * 4); /* case is mapped and dates are written letter by letter */
        ev->invented = ev->invented || server_source(name) != SERVER_NOTHING;
        if (is_told(ev))
            tell_variable(ev, EVAL_EVENT_VALUE, done, name, value);
        take_value(ev, done, name, value);
        return;
    case RESOLVE_NONE:
        break;
    }
    ev->invented = ev->invented || (has_default && server_source(name) != SERVER_NOTHING);
    if (told)
        tell_variable(ev, has_default ? EVAL_EVENT_DEFAULT : EVAL_EVENT_UNRESOLVED, done, name,
                      given);
    if (has_default)
        take_value(ev, done, name, given);
    else
        keep_written(ev, done);
}

/* --- reading a region */

/* What opens and closes variables in the bytes at p, PAD of which may be read: a bit for each, of
 * ${ that of its $. */
static inline unsigned brackets_at(const uint8_t *p, unsigned *ret_closes)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    *ret_closes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('}')));
    return opens_at(p);
}

/* Rule 8: whether the ${ at `at` has its } in s. */
static bool is_closed(struct evaluator *ev, struct slice s, size_t at)
{
    size_t depth = 0, end = s.n;
    for (size_t i = at + 2; i < end; i += VECTOR) {
        unsigned closes, opens = brackets_at(s.p + i, &closes);
        for (unsigned both = opens | closes; both; both &= both - 1) {
            unsigned bit = both & -both;
            if (opens & bit) {
                depth++;
            } else if (depth) {
                depth--;
            } else {
                size_t close = i + (unsigned)__builtin_ctz(bit);
                end = close < end ? close : end;
                break;
            }
        }
    }
    spend(ev, end - at);
    return end < s.n;
}

/* A ${ that is read. */
static void open_variable(struct evaluator *ev, struct frame *f, struct slice s)
{
    if (ev->out.n > f->base && ev->out.p[ev->out.n - 1] == '$') { /* rule 7 */
        if (is_told(ev))
            tell(ev, &(struct eval_event){.kind = EVAL_EVENT_ESCAPE,
                                          .variable = slice_sub(s, f->at, 2),
                                          .at = ev->out.n - 1,
                                          .n = 3});
        ev->flags |= EVAL_ESCAPED;
        f->changed = true;
        f->owed += f->kind == NAME;
        f->at += 2;
        write_out(ev, SLICE_LIT("{"));
        return;
    }
    if (f->kind != NAME && !is_closed(ev, s, f->at)) {
        ev->flags |= EVAL_OPEN;
        write_out(ev, slice_sub(s, f->at, s.n));
        f->at = s.n;
        return;
    }
    write_out(ev, SLICE_LIT("${"));
    bool in_stack = f->in_stack;
    size_t start = f->at, region_end = f->end;
    struct frame *inner = ev->ended ? NULL : push(ev); /* moves f */
    if (!inner)
        return;
    *inner = (struct frame){.kind = NAME,
                            .in_stack = in_stack,
                            .at = start + 2,
                            .end = region_end,
                            .start = start,
                            .base = ev->out.n};
}

/* The length of plain text from f->at on. */
static inline size_t plain_run(const struct frame *f, struct slice s)
{
    size_t i = f->at;
    for (; i < s.n; i += VECTOR) {
        unsigned closes, ends = brackets_at(s.p + i, &closes);
        ends |= f->kind == NAME ? closes : 0;
        if (ends) {
            i += (unsigned)__builtin_ctz(ends);
            break;
        }
    }
    bool cut = i >= s.n || (i + 1 == s.n && s.p[i] == '$'); /* its { is not of this region */
    return (cut ? s.n : i) - f->at;
}

static void pop_region(struct evaluator *ev)
{
    const struct frame *f = current(ev);
    if (f->kind == VALUE)
        buf_cut(&ev->stack, f->kept);
    ev->frame_count--;
}

static void step(struct evaluator *ev)
{
    struct frame *f = current(ev);
    struct slice s = source(ev, f);
    size_t run = plain_run(f, s);
    if (run) {
        struct slice plain = slice_sub(s, f->at, run);
        if (plain.p[0] == '{' && ev->out.n > f->base && ev->out.p[ev->out.n - 1] == '$')
            ev->flags |= EVAL_JOINED;
        spend(ev, run);
        write_out(ev, plain);
        f->at += run;
    }
    if (ev->ended)
        return;
    if (f->at == s.n) {
        pop_region(ev); /* a NAME never ends here: its } was seen before it was opened */
    } else if (s.p[f->at] == '$') {
        spend(ev, 2);
        open_variable(ev, f, s);
    } else if (f->owed) {
        f->owed--;
        f->at++;
        write_out(ev, SLICE_LIT("}"));
    } else {
        close_variable(ev);
    }
}

/* --- passes */

/* Where the first ${ stands whose index in UTF-16 units is above *units; *units becomes that. */
static bool next_index(struct slice s, int64_t *units)
{
    int64_t at = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (at > *units && opens(s, i)) {
            *units = at;
            return true;
        }
        at += (s.p[i] & 0xc0) != 0x80;
        at += s.p[i] >= 0xf0;
    }
    return false;
}

static void run_pass(struct evaluator *ev)
{
    buf_clear(&ev->out);
    buf_clear(&ev->stack);
    ev->frame_count = 0;
    *push(ev) = (struct frame){.kind = TOP, .end = ev->text.n}; /* the first one has room */
    while (ev->frame_count && !ev->ended)
        step(ev);
}

static void run(struct evaluator *ev, struct eval_result *ret)
{
    int64_t index = -1;
    if (!next_index(buf_slice(&ev->text), &index))
        return;
    for (;;) {
        spend(ev, ev->text.n);
        ret->passes++;
        run_pass(ev);
        if (ev->ended || ev->flags == 0 || slice_eq(buf_slice(&ev->out), buf_slice(&ev->text)))
            return;
        spend(ev, ev->out.n);
        if (!next_index(buf_slice(&ev->out), &index))
            return;
        struct buf read = ev->text;
        ev->text = ev->out;
        ev->out = read;
        pad(ev, &ev->text);
        if (is_told(ev))
            tell(ev,
                 &(struct eval_event){.kind = EVAL_EVENT_PASS, .variable = buf_slice(&ev->text)});
    }
}

static void begin_buf(struct buf *b, size_t max)
{
    if (!b->p)
        buf_init(b, max);
    b->max = max;
    buf_clear(b);
}

struct eval_result evaluate(struct evaluator *ev, struct slice text, const struct eval_options *o)
{
    struct eval_result r = {.outcome = EVAL_NOT};
    if (next_opener(text, 0) == text.n)
        return r;
    ev->o = o;
    ev->message = text;
    ev->steps = 0;
    ev->max_steps =
        o->max_steps ? o->max_steps : (uint64_t)text.n * EVAL_STEPS_PER_BYTE + EVAL_STEPS_FLOOR;
    ev->max_bytes = text.n * EVAL_BYTES_PER_BYTE + EVAL_BYTES_FLOOR;
    ev->flags = 0;
    ev->invented = false;
    ev->outcome = EVAL_NOT;
    ev->ended = false;
    begin_buf(&ev->text, ev->max_bytes + PAD);
    begin_buf(&ev->out, ev->max_bytes + PAD);
    begin_buf(&ev->stack, ev->max_bytes + PAD);
    begin_buf(&ev->name, ev->max_bytes);
    begin_buf(&ev->value, ev->max_bytes);
    (void)buf_add_slice(&ev->text, text);
    pad(ev, &ev->text);
    check_bytes(ev, &ev->text);
    if (!ev->ended)
        run(ev, &r);
    r.outcome = ev->outcome;
    r.key = r.outcome == EVAL_REACH ? ev->key : (struct slice){0};
    r.flags = ev->flags;
    r.invented = ev->invented;
    r.steps = ev->steps;
    return r;
}
