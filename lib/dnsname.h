/* dnsname: names of DNS, as they lie in a packet (RFC 1035, 3.1 and 4.1.4) and
 * as text. */
#ifndef LIB_DNSNAME_H
#define LIB_DNSNAME_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum {
	DNS_LABEL_MAX = 63,
	DNS_WIRE_MAX = 255,   /* bytes of a name as it lies in a packet */
	DNS_HOST_SIZE = 256,  /* a host's name as text, and its end byte */
	DNS_TEXT_SIZE = 1024, /* any name as text, and its end byte */
};

/* Labels, each behind its length, without pointers, in lower case. */
struct dns_name {
	size_t len;
	unsigned char bytes[DNS_WIRE_MAX];
};

/* The name in packet at *at; *at is moved behind it.  A pointer leads to what
 * lies before the part of the name that it ends, or the name is malformed, as
 * it is with a label or a whole that is too long, or past the end: false, *at
 * unchanged. */
MUST_USE bool dns_name_read(
    struct str packet, size_t *at, struct dns_name *out);

/* The same name. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);

/* As text: no final dot, the root as ""; bytes other than letters, digits, "-",
 * "_" and "/" as \DDD, so that it is one printable word whatever it is. */
void dns_name_format(char out[DNS_TEXT_SIZE], const struct dns_name *name);

/* Both: the text of the name in packet at *at. */
MUST_USE bool dns_name_text(
    struct str packet, size_t *at, char out[DNS_TEXT_SIZE]);

/* The name of a text that dns_name_is_askable accepts; false for another. */
MUST_USE bool dns_name_parse(struct str text, struct dns_name *out);

/* text can be asked for: 1 to 253 bytes, labels of 1 to 63 letters, digits,
 * "-", "_" and "/", no final dot. */
bool dns_name_is_askable(struct str text);

/* "1.2.0.192.in-addr.arpa" or the ip6.arpa form, to ask for PTR. */
void dns_reverse(char out[DNS_HOST_SIZE], const struct ip *a);

#endif
