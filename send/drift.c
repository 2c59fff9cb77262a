/* drift: what the wall clock does beyond passing. */
#include "send/drift.h"
#include "lib/clock.h"
#include <stdbool.h>

static const int64_t least = (int64_t)DRIFT_STEP * CLOCK_SECOND;

void
drift_start(struct drift *d, int64_t wall, int64_t boot)
{
	d->first = (struct drift_era){.offset = wall - boot, .until = wall};
	d->lowest = d->first;
	d->offset = wall - boot;
}

/* The era that was at the last look lasted until now, or ends here. */
static void
prolong(struct drift_era *era, int64_t offset, int64_t boot)
{
	if (offset - era->offset <= least && era->offset - offset <= least)
		era->until = boot + era->offset;
}

void
drift_look(struct drift *d, int64_t wall, int64_t boot)
{
	prolong(&d->first, d->offset, boot);
	prolong(&d->lowest, d->offset, boot);
	d->offset = wall - boot;
	if (d->lowest.offset - d->offset > least)
		d->lowest =
		    (struct drift_era){.offset = d->offset, .until = wall};
}

/* What is stamped before 1970 is stamped 1970. */
static bool
within(const struct drift_era *era, int64_t birth, int64_t lead)
{
	int64_t until = era->until > 0 ? era->until : 0;

	return lead > least && birth <= until;
}

int64_t
drift_birth(const struct drift *d, int64_t birth, int64_t wall, int64_t boot)
{
	const int64_t low = wall - boot - d->lowest.offset;
	const int64_t first = wall - boot - d->first.offset;

	if (within(&d->lowest, birth, low))
		return birth + low;
	return within(&d->first, birth, first) ? birth + first : birth;
}
