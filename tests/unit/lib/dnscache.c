/* dnscache: an answer is kept until it is stale and no longer, for its own
 * question alone, and never do they become more than there is room for. */
#include "lib/dnscache.h"

#include "lib/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char clock_path[] = "/tmp/culver-clock.XXXXXX";
static int clock_fd = -1;

static void
move_clock(long long seconds)
{
	char text[CLOCK_FILE_SIZE + 1];

	(void)snprintf(text, sizeof(text), "%+020lld\n%+020lld\n",
	    seconds * CLOCK_SECOND, seconds * CLOCK_SECOND);
	assert_int_equal(
	    pwrite(clock_fd, text, CLOCK_FILE_SIZE, 0), CLOCK_FILE_SIZE);
}

static bool
has(const struct dns_cache *c, const char *name, enum dns_type type,
    const char *packet)
{
	uint32_t seconds = 0;
	struct str found = dns_cache_find(c, name, type, &seconds);

	return packet == NULL ? found.len == 0
			      : str_equal(found, str_of(packet));
}

static void
kept_for_its_question_alone(void **state)
{
	struct dns_cache *c = dns_cache_new();

	(void)state;
	assert_non_null(c);
	assert_true(has(c, "a.example", DNS_A, NULL));
	dns_cache_keep(c, "a.example", DNS_A, str_of("one"), 60);
	dns_cache_keep(c, "b.example", DNS_A, str_of("two"), 60);
	dns_cache_keep(c, "a.example", DNS_MX, str_of("three"), 60);
	assert_true(has(c, "A.Example", DNS_A, "one"));
	assert_true(has(c, "b.example", DNS_A, "two"));
	assert_true(has(c, "a.example", DNS_MX, "three"));
	assert_true(has(c, "b.example", DNS_MX, NULL));
	dns_cache_keep(c, "A.example", DNS_A, str_of("newer"), 60);
	assert_true(has(c, "a.example", DNS_A, "newer"));
	dns_cache_free(c);
}

static void
stale_is_gone(void **state)
{
	struct dns_cache *c = dns_cache_new();
	uint32_t seconds = 0;

	(void)state;
	assert_non_null(c);
	dns_cache_keep(c, "a.example", DNS_A, str_of("one"), 3600);
	dns_cache_keep(c, "now.example", DNS_A, str_of("two"), 0);
	assert_true(has(c, "now.example", DNS_A, NULL));
	dns_cache_keep(c, "a.example", DNS_A, str_of("two"), 0);
	assert_true(has(c, "a.example", DNS_A, "one"));
	move_clock(3000);
	assert_int_equal(
	    dns_cache_find(c, "a.example", DNS_A, &seconds).len, 3);
	assert_in_range(seconds, 1, 600);
	move_clock(3600);
	assert_true(has(c, "a.example", DNS_A, NULL));
	move_clock(0);
	dns_cache_free(c);
}

static void
no_more_than_there_is_room_for(void **state)
{
	static char packet[DNS_CACHE_PACKET + 1];
	struct dns_cache *c = dns_cache_new();
	char name[32];
	unsigned found = 0;

	(void)state;
	assert_non_null(c);
	memset(packet, 'x', sizeof(packet));
	dns_cache_keep(c, "long.example", DNS_TXT,
	    (struct str){packet, sizeof(packet)}, 60);
	assert_true(has(c, "long.example", DNS_TXT, NULL));
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		dns_cache_keep(c, name, DNS_TXT,
		    (struct str){packet, DNS_CACHE_PACKET}, 60);
	}
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		found += !has(c, name, DNS_TXT, NULL);
	}
	assert_in_range(found, 1, DNS_CACHE_SETS * DNS_CACHE_WAYS);
	/* The sets are used evenly enough. */
	assert_true(found > DNS_CACHE_SETS * DNS_CACHE_WAYS / 2);
	dns_cache_free(c);
}

static int
start(void **state)
{
	(void)state;
	clock_fd = mkstemp(clock_path);
	if (clock_fd < 0 || setenv("CULVER_CLOCK", clock_path, 1) != 0)
		return -1;
	move_clock(0);
	clock_open();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	return close(clock_fd) != 0 || unlink(clock_path) != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kept_for_its_question_alone),
	    cmocka_unit_test(stale_is_gone),
	    cmocka_unit_test(no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
