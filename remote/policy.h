/* policy: what TLS a host must have for a message, decided before a byte is
 * sent to it, and how it went.
 *
 * The line of tlspolicy (control/tlsrule.h) decides; without one DANE (RFC
 * 7672), else the domain's MTA-STS policy (RFC 8461), else TLS where it is
 * offered.  For each host of a next hop:
 *
 *   policy_decide     false: not this host (policy_refusal); go to the next
 *   level NONE        no STARTTLS
 *   not offered       policy_stripped: true, go on in the clear; false, next
 *   the handshake     policy_shaken with what it came to: true, go on; false:
 *                     policy_clear: true, connect again and go on without TLS;
 *                     false, next
 *   policy_report     for culver-policyd, once for each host, however it ended
 *
 * When no host is left the message waits, and policy_refusal says why. */
#ifndef REMOTE_POLICY_H
#define REMOTE_POLICY_H

#include "control/control.h"
#include "control/nexthop.h"
#include "lib/attr.h"
#include "lib/ip.h"
#include "lib/tls.h"
#include "remote/resolve.h"
#include "remote/tlsa.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POLICY_PEER = IP_SIZE + 8 }; /* an address, a port, an end byte */

enum policy_level {
	POLICY_NONE,    /* no TLS */
	POLICY_MAY,     /* where it is offered, with anybody */
	POLICY_ENCRYPT, /* always, with anybody */
	POLICY_VERIFY,  /* always, with who has a certificate for a name */
	POLICY_DANE,    /* always, as its TLSA records say */
	POLICY_STS      /* as MTA-STS says */
};

/* Whom a policy asks; tests have others in place of dns_ask and sts_ask. */
struct policy_sources {
	const struct controls *controls; /* tlspolicy is read and fresh */
	struct tlsa_asker tlsa;
	struct sts *sts;
	enum sts_answer (*sts_ask)(
	    struct sts *s, struct str domain, struct sts_policy *p);
	/* The message asks that nothing is demanded of it but what control/
	 * demands (RFC 8689, 3): nobody is asked, and nothing reported. */
	bool optional;
};

/* Begin with all zero bytes; policy_decide overwrites it, policy_free ends it.
 * It points into itself: do not copy it. */
struct policy {
	enum policy_level level;
	bool row;      /* tlspolicy says so */
	bool testing;  /* STS: what does not fit is told, and mail goes on */
	bool required; /* there is no way to clear text */
	bool wanted;   /* there is something to report: TLS is tried, and not
			* optional */
	/* For stream_start_tls. */
	struct tls_wish wish;
	/* What is known by now: of whose policy, and how it went. */
	enum sts_type type;
	enum sts_result result;
	bool ours; /* no fault of the host's: our memory, our tables */
	char why[TLS_WHY];
	char domain[DNS_HOST_SIZE]; /* the next hop's */
	char host[DNS_HOST_SIZE];   /* the exchanger's */
	/* What wish points into. */
	struct tlsa tlsa;
	char canonical[DNS_HOST_SIZE];
	char names[TLS_MOST_NAMES][DNS_HOST_SIZE];
	char peer[POLICY_PEER];
};

/* The policy of one host of a next hop.  False: nothing may be sent to it now,
 * by its policy or because that cannot be known. */
MUST_USE bool policy_decide(struct policy *p, const struct policy_sources *s,
    const struct nexthop *hop, const struct targets *targets,
    const struct target *host);

/* Free what p holds, and leave it without a wish; all zero bytes are fine. */
void policy_free(struct policy *p);

/* Name the address that is connected to: sessions are resumed with it. */
void policy_reach(struct policy *p, const struct ip *a, uint16_t port);

/* STARTTLS is not offered, or not granted.  True: go on in the clear. */
MUST_USE bool policy_stripped(struct policy *p);

/* A handshake came to fault and why (of stream_start_tls), and verdict where
 * it is TLS_OK (tls_verdict).  True: go on within TLS. */
MUST_USE bool policy_shaken(struct policy *p, enum tls_fault fault,
    enum tls_fault verdict, const char *why);

/* After a handshake that failed: the same host may be had without TLS, by a new
 * connection; the level is NONE then.  False: it may not. */
MUST_USE bool policy_clear(struct policy *p);

/* Why this host was not to be used: letter Z, status 4.7.x, and a sentence that
 * names the policy, the domain, the host and the reason. */
void policy_refusal(const struct policy *p, struct refusal *r);

/* What sts_tell is to be told of this session; texts point into p and records,
 * which is emptied first.  recipient is the domain mail was for; sending and
 * receiving are NULL where nothing was connected.  False, nothing to tell: no
 * TLS was wanted, the failure was our own, or no memory. */
MUST_USE bool policy_report(const struct policy *p, const char *recipient,
    const struct ip *sending, const struct ip *receiving, struct buf *records,
    struct sts_report *r);

/* "none", "may", "encrypt", "verify", "dane" or "sts". */
const char *policy_name(enum policy_level level);

#endif
