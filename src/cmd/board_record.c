/* hikeshi-board verify: the record itself. */
#include "cmd/board_verbs.h"

static enum status verb_verify(struct db *db, const struct options *o, struct err *e)
{
    json_t *report = NULL;
    (void)o;
    enum status s = log_verify(db, &report, e);
    if (report) {
        (void)json_dumpf(report, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
        json_decref(report);
    }
    return s;
}

const struct verb record_verbs[] = {
    {NULL, "verify", 0, 0, "", verb_verify,
     "\n      walk every chain of the record, replay it and compare; exit 1 and name each\n"
     "      place when anything differs"},
    {0},
};
