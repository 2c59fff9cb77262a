/* call: see call.h. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "tests/crash/faultrun/call.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROW(call, kind, count)                                                 \
	{                                                                      \
		SYS_##call, #call, CALL_##kind, count, false                   \
	}

static const struct call calls[] = {
    ROW(write, CHANGING, 2),
    ROW(pwrite64, CHANGING, 2),
    ROW(writev, CHANGING, 2),
    ROW(sendto, CHANGING, 2),
    ROW(sendmsg, CHANGING, -1),
    ROW(fsync, CHANGING, -1),
    ROW(fdatasync, CHANGING, -1),
    ROW(link, CHANGING, -1),
    ROW(linkat, CHANGING, -1),
    ROW(unlink, CHANGING, -1),
    ROW(unlinkat, CHANGING, -1),
    ROW(rename, CHANGING, -1),
    ROW(renameat, CHANGING, -1),
    ROW(renameat2, CHANGING, -1),
    ROW(mkdir, CHANGING, -1),
    ROW(mkdirat, CHANGING, -1),
    ROW(rmdir, CHANGING, -1),
    ROW(mknodat, CHANGING, -1),
    ROW(symlink, CHANGING, -1),
    ROW(truncate, CHANGING, -1),
    ROW(ftruncate, CHANGING, -1),
    ROW(fallocate, CHANGING, -1),
    ROW(chmod, CHANGING, -1),
    ROW(fchmod, CHANGING, -1),
    ROW(fchmodat, CHANGING, -1),
    ROW(chown, CHANGING, -1),
    ROW(fchown, CHANGING, -1),
    ROW(fchownat, CHANGING, -1),
    ROW(utimensat, CHANGING, -1),
    ROW(kill, CHANGING, -1),
    ROW(clone, CHANGING, -1),
    ROW(clone3, CHANGING, -1),
    ROW(fork, CHANGING, -1),
    ROW(vfork, CHANGING, -1),
    ROW(open, LOOKING, -1),
    ROW(openat, LOOKING, -1),
    ROW(read, LOOKING, 2),
    ROW(pread64, LOOKING, 2),
    ROW(readv, LOOKING, -1),
    ROW(recvfrom, LOOKING, 2),
    ROW(recvmsg, LOOKING, -1),
    ROW(poll, LOOKING, -1),
    ROW(ppoll, LOOKING, -1),
    ROW(accept, LOOKING, -1),
    ROW(accept4, LOOKING, -1),
    ROW(socket, LOOKING, -1),
    ROW(socketpair, LOOKING, -1),
    ROW(bind, LOOKING, -1),
    ROW(listen, LOOKING, -1),
    ROW(connect, LOOKING, -1),
    ROW(shutdown, LOOKING, -1),
    ROW(setsockopt, LOOKING, -1),
    ROW(getsockopt, LOOKING, -1),
    ROW(getsockname, LOOKING, -1),
    ROW(getpeername, LOOKING, -1),
    ROW(stat, LOOKING, -1),
    ROW(fstat, LOOKING, -1),
    ROW(lstat, LOOKING, -1),
    ROW(newfstatat, LOOKING, -1),
    ROW(statfs, LOOKING, -1),
    ROW(fstatfs, LOOKING, -1),
    ROW(access, LOOKING, -1),
    ROW(faccessat, LOOKING, -1),
    ROW(readlink, LOOKING, -1),
    ROW(getdents64, LOOKING, -1),
    ROW(lseek, LOOKING, -1),
    ROW(fcntl, LOOKING, -1),
    ROW(flock, LOOKING, -1),
    ROW(dup, LOOKING, -1),
    ROW(dup2, LOOKING, -1),
    ROW(pipe, LOOKING, -1),
    ROW(pipe2, LOOKING, -1),
    ROW(mmap, LOOKING, -1),
    ROW(brk, LOOKING, -1),
    ROW(chdir, LOOKING, -1),
    ROW(fchdir, LOOKING, -1),
    ROW(execve, LOOKING, -1),
    ROW(wait4, LOOKING, -1),
    ROW(nanosleep, LOOKING, -1),
    ROW(clock_nanosleep, LOOKING, -1),
    ROW(getrandom, LOOKING, -1),
    ROW(prctl, LOOKING, -1),
    ROW(prlimit64, LOOKING, -1),
    ROW(setgroups, LOOKING, -1),
    ROW(setgid, LOOKING, -1),
    ROW(setuid, LOOKING, -1),
    ROW(setresgid, LOOKING, -1),
    ROW(setresuid, LOOKING, -1),
    {SYS_close,       "close",       CALL_LOOKING, -1, true},
    {SYS_close_range, "close_range", CALL_LOOKING, -1, true},
    ROW(exit, UNSEEN, -1),
    ROW(exit_group, UNSEEN, -1),
    ROW(rt_sigreturn, UNSEEN, -1),
    ROW(rt_sigaction, UNSEEN, -1),
    ROW(rt_sigprocmask, UNSEEN, -1),
    ROW(restart_syscall, UNSEEN, -1),
    ROW(munmap, UNSEEN, -1),
    ROW(mprotect, UNSEEN, -1),
    ROW(madvise, UNSEEN, -1),
    ROW(arch_prctl, UNSEEN, -1),
    ROW(set_tid_address, UNSEEN, -1),
    ROW(set_robust_list, UNSEEN, -1),
    ROW(rseq, UNSEEN, -1),
    ROW(futex, UNSEEN, -1),
    ROW(sched_yield, UNSEEN, -1),
    ROW(getpid, UNSEEN, -1),
    ROW(gettid, UNSEEN, -1),
    ROW(getppid, UNSEEN, -1),
    ROW(getuid, UNSEEN, -1),
    ROW(geteuid, UNSEEN, -1),
    ROW(getgid, UNSEEN, -1),
    ROW(getegid, UNSEEN, -1),
    ROW(clock_gettime, UNSEEN, -1),
    ROW(umask, UNSEEN, -1),
};

static const struct {
	const char *name;
	int number;
} errors[] = {
    {"EPERM",        EPERM       },
    {"ENOENT",       ENOENT      },
    {"EINTR",        EINTR       },
    {"EIO",          EIO         },
    {"EAGAIN",       EAGAIN      },
    {"ENOMEM",       ENOMEM      },
    {"EACCES",       EACCES      },
    {"EEXIST",       EEXIST      },
    {"ENFILE",       ENFILE      },
    {"EMFILE",       EMFILE      },
    {"EFBIG",        EFBIG       },
    {"ENOSPC",       ENOSPC      },
    {"EROFS",        EROFS       },
    {"EMLINK",       EMLINK      },
    {"EPIPE",        EPIPE       },
    {"ENOLCK",       ENOLCK      },
    {"ENOBUFS",      ENOBUFS     },
    {"ECONNABORTED", ECONNABORTED},
    {"ECONNRESET",   ECONNRESET  },
    {"ECONNREFUSED", ECONNREFUSED},
    {"EDQUOT",       EDQUOT      },
};

const struct call *
call_of(long nr)
{
	static const struct call other = {-1, "other", CALL_LOOKING, -1, false};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return &other;
}

static bool
makes_or_empties(uint64_t flags)
{
	return (flags & (O_CREAT | O_TRUNC)) != 0 ||
	       (flags & O_TMPFILE) == O_TMPFILE;
}

enum call_kind
call_kind(const struct entered *e)
{
	const struct call *c = call_of(e->nr);

	if (c->nr == SYS_open && makes_or_empties(e->args[1]))
		return CALL_CHANGING;
	if (c->nr == SYS_openat && makes_or_empties(e->args[2]))
		return CALL_CHANGING;
	if (c->nr == SYS_write && e->args[0] == 2)
		return CALL_UNSEEN;
	return c->kind;
}

/* As call_kind decides, told to the kernel. */
static bool
stop_at(scmp_filter_ctx ctx, const struct call *c, enum call_kind least)
{
	static const uint64_t flags[] = {
	    O_CREAT, O_TRUNC, O_TMPFILE & ~O_DIRECTORY};
	const unsigned arg = c->nr == SYS_open ? 1 : 2;
	const int nr = (int)c->nr;

	if (nr == SYS_write)
		return seccomp_rule_add(ctx, SCMP_ACT_TRACE(0), nr, 1,
			   SCMP_A0(SCMP_CMP_NE, 2)) == 0;
	if (c->kind >= least)
		return seccomp_rule_add(ctx, SCMP_ACT_TRACE(0), nr, 0) == 0;
	if (nr != SYS_open && nr != SYS_openat)
		return true;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_TRACE(0), nr, 1,
			SCMP_CMP(
			    arg, SCMP_CMP_MASKED_EQ, flags[i], flags[i])) != 0)
			return false;
	return true;
}

bool
call_stop(enum call_kind least)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = ctx != NULL;

	/* Root's programs go on to be what they are. */
	if (ok && geteuid() == 0)
		ok = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) == 0;
	for (size_t i = 0; ok && i < sizeof(calls) / sizeof(calls[0]); i++)
		ok = stop_at(ctx, &calls[i], least);
	return ok && seccomp_load(ctx) == 0;
}

int
call_errno(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	return 0;
}
