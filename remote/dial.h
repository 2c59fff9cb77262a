/* dial: connections to the hosts of a next hop, one after the other.
 *
 * The addresses of one host are raced (RFC 8305): while one is connecting the
 * next begins after DIAL_STAGGER, or at once when it fails, and the first that
 * connects is handed out.  Hosts are not raced: the next begins when all of
 * the former have been handed out or have failed.  Addresses that timed out or
 * could not be reached in the last hour come last, after all other hosts'. */
#ifndef REMOTE_DIAL_H
#define REMOTE_DIAL_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "remote/resolve.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DIAL_STAGGER = 250,  /* ms between two addresses of one host */
	DIAL_DEAD = 60 * 60, /* seconds an address counts as dead */
	DIAL_DEAD_MAX = 256, /* such addresses; the oldest is forgotten */
};

/* The addresses that were dead lately, for as long as the worker lives; begin
 * with all zero bytes. */
struct dial_dead {
	size_t next;
	struct {
		struct ip ip;
		int64_t until; /* of clock_boot; 0: free */
	} rows[DIAL_DEAD_MAX];
};

/* Whence: the address for each family, where given. */
struct dial_source {
	bool has4, has6;
	struct ip four, six;
};

/* How; the caller's, and unchanged while a struct dial uses it. */
struct dial_plan {
	const struct targets *targets;
	uint16_t port;
	struct dial_source source;
	int64_t connect_ms; /* for one address (control/timeoutconnect) */
	int64_t total_ms;   /* for all that dial_next waits, together */
	struct dial_dead *dead;
};

/* Where one stands.  For dial.c; the caller reads error and tries. */
struct dial {
	const struct dial_plan *plan;
	int64_t left_ms;  /* of total_ms */
	int error;        /* errno of the last address that failed, 0: none */
	struct ip failed; /* that address, where error is not 0 */
	unsigned tries;   /* addresses that were handed out or failed */
	unsigned char state[RESOLVE_HOSTS][RESOLVE_ADDRESSES];
};

/* A connection. */
struct dialed {
	int fd; /* non-blocking, close-on-exec; the caller's to close */
	struct ip ip;
	const struct target *target; /* into the plan's targets */
};

/* Begin with the first host.  Nothing is dialled yet. */
void dial_begin(struct dial *d, const struct dial_plan *plan);

/* Connect to the next address.  An address that was handed out or has failed is
 * not tried again, by whatever host's name; one that lost a race may be.  False when none is left, or
 * total_ms is used up: then d->error says why the last one failed. */
MUST_USE bool dial_next(struct dial *d, struct dialed *out);

/* What is left of target, an entry of the plan's targets, is not tried: it may
 * not be used by a policy, or has answered for all its addresses. */
void dial_skip(struct dial *d, const struct target *target);

/* a is dead for an hour from now.  dial_next does it for what times out or
 * cannot be reached; the caller may for what connects and is silent. */
void dial_bury(struct dial_dead *dead, const struct ip *a);

/* a was dead within the last hour. */
bool dial_is_dead(const struct dial_dead *dead, const struct ip *a);

#endif
