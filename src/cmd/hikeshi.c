/* hikeshi: the host tool. One row per verb; what a verb does is in its own file. */
#include "base/messages.h"
#include "cmd/verbs.h"

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} verbs[] = {
    {"scan", verb_scan, N_("find affected copies in files, archives and folders")},
    {"explain", verb_explain, N_("show what a strange text would do, step by step")},
    {"hunt", verb_hunt, N_("find attempts in logs, and whether they succeeded")},
    {"guard", verb_guard, N_("check, try and carry over the rules of the edge")},
};

static int usage(enum lang lang, FILE *to)
{
    int bad = fprintf(to, "%s\n", T(lang, "usage: hikeshi VERB ...   (hikeshi VERB --help)")) < 0;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        bad |= fprintf(to, "  %-8s %s\n", verbs[i].name, T(lang, verbs[i].what)) < 0;
    bad |= fprintf(to, "  %-8s %s\n", "--version", T(lang, "which hikeshi this is")) < 0;
    return bad || to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    if (messages_use_linked(&e) != OK)
        (void)fprintf(stderr, "hikeshi: %s\n", e.msg); /* goes on in English */
    enum lang lang = lang_from_environment();
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return puts("hikeshi " HIKESHI_VERSION) < 0 ? 2 : 0;
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(lang, stdout);
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return usage(lang, stderr);
}
