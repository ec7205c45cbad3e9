/* Texts in the reader's language.
 *
 * The source text is English (the msgid); translations are gettext catalogues (po/ja/….po),
 * compiled by msgfmt and linked into the program, so nothing is looked up on disk and two threads
 * may answer in two languages at once, which libc's gettext cannot do. Mark texts with T(lang, …)
 * for xgettext, or N_("…") where the text stands in a table and is translated later. A missing
 * translation gives the English text; `./test` fails when one is missing.
 */
#ifndef HIKESHI_BASE_MESSAGES_H
#define HIKESHI_BASE_MESSAGES_H

#include "base/buf.h"

enum lang {
    LANG_EN = 0,
    LANG_JA = 1,
};

/* Makes a compiled catalogue (GNU MO, either byte order) the one for lang. The bytes must stay
 * where they are. Called by main before any thread is started; a damaged catalogue is ST_MALFORMED.
 */
enum status messages_use(enum lang lang, struct slice mo, struct err *e) MUST_USE;

/* The text of msgid in lang; msgid itself when there is no translation. Never NULL. */
const char *messages_get(enum lang lang, const char *msgid) __attribute__((format_arg(2)));

/* With a context, for one English word that is two in Japanese (msgctxt in the catalogue). */
const char *messages_get_ctx(enum lang lang, const char *ctx, const char *msgid);

/* Singular or plural by n (Japanese has one form). */
const char *messages_get_n(enum lang lang, const char *one, const char *many, int64_t n)
    __attribute__((format_arg(2))) __attribute__((format_arg(3)));

/* The error as a sentence in lang, appended to out. What has no translation is told in English. */
enum status messages_add_err(struct buf *out, enum lang lang, const struct err *e);

/* Makes the catalogues that are linked into the program the ones in use; called by main. */
enum status messages_use_linked(struct err *e) MUST_USE;

#define T(lang, text) messages_get(lang, text)
#define TC(lang, ctx, text) messages_get_ctx(lang, ctx, text)
#define TN(lang, one, many, n) messages_get_n(lang, one, many, n)
#define N_(text) text

/* "ja" / "en", and back ("ja_JP.UTF-8" and "ja-JP" are ja; everything else en). */
const char *lang_code(enum lang lang);
enum lang lang_from(const char *name);
/* From LC_ALL, LC_MESSAGES, LANG, in this order. */
enum lang lang_from_environment(void);

#endif
