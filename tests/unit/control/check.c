/* check: findings in a folder of control files, one line each. */
#include "control/check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES = 4 };

static void
put(int fd, const char *name, const char *text)
{
	int file = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	assert_int_equal(close(file), 0);
}

/* Appends the finding to a text of many. */
static void
note(void *context, bool error, struct str text)
{
	char *all = context;
	size_t len = strlen(all);

	(void)snprintf(all + len, 512 - len, "%c %.*s\n", error ? 'E' : 'W',
	    (int)text.len, text.data);
}

static const struct row {
	struct {
		const char *name, *text;
	} files[FILES];
	const char *findings;
} rows[] = {
    {{{"me", "m.test\n"}, {"rcpthosts", "a.test\n"}},                           ""},
    {{{"me", "m.test\n"}},
     "W control/rcpthosts: missing; no mail is taken from strangers\n"            },
    {{{"rcpthosts", ""}},
     "E control/me: missing; the server has no name of its own\n"                 },
    {{{"me", "m.test\nx\n"}, {"rcpthosts", "a b\n"}, {"databytes", "1k\n"}},
     "E control/databytes:1: not a number: 1k\n"
	"W control/me:2: only the first line counts\n"
	"E control/rcpthosts:1: blank within the key: a b\n"                      },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {"virtualdomains", "a:b\nA:c\n"}},
     "W control/virtualdomains:1: another line with this key counts\n"            },
    {{{"me", "m.test\n"}, {"rcpthosts", ""},
	 {"tcp.smtp", "1.:deny\n\n1.2:deny\n"}},
     "E control/tcp.smtp:3: not an address: 1.2\n"                                },
    {{{"me", "m.test\n"}, {"rcpthosts", ""},
	 {"tcp.pop3", "1.0-9.:deny\n1.2.:allow\n"}},
     "W control/tcp.pop3:2: another line with this key counts\n"                  },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {"rcpthost", "a\n"}},
     "E control/rcpthost: no control has this name; nothing reads it\n"           },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {"me.cdb", "x"}},
     "E control/me.cdb: no control has this name; nothing reads it\n"             },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {"me~", "x"}},
     "W control/me~: looks like a backup; nothing reads it\n"                     },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {".me.swp", "x"}},
     "W control/.me.swp: looks like a backup; nothing reads it\n"                 },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {"me.tmp.12", "x"}},
     "W control/me.tmp.12: looks like a backup; nothing reads it\n"               },
    {{{"me", "m.test\n"}, {"rcpthosts", ""},
	 {"smtproutes", "a:r\nb:r:99999|joe|secret\n"}},
     "E control/smtproutes:2: not a port: r:99999\n"                              },
    {{{"me", "m.test\n"}, {"rcpthosts", ""}, {"smtproutes", "a:r\nb:r||\n"},
	 {"authsenders", "a@b:r|joe|secret\n"}},
     "W control/authsenders: everybody may read the passwords in it\n"            },
    {{{"me", "m.test\n"}, {"rcpthosts", "a\n"}, {"rcpthosts.cdb", "x"}},
     "E control/rcpthosts.cdb: damaged, or no cdb\n"                              },
};

static void
each_finding_is_said_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[] = "/tmp/culver-check.XXXXXX", all[512] = "";
		struct check k = {note, all, 0, 0};
		int fd;

		assert_non_null(mkdtemp(path));
		fd = open(path, O_RDONLY | O_DIRECTORY);
		assert_true(fd >= 0);
		for (size_t n = 0; n < FILES; n++)
			if (rows[i].files[n].name != NULL)
				put(fd, rows[i].files[n].name,
				    rows[i].files[n].text);
		check_controls(&k, fd);
		assert_string_equal(all, rows[i].findings);
		assert_int_equal(k.errors > 0, strstr(all, "E ") != NULL);
		for (size_t n = 0; n < FILES; n++)
			if (rows[i].files[n].name != NULL)
				(void)unlinkat(fd, rows[i].files[n].name, 0);
		assert_int_equal(close(fd), 0);
		assert_int_equal(rmdir(path), 0);
	}
}

static void
a_text_is_checked_like_its_files(void **state)
{
	char all[512] = "";
	struct check k = {note, all, 0, 0};

	(void)state;
	check_text(&k, str_of("me = m.test\nrcpthosts {\n}\n"));
	assert_string_equal(all, "");
	check_text(&k, str_of("rcpthosts {\n}\n"));
	check_text(&k, str_of("maxrcpt = 99\n"));
	assert_string_equal(all,
	    "E control/me: missing; the server has no name of its own\n"
	    "E control/maxrcpt:1: too small a number: 99\n");
	assert_int_equal(k.errors, 2);
	assert_int_equal(k.warnings, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_finding_is_said_once),
	    cmocka_unit_test(a_text_is_checked_like_its_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
