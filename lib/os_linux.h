/* os_linux: the calls that only Linux has.  Each returns false or -1 with errno
 * and changes nothing else; nothing here dies or logs. */
#ifndef LIB_OS_LINUX_H
#define LIB_OS_LINUX_H

#include "lib/attr.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Supplementary groups, then all of gid, then all of uid; for root only. */
MUST_USE bool os_become(
    uid_t uid, gid_t gid, const gid_t *groups, size_t count);

/* Real, effective and saved ids are these; EPERM when not. */
MUST_USE bool os_is(uid_t uid, gid_t gid);

/* No core dump, no ptrace by others of the same uid, /proc/PID is root's. */
MUST_USE bool os_hide(void);

/* Nothing run from here on gains privileges by its file's mode. */
MUST_USE bool os_no_new_privileges(void);

/* The kernel sends this process signal when its parent ends, even by
 * SIGKILL. */
MUST_USE bool os_end_with_parent(int signal);

/* From here on whoever loses his parent below this process is its child. */
MUST_USE bool os_adopt(void);

/* A close-on-exec descriptor that is readable once this child has ended.  -1
 * with errno. */
MUST_USE int os_process(pid_t pid);

/* Close every descriptor from lowest upwards. */
MUST_USE bool os_close_from(int lowest);

/* From here on these signals (count of them) do not interrupt; they come out of
 * the close-on-exec descriptor that is returned, which becomes readable.
 * *before is the mask to give back to children and at the end.  -1 with
 * errno. */
MUST_USE int os_signals_begin(
    const int *signals, size_t count, sigset_t *before);

/* The next signal of the descriptor; 0 when none waits. */
int os_signals_next(int fd);

/* A sanitizer watches this program; then look for leaks now and never again: at
 * exit it could not, within a jail. */
bool os_sanitized(void);

/* Look for leaks now, and never again in this process. */
void os_sanitizer_settle(void);

/* Landlock: what a kernel may be asked for, as bits of its own numbering. */
struct os_landlock {
	uint64_t files; /* everything it can restrict below a path */
	uint64_t network;
	uint64_t scopes;
};

/* The rights of files in groups that do not change with the kernel. */
enum os_right {
	OS_READ_FILE,
	OS_READ_FOLDER,
	OS_WRITE_FILE,
	OS_TRUNCATE,
	OS_MAKE,
	OS_REMOVE,
	OS_EXECUTE,
	OS_RIGHTS
};

/* The kernel's bit for a right. */
uint64_t os_landlock_right(enum os_right right);

/* What this kernel knows.  False with errno ENOSYS or EOPNOTSUPP without
 * Landlock, and with ENOTSUP where it cannot allow links between folders. */
MUST_USE bool os_landlock_known(struct os_landlock *known);

/* A set of rules that refuses all of what; a close-on-exec descriptor. */
MUST_USE int os_landlock_begin(const struct os_landlock *what);

/* Allow rights (those that make sense for what it is) at path and below.
 * False with ENOENT and others. */
MUST_USE bool os_landlock_allow(int rules, const char *path, uint64_t rights);

/* Put the process under the rules, for ever. */
MUST_USE bool os_landlock_enter(int rules);

/* Enter the seccomp filter of promises (of enum promise, lib/drop.h).  After
 * no-new-privs.  Made from the table in os_linux_calls.c. */
MUST_USE bool os_seccomp_enter(unsigned promises);

/* For a process that enters the filter of promises and PROMISE_FORK, and whose
 * children then enter that of promises: make both before they are needed, for
 * to make one takes a millisecond and leaves a heap behind.  Before any jail,
 * and with SIGCHLD as it is by default.  False with errno, or 0. */
MUST_USE bool os_seccomp_keep(unsigned promises);

#endif
