/* owed: each NOTIFY against each outcome, sender and age. */
#include "send/owed.h"
#include "lib/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { HOUR = 3600, UNSET = 0 };

static struct entry entry = {.ino = 5};
static struct recipient recipients[2];
static struct active a = {
    .entry = &entry, .recipients = recipients, .count = 1, .cap = 2};
static struct send s;

/* A message of one recipient, that arrived so many seconds ago. */
static void
begin(const char *sender, const char *notify, int age)
{
	a.message.arrived = clock_wall() - (int64_t)age * CLOCK_SECOND;
	a.untold = false;
	buf_clear(&a.sender);
	assert_true(buf_append_text(&a.sender, sender));
	memset(recipients, 0, sizeof recipients);
	if (notify != NULL)
		owed_asked(&a, 0, str_of(notify));
	drift_start(&s.drift, clock_wall(), clock_boot());
}

static void
success_is_told_where_it_was_asked_for(void **state)
{
	static const struct {
		const char *sender, *notify;
		enum journal_act act;
		bool owed;
	} rows[] = {
	    {"s@x",      "SUCCESS",               JOURNAL_ACT_DELIVERED, true },
	    {"s@x",      "SUCCESS",               JOURNAL_ACT_RELAYED,   true },
	    {"s@x",      "SUCCESS",               JOURNAL_ACT_EXPANDED,  true },
	    {"s@x",      "SUCCESS",               JOURNAL_ACT_NONE,      false},
	    {"s@x",      "success",               JOURNAL_ACT_DELIVERED, true },
	    {"s@x",      "FAILURE,DELAY,SUCCESS", JOURNAL_ACT_DELIVERED, true },
	    {"s@x",      "FAILURE,DELAY",         JOURNAL_ACT_DELIVERED, false},
	    {"s@x",      "NEVER",                 JOURNAL_ACT_DELIVERED, false},
	    {"s@x",      "SUCCESSFUL",            JOURNAL_ACT_DELIVERED, false},
	    {"s@x",      NULL,                    JOURNAL_ACT_DELIVERED, false},
	    {"",         "SUCCESS",               JOURNAL_ACT_DELIVERED, false},
	    {"#@[]",     "SUCCESS",               JOURNAL_ACT_DELIVERED, false},
	    {"l-@h-@[]", "SUCCESS",               JOURNAL_ACT_DELIVERED, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(rows[i].sender, rows[i].notify, 0);
		recipients[0].state = RECIPIENT_OK;
		recipients[0].owes = rows[i].act != JOURNAL_ACT_NONE;
		for (int over = 0; over < 2; over++)
			assert_int_equal(owed_next(&s, &a, over != 0),
			    rows[i].owed ? BOUNCE_SUCCESS : BOUNCE_NONE);
		owed_told(&a, BOUNCE_SUCCESS);
		assert_int_equal(owed_next(&s, &a, true), BOUNCE_NONE);
	}
}

static void
delay_is_told_once_it_is_one(void **state)
{
	static const struct {
		const char *sender, *notify;
		uint64_t delaynotice;
		int age;
		uint32_t attempts;
		bool owed;
	} rows[] = {
	    {"s@x",      NULL,            UNSET, 90 * HOUR,    9,  false},
	    {"s@x",      NULL,            HOUR,  HOUR - 9,     9,  false},
	    {"s@x",      NULL,            HOUR,  HOUR,         9,  true },
	    {"s@x",      NULL,            HOUR,  HOUR,         0,  false},
	    {"s@x",      "DELAY",         UNSET, 4 * HOUR - 9, 9,  false},
	    {"s@x",      "DELAY",         UNSET, 4 * HOUR,     9,  true },
	    {"s@x",      "FAILURE,delay", HOUR,  HOUR,         9,  true },
	    {"s@x",      "FAILURE",       HOUR,  9 * HOUR,     9,  false},
	    {"s@x",      "NEVER",         HOUR,  9 * HOUR,     9,  false},
	    {"",         "DELAY",         HOUR,  9 * HOUR,     9,  false},
	    {"#@[]",     NULL,            HOUR,  9 * HOUR,     9,  false},
	    {"l-@h-@[]", NULL,            HOUR,  9 * HOUR,     9,  false},
	    {"l-@h-@[]", "DELAY",         HOUR,  9 * HOUR,     9,  true },
 /* From the future: as old as its attempts. */
	    {"s@x",      NULL,            HOUR,  -HOUR,        2,  false},
	    {"s@x",      NULL,            HOUR,  -HOUR,        99, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		s.delaynotice = rows[i].delaynotice;
		begin(rows[i].sender, rows[i].notify, rows[i].age);
		recipients[0].attempts = rows[i].attempts & 0xffffff;
		assert_int_equal(owed_next(&s, &a, false),
		    rows[i].owed ? BOUNCE_DELAYED : BOUNCE_NONE);
		owed_told(&a, BOUNCE_DELAYED);
		assert_int_equal(owed_next(&s, &a, false), BOUNCE_NONE);
	}
	s.delaynotice = UNSET;
}

static void
who_is_not_waited_for_is_not_delayed(void **state)
{
	(void)state;
	begin("s@x", "DELAY", 9 * HOUR);
	recipients[0].attempts = 9;
	recipients[0].state = RECIPIENT_OK;
	assert_int_equal(owed_next(&s, &a, true), BOUNCE_NONE);
	recipients[0].state = RECIPIENT_FAILED;
	a.untold = true;
	assert_int_equal(owed_next(&s, &a, false), BOUNCE_NONE);
	assert_int_equal(owed_next(&s, &a, true), BOUNCE_FAILED);
	owed_told(&a, BOUNCE_FAILED);
	assert_int_equal(owed_next(&s, &a, true), BOUNCE_NONE);
}

/* A recipient whose first deferral comes later is told of later. */
static void
each_recipient_has_his_own(void **state)
{
	(void)state;
	a.count = 2;
	begin("s@x", "DELAY", 9 * HOUR);
	owed_asked(&a, 1, str_of("DELAY,SUCCESS"));
	recipients[0].attempts = 3;
	assert_int_equal(owed_next(&s, &a, false), BOUNCE_DELAYED);
	owed_told(&a, BOUNCE_DELAYED);
	recipients[1].attempts = 1;
	assert_int_equal(owed_next(&s, &a, false), BOUNCE_DELAYED);
	recipients[1].state = RECIPIENT_OK;
	recipients[1].owes = true;
	assert_int_equal(owed_next(&s, &a, false), BOUNCE_SUCCESS);
	owed_told(&a, BOUNCE_DELAYED);
	assert_int_equal(owed_next(&s, &a, false), BOUNCE_SUCCESS);
	owed_asked(&a, 2, str_of("SUCCESS")); /* nobody */
	a.count = 1;
}

static void
a_request_says_what_is_owed(void **state)
{
	struct bounce_request r;

	(void)state;
	begin("s@x", NULL, HOUR);
	s.plan.lifetime = 7200;
	s.delaynotice = HOUR;
	owed_request(&s, &a, BOUNCE_DELAYED, &r);
	assert_int_equal(r.kind, BOUNCE_DELAYED);
	assert_true(r.ino == 5 && r.unasked);
	assert_true(r.until == a.message.arrived + 7200LL * CLOCK_SECOND);
	owed_request(&s, &a, BOUNCE_SUCCESS, &r);
	assert_true(r.kind == BOUNCE_SUCCESS && !r.unasked && r.until == 0);
	begin("l-@h-@[]", NULL, HOUR);
	owed_request(&s, &a, BOUNCE_DELAYED, &r);
	assert_false(r.unasked);
	s.delaynotice = UNSET;
}

static void
what_became_of_it_is_known_by_its_result(void **state)
{
	static const struct {
		enum channel c;
		const char *via, *text;
		bool relayed;
		enum journal_act act;
	} rows[] = {
	    {CHANNEL_LOCAL,  "maildir /x", "did 1+0+0\n",        false,
             JOURNAL_ACT_DELIVERED							   },
	    {CHANNEL_LOCAL,  "maildir /x", "did 1+2+0\nqp 5\n",  false,
             JOURNAL_ACT_DELIVERED							   },
	    {CHANNEL_LOCAL,  "forward",    "did 0+1+0\nqp 5\n",  false,
             JOURNAL_ACT_RELAYED							     },
	    {CHANNEL_LOCAL,  "forward",    "did 0+12+0\nqp 5\n", false,
             JOURNAL_ACT_EXPANDED							    },
	    {CHANNEL_LOCAL,  "",           "did 0+0+0\n",        false, JOURNAL_ACT_DELIVERED},
	    {CHANNEL_REMOTE, "mx.example", "250 ok",             false, JOURNAL_ACT_NONE     },
	    {CHANNEL_REMOTE, "mx.example", "250 ok",             true,  JOURNAL_ACT_RELAYED  },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct result r = {.letter = 'K',
		    .via = str_of(rows[i].via),
		    .text = str_of(rows[i].text),
		    .relayed = rows[i].relayed};
		assert_int_equal(owed_act(rows[i].c, &r), rows[i].act);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(success_is_told_where_it_was_asked_for),
	    cmocka_unit_test(delay_is_told_once_it_is_one),
	    cmocka_unit_test(who_is_not_waited_for_is_not_delayed),
	    cmocka_unit_test(each_recipient_has_his_own),
	    cmocka_unit_test(a_request_says_what_is_owed),
	    cmocka_unit_test(what_became_of_it_is_known_by_its_result),
	};
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&a.sender);
	return result;
}
