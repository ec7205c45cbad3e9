/* The verbs of hikeshi guard. Each gets the arguments from its own name on and returns the exit
 * code that --help promises. */
#ifndef HIKESHI_CMD_GUARD_VERBS_H
#define HIKESHI_CMD_GUARD_VERBS_H

#include "base/messages.h"
#include "guard/rules.h"

enum guard_exit { GUARD_EXIT_GOOD = 0, GUARD_EXIT_BAD = 1, GUARD_EXIT_TROUBLE = 2 };

int guard_try(int argc, char **argv, enum lang lang);

/* Says the error on standard error, with the file's name before it. */
int guard_complain(enum lang lang, const char *path, const struct err *e);
/* Says the sentence on standard error; GUARD_EXIT_TROUBLE. */
int guard_wrong(const char *sentence);
/* The text of a file of rules ("-" is standard input) and the rules; text is for buf_done in any
 * case. ST_INVALID, ST_LIMIT: the rules are wrong; it was told. */
enum status guard_read(enum lang lang, const char *path, struct buf *text,
                       struct guard_rules **ret) MUST_USE;
/* Text on standard output, all of it: GUARD_EXIT_GOOD or GUARD_EXIT_TROUBLE. */
int guard_print(enum lang lang, struct slice text);

#endif
