/* schedule: entries and parts, their states and their memory, against a plain
 * model of them. */
#include "send/schedule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGES = 400, PARTS = 3, STEPS = 300000, SECOND = 1000000 };

enum state { NOWHERE, WAITING, READY };

struct model_part {
	uint32_t id; /* SCHEDULE_NONE: there is none */
	uint32_t flying;
	enum state state;
	int64_t due;
	uint32_t lane, customer;
};

struct model {
	bool known, unread;
	int64_t due;
	struct model_part parts[PARTS];
};

static uint32_t seed = 1;
static int64_t now;

static uint32_t
dice(uint32_t sides)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % sides;
}

/* Numbers as a file system gives them: close together, and far apart. */
static uint64_t
ino_of(uint32_t i)
{
	return i % 2 == 0 ? 1000 + i : ((uint64_t)i << 34) + 7;
}

static struct str
name(char *out, const char *what, uint32_t number)
{
	(void)snprintf(out, 32, "%s%u", what, number);
	return str_of(out);
}

static uint32_t
model_flying(const struct model *m)
{
	uint32_t n = 0;

	for (int i = 0; i < PARTS; i++)
		if (m->parts[i].id != SCHEDULE_NONE)
			n += m->parts[i].flying;
	return n;
}

static void
model_clear(struct model *m)
{
	for (int i = 0; i < PARTS; i++)
		m->parts[i] = (struct model_part){.id = SCHEDULE_NONE};
}

static void
make_parts(struct schedule *t, struct entry *e, struct model *m)
{
	char lane[32], customer[32];
	uint32_t count = 1 + dice(PARTS), c = dice(5), base = dice(40);

	model_clear(m);
	m->unread = false;
	for (uint32_t i = 0; i < count; i++) {
		struct model_part *p = &m->parts[i];
		p->lane = base + i;
		p->customer = c;
		p->id = schedule_part(t, e, CHANNEL_REMOTE,
		    name(customer, "c", c), name(lane, "l", p->lane));
		assert_true(p->id != SCHEDULE_NONE);
		/* Asked for again it is the same. */
		assert_int_equal(p->id, schedule_part(t, e, CHANNEL_REMOTE,
					    str_of(customer), str_of(lane)));
		p->state = WAITING;
		p->due = (now / 1000 + dice(2000)) * 1000;
		schedule_wait(t, p->id, p->due, now);
		if (p->due <= now)
			p->state = READY;
	}
}

static void
time_passes(struct model *all, int64_t to)
{
	now = to;
	for (int i = 0; i < MESSAGES; i++)
		for (int k = 0; k < PARTS; k++)
			if (all[i].parts[k].state == WAITING &&
			    all[i].parts[k].due <= now)
				all[i].parts[k].state = READY;
}

static struct model_part *
part_of(struct model *all, const struct entry *e, uint32_t id)
{
	for (uint32_t i = 0; i < MESSAGES; i++)
		if (all[i].known && ino_of(i) == e->ino)
			for (int k = 0; k < PARTS; k++)
				if (all[i].parts[k].id == id)
					return &all[i].parts[k];
	return NULL;
}

static void
begin(struct schedule *t, struct model *all)
{
	struct turn turn;
	struct model_part *p;
	char lane[32];

	if (!schedule_next(t, CHANNEL_REMOTE, now, &turn))
		return;
	p = part_of(all, turn.entry, turn.part);
	assert_non_null(p);
	assert_int_equal(p->state, READY);
	assert_true(str_equal(turn.lane, name(lane, "l", p->lane)));
	assert_true(turn.due <= now);
	schedule_charge(t, turn.part, 1 + dice(100));
	p->flying++;
	p->state = NOWHERE;
	if (dice(4) == 0) { /* more recipients than fit the job */
		schedule_wait(t, p->id, now, now);
		p->state = READY;
		p->due = now;
	}
}

static void
end(struct schedule *t, struct model *m)
{
	static const char *const groups[] = {"", "", "g1", "g2", "g3"};
	struct model_part *p = &m->parts[dice(PARTS)];
	uint32_t fault = dice(10);

	if (p->id == SCHEDULE_NONE || p->flying == 0)
		return;
	schedule_learn(t, p->id,
	    fault == 0   ? LANE_DIED
	    : fault == 1 ? LANE_SLOWED
			 : LANE_SERVED,
	    str_of(groups[dice(5)]), now);
	schedule_end(t, p->id, now);
	p->flying--;
	assert_int_equal(schedule_flying(t, p->id), p->flying);
	if (p->state != NOWHERE || p->flying > 0)
		return;
	if (dice(2) == 0) {
		schedule_drop(t, p->id);
		p->id = SCHEDULE_NONE;
		return;
	}
	p->due = (now / 1000 + dice(5000)) * 1000;
	p->state = p->due <= now ? READY : WAITING;
	schedule_wait(t, p->id, p->due, now);
}

static void
change(struct schedule *t, struct model *all, uint32_t i)
{
	struct model *m = &all[i];
	struct entry *e = schedule_find(t, ino_of(i));

	assert_int_equal(e != NULL, m->known);
	if (e == NULL) {
		e = schedule_add(t, ino_of(i));
		assert_non_null(e);
		assert_int_equal(e->flags, 0);
		model_clear(m);
		m->known = true;
	}
	if (model_flying(m) > 0)
		return;
	switch (dice(5)) {
	case 0:
		schedule_remove(t, e);
		model_clear(m);
		m->known = m->unread = false;
		break;
	case 1:
		schedule_take(t, e);
		model_clear(m);
		m->unread = false;
		break;
	case 2:
		model_clear(m);
		e->flags ^= ENTRY_REPEAT;
		m->due = (now / 1000 + dice(3000)) * 1000;
		m->unread = true;
		schedule_unread(t, e, m->due, now);
		break;
	default:
		schedule_take(t, e);
		make_parts(t, e, m);
		break;
	}
}

static void
read_one(struct schedule *t, struct model *all)
{
	struct entry *e = schedule_read(t, now);

	if (e == NULL)
		return;
	for (uint32_t i = 0; i < MESSAGES; i++)
		if (ino_of(i) == e->ino) {
			assert_true(all[i].known && all[i].unread);
			assert_true(all[i].due <= now);
			assert_true(schedule_due(e) == all[i].due);
			make_parts(t, e, &all[i]);
		}
}

static void
compare(struct schedule *t, struct model *all)
{
	struct schedule_figures f;
	uint32_t waiting = 0, ready = 0, flying = 0, known = 0;
	uint32_t lanes = 0, customers = 0, cursor;
	struct schedule_view v;

	for (int i = 0; i < MESSAGES; i++) {
		known += all[i].known;
		flying += model_flying(&all[i]);
		for (int k = 0; k < PARTS; k++) {
			waiting += all[i].parts[k].state == WAITING;
			ready += all[i].parts[k].state == READY;
		}
	}
	/* What has become due is ready at the next look. */
	(void)schedule_readable(t);
	schedule_figures(t, CHANNEL_REMOTE, &f);
	assert_int_equal(schedule_count(t), known);
	assert_int_equal(f.flying, flying);
	assert_int_equal(f.waiting + f.ready, waiting + ready);
	ready = waiting = flying = 0;
	for (cursor = 0; schedule_each_lane(t, &cursor, &v); lanes++) {
		ready += v.ready;
		waiting += v.waiting;
		flying += v.flying;
		assert_true((v.oldest != 0) == (v.ready != 0));
		assert_true(v.lane->flying >= v.flying);
	}
	assert_int_equal(ready, f.ready);
	assert_int_equal(waiting, f.waiting);
	assert_int_equal(flying, f.flying);
	assert_int_equal(lanes, f.lanes);
	flying = 0;
	for (cursor = 0; schedule_each_customer(t, &cursor, &v); customers++)
		flying += v.flying;
	assert_int_equal(flying, f.flying);
	assert_int_equal(customers, f.customers);
}

/* Everything flies once more, and is done. */
static void
run_out(struct schedule *t, struct model *all)
{
	uint32_t left = 1;

	for (int round = 0; left > 0; round++) {
		struct turn turn;
		assert_true(round < 100000);
		time_passes(
		    all, schedule_timer(t, now + 60 * (int64_t)SECOND) > now
			     ? schedule_timer(t, now + 60 * (int64_t)SECOND)
			     : now);
		while (schedule_next(t, CHANNEL_REMOTE, now, &turn)) {
			struct model_part *p =
			    part_of(all, turn.entry, turn.part);
			assert_int_equal(p->state, READY);
			p->state = NOWHERE;
			p->flying++;
		}
		left = 0;
		for (int i = 0; i < MESSAGES; i++)
			for (int k = 0; k < PARTS; k++) {
				struct model_part *p = &all[i].parts[k];
				for (; p->flying > 0; p->flying--) {
					schedule_learn(t, p->id, LANE_SERVED,
					    str_of(""), now);
					schedule_end(t, p->id, now);
				}
				left += p->state != NOWHERE;
			}
	}
}

static void
every_part_is_in_one_state_and_nothing_starves(void **state)
{
	struct schedule *t = schedule_new(77);
	struct model *all = calloc(MESSAGES, sizeof *all);

	(void)state;
	assert_non_null(t);
	assert_non_null(all);
	schedule_slots(t, CHANNEL_REMOTE, 40, 10);
	for (int i = 0; i < MESSAGES; i++)
		model_clear(&all[i]);
	for (int i = 0; i < STEPS; i++) {
		switch (dice(8)) {
		case 0:
			change(t, all, dice(MESSAGES));
			break;
		case 1:
			time_passes(all, now + dice(20000));
			break;
		case 2:
			read_one(t, all);
			break;
		case 3:
		case 4:
			begin(t, all);
			break;
		default:
			end(t, &all[dice(MESSAGES)]);
			break;
		}
		if (i % 1000 == 0)
			compare(t, all);
	}
	run_out(t, all);
	free(all);
	schedule_free(t);
}

static void
what_is_to_be_read_comes_when_it_is_due_and_the_new_first(void **state)
{
	struct schedule *t = schedule_new(1);
	struct entry *e;
	static const uint64_t order[] = {11, 12, 13, 2, 14, 3, 1};

	(void)state;
	for (uint64_t i = 1; i <= 4; i++) {
		e = schedule_add(t, i);
		e->flags |= ENTRY_REPEAT;
		schedule_unread(t, e, (int64_t)i * 1000, 0);
	}
	for (uint64_t i = 11; i <= 14; i++)
		schedule_unread(t, schedule_add(t, i), 0, 0);
	/* The first is a fourth, too. */
	e = schedule_read(t, 3000);
	assert_true(e->ino == 1);
	schedule_unread(t, e, 2500, 3000);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		e = schedule_read(t, 3000);
		assert_non_null(e);
		assert_true(e->ino == order[i]);
	}
	assert_null(schedule_read(t, 3999));
	assert_true(schedule_timer(t, INT64_MAX) == 4000);
	assert_true(schedule_read(t, 4000)->ino == 4);
	schedule_free(t);
}

static void
forcing_makes_everything_due_and_says_so(void **state)
{
	struct schedule *t = schedule_new(1);
	struct entry *e;
	struct turn turn;
	uint32_t part;

	(void)state;
	schedule_slots(t, CHANNEL_REMOTE, 10, 0);
	for (uint64_t i = 1; i <= 100; i++)
		schedule_unread(
		    t, schedule_add(t, i), (int64_t)(i * 37 % 101) * SECOND, 0);
	e = schedule_add(t, 1000);
	part = schedule_part(t, e, CHANNEL_REMOTE, str_of("c"), str_of("l"));
	schedule_wait(t, part, 5000 * (int64_t)SECOND, 0);
	schedule_force(t, 50);
	for (int i = 0; i < 100; i++) {
		e = schedule_read(t, 1000);
		assert_non_null(e);
		assert_true((e->flags & ENTRY_FORCE) != 0);
	}
	assert_null(schedule_read(t, 1000));
	assert_true(schedule_next(t, CHANNEL_REMOTE, 1000, &turn));
	assert_true(turn.entry->ino == 1000);
	assert_true((turn.entry->flags & ENTRY_FORCE) != 0);
	schedule_free(t);
}

static void
a_message_takes_64_bytes_and_a_further_part_32(void **state)
{
	struct schedule *t = schedule_new(1);
	struct entry *first = schedule_add(t, 5), *e;
	char lane[32];
	size_t before, lanes = 1000, n = 1000000;

	(void)state;
	for (uint64_t i = 10; i < 10 + n; i++) {
		uint32_t part;
		e = schedule_add(t, i);
		part = schedule_part(t, e, CHANNEL_REMOTE, str_of("c"),
		    name(lane, "l", (uint32_t)(i % lanes)));
		schedule_wait(t, part, (int64_t)i * SECOND, 0);
	}
	before = schedule_bytes(t);
	assert_true(before < n * 64);
	assert_ptr_equal(schedule_find(t, 5), first);
	for (uint64_t i = 10; i < 10 + n; i++) {
		e = schedule_find(t, i);
		schedule_wait(t,
		    schedule_part(t, e, CHANNEL_REMOTE, str_of("c"),
			name(lane, "l", (uint32_t)((i + 1) % lanes))),
		    (int64_t)i * SECOND, 0);
	}
	/* The last blocks are not full. */
	assert_true(schedule_bytes(t) - before <= n * 32 + (1 << 18));
	assert_true(schedule_bytes(t) < (size_t)100 << 20);
	schedule_free(t);
}

/* A flood to as many domains as there are messages. */
static void
lanes_are_bounded_however_many_destinations_there_are(void **state)
{
	struct schedule *t = schedule_new(1);
	struct schedule_figures f;
	char lane[32];
	uint32_t refused = 0, read = 0;
	uint64_t n = 200000;
	struct entry *e;

	(void)state;
	for (uint64_t i = 1; i <= n; i++) {
		uint32_t part;
		e = schedule_add(t, i);
		part = schedule_part(t, e, CHANNEL_REMOTE, str_of("c"),
		    name(lane, "l", (uint32_t)i));
		if (part == SCHEDULE_NONE) {
			refused++;
			schedule_unread(t, e, SECOND, 0);
			continue;
		}
		schedule_wait(t, part, SECOND, 0);
		schedule_rest(t, e);
	}
	schedule_figures(t, CHANNEL_REMOTE, &f);
	assert_true(f.lanes <= SCHEDULE_LANES);
	assert_int_equal(refused, 0);
	assert_true(schedule_bytes(t) < n * 64 + (size_t)SCHEDULE_LANES * 500);
	while (schedule_read(t, SECOND) != NULL)
		read++;
	schedule_figures(t, CHANNEL_REMOTE, &f);
	assert_int_equal(read + f.ready, n);
	schedule_free(t);
}

static void
what_nothing_needs_is_forgotten(void **state)
{
	struct schedule *t = schedule_new(1);
	struct schedule_figures f;
	char text[32];
	int64_t at = 0;
	struct turn turn;

	(void)state;
	schedule_slots(t, CHANNEL_REMOTE, 1, 0);
	for (uint64_t i = 1; i <= 20000; i++) {
		struct entry *e = schedule_add(t, i);
		schedule_wait(t,
		    schedule_part(t, e, CHANNEL_REMOTE,
			name(text, "c", (uint32_t)i),
			name(text, "l", (uint32_t)i)),
		    at, at);
		assert_true(schedule_next(t, CHANNEL_REMOTE, at, &turn));
		schedule_learn(t, turn.part, LANE_SERVED, str_of(""), at);
		schedule_end(t, turn.part, at);
		schedule_remove(t, e);
		at += SECOND;
	}
	schedule_figures(t, CHANNEL_REMOTE, &f);
	assert_int_equal(f.customers, 0);
	assert_true(f.lanes <= 2 * LANE_KEEP);
	schedule_free(t);
}

enum { LANES = 200 };

/* A message to all of the lanes, and what its parts are called. */
static void
post(struct schedule *t, struct entry *e, uint32_t *parts)
{
	char lane[32];

	for (uint32_t i = 0; i < LANES; i++) {
		parts[i] = schedule_part(
		    t, e, CHANNEL_REMOTE, str_of("list"), name(lane, "l", i));
		assert_true(parts[i] != SCHEDULE_NONE);
		schedule_wait(t, parts[i], SECOND, 0);
	}
}

static void
parts_are_found_again_behind_those_of_others(void **state)
{
	struct schedule *t = schedule_new(1);
	struct entry *one = schedule_add(t, 1), *other = schedule_add(t, 2);
	uint32_t before[LANES], others[LANES], after[LANES];

	(void)state;
	post(t, one, before);
	for (int round = 0; round < 3; round++) {
		schedule_again(t, other);
		post(t, other, others);
		schedule_again(t, one);
		post(t, one, after);
		assert_memory_equal(before, after, sizeof before);
	}
	schedule_free(t);
}

static void
parts_that_are_dropped_leave_their_places(void **state)
{
	struct schedule *t = schedule_new(1);
	struct entry *e = schedule_add(t, 1);
	uint32_t parts[LANES];
	size_t bytes;

	(void)state;
	post(t, e, parts);
	bytes = schedule_bytes(t);
	for (int round = 0; round < 100; round++) {
		for (uint32_t i = 1; i < LANES; i += 2)
			schedule_drop(t, parts[i]);
		schedule_again(t, e);
		post(t, e, parts);
	}
	assert_int_equal(schedule_bytes(t), bytes);
	schedule_free(t);
}

static void
local_mail_has_a_lane_however_many_others_there_are(void **state)
{
	struct schedule *t = schedule_new(1);
	struct turn turn;
	char lane[32];
	uint32_t part;

	(void)state;
	schedule_slots(t, CHANNEL_LOCAL, 1, 0);
	for (uint32_t i = 0; i < SCHEDULE_LANES; i++) {
		part = schedule_part(t, schedule_add(t, i + 1), CHANNEL_REMOTE,
		    str_of("flood"), name(lane, "l", i));
		assert_true(part != SCHEDULE_NONE);
		schedule_wait(t, part, 0, 0);
	}
	assert_int_equal(schedule_part(t, schedule_add(t, SCHEDULE_LANES + 1),
			     CHANNEL_REMOTE, str_of("c"), str_of("one more")),
	    SCHEDULE_NONE);
	part = schedule_part(t, schedule_add(t, SCHEDULE_LANES + 2),
	    CHANNEL_LOCAL, str_of("c"), str_of(""));
	assert_true(part != SCHEDULE_NONE);
	schedule_wait(t, part, 0, 0);
	assert_true(schedule_next(t, CHANNEL_LOCAL, 0, &turn));
	assert_int_equal(turn.part, part);
	schedule_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_part_is_in_one_state_and_nothing_starves),
	    cmocka_unit_test(
		what_is_to_be_read_comes_when_it_is_due_and_the_new_first),
	    cmocka_unit_test(forcing_makes_everything_due_and_says_so),
	    cmocka_unit_test(a_message_takes_64_bytes_and_a_further_part_32),
	    cmocka_unit_test(
		lanes_are_bounded_however_many_destinations_there_are),
	    cmocka_unit_test(what_nothing_needs_is_forgotten),
	    cmocka_unit_test(parts_are_found_again_behind_those_of_others),
	    cmocka_unit_test(parts_that_are_dropped_leave_their_places),
	    cmocka_unit_test(
		local_mail_has_a_lane_however_many_others_there_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
