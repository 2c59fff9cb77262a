/* exchangers: the hosts of an answer for MX, in the order to try them. */
#ifndef REMOTE_EXCHANGERS_H
#define REMOTE_EXCHANGERS_H

#include "lib/attr.h"
#include "lib/dnsanswer.h"
#include "remote/self.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EXCHANGERS_MAX = 10,
	GROUP_SIZE = 256 /* text of a group and its end byte */
};

struct exchanger {
	char name[DNS_HOST_SIZE];
	uint16_t preference;
};

struct exchangers {
	bool own; /* this host is one of them */
	size_t count;
	struct exchanger list[EXCHANGERS_MAX];
};

/* Store the best of a's hosts in *out: lowest preference first, equal ones in
 * random order, none twice.  Names that no host can have are left out, and so
 * is this host with all that are no better (RFC 5321, 5.1).  False without
 * memory. */
MUST_USE bool exchangers_list(const struct dns_answer *a,
    const struct self *self, struct exchangers *out);

/* Leave out those from preference limit on. */
void exchangers_keep_better(struct exchangers *x, uint16_t limit);

/* The domain accepts no mail: "." is its one exchanger (RFC 7505). */
bool exchangers_are_null(const struct dns_answer *a);

/* The set of a's hosts, whatever their order, as a text: their names, or a
 * digest where that is long; with the port where it is not 25.  False without
 * memory. */
MUST_USE bool exchangers_group(
    const struct dns_answer *a, uint16_t port, char out[GROUP_SIZE]);

#endif
