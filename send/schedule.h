/* schedule: every queued message that culver-send knows, and the order of their
 * turns (INTERNALS 10).  Pure: no clock is read, no descriptor used; all times
 * are microseconds on the boot clock, and kept to the millisecond, rounded up.
 *
 * A message is an entry; its recipients of one next hop are a part, and a part
 * is what has a turn.  The first part lies in the entry.  Addresses stay on the
 * disk (P7): an entry is 48 bytes, a further part 28; what does not move is
 * known by its address, an entry, or its number, a part.
 *
 * An entry's way:
 *
 *   schedule_add        in no queue, in the caller's hands
 *   schedule_unread     to be read when due: its parts are not known (any more)
 *   schedule_read       hands it out: the caller reads head, envelope, journal
 *   schedule_part       each (channel, customer, lane) of its recipients, then
 *   schedule_wait       each part into the heap, or ready when due already
 *   schedule_next       hands a part out: its slot is taken, a job is made
 *   schedule_end        the job is over; then schedule_wait or schedule_drop
 *   schedule_rest       the caller lets go of the message for now
 *   schedule_remove     the message is gone
 *
 * Every part is waiting (in the heap by due time), ready (in its flow, the pair
 * of customer and lane, first come first served) or in neither: in the caller's
 * hands.  Besides, jobs of it may be flying, in each of these: one with more
 * recipients than a job holds is put back with schedule_wait as soon as the
 * first job is made.
 *
 * Flows have their turns by two-level deficit round robin: customers first,
 * then each one's flows; the unit is a recipient.  A customer that had no
 * delivery under way and nothing ready begins without debt.  When no more than
 * the reserve of a channel's slots is free, a delivery begins only where both
 * its customer and its lane have none under way.
 *
 * Bounded memory.  Customers, lanes and flows live while a part needs them, and
 * lanes besides while something is known of them.  There are SCHEDULE_LANES
 * lanes of a channel at most, so that however many hosts are dead local mail
 * has its own.  From half of that on schedule_rest turns a message of which
 * all waits into one that is to be read when it is due; and when there is no
 * lane more schedule_part fails, and the caller says schedule_unread for a
 * later time.
 *
 * Dead lanes.  The part that probed takes its ordinary retry; all others stay
 * in their flows, which hang on the lane: nothing is done for them.  So that
 * they end all the same, one that has been ready for as long as settings.patience
 * says is handed out by schedule_overdue, without a slot.  The caller counts an
 * attempt (the lane was tried for it, by the probe): it is deferred to its next
 * due time, or bounced when it is too old.  A message expires at most patience
 * later than its lifetime says.  No part of a lane that only is full, slow, rate
 * limited or paused is overdue. */
#ifndef SEND_SCHEDULE_H
#define SEND_SCHEDULE_H

#include "lib/attr.h"
#include "lib/str.h"
#include "send/lane.h"
#include "send/retry.h"
#include "send/ring.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCHEDULE_TOKEN = 8,     /* bytes of a token that an entry keeps */
	SCHEDULE_LANES = 65536, /* of a channel, and as many groups */
	SCHEDULE_KEY = 1300,    /* bytes of a lane's, group's, customer's key */
};

#define SCHEDULE_NONE UINT32_MAX

enum entry_flag {
	ENTRY_REPEAT = 1 << 0, /* not a first hint: it may have been tried */
	ENTRY_KNOWN = 1 << 1,  /* the token has been learnt */
	ENTRY_TOLD = 1 << 2,   /* "new msg" has been logged */
	ENTRY_FORCE = 1 << 3,  /* SIGALRM: try all recipients now */
	ENTRY_ACTIVE = 1 << 4, /* the caller has it in hand */
	ENTRY_HELD = 1 << 5,   /* waits for release: in no queue */
	/* due is what the earliest stamp in the journal stood for. */
	ENTRY_STAMPED = 1 << 6,
};

struct part {                   /* the schedule's own */
	uint32_t due_low;       /* milliseconds */
	uint32_t due_high : 13; /* of 2^32 */
	uint32_t state : 2;
	uint32_t flying : 17;
	uint32_t flow;      /* SCHEDULE_NONE: to be read */
	struct links queue; /* in its flow; next: its place in the heap */
};

struct entry {
	uint64_t ino;
	unsigned char token[SCHEDULE_TOKEN]; /* the caller's */
	struct part part;                    /* the schedule's */
	uint32_t more;                       /* the schedule's: further parts */
	uint32_t flags; /* the caller's; schedule_force sets ENTRY_FORCE */
	uint32_t hand;  /* the caller's, 0 at first */
};

struct schedule_settings {
	uint32_t lane_initial, lane_most; /* remote lanes */
	int64_t patience; /* microseconds; see above.  The caller takes a
			   * sixteenth of the lifetime (schedule_patience) */
};

struct turn {
	struct entry *entry;
	uint32_t part;
	int64_t due; /* since when it has been */
	enum channel channel;
	struct str customer, lane, group; /* until the part is dropped */
};

struct schedule;

/* An empty schedule with defaults and no slots; NULL without memory.  seed: of
 * its hashes, which nobody who writes addresses should know. */
MUST_USE struct schedule *schedule_new(uint64_t seed);

/* Free t and all entries; NULL is accepted. */
void schedule_free(struct schedule *t);

/* Change what control/ says.  All rates (schedule_rate) are forgotten. */
void schedule_set(struct schedule *t, const struct schedule_settings *s);

/* The patience for a lifetime in seconds: a sixteenth, between a minute and 12
 * hours. */
int64_t schedule_patience(uint64_t lifetime);

/* How many slots a channel has now (as many jobs fly at once), and how many of
 * them are the reserve.  None at first.  Fewer than fly is no error. */
void schedule_slots(
    struct schedule *t, enum channel c, uint32_t slots, uint32_t reserve);

/* The message with this number, or NULL.  Entries do not move. */
struct entry *schedule_find(const struct schedule *t, uint64_t ino);

/* Add a message that is not there yet; it is in no queue.  NULL without
 * memory. */
MUST_USE struct entry *schedule_add(struct schedule *t, uint64_t ino);

/* Forget a message and its parts, of which no job flies. */
void schedule_remove(struct schedule *t, struct entry *e);

/* e is to be read when due, from now on, or is moved to that time.  Its parts are
 * dropped: none of them may fly.  Cannot fail. */
void schedule_unread(
    struct schedule *t, struct entry *e, int64_t due, int64_t now);

/* The next entry that is to be read at now, taken out of the queue; NULL when
 * there is none.  What is no repeat comes first, but for every fourth. */
struct entry *schedule_read(struct schedule *t, int64_t now);

/* Entries that can be read now; those that have become due since the last call
 * that said what time it is are not among them (schedule_timer tells). */
size_t schedule_readable(const struct schedule *t);

/* When an entry that schedule_read has handed out was to be read. */
int64_t schedule_due(const struct entry *e);

/* Take e and its parts out of all queues; parts that do not fly are dropped.
 * (Hold; or the number was given to another message.) */
void schedule_take(struct schedule *t, struct entry *e);

/* The part of e for these recipients, which is e's already or is made, in no
 * queue.  e is not waiting to be read.  All parts of a message are made one
 * after the other, with none of another's between, or one may be made twice; if
 * e has parts already schedule_again comes first.  customer and lane are at most
 * SCHEDULE_KEY bytes, and copied.  SCHEDULE_NONE, nothing changed, when there
 * is no memory, or no lane more; then schedule_unread(t, e, later, now), once none
 * of its parts flies. */
MUST_USE uint32_t schedule_part(struct schedule *t, struct entry *e,
    enum channel c, struct str customer, struct str lane);

/* The parts that e has are about to be made again: schedule_part finds each of
 * them, whatever has been made since.  Numbers of parts that were dropped are
 * void. */
void schedule_again(struct schedule *t, struct entry *e);

/* The part of e behind another, which is SCHEDULE_NONE at first.  SCHEDULE_NONE
 * behind the last. */
uint32_t schedule_parts(
    const struct schedule *t, const struct entry *e, uint32_t part);

/* Channel, customer and lane of a part; turn as schedule_next has it. */
void schedule_turn(const struct schedule *t, uint32_t part, struct turn *turn);

/* The jobs of a part that fly. */
uint32_t schedule_flying(const struct schedule *t, uint32_t part);

/* The part is to have a turn when due, from now on.  One that is in a queue is
 * moved. */
void schedule_wait(struct schedule *t, uint32_t part, int64_t due, int64_t now);

/* All recipients of the part are done.  No job of it flies. */
void schedule_drop(struct schedule *t, uint32_t part);

/* The caller lets go of e, of which no job flies: when lanes are crowded and
 * all its parts wait, it becomes one that is to be read when the first of them
 * is due; the caller's part numbers are void then. */
void schedule_rest(struct schedule *t, struct entry *e);

/* The part whose delivery begins now; a slot is taken, of the channel, the lane
 * and the customer, and the part is in no queue.  A job of one recipient is
 * charged.  False: nothing can begin (before schedule_timer, a schedule_end, or
 * a schedule_wait). */
MUST_USE bool schedule_next(
    struct schedule *t, enum channel c, int64_t now, struct turn *turn);

/* The job that has just been made of a part has so many recipients, at least
 * one. */
void schedule_charge(struct schedule *t, uint32_t part, uint32_t recipients);

/* What a job of the part taught its lane, and the set of exchangers that its
 * group is called by (empty: as before).  Call it before schedule_end.  Lanes
 * of one group become one; without memory for that they stay as they are. */
void schedule_learn(struct schedule *t, uint32_t part, enum lane_fault fault,
    struct str group, int64_t now);

/* A job of the part is over, or none could be made of it: its slot is free.
 * The part stays where it is. */
void schedule_end(struct schedule *t, uint32_t part, int64_t now);

/* A part that has waited too long for a dead lane, taken out of its flow; no
 * slot is taken.  False when there is none. */
MUST_USE bool schedule_overdue(
    struct schedule *t, int64_t now, struct turn *turn);

/* Since when (due time of a part) something waits for a slot of the channel,
 * and not for its lane; 0 when nothing does.  Right behind a schedule_next that
 * said false: a wider channel would begin more. */
int64_t schedule_starved(const struct schedule *t, enum channel c);

/* The moment, at most until, when something changes by time alone: something
 * becomes due, a lane opens, a part is overdue. */
int64_t schedule_timer(const struct schedule *t, int64_t until);

/* Everything that waits is due now and forced (SIGALRM); lanes are probed
 * now. */
void schedule_force(struct schedule *t, int64_t now);

/* How many messages are known. */
size_t schedule_count(const struct schedule *t);

/* The memory that all this takes, bytes (P7). */
size_t schedule_bytes(const struct schedule *t);

/* Recipients a lane may be given: spacing microseconds from one to the next, 0
 * without limit.  The strictest of the lanes of a group holds.  To be said for
 * a part when its job is made, or made known to the lane for good by any part
 * of it. */
void schedule_rate(struct schedule *t, uint32_t part, int64_t spacing);

struct schedule_figures { /* of a channel */
	uint32_t slots, reserve, flying, peak;
	uint32_t waiting, ready; /* parts */
	uint32_t lanes, customers;
	uint64_t steps; /* of both channels: places, flows and customers looked
			 * at, ever */
};

/* The figures of a channel. */
void schedule_figures(
    const struct schedule *t, enum channel c, struct schedule_figures *out);

struct schedule_view { /* a lane, or a customer */
	struct str key, group;
	enum channel channel;
	uint32_t waiting, ready, flying, peak;
	int64_t oldest; /* of a lane: due time of what is ready longest;
				  * 0: nothing is */
	const struct lane *lane; /* of a lane; valid until t changes */
};

/* The next lane or customer: *cursor is 0 at first.  False behind the last. */
MUST_USE bool schedule_each_lane(
    const struct schedule *t, uint32_t *cursor, struct schedule_view *out);

/* Likewise the customers. */
MUST_USE bool schedule_each_customer(
    const struct schedule *t, uint32_t *cursor, struct schedule_view *out);

/* Pause a remote lane or go on, and fix its deliveries at once (0: as it
 * learns).  It is remembered for as long as the lane is known; a lane that is
 * paused or fixed is not forgotten.  False when there is no such lane and none
 * can be made. */
MUST_USE bool schedule_shape(struct schedule *t, struct str lane, bool paused,
    uint32_t fixed, int64_t now);

#endif
