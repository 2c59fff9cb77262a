/* import: what culver-user import takes of other servers' tables. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cdb.h"
#include "lib/fd.h"
#include "tests/unit/control/program.h"

static char base[] = "/var/tmp/culver-import.XXXXXX";
static char home[64], file[64]; /* below base */

static int
home_make(void **state)
{
	const char *const words[] = {"--private", "--domain", "x.test",
	    "--home", home, "--user", "ann:secret", NULL};

	(void)state;
	(void)snprintf(base, sizeof base, "/var/tmp/culver-import.XXXXXX");
	assert_non_null(mkdtemp(base));
	assert_int_equal(chmod(base, 0755), 0);
	(void)snprintf(home, sizeof home, "%s/home", base);
	assert_int_equal(program_run("setup", words, NULL), 0);
	assert_int_equal(setenv("CULVER_HOME", home, 1), 0);
	return 0;
}

static int
home_remove(void **state)
{
	(void)state;
	program_remove_tree(base);
	return 0;
}

/* Each line of the three formats, and what is said of it. */
static const struct {
	const char *format, *line, *said;
} rows[] = {
    {"vpasswd", "a:$1$a$b:1:0:A:/v/x.test/a:1000S,5C:clear",                   "took a@x.test\n"               },
    {"vpasswd", "a@y.test:$1$a$b:1:0:A:/v/x.test/a:NOQUOTA",                   "took a@y.test\n"               },
    {"vpasswd", "b:h:1:2066:B:/v/0/x.test/b:NOQUOTA",
     "took b@x.test; bounced mail"									     },
    {"vpasswd", "c:h:1:0:C:/home/c:NOQUOTA",
     "took c@x.test; its old mail stays in /home/c\n"							  },
    {"vpasswd", "c:h:1:0:C:/v/../etc:NOQUOTA",                                 "refused: the place is no path" },
    {"vpasswd", "c:h:1:x:C:/v/c:NOQUOTA",                                      "refused: the fourth part"      },
    {"vpasswd", "c:h:1:0:C:/v/c:1G",					   "refused: the quota"            },
    {"vpasswd", "c:h:1:0",						     "refused: fewer parts"          },
    {"vpasswd", ":h:1:0:C:/v/c:NOQUOTA",                                       "refused: there is no name"     },
    {"vpasswd", "ann:h:1:0:A:/v/x.test/ann:",                                  "refused: there is such"        },
    {"vpasswd", "../c:h:1:0:C::",					      "refused: no mailbox can have"  },
    {"dovecot",
     "d@x.test:{SHA512-CRYPT}$6$a$b:1:1::/v/x.test/d::"
	"userdb_quota_rule=*:storage=1M:messages=7",			   "took d@x.test\n"               },
    {"dovecot",
     "e@x.test:{scram-sha-256}4096,YQ==,Yg==,Yw==",                            "took e@x.test\n"               },
    {"dovecot", "f@x.test:{PLAIN}pass::::::userdb_mail=maildir:/v/x.test/g/M",
     "took f@x.test\n"											 },
    {"dovecot", "g@x.test:{SSHA}abc::::::",                                    "refused: the password's scheme"},
    {"dovecot", "g@x.test:{CRYPT}a::::::allow_nets=10.0.0.0/8",
     "refused: nopassword, nologin or allow_nets"							      },
    {"dovecot", "g@x.test:{CRYPT}a::::::quota_rule=Trash:storage=1M",
     "refused: the quota"										      },
    {"dovecot", "g@x.test:{CRYPT}a::::::quota_rule=*::storage=1M",
     "refused: the quota"										      },
    {"dovecot", "n@x.test:{CRYPT}a::::::user=ann@x.test",
     "refused: another name of a mailbox"								      },
    {"dovecot",
     "o\\'x@x.test:{CRYPT}a::::::userdb_mail=maildir:/v/x.test/o%%27x/"
	"Maildir",							     "took o'x@x.test\n"             },
    {"dovecot", "g@x.test:{CRYPT}a::::::tag=1",                                "without its tag\n"             },
    {"csv",     "address,password,quota,note\nh@x.test,\"a,\"\"b\",5C,what",
     "took h@x.test\n"											 },
    {"csv",     "address,quota\ni@x.test",                                     "refused: fewer fields"         },
    {"csv",     "address\ni@x.test,5",					 "refused: more fields"          },
    {"csv",     "address,flags\n\"i@x.test,",                                  "refused: a quote"              },
    {"csv",     "address,flags\ni@x.test,root",                                "refused: unknown flag"         },
    {"csv",     "address\ni",						  "took i@x.test\n"               },
    {"csv",     "shoe\ni",						     "unknown: shoe"                 },
};

static void
each_line_is_taken_or_refused_with_a_reason(void **state)
{
	(void)state;
	(void)snprintf(file, sizeof file, "%s/file", base);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const words[] = {"import", file, "--format",
		    rows[i].format, "--domain", "x.test", "--strip", "/v/",
		    "-n", NULL};
		bool taken = strncmp(rows[i].said, "took", 4) == 0 ||
			     strncmp(rows[i].said, "with", 4) == 0;
		char output[PROGRAM_OUTPUT];
		int code;

		assert_true(fd_replace_file(
		    AT_FDCWD, file, str_of(rows[i].line), 0644));
		code = program_run("user", words, output);
		if (code != (taken ? 0 : 100) ||
		    strstr(output, rows[i].said) == NULL)
			fail_msg("%s: %d, %s", rows[i].line, code, output);
	}
}

static void
check_list(const char *part)
{
	const char *const words[] = {"list", "--json", NULL};
	char output[PROGRAM_OUTPUT];

	assert_int_equal(program_run("user", words, output), 0);
	if (strstr(output, part) == NULL)
		fail_msg("no %s: %s", part, output);
}

static void
what_is_taken_is_there_with_its_maildir(void **state)
{
	static const char text[] = "B:h:1:2:B:/v/0/x.test/b:1000S,5C\n"
				   "bad\n"
				   "b:h:1:0:B:/v/x.test/b:\n";
	const char *const words[] = {"import", file, "--format", "vpasswd",
	    "--domain", "x.test", "--strip", "/v", NULL};
	char output[PROGRAM_OUTPUT], path[128];
	struct stat st;

	(void)state;
	assert_true(fd_replace_file(AT_FDCWD, file, str_of(text), 0644));
	assert_int_equal(program_run("user", words, output), 100);
	assert_non_null(strstr(output, "file:1: took b@x.test\n"));
	assert_non_null(strstr(output, "file:2: refused"));
	assert_non_null(strstr(output, "file:3: refused: this address was"));
	assert_non_null(strstr(output, "took 1, refused 2"));
	check_list("{\"address\": \"b@x.test\", \"quota\": 1000, "
		   "\"messages\": 5, \"forward\": \"\", \"flags\": \"nopop3\", "
		   "\"place\": \"0/x.test/b/Maildir\", \"password\": true}");
	(void)snprintf(
	    path, sizeof path, "%s/domains/0/x.test/b/Maildir/new", home);
	assert_int_equal(stat(path, &st), 0);
}

/* vpopmail's own table has the lines, cut behind their names. */
static void
a_vpasswd_cdb_is_read(void **state)
{
	static char cdb[] = "vpasswd.cdb";
	char path[96], output[PROGRAM_OUTPUT];
	const char *const words[] = {
	    "import", path, "--domain", "x.test", NULL};
	int fd = open(base, O_RDONLY | O_DIRECTORY);
	struct table_maker *m = table_make(fd, cdb, 0644);

	(void)state;
	assert_non_null(m);
	assert_true(
	    table_add(m, str_of("cd"), str_of("h:1:0:C:/v/x.test/cd:NOQUOTA")));
	assert_true(table_commit(m));
	assert_int_equal(close(fd), 0);
	(void)snprintf(path, sizeof path, "%s/%s", base, cdb);
	assert_int_equal(program_run("user", words, output), 0);
	assert_non_null(strstr(output, "took cd@x.test; its old mail stays"));
}

/* Lines that nobody meant well. */
static void
hostile_lines_are_refused_and_the_others_taken(void **state)
{
	static const char text[] =
	    "@x.test:h:1:0::/v/all:\n"           /* a catch-all */
	    "*@x.test,y:h:1:0::/v/all:\n"        /* two addresses */
	    "h1:a b:1:0::/v/x.test/h1:\n"        /* a blank in the hash */
	    "h2:h\x01:1:0::/v/x.test/h2:\n"      /* a control byte */
	    "h3:h:1:4294967296::/v/x.test/h3:\n" /* past 32 bits */
	    "h4:h:1:0::/v/x.test/h4:18446744073709551616S\n"
	    "h5:h:1:0::/v/../../etc/cron.d:\n"
	    "h6:h:1:0::/v/x.test/.h6:\n"
	    "h7/../ann:h:1:0::/v/x.test/h7:\n"
	    ".h8:h:1:0::/v/x.test/h8:\n"
	    "h9@x..test:h:1:0::/v/x.test/h9:\n"
	    "::::::\n"
	    "::::::::::::::::::::::::::::::::::::\n"
	    "\r\n"
	    "good:h:1:0::/v/x.test/good:NOQUOTA\r\n";
	const char *const words[] = {"import", file, "--format", "vpasswd",
	    "--domain", "x.test", "--strip", "/v", NULL};
	char output[PROGRAM_OUTPUT];

	(void)state;
	assert_true(fd_replace_file(AT_FDCWD, file, str_of(text), 0644));
	assert_int_equal(program_run("user", words, output), 100);
	assert_non_null(strstr(output, "file:15: took good@x.test\n"));
	if (strstr(output, "took 1, refused 13") == NULL)
		fail_msg("%s", output);
}

/* A line without an end, and one that no table holds. */
static void
a_line_of_any_length_is_refused(void **state)
{
	enum { LONG = 1 << 20 };
	const char *const words[] = {"import", file, "--format", "csv", NULL};
	static const char head[] = "address,hash\nlong@x.test,";
	char output[PROGRAM_OUTPUT];
	struct buf b = {.max = (size_t)2 * LONG};

	(void)state;
	assert_true(buf_append_text(&b, head));
	for (size_t i = 0; i < LONG; i++)
		assert_true(buf_append_byte(&b, 'x'));
	assert_true(fd_replace_file(AT_FDCWD, file, buf_str(&b), 0644));
	buf_free(&b);
	assert_int_equal(program_run("user", words, output), 100);
	assert_non_null(
	    strstr(output, "file:2: refused: the line is too long"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_line_is_taken_or_refused_with_a_reason),
	    cmocka_unit_test(what_is_taken_is_there_with_its_maildir),
	    cmocka_unit_test(a_vpasswd_cdb_is_read),
	    cmocka_unit_test(hostile_lines_are_refused_and_the_others_taken),
	    cmocka_unit_test(a_line_of_any_length_is_refused),
	};

	return cmocka_run_group_tests(tests, home_make, home_remove);
}
