/* pickup: from the disk into hand. */
#include "send/pickup.h"
#include "lib/clock.h"
#include "send/finish.h"
#include "send/flight.h"
#include "send/hand.h"
#include "send/share.h"
#include "send/status.h"
#include "send/walk.h"
#include <errno.h>
#include <stdlib.h>

/* Why a message is taken in hand. */
struct want {
	const struct turn *turn; /* NULL: to be read */
	bool slot;               /* the turn has one */
};

struct known { /* the parts that the schedule had of a message */
	uint32_t *parts;
	size_t count;
};

void
pickup_hold(struct send *s, struct entry *e, const char *why)
{
	schedule_take(s->schedule, e);
	e->flags |= ENTRY_HELD;
	status_held(e, why);
}

/* The turn comes to nothing. */
static void
pass(struct send *s, struct want *want, int64_t now)
{
	if (want->slot)
		schedule_end(s->schedule, want->turn->part, now);
	want->slot = false;
}

/* Before its head is read nobody knows all of its token.  NULL: seen to. */
static struct active *
open_one(struct send *s, struct entry *e, struct want *want, int64_t now)
{
	static const unsigned char unread[QUEUE_TOKEN];
	struct active *a = NULL;
	enum active_result r;

	trying_take(s->trying, e->ino, unread);
	r = active_load(&a, e, want->turn != NULL, s->split, s->owner);
	trying_release(s->trying);
	if (r == ACTIVE_OK && !hand_take(s, a)) {
		active_free(a);
		r = ACTIVE_TROUBLE;
	}
	if (r != ACTIVE_OK)
		pass(s, want, now);
	switch (r) {
	case ACTIVE_OK:
		return a;
	case ACTIVE_GONE:
		schedule_remove(s->schedule, e);
		break;
	case ACTIVE_DAMAGED:
		pickup_hold(s, e, "its file is damaged");
		break;
	case ACTIVE_TROUBLE:
		status_trouble(e, "unable to read the message");
		schedule_unread(s->schedule, e, now + SEND_AGAIN, now);
		break;
	}
	return NULL;
}

/* Find out who is left to be tried.  NULL: nobody, and a is let go of. */
static struct active *
look(struct send *s, struct active *a, struct want *want, int64_t now)
{
	enum walk_result w;

	if (a->done) {
		a->stage = STAGE_REMOVING;
		pass(s, want, now);
		return a;
	}
	if (a->held) {
		pass(s, want, now);
		status_held(a->entry, "its journal says so");
		finish_held(s, a);
		return NULL;
	}
	trying_take(s->trying, a->entry->ino, a->message.token);
	w = walk_envelope(s, a);
	trying_release(s->trying);
	if (w != WALK_END)
		pass(s, want, now);
	if (w == WALK_TROUBLE) {
		status_trouble(a->entry, "unable to read the envelope");
		finish_later(s, a, now + SEND_AGAIN);
		return NULL;
	}
	if (w == WALK_DAMAGED) {
		a->held = true;
		a->why = "its envelope is damaged";
	}
	return a;
}

/* A part that is new to the schedule. */
static void
wait_for(
    struct send *s, struct active *a, struct share *sh, bool force, int64_t now)
{
	if (force)
		share_wait(s->schedule, a, sh, now, now);
	else
		flight_settle(s, a, sh, now);
}

struct active *
pickup_read(struct send *s, struct entry *e, int64_t now)
{
	bool force = (e->flags & ENTRY_FORCE) != 0;
	struct want want = {NULL, false};
	struct active *a = open_one(s, e, &want, now);

	if (a == NULL)
		return NULL;
	a = look(s, a, &want, now);
	if (a == NULL || a->held)
		return a;
	for (uint32_t i = 0; i < a->share_count; i++)
		wait_for(s, a, &a->shares[i], force, now);
	return a;
}

static int
by_number(const void *one, const void *other)
{
	const uint32_t *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

static bool
learn_known(struct schedule *t, struct entry *e, struct known *k)
{
	size_t n = 0;

	schedule_again(t, e);
	for (uint32_t p = schedule_parts(t, e, SCHEDULE_NONE);
	     p != SCHEDULE_NONE; p = schedule_parts(t, e, p))
		n++;
	k->parts = malloc((n + 1) * sizeof *k->parts);
	if (k->parts == NULL)
		return false;
	for (uint32_t p = schedule_parts(t, e, SCHEDULE_NONE);
	     p != SCHEDULE_NONE; p = schedule_parts(t, e, p))
		k->parts[k->count++] = p;
	if (k->count > 1)
		qsort(k->parts, k->count, sizeof *k->parts, by_number);
	return true;
}

static bool
is_known(const struct known *k, uint32_t part)
{
	return bsearch(&part, k->parts, k->count, sizeof *k->parts,
		   by_number) != NULL;
}

/* The shares of parts that wait for their turns wait; a part that nobody is
 * left for, as where control/ has changed, is dropped, and a new one waits. */
static void
match(struct send *s, struct active *a, const struct known *k, uint32_t turn,
    int64_t now)
{
	bool force = (a->entry->flags & ENTRY_FORCE) != 0;
	struct turn about;

	for (uint32_t i = 0; i < a->share_count; i++) {
		struct share *sh = &a->shares[i];
		if (sh->part == turn)
			continue;
		if (!is_known(k, sh->part)) {
			wait_for(s, a, sh, force, now);
			continue;
		}
		schedule_turn(s->schedule, sh->part, &about);
		sh->queued = true;
		sh->ready = about.due <= now;
		a->ready += sh->ready;
	}
	for (size_t i = 0; i < k->count; i++)
		if (share_find(a, k->parts[i]) == NULL && k->parts[i] != turn)
			schedule_drop(s->schedule, k->parts[i]);
}

/* A message that has to be read for its turn.  NULL: seen to. */
static struct active *
load_parts(struct send *s, struct want *want, int64_t now)
{
	struct entry *e = want->turn->entry;
	struct known k = {NULL, 0};
	struct active *a;

	if (!learn_known(s->schedule, e, &k)) {
		status_trouble(e, "unable to read the message");
		pass(s, want, now);
		schedule_unread(s->schedule, e, now + SEND_AGAIN, now);
		return NULL;
	}
	a = open_one(s, e, want, now);
	if (a != NULL)
		a = look(s, a, want, now);
	if (a != NULL && a->stage == STAGE_TRYING && !a->held)
		match(s, a, &k, want->turn->part, now);
	free(k.parts);
	return a;
}

struct active *
pickup_turn(struct send *s, const struct turn *turn, bool slot, int64_t now,
    struct share **sh)
{
	struct want want = {turn, slot};
	struct active *a = hand_find(s, turn->entry);

	if (a == NULL)
		a = load_parts(s, &want, now);
	if (a == NULL)
		return NULL;
	*sh = share_find(a, turn->part);
	if (*sh != NULL)
		return a;
	/* attempt_run goes on with a, whatever is left of it. */
	pass(s, &want, now);
	if (!a->held && !a->done)
		schedule_drop(s->schedule, turn->part);
	return NULL;
}
