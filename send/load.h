/* load: what culver-simulate is told: destinations and how they behave, and the
 * mail for them.  man/culver-simulate.8 says how it is written. */
#ifndef SEND_LOAD_H
#define SEND_LOAD_H

#include "lib/attr.h"
#include "lib/str.h"
#include "send/retry.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOAD_TEXT = 1 << 20,     /* bytes of a description */
	LOAD_NAME = 64,          /* bytes of a name, its end byte counted */
	LOAD_ROWS = 1024,        /* destinations, and rows of mail */
	LOAD_SPANS = 8,          /* dead and slow times of a destination */
	LOAD_MESSAGES = 4000000, /* in all */
	LOAD_DOMAINS = 1000000,  /* of one destination, customers of one row */
};

struct load_span { /* microseconds since the start */
	int64_t from, to;
	int64_t latency; /* of a slow one */
};

struct load_destination {
	char name[LOAD_NAME], group[LOAD_NAME];
	uint32_t domains;     /* '%' of the name: 1, 2 ... */
	int64_t latency;      /* of a delivery */
	int64_t timeout;      /* until an attempt at a dead host fails */
	int64_t spacing;      /* its lanerate */
	uint32_t limit;       /* 421 above so many at once; 0: none */
	uint32_t defer, fail; /* percent of attempts */
	struct load_span dead[LOAD_SPANS], slow[LOAD_SPANS];
	size_t dead_count, slow_count;
};

struct load_mail {
	char customer[LOAD_NAME];
	uint32_t customers;  /* '%' of it: 1, 2 ... */
	size_t destination;  /* its place */
	uint32_t count;      /* messages */
	uint32_t recipients; /* of each */
	int64_t start, over; /* the first, and the time they are spread over */
};

struct load {
	uint64_t seed;
	int64_t duration;
	uint32_t slots, reserve; /* reserve: percent */
	uint32_t lane_initial, lane_most;
	struct retry_plan plan;
	struct load_destination *destinations;
	struct load_mail *mail;
	size_t destination_count, mail_count;
	uint64_t messages;
};

struct load_fault {
	size_t line;
	const char *what;
	struct str near; /* in the text */
};

/* Take a description apart; what it does not say has culver's defaults.  False
 * with *fault when it does not parse (what "out of memory" when that was it).
 * Either way l is the caller's to load_free. */
MUST_USE bool load_parse(
    struct load *l, struct str text, struct load_fault *fault);

/* Free what l holds. */
void load_free(struct load *l);

#endif
