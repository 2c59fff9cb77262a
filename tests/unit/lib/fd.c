/* fd: whole transfers, files replaced or untouched, waits that end. */
#include "lib/fd.h"

#include "lib/clock.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/culver-fd-XXXXXX";
static int dir = -1;

/* What SIGALRM does when it comes for the third time, unless -1. */
static volatile sig_atomic_t coming, wake_fd = -1, drain_fd = -1;

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)close(dir);
	return rmdir(folder);
}

/* How many names stand in dirfd, "." and ".." aside. */
static int
names(void)
{
	DIR *d = opendir(folder);
	int n = -2;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	assert_int_equal(closedir(d), 0);
	return n;
}

static void
assert_holds(const char *name, const char *want)
{
	struct buf b = {0};

	assert_true(fd_read_file(dir, name, &b));
	assert_true(str_equal(buf_str(&b), str_of(want)));
	buf_free(&b);
}

static void
on_alarm(int sig)
{
	char room[4096];

	(void)sig;
	if (++coming < 3)
		return;
	if (wake_fd >= 0 && write(wake_fd, "x", 1) != 1)
		_exit(99);
	if (drain_fd >= 0 && read(drain_fd, room, sizeof(room)) <= 0)
		_exit(98);
	wake_fd = drain_fd = -1;
}

/* SIGALRM every so many microseconds (0: no more), interrupting calls. */
static void
alarms(suseconds_t every)
{
	const struct itimerval t = {
	    {0, every},
            {0, every}
        };
	struct sigaction sa = {.sa_handler = on_alarm};

	coming = 0;
	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
}

enum { BIG = 1 << 21 }; /* bytes, many times what a pipe holds */

static char
pattern(size_t i)
{
	return (char)(i * 7 + i / 251);
}

/* Child: all BIG bytes arrive in their order, read by parts that do not fit. */
static void
drain(int fd)
{
	static char got[BIG];
	size_t n = 0;

	alarms(300);
	while (n < BIG) {
		size_t part = BIG - n < 10007 ? BIG - n : 10007;

		if (!fd_read_all(fd, got + n, part))
			_exit(1);
		n += part;
	}
	for (size_t i = 0; i < BIG; i++)
		if (got[i] != pattern(i))
			_exit(2);
	_exit(fd_read_all(fd, got, 1) || errno != EPIPE ? 3 : 0);
}

static void
transfers_are_whole_through_signals_and_short_writes(void **state)
{
	static char sent[BIG];
	int ends[2], status = -1;
	pid_t child;

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		sent[i] = pattern(i);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(ends[1]);
		drain(ends[0]);
	}
	(void)close(ends[0]);
	alarms(500);
	assert_true(fd_write_all(ends[1], sent, BIG));
	alarms(0);
	(void)close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
one_read_appends_what_there_is(void **state)
{
	struct buf b = {.max = 8};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(fd_write_all(ends[1], "abcdef", 6));
	assert_int_equal(fd_read_more(ends[0], &b, 4), 4);
	assert_int_equal(fd_read_more(ends[0], &b, 4), 2);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "abcdef", 6);
	errno = 0;
	assert_int_equal(fd_read_more(ends[0], &b, 4), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(fd_read_more(ends[0], &b, 2), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(fd_read_more(ends[0], &b, 2), -1);
	assert_int_equal(b.len, 6);
	buf_free(&b);
}

static void
calls_that_were_only_interrupted_go_on(void **state)
{
	int ends[2];
	char byte = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	wake_fd = ends[1];
	alarms(1000);
	assert_true(fd_read_all(ends[0], &byte, 1));
	alarms(0);
	assert_int_equal(byte, 'x');

	assert_true(fd_nonblock(ends[1]));
	while (fd_write_all(ends[1], folder, 1))
		;
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
	drain_fd = ends[0];
	alarms(1000);
	assert_true(fd_write_all(ends[1], folder, 1));
	alarms(0);
	assert_int_equal(drain_fd, -1);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* A write that a full disk cut short goes on behind what was written. */
static void
a_short_positioned_write_is_continued_not_repeated(void **state)
{
	const struct rlimit small = {5, RLIM_INFINITY};
	int fd = openat(dir, "p", O_RDWR | O_CREAT | O_EXCL, 0600);
	struct rlimit before;
	char got[5];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	errno = 0;
	assert_false(fd_pwrite_all(fd, "0123456789", 10, 0));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(fd_pread_all(fd, got, 5, 0));
	assert_memory_equal(got, "01234", 5);
	fd_close(&fd);
	assert_int_equal(unlinkat(dir, "p", 0), 0);
}

static void
positioned_transfers_leave_the_offset(void **state)
{
	int fd = openat(dir, "p", O_RDWR | O_CREAT | O_EXCL, 0600);
	char got[4];

	(void)state;
	assert_true(fd >= 0);
	assert_true(fd_pwrite_all(fd, "cd", 2, 2));
	assert_true(fd_pwrite_all(fd, "ab", 2, 0));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_true(fd_pread_all(fd, got, 4, 0));
	assert_memory_equal(got, "abcd", 4);
	errno = 0;
	assert_false(fd_pread_all(fd, got, 4, 1));
	assert_int_equal(errno, EPIPE);
	errno = 0;
	assert_false(fd_pread_all(fd, got, 4, -1));
	assert_int_equal(errno, EINVAL);
	assert_false(fd_pwrite_all(fd, got, 4, (off_t)INT64_MAX - 1));
	assert_int_equal(errno, EINVAL);
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(unlinkat(dir, "p", 0), 0);
}

static void
only_regular_files_are_read(void **state)
{
	static const char big[50000];
	struct buf b = {.max = 4};

	(void)state;
	assert_true(buf_append_text(&b, "a"));
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	errno = 0;
	assert_false(fd_read_file(dir, "fifo", &b));
	assert_int_equal(errno, EINVAL);
	assert_false(fd_read_file(dir, ".", &b));
	assert_int_equal(errno, EINVAL);
	assert_false(fd_read_file(dir, "/dev/null", &b));
	assert_int_equal(errno, EINVAL);
	assert_false(fd_read_file(dir, "none", &b));
	assert_int_equal(errno, ENOENT);

	assert_true(fd_replace_file(dir, "f", str_of("bcd"), 0600));
	assert_true(fd_read_file(dir, "f", &b));
	assert_true(str_equal(buf_str(&b), str_of("abcd")));
	errno = 0;
	assert_false(fd_read_file(dir, "f", &b));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, 4);
	assert_true(
	    fd_replace_file(dir, "f", (struct str){big, sizeof(big)}, 0600));
	b.max = sizeof(big) - 1;
	errno = 0;
	assert_false(fd_read_file(dir, "f", &b));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, 4);
	buf_free(&b);
	assert_int_equal(unlinkat(dir, "f", 0), 0);
	assert_int_equal(unlinkat(dir, "fifo", 0), 0);
}

static void
replacing_sets_contents_and_mode_and_leaves_no_other_name(void **state)
{
	char stale[64];
	struct stat st;
	mode_t mask = umask(077);

	(void)state;
	assert_true(fd_replace_file(dir, "f", str_of("old\n"), 0644));
	/* A process of our number died here before. */
	(void)snprintf(stale, sizeof(stale), "f.tmp.%ld", (long)getpid());
	assert_int_equal(symlinkat("/etc/passwd", dir, stale), 0);
	assert_true(fd_replace_file(dir, "f", str_of("new\n"), 0664));
	(void)umask(mask);
	assert_holds("f", "new\n");
	assert_int_equal(fstatat(dir, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0664);
	assert_int_equal(names(), 1);

	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	assert_true(fd_replace_file(dir, "sub/g", (struct str){NULL, 0}, 0600));
	assert_holds("sub/g", "");
	assert_int_equal(unlinkat(dir, "sub/g", 0), 0);
	assert_int_equal(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir, "f", 0), 0);
}

static void
a_failed_replacement_keeps_the_old_file(void **state)
{
	const struct rlimit small = {2, RLIM_INFINITY};
	char name[PATH_MAX];
	struct rlimit before;

	(void)state;
	assert_true(fd_replace_file(dir, "f", str_of("old\n"), 0600));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	errno = 0;
	assert_false(fd_replace_file(dir, "f", str_of("newer\n"), 0600));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_holds("f", "old\n");
	assert_int_equal(names(), 1);

	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	assert_false(fd_replace_file(dir, "sub", str_of("x"), 0600));
	assert_int_equal(errno, EISDIR);
	assert_false(fd_replace_file(dir, "none/f", str_of("x"), 0600));
	assert_int_equal(errno, ENOENT);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(fd_replace_file(dir, name, str_of("x"), 0600));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(names(), 2);
	assert_int_equal(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir, "f", 0), 0);
}

static void
folders_are_synced_and_nothing_else(void **state)
{
	(void)state;
	assert_true(fd_sync_folder(dir, "."));
	assert_true(fd_sync_folder(AT_FDCWD, folder));
	assert_false(fd_sync_folder(dir, "none"));
	assert_int_equal(errno, ENOENT);
	assert_false(fd_sync_folder(dir, "/dev/null"));
	assert_int_equal(errno, ENOTDIR);
}

static void
closing_keeps_errno_and_forgets_the_number(void **state)
{
	int ends[2], copy, none = 1 << 20;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	copy = ends[0];
	errno = EXDEV;
	fd_close(&ends[0]);
	fd_close(&ends[0]);
	fd_close(&none);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(ends[0], -1);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	fd_close(&ends[1]);
}

static void
waits_end_by_time_data_hangup_or_error(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	errno = 0;
	assert_false(fd_wait_read(ends[0], 0));
	assert_int_equal(errno, ETIMEDOUT);
	errno = 0;
	assert_false(fd_wait_read(ends[0], 1));
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(fd_wait_write(ends[1], -1));

	/* Woken by a signal that comes before the byte does. */
	wake_fd = ends[1];
	alarms(2000);
	assert_true(fd_wait_read(ends[0], -1));
	alarms(0);
	wake_fd = -1;

	assert_true(fd_nonblock(ends[0]));
	(void)close(ends[1]);
	assert_true(fd_wait_read(ends[0], 1000));
	(void)close(ends[0]);
	errno = 0;
	assert_false(fd_wait_read(ends[0], 1000));
	assert_int_equal(errno, EBADF);
}

static void
a_wait_ends_by_the_boot_clock(void **state)
{
	int ends[2];
	short seen = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (int64_t later = -1000; later <= 2000; later += 1500) {
		errno = 0;
		assert_false(
		    fd_await(ends[0], POLLIN, clock_boot() + later, &seen));
		assert_int_equal(errno, ETIMEDOUT);
	}
	alarms(1000);
	errno = 0;
	assert_false(fd_await(ends[0], POLLIN, clock_boot() + 30000, &seen));
	assert_int_equal(errno, ETIMEDOUT);
	alarms(0);
	assert_true(fd_await(
	    ends[1], POLLIN | POLLOUT, clock_boot() + 60000000, &seen));
	assert_int_equal(seen, POLLOUT);
	(void)close(ends[1]);
	assert_true(fd_await(ends[0], POLLIN, clock_boot() + 60000000, &seen));
	assert_int_equal(seen, POLLHUP);
	(void)close(ends[0]);
	assert_false(fd_await(ends[0], POLLIN, clock_boot() + 60000000, &seen));
	assert_int_equal(errno, EBADF);
}

/* Signals that never stop coming do not stretch the wait for ever. */
static void
a_wait_ends_under_a_rain_of_signals(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	alarms(1000);
	errno = 0;
	assert_false(fd_wait_read(ends[0], 30));
	assert_int_equal(errno, ETIMEDOUT);
	alarms(0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
nonblocking_reads_do_not_wait(void **state)
{
	int ends[2];
	char c;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(fd_nonblock(ends[0]));
	assert_int_equal(read(ends[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_false(fd_nonblock(ends[0]));
}

static void
the_limit_of_descriptors_is_raised_as_far_as_it_may_be(void **state)
{
	static const struct {
		rlim_t soft, hard;
		unsigned wanted;
		rlim_t then;
	} rows[] = {
	    {20, 40, 30, 30},
	    {20, 40, 40, 40},
	    {20, 40, 50, 40},
	    {20, 40, 10, 20},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			struct rlimit l = {rows[i].soft, rows[i].hard};
			bool ok = setrlimit(RLIMIT_NOFILE, &l) == 0 &&
				  fd_raise_limit(rows[i].wanted) &&
				  getrlimit(RLIMIT_NOFILE, &l) == 0 &&
				  l.rlim_cur == rows[i].then &&
				  l.rlim_max == rows[i].hard;

			_exit(ok ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		transfers_are_whole_through_signals_and_short_writes),
	    cmocka_unit_test(one_read_appends_what_there_is),
	    cmocka_unit_test(calls_that_were_only_interrupted_go_on),
	    cmocka_unit_test(
		a_short_positioned_write_is_continued_not_repeated),
	    cmocka_unit_test(positioned_transfers_leave_the_offset),
	    cmocka_unit_test(only_regular_files_are_read),
	    cmocka_unit_test(
		replacing_sets_contents_and_mode_and_leaves_no_other_name),
	    cmocka_unit_test(a_failed_replacement_keeps_the_old_file),
	    cmocka_unit_test(folders_are_synced_and_nothing_else),
	    cmocka_unit_test(closing_keeps_errno_and_forgets_the_number),
	    cmocka_unit_test(waits_end_by_time_data_hangup_or_error),
	    cmocka_unit_test(a_wait_ends_by_the_boot_clock),
	    cmocka_unit_test(a_wait_ends_under_a_rain_of_signals),
	    cmocka_unit_test(nonblocking_reads_do_not_wait),
	    cmocka_unit_test(
		the_limit_of_descriptors_is_raised_as_far_as_it_may_be),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
