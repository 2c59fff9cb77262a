/* message: a head is whole or refused; what is opened is a queue file. */
#include "wire/message.h"

#include "lib/fd.h"
#include "lib/rng.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char body[] = "Subject: x\n\ntext\n";
static const char records[] = "Fa@b\0Tc@d";

enum { BODY = sizeof(body) - 1, FILE_SIZE = 1000 };

static uint32_t
crc_of(const void *data, size_t n)
{
	return (uint32_t)crc32(0, data, (uInt)n);
}

static struct message
example(void)
{
	struct message m = {
	    .arrived = INT64_C(1795229420123456),
	    .uid = 1000,
	    .writer = 4711,
	    .body_at = MESSAGE_HEAD,
	    .body_len = FILE_SIZE - MESSAGE_HEAD - 100,
	    .lines = 12,
	    .envelope_at = FILE_SIZE - 100,
	    .envelope_len = 100,
	    .body_crc = 0xdeadbeef,
	    .envelope_crc = 0xcafe,
	    .id_hash = 0x123456789abcdef,
	};

	for (size_t i = 0; i < QUEUE_TOKEN; i++)
		m.token[i] = (unsigned char)(i * 17);
	return m;
}

static void
same(const struct message *a, const struct message *b)
{
	assert_int_equal(a->arrived, b->arrived);
	assert_memory_equal(a->token, b->token, QUEUE_TOKEN);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->writer, b->writer);
	assert_int_equal(a->body_at, b->body_at);
	assert_int_equal(a->body_len, b->body_len);
	assert_int_equal(a->lines, b->lines);
	assert_int_equal(a->envelope_at, b->envelope_at);
	assert_int_equal(a->envelope_len, b->envelope_len);
	assert_int_equal(a->body_crc, b->body_crc);
	assert_int_equal(a->envelope_crc, b->envelope_crc);
	assert_int_equal(a->id_hash, b->id_hash);
}

static void
a_head_reads_as_documented(void **state)
{
	struct message m = example();
	char head[MESSAGE_HEAD];
	static const char begin[] =
	    "culver-message 1\n"
	    "arrived 001795229420.123456\n"
	    "token 00112233445566778899aabbccddeeff\n"
	    "submitter uid 0000001000 writer 0000004711\n"
	    "body at 00000000000000000448 length 00000000000000000452"
	    " lines 00000000000000000012 crc32 deadbeef\n"
	    "envelope at 00000000000000000900 length 00000000000000000100"
	    " crc32 0000cafe\n"
	    "message-id 0123456789abcdef\n ";

	message_write(head, &m);
	assert_memory_equal(head, begin, sizeof(begin) - 1);
	assert_memory_equal(head + MESSAGE_HEAD - 22, " \nhead crc32 ", 13);
	assert_int_equal(head[MESSAGE_HEAD - 1], '\n');
	(void)state;
}

static void
a_head_comes_back(void **state)
{
	struct message rows[3] = {example(), example(), example()};

	rows[1].arrived = 0;
	rows[1].uid = rows[1].writer = UINT32_MAX;
	rows[1].id_hash = UINT64_MAX;
	memset(rows[1].token, 255, QUEUE_TOKEN);
	rows[2].body_len = rows[2].lines = 0;
	rows[2].envelope_at = MESSAGE_HEAD;
	rows[2].envelope_len = FILE_SIZE - MESSAGE_HEAD;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char head[MESSAGE_HEAD];
		struct message m;

		message_write(head, &rows[i]);
		assert_true(message_read(head, FILE_SIZE, &m));
		same(&m, &rows[i]);
	}
	(void)state;
}

static void
times_out_of_bounds_are_brought_in(void **state)
{
	struct message m = example(), got;
	char head[MESSAGE_HEAD];

	m.arrived = -1;
	message_write(head, &m);
	assert_true(message_read(head, FILE_SIZE, &got));
	assert_int_equal(got.arrived, 0);
	m.arrived = INT64_MAX;
	message_write(head, &m);
	assert_true(message_read(head, FILE_SIZE, &got));
	assert_int_equal(got.arrived, INT64_C(999999999999000000));
	(void)state;
}

static void
damage_at_any_bit_is_refused(void **state)
{
	struct message m = example(), got = {.uid = 77};
	char head[MESSAGE_HEAD];

	message_write(head, &m);
	for (size_t i = 0; i < MESSAGE_HEAD; i++)
		for (int bit = 0; bit < 8; bit++) {
			head[i] = (char)(head[i] ^ 1 << bit);
			errno = 0;
			assert_false(message_read(head, FILE_SIZE, &got));
			assert_int_equal(errno, EPROTO);
			assert_int_equal(got.uid, 77);
			head[i] = (char)(head[i] ^ 1 << bit);
		}
	assert_true(message_read(head, FILE_SIZE, &got));
	(void)state;
}

static void
garbage_is_refused(void **state)
{
	struct message got;
	char head[MESSAGE_HEAD];

	for (int i = 0; i < 1000; i++) {
		assert_true(rng_bytes(head, sizeof(head)));
		assert_false(message_read(head, FILE_SIZE, &got));
	}
	memset(head, 0, sizeof(head));
	assert_false(message_read(head, FILE_SIZE, &got));
	(void)state;
}

static void
parts_must_fill_the_file(void **state)
{
	static const struct {
		const char *what;
		int64_t at, len, envelope_at, envelope_len, lines;
		uint64_t size;
		bool ok;
	} rows[] = {
	    {"fits",           448, 452, 900, 100, 12,  1000, true },
	    {"longer file",    448, 452, 900, 100, 12,  1001, false},
	    {"shorter file",   448, 452, 900, 100, 12,  999,  false},
	    {"gap",            448, 451, 900, 100, 12,  1000, false},
	    {"overlap",        448, 453, 900, 100, 12,  1000, false},
	    {"body elsewhere", 449, 451, 900, 100, 12,  1000, false},
	    {"too many lines", 448, 452, 900, 100, 453, 1000, false},
	    {"wraps",          448, -1,  447, 553, 12,  1000, false},
	    {"wraps, too",     448, 452, 900, -1,  12,  899,  false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message m = example(), got;
		char head[MESSAGE_HEAD];

		m.body_at = (uint64_t)rows[i].at;
		m.body_len = (uint64_t)rows[i].len;
		m.envelope_at = (uint64_t)rows[i].envelope_at;
		m.envelope_len = (uint64_t)rows[i].envelope_len;
		m.lines = (uint64_t)rows[i].lines;
		message_write(head, &m);
		if (message_read(head, rows[i].size, &got) != rows[i].ok)
			fail_msg("%s", rows[i].what);
	}
	(void)state;
}

/* A file as a writer makes it, in a folder of its own. */
struct place {
	char dir[64], path[80];
	struct message m;
};

static void
put(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, data, n));
	assert_int_equal(close(fd), 0);
}

static int
make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char all[MESSAGE_HEAD + BODY + sizeof(records)];

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/var/tmp/culver-message-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/m", p->dir);
	p->m = example();
	p->m.body_len = BODY;
	p->m.lines = 3;
	p->m.body_crc = crc_of(body, BODY);
	p->m.envelope_at = MESSAGE_HEAD + BODY;
	p->m.envelope_len = sizeof(records);
	p->m.envelope_crc = crc_of(records, sizeof(records));
	message_write(all, &p->m);
	memcpy(all + MESSAGE_HEAD, body, BODY);
	memcpy(all + MESSAGE_HEAD + BODY, records, sizeof(records));
	put(p->path, all, sizeof(all));
	*state = p;
	return 0;
}

static int
unmake(void **state)
{
	struct place *p = *state;

	(void)unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static void
a_queue_file_opens_and_checks(void **state)
{
	struct place *p = *state;
	struct message m;
	struct stat st;
	int fd = message_open(p->path, getuid(), &m);

	assert_true(fd >= 0);
	same(&m, &p->m);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(m.ino, st.st_ino);
	assert_int_equal(m.links, 1);
	assert_true(message_check_body(fd, &m));
	assert_true(message_check_envelope(fd, &m));
	m.body_crc ^= 1;
	m.envelope_crc ^= 1;
	assert_false(message_check_body(fd, &m));
	assert_int_equal(errno, EPROTO);
	assert_false(message_check_envelope(fd, &m));
	m.envelope_len++;
	errno = 0;
	assert_false(message_check_envelope(fd, &m));
	assert_int_equal(errno, EPROTO);
	assert_int_equal(close(fd), 0);
}

static void
what_is_no_queue_file_does_not_open(void **state)
{
	struct place *p = *state;
	struct message m;
	char other[80];

	assert_int_equal(message_open(p->path, getuid() + 1, &m), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(message_open(p->dir, getuid(), &m), -1);
	assert_int_equal(errno, EPERM);
	snprintf(other, sizeof(other), "%s/l", p->dir);
	assert_int_equal(message_open(other, getuid(), &m), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink(p->path, other), 0);
	assert_int_equal(message_open(other, getuid(), &m), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(message_open(other, getuid(), &m), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(unlink(other), 0);
}

static void
a_cut_file_does_not_open(void **state)
{
	struct place *p = *state;
	static const off_t sizes[] = {0, 1, MESSAGE_HEAD - 1, MESSAGE_HEAD,
	    MESSAGE_HEAD + BODY + sizeof(records) - 1};
	struct message m;

	for (size_t i = COUNT(sizes); i > 0; i--) {
		assert_int_equal(truncate(p->path, sizes[i - 1]), 0);
		assert_int_equal(message_open(p->path, getuid(), &m), -1);
		assert_int_equal(errno, EPROTO);
	}
}

static void
a_message_id_has_a_hash_of_its_own(void **state)
{
	assert_int_equal(
	    message_id_hash(str_of("a")), UINT64_C(0xaf63dc4c8601ec8c));
	assert_int_equal(
	    message_id_hash(str_of("foobar")), UINT64_C(0x85944171f73967e8));
	assert_int_not_equal(message_id_hash(str_of("")), 0);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_head_reads_as_documented),
	    cmocka_unit_test(a_head_comes_back),
	    cmocka_unit_test(times_out_of_bounds_are_brought_in),
	    cmocka_unit_test(damage_at_any_bit_is_refused),
	    cmocka_unit_test(garbage_is_refused),
	    cmocka_unit_test(parts_must_fill_the_file),
	    cmocka_unit_test_setup_teardown(
		a_queue_file_opens_and_checks, make, unmake),
	    cmocka_unit_test_setup_teardown(
		what_is_no_queue_file_does_not_open, make, unmake),
	    cmocka_unit_test_setup_teardown(
		a_cut_file_does_not_open, make, unmake),
	    cmocka_unit_test(a_message_id_has_a_hash_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
