/* Importing a ledger: what is planned is what is done, edits on the board survive, and nothing is
 * half-imported. */
#include "unit.h"

#include "board/case/asset.h"
#include "board/case/findings.h"
#include "board/case/import_int.h"
#include "case_fixture.h"
#include "import_fixture.h"

#define HEADER \
    "管理番号,システム名,区分,担当者,メールアドレス,ベンダー,製品名,バージョン,ホスト,備考\n"

static const char first_file[] =
    HEADER "EXT-1,受注サイト,社外向け,上原,uehara@example.jp,ACME,OrderX,1.0,\"web1, web2\",\n"
           "INT-2,ファイルサーバー,社内,佐伯,,Initech,FS,,fs1,夜間バッチ\n"
           ",ラベル発行,クライアント,,,,,,,\n";

static void edit(struct db *db, int64_t id, enum ledger_field f, const char *value)
{
    struct err e = {0};
    const struct asset_field field = {f, slice_str(value)};
    int64_t version = 0;
    must(db_get_int(db, &version, &e, "SELECT row_version FROM asset WHERE id = $1", "i", id), &e);
    IN_TX(db, e, asset_change(db, &system_actor, id, version, &field, 1, &e));
}

static void check_first(struct test_database *t)
{
    struct test_file f;
    int64_t in = make_incident(t->db);
    file_plan(&f, t->db, in, first_file);
    assert_int_equal(f.plan.rows, 3);
    assert_int_equal(f.plan.added, 3);
    assert_int_equal(f.plan.changed + f.plan.same + f.plan.missing + f.plan.left_out, 0);
    assert_int_equal(f.plan.problem_count, 0);
    assert_int_equal(f.plan.change_count, 3);
    assert_slice_equal(f.plan.changes[0].name, "受注サイト");
    assert_int_equal(f.plan.changes[0].field_count, 9);
    assert_int_equal(f.plan.changes[0].row, 2);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset"), 0); /* only planned */
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM import_row"), 0);
    must(file_run(&f, t->db, in, f.plan.ledger_version), &f.e);
    file_close(&f);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset"), 3);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset_host"), 3);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset_event"), 3);
    assert_string_equal(get_text(t->db, "SELECT category FROM asset WHERE number = 'EXT-1'"),
                        "external");
    assert_string_equal(get_text(t->db, "SELECT file FROM import"), "台帳.csv");
    assert_int_equal(get_int(t->db, "SELECT import_row FROM asset WHERE name = 'ラベル発行'"), 4);
    assert_verifies(t->db);
}

static void a_first_file(void **state)
{
    (void)state;
    on_each_database(check_first);
}

static void check_again(struct test_database *t)
{
    struct test_file f;
    int64_t in = make_incident(t->db);
    import_text(t->db, in, first_file);
    /* the same again changes nothing */
    file_import(&f, t->db, in, first_file);
    assert_int_equal(f.plan.same, 3);
    assert_int_equal(f.plan.added + f.plan.changed + f.plan.missing, 0);
    file_close(&f);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset_event"), 3);
    /* a number carries a new name; a name without a number finds its row; one is new, one gone */
    file_import(&f, t->db, in,
                HEADER "EXT-1,受注ポータル,社外向け,上原,uehara@example.jp,ACME,OrderX,2.0,web3,\n"
                       ",ﾗﾍﾞﾙ発行,クライアント,星野,,,,,,\n"
                       "NEW-9,新規,SaaS,,,,,,,\n");
    assert_int_equal(f.plan.added, 1);
    assert_int_equal(f.plan.changed, 2);
    assert_int_equal(f.plan.missing, 1);
    const struct import_change *c = &f.plan.changes[1];
    assert_int_equal(c->action, IMPORT_CHANGE);
    assert_int_equal(c->field_count, 3);
    assert_int_equal(c->fields[0].field, FIELD_NAME);
    assert_slice_equal(c->fields[0].before, "受注サイト");
    assert_slice_equal(c->fields[0].after, "受注ポータル");
    assert_false(c->fields[0].board_edit);
    file_close(&f);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset"), 4);
    assert_string_equal(get_text(t->db, "SELECT host FROM asset_host WHERE asset_id = 1"), "web3");
    assert_string_equal(get_text(t->db, "SELECT owner FROM asset WHERE id = 3"), "星野");
    assert_string_equal(get_text(t->db, "SELECT was FROM import_row WHERE import_id = 3 AND "
                                        "asset_id = 3"),
                        "{\"owner\":\"\"}");
    assert_int_equal(get_int(t->db, "SELECT missing FROM import WHERE id = 3"), 1);
    assert_verifies(t->db);
}

static void an_updated_file(void **state)
{
    (void)state;
    on_each_database(check_again);
}

/* Row EXT-1 with this vendor and note; '-' in the plan's answer means that nothing changes. */
static void import_row(struct db *db, int64_t in, const char *vendor, const char *note,
                       const char *expect)
{
    struct test_file f;
    char text[512];
    struct buf got;
    (void)snprintf(text, sizeof text, HEADER "EXT-1,受注サイト,,,,%s,,,,%s\n", vendor, note);
    buf_init(&got, 256);
    file_import(&f, db, in, text);
    if (f.plan.same == 1)
        (void)buf_add_str(&got, "-");
    for (size_t i = 0; f.plan.changed && i < f.plan.changes[0].field_count; i++) {
        const struct import_field *x = &f.plan.changes[0].fields[i];
        (void)buf_addf(&got, "%s%s%s", i ? " " : "", field_code(x->field),
                       x->board_edit ? "!" : "");
    }
    assert_string_equal(buf_text(&got), expect);
    buf_done(&got);
    file_close(&f);
}

static void check_three_ways(struct test_database *t)
{
    struct db *db = t->db;
    int64_t in = make_incident(db);
    import_text(db, in, HEADER "EXT-1,受注サイト,,,,ACME,,,,one\n");
    edit(db, 1, FIELD_VENDOR, "Acme Japan"); /* people know better than the file */
    import_row(db, in, "ACME", "one", "-");
    import_row(db, in, "ACME", "two", "notes"); /* the file changed something else */
    assert_string_equal(get_text(db, "SELECT vendor FROM asset"), "Acme Japan");
    assert_string_equal(get_text(db, "SELECT source FROM import_row WHERE import_id = 3"),
                        "{\"vendor\":\"ACME\"}");
    import_row(db, in, "", "two", "-");     /* an empty cell says nothing … */
    import_row(db, in, "ACME", "two", "-"); /* … and is no change of the file */
    assert_string_equal(get_text(db, "SELECT vendor FROM asset"), "Acme Japan");
    import_row(db, in, "Acme KK", "two", "vendor!"); /* the file, too, changed it */
    assert_string_equal(get_text(db, "SELECT vendor FROM asset"), "Acme KK");
    import_row(db, in, "Acme KK", "two", "-");
    edit(db, 1, FIELD_NOTES, ""); /* emptied on the board: stays empty … */
    import_row(db, in, "Acme KK", "two", "-");
    assert_string_equal(get_text(db, "SELECT notes FROM asset"), "");
    import_row(db, in, "Acme KK", "three", "notes"); /* … until the file says something new */
    edit(db, 1, FIELD_NOTES, "four");
    import_row(db, in, "Acme KK", "four", "-"); /* the file caught up */
    import_row(db, in, "Acme KK", "five", "notes");
    assert_verifies(db);
}

static void edits_on_the_board_stay(void **state)
{
    (void)state;
    on_each_database(check_three_ways);
}

static void check_typed_in(struct test_database *t)
{
    struct err e = {0};
    struct test_file f;
    int64_t id = 0;
    int64_t in = make_incident(t->db);
    const struct asset_field typed[] = {{FIELD_NAME, slice_str("受注サイト")},
                                        {FIELD_PRODUCT, slice_str("OrderX")},
                                        {FIELD_OWNER, slice_str("星野")}};
    IN_TX(t->db, e, asset_add(t->db, &system_actor, in, typed, 3, &id, &e));
    file_import(&f, t->db, in, first_file); /* matched by name and product, gets its number */
    assert_int_equal(f.plan.changed, 1);
    assert_int_equal(f.plan.added, 2);
    for (size_t i = 0; i < f.plan.changes[2].field_count; i++)
        assert_int_equal(f.plan.changes[2].fields[i].board_edit,
                         f.plan.changes[2].fields[i].field == FIELD_OWNER);
    file_close(&f);
    assert_string_equal(get_text(t->db, "SELECT number FROM asset WHERE id = 1"), "EXT-1");
    assert_verifies(t->db);
}

static void a_row_that_was_typed_in(void **state)
{
    (void)state;
    on_each_database(check_typed_in);
}

static void check_numbers_first(struct test_database *t)
{
    struct test_file f;
    int64_t in = make_incident(t->db);
    import_text(t->db, in, HEADER "A-1,経費精算,社内,,,,,,,\nA-2,経費精算,社内,,,,,,,\n");
    /* the row without that number must not take the row of the one below it */
    file_import(&f, t->db, in,
                HEADER "A-3,経費精算,社内,,,,,,,three\nA-1,経費精算,社内,,,,,,,one\n");
    assert_int_equal(f.plan.changed, 2); /* A-3 takes the free one: a new number for the name */
    assert_int_equal(f.plan.added, 0);
    file_close(&f);
    assert_string_equal(get_text(t->db, "SELECT notes FROM asset WHERE id = 1"), "one");
    assert_string_equal(get_text(t->db, "SELECT number FROM asset WHERE id = 2"), "A-3");
    assert_verifies(t->db);
}

static void numbers_go_before_names(void **state)
{
    (void)state;
    on_each_database(check_numbers_first);
}

struct problem_case {
    const char *rows;
    enum severity severity;
    const char *id;
    uint32_t row, column, other;
    const char *value;
};

static const struct problem_case problem_cases[] = {
    {"A-1,,社内,,,,,,,\n", MUST_SOLVE, "name_missing", 2, 1, 0, ""},
    {"A-1,a,社内,,,,,,,\nA-2,b,,,,,,,,\nＡ－１,c,,,,,,,,\n", MUST_SOLVE, "duplicate_number", 4, 0,
     2, "A-1"},
    {",a,社内,,,,p,,,\n,b,,,,,,,,\n,Ａ,,,,,ｐ,,,\n", MUST_SOLVE, "duplicate_row", 4, 1, 2, "A"},
    {"A-1,a,社内,,,,,,,\n,a,,,,,,,,\n", MUST_SOLVE, "duplicate_row", 3, 1, 2, "a"},
    {",a,社内,,,,,,,\nA-1,a,,,,,,,,\n", MUST_SOLVE, "duplicate_row", 3, 1, 2, "a"},
    {"A-1,a,何か,,,,,,,\n", TO_KNOW, "category_unknown", 2, 2, 0, "何か"},
    {"A-1,a,,,内線1234,,,,,\n", TO_KNOW, "mail_unreadable", 2, 4, 0, "内線1234"},
};

static void check_problems(struct test_database *t)
{
    int64_t in = make_incident(t->db);
    for (size_t i = 0; i < ARRAY_LEN(problem_cases); i++) {
        const struct problem_case *c = &problem_cases[i];
        struct test_file f;
        char text[1024];
        (void)snprintf(text, sizeof text, HEADER "%s", c->rows);
        file_plan(&f, t->db, in, text);
        if (f.plan.problem_count != 1)
            fail_msg("%s: %zu problems", c->rows, f.plan.problem_count);
        const struct import_problem *p = &f.plan.problems[0];
        assert_string_equal(p->id, c->id);
        assert_int_equal(p->severity, c->severity);
        assert_int_equal(p->row, c->row);
        assert_int_equal(p->column, c->column);
        assert_int_equal(p->other_row, c->other);
        assert_slice_equal(p->value, c->value);
        if (c->severity == MUST_SOLVE) {
            assert_int_equal(f.plan.must_solve, 1);
            assert_int_equal(file_run(&f, t->db, in, -1), ST_INVALID);
            f.options.leave_out = &c->row; /* the way out */
            f.options.leave_out_count = 1;
        }
        must(file_run(&f, t->db, in, -1), &f.e);
        assert_int_equal(f.plan.left_out, c->severity == MUST_SOLVE);
        assert_int_equal(f.plan.must_solve, 0);
        file_close(&f);
    }
    assert_verifies(t->db);
}

static void problems_name_their_place(void **state)
{
    (void)state;
    on_each_database(check_problems);
}

static void check_conflict(struct test_database *t)
{
    struct test_file f;
    int64_t in = make_incident(t->db);
    import_text(t->db, in, first_file);
    file_plan(&f, t->db, in, first_file);
    edit(t->db, 1, FIELD_OWNER, "星野"); /* meanwhile */
    assert_int_equal(file_run(&f, t->db, in, f.plan.ledger_version), ST_CONFLICT);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM import"), 1);
    assert_false(db_in_transaction(t->db));
    must(file_run(&f, t->db, in, -1), &f.e);
    assert_int_equal(file_run(&f, t->db, 99, -1), ST_NOT_FOUND);
    file_close(&f);
    assert_string_equal(get_text(t->db, "SELECT owner FROM asset WHERE id = 1"), "星野");
    assert_verifies(t->db);
}

static void a_ledger_that_changed_meanwhile(void **state)
{
    (void)state;
    on_each_database(check_conflict);
}

/* Columns that no field takes stay beside the row, each under its header. */
static void check_free(struct test_database *t)
{
    struct test_file f;
    int64_t in = make_incident(t->db);
    const char *list = "SELECT free FROM asset WHERE id = 1";
    import_text(t->db, in, "システム名,区分,棚,拠点\na,社内,B,大阪\nb,社内,,\n");
    assert_string_equal(get_text(t->db, list), "[[\"棚\",\"B\"],[\"拠点\",\"大阪\"]]");
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset WHERE free = ''"), 1);
    file_import(&f, t->db, in, "システム名,区分,拠点,階\na,社内,東京,3\n");
    assert_int_equal(f.plan.changed, 1);
    assert_int_equal(f.plan.changes[0].fields[0].field, FIELD_FREE);
    file_close(&f);
    assert_string_equal(get_text(t->db, list),
                        "[[\"棚\",\"B\"],[\"拠点\",\"東京\"],[\"階\",\"3\"]]");
    file_import(&f, t->db, in, "システム名,区分,階,棚,拠点\na,社内,3,,東京\n");
    assert_int_equal(f.plan.same, 1); /* another order, an empty cell: nothing new */
    file_close(&f);
    assert_verifies(t->db);
}

static void columns_that_are_kept(void **state)
{
    (void)state;
    on_each_database(check_free);
}

static void check_tampering(struct test_database *t)
{
    struct err e = {0};
    json_t *report = NULL;
    int64_t in = make_incident(t->db);
    import_text(t->db, in, first_file);
    must(db_run(t->db, NULL, &e, "UPDATE import_row SET vendor = 'x' WHERE row = 2", ""), &e);
    must(db_run(t->db, NULL, &e, "UPDATE asset SET vendor = 'x' WHERE id = 1", ""), &e);
    assert_int_equal(log_verify(t->db, &report, &e), ST_MALFORMED);
    const char *place = json_string_value(json_array_get(json_object_get(report, "places"), 0));
    assert_non_null(place);
    assert_non_null(strstr(place, "altered"));
    json_decref(report);
}

static void altered_rows_are_found(void **state)
{
    (void)state;
    on_each_database(check_tampering);
}

/* A scan that came before the ledger proposes an answer for the row on its host. */
static void check_scanned(struct test_database *t)
{
    static const char scan[] =
        "{\"path\":\"/srv/a.jar\",\"component\":\"log4j-core\",\"version\":\"2.14.1\","
        "\"cves\":{\"CVE-2021-44228\":\"affected\"},\"evidence\":[\"pom.properties\"]}\n"
        "{\"summary\":{\"files\":9,\"archives\":2,\"bytes\":100,\"findings\":1,\"host\":\"web2\","
        "\"started\":\"2021-12-13T11:00:00Z\",\"ended\":\"2021-12-13T11:58:00Z\","
        "\"tool\":\"hikeshi 0.1.0\",\"profile\":\"log4shell\",\"profile_revision\":1,"
        "\"incomplete_count\":0,\"paths\":[\"/\"],\"incomplete\":[]}}\n";
    struct err e = {0};
    struct findings_in *scans = NULL;
    int64_t id = 0;
    bool known = false;
    int64_t in = make_incident(t->db);
    must(db_begin(t->db, &e), &e);
    must(findings_begin(t->db, &system_actor, in, "web2", &scans, &e), &e);
    must(findings_add(scans, slice_str(scan), &e), &e);
    must(findings_end(scans, &id, &known, &e), &e);
    must(db_commit(t->db, &e), &e);
    import_text(t->db, in, first_file);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM evidence WHERE asset_id = 1 AND "
                                    "status = 'proposed'"),
                     1);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset WHERE flags & 4 > 0"), 1);
    /* the row moves to another host: what was proposed for it is void */
    import_text(t->db, in, HEADER "EXT-1,受注サイト,社外向け,,,,,,web9,\n");
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM evidence WHERE status = 'proposed' AND "
                                    "option = 'yes'"),
                     0);
    assert_verifies(t->db);
}

static void scans_that_came_before(void **state)
{
    (void)state;
    on_each_database(check_scanned);
}

static bool stop_at(void *ctx, int64_t done, int64_t total)
{
    int64_t *at = ctx;
    at[1] = done;
    at[2] = total;
    return at[0]-- > 0;
}

static void check_progress(struct test_database *t)
{
    struct buf text;
    struct test_file f;
    int64_t in = make_incident(t->db);
    buf_init(&text, MIB(1));
    (void)buf_add_str(&text, HEADER);
    for (int i = 0; i < 2100; i++)
        (void)buf_addf(&text, "N-%d,system %d,社内,,,,,,,\n", i, i);
    for (int64_t calls = 0; calls < 6; calls += 5) { /* stopped while reading, and while writing */
        int64_t at[] = {calls, 0, 0};
        file_open(&f, buf_slice(&text));
        f.options.progress = stop_at;
        f.options.progress_ctx = at;
        assert_int_equal(file_run(&f, t->db, in, -1), ST_DENIED);
        assert_int_equal(at[2], calls ? 2100 : 0);
        file_close(&f);
        assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM import_row"), 0);
        assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset"), 0);
    }
    file_import(&f, t->db, in, buf_text(&text));
    assert_int_equal(f.plan.added, 2100);
    assert_int_equal(f.plan.change_count, IMPORT_SHOWN); /* more is counted, not shown */
    file_close(&f);
    buf_done(&text);
    assert_verifies(t->db);
}

static void progress_and_stopping(void **state)
{
    (void)state;
    on_each_database(check_progress);
}

static void check_memory_of_columns(struct test_database *t)
{
    struct test_file f;
    size_t known = 9;
    int64_t in = make_incident(t->db);
    file_open(&f, slice_str("システム名,区分,棚,担当者\na,社内,B,上原\n"));
    must(ledger_import_remembered(t->db, &f.mapping, &known, &f.e), &f.e);
    assert_int_equal(known, 0);
    f.mapping.columns[2].field = FIELD_NOTES; /* a person's choice */
    must(file_run(&f, t->db, in, -1), &f.e);
    file_close(&f);
    file_open(&f, slice_str("担当者,棚,システム名,区分,階\n上原,C,a,社内,2\n"));
    must(ledger_import_remembered(t->db, &f.mapping, &known, &f.e), &f.e);
    assert_int_equal(known, 4);
    assert_int_equal(f.mapping.columns[1].field, FIELD_NOTES);
    assert_true(f.mapping.columns[4].is_new);
    file_close(&f);
    file_open(&f, slice_str("棚,名称,種別,部署,ベンダー\nB,a,社内,総務部,x\n"));
    must(ledger_import_remembered(t->db, &f.mapping, &known, &f.e), &f.e);
    assert_int_equal(known, 0); /* one column of five: another file */
    assert_int_equal(f.mapping.columns[0].field, FIELD_FREE);
    file_close(&f);
}

static void columns_are_remembered(void **state)
{
    (void)state;
    on_each_database(check_memory_of_columns);
}

/* Rows of a ledger at its limit; the name of each is its number. */
static enum status plan_rows(struct test_database *t, int64_t in, size_t count)
{
    struct buf text;
    struct test_file f;
    buf_init(&text, MIB(8));
    (void)buf_add_str(&text, "システム名,区分\n");
    for (size_t i = 0; i < count; i++)
        (void)buf_addf(&text, "%zu,社内\n", i);
    file_open(&f, buf_slice(&text));
    enum status s = ledger_import_plan(t->db, in, f.book, &f.options, &f.a, &f.plan, &f.e);
    if (s == OK)
        assert_int_equal(f.plan.added, count);
    file_close(&f);
    buf_done(&text);
    return s;
}

static enum status plan_free(struct test_database *t, int64_t in, size_t json_bytes)
{
    struct buf text;
    struct test_file f;
    buf_init(&text, MIB(1));
    (void)buf_add_str(&text, "システム名,区分,x,y,z\na,社内");
    json_bytes -= strlen("[[\"x\",\"\"],[\"y\",\"\"],[\"z\",\"\"]]");
    for (size_t i = 3; i > 0; i--) {
        size_t n = i == 1 ? json_bytes : json_bytes / i;
        (void)buf_add_char(&text, ',');
        for (size_t k = 0; k < n; k++)
            (void)buf_add_char(&text, 'v');
        json_bytes -= n;
    }
    (void)buf_add_str(&text, "\n");
    file_open(&f, buf_slice(&text));
    must(ledger_import_plan(t->db, in, f.book, &f.options, &f.a, &f.plan, &f.e), &f.e);
    enum status s = f.plan.must_solve ? ST_LIMIT : OK;
    if (s != OK)
        assert_string_equal(f.plan.problems[0].id, "too_long");
    file_close(&f);
    buf_done(&text);
    return s;
}

static enum status add_one(struct test_database *t, int64_t in)
{
    const struct asset_field name = {FIELD_NAME, slice_str("one more")};
    struct err e = {0};
    int64_t id = 0;
    must(db_begin(t->db, &e), &e);
    enum status s = asset_add(t->db, &system_actor, in, &name, 1, &id, &e);
    db_rollback(t->db);
    return s;
}

/* A ledger that is full but for one row: by a file, and typed in. */
static void a_full_ledger(void **state)
{
    struct test_database t;
    struct err e = {0};
    (void)state;
    database_make(&t, DB_SQLITE);
    int64_t in = make_incident(t.db);
    must(db_run(t.db, NULL, &e,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) "
                "INSERT INTO asset(id, incident_id, number, name, category, owner, owner_mail, "
                "department, vendor, product, version, exposed, hosts, users, shared_with, "
                "criticality, notes, renewed_on, free, match_key, search, retired, asked_ms, "
                "due_ms, state, certainty, flags, made_ms, changed_ms, row_version, import_id, "
                "import_row) SELECT i, $2, '', '', '', '', '', '', '', '', '', 0, '', '', '', '', "
                "'', '', '', '', '', 0, 0, 0, 'not_asked', 'none', 0, 0, 0, 0, 0, 0 FROM n",
                "ii", (int64_t)LIMIT_LEDGER_ROWS - 1, in),
         &e);
    must(db_run(t.db, NULL, &e, "INSERT INTO counter(name, value) VALUES ('asset', $1)", "i",
                (int64_t)LIMIT_LEDGER_ROWS),
         &e);
    assert_ok(plan_rows(&t, in, 1));
    assert_int_equal(plan_rows(&t, in, 2), ST_LIMIT);
    assert_ok(add_one(&t, in));
    must(db_run(t.db, NULL, &e, "UPDATE asset SET incident_id = $1 + 1 WHERE id = 1", "i", in), &e);
    assert_ok(plan_rows(&t, in, 2));
    must(db_run(t.db, NULL, &e, "UPDATE asset SET incident_id = $1", "i", in), &e);
    must(db_run(t.db, NULL, &e,
                "INSERT INTO asset SELECT 999999, incident_id, number, name, category, owner, "
                "owner_mail, department, vendor, product, version, exposed, hosts, users, "
                "shared_with, criticality, notes, renewed_on, free, match_key, search, retired, "
                "asked_ms, due_ms, state, certainty, flags, made_ms, changed_ms, row_version, "
                "import_id, import_row FROM asset WHERE id = 1",
                ""),
         &e);
    assert_int_equal(add_one(&t, in), ST_LIMIT);
    assert_int_equal(plan_rows(&t, in, 1), ST_LIMIT);
    database_drop(&t);
}

static void limits(void **state)
{
    struct test_database t;
    (void)state;
    database_make(&t, DB_SQLITE);
    int64_t in = make_incident(t.db);
    assert_ok(plan_rows(&t, in, LIMIT_LEDGER_ROWS - 1));
    assert_ok(plan_rows(&t, in, LIMIT_LEDGER_ROWS));
    assert_int_equal(plan_rows(&t, in, LIMIT_LEDGER_ROWS + 1), ST_LIMIT);
    assert_ok(plan_free(&t, in, ASSET_FREE_MAX - 1));
    assert_ok(plan_free(&t, in, ASSET_FREE_MAX));
    assert_int_equal(plan_free(&t, in, ASSET_FREE_MAX + 1), ST_LIMIT);
    database_drop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_file),
        cmocka_unit_test(an_updated_file),
        cmocka_unit_test(edits_on_the_board_stay),
        cmocka_unit_test(a_row_that_was_typed_in),
        cmocka_unit_test(numbers_go_before_names),
        cmocka_unit_test(problems_name_their_place),
        cmocka_unit_test(a_ledger_that_changed_meanwhile),
        cmocka_unit_test(columns_that_are_kept),
        cmocka_unit_test(altered_rows_are_found),
        cmocka_unit_test(scans_that_came_before),
        cmocka_unit_test(progress_and_stopping),
        cmocka_unit_test(columns_are_remembered),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_full_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
