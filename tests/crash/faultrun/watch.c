/* watch: see watch.h. */
#define _GNU_SOURCE
#include "tests/crash/faultrun/watch.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the kernel's ext4.h and xfs_fs.h: no journal is written, nothing more
 * reaches the device. */
#define SHUTDOWN        _IOR('X', 125, uint32_t)
#define SHUTDOWN_NO_LOG 2U

enum { SYSCALL_STOP = SIGTRAP | 0x80 };

/* Another program syncs a file of its own.  The file system may write at once
 * all names that it has in memory, and not what is in the files. */
static bool
sync_neighbour(int folder)
{
	int fd = openat(folder, ".neighbour",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && fd_write_all(fd, "x", 1) && fsync(fd) == 0;

	fd_close(&fd);
	return ok;
}

static bool
cut_power(const char *folder, bool neighbour)
{
	uint32_t how = SHUTDOWN_NO_LOG;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && (!neighbour || sync_neighbour(fd)) &&
		  ioctl(fd, SHUTDOWN, &how) == 0;

	fd_close(&fd);
	return ok;
}

void
watch_kill(struct watch *w)
{
	for (size_t i = 0; i < w->tracees.count; i++)
		if (w->tracees.all[i].pid != 0)
			(void)kill(w->tracees.all[i].pid, SIGKILL);
	w->dying = true;
}

/* The plan's call is entered.  False: the process does not go on. */
static bool
strike(struct watch *w, struct tracee *one)
{
	const struct plan *p = &w->plan;

	if (w->events != NULL)
		(void)fprintf(w->events, "hit\t%s\t%d\t%s\t%" PRIu64 "\n",
		    one->program, one->pid, call_of(one->call.nr)->name,
		    p->seen);
	switch (p->action) {
	case PLAN_COUNT:
		break;
	case PLAN_KILL:
		(void)kill(one->pid, SIGKILL);
		return false;
	case PLAN_CUT:
	case PLAN_SYNCCUT:
		if (w->power == NULL ||
		    !cut_power(w->power, p->action == PLAN_SYNCCUT))
			w->failed = true;
		watch_kill(w);
		return false;
	case PLAN_KILLALL:
		watch_kill(w);
		return false;
	case PLAN_ERROR:
		w->failed = !tracee_fail(one, p->error) || w->failed;
		break;
	case PLAN_SIGNAL:
		w->failed = !tracee_fail(one, EINTR) || w->failed;
		(void)kill(one->pid, p->signal);
		break;
	case PLAN_SHORT:
		(void)!tracee_shorten(one, p->bytes);
		break;
	}
	return true;
}

static bool
entered(struct watch *w, struct tracee *one, size_t i)
{
	uint64_t number;
	bool hit = plan_hits(&w->plan, one->program, &one->call, &number);

	if (number != 0 && w->counts != NULL)
		(void)fprintf(w->counts, "%s\t%" PRIu64 "\t%s\n", one->program,
		    number, call_of(one->call.nr)->name);
	record_entered(&w->record, one, i);
	return !hit || strike(w, one);
}

/* A call begins.  False: the process does not go on. */
static bool
at_entry(struct watch *w, struct tracee *one)
{
	struct __ptrace_syscall_info info = {0};
	bool goes_on;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, one->pid, sizeof(info), &info) <= 0)
		return true;
	one->call.nr = (long)info.seccomp.nr;
	for (size_t k = 0; k < CALL_ARGS; k++)
		one->call.args[k] = info.seccomp.args[k];
	goes_on = entered(w, one, (size_t)(one - w->tracees.all));
	one->inside = one->bend != BEND_NONE || w->record.out != NULL;
	return goes_on;
}

static void
at_end(struct watch *w, struct tracee *one)
{
	struct __ptrace_syscall_info info = {0};

	if (!one->inside ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, one->pid, sizeof(info), &info) <=
		0 ||
	    info.op != PTRACE_SYSCALL_INFO_EXIT)
		return;
	record_ended(&w->record, one, (size_t)(one - w->tracees.all),
	    one->bend == BEND_RESULT ? -1 : info.exit.rval);
	tracee_mend(one);
	one->inside = false;
}

/* A child is its parent's program until it becomes another. */
static void
at_fork(struct watch *w, const struct tracee *parent)
{
	unsigned long message = 0;
	struct tracee *child;
	pid_t pid;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &message) != 0)
		return;
	pid = (pid_t)message;
	child = tracee_find(&w->tracees, pid);
	if (child == NULL)
		child = tracee_add(&w->tracees, pid);
	if (child == NULL) {
		w->failed = true;
		(void)kill(pid, SIGKILL);
		return;
	}
	memcpy(child->program, parent->program, sizeof(child->program));
	if (child->early)
		tracee_go(child, 0);
	child->early = false;
}

static void
ended(struct watch *w, struct tracee *one, int status)
{
	if (one->started)
		w->last = status;
	if (one->started && w->events != NULL)
		(void)fprintf(w->events, "exit\t%s\t%d\t%d\n", one->program,
		    one->pid,
		    WIFSIGNALED(status) ? -WTERMSIG(status)
					: WEXITSTATUS(status));
	tracee_drop(one);
}

static void
stopped(struct watch *w, struct tracee *one, int status)
{
	const int event = status >> 16, signal = WSTOPSIG(status);
	bool goes_on = true;
	int pass = 0;

	if (event == PTRACE_EVENT_SECCOMP)
		goes_on = at_entry(w, one);
	else if (signal == SYSCALL_STOP)
		at_end(w, one);
	else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		 event == PTRACE_EVENT_CLONE)
		at_fork(w, one);
	else if (event == PTRACE_EVENT_EXEC)
		tracee_learn(one);
	else if (event == PTRACE_EVENT_STOP)
		one->early = one->program[0] == '\0';
	else if (event == 0)
		pass = signal;
	if (goes_on && !one->early)
		tracee_go(one, pass);
}

static void
handle(struct watch *w, pid_t pid, int status)
{
	struct tracee *one = tracee_find(&w->tracees, pid);

	if (WIFSTOPPED(status)) {
		if (one == NULL)
			one = tracee_add(&w->tracees, pid);
		if (one == NULL) {
			w->failed = true;
			(void)kill(pid, SIGKILL);
			return;
		}
		if (w->dying)
			(void)kill(pid, SIGKILL);
		stopped(w, one, status);
	} else if (one != NULL) {
		ended(w, one, status);
	}
}

bool
watch_turn(struct watch *w, bool wait)
{
	int status = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | (wait ? 0 : WNOHANG))) > 0)
		handle(w, pid, status);
	if (pid == 0)
		return true;
	if (errno == EINTR)
		return true;
	if (w->dying && w->events != NULL)
		(void)fprintf(w->events, "dead\n");
	w->dying = false;
	return false;
}
