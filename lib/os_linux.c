/* os_linux: the calls that only Linux has; see os_linux.h. */
#define _GNU_SOURCE
#include "lib/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h of Debian 12 ends at ABI 2; these are of the later ones.
 * The numbers are the kernel's promise to its users and do not change. */
enum {
	ABI_REFER = 2, /* the first that can allow links between folders */
	ABI_TRUNCATE = 3,
	ABI_NETWORK = 4,
	ABI_IOCTL = 5,
	ABI_SCOPES = 6,
	BASE_BITS = 14,                 /* rights of ABI 2 */
	NETWORK_BIND_CONNECT = 0x3,     /* TCP */
	SCOPE_ABSTRACT_AND_SIGNAL = 0x3 /* to processes outside */
};
#define RIGHT_TRUNCATE (1ULL << 14)
#define RIGHT_IOCTL    (1ULL << 15)

/* struct landlock_ruleset_attr of ABI 6; older kernels want zeros beyond what
 * they know, which os_landlock_known sees to. */
struct ruleset {
	uint64_t files, network, scopes;
};

bool
os_become(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
	return setgroups(count, groups) == 0 && setresgid(gid, gid, gid) == 0 &&
	       setresuid(uid, uid, uid) == 0;
}

bool
os_is(uid_t uid, gid_t gid)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) != 0 ||
	    getresgid(&g[0], &g[1], &g[2]) != 0)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid) {
			errno = EPERM;
			return false;
		}
	return true;
}

bool
os_hide(void)
{
	const struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_CORE, &none) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

bool
os_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool
os_adopt(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

bool
os_end_with_parent(int signal)
{
	return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) == 0;
}

int
os_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool
os_close_from(int lowest)
{
	return close_range((unsigned)lowest, ~0U, 0) == 0;
}

int
os_signals_begin(const int *signals, size_t count, sigset_t *before)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, before) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
os_signals_next(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

/* Defined only where the sanitizer's library is linked. */
__attribute__((weak)) void __asan_init(void);
__attribute__((weak)) void __lsan_do_leak_check(void);

bool
os_sanitized(void)
{
	return &__asan_init != NULL;
}

void
os_sanitizer_settle(void)
{
	if (&__lsan_do_leak_check != NULL)
		__lsan_do_leak_check();
}

uint64_t
os_landlock_right(enum os_right right)
{
	static const uint64_t rights[OS_RIGHTS] = {
	    [OS_READ_FILE] = LANDLOCK_ACCESS_FS_READ_FILE,
	    [OS_READ_FOLDER] = LANDLOCK_ACCESS_FS_READ_DIR,
	    [OS_WRITE_FILE] = LANDLOCK_ACCESS_FS_WRITE_FILE,
	    [OS_TRUNCATE] = RIGHT_TRUNCATE,
	    [OS_MAKE] = LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_MAKE_DIR |
			LANDLOCK_ACCESS_FS_MAKE_SOCK |
			LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_REFER,
	    [OS_REMOVE] = LANDLOCK_ACCESS_FS_REMOVE_FILE |
			  LANDLOCK_ACCESS_FS_REMOVE_DIR |
			  LANDLOCK_ACCESS_FS_REFER,
	    [OS_EXECUTE] = LANDLOCK_ACCESS_FS_EXECUTE,
	};

	return rights[right];
}

bool
os_landlock_known(struct os_landlock *known)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return false;
	if (abi < ABI_REFER) {
		errno = ENOTSUP;
		return false;
	}
	known->files = (1ULL << BASE_BITS) - 1;
	if (abi >= ABI_TRUNCATE)
		known->files |= RIGHT_TRUNCATE;
	if (abi >= ABI_IOCTL)
		known->files |= RIGHT_IOCTL;
	known->network = abi >= ABI_NETWORK ? NETWORK_BIND_CONNECT : 0;
	known->scopes = abi >= ABI_SCOPES ? SCOPE_ABSTRACT_AND_SIGNAL : 0;
	return true;
}

int
os_landlock_begin(const struct os_landlock *what)
{
	const struct ruleset r = {what->files, what->network, what->scopes};

	return (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0);
}

/* What may be said of a file; the kernel refuses a rule that says more.  False
 * with errno: nobody knows what it is. */
static bool
fitting(int fd, uint64_t rights, uint64_t *fit)
{
	struct stat st;

	*fit = rights;
	if (fstat(fd, &st) != 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		*fit &= LANDLOCK_ACCESS_FS_EXECUTE |
			LANDLOCK_ACCESS_FS_READ_FILE |
			LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE;
	return true;
}

bool
os_landlock_allow(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule;
	int fd = open(path, O_PATH | O_CLOEXEC), saved;
	uint64_t fit;
	long r = -1;

	if (fd < 0)
		return false;
	rule.parent_fd = fd;
	if (fitting(fd, rights, &fit))
		r = 0;
	rule.allowed_access = fit;
	/* A rule that allows nothing is an error to the kernel. */
	if (r == 0 && fit != 0)
		r = syscall(SYS_landlock_add_rule, rules,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return r == 0;
}

bool
os_landlock_enter(int rules)
{
	return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}
