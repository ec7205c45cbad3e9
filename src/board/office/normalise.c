#include "board/office/normalise.h"

#include "base/timefmt.h"
#include "base/utf8.h"

#include <math.h>
#include <strings.h>

/* U+FF61 … U+FF9F as full-width; the voiced marks compose with the sign before them. */
static const uint16_t half_kana[] = {
    0x3002, 0x300c, 0x300d, 0x3001, 0x30fb, 0x30f2, 0x30a1, 0x30a3, 0x30a5, 0x30a7, 0x30a9,
    0x30e3, 0x30e5, 0x30e7, 0x30c3, 0x30fc, 0x30a2, 0x30a4, 0x30a6, 0x30a8, 0x30aa, 0x30ab,
    0x30ad, 0x30af, 0x30b1, 0x30b3, 0x30b5, 0x30b7, 0x30b9, 0x30bb, 0x30bd, 0x30bf, 0x30c1,
    0x30c4, 0x30c6, 0x30c8, 0x30ca, 0x30cb, 0x30cc, 0x30cd, 0x30ce, 0x30cf, 0x30d2, 0x30d5,
    0x30d8, 0x30db, 0x30de, 0x30df, 0x30e0, 0x30e1, 0x30e2, 0x30e4, 0x30e6, 0x30e8, 0x30e9,
    0x30ea, 0x30eb, 0x30ec, 0x30ed, 0x30ef, 0x30f3, 0x309b, 0x309c,
};

static uint32_t compose(uint32_t base, uint32_t mark)
{
    bool h = base >= 0x30cf && base <= 0x30db && (base - 0x30cf) % 3 == 0;
    if (mark == 0xff9f)
        return h ? base + 2 : 0;
    bool k = (base >= 0x30ab && base <= 0x30c1 && base % 2 == 1) || base == 0x30c4 ||
             base == 0x30c6 || base == 0x30c8;
    if (k || h)
        return base + 1;
    return base == 0x30a6 ? 0x30f4 : 0;
}

static uint32_t next_char(struct slice *s)
{
    size_t n;
    bool ok;
    uint32_t c = utf8_decode(*s, &n, &ok);
    *s = slice_sub(*s, n, s->n);
    return c;
}

/* The next character in its usual width. */
static uint32_t next_folded(struct slice *s)
{
    uint32_t c = next_char(s);
    if (c >= 0xff01 && c <= 0xff5e)
        return c - 0xfee0;
    if (c == 0x3000 || c == 0xa0 || c == '\t')
        return ' ';
    if (c < 0xff61 || c > 0xff9f)
        return c;
    c = half_kana[c - 0xff61];
    struct slice ahead = *s;
    uint32_t mark = s->n ? next_char(&ahead) : 0, both = 0;
    if (mark == 0xff9e || mark == 0xff9f)
        both = compose(c, mark);
    if (both)
        *s = ahead;
    return both ? both : c;
}

static void add_char(struct buf *out, uint32_t c)
{
    uint8_t b[4];
    (void)buf_add(out, b, utf8_encode(c, b)); /* sticks to out */
}

enum status norm_text(struct slice s, struct buf *out)
{
    bool space = false, newline = false;
    size_t start = out->n;
    while (s.n) {
        uint32_t c = next_folded(&s);
        if (c == '\n' || c == '\r') {
            newline = true;
        } else if (c == ' ' || c < 0x20 || c == 0x7f) {
            space = true;
        } else {
            if (out->n > start && (space || newline))
                add_char(out, newline ? '\n' : ' ');
            space = newline = false;
            add_char(out, c);
        }
    }
    return buf_status(out);
}

static bool is_dash(uint32_t c)
{
    return c == '-' || c == 0x30fc || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0x2500;
}

enum status norm_match_key(struct slice s, struct buf *out)
{
    static const char *const forms[] = {"株式会社", "有限会社", "合同会社", "合資会社", "(株)",
                                        "(有)",     "㈱",       "㈲",       ",inc.",    "co.,ltd.",
                                        "inc.",     "ltd.",     "corp."};
    size_t start = out->n;
    while (s.n) {
        uint32_t c = next_folded(&s);
        if (c <= ' ' || c == 0x7f || is_dash(c))
            continue;
        add_char(out, c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    if (out->failed != OK)
        return out->failed;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct slice form = slice_str(forms[i]);
        struct slice key = slice_sub(buf_slice(out), start, out->n);
        size_t at = slice_find(key, form);
        if (at == key.n || key.n == form.n) /* a name that is only the form stays */
            continue;
        memmove(out->p + start + at, out->p + start + at + form.n, key.n - at - form.n);
        buf_cut(out, out->n - form.n);
    }
    return OK;
}

/* --- dates */

static enum status checked(int y, int m, int d, struct norm_date *ret)
{
    if (y < 1868 || y > 2999 || !civil_date_valid(y, m, d ? d : 1))
        return ST_MALFORMED;
    *ret = (struct norm_date){y, m, d};
    return OK;
}

enum status norm_serial_date(double serial, bool date1904, struct norm_date *ret_date)
{
    if (!(serial >= 0) || serial > 2958465) /* 9999-12-31 */
        return ST_MALFORMED;
    int64_t days = (int64_t)floor(serial);
    int64_t epoch = date1904 ? -24107 : -25569; /* 1904-01-01 and 1899-12-30 from 1970 */
    if (!date1904 && days == 60) {
        *ret_date = (struct norm_date){1900, 2, 29}; /* a day that only Excel knows */
        return OK;
    }
    if (!date1904 && days < 60)
        epoch++;
    struct civil c = civil_of_ms((days + epoch) * 86400000);
    *ret_date = (struct norm_date){c.year, c.month, c.day};
    return OK;
}

/* Up to `most` digits; 元 counts as 1 (the first year of an era). */
static bool take_number(struct slice *s, size_t most, int *ret)
{
    if (slice_starts(*s, SLICE_LIT("元"))) {
        *s = slice_sub(*s, 3, s->n);
        *ret = 1;
        return true;
    }
    int v = 0;
    size_t i = 0;
    for (; i < s->n && i < most && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        v = v * 10 + (s->p[i] - '0');
    *s = slice_sub(*s, i, s->n);
    *ret = v;
    return i > 0;
}

static bool take_any(struct slice *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_starts(*s, slice_str(words[i]))) {
            *s = slice_sub(*s, strlen(words[i]), s->n);
            return true;
        }
    return false;
}

static int take_era(struct slice *s)
{
    static const struct {
        const char *word;
        int before; /* the year before the first */
    } eras[] = {{"令和", 2018}, {"平成", 1988}, {"昭和", 1925}, {"大正", 1911}, {"R", 2018},
                {"H", 1988},    {"S", 1925},    {"T", 1911},    {"r", 2018},    {"h", 1988},
                {"s", 1925},    {"令", 2018},   {"平", 1988},   {"昭", 1925},   {"大", 1911},
                {"㋿", 2018},  {"㍻", 1988},   {"㍼", 1925}};
    for (size_t i = 0; i < ARRAY_LEN(eras); i++)
        if (slice_starts(*s, slice_str(eras[i].word))) {
            *s = slice_sub(*s, strlen(eras[i].word), s->n);
            return eras[i].before;
        }
    return 0;
}

/* What may follow a date: a time of day, a weekday in brackets. */
static bool only_time_follows(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789: TZ.", s.p[i]) || s.p[i] == 0)
            return s.n - i <= 5 && s.p[i] == '(' && s.p[s.n - 1] == ')';
    return true;
}

static bool take_month_name(struct slice *s, int *ret)
{
    static const char names[12][10] = {"january",   "february", "march",    "april",
                                       "may",       "june",     "july",     "august",
                                       "september", "october",  "november", "december"};
    size_t n = 0;
    while (n < s->n && ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'))
        n++;
    for (int i = 0; i < 12 && n >= 3; i++)
        if (n <= strlen(names[i]) && strncasecmp((const char *)s->p, names[i], n) == 0) {
            *s = slice_sub(*s, n, s->n);
            *ret = i + 1;
            return true;
        }
    return false;
}

static void skip_marks(struct slice *s)
{
    while (s->n && strchr(" -,./", s->p[0]) && s->p[0])
        *s = slice_sub(*s, 1, s->n);
}

/* "10 Dec 2021", "10-Dec-2021", "December 10, 2021": with the month's name the order is plain. */
static enum status english_date(struct slice s, struct norm_date *ret)
{
    int y, m, d;
    bool named_first = take_month_name(&s, &m);
    skip_marks(&s);
    if (!take_number(&s, 2, &d))
        return ST_MALFORMED;
    skip_marks(&s);
    if (!named_first && !take_month_name(&s, &m))
        return ST_MALFORMED;
    skip_marks(&s);
    struct slice year = s;
    if (!take_number(&s, 4, &y) || year.n - s.n != 4 || d == 0 || !only_time_follows(s))
        return ST_MALFORMED;
    return checked(y, m, d, ret);
}

static enum status split_date(struct slice s, struct norm_date *ret)
{
    static const char *const year_end[] = {"年度", "年", "/", "-", "."};
    static const char *const month_end[] = {"月", "/", "-", "."};
    static const char *const day_end[] = {"日"};
    int era = take_era(&s), y, m, d = 0;
    s = slice_trim(s);
    struct slice all = s;
    if (!take_number(&s, era ? 2 : 4, &y))
        return ST_MALFORMED;
    if (!era && all.n == 8 && slice_to_u64(all, &(uint64_t){0}) == OK) { /* 20211130 */
        if (!take_number(&s, 2, &m) || !take_number(&s, 2, &d) || s.n)
            return ST_MALFORMED;
        return checked(y, m, d, ret);
    }
    if ((!era && y < 1868) || !take_any(&s, year_end, ARRAY_LEN(year_end)))
        return ST_MALFORMED;
    s = slice_trim(s);
    if (!take_number(&s, 2, &m))
        return ST_MALFORMED;
    bool more = take_any(&s, month_end, ARRAY_LEN(month_end));
    s = slice_trim(s);
    if (more && s.n && !take_number(&s, 2, &d))
        return ST_MALFORMED;
    if (d)
        (void)take_any(&s, day_end, 1);
    if (!only_time_follows(s))
        return ST_MALFORMED;
    return checked(y + era, m, d, ret);
}

enum status norm_date(struct slice s, bool serials, bool date1904, struct norm_date *ret_date)
{
    char text[128];
    struct buf b;
    buf_over(&b, text, sizeof(text));
    enum status st = norm_text(slice_sub(s, 0, 120), &b);
    struct slice t = buf_slice(&b);
    uint64_t serial;
    if (s.n > 120 || st != OK)
        return ST_MALFORMED;
    /* five digits: four are a year, eight a date; the fraction is a time of day */
    size_t point = slice_index(t, '.');
    if (serials && point == 5 && slice_to_u64(slice_sub(t, 0, 5), &serial) == OK &&
        (t.n == 5 || slice_to_u64(slice_sub(t, 6, t.n), &(uint64_t){0}) == OK))
        return norm_serial_date((double)serial, date1904, ret_date);
    return split_date(t, ret_date) == OK ? OK : english_date(t, ret_date);
}

/* --- categories and marks */

static bool key_has(struct slice key, const char *word)
{
    return slice_find(key, slice_str(word)) < key.n;
}

enum ledger_category norm_category(struct slice s)
{
    /* Written as match keys: lower case, no spaces, no long-vowel marks. Order decides: "社内向け
     * SaaS" is SaaS, "外部サービス" too, "社内システム" is not client software. */
    static const struct {
        const char *word;
        enum ledger_category category;
    } words[] = {
        {"saas", CATEGORY_SAAS},           {"クラウド", CATEGORY_SAAS},
        {"cloud", CATEGORY_SAAS},          {"asp", CATEGORY_SAAS},
        {"外部サビス", CATEGORY_SAAS},     {"利用サビス", CATEGORY_SAAS},
        {"subscription", CATEGORY_SAAS},   {"クライアント", CATEGORY_CLIENT},
        {"client", CATEGORY_CLIENT},       {"端末", CATEGORY_CLIENT},
        {"pcソフト", CATEGORY_CLIENT},     {"パソコン", CATEGORY_CLIENT},
        {"デスクトップ", CATEGORY_CLIENT}, {"desktop", CATEGORY_CLIENT},
        {"workstation", CATEGORY_CLIENT},  {"endpoint", CATEGORY_CLIENT},
        {"社内外", CATEGORY_EXTERNAL}, /* both: the one that can be reached counts */
        {"社外", CATEGORY_EXTERNAL},       {"外部", CATEGORY_EXTERNAL},
        {"対外", CATEGORY_EXTERNAL},       {"公開", CATEGORY_EXTERNAL},
        {"お客様", CATEGORY_EXTERNAL},     {"顧客", CATEGORY_EXTERNAL},
        {"取引先", CATEGORY_EXTERNAL},     {"インタネット", CATEGORY_EXTERNAL},
        {"external", CATEGORY_EXTERNAL},   {"internet", CATEGORY_EXTERNAL},
        {"customer", CATEGORY_EXTERNAL},   {"public", CATEGORY_EXTERNAL},
        {"社内", CATEGORY_INTERNAL},       {"内部", CATEGORY_INTERNAL},
        {"イントラ", CATEGORY_INTERNAL},   {"基幹", CATEGORY_INTERNAL},
        {"internal", CATEGORY_INTERNAL},   {"intranet", CATEGORY_INTERNAL},
        {"inhouse", CATEGORY_INTERNAL},
    };
    char text[256]; /* 80 bytes that are no UTF-8 become 240 */
    struct buf b;
    buf_over(&b, text, sizeof(text));
    enum ledger_category c = CATEGORY_UNKNOWN;
    if (s.n <= 80 && norm_match_key(s, &b) == OK && !key_has(buf_slice(&b), "非公開"))
        for (size_t i = 0; i < ARRAY_LEN(words) && c == CATEGORY_UNKNOWN; i++)
            if (key_has(buf_slice(&b), words[i].word))
                c = words[i].category;
    return c;
}

const char *category_code(enum ledger_category c)
{
    static const char *const codes[] = {"", "external", "internal", "saas", "client"};
    return (unsigned)c < ARRAY_LEN(codes) ? codes[c] : "";
}

enum yes_no norm_yes_no(struct slice s)
{
    static const char *const yes[] = {"○",    "◯",    "〇", "◎",    "●", "有",  "有り",
                                      "あり", "はい", "要", "必要", "y", "yes", "1",
                                      "true", "公開", "レ", "✓",    "可"};
    static const char *const no[] = {"×",    "✕", "✗",  "x", "無",    "無し",   "なし", "いいえ",
                                     "不要", "n", "no", "0", "false", "非公開", "不可"};
    char text[64];
    struct buf b;
    buf_over(&b, text, sizeof(text));
    enum yes_no answer = YN_UNKNOWN;
    if (s.n <= 20 && norm_match_key(s, &b) == OK) {
        for (size_t i = 0; i < ARRAY_LEN(yes); i++)
            if (slice_eq_str(buf_slice(&b), yes[i]))
                answer = YN_YES;
        for (size_t i = 0; i < ARRAY_LEN(no); i++)
            if (slice_eq_str(buf_slice(&b), no[i]))
                answer = YN_NO;
    }
    return answer;
}

/* --- splitting */

static bool host_end(uint32_t c)
{
    return c <= ' ' || c == ',' || c == ';' || c == '/' || c == 0x3001 || c == 0x3000 ||
           c == 0xff0c || c == 0xff0f || c == 0xff1b || c == 0x30fb;
}

bool norm_next_host(struct slice *rest, struct slice *ret_host)
{
    struct slice s = *rest;
    while (s.n) {
        struct slice from = s;
        size_t n = 0;
        while (s.n) {
            struct slice before = s;
            if (host_end(next_char(&s))) {
                s = before;
                break;
            }
            n = from.n - s.n;
        }
        if (n) {
            *ret_host = slice_sub(from, 0, n);
            *rest = s;
            return true;
        }
        (void)next_char(&s);
    }
    *rest = s;
    return false;
}

/* Where the last run of spaces stands; s.n when there is none inside. */
static size_t last_space(struct slice s, size_t *ret_after)
{
    size_t at = s.n, after = s.n, i = 0, n = 0;
    bool in_space = false;
    for (; i < s.n; i += n) {
        bool ok;
        uint32_t c = utf8_decode(slice_sub(s, i, 4), &n, &ok);
        bool space = c == ' ' || c == 0x3000 || c == '\n';
        if (space && !in_space)
            at = i;
        if (space)
            after = i + n;
        in_space = space;
    }
    *ret_after = after;
    return in_space || at == 0 ? s.n : at;
}

static bool names_department(struct slice s)
{
    static const char *const ends[] = {"部",   "課",       "室",     "係",       "局",
                                       "本部", "グループ", "チーム", "センター", "事業所",
                                       "支店", "G",        "Dept",   "Dept."};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (slice_ends(s, slice_str(ends[i])))
            return true;
    return false;
}

bool norm_split_owner(struct slice s, struct slice *ret_department, struct slice *ret_person)
{
    /* The first space behind a department: a person's name may have a space itself. */
    for (size_t i = 0, n = 0; i < s.n; i += n) {
        bool ok;
        uint32_t c = utf8_decode(slice_sub(s, i, 4), &n, &ok);
        struct slice before = slice_sub(s, 0, i), after = slice_sub(s, i + n, s.n);
        if ((c != ' ' && c != 0x3000 && c != '\n' && c != '/') || !names_department(before))
            continue;
        if (after.n == 0 || names_department(after))
            continue;
        *ret_department = before;
        *ret_person = after;
        return true;
    }
    return false;
}

static bool is_version(struct slice s)
{
    static const char *const marks[] = {"Version", "version", "Ver.", "ver.", "VER", "Ver",
                                        "ver",     "V",       "v",    "Rev.", "第"};
    (void)take_any(&s, marks, ARRAY_LEN(marks));
    return s.n && s.p[0] >= '0' && s.p[0] <= '9';
}

bool norm_split_product(struct slice s, struct slice *ret_product, struct slice *ret_version)
{
    static const char *const marks[] = {"Version", "version", "Ver.", "ver.",
                                        "Ver",     "ver",     "V",    "v"};
    size_t after, at = last_space(s, &after);
    if (at == s.n || !is_version(slice_sub(s, after, s.n)))
        return false;
    struct slice product = slice_sub(s, 0, at), version = slice_sub(s, after, s.n);
    (void)take_any(&version, marks, ARRAY_LEN(marks));
    size_t gap, word = last_space(product, &gap); /* "Product Ver 5.2" */
    struct slice tail = slice_sub(product, gap, product.n);
    if (word < product.n && take_any(&tail, marks, ARRAY_LEN(marks)) && tail.n == 0)
        product = slice_sub(product, 0, word);
    *ret_product = product;
    *ret_version = version;
    return true;
}
