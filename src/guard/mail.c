/* What mail's encodings say, undone as it comes: encoded words (RFC 2047 section 2) in names and
 * file names, quoted-printable and base64 (RFC 2045 sections 6.7 and 6.8) in the contents of parts.
 * As lenient as readers are: = without digits is itself, base64 leaves out what is no digit. */
#include "guard/guard_int.h"

#include "base/base64.h"

enum {
    LETTERS,
    EQUALS,    /* behind = */
    DIGIT,     /* behind the first one */
    SOFT,      /* behind =CR */
    CHARSET,   /* behind =? */
    ENCODING,  /* behind its ? */
    QUESTION,  /* behind a ?, which may end a word */
    BETWEEN,   /* words: spaces do not count */
    NEXT_WORD, /* behind = there */
};

void guard_mail_begin(struct mail_state *m, enum mail_coding coding)
{
    *m = (struct mail_state){.coding = (uint8_t)coding, .word = LETTERS};
}

void guard_charset_add(struct guard_charset *s, uint8_t c)
{
    if (s->n < sizeof s->p)
        s->p[s->n++] = c;
}

bool guard_charset_ends(struct guard_charset *s)
{
    struct slice name = slice_of(s->p, s->n);
    name = slice_sub(name, 0, slice_index(name, '*')); /* a language may follow (RFC 2231) */
    s->n = 0;
    return guard_charset_is_read(name) && !guard_charset_is_wide(name);
}

static bool is_charset(uint8_t c)
{
    return c > ' ' && c < 0x7f && !strchr("?=()<>@,;:\"/[].", c);
}

static void take_base64(struct mail_state *m, uint8_t c, uint8_t *out, size_t *n)
{
    if (c == '=') /* the padding of a group, behind which another text may follow */
        m->digits = 0;
    if (!is_base64(c))
        return;
    m->bits = m->bits << 6 | base64_digits[c];
    m->digits++;
    if (m->digits > 1)
        out[(*n)++] = (uint8_t)(m->bits >> (8 - 2 * m->digits));
    m->digits &= 3;
}

static void begin_charset(struct mail_state *m)
{
    m->word = CHARSET;
    m->charset.n = 0;
}

/* The letter of a word's encoding, or the ? behind it. */
static bool take_encoding(struct mail_state *m, uint8_t c)
{
    if (c == '?')
        return true;
    m->word = ENCODING;
    m->base64 = (c | 0x20) == 'b';
    m->digits = 0;
    if (!m->base64 && (c | 0x20) != 'q') {
        m->word = LETTERS;
        return false;
    }
    m->unread |= !guard_charset_ends(&m->charset);
    return true;
}

static bool take_letter(struct mail_state *m, uint8_t c, uint8_t *out, size_t *n)
{
    m->word = c == '?' ? QUESTION : c == '=' && !m->base64 ? EQUALS : LETTERS;
    if (m->word == LETTERS && m->base64)
        take_base64(m, c, out, n);
    else if (m->word == LETTERS)
        out[(*n)++] = c;
    return true;
}

/* False: the byte is to be taken again. */
static bool take_word(struct mail_state *m, uint8_t c, uint8_t *out, size_t *n)
{
    uint8_t was = m->word;
    m->word = LETTERS;
    switch (was) {
    case EQUALS:
        m->digit = c;
        m->word = c == '\r' ? SOFT : hex_value(c) >= 0 ? DIGIT : LETTERS;
        if (c == '?')
            begin_charset(m);
        if (m->word != LETTERS || c == '\n')
            return true;
        out[(*n)++] = '=';
        return false;
    case DIGIT:
        if (hex_value(c) >= 0) {
            out[(*n)++] = (uint8_t)((unsigned)hex_value(m->digit) << 4 | (unsigned)hex_value(c));
            return true;
        }
        out[(*n)++] = '=';
        out[(*n)++] = m->digit;
        return false;
    case SOFT:
        return c == '\n';
    case CHARSET:
        m->word = c == '?' ? ENCODING : is_charset(c) ? CHARSET : LETTERS;
        if (m->word == CHARSET)
            guard_charset_add(&m->charset, c);
        return m->word != LETTERS;
    case ENCODING:
        return take_encoding(m, c);
    case QUESTION:
        if (c != '=')
            out[(*n)++] = '?';
        m->word = c == '=' ? BETWEEN : LETTERS;
        m->base64 &= c != '=';
        return c == '=';
    case BETWEEN:
        m->word = c == '=' ? NEXT_WORD : BETWEEN;
        if (c == '=' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
            return true;
        m->word = LETTERS;
        return false;
    case NEXT_WORD:
        m->word = EQUALS;
        if (c == '?')
            begin_charset(m);
        return c == '?';
    default:
        return take_letter(m, c, out, n);
    }
}

void guard_mail_byte(struct mail_state *m, uint8_t c, uint8_t *out, size_t *n)
{
    switch (m->coding) {
    case MAIL_PLAIN:
        out[(*n)++] = c;
        break;
    case MAIL_BASE64:
        take_base64(m, c, out, n);
        break;
    default:
        while (!take_word(m, c, out, n))
            ;
    }
}
