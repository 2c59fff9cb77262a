/* dns: questions to the resolver, answered by a deadline.
 *
 * dns_new reads /etc/resolv.conf and what else c-ares wants from files; call it
 * before drop_to.  After that nothing is opened but sockets: the jail needs
 * PROMISE_INET, and no path.  A resolv.conf that changes is read by the next
 * process.  /etc/hosts and search lists are not used: a name is what DNS says
 * of it, as for qmail.
 *
 * A server that says SERVFAIL, REFUSED or nothing is passed over for the next;
 * a cut answer is asked for again by TCP; an answer with another id, question
 * or source than ours is not looked at. */
#ifndef LIB_DNS_H
#define LIB_DNS_H

#include "lib/attr.h"
#include "lib/dnsanswer.h"
#include "lib/ip.h"
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_PORT = 53,
	DNS_SERVERS_MAX = 8,
	DNS_QUESTIONS_MAX = 64 /* at once */
};

struct dns_server {
	struct ip ip;
	uint16_t port;
};

/* One question: name and type are the caller's, answer is filled in. */
struct dns_question {
	const char *name; /* a C string; a final dot is ignored */
	enum dns_type type;
	struct dns_answer answer;
};

struct dns; /* a resolver and what it remembers */

/* A resolver that asks these servers in this order, at most DNS_SERVERS_MAX; of
 * none (NULL, 0) those of /etc/resolv.conf.  NULL with errno.  Freed by
 * dns_free. */
MUST_USE struct dns *dns_new(const struct dns_server *servers, size_t count);

/* Close its sockets and free it; NULL is fine. */
void dns_free(struct dns *d);

/* Ask count questions (at most DNS_QUESTIONS_MAX) at once and wait until each
 * has its answer or ms milliseconds are over; every answer is overwritten, and
 * freed by the caller with dns_answer_free.  What came too late is DNS_TROUBLE;
 * a name that cannot be asked for is DNS_NO_NAME.  Answers are remembered as
 * long as they say, within DNS_POSITIVE_MAX and DNS_NEGATIVE_MAX, and at most
 * 4 MiB of them; trouble is not. */
void dns_ask(
    struct dns *d, struct dns_question *questions, size_t count, int64_t ms);

#endif
