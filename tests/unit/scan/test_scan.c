/* A scan through its public face, on files made here, with a profile made here: limits at one
 * below, at and one above, memory running out at every call, verdicts as a table. */
#include "base/limits.h"
#include "failalloc.h"
#include "scan/scan_int.h"
#include "unit.h"
#include "zipmake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct profile_text texts[] = {
    {"profile.txt",
     SLICE_LIT("id: test\nrevision: 1\ndate: 2021-12-10\ntitle.en: Test\ntitle.ja: 試験\n")},
    {"cves.tsv", SLICE_LIT("CVE-1\t2021-12-10\thigh\t9.0\t2.0\tyes\tt\tt\ts\ts\n"
                           "CVE-2\t2021-12-10\thigh\t9.0\t2.0\tyes\tt\tt\ts\ts\n")},
    {"advisories.tsv", SLICE_LIT("# none\n")},
    {"components.tsv", SLICE_LIT("org.example\tthing\tyes\torg/example/thing\n"
                                 "org.fork\tfork\tyes\torg/example/thing\n"
                                 "org.example\tapi\tno\torg/example/api\n")},
    {"affected.tsv", SLICE_LIT("thing\tCVE-1\t1.0..2.0\tnet/Door\n"
                               "thing\tCVE-2\t1.5..3.0\t-\n"
                               "fork\tCVE-1\t1.0..1.1\tnet/Door\n")},
    {"marks.tsv", SLICE_LIT("thing\tnet/Door\tid\topen sesame\t1.0..\n"
                            "thing\tnet/Door\thas\tlocked\t2.0..\n"
                            "thing\tnet/Door\tlacks\tlocked\t1.0..2.0\n"
                            "fork\tnet/Door\tid\topen sesame\t1.0..\n")},
    {"facts.tsv", SLICE_LIT("# none\n")},
    {"manifests.tsv", SLICE_LIT("thing\tTitle\tThing\tVersion\n")},
    {"questions.tsv", SLICE_LIT("q\tno\t-\ttext\t文\thint\t助\n")},
    {"options.tsv", SLICE_LIT("q\tyes\topen\tno\tYes\tはい\n")},
};

struct seen {
    size_t findings, incomplete;
    enum cve_state cve1, cve2; /* of the last finding */
    char component[40], version[40], path[300], reason[200];
};

static void on_finding(void *ctx, const struct scan_finding *f)
{
    struct seen *s = ctx;
    s->findings++;
    s->cve1 = f->states[0];
    s->cve2 = f->states[1];
    (void)snprintf(s->component, sizeof s->component, "%s", f->component);
    (void)snprintf(s->version, sizeof s->version, "%s", f->version ? f->version : "");
    (void)snprintf(s->path, sizeof s->path, "%s", f->path);
}

static void on_place(void *ctx, const char *path, const char *reason)
{
    struct seen *s = ctx;
    (void)path;
    s->incomplete++;
    (void)snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static uint64_t budget; /* of the next scans; 0: the limit */

static struct profile *load(void)
{
    struct profile *p = NULL;
    struct err e = {0};
    if (profile_parse("test", texts, ARRAY_LEN(texts), &p, &e) != OK)
        fail_msg("%s", e.msg);
    return p;
}

/* Scans these bytes as a file; the status is that of making the scan and its path. */
static enum status scan_bytes(const struct profile *p, struct slice bytes, unsigned depth,
                              struct seen *seen, unsigned long fail_at)
{
    char name[] = "/tmp/hikeshi-test-XXXXXX";
    int fd = mkstemp(name);
    struct scan *s = NULL;
    *seen = (struct seen){0};
    struct scan_options o = {.profile = p,
                             .max_depth = depth,
                             .max_inflated = budget,
                             .ctx = seen,
                             .finding = on_finding,
                             .incomplete = on_place,
                             .skipped = on_place};
    assert_true(fd >= 0);
    for (size_t at = 0; at < bytes.n;) {
        ssize_t n = write(fd, bytes.p + at, bytes.n - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    close(fd);
    failalloc_at(fail_at);
    enum status st = scan_new(&o, &s);
    if (st == OK) {
        st = scan_path(s, name, NULL);
        scan_finish(s);
    }
    scan_free(s);
    (void)unlink(name);
    return st;
}

static void add_door(struct zipmake *z, const char *path, const char *name, bool locked)
{
    static const char *const constants[] = {"open sesame", "locked"};
    struct buf b;
    buf_init(&b, KIB(64));
    zipmake_class(&b, name, constants, locked ? 2 : 1);
    zipmake_add(z, path, buf_slice(&b), 8);
    buf_done(&b);
}

static void add_pom(struct zipmake *z, const char *group, const char *artifact, const char *version)
{
    char path[200], text[300];
    (void)snprintf(path, sizeof path, "META-INF/maven/%s/%s/pom.properties", group, artifact);
    (void)snprintf(text, sizeof text, "groupId=%s\nartifactId=%s\nversion=%s\n", group, artifact,
                   version);
    zipmake_add(z, path, slice_str(text), 8);
}

#define DOOR "org/example/thing/net/Door"

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *group, *artifact, *version; /* of the pom, or NULL */
        int door;                               /* 0 none, 1 open, 2 locked */
        const char *component;                  /* NULL: nothing is found */
        enum cve_state cve1, cve2;
    } cases[] = {
        {NULL, NULL, NULL, 0, NULL, 0, 0},
        {NULL, NULL, NULL, 1, "thing", CVE_AFFECTED, CVE_UNKNOWN},
        {NULL, NULL, NULL, 2, "thing", CVE_FIXED, CVE_UNKNOWN},
        {"org.example", "thing", "0.9", 0, "thing", CVE_NOT_AFFECTED, CVE_NOT_AFFECTED},
        {"org.example", "thing", "1.0", 1, "thing", CVE_AFFECTED, CVE_NOT_AFFECTED},
        {"org.example", "thing", "1.5", 1, "thing", CVE_AFFECTED, CVE_AFFECTED},
        {"org.example", "thing", "1.5", 0, "thing", CVE_MITIGATED, CVE_AFFECTED},
        {"org.example", "thing", "2.0", 2, "thing", CVE_FIXED, CVE_AFFECTED},
        {"org.example", "thing", "2.0", 1, "thing", CVE_AFFECTED,
         CVE_UNKNOWN}, /* a name that lies */
        {"org.example", "thing", "3.0", 2, "thing", CVE_FIXED, CVE_FIXED},
        {"org.example", "thing", "${v}", 0, "thing", CVE_MITIGATED, CVE_UNKNOWN},
        {"org.fork", "fork", "1.0", 1, "fork", CVE_AFFECTED, CVE_UNSTATED},
        {"org.fork", "fork", "1.1", 1, "fork", CVE_FIXED, CVE_UNSTATED},
        {"org.example", "api", "1.0", 0, NULL, 0, 0},
    };
    struct profile *p = load();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zipmake z;
        struct seen seen;
        zipmake_init(&z);
        add_door(&z, "org/example/Other.class", "org/example/Other", false);
        zipmake_add(&z, "readme", slice_str("a text of more than 22 bytes"), 8);
        if (cases[i].door)
            add_door(&z, DOOR ".class", DOOR, cases[i].door == 2);
        if (cases[i].group)
            add_pom(&z, cases[i].group, cases[i].artifact, cases[i].version);
        /* the other class has the mark as well: only where a verdict would rest on absence is it
         * met */
        z.out.p[0] = z.out.p[0];
        zipmake_end(&z, slice_str(""));
        assert_ok(scan_bytes(p, buf_slice(&z.out), 16, &seen, 0));
        assert_int_equal(seen.incomplete, 0);
        assert_int_equal(seen.findings, cases[i].component ? 1 : 0);
        if (cases[i].component) {
            assert_string_equal(seen.component, cases[i].component);
            assert_int_equal(seen.cve1, cases[i].cve1);
            assert_int_equal(seen.cve2, cases[i].cve2);
        }
        zipmake_done(&z);
    }
    profile_free(p);
}

/* One archive in another, padded so that the inner one has exactly n bytes. */
static void make_inner(struct zipmake *outer, size_t n, unsigned method)
{
    struct zipmake inner;
    zipmake_init(&inner);
    add_door(&inner, DOOR ".class", DOOR, false);
    add_pom(&inner, "org.example", "thing", "1.5");
    size_t rest = n - inner.out.n - inner.dir.n - (30 + 46 + 2 * 3) - 22;
    uint8_t *pad = calloc(1, rest);
    zipmake_add(&inner, "pad", slice_of(pad, rest), 0);
    zipmake_end(&inner, slice_str(""));
    assert_int_equal(inner.out.n, n);
    zipmake_init(outer);
    zipmake_add(outer, "x", buf_slice(&inner.out), method);
    zipmake_end(outer, slice_str(""));
    zipmake_done(&inner);
    free(pad);
}

/* In memory, in a temporary file, or where it lies: what is found is the same. */
static void test_nested_limit(void **state)
{
    (void)state;
    struct profile *p = load();
    for (int d = -1; d <= 1; d++)
        for (unsigned method = 0; method <= 8; method += 8) {
            struct zipmake outer;
            struct seen seen;
            make_inner(&outer, (size_t)((long)LIMIT_NESTED_BYTES + d), method);
            assert_ok(scan_bytes(p, buf_slice(&outer.out), 16, &seen, 0));
            assert_int_equal(seen.findings, 1);
            assert_int_equal(seen.incomplete, 0);
            assert_int_equal(seen.cve1, CVE_AFFECTED);
            assert_non_null(strstr(seen.path, "!/x"));
            zipmake_done(&outer);
        }
    profile_free(p);
}

static void test_no_room_for_temporary_file(void **state)
{
    (void)state;
    struct profile *p = load();
    struct zipmake outer;
    struct seen seen;
    make_inner(&outer, LIMIT_NESTED_BYTES + 1, 8);
    assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
    assert_ok(scan_bytes(p, buf_slice(&outer.out), 16, &seen, 0)); /* falls back to /var/tmp */
    assert_int_equal(seen.findings, 1);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    zipmake_done(&outer);
    profile_free(p);
}

/* Depth: what is nested one deeper than allowed is told, not passed over. */
static void test_depth_limit(void **state)
{
    (void)state;
    static const unsigned depths[] = {1, 16, LIMIT_SCAN_DEPTH};
    struct profile *p = load();
    for (size_t i = 0; i < ARRAY_LEN(depths); i++)
        for (int d = -1; d <= 1; d++) {
            struct zipmake z;
            struct seen seen;
            zipmake_init(&z);
            add_door(&z, DOOR ".class", DOOR, false);
            zipmake_end(&z, slice_str(""));
            for (unsigned k = 0; k < depths[i] + (unsigned)d; k++) {
                struct zipmake outer;
                zipmake_init(&outer);
                zipmake_add(&outer, "x", buf_slice(&z.out), 0);
                zipmake_end(&outer, slice_str(""));
                zipmake_done(&z);
                z = outer;
            }
            assert_ok(scan_bytes(p, buf_slice(&z.out), depths[i], &seen, 0));
            assert_int_equal(seen.findings, d <= 0);
            assert_int_equal(seen.incomplete, d > 0);
            zipmake_done(&z);
        }
    profile_free(p);
}

/* Files that a scan reads whole: one byte more than the limit and the place is told. */
static void test_member_limits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t limit;
    } cases[] = {{DOOR ".class", LIMIT_CLASS_BYTES},
                 {"META-INF/maven/g/a/pom.properties", LIMIT_POM_BYTES},
                 {"META-INF/MANIFEST.MF", LIMIT_MANIFEST_BYTES}};
    static const char *const constants[] = {"open sesame"};
    struct profile *p = load();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int d = -1; d <= 1; d++) {
            struct zipmake z;
            struct buf b;
            struct seen seen;
            buf_init(&b, MIB(4));
            if (i == 0)
                zipmake_class(&b, DOOR, constants, 1);
            while (b.n < (size_t)((long)cases[i].limit + d))
                assert_ok(buf_add_char(&b, '#'));
            zipmake_init(&z);
            zipmake_add(&z, cases[i].name, buf_slice(&b), 8);
            zipmake_end(&z, slice_str(""));
            assert_ok(scan_bytes(p, buf_slice(&z.out), 16, &seen, 0));
            assert_int_equal(seen.incomplete, d > 0);
            assert_int_equal(seen.findings, i == 0 && d <= 0);
            zipmake_done(&z);
            buf_done(&b);
        }
    profile_free(p);
}

static void test_copies_limit(void **state)
{
    (void)state;
    struct profile *p = load();
    for (int d = -1; d <= 1; d++) {
        struct zipmake z;
        struct seen seen;
        /* the class is a sign of two components, which makes two copies of each package */
        size_t n = (size_t)(LIMIT_COPIES / 2 + d);
        zipmake_init(&z);
        for (size_t i = 0; i < n; i++) {
            char path[80], name[60];
            (void)snprintf(name, sizeof name, "p%zu/net/Door", i);
            (void)snprintf(path, sizeof path, "%s.class", name);
            add_door(&z, path, name, false);
        }
        zipmake_end(&z, slice_str(""));
        assert_ok(scan_bytes(p, buf_slice(&z.out), 16, &seen, 0));
        assert_int_equal(seen.findings, d > 0 ? LIMIT_COPIES / 2 : n);
        assert_int_equal(seen.incomplete, d > 0);
        zipmake_done(&z);
    }
    profile_free(p);
}

/* Wherever memory runs out: an error, or a place that is told, or all that there is. */
static void test_no_memory(void **state)
{
    (void)state;
    struct profile *p = load();
    struct zipmake outer;
    bool hit = true;
    make_inner(&outer, 5000, 8);
    for (unsigned long n = 1; hit; n++) {
        struct seen seen;
        enum status st = scan_bytes(p, buf_slice(&outer.out), 16, &seen, n);
        hit = failalloc_hit();
        bool whole = seen.findings == 1 && seen.cve1 == CVE_AFFECTED;
        assert_true(st != OK || seen.incomplete || whole);
        if (!hit)
            assert_true(st == OK && whole && !seen.incomplete);
        assert_true(n < 500);
    }
    zipmake_done(&outer);
    profile_free(p);
}

/* Cut at every byte, it is never clean. */
static void test_truncated(void **state)
{
    (void)state;
    struct profile *p = load();
    struct zipmake outer;
    make_inner(&outer, 1500, 0);
    for (size_t n = 4; n < outer.out.n; n++) {
        struct seen seen;
        assert_ok(scan_bytes(p, slice_of(outer.out.p, n), 16, &seen, 0));
        assert_true(seen.incomplete > 0);
    }
    zipmake_done(&outer);
    profile_free(p);
}

/* Files as they are on a host that works: gone, a link, a pipe, empty, cut. */
static void test_single_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content; /* content NULL: it is not there */
        const char *reason;         /* NULL: nothing to tell */
    } cases[] = {{"gone.jar", NULL, "deleted while it was scanned"},
                 {"empty.jar", "", NULL},
                 {"text.jar", "no archive at all", NULL},
                 {"cut.jar", "PK\3\4", "no directory"},
                 {"cut", "PK\3\4", "no directory"}};
    struct profile *p = load();
    struct seen seen = {0};
    struct scan_options o = {.profile = p,
                             .max_depth = 16,
                             .ctx = &seen,
                             .finding = on_finding,
                             .incomplete = on_place,
                             .skipped = on_place};
    struct scan *s = NULL;
    char folder[] = "/tmp/hikeshi-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    assert_ok(scan_new(&o, &s));
    assert_ok(buf_add_str(&s->path, folder));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].content) {
            size_t n = strlen(cases[i].content);
            int fd = openat(dir, cases[i].name, O_WRONLY | O_CREAT, 0600);
            assert_true(fd >= 0);
            assert_int_equal(write(fd, cases[i].content, n), (ssize_t)n);
            close(fd);
        }
        seen = (struct seen){0};
        scan_file(s, dir, cases[i].name, false);
        (void)unlinkat(dir, cases[i].name, 0);
        assert_int_equal(seen.incomplete, cases[i].reason != NULL);
        if (cases[i].reason)
            assert_non_null(strstr(seen.reason, cases[i].reason));
        assert_string_equal(buf_text(&s->path), folder);
    }
    /* what is no file holds nothing, and nothing waits for it */
    seen = (struct seen){0};
    assert_int_equal(symlinkat("/etc/passwd", dir, "x"), 0);
    scan_file(s, dir, "x", false);
    (void)unlinkat(dir, "x", 0);
    assert_int_equal(seen.incomplete, 0);
    scan_free(s);
    close(dir);
    (void)rmdir(folder);
    profile_free(p);
}

static void test_mounts(void **state)
{
    (void)state;
    char tmp[] = "/tmp", *roots[] = {tmp};
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    if (proc < 0)
        skip();
    assert_int_equal(mount_kind_of(proc, "/proc"), MOUNT_KERNEL);
    assert_false(mount_overlay_below("/proc", roots, 1));
    assert_false(mount_overlay_below("/no/such/mount", roots, 1));
    close(proc);
}

/* The budget of a file: with one byte less than it needs, a place is told; never a silent end. */
static void test_budget(void **state)
{
    (void)state;
    struct profile *p = load();
    struct zipmake outer;
    struct seen seen;
    uint64_t enough = MIB(1), little = 1;
    make_inner(&outer, 50000, 8);
    while (enough - little > 1) {
        budget = little + (enough - little) / 2;
        assert_ok(scan_bytes(p, buf_slice(&outer.out), 16, &seen, 0));
        assert_true(seen.incomplete || (seen.findings == 1 && seen.cve1 == CVE_AFFECTED));
        if (seen.incomplete) {
            assert_non_null(strstr(seen.reason, "limits"));
            little = budget;
        } else {
            enough = budget;
        }
    }
    assert_true(enough > 50000 &&
                enough < 200000); /* the inner archive, its members, and looking */
    for (int d = -1; d <= 1; d++) {
        budget = (uint64_t)((int64_t)enough + d);
        assert_ok(scan_bytes(p, buf_slice(&outer.out), 16, &seen, 0));
        assert_int_equal(seen.incomplete > 0, d < 0);
    }
    budget = 0;
    zipmake_done(&outer);
    profile_free(p);
}

/* The budget as it is: 4 GiB of zeros out of some MB, entered over and over, end within it. */
static void test_bomb(void **state)
{
    (void)state;
    struct profile *p = load();
    struct zipmake inner, outer;
    struct seen seen;
    size_t n = MIB(48);
    uint8_t *zeros = calloc(1, n);
    zipmake_init(&inner);
    zipmake_add(&inner, "z", slice_of(zeros, n), 0);
    zipmake_end(&inner, slice_str(""));
    zipmake_init(&outer);
    for (size_t i = 0; i < 12; i++)
        zipmake_add(&outer, "x.jar", buf_slice(&inner.out), 8);
    zipmake_end(&outer, slice_str(""));
    budget = 10 * n;
    assert_ok(scan_bytes(p, buf_slice(&outer.out), 16, &seen, 0));
    budget = 0;
    assert_int_equal(seen.findings, 0);
    assert_int_equal(seen.incomplete, 3); /* the last three do not fit any more */
    zipmake_done(&inner);
    zipmake_done(&outer);
    free(zeros);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts),
                                       cmocka_unit_test(test_nested_limit),
                                       cmocka_unit_test(test_no_room_for_temporary_file),
                                       cmocka_unit_test(test_depth_limit),
                                       cmocka_unit_test(test_member_limits),
                                       cmocka_unit_test(test_copies_limit),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_truncated),
                                       cmocka_unit_test(test_budget),
                                       cmocka_unit_test(test_bomb),
                                       cmocka_unit_test(test_single_files),
                                       cmocka_unit_test(test_mounts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
