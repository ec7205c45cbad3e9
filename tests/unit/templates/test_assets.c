/* The embedded files: addresses, hashes, and the compressed form. */
#include "unit.h"

#include "base/limits.h"
#include "board/web/assets.h"

#include <sodium.h>
#define ZLIB_CONST
#include <zlib.h>

static void each_is_found_by_its_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        bool current = false;
        struct html_url u = asset_url((enum asset_id)i);
        assert_ptr_equal(asset_find(u.s, &current), &assets[i]);
        assert_true(current);
        assert_slice_equal(html_url_of(u.s).s, assets[i].path);
    }
    assert_string_equal(assets[ASSET_STYLE_CSS].name, "style.css");
    assert_string_equal(assets[ASSET_STYLE_CSS].type, "text/css; charset=utf-8");
    assert_string_equal(assets[ASSET_VENDOR_HTMX_MIN_JS].type, "text/javascript; charset=utf-8");
}

static void another_hash_is_found_and_said(void **state)
{
    (void)state;
    bool current = true;
    assert_ptr_equal(asset_find(slice_str("/assets/0123456789abcdef/style.css"), &current),
                     &assets[ASSET_STYLE_CSS]);
    assert_false(current);
}

static void nothing_else_is_found(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "/assets",
        "/assets/",
        "/assets/style.css",
        "/assets//style.css",
        "/assets/0123456789abcde/style.css",   /* a digit short */
        "/assets/0123456789abcdef0/style.css", /* one too many */
        "/assets/0123456789abcdef",
        "/assets/0123456789abcdef/",
        "/assets/0123456789abcdef/style.cs",
        "/assets/0123456789abcdef/style.css/",
        "/assets/0123456789abcdef/../style.css",
        "/assets/0123456789abcdef/vendor",
        "/asset/0123456789abcdef/style.css",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        bool current = true;
        assert_null(asset_find(slice_str(paths[i]), &current));
        assert_true(current); /* untouched */
    }
}

static void the_hash_is_of_the_content(void **state)
{
    (void)state;
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        uint8_t sum[crypto_hash_sha256_BYTES];
        char hex[17];
        assert_true(assets[i].plain.n > 0);
        (void)crypto_hash_sha256(sum, assets[i].plain.p, assets[i].plain.n);
        (void)sodium_bin2hex(hex, sizeof hex, sum, 8);
        assert_string_equal(hex, assets[i].hash);
    }
}

static void the_compressed_form_gives_the_same_bytes(void **state)
{
    (void)state;
    size_t packed = 0;
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        const struct asset *a = &assets[i];
        if (a->gzip.n == 0)
            continue;
        packed++;
        assert_true(a->gzip.n < a->plain.n);
        uint8_t *out = malloc(a->plain.n + 1);
        assert_non_null(out);
        z_stream z = {.next_in = a->gzip.p,
                      .avail_in = (uInt)a->gzip.n,
                      .next_out = out,
                      .avail_out = (uInt)a->plain.n + 1};
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, a->plain.n);
        assert_memory_equal(out, a->plain.p, a->plain.n);
        (void)inflateEnd(&z);
        free(out);
    }
    assert_true(packed >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_by_its_address),
        cmocka_unit_test(another_hash_is_found_and_said),
        cmocka_unit_test(nothing_else_is_found),
        cmocka_unit_test(the_hash_is_of_the_content),
        cmocka_unit_test(the_compressed_form_gives_the_same_bytes),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
