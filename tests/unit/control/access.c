/* access: which rule is for a client, from the text and from its cdb. */
#include "control/access.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
	char path[40];
	int fd;
	struct controls *c;
};

static int
folder_open(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	assert_non_null(f);
	(void)snprintf(f->path, sizeof f->path, "/tmp/culver-access.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
	assert_true(f->fd >= 0);
	f->c = control_new(f->fd, CONTROL_SMTPD);
	assert_non_null(f->c);
	*state = f;
	return 0;
}

static int
folder_close(void **state)
{
	struct folder *f = *state;

	(void)unlinkat(f->fd, "tcp.smtp", 0);
	(void)unlinkat(f->fd, "tcp.smtp.cdb", 0);
	control_free(f->c);
	assert_int_equal(close(f->fd), 0);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

static void
put(const struct folder *f, const char *name, const char *text, size_t len)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(close(fd), 0);
}

static const char rules[] = "joe@1.2.3.4:allow,R=\"user\"\n"
			    "joe@=a.b.test:allow,R=\"userhost\"\n"
			    "1.2.3.4:allow,R=\"ip\"\n"
			    "=a.b.test:allow,R=\"host\"\n"
			    "1.2.3.:allow,R=\"24\"\n"
			    "1.2.3.128/25:allow,R=\"25\"\n"
			    "1.2.0.0/17:allow,R=\"17\"\n"
			    "1.2.:allow,R=\"16\"\n"
			    "1.2.3.:deny\n" /* the first of two counts */
			    "1.:allow,R=\"8\"\n"
			    "9.0.0.0/8:deny,R=\"9\"\n"
			    "8.0.0.1-3:allow,R=\"range\"\n"
			    "=.b.test:allow,R=\".b\"\n"
			    "=.test:allow,R=\".test\"\n"
			    "=:allow,R=\"named\"\n"
			    "[2001:db8::1]:allow,R=\"six\"\n"
			    "[2001:db8::]/32:allow,R=\"six32\"\n"
			    "[2001:db8:8000::]/33:deny\n"
			    ":deny,R=\"all\"\n";

static const struct row {
	const char *ip, *host, *info;
	enum access access;
	const char *r; /* value of R; NULL: not set */
} rows[] = {
    {"1.2.3.4",          "a.b.test",   "joe",       ACCESS_ALLOW, "user"    },
    {"1.2.3.4",          "a.b.test",   "JOE",       ACCESS_ALLOW, "user"    },
    {"1.2.3.5",          "A.B.test",   "joe",       ACCESS_ALLOW, "userhost"},
    {"1.2.3.4",          "a.b.test",   "jim",       ACCESS_ALLOW, "ip"      },
    {"1.2.3.4",          "",           "",          ACCESS_ALLOW, "ip"      },
    {"1.2.3.5",          "a.b.test",   "",          ACCESS_ALLOW, "host"    },
    {"1.2.3.5",          "x.b.test",   "",          ACCESS_ALLOW, "24"      },
    {"1.2.3.127",        "",           "",          ACCESS_ALLOW, "24"      },
    {"1.2.3.128",        "",           "",          ACCESS_ALLOW, "25"      },
    {"1.2.127.1",        "",           "",          ACCESS_ALLOW, "17"      },
    {"1.2.128.1",        "",           "",          ACCESS_ALLOW, "16"      },
    {"1.3.0.1",          "",           "",          ACCESS_ALLOW, "8"       },
    {"9.9.9.9",          "a.x.b.test", "",          ACCESS_DENY,  "9"       },
    {"8.0.0.0",          "",           "",          ACCESS_DENY,  "all"     },
    {"8.0.0.1",          "",           "",          ACCESS_ALLOW, "range"   },
    {"8.0.0.3",          "",           "",          ACCESS_ALLOW, "range"   },
    {"8.0.0.4",          "",           "",          ACCESS_DENY,  "all"     },
    {"8.0.0.4",          "x.b.test",   "",          ACCESS_ALLOW, ".b"      },
    {"8.0.0.4",          "b.test",     "",          ACCESS_ALLOW, ".test"   },
    {"8.0.0.4",          "test",       "",          ACCESS_ALLOW, "named"   },
    {"2001:db8::1",      "",           "",          ACCESS_ALLOW, "six"     },
    {"2001:db8::2",      "",           "",          ACCESS_ALLOW, "six32"   },
    {"2001:db8:8000::2", "",           "",          ACCESS_DENY,  NULL      },
    {"2001:db9::1",      "",           "",          ACCESS_DENY,  "all"     },
    {"::ffff:1.2.3.4",   "",           "",          ACCESS_ALLOW, "ip"      },
    {"::1.2.3.4",        "",           "",          ACCESS_DENY,  "all"     },
    {"8.0.0.4",          "",           "1.2.3.4",   ACCESS_DENY,  "all"     },
    {"8.0.0.4",          "",           "=a.b.test", ACCESS_DENY,  "all"     },
};

static void
check_row(const struct controls *c, const struct row *row)
{
	struct ip ip;
	struct access_client who = {&ip, str_of(row->host), str_of(row->info)};
	struct buf vars = {0};
	struct str value = {NULL, 0};
	bool set;

	assert_true(ip_parse(str_of(row->ip), &ip));
	assert_int_equal(access_find(c, C_tcp_smtp, &who, &vars), row->access);
	set = access_get(buf_str(&vars), "R", &value);
	if (set != (row->r != NULL) ||
	    (set && !str_equal(value, str_of(row->r))))
		fail_msg("%s: R is %.*s", row->ip, (int)value.len, value.data);
	buf_free(&vars);
}

static void
the_rule_is_that_of_tcprules_from_text_and_cdb(void **state)
{
	struct folder *f = *state;
	struct buf error = {0};
	bool made;

	put(f, "tcp.smtp", rules, strlen(rules));
	assert_true(control_refresh(f->c));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(f->c, &rows[i]);
	assert_true(control_build(f->fd, C_tcp_smtp, true, &made, &error));
	assert_true(made);
	put(f, "tcp.smtp", ":deny\n", 6); /* the cdb rules */
	assert_true(control_refresh(f->c));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(f->c, &rows[i]);
	buf_free(&error);
}

static void
without_a_rule_all_are_allowed_and_given_nothing(void **state)
{
	static const struct row row = {
	    "1.2.3.4", "a.test", "joe", ACCESS_ALLOW, NULL};
	struct folder *f = *state;

	assert_true(control_refresh(f->c));
	check_row(f->c, &row);
	put(f, "tcp.smtp", "5.:deny\n", 8);
	assert_true(control_refresh(f->c));
	check_row(f->c, &row);
}

static void
a_list_of_guests_lets_nobody_else_in(void **state)
{
	struct ip guest, other;
	const struct access_client who[] = {{.ip = &guest}, {.ip = &other}};
	struct folder *f = *state;
	struct buf vars = {0};

	assert_true(ip_parse(str_of("5.6.7.8"), &guest));
	assert_true(ip_parse(str_of("1.2.3.4"), &other));
	assert_int_equal(
	    access_find_guest(f->c, C_tcp_smtp, &who[0], &vars), ACCESS_ERROR);
	assert_true(control_refresh(f->c)); /* no file */
	assert_int_equal(
	    access_find_guest(f->c, C_tcp_smtp, &who[0], &vars), ACCESS_DENY);
	put(f, "tcp.smtp", "5.:allow\n", 9);
	assert_true(control_refresh(f->c));
	assert_int_equal(
	    access_find_guest(f->c, C_tcp_smtp, &who[0], &vars), ACCESS_ALLOW);
	assert_int_equal(
	    access_find_guest(f->c, C_tcp_smtp, &who[1], &vars), ACCESS_DENY);
	buf_free(&vars);
}

static void
what_cannot_be_read_lets_nobody_in(void **state)
{
	static const struct row row = {"1.2.3.4", "", "", ACCESS_ERROR, NULL};
	struct folder *f = *state;

	check_row(f->c, &row); /* never read */
	put(f, "tcp.smtp", "5.:allow\n6\n", 11);
	assert_false(control_refresh(f->c));
	assert_string_equal(
	    control_error(f->c), "control/tcp.smtp:2: no colon: 6");
	check_row(f->c, &row);
	put(f, "tcp.smtp.cdb", "junk", 4);
	assert_false(control_refresh(f->c));
	check_row(f->c, &row);
}

/* Pointers into the file that lead nowhere. */
static void
a_damaged_table_lets_nobody_in(void **state)
{
	static const struct row row = {"1.2.3.4", "", "", ACCESS_ERROR, NULL};
	struct folder *f = *state;
	char bad[4096];

	memset(bad, 0x7f, sizeof bad);
	put(f, "tcp.smtp.cdb", bad, sizeof bad);
	assert_true(control_refresh(f->c) || control_error(f->c)[0] != '\0');
	check_row(f->c, &row);
}

static void
a_list_of_networks_is_asked_by_address(void **state)
{
	static const struct {
		const char *ip;
		enum found found;
	} listed[] = {
	    {"192.0.2.9",   FOUND_YES},
	    {"192.0.2.10",  FOUND_NO },
	    {"10.1.2.3",    FOUND_YES},
	    {"172.31.0.1",  FOUND_YES},
	    {"172.32.0.1",  FOUND_NO },
	    {"2001:db8::7", FOUND_YES},
	    {"2001:db9::7", FOUND_NO },
	    {"::a01:203",   FOUND_NO },
	};
	static const char text[] =
	    "192.0.2.9\n10.\n172.16.0.0/12\n[2001:db8::]/32\n";
	struct folder *f = *state;
	struct ip ip;

	assert_true(ip_parse(str_of("192.0.2.9"), &ip));
	assert_int_equal(access_listed(f->c, C_proxyclients, &ip), FOUND_ERROR);
	assert_true(control_refresh(f->c));
	assert_int_equal(access_listed(f->c, C_proxyclients, &ip), FOUND_NO);
	put(f, "proxyclients", text, strlen(text));
	assert_true(control_refresh(f->c));
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		assert_true(ip_parse(str_of(listed[i].ip), &ip));
		assert_int_equal(
		    access_listed(f->c, C_proxyclients, &ip), listed[i].found);
	}
	assert_int_equal(unlinkat(f->fd, "proxyclients", 0), 0);
}

static void
of_two_variables_with_one_name_the_last_counts(void **state)
{
	static const char vars[] = "D\0+A=1\0+AB=2\0+A=x=y\0B\0+C\0";
	struct str all = {vars, sizeof vars - 1}, value;

	(void)state;
	assert_true(access_get(all, "A", &value));
	assert_true(str_equal(value, str_of("x=y")));
	assert_true(access_get(all, "AB", &value));
	assert_true(str_equal(value, str_of("2")));
	assert_false(access_get(all, "B", &value));
	assert_false(access_get(all, "D", &value));
	assert_false(access_get((struct str){"", 0}, "A", &value));
}

int
main(void)
{
#define IN_FOLDER(f)                                                           \
	cmocka_unit_test_setup_teardown(f, folder_open, folder_close)
	const struct CMUnitTest tests[] = {
	    IN_FOLDER(the_rule_is_that_of_tcprules_from_text_and_cdb),
	    IN_FOLDER(without_a_rule_all_are_allowed_and_given_nothing),
	    IN_FOLDER(a_list_of_guests_lets_nobody_else_in),
	    IN_FOLDER(what_cannot_be_read_lets_nobody_in),
	    IN_FOLDER(a_damaged_table_lets_nobody_in),
	    IN_FOLDER(a_list_of_networks_is_asked_by_address),
	    cmocka_unit_test(of_two_variables_with_one_name_the_last_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
