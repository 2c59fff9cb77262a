/* day: what was counted on one day, read again and sorted. */
#ifndef POLICY_DAY_H
#define POLICY_DAY_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "policy/counts.h"
#include <stdbool.h>
#include <stddef.h>

struct day {
	struct buf text, done;    /* the two files */
	struct count_line *lines; /* sorted by words; they point into text */
	size_t count;
	struct str *dealt; /* the lines of done, sorted */
	size_t dealt_count;
};

/* Read day's files from the folder dirfd; lines that are torn or damaged are
 * left out.  False with errno.  Freed by day_free in every case. */
MUST_USE bool day_read(struct day *d, int dirfd, const char *day);

/* Free it. */
void day_free(struct day *d);

/* How many lines from line at on are of its domain. */
size_t day_domain(const struct day *d, size_t at);

/* The domain's report has been dealt with. */
bool day_is_done(const struct day *d, struct str domain);

/* Note that it has.  False with errno. */
MUST_USE bool day_done(int dirfd, const char *day, struct str domain);

/* Remove the day's files.  False with errno. */
MUST_USE bool day_remove(int dirfd, const char *day);

/* The second at which day began; false for what is no day's name, or one that
 * is not within the last most days before now. */
MUST_USE bool day_start(const char *day, int64_t now, int most, int64_t *start);

#endif
