/* sts: policies and reports are read as written, and nothing else is read;
 * which host a policy allows; what is said when culver-policyd is not there. */
#include "wire/sts.h"

#include "lib/fd.h"
#include "lib/field.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct sts_policy
sample_policy(void)
{
	struct sts_policy p = {.mode = STS_MODE_ENFORCE,
	    .max_age = 86400,
	    .id = str_of("20261126"),
	    .count = 2};

	p.mx[0] = str_of("mx.example.org");
	p.mx[1] = str_of("*.example.net");
	return p;
}

static void
policy_is_read_as_written(void **state)
{
	static const char bytes[] = "\0\0\0\2\0\1\x51\x80"
				    "20261126\0\0\0\0\2mx.example.org\0"
				    "*.example.net";
	struct sts_policy p = sample_policy(), got;
	struct buf b = {0};

	(void)state;
	assert_true(sts_policy_write(&b, &p));
	assert_int_equal(b.len, sizeof(bytes));
	assert_memory_equal(b.data, bytes, sizeof(bytes));
	assert_true(sts_policy_read(buf_str(&b), &got));
	assert_int_equal(got.mode, STS_MODE_ENFORCE);
	assert_int_equal(got.max_age, 86400);
	assert_true(str_equal(got.id, p.id));
	assert_int_equal(got.count, 2);
	assert_true(str_equal(got.mx[1], p.mx[1]));
	buf_free(&b);
}

static void
unsound_policies_are_not_written(void **state)
{
	static char big[STS_HOST_MAX + 1];
	struct buf b = {0};
	struct sts_policy p;

	(void)state;
	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 6; i++) {
		p = sample_policy();
		if (i == 0)
			p.count = 0;
		else if (i == 1)
			p.count = STS_PATTERNS + 1;
		else if (i == 2)
			p.max_age = STS_AGE_MAX + 1;
		else if (i == 3)
			p.mode = STS_MODE_ENFORCE + 1;
		else if (i == 4)
			p.mx[1] = (struct str){big, sizeof(big)};
		else
			p.id = (struct str){big, STS_ID_MAX + 1};
		assert_false(sts_policy_write(&b, &p));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(b.len, 0);
	}
	buf_free(&b);
}

static void
every_cut_policy_is_refused(void **state)
{
	struct sts_policy p = sample_policy(), got;
	struct buf b = {0};

	(void)state;
	assert_true(sts_policy_write(&b, &p));
	for (size_t n = 0; n < b.len; n++)
		assert_false(
		    sts_policy_read(str_slice(buf_str(&b), 0, n), &got));
	assert_true(buf_append_byte(&b, 'x'));
	assert_false(sts_policy_read(buf_str(&b), &got));
	buf_free(&b);
}

static void
hosts_are_allowed_as_rfc8461_4_1_says(void **state)
{
	static const struct {
		const char *pattern, *host;
		bool allowed;
	} rows[] = {
	    {"mx.example.org", "mx.example.org",      true },
	    {"mx.example.org", "MX.Example.ORG.",     true },
	    {"mx.example.org", "a.mx.example.org",    false},
	    {"mx.example.org", "x.example.org",       false},
	    {"*.example.org",  "mx.example.org",      true },
	    {"*.example.org",  "MX.EXAMPLE.org",      true },
	    {"*.example.org",  "a.b.example.org",     false},
	    {"*.example.org",  "example.org",         false},
	    {"*.example.org",  ".example.org",        false},
	    {"*.example.org",  "mx.example.org.evil", false},
	    {"*.example.org",  "",                    false},
	    {"*.example.org",  ".",                   false},
	    {"mx.*.org",       "mx.example.org",      false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sts_policy p = {.count = 1};

		p.mx[0] = str_of(rows[i].pattern);
		if (sts_allows(&p, str_of(rows[i].host)) != rows[i].allowed)
			fail_msg("%s %s", rows[i].pattern, rows[i].host);
	}
}

static void
only_host_names_are_asked_for(void **state)
{
	static const struct {
		const char *domain;
		bool ok;
	} rows[] = {
	    {"example.org",       true },
	    {"xn--bcher-kva.org", true },
	    {"Example.org",       false},
	    {"localhost",         false},
	    {"192.0.2.1",         false},
	    {"[192.0.2.1]",       false},
	    {"../etc.passwd",     false},
	    {"a/b.example",       false},
	    {".example.org",      false},
	    {"example.org.",      false},
	    {"",		  false},
	};
	char big[STS_DOMAIN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (sts_domain_ok(str_of(rows[i].domain)) != rows[i].ok)
			fail_msg("%s", rows[i].domain);
	for (size_t i = 0; i <= STS_DOMAIN_MAX; i++)
		big[i] = i % 50 == 49 ? '.' : 'x';
	assert_true(sts_domain_ok((struct str){big, STS_DOMAIN_MAX}));
	assert_false(sts_domain_ok((struct str){big, STS_DOMAIN_MAX + 1}));
}

static struct sts_report
sample_report(void)
{
	struct sts_report r = {.type = STS_TYPE_STS,
	    .result = STS_EXPIRED,
	    .domain = str_of("example.org"),
	    .base = str_of(""),
	    .mx = str_of("mx.example.org"),
	    .reached = true,
	    .reason = str_of("expired"),
	    .policy = str_of("")};

	assert_true(ip_parse(str_of("192.0.2.1"), &r.sending));
	assert_true(ip_parse(str_of("2001:db8::2"), &r.receiving));
	return r;
}

static void
report_is_read_as_written(void **state)
{
	struct sts_report r = sample_report(), got;
	struct buf b = {0};

	(void)state;
	assert_true(sts_report_write(&b, &r));
	assert_true(sts_report_read(buf_str(&b), &got));
	assert_int_equal(got.type, STS_TYPE_STS);
	assert_int_equal(got.result, STS_EXPIRED);
	assert_true(str_equal(got.domain, r.domain));
	assert_true(str_equal(got.mx, r.mx));
	assert_true(got.reached);
	assert_true(ip_equal(&got.sending, &r.sending));
	assert_true(ip_equal(&got.receiving, &r.receiving));
	assert_true(str_equal(got.reason, r.reason));
	for (size_t n = 0; n < b.len; n++)
		assert_false(
		    sts_report_read(str_slice(buf_str(&b), 0, n), &got));
	buf_clear(&b);
	r.reached = false;
	assert_true(sts_report_write(&b, &r));
	assert_true(sts_report_read(buf_str(&b), &got));
	assert_false(got.reached);
	buf_clear(&b);
	r.domain = str_of("no dots");
	assert_false(sts_report_write(&b, &r));
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

/* Whatever is read is what could have been written. */
/* The same numbers each time. */
static size_t
dice(size_t sides)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (size_t)(seed >> 33) % sides;
}

static void
damaged_frames_are_refused_or_sound(void **state)
{
	struct sts_policy p = sample_policy(), gp;
	struct sts_report r = sample_report(), gr;
	struct buf b = {0}, c = {0}, again = {0};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		buf_clear(&b);
		buf_clear(&c);
		assert_true(sts_policy_write(&b, &p));
		assert_true(sts_report_write(&c, &r));
		for (size_t n = dice(4) + 1; n > 0; n--) {
			b.data[dice(b.len)] = (char)dice(256);
			c.data[dice(c.len)] = (char)dice(256);
		}
		buf_clear(&again);
		if (sts_policy_read(buf_str(&b), &gp))
			assert_true(sts_policy_write(&again, &gp));
		if (sts_report_read(buf_str(&c), &gr))
			assert_true(sts_report_write(&again, &gr));
	}
	buf_free(&b);
	buf_free(&c);
	buf_free(&again);
}

static void
names_are_those_of_rfc8460(void **state)
{
	(void)state;
	assert_string_equal(sts_type_name(STS_TYPE_NONE), "no-policy-found");
	assert_string_equal(
	    sts_result_name(STS_WEBPKI_INVALID), "sts-webpki-invalid");
	for (int i = 0; i < STS_RESULT_COUNT; i++)
		assert_non_null(sts_result_name((enum sts_result)i));
}

/* A culver-policyd that gives one answer to each connection and leaves. */
static pid_t
play(char kind, struct str payload)
{
	int l = sock_listen(STS_SOCKET, 0600);
	pid_t pid;

	assert_true(l >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid != 0) {
		fd_close(&l);
		return pid;
	}
	(void)alarm(60); /* a test that failed does not end it */
	for (;;) {
		int fd = accept(l, NULL, NULL);
		struct buf in = {0};
		struct frame f;

		if (frame_read(fd, -1, &in, &f) == FRAME_OK &&
		    !frame_write(fd, kind, payload))
			_exit(1);
		buf_free(&in);
		fd_close(&fd);
	}
}

static void
end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
answers_are_told_apart(void **state)
{
	static const struct {
		char kind;
		const char *payload;
		enum sts_answer a;
	} rows[] = {
	    {'N', "",      STS_NONE },
	    {'Z', "",      STS_LATER},
	    {'N', "x",     STS_LATER},
	    {'P', "mode?", STS_LATER},
	    {'X', "",      STS_LATER},
	};
	struct sts_policy p;
	struct sts s;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		pid_t pid = play(rows[i].kind, str_of(rows[i].payload));

		sts_init(&s);
		/* Twice: the connection has ended between the two. */
		for (int n = 0; n < 2; n++)
			assert_int_equal(
			    sts_ask(&s, str_of("Example.org"), &p), rows[i].a);
		sts_close(&s);
		end(pid);
	}
}

static void
policy_comes_over_the_socket(void **state)
{
	struct sts_policy p = sample_policy(), got;
	struct buf b = {0};
	struct sts s;
	pid_t pid;

	(void)state;
	assert_true(sts_policy_write(&b, &p));
	pid = play('P', buf_str(&b));
	sts_init(&s);
	assert_int_equal(sts_ask(&s, str_of("example.org"), &got), STS_POLICY);
	assert_true(str_equal(got.mx[0], p.mx[0]));
	assert_int_equal(sts_ask(&s, str_of("nodots"), &got), STS_NONE);
	sts_close(&s);
	end(pid);
	buf_free(&b);
}

static void
nobody_there_is_said_and_reports_are_lost(void **state)
{
	struct sts_report r = sample_report();
	struct sts_policy p;
	struct sts s;

	(void)state;
	sts_init(&s);
	assert_true(unlink(STS_SOCKET) == 0 || errno == ENOENT);
	assert_int_equal(sts_ask(&s, str_of("example.org"), &p), STS_LATER);
	sts_tell(&s, &r);
	assert_int_equal(s.fd, -1);
	sts_close(&s);
}

static int
enter(void **state)
{
	static char dir[] = "/tmp/culver-sts-XXXXXX";

	*state = mkdtemp(dir);
	return *state != NULL && chdir(dir) == 0 && mkdir("state", 0700) == 0
		   ? 0
		   : -1;
}

static int
leave(void **state)
{
	(void)unlink(STS_SOCKET);
	return rmdir("state") == 0 && rmdir(*state) == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy_is_read_as_written),
	    cmocka_unit_test(unsound_policies_are_not_written),
	    cmocka_unit_test(every_cut_policy_is_refused),
	    cmocka_unit_test(hosts_are_allowed_as_rfc8461_4_1_says),
	    cmocka_unit_test(only_host_names_are_asked_for),
	    cmocka_unit_test(report_is_read_as_written),
	    cmocka_unit_test(damaged_frames_are_refused_or_sound),
	    cmocka_unit_test(names_are_those_of_rfc8460),
	    cmocka_unit_test(answers_are_told_apart),
	    cmocka_unit_test(policy_comes_over_the_socket),
	    cmocka_unit_test(nobody_there_is_said_and_reports_are_lost),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
