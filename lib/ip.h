/* ip: addresses of both families, as numbers and as text. */
#ifndef LIB_IP_H
#define LIB_IP_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { IP_SIZE = 46 };         /* text and its end byte */
enum { IP_LITERAL_SIZE = 64 }; /* "[IPv6:...]" and its end byte */

/* IPv4 is held as ::ffff:a.b.c.d, so that there is one form of each. */
struct ip {
	unsigned char bytes[16];
};

/* Text without brackets: dotted quad or RFC 4291 forms, nothing else (no zone,
 * no single number).  False when it is none. */
MUST_USE bool ip_parse(struct str s, struct ip *out);

/* An IPv4 address. */
bool ip_is4(const struct ip *a);

/* The same address. */
bool ip_equal(const struct ip *a, const struct ip *b);

/* remote is at this host: a loopback address, or the one of ours that it has
 * reached; the unknown address (all zero bytes) is not. */
bool ip_is_here(const struct ip *remote, const struct ip *local);

/* Text in its shortest form (RFC 5952); and as an address literal of SMTP,
 * "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321, 4.1.3). */
void ip_format(char out[IP_SIZE], const struct ip *a);

/* The literal of SMTP, brackets included. */
void ip_literal(char out[IP_LITERAL_SIZE], const struct ip *a);

/* The first bits of a (of 128; IPv4 counts from 96) are those of net. */
bool ip_within(const struct ip *a, const struct ip *net, unsigned bits);

/* From and to the kernel's form.  ip_from_sockaddr is false for a family that
 * is neither; port may be NULL. */
MUST_USE bool ip_from_sockaddr(
    const struct sockaddr *sa, struct ip *out, uint16_t *port);

/* Returns the length of what was stored in out. */
socklen_t ip_to_sockaddr(
    const struct ip *a, uint16_t port, struct sockaddr_storage *out);

/* "ADDRESS:PORT" as -l takes it: "0.0.0.0:25", "[::]:25".  False when it is
 * not of that form; port 0 is allowed and means: any. */
MUST_USE bool ip_parse_endpoint(struct str s, struct ip *a, uint16_t *port);

/* "ADDRESS", "[ADDRESS]" or "ADDRESS:PORT" as above, of a server to connect to;
 * port is preset where there is none, and 0 is no port. */
MUST_USE bool ip_parse_server(
    struct str s, uint16_t preset, struct ip *a, uint16_t *port);

#endif
