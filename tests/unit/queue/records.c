/* records: qmail-queue's envelope, however it comes in pieces. */
#include "queue/records.h"

#include "lib/fd.h"
#include "wire/queue.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONGEST = 8 };

struct heard {
	char text[256];
	int refuse_from; /* the number of the record that is refused; 0: none */
	int count;
};

static int
hear(void *context, char kind, struct str text)
{
	struct heard *h = context;
	size_t len = strlen(h->text);

	if (++h->count == h->refuse_from)
		return QQ_WRITE;
	snprintf(h->text + len, sizeof(h->text) - len, "%c(%.*s)", kind,
	    (int)text.len, text.data);
	return QQ_OK;
}

/* Read an envelope that is written in two pieces. */
static int
read_cut(const char *data, size_t n, size_t cut, struct heard *h, uint64_t *to)
{
	const struct records_to who = {hear, h, LONGEST};
	int ends[2], code, status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool ok = fd_write_all(ends[1], data, cut);

		(void)sched_yield();
		_exit(ok && fd_write_all(ends[1], data + cut, n - cut) ? 0 : 1);
	}
	fd_close(&ends[1]);
	code = records_read(ends[0], &who, to);
	fd_close(&ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return code;
}

#define E(bytes) bytes, sizeof(bytes) - 1

static const struct {
	const char *envelope;
	size_t len;
	int refuse_from, code;
	const char *heard;
	unsigned recipients;
} rows[] = {
    {E("Fa@b\0Tc\0\0"),           0, QQ_OK,           "F(a@b)T(c)",           1},
    {E("F\0Tc\0Td\0\0Tjunk\0"),   0, QQ_OK,           "F()T(c)T(d)",          2},
    {E("Fa\0\0"),                 0, QQ_OK,           "F(a)",                 0},
    {E("F1234567\0T1234567\0\0"), 0, QQ_OK,           "F(1234567)T(1234567)", 1},
    {E("F12345678\0T1\0\0"),      0, QQ_ADDRESS_LONG, "",                     0},
    {E("Fa\0T12345678\0\0"),      0, QQ_ADDRESS_LONG, "F(a)",                 0},
    {E(""),		       0, QQ_READ,         "",                     0},
    {E("Fa\0Tc\0"),               0, QQ_READ,         "F(a)T(c)",             0},
    {E("Tc\0\0"),                 0, QQ_FORMAT,       "",                     0},
    {E("\0"),		     0, QQ_FORMAT,       "",                     0},
    {E("Fa\0Fb\0\0"),             0, QQ_FORMAT,       "F(a)",                 0},
    {E("Fa\0Tc\0Td\0\0"),         2, QQ_WRITE,        "F(a)",                 0},
};

static void
records_are_the_same_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t cut = 0; cut <= rows[i].len; cut++) {
			struct heard h = {.refuse_from = rows[i].refuse_from};
			uint64_t recipients = 0;
			int code = read_cut(rows[i].envelope, rows[i].len, cut,
			    &h, &recipients);

			if (code != rows[i].code)
				fail_msg("row %zu at %zu: %d", i, cut, code);
			assert_string_equal(h.text, rows[i].heard);
			assert_int_equal(recipients, rows[i].recipients);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_the_same_wherever_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
