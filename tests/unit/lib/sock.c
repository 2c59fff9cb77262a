/* sock: modes, stale names, who is there, and descriptors that never leak. */
#define _DEFAULT_SOURCE /* syscall */
#include "lib/sock.h"

#include "lib/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/culver-sock-XXXXXX";

static int
enter_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int
remove_folder(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* How many descriptors this process has. */
static int
held(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	assert_int_equal(closedir(d), 0);
	return n;
}

static bool
cloexec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static void
listens_with_its_mode_whatever_the_umask(void **state)
{
	static const mode_t modes[] = {0600, 0622, 0666, 0777};
	static const mode_t masks[] = {0, 022, 077, 0777};
	mode_t before = umask(0);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++) {
			int fd;

			(void)umask(masks[j]);
			fd = sock_listen("s", modes[i]);
			assert_true(fd >= 0);
			assert_true(cloexec(fd));
			assert_int_equal(mode_of("s"), S_IFSOCK | modes[i]);
			fd_close(&fd);
		}
	(void)umask(before);
	assert_int_equal(unlink("s"), 0);
}

/* Set: somebody who may write in the folder is quick. */
static bool thief;

int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	long r = syscall(SYS_bind, fd, sa, len);

	if (r == 0 && thief && (unlink("s") != 0 || symlink("v", "s") != 0))
		return -1;
	return (int)r;
}

/* Root listens in the queue's folder, which is not root's alone. */
static void
a_name_that_was_taken_leads_to_no_other_file(void **state)
{
	mode_t before = umask(022);
	int fd = open("v", O_WRONLY | O_CREAT | O_EXCL, 0640);
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	thief = true;
	fd_close(&fd);
	fd = sock_listen("s", 0666);
	thief = false;
	fd_close(&fd);
	assert_int_equal(mode_of("v"), S_IFREG | 0640);
	assert_false(sock_give("s", getuid() + 1));
	assert_false(sock_give("v", getuid() + 1));
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(stat("v", &st), 0);
	assert_int_equal(st.st_uid, getuid());
	assert_int_equal(unlink("s"), 0);
	assert_int_equal(unlink("v"), 0);
	(void)umask(before);
}

static void
a_socket_is_given_away(void **state)
{
	uid_t to = getuid() == 0 ? 4711 : getuid();
	int fd = sock_listen("s", 0600);
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	assert_true(sock_give("s", to));
	assert_int_equal(stat("s", &st), 0);
	assert_int_equal(st.st_uid, to);
	assert_int_equal(st.st_gid, getgid());
	fd_close(&fd);
	assert_int_equal(unlink("s"), 0);
}

static void
only_a_socket_is_taken_for_stale(void **state)
{
	int first = sock_listen("s", 0600), second, file;

	(void)state;
	assert_true(first >= 0);
	second = sock_listen("s", 0600);
	assert_true(second >= 0);
	fd_close(&first);
	fd_close(&second);
	assert_int_equal(unlink("s"), 0);

	file = open("s", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	fd_close(&file);
	errno = 0;
	assert_int_equal(sock_listen("s", 0600), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(mode_of("s"), S_IFREG | 0600);
	assert_int_equal(unlink("s"), 0);
	assert_int_equal(sock_listen("none/s", 0600), -1);
	assert_int_equal(errno, ENOENT);
}

static void
a_long_path_is_refused_not_cut(void **state)
{
	char path[109];

	(void)state;
	memset(path, 'p', sizeof(path));
	path[108] = '\0';
	errno = 0;
	assert_int_equal(sock_listen(path, 0600), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	errno = 0;
	assert_int_equal(sock_connect(path), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	path[107] = '\0';
	errno = 0;
	assert_int_equal(sock_connect(path), -1);
	assert_int_equal(errno, ENOENT);
}

static void
connects_and_knows_who_is_there(void **state)
{
	int l = sock_listen("s", 0600), c, s, ends[2];
	struct peer who = {0};

	(void)state;
	assert_true(l >= 0);
	c = sock_connect("s");
	assert_true(c >= 0);
	assert_true(cloexec(c));
	s = accept(l, NULL, NULL);
	assert_true(s >= 0);
	assert_true(sock_peer(s, &who));
	assert_int_equal(who.pid, getpid());
	assert_int_equal(who.uid, geteuid());
	assert_int_equal(who.gid, getegid());
	fd_close(&c);
	fd_close(&s);
	fd_close(&l);
	errno = 0;
	assert_int_equal(sock_connect("s"), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(unlink("s"), 0);

	assert_int_equal(pipe(ends), 0);
	assert_false(sock_peer(ends[0], &who));
	assert_int_equal(errno, ENOTSOCK);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ends[0] >= 0)
		assert_false(sock_peer(ends[0], &who));
	fd_close(&ends[0]);
}

static void
packets_keep_their_bounds_and_carry_a_descriptor(void **state)
{
	int ends[2], file[2], fd = 4711;
	char got[16];

	(void)state;
	assert_true(sock_pair(ends));
	assert_true(cloexec(ends[0]) && cloexec(ends[1]));
	assert_int_equal(pipe(file), 0);
	assert_true(sock_send(ends[0], "one", 3, -1));
	assert_true(sock_send(ends[0], "two!", 4, file[0]));
	assert_true(
	    sock_send_both(ends[0], str_of("three"), str_of("four"), file[0]));
	fd_close(&file[0]);

	assert_int_equal(sock_receive(ends[1], got, sizeof(got), &fd), 3);
	assert_memory_equal(got, "one", 3);
	assert_int_equal(fd, -1);
	assert_int_equal(sock_receive(ends[1], got, sizeof(got), &fd), 4);
	assert_true(fd >= 0 && cloexec(fd));
	assert_true(fd_write_all(file[1], "hello", 5));
	assert_true(fd_read_all(fd, got, 5));
	assert_memory_equal(got, "hello", 5);
	fd_close(&fd);
	assert_int_equal(sock_receive(ends[1], got, sizeof(got), &fd), 9);
	assert_memory_equal(got, "threefour", 9);
	fd_close(&fd);
	fd_close(&file[1]);

	errno = 0;
	assert_false(sock_send(ends[0], "", 0, -1));
	assert_int_equal(errno, EINVAL);
	fd_close(&ends[0]);
	assert_int_equal(sock_receive(ends[1], got, sizeof(got), &fd), 0);
	assert_int_equal(fd, -1);
	errno = 0;
	assert_false(sock_send(ends[1], "x", 1, -1));
	assert_int_equal(errno, EPIPE);
	fd_close(&ends[1]);
}

static void
a_packet_too_long_is_refused_with_its_descriptor(void **state)
{
	int ends[2], fd = 4711, before;
	char got[4];

	(void)state;
	assert_true(sock_pair(ends));
	before = held();
	assert_true(sock_send(ends[0], "12345", 5, ends[0]));
	errno = 0;
	assert_int_equal(sock_receive(ends[1], got, sizeof(got), &fd), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(fd, -1);
	assert_int_equal(held(), before);
	assert_true(sock_send(ends[0], "1234", 4, -1));
	assert_int_equal(sock_receive(ends[1], got, sizeof(got), &fd), 4);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* What no peer of ours sends: many descriptors in one packet. */
static void
send_many(int s, int fd, size_t count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} c = {0};
	char byte = 'x';
	struct iovec part = {&byte, 1};
	struct msghdr m = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = c.room,
	    .msg_controllen = CMSG_LEN(count * sizeof(int))};

	c.head.cmsg_len = CMSG_LEN(count * sizeof(int));
	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(&c.head) + i * sizeof(int), &fd, sizeof(fd));
	assert_int_equal(sendmsg(s, &m, 0), 1);
}

static void
surplus_descriptors_are_refused_and_closed(void **state)
{
	int ends[2], fd, before;
	char got[4];

	(void)state;
	assert_true(sock_pair(ends));
	before = held();
	for (size_t count = 2; count <= 8; count++) {
		send_many(ends[0], ends[0], count);
		errno = 0;
		fd = 4711;
		assert_int_equal(
		    sock_receive(ends[1], got, sizeof(got), &fd), -1);
		assert_int_equal(errno, EMFILE);
		assert_int_equal(fd, -1);
		assert_int_equal(held(), before);
	}
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
a_descriptor_lost_for_want_of_numbers_is_told(void **state)
{
	struct rlimit before, none;
	int ends[2], fd;
	char got[4];
	ssize_t r;

	(void)state;
	assert_true(sock_pair(ends));
	assert_true(sock_send(ends[0], "x", 1, ends[0]));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	errno = 0;
	r = sock_receive(ends[1], got, sizeof(got), &fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, -1);
	assert_int_equal(errno, EMFILE);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(listens_with_its_mode_whatever_the_umask),
	    cmocka_unit_test(a_name_that_was_taken_leads_to_no_other_file),
	    cmocka_unit_test(a_socket_is_given_away),
	    cmocka_unit_test(only_a_socket_is_taken_for_stale),
	    cmocka_unit_test(a_long_path_is_refused_not_cut),
	    cmocka_unit_test(connects_and_knows_who_is_there),
	    cmocka_unit_test(packets_keep_their_bounds_and_carry_a_descriptor),
	    cmocka_unit_test(a_packet_too_long_is_refused_with_its_descriptor),
	    cmocka_unit_test(surplus_descriptors_are_refused_and_closed),
	    cmocka_unit_test(a_descriptor_lost_for_want_of_numbers_is_told),
	};

	return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
