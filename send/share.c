/* share: recipients sorted by part. */
#include "send/share.h"
#include "lib/clock.h"
#include "send/retry.h"
#include <stdlib.h>

/* A turn and its earliest stamp differ by more: the wall clock was set. */
enum { LEAP = 2 };

/* Parts beside numbers, to be sorted. */
struct pair {
	uint32_t part, number;
};

static int
by_part(const void *one, const void *other)
{
	const struct pair *a = one, *b = other;

	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static uint32_t
collect(const struct active *a, struct pair *pairs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->count; i++)
		if (a->recipients[i].part != SCHEDULE_NONE)
			pairs[n++] = (struct pair){a->recipients[i].part, i};
	return n;
}

static uint32_t
count_parts(const struct pair *pairs, uint32_t n)
{
	uint32_t parts = 0;

	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || pairs[i].part != pairs[i - 1].part)
			parts++;
	return parts;
}

static void
fill(struct active *a, const struct pair *pairs, uint32_t n)
{
	struct share *sh = NULL;

	for (uint32_t i = 0; i < n; i++) {
		a->order[i] = pairs[i].number;
		if (sh == NULL || pairs[i].part != sh->part) {
			sh = &a->shares[a->share_count++];
			*sh = (struct share){
			    .part = pairs[i].part, .first = i, .cursor = i};
		}
		sh->end = i + 1;
	}
}

bool
share_make(struct active *a)
{
	struct pair *pairs;
	uint32_t n;

	pairs = calloc((size_t)a->count + 1, sizeof *pairs);
	if (pairs == NULL)
		return false;
	n = collect(a, pairs);
	if (n > 1)
		qsort(pairs, n, sizeof *pairs, by_part);
	a->order = calloc((size_t)n + 1, sizeof *a->order);
	a->shares =
	    calloc((size_t)count_parts(pairs, n) + 1, sizeof *a->shares);
	if (a->order != NULL && a->shares != NULL)
		fill(a, pairs, n);
	free(pairs);
	return a->order != NULL && a->shares != NULL;
}

struct share *
share_find(const struct active *a, uint32_t part)
{
	uint32_t low = 0, high = a->share_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (a->shares[middle].part == part)
			return &a->shares[middle];
		if (a->shares[middle].part < part)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static struct recipient *
at(const struct active *a, uint32_t place)
{
	return &a->recipients[a->order[place]];
}

/* It was tried, and waits for another time. */
static bool
waits(const struct recipient *r)
{
	return r->state == RECIPIENT_TODO && r->attempts > 0;
}

/* How far the stamps are off.  Where one has not been tried yet its turn is not
 * the stamps'. */
static int64_t
shift_of(const struct active *a, const struct share *sh, int64_t due)
{
	const int64_t leap = (int64_t)LEAP * CLOCK_SECOND;
	int64_t first = INT64_MAX, shift;

	for (uint32_t i = sh->first; i < sh->end; i++) {
		const struct recipient *r = at(a, i);
		if (r->state == RECIPIENT_TODO && r->attempts == 0)
			return 0;
		if (waits(r) && r->next < first)
			first = r->next;
	}
	if (first == INT64_MAX)
		return 0;
	shift = due - first;
	return shift > -leap && shift < leap ? 0 : shift;
}

void
share_turn(struct active *a, struct share *sh, int64_t due, int64_t now)
{
	int64_t shift = shift_of(a, sh, due);

	sh->cursor = sh->first;
	for (uint32_t i = sh->first; i < sh->end; i++) {
		struct recipient *r = at(a, i);
		if (!waits(r))
			continue;
		r->next += shift;
		if (r->next > now)
			r->next =
			    now + retry_wait(r->next, now,
				      ((int64_t)r->pause + 1) * CLOCK_SECOND);
	}
}

bool
share_next(struct active *a, struct share *sh, int64_t now, bool force)
{
	for (; sh->cursor < sh->end; sh->cursor++) {
		const struct recipient *r = at(a, sh->cursor);
		if (r->state == RECIPIENT_TODO && (force || r->next <= now))
			return true;
	}
	return false;
}

int64_t
share_due(const struct active *a, const struct share *sh)
{
	int64_t due = INT64_MAX;

	for (uint32_t i = sh->first; i < sh->end; i++)
		if (at(a, i)->state == RECIPIENT_TODO && at(a, i)->next < due)
			due = at(a, i)->next;
	return due;
}

void
share_wait(struct schedule *t, struct active *a, struct share *sh, int64_t due,
    int64_t now)
{
	share_taken(a, sh);
	schedule_wait(t, sh->part, due, now);
	sh->queued = true;
	sh->ready = due <= now;
	a->ready += sh->ready;
}

void
share_taken(struct active *a, struct share *sh)
{
	a->ready -= sh->ready;
	sh->queued = sh->ready = false;
}
