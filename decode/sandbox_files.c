/* Which files a process that drives a GPU may still open: Landlock, since a system-call filter does
 * not see names. Rights and numbers are the kernel's (linux/landlock.h, userspace-api/landlock). */
#include "decode/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/landlock.h>) && defined(SYS_landlock_create_ruleset)

#include <linux/landlock.h>

#define RIGHTS_V1    ((UINT64_C(1) << 13) - 1)
#define RIGHT_REFER  (UINT64_C(1) << 13) /* version 2 */
#define RIGHT_CUT    (UINT64_C(1) << 14) /* 3 */
#define RIGHT_DEVICE (UINT64_C(1) << 15) /* 5: ioctl of a device */

#define READ                                                                                       \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Where a driver's libraries and descriptions lie, and where it asks about the machine. */
static const char *const read_only[] = {
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/etc/ld.so.cache",
    "/sys",
    /* of /proc this process and the machine, no other processes */
    "/proc/self",
    "/proc/driver",
    "/proc/sys",
    "/proc/devices",
    "/proc/modules",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/proc/version",
    "/proc/filesystems",
};
static const char *const devices[] = {"/dev/nvidia*", "/dev/dxg", "/dev/null", "/dev/zero"};

static uint64_t known_rights(long version)
{
    return RIGHTS_V1 | (version >= 2 ? RIGHT_REFER : 0) | (version >= 3 ? RIGHT_CUT : 0) |
           (version >= 5 ? RIGHT_DEVICE : 0);
}

/* What is not there needs no rule. */
static int allow(int rules, const char *path, uint64_t rights)
{
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return 0;
    const struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    const long bad = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return bad ? -1 : 0;
}

/* Rights of directories can't be given to a file. */
static int is_directory(const char *path)
{
    const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static int allow_readable(int rules)
{
    for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
        const uint64_t rights = is_directory(read_only[i]) ? READ : LANDLOCK_ACCESS_FS_READ_FILE;
        if (allow(rules, read_only[i], rights)) return -1;
    }
    return 0;
}

static int allow_devices(int rules, uint64_t known)
{
    const uint64_t rights =
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | (known & RIGHT_DEVICE);
    int bad = 0;
    for (size_t d = 0; d < sizeof(devices) / sizeof(*devices); d++) {
        glob_t found;
        if (glob(devices[d], 0, NULL, &found)) continue;
        for (size_t i = 0; i < found.gl_pathc; i++) bad |= allow(rules, found.gl_pathv[i], rights);
        globfree(&found);
    }
    return bad;
}

static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return -1;
    for (const struct dirent *entry; (entry = readdir(tasks));) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

int hedon_sandbox_files(void)
{
    const long version =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1 || count_threads() != 1) return -1;
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = known_rights(version)};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (rules < 0) return -1;
    int bad = allow_readable(rules) || allow_devices(rules, attributes.handled_access_fs);
    bad = bad || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bad = bad || syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return bad ? -1 : 0;
}

#else

int hedon_sandbox_files(void)
{
    return -1;
}

#endif
