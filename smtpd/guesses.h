/* guesses: who has named recipients that do not exist, in whatever connections
 * to this worker.  A client is an address of IPv4 or 64 bits of IPv6. */
#ifndef SMTPD_GUESSES_H
#define SMTPD_GUESSES_H

#include "lib/ip.h"
#include <stddef.h>
#include <stdint.h>

enum {
	GUESSES_CLIENTS = 64, /* the one that was silent longest makes room */
	GUESSES_KEPT = 600    /* seconds, then it begins anew */
};

/* All zero bytes: nobody has. */
struct guesses {
	struct guesses_row {
		struct ip client;
		uint64_t count; /* 0: no row */
		int64_t last;   /* boot clock */
	} rows[GUESSES_CLIENTS];
};

/* One more of this client, at now by the boot clock: how many there are of it,
 * none of them later than GUESSES_KEPT after the one before. */
uint64_t guesses_add(struct guesses *g, const struct ip *client, int64_t now);

#endif
