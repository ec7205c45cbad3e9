/* Schema versions: migrations/NNNN-….sql, each in the number of its place, applied in order and in
 * one transaction. A database that a newer program wrote is left as it is. */
#include "base/embed.h"
#include "board/db/internal.h"

extern const struct embed_file db_migrations_files[];

static enum status current(struct db *db, int64_t *ret, struct err *e)
{
    enum status s =
        db_script(db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)", e);
    if (s != OK)
        return s;
    return db_get_int(db, ret, e, "SELECT COALESCE(MAX(version), 0) FROM schema_version", "");
}

static enum status apply_from(struct db *db, int64_t have, struct err *e)
{
    enum status s = OK;
    for (int64_t i = have; s == OK && db_migrations_files[i].name; i++) {
        s = db_script(db, (const char *)db_migrations_files[i].p, e);
        if (s == OK)
            s = db_run(db, NULL, e, "INSERT INTO schema_version(version) VALUES ($1)", "i", i + 1);
        if (s != OK)
            err_prefix(e, "migration %s", db_migrations_files[i].name);
    }
    return s;
}

enum status db_migrate(struct db *db, struct err *e)
{
    int64_t have = 0;
    int64_t known = 0;
    while (db_migrations_files[known].name)
        known++;
    enum status s = db_begin(db, e);
    if (s != OK)
        return s;
    if (db_backend(db) == DB_POSTGRES) /* two boards may start at once */
        s = db_script(db, "SELECT pg_advisory_xact_lock(7521001)", e);
    if (s == OK)
        s = current(db, &have, e);
    if (s == OK && have > known)
        s = err_set(
            e, ST_UNSUPPORTED,
            "the database has schema %lld, this program knows up to %lld: use the newer one",
            (long long)have, (long long)known);
    if (s == OK)
        s = apply_from(db, have, e);
    if (s == OK)
        return db_commit(db, e);
    db_rollback(db);
    return s;
}
