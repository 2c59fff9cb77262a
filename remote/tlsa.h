/* tlsa: the TLSA records of a host (RFC 7672, 2.2). */
#ifndef REMOTE_TLSA_H
#define REMOTE_TLSA_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/dns.h"
#include "lib/tls.h"
#include <stddef.h>
#include <stdint.h>

enum {
	TLSA_DNS_MS = 15000, /* for all questions about a host */
	TLSA_ALIASES = 4     /* names that one set of records is asked for at */
};

/* Whom to ask: dns_ask with a resolver, in tests something else. */
struct tlsa_asker {
	struct dns *dns;
	void (*ask)(struct dns *d, struct dns_question *questions, size_t count,
	    int64_t ms);
};

enum tlsa_result {
	TLSA_NONE,     /* no signed records; DANE is not for this host */
	TLSA_USABLE,   /* at least one that counts */
	TLSA_UNUSABLE, /* none of those that there are counts */
	TLSA_TROUBLE /* nobody knows: the host is not used (RFC 7672, 2.1.2) */
};

/* All zero bytes hold nothing; it must not be moved.  For why see dns.h. */
struct tlsa {
	const char *base; /* the TLSA base domain: name or canonical */
	const char *why;  /* of TLSA_TROUBLE: what was wrong, a fixed text */
	struct dns_answer answer;
	struct tls_record records[TLS_MOST_RECORDS]; /* those that count */
	size_t count;
};

/* The records of "_PORT._tcp.HOST": of canonical, where the aliases of name
 * end, and without signed ones there of name itself.  The answers that lead to
 * the host's addresses must have been signed.  *t is overwritten, points to the
 * names given, and is freed by tlsa_free. */
MUST_USE enum tlsa_result tlsa_find(struct tlsa *t, const struct tlsa_asker *a,
    const char *canonical, const char *name, uint16_t port);

/* Free what t holds, and leave it empty. */
void tlsa_free(struct tlsa *t);

/* Append the records in zone-file form, one a line, "3 1 1 0F1E...", as far as
 * they fit into max bytes.  False without memory. */
MUST_USE bool tlsa_format(const struct tlsa *t, size_t max, struct buf *out);

#endif
