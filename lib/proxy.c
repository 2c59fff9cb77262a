/* proxy: the PROXY protocol; see proxy.h. */
#include "lib/proxy.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "lib/num.h"
#include <errno.h>
#include <string.h>

enum {
	SIGNATURE = 12,
	HEAD = 16,        /* signature, version and command, family, length */
	FOUR = 4 + 4 + 4, /* two addresses, two ports */
	SIX = 16 + 16 + 4,
	SHORTEST = 15, /* "PROXY UNKNOWN" CR LF */
	VERSION = 0x20,
	COMMAND = 0x0f,
	LOCAL = 0,
	PROXIED = 1
};

/* Byte 13: address family and protocol. */
enum { UNSPEC = 0x00, TCP4 = 0x11, TCP6 = 0x21, STREAM = 0x31 };

static const char signature[SIGNATURE + 1] = "\r\n\r\n\0\r\nQUIT\n";
static const char word[] = "PROXY ";

static enum proxy_result
want(size_t *more, size_t n)
{
	*more = n;
	return PROXY_MORE;
}

/* So far the bytes are those of begin. */
static bool
begins(struct str bytes, const char *begin, size_t len)
{
	return memcmp(bytes.data, begin, bytes.len < len ? bytes.len : len) ==
	       0;
}

static bool
parse_port(struct str s, uint16_t *port)
{
	uint64_t n = 0;

	if (!num_parse(s, UINT16_MAX, &n) || (s.len > 1 && s.data[0] == '0'))
		return false;
	*port = (uint16_t)n;
	return true;
}

/* The family must be that of the text, not of what it means. */
static bool
parse_address(struct str s, bool six, struct ip *a)
{
	return (str_find(s, ':') < s.len) == six && ip_parse(s, a);
}

/* "TCP4 SOURCE DESTINATION PORT PORT", single blanks between them. */
static bool
parse_line(struct str rest, struct proxy *p)
{
	struct str parts[5];
	bool six;

	for (size_t i = 0; i < 5; i++)
		if (!str_cut(&rest, ' ', &parts[i]))
			return false;
	six = str_equal(parts[0], str_of("TCP6"));
	p->known = true;
	return rest.len == 0 && parts[4].data[parts[4].len] == '\r' &&
	       (six || str_equal(parts[0], str_of("TCP4"))) &&
	       parse_address(parts[1], six, &p->source) &&
	       parse_address(parts[2], six, &p->destination) &&
	       parse_port(parts[3], &p->source_port) &&
	       parse_port(parts[4], &p->destination_port);
}

static bool
is_unknown(struct str rest)
{
	struct str unknown = str_of("UNKNOWN");

	return str_starts(rest, unknown) &&
	       (rest.len == unknown.len || rest.data[unknown.len] == ' ');
}

static enum proxy_result
parse_1(struct str bytes, struct proxy *p, size_t *more)
{
	size_t lf = str_find(bytes, '\n'), cr = str_find(bytes, '\r');
	struct str rest = str_slice(bytes, sizeof(word) - 1, cr);

	if ((cr + 1 < bytes.len && lf != cr + 1) || bytes.len > PROXY_LINE)
		return PROXY_BAD;
	if (lf == bytes.len) {
		if (bytes.len >= PROXY_LINE)
			return PROXY_BAD;
		if (bytes.len < SHORTEST)
			return want(more, SHORTEST - bytes.len);
		return want(more, 1);
	}
	if (lf + 1 != bytes.len || cr + 1 != lf)
		return PROXY_BAD;
	return is_unknown(rest) || parse_line(rest, p) ? PROXY_DONE : PROXY_BAD;
}

static uint16_t
get16(const unsigned char *in)
{
	return (uint16_t)(in[0] << 8 | in[1]);
}

static void
get4(const unsigned char *in, struct ip *a)
{
	static const unsigned char mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memcpy(a->bytes, mapped, sizeof(mapped));
	memcpy(a->bytes + sizeof(mapped), in, 4);
}

static enum proxy_result
take_4(const unsigned char *in, size_t n, struct proxy *p)
{
	if (n < FOUR)
		return PROXY_BAD;
	get4(in, &p->source);
	get4(in + 4, &p->destination);
	p->source_port = get16(in + 8);
	p->destination_port = get16(in + 10);
	p->known = true;
	return PROXY_DONE;
}

static enum proxy_result
take_6(const unsigned char *in, size_t n, struct proxy *p)
{
	if (n < SIX)
		return PROXY_BAD;
	memcpy(p->source.bytes, in, sizeof(p->source.bytes));
	memcpy(p->destination.bytes, in + 16, sizeof(p->destination.bytes));
	p->source_port = get16(in + 32);
	p->destination_port = get16(in + 34);
	p->known = true;
	return PROXY_DONE;
}

/* All n bytes of a head and what its length says; extensions behind the
 * addresses are passed over. */
static enum proxy_result
take_2(const unsigned char *in, size_t n, struct proxy *p)
{
	if ((in[SIGNATURE] & COMMAND) == LOCAL)
		return PROXY_DONE;
	switch (in[SIGNATURE + 1]) {
	case UNSPEC:
	case STREAM:
		return PROXY_DONE;
	case TCP4:
		return take_4(in + HEAD, n - HEAD, p);
	case TCP6:
		return take_6(in + HEAD, n - HEAD, p);
	default:
		return PROXY_BAD;
	}
}

static enum proxy_result
parse_2(struct str bytes, struct proxy *p, size_t *more)
{
	const unsigned char *in = (const unsigned char *)bytes.data;
	size_t all;

	if (bytes.len > SIGNATURE && in[SIGNATURE] != (VERSION | LOCAL) &&
	    in[SIGNATURE] != (VERSION | PROXIED))
		return PROXY_BAD;
	if (bytes.len < HEAD)
		return want(more, HEAD - bytes.len);
	all = HEAD + (size_t)get16(in + SIGNATURE + 2);
	if (all > PROXY_MAX || bytes.len > all)
		return PROXY_BAD;
	return bytes.len < all ? want(more, all - bytes.len)
			       : take_2(in, all, p);
}

enum proxy_result
proxy_parse(struct str bytes, struct proxy *p, size_t *more)
{
	*p = (struct proxy){.known = false};
	if (bytes.len == 0)
		return want(more, SIGNATURE);
	if (begins(bytes, word, sizeof(word) - 1))
		return parse_1(bytes, p, more);
	if (!begins(bytes, signature, SIGNATURE))
		return PROXY_BAD;
	return parse_2(bytes, p, more);
}

static const char *
failed(ssize_t n)
{
	if (n == 0)
		return "closed";
	return errno == ETIMEDOUT ? "timeout" : "lost";
}

bool
proxy_read(int fd, struct proxy *p, const char **why)
{
	int64_t end = clock_boot() + (int64_t)PROXY_SECONDS * CLOCK_SECOND;
	char bytes[PROXY_MAX] = "";
	struct channel in;
	size_t len = 0, more = 0;
	enum proxy_result r;

	channel_open(&in, fd, PROXY_SECONDS);
	while ((r = proxy_parse((struct str){bytes, len}, p, &more)) ==
	       PROXY_MORE) {
		int64_t left = (end - clock_boot()) / (CLOCK_SECOND / 1000);
		ssize_t n;

		*why = "timeout";
		if (left <= 0)
			return false;
		in.timeout_ms = (int)left;
		n = in.read(&in, bytes + len, more);
		*why = failed(n);
		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	*why = "malformed";
	return r == PROXY_DONE;
}
