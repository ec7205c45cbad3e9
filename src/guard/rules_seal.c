/* The checksum of a file: SHA-256 (FIPS 180-4) over its lines, each with one LF at its end however
 * it ended in the file, so that a copy with CRLF has the same. */
#include "guard/rules_int.h"

void rule_sum_line(struct sha256_ctx *sum, struct slice line)
{
    sha256_update(sum, line.n, line.p);
    sha256_update(sum, 1, (const uint8_t *)"\n");
}

void rule_sum_hex(struct sha256_ctx *sum, char out[RULE_SUM_HEX])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(sum, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

enum status guard_rules_seal(struct slice text, struct buf *out, struct err *e)
{
    struct sha256_ctx sum;
    struct rule_words words;
    struct slice rest = text, line;
    char hex[RULE_SUM_HEX];
    unsigned number = 0;
    bool sealed = false;
    sha256_init(&sum);
    while (slice_next_line(&rest, &line)) {
        enum status st = rule_words_read(line, &words, e);
        number++;
        if (st == OK && sealed && line.n)
            st = err_set(e, ST_INVALID, N_("nothing may stand behind the checksum"));
        if (st != OK) {
            err_prefix(e, N_("line %u"), number);
            return st;
        }
        sealed |= words.n && slice_eq_str(words.word[0].text, "checksum");
        if (sealed)
            continue;
        rule_sum_line(&sum, line);
        (void)buf_add_slice(out, line);
        (void)buf_add_char(out, '\n');
    }
    rule_sum_hex(&sum, hex);
    if (buf_addf(out, "checksum sha256 %s\n", hex) != OK)
        return err_set(e, buf_status(out),
                       buf_status(out) == ST_NOMEM ? N_("not enough memory") : N_("too long"));
    return OK;
}
