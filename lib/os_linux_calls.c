/* os_linux_calls: which promise allows which system call; see os_linux.h. */
#define _GNU_SOURCE
#include "lib/os_linux.h"

#include "lib/drop.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NAMES = PROMISE_READ | PROMISE_WRITE | PROMISE_CREATE,
	NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
		     CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
	ONLY_NEW = O_CREAT | O_EXCL,
	OPEN_CHANGES =
	    O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY),
	OPTIMIZE_TREE = 2, /* a binary tree instead of a list */
	SELF = 0x7edcba98  /* in a filter that is kept: its process's number */
};

/* Filters that were made before they are needed: of promises that have
 * PROMISE_FORK, and what then takes it away from a child. */
enum { WITH_FORK, NO_FORK, KEPT };
static struct {
	struct sock_filter *code;
	size_t size; /* bytes */
} kept[KEPT];
static unsigned kept_promises; /* of WITH_FORK; 0: there are none */
static bool entered_kept;      /* that one */

#define CALL(name) SCMP_SYS(name)

/* What works on descriptors, memory, time and the process itself; and what can
 * only take away: landlock, seccomp, limits. */
static const int always[] = {CALL(read), CALL(readv), CALL(pread64),
    CALL(preadv), CALL(preadv2), CALL(write), CALL(writev), CALL(pwrite64),
    CALL(pwritev), CALL(pwritev2), CALL(lseek), CALL(close), CALL(close_range),
    CALL(dup), CALL(dup2), CALL(dup3), CALL(fcntl), CALL(flock), CALL(fstat),
    CALL(fstatfs), CALL(getdents64), CALL(fsync), CALL(fdatasync),
    CALL(sync_file_range), CALL(fadvise64), CALL(readahead), CALL(sendfile),
    CALL(copy_file_range), CALL(splice), CALL(tee), CALL(poll), CALL(ppoll),
    CALL(select), CALL(pselect6), CALL(epoll_create), CALL(epoll_create1),
    CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2),
    CALL(pipe), CALL(pipe2), CALL(eventfd2), CALL(signalfd4),
    CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime),
    CALL(recvfrom), CALL(recvmsg), CALL(recvmmsg), CALL(sendto), CALL(sendmsg),
    CALL(sendmmsg), CALL(shutdown), CALL(getsockopt), CALL(setsockopt),
    CALL(getsockname), CALL(getpeername), CALL(brk), CALL(munmap), CALL(mremap),
    CALL(madvise), CALL(msync), CALL(mincore), CALL(mlock), CALL(munlock),
    CALL(futex), CALL(futex_waitv), CALL(membarrier), CALL(rseq),
    CALL(set_robust_list), CALL(get_robust_list), CALL(set_tid_address),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(rt_sigsuspend), CALL(rt_sigpending), CALL(rt_sigtimedwait),
    CALL(sigaltstack), CALL(sigreturn), CALL(pause), CALL(alarm),
    CALL(getitimer), CALL(setitimer), CALL(restart_syscall),
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep),
    CALL(nanosleep), CALL(gettimeofday), CALL(time), CALL(times),
    CALL(getrusage), CALL(sysinfo), CALL(uname), CALL(getrandom),
    CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu), CALL(getpid),
    CALL(gettid), CALL(getppid), CALL(getpgrp), CALL(getpgid), CALL(getsid),
    CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getresuid),
    CALL(getresgid), CALL(getgroups), CALL(capget), CALL(getcwd), CALL(umask),
    CALL(getrlimit), CALL(setrlimit), CALL(seccomp),
    CALL(landlock_create_ruleset), CALL(landlock_add_rule),
    CALL(landlock_restrict_self), CALL(exit), CALL(exit_group)};

/* To look at names; Landlock does not restrict it, and writers need it. */
static const int looking[] = {CALL(stat), CALL(lstat), CALL(newfstatat),
    CALL(stat64), CALL(lstat64), CALL(fstatat64), CALL(statx), CALL(statfs),
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink),
    CALL(readlinkat), CALL(chdir), CALL(fchdir)};

static const int reading[] = {CALL(getdents), CALL(inotify_init1),
    CALL(inotify_add_watch), CALL(inotify_rm_watch)};

static const int creating[] = {CALL(link), CALL(linkat), CALL(unlink),
    CALL(unlinkat), CALL(ftruncate), CALL(fallocate), CALL(fchmod),
    CALL(fchown), CALL(syncfs)};

static const int writing[] = {CALL(creat), CALL(mkdir), CALL(mkdirat),
    CALL(rmdir), CALL(mknod), CALL(mknodat), CALL(rename), CALL(renameat),
    CALL(renameat2), CALL(symlink), CALL(symlinkat), CALL(truncate),
    CALL(chmod), CALL(fchmodat), CALL(chown), CALL(lchown), CALL(fchownat),
    CALL(utime), CALL(utimes), CALL(utimensat), CALL(futimesat)};

static const int unix_alone[] = {CALL(listen)};
static const int connecting[] = {CALL(connect), CALL(bind)};
static const int accepting[] = {CALL(accept), CALL(accept4)};

static const int forking[] = {CALL(fork), CALL(vfork), CALL(wait4),
    CALL(waitid), CALL(waitpid), CALL(kill), CALL(tkill), CALL(tgkill),
    CALL(pidfd_open), CALL(pidfd_send_signal), CALL(setsid), CALL(setpgid)};

static const int executing[] = {
    CALL(execve), CALL(execveat), CALL(mmap), CALL(mprotect), CALL(arch_prctl)};

#define SET(promises, list)                                                    \
	{                                                                      \
		(promises), (list), sizeof(list) / sizeof(*(list))             \
	}

/* Allowed with any of the promises; 0: always. */
static const struct set {
	unsigned promises;
	const int *calls;
	size_t count;
} sets[] = {
    SET(0, always),
    SET(NAMES, looking),
    SET(PROMISE_READ, reading),
    SET(PROMISE_CREATE | PROMISE_WRITE, creating),
    SET(PROMISE_WRITE, writing),
    SET(PROMISE_UNIX, unix_alone),
    SET(PROMISE_UNIX | PROMISE_INET, connecting),
    SET(PROMISE_ACCEPT, accepting),
    SET(PROMISE_FORK, forking),
    SET(PROMISE_EXEC, executing),
};

/* Allowed when argument number arg, masked, is value.  Masks of 32 bits, for
 * what stands above an int in its register is nobody's. */
static const struct rule {
	unsigned promises;
	int call;
	unsigned arg;
	uint64_t mask, value;
} rules[] = {
    {0,	      CALL(mmap),       2, PROT_EXEC,     0                  },
    {0,	      CALL(mprotect),   2, PROT_EXEC,     0                  },
    {0,	      CALL(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH      },
    {0,	      CALL(fstatat64),  3, AT_EMPTY_PATH, AT_EMPTY_PATH      },
    {0,	      CALL(statx),      2, AT_EMPTY_PATH, AT_EMPTY_PATH      },
 /* To say a path to Landlock; nothing can be read from it. */
    {0,	      CALL(open),       1, O_PATH,        O_PATH             },
    {0,	      CALL(openat),     2, O_PATH,        O_PATH             },
    {0,	      CALL(socketpair), 0, UINT32_MAX,    AF_UNIX            },
    {0,	      CALL(prlimit64),  0, UINT32_MAX,    0                  },
    {0,	      CALL(ioctl),      1, UINT32_MAX,    FIONREAD           },
    {0,	      CALL(ioctl),      1, UINT32_MAX,    FIONBIO            },
    {0,	      CALL(ioctl),      1, UINT32_MAX,    TIOCOUTQ           },
    {0,	      CALL(ioctl),      1, UINT32_MAX,    TCGETS             },
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_SET_NAME        },
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_GET_NAME        },
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_SET_PDEATHSIG   },
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_SET_DUMPABLE    },
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_GET_DUMPABLE    },
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_SET_NO_NEW_PRIVS},
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_GET_NO_NEW_PRIVS},
    {0,	      CALL(prctl),      0, UINT32_MAX,    PR_SET_SECCOMP     },
    {PROMISE_READ,   CALL(open),       1, OPEN_CHANGES,  O_RDONLY           },
    {PROMISE_READ,   CALL(openat),     2, OPEN_CHANGES,  O_RDONLY           },
    {PROMISE_WRITE,  CALL(open),       1, O_ACCMODE,     O_WRONLY           },
    {PROMISE_WRITE,  CALL(open),       1, O_ACCMODE,     O_RDWR             },
    {PROMISE_WRITE,  CALL(openat),     2, O_ACCMODE,     O_WRONLY           },
    {PROMISE_WRITE,  CALL(openat),     2, O_ACCMODE,     O_RDWR             },
    {PROMISE_CREATE, CALL(open),       1, ONLY_NEW,      ONLY_NEW           },
    {PROMISE_CREATE, CALL(open),       1, O_TMPFILE,     O_TMPFILE          },
    {PROMISE_CREATE, CALL(openat),     2, ONLY_NEW,      ONLY_NEW           },
    {PROMISE_CREATE, CALL(openat),     2, O_TMPFILE,     O_TMPFILE          },
    {PROMISE_UNIX,   CALL(socket),     0, UINT32_MAX,    AF_UNIX            },
    {PROMISE_INET,   CALL(socket),     0, UINT32_MAX,    AF_INET            },
    {PROMISE_INET,   CALL(socket),     0, UINT32_MAX,    AF_INET6           },
    {PROMISE_FORK,   CALL(clone),      0, NAMESPACES,    0                  },
};

/* Not refused but deadly: no program of ours asks for them, so whoever does has
 * taken it over.  exec is added where it is not promised. */
static const int deadly[] = {CALL(ptrace), CALL(process_vm_readv),
    CALL(process_vm_writev), CALL(mount), CALL(umount), CALL(umount2),
    CALL(pivot_root), CALL(chroot), CALL(open_tree), CALL(move_mount),
    CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(fspick),
    CALL(mount_setattr), CALL(setuid), CALL(setgid), CALL(setreuid),
    CALL(setregid), CALL(setresuid), CALL(setresgid), CALL(setfsuid),
    CALL(setfsgid), CALL(setgroups), CALL(capset), CALL(add_key),
    CALL(request_key), CALL(keyctl), CALL(init_module), CALL(finit_module),
    CALL(delete_module), CALL(bpf), CALL(unshare), CALL(setns),
    CALL(kexec_load), CALL(kexec_file_load), CALL(reboot),
    CALL(perf_event_open), CALL(userfaultfd), CALL(open_by_handle_at),
    CALL(pidfd_getfd)};
static const int deadly_exec[] = {CALL(execve), CALL(execveat)};

/* Their arguments are behind a pointer; libc falls back to the older call. */
static const int unknown[] = {CALL(clone3), CALL(openat2)};

static bool
granted(unsigned needed, unsigned promises)
{
	return needed == 0 || (needed & promises) != 0;
}

static bool
succeeded(int r)
{
	if (r < 0)
		errno = -r;
	return r >= 0;
}

static bool
add_each(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!succeeded(
			seccomp_rule_add_array(ctx, action, calls[i], 0, NULL)))
			return false;
	return true;
}

static bool
add_when(
    scmp_filter_ctx ctx, uint32_t action, int call, struct scmp_arg_cmp when)
{
	return succeeded(seccomp_rule_add_array(ctx, action, call, 1, &when));
}

static bool
add_rules(scmp_filter_ctx ctx, unsigned promises)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const struct rule *r = &rules[i];
		const struct scmp_arg_cmp when = {
		    r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value};

		if (granted(r->promises, promises) &&
		    !add_when(ctx, SCMP_ACT_ALLOW, r->call, when))
			return false;
	}
	return true;
}

static bool
add_sets(scmp_filter_ctx ctx, unsigned promises)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (granted(sets[i].promises, promises) &&
		    !add_each(
			ctx, SCMP_ACT_ALLOW, sets[i].calls, sets[i].count))
			return false;
	return true;
}

/* raise and abort; a child has another number, so with fork it is any. */
static bool
add_self(scmp_filter_ctx ctx, uint32_t number)
{
	const struct scmp_arg_cmp self = {
	    0, SCMP_CMP_MASKED_EQ, UINT32_MAX, number};

	return add_when(ctx, SCMP_ACT_ALLOW, CALL(kill), self) &&
	       add_when(ctx, SCMP_ACT_ALLOW, CALL(tgkill), self);
}

static bool
add_deadly(scmp_filter_ctx ctx, unsigned promises)
{
	const struct scmp_arg_cmp user = {
	    0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER};

	return add_each(ctx, SCMP_ACT_KILL_PROCESS, deadly,
		   sizeof(deadly) / sizeof(*deadly)) &&
	       ((promises & PROMISE_EXEC) != 0 ||
		   add_each(ctx, SCMP_ACT_KILL_PROCESS, deadly_exec,
		       sizeof(deadly_exec) / sizeof(*deadly_exec))) &&
	       add_when(ctx, SCMP_ACT_KILL_PROCESS, CALL(clone), user);
}

static bool
fill(scmp_filter_ctx ctx, unsigned promises, uint32_t self)
{
	return succeeded(seccomp_attr_set(
		   ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) &&
	       succeeded(seccomp_attr_set(
		   ctx, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE)) &&
	       add_sets(ctx, promises) && add_rules(ctx, promises) &&
	       ((promises & PROMISE_FORK) != 0 || add_self(ctx, self)) &&
	       add_each(ctx, SCMP_ACT_ERRNO(ENOSYS), unknown,
		   sizeof(unknown) / sizeof(*unknown)) &&
	       add_deadly(ctx, promises);
}

/* Whoever is in the filter of WITH_FORK is in that of the same promises without
 * it when he is in this one, too: the stricter answer counts. */
static bool
fill_no_fork(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp another = {0, SCMP_CMP_NE, SELF, 0};
	const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);

	if (!succeeded(seccomp_attr_set(
		ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) ||
	    !add_each(ctx, refuse, (const int[]){CALL(clone)}, 1))
		return false;
	for (size_t i = 0; i < sizeof(forking) / sizeof(*forking); i++) {
		bool signals =
		    forking[i] == CALL(kill) || forking[i] == CALL(tgkill);

		if (signals ? !add_when(ctx, refuse, forking[i], another)
			    : !add_each(ctx, refuse, &forking[i], 1))
			return false;
	}
	return true;
}

/* In a child, whose memory goes with it: making a filter leaves a heap behind
 * that later children would copy page by page. */
NO_RETURN static void
make(unsigned which, int out)
{
	bool all = which == WITH_FORK;
	scmp_filter_ctx ctx =
	    seccomp_init(all ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);

	_exit(ctx == NULL ||
	      !(all ? fill(ctx, kept_promises, SELF) : fill_no_fork(ctx)) ||
	      !succeeded(seccomp_export_bpf(ctx, out)));
}

/* All of what comes through a pipe, which has room for the longest filter. */
static bool
receive(int in, unsigned which)
{
	static char bytes[BPF_MAXINSNS * sizeof(struct sock_filter)];
	ssize_t n = read(in, bytes, sizeof(bytes));

	_Static_assert(sizeof(bytes) <= 65536, "a pipe holds it");
	kept[which].code = n > 0 ? malloc((size_t)n) : NULL;
	if (kept[which].code == NULL)
		return false;
	memcpy(kept[which].code, bytes, (size_t)n);
	kept[which].size = (size_t)n;
	return true;
}

static bool
keep(unsigned which)
{
	int ends[2], status = 1;
	pid_t pid;
	bool made;

	if (pipe(ends) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		make(which, ends[1]);
	(void)close(ends[1]);
	free(kept[which].code);
	kept[which].code = NULL;
	made = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 &&
	       receive(ends[0], which);
	(void)close(ends[0]);
	return made;
}

bool
os_seccomp_keep(unsigned promises)
{
	kept_promises = promises | PROMISE_FORK;
	if (keep(WITH_FORK) && keep(NO_FORK))
		return true;
	kept_promises = 0;
	return false;
}

static bool
enter_kept(unsigned which)
{
	struct sock_filter *code = kept[which].code;
	size_t count = kept[which].size / sizeof(*code);
	const struct sock_fprog program = {
	    .len = (unsigned short)count, .filter = code};

	for (size_t i = 0; i < count; i++)
		if (code[i].code == (BPF_JMP | BPF_JEQ | BPF_K) &&
		    code[i].k == SELF)
			code[i].k = (uint32_t)getpid();
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool
enter_new(unsigned promises)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool entered;
	int saved;

	if (ctx == NULL) {
		errno = ENOMEM;
		return false;
	}
	entered = fill(ctx, promises, (uint32_t)getpid()) &&
		  succeeded(seccomp_load(ctx));
	saved = errno;
	seccomp_release(ctx);
	/* What the table was made of, hundreds of kilobytes in small pieces,
	 * would stay with each process for as long as it lives. */
	(void)malloc_trim(0);
	errno = saved;
	return entered;
}

bool
os_seccomp_enter(unsigned promises)
{
	if (kept_promises == 0)
		return enter_new(promises);
	if (promises == kept_promises) {
		entered_kept = enter_kept(WITH_FORK);
		return entered_kept;
	}
	if (entered_kept && promises == (kept_promises ^ PROMISE_FORK))
		return enter_kept(NO_FORK);
	return enter_new(promises);
}
