/* tracee: see tracee.h. */
#define _GNU_SOURCE
#include "tests/crash/faultrun/tracee.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		  PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		  PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP |
		  PTRACE_O_EXITKILL,
	CHILD_FAILED = 111,
	PATH = 64
};

struct tracee *
tracee_find(struct tracees *t, pid_t pid)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->all[i].pid == pid)
			return &t->all[i];
	return NULL;
}

struct tracee *
tracee_add(struct tracees *t, pid_t pid)
{
	struct tracee *one = tracee_find(t, 0);

	if (one == NULL && t->count < TRACEES_MAX)
		one = &t->all[t->count++];
	if (one != NULL)
		*one = (struct tracee){.pid = pid};
	return one;
}

void
tracee_drop(struct tracee *one)
{
	one->pid = 0;
}

/* The child, until it is somebody else.  It has nothing of ours but its three
 * descriptors, and waits for our word.  Only the calls that matter stop it:
 * each stop costs as much as many calls. */
static NO_RETURN void
become(char *const *argv, const char *log, int wait_fd, enum call_kind least)
{
	char byte;
	int in = open("/dev/null", O_RDONLY);
	int out = log == NULL ? STDERR_FILENO
			      : open(log, O_WRONLY | O_APPEND | O_CREAT, 0666);
	sigset_t none;

	if (in < 0 || out < 0 || read(wait_fd, &byte, 1) != 1 ||
	    sigemptyset(&none) != 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) != 0 || dup2(in, 0) != 0 ||
	    dup2(out, 1) != 1 || dup2(out, 2) != 2 ||
	    close_range(3, ~0U, 0) != 0 || setsid() < 0 || !call_stop(least))
		_exit(CHILD_FAILED);
	(void)execv(argv[0], argv);
	_exit(CHILD_FAILED);
}

struct tracee *
tracee_start(
    struct tracees *t, char *const *argv, const char *log, enum call_kind least)
{
	struct tracee *one = NULL;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return NULL;
	pid = fork();
	if (pid == 0)
		become(argv, log, ends[0], least);
	if (pid > 0 && ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) == 0 &&
	    write(ends[1], "", 1) == 1)
		one = tracee_add(t, pid);
	if (one != NULL) {
		one->started = true;
		tracee_learn(one);
	}
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return one;
}

void
tracee_learn(struct tracee *one)
{
	char path[PATH], name[PLAN_WORD] = "";
	struct str s;
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", one->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, name, sizeof(name) - 1);
	fd_close(&fd);
	s = str_trim((struct str){name, n > 0 ? (size_t)n : 0});
	if (str_starts(s, str_of("culver-")))
		s = str_slice(s, strlen("culver-"), s.len);
	(void)str_copy(one->program, sizeof(one->program), s);
}

static bool
get(const struct tracee *one, struct user_regs_struct *r)
{
	return ptrace(PTRACE_GETREGS, one->pid, 0, r) == 0;
}

static bool
set(const struct tracee *one, struct user_regs_struct *r)
{
	return ptrace(PTRACE_SETREGS, one->pid, 0, r) == 0;
}

/* Compilers rely on a call's registers being what they were; all but its
 * result. */
static void
save(struct tracee *one, const struct user_regs_struct *r)
{
	one->saved[0] = r->rdi;
	one->saved[1] = r->rsi;
	one->saved[2] = r->rdx;
}

/* A jail may forbid to skip a call, and none forbids to write nothing to
 * nowhere. */
bool
tracee_fail(struct tracee *one, int error)
{
	struct user_regs_struct r;

	if (!get(one, &r))
		return false;
	save(one, &r);
	one->error = error;
	one->bend = BEND_RESULT;
	if (call_of(one->call.nr)->runs)
		return true;
	/* It says where the break is, and no error: asked for nothing it has
	 * not moved. */
	if (one->call.nr == SYS_brk) {
		one->bend = BEND_BYTES;
		r.rdi = 0;
		return set(one, &r);
	}
	r.orig_rax = SYS_write;
	r.rdi = ~0ULL;
	r.rsi = 0;
	r.rdx = 0;
	return set(one, &r);
}

/* A datagram with an address, as to the kernel's tables of interfaces, goes as
 * a whole or not at all. */
static bool
is_datagram(const struct tracee *one)
{
	return one->call.nr == SYS_sendto && one->call.args[4] != 0;
}

bool
tracee_shorten(struct tracee *one, uint64_t bytes)
{
	struct user_regs_struct r;

	if (call_of(one->call.nr)->count != 2 || one->call.args[2] <= bytes ||
	    is_datagram(one) || !get(one, &r))
		return false;
	save(one, &r);
	one->bend = BEND_BYTES;
	r.rdx = bytes;
	return set(one, &r);
}

void
tracee_mend(struct tracee *one)
{
	struct user_regs_struct r;

	if (one->bend != BEND_NONE && get(one, &r)) {
		r.rdi = one->saved[0];
		r.rsi = one->saved[1];
		r.rdx = one->saved[2];
		if (one->bend == BEND_RESULT)
			r.rax = (unsigned long long)-(long long)one->error;
		(void)set(one, &r);
	}
	one->bend = BEND_NONE;
}

void
tracee_go(const struct tracee *one, int signal)
{
	(void)ptrace(
	    one->inside ? PTRACE_SYSCALL : PTRACE_CONT, one->pid, 0, signal);
}
