/* simulation: what the scheduler promises to those who share it. */
#include "send/simulation.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, MINUTE = 60 * SECOND };

static void
run(struct simulation *s, struct load *l, const char *text)
{
	struct load_fault fault;

	if (!load_parse(l, str_of(text), &fault))
		fail_msg("line %zu: %s", fault.line, fault.what);
	assert_true(simulation_run(s, l));
}

static void
done(struct simulation *s, struct load *l)
{
	for (size_t i = 0; i < l->destination_count; i++) {
		const struct simulation_row *r = &s->destinations[i];
		assert_int_equal(
		    r->messages, r->delivered + r->bounced + r->waiting);
	}
	simulation_free(s);
	load_free(l);
}

/* P7, DESIGN 7: a flood delays itself, whatever it runs into. */
static void
a_flood_delays_nobody_else(void **state)
{
	static const char *const floods[] = {
	    "destination f slow 0s..10d 30s\nmail flood f 100000\n",
	    "destination f latency 100ms\nmail flood f 100000\n",
	    "destination f dead 0s..10d timeout 60s\nmail flood f 100000\n",
	    "destination f% domains 5000 slow 0s..10d 30s\nmail f f% 100000\n",
	    "destination f% domains 5000 dead 0s..10d\nmail flood f% 100000\n",
	    "destination f defer 100\nmail flood f 100000\n",
	    "destination f latency 30s\nmail flood f 100000 recipients 100\n",
	    "destination f latency 30s\nmail flood% f 50000 customers 50000\n",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
		struct simulation s;
		struct load l;
		const struct simulation_row *joe;
		(void)snprintf(text, sizeof text,
		    "duration 4h\nseed %zu\n%s"
		    "destination other latency 500ms\n"
		    "mail joe other 1000 at 10m over 2h\n",
		    i, floods[i]);
		run(&s, &l, text);
		joe = &s.mail[1];
		assert_int_equal(joe->delivered, 1000);
		assert_true(joe->first < SECOND);
		assert_true(joe->median <= 750000);
		assert_true(s.mail[0].attempts > 100);
		done(&s, &l);
	}
}

static void
a_dead_host_is_asked_once_a_minute_and_served_soon_after(void **state)
{
	struct simulation s;
	struct load l;
	const struct simulation_row *r;

	(void)state;
	run(&s, &l,
	    "concurrencyremote 60\nduration 3d\n"
	    "destination gone latency 2s dead 1h..9h timeout 5s\n"
	    "mail bulk gone 100000 at 50m\n");
	r = &s.destinations[0];
	/* And those that flew when it died. */
	assert_true(r->dead <= 500);
	assert_true(r->dead >= 240);
	assert_true(r->recovered >= 0);
	assert_true(r->recovered <= 2 * (int64_t)MINUTE);
	assert_int_equal(r->delivered, 100000);
	assert_int_equal(r->peak, 20);
	/* What hangs is not looked at: about the same for each attempt. */
	assert_true(s.steps < r->attempts * 64);
	done(&s, &l);
}

static void
mail_for_a_host_that_stays_dead_is_bounced_in_time(void **state)
{
	struct simulation s;
	struct load l;
	const int64_t day = (int64_t)24 * 60 * MINUTE;

	(void)state;
	run(&s, &l,
	    "queuelifetime 2d\nduration 30d\n"
	    "destination gone dead 0s..30d\n"
	    "mail bulk gone 20000 over 1h\n");
	assert_int_equal(s.destinations[0].bounced, 20000);
	/* A look each sixteenth of the lifetime, two of them at least, and one
	 * interval of the schedule between. */
	assert_true(s.end > 2 * day);
	assert_true(s.end < 2 * day + day / 2);
	/* One probe a minute at most, and the looks. */
	assert_true(s.destinations[0].dead <= (uint64_t)(s.end / MINUTE) + 20);
	assert_true(s.destinations[0].deferrals < 400000);
	done(&s, &l);
}

static void
a_host_that_asks_for_less_gets_less(void **state)
{
	struct simulation s;
	struct load l;

	(void)state;
	run(&s, &l,
	    "concurrencyremote 100\nduration 10d\n"
	    "destination picky latency 1s limit 6\n"
	    "mail bulk picky 20000\n");
	assert_int_equal(s.destinations[0].delivered, 20000);
	assert_true(s.destinations[0].peak <= 7);
	assert_true(s.destinations[0].slowed < 20000 / 40);
	/* It is used all the same: a third of what it would take. */
	assert_true(s.end < 20000 / 2 * (int64_t)SECOND);
	done(&s, &l);
}

static void
a_rate_is_kept(void **state)
{
	struct simulation s;
	struct load l;

	(void)state;
	run(&s, &l,
	    "concurrencyremote 100\nduration 10d\n"
	    "destination few latency 1s rate 100/h\n"
	    "mail bulk few 50 recipients 10\n");
	assert_int_equal(s.destinations[0].delivered, 50);
	/* 500 recipients; the last ten are begun behind the others' time. */
	assert_true(s.end >= (int64_t)490 * 36 * SECOND);
	assert_true(s.end < (int64_t)492 * 36 * SECOND);
	done(&s, &l);
}

/* Two that have as much to send get as much, whoever came first and however
 * many recipients their messages have. */
static void
customers_share_by_recipients(void **state)
{
	struct simulation s;
	struct load l;
	uint64_t one, hundred;

	(void)state;
	run(&s, &l,
	    "concurrencyremote 40\nduration 30m\nlanemax 100\n"
	    "destination a latency 1s\ndestination b latency 1s\n"
	    "mail first a 100000\n"
	    "mail second b 100000 at 1m recipients 20\n"
	    "mail third a 100000 at 1m recipients 5\n");
	one = s.mail[0].attempts;
	hundred = s.mail[1].attempts * 20;
	assert_true(hundred > one * 7 / 10 && hundred < one * 13 / 10);
	hundred = s.mail[2].attempts * 5;
	assert_true(hundred > one * 7 / 10 && hundred < one * 13 / 10);
	done(&s, &l);
}

/* What is deferred together comes back spread over a fifth of the pause. */
static void
there_is_no_stampede(void **state)
{
	struct simulation s;
	struct load l;

	(void)state;
	run(&s, &l,
	    "concurrencyremote 4000\nlanemax 4000\nlaneinitial 4000\n"
	    "lanereserve 0\nduration 430s\n"
	    "destination grey latency 1ms defer 100\n"
	    "mail bulk grey 4000\n");
	/* Begun again after 360 to 440 s: about seven eighths until then. */
	assert_true(s.destinations[0].attempts > 4000 + 4000 / 2);
	assert_true(s.destinations[0].attempts < 4000 + 3900);
	assert_true(s.destinations[0].peak == 4000);
	done(&s, &l);
}

static void
lanes_of_one_group_share_its_limits(void **state)
{
	struct simulation s;
	struct load l;

	(void)state;
	run(&s, &l,
	    "concurrencyremote 100\nduration 1h\n"
	    "destination a latency 1s group mx\n"
	    "destination b latency 1s group mx\n"
	    "mail one a 100000\nmail two b 100000\n");
	/* 20 at once for both, but for the first ones, when nothing was
	 * known. */
	assert_true(s.destinations[0].attempts + s.destinations[1].attempts <=
		    20 * 3600 * 5 / 4 + 20);
	assert_true(s.destinations[0].attempts > 20000);
	assert_true(s.destinations[1].attempts > 20000);
	done(&s, &l);
}

/* P8: twice as many in the queue, a step more at most. */
static void
an_event_costs_the_logarithm_of_what_is_queued(void **state)
{
	static const uint32_t sizes[] = {1000, 8000, 64000, 512000};
	double cost[4];
	char text[512];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct simulation s;
		struct load l;
		(void)snprintf(text, sizeof text,
		    "concurrencyremote 50\nduration 1d\n"
		    "destination d%% domains %u latency 100ms dead 1h..2h\n"
		    "destination dead dead 0s..10d\n"
		    "mail c%% d%% %u customers %u over 50m\n"
		    "mail bulk dead %u\n",
		    sizes[i] / 20, sizes[i] / 8, sizes[i] / 100,
		    sizes[i] * 7 / 8);
		run(&s, &l, text);
		assert_true(s.destinations[0].attempts > 0);
		cost[i] =
		    (double)s.steps / (double)(s.destinations[0].attempts +
					       2 * s.destinations[1].messages);
		done(&s, &l);
	}
	for (int i = 1; i < 4; i++)
		assert_true(cost[i] <= cost[i - 1] + 24);
}

static void
the_same_seed_gives_the_same(void **state)
{
	static const char text[] =
	    "duration 2d\nseed 7\n"
	    "destination a% domains 50 defer 30 fail 5 dead 1h..3h\n"
	    "mail c% a% 3000 customers 20 over 5h\n";
	struct simulation a, b;
	struct load l, k;

	(void)state;
	run(&a, &l, text);
	run(&b, &k, text);
	assert_memory_equal(
	    a.destinations, b.destinations, sizeof *a.destinations);
	assert_memory_equal(a.mail, b.mail, sizeof *a.mail);
	assert_true(a.steps == b.steps && a.end == b.end);
	done(&b, &k);
	done(&a, &l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flood_delays_nobody_else),
	    cmocka_unit_test(
		a_dead_host_is_asked_once_a_minute_and_served_soon_after),
	    cmocka_unit_test(
		mail_for_a_host_that_stays_dead_is_bounced_in_time),
	    cmocka_unit_test(a_host_that_asks_for_less_gets_less),
	    cmocka_unit_test(a_rate_is_kept),
	    cmocka_unit_test(customers_share_by_recipients),
	    cmocka_unit_test(there_is_no_stampede),
	    cmocka_unit_test(lanes_of_one_group_share_its_limits),
	    cmocka_unit_test(an_event_costs_the_logarithm_of_what_is_queued),
	    cmocka_unit_test(the_same_seed_gives_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
