/* counts: what is counted is read again, summed, and lost only where torn. */
#include "policy/counts.h"

#include "lib/fd.h"
#include "policy/day.h"
#include "tests/unit/policy/folder.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { NOW = 1795651200, DAY_SECONDS = 86400 }; /* 2026-11-26 00:00 */

static struct counts counts;

static struct sts_report
failure(void)
{
	struct sts_report r = {.type = STS_TYPE_STS,
	    .result = STS_EXPIRED,
	    .domain = str_of("b.example"),
	    .base = str_of(""),
	    .mx = str_of("mx.b.example"),
	    .reached = true,
	    .reason = str_of("100% \n-"),
	    .policy = str_of("")};

	assert_true(ip_parse(str_of("192.0.2.1"), &r.sending));
	assert_true(ip_parse(str_of("2001:db8::2"), &r.receiving));
	return r;
}

static void
add(const struct sts_report *r, int64_t now, int times)
{
	while (times-- > 0)
		assert_true(counts_add(&counts, folder_fd, r, now));
}

static uint64_t
sum(const struct day *d)
{
	uint64_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->lines[i].n;
	return n;
}

static int
clean(void **state)
{
	(void)state;
	(void)folder_files(1);
	return 0;
}

static void
sessions_are_counted_by_day_and_domain(void **state)
{
	struct sts_report r = failure(), good = failure();
	struct buf plain = {0};
	struct day d;

	(void)state;
	good.result = STS_SUCCESS;
	good.domain = str_of("a.example");
	add(&r, NOW, 3);
	add(&good, NOW + 5, 2);
	assert_int_equal(counts.used, 2);
	add(&r, NOW + DAY_SECONDS, 1); /* writes what is yesterday's */
	assert_int_equal(counts.used, 1);
	assert_true(day_read(&d, folder_fd, "2026-11-26"));
	assert_int_equal(d.count, 2);
	assert_true(str_equal(d.lines[0].domain, str_of("a.example")));
	assert_int_equal(d.lines[0].n, 2);
	assert_true(str_equal(d.lines[0].mx, str_of("-")));
	assert_int_equal(d.lines[1].n, 3);
	assert_true(str_equal(d.lines[1].sending, str_of("192.0.2.1")));
	assert_true(counts_plain(&plain, d.lines[1].reason));
	assert_true(str_equal(buf_str(&plain), r.reason));
	assert_int_equal(day_domain(&d, 0), 1);
	buf_free(&plain);
	day_free(&d);
	assert_true(counts_write(&counts, folder_fd));
	assert_true(day_read(&d, folder_fd, "2026-11-27"));
	assert_int_equal(sum(&d), 1);
	day_free(&d);
}

static void
many_different_ones_are_written_early(void **state)
{
	struct sts_report r = failure();
	char name[32];
	struct day d;

	(void)state;
	for (int i = 0; i < COUNTS_MOST + 10; i++) {
		(void)snprintf(name, sizeof(name), "d%d.example", i);
		r.domain = str_of(name);
		add(&r, NOW, 1);
	}
	assert_int_equal(counts.used, 10);
	assert_true(counts_write(&counts, folder_fd));
	assert_true(day_read(&d, folder_fd, "2026-11-26"));
	assert_int_equal(sum(&d), COUNTS_MOST + 10);
	day_free(&d);
}

/* Cut anywhere, the whole lines before count, and what comes after does. */
static void
torn_line_costs_itself_alone(void **state)
{
	struct sts_report r = failure();
	struct buf whole = {0};
	struct day d;
	size_t line;

	(void)state;
	for (int i = 0; i < 3; i++) {
		add(&r, NOW, 1);
		assert_true(counts_write(&counts, folder_fd));
	}
	assert_true(fd_read_file(folder_fd, "2026-11-26", &whole));
	line = whole.len / 3;
	for (size_t n = 0; n <= whole.len; n++) {
		assert_true(fd_replace_file(folder_fd, "2026-11-26",
		    str_slice(buf_str(&whole), 0, n), 0600));
		add(&r, NOW, 1);
		assert_true(counts_write(&counts, folder_fd));
		assert_true(day_read(&d, folder_fd, "2026-11-26"));
		/* A line that lacks nothing but its LF is whole. */
		assert_int_equal(sum(&d), (n + 1) / line + 1);
		day_free(&d);
	}
	buf_free(&whole);
}

static void
changed_line_counts_nothing(void **state)
{
	struct sts_report r = failure();
	struct buf whole = {0};
	struct count_line l;

	(void)state;
	add(&r, NOW, 1);
	assert_true(counts_write(&counts, folder_fd));
	assert_true(fd_read_file(folder_fd, "2026-11-26", &whole));
	whole.len--;
	assert_true(counts_line(buf_str(&whole), &l));
	for (size_t i = 0; i < whole.len; i++) {
		whole.data[i] ^= 1;
		assert_false(counts_line(buf_str(&whole), &l));
		whole.data[i] ^= 1;
	}
	buf_free(&whole);
}

static void
full_day_is_said_once(void **state)
{
	struct sts_report r = failure();
	int fd = openat(folder_fd, "2026-11-26", O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_true(fd >= 0 && ftruncate(fd, COUNTS_FILE_MAX) == 0);
	(void)close(fd);
	add(&r, NOW, 1);
	assert_false(counts_write(&counts, folder_fd));
	assert_int_equal(errno, EFBIG);
	add(&r, NOW, 1);
	assert_true(counts_write(&counts, folder_fd));
	counts.full = false;
}

static void
what_is_done_is_remembered(void **state)
{
	struct sts_report r = failure();
	struct day d;

	(void)state;
	add(&r, NOW, 1);
	assert_true(counts_write(&counts, folder_fd));
	assert_true(day_read(&d, folder_fd, "2026-11-26"));
	assert_false(day_is_done(&d, str_of("b.example")));
	day_free(&d);
	assert_true(day_done(folder_fd, "2026-11-26", str_of("b.example")));
	assert_true(day_read(&d, folder_fd, "2026-11-26"));
	assert_true(day_is_done(&d, str_of("b.example")));
	assert_false(day_is_done(&d, str_of("example")));
	day_free(&d);
	assert_true(day_remove(folder_fd, "2026-11-26"));
	assert_int_equal(folder_files(0), 0);
	assert_true(day_remove(folder_fd, "2026-11-26"));
}

static void
days_are_found_by_name(void **state)
{
	int64_t start = 0;

	(void)state;
	assert_true(day_start("2026-11-26", NOW + 5, 7, &start));
	assert_int_equal(start, NOW);
	assert_true(day_start("2026-11-20", NOW + 5, 7, &start));
	assert_int_equal(start, NOW - 6 * DAY_SECONDS);
	assert_false(day_start("2026-11-18", NOW + 5, 7, &start));
	assert_false(day_start("2026-11-27", NOW + 5, 7, &start));
	assert_false(day_start("2026-11-26.done", NOW + 5, 7, &start));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(
		sessions_are_counted_by_day_and_domain, clean),
	    cmocka_unit_test_teardown(
		many_different_ones_are_written_early, clean),
	    cmocka_unit_test_teardown(torn_line_costs_itself_alone, clean),
	    cmocka_unit_test_teardown(changed_line_counts_nothing, clean),
	    cmocka_unit_test_teardown(full_day_is_said_once, clean),
	    cmocka_unit_test_teardown(what_is_done_is_remembered, clean),
	    cmocka_unit_test(days_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, folder_enter, folder_leave);
}
