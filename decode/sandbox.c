/* What the hedon-decode process may still do once it starts reading hostile files. */
#include "decode/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* A GPU's driver holds dozens of its devices open. */
static const uint64_t most_descriptors[] = {[HEDON_SANDBOX_CPU] = 64, [HEDON_SANDBOX_GPU] = 1024};

static void limit(int resource, uint64_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now)) return;
    if (now.rlim_max > most) now.rlim_max = most;
    now.rlim_cur = now.rlim_max;
    setrlimit(resource, &now);
}

/* Bytes of address space that this process has taken. */
static uint64_t taken_addresses(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    if (fscanf(file, "%llu", &pages) != 1) pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void hedon_sandbox_limits(HedonSandbox sandbox, int64_t max_memory)
{
    const uint64_t taken = sandbox == HEDON_SANDBOX_GPU ? taken_addresses() : 0;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, most_descriptors[sandbox]);
    if (max_memory <= 0) return;
    signal(SIGXFSZ, SIG_IGN); /* an error from ftruncate, not a death */
    limit(RLIMIT_FSIZE, (uint64_t)max_memory);
    /* A sanitizer's shadow takes terabytes of addresses. */
    if (!SANITIZED) limit(RLIMIT_AS, taken + (uint64_t)max_memory);
}

#if defined(HEDON_SECCOMP) && !SANITIZED

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static const int allowed[] = {
    /* what is open: the video, the socket, memory files */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(ftruncate),
    SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fcntl), SCMP_SYS(memfd_create), SCMP_SYS(fadvise64),
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* threads */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu), SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* clocks and what a library asks about the machine */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(getrusage), SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo), SCMP_SYS(uname),
};

/* What NVIDIA's driver needs besides. Files are opened under Landlock's rules; without them this
 * list must not be used. */
static const int allowed_gpu[] = {
    SCMP_SYS(ioctl),
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(pipe2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    /* memory placement */
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(mbind),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(mincore),
    SCMP_SYS(msync),
    SCMP_SYS(membarrier),
    /* what it asks about this process */
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getppid),
    SCMP_SYS(getpriority),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(times),
};

/* Calls allowed by what they ask for. */
static int allow_by_argument(scmp_filter_ctx filter)
{
    int bad = 0;
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    /* clone3's flags lie in memory, where a filter cannot look: the C library then takes clone. */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                            SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                            SCMP_A2(SCMP_CMP_EQ, 0)); /* reading them */
    /* abort() signals its own process. */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return bad;
}

void hedon_sandbox_enter(HedonSandbox sandbox)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter) return;
    int bad = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
        bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0;
         sandbox == HEDON_SANDBOX_GPU && i < sizeof(allowed_gpu) / sizeof(*allowed_gpu); i++)
        bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_gpu[i], 0);
    bad |= allow_by_argument(filter);
    if (!bad) (void)seccomp_load(filter);
    seccomp_release(filter);
}

#else

void hedon_sandbox_enter(HedonSandbox sandbox)
{
    (void)sandbox;
}

#endif
