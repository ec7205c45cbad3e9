/* What Japanese office people write, as the values that the ledger keeps. No state; any thread;
 * input is UTF-8 and otherwise hostile. Functions that give slices give parts of their input. */
#ifndef HIKESHI_BOARD_OFFICE_NORMALISE_H
#define HIKESHI_BOARD_OFFICE_NORMALISE_H

#include "base/buf.h"

enum ledger_category {
    CATEGORY_UNKNOWN,
    CATEGORY_EXTERNAL, /* systems and services for outsiders */
    CATEGORY_INTERNAL,
    CATEGORY_SAAS,
    CATEGORY_CLIENT, /* client software */
};
enum yes_no { YN_UNKNOWN, YN_YES, YN_NO };

/* Appends s with full-width ASCII and space half-width, half-width katakana full-width (with its
 * voiced marks composed), runs of space as one, ends trimmed. Newlines stay newlines. */
enum status norm_text(struct slice s, struct buf *out);
/* Appends the key under which two spellings of a name are the same: norm_text, lower case, without
 * spaces, legal forms (㈱, (株), 株式会社, 有限会社, Inc., …), hyphens and long-vowel marks. */
enum status norm_match_key(struct slice s, struct buf *out);

/* A date in any of the usual spellings (eras, slashes, 年月日; with `serials` also a bare Excel
 * serial of five digits, 1900 or 1904 system). Day 0: only the month is known. ST_MALFORMED if not
 * a date.
 */
struct norm_date {
    int year, month, day;
};
enum status norm_date(struct slice s, bool serials, bool date1904,
                      struct norm_date *ret_date) MUST_USE;
/* An Excel serial (whole days) in the 1900 system with its leap bug, or the 1904 system. */
enum status norm_serial_date(double serial, bool date1904, struct norm_date *ret_date) MUST_USE;

enum ledger_category norm_category(struct slice s);
/* "external", "internal", "saas", "client", "" */
const char *category_code(enum ledger_category c);
enum yes_no norm_yes_no(struct slice s);

/* Takes the next host off *rest (comma, 、, newline, /, ;, space). False when none is left. */
bool norm_next_host(struct slice *rest, struct slice *ret_host);
/* "物流システム部 上原" is department and person. False when it is not both. */
bool norm_split_owner(struct slice s, struct slice *ret_department, struct slice *ret_person);
/* "ラベルスイート Ver5.2.1" (after norm_text) is product and version. False when it is not both. */
bool norm_split_product(struct slice s, struct slice *ret_product, struct slice *ret_version);

#endif
