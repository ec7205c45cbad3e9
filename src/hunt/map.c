/* mmap with an answer to SIGBUS: zero pages take the place of what is gone. */
#include "hunt/map.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static _Thread_local struct {
    uint8_t *volatile from;
    volatile size_t n;
    volatile sig_atomic_t cut;
} guarded;

static void on_bus(int sig, siginfo_t *info, void *context)
{
    uint8_t *at = info->si_addr;
    (void)context;
    if (guarded.from && at >= guarded.from && at < guarded.from + guarded.n) {
        size_t page = (size_t)(at - guarded.from) & ~(size_t)4095;
        guarded.cut = 1;
        if (mmap(guarded.from + page, guarded.n - page, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
            return;
    }
    (void)signal(sig, SIG_DFL); /* not ours: as if we were not here */
    (void)raise(sig);
}

bool map_guard_install(void)
{
    struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    return sigaction(SIGBUS, &sa, NULL) == 0;
}

bool map_open(struct map_window *w, int fd, uint64_t off, size_t n)
{
    void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, (off_t)off);
    if (p == MAP_FAILED)
        return false;
    w->p = p;
    w->n = n;
    guarded.n = (n + 4095) & ~(size_t)4095;
    guarded.cut = 0;
    guarded.from = w->p;
    return true;
}

void map_close(struct map_window *w)
{
    guarded.from = NULL;
    if (w->p)
        (void)munmap(w->p, w->n);
    *w = (struct map_window){0};
}

bool map_was_cut(void)
{
    return guarded.cut;
}
