/* mailboxes: editing keeps what it does not touch; the tables say the same. */
#include "control/mailboxes.h"
#include "control/complaint.h"
#include "lib/fd.h"
#include "lib/home.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534 };

#define NESTED "the place lies in another mailbox's, or holds another's"

static char home[] = "/tmp/culver-mailboxes.XXXXXX";

/* A private instance: root becomes its owner where it must. */
static int
home_make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(home));
	assert_int_equal(chmod(home, 0755), 0);
	assert_int_equal(setenv("CULVER_HOME", home, 1), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(home, NOBODY, NOBODY), 0);
	home_enter();
	assert_int_equal(mkdir("users", 0755), 0);
	assert_int_equal(mkdir("domains", 0711), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown("users", NOBODY, NOBODY), 0);
		assert_int_equal(chown("domains", NOBODY, NOBODY), 0);
	}
	return 0;
}

static int
home_remove(void **state)
{
	(void)state;
	(void)unlink(USERS_LOCK);
	assert_int_equal(rmdir("users"), 0); /* no temporary file was left */
	assert_int_equal(rmdir("domains"), 0);
	return rmdir(home);
}

static void
put_text(const char *text)
{
	assert_true(fd_replace_file(AT_FDCWD, USERS_TEXT, str_of(text), 0600));
}

static int
users_clean(void **state)
{
	(void)state;
	(void)unlink(USERS_TEXT);
	(void)unlink(USERS_PASSWD);
	(void)unlink(USERS_RCPT);
	(void)unlink(USERS_RCPT_FRONT);
	(void)unlink(USERS_PASSWD_FRONT);
	return 0;
}

static void
check_text(const char *want)
{
	struct buf b = {0};

	assert_true(fd_read_file(AT_FDCWD, USERS_TEXT, &b));
	assert_true(buf_terminate(&b));
	assert_string_equal(b.data, want);
	buf_free(&b);
}

/* What only looks alike is apart, and two may share one Maildir. */
static void
places_side_by_side_are_no_trouble(void **state)
{
	struct mailboxes m;
	struct buf error = {0};

	(void)state;
	put_text("a@x.test::0::\n"
		 "b@x.test::0:::x.test/a/Maildir\n"
		 "c@x.test::0:::x.test/a/M\n"
		 "d@x.test::0:::x.test/a/Mai\n"
		 "e@x.test::0:::x.test/a/M\n"
		 "f@x.test::0:::x.test/a+/M\n"
		 "@x.test::0:::x.test/ab/M\n");
	assert_true(mailboxes_open(&m, true, &error));
	mailboxes_close(&m);
}

static void
without_a_file_there_are_no_mailboxes(void **state)
{
	struct mailboxes m;
	struct buf error = {0};

	(void)state;
	assert_true(mailboxes_open(&m, true, &error));
	assert_int_equal(m.count, 0);
	assert_null(mailboxes_find(&m, str_of("a@x.test")));
	assert_false(mailboxes_stale());
	mailboxes_close(&m);
}

static void
malformed_files_name_their_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
	    {"# c\n\na@x.test:h:0::\nb@x.test:h:k::\n",
             "users/passwd:4: the quota is not a number of bytes, nor like "
		"1000000S,500C"									  },
	    {"a@x.test:h:0::\nb@x.test:h:0::\nA@X.test::0::\n",
             "users/passwd:3: this address was there before"                                             },
	    {"a@x.test::0:::y/one/M\nb@x.test::0:::y/one/M/cur\n",
             "users/passwd:2: " NESTED								   },
	    {"a@x.test::0:::y/one/M/s/t\nb@x.test::0:::y/one/M\n"
	     "c@x.test::0:::y/one/M+\nd@x.test::0:::y/one/M-/s\n", "users/passwd:1: " NESTED},
	    {"a@x.test::0::\nb@x.test::0:::x.test/a/Maildir/new\n",
             "users/passwd:2: " NESTED								   },
	    {"a@x.test::0::\nb@x.test::0:::x.test/a\n",
             "users/passwd:2: " NESTED								   },
	    {"b@x.test::0:::x.test/a%26b\na&b@x.test::0::\n",
             "users/passwd:1: " NESTED								   },
	    {"@a.test::0:@b.test:\n@b.test::0:@c.test:\n",
             "users/passwd:1: the alias of an alias domain"                                              },
	    {"x",							       "users/passwd:1: not of the form "
		  "address:hash:quota:forward:flags"                                    },
	};
	struct buf error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mailboxes m;

		put_text(rows[i].text);
		assert_false(mailboxes_open(&m, false, &error));
		assert_string_equal(complaint_text(&error), rows[i].error);
		mailboxes_close(&m);
	}
	buf_free(&error);
}

static void
an_edit_keeps_all_other_lines(void **state)
{
	static const char before[] = "# ours\n\nb@x.test:hb:1::\n"
				     "# the boss\na@x.test:ha:2:c@y.test:";
	static const struct {
		const char *address;
		bool gone;
		const char *after;
	} rows[] = {
	    {"B@x.test", false,
             "# ours\n\nB@x.test:new:7::nopop3\n"
		"# the boss\na@x.test:ha:2:c@y.test:"                          },
	    {"b@x.test", true,  "# ours\n\n# the boss\na@x.test:ha:2:c@y.test:"},
	    {"a@x.test", false,
             "# ours\n\nb@x.test:hb:1::\n# the boss\n"
		"a@x.test:new:7::nopop3\n"                                     },
	    {"a@x.test", true,  "# ours\n\nb@x.test:hb:1::\n# the boss\n"      },
	    {"c@x.test", false,
             "# ours\n\nb@x.test:hb:1::\n# the boss\n"
		"a@x.test:ha:2:c@y.test:\nc@x.test:new:7::nopop3\n"            },
	};
	static const struct user_record fresh = {
	    .hash = {"new", 3},
              .quota = 7, .flags = USER_NOPOP3
        };
	struct buf error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mailboxes m;

		put_text(before);
		assert_true(mailboxes_open(&m, true, &error));
		assert_true(mailboxes_put(&m, str_of(rows[i].address),
		    rows[i].gone ? NULL : &fresh, &error));
		assert_int_equal(
		    mailboxes_find(&m, str_of(rows[i].address)) == NULL,
		    rows[i].gone);
		check_text(before); /* nothing is written yet */
		assert_true(mailboxes_save(&m, &error));
		mailboxes_close(&m);
		check_text(rows[i].after);
	}
}

static void
a_malformed_edit_changes_nothing(void **state)
{
	static const struct user_record bad = {
	    .hash = {"h:h", 3}
        };
	struct mailboxes m;
	struct buf error = {0};

	(void)state;
	put_text("a@x.test:h:0::\n");
	assert_true(mailboxes_open(&m, true, &error));
	assert_false(mailboxes_put(&m, str_of("b@x.test"), &bad, &error));
	assert_non_null(strstr(complaint_text(&error), "users/passwd:2: "));
	assert_int_equal(m.count, 1);
	assert_non_null(mailboxes_find(&m, str_of("A@X.TEST")));
	buf_free(&error);
	mailboxes_close(&m);
}

static void
save(const char *text)
{
	struct mailboxes m;
	struct buf error = {0};

	put_text(text);
	assert_true(mailboxes_open(&m, true, &error));
	assert_true(mailboxes_save(&m, &error));
	mailboxes_close(&m);
	buf_free(&error);
}

static void
one_table_has_hashes_and_the_other_everything_else(void **state)
{
	struct table *passwd, *rcpt;
	struct user_record r;
	struct stat st;

	(void)state;
	save("Alice@X.test:secret:5:b@y.test:nopop3\nz@x.test::0::\n"
	     "bob@y.test:h:0::disabled\n");
	passwd = table_open(AT_FDCWD, USERS_PASSWD);
	rcpt = table_open(AT_FDCWD, USERS_RCPT);
	assert_non_null(passwd);
	assert_non_null(rcpt);
	assert_int_equal(
	    users_find(rcpt, str_of("alice@x.test"), &r), FOUND_YES);
	assert_int_equal(r.hash.len, 0);
	assert_int_equal(r.quota, 5);
	assert_true(str_equal(r.forward, str_of("b@y.test")));
	assert_int_equal(r.flags, USER_NOPOP3);
	assert_int_equal(
	    users_find(passwd, str_of("alice@x.test"), &r), FOUND_YES);
	assert_true(str_equal(r.hash, str_of("secret")));
	assert_int_equal(r.quota, 0);
	assert_int_equal(r.forward.len, 0);
	assert_int_equal(r.flags, USER_NOPOP3);
	assert_int_equal(users_domain(rcpt, str_of("x.test")), FOUND_YES);
	assert_int_equal(users_domain(rcpt, str_of("y.test")), FOUND_YES);
	assert_int_equal(users_domain(passwd, str_of("x.test")), FOUND_NO);
	table_close(passwd);
	table_close(rcpt);
	assert_int_equal(stat(USERS_PASSWD, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(USERS_RCPT, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(stat(USERS_TEXT, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, home_owner());
}

static bool
count_domain(struct str key, struct str value, void *context)
{
	size_t *n = context;

	*n += key.len > 0 && key.data[0] == '@' && value.len == 0;
	return true;
}

static void
a_domain_is_written_once(void **state)
{
	struct table *rcpt;
	size_t n = 0;

	(void)state;
	save("a@x.test::0::\na@y.test::0::\nb@X.test::0::\nb@y.test::0::\n");
	rcpt = table_open(AT_FDCWD, USERS_RCPT);
	assert_non_null(rcpt);
	assert_true(table_walk(rcpt, count_domain, &n));
	assert_int_equal(n, 2);
	table_close(rcpt);
}

static void
tables_are_made_when_they_are_out_of_date(void **state)
{
	static const struct timespec later[2] = {
	    {4000000000, 0},
            {4000000000, 0}
        };
	struct mailboxes m;
	struct buf error = {0};
	bool made;

	(void)state;
	save("a@x.test::0::\n");
	assert_false(mailboxes_stale());
	assert_true(mailboxes_open(&m, true, &error));
	assert_true(mailboxes_build(&m, false, &made, &error));
	assert_false(made);
	assert_int_equal(unlink(USERS_RCPT), 0);
	assert_true(mailboxes_build(&m, false, &made, &error));
	assert_true(made);
	assert_false(mailboxes_stale());
	assert_int_equal(utimensat(AT_FDCWD, USERS_TEXT, later, 0), 0);
	assert_true(mailboxes_stale());
	mailboxes_close(&m);
}

static void
a_maildir_is_made_once_and_purged_with_its_mail(void **state)
{
	struct str address = str_of("Alice@x.test");
	struct buf error = {0};
	struct stat st;
	bool made;
	const struct user_record who = {.address = address};
	int fd;

	(void)state;
	assert_true(mailbox_make(&who, &made, &error));
	assert_true(made);
	assert_int_equal(stat("domains/x.test/alice/Maildir/new", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, home_owner());
	assert_int_equal(stat("domains/x.test/alice/Maildir/tmp", &st), 0);
	assert_int_equal(stat("domains/x.test/alice/Maildir/cur", &st), 0);
	assert_true(mailbox_make(&who, &made, &error));
	assert_false(made);
	fd = open(
	    "domains/x.test/alice/Maildir/new/1", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(
	    symlink("../../../..", "domains/x.test/alice/Maildir/cur/up"), 0);
	assert_true(mailbox_purge(&who, &error));
	assert_int_equal(stat("domains/x.test/alice", &st), -1);
	assert_int_equal(stat("users", &st), 0);
	assert_true(mailbox_purge(&who, &error)); /* again: nothing to do */
	assert_int_equal(rmdir("domains/x.test"), 0);
}

/* What a writer that was killed has left: hashes, perhaps of mailboxes that are
 * long removed. */
enum { MANY = 20000 };

/* As many as make it worth while, and both tables. */
static void
put_many(void)
{
	struct buf text = {.max = MAILBOXES_FILE}, error = {0};
	struct mailboxes m;
	char line[128];
	bool made;

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(line, sizeof line,
		    "user%d@d%d.test:some-hash-of-usual-length-aaaaaaaa:0::\n",
		    i, i % 10);
		assert_true(buf_append_text(&text, line));
	}
	text.len--; /* an editor may leave the last line without its end */
	assert_true(
	    fd_replace_file(AT_FDCWD, USERS_TEXT, buf_str(&text), 0600));
	assert_true(mailboxes_open(&m, false, &error));
	assert_true(mailboxes_build(&m, true, &made, &error));
	mailboxes_close(&m);
	buf_free(&text);
	buf_free(&error);
}

static void
add_one(const char *address)
{
	const struct user_record r = {
	    .hash = {"h",     1              },
	    .quota = 7,
	    .address = {address, strlen(address)}
        };
	struct buf error = {0};

	assert_true(mailboxes_may_add(r.address));
	assert_true(mailboxes_add(&r, &error));
	assert_false(mailboxes_may_add(r.address));
}

static void
assert_there(const char *name, const char *address, enum found want)
{
	struct user_record r;
	struct table *t;

	assert_true(users_open(name, &t));
	assert_int_equal(users_login(t, str_of(address), &r), want);
	table_close(t);
}

/* It is there for whoever asks then, and when all is made anew. */
static void
one_among_many_is_added_in_front(void **state)
{
	struct user_record r;
	struct table *before, *t;
	struct buf error = {0};
	struct mailboxes m;
	struct stat st;
	bool made;

	(void)state;
	put_many();
	assert_false(mailboxes_may_add(str_of("user7@d7.test")));
	assert_true(users_open(USERS_RCPT, &before));
	add_one("new@d7.test");
	assert_true(table_stale(before, AT_FDCWD, USERS_RCPT));
	table_close(before);
	assert_true(users_open(USERS_RCPT, &before));
	add_one("new@new.test");
	assert_true(table_stale(before, AT_FDCWD, USERS_RCPT));
	table_close(before);
	assert_false(mailboxes_stale());
	assert_true(users_open(USERS_RCPT, &t));
	assert_int_equal(users_domain(t, str_of("new.test")), FOUND_YES);
	assert_int_equal(users_find(t, str_of("new+x@d7.test"), &r), FOUND_YES);
	assert_int_equal(r.quota, 7);
	assert_int_equal(r.hash.len, 0);
	table_close(t);
	assert_there(USERS_PASSWD, "new@d7.test", FOUND_YES);
	assert_there(USERS_PASSWD, "new@new.test", FOUND_YES);
	assert_there(USERS_PASSWD, "user7@d7.test", FOUND_YES);
	assert_int_equal(stat(USERS_PASSWD_FRONT, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(mailboxes_open(&m, false, &error));
	assert_int_equal(m.count, MANY + 2);
	assert_true(mailboxes_build(&m, true, &made, &error));
	mailboxes_close(&m);
	assert_int_equal(stat(USERS_RCPT_FRONT, &st), -1);
	assert_int_equal(stat(USERS_PASSWD_FRONT, &st), -1);
	assert_there(USERS_RCPT, "new@new.test", FOUND_YES);
	assert_there(USERS_PASSWD, "new@d7.test", FOUND_YES);
}

/* Who was killed between a new table and the end of its front has left one. */
static void
a_front_of_another_table_is_nobodys(void **state)
{
	(void)state;
	put_many();
	add_one("gone@d7.test");
	assert_int_equal(rename(USERS_RCPT_FRONT, "users/kept"), 0);
	put_many();
	assert_int_equal(rename("users/kept", USERS_RCPT_FRONT), 0);
	assert_there(USERS_RCPT, "gone@d7.test", FOUND_NO);
	assert_there(USERS_RCPT, "user7@d7.test", FOUND_YES);
	add_one("other@d7.test");
	assert_there(USERS_RCPT, "gone@d7.test", FOUND_NO);
	assert_there(USERS_RCPT, "other@d7.test", FOUND_YES);
}

/* Half a line would keep everybody from being read. */
static void
a_full_disk_leaves_the_text_as_it_was(void **state)
{
	const struct user_record r = {
	    .address = {"new@d7.test", 11}
        };
	struct rlimit before, least;
	struct buf error = {0};
	struct mailboxes m;
	struct stat st, now;

	(void)state;
	put_many();
	assert_int_equal(stat(USERS_TEXT, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	least = before;
	least.rlim_cur = (rlim_t)st.st_size + 5;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &least), 0);
	assert_false(mailboxes_add(&r, &error));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(
	    complaint_text(&error), "users/passwd: File too large");
	assert_int_equal(stat(USERS_TEXT, &now), 0);
	assert_int_equal(now.st_size, st.st_size);
	assert_true(mailboxes_open(&m, false, &error));
	mailboxes_close(&m);
	buf_free(&error);
}

/* What an administrator has edited is not passed over. */
static void
an_edit_since_the_tables_wants_all_anew(void **state)
{
	const struct timespec later[2] = {
	    {.tv_sec = 4000000000}, {.tv_sec = 4000000000}};

	(void)state;
	put_many();
	assert_true(mailboxes_may_add(str_of("new@d7.test")));
	assert_int_equal(utimensat(AT_FDCWD, USERS_TEXT, later, 0), 0);
	assert_false(mailboxes_may_add(str_of("new@d7.test")));
}

static void
leftovers_go_with_the_next_lock(void **state)
{
	static const struct {
		const char *path;
		bool goes;
	} rows[] = {
	    {"users/passwd.tmp.17",     true },
	    {"users/passwd.cdb.tmp.17", true },
	    {"users/rcpt.cdb.tmp.4711", true },
	    {"users/passwd.tmpl",       false},
	    {"users/passwd.old",        false},
	    {"users/passwd.tmp.old",    false},
	    {"users/passwd.tmp.",       false},
	    {"users/assign.tmp.17",     false},
	};
	const size_t count = sizeof rows / sizeof *rows;
	struct mailboxes m;
	struct buf error = {0};

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_true(
		    fd_replace_file(AT_FDCWD, rows[i].path, str_of("x"), 0600));
	assert_true(mailboxes_open(&m, false, &error));
	mailboxes_close(&m);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(access(rows[i].path, F_OK), 0);
	assert_true(mailboxes_open(&m, true, &error));
	mailboxes_close(&m);
	for (size_t i = 0; i < count; i++)
		if (unlink(rows[i].path) != (rows[i].goes ? -1 : 0))
			fail_msg("%s", rows[i].path);
}

static void
a_symbolic_link_is_no_mailbox(void **state)
{
	struct buf error = {0};
	struct stat st;
	bool made;

	(void)state;
	assert_int_equal(symlink("../users", "domains/y.test"), 0);
	assert_false(
	    mailbox_make(&(struct user_record){.address = str_of("a@y.test")},
		&made, &error));
	assert_int_equal(stat("users/a", &st), -1);
	assert_false(mailbox_purge(
	    &(struct user_record){.address = str_of("passwd@y.test")}, &error));
	assert_false(mailbox_make(
	    &(struct user_record){.address = str_of("../a@y.test")}, &made,
	    &error));
	assert_string_equal(
	    complaint_text(&error), "the address: has no place on disk");
	assert_int_equal(unlink("domains/y.test"), 0);
	buf_free(&error);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, users_clean)
	const struct CMUnitTest tests[] = {
	    TEST(places_side_by_side_are_no_trouble),
	    TEST(without_a_file_there_are_no_mailboxes),
	    TEST(malformed_files_name_their_line),
	    TEST(an_edit_keeps_all_other_lines),
	    TEST(a_malformed_edit_changes_nothing),
	    TEST(one_table_has_hashes_and_the_other_everything_else),
	    TEST(a_domain_is_written_once),
	    TEST(tables_are_made_when_they_are_out_of_date),
	    TEST(a_maildir_is_made_once_and_purged_with_its_mail),
	    TEST(one_among_many_is_added_in_front),
	    TEST(a_front_of_another_table_is_nobodys),
	    TEST(a_full_disk_leaves_the_text_as_it_was),
	    TEST(an_edit_since_the_tables_wants_all_anew),
	    TEST(leftovers_go_with_the_next_lock),
	    TEST(a_symbolic_link_is_no_mailbox),
	};

	return cmocka_run_group_tests(tests, home_make, home_remove);
}
