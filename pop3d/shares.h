/* shares: whose login is checked next, so that neither one client nor one door
 * takes every place from the others. */
#ifndef POP3D_SHARES_H
#define POP3D_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum share_state { SHARE_NONE, SHARE_WAITS, SHARE_RUNS, SHARE_OTHER };

/* One login. */
struct share {
	enum share_state state; /* NONE: it is none; OTHER: it is past that */
	unsigned service;       /* which door; 0: not known */
	uint64_t address;       /* failures_keys'; 0: not known, and as one */
	int64_t began;
};

/* Which of those that wait is next, n when none may be now: of places, no
 * address and no service has more than three quarters; then the one whose
 * address has the fewest, whose service has, that has waited longest. */
size_t shares_next(const struct share *s, size_t n, size_t places);

/* A quarter of all n are of this address; never of one that is not known: it may
 * be anybody's whose request is late. */
bool shares_crowded(const struct share *s, size_t n, uint64_t address);

#endif
