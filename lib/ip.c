/* ip: addresses of both families; see ip.h. */
#include "lib/ip.h"

#include "lib/num.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { MAPPED = 12, BITS = 128, PORT_MAX = 65535 }; /* MAPPED: bytes before */

static const unsigned char mapped[MAPPED] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void
from4(struct ip *out, const void *four)
{
	memcpy(out->bytes, mapped, MAPPED);
	memcpy(out->bytes + MAPPED, four, sizeof(out->bytes) - MAPPED);
}

bool
ip_parse(struct str s, struct ip *out)
{
	char text[IP_SIZE];
	unsigned char four[4];
	struct ip six;

	if (!str_copy(text, sizeof(text), s))
		return false;
	if (inet_pton(AF_INET, text, four) == 1) {
		from4(out, four);
		return true;
	}
	if (inet_pton(AF_INET6, text, six.bytes) != 1)
		return false;
	*out = six;
	return true;
}

bool
ip_is4(const struct ip *a)
{
	return memcmp(a->bytes, mapped, MAPPED) == 0;
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The longest run of two or more zero groups from *from on, the first of
 * several (RFC 5952, 4.2); its length, 0 when there is none. */
static unsigned
zero_run(const unsigned groups[8], unsigned *from)
{
	unsigned best = 1;

	*from = 8;
	for (unsigned i = 0, run = 0; i < 8; i++) {
		run = groups[i] == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*from = i + 1 - run;
		}
	}
	return *from == 8 ? 0 : best;
}

static void
format6(char out[IP_SIZE], const struct ip *a)
{
	unsigned groups[8], from, run;
	size_t len = 0;

	for (size_t i = 0; i < 8; i++)
		groups[i] =
		    (unsigned)a->bytes[2 * i] << 8 | a->bytes[2 * i + 1];
	run = zero_run(groups, &from);
	for (unsigned i = 0; i < 8;) {
		if (run > 0 && i == from) {
			out[len++] = ':';
			out[len++] = ':';
			i += run;
			continue;
		}
		if (i > 0 && out[len - 1] != ':')
			out[len++] = ':';
		len += (size_t)snprintf(
		    out + len, IP_SIZE - len, "%x", groups[i++]);
	}
	out[len] = '\0';
}

/* Not inet_ntop: it writes ::102:304 as ::1.2.3.4, which RFC 4291 gave up. */
void
ip_format(char out[IP_SIZE], const struct ip *a)
{
	const unsigned char *v4 = a->bytes + MAPPED;

	if (ip_is4(a))
		(void)snprintf(
		    out, IP_SIZE, "%u.%u.%u.%u", v4[0], v4[1], v4[2], v4[3]);
	else
		format6(out, a);
}

void
ip_literal(char out[IP_LITERAL_SIZE], const struct ip *a)
{
	char text[IP_SIZE];

	ip_format(text, a);
	(void)snprintf(
	    out, IP_LITERAL_SIZE, "[%s%s]", ip_is4(a) ? "" : "IPv6:", text);
}

bool
ip_within(const struct ip *a, const struct ip *net, unsigned bits)
{
	unsigned whole = (bits > BITS ? BITS : bits) / 8;
	unsigned left = bits > BITS ? 0 : bits % 8;

	if (memcmp(a->bytes, net->bytes, whole) != 0)
		return false;
	return left == 0 ||
	       (a->bytes[whole] ^ net->bytes[whole]) >> (8 - left) == 0;
}

bool
ip_is_here(const struct ip *remote, const struct ip *local)
{
	static const struct ip unknown;
	static const struct ip loopback6 = {.bytes = {[15] = 1}};
	static const struct ip loopback4 = {
	    .bytes = {[10] = 0xff, [11] = 0xff, [12] = 127}
        };

	return ip_within(remote, &loopback4, 96 + 8) ||
	       ip_equal(remote, &loopback6) ||
	       (ip_equal(remote, local) && !ip_equal(remote, &unknown));
}

/* The copies below are for alignment: sa may be part of anything. */
bool
ip_from_sockaddr(const struct sockaddr *sa, struct ip *out, uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	in_port_t net_port;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		from4(out, &in.sin_addr);
		net_port = in.sin_port;
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->bytes, &in6.sin6_addr, sizeof(out->bytes));
		net_port = in6.sin6_port;
	} else {
		return false;
	}
	if (port != NULL)
		*port = ntohs(net_port);
	return true;
}

socklen_t
ip_to_sockaddr(const struct ip *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(out, 0, sizeof(*out));
	if (ip_is4(a)) {
		memcpy(&in.sin_addr, a->bytes + MAPPED, sizeof(in.sin_addr));
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, a->bytes, sizeof(in6.sin6_addr));
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

/* Brackets are for the family whose text has colons, and for no other. */
bool
ip_parse_endpoint(struct str s, struct ip *a, uint16_t *port)
{
	size_t colon = str_rfind(s, ':');
	struct str host = str_slice(s, 0, colon);
	struct ip parsed;
	uint64_t n;
	bool brackets = host.len >= 2 && host.data[0] == '[' &&
			host.data[host.len - 1] == ']';

	if (brackets)
		host = str_slice(host, 1, host.len - 1);
	if ((str_find(host, ':') != host.len) != brackets ||
	    !ip_parse(host, &parsed) ||
	    !num_parse(str_slice(s, colon + 1, s.len), PORT_MAX, &n))
		return false;
	*a = parsed;
	*port = (uint16_t)n;
	return true;
}

bool
ip_parse_server(struct str s, uint16_t preset, struct ip *a, uint16_t *port)
{
	bool brackets =
	    s.len >= 2 && s.data[0] == '[' && s.data[s.len - 1] == ']';
	struct str inner = brackets ? str_slice(s, 1, s.len - 1) : s;
	struct ip parsed;
	uint16_t said;

	if (ip_parse(inner, &parsed) && (!brackets || !ip_is4(&parsed))) {
		*a = parsed;
		*port = preset;
		return true;
	}
	if (!ip_parse_endpoint(s, &parsed, &said) || said == 0)
		return false;
	*a = parsed;
	*port = said;
	return true;
}
