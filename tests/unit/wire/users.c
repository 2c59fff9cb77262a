/* users: lines of users/passwd, records of its tables, places of mailboxes. */
#include "wire/users.h"
#include "lib/address.h"
#include "lib/fd.h"

#include <errno.h>
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

static void
good_lines_come_back_as_they_were(void **state)
{
	static const struct {
		const char *line, *address, *hash;
		uint64_t quota, messages;
		const char *forward;
		unsigned flags;
		const char *place;
	} rows[] = {
	    {"a@b.test:$y$x:0::",				       "a@b.test",        "$y$x", 0,          0,   "",                  0,                       ""            },
	    {"A.B+c@x.b.test::18446744073709551615:c@d.test,e@f.test:",
             "A.B+c@x.b.test",							     "",     UINT64_MAX, 0,   "c@d.test,e@f.test", 0,
             ""																				 },
	    {"a@b.test:h:1::disabled",                                  "a@b.test",        "h",    1,          0,   "",                  USER_DISABLED,
             ""																				 },
	    {"a@b.test:h:1::disabled,nopop3,nosmtp",                    "a@b.test",        "h",    1,          0,   "",
             USER_DISABLED | USER_NOPOP3 | USER_NOSMTP,													   ""            },
	    {"\xc3\xa4@b.test:h:1::",                                   "\xc3\xa4@b.test", "h",    1,          0,   "",                  0,                       ""            },
	    {"a@b.test:{SCRAM-SHA-256}4096,c2,U0s=,UzU=:0::",           "a@b.test",
             "{SCRAM-SHA-256}4096,c2,U0s=,UzU=",                                                   0,          0,   "",                  0,                       ""            },
	    {"a@b.test:h:1000000S,500C::",                              "a@b.test",        "h",    1000000,    500, "",                  0,
             ""																				 },
	    {"a@b.test:h:500C::",				       "a@b.test",        "h",    0,          500, "",                  0,                       ""            },
	    {"a@b.test:h:0:c@d.test:keep,noplus:x.test/a%b/M",          "a@b.test",        "h",
             0,												0,   "c@d.test",          USER_KEEP | USER_NOPLUS, "x.test/a%b/M"},
	    {"@b.test::0::",					    "@b.test",         "",     0,          0,   "",                  0,                       ""            },
	    {"@b.test::0:@c.test:",				     "@b.test",         "",     0,          0,   "@c.test",           0,                       ""            },
	    {"@b.test::0:c@d.test:keep:b.test/rest",                    "@b.test",         "",     0,          0,
             "c@d.test",														 USER_KEEP,               "b.test/rest" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str address, line = str_of(rows[i].line);
		struct user_record r;
		const char *what;
		struct buf b = {0};

		assert_true(users_parse(line, &address, &r, &what));
		assert_null(what);
		assert_true(str_equal(address, str_of(rows[i].address)));
		assert_true(str_equal(r.hash, str_of(rows[i].hash)));
		assert_int_equal(r.quota, rows[i].quota);
		assert_int_equal(r.messages, rows[i].messages);
		assert_true(str_equal(r.place, str_of(rows[i].place)));
		assert_true(str_equal(r.forward, str_of(rows[i].forward)));
		assert_int_equal(r.flags, rows[i].flags);
		assert_true(users_format(&b, address, &r));
		assert_int_equal(b.len, line.len + 1);
		assert_memory_equal(b.data, line.data, line.len);
		buf_free(&b);
	}
}

static const struct {
	const char *line, *what;
} malformed[] = {
    {"a@b.test",			  "not of the form"},
    {"a@b.test:h:0:",                     "not of the form"},
    {"a@b.test:h:0",		      "not of the form"},
    {":h:0::",			    "not the address"},
    {"a:h:0::",			   "not the address"},
    {"@b..test::0::",                     "not the address"},
    {"a@:h:0::",			  "not the address"},
    {"a@b..test:h:0::",                   "not the address"},
    {"a b@b.test:h:0::",                  "not the address"},
    {"a,c@b.test:h:0::",                  "not the address"},
    {"a\x01@b.test:h:0::",                "not the address"},
    {"a@b.test:h h:0::",                  "hash"           },
    {"a@b.test:h:::",                     "quota"          },
    {"a@b.test:h:10k::",                  "quota"          },
    {"a@b.test:h:-1::",                   "quota"          },
    {"a@b.test:h: 1::",                   "quota"          },
    {"a@b.test:h:18446744073709551616::", "quota"          },
    {"a@b.test:h:0:c:",                   "forward"        },
    {"a@b.test:h:0:c@d.test,:",           "forward"        },
    {"a@b.test:h:0:,c@d.test:",           "forward"        },
    {"a@b.test:h:0:c@d.test e@f.test:",   "forward"        },
    {"a@b.test:h:0::off",                 "flag"           },
    {"a@b.test:h:0::disabled,",           "flag"           },
    {"a@b.test:h:0::DISABLED",            "flag"           },
    {"a@b.test:h:0::disabled,:",          "flag"           },
    {"a@b.test:h:0:::x",                  "place"          },
    {"a@b.test:h:0:::/x/y",               "place"          },
    {"a@b.test:h:0:::x/../y",             "place"          },
    {"a@b.test:h:0:::../y/z",             "place"          },
    {"a@b.test:h:0:::x/.y",               "place"          },
    {"a@b.test:h:0:::x//y",               "place"          },
    {"a@b.test:h:0:::x/y/",               "place"          },
    {"a@b.test:h:0:::x/y:",               "place"          },
    {"a@b.test:h:0:::x/y z",              "place"          },
    {"a@b.test:h:5S,5S::",                "quota"          },
    {"a@b.test:h:5S,::",                  "quota"          },
    {"a@b.test:h:,5S::",                  "quota"          },
    {"a@b.test:h:5,5C::",                 "quota"          },
    {"a@b.test:h:S::",                    "quota"          },
    {"a@b.test:h:5s::",                   "quota"          },
    {"a@b.test:h:0:@c.test:",             "only a domain"  },
    {"@b.test:h:0:a@c.test:",             "password"       },
    {"@b.test::1:a@c.test:",              "quota"          },
    {"@b.test::5C:a@c.test:",             "quota"          },
    {"@b.test::0:a@c.test:disabled",      "flag"           },
    {"@b.test::0:a@c.test:keep",          "place"          },
    {"@b.test::0:@c.test::x/y",           "alias domain"   },
    {"@b.test::0:@c.test,@d.test:",       "forward"        },
    {"@b.test::0:@c..test:",              "forward"        },
};

static void
malformed_lines_say_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
		struct str address;
		struct user_record r;
		const char *what;

		if (users_parse(str_of(malformed[i].line), &address, &r, &what))
			fail_msg("accepted: %s", malformed[i].line);
		if (strstr(what, malformed[i].what) == NULL)
			fail_msg("%s: %s", malformed[i].line, what);
	}
}

static void
a_local_part_has_its_longest(void **state)
{
	char line[ADDRESS_LOCAL_MAX + 32];
	struct str address;
	struct user_record r;
	const char *what;

	(void)state;
	(void)snprintf(
	    line, sizeof line, "%0*d@b.test::0::", (int)ADDRESS_LOCAL_MAX, 0);
	assert_true(users_parse(str_of(line), &address, &r, &what));
	(void)snprintf(line, sizeof line,
	    "%0*d@b.test::0::", (int)ADDRESS_LOCAL_MAX + 1, 0);
	assert_false(users_parse(str_of(line), &address, &r, &what));
}

static void
places_are_apart_and_stay_below_domains(void **state)
{
	static const struct {
		const char *address, *place;
		int error;
	} rows[] = {
	    {"Alice@Example.ORG",  "domains/example.org/alice/Maildir",         0     },
	    {"a+b=c_d-e.f@x.test", "domains/x.test/a+b=c_d-e.f/Maildir",        0     },
	    {"a%b@x.test",         "domains/x.test/a%25b/Maildir",              0     },
	    {"a%25b@x.test",       "domains/x.test/a%2525b/Maildir",            0     },
	    {"a b@x.test",         "domains/x.test/a%20b/Maildir",              0     },
	    {"a@c@x.test",         "domains/x.test/a%40c/Maildir",              0     },
	    {"\xc3\xa4@x.test",    "domains/x.test/%c3%a4/Maildir",             0     },
	    {"|id;$(x)@x.test",    "domains/x.test/%7cid%3b%24%28x%29/Maildir", 0     },
	    {"../../etc@x.test",   NULL,					EINVAL},
	    {".a@x.test",          NULL,					EINVAL},
	    {"a/b@x.test",         NULL,					EINVAL},
	    {"a@../x",             NULL,					EINVAL},
	    {"a@.x.test",          NULL,					EINVAL},
	    {"a@x/y",              NULL,					EINVAL},
	    {"@x.test",            NULL,					EINVAL},
	    {"a@",                 NULL,					EINVAL},
	    {"a",		  NULL,					EINVAL},
	    {"",		   NULL,					EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[USERS_PATH_SIZE];
		bool ok;

		errno = 0;
		ok = users_maildir(str_of(rows[i].address), out);
		if (ok != (rows[i].place != NULL))
			fail_msg("%s: %d", rows[i].address, ok);
		if (ok)
			assert_string_equal(out, rows[i].place);
		else
			assert_int_equal(errno, rows[i].error);
	}
}

static void
a_nul_never_shortens_a_place(void **state)
{
	char out[USERS_PATH_SIZE];

	(void)state;
	assert_false(users_maildir((struct str){"a\0b@x.test", 10}, out));
	assert_int_equal(errno, EINVAL);
}

static void
a_part_fills_a_file_name_and_no_more(void **state)
{
	char address[600], out[USERS_PATH_SIZE];
	struct str s = {address, 255 + 1 + 255};

	(void)state;
	(void)memset(address, 'a', sizeof address);
	address[255] = '@';
	assert_true(users_maildir(s, out));
	assert_int_equal(strlen(out), 8 + 255 + 1 + 255 + 8);
	address[256] = '!'; /* three bytes where it was one */
	assert_false(users_maildir(s, out));
	assert_int_equal(errno, ENAMETOOLONG);
}

/* A table of key, record pairs, open; the file is gone again. */
static struct table *
table_of(const char *const *pairs)
{
	char path[] = "/tmp/culver-users.XXXXXX";
	struct table_maker *m;
	struct table *t;
	int fd;

	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	m = table_make(fd, "t.cdb", 0600);
	assert_non_null(m);
	for (; *pairs != NULL; pairs += 2)
		assert_true(table_add(m, str_of(pairs[0]), str_of(pairs[1])));
	assert_true(table_commit(m));
	t = table_open(fd, "t.cdb");
	assert_non_null(t);
	assert_int_equal(unlinkat(fd, "t.cdb", 0), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(rmdir(path), 0);
	return t;
}

static void
mailboxes_and_domains_are_found_in_any_case(void **state)
{
	static const char *const pairs[] = {"alice@x.test",
	    ":7:b@y.test:nopop3", "@x.test", "", "bad@x.test",
	    ":seven::", NULL};
	static const struct {
		const char *address;
		enum found want;
	} rows[] = {
	    {"alice@x.test", FOUND_YES  },
	    {"ALICE@X.Test", FOUND_YES  },
	    {"alice@y.test", FOUND_NO   },
	    {"alice",        FOUND_NO   },
	    {"@x.test",      FOUND_NO   },
	    {"",             FOUND_NO   },
	    {"bad@x.test",   FOUND_ERROR},
	};
	struct table *t = table_of(pairs);
	struct user_record r;
	char longest[2000];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(
		    users_find(t, str_of(rows[i].address), &r), rows[i].want);
	assert_int_equal(users_find(t, str_of("alice@x.test"), &r), FOUND_YES);
	assert_int_equal(r.hash.len, 0);
	assert_int_equal(r.quota, 7);
	assert_true(str_equal(r.forward, str_of("b@y.test")));
	assert_int_equal(r.flags, USER_NOPOP3);
	assert_int_equal(users_domain(t, str_of("X.TEST")), FOUND_YES);
	assert_int_equal(users_domain(t, str_of("y.test")), FOUND_NO);
	assert_int_equal(users_domain(t, str_of("")), FOUND_NO);
	(void)memset(longest, 'a', sizeof longest);
	assert_int_equal(
	    users_find(t, (struct str){longest, sizeof longest}, &r), FOUND_NO);
	table_close(t);
	assert_int_equal(users_find(NULL, str_of("a@x.test"), &r), FOUND_NO);
	assert_int_equal(users_domain(NULL, str_of("x.test")), FOUND_NO);
}

static void
one_name_of_each(const struct table *t)
{
	static const struct {
		const char *said, *name;
		enum found found;
	} rows[] = {
	    {"ALICE@Alias.test",  "alice@x.test",     FOUND_YES},
	    {"alice@x.test",      "alice@x.test",     FOUND_YES},
	    {"own@alias.test",    "own@alias.test",   FOUND_YES},
	    {"zoe@alias.test",    "zoe@x.test",       FOUND_NO },
	    {"zoe@x.test",        "zoe@x.test",       FOUND_NO },
	    {"alice@second.test", "alice@alias.test", FOUND_NO },
	    {"zoe@un.test",       "zoe@un.test",      FOUND_NO },
	    {"zoe",               "zoe",              FOUND_NO },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};

		assert_int_equal(users_login_name(t, str_of(rows[i].said), &b),
		    rows[i].found);
		assert_true(str_equal(buf_str(&b), str_of(rows[i].name)));
		b.max = b.len;
		assert_int_equal(
		    users_login_name(t, str_of(rows[i].said), &b), FOUND_ERROR);
		buf_free(&b);
	}
}

static const struct {
	const char *address, *whose; /* NULL: nobody's */
	const char *login;
} found_rows[] = {
    {"Alice@X.test",       "alice@x.test",    "alice@x.test"   },
    {"alice+a+b@x.test",   "alice@x.test",    NULL             },
    {"a+b@x.test",         "a+b@x.test",      "a+b@x.test"     },
    {"bob@x.test",         "bob@x.test",      "bob@x.test"     },
    {"bob+x@x.test",       "@x.test",         NULL             },
    {"+alice@x.test",      "@x.test",         NULL             },
    {"zoe@x.test",         "@x.test",         NULL             },
    {"ALICE@Alias.test",   "alice@x.test",    "alice@x.test"   },
    {"alice+c@alias.test", "alice@x.test",    NULL             },
    {"own@alias.test",     "own@alias.test",  "own@alias.test" },
    {"own@x.test",         "@x.test",         NULL             },
    {"zoe@alias.test",     "@x.test",         NULL             },
    {"alice@second.test",  NULL,              NULL             },
    {"carol@bare.test",    "carol@bare.test", "carol@bare.test"},
    {"zoe@bare.test",      NULL,              NULL             },
    {"zoe@empty.test",     NULL,              NULL             },
    {"carol@of-bare.test", "carol@bare.test", "carol@bare.test"},
    {"zoe@of-bare.test",   NULL,              NULL             },
    {"zoe@kept.test",      "@kept.test",      NULL             },
    {"zoe@lost.test",      NULL,              NULL             },
    {"@x.test",            NULL,              NULL             },
    {"x.test",             NULL,              NULL             },
    {"alice@",             NULL,              NULL             },
    {"alice@un.test",      NULL,              NULL             },
};

/* Each address is whose it is by the first rule that fits. */
static void
addresses_are_found_in_their_order(void **state)
{
	static const char *const pairs[] = {"@x.test",
	    ":0:all@y.test:", "alice@x.test", ":0::", "bob@x.test",
	    ":0::noplus", "a+b@x.test", ":0::", "@alias.test",
	    ":0:@x.test:", "own@alias.test", ":0::", "@second.test",
	    ":0:@alias.test:", "@bare.test", "", "@empty.test",
	    ":0::", "carol@bare.test", ":0::", "@of-bare.test",
	    ":0:@bare.test:", "@kept.test", ":0::keep:kept.test/rest",
	    "@lost.test", ":0:@nowhere.test:", NULL};
	struct table *t = table_of(pairs);

	(void)state;
	for (size_t i = 0; i < sizeof found_rows / sizeof *found_rows; i++) {
		struct user_record r;
		struct str address = str_of(found_rows[i].address);
		enum found f = users_find(t, address, &r);

		if (f != (found_rows[i].whose == NULL ? FOUND_NO : FOUND_YES) ||
		    (f == FOUND_YES &&
			!str_equal(r.address, str_of(found_rows[i].whose))))
			fail_msg("%s: %d", found_rows[i].address, (int)f);
		f = users_login(t, address, &r);
		if (f != (found_rows[i].login == NULL ? FOUND_NO : FOUND_YES) ||
		    (f == FOUND_YES &&
			!str_equal(r.address, str_of(found_rows[i].login))))
			fail_msg("login %s: %d", found_rows[i].address, (int)f);
	}
	one_name_of_each(t);
	assert_int_equal(users_domain(t, str_of("alias.test")), FOUND_YES);
	assert_int_equal(users_domain(t, str_of("empty.test")), FOUND_YES);
	assert_int_equal(users_domain(t, str_of("nowhere.test")), FOUND_NO);
	table_close(t);
}

static void
a_place_of_ones_own_is_below_domains(void **state)
{
	static const struct {
		const char *address, *place, *path;
	} rows[] = {
	    {"a@x.test", "",            "domains/x.test/a/Maildir"},
	    {"a@x.test", "y/b/Maildir", "domains/y/b/Maildir"     },
	    {"@x.test",  "x.test/rest", "domains/x.test/rest"     },
	    {"@x.test",  "",            NULL                      },
	    {"a@x.test", "../etc",      NULL                      },
	    {"a@x.test", "/etc/x",      NULL                      },
	    {"a@x.test", "x/..",        NULL                      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct user_record r = {
		    .address = str_of(rows[i].address),
		    .place = str_of(rows[i].place)};
		char out[USERS_PATH_SIZE];

		errno = 0;
		if (users_place(&r, out) != (rows[i].path != NULL))
			fail_msg("%s %s", rows[i].address, rows[i].place);
		if (rows[i].path != NULL)
			assert_string_equal(out, rows[i].path);
		else
			assert_int_equal(errno, EINVAL);
	}
}

/* Whatever is there, a table that could tell is never taken for none. */
static void
only_without_mailboxes_is_there_no_table(void **state)
{
	static const struct {
		const char *text, *table; /* NULL: no such file */
		bool opens;
		int error;
	} rows[] = {
	    {NULL,              NULL,     true,  0     },
	    {"a@x.test::0::\n", NULL,     false, ENOENT},
	    {"",                NULL,     false, ENOENT},
	    {NULL,              "no cdb", false, EPROTO},
	    {"a@x.test::0::\n", "no cdb", false, EPROTO},
	};
	char folder[] = "/tmp/usersXXXXXX", before[4096];

	(void)state;
	assert_non_null(getcwd(before, sizeof before));
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("users", 0700), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct table *t;

		if (rows[i].text != NULL)
			assert_true(fd_replace_file(
			    AT_FDCWD, USERS_TEXT, str_of(rows[i].text), 0600));
		if (rows[i].table != NULL)
			assert_true(fd_replace_file(
			    AT_FDCWD, USERS_RCPT, str_of(rows[i].table), 0644));
		errno = 0;
		assert_int_equal(users_open(USERS_RCPT, &t), rows[i].opens);
		assert_null(t);
		if (!rows[i].opens)
			assert_int_equal(errno, rows[i].error);
		(void)unlink(USERS_TEXT);
		(void)unlink(USERS_RCPT);
	}
	assert_int_equal(rmdir("users"), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
put_table(const char *const *pairs)
{
	struct table_maker *m = table_make(AT_FDCWD, USERS_RCPT, 0600);

	assert_non_null(m);
	for (; *pairs != NULL; pairs += 2)
		assert_true(table_add(m, str_of(pairs[0]), str_of(pairs[1])));
	assert_true(table_commit(m));
}

/* Only a mailbox that takes mail is believed for a moment without a look. */
static void
lately_nobody_is_refused_by_an_old_table(void **state)
{
	static const char *const none[] = {"@x.test", "", NULL};
	static const char *const off[] = {"a@x.test", ":0::disabled", NULL};
	static const char *const on[] = {"a@x.test", ":0::", NULL};
	char folder[] = "/tmp/usersXXXXXX", before[4096];
	const struct str a = str_of("a@x.test");
	struct users u = {0};
	struct user_record r;

	(void)state;
	assert_non_null(getcwd(before, sizeof before));
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("users", 0700), 0);
	assert_int_equal(users_lately(&u, a, &r), FOUND_NO);
	put_table(none);
	assert_int_equal(users_lately(&u, a, &r), FOUND_NO);
	assert_int_equal(users_domain(u.table, str_of("x.test")), FOUND_YES);
	put_table(off);
	assert_int_equal(users_lately(&u, a, &r), FOUND_YES);
	assert_int_equal(r.flags, USER_DISABLED);
	put_table(on);
	assert_int_equal(users_lately(&u, a, &r), FOUND_YES);
	assert_int_equal(r.flags, 0);
	put_table(none);
	assert_int_equal(users_lately(&u, a, &r), FOUND_YES);
	u.looked -= USERS_LATELY;
	assert_int_equal(users_lately(&u, a, &r), FOUND_NO);
	put_table(on);
	assert_int_equal(users_lately(&u, a, &r), FOUND_YES);
	/* What cannot be known stays so until it can. */
	assert_int_equal(unlink(USERS_RCPT), 0);
	assert_int_equal(mkdir(USERS_RCPT, 0700), 0);
	u.looked -= USERS_LATELY;
	assert_int_equal(users_lately(&u, a, &r), FOUND_ERROR);
	assert_int_equal(users_lately(&u, a, &r), FOUND_ERROR);
	assert_int_equal(rmdir(USERS_RCPT), 0);
	table_close(u.table);
	assert_int_equal(rmdir("users"), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_lines_come_back_as_they_were),
	    cmocka_unit_test(malformed_lines_say_what_is_wrong),
	    cmocka_unit_test(a_local_part_has_its_longest),
	    cmocka_unit_test(places_are_apart_and_stay_below_domains),
	    cmocka_unit_test(a_nul_never_shortens_a_place),
	    cmocka_unit_test(a_part_fills_a_file_name_and_no_more),
	    cmocka_unit_test(mailboxes_and_domains_are_found_in_any_case),
	    cmocka_unit_test(addresses_are_found_in_their_order),
	    cmocka_unit_test(a_place_of_ones_own_is_below_domains),
	    cmocka_unit_test(only_without_mailboxes_is_there_no_table),
	    cmocka_unit_test(lately_nobody_is_refused_by_an_old_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
