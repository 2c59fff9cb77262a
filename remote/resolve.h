/* resolve: the hosts that a next hop stands for, best first (RFC 5321, 5.1).
 *
 * What DNS says is another's word.  An exchanger that is this host, by name or
 * by address, ends the list: mail never comes back to us by it.  So does one on
 * the loopback (127/8, ::1) or at no address (0/8, ::), for that is this host
 * too.  self.loopback makes those of the loopback mere addresses, for a trial
 * whose DNS is its own; that has to be said in control/, and no server or port
 * is taken for a sign of it, as many a host asks a resolver at 127.0.0.1.
 * Multicast, reserved and link-local addresses are never dialled.  A relay that
 * control/ names (mx false) may be any host, this one too.  Bounds: at most
 * RESOLVE_HOSTS exchangers are looked up, whatever a domain lists. */
#ifndef REMOTE_RESOLVE_H
#define REMOTE_RESOLVE_H

#include "lib/attr.h"
#include "lib/dns.h"
#include "lib/ip.h"
#include "remote/exchangers.h"
#include "remote/self.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RESOLVE_HOSTS = EXCHANGERS_MAX, /* of one next hop, the best */
	RESOLVE_ADDRESSES = 5,          /* of one host */
	RESOLVE_ALL = 20                /* of all */
};

/* One host to dial. */
struct target {
	char name[DNS_HOST_SIZE]; /* of the MX record, or the next hop's; of a
				   * literal its address */
	char canonical[DNS_HOST_SIZE]; /* where the aliases of name end */
	uint16_t preference;
	bool secure;         /* the answers for MX and address had AD */
	bool address_secure; /* those for its address had it */
	unsigned count;      /* at least 1 */
	struct ip addresses[RESOLVE_ADDRESSES]; /* IPv6 and IPv4 by turns */
};

/* Where to go.  Holds no memory. */
struct targets {
	bool mx;     /* the names are those of MX records */
	bool secure; /* the answer for MX, or that there is none, had AD; or
		      * control/ has named the host */
	char canonical
	    [DNS_HOST_SIZE]; /* of the next hop, its aliases followed */
	unsigned count;
	struct target hosts[RESOLVE_HOSTS];
	/* The set of exchangers as a short text, the same for all domains that
	 * lead to it: result.group of wire/job.h.  Empty (the lane is its own
	 * group) where no exchangers were asked for. */
	char group[GROUP_SIZE];
};

struct resolver {
	struct dns *dns;
	const struct self *self;
	int64_t ms; /* for all questions of one next hop */
};

/* Why there is nowhere to go. */
struct refusal {
	char letter;    /* 'Z' try again, 'D' never */
	char status[8]; /* "5.4.6" */
	/* qmail-remote's sentence, with "(#5.4.6)" at its end; for trouble with
	 * DNS a line behind it that says with what.  No final LF; of
	 * another's bytes only printable ones. */
	char text[1024];
};

/* Where a next hop (control/nexthop.h) is: the exchangers of host where mx,
 * else its addresses; a literal, "[192.0.2.1]" or "[IPv6:...]", is its own
 * address in either case. */
struct hop {
	const char *host; /* lower case */
	bool mx;
	uint16_t port; /* of the group alone */
};

/* Store the targets of h in *t: at least one, best preference first, equal ones
 * in random order.  False with *why: trouble with DNS or memory is 'Z', and so
 * is a relay that DNS does not know, which no sender can help. */
MUST_USE bool resolve(const struct resolver *r, const struct hop *h,
    struct targets *t, struct refusal *why);

#endif
