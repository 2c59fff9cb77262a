/* drop: give up what a program does not need: account, new privileges, system
 * calls, files.  grep -n drop_to in the main files prints the security
 * design. */
#ifndef LIB_DROP_H
#define LIB_DROP_H

#include "lib/account.h"
#include <stddef.h>
#include <stdint.h>

/* What a jailed program may still ask of the kernel.  Any jail allows reading,
 * writing, waiting on, locking and passing descriptors it has, socketpairs and
 * pipes, memory that is not executable, time, signals to itself, randomness,
 * exit, and dropping more.  The rest is named; what is not named fails with
 * EPERM, and exec, ptrace, mount, set*id, keyrings, modules, bpf and namespaces
 * end the process (SIGSYS).  What fork and exec make lives in the same jail, so
 * a program that runs other people's programs is not jailed at all. */
enum promise {
	PROMISE_READ = 1 << 0,  /* open for reading, stat, list */
	PROMISE_WRITE = 1 << 1, /* create, write, link, rename, remove, chmod */
	PROMISE_UNIX = 1 << 2,  /* make, bind and connect Unix sockets */
	PROMISE_INET = 1 << 3,  /* make, bind and connect TCP and UDP sockets */
	PROMISE_ACCEPT = 1 << 4, /* accept on sockets it has */
	PROMISE_FORK = 1 << 5,   /* fork, wait, kill */
	PROMISE_EXEC = 1 << 6,   /* exec, executable memory */
	/* Less than PROMISE_WRITE: open what is new (O_TMPFILE, or O_CREAT with
	 * O_EXCL) and never what exists; link, unlink, size, stat. */
	PROMISE_CREATE = 1 << 7,
};

/* What may be done below a path (Landlock, where the kernel has it; failures
 * are EACCES, and EXDEV between folders).  Seen by experiment, and tested:
 *   - To make a file is to write it: PATH_CREATE also lets a name that exists
 *     be opened for writing, if its mode does, but not be truncated or read;
 *     PROMISE_CREATE instead of PROMISE_WRITE forbids that, too.
 *   - With PATH_CREATE alone: open(folder, O_TMPFILE | O_WRONLY), and linkat of
 *     "N" in a descriptor of /proc/self/fd to a name in any folder below, with
 *     AT_SYMLINK_FOLLOW; fallocate; fsync of a folder opened before.  O_RDWR
 *     wants PATH_READ as well, ftruncate PATH_WRITE, opening a folder to sync
 *     it PATH_READ.
 *   - /proc/self/fd names the process that opened it: open it after fork, and
 *     before drop_to.
 *   - rename wants PATH_CREATE and PATH_REMOVE; into another folder, that the
 *     rights below both are the same.
 *   - stat and connecting to a Unix socket are not restricted by path. */
enum path_right {
	PATH_READ = 1 << 0,   /* open and list */
	PATH_WRITE = 1 << 1,  /* write existing files, truncate */
	PATH_CREATE = 1 << 2, /* make files, folders, sockets, fifos; link */
	PATH_REMOVE = 1 << 3, /* unlink, rename away, remove folders */
	PATH_EXEC = 1 << 4,   /* run files; libraries want PATH_READ */
};

struct drop_path {
	const char *path; /* relative to HOME or absolute; skipped if absent */
	unsigned rights;  /* of enum path_right */
};

struct drop {
	enum account account;
	const char *group; /* primary group where not the account's own */
	bool jailed;       /* no-new-privs, seccomp, Landlock as below */
	unsigned promises; /* of enum promise */
	const struct drop_path *paths; /* ended by a NULL path; NULL: nothing */
	uint64_t memory_max;           /* RLIMIT_AS, bytes; 0: unchanged */
};

/* Become what d says: groups (the account's own, those it is also in, and no
 * other), gid, uid (each verified afterwards), then no-new-privs, then Landlock
 * and seccomp.  An account that the process already has is left; in a private
 * instance the account is the owner of HOME; with ACCOUNT_SELF groups, gid and
 * uid stay, there, too.  Dies (111) when any part fails: nothing ever goes on
 * with more than it should have.  A kernel without Landlock, or older than 5.19
 * (no links between folders), is said once in the log, and accepted.  May be
 * called again with less (a listener, then its workers): a jail within a jail
 * allows what both allow.  Core dumps are off and the process is not dumpable
 * after it.  Under a sanitizer leaks are looked for here and not at exit, and
 * memory_max is not set. */
void drop_to(const struct drop *d);

#endif
