/* Names of the parts of a request. See field.h. */
#include "guard/field.h"

#include "base/limits.h"
#include "base/messages.h"
#include "base/text.h"
#include "base/utf8.h"

static const struct part {
    const char *name;
    bool named; /* a colon and a name follow */
} parts[] = {
    [GUARD_METHOD] = {"method", false}, [GUARD_URI] = {"uri", false},
    [GUARD_ARG] = {"arg", true},        [GUARD_HEADER] = {"header", true},
    [GUARD_COOKIE] = {"cookie", true},  [GUARD_FORM] = {"form", true},
    [GUARD_FILE] = {"file", true},      [GUARD_JSON] = {"json", true},
    [GUARD_XML] = {"xml", true},        [GUARD_BODY] = {"body", false},
};

enum status guard_field_write(const struct guard_field *f, struct buf *out)
{
    (void)buf_add_str(out, parts[f->part].name);
    if (parts[f->part].named) {
        (void)buf_add_char(out, ':');
        size_t n = f->name.n > LIMIT_GUARD_FIELD_NAME ? utf8_floor(f->name, LIMIT_GUARD_FIELD_NAME)
                                                      : f->name.n;
        (void)text_add_escaped(out, slice_sub(f->name, 0, n));
    }
    return buf_status(out);
}

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool has_upper(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            return true;
    return false;
}

/* What stands behind the colon. */
static enum status check_name(enum guard_part part, struct slice name, bool any_rest, struct err *e)
{
    if (name.n == 0 && !any_rest && part != GUARD_JSON)
        return err_set(e, ST_INVALID, N_("a field of this kind needs a name behind the colon"));
    if (name.n > LIMIT_GUARD_FIELD_NAME)
        return err_set(e, ST_INVALID, N_("the name of a field has %zu bytes; %d are possible"),
                       name.n, LIMIT_GUARD_FIELD_NAME);
    if (slice_index(name, '*') < name.n)
        return err_set(e, ST_INVALID, N_("* stands at the end of a field's name only"));
    if (!is_printable(name) || !utf8_valid(name, NULL))
        return err_set(e, ST_INVALID, N_("the name of a field is printable UTF-8"));
    if (part == GUARD_HEADER && has_upper(name))
        return err_set(e, ST_INVALID, N_("names of headers are written in lower case"));
    if (part == GUARD_JSON && name.n && name.p[0] != '/')
        return err_set(e, ST_INVALID, N_("a JSON field is a pointer: it begins with /"));
    return OK;
}

enum status guard_field_parse(struct slice text, struct guard_field *ret, bool *ret_any_rest,
                              struct err *e)
{
    size_t colon = slice_index(text, ':');
    struct slice kind = slice_sub(text, 0, colon), name = slice_sub(text, colon + 1, text.n);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!slice_eq_str(kind, parts[i].name))
            continue;
        if (!parts[i].named && colon < text.n)
            return err_set(e, ST_INVALID, N_("a field of this kind has no name: write %s"),
                           parts[i].name);
        bool any_rest = name.n && name.p[name.n - 1] == '*';
        name.n -= any_rest;
        if (parts[i].named && colon == text.n)
            return err_set(e, ST_INVALID, N_("the field needs a name: write %s:NAME or %s:*"),
                           parts[i].name, parts[i].name);
        if (parts[i].named) {
            enum status st = check_name((enum guard_part)i, name, any_rest, e);
            if (st != OK)
                return st;
        }
        *ret = (struct guard_field){.part = (enum guard_part)i, .name = name};
        *ret_any_rest = any_rest;
        return OK;
    }
    return err_set(e, ST_INVALID,
                   N_("no such field; there are method, uri, arg:, header:, cookie:, form:, file:, "
                      "json:, xml: and body"));
}
