/* program: what $QMAILQUEUE is given, and what it answers. */
#include "wire/program.h"

#include "lib/fd.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char folder[] = "/tmp/program-test.XXXXXX";

/* a script, the code that comes out, and the text; NULL: any */
static const struct {
	const char *script;
	int code;
	const char *text;
} rows[] = {
    {"cat >message; cat <&1 >envelope; exit 0",                    0,  "Kok"                                  },
    {"cat >/dev/null; exit 0",				     0,  "Kok"                                  },
    {"cat >/dev/null; exit 11",				    11,
     "Denvelope address too long for qq (#5.1.3)"							     },
    {"cat >/dev/null; exit 31",				    31,
     "Dmail server permanently rejected message (#5.3.0)"                                                     },
    {"cat >/dev/null; exit 40",				    40, "Dqq permanent problem (#5.3.0)"       },
    {"cat >/dev/null; exit 41",				    41, "Zqq temporary problem (#4.3.0)"       },
    {"cat >/dev/null; exit 53",				    53, "Zqq write error or disk full (#4.3.0)"},
    {"cat >/dev/null; echo 'Dno spam here (#5.7.1)' >&4; exit 88", 88,
     "Dno spam here (#5.7.1)"										 },
    {"cat >/dev/null; echo 'Dno spam here (#5.7.1)' >&6; exit 82", 82,
     "Dno spam here (#5.7.1)"										 },
    {"cat >/dev/null; printf 'Zlater' >&6; exit 82",               82, "Zlater"                               },
    {"cat >/dev/null; printf 'Zla\\033\\nter' >&6; exit 82",       82, "Zla??ter"                             },
    {"cat >/dev/null; printf 'Xno' >&6; exit 82",                  82,
     "Zqq temporary problem (#4.3.0)"									 },
    {"cat >/dev/null; printf 'D' >&6; exit 82",                    82,
     "Zqq temporary problem (#4.3.0)"									 },
    {"cat >/dev/null; printf 'Dno' >&6; exit 31",                  31,
     "Dmail server permanently rejected message (#5.3.0)"                                                     },
    {"cat >/dev/null; yes Dno | head -c 200000 >&6; exit 82",      82, NULL                                   },
    {"cat >/dev/null; kill -9 $$",                                 81, "Zqq internal bug (#4.3.0)"            },
    {"cat >/dev/null; kill -11 $$",                                81, "Zqq internal bug (#4.3.0)"            },
};

static void
write_script(const char *text)
{
	FILE *f = fopen("script", "w");

	assert_non_null(f);
	assert_true(fprintf(f, "#!/bin/sh\n%s\n", text) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod("script", 0755), 0);
}

static void
send_one(struct submit_result *r, size_t body)
{
	struct program p;
	static char bytes[4096];

	memset(bytes, 'x', sizeof(bytes));
	assert_true(program_start(&p, "./script"));
	program_body(&p, str_of("Subject: hi\n\n"));
	for (size_t n = 0; n < body; n += sizeof(bytes))
		program_body(&p, (struct str){bytes, sizeof(bytes)});
	program_record(&p, 'F', str_of("a@b"));
	program_record(&p, 'T', str_of("c@d"));
	program_record(&p, 'T', str_of("e@f"));
	program_end(&p, r);
}

static void
rows_are_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct submit_result r;

		write_script(rows[i].script);
		send_one(&r, 0);
		if (r.code != rows[i].code ||
		    (rows[i].text != NULL && strcmp(r.text, rows[i].text) != 0))
			fail_msg("%s: %d %s", rows[i].script, r.code, r.text);
	}
}

static void
it_is_given_message_and_envelope(void **state)
{
	static const char want[] = "Fa@b\0Tc@d\0Te@f\0";
	struct buf got = {0};
	struct submit_result r;

	(void)state;
	write_script("cat >message; cat <&1 >envelope");
	send_one(&r, 0);
	assert_int_equal(r.code, 0);
	assert_true(fd_read_file(AT_FDCWD, "message", &got));
	assert_true(str_equal(buf_str(&got), str_of("Subject: hi\n\n")));
	buf_clear(&got);
	assert_true(fd_read_file(AT_FDCWD, "envelope", &got));
	assert_int_equal(got.len, sizeof(want));
	assert_memory_equal(got.data, want, sizeof(want));
	buf_free(&got);
}

/* As whoever started us may have left it. */
static void
an_ignored_sigchld_hides_no_end(void **state)
{
	struct submit_result r;

	(void)state;
	write_script("cat >/dev/null; cat <&1 >/dev/null; exit 0");
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	send_one(&r, 0);
	assert_int_equal(r.code, QQ_OK);
	write_script("exit 31");
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	send_one(&r, 0);
	assert_int_equal(r.code, QQ_REFUSED);
}

/* A yes to what was never read is none. */
static void
a_yes_without_reading_is_a_failure(void **state)
{
	struct submit_result r;

	(void)state;
	write_script("exec <&-; exit 0");
	send_one(&r, 1 << 20);
	assert_int_equal(r.code, QQ_READ);
	write_script("exit 31");
	send_one(&r, 1 << 20);
	assert_int_equal(r.code, QQ_REFUSED);
}

static void
what_cannot_be_run_is_told(void **state)
{
	struct submit_result r;

	(void)state;
	write_script("exit 0");
	assert_int_equal(chmod("script", 0644), 0);
	send_one(&r, 0);
	assert_int_equal(r.code, QQ_EXEC);
}

static void
an_abandoned_envelope_ends_early(void **state)
{
	struct program p;
	struct buf got = {0};

	(void)state;
	write_script("cat >message; cat <&1 >envelope");
	assert_true(program_start(&p, "./script"));
	program_body(&p, str_of("x"));
	program_abandon(&p);
	assert_true(fd_read_file(AT_FDCWD, "envelope", &got));
	assert_int_equal(got.len, 0);
	buf_free(&got);
}

static int
enter(void **state)
{
	(void)state;
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_non_null(mkdtemp(folder));
	return chdir(folder);
}

static int
leave(void **state)
{
	(void)state;
	(void)unlink("script");
	(void)unlink("message");
	(void)unlink("envelope");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_as_the_table_says),
	    cmocka_unit_test(it_is_given_message_and_envelope),
	    cmocka_unit_test(an_ignored_sigchld_hides_no_end),
	    cmocka_unit_test(a_yes_without_reading_is_a_failure),
	    cmocka_unit_test(what_cannot_be_run_is_told),
	    cmocka_unit_test(an_abandoned_envelope_ends_early),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
