/* UUIDs of names, against those that other programs give. */
#include "unit.h"

#include "base/uuid.h"

static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

static void names(void **state)
{
    (void)state;
    char long_name[201];
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"}, /* RFC 9562, A.4 */
        {"python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
        {"", "4ebd0208-8328-5d69-8c44-ec50939c0967"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[UUID_SIZE];
        uuid_of_name(dns, slice_str(cases[i].name), got);
        assert_string_equal(got, cases[i].want);
    }
    /* around the ends of blocks, each length another one */
    memset(long_name, 'a', sizeof long_name);
    char before[UUID_SIZE] = "";
    for (size_t n = 0; n < sizeof long_name; n++) {
        char got[UUID_SIZE];
        uuid_of_name(dns, slice_of(long_name, n), got);
        assert_string_not_equal(got, before);
        memcpy(before, got, sizeof before);
    }
    assert_string_equal(before, "fe30bfa6-ef90-59b3-b108-118411d0f0ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
