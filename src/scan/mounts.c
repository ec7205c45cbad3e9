/* File systems that hold no files of this host: kernel tables, other machines' disks, and the
 * merged views of containers whose layers lie on the disk anyway. */
#include "scan/scan_int.h"

#include "base/file.h"

#include <linux/magic.h>
#include <sys/vfs.h>

struct magic {
    uint32_t type;
    enum mount_kind kind;
};

static const struct magic magics[] = {
    {PROC_SUPER_MAGIC, MOUNT_KERNEL},
    {SYSFS_MAGIC, MOUNT_KERNEL},
    {DEVPTS_SUPER_MAGIC, MOUNT_KERNEL},
    {CGROUP_SUPER_MAGIC, MOUNT_KERNEL},
    {CGROUP2_SUPER_MAGIC, MOUNT_KERNEL},
    {DEBUGFS_MAGIC, MOUNT_KERNEL},
    {TRACEFS_MAGIC, MOUNT_KERNEL},
    {SECURITYFS_MAGIC, MOUNT_KERNEL},
    {SELINUX_MAGIC, MOUNT_KERNEL},
    {BPF_FS_MAGIC, MOUNT_KERNEL},
    {PSTOREFS_MAGIC, MOUNT_KERNEL},
    {EFIVARFS_MAGIC, MOUNT_KERNEL},
    {BINFMTFS_MAGIC, MOUNT_KERNEL},
    {HUGETLBFS_MAGIC, MOUNT_KERNEL},
    {RDTGROUP_SUPER_MAGIC, MOUNT_KERNEL},
    {NSFS_MAGIC, MOUNT_KERNEL},
    {0x62656570, MOUNT_KERNEL}, /* configfs */
    {0x19800202, MOUNT_KERNEL}, /* mqueue */
    {0x65735543, MOUNT_KERNEL}, /* fusectl */
    {0x67596969, MOUNT_KERNEL}, /* rpc_pipefs */
    {NFS_SUPER_MAGIC, MOUNT_NETWORK},
    {SMB_SUPER_MAGIC, MOUNT_NETWORK},
    {0xff534d42, MOUNT_NETWORK}, /* cifs */
    {0xfe534d42, MOUNT_NETWORK}, /* smb2 */
    {AFS_SUPER_MAGIC, MOUNT_NETWORK},
    {AFS_FS_MAGIC, MOUNT_NETWORK},
    {CODA_SUPER_MAGIC, MOUNT_NETWORK},
    {NCP_SUPER_MAGIC, MOUNT_NETWORK},
    {V9FS_MAGIC, MOUNT_NETWORK},
    {AUTOFS_SUPER_MAGIC, MOUNT_NETWORK}, /* what it would mount is not known before */
    {0x00c36400, MOUNT_NETWORK},         /* ceph */
    {0x0bd00bd0, MOUNT_NETWORK},         /* lustre */
    {0x47504653, MOUNT_NETWORK},         /* gpfs */
    {0x65735546, MOUNT_NETWORK},         /* fuse, unless it drives a local disk */
    {OVERLAYFS_SUPER_MAGIC, MOUNT_OVERLAY},
};

enum { FUSE_MAGIC = 0x65735546 };

struct mount_line {
    struct slice point, type, options; /* point as it is written, with \040 for a space */
};

/* proc_pid_mountinfo(5): fields 5 (mount point), then behind " - ": type, source, options. */
static bool parse_line(struct slice line, struct mount_line *ret)
{
    struct slice field;
    size_t dash = slice_find(line, SLICE_LIT(" - "));
    struct slice left = slice_sub(line, 0, dash), right = slice_sub(line, dash + 3, line.n);
    for (int i = 1; slice_next_field(&left, ' ', &field); i++)
        if (i == 5)
            ret->point = field;
    return dash < line.n && ret->point.n && slice_next_field(&right, ' ', &ret->type) &&
           slice_next_field(&right, ' ', &field) && slice_next_field(&right, ' ', &ret->options);
}

static bool same_path(struct slice written, const char *path)
{
    size_t i = 0;
    for (; written.n && path[i]; i++) {
        uint8_t c = written.p[0];
        size_t n = 1;
        if (c == '\\' && written.n >= 4) {
            c = (uint8_t)((written.p[1] - '0') << 6 | (written.p[2] - '0') << 3 |
                          (written.p[3] - '0'));
            n = 4;
        }
        if (c != (uint8_t)path[i])
            return false;
        written = slice_sub(written, n, written.n);
    }
    return written.n == 0 && path[i] == 0;
}

/* The mount at this absolute path, the last one where several lie over each other. */
static bool find_mount(const char *path, struct buf *text, struct mount_line *ret)
{
    bool found = false;
    struct slice line;
    char *real = realpath(path, NULL);
    buf_init(text, MIB(16));
    if (real && file_read_all("/proc/self/mountinfo", text, NULL) == OK)
        for (struct slice rest = buf_slice(text); slice_next_line(&rest, &line);) {
            struct mount_line m = {0};
            if (parse_line(line, &m) && same_path(m.point, real)) {
                *ret = m;
                found = true;
            }
        }
    free(real);
    return found;
}

enum mount_kind mount_kind_of(int fd, const char *path)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return MOUNT_LOCAL;
    enum mount_kind kind = MOUNT_LOCAL;
    for (size_t i = 0; i < ARRAY_LEN(magics); i++)
        if (magics[i].type == (uint32_t)fs.f_type)
            kind = magics[i].kind;
    if ((uint32_t)fs.f_type == FUSE_MAGIC) {
        struct buf text;
        struct mount_line m = {0};
        if (find_mount(path, &text, &m) && slice_eq_str(m.type, "fuseblk"))
            kind = MOUNT_LOCAL;
        buf_done(&text);
    }
    return kind;
}

static bool lies_below_one(struct slice folder, char *const *roots, size_t n)
{
    bool yes = false;
    for (size_t i = 0; !yes && i < n; i++) {
        char *real = realpath(roots[i], NULL);
        struct slice root = slice_str(real);
        while (root.n && root.p[root.n - 1] == '/')
            root.n--;
        yes = real && slice_starts(folder, root) && (folder.n == root.n || folder.p[root.n] == '/');
        free(real);
    }
    return yes;
}

bool mount_overlay_below(const char *mount_point, char *const *roots, size_t n)
{
    struct buf text;
    struct mount_line m = {0};
    struct slice option, folder;
    size_t folders = 0;
    bool all = find_mount(mount_point, &text, &m);
    while (all && slice_next_field(&m.options, ',', &option)) {
        struct slice value = slice_sub(option, slice_index(option, '=') + 1, option.n);
        bool lower = slice_starts(option, SLICE_LIT("lowerdir="));
        if (!lower && !slice_starts(option, SLICE_LIT("upperdir=")))
            continue;
        while (all && slice_next_field(&value, ':', &folder)) {
            all = folder.n && folder.p[0] == '/' && lies_below_one(folder, roots, n);
            folders++;
        }
    }
    buf_done(&text);
    return all && folders > 0;
}
