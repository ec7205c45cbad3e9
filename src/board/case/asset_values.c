/* The values of one row of the ledger. See asset_values.h. */
#include "board/case/asset_values.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/asset.h"

const enum ledger_field asset_columns[ASSET_COLUMN_COUNT] = {
    FIELD_ASSET_NUMBER, FIELD_NAME,   FIELD_CATEGORY,    FIELD_OWNER,       FIELD_OWNER_MAIL,
    FIELD_DEPARTMENT,   FIELD_VENDOR, FIELD_PRODUCT,     FIELD_VERSION,     FIELD_EXPOSED,
    FIELD_HOSTS,        FIELD_USERS,  FIELD_SHARED_WITH, FIELD_CRITICALITY, FIELD_NOTES,
    FIELD_RENEWED_ON,   FIELD_FREE,
};

/* --- checking */

static bool many_lines(enum ledger_field f)
{
    return f == FIELD_HOSTS || f == FIELD_USERS || f == FIELD_SHARED_WITH || f == FIELD_NOTES;
}

static void lower_ascii(struct buf *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->p[i] >= 'A' && b->p[i] <= 'Z')
            b->p[i] += 32;
}

/* One address of the usual form: something, one @, a domain; no spaces, quotes or brackets. What
 * RFC 5321 allows beyond that stands in no ledger and would only hide a slip. */
static bool is_mail(struct slice s)
{
    size_t at = slice_index(s, '@');
    struct slice domain = slice_sub(s, at + 1, s.n);
    if (at == 0 || at >= s.n || domain.n == 0 || s.n > 254)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || (i != at && strchr("@\"(),:;<>[\\]", s.p[i])))
            return false;
    return domain.p[0] != '.' && domain.p[domain.n - 1] != '.';
}

static enum status check_date(struct buf *b, struct err *e)
{
    struct norm_date d;
    enum status s = norm_date(buf_slice(b), false, false, &d);
    if (s == ST_NOMEM)
        return s;
    if (s != OK)
        return err_set(e, ST_INVALID, N_("%s is no date; write it like 2021-11-30"), buf_text(b));
    buf_clear(b);
    return d.day ? buf_addf(b, "%04d-%02d-%02d", d.year, d.month, d.day)
                 : buf_addf(b, "%04d-%02d", d.year, d.month);
}

/* One host a line, whatever stood between them. */
static enum status check_hosts(struct buf *b, struct err *e)
{
    struct buf out;
    struct slice rest = buf_slice(b);
    struct slice host;
    size_t count = 0;
    enum status s = OK;
    buf_init(&out, b->max);
    while (s == OK && norm_next_host(&rest, &host)) {
        if (++count > ASSET_HOSTS_MAX)
            s = err_set(e, ST_LIMIT, N_("more than %d hosts in one row"), ASSET_HOSTS_MAX);
        else if (host.n >= ASSET_HOST_SIZE)
            s = err_set(e, ST_LIMIT, N_("a host of %zu bytes; a name has at most %d"), host.n,
                        ASSET_HOST_SIZE - 1);
        else if ((out.n && buf_add_char(&out, '\n') != OK) || buf_add_slice(&out, host) != OK)
            s = err_set(e, buf_status(&out), "out of memory");
    }
    if (s == OK) {
        struct buf old = *b;
        *b = out;
        out = old;
    }
    buf_done(&out);
    return s;
}

static enum status check_field(enum ledger_field f, struct buf *b, struct err *e)
{
    enum ledger_category c;
    enum yes_no yn;
    switch (f) {
    case FIELD_CATEGORY:
        c = norm_category(buf_slice(b));
        if (c == CATEGORY_UNKNOWN)
            return err_set(e, ST_INVALID,
                           N_("%s is none of the four categories (external, internal, saas, "
                              "client)"),
                           buf_text(b));
        buf_clear(b);
        return buf_add_str(b, category_code(c));
    case FIELD_EXPOSED:
        yn = norm_yes_no(buf_slice(b));
        if (yn == YN_UNKNOWN)
            return err_set(e, ST_INVALID, N_("exposed to the internet: %s is neither yes nor no"),
                           buf_text(b));
        buf_clear(b);
        return buf_add_str(b, yn == YN_YES ? "yes" : "no");
    case FIELD_OWNER_MAIL:
        lower_ascii(b);
        if (!is_mail(buf_slice(b)))
            return err_set(e, ST_INVALID, N_("%s is no mail address"), buf_text(b));
        return OK;
    case FIELD_HOSTS:
        return check_hosts(b, e);
    case FIELD_RENEWED_ON:
        return check_date(b, e);
    default:
        return OK;
    }
}

static enum status too_long(struct err *e)
{
    return err_set(e, ST_LIMIT, N_("a field of a row is longer than %d bytes"), ASSET_TEXT_MAX);
}

enum status asset_value(enum ledger_field f, struct slice raw, struct arena *a, struct slice *ret,
                        struct err *e)
{
    struct buf b;
    if (!utf8_valid(raw, NULL))
        return err_set(e, ST_INVALID, N_("a text is not UTF-8"));
    buf_init(&b, LIMIT_CELL_BYTES * 2); /* half-width kana grow when they are widened */
    enum status s = norm_text(raw, &b);
    if (s == ST_LIMIT)
        s = too_long(e);
    for (size_t i = 0; s == OK && !many_lines(f) && i < b.n; i++)
        b.p[i] = b.p[i] == '\n' ? ' ' : b.p[i];
    if (s == OK && b.n > ASSET_TEXT_MAX)
        s = too_long(e);
    if (s == OK && b.n)
        s = check_field(f, &b, e);
    if (s == ST_NOMEM)
        s = err_set(e, s, "out of memory");
    if (s == OK && arena_copy(a, buf_slice(&b), ret) != OK)
        s = err_set(e, arena_status(a), "out of memory");
    buf_done(&b);
    return s;
}

/* --- the columns of a row */

int64_t asset_exposed_code(struct slice value)
{
    return slice_eq_str(value, "yes") ? YN_YES : slice_eq_str(value, "no") ? YN_NO : YN_UNKNOWN;
}

enum status asset_values_of_row(const struct db_rows *rows, int first, struct arena *a,
                                struct asset_values *ret, struct err *e)
{
    struct asset_values v = {0};
    for (int i = 0; i < ASSET_COLUMN_COUNT; i++) {
        enum ledger_field f = asset_columns[i];
        struct slice s;
        if (f == FIELD_EXPOSED) {
            int64_t x = db_int(rows, first + i);
            s = slice_str(x == YN_YES ? "yes" : x == YN_NO ? "no" : "");
        } else {
            s = slice_str(db_text(rows, first + i));
        }
        if (arena_copy(a, s, &v.v[f]) != OK)
            return err_set(e, arena_status(a), "no memory for a row of the ledger");
    }
    *ret = v;
    return OK;
}

enum status asset_values_key(const struct asset_values *v, struct buf *out)
{
    struct ledger_row row = {0};
    row.value[FIELD_NAME] = v->v[FIELD_NAME];
    row.value[FIELD_PRODUCT] = v->v[FIELD_PRODUCT];
    return ledger_row_key(&row, out);
}

/* --- search */

/* The hiragana with its voiced (U+3099) or half-voiced (U+309A) mark, 0 when there is none. */
static uint32_t voiced(uint32_t c, uint32_t mark)
{
    bool h = c >= 0x306f && c <= 0x307b && (c - 0x306f) % 3 == 0;
    if (mark == 0x309a)
        return h ? c + 2 : 0;
    if (mark != 0x3099)
        return 0;
    bool k =
        (c >= 0x304b && c <= 0x3061 && c % 2 == 1) || c == 0x3064 || c == 0x3066 || c == 0x3068;
    return k || h ? c + 1 : c == 0x3046 ? 0x3094 : 0;
}

static uint32_t fold_char(uint32_t c)
{
    if (c == '\n')
        return ' ';
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    if (c < 0x80)
        return c;
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if ((c >= 0x30a1 && c <= 0x30f6) || c == 0x30fd || c == 0x30fe)
        return c - 0x60;
    return c;
}

enum status search_fold(struct slice s, struct buf *out)
{
    struct buf text;
    uint32_t before = 0;
    size_t before_at = 0;
    size_t n = 0;
    buf_init(&text, LIMIT_CELL_BYTES * 2);
    enum status st = norm_text(s, &text);
    for (size_t i = 0; st == OK && i < text.n; i += n) {
        bool ok;
        uint8_t bytes[4];
        uint32_t c = fold_char(utf8_decode(slice_sub(buf_slice(&text), i, 4), &n, &ok));
        uint32_t both = voiced(before, c);
        if (both) {
            c = both;
            buf_cut(out, before_at);
        }
        before = c;
        before_at = out->n;
        st = buf_add(out, bytes, utf8_encode(c, bytes));
    }
    buf_done(&text);
    return st;
}

static void add_part(struct buf *out, enum ledger_field f, struct slice value)
{
    if (value.n == 0)
        return;
    (void)buf_add_char(out, SEARCH_MARK(f)); /* errors stick to out */
    enum status s = search_fold(value, out);
    if (s != OK && out->failed == OK)
        out->failed = s;
    (void)buf_add_char(out, SEARCH_END);
}

enum status asset_values_search(const struct asset_values *v, struct buf *out)
{
    for (int i = 0; i < ASSET_COLUMN_COUNT; i++) {
        enum ledger_field f = asset_columns[i];
        if (f != FIELD_CATEGORY && f != FIELD_EXPOSED && f != FIELD_FREE)
            add_part(out, f, v->v[f]);
    }
    if (v->v[FIELD_FREE].n == 0)
        return buf_status(out);
    json_t *list = json_loadb((const char *)v->v[FIELD_FREE].p, v->v[FIELD_FREE].n, 0, NULL);
    if (!list)
        return ST_NOMEM; /* it is our own JSON */
    for (size_t i = 0; i < json_array_size(list); i++)
        add_part(out, FIELD_FREE,
                 slice_str(json_string_value(json_array_get(json_array_get(list, i), 1))));
    json_decref(list);
    return buf_status(out);
}

/* --- hosts */

static bool is_address(struct slice s)
{
    bool digits = s.n > 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ':')
            return true;
        digits = digits && (s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9'));
    }
    return digits;
}

/* Without the brackets that people put around an address, its port, and the dot of the root. */
static struct slice bare_host(struct slice s)
{
    while (s.n && strchr("([<", s.p[0]))
        s = slice_sub(s, 1, s.n);
    while (s.n && strchr(")]>.", s.p[s.n - 1]))
        s.n--;
    size_t colon = slice_index(s, ':');
    if (colon < s.n && slice_index(slice_sub(s, colon + 1, s.n), ':') == s.n - colon - 1)
        s.n = colon; /* one colon: a port; more: an IPv6 address */
    return s;
}

bool asset_next_host(struct slice *rest, char ret_host[ASSET_HOST_SIZE],
                     char ret_short[ASSET_HOST_SIZE])
{
    struct slice line;
    while (norm_next_host(rest, &line)) {
        struct slice host = bare_host(line);
        if (host.n == 0 || host.n >= ASSET_HOST_SIZE)
            continue;
        for (size_t i = 0; i < host.n; i++)
            ret_host[i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] + 32 : host.p[i]);
        ret_host[host.n] = '\0';
        size_t n = is_address(host) ? 0 : slice_index(host, '.');
        memcpy(ret_short, ret_host, n);
        ret_short[n] = '\0';
        return true;
    }
    return false;
}

/* --- JSON */

static json_t *value_to_json(enum ledger_field f, struct slice s)
{
    if (f == FIELD_FREE && s.n)
        return json_loadb((const char *)s.p, s.n, 0, NULL);
    return json_stringn_nocheck(s.p ? (const char *)s.p : "", s.n);
}

json_t *asset_values_to_json(const struct asset_values *v, uint32_t fields)
{
    json_t *o = json_object();
    for (int i = 0; i < ASSET_COLUMN_COUNT && o; i++) {
        enum ledger_field f = asset_columns[i];
        if (!(fields & 1u << f))
            continue;
        if (json_object_set_new(o, field_code(f), value_to_json(f, v->v[f])) != 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static enum status value_from_json(enum ledger_field f, const json_t *value, struct arena *a,
                                   struct slice *ret, struct err *e)
{
    enum status s = OK;
    if (f == FIELD_FREE && json_is_array(value)) {
        char *text = json_dumps(value, JSON_COMPACT);
        s = text ? arena_copy(a, slice_str(text), ret) : ST_NOMEM;
        free(text);
    } else if (json_is_string(value)) {
        s = arena_copy(a, slice_of(json_string_value(value), json_string_length(value)), ret);
    } else {
        return err_set(e, ST_MALFORMED, "%s of a row is no text", field_code(f));
    }
    return s == OK ? OK : err_set(e, s, "no memory for a row of the ledger");
}

enum status asset_values_from_json(const json_t *object, struct arena *a, struct asset_values *v,
                                   struct err *e)
{
    enum status s = OK;
    for (int i = 0; i < ASSET_COLUMN_COUNT && s == OK; i++) {
        enum ledger_field f = asset_columns[i];
        const json_t *value = json_object_get(object, field_code(f));
        if (value)
            s = value_from_json(f, value, a, &v->v[f], e);
    }
    return s;
}
