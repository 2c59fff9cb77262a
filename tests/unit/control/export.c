/* export: mailboxes as Dovecot has them.  culver-user is run. */
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

#include "lib/fd.h"
#include "tests/unit/control/program.h"

static char base[] = "/var/tmp/culver-export.XXXXXX";
static char home[64]; /* below base */
static struct stat owner;

static int
home_make(void **state)
{
	const char *const words[] = {
	    "--private", "--domain", "x.test", "--home", home, NULL};

	(void)state;
	(void)snprintf(base, sizeof base, "/var/tmp/culver-export.XXXXXX");
	assert_non_null(mkdtemp(base));
	assert_int_equal(chmod(base, 0755), 0);
	(void)snprintf(home, sizeof home, "%s/home", base);
	assert_int_equal(program_run("setup", words, NULL), 0);
	assert_int_equal(setenv("CULVER_HOME", home, 1), 0);
	assert_int_equal(stat(home, &owner), 0);
	return 0;
}

static int
home_remove(void **state)
{
	(void)state;
	program_remove_tree(base);
	return 0;
}

static void
write_passwd(const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/users/passwd", home);
	assert_true(fd_replace_file(AT_FDCWD, path, str_of(text), 0600));
	assert_int_equal(chown(path, owner.st_uid, owner.st_gid), 0);
}

enum { WANT = 4096 };

/* A line as it must be, HOME and the account's numbers put in. */
static void
add_line(char want[WANT], const char *name, const char *hash,
    const char *folder, const char *mail, const char *rest)
{
	size_t at = strlen(want);

	(void)snprintf(want + at, WANT - at,
	    "%s:%s:%u:%u::%s/domains/%s::userdb_mail=maildir:%s/domains/%s "
	    "userdb_quota_rule=*:%s\n",
	    name, hash, (unsigned)owner.st_uid, (unsigned)owner.st_gid, home,
	    folder, home, mail, rest);
}

static const struct {
	const char *line; /* of users/passwd */
	const char *name, *hash, *folder, *mail, *rest;
} rows[] = {
    {".f@x.test:h:0:::else/there/M",                              ".f@x.test",    "{CRYPT}h",             "else/there",
     "else/there/M",															    "bytes=0"              },
    {"a@x.test:$6$s$h:0::",				       "a@x.test",     "{SHA512-CRYPT}$6$s$h", "x.test/a",
     "x.test/a/Maildir",															"bytes=0"              },
    {"B@X.test:$2b$05$h:1000S,5C::",                              "b@x.test",     "{BLF-CRYPT}$2b$05$h",
     "x.test/b",													    "x.test/b/Maildir", "bytes=1000:messages=5"},
    {"c@x.test:$y$j9T$h:7:::else/where",                          "c@x.test",     "{CRYPT}$y$j9T$h",
     "x.test/c",													    "else/where",       "bytes=7"              },
    {"d'%@x.test:{PLAIN}p:0::",				   "d\\'%@x.test", "{PLAIN}p",             "x.test/d%27%25",
     "x.test/d%%27%%25/Maildir",														"bytes=0"              },
    {"e@x.test::5C:f@y.test:",				    "e@x.test",     "{CRYPT}*",             "x.test/e",
     "x.test/e/Maildir",															"bytes=0:messages=5"   },
    {"f@x.test:{SCRAM-SHA-256}4096,c2FsdA==,aw==,aw==:0::nopop3", "f@x.test",
     "{SCRAM-SHA-256}4096,c2FsdA==,aw==,aw==",							    "x.test/f",
     "x.test/f/Maildir",															"bytes=0"              },
    {"g@x.test:$1$s$h:0::disabled",                               NULL,           NULL,                   NULL,             NULL,               NULL                   },
    {"@y.test::0:a@x.test:",				      NULL,           NULL,                   NULL,             NULL,               NULL                   },
};

static void
each_mailbox_is_a_line(void **state)
{
	const char *const words[] = {"export", NULL};
	char text[2048] = "", want[WANT] = "", output[PROGRAM_OUTPUT];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%s\n", rows[i].line);
		if (rows[i].name != NULL)
			add_line(want, rows[i].name, rows[i].hash,
			    rows[i].folder, rows[i].mail, rows[i].rest);
	}
	write_passwd(text);
	assert_int_equal(program_run("user", words, output), 0);
	assert_true(strncmp(output, want, strlen(want)) == 0);
	/* Its tables do not have it yet, and it says so. */
	assert_non_null(strstr(output + strlen(want), "users/passwd is newer"));
}

static void
an_alias_domain_is_another_name(void **state)
{
	static const char text[] = "a@x.test:h:0::\nb@x.test:h:0::\n"
				   "@m.test::0:@x.test:\n@n.test::0:@X.test:\n"
				   "b@m.test:own:0::\nz@z.test:h:0::\n";
	const char *const words[] = {"export", "X.test", NULL};
	char want[WANT] = "", output[PROGRAM_OUTPUT];

	(void)state;
	write_passwd(text);
	add_line(want, "a@x.test", "{CRYPT}h", "x.test/a", "x.test/a/Maildir",
	    "bytes=0");
	add_line(want, "a@m.test", "{CRYPT}h", "x.test/a", "x.test/a/Maildir",
	    "bytes=0 user=a@x.test");
	add_line(want, "a@n.test", "{CRYPT}h", "x.test/a", "x.test/a/Maildir",
	    "bytes=0 user=a@x.test");
	add_line(want, "b@x.test", "{CRYPT}h", "x.test/b", "x.test/b/Maildir",
	    "bytes=0");
	/* b@m.test is a mailbox of its own. */
	add_line(want, "b@n.test", "{CRYPT}h", "x.test/b", "x.test/b/Maildir",
	    "bytes=0 user=b@x.test");
	assert_int_equal(program_run("user", words, output), 0);
	assert_memory_equal(output, want, strlen(want));
}

/* Named from where the program was started. */
static void
a_file_keeps_its_owner_and_mode(void **state)
{
	const char *const words[] = {"export", "--output", "list", NULL};
	char folder[128], path[160], output[PROGRAM_OUTPUT];
	struct buf b = {0};
	struct stat st;

	(void)state;
	write_passwd("a@x.test:h:0::\n");
	(void)snprintf(folder, sizeof folder, "%s/alias", home);
	(void)snprintf(path, sizeof path, "%s/list", folder);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(program_run("user", words, output), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(program_run("user", words, output), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(fd_read_file(AT_FDCWD, path, &b) &&
		    str_starts(buf_str(&b), str_of("a@x.test:{CRYPT}h:")));
	buf_free(&b);
	assert_int_equal(chdir("/"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_mailbox_is_a_line),
	    cmocka_unit_test(an_alias_domain_is_another_name),
	    cmocka_unit_test(a_file_keeps_its_owner_and_mode),
	};

	return cmocka_run_group_tests(tests, home_make, home_remove);
}
