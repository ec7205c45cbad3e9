/* Charset detection and conversion. Detection is by trial, not by statistics over bytes: Japanese
 * office files are short, and guessers are wrong on short input. */
#include "board/office/charset.h"

#include "base/limits.h"
#include "base/messages.h"
#include "base/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <strings.h>

static const struct {
    const char *name, *iconv;
} charsets[] = {
    [CHARSET_UTF8] = {"UTF-8", "UTF-8"},          [CHARSET_UTF16LE] = {"UTF-16LE", "UTF-16LE"},
    [CHARSET_UTF16BE] = {"UTF-16BE", "UTF-16BE"}, [CHARSET_CP932] = {"CP932", "CP932"},
    [CHARSET_EUCJP] = {"EUC-JP", "EUC-JP-MS"},
};

const char *charset_name(enum charset c)
{
    return charsets[c].name;
}

enum status charset_of_name(const char *name, enum charset *ret_charset)
{
    static const char *const aliases[] = {"Shift_JIS", "SJIS", "Windows-31J", "MS932"};
    for (size_t i = 0; i < ARRAY_LEN(charsets); i++)
        if (strcasecmp(name, charsets[i].name) == 0) {
            *ret_charset = (enum charset)i;
            return OK;
        }
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (strcasecmp(name, aliases[i]) == 0) {
            *ret_charset = CHARSET_CP932;
            return OK;
        }
    return ST_NOT_FOUND;
}

/* The row (from 1) in which byte `at` of a file stands; UTF-16 has its newlines in LF units too. */
static uint64_t row_at(struct slice file, size_t at)
{
    uint64_t row = 1;
    for (size_t i = 0; i < at && i < file.n; i++)
        row += file.p[i] == '\n';
    return row;
}

static enum status not_valid(struct slice file, size_t at, enum charset c, struct err *err)
{
    return err_set_at(err, ST_MALFORMED, at,
                      N_("row %llu, byte %zu of the file: not valid %s; choose another character "
                         "set, or save the file as UTF-8 and send it again"),
                      (unsigned long long)row_at(file, at), at, charsets[c].name);
}

static struct slice without_bom(struct slice file, enum charset c)
{
    if (c == CHARSET_UTF8 && slice_starts(file, SLICE_LIT("\xef\xbb\xbf")))
        return slice_sub(file, 3, file.n);
    if ((c == CHARSET_UTF16LE && slice_starts(file, SLICE_LIT("\xff\xfe"))) ||
        (c == CHARSET_UTF16BE && slice_starts(file, SLICE_LIT("\xfe\xff"))))
        return slice_sub(file, 2, file.n);
    return file;
}

/* iconv over the whole input; *ret_at is where it met what is not valid. */
static enum status convert(struct slice in, enum charset from, struct buf *out, size_t *ret_at)
{
    iconv_t cd = iconv_open("UTF-8", charsets[from].iconv);
    if (cd == (iconv_t)-1)
        return errno == ENOMEM ? ST_NOMEM : ST_UNSUPPORTED;
    enum status st = OK;
    char *p = (char *)(uintptr_t)in.p; /* iconv does not write to its input */
    size_t left = in.n;
    while (left > 0 && st == OK) {
        uint8_t *room = NULL;
        size_t want = 65536;
        if (want > out->max - out->n)
            want = out->max - out->n;
        if (want < 8)
            want = 8; /* makes buf_reserve say that the maximum is met */
        st = buf_reserve(out, want, &room);
        if (st != OK)
            break;
        char *to = (char *)room;
        size_t space = want;
        size_t r = iconv(cd, &p, &left, &to, &space);
        int fault = errno;
        buf_commit(out, want - space);
        if (r == (size_t)-1 && fault != E2BIG) {
            *ret_at = in.n - left;
            st = ST_MALFORMED;
        }
    }
    iconv_close(cd);
    return st;
}

static enum status not_kept(enum status st, const struct buf *out, struct err *err)
{
    if (st == ST_LIMIT)
        return err_set(err, st,
                       N_("the text is larger than %zu MiB as UTF-8; divide the file and send the "
                          "parts"),
                       out->max >> 20);
    if (st == ST_NOMEM)
        return err_set(err, st, N_("no memory to read the file; try again later"));
    return err_set(err, st, N_("the character set cannot be converted on this machine"));
}

enum status charset_convert(struct slice file, enum charset from, struct buf *out, struct err *err)
{
    struct slice in = without_bom(file, from);
    size_t skipped = file.n - in.n, at = 0, start = out->n;
    enum status st;
    if (from == CHARSET_UTF8)
        st = utf8_valid(in, &at) ? buf_add_slice(out, in) : ST_MALFORMED;
    else
        st = convert(in, from, out, &at);
    if (st == OK)
        return OK;
    if (out->failed == OK)
        buf_cut(out, start);
    if (st == ST_MALFORMED)
        return not_valid(file, skipped + at, from, err);
    return not_kept(st, out, err);
}

/* How much text looks like what Japanese people write: kana and ordinary kanji speak for it;
 * half-width katakana in kanji's place (EUC read as CP932) and private use speak against it. */
static long plausibility(struct slice text)
{
    long score = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.n; i += n) {
        bool ok;
        uint32_t c = utf8_decode(slice_sub(text, i, 4), &n, &ok);
        if (c < 0x80)
            score -= c < 0x20 && c != '\t' && c != '\r' && c != '\n' ? 20 : 0;
        else if (c >= 0x3040 && c <= 0x30ff)
            score += 3;
        else if (c >= 0x4e00 && c <= 0x9fff)
            score += 1;
        else if (c >= 0xff61 && c <= 0xff9f)
            score -= 1;
        else if (c >= 0xe000 && c <= 0xf8ff)
            score -= 8;
        else if (c >= 0x370 && c <= 0x52f) /* Greek, Cyrillic */
            score -= 2;
    }
    return score;
}

#define SAMPLE_BYTES KIB(256) /* of text, enough to tell the two apart */

static enum status trial(struct slice file, struct buf *out, enum charset *ret_charset,
                         struct err *err)
{
    struct buf euc;
    buf_init(&euc, out->max);
    size_t start = out->n, at_sjis = 0, at_euc = 0;
    enum status sjis = convert(file, CHARSET_CP932, out, &at_sjis);
    enum status st = convert(file, CHARSET_EUCJP, &euc, &at_euc);
    if ((sjis != OK && sjis != ST_MALFORMED) || (st != OK && st != ST_MALFORMED)) {
        enum status bad = sjis != OK && sjis != ST_MALFORMED ? sjis : st;
        buf_done(&euc);
        return not_kept(bad, out, err);
    }
    bool take_euc = st == OK;
    if (sjis == OK && st == OK)
        take_euc = plausibility(slice_sub(buf_slice(&euc), 0, SAMPLE_BYTES)) >
                   plausibility(slice_sub(buf_slice(out), start, SAMPLE_BYTES));
    if (take_euc) {
        buf_cut(out, start);
        st = buf_add_slice(out, buf_slice(&euc));
        *ret_charset = CHARSET_EUCJP;
    } else if (sjis == OK) {
        st = OK;
        *ret_charset = CHARSET_CP932;
    } else {
        buf_cut(out, start);
        size_t at_utf8 = 0;
        (void)utf8_valid(file, &at_utf8);
        /* The charset that got furthest is the one that was meant. */
        enum charset c = CHARSET_UTF8;
        size_t at = at_utf8;
        if (at_sjis > at) {
            c = CHARSET_CP932;
            at = at_sjis;
        }
        if (at_euc > at) {
            c = CHARSET_EUCJP;
            at = at_euc;
        }
        buf_done(&euc);
        return not_valid(file, at, c, err);
    }
    buf_done(&euc);
    return st == OK ? OK : not_kept(st, out, err);
}

/* UTF-16 without BOM: text has its separators and newlines in ASCII, so one half of the code units'
 * bytes is often NUL; the other only in U+3000 and its like. */
static bool utf16_by_nul(struct slice file, enum charset *ret_charset)
{
    size_t n = file.n < 4096 ? file.n : 4096, odd = 0, even = 0;
    for (size_t i = 0; i < n; i++) {
        odd += file.p[i] == 0 && i % 2 == 1;
        even += file.p[i] == 0 && i % 2 == 0;
    }
    size_t more = odd > even ? odd : even, less = odd + even - more;
    if (file.n % 2 || more <= less * 3 || more * 20 < n)
        return false;
    *ret_charset = odd > even ? CHARSET_UTF16LE : CHARSET_UTF16BE;
    return true;
}

/* ISO-2022-JP is all ASCII bytes and would pass for UTF-8; its escapes tell. iconv knows it without
 * ① and 髙, so what it converts would have holes. */
static bool is_jis(struct slice file)
{
    if (!file.p) /* gcc 12 with UBSan would warn of it otherwise */
        return false;
    return slice_find(file, SLICE_LIT("\x1b$B")) < file.n ||
           slice_find(file, SLICE_LIT("\x1b$@")) < file.n;
}

enum status charset_to_utf8(struct slice file, struct buf *out, enum charset *ret_charset,
                            struct err *err)
{
    if (is_jis(file))
        return err_set(
            err, ST_UNSUPPORTED,
            N_("the text is in JIS (ISO-2022-JP); save it as UTF-8 or Shift_JIS and send "
               "it again"));
    enum charset c = CHARSET_UTF8;
    bool known = true;
    if (slice_starts(file, SLICE_LIT("\xff\xfe")))
        c = CHARSET_UTF16LE;
    else if (slice_starts(file, SLICE_LIT("\xfe\xff")))
        c = CHARSET_UTF16BE;
    else if (!slice_starts(file, SLICE_LIT("\xef\xbb\xbf")))
        known = utf16_by_nul(file, &c) || utf8_valid(file, NULL);
    if (!known)
        return trial(file, out, ret_charset, err);
    enum status st = charset_convert(file, c, out, err);
    if (st == OK)
        *ret_charset = c;
    return st;
}

/* Excel and iconv disagree on a few signs that look the same; both spellings reach CP932. */
static uint32_t cp932_twin(uint32_t c)
{
    switch (c) {
    case 0x301c:
        return 0xff5e; /* wave dash */
    case 0x2014:
        return 0x2015; /* em dash */
    case 0x2016:
        return 0x2225; /* double vertical line */
    case 0x2212:
        return 0xff0d; /* minus sign */
    case 0x00a2:
        return 0xffe0;
    case 0x00a3:
        return 0xffe1;
    case 0x00ac:
        return 0xffe2;
    case 0x00a0:
        return ' ';
    default:
        return c;
    }
}

static bool cp932_char(iconv_t cd, uint32_t c, struct buf *out)
{
    uint8_t utf8[4];
    char bytes[8];
    size_t left = utf8_encode(cp932_twin(c), utf8), space = sizeof(bytes);
    char *in = (char *)utf8, *to = bytes;
    if (iconv(cd, &in, &left, &to, &space) != 0 || left != 0)
        return false;
    (void)buf_add(out, bytes, sizeof(bytes) - space); /* sticks to out */
    return true;
}

enum status charset_add_cp932(struct buf *out, struct slice text, char replacement,
                              charset_missing_fn missing, void *ctx)
{
    iconv_t cd = iconv_open("CP932", "UTF-8");
    if (cd == (iconv_t)-1)
        return errno == ENOMEM ? ST_NOMEM : ST_UNSUPPORTED;
    size_t start = out->n, n = 0;
    bool refused = false;
    for (size_t i = 0; i < text.n; i += n) {
        bool ok;
        uint32_t c = utf8_decode(slice_sub(text, i, 4), &n, &ok);
        if (ok && c < 0x80) {
            (void)buf_add_char(out, (char)c);
        } else if (!ok || !cp932_char(cd, c, out)) {
            if (missing)
                missing(ctx, i, c);
            refused = refused || !replacement;
            (void)buf_add_char(out, replacement);
        }
    }
    iconv_close(cd);
    if (refused && out->failed == OK) {
        buf_cut(out, start);
        return ST_INVALID;
    }
    return buf_status(out);
}
