/* counts: how TLS sessions went, counted by UTC day: state/tlsrpt/YYYY-MM-DD,
 * to which lines are only ever added:
 *
 *   CRC N DOMAIN TYPE BASE POLICY RESULT MX SENDING RECEIVING REASON LF
 *
 * N sessions went so.  CRC is crc32 of what follows it and a blank, in 8 hex
 * digits; in the other words bytes that are no printable ASCII, and '%', are
 * %XX, and "-" is nothing.  A line that is torn or damaged counts nothing.  The
 * same words may come again: numbers are added.  What was counted is written
 * within COUNTS_SECONDS; a crash loses no more than that. */
#ifndef POLICY_COUNTS_H
#define POLICY_COUNTS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTS_FOLDER "state/tlsrpt"

enum {
	COUNTS_SECONDS = 5,
	COUNTS_MOST = 512,          /* different ones between two writes */
	COUNTS_LINE = 8192,         /* octets of a line */
	COUNTS_FILE_MAX = 64 << 20, /* octets of a day; then no more of it */
	COUNTS_DAY_SIZE = 24        /* "2026-11-26" and its end byte */
};

struct counts {
	struct {
		struct buf words; /* of the line, from DOMAIN to REASON */
		uint64_t n;
	} rows[COUNTS_MOST];
	size_t used;
	char day[COUNTS_DAY_SIZE]; /* of what is not written yet */
	bool full;                 /* it has been said that the day's file is */
};

/* The day's name at now, in seconds since 1970. */
void counts_day(char day[COUNTS_DAY_SIZE], int64_t now);

/* Count one session at now.  What is due to be written, because there are many
 * or another day has begun, is written.  False with errno: it is lost. */
MUST_USE bool counts_add(
    struct counts *c, int dirfd, const struct sts_report *r, int64_t now);

/* Write what is not written, without waiting for the disk.  False with errno:
 * EFBIG for a day that has enough, said once; it is lost. */
MUST_USE bool counts_write(struct counts *c, int dirfd);

/* The parts of a line, as they stand there. */
struct count_line {
	uint64_t n;
	struct str words; /* from DOMAIN to the end: what is counted */
	struct str domain, type, base, policy, result, mx, sending, receiving,
	    reason;
};

/* Read a line without its LF; parts point into it.  False when it is torn or
 * damaged. */
MUST_USE bool counts_line(struct str line, struct count_line *l);

/* Append a part as what it stands for.  Fails as buf_append. */
MUST_USE bool counts_plain(struct buf *b, struct str part);

#endif
