/* The terminal. See terminal.h. */
#include "cmd/terminal.h"

#include "base/slice.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

size_t terminal_columns(int fd)
{
    struct winsize w = {0};
    uint64_t n = 0;
    if (slice_to_u64(slice_str(getenv("COLUMNS")), &n) == OK && n >= 20 && n <= 1000)
        return (size_t)n;
    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
        return w.ws_col;
    return 80;
}

bool terminal_wants_colour(const char *when)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return !(no && *no) && isatty(STDOUT_FILENO) && !(term && strcmp(term, "dumb") == 0);
}
