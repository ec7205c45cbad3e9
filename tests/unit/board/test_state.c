/* The rules of state.h as a table: evidence and decisions in, answers and states out. */
#include "unit.h"

#include "board/case/state.h"

/* q question, o option; who: account numbers keep people apart */
#define PERSON(q, o, v, who)                                    \
    {                                                           \
        q, "", "person", o, v, "account:" #who, "", true, false \
    }
#define MAKER(cve, o, who)                                               \
    {                                                                    \
        "vendor", cve, "person", o, "", "account:" #who, "", true, false \
    }
#define LETTER(cve, o)                                              \
    {                                                               \
        "vendor", cve, "vendor", o, "", "vendor:a", "", true, false \
    }
#define SCAN(host, o, v, cves)                             \
    {                                                      \
        "log4j", "", "scan", o, v, host, cves, true, false \
    }
#define PARTIAL(host, o, v, cves)                         \
    {                                                     \
        "log4j", "", "scan", o, v, host, cves, true, true \
    }
#define WAITS(host, o, v, cves)                             \
    {                                                       \
        "log4j", "", "scan", o, v, host, cves, false, false \
    }
#define WAITS_PARTIAL(host, o, v, cves)                    \
    {                                                      \
        "log4j", "", "scan", o, v, host, cves, false, true \
    }
#define C1 "CVE-2021-44228"
#define C2 "CVE-2021-45046"
#define C3 "CVE-2021-45105"
#define BOTH(state) "{\"" C1 "\": \"" state "\", \"" C2 "\": \"" state "\"}"

struct row_case {
    const char *name;
    struct state_evidence ev[6];
    struct state_decision decided[2];
    bool asked, retired;
    /* "question[/last digits of CVE]=option certainty rule[!]" each, and "44228=state certainty[!]"
     */
    const char *answers, *cves;
    const char *state, *certainty;
    bool disagree, proposals;
};

static const struct row_case cases[] = {
    {.name = "nothing", .answers = "", .cves = "", .state = "not_asked", .certainty = "none"},
    {.name = "asked",
     .asked = true,
     .answers = "",
     .cves = "",
     .state = "asked",
     .certainty = "none"},
    {.name = "retired",
     .retired = true,
     .answers = "",
     .cves = "",
     .state = "retired",
     .certainty = "none"},
    {.name = "a person's yes without a version settles nothing",
     .ev = {PERSON("java", "yes", "", 1)},
     .asked = true,
     .answers = "java=yes claimed claim",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "no runtime: not affected by any",
     .ev = {PERSON("java", "no", "", 1)},
     .answers = "java=no claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=not_affected claimed "
             "44832=not_affected claimed 4104=not_affected claimed 17571=not_affected claimed "
             "23302=not_affected claimed 23305=not_affected claimed 23307=not_affected claimed "
             "42550=not_affected claimed",
     .state = "not_affected",
     .certainty = "claimed"},
    {.name = "no component: nothing is said of what another component brings",
     .ev = {PERSON("java", "yes", "", 1), PERSON("log4j", "no", "", 1)},
     .answers = "java=yes claimed claim log4j=no claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=not_affected claimed "
             "44832=not_affected claimed 4104=not_affected claimed 17571=not_affected claimed "
             "23302=not_affected claimed 23305=not_affected claimed 23307=not_affected claimed",
     .state = "not_affected",
     .certainty = "claimed"},
    {.name = "no runtime and yet the component: a contradiction stays open",
     .ev = {PERSON("java", "no", "", 1), PERSON("log4j", "yes", "", 2)},
     .answers = "java=no claimed claim log4j=yes claimed claim",
     .cves = "44228=investigating claimed! 45046=investigating claimed! 45105=not_affected claimed "
             "44832=not_affected claimed 4104=not_affected claimed 17571=not_affected claimed "
             "23302=not_affected claimed 23305=not_affected claimed 23307=not_affected claimed "
             "42550=not_affected claimed",
     .state = "investigating",
     .certainty = "claimed",
     .disagree = true},
    {.name = "a version in the ranges",
     .ev = {PERSON("log4j", "yes", "2.14.1", 1)},
     .answers = "log4j=yes claimed claim",
     .cves = "44228=affected claimed 45046=affected claimed 45105=affected claimed "
             "44832=affected claimed",
     .state = "affected",
     .certainty = "claimed"},
    {.name = "a version behind some ranges",
     .ev = {PERSON("log4j", "yes", "2.15.0", 1)},
     .answers = "log4j=yes claimed claim",
     .cves = "44228=fixed claimed 45046=affected claimed 45105=affected claimed "
             "44832=affected claimed",
     .state = "affected",
     .certainty = "claimed"},
    {.name = "a version behind all ranges",
     .ev = {PERSON("log4j", "yes", "2.17.1", 1)},
     .answers = "log4j=yes claimed claim",
     .cves = "44228=fixed claimed 45046=fixed claimed 45105=fixed claimed 44832=fixed claimed"
             "",
     .state = "fixed",
     .certainty = "claimed"},
    {.name = "two versions: the worse one holds",
     .ev = {PERSON("log4j", "yes", "2.17.1, 2.16.0", 1)},
     .answers = "log4j=yes claimed claim",
     .cves = "44228=fixed claimed 45046=fixed claimed 45105=affected claimed "
             "44832=affected claimed",
     .state = "affected",
     .certainty = "claimed"},
    {.name = "a version of another component of the question",
     .ev = {PERSON("log4j", "yes", "1.2.17", 1)},
     .answers = "log4j=yes claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=not_affected claimed "
             "44832=not_affected claimed 4104=affected claimed 17571=affected claimed "
             "23302=affected claimed 23305=affected claimed 23307=affected claimed",
     .state = "affected",
     .certainty = "claimed"},
    {.name = "what is no version settles nothing",
     .ev = {PERSON("log4j", "yes", "newest", 1)},
     .answers = "log4j=yes claimed claim",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "not known",
     .ev = {PERSON("log4j", "unknown", "", 1)},
     .asked = true,
     .answers = "log4j=unknown claimed claim",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "not known against no: the safe side",
     .ev = {PERSON("log4j", "no", "", 1), PERSON("log4j", "unknown", "", 2)},
     .answers = "log4j=unknown claimed claim!",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed",
     .disagree = true},
    {.name = "not known beside yes: no disagreement",
     .ev = {PERSON("log4j", "unknown", "", 1), PERSON("log4j", "yes", "", 2)},
     .answers = "log4j=yes claimed claim",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "of one person only the latest word counts",
     .ev = {PERSON("log4j", "yes", "2.14.1", 1), PERSON("log4j", "unknown", "", 1)},
     .answers = "log4j=unknown claimed claim",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "the maker speaks of one CVE only",
     .ev = {MAKER(C1, "not_affected", 1)},
     .answers = "vendor/44228=not_affected claimed claim",
     .cves = "44228=not_affected claimed",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "the maker speaks of both",
     .ev = {MAKER(C1, "not_affected", 1), MAKER(C2, "fixed", 1)},
     .answers = "vendor/44228=not_affected claimed claim vendor/45046=fixed claimed claim",
     .cves = "44228=not_affected claimed 45046=fixed claimed",
     .state = "fixed",
     .certainty = "claimed"},
    {.name = "the maker's own letter is likely",
     .ev = {LETTER(C1, "not_affected"), LETTER(C2, "not_affected")},
     .answers = "vendor/44228=not_affected likely statement vendor/45046=not_affected likely "
                "statement",
     .cves = "44228=not_affected likely 45046=not_affected likely",
     .state = "not_affected",
     .certainty = "likely"},
    {.name = "letter and person agree; the weaker of the two CVEs is the row's certainty",
     .ev = {LETTER(C1, "not_affected"), MAKER(C1, "not_affected", 1), LETTER(C2, "not_affected")},
     .answers = "vendor/44228=not_affected confirmed agree vendor/45046=not_affected likely "
                "statement",
     .cves = "44228=not_affected confirmed 45046=not_affected likely",
     .state = "not_affected",
     .certainty = "likely"},
    {.name = "the maker investigates",
     .ev = {PERSON("log4j", "yes", "", 1), MAKER(C1, "investigating", 1)},
     .answers = "log4j=yes claimed claim vendor/44228=investigating claimed claim",
     .cves = "44228=waiting_vendor claimed",
     .state = "waiting_vendor",
     .certainty = "claimed"},
    {.name = "waiting yields to an answer, whoever gave it",
     .ev = {MAKER(C1, "affected", 2), MAKER(C1, "none", 1)},
     .answers = "vendor/44228=affected claimed claim",
     .cves = "44228=affected claimed",
     .state = "affected",
     .certainty = "claimed"},
    {.name = "waiting yields also to the safest answer",
     .ev = {MAKER(C1, "none", 1), MAKER(C1, "not_affected", 2), MAKER(C2, "not_affected", 2)},
     .answers = "vendor/44228=not_affected claimed claim vendor/45046=not_affected claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed",
     .state = "not_affected",
     .certainty = "claimed"},
    {.name = "no component settles what the maker has yet to say",
     .ev = {PERSON("log4j", "no", "", 1), MAKER(C1, "none", 1)},
     .answers = "log4j=no claimed claim vendor/44228=none claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=not_affected claimed "
             "44832=not_affected claimed 4104=not_affected claimed 17571=not_affected claimed "
             "23302=not_affected claimed 23305=not_affected claimed 23307=not_affected claimed",
     .state = "not_affected",
     .certainty = "claimed"},
    {.name = "a confirmed finding",
     .ev = {SCAN("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=affected confirmed 45046=affected confirmed",
     .state = "affected",
     .certainty = "confirmed"},
    {.name = "a finding of a version that cannot be told",
     .ev = {SCAN("host:a", "yes", "", BOTH("unknown"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=investigating confirmed 45046=investigating confirmed",
     .state = "investigating",
     .certainty = "confirmed"},
    {.name = "a mitigated copy",
     .ev = {SCAN("host:a", "yes", "2.14.1", BOTH("mitigated"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=mitigated confirmed 45046=mitigated confirmed",
     .state = "mitigated",
     .certainty = "confirmed"},
    {.name = "several hosts: the worst holds, and they do not disagree",
     .ev = {SCAN("host:a", "yes", "2.17.1", BOTH("fixed")),
            SCAN("host:b", "yes", "2.14.1", BOTH("mitigated")),
            SCAN("host:c", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=affected confirmed 45046=affected confirmed",
     .state = "affected",
     .certainty = "confirmed"},
    {.name = "a newer scan of the same host counts alone",
     .ev = {SCAN("host:a", "yes", "2.14.1", BOTH("affected")),
            SCAN("host:a", "yes", "2.17.1", BOTH("fixed"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=fixed confirmed 45046=fixed confirmed",
     .state = "fixed",
     .certainty = "confirmed"},
    {.name = "a partial scan that found it is claimed at most",
     .ev = {PARTIAL("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=yes claimed finding",
     .cves = "44228=affected claimed 45046=affected claimed",
     .state = "affected",
     .certainty = "claimed"},
    {.name = "a partial scan settles nothing: fixed",
     .ev = {PARTIAL("host:a", "yes", "2.17.1", BOTH("fixed"))},
     .answers = "log4j=yes claimed finding",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "a partial scan settles nothing: mitigated",
     .ev = {PARTIAL("host:a", "yes", "2.14.1", BOTH("mitigated"))},
     .answers = "log4j=yes claimed finding",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "a partial scan settles nothing: not found",
     .ev = {PARTIAL("hosts", "no", "", "")},
     .answers = "log4j=no claimed finding",
     .cves = "",
     .state = "investigating",
     .certainty = "claimed"},
    {.name = "a partial scan does not raise a person's word",
     .ev = {PERSON("log4j", "no", "", 1), PARTIAL("hosts", "no", "", "")},
     .answers = "log4j=no claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=not_affected claimed "
             "44832=not_affected claimed 4104=not_affected claimed 17571=not_affected claimed "
             "23302=not_affected claimed 23305=not_affected claimed 23307=not_affected claimed",
     .state = "not_affected",
     .certainty = "claimed"},
    {.name = "whole scans of all hosts and the owner agree",
     .ev = {PERSON("log4j", "no", "", 1), SCAN("hosts", "no", "", "{}")},
     .answers = "log4j=no confirmed agree",
     .cves = "44228=not_affected confirmed 45046=not_affected confirmed "
             "45105=not_affected confirmed 44832=not_affected confirmed "
             "4104=not_affected confirmed 17571=not_affected confirmed "
             "23302=not_affected confirmed 23305=not_affected confirmed "
             "23307=not_affected confirmed",
     .state = "not_affected",
     .certainty = "confirmed"},
    {.name = "the scan found what the owner denies",
     .ev = {PERSON("log4j", "no", "", 1), SCAN("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=yes confirmed finding!",
     .cves = "44228=affected confirmed 45046=affected confirmed",
     .state = "affected",
     .certainty = "confirmed",
     .disagree = true},
    {.name = "the maker denies what the scan found",
     .ev = {SCAN("host:a", "yes", "2.14.1", BOTH("affected")), LETTER(C1, "not_affected")},
     .answers = "log4j=yes confirmed finding vendor/44228=not_affected likely statement",
     .cves = "44228=affected confirmed! 45046=affected confirmed",
     .state = "affected",
     .certainty = "confirmed",
     .disagree = true},
    {.name = "the owner's version is newer than what was found",
     .ev = {PERSON("log4j", "yes", "2.17.1", 1), SCAN("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=yes confirmed agree",
     .cves = "44228=affected confirmed! 45046=affected confirmed! 45105=fixed claimed "
             "44832=fixed claimed",
     .state = "affected",
     .certainty = "confirmed",
     .disagree = true},
    {.name = "another component is affected although the question's was not found",
     .ev = {SCAN("hosts", "no", "", "{\"CVE-2021-42550\": \"affected\"}")},
     .answers = "log4j=no confirmed finding",
     .cves = "44228=not_affected confirmed 45046=not_affected confirmed "
             "45105=not_affected confirmed 44832=not_affected confirmed "
             "4104=not_affected confirmed 17571=not_affected confirmed "
             "23302=not_affected confirmed 23305=not_affected confirmed "
             "23307=not_affected confirmed 42550=affected confirmed",
     .state = "affected",
     .certainty = "confirmed"},
    {.name = "a CVE that is not asked counts only when it is affected",
     .ev = {MAKER(C1, "not_affected", 1), MAKER(C2, "not_affected", 1), MAKER(C3, "none", 1)},
     .answers = "vendor/44228=not_affected claimed claim vendor/45046=not_affected claimed claim "
                "vendor/45105=none claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=waiting_vendor claimed",
     .state = "not_affected",
     .certainty = "claimed"},
    {.name = "what was settled by a whole scan waits while a newer one read a part",
     .ev = {SCAN("host:a", "yes", "2.17.1", BOTH("fixed")),
            WAITS_PARTIAL("host:a", "yes", "2.17.1", BOTH("fixed"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=fixed confirmed 45046=fixed confirmed",
     .state = "investigating",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "a host that left settled it, and those that came were not scanned",
     .ev = {SCAN("host:a", "yes", "2.17.1", BOTH("fixed")),
            WAITS_PARTIAL("hosts", "unknown", "", "{}")},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=fixed confirmed 45046=fixed confirmed",
     .state = "investigating",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "a part that was read does not doubt what a person decided",
     .ev = {SCAN("host:a", "yes", "2.17.1", BOTH("fixed")),
            WAITS_PARTIAL("host:a", "yes", "2.17.1", BOTH("fixed"))},
     .decided = {{"vendor", C1, "fixed", ""}, {"vendor", C2, "fixed", ""}},
     .answers = "log4j=yes confirmed finding vendor/44228=fixed confirmed decided "
                "vendor/45046=fixed confirmed decided",
     .cves = "44228=fixed confirmed 45046=fixed confirmed",
     .state = "fixed",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "a person decided against the scan",
     .ev = {SCAN("host:a", "yes", "2.14.1", BOTH("affected"))},
     .decided = {{"vendor", C1, "not_affected", ""}, {"vendor", C2, "not_affected", ""}},
     .answers = "log4j=yes confirmed finding vendor/44228=not_affected confirmed decided "
                "vendor/45046=not_affected confirmed decided",
     .cves = "44228=not_affected confirmed! 45046=not_affected confirmed!",
     .state = "not_affected",
     .certainty = "confirmed",
     .disagree = true},
    {.name = "a person decided the question; later evidence disagrees and does not replace it",
     .ev = {PERSON("log4j", "yes", "2.14.1", 1)},
     .decided = {{"log4j", "", "no", ""}},
     .answers = "log4j=no confirmed decided!",
     .cves = "44228=not_affected confirmed! 45046=not_affected confirmed! "
             "45105=not_affected confirmed! 44832=not_affected confirmed! "
             "4104=not_affected confirmed 17571=not_affected confirmed "
             "23302=not_affected confirmed 23305=not_affected confirmed "
             "23307=not_affected confirmed",
     .state = "not_affected",
     .certainty = "confirmed",
     .disagree = true},
    {.name = "a decided version",
     .decided = {{"log4j", "", "yes", "2.16.0"}},
     .answers = "log4j=yes confirmed decided",
     .cves = "44228=fixed confirmed 45046=fixed confirmed 45105=affected confirmed "
             "44832=affected confirmed",
     .state = "affected",
     .certainty = "confirmed"},
    {.name = "a finding waits: nobody was asked, and it is being investigated",
     .ev = {WAITS("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "",
     .cves = "",
     .state = "investigating",
     .certainty = "none",
     .proposals = true},
    {.name = "a scan that found nothing waits: no answer yet",
     .ev = {WAITS("hosts", "no", "", "{}")},
     .asked = true,
     .answers = "",
     .cves = "",
     .state = "asked",
     .certainty = "none",
     .proposals = true},
    {.name = "a scan that read not everything waits: no answer yet",
     .ev = {WAITS("hosts", "unknown", "", "{}")},
     .asked = true,
     .answers = "",
     .cves = "",
     .state = "asked",
     .certainty = "none",
     .proposals = true},
    {.name = "nothing is settled against an unjudged finding",
     .ev = {PERSON("log4j", "no", "", 1), WAITS("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=no claimed claim",
     .cves = "44228=not_affected claimed 45046=not_affected claimed 45105=not_affected claimed "
             "44832=not_affected claimed 4104=not_affected claimed 17571=not_affected claimed "
             "23302=not_affected claimed 23305=not_affected claimed 23307=not_affected claimed",
     .state = "investigating",
     .certainty = "claimed",
     .proposals = true},
    {.name = "nor against a decision",
     .ev = {WAITS("host:a", "yes", "2.14.1", BOTH("affected"))},
     .decided = {{"java", "", "no", ""}},
     .answers = "java=no confirmed decided",
     .cves = "44228=not_affected confirmed 45046=not_affected confirmed "
             "45105=not_affected confirmed 44832=not_affected confirmed "
             "4104=not_affected confirmed 17571=not_affected confirmed "
             "23302=not_affected confirmed 23305=not_affected confirmed "
             "23307=not_affected confirmed 42550=not_affected confirmed",
     .state = "investigating",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "a decision is not doubted by what a scan could not read",
     .ev = {WAITS("hosts", "unknown", "", "{}")},
     .decided = {{"log4j", "", "no", ""}},
     .answers = "log4j=no confirmed decided",
     .cves = "44228=not_affected confirmed 45046=not_affected confirmed "
             "45105=not_affected confirmed 44832=not_affected confirmed "
             "4104=not_affected confirmed 17571=not_affected confirmed "
             "23302=not_affected confirmed 23305=not_affected confirmed "
             "23307=not_affected confirmed",
     .state = "not_affected",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "a confirmed no is, once a host of the row was not read",
     .ev = {SCAN("hosts", "no", "", "{}"), WAITS("hosts", "unknown", "", "{}")},
     .answers = "log4j=no confirmed finding",
     .cves = "44228=not_affected confirmed 45046=not_affected confirmed "
             "45105=not_affected confirmed 44832=not_affected confirmed "
             "4104=not_affected confirmed 17571=not_affected confirmed "
             "23302=not_affected confirmed 23305=not_affected confirmed "
             "23307=not_affected confirmed",
     .state = "investigating",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "a better proposal does not lift what holds",
     .ev = {SCAN("host:a", "yes", "2.14.1", BOTH("affected")),
            WAITS("host:a", "yes", "2.17.1", BOTH("fixed"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=affected confirmed 45046=affected confirmed",
     .state = "affected",
     .certainty = "confirmed",
     .proposals = true},
    {.name = "fixed, and a newer scan finds it again",
     .ev = {SCAN("host:a", "yes", "2.17.1", BOTH("fixed")),
            WAITS("host:a", "yes", "2.14.1", BOTH("affected"))},
     .answers = "log4j=yes confirmed finding",
     .cves = "44228=fixed confirmed 45046=fixed confirmed",
     .state = "investigating",
     .certainty = "confirmed",
     .proposals = true},
};

static const char *digits(const char *cve)
{
    return *cve ? strrchr(cve, '-') + 1 : "";
}

static void describe(const struct state_result *r, char *answers, char *cves, size_t size)
{
    size_t n = 0;
    answers[0] = cves[0] = '\0';
    for (size_t i = 0; i < r->answer_count; i++) {
        const struct state_answer *a = &r->answers[i];
        n += (size_t)snprintf(answers + n, size - n, "%s%s%s%s=%s %s %s%s", n ? " " : "",
                              a->question, *a->cve ? "/" : "", digits(a->cve), a->option,
                              certainty_code(a->certainty), a->rule, a->disagree ? "!" : "");
    }
    n = 0;
    for (size_t i = 0; i < r->cve_count; i++) {
        const struct state_cve *c = &r->cves[i];
        n += (size_t)snprintf(cves + n, size - n, "%s%s=%s %s%s", n ? " " : "", digits(c->cve),
                              state_code(c->state), certainty_code(c->certainty),
                              c->disagree ? "!" : "");
    }
}

static struct state_input input_of(const struct row_case *c, const struct profile *p)
{
    struct state_input in = {.profile = p,
                             .evidence = c->ev,
                             .decisions = c->decided,
                             .asked = c->asked,
                             .retired = c->retired};
    while (in.evidence_count < ARRAY_LEN(c->ev) && c->ev[in.evidence_count].question)
        in.evidence_count++;
    while (in.decision_count < ARRAY_LEN(c->decided) && c->decided[in.decision_count].question)
        in.decision_count++;
    return in;
}

static void every_rule(void **state)
{
    (void)state;
    struct profile *p = NULL;
    struct arena a;
    struct err e = {0};
    size_t wrong = 0;
    assert_ok(profile_load("log4shell", &p, &e));
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct row_case *c = &cases[i];
        struct state_input in = input_of(c, p);
        struct state_result r;
        char answers[2000], cves[2000];
        arena_clear(&a);
        assert_ok(state_derive(&in, &a, &r, &e));
        describe(&r, answers, cves, sizeof answers);
        if (strcmp(answers, c->answers) != 0 || strcmp(cves, c->cves) != 0 ||
            strcmp(state_code(r.state), c->state) != 0 ||
            strcmp(certainty_code(r.certainty), c->certainty) != 0 || r.disagree != c->disagree ||
            r.proposals != c->proposals) {
            print_error("%s:\n  %s | %s | %s %s%s%s\nwanted\n  %s | %s | %s %s%s%s\n", c->name,
                        answers, cves, state_code(r.state), certainty_code(r.certainty),
                        r.disagree ? " disagree" : "", r.proposals ? " proposals" : "", c->answers,
                        c->cves, c->state, c->certainty, c->disagree ? " disagree" : "",
                        c->proposals ? " proposals" : "");
            wrong++;
        }
    }
    arena_done(&a);
    profile_free(p);
    assert_int_equal(wrong, 0);
}

/* Whatever a partial scan says, alone or beside one person, it never makes a row settled. */
static void partial_scans_settle_nothing(void **state)
{
    (void)state;
    static const char *const options[] = {"yes", "no", "unknown"};
    static const char *const states[] = {"affected", "unknown", "mitigated", "fixed",
                                         "not_affected"};
    struct profile *p = NULL;
    struct arena a;
    assert_ok(profile_load("log4shell", &p, NULL));
    arena_init(&a, 1 << 20);
    for (size_t o = 0; o < ARRAY_LEN(options); o++)
        for (size_t s = 0; s < ARRAY_LEN(states); s++)
            for (int waits = 0; waits < 2; waits++) {
                char cves[200];
                struct state_result r;
                (void)snprintf(cves, sizeof cves, "{\"%s\": \"%s\", \"%s\": \"%s\"}", C1, states[s],
                               C2, states[s]);
                struct state_evidence ev = PARTIAL("host:a", options[o], "", cves);
                ev.counts = !waits;
                struct state_input in = {.profile = p, .evidence = &ev, .evidence_count = 1};
                arena_clear(&a);
                assert_ok(state_derive(&in, &a, &r, NULL));
                assert_int_not_equal(state_group(r.state), GROUP_SETTLED);
                assert_int_not_equal(r.state, STATE_MITIGATED);
                assert_true(r.certainty >= CERTAINTY_CLAIMED);
            }
    arena_done(&a);
    profile_free(p);
}

static void faults(void **state)
{
    (void)state;
    struct profile *p = NULL;
    struct arena a;
    struct err e = {0};
    struct state_result r;
    struct state_evidence ev = SCAN("host:a", "yes", "", "no json");
    struct state_input in = {.evidence = &ev, .evidence_count = 1};
    assert_ok(profile_load("log4shell", &p, &e));
    in.profile = p;
    arena_init(&a, 1 << 20);
    assert_int_equal(state_derive(&in, &a, &r, &e), ST_MALFORMED);
    arena_done(&a);
    ev.cves = BOTH("affected");
    for (size_t cap = 0;; cap += 64) { /* an arena that is too small at every place */
        arena_init(&a, cap);
        enum status s = state_derive(&in, &a, &r, &e);
        arena_done(&a);
        if (s == OK)
            break;
        assert_int_equal(s, ST_LIMIT);
    }
    profile_free(p);
}

static void words(void **state)
{
    (void)state;
    for (int s = 0; s < STATE_COUNT; s++) {
        assert_int_equal(state_of_code(state_code((enum asset_state)s)), s);
        assert_true(*state_word((enum asset_state)s, LANG_EN));
    }
    for (int c = 0; c <= CERTAINTY_NONE; c++)
        assert_int_equal(certainty_of_code(certainty_code((enum certainty)c)), c);
    assert_int_equal(state_of_code("nonsense"), STATE_COUNT);
    assert_int_equal(certainty_of_code("nonsense"), CERTAINTY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_rule),
                                       cmocka_unit_test(partial_scans_settle_nothing),
                                       cmocka_unit_test(faults), cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
