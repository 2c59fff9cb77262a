/* reporter: the process of culver-policyd that sends the daily reports.  A day
 * is reported when it is over, each domain at a time of its own within four
 * hours, so that not all of the world reports at midnight (RFC 8460, 4.1).  What
 * has been sent is noted in state/tlsrpt/DAY.done, a domain a line: a crash
 * between the two sends a report with the same id again. */
#ifndef POLICY_REPORTER_H
#define POLICY_REPORTER_H

#include "control/control.h"
#include "lib/attr.h"

enum {
	REPORTER_GRACE = 60, /* seconds that the keeper may still write */
	REPORTER_SPREAD = 4 * 3600, /* seconds */
	REPORTER_STEP = 300,        /* seconds: so often a day is read */
	REPORTER_AGAIN = 30 * 60, /* seconds until what failed is tried again */
	REPORTER_TRIES = 24 * 3600, /* seconds after the day; then it is not */
	REPORTER_DAYS = 7 /* what is older, as after a long stop, is removed */
};

/* Report until life, a socket to the keeper on which nothing is said, ends; then
 * exit.  days and policies are the folders; c is the
 * settings' reader, opened before. */
NO_RETURN void reporter_run(
    struct controls *c, int days, int policies, int life);

#endif
