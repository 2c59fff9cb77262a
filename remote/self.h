/* self: what this host is called and what its addresses are, so that mail does
 * not come back to it by way of DNS; and which addresses are no host's. */
#ifndef REMOTE_SELF_H
#define REMOTE_SELF_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include <stdbool.h>
#include <stddef.h>

/* Begin with all zero bytes; names is the caller's. */
struct self {
	const char *names[2]; /* control/me and helohost, or NULL */
	struct buf addresses; /* struct ip, one behind the other */
	bool loopback;        /* 127/8 and ::1 are hosts like others */
};

/* Add the addresses of this host's interfaces, but those of the loopback.
 * Before drop_to: the jail has no netlink.  False with errno. */
MUST_USE bool self_learn(struct self *s);

/* Add one that no interface has: the outer one of a network behind a
 * translator.  False without memory. */
MUST_USE bool self_add(struct self *s, const struct ip *a);

/* Free the addresses. */
void self_free(struct self *s);

/* name, whatever the case of its letters, is one of ours. */
bool self_is_name(const struct self *s, const char *name);

/* a leads to this host: an own address, 0/8 or ::, and, unless s->loopback,
 * 127/8 and ::1. */
bool self_is_address(const struct self *s, const struct ip *a);

/* A host may have the address a: it is not multicast, broadcast or reserved
 * (240/4), nor of one link only (169.254/16, fe80::/10). */
bool self_may_dial(const struct ip *a);

#endif
