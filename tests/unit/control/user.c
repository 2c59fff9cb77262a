/* user: what culver-user says, refuses and leaves on disk.  It is run. */
#include <errno.h>
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

#include "tests/unit/control/program.h"

static char base[] = "/var/tmp/culver-user.XXXXXX";
static char home[64]; /* below base */

static int
home_make(void **state)
{
	const char *const words[] = {"--private", "--domain", "x.test",
	    "--home", home, "--user", "ann:secret", NULL};

	(void)state;
	(void)snprintf(base, sizeof base, "/var/tmp/culver-user.XXXXXX");
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

enum { WORDS = 8 };

struct row {
	const char *words[WORDS];
	int code;
	const char *said; /* part of what is printed */
};

static void
check(const struct row *row)
{
	char output[PROGRAM_OUTPUT];
	int code = program_run("user", row->words, output);

	if (code != row->code || strstr(output, row->said) == NULL)
		fail_msg("%s %s: %d, %s", row->words[0],
		    row->words[1] == NULL ? "" : row->words[1], code, output);
}

static bool
there(const char *path)
{
	char whole[PATH_MAX];

	(void)snprintf(whole, sizeof whole, "%s/%s", home, path);
	return access(whole, F_OK) == 0;
}

static void
the_life_of_a_mailbox(void **state)
{
	static const struct row rows[] = {
	    {{"add", "Bob@X.test", "--random", "--quota", "2M"},        0,
             "added bob@x.test\n"									    },
	    {{"list"},						  0,
             "bob@x.test"
		"                               2M        - yes"                                             },
	    {{"add", "bob@x.test", "--random"},                         100, "already"                       },
	    {{"passwd", "BOB@x.test", "--random"},                      0,   "changed the password"          },
	    {{"quota", "bob@x.test", "3k"},                             0,   "changed bob@x.test"            },
	    {{"set", "bob@x.test", "--flags", "nopop3"},                0,   "changed"                       },
	    {{"set", "bob@x.test", "--forward", "ann@x.test"},          0,   "changed"                       },
	    {{"list", "x.test", "--json"},                              0,
             "{\"address\": \"bob@x.test\", \"quota\": 3072, \"messages\": "
		"0, "
		"\"forward\": \"ann@x.test\", \"flags\": \"nopop3\", "
		"\"place\": \"\", "
		"\"password\": true}"									},
	    {{"set", "bob@x.test", "--quota", "1M,500C"},               0,   "changed"                       },
	    {{"list", "x.test", "--json"},                              0,
             "\"quota\": 1048576, \"messages\": 500,"							},
	    {{"set", "bob@x.test", "--flags", "keep,noplus"},           0,   "changed"                       },
	    {{"set", "bob@x.test", "--place", "y.test/own/M"},          0,   "changed"                       },
	    {{"list", "x.test", "--json"},                              0,   "\"place\": \"y.test/own/M\""   },
	    {{"quota", "bob@x.test"},                                   0,
             "bob@x.test: 0 of 1048576 bytes (0%); 0 of 500 messages "
		"(0%)\n"										     },
	    {{"quota", "bob@x.test", "--recount", "--json"},            0,
             "{\"address\": \"bob@x.test\", \"bytes\": 0, "
		"\"bytes_limit\": 1048576, \"messages\": 0, "
		"\"messages_limit\": 500, \"percent\": 0}"                                                   },
	    {{"quota", "none@x.test"},                                  100, "there is no mailbox"           },
	    {{"set", "bob@x.test", "--place", "../y/M"},                100,
             "the place is no path below domains"							    },
	    {{"set", "bob@x.test", "--place", "x.test/ann/B"},          0,   "changed"                       },
	    {{"del", "ann@x.test", "--purge"},                          100,
             "another mailbox has the same place"							    },
	    {{"set", "bob@x.test", "--place", "", "--flags", "nopop3"}, 0,
             "changed"										       },
	    {{"passwd", "bob@x.test", "--no-password"},                 0,   "nobody can log in"             },
	    {{"list", "--json"},					0,   "\"password\": false"           },
	    {{"del", "bob@x.test"},				     0,   "kept its mail in "             },
	    {{"del", "bob@x.test"},				     100, "there is no mailbox bob@x.test"},
	    {{"passwd", "bob@x.test", "--random"},                      100, "no mailbox"                    },
	    {{"add", "bob@x.test", "--random"},                         0,   "keeps its mail"                },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i]);
	assert_true(there("domains/x.test/bob/Maildir/new"));
	check(&(struct row){
	    {"del", "bob@x.test", "--purge"},
            0, "removed"
        });
	assert_false(there("domains/x.test/bob"));
	assert_true(there("domains/x.test/ann/Maildir/new"));
}

static void
what_is_wrong_is_refused_and_makes_nothing(void **state)
{
	static const struct row rows[] = {
	    {{NULL},						   100, "--help"               },
	    {{"frob"},						 100, "no command frob"      },
	    {{"add"},						  100, "which address"        },
	    {{"add", "a@x.test", "b@x.test"},                          100, "one argument too many"},
	    {{"add", "postmaster", "--random"},                        100, "not an address"       },
	    {{"add", "a b@x.test", "--random"},                        100, "not an address"       },
	    {{"add", "a@[192.0.2.1]", "--random"},                     100, "wants a domain"       },
	    {{"add", "\".a\"@x.test", "--random"},                     100, "no mailbox can"       },
	    {{"add", "a/b@x.test", "--random"},                        100, "no mailbox can"       },
	    {{"add", "\"a b\"@x.test", "--random"},                    100, "not the address"      },
	    {{"add", "new@x.test", "--password", ""},                  100, "empty"                },
	    {{"add", "new@x.test", "--hash", "a:b"},                   100, "not a number"         },
	    {{"add", "new@x.test", "--random", "--no-password"},       100,
             "one password"									},
	    {{"add", "new@x.test", "--random", "--method", "des"},     100,
             "no method is called des"							     },
	    {{"add", "new@x.test", "--random", "--quota", "1X"},       100,
             "not a size"									  },
	    {{"add", "new@x.test", "--random", "--quota",
		 "99999999999999999999"},
             100,							   "not a size"           },
	    {{"add", "new@x.test", "--random", "--flags", "off"},      100,
             "no such flag"									},
	    {{"add", "new@x.test", "--random", "--forward", "nobody"}, 100,
             "forward"									     },
	    {{"set", "ann@x.test"},				    100, "set what"             },
	    {{"list", "--frob"},				       100, "no option --frob"     },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i]);
	assert_false(there("domains/x.test/new"));
}

static void
what_else_a_domain_wants_is_said(void **state)
{
	(void)state;
	check(&(struct row){
	    {"add", "a@y.test", "--random"},
            0,
	    "next: culver domain add y.test"
        });
	check(&(struct row){
	    {"add", "a@mail.x.test", "--random"},
            0,
	    "take mail.x.test out of "
        });
}

static void
several_at_once_lose_nothing(void **state)
{
	enum { COUNT = 8 };
	char output[PROGRAM_OUTPUT], address[32];
	const char *const list[] = {"list", NULL};
	pid_t pids[COUNT];
	int null = open("/dev/null", O_WRONLY);

	(void)state;
	assert_true(null >= 0);
	for (int i = 0; i < COUNT; i++) {
		const char *const words[] = {
		    "add", address, "--no-password", NULL};

		(void)snprintf(address, sizeof address, "u%d@x.test", i);
		pids[i] = program_start("user", words, null);
	}
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(program_end(pids[i]), 0);
	assert_int_equal(close(null), 0);
	assert_int_equal(program_run("user", list, output), 0);
	for (int i = 0; i < COUNT; i++) {
		(void)snprintf(address, sizeof address, "u%d@x.test", i);
		assert_non_null(strstr(output, address));
	}
}

static void
a_malformed_table_is_left_as_it_is(void **state)
{
	char path[PATH_MAX];
	FILE *file;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/users/passwd", home);
	file = fopen(path, "a");
	assert_non_null(file);
	assert_true(fputs("rubbish\n", file) != EOF);
	assert_int_equal(fclose(file), 0);
	check(&(struct row){
	    {"add", "b@x.test", "--random"},
            111,
	    "users/passwd:2: not of the form"
        });
	assert_false(there("domains/x.test/b"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, home_make, home_remove)
	const struct CMUnitTest tests[] = {
	    TEST(the_life_of_a_mailbox),
	    TEST(what_is_wrong_is_refused_and_makes_nothing),
	    TEST(what_else_a_domain_wants_is_said),
	    TEST(several_at_once_lose_nothing),
	    TEST(a_malformed_table_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
