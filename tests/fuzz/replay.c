/* Runs a fuzz target over its corpus, as a normal test of every build: each file of the folder
 * given, and each prefix of a file that is small. A failing input is named before it is run, so
 * that the last line tells which it was. */
#include "fuzz.h"

#include "base/file.h"

#include <dirent.h>

#define INPUT_MAX ((size_t)1 << 20)
#define PREFIX_MAX 512u /* files up to this size are also run cut at every byte */

static void run_copy(const uint8_t *p, size_t n)
{
    /* a block of exactly n bytes, so that a sanitizer sees reading past its end */
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n)
        memcpy(copy, p, n);
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int run_file(const char *path)
{
    struct err e = {0};
    struct buf b;
    buf_init(&b, INPUT_MAX);
    if (file_read_all(path, &b, &e) != OK) {
        (void)fprintf(stderr, "%s\n", e.msg);
        buf_done(&b);
        return 1;
    }
    (void)fprintf(stderr, "%s\n", path);
    for (size_t n = 0; b.n <= PREFIX_MAX && n < b.n; n++)
        run_copy(b.p, n);
    run_copy(b.p, b.n);
    buf_done(&b);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    if (!d) {
        (void)fprintf(stderr, "usage: %s FOLDER-OF-INPUTS\n", argc > 0 ? argv[0] : "replay");
        return 2;
    }
    int bad = 0;
    size_t ran = 0;
    for (struct dirent *ent = readdir(d); ent; ent = readdir(d)) {
        char path[4096];
        if (ent->d_name[0] == '.')
            continue;
        int n = snprintf(path, sizeof path, "%s/%s", argv[1], ent->d_name);
        if (n < 0 || (size_t)n >= sizeof path) {
            bad = 1;
            continue;
        }
        bad |= run_file(path);
        ran++;
    }
    (void)closedir(d);
    if (ran == 0)
        (void)fprintf(stderr, "%s: no inputs\n", argv[1]);
    return bad || ran == 0;
}
