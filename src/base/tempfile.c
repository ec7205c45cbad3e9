/* Temporary files that nobody else can open and that are gone when we are. /var/tmp before /tmp,
 * because the latter is often memory. */
#include "base/tempfile.h"

#include "base/slice.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int tempfile_open(void)
{
    const char *const folders[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char name[4096];
        if (!folders[i] || !*folders[i])
            continue;
        int fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        int n = snprintf(name, sizeof name, "%s/hikeshi-XXXXXX", folders[i]);
        if (n < 0 || (size_t)n >= sizeof name)
            continue;
        fd = mkostemp(name, O_CLOEXEC); /* the file system has no O_TMPFILE */
        if (fd >= 0) {
            (void)unlink(name);
            return fd;
        }
    }
    return -1;
}
