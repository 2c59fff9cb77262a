/* probes: small things to try in a jail, each with the promises that allow it.
 * Wants _GNU_SOURCE. */
#ifndef TESTS_UNIT_LIB_PROBES_H
#define TESTS_UNIT_LIB_PROBES_H

#include "tests/unit/lib/jail.h"

#include "lib/os_linux.h"
#include "lib/sock.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

enum {
	NAMES = PROMISE_READ | PROMISE_WRITE | PROMISE_CREATE,
	NEVER = 1 << 30, /* no promise allows it */
	ALL = NAMES | PROMISE_UNIX | PROMISE_INET | PROMISE_ACCEPT |
	      PROMISE_FORK | PROMISE_EXEC
};

/* Opened before the jail. */
static int home_fd, file_fd, listen_fd;

/* 0, or the errno of a call that says -1. */
static int
told(long r)
{
	return r < 0 ? errno : 0;
}

/* The same for a descriptor, which is closed. */
static int
opened(int fd)
{
	int r = told(fd);

	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int
open_at(const char *name, int flags)
{
	return opened(openat(home_fd, name, flags | O_CLOEXEC, 0600));
}

static int
probe_file_io(void)
{
	char c = 'x';

	return told(
	    pwrite(file_fd, &c, 1, 0) == 1 && pread(file_fd, &c, 1, 0) == 1 &&
		    lseek(file_fd, 0, SEEK_SET) == 0 && fsync(file_fd) == 0 &&
		    fdatasync(file_fd) == 0 && fsync(home_fd) == 0
		? 0
		: -1);
}

static int
probe_fstat(void)
{
	struct stat st;

	return told(fstat(file_fd, &st));
}

static int
probe_lock(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return told(
	    flock(file_fd, LOCK_EX) == 0 && fcntl(file_fd, F_SETLK, &l) == 0
		? 0
		: -1);
}

/* A descriptor goes over a socketpair and comes back. */
static int
probe_pass(void)
{
	int ends[2], fd = -1, r;
	char c;

	if (!sock_pair(ends))
		return errno;
	r = told(sock_send(ends[0], "x", 1, file_fd) &&
			 sock_receive(ends[1], &c, 1, &fd) == 1 && fd >= 0
		     ? 0
		     : -1);
	(void)close(fd);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return r;
}

static int
probe_pipe_and_poll(void)
{
	struct pollfd p = {.events = POLLIN};
	int ends[2], r;

	if (pipe(ends) != 0)
		return errno;
	p.fd = ends[0];
	r = told(write(ends[1], "x", 1) == 1 && poll(&p, 1, -1) == 1 ? 0 : -1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return r;
}

static int
probe_memory(void)
{
	char *p = malloc(1 << 24), *q;

	if (p == NULL)
		return ENOMEM;
	memset(p, 1, 1 << 24);
	q = realloc(p, 1 << 25);
	if (q == NULL) {
		free(p);
		return ENOMEM;
	}
	free(q);
	return 0;
}

static int
probe_executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return told(p == MAP_FAILED ? -1 : munmap(p, 4096));
}

static int
probe_becoming_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (p == MAP_FAILED)
		return ENOMEM;
	r = told(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	(void)munmap(p, 4096);
	return r;
}

static int
probe_time(void)
{
	struct timespec t = {0, 1000};

	return told(clock_gettime(CLOCK_MONOTONIC, &t) == 0 && time(NULL) > 0
			? nanosleep(&(struct timespec){0, 1000}, NULL)
			: -1);
}

static int
probe_signal_self(void)
{
	if (signal(SIGUSR1, SIG_IGN) == SIG_ERR)
		return errno;
	return told(kill(getpid(), SIGUSR1) == 0 ? raise(SIGUSR1) : -1);
}

static int
probe_signal_parent(void)
{
	return told(kill(getppid(), 0));
}

static int
probe_limits(void)
{
	struct rlimit l;

	return told(getrlimit(RLIMIT_NOFILE, &l) == 0
			? setrlimit(RLIMIT_NOFILE, &l)
			: -1);
}

static int
probe_terminal_question(void)
{
	return isatty(file_fd) != 0 ? 0 : errno;
}

/* Type a character for the terminal's owner. */
static int
probe_terminal_typing(void)
{
	return told(ioctl(file_fd, TIOCSTI, "x"));
}

static int
probe_path_only(void)
{
	return open_at("file", O_PATH);
}

static int
probe_open_read(void)
{
	return open_at("file", O_RDONLY);
}

static int
probe_list(void)
{
	DIR *d = opendir(".");

	if (d == NULL)
		return errno;
	errno = 0;
	(void)readdir(d);
	(void)closedir(d);
	return errno;
}

static int
probe_stat(void)
{
	struct stat st;

	return told(stat("file", &st));
}

static int
probe_access(void)
{
	return told(faccessat(home_fd, "file", R_OK, 0));
}

static int
probe_open_write(void)
{
	return open_at("file", O_WRONLY);
}

static int
probe_open_append_or_create(void)
{
	return open_at("file", O_WRONLY | O_CREAT | O_APPEND);
}

static int
probe_open_both(void)
{
	return open_at("file", O_RDWR);
}

static int
probe_truncating_while_reading(void)
{
	return open_at("file", O_RDONLY | O_TRUNC);
}

static int
probe_new_file(void)
{
	return open_at("new", O_WRONLY | O_CREAT | O_EXCL);
}

static int
probe_unnamed_file(void)
{
	return open_at(".", O_WRONLY | O_TMPFILE);
}

static int
probe_link(void)
{
	return told(linkat(home_fd, "file", home_fd, "link", 0));
}

static int
probe_unlink(void)
{
	return told(unlinkat(home_fd, "absent", 0));
}

static int
probe_size(void)
{
	return told(ftruncate(file_fd, 1));
}

static int
probe_rename(void)
{
	return told(renameat(home_fd, "absent", home_fd, "other"));
}

static int
probe_folder(void)
{
	return told(mkdir("folder", 0700));
}

static int
probe_symlink(void)
{
	return told(symlinkat("file", home_fd, "symlink"));
}

static int
probe_mode(void)
{
	return told(chmod("file", 0600));
}

static int
probe_times(void)
{
	return told(utimensat(home_fd, "file", NULL, 0));
}

static int
probe_fifo(void)
{
	return told(mkfifo("fifo", 0600));
}

static int
probe_unix(void)
{
	return opened(sock_connect("nobody-listens"));
}

static int
probe_inet(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons(1),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	r = told(fd < 0 ? -1 : connect(fd, (struct sockaddr *)&in, sizeof(in)));
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int
probe_datagrams(void)
{
	return opened(socket(AF_INET, SOCK_DGRAM, 0));
}

static int
probe_netlink(void)
{
	return opened(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
probe_packets(void)
{
	return opened(socket(AF_PACKET, SOCK_DGRAM, 0));
}

static int
probe_accept(void)
{
	return opened(accept(listen_fd, NULL, NULL));
}

static int
probe_fork(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(raise(SIGKILL));
	if (pid < 0)
		return errno;
	if (waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFSIGNALED(status) ? 0 : ECHILD;
}

static int
probe_clone3(void)
{
	return told(syscall(SYS_clone3, NULL, 0));
}

static int
probe_openat2(void)
{
	return told(syscall(SYS_openat2, home_fd, "file", NULL, 0));
}

static int
probe_io_uring(void)
{
	return told(syscall(SYS_io_uring_setup, 1, NULL));
}

static int
probe_priority(void)
{
	return told(setpriority(PRIO_PROCESS, 0, 19));
}

static int
probe_memory_file(void)
{
	return opened((int)syscall(SYS_memfd_create, "x", 0));
}

static const struct probe {
	const char *name;
	int (*run)(void);
	unsigned promises; /* any of these allows it; 0: always allowed */
	int want;          /* errno when allowed */
	int refused;       /* errno when not */
} probes[] = {
    {"file io",		probe_file_io,                  0,                              0,            0     },
    {"fstat",		  probe_fstat,                    0,			      0,            0     },
    {"lock",		   probe_lock,                     0,			      0,            0     },
    {"pass a descriptor",      probe_pass,                     0,                              0,            0     },
    {"pipe and poll",          probe_pipe_and_poll,            0,                              0,            0     },
    {"memory",		 probe_memory,                   0,                              0,            0     },
    {"time",		   probe_time,                     0,			      0,            0     },
    {"signal itself",          probe_signal_self,              0,                              0,            0     },
    {"limits",		 probe_limits,                   0,                              0,            0     },
    {"is it a terminal",       probe_terminal_question,        0,                              ENOTTY,       0     },
    {"O_PATH",		 probe_path_only,                0,                              0,            0     },
    {"open for reading",       probe_open_read,                PROMISE_READ,                   0,            EPERM },
    {"list",		   probe_list,                     PROMISE_READ,                   0,            EPERM },
    {"stat",		   probe_stat,                     NAMES,                          0,            EPERM },
    {"access",		 probe_access,                   NAMES,                          0,            EPERM },
    {"open for writing",       probe_open_write,               PROMISE_WRITE,                  0,            EPERM },
    {"open for appending",     probe_open_append_or_create,    PROMISE_WRITE,                  0,
     EPERM													 },
    {"open for both",          probe_open_both,                PROMISE_WRITE,                  0,            EPERM },
    {"truncate by reading",    probe_truncating_while_reading, NEVER,                          0,            EPERM },
    {"new file",               probe_new_file,                 PROMISE_CREATE | PROMISE_WRITE, 0,            EPERM },
    {"unnamed file",           probe_unnamed_file,             PROMISE_CREATE | PROMISE_WRITE, 0,
     EPERM													 },
    {"link",		   probe_link,                     PROMISE_CREATE | PROMISE_WRITE, 0,            EPERM },
    {"unlink",		 probe_unlink,                   PROMISE_CREATE | PROMISE_WRITE, ENOENT,       EPERM },
    {"size",		   probe_size,                     PROMISE_CREATE | PROMISE_WRITE, 0,            EPERM },
    {"rename",		 probe_rename,                   PROMISE_WRITE,                  ENOENT,       EPERM },
    {"folder",		 probe_folder,                   PROMISE_WRITE,                  0,            EPERM },
    {"symlink",		probe_symlink,                  PROMISE_WRITE,                  EACCES,       EPERM },
    {"mode",		   probe_mode,                     PROMISE_WRITE,                  0,            EPERM },
    {"times",		  probe_times,                    PROMISE_WRITE,                  0,            EPERM },
    {"fifo",		   probe_fifo,                     PROMISE_WRITE,                  0,            EPERM },
    {"unix socket",            probe_unix,                     PROMISE_UNIX,                   ENOENT,       EPERM },
    {"tcp socket",             probe_inet,                     PROMISE_INET,                   ECONNREFUSED, EPERM },
    {"udp socket",             probe_datagrams,                PROMISE_INET,                   0,            EPERM },
    {"netlink socket",         probe_netlink,                  NEVER,                          0,            EPERM },
    {"packet socket",          probe_packets,                  NEVER,                          0,            EPERM },
    {"accept",		 probe_accept,                   PROMISE_ACCEPT,                 EAGAIN,       EPERM },
    {"fork",		   probe_fork,                     PROMISE_FORK,                   0,            EPERM },
    {"signal the parent",      probe_signal_parent,            NEVER,                          0,            EPERM },
    {"executable memory",      probe_executable_memory,        PROMISE_EXEC,                   0,            EPERM },
    {"memory made executable", probe_becoming_executable,      PROMISE_EXEC,                   0,
     EPERM													 },
    {"clone3",		 probe_clone3,                   NEVER,                          0,            ENOSYS},
    {"openat2",		probe_openat2,                  NEVER,                          0,            ENOSYS},
    {"io_uring",               probe_io_uring,                 NEVER,                          0,            EPERM },
    {"memory file",            probe_memory_file,              NEVER,                          0,            EPERM },
    {"priority",               probe_priority,                 NEVER,                          0,            EPERM },
    {"terminal typing",        probe_terminal_typing,          NEVER,                          0,            EPERM },
};
enum { PROBES = sizeof(probes) / sizeof(probes[0]) };
_Static_assert((int)PROBES <= (int)ANSWERS, "one answer a probe");

#endif
