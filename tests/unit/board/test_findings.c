/* Findings on the board: what is kept, what is proposed, and what no scan may lead to. */
#include "unit.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "board/case/asset.h"
#include "board/case/findings.h"
#include "board/case/incident.h"
#include "board/case/survey.h"
#include "board/case/timeline.h"
#include "case_fixture.h"
#include "import_fixture.h"

#include <inttypes.h>

#define C1 "CVE-2021-44228"
#define C2 "CVE-2021-45046"
#define BOTH(state) "{\"" C1 "\":\"" state "\",\"" C2 "\":\"" state "\"}"
#define FOUND(version, state)                                                      \
    "{\"path\":\"/opt/a.jar\",\"component\":\"log4j-core\",\"version\":\"" version \
    "\",\"version_from\":\"pom.properties\",\"prefix\":null,\"cves\":" BOTH(       \
        state) ",\"evidence\":[\"pom.properties\"]}\n"
#define LOGBACK                                                                      \
    "{\"path\":\"/opt/l.jar\",\"component\":\"logback-core\",\"version\":\"1.2.8\"," \
    "\"cves\":{\"CVE-2021-42550\":\"affected\"},\"evidence\":[]}\n"

struct scan_text {
    const char *findings; /* lines */
    int count;
    const char *paths; /* JSON; NULL: the whole host */
    int gaps;
    bool old_profile;
    const char *ended;
};

/* Hands a scan in; pieces of `piece` bytes. Returns its number, or 0 with the fault in *e. */
static int64_t hand_in(struct db *db, int64_t incident, const char *host, struct scan_text t,
                       size_t piece, bool *known, struct err *e)
{
    struct buf b;
    struct findings_in *in = NULL;
    int64_t scan = 0;
    bool twice = false;
    buf_init(&b, MIB(64));
    (void)buf_addf(&b,
                   "%s{\"summary\":{\"files\":9,\"archives\":2,\"bytes\":100,\"findings\":%d,"
                   "\"host\":\"x\",\"started\":\"2021-12-13T11:00:00Z\",\"ended\":\"%s\","
                   "\"tool\":\"hikeshi 0.1.0\",\"profile\":\"log4shell\",\"profile_revision\":%d,"
                   "\"incomplete_count\":%d,\"paths\":%s,\"incomplete\":[",
                   t.findings ? t.findings : "", t.count,
                   t.ended ? t.ended : "2021-12-13T11:58:00Z", t.old_profile ? 0 : 1, t.gaps,
                   t.paths ? t.paths : "[\"/\"]");
    for (int i = 0; i < t.gaps; i++)
        (void)buf_addf(&b, "%s{\"path\":\"/srv/%d.zip\",\"reason\":\"encrypted\"}", i ? "," : "",
                       i);
    (void)buf_add_str(&b, "]}}\n");
    assert_ok(buf_status(&b));
    must(db_begin(db, e), e);
    enum status s = findings_begin(db, &system_actor, incident, host, &in, e);
    for (size_t at = 0; s == OK && at < b.n; at += piece)
        s = findings_add(in, slice_sub(buf_slice(&b), at, piece), e);
    if (s == OK)
        s = findings_end(in, &scan, &twice, e);
    else
        findings_abort(in);
    must(db_commit(db, e), e); /* also behind a fault: nothing of it may be there */
    buf_done(&b);
    if (known)
        *known = twice;
    return s == OK ? scan : 0;
}

static void scan_is_taken(struct db *db, int64_t incident, const char *host, struct scan_text t)
{
    struct err e = {0};
    if (!hand_in(db, incident, host, t, 4096, NULL, &e))
        fail_msg("%s", e.msg);
}

static int64_t add_row(struct db *db, int64_t incident, const char *name, const char *hosts)
{
    struct err e = {0};
    int64_t id = 0;
    struct asset_field fields[] = {{FIELD_NAME, slice_str(name)}, {FIELD_HOSTS, slice_str(hosts)}};
    IN_TX(db, e, asset_add(db, &system_actor, incident, fields, 2, &id, &e));
    return id;
}

/* "option detail status partial" of the row's evidence of scans in order, superseded ones left out.
 */
static void assert_evidence(struct db *db, int64_t row, const char *want)
{
    struct err e = {0};
    struct db_rows *rows = NULL;
    struct buf got;
    buf_init(&got, 4096);
    must(db_query(db, &rows, &e,
                  "SELECT source_key, option, detail, status, partial FROM evidence "
                  "WHERE asset_id = $1 AND kind = 'scan' AND status <> 'superseded' ORDER BY id",
                  "i", row),
         &e);
    while (db_next(rows, &e) == OK)
        (void)buf_addf(&got, "%s%s %s%s%s %s%s", got.n ? "; " : "", db_text(rows, 0),
                       db_text(rows, 1), *db_text(rows, 2) ? " " : "", db_text(rows, 2),
                       db_text(rows, 3), db_int(rows, 4) ? " partial" : "");
    db_rows_done(rows);
    assert_string_equal(buf_text(&got), want);
    buf_done(&got);
}

static void assert_state(struct db *db, int64_t row, const char *want)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "SELECT state || ' ' || certainty FROM asset WHERE id = %" PRId64, row);
    assert_string_equal(get_text(db, sql), want);
}

/* Confirms or refuses everything that waits. */
static void judge_all(struct db *db, int64_t incident, bool confirm)
{
    struct err e = {0};
    struct db_rows *rows = NULL;
    int64_t ids[500];
    size_t n = 0;
    must(db_query(db, &rows, &e, "SELECT id FROM evidence WHERE status = 'proposed' ORDER BY id",
                  ""),
         &e);
    while (n < ARRAY_LEN(ids) && db_next(rows, &e) == OK)
        ids[n++] = db_int(rows, 0);
    db_rows_done(rows);
    if (confirm)
        IN_TX(db, e, survey_confirm(db, &system_actor, incident, ids, n, &e));
    else
        IN_TX(db, e, survey_refuse(db, &system_actor, incident, ids, n, "誤検出", &e));
}

static const struct scan_text clean = {0};
static const struct scan_text vulnerable = {.findings = FOUND("2.14.1", "affected"), .count = 1};

static void check_proposals(struct test_database *t)
{
    struct db *db = t->db;
    int64_t incident = make_incident(db);
    int64_t one = add_row(db, incident, "倉庫ラベル", "wms-app01");
    int64_t two = add_row(db, incident, "受付", "WMS-APP01.example.jp, wms-app02");
    int64_t none = add_row(db, incident, "人事", "hr-db1");
    scan_is_taken(db, incident, "wms-app01.example.jp", vulnerable);
    assert_evidence(db, one, "host:wms-app01.example.jp yes 2.14.1 proposed");
    assert_evidence(db, two, "host:wms-app01.example.jp yes 2.14.1 proposed");
    assert_evidence(db, none, "");
    assert_state(db, one, "investigating none");
    assert_state(db, none, "not_asked none");
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset WHERE flags = 4"), 2);
    assert_string_equal(get_text(db, "SELECT quote FROM evidence WHERE asset_id = 1"),
                        "/opt/a.jar  log4j-core 2.14.1");
    judge_all(db, incident, true);
    assert_state(db, one, "affected confirmed");
    assert_int_equal(get_int(db, "SELECT affected FROM timeline WHERE affected > 0"), 2);
    assert_int_equal(get_int(db, "SELECT main FROM timeline WHERE affected > 0"), 1);
    /* repaired: what is found now waits beside what was confirmed */
    scan_is_taken(db, incident, "wms-app01.example.jp",
                  (struct scan_text){.findings = FOUND("2.17.1", "fixed"),
                                     .count = 1,
                                     .ended = "2021-12-14T11:58:00Z"});
    assert_evidence(db, one,
                    "host:wms-app01.example.jp yes 2.14.1 confirmed; "
                    "host:wms-app01.example.jp yes 2.17.1 proposed");
    assert_evidence(db, two,
                    "host:wms-app01.example.jp yes 2.14.1 confirmed; "
                    "host:wms-app01.example.jp yes 2.17.1 proposed partial"); /* app02 */
    assert_state(db, one, "affected confirmed");
    judge_all(db, incident, true);
    assert_state(db, one, "fixed confirmed");
    assert_state(db, two, "investigating claimed"); /* one of its hosts was never read */
    assert_verifies(db);
}

static void findings_propose_answers(void **state)
{
    (void)state;
    on_each_database(check_proposals);
}

static void check_never_clean(struct test_database *t)
{
    struct db *db = t->db;
    int64_t incident = make_incident(db);
    int64_t row = add_row(db, incident, "倉庫ラベル", "a, b");
    static const struct {
        struct scan_text a, b;
        const char *evidence, *missing;
    } cases[] = {
        {{.gaps = 1}, {0}, "hosts unknown proposed partial", "a: 1 place not fully examined"},
        {{.paths = "[\"/opt\"]"},
         {0},
         "hosts unknown proposed partial",
         "a: only a part of the host was scanned"},
        {{0},
         {.paths = "[\"/opt\",\"C:\\\\\"]"},
         "hosts unknown proposed partial",
         "b: only a part of the host was scanned"},
        {{.old_profile = true},
         {0},
         "hosts unknown proposed partial",
         "a: scanned with an older profile; scan it again"},
        {{.findings = LOGBACK, .count = 1},
         {.gaps = 3},
         "hosts unknown proposed partial",
         "b: 3 places not fully examined"},
        {{.findings = FOUND("2.14.1", "affected"), .count = 1},
         {0},
         "host:a yes 2.14.1 proposed",
         ""},
        {{.findings = FOUND("2.17.1", "fixed"), .count = 1},
         {.gaps = 1},
         "host:a yes 2.17.1 proposed partial",
         ""},
        {{.findings = FOUND("2.14.1", "affected"), .count = 1, .gaps = 1},
         {0},
         "host:a yes 2.14.1 proposed partial",
         ""},
    };
    scan_is_taken(db, incident, "a", clean);
    assert_evidence(db, row, "hosts unknown proposed partial"); /* b was never scanned */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char ended[2][40];
        struct scan_text a = cases[i].a, b = cases[i].b;
        (void)snprintf(ended[0], 40, "2021-12-14T11:%02zu:00Z", i);
        (void)snprintf(ended[1], 40, "2021-12-14T11:%02zu:30Z", i);
        a.ended = ended[0];
        b.ended = ended[1];
        scan_is_taken(db, incident, "a", a);
        scan_is_taken(db, incident, "b", b);
        assert_evidence(db, row, cases[i].evidence);
        struct buf said;
        buf_init(&said, 4096);
        assert_ok(findings_say_missing(
            get_text(db, "SELECT CASE WHEN source_key = 'hosts' THEN quote ELSE '' END "
                         "FROM evidence WHERE status = 'proposed'"),
            LANG_EN, &said));
        assert_string_equal(buf_text(&said), cases[i].missing);
        buf_done(&said);
        const char *state = get_text(db, "SELECT state FROM asset");
        assert_string_not_equal(state, "not_affected");
        assert_string_not_equal(state, "fixed");
    }
    /* only when both were read to the end and nothing was found */
    scan_is_taken(db, incident, "a", (struct scan_text){.ended = "2021-12-15T00:00:00Z"});
    scan_is_taken(db, incident, "b", (struct scan_text){.ended = "2021-12-15T00:00:00Z"});
    assert_evidence(db, row, "hosts no proposed");
    judge_all(db, incident, true);
    assert_state(db, row, "not_affected confirmed");
    /* and a gap in a newer scan makes it open again, until somebody has judged it */
    scan_is_taken(db, incident, "b",
                  (struct scan_text){.gaps = 1, .ended = "2021-12-16T00:00:00Z"});
    assert_evidence(db, row, "hosts no confirmed; hosts unknown proposed partial");
    assert_state(db, row, "investigating confirmed");
    assert_verifies(db);
}

static void what_was_not_read_is_never_clean(void **state)
{
    (void)state;
    on_each_database(check_never_clean);
}

static void check_again(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    bool known = false;
    int64_t incident = make_incident(db);
    int64_t row = add_row(db, incident, "倉庫ラベル", "a");
    int64_t first = hand_in(db, incident, "A", vulnerable, 1, &known, &e);
    assert_int_equal(first, 1);
    assert_false(known);
    assert_int_equal(hand_in(db, incident, "a", vulnerable, 100000, &known, &e), first);
    assert_true(known); /* the same bytes: the same scan */
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM event WHERE kind = 'findings.received'"), 1);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM finding"), 1);
    assert_int_equal(hand_in(db, incident, "b", vulnerable, 7, &known, &e), 2); /* another host's */
    /* a newer scan that says the same makes no second proposal; one that was refused stays so */
    judge_all(db, incident, false);
    assert_state(db, row, "not_asked none");
    struct scan_text later = vulnerable;
    later.ended = "2021-12-14T00:00:00Z";
    scan_is_taken(db, incident, "a", later);
    assert_evidence(db, row, "host:a yes 2.14.1 refused");
    /* an older scan that comes late changes nothing */
    scan_is_taken(db, incident, "a",
                  (struct scan_text){.findings = FOUND("2.0", "affected"),
                                     .count = 1,
                                     .ended = "2021-12-01T00:00:00Z"});
    assert_evidence(db, row, "host:a yes 2.14.1 refused");
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM scan WHERE latest = 1 AND host = 'a'"), 1);
    /* a clock that is years ahead does not hold back the next scan */
    scan_is_taken(db, incident, "a",
                  (struct scan_text){.findings = FOUND("2.3", "affected"),
                                     .count = 1,
                                     .ended = "2091-12-01T00:00:00Z"});
    char now[TIME_RFC3339_SIZE];
    time_format_utc(time_now_ms() + 60000, now);
    scan_is_taken(
        db, incident, "a",
        (struct scan_text){.findings = FOUND("2.4", "affected"), .count = 1, .ended = now});
    assert_evidence(db, row, "host:a yes 2.14.1 refused; host:a yes 2.4 proposed");
    assert_verifies(db);
}

static void the_same_again(void **state)
{
    (void)state;
    on_each_database(check_again);
}

static void check_gone(struct test_database *t)
{
    struct db *db = t->db;
    int64_t incident = make_incident(db);
    int64_t row = add_row(db, incident, "倉庫ラベル", "a\nb");
    scan_is_taken(db, incident, "a", vulnerable);
    scan_is_taken(db, incident, "b", vulnerable);
    judge_all(db, incident, true);
    assert_evidence(db, row, "host:a yes 2.14.1 confirmed; host:b yes 2.14.1 confirmed");
    scan_is_taken(db, incident, "a", (struct scan_text){.ended = "2021-12-15T00:00:00Z"});
    assert_evidence(db, row,
                    "host:a yes 2.14.1 confirmed; host:b yes 2.14.1 confirmed; "
                    "hosts unknown proposed");
    assert_state(db, row, "affected confirmed");
    scan_is_taken(db, incident, "b", (struct scan_text){.ended = "2021-12-15T00:00:00Z"});
    assert_evidence(db, row,
                    "host:a yes 2.14.1 confirmed; host:b yes 2.14.1 confirmed; "
                    "hosts no proposed");
    judge_all(db, incident, true); /* a person says that it is gone */
    assert_evidence(db, row, "hosts no confirmed");
    assert_state(db, row, "not_affected confirmed");
    scan_is_taken(db, incident, "b",
                  (struct scan_text){.findings = FOUND("2.14.1", "affected"),
                                     .count = 1,
                                     .ended = "2021-12-16T00:00:00Z"});
    assert_state(db, row, "investigating confirmed");
    assert_verifies(db);
}

static void nothing_vanishes_silently(void **state)
{
    (void)state;
    on_each_database(check_gone);
}

static void check_conflicts(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    int64_t incident = make_incident(db), other = make_incident(db);
    struct actor okubo = {ACTOR_ACCOUNT, 7, "大久保 亮", ROLE_RESPONDER, "web"};
    struct actor owner = {ACTOR_ACCOUNT, 8, "上原 千夏", ROLE_OWNER, "web"};
    add_row(db, incident, "倉庫ラベル", "a");
    scan_is_taken(db, incident, "a", vulnerable);
    int64_t id = 1, gone = 99;
    REFUSED(db, e, ST_NOT_FOUND, survey_confirm(db, &owner, incident, &id, 1, &e)); /* not hers */
    REFUSED(db, e, ST_NOT_FOUND, survey_confirm(db, &okubo, incident, &gone, 1, &e));
    REFUSED(db, e, ST_NOT_FOUND, survey_confirm(db, &okubo, other, &id, 1, &e));
    REFUSED(db, e, ST_INVALID, survey_confirm(db, &okubo, incident, &id, 0, &e));
    IN_TX(db, e, survey_confirm(db, &okubo, incident, &id, 1, &e));
    must(db_begin(db, &e), &e);
    assert_int_equal(survey_refuse(db, &okubo, incident, &id, 1, "x", &e), ST_CONFLICT);
    db_rollback(db);
    assert_string_equal(e.msg, "大久保 亮 confirmed this meanwhile");
    assert_verifies(db);
}

static void a_proposal_is_judged_once(void **state)
{
    (void)state;
    on_each_database(check_conflicts);
}

static void check_later_hosts(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    int64_t incident = make_incident(db);
    scan_is_taken(db, incident, "a", vulnerable);
    scan_is_taken(db, incident, "b", clean);
    int64_t row = add_row(db, incident, "倉庫ラベル", "b"); /* scanned before the row was there */
    assert_evidence(db, row, "hosts no proposed");
    struct asset_field field = {FIELD_HOSTS, SLICE_LIT("b\na")};
    int64_t version = get_int(db, "SELECT row_version FROM asset");
    IN_TX(db, e, asset_change(db, &system_actor, row, version, &field, 1, &e));
    assert_evidence(db, row, "host:a yes 2.14.1 proposed");
    assert_state(db, row, "investigating none");
    field.value = SLICE_LIT("c");
    version = get_int(db, "SELECT row_version FROM asset");
    IN_TX(db, e, asset_change(db, &system_actor, row, version, &field, 1, &e));
    assert_evidence(db, row, "");
    assert_state(db, row, "not_asked none");
    assert_verifies(db);
}

static void hosts_become(struct db *db, int64_t row, const char *hosts)
{
    struct err e = {0};
    struct asset_field field = {FIELD_HOSTS, slice_str(hosts)};
    int64_t version = 0;
    must(db_get_int(db, &version, &e, "SELECT row_version FROM asset WHERE id = $1", "i", row), &e);
    IN_TX(db, e, asset_change(db, &system_actor, row, version, &field, 1, &e));
}

/* What was settled for the hosts of then is not settled for those of now. */
static void check_other_hosts(struct test_database *t)
{
    static const struct scan_text fixed = {.findings = FOUND("2.17.1", "fixed"), .count = 1};
    struct db *db = t->db;
    int64_t incident = make_incident(db);
    int64_t none = add_row(db, incident, "倉庫ラベル", "a"),
            old = add_row(db, incident, "在庫", "f");
    scan_is_taken(db, incident, "a", clean);
    scan_is_taken(db, incident, "f", fixed);
    judge_all(db, incident, true);
    assert_state(db, none, "not_affected confirmed");
    assert_state(db, old, "fixed confirmed");
    hosts_become(db, none, "z"); /* never scanned */
    assert_evidence(db, none, "hosts no confirmed; hosts unknown proposed partial");
    assert_state(db, none, "investigating confirmed");
    hosts_become(db, none, "a"); /* back: what was confirmed is so */
    assert_evidence(db, none, "hosts no confirmed");
    assert_state(db, none, "not_affected confirmed");
    hosts_become(db, none, "");
    assert_state(db, none, "investigating confirmed");
    hosts_become(db, old, "f\nz");
    assert_evidence(db, old, "host:f yes 2.17.1 confirmed; host:f yes 2.17.1 proposed partial");
    assert_state(db, old, "investigating confirmed");
    hosts_become(db, old, "z");
    assert_evidence(db, old, "host:f yes 2.17.1 confirmed; hosts unknown proposed partial");
    assert_state(db, old, "investigating confirmed");
    judge_all(db, incident, true); /* a person says so: the host that left settles nothing more */
    assert_evidence(db, none, "hosts unknown confirmed partial");
    assert_evidence(db, old, "hosts unknown confirmed partial");
    assert_state(db, none, "investigating claimed");
    assert_state(db, old, "investigating claimed");
    assert_verifies(db);
}

static void what_was_settled_for_other_hosts_is_open(void **state)
{
    (void)state;
    on_each_database(check_other_hosts);
}

/* The same when a file brings the hosts, with so many rows that most are not looked at. */
static void check_imported_hosts(struct test_database *t)
{
    struct db *db = t->db;
    struct buf file;
    int64_t incident = make_incident(db);
    import_text(db, incident, "管理番号,システム名,ホスト\nA-1,受注,a\n");
    scan_is_taken(db, incident, "a", clean);
    judge_all(db, incident, true);
    assert_state(db, 1, "not_affected confirmed");
    buf_init(&file, 1 << 20);
    (void)buf_add_str(&file, "管理番号,システム名,ホスト\nA-1,受注,z\n");
    for (int i = 0; i < 100; i++)
        (void)buf_addf(&file, "B-%d,システム %d,y\n", i, i);
    import_text(db, incident, buf_text(&file));
    buf_done(&file);
    assert_evidence(db, 1, "hosts no confirmed; hosts unknown proposed partial");
    assert_state(db, 1, "investigating confirmed");
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM evidence"), 2);
    assert_verifies(db);
}

static void hosts_that_a_file_brings_settle_nothing(void **state)
{
    (void)state;
    on_each_database(check_imported_hosts);
}

static void check_imports(struct test_database *t)
{
    struct db *db = t->db;
    struct buf file;
    int64_t incident = make_incident(db);
    scan_is_taken(db, incident, "a", vulnerable);
    scan_is_taken(db, incident, "b", clean);
    import_text(db, incident, "管理番号,システム名,ホスト\nA-1,受注,a\nA-2,在庫,b\nA-3,人事,c\n");
    assert_evidence(db, 1, "host:a yes 2.14.1 proposed");
    assert_evidence(db, 2, "hosts no proposed");
    assert_evidence(db, 3, "");
    assert_state(db, 1, "investigating none");
    /* many rows at once, most of them without a scanned host; a host that leaves takes its
     * proposal along */
    buf_init(&file, 1 << 20);
    (void)buf_add_str(&file, "管理番号,システム名,ホスト\nA-1,受注,c\nA-3,人事,\"b, a\"\n");
    for (int i = 0; i < 300; i++)
        (void)buf_addf(&file, "B-%d,システム %d,%s\n", i, i, i == 250 ? "a" : "z");
    import_text(db, incident, buf_text(&file));
    buf_done(&file);
    assert_evidence(db, 1, "");
    assert_state(db, 1, "not_asked none");
    assert_evidence(db, 3, "host:a yes 2.14.1 proposed");
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM evidence WHERE status = 'proposed'"), 3);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset WHERE state = 'investigating'"), 2);
    assert_verifies(db);
}

static void imported_rows_with_scanned_hosts(void **state)
{
    (void)state;
    on_each_database(check_imports);
}

static void rows_that_come_to_have_scanned_hosts(void **state)
{
    (void)state;
    on_each_database(check_later_hosts);
}

static void check_refused(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    int64_t incident = make_incident(db), closed = make_incident(db);
    struct scan_text cut = vulnerable;
    IN_TX(db, e, incident_close(db, &system_actor, closed, "x", &e));
    cut.count = 2; /* the summary counts more than came */
    assert_int_equal(hand_in(db, incident, "a", cut, 50, NULL, &e), 0);
    assert_int_equal(e.code, ST_MALFORMED);
    assert_int_equal(hand_in(db, closed, "a", clean, 50, NULL, &e), 0);
    assert_int_equal(e.code, ST_CONFLICT);
    assert_int_equal(hand_in(db, 77, "a", clean, 50, NULL, &e), 0);
    assert_int_equal(e.code, ST_NOT_FOUND);
    assert_int_equal(hand_in(db, incident, "a b", clean, 50, NULL, &e), 0);
    assert_int_equal(e.code, ST_INVALID);
    struct scan_text broken = {.findings = FOUND("2.14.1", "affected") "{\"path\": 7}\n",
                               .count = 2};
    assert_int_equal(hand_in(db, incident, "a", broken, 50, NULL, &e), 0);
    assert_int_equal(e.code, ST_MALFORMED);
    assert_non_null(strstr(e.msg, "line 2"));
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM finding"), 0);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM scan_gap"), 0);
    assert_verifies(db);
}

static void what_is_broken_leaves_nothing(void **state)
{
    (void)state;
    on_each_database(check_refused);
}

static void check_exchanged(struct test_database *t)
{
    static const char *const tampering[] = {
        "UPDATE finding SET version = '2.17.1'",
        "DELETE FROM finding",
        "UPDATE finding SET cves = '{}'",
        "DELETE FROM scan_gap WHERE n = 2",
        "INSERT INTO scan_gap(scan_id, n, path, reason) VALUES (1, 3, 'p', 'r')",
        "UPDATE finding SET evidence = '[]'",
        "UPDATE finding SET path = '/opt/b.jar'",
        "UPDATE scan_gap SET reason = 'r' WHERE n = 1",
        "UPDATE scan SET incomplete = 0",
        "UPDATE evidence SET option = 'no'",
        "UPDATE asset SET state = 'not_affected'",
    };
    struct err e = {0};
    int64_t incident = make_incident(t->db);
    add_row(t->db, incident, "倉庫ラベル", "a");
    struct scan_text text = vulnerable;
    text.gaps = 2;
    scan_is_taken(t->db, incident, "a", text);
    assert_verifies(t->db);
    for (size_t i = 0; i < ARRAY_LEN(tampering); i++) {
        struct test_database copy;
        json_t *report = NULL;
        database_make(&copy, db_backend(t->db));
        add_row(copy.db, make_incident(copy.db), "倉庫ラベル", "a");
        scan_is_taken(copy.db, 1, "a", text);
        must(db_run(copy.db, NULL, &e, tampering[i], ""), &e);
        if (log_verify(copy.db, &report, &e) != ST_MALFORMED)
            fail_msg("not found: %s", tampering[i]);
        json_decref(report);
        database_drop(&copy);
    }
}

static void exchanged_findings_are_found(void **state)
{
    (void)state;
    on_each_database(check_exchanged);
}

static void check_hosts(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    char token[HOST_TOKEN_SIZE], second[HOST_TOKEN_SIZE], name[HOST_NAME_SIZE];
    int64_t id = 0, again = 0;
    struct actor responder = {ACTOR_ACCOUNT, 7, "大久保 亮", ROLE_RESPONDER, "web"};
    IN_TX(db, e, host_add(db, &system_actor, " WMS-App01 ", token, &id, &e));
    assert_int_equal(strlen(token), 47);
    assert_int_equal(strncmp(token, "hkh_", 4), 0);
    REFUSED(db, e, ST_CONFLICT, host_add(db, &system_actor, "wms-app01", second, &again, &e));
    REFUSED(db, e, ST_DENIED, host_add(db, &responder, "other", second, &again, &e));
    REFUSED(db, e, ST_INVALID, host_add(db, &system_actor, "a/b", second, &again, &e));
    assert_ok(host_of_token(db, slice_str(token), &again, name, sizeof name, &e));
    assert_int_equal(again, id);
    assert_string_equal(name, "wms-app01");
    assert_int_equal(host_of_token(db, SLICE_LIT("hkh_"), &again, name, sizeof name, &e),
                     ST_DENIED);
    /* a host hands in its own scans only */
    int64_t incident = make_incident(db);
    struct actor host = {ACTOR_HOST, id, "wms-app01", ROLE_HOST, "api"};
    struct findings_in *in = NULL;
    struct statement st = {.question = "log4j", .option = "no"};
    int64_t row = add_row(db, incident, "倉庫ラベル", "a");
    REFUSED(db, e, ST_DENIED, survey_state(db, &host, row, &st, &e));
    must(db_begin(db, &e), &e);
    assert_int_equal(findings_begin(db, &host, incident, "other-host", &in, &e), ST_DENIED);
    must(findings_begin(db, &host, incident, "WMS-app01", &in, &e), &e);
    must(host_disable(db, &system_actor, id, &e), &e); /* while its scan comes in */
    must(findings_add(in,
                      SLICE_LIT("{\"summary\":{\"files\":1,\"archives\":0,\"bytes\":0,"
                                "\"findings\":0,\"started\":\"2021-12-13T11:00:00Z\","
                                "\"ended\":\"2021-12-13T11:00:00Z\",\"tool\":\"t\","
                                "\"profile\":\"log4shell\",\"profile_revision\":1,"
                                "\"incomplete_count\":0,\"incomplete\":[],\"paths\":[\"/\"]}}\n"),
                      &e),
         &e);
    bool known;
    int64_t scan;
    assert_int_equal(findings_end(in, &scan, &known, &e), ST_DENIED);
    db_rollback(db);
    IN_TX(db, e, host_renew(db, &system_actor, id, second, &e));
    assert_int_equal(host_of_token(db, slice_str(token), &again, name, sizeof name, &e), ST_DENIED);
    assert_ok(host_of_token(db, slice_str(second), &again, name, sizeof name, &e));
    IN_TX(db, e, host_disable(db, &system_actor, id, &e));
    assert_int_equal(host_of_token(db, slice_str(second), &again, name, sizeof name, &e),
                     ST_DENIED);
    REFUSED(db, e, ST_NOT_FOUND, host_renew(db, &system_actor, id, second, &e));
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM event WHERE body LIKE '%hkh_%'"), 0);
    assert_verifies(db);
}

static void hosts_and_tokens(void **state)
{
    (void)state;
    on_each_database(check_hosts);
}

/* A host with very many findings and many rows: the time is printed; it must not explode. */
static void check_many(struct test_database *t)
{
    struct db *db = t->db;
    struct buf lines;
    struct err e = {0};
    int64_t incident = make_incident(db);
    enum { FINDINGS = 20000, ROWS = 200 };
    buf_init(&lines, MIB(64));
    for (int i = 0; i < FINDINGS; i++)
        (void)buf_addf(&lines,
                       "{\"path\":\"/srv/app%d/lib/log4j-core.jar\",\"component\":\"log4j-core\","
                       "\"version\":\"2.%d.1\",\"version_from\":\"pom.properties\",\"cves\":%s,"
                       "\"evidence\":[\"pom.properties\"]}\n",
                       i, i % 40, i % 3 ? BOTH("fixed") : BOTH("affected"));
    for (int i = 0; i < ROWS; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "system %d", i);
        add_row(db, incident, name, "big");
    }
    int64_t t0 = time_monotonic_ms();
    assert_true(hand_in(db, incident, "big",
                        (struct scan_text){.findings = buf_text(&lines), .count = FINDINGS}, 65536,
                        NULL, &e) > 0);
    int64_t took = time_monotonic_ms() - t0;
    print_message("%d findings, %d rows: %lld ms\n", FINDINGS, ROWS, (long long)took);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM evidence WHERE status = 'proposed'"), ROWS);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM event WHERE kind = 'findings.received'"), 1);
    assert_true(took < 60000);
    buf_done(&lines);
    assert_verifies(db);
}

static void many_findings(void **state)
{
    (void)state;
    on_each_database(check_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_propose_answers),
        cmocka_unit_test(what_was_not_read_is_never_clean),
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(nothing_vanishes_silently),
        cmocka_unit_test(a_proposal_is_judged_once),
        cmocka_unit_test(rows_that_come_to_have_scanned_hosts),
        cmocka_unit_test(what_was_settled_for_other_hosts_is_open),
        cmocka_unit_test(hosts_that_a_file_brings_settle_nothing),
        cmocka_unit_test(imported_rows_with_scanned_hosts),
        cmocka_unit_test(what_is_broken_leaves_nothing),
        cmocka_unit_test(exchanged_findings_are_found),
        cmocka_unit_test(hosts_and_tokens),
        cmocka_unit_test(many_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
