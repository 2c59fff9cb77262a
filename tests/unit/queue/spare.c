/* spare: a file of the pool is handed on when it is the finished message that
 * was told of, and nobody else has it; any other leaves the pool. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "queue/spare.h"

#include "lib/sock.h"
#include "tests/unit/queue/stage.h"
#include "wire/message.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum { TOKEN = 7, OTHER = 8, BODY = 1000 };

struct pool {
	struct spare spare;
	int hints; /* our end of queue/free */
};

static int
make(void **state)
{
	int r = stage_make(state);

	assert_int_equal(mkdir(QUEUE_POOL, 0755), 0);
	assert_int_equal(mkfifo(QUEUE_FREE, 0644), 0);
	return r;
}

static void
open_pool(struct pool *p)
{
	assert_true(signal(SIGIO, SIG_IGN) != SIG_ERR);
	assert_true(spare_open(&p->spare));
	p->hints = open(QUEUE_FREE, O_WRONLY | O_NONBLOCK);
	assert_true(p->hints >= 0);
}

static void
close_pool(struct pool *p)
{
	assert_int_equal(close(p->hints), 0);
	spare_close(&p->spare);
}

/* A finished message of body bytes; its number. */
static uint64_t
finish(size_t body, unsigned char token, char path[QUEUE_PATH_SIZE])
{
	struct message m = {.body_at = MESSAGE_HEAD, .body_len = body};
	char head[MESSAGE_HEAD];
	struct stat st;
	int fd = open(QUEUE_POOL "/new", O_RDWR | O_CREAT | O_EXCL, 0640);

	memset(m.token, token, sizeof(m.token));
	m.envelope_at = MESSAGE_HEAD + body;
	message_write(head, &m);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_true(fd_write_all(fd, head, sizeof(head)));
	assert_int_equal(ftruncate(fd, (off_t)(MESSAGE_HEAD + body)), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(close(fd), 0);
	queue_pool_path(path, st.st_ino);
	assert_int_equal(rename(QUEUE_POOL "/new", path), 0);
	return st.st_ino;
}

static void
tell(struct pool *p, uint64_t ino, unsigned char token)
{
	unsigned char bytes[QUEUE_TOKEN];
	char hint[QUEUE_HINT_SIZE];

	memset(bytes, token, sizeof(bytes));
	queue_hint_write(hint, ino, bytes);
	assert_true(fd_write_all(p->hints, hint, sizeof(hint)));
	spare_run(&p->spare);
}

/* Nothing is spoilt; and what is, is the reason in the row's name. */
static void
nothing(const char *path)
{
	(void)path;
}

static int kept = -1;
static void *mapped;

static void
keep_open(const char *path)
{
	kept = open(path, O_RDONLY);
	assert_true(kept >= 0);
}

static void
keep_writable(const char *path)
{
	kept = open(path, O_WRONLY);
	assert_true(kept >= 0);
}

static void
keep_mapped(const char *path)
{
	int fd = open(path, O_RDONLY);

	mapped = mmap(NULL, BODY, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(mapped != MAP_FAILED);
	assert_int_equal(close(fd), 0);
}

/* In a packet that nobody has received. */
static int ends[2] = {-1, -1};

static void
keep_in_flight(const char *path)
{
	int fd = open(path, O_RDONLY);

	assert_true(sock_pair(ends));
	assert_true(sock_send(ends[0], "", 1, fd));
	assert_int_equal(close(fd), 0);
}

static void
name_again(const char *path)
{
	assert_int_equal(link(path, QUEUE_MESS "/0/other"), 0);
}

static void
open_to_all(const char *path)
{
	assert_int_equal(chmod(path, 0644), 0);
}

static void
remove_it(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static void
put_another(const char *path)
{
	char other[QUEUE_PATH_SIZE];

	(void)finish(BODY, TOKEN, other);
	assert_int_equal(rename(other, path), 0);
}

static void
put_link(const char *path)
{
	assert_int_equal(rename(path, QUEUE_MESS "/0/other"), 0);
	assert_int_equal(symlink("../mess/0/other", path), 0);
}

static void
put_fifo(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0640), 0);
}

static void
write_half(const char *path)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd_write_all(fd, "culver-message 1\narrived 9", 26));
	assert_int_equal(close(fd), 0);
}

static const struct {
	const char *name;
	void (*spoil)(const char *path);
	size_t body;
	unsigned char token; /* told */
	bool fits;
} rows[] = {
    {"as it was left",            nothing,        BODY,                               TOKEN, true },
    {"as large as may be",        nothing,        QUEUE_POOL_FILE - MESSAGE_HEAD,     TOKEN,
     true											 },
    {"larger",		    nothing,        QUEUE_POOL_FILE - MESSAGE_HEAD + 1, TOKEN, false},
    {"another message by now",    nothing,        BODY,                               OTHER, false},
    {"open for reading",          keep_open,      BODY,                               TOKEN, false},
    {"open for writing",          keep_writable,  BODY,                               TOKEN, false},
    {"mapped",		    keep_mapped,    BODY,                               TOKEN, false},
    {"on its way to somebody",    keep_in_flight, BODY,                               TOKEN, false},
    {"with a second name",        name_again,     BODY,                               TOKEN, false},
    {"readable by others",        open_to_all,    BODY,                               TOKEN, false},
    {"gone",		      remove_it,      BODY,			       TOKEN, false},
    {"under another's number",    put_another,    BODY,                               TOKEN, false},
    {"a symbolic link",           put_link,       BODY,                               TOKEN, false},
    {"no file",		   put_fifo,       BODY,                               TOKEN, false},
    {"begun to be written again", write_half,     BODY,                               TOKEN, false},
};

static struct spare_given given;

static int
receive_from(int in)
{
	return spare_receive(in, &given);
}

static void
forget(void)
{
	fd_close(&kept);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	if (mapped != NULL)
		assert_int_equal(munmap(mapped, BODY), 0);
	mapped = NULL;
}

static void
only_what_is_free_is_handed_on(void **state)
{
	struct pool p;

	open_pool(&p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[QUEUE_PATH_SIZE];
		uint64_t ino = finish(rows[i].body, TOKEN, path);
		struct stat st;
		int fd;

		rows[i].spoil(path);
		tell(&p, ino, rows[i].token);
		fd = receive_from(p.spare.in);
		if ((fd >= 0) != rows[i].fits)
			fail_msg("%s", rows[i].name);
		/* It has left the pool. */
		if (!rows[i].fits && lstat(path, &st) == 0)
			fail_msg("%s: is still there", rows[i].name);
		if (rows[i].fits)
			assert_int_equal(unlink(path), 0);
		fd_close(&fd);
		forget();
		(void)unlink(QUEUE_MESS "/0/other");
	}
	close_pool(&p);
	(void)state;
}

static void
a_writer_can_only_write(void **state)
{
	char path[QUEUE_PATH_SIZE], byte;
	struct pool p;
	struct stat st;
	uint64_t ino;
	int fd;

	open_pool(&p);
	ino = finish(BODY, TOKEN, path);
	tell(&p, ino, TOKEN);
	fd = receive_from(p.spare.in);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, ino);
	assert_int_equal(given.ino, ino);
	assert_int_equal(given.size, st.st_size);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
	/* No lease is left that would hold up who opens the message. */
	assert_int_equal(fcntl(fd, F_GETLEASE), F_UNLCK);
	fd_close(&fd);
	close_pool(&p);
	(void)state;
}

static void
what_is_told_twice_is_given_once(void **state)
{
	char path[QUEUE_PATH_SIZE];
	struct pool p;
	uint64_t ino;
	int fd, second;

	open_pool(&p);
	ino = finish(BODY, TOKEN, path);
	tell(&p, ino, TOKEN);
	tell(&p, ino, TOKEN);
	fd = receive_from(p.spare.in);
	second = receive_from(p.spare.in);
	assert_true(fd >= 0);
	assert_int_equal(second, -1);
	assert_int_equal(errno, EAGAIN);
	fd_close(&fd);
	close_pool(&p);
	(void)state;
}

static void
files_wait_for_writers(void **state)
{
	enum { FILES = 1000 };
	char path[QUEUE_PATH_SIZE];
	struct pool p;
	size_t got = 0;
	int fd;

	open_pool(&p);
	for (size_t i = 0; i < FILES; i++) {
		uint64_t ino = finish(BODY, TOKEN, path);

		tell(&p, ino, TOKEN);
	}
	assert_int_equal(spare_watch(&p.spare).fd, p.spare.out);
	while ((fd = receive_from(p.spare.in)) >= 0) {
		fd_close(&fd);
		got++;
		spare_run(&p.spare);
	}
	assert_int_equal(got, FILES);
	assert_int_equal(spare_watch(&p.spare).fd, p.spare.fifo);
	close_pool(&p);
	(void)state;
}

static void
garbage_is_passed_over(void **state)
{
	static const char zeros[QUEUE_HINT_SIZE];
	char path[QUEUE_PATH_SIZE];
	struct pool p;
	uint64_t ino;
	int fd;

	open_pool(&p);
	assert_true(fd_write_all(p.hints, zeros, sizeof(zeros)));
	spare_run(&p.spare);
	ino = finish(BODY, TOKEN, path);
	tell(&p, ino, TOKEN);
	fd = receive_from(p.spare.in);
	assert_true(fd >= 0);
	fd_close(&fd);
	close_pool(&p);
	(void)state;
}

static void
a_queue_without_a_pool_has_none(void **state)
{
	struct spare s;

	assert_int_equal(unlink(QUEUE_FREE), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(spare_open(&s));
		assert_int_equal(spare_watch(&s).fd, -1);
		spare_run(&s);
		assert_int_equal(spare_leave(&s), -1);
		if (i == 0)
			assert_int_equal(rmdir(QUEUE_POOL), 0);
	}
	(void)state;
}

#define POOLED(f) cmocka_unit_test_setup_teardown(f, make, stage_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    POOLED(only_what_is_free_is_handed_on),
	    POOLED(a_writer_can_only_write),
	    POOLED(what_is_told_twice_is_given_once),
	    POOLED(files_wait_for_writers),
	    POOLED(garbage_is_passed_over),
	    POOLED(a_queue_without_a_pool_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
