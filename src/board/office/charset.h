/* Character sets of Japanese office files: a whole file to UTF-8, and UTF-8 to CP932 for export.
 * No state; any thread. Input is hostile. */
#ifndef HIKESHI_BOARD_OFFICE_CHARSET_H
#define HIKESHI_BOARD_OFFICE_CHARSET_H

#include "base/buf.h"

enum charset { CHARSET_UTF8, CHARSET_UTF16LE, CHARSET_UTF16BE, CHARSET_CP932, CHARSET_EUCJP };

/* "UTF-8", "UTF-16LE", "UTF-16BE", "CP932", "EUC-JP". */
const char *charset_name(enum charset c);
/* Also "Shift_JIS", "SJIS", "Windows-31J", any case. */
enum status charset_of_name(const char *name, enum charset *ret_charset) MUST_USE;

/* Detects by BOM, NUL pattern, strict UTF-8, then a trial of CP932 and EUC-JP, and appends the file
 * as UTF-8 without BOM to out. What is valid in none is ST_MALFORMED with row and byte offset. */
enum status charset_to_utf8(struct slice file, struct buf *out, enum charset *ret_charset,
                            struct err *err) MUST_USE;
/* The same with the charset that a person chose. */
enum status charset_convert(struct slice file, enum charset from, struct buf *out,
                            struct err *err) MUST_USE;

/* Appends text (UTF-8) as CP932. A character that CP932 does not have becomes `replacement` (an
 * ASCII character) and is told to `missing` (may be NULL) with its place in text; a replacement of
 * 0 refuses the text as ST_INVALID and leaves out as it was. */
typedef void (*charset_missing_fn)(void *ctx, size_t offset, uint32_t code_point);
enum status charset_add_cp932(struct buf *out, struct slice text, char replacement,
                              charset_missing_fn missing, void *ctx) MUST_USE;

#endif
