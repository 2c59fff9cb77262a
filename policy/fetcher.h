/* fetcher: the process of culver-policyd that is on the network.  Each order is
 * done by a child of its own, which ends with it: what a web server sends is
 * read by nobody who lives on. */
#ifndef POLICY_FETCHER_H
#define POLICY_FETCHER_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/dns.h"

enum { FETCHER_MOST = 64 }; /* orders at once; the keeper counts them */

/* Do the orders (policy/order.h) that come from the SEQPACKET socket s until it
 * ends, and exit.  c is the settings' reader, opened before. */
NO_RETURN void fetcher_run(int s, struct controls *c);

/* Whom to ask, as control/dnsservers says.  NULL with errno. */
MUST_USE struct dns *fetcher_dns(const struct controls *c);

/* The file of control/tlscafile in path; NULL where there is none. */
const char *fetcher_authorities(const struct controls *c, char path[4096]);

#endif
