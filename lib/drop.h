/* drop: give up what a program does not need: account, new privileges, system
 * calls, files.  grep -n drop_to in the main files prints the security design. */
#ifndef LIB_DROP_H
#define LIB_DROP_H

#include "lib/account.h"
#include <stddef.h>
#include <stdint.h>

/* What a jailed program may still ask of the kernel.  Any jail allows reading,
 * writing, waiting on and passing descriptors it has, memory, time, signals to
 * itself, randomness, exit.  The rest is named; what is not named fails with
 * EPERM (seccomp), and exec, ptrace, mount, setuid, keyrings, modules, bpf and
 * user namespaces end the process (SIGSYS). */
enum promise {
	PROMISE_READ = 1 << 0,  /* open files for reading, stat, list */
	PROMISE_WRITE = 1 << 1, /* create, write, link, rename, remove, chmod */
	PROMISE_UNIX = 1 << 2,  /* make and connect Unix sockets */
	PROMISE_INET = 1 << 3,  /* make and connect TCP and UDP sockets */
	PROMISE_ACCEPT = 1 << 4, /* accept on sockets it has */
	PROMISE_FORK = 1 << 5,   /* fork, wait, kill */
	PROMISE_EXEC = 1 << 6,   /* exec; sets no no-new-privs when alone */
};

/* What may be done below a path (Landlock, where the kernel has it). */
enum path_right {
	PATH_READ = 1 << 0,   /* open and list */
	PATH_WRITE = 1 << 1,  /* write existing files, truncate */
	PATH_CREATE = 1 << 2, /* make files, sockets, fifos; link into it */
	PATH_REMOVE = 1 << 3, /* unlink, rename away */
	PATH_EXEC = 1 << 4,
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

/* Become what d says: groups, gid, uid (each verified afterwards), then
 * no-new-privs, then Landlock and seccomp.  An account that the process already
 * has is left; in a private instance the account is the owner of HOME; with
 * ACCOUNT_SELF groups, gid and uid stay, there, too.  Dies
 * (111) when any part fails: nothing ever goes on with more than it should
 * have.  A kernel without Landlock is said once in the log, and accepted.  May
 * be called again with less (a listener, then its workers).  Core dumps are
 * off and the process is not dumpable after it. */
void drop_to(const struct drop *d);

#endif
