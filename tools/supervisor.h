/* supervisor: the program that keeps an instance's services up; s6, runit or
 * daemontools.  All paths are relative to HOME.
 *
 * The supervisor that culver start began holds a write lock (fcntl) on
 * SUPERVISOR_LOCK by descriptor SUPERVISOR_FD: the kernel says whether it runs
 * and under which pid, and forgets it when it dies.  A lock of this kind is not
 * inherited, so no service keeps it; run/common closes the descriptor. */
#ifndef TOOLS_SUPERVISOR_H
#define TOOLS_SUPERVISOR_H

#include "lib/attr.h"
#include <stdbool.h>
#include <sys/types.h>

#define SUPERVISOR_LOCK     "state/supervisor.lock"
#define SUPERVISOR_WHICH    "state/supervisor" /* its name, one line */
#define SUPERVISOR_LOG      "log/supervisor"
#define SUPERVISOR_SERVICES "service"

enum { SUPERVISOR_FD = 9 };

enum supervisor {
	SUPERVISOR_S6,
	SUPERVISOR_RUNIT,
	SUPERVISOR_DAEMONTOOLS,
	SUPERVISOR_NONE
};

/* "s6-svscan", "runsvdir" or "svscan". */
const char *supervisor_name(enum supervisor s);

/* The supervisor of that name; SUPERVISOR_NONE for others. */
enum supervisor supervisor_named(const char *name);

/* The first of them in $PATH; SUPERVISOR_NONE. */
enum supervisor supervisor_find(void);

/* The one that was started last here; by the looks of the service folders where
 * nothing was remembered; SUPERVISOR_NONE. */
enum supervisor supervisor_recall(void);

/* The pid of the one that runs; 0 when none does, -1 with errno. */
MUST_USE pid_t supervisor_pid(void);

/* Start it in a session of its own, without input, writing to SUPERVISOR_LOG,
 * and remember which it is.  False with errno: EAGAIN when one runs already. */
MUST_USE bool supervisor_start(enum supervisor s);

/* Tell the one with this pid to end itself, its services and their logs.
 * Asynchronous.  False with errno. */
MUST_USE bool supervisor_end(enum supervisor s, pid_t pid);

#endif
