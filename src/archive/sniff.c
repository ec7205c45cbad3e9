#include "archive/sniff.h"

#include <strings.h>

static const struct {
    struct slice sign;
    enum sniff kind;
} signs[] = {
    {SLICE_LIT("PK\3\4"), SNIFF_ZIP},             /* APPNOTE 4.3.7 */
    {SLICE_LIT("PK\5\6"), SNIFF_ZIP},             /* an empty one: 4.3.16 */
    {SLICE_LIT("PK\7\10PK"), SNIFF_ZIP},          /* once part of a split archive: 8.5.5 */
    {SLICE_LIT("PK00PK"), SNIFF_ZIP},             /* the same, as older archivers wrote it: 8.5.4 */
    {SLICE_LIT("\xca\xfe\xba\xbe"), SNIFF_CLASS}, /* JVM specification 4.1 */
    {SLICE_LIT("#!"), SNIFF_PREAMBLE},
    {SLICE_LIT("MZ"), SNIFF_PREAMBLE},
    {SLICE_LIT("JM"), SNIFF_PREAMBLE}, /* JEP 261: a jmod is a zip behind "JM" and a version */
    {SLICE_LIT("\x7f"
               "ELF"),
     SNIFF_ELF},
};

enum sniff sniff_head(struct slice head)
{
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (slice_starts(head, signs[i].sign))
            return signs[i].kind;
    return SNIFF_OTHER;
}

bool sniff_archive_may_begin(const uint8_t first[2])
{
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (signs[i].kind != SNIFF_CLASS && memcmp(signs[i].sign.p, first, 2) == 0)
            return true;
    return false;
}

bool sniff_claims_archive(struct slice name)
{
    static const char *const endings[] = {".jar", ".war", ".ear", ".zip", ".aar", ".sar", ".rar",
                                          ".hpi", ".jpi", ".par", ".kar", ".nbm", ".jmod"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t n = strlen(endings[i]);
        if (name.n > n && strncasecmp((const char *)name.p + (name.n - n), endings[i], n) == 0)
            return true;
    }
    return false;
}
