/* Which parser reads a body: the Content-Type header, which is the client's to choose. What lies
 * about it changes the names of fields and what rules see, not what is found: lookups are sought in
 * the bytes as they are. */
#include "guard/guard_int.h"

static bool starts(struct slice s, const char *text)
{
    size_t n = strlen(text);
    return s.n >= n && strncasecmp((const char *)s.p, text, n) == 0;
}

static bool ends(struct slice s, const char *text)
{
    size_t n = strlen(text);
    return s.n >= n && guard_same(slice_sub(s, s.n - n, n), text);
}

static bool is_between(uint8_t c)
{
    return c == ';' || c == ',' || c == ' ' || c == '\t';
}

/* Takes `; name=value` off, or `, name=value`, as some readers have it; a quoted value comes
 * without its quotes, escapes in it stay. */
static bool next_parameter(struct slice *rest, struct slice *name, struct slice *value)
{
    while (rest->n && is_between(rest->p[0]))
        *rest = slice_sub(*rest, 1, rest->n);
    if (rest->n == 0)
        return false;
    size_t n = guard_find4(*rest, '=', ';', ',', ',');
    *name = slice_trim(slice_sub(*rest, 0, n));
    *value = (struct slice){NULL, 0};
    if (n == rest->n || rest->p[n] != '=') {
        *rest = slice_sub(*rest, n, rest->n);
        return true;
    }
    *rest = slice_sub(*rest, n + 1, rest->n);
    while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t'))
        *rest = slice_sub(*rest, 1, rest->n);
    if (rest->n && rest->p[0] == '"') {
        *rest = slice_sub(*rest, 1, rest->n);
        n = slice_index(*rest, '"');
        *value = slice_sub(*rest, 0, n);
    } else {
        n = guard_find2(*rest, ';', ',');
        *value = slice_trim(slice_sub(*rest, 0, n));
    }
    *rest = slice_sub(*rest, n + (n < rest->n && rest->p[n] == '"'), rest->n);
    return true;
}

/* Readers take the first one or the last one: the one that asks for more counts. */
static struct slice charset_of_both(struct slice a, struct slice b)
{
    return a.n == 0 || !guard_charset_is_read(b) || guard_charset_is_wide(b) ? b : a;
}

/* The name of a parameter as RFC 2231 writes it, which not every reader knows. */
static bool is_extended(struct slice name, const char *word)
{
    size_t n = slice_index(name, '*');
    return n < name.n && guard_same(slice_sub(name, 0, n), word);
}

static bool is_boundary(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] == 0x7f || s.p[i] == '\\' || s.p[i] == ',')
            return false;
    return s.n > 0 && s.n <= LIMIT_GUARD_BOUNDARY;
}

/* What else a reader may find: another type, or another boundary. */
static void take_parameter(struct guard_type *t, struct slice name, struct slice value)
{
    if (is_extended(name, "charset"))
        t->charset = name; /* which is none */
    else if (guard_same(name, "charset") &&
             (t->charset.n == 0 || guard_charset_is_read(t->charset)))
        t->charset = charset_of_both(t->charset, value);
    else if (guard_same(name, "boundary") && t->boundary.n == 0)
        t->boundary = value;
    else if (guard_same(name, "boundary"))
        t->unclear |= !slice_eq(t->boundary, value);
    else if (is_extended(name, "boundary") || slice_index(name, '/') < name.n)
        t->unclear |= name.n != t->type.n ||
                      strncasecmp((const char *)name.p, (const char *)t->type.p, name.n) != 0;
}

struct guard_type guard_type_parse(struct slice content_type)
{
    struct guard_type t = {0};
    struct slice name, value;
    size_t n = guard_find2(content_type, ';', ',');
    t.type = slice_trim(slice_sub(content_type, 0, n));
    for (struct slice rest = slice_sub(content_type, n, content_type.n);
         next_parameter(&rest, &name, &value);)
        take_parameter(&t, name, value);
    if (guard_type_is_multipart(t.type)) /* which sign parts parameters is the reader's choice */
        t.unclear |= !is_boundary(t.boundary) || slice_index(content_type, ',') < content_type.n;
    return t;
}

bool guard_type_is_json(struct slice s)
{
    return ends(s, "/json") || ends(s, "+json") || ends(s, "ndjson") || ends(s, "jsonl") ||
           ends(s, "json-seq") || ends(s, "jsonlines");
}

/* grpc, grpc+proto, grpc-web; grpc-web-text is in base64 as a whole. */
bool guard_type_is_grpc(struct slice s)
{
    return starts(s, "application/grpc") && !starts(s, "application/grpc-web-text");
}

bool guard_charset_is_wide(struct slice charset)
{
    return starts(charset, "utf-32") || starts(charset, "utf32") || starts(charset, "ucs-4");
}

bool guard_charset_is_utf16(struct slice charset)
{
    return starts(charset, "utf-16") || starts(charset, "utf16") || starts(charset, "unicode");
}

bool guard_type_is_form(struct slice s)
{
    return guard_same(s, "application/x-www-form-urlencoded");
}

bool guard_type_is_multipart(struct slice s)
{
    return starts(s, "multipart/");
}

bool guard_type_is_xml(struct slice s)
{
    return ends(s, "/xml") || ends(s, "+xml");
}

void guard_type_prepare(struct guard_stream *st, const struct guard_type *t)
{
    struct slice s = t->type;
    if (guard_type_is_form(s)) {
        st->part = GUARD_FORM;
        guard_form_prepare(st);
    } else if (guard_type_is_multipart(s) && guard_multipart_prepare(st, t->boundary)) {
        return;
    } else if (guard_type_is_grpc(s)) {
        guard_grpc_prepare(st);
    } else if (guard_type_is_json(s)) {
        guard_json_prepare(st);
    } else if (guard_type_is_xml(s)) {
        guard_xml_prepare(st);
    } else {
        guard_text_prepare(st, false);
    }
}

/* A text in EBCDIC or UTF-7 says ${ in other bytes, and a server that honours the charset reads
 * it; the escapes of ISO 2022 may stand between any two letters and vanish. UTF-16 and UTF-32 are
 * made UTF-8 (body.c). */
bool guard_charset_is_read(struct slice charset)
{
    static const char *const families[] = {
        "utf-8",  "utf8",  "us-ascii", "ascii",     "iso-8859-", "iso8859", "latin",     "windows-",
        "cp125",  "cp932", "ms932",    "shift_jis", "shift-jis", "sjis",    "x-sjis",    "euc-",
        "gb2312", "gbk",   "gb18030",  "big5",      "koi8-",     "tis-620", "macintosh", "binary",
    };
    if (charset.n == 0 || guard_charset_is_wide(charset) || guard_charset_is_utf16(charset))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (starts(charset, families[i]))
            return slice_find(charset, SLICE_LIT("2022")) == charset.n; /* windows-iso2022jp */
    return false;
}
