/* Requests: who sends one, its head, and the memory of a worker. See inspect.h. */
#include "guard/guard_int.h"

#include <sys/random.h>
#include <time.h>

static uint64_t coarse_ms(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum status guard_new(struct guard **ret)
{
    struct guard *g = calloc(1, sizeof *g);
    if (!g || examiner_new(&g->examiner) != OK) {
        free(g);
        return ST_NOMEM;
    }
    prefilter_init(&g->filter);
    buf_init(&g->masked, GUARD_WINDOW);
    buf_init(&g->allowed, GUARD_WINDOW);
    g->now_ms = coarse_ms;
    g->grant = GUARD_GRANT_MOST;
    g->grant_ms = coarse_ms();
    if (getrandom(&g->seed, sizeof g->seed, GRND_NONBLOCK) != (ssize_t)sizeof g->seed)
        g->seed = (uint64_t)(uintptr_t)g ^ g->grant_ms;
    *ret = g;
    return OK;
}

void guard_free(struct guard *g)
{
    if (!g)
        return;
    guard_scratch_free(g->scratch);
    examiner_free(g->examiner);
    buf_done(&g->masked);
    buf_done(&g->allowed);
    free(g);
}

/* --- the head */

/* One value, or several that the form or cookie parser takes apart. */
enum form { AS_PLAIN, AS_NAME, AS_PERCENT, AS_PAIRS, AS_COOKIES };

static void prepare(struct guard_stream *st, enum form form)
{
    switch (form) {
    case AS_PERCENT:
        guard_percent_prepare(st);
        break;
    case AS_PAIRS:
        guard_form_prepare(st);
        break;
    case AS_COOKIES:
        guard_cookie_prepare(st);
        break;
    case AS_PLAIN:
    case AS_NAME:
        guard_text_prepare(st, form == AS_NAME);
    }
}

static void look_into(struct guard_request *q, enum guard_part part, struct slice name,
                      enum form form, struct slice text)
{
    struct guard_stream st;
    guard_stream_begin(&st, q, part);
    guard_name_set(&st, name);
    prepare(&st, form);
    guard_stream_piece(&st, text);
    guard_stream_end(&st);
}

static void head_text(struct guard_request *q, enum guard_part part, struct slice name,
                      enum form form, struct slice text)
{
    q->head_bytes += text.n;
    if (q->over || (!guard_wants(q, 1u << part) && guard_text_clean(q->guard, text)))
        return;
    look_into(q, part, name, form, text);
}

void guard_request_begin(struct guard_request *q, struct guard *g, const struct guard_options *o,
                         const struct guard_rules *rules, struct slice host, struct slice method,
                         struct slice path, struct slice client_addr)
{
    q->guard = g;
    q->options = o;
    q->client = guard_client_of(client_addr);
    q->credit = GUARD_CREDIT_REQUEST;
    if (rules) {
        enum guard_list list = guard_rules_client(rules, client_addr);
        q->over = list != GUARD_NOT_LISTED;
        if (list == GUARD_DENIED)
            q->found = (struct guard_finding){.why = GUARD_CLIENT};
        if (q->over)
            return;
        q->scope = guard_rules_scope(rules, host, method, path);
    }
    head_text(q, GUARD_METHOD, (struct slice){NULL, 0}, AS_PLAIN, method);
}

void guard_request_end(struct guard_request *q)
{
    guard_matcher_free(q->matcher);
    q->matcher = NULL;
    q->body = NULL;
}

bool guard_head_clean(const struct guard_request *q, struct slice raw)
{
    return q->over || (!guard_wants(q, GUARD_HEAD_PARTS) && guard_text_clean(q->guard, raw));
}

void guard_uri(struct guard_request *q, struct slice raw_path)
{
    head_text(q, GUARD_URI, (struct slice){NULL, 0}, AS_PERCENT, raw_path);
}

void guard_args(struct guard_request *q, struct slice raw_query)
{
    head_text(q, GUARD_ARG, (struct slice){NULL, 0}, AS_PAIRS, raw_query);
}

/* The name of a header as fields have it. */
static struct slice lower_name(struct slice name, uint8_t lower[LIMIT_GUARD_FIELD_NAME])
{
    size_t n = name.n < LIMIT_GUARD_FIELD_NAME ? name.n : LIMIT_GUARD_FIELD_NAME;
    for (size_t i = 0; i < n; i++)
        lower[i] = (uint8_t)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
    return slice_of(lower, n);
}

void guard_header(struct guard_request *q, struct slice name, struct slice value)
{
    uint8_t lower[LIMIT_GUARD_FIELD_NAME];
    struct slice known = lower_name(name, lower);
    head_text(q, GUARD_HEADER, known, AS_NAME, name);
    if (slice_eq_str(known, "cookie"))
        head_text(q, GUARD_COOKIE, known, AS_COOKIES, value);
    else
        head_text(q, GUARD_HEADER, known, AS_PLAIN, value);
}

/* --- the head as one text: ":target", then "name:value" of each header, a line each */

static enum guard_part part_of_line(struct slice name)
{
    if (name.n == 0)
        return GUARD_URI;
    return guard_same(name, "cookie") ? GUARD_COOKIE : GUARD_HEADER;
}

static void parse_lines(struct guard_stream *st, struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        bool in_value = st->as.form.in_value;
        struct slice rest = slice_sub(s, i, s.n);
        size_t n = in_value ? guard_find(rest, '\n') : guard_find(rest, ':');
        if (!in_value)
            guard_name_add_all(st, slice_sub(rest, 0, n));
        i += n + 1;
        if (n == rest.n)
            break;
        enum guard_part part = part_of_line(slice_of(st->name.p, st->name.n));
        guard_span(st, in_value ? GUARD_HEADER : part, in_value, st->base + i);
        if (in_value)
            st->name.n = 0;
        st->as.form.in_value = !in_value;
    }
}

static void add_line(struct guard_stream *st, struct slice name, struct slice value)
{
    uint8_t lower[LIMIT_GUARD_FIELD_NAME];
    guard_stream_piece(st, lower_name(name, lower));
    guard_stream_piece(st, SLICE_LIT(":"));
    guard_stream_piece(st, value);
    guard_stream_piece(st, SLICE_LIT("\n"));
}

/* Arguments and cookies are no fields of their own here: where any field may be left out of account
 * they are left out all. */
void guard_head_together(struct guard_request *q, struct slice raw_path, struct slice raw_query,
                         bool (*next)(void *ctx, struct guard_header *ret), void *ctx)
{
    struct guard_stream st;
    struct guard_header h;
    bool all = !q->scope.any_exception && !q->options->excluded;
    if (q->over || !q->spare) /* which is memory of what was examined */
        return;
    guard_stream_begin(&st, q, GUARD_HEADER);
    st.matches = false; /* rules have seen the fields */
    st.as.form.in_value = false;
    st.parse = parse_lines;
    guard_span(&st, GUARD_HEADER, true, 0);
    guard_stream_piece(&st, SLICE_LIT(":"));
    guard_stream_piece(&st, raw_path);
    guard_stream_piece(&st, SLICE_LIT("?"));
    guard_stream_piece(&st, all ? raw_query : (struct slice){NULL, 0});
    guard_stream_piece(&st, SLICE_LIT("\n"));
    while (next(ctx, &h))
        if (all || !guard_same(h.name, "cookie"))
            add_line(&st, h.name, h.value);
    guard_stream_end(&st);
    /* the fields behind may be secrets */
    q->found.key = slice_sub(q->found.key, 0, slice_index(q->found.key, '\n'));
}
