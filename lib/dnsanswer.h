/* dnsanswer: what a DNS server's answer says (RFC 1035, 4), read from bytes
 * that anybody may have written. */
#ifndef LIB_DNSANSWER_H
#define LIB_DNSANSWER_H

#include "lib/buf.h"
#include "lib/dnsname.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_PACKET_MAX = 65535, /* bytes of an answer */
	DNS_ALIASES_MAX = 16,   /* CNAMEs from a name to its records */
	DNS_RECORDS_MAX = 1000, /* of one answer; those behind are not read */
	DNS_POSITIVE_MAX = 24 * 60 * 60, /* most seconds to live, whatever */
	DNS_NEGATIVE_MAX = 60 * 60       /* the server says; and of a no */
};

/* What can be asked for; the numbers are DNS's own. */
enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52
};

enum dns_result {
	DNS_FOUND,   /* at least one record */
	DNS_NO_NAME, /* NXDOMAIN: nobody has such a name */
	DNS_NO_DATA, /* the name exists, and has no such record */
	DNS_LOOP,   /* its aliases go round, or are more than DNS_ALIASES_MAX */
	DNS_TROUBLE /* nobody knows now: why says what was wrong */
};

/* One record of the type that was asked for.  What a type has not is zero. */
struct dns_record {
	uint16_t preference;                  /* MX */
	unsigned char usage, selector, match; /* TLSA (RFC 6698, 2.1) */
	struct ip ip;                         /* A, AAAA */
	/* MX, PTR, CNAME: a name as text, as of dns_name_format; TXT: the strings
	 * joined (RFC 7208, 3.3), any bytes; TLSA: the association data.  Points
	 * into the answer's own bytes. */
	struct str data;
};

struct dns_answer {
	enum dns_result result;
	const char *why; /* of DNS_TROUBLE, a fixed text; else NULL */
	bool secure;     /* AD: the server has validated all that it says here
			  * (RFC 4035, 3.2.3), which is worth what the way to
			  * that server is worth */
	uint32_t ttl;    /* seconds this may be kept; 0: not at all */
	unsigned aliases;
	/* Aliases were followed, their end has no record here, and the server
	 * does not say (by a SOA) that it has none: ask for the end's. */
	bool dangling;
	char name[DNS_TEXT_SIZE]; /* whose records they are: the last alias's
				   * target, or the name itself */
	size_t count;
	struct dns_record *records; /* in the server's order */
	struct buf bytes;           /* what the records point into */
};

/* Read packet, an answer to the question for name and type, into *a, which is
 * overwritten and freed by dns_answer_free in every case.  Records of another
 * name or class than the question leads to are passed over.  Anything malformed
 * on the way (a name that points forward or at itself, a label over 63 or a
 * name over 255 bytes, a length past the end, counts that are more than is
 * there) is DNS_TROUBLE, and so are lack of memory and any code but NOERROR and
 * NXDOMAIN.  name is a C string that dns_name_is_askable accepts. */
void dns_answer_read(struct dns_answer *a, struct str packet, const char *name,
    enum dns_type type);

/* Make *a, which is overwritten, an answer without records; why as above. */
void dns_answer_none(
    struct dns_answer *a, enum dns_result result, const char *why);

/* Free what a holds, and leave it without records; all zero bytes are fine. */
void dns_answer_free(struct dns_answer *a);

#endif
