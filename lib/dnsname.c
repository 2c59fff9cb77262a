/* dnsname: names of DNS; see dnsname.h. */
#include "lib/dnsname.h"

#include <stdio.h>
#include <string.h>

enum {
	POINTER = 0xc0,  /* its two upper bits mark one */
	ESCAPE_SIZE = 5, /* \DDD and its end byte */
	NIBBLES = 32,    /* of an IPv6 address */
	MAPPED = 12      /* bytes before an IPv4 address in a struct ip */
};

static unsigned
byte(struct str p, size_t at)
{
	return (unsigned char)p.data[at];
}

/* The label at at, which is there, with its length. */
static bool
add_label(struct dns_name *out, struct str p, size_t at)
{
	size_t n = byte(p, at);

	if (n > DNS_LABEL_MAX || p.len - at <= n ||
	    sizeof(out->bytes) - out->len <= n)
		return false;
	out->bytes[out->len++] = (unsigned char)n;
	for (size_t i = 1; i <= n; i++)
		out->bytes[out->len++] =
		    (unsigned char)str_lower(p.data[at + i]);
	return true;
}

/* The offset that the pointer at at leads to; SIZE_MAX when it is cut. */
static size_t
pointer(struct str p, size_t at)
{
	if (p.len - at < 2)
		return SIZE_MAX;
	return (byte(p, at) & ~(unsigned)POINTER) << 8 | byte(p, at + 1);
}

bool
dns_name_read(struct str packet, size_t *at, struct dns_name *out)
{
	size_t here = *at, part = *at, behind = 0, n = 1;

	out->len = 0;
	while (n != 0) {
		if (here >= packet.len)
			return false;
		n = byte(packet, here);
		if (n >= POINTER) {
			if (behind == 0)
				behind = here + 2;
			here = pointer(packet, here);
			if (here >= part)
				return false;
			part = here;
		} else {
			if (!add_label(out, packet, here))
				return false;
			here += 1 + n;
		}
	}
	*at = behind == 0 ? here : behind;
	return true;
}

bool
dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '/';
}

static size_t
format_byte(char *out, unsigned char c)
{
	if (is_plain((char)c)) {
		*out = (char)c;
		return 1;
	}
	(void)snprintf(out, ESCAPE_SIZE, "\\%03u", c);
	return ESCAPE_SIZE - 1;
}

void
dns_name_format(char out[DNS_TEXT_SIZE], const struct dns_name *name)
{
	size_t len = 0;

	for (size_t at = 0; at < name->len && name->bytes[at] != 0;) {
		size_t n = name->bytes[at++];

		if (len > 0)
			out[len++] = '.';
		for (; n > 0; n--)
			len += format_byte(out + len, name->bytes[at++]);
	}
	out[len] = '\0';
}

bool
dns_name_text(struct str packet, size_t *at, char out[DNS_TEXT_SIZE])
{
	struct dns_name name;

	if (!dns_name_read(packet, at, &name))
		return false;
	dns_name_format(out, &name);
	return true;
}

bool
dns_name_is_askable(struct str text)
{
	size_t label = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '.' && label > 0)
			label = 0;
		else if (!is_plain(text.data[i]) || ++label > DNS_LABEL_MAX)
			return false;
	}
	return label > 0 && text.len <= DNS_WIRE_MAX - 2;
}

bool
dns_name_parse(struct str text, struct dns_name *out)
{
	struct str label;

	out->len = 0;
	if (!dns_name_is_askable(text))
		return false;
	while (str_cut(&text, '.', &label)) {
		out->bytes[out->len++] = (unsigned char)label.len;
		for (size_t i = 0; i < label.len; i++)
			out->bytes[out->len++] =
			    (unsigned char)str_lower(label.data[i]);
	}
	out->bytes[out->len++] = 0;
	return true;
}

void
dns_reverse(char out[DNS_HOST_SIZE], const struct ip *a)
{
	const unsigned char *b = a->bytes;
	size_t len = 0;

	if (ip_is4(a)) {
		(void)snprintf(out, DNS_HOST_SIZE, "%u.%u.%u.%u.in-addr.arpa",
		    b[MAPPED + 3], b[MAPPED + 2], b[MAPPED + 1], b[MAPPED]);
		return;
	}
	for (size_t i = NIBBLES; i > 0; i--) {
		unsigned n = b[(i - 1) / 2] >> (i % 2 == 0 ? 0 : 4) & 0xf;

		out[len++] = "0123456789abcdef"[n];
		out[len++] = '.';
	}
	(void)snprintf(out + len, DNS_HOST_SIZE - len, "ip6.arpa");
}
