/* keeper: what culver-policyd knows of domains and how TLS went with them.  It
 * is not on the network: the fetcher is, and does its orders. */
#ifndef POLICY_KEEPER_H
#define POLICY_KEEPER_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "policy/counts.h"
#include "policy/fetcher.h"
#include "policy/known.h"
#include "policy/order.h"
#include "policy/store.h"
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEEPER_CHECK = 60 * 60, /* seconds that a record's id is believed */
	KEEPER_NONE = 15 * 60,  /* and that there is no record */
	KEEPER_FAILED = 5 * 60, /* before a failed fetch is tried again (RFC
				 * 8461, 3.3) */
	KEEPER_UNKNOWN = 60,    /* and a question that DNS did not answer */
	KEEPER_SWEEP = 10 * 60, /* seconds between two looks at all policies */
	KEEPER_BATCH = 16       /* of them at a time */
};

/* What the fetcher is doing; domain "": nothing. */
struct flight {
	char domain[STS_DOMAIN_MAX + 1];
	uint32_t job;
};

struct keeper {
	struct controls *controls;
	int policies, days; /* folders */
	int fetcher;        /* the socket to it */
	struct known_table *known;
	struct counts counts;
	int64_t
	    write_at; /* boot clock: counts are to be written; 0: none are */
	struct flight flights[FETCHER_MOST];
	uint32_t job;
	DIR *sweep;           /* all policies are being looked at */
	int64_t sweep_at;     /* boot clock: again then */
	struct stored stored; /* of the policy found last ... */
	struct buf text;      /* ... and its text */
};

enum keeper_answer {
	KEEPER_HAS, /* *p is the policy, valid until the next call */
	KEEPER_HAS_NOT,
	KEEPER_WAIT, /* keeper_hear will tell when it is known */
	KEEPER_LATER
};

/* What is known of domain, which sts_domain_ok accepts; if need be the fetcher
 * is told to ask, too.  Once it was waited for, waited is true, and it is not
 * waited for again. */
enum keeper_answer keeper_ask(
    struct keeper *k, struct str domain, bool waited, struct sts_policy *p);

/* Take one outcome from the fetcher; domain is whose.  Dies (111) when the
 * fetcher is gone. */
void keeper_hear(struct keeper *k, char domain[STS_DOMAIN_MAX + 1]);

/* Count a session, if reports are wanted of us (control/tlsrptfrom). */
void keeper_count(struct keeper *k, const struct sts_report *r);

/* What is due.  Returns in how many milliseconds to call again, at most. */
int keeper_tick(struct keeper *k);

/* Write what is not written: the program ends. */
void keeper_end(struct keeper *k);

#endif
