/* The verbs of hikeshi-board. Each group of verbs is a file src/cmd/board_GROUP.c that offers an
 * array; hikeshi-board.c names the arrays, one line each, in the order in which --help shows them.
 *
 * A verb gets the open, migrated database of --data or --database and the options it was given; it
 * prints what was done to standard output and returns a status with a sentence in err. Options of
 * all verbs are one table in hikeshi-board.c; an option that a verb does not name in `takes` is
 * refused before the verb is run.
 */
#ifndef HIKESHI_CMD_BOARD_VERBS_H
#define HIKESHI_CMD_BOARD_VERBS_H

#include "board/db/db.h"
#include "board/log/log.h"

/* The option's value, or NULL where it was not given. A flag that was given is "". */
struct options {
    const char *data, *database;
    const char *login, *name, *role, *password_file;   /* user add */
    const char *days;                                  /* user token */
    const char *title;                                 /* incident open */
    const char *incident;                              /* what belongs to one: its number */
    const char *host;                                  /* findings import */
    const char *json;                                  /* status: a flag */
    const char *sheet, *charset, *leave_out, *dry_run; /* ledger */
    const char *listen, *public_url, *trusted_proxy, *threads, *quiet; /* serve */
    const char *const *args; /* what stands behind the verb beside options */
    size_t arg_count;
    const char *url; /* the database as db_open takes it: for verbs that open more connections */
};

struct verb {
    const char *group; /* "user" of "user add"; NULL for a verb of one word */
    const char *name;
    size_t min_args, max_args;
    const char *takes; /* names of options beside data and database: "login name role" */
    enum status (*run)(struct db *db, const struct options *o, struct err *e);
    const char *help; /* arguments, newline, then lines that begin with six spaces */
};

/* Who acts: the command line on the data itself. */
extern const struct actor command_line;

/* Each ends with a NULL name. */
extern const struct verb account_verbs[];
extern const struct verb incident_verbs[];
extern const struct verb findings_verbs[];
extern const struct verb ledger_verbs[];
extern const struct verb record_verbs[];
extern const struct verb serve_verbs[];

/* The incident of --incident, or the only open one when it was not given: ST_INVALID says which
 * there are when there is not exactly one. */
enum status incident_of_options(struct db *db, const struct options *o, int64_t *ret,
                                struct err *e) MUST_USE;

#endif
