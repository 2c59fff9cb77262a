/* crlf: what a program is given, and how its end is told. */
#include "queue/crlf.h"

#include "lib/fd.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { FAILED = 99 };

/* Run it in a child with these descriptors; its code, FAILED for -1. */
static int
run(int in, int out, const char *path, const char *option, const char *text)
{
	char *argv[] = {strdup("x"), NULL, NULL, NULL};
	int status, code;
	pid_t pid;

	if (option != NULL) {
		argv[1] = strdup(option);
		argv[2] = strdup(text);
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		/* Whoever starts us may have left it so. */
		(void)signal(SIGCHLD, SIG_IGN);
		if (dup2(in, 0) != 0 || dup2(out, 1) != 1)
			_exit(1);
		code = crlf_run(path, argv);
		_exit(code < 0 ? FAILED : code);
	}
	for (int i = 0; i < 3; i++)
		free(argv[i]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
temporary(void)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fd = dup(fileno(f));
	assert_int_equal(fclose(f), 0);
	return fd;
}

static void
each_line_gets_its_cr(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"",              ""               },
	    {"a\n",           "a\r\n"          },
	    {"a\r\n",         "a\r\n"          },
	    {"\n\n\r\n",      "\r\n\r\n\r\n"   },
	    {"a\rb\n",        "a\rb\r\n"       },
	    {"a\r\r\n",       "a\r\r\n"        },
	    {"no end",        "no end"         },
	    {"a\nb\r\nc\n",   "a\r\nb\r\nc\r\n"},
	    {"a\r\nb\nc\r\n", "a\r\nb\nc\r\n"  },
	    {"\r\n\n.\n",     "\r\n\n.\n"      },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int in = temporary(), out = temporary();
		struct buf got = {0};

		assert_true(fd_write_all(in, rows[i].in, strlen(rows[i].in)));
		assert_int_equal(lseek(in, 0, SEEK_SET), 0);
		assert_int_equal(run(in, out, "/bin/cat", NULL, NULL), 0);
		assert_int_equal(lseek(out, 0, SEEK_SET), 0);
		assert_true(fd_slurp(out, &got));
		if (!str_equal(buf_str(&got), str_of(rows[i].out)))
			fail_msg("row %zu: %.*s", i, (int)got.len, got.data);
		buf_free(&got);
		fd_close(&in);
		fd_close(&out);
	}
}

/* CR LF and LF lie across the ends of reads. */
static void
reads_make_no_difference(void **state)
{
	enum { LINES = 20000 };
	struct buf in_text = {0}, want = {0}, got = {0};
	int in = temporary(), out = temporary();

	(void)state;
	for (int i = 0; i < LINES; i++) {
		assert_true(buf_append_text(
		    &in_text, i % 3 == 1 ? "xyz\r\n" : "xyz\n"));
		assert_true(buf_append_text(&want, "xyz\r\n"));
	}
	assert_true(fd_write_all(in, in_text.data, in_text.len));
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	assert_int_equal(run(in, out, "/bin/cat", NULL, NULL), 0);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	assert_true(fd_slurp(out, &got));
	assert_true(str_equal(buf_str(&got), buf_str(&want)));
	buf_free(&in_text);
	buf_free(&want);
	buf_free(&got);
	fd_close(&in);
	fd_close(&out);
}

/* Its input stays open all the time: its end is what ends it. */
static void
its_end_is_ours(void **state)
{
	int ends[2], out = temporary();

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(run(ends[0], out, "/bin/sh", "-c", "exit 0"), 0);
	assert_int_equal(run(ends[0], out, "/bin/sh", "-c", "exit 7"), 7);
	assert_int_equal(
	    run(ends[0], out, "/bin/sh", "-c", "kill -9 $$"), FAILED);
	assert_int_equal(run(ends[0], out, "/nowhere", NULL, NULL), FAILED);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	fd_close(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_line_gets_its_cr),
	    cmocka_unit_test(reads_make_no_difference),
	    cmocka_unit_test(its_end_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
