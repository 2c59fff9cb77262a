/* fetch: what a domain says now: its record in DNS, then, where that is new,
 * its policy by HTTPS. */
#ifndef POLICY_FETCH_H
#define POLICY_FETCH_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/dns.h"
#include "lib/str.h"
#include "policy/web.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stddef.h>

enum fetch_result {
	FETCH_NEW,     /* id and text are it */
	FETCH_SAME,    /* the record has the id that is known */
	FETCH_NONE,    /* there is no valid record */
	FETCH_UNKNOWN, /* DNS does not say now */
	FETCH_FAILED,  /* the rest as enum sts_result has them */
	FETCH_INVALID,
	FETCH_UNTRUSTED,
	FETCH_LOCAL, /* trouble of ours */
	FETCH_RESULTS
};

enum { FETCH_DNS_MS = 10000 };

struct fetch {
	struct dns *dns;
	const char *authorities; /* a file; NULL: the system's */
	struct str domain;
	struct str known;        /* id of the policy that is had; else "" */
	bool anyway;             /* fetch it though the id is known */
	char id[STS_ID_MAX + 1]; /* the rest is filled in */
	struct buf text;
	char why[WEB_WHY];
};

/* Ask.  f->text is freed by the caller whatever comes. */
MUST_USE enum fetch_result fetch_run(struct fetch *f);

/* The addresses of host, at most WEB_ADDRESSES, IPv6 first.  Returns how many;
 * 0 with why, a fixed text. */
size_t fetch_addresses(struct dns *dns, const char *host,
    struct ip out[WEB_ADDRESSES], const char **why);

/* Ask for the TXT records of prefix and domain.  FOUND: answer's records have
 * them; it is freed by the caller whatever comes. */
enum dns_result fetch_txt(struct dns *dns, const char *prefix,
    struct str domain, struct dns_answer *answer);

/* At most so many of an answer's records are looked at. */
enum { FETCH_RECORDS = 32 };

/* Their bytes.  Returns how many. */
size_t fetch_strings(const struct dns_answer *a, struct str out[FETCH_RECORDS]);

#endif
