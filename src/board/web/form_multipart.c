/* multipart/form-data, piece by piece. See form.h.
 *
 *   preamble CRLF -- boundary CRLF headers CRLF CRLF content CRLF -- boundary … -- epilogue
 *
 * What is held between two calls is at most a header line or as many bytes as a delimiter has. */
#include "base/limits.h"
#include "base/utf8.h"
#include "board/web/form_int.h"

#define PIECE 16384u /* of input that is joined to what is held at once */

/* The value of a parameter of a header ("; boundary=…"), quoted or not, as it stands. False: there
 * is none. A backslash before a quote does not end the text. */
static bool parameter(struct slice header, const char *name, struct slice *ret)
{
    size_t want = strlen(name);
    size_t at = slice_index(header, ';');
    while (at < header.n) {
        struct slice rest = slice_trim(slice_sub(header, at + 1, header.n));
        size_t key = 0;
        while (key < rest.n && rest.p[key] != '=' && rest.p[key] != ';')
            key++;
        if (key == rest.n || rest.p[key] == ';') {
            at = (size_t)(rest.p - header.p) + key;
            continue;
        }
        struct slice k = slice_trim(slice_sub(rest, 0, key));
        size_t begin = key + 1;
        bool quoted = begin < rest.n && rest.p[begin] == '"';
        size_t end = begin + (quoted ? 1 : 0);
        if (quoted) {
            while (end < rest.n && rest.p[end] != '"')
                end += rest.p[end] == '\\' && end + 1 < rest.n &&
                               (rest.p[end + 1] == '"' || rest.p[end + 1] == '\\')
                           ? 2
                           : 1;
        } else {
            while (end < rest.n && rest.p[end] != ';')
                end++;
        }
        if (end > rest.n)
            end = rest.n;
        if (k.n == want && strncasecmp((const char *)k.p, name, want) == 0) {
            *ret = quoted ? slice_sub(rest, begin + 1, end - begin - 1)
                          : slice_trim(slice_sub(rest, begin, end - begin));
            return true;
        }
        at = (size_t)(rest.p - header.p) + end;
        while (at < header.n && header.p[at] != ';')
            at++;
    }
    return false;
}

enum status form_begin_multipart(struct form *f, struct slice content_type, struct err *e)
{
    struct slice b;
    if (!parameter(content_type, "boundary", &b) || b.n == 0 || b.n > 70)
        return err_set(e, ST_MALFORMED, N_("the form names no boundary of 1 to 70 bytes"));
    memcpy(f->delimiter, "\r\n--", 4);
    memcpy(f->delimiter + 4, b.p, b.n);
    f->delimiter_n = b.n + 4;
    f->state = FORM_PREAMBLE;
    buf_init(&f->hold, PIECE + LIMIT_FORM_HEADERS + 256);
    /* the first boundary may stand at the very start */
    if (buf_add_str(&f->hold, "\r\n") != OK)
        return err_set(e, ST_NOMEM, N_("out of memory"));
    return OK;
}

/* --- headers of a part */

/* As browsers escape names: %22 %0D %0A; as older programs do: \" and \\. In place. */
static size_t unescape(uint8_t *p, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i];
        if (c == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\')) {
            c = p[++i];
        } else if (c == '%' && i + 2 < n) {
            static const char *const known[] = {"22\"", "0D\r", "0A\n"};
            for (size_t k = 0; k < ARRAY_LEN(known); k++) {
                if (strncasecmp((const char *)p + i + 1, known[k], 2) == 0) {
                    c = (uint8_t)known[k][2];
                    i += 2;
                    break;
                }
            }
        }
        p[out++] = c;
    }
    return out;
}

static enum status copy_unescaped(struct form *f, struct slice raw, uint8_t **ret, size_t *ret_n,
                                  struct err *e)
{
    struct slice copy;
    if (arena_copy(f->arena, raw, &copy) != OK)
        return err_set(e, arena_status(f->arena), N_("the form is too large"));
    *ret = (uint8_t *)(uintptr_t)copy.p; /* our own copy */
    *ret_n = unescape(*ret, raw.n);
    return OK;
}

/* A file's name becomes a label: what stands behind the last slash, without control characters. */
static struct slice label_of(uint8_t *p, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '/' || p[i] == '\\')
            from = i + 1;
        else if (p[i] < 0x20 || p[i] == 0x7f)
            p[i] = '_';
    }
    struct slice s = slice_of(p + from, n - from);
    s.n = utf8_floor(s, LIMIT_FORM_FILE_NAME);
    return utf8_valid(s, NULL) ? s : SLICE_LIT("file");
}

static enum status take_disposition(struct form *f, struct slice line, struct err *e)
{
    struct slice raw;
    uint8_t *p = NULL;
    size_t n = 0;
    if (!parameter(line, "name", &raw))
        return err_set(e, ST_MALFORMED, N_("a part of the form has no name"));
    enum status s = copy_unescaped(f, raw, &p, &n, e);
    if (s == OK)
        s = form_set_name(f, p, n, e);
    f->named = s == OK;
    if (s == OK && parameter(line, "filename", &raw)) {
        f->is_file = true;
        s = copy_unescaped(f, raw, &p, &n, e);
        if (s == OK)
            f->file_name = label_of(p, n);
    }
    return s;
}

static bool header_is(struct slice line, const char *name)
{
    size_t n = strlen(name);
    return line.n > n && line.p[n] == ':' && strncasecmp((const char *)line.p, name, n) == 0;
}

static enum status take_header(struct form *f, struct slice line, struct err *e)
{
    if (header_is(line, "Content-Disposition"))
        return take_disposition(f, line, e);
    if (header_is(line, "Content-Transfer-Encoding")) {
        struct slice v = slice_trim(slice_sub(line, 26, line.n));
        if (!slice_eq_str(v, "binary") && !slice_eq_str(v, "8bit") && !slice_eq_str(v, "7bit"))
            return err_set(e, ST_UNSUPPORTED, N_("a part of the form is encoded as %.*s"),
                           (int)(v.n < 40 ? v.n : 40), (const char *)v.p);
    }
    return OK;
}

/* The headers of a part are over. */
static enum status begin_content(struct form *f, struct err *e)
{
    f->state = FORM_BODY;
    buf_clear(&f->value);
    if (!f->named)
        return err_set(e, ST_MALFORMED, N_("a part of the form has no name"));
    f->skip = f->is_file && f->file_name.n == 0; /* no file was chosen */
    if (!f->is_file || f->skip)
        return OK;
    if (!f->sink.begin)
        return err_set(e, ST_INVALID, N_("no file is taken here"));
    if (f->files++ == LIMIT_FORM_FILES)
        return err_set(e, ST_LIMIT, N_("the form has more than %d files"), LIMIT_FORM_FILES);
    return f->sink.begin(f->sink.ctx, f->name, f->file_name, e);
}

/* --- content */

static enum status content(struct form *f, struct slice bytes, struct err *e)
{
    if (bytes.n == 0 || f->skip)
        return OK;
    if (f->is_file)
        return f->sink.write(f->sink.ctx, bytes, e);
    enum status s = form_count_text(f, bytes.n, e);
    if (s == OK && buf_add_slice(&f->value, bytes) != OK)
        s = err_set(e, buf_status(&f->value), N_("a field of the form is longer than %zu KiB"),
                    LIMIT_FORM_VALUE >> 10);
    return s;
}

static enum status end_content(struct form *f, struct err *e)
{
    struct slice copy;
    if (f->skip)
        return OK;
    if (f->is_file)
        return f->sink.end(f->sink.ctx, e);
    if (arena_copy(f->arena, buf_slice(&f->value), &copy) != OK)
        return err_set(e, arena_status(f->arena), N_("the form is too large"));
    return form_add_field(f, f->name, (uint8_t *)(uintptr_t)copy.p, copy.n, e);
}

/* Each step takes something off the front of what is held and says how much, or 0: more is needed.
 */

static enum status step_text(struct form *f, size_t *ret_taken, struct err *e)
{
    struct slice held = buf_slice(&f->hold);
    size_t at = slice_find(held, slice_of(f->delimiter, f->delimiter_n));
    bool found = at < held.n;
    /* what may yet turn out to be a delimiter stays */
    size_t sure = found ? at : held.n >= f->delimiter_n ? held.n - f->delimiter_n + 1 : 0;
    enum status s = f->state == FORM_BODY ? content(f, slice_sub(held, 0, sure), e) : OK;
    if (s == OK && found && f->state == FORM_BODY)
        s = end_content(f, e);
    *ret_taken = sure;
    if (s == OK && found) {
        f->state = FORM_DELIMITED;
        *ret_taken += f->delimiter_n;
    }
    return s;
}

/* Behind a delimiter: "--" for the last one, else spaces and the end of the line. */
static enum status step_delimited(struct form *f, size_t *ret_taken, struct err *e)
{
    struct slice held = buf_slice(&f->hold);
    size_t i = 0;
    if (held.n >= 2 && held.p[0] == '-' && held.p[1] == '-') {
        f->state = FORM_EPILOGUE;
        *ret_taken = 2;
        return OK;
    }
    while (i < held.n && (held.p[i] == ' ' || held.p[i] == '\t'))
        i++;
    if (i > 64 || (i < held.n && held.p[i] != '\r' && held.p[i] != '-') ||
        (i + 1 < held.n && held.p[i + 1] != '\n'))
        return err_set(e, ST_MALFORMED, N_("a boundary of the form is followed by other bytes"));
    if (i + 2 > held.n)
        return OK;
    f->state = FORM_HEADERS;
    f->header_bytes = 0;
    f->named = f->is_file = f->skip = false;
    f->file_name = (struct slice){0};
    *ret_taken = i + 2;
    return OK;
}

static enum status step_headers(struct form *f, size_t *ret_taken, struct err *e)
{
    struct slice held = buf_slice(&f->hold);
    size_t end = slice_find(held, SLICE_LIT("\r\n"));
    if (f->header_bytes + (end < held.n ? end + 2 : held.n) > LIMIT_FORM_HEADERS)
        return err_set(e, ST_LIMIT,
                       N_("the headers of a part of the form are longer than %d bytes"),
                       LIMIT_FORM_HEADERS);
    if (end == held.n)
        return OK;
    *ret_taken = end + 2;
    f->header_bytes += end + 2;
    return end == 0 ? begin_content(f, e) : take_header(f, slice_sub(held, 0, end), e);
}

static enum status step(struct form *f, size_t *ret_taken, struct err *e)
{
    switch (f->state) {
    case FORM_PREAMBLE:
    case FORM_BODY:
        return step_text(f, ret_taken, e);
    case FORM_DELIMITED:
        return step_delimited(f, ret_taken, e);
    case FORM_HEADERS:
        return step_headers(f, ret_taken, e);
    default:
        *ret_taken = f->hold.n; /* the epilogue means nothing */
        return OK;
    }
}

enum status form_feed_multipart(struct form *f, struct slice bytes, struct err *e)
{
    enum status s = OK;
    while (s == OK && bytes.n) {
        struct slice piece = slice_sub(bytes, 0, PIECE);
        bytes = slice_sub(bytes, piece.n, bytes.n);
        if (buf_add_slice(&f->hold, piece) != OK)
            return err_set(e, buf_status(&f->hold), N_("the form is too large"));
        size_t at = 0; /* taken off the front; moved once per piece, so that work stays linear */
        size_t taken;
        struct buf whole = f->hold;
        do {
            taken = 0;
            f->hold.p = whole.p + at;
            f->hold.n = whole.n - at;
            s = step(f, &taken, e);
            at += taken;
        } while (s == OK && taken && at < whole.n);
        f->hold = whole;
        memmove(f->hold.p, f->hold.p + at, f->hold.n - at);
        buf_cut(&f->hold, f->hold.n - at);
    }
    return s;
}
