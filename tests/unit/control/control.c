/* control: what a program is told of a folder of control files. */
#include "control/control.h"
#include "control/nexthop.h"
#include "lib/clock.h"
#include "lib/num.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
	char path[40];
	int fd;
	struct controls *c;
	time_t clock; /* each file written is a second younger than the last */
};

static int
folder_open(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	assert_non_null(f);
	(void)snprintf(f->path, sizeof f->path, "/tmp/culver-control.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
	assert_true(f->fd >= 0);
	f->c = control_new(f->fd, CONTROL_TOOLS);
	assert_non_null(f->c);
	f->clock = 1000000;
	*state = f;
	return 0;
}

static int
folder_close(void **state)
{
	struct folder *f = *state;

	for (enum control_id i = 0; i < CONTROL_COUNT; i++) {
		char table[64];

		(void)snprintf(
		    table, sizeof table, "%s.cdb", control_row(i)->name);
		(void)unlinkat(f->fd, control_row(i)->name, 0);
		(void)unlinkat(f->fd, table, 0);
	}
	control_free(f->c);
	assert_int_equal(close(f->fd), 0);
	assert_int_equal(rmdir(f->path), 0); /* no temporary file was left */
	free(f);
	return 0;
}

static void
touch(struct folder *f, const char *name)
{
	struct timespec times[2] = {
	    {f->clock, 0},
            {f->clock, 0}
        };

	f->clock++;
	assert_int_equal(utimensat(f->fd, name, times, 0), 0);
}

static void
put(struct folder *f, const char *name, const char *text)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	touch(f, name);
}

static void
build(struct folder *f, enum control_id id, bool force, bool want)
{
	struct buf error = {0};
	char table[64];
	bool made;

	assert_true(control_build(f->fd, id, force, &made, &error));
	assert_int_equal(made, want);
	if (made) {
		(void)snprintf(
		    table, sizeof table, "%s.cdb", control_row(id)->name);
		touch(f, table);
	}
	buf_free(&error);
}

static void
check_line(const struct folder *f, enum control_id id, const char *want)
{
	assert_true(str_equal(control_line(f->c, id), str_of(want)));
}

static void
the_table_is_sound(void **state)
{
	(void)state;
	for (enum control_id i = 0; i < CONTROL_COUNT; i++) {
		const struct control_row *r = control_row(i);
		bool number = r->kind == KIND_NUMBER;
		uint64_t n;

		if (i > 0)
			assert_true(
			    strcmp(control_row(i - 1)->name, r->name) < 0);
		assert_true(strlen(r->name) < 40);
		assert_true(number || (r->least == 0 && r->most == 0));
		if (number) {
			assert_true(
			    num_parse(str_of(r->preset), UINT64_MAX, &n));
			assert_true(n >= r->least && n <= r->most);
		}
	}
}

/* A program reads them when it asks for them, a tool with all others. */
static void
a_late_row_is_read_when_it_is_asked_for(void **state)
{
	struct folder *f = *state;
	struct controls *smtpd = control_new(f->fd, CONTROL_SMTPD);
	bool late = false;

	assert_non_null(smtpd);
	put(f, "hideclientip", "many\n");
	put(f, "badmailto-out", "@a.example\n");
	assert_true(control_refresh(smtpd));
	assert_false(control_present(smtpd, C_badmailto_out));
	assert_true(control_refresh_row(smtpd, C_badmailto_out));
	assert_int_equal(
	    control_find(smtpd, C_badmailto_out, str_of("@A.example"), NULL),
	    FOUND_YES);
	assert_false(control_refresh_row(smtpd, C_hideclientip));
	assert_false(control_refresh(f->c));
	assert_true(str_starts(
	    str_of(control_error(f->c)), str_of("control/hideclientip:1: ")));
	for (enum control_id i = 0; i < CONTROL_COUNT; i++)
		late = late || (control_row(i)->readers & CONTROL_LATE) != 0;
	assert_true(late);
	control_free(smtpd);
}

/* By file and by row: what another row says changes nothing. */
static void
a_version_is_of_what_was_read(void **state)
{
	struct folder *f = *state;
	uint64_t before, other;

	assert_true(control_refresh(f->c));
	before = control_version(f->c, C_me);
	other = control_version(f->c, C_bouncehost);
	assert_true(control_refresh(f->c));
	assert_true(control_version(f->c, C_me) == before);
	put(f, "me", "a.example\n");
	assert_true(control_refresh(f->c));
	assert_true(control_version(f->c, C_me) > before);
	assert_true(control_version(f->c, C_bouncehost) == other);
}

static void
without_files_the_defaults_hold(void **state)
{
	const struct folder *f = *state;

	assert_true(control_refresh(f->c));
	check_line(f, C_me, "");
	check_line(f, C_bouncefrom, "MAILER-DAEMON");
	check_line(f, C_bouncehost, "");
	assert_int_equal(control_number(f->c, C_databytes), 0);
	assert_int_equal(control_number(f->c, C_queuelifetime), 604800);
	assert_false(control_present(f->c, C_rcpthosts));
	assert_int_equal(
	    control_find_domain(f->c, C_rcpthosts, str_of("example.org"), NULL),
	    FOUND_NO);
	assert_null(control_notice(f->c));
}

static void
me_stands_in_for_what_is_missing(void **state)
{
	struct folder *f = *state;

	put(f, "me", "Mail.Example.org\n");
	assert_true(control_refresh(f->c));
	check_line(f, C_smtpgreeting, "Mail.Example.org");
	assert_int_equal(
	    control_find(f->c, C_locals, str_of("mail.example.ORG"), NULL),
	    FOUND_YES);
	assert_int_equal(
	    control_find(f->c, C_locals, str_of("example.org"), NULL),
	    FOUND_NO);
	put(f, "locals", "# none\n");
	put(f, "smtpgreeting", "other.test ready\n");
	assert_true(control_refresh(f->c));
	check_line(f, C_smtpgreeting, "other.test ready");
	assert_int_equal(
	    control_find(f->c, C_locals, str_of("mail.example.org"), NULL),
	    FOUND_NO);
}

static void
a_change_is_seen_at_the_next_refresh(void **state)
{
	struct folder *f = *state;

	put(f, "databytes", "10\n");
	assert_true(control_refresh(f->c));
	put(f, "databytes", "20\n");
	assert_int_equal(control_number(f->c, C_databytes), 10);
	assert_true(control_refresh(f->c));
	assert_int_equal(control_number(f->c, C_databytes), 20);
	assert_int_equal(unlinkat(f->fd, "databytes", 0), 0);
	assert_true(control_refresh(f->c));
	assert_int_equal(control_number(f->c, C_databytes), 0);
}

/* Move the boot clock to so many microseconds from now. */
static void
set_clock(const struct folder *f, long long boot)
{
	char path[64], text[CLOCK_FILE_SIZE + 1];
	int fd;

	(void)snprintf(path, sizeof path, "%s/clock", f->path);
	(void)snprintf(text, sizeof text, "%+020lld\n%+020lld\n", 0LL, boot);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, CLOCK_FILE_SIZE, 0), CLOCK_FILE_SIZE);
	assert_int_equal(close(fd), 0);
	assert_int_equal(setenv("CULVER_CLOCK", path, 1), 0);
}

/* Neither trouble nor a look of long ago is relied on. */
static void
lately_looks_again_after_trouble_and_after_a_while(void **state)
{
	struct folder *f = *state;

	set_clock(f, 0);
	clock_open();
	assert_true(control_refresh(f->c));
	put(f, "databytes", "10\n");
	assert_true(control_refresh_lately(f->c));
	assert_int_equal(control_number(f->c, C_databytes), 0);
	put(f, "databytes", "x\n");
	assert_false(control_refresh(f->c));
	assert_false(control_refresh_lately(f->c));
	put(f, "databytes", "20\n");
	assert_true(control_refresh_lately(f->c));
	assert_int_equal(control_number(f->c, C_databytes), 20);
	put(f, "databytes", "30\n");
	set_clock(f, CONTROL_LATELY);
	assert_true(control_refresh_lately(f->c));
	assert_int_equal(control_number(f->c, C_databytes), 30);
	assert_int_equal(unlinkat(f->fd, "clock", 0), 0);
}

/* The folder's stamp tells of a rename; one of this moment may yet tell of two. */
static void
a_file_put_into_the_folder_is_told_of(void **state)
{
	struct folder *f = *state;

	for (time_t at = 1000; at < 1003; at++) {
		const struct timespec stamps[2] = {
		    {.tv_sec = at}, {.tv_sec = at}};

		assert_int_equal(futimens(f->fd, stamps), 0);
		assert_true(control_moved(f->c));
		assert_false(control_moved(f->c));
		assert_false(control_moved(f->c));
	}
	put(f, "locals", "x\n");
	assert_int_equal(renameat(f->fd, "locals", f->fd, "percenthack"), 0);
	assert_true(control_moved(f->c));
	assert_int_equal(renameat(f->fd, "percenthack", f->fd, "locals"), 0);
	assert_true(control_moved(f->c));
}

static void
malformed_files_fail_every_refresh_until_mended(void **state)
{
	struct folder *f = *state;

	put(f, "databytes", "10\n");
	assert_true(control_refresh(f->c));
	put(f, "databytes", "10k\n");
	for (int i = 0; i < 3; i++) {
		assert_false(control_refresh(f->c));
		assert_string_equal(control_error(f->c),
		    "control/databytes:1: not a number: 10k");
		assert_int_equal(control_number(f->c, C_databytes), 10);
	}
	put(f, "me", "mended.test\n"); /* others are read all the same */
	assert_false(control_refresh(f->c));
	check_line(f, C_me, "mended.test");
	put(f, "databytes", "11\n");
	assert_true(control_refresh(f->c));
	assert_string_equal(control_error(f->c), "");
	assert_int_equal(control_number(f->c, C_databytes), 11);
}

static void
a_folder_in_place_of_a_file_is_an_error(void **state)
{
	const struct folder *f = *state;

	assert_int_equal(mkdirat(f->fd, "me", 0755), 0);
	assert_false(control_refresh(f->c));
	assert_string_equal(
	    control_error(f->c), "control/me: not a regular file");
	assert_int_equal(unlinkat(f->fd, "me", AT_REMOVEDIR), 0);
}

static void
only_rows_of_the_reader_are_read(void **state)
{
	struct folder *f = *state;
	struct controls *queued = control_new(f->fd, CONTROL_QUEUED);

	assert_non_null(queued);
	put(f, "databytes", "rubbish\n");
	assert_true(control_refresh(queued));
	control_free(queued);
}

static void
asking_for_another_programs_row_is_a_bug(void **state)
{
	const struct folder *f = *state;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct controls *c = control_new(f->fd, CONTROL_QUEUED);

		(void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
		(void)close(2);
		(void)control_number(c, C_databytes);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static const struct {
	enum control_id id;
	const char *domain, *value; /* NULL: not found */
} lookups[] = {
    {C_rcpthosts,      "example.org",       ""      },
    {C_rcpthosts,      "EXAMPLE.org",       ""      },
    {C_rcpthosts,      "a.example.org",     NULL    },
    {C_rcpthosts,      "xexample.org",      NULL    },
    {C_rcpthosts,      "example.org.third", NULL    },
    {C_rcpthosts,      "below.test",        NULL    },
    {C_rcpthosts,      "a.below.test",      ""      },
    {C_rcpthosts,      "a.b.below.test",    ""      },
    {C_rcpthosts,      "xbelow.test",       NULL    },
    {C_rcpthosts,      "",                  NULL    },
    {C_virtualdomains, "v.test",            "joe"   },
    {C_virtualdomains, "V.TEST",            "joe"   },
    {C_virtualdomains, "x.y.w.test",        "suffix"},
    {C_virtualdomains, "own.w.test",        ""      },
    {C_virtualdomains, "else.test",         "all"   },
};

static void
check_lookups(const struct controls *c)
{
	for (size_t i = 0; i < sizeof lookups / sizeof *lookups; i++) {
		struct str value = {"", 0};
		enum found f = control_find_domain(
		    c, lookups[i].id, str_of(lookups[i].domain), &value);

		if (f != (lookups[i].value == NULL ? FOUND_NO : FOUND_YES))
			fail_msg("%s: %d", lookups[i].domain, (int)f);
		if (f == FOUND_YES)
			assert_true(str_equal(value, str_of(lookups[i].value)));
	}
}

/* The way to domain for mail of joe@a.test, "" where a table is in the way. */
static void
check_way(const struct controls *c, const char *domain, const char *want)
{
	struct nexthop n;
	struct buf key = {0};
	enum found f =
	    nexthop_find(c, str_of("joe@a.test"), str_of(domain), &n);

	assert_int_equal(f, want[0] == '\0' ? FOUND_ERROR : FOUND_YES);
	if (f == FOUND_YES)
		assert_true(nexthop_key(&n, &key));
	assert_true(str_equal(buf_str(&key), str_of(want)));
	buf_free(&key);
}

static void
ways_are_the_same_from_text_and_cdb(void **state)
{
	struct folder *f = *state;

	put(f, "smtproutes",
	    "M\xc3\xbcnchen.test:one.test\n:all.test:26|joe|secret\n");
	put(f, "outgoingip", "192.0.2.1\n");
	for (int i = 0; i < 2; i++) {
		struct nexthop_source s;

		assert_true(control_refresh(f->c));
		check_way(f->c, "m\xc3\xbcnchen.test", "one.test:25");
		check_way(f->c, "xn--mnchen-3ya.test", "one.test:25");
		check_way(f->c, "x.test", "auth:joe@all.test:26");
		assert_int_equal(
		    nexthop_source(f->c, str_of("a@b"), &s), FOUND_YES);
		build(f, C_smtproutes, false, i == 0);
		build(f, C_outgoingip, false, i == 0);
	}
}

/* As one that another program wrote. */
static void
a_cdb_with_a_malformed_way_is_an_error(void **state)
{
	struct folder *f = *state;
	struct table_maker *m = table_make(f->fd, "smtproutes.cdb", 0600);

	assert_non_null(m);
	assert_true(table_add(m, str_of("x.test"), str_of("relay.test:0")));
	assert_true(table_commit(m));
	assert_true(control_refresh(f->c));
	check_way(f->c, "x.test", "");
	check_way(f->c, "y.test", "y.test");
}

static void
a_table_of_passwords_is_as_closed_as_its_text(void **state)
{
	static const struct {
		const char *name, *table;
		enum control_id id;
		mode_t text, want;
	} rows[] = {
	    {"smtproutes",  "smtproutes.cdb",  C_smtproutes,  0640, 0640},
	    {"authsenders", "authsenders.cdb", C_authsenders, 0600, 0600},
	    {"outgoingip",  "outgoingip.cdb",  C_outgoingip,  0644, 0644},
	    {"rcpthosts",   "rcpthosts.cdb",   C_rcpthosts,   0600, 0644},
	};
	struct folder *f = *state;
	struct stat st;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		put(f, rows[i].name, "");
		assert_int_equal(
		    fchmodat(f->fd, rows[i].name, rows[i].text, 0), 0);
		if (geteuid() == 0 && rows[i].id == C_smtproutes)
			assert_int_equal(
			    fchownat(f->fd, rows[i].name, 1, 2, 0), 0);
		build(f, rows[i].id, false, true);
		assert_int_equal(fstatat(f->fd, rows[i].table, &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].want);
		if (geteuid() == 0 && rows[i].id == C_smtproutes)
			assert_true(st.st_uid == 1 && st.st_gid == 2);
	}
}

static void
text_and_cdb_answer_alike(void **state)
{
	struct folder *f = *state;

	put(f, "rcpthosts", "Example.org\n.below.test\n");
	put(f, "virtualdomains",
	    "V.test:first\n:all\n.w.test:suffix\nown.w.test:\nv.test:joe\n");
	assert_true(control_refresh(f->c));
	check_lookups(f->c);
	build(f, C_rcpthosts, false, true);
	build(f, C_virtualdomains, false, true);
	assert_true(control_refresh(f->c));
	check_lookups(f->c);
	assert_int_equal(unlinkat(f->fd, "virtualdomains", 0), 0);
	assert_true(control_refresh(f->c));
	assert_true(control_present(f->c, C_virtualdomains));
	check_lookups(f->c);
}

static void
a_key_too_long_for_any_file_is_not_found(void **state)
{
	struct folder *f = *state;
	char key[3000];
	struct str s = {key, sizeof key};

	(void)memset(key, '.', sizeof key);
	put(f, "rcpthosts", "a.test\n");
	assert_true(control_refresh(f->c));
	assert_int_equal(control_find(f->c, C_rcpthosts, s, NULL), FOUND_NO);
	assert_int_equal(
	    control_find_domain(f->c, C_rcpthosts, s, NULL), FOUND_NO);
}

static void
the_cdb_rules_and_newer_text_is_said_once(void **state)
{
	struct folder *f = *state;
	const char *notice;

	put(f, "rcpthosts", "old.test\n");
	build(f, C_rcpthosts, false, true);
	assert_true(control_refresh(f->c));
	assert_null(control_notice(f->c));
	put(f, "rcpthosts", "new.test\n");
	for (int i = 0; i < 3; i++) {
		assert_true(control_refresh(f->c));
		notice = control_notice(f->c);
		assert_int_equal(notice != NULL, i == 0);
		if (notice != NULL)
			assert_non_null(strstr(notice, "control/rcpthosts: "));
		assert_int_equal(
		    control_find(f->c, C_rcpthosts, str_of("old.test"), NULL),
		    FOUND_YES);
	}
	build(f, C_rcpthosts, false, true);
	assert_true(control_refresh(f->c));
	assert_null(control_notice(f->c));
	assert_int_equal(
	    control_find(f->c, C_rcpthosts, str_of("new.test"), NULL),
	    FOUND_YES);
	assert_int_equal(
	    control_find(f->c, C_rcpthosts, str_of("old.test"), NULL),
	    FOUND_NO);
}

static void
build_does_what_is_needed_and_no_more(void **state)
{
	struct folder *f = *state;

	build(f, C_rcpthosts, false, false); /* no text */
	build(f, C_rcpthosts, true, false);
	put(f, "me", "me.test\n");
	build(f, C_me, true, false); /* no list */
	put(f, "rcpthosts", "");
	build(f, C_rcpthosts, false, true);
	build(f, C_rcpthosts, false, false);
	build(f, C_rcpthosts, true, true);
	put(f, "rcpthosts", "a.test\n");
	build(f, C_rcpthosts, false, true);
}

static void
a_malformed_line_stops_the_build_and_the_old_table_stays(void **state)
{
	struct folder *f = *state;
	struct buf error = {0};
	bool made = true;

	put(f, "virtualdomains", "a.test:joe\n");
	build(f, C_virtualdomains, false, true);
	put(f, "virtualdomains", "b.test:joe\nc.test\n");
	assert_false(
	    control_build(f->fd, C_virtualdomains, false, &made, &error));
	assert_false(made);
	assert_string_equal(
	    error.data, "control/virtualdomains:2: no colon: c.test");
	buf_free(&error);
	assert_true(control_refresh(f->c));
	assert_int_equal(
	    control_find(f->c, C_virtualdomains, str_of("a.test"), NULL),
	    FOUND_YES);
}

static void
a_damaged_cdb_is_an_error_not_an_empty_list(void **state)
{
	struct folder *f = *state;

	put(f, "rcpthosts", "a.test\n");
	put(f, "rcpthosts.cdb", "not a cdb");
	assert_false(control_refresh(f->c));
	assert_string_equal(
	    control_error(f->c), "control/rcpthosts.cdb: damaged, or no cdb");
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, folder_open, folder_close)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_is_sound),
	    TEST(a_late_row_is_read_when_it_is_asked_for),
	    TEST(a_version_is_of_what_was_read),
	    TEST(without_files_the_defaults_hold),
	    TEST(me_stands_in_for_what_is_missing),
	    TEST(a_change_is_seen_at_the_next_refresh),
	    TEST(lately_looks_again_after_trouble_and_after_a_while),
	    TEST(a_file_put_into_the_folder_is_told_of),
	    TEST(malformed_files_fail_every_refresh_until_mended),
	    TEST(a_folder_in_place_of_a_file_is_an_error),
	    TEST(only_rows_of_the_reader_are_read),
	    TEST(asking_for_another_programs_row_is_a_bug),
	    TEST(text_and_cdb_answer_alike),
	    TEST(ways_are_the_same_from_text_and_cdb),
	    TEST(a_cdb_with_a_malformed_way_is_an_error),
	    TEST(a_table_of_passwords_is_as_closed_as_its_text),
	    TEST(a_key_too_long_for_any_file_is_not_found),
	    TEST(the_cdb_rules_and_newer_text_is_said_once),
	    TEST(build_does_what_is_needed_and_no_more),
	    TEST(a_malformed_line_stops_the_build_and_the_old_table_stays),
	    TEST(a_damaged_cdb_is_an_error_not_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
