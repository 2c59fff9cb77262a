/* resolve: the hosts that a next hop stands for, best first (RFC 5321, 5.1).
 *
 * What DNS says is another's word.  An exchanger that is this host, by name or
 * by address, ends the list: mail never comes back to us by it.  So does one on
 * the loopback (127/8, ::1) or without address (0.0.0.0, ::), which is this host
 * too, unless resolver.loopback says that these addresses are only addresses:
 * for an instance whose DNS is its own, as for a trial.  No port or server is
 * taken for a sign of that; control/ has to say it.  Multicast and broadcast
 * are never dialled.  A relay that control/ names (mx false) may be any host,
 * this one too. */
#ifndef REMOTE_RESOLVE_H
#define REMOTE_RESOLVE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/dns.h"
#include "lib/ip.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RESOLVE_HOSTS = 10,       /* exchangers of one next hop, the best */
	RESOLVE_ADDRESSES = 5,    /* of one exchanger */
	RESOLVE_ALL = 20,         /* addresses of all */
	RESOLVE_GROUP_SIZE = 256, /* text of a group and its end byte */
	RESOLVE_OWN = 64          /* own addresses that are known */
};

/* This host, so that mail does not go to it by way of DNS. */
struct self {
	const char *names[2]; /* control/me and helohost, or NULL; lower case */
	size_t count;
	struct ip addresses[RESOLVE_OWN];
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
	bool secure; /* the answer for MX, or that there is none, had AD */
	char canonical
	    [DNS_HOST_SIZE]; /* of the next hop, its aliases followed */
	unsigned count;
	struct target hosts[RESOLVE_HOSTS];
	/* The set of exchangers as a short text, the same for all domains that
	 * lead to it: result.group of wire/job.h.  Empty (the lane is its own
	 * group) where no exchangers were asked for. */
	char group[RESOLVE_GROUP_SIZE];
};

struct resolver {
	struct dns *dns;
	const struct self *self;
	bool loopback; /* addresses on the loopback are as good as others */
	int64_t ms;    /* for all questions of one next hop */
};

/* Why there is nowhere to go, as qmail-remote says it. */
struct refusal {
	char letter;     /* 'Z' try again, 'D' never */
	char status[8];  /* "5.4.6" */
	char text[1024]; /* one or two lines without a final LF, ended by
			  * "(#5.4.6)" */
};

/* Fill *s with the addresses of this host's interfaces, but those of the
 * loopback.  Before drop_to: the jail has no netlink.  names is left alone.
 * False with errno. */
MUST_USE bool self_learn(struct self *s);

/* Where a next hop (control/nexthop.h) is: the exchangers of host where mx,
 * else its addresses; a literal, "[192.0.2.1]" or "[IPv6:...]", is its own
 * address in either case. */
struct hop {
	const char *host; /* lower case */
	bool mx;
	uint16_t port; /* of the group alone */
};

/* Store the targets of h in *t: at least one, best preference first, equal ones
 * in random order.  False with *why. */
MUST_USE bool resolve(const struct resolver *r, const struct hop *h,
    struct targets *t, struct refusal *why);

#endif
