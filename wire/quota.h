/* quota: how much a Maildir may hold, and what is written of it in its file
 * maildirsize, by us and by whatever else is at the same Maildir (Dovecot,
 * Courier): Maildir++.
 *
 * File     maildirsize in the Maildir itself:
 *            limits LF *( bytes 1*SP count LF )
 *            limits = limit [ "," limit ]    as of users/passwd, wire/users.h
 *          limits are what the host grants.  The sum of the figures, each of
 *          which may be negative, is what the Maildir holds: every message of
 *          new/ and cur/, its own and those of its folders .X; a message is as
 *          large as its file.
 * Changes  Whoever adds or removes messages appends one line, by one write with
 *          O_APPEND.  Nobody locks.
 * Recount  by listing, into a new file that is renamed, when maildirsize
 *            - is missing, no regular file with one name, or malformed
 *            - has other limits than the ones that are granted
 *            - has QUOTA_FILE bytes or more
 *            - adds up to less than nothing
 *            - leaves no room, and has more than one line of figures or is
 *              older than QUOTA_STALE
 *          A message needs no look at its file where its name tells the size
 *          (wire/maildir.h).
 * Spoiling Who cannot tell whether a recount has seen what he did appends
 *          QUOTA_SPOIL, which makes the sum negative: the next to look recounts.
 * Bounds   A figure beyond QUOTA_FIGURE is malformed, so that no sum of a file
 *          overflows.
 */
#ifndef WIRE_QUOTA_H
#define WIRE_QUOTA_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTA_NAME  "maildirsize"
#define QUOTA_SPOIL "-1125899906842624 -1073741824\n"

enum {
	QUOTA_FILE = 5120,     /* bytes; a file of so many is recounted */
	QUOTA_STALE = 15 * 60, /* seconds */
	QUOTA_LINE = 64 /* bytes of any line of ours, its end byte, too */
};

/* Of bytes or messages in one line. */
#define QUOTA_FIGURE ((uint64_t)1 << 50)

/* Two figures; as limits 0 is none. */
struct quota {
	uint64_t bytes, messages;
};

/* What a file says. */
struct quota_text {
	bool named; /* limits parse */
	bool sound; /* so does all the rest, and it is worth believing */
	struct quota limits, use;
	size_t lines; /* of figures */
};

/* There is any limit. */
bool quota_limits(const struct quota *limits);

/* One more message of that size has room; with size 0 and more false: what is
 * there is not too much. */
bool quota_fits(const struct quota *limits, const struct quota *use,
    uint64_t size, bool more);

/* How full it is in percent, by bytes or by messages, whichever is more; 0
 * without limits, more than 100 where it is over. */
uint64_t quota_percent(const struct quota *limits, const struct quota *use);

/* The first line, with LF and end byte; its length.  "1000S,5C"; without limits
 * "0S". */
size_t quota_write_limits(char out[QUOTA_LINE], const struct quota *limits);

/* A line of figures, with LF and end byte; its length.  Figures beyond
 * QUOTA_FIGURE are brought down to it. */
size_t quota_write_figures(
    char out[QUOTA_LINE], const struct quota *figures, bool negative);

/* Take a file of less than QUOTA_FILE bytes apart, or the first part of a
 * longer one, which is not sound.  *t is all of what is known. */
void quota_read(struct str text, struct quota_text *t);

#endif
