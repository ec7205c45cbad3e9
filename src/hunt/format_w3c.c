/* W3C extended logs: the columns are those of the file's #Fields: line. IIS separates by spaces,
 * CloudFront by tabs; without the line a CloudFront row is known by its shape. Times are UTC; a log
 * without the column has its day from the #Date: line. IIS writes + for a space and ", " in a list
 * of addresses as ",+".
 */
#include "hunt/format_int.h"

static const char cloudfront[] =
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie)";

static bool next_column(struct slice *rest, bool tabs, struct slice *ret)
{
    return slice_next_field(rest, tabs ? '\t' : ' ', ret);
}

static bool looks_like_cloudfront(struct slice line)
{
    struct cursor c = cursor_of(line);
    int64_t ms = 0;
    if (!take_iso_time(&c, &ms) || !take_char(&c, '\t') || line.n < 11 || line.p[10] != '\t')
        return false;
    (void)take_until(&c, "\t");
    (void)take_char(&c, '\t');
    (void)take_until(&c, "\t");
    return take_char(&c, '\t') && is_address(take_until(&c, "\t"));
}

static bool is_column(struct slice name, const char *a, const char *b)
{
    return slice_same_word(name, a) || slice_same_word(name, b);
}

static bool parse(struct slice line, const struct format_context *x, struct line_facts *f)
{
    bool tabs = slice_index(line, '\t') < line.n;
    struct slice names = x->header, name, value, rest = line;
    struct slice date = {NULL, 0}, clock = {NULL, 0}, forwarded = {NULL, 0};
    size_t columns = 0;
    if (line.n == 0 || line.p[0] == '#')
        return false;
    if (!names.n) {
        if (!looks_like_cloudfront(line))
            return false;
        names = SLICE_LIT(cloudfront);
    }
    while (slice_next_field(&names, ' ', &name)) {
        if (!name.n)
            continue;
        if (!next_column(&rest, tabs, &value))
            break;
        columns++;
        if (slice_same_word(name, "date"))
            date = value;
        else if (slice_same_word(name, "time"))
            clock = value;
        else if (is_column(name, "c-ip", "c-ip-address"))
            f->client = value;
        else if (is_column(name, "x-forwarded-for", "cs(x-forwarded-for)"))
            forwarded = value;
        facts_add(f, name, value);
    }
    if (columns < 3 || (date.n && (date.n != 10 || date.p[4] != '-')))
        return false;
    if (!date.n)
        date = x->date;
    if (date.n == 10 && clock.p && clock.n <= 12) {
        char text[40];
        int n = snprintf(text, sizeof text, "%.*sT%.*sZ", (int)date.n, (const char *)date.p,
                         (int)clock.n, (const char *)clock.p);
        struct cursor c = cursor_of(slice_of(text, (size_t)n));
        int64_t ms = 0;
        if (!take_iso_time(&c, &ms))
            return false;
        facts_time(f, ms);
    }
    f->client = client_behind(f->client, forwarded);
    return true;
}

const struct line_format format_w3c = {"w3c", parse};
