/* domain: what culver-domain says, refuses and leaves on disk.  It is run. */
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

static char base[] = "/var/tmp/culver-domain.XXXXXX";
static char home[64]; /* below base */

static int
home_make(void **state)
{
	const char *const words[] = {"--private", "--domain", "x.test",
	    "--home", home, "--user", "ann:secret", NULL};

	(void)state;
	(void)snprintf(base, sizeof base, "/var/tmp/culver-domain.XXXXXX");
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

enum { WORDS = 6 };

struct row {
	const char *words[WORDS];
	int code;
	const char *said; /* part of what is printed */
};

static void
check_all(const struct row *rows, size_t count)
{
	char output[PROGRAM_OUTPUT];

	for (size_t i = 0; i < count; i++) {
		const char *const *w = rows[i].words;
		int code = program_run("domain", w, output);

		if (code != rows[i].code ||
		    strstr(output, rows[i].said) == NULL)
			fail_msg("%s %s: %d, %s", w[0],
			    w[1] == NULL ? "" : w[1], code, output);
	}
}

static void
assert_text(const char *path, const char *want)
{
	char whole[128];
	struct buf b = {0};

	(void)snprintf(whole, sizeof whole, "%s/%s", home, path);
	assert_true(fd_read_file(AT_FDCWD, whole, &b) && buf_terminate(&b));
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void
the_life_of_a_domain(void **state)
{
	static const struct row rows[] = {
	    {{"add", "New.test", "-n"},                         0,
             "would change control/rcpthosts: added new.test"                                                 },
	    {{"del", "new.test"},                               100, "there is no domain new.test"            },
	    {{"add", "New.test"},                               0,   "control/rcpthosts: added new.test"      },
	    {{"add", "new.test"},                               0,   "nothing to do"                          },
	    {{"add", "new.test", "--local"},                    100, "mailboxes of its own"                   },
	    {{"add", "new.test", "--catch-all", "ann@x.test"},  0,
             "users/passwd: changed"									  },
	    {{"add", "other.test", "--alias-of", "new.test"},   0,
             "users/passwd: added other.test"								 },
	    {{"add", "third.test", "--alias-of", "other.test"}, 100,
             "alias of an alias domain"								       },
	    {{"add", "third.test", "--alias-of", "none.test"},  100,
             "no mailboxes of none.test"								      },
	    {{"add", "x.test", "--alias-of", "new.test"},       100,
             "mailboxes of its own"									   },
	    {{"add", "loc.test", "--local"},                    0,
             "control/locals: added loc.test"								 },
	    {{"add", "loc.test"},                               100, "is in control/locals"                   },
	    {{"add", "vd.test", "--user", "joe"},               0,
             "control/virtualdomains: added vd.test"							  },
	    {{"add", "rel.test", "--relay"},                    0,
             "control/rcpthosts: added rel.test"							      },
	    {{"list"},					  0,
             "new.test                         mailboxes  yes               "
		"0  ann@x.test"									       },
	    {{"list", "--json"},                                0,
             "{\"domain\": \"other.test\", \"kind\": \"alias\", "
		"\"accepted\": true, \"mailboxes\": 0, \"detail\": "
		"\"new.test\"}"									       },
	    {{"list", "--json"},                                0,
             "\"kind\": \"user\", \"accepted\": true, \"mailboxes\": 0, "
		"\"detail\": \"joe\""									 },
	    {{"list", "--json"},                                0,
             "{\"domain\": \"rel.test\", \"kind\": \"relay\""                                                 },
	    {{"del", "x.test"},				 100, "mailboxes of x.test are left: 1"        },
	    {{"del", "new.test"},                               100, "an alias domain means it"               },
	    {{"del", "other.test"},                             0,   "users/passwd: removed other.test"       },
	    {{"del", "new.test"},                               0,   "control/rcpthosts: removed new.test"    },
	    {{"del", "loc.test"},                               0,   "control/locals: removed loc.test"       },
	    {{"del", "vd.test"},                                0,   "control/virtualdomains: removed vd.test"},
	    {{"del", "rel.test", "-n"},                         0,   "would change control/rcpthosts"         },
	    {{"del", "rel.test"},                               0,   "control/rcpthosts: removed rel.test"    },
	    {{"add", "n.test", "--user", ""},                   100, "not the name of a user"                 },
	    {{"add", "n.test", "--user", "a b"},                100, "not the name of a user"                 },
	    {{"add", "n.test", "--user", "joe\nx.test:root"},   100,
             "not the name of a user"									 },
	    {{"add", "a..b"},				   100, "not a domain"                           },
	    {{"add", "a.test", "--local", "--relay"},           100, "of one kind"                            },
	    {{"add"},					   100, "which domain"                           },
	};

	(void)state;
	check_all(rows, sizeof rows / sizeof *rows);
	assert_text("control/rcpthosts", "x.test\nmail.x.test\n");
	assert_text("control/locals", "mail.x.test\n");
	assert_text("control/virtualdomains", "");
}

/* A file that is not there says that me is local. */
static void
the_first_of_locals_keeps_me(void **state)
{
	static const struct row rows[] = {
	    {{"add", "loc.test", "--local"}, 0, "control/locals: added"},
	};
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/control/locals", home);
	assert_int_equal(unlink(path), 0);
	check_all(rows, 1);
	assert_text("control/locals", "mail.x.test\nloc.test\n");
}

/* What rules is made anew; comments and other lines stay. */
static void
a_table_follows_its_text(void **state)
{
	static const char *const build[] = {"build", "rcpthosts", NULL};
	static const char *const stale[] = {"check", NULL};
	static const struct row rows[] = {
	    {{"add", "more.test"}, 0, "control/rcpthosts: added"           },
	    {{"del", "OLD.test"},  0, "control/rcpthosts: removed old.test"},
	};
	char path[128], output[PROGRAM_OUTPUT];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/control/rcpthosts", home);
	assert_true(fd_replace_file(AT_FDCWD, path,
	    str_of("# ours\nx.test\nmail.x.test\nOld.test \n\n.sub.test"),
	    0644));
	assert_int_equal(program_run("control", build, output), 0);
	check_all(rows, 2);
	assert_text("control/rcpthosts",
	    "# ours\nx.test\nmail.x.test\n\n.sub.test\nmore.test\n");
	assert_int_equal(program_run("control", stale, output), 0);
	assert_non_null(strstr(output, "0 errors, 0 warnings"));
}

/* To make it of what is added would forget all that it holds. */
static void
a_table_without_its_text_is_left_alone(void **state)
{
	static const struct row rows[] = {
	    {{"add", "new.test"},  100,
             "control/rcpthosts.cdb is there without its text"},
	    {{"del", "more.test"}, 100,
             "control/rcpthosts.cdb is there without its text"},
	    {{"add", "more.test"}, 0,   "nothing to do"       },
	};
	char text[128], table[128];
	struct stat before, after;

	(void)state;
	(void)snprintf(text, sizeof text, "%s/control/rcpthosts", home);
	(void)snprintf(table, sizeof table, "%s/control/rcpthosts.cdb", home);
	assert_int_equal(unlink(text), 0);
	assert_int_equal(stat(table, &before), 0);
	check_all(rows, 3);
	assert_int_equal(stat(table, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(access(text, F_OK), -1);
}

static void
write_text(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/control/%s", home, name);
	assert_true(fd_replace_file(AT_FDCWD, path, str_of(text), 0644));
}

static void
the_value_counts_not_the_key_alone(void **state)
{
	static const struct row rows[] = {
	    {{"add", "v.test", "--user", "joe"},             0,   "virtualdomains: added"                 },
	    {{"add", "V.test", "--user", "joe"},             0,   "nothing to do"                         },
	    {{"add", "v.test", "--user", "ann"},             100,
             "virtualdomains already, as another's"						       },
	    {{"del", "v.test"},                              0,   "control/virtualdomains: removed v.test"},
	    {{"add", "c.test", "--catch-all", "ann@x.test"}, 0,
             "users/passwd: added"									},
	    {{"add", "c.test", "--catch-all", "ann@x.test"}, 0,
             "nothing to do"									      },
	    {{"add", "c.test"},                              0,   "nothing to do"                         },
	    {{"add", "c.test", "--catch-all", "bob@x.test"}, 0,
             "users/passwd: changed"								      },
	    {{"list", "--json"},                             0,   "\"detail\": \"bob@x.test\""            },
	    {{"add", "c.test", "--catch-all", ""},           0,   "users/passwd: changed"                 },
	    {{"list", "--json"},                             0,   "\"mailboxes\": 0, \"detail\": \"\""    },
	    {{"add", "a.test", "--alias-of", "c.test"},      0,   "passwd: added"                         },
	    {{"add", "a.test", "--alias-of", "c.test"},      0,   "nothing to do"                         },
	    {{"add", "a.test"},                              100, "is an alias domain already"            },
	    {{"add", "a.test", "--alias-of", "x.test"},      0,   "passwd: changed"                       },
	    {{"del", "a.test"},                              0,   "removed a.test"                        },
	    {{"del", "c.test"},                              0,   "removed c.test"                        },
	};

	(void)state;
	check_all(rows, sizeof rows / sizeof *rows);
}

/* Every mail below .up.test is joe's, and of all else ann's. */
static void
a_domain_above_does_not_take_its_mail(void **state)
{
	static const struct row rows[] = {
	    {{"add", "sub.up.test"},                  0, "virtualdomains: added sub.up.test"},
	    {{"add", "sub.up.test"},                  0, "nothing to do"                    },
	    {{"add", "rel.example", "--relay"},       0,
             "virtualdomains: added rel.example"                                            },
	    {{"add", "here.up.test", "--local"},      0, "locals: added"                    },
	    {{"add", "his.up.test", "--user", "ann"}, 0,
             "virtualdomains: added his.up.test"                                            },
	    {{"del", "sub.up.test"},                  0,
             "note: control/rcpthosts has .up.test, so mail for it is "
		"still"								     },
	    {{"del", "rel.example"},                  0,
             "virtualdomains has :, so its mail is ann's now"                               },
	    {{"del", "here.up.test"},                 0, "locals: removed"                  },
	    {{"del", "his.up.test"},                  0,
             "virtualdomains has .up.test, so its mail is joe's now"                        },
	};
	static const char virtuals[] = "# the host's\n.up.test:joe\n:ann\n";

	(void)state;
	write_text("virtualdomains", virtuals);
	write_text("rcpthosts", "x.test\n.up.test\n");
	check_all(rows, 1);
	assert_text("control/virtualdomains",
	    "# the host's\n.up.test:joe\n:ann\nsub.up.test:\n");
	check_all(rows + 1, sizeof rows / sizeof *rows - 1);
	assert_text("control/virtualdomains", virtuals);
	write_text("virtualdomains", "");
	write_text("rcpthosts", "x.test\nmail.x.test\n");
}

static void
one_of_a_million_leaves_morercpthosts(void **state)
{
	static const char *const build[] = {"build", "morercpthosts", NULL};
	static const struct row rows[] = {
	    {{"add", "m.test"},  0,   "users/passwd: added"                  },
	    {{"add", "m.test"},  0,   "nothing to do"                        },
	    {{"del", "M.test"},  0,   "control/morercpthosts: removed m.test"},
	    {{"del", "m.test"},  100, "there is no domain"                   },
	    {{"list", "--json"}, 0,   "\"domain\": \"n.test\""               },
	};

	(void)state;
	write_text("morercpthosts", "m.test\nn.test\n");
	assert_int_equal(program_run("control", build, NULL), 0);
	check_all(rows, 2);
	assert_text("control/rcpthosts", "x.test\nmail.x.test\n");
	check_all(rows + 2, 3);
	assert_text("control/morercpthosts", "n.test\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_life_of_a_domain),
	    cmocka_unit_test(the_first_of_locals_keeps_me),
	    cmocka_unit_test(the_value_counts_not_the_key_alone),
	    cmocka_unit_test(a_domain_above_does_not_take_its_mail),
	    cmocka_unit_test(one_of_a_million_leaves_morercpthosts),
	    cmocka_unit_test(a_table_follows_its_text),
	    cmocka_unit_test(a_table_without_its_text_is_left_alone),
	};

	return cmocka_run_group_tests(tests, home_make, home_remove);
}
