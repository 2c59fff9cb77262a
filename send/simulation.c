/* simulation: arrivals, turns, ends, one after the other. */
#include "send/simulation.h"
#include "lib/clock.h"
#include "send/heap.h"
#include "send/pool.h"
#include "send/simulated.h"
#include <stdio.h>
#include <stdlib.h>

struct flight {
	int64_t end;
	uint32_t place, part, message;
	enum outcome outcome;
};

struct world {
	const struct load *load;
	struct simulation *out;
	struct schedule *schedule;
	struct simulated all;
	struct pool flights;
	struct heap ends;
	uint64_t *arrived; /* messages of each row of mail that have */
	uint64_t ino;
	uint64_t left; /* neither delivered nor bounced */
	int64_t now;
	bool failed; /* without memory */
};

static int64_t
end_of(const void *owner, uint32_t id)
{
	const struct world *w = owner;
	const struct flight *f = pool_at(&w->flights, id);

	return f->end;
}

static uint32_t *
place_of(const void *owner, uint32_t id)
{
	const struct world *w = owner;
	struct flight *f = pool_at(&w->flights, id);

	return &f->place;
}

/* When the next message of a row of mail comes. */
static int64_t
arrival(const struct world *w, size_t row)
{
	const struct load_mail *m = &w->load->mail[row];
	uint64_t n = w->arrived[row];

	if (n == m->count)
		return INT64_MAX;
	return m->start + (int64_t)((double)m->over * (double)n / m->count);
}

static void
arrive(struct world *w, size_t row)
{
	uint64_t n = w->arrived[row]++;
	struct entry *e = schedule_add(w->schedule, ++w->ino);

	simulated_arrive(&w->all, w->ino, row, n, w->now);
	if (e == NULL)
		w->failed = true;
	else
		schedule_unread(w->schedule, e, w->now, w->now);
}

static void
arrivals(struct world *w)
{
	for (size_t i = 0; i < w->load->mail_count; i++)
		while (arrival(w, i) <= w->now)
			arrive(w, i);
}

static struct str
numbered(char out[2 * LOAD_NAME], const char *name, uint32_t number)
{
	const char *percent = name;

	while (*percent != '\0' && *percent != '%')
		percent++;
	if (*percent == '\0')
		(void)snprintf(out, (size_t)2 * LOAD_NAME, "%s", name);
	else
		(void)snprintf(out, (size_t)2 * LOAD_NAME, "%.*s%u%s",
		    (int)(percent - name), name, number, percent + 1);
	return str_of(out);
}

/* As culver-send reads a message: what its lane is, and its customer. */
static void
read_message(struct world *w, struct entry *e)
{
	const struct simulated_message *m = simulated_at(&w->all, e->ino);
	const struct load_mail *mail = &w->load->mail[m->row];
	const struct load_destination *d =
	    &w->load->destinations[mail->destination];
	char customer[2 * LOAD_NAME], lane[2 * LOAD_NAME];
	uint32_t part = schedule_part(w->schedule, e, CHANNEL_REMOTE,
	    numbered(customer, mail->customer, m->number % mail->customers + 1),
	    numbered(lane, d->name, m->number % d->domains + 1));

	e->flags |= ENTRY_REPEAT;
	if (part == SCHEDULE_NONE) {
		schedule_unread(w->schedule, e,
		    w->now + 60 * (int64_t)CLOCK_SECOND, w->now);
		return;
	}
	schedule_rate(w->schedule, part, d->spacing);
	schedule_wait(w->schedule, part, w->now, w->now);
}

/* An attempt was in vain: the message waits, or is too old. */
static void
again(struct world *w, uint64_t ino, uint32_t part)
{
	struct simulated_message *m = simulated_at(&w->all, ino);
	const struct retry_plan *plan = &w->load->plan;
	int64_t age = w->now - m->birth;
	struct entry *e = schedule_find(w->schedule, ino);

	if (retry_expired(age, m->attempts, plan->lifetime)) {
		simulated_bounce(&w->all, m);
		schedule_remove(w->schedule, e);
		w->left--;
		return;
	}
	simulated_defer(&w->all, m);
	schedule_wait(w->schedule, part,
	    w->now + retry_pause(plan, age, m->attempts, CHANNEL_REMOTE, ino),
	    w->now);
	schedule_rest(w->schedule, e);
}

static enum lane_fault
fault_of(enum outcome o)
{
	if (o == OUTCOME_DEAD)
		return LANE_DIED;
	return o == OUTCOME_SLOWED ? LANE_SLOWED : LANE_SERVED;
}

static void
end(struct world *w, uint32_t id)
{
	struct flight f = *(struct flight *)pool_at(&w->flights, id);
	struct simulated_message *m = simulated_at(&w->all, f.message);
	const struct load_destination *d =
	    &w->load->destinations[w->load->mail[m->row].destination];

	heap_take(&w->ends, w, id);
	pool_give(&w->flights, id);
	simulated_end(&w->all, m, f.outcome, w->now);
	schedule_learn(w->schedule, f.part, fault_of(f.outcome),
	    f.outcome == OUTCOME_DEAD ? str_of("") : str_of(d->group), w->now);
	schedule_end(w->schedule, f.part, w->now);
	if (f.outcome != OUTCOME_OK && f.outcome != OUTCOME_FAILED) {
		again(w, f.message, f.part);
		return;
	}
	schedule_remove(w->schedule, schedule_find(w->schedule, f.message));
	w->left--;
}

static void
begin(struct world *w, const struct turn *turn)
{
	struct simulated_message *m = simulated_at(&w->all, turn->entry->ino);
	uint32_t id = pool_take(&w->flights);
	struct flight *f;
	int64_t lasts;

	if (id == POOL_NONE || !heap_room(&w->ends, w->flights.live)) {
		w->failed = true;
		return;
	}
	f = pool_at(&w->flights, id);
	f->part = turn->part;
	f->message = (uint32_t)turn->entry->ino;
	f->outcome = simulated_begin(&w->all, m, w->now, &lasts);
	f->end = w->now + lasts;
	heap_put(&w->ends, w, id);
	schedule_charge(
	    w->schedule, turn->part, w->load->mail[m->row].recipients);
}

static void
ends(struct world *w)
{
	uint32_t id;

	while (
	    (id = heap_first(&w->ends)) != HEAP_NONE && end_of(w, id) <= w->now)
		end(w, id);
}

static void
turns(struct world *w)
{
	struct entry *e;
	struct turn turn;

	while ((e = schedule_read(w->schedule, w->now)) != NULL)
		read_message(w, e);
	while (schedule_overdue(w->schedule, w->now, &turn)) {
		simulated_at(&w->all, turn.entry->ino)->attempts++;
		again(w, turn.entry->ino, turn.part);
	}
	while (!w->failed &&
	       schedule_next(w->schedule, CHANNEL_REMOTE, w->now, &turn))
		begin(w, &turn);
}

static void
measure(struct world *w)
{
	size_t bytes = schedule_bytes(w->schedule);
	size_t known = schedule_count(w->schedule);
	struct schedule_figures f;

	schedule_figures(w->schedule, CHANNEL_REMOTE, &f);
	if (bytes > w->out->bytes)
		w->out->bytes = bytes;
	if (known > w->out->known)
		w->out->known = known;
	if (f.lanes > w->out->lanes)
		w->out->lanes = f.lanes;
	w->out->steps = f.steps;
}

/* The next moment when anything happens. */
static int64_t
next(const struct world *w)
{
	uint32_t id = heap_first(&w->ends);
	int64_t when = schedule_timer(w->schedule, INT64_MAX);

	if (id != HEAP_NONE && end_of(w, id) < when)
		when = end_of(w, id);
	for (size_t i = 0; i < w->load->mail_count; i++)
		if (arrival(w, i) < when)
			when = arrival(w, i);
	return when > w->now ? when : w->now + 1;
}

static void
run(struct world *w)
{
	while (w->left > 0 && !w->failed) {
		int64_t when = next(w);
		if (when > w->load->duration)
			break;
		w->now = when;
		arrivals(w);
		ends(w);
		turns(w);
		measure(w);
	}
	w->out->end = w->left > 0 ? w->load->duration : w->now;
}

static bool
set_up(struct world *w)
{
	const struct load *l = w->load;
	struct schedule_settings set = {
	    .lane_initial = l->lane_initial,
	    .lane_most = l->lane_most,
	    .patience = schedule_patience(l->plan.lifetime),
	};

	pool_init(&w->flights, sizeof(struct flight), 1024);
	w->ends = (struct heap){.time = end_of, .place = place_of};
	w->now = -1;
	w->left = l->messages;
	w->schedule = schedule_new(l->seed);
	w->arrived = calloc(l->mail_count + 1, sizeof *w->arrived);
	if (!simulated_init(&w->all, l, w->out) || w->schedule == NULL ||
	    w->arrived == NULL)
		return false;
	schedule_set(w->schedule, &set);
	schedule_slots(w->schedule, CHANNEL_REMOTE, l->slots,
	    (uint32_t)((uint64_t)l->slots * l->reserve / 100));
	return true;
}

bool
simulation_run(struct simulation *s, const struct load *l)
{
	struct world w = {.load = l, .out = s};
	bool ok;

	*s = (struct simulation){0};
	s->destinations =
	    calloc(l->destination_count + 1, sizeof *s->destinations);
	s->mail = calloc(l->mail_count + 1, sizeof *s->mail);
	ok = s->destinations != NULL && s->mail != NULL && set_up(&w);
	if (ok)
		run(&w);
	ok = ok && !w.failed && simulated_finish(&w.all);
	simulated_free(&w.all);
	schedule_free(w.schedule);
	free(w.arrived);
	pool_free(&w.flights);
	heap_free(&w.ends);
	return ok;
}

void
simulation_free(struct simulation *s)
{
	free(s->destinations);
	free(s->mail);
	*s = (struct simulation){0};
}
