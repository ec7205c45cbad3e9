/* Text on pages: whatever comes in, no byte can leave its place. Between tags and in attributes the
 * five special characters of HTML never come out as themselves; what comes out is UTF-8 without
 * controls; an address that is accepted is one of the kinds that are allowed. */
#include "fuzz.h"

#include "base/utf8.h"
#include "board/web/html.h"

static void check_bytes(struct slice s, const char *forbidden)
{
    if (!utf8_valid(s, NULL))
        abort();
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == 0 || strchr(forbidden, s.p[i]))
            abort();
        if ((s.p[i] < 0x20 && s.p[i] != '\t' && s.p[i] != '\n') || s.p[i] == 0x7f)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct buf b;
    buf_init(&b, size * 16 + 1024);
    struct html h = {&b, size % 2 ? LANG_JA : LANG_EN, 1639560000000};
    html_put(&h, in);
    check_bytes(buf_slice(&b), "<>\"'");
    buf_clear(&b);
    html_put_value(&h, in);
    check_bytes(buf_slice(&b), "<>\"'");
    buf_clear(&b);
    html_put_url_part(&h, in);
    check_bytes(buf_slice(&b), "<>\"'&:/?#[]@ \\");
    buf_clear(&b);
    struct html_url u = html_url_of(in);
    html_put_url(&h, u);
    check_bytes(buf_slice(&b), "<>\"' \\\t\n");
    if (slice_starts(buf_slice(&b), SLICE_LIT("//")))
        abort();
    char *text = strndup(size ? (const char *)data : "", size); /* as a translation */
    if (!text)
        abort();
    const struct html_arg args[] = {html_arg("a", in), html_arg("n", (int64_t)size)};
    buf_clear(&b);
    html_translate(&h, HTML_PLAIN, text, args, 2);
    if (html_status(&h) == OK)
        check_bytes(buf_slice(&b), "<>\"'");
    free(text);
    int64_t ms = 0;
    memcpy(&ms, data, size < sizeof ms ? size : sizeof ms);
    buf_clear(&b);
    html_put(&h, html_since(ms));
    html_put(&h, html_at(ms));
    if (html_status(&h) == OK && !utf8_valid(buf_slice(&b), NULL))
        abort();
    buf_done(&b);
    return 0;
}
