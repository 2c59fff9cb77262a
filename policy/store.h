/* store: the policies that were fetched, state/policies/DOMAIN, one file each:
 *
 *   sts1 FETCHED MAX_AGE LENGTH CRC ID LF    FETCHED in seconds since 1970; CRC
 *                                            crc32 of the text, 8 hex digits
 *   TEXT                                     LENGTH octets, as it was fetched
 *
 * A file is written beside, synced and renamed, so that a crash leaves the old
 * or the new one.  Its time of modification is when it was last asked for. */
#ifndef POLICY_STORE_H
#define POLICY_STORE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stdint.h>

#define STORE_FOLDER "state/policies"

enum {
	STORE_HEAD = 128,            /* octets of the first line, at most */
	STORE_DAY = 24 * 60 * 60,    /* seconds; fetched anew after it ... */
	STORE_ASKED = 31 * STORE_DAY /* ... as long as it is asked for */
};

/* The first line of a file. */
struct stored {
	int64_t fetched; /* seconds since 1970 */
	uint32_t max_age;
	uint32_t length, crc;
	char id[STS_ID_MAX + 1];
};

/* Read domain's file of the folder dirfd: *p, whose texts point into text (and
 * into s), as text_read makes it.  FOUND_NO where there is none.  FOUND_ERROR
 * with errno, EPROTO for one that is damaged. */
MUST_USE enum found store_read(int dirfd, struct str domain, struct stored *s,
    struct buf *text, struct sts_policy *p);

/* Its first line alone; likewise.  *asked is when it was last asked for. */
MUST_USE enum found store_head(
    int dirfd, struct str domain, struct stored *s, int64_t *asked);

/* Write it durably; fetched, max_age and id of s are the caller's.  False with
 * errno, and as fd_replace_file. */
MUST_USE bool store_write(
    int dirfd, struct str domain, struct stored *s, struct str text);

/* It was asked for now. */
void store_asked(int dirfd, struct str domain, int64_t now);

/* Remove it, where it is. */
void store_remove(int dirfd, struct str domain);

/* At now it is no more to be used. */
bool store_expired(const struct stored *s, int64_t now);

/* At now it is to be fetched anew: a day old, or half as old as it may get. */
bool store_due(const struct stored *s, int64_t now);

#endif
