/* packet: answers of DNS servers, written, right or wrong. */
#ifndef TESTS_UNIT_LIB_PACKET_H
#define TESTS_UNIT_LIB_PACKET_H

#include "lib/buf.h"
#include "lib/dnsanswer.h"
#include "lib/ip.h"
#include "lib/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAG_RD_RA = 0x0180,
	FLAG_AD = 0x20
};

static void
put8(struct buf *b, unsigned n)
{
	assert_true(buf_append_byte(b, (char)(unsigned char)n));
}

static void
put16(struct buf *b, unsigned n)
{
	put8(b, n >> 8 & 0xff);
	put8(b, n & 0xff);
}

static void
put32(struct buf *b, uint32_t n)
{
	put16(b, n >> 16);
	put16(b, n & 0xffff);
}

/* One label, \DDD read as the byte. */
static void
put_label(struct buf *b, struct str s)
{
	char bytes[256];
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned c = (unsigned char)s.data[i];

		if (c == '\\') {
			c = (unsigned)(s.data[i + 1] - '0') * 100 +
			    (unsigned)(s.data[i + 2] - '0') * 10 +
			    (unsigned)(s.data[i + 3] - '0');
			i += 3;
		}
		bytes[n++] = (char)(unsigned char)c;
	}
	put8(b, (unsigned)n);
	assert_true(buf_append(b, bytes, n));
}

/* A whole name; "." and "" are the root. */
static UNUSED void
put_name(struct buf *b, const char *text)
{
	struct str rest = str_of(text), label;

	while (str_cut(&rest, '.', &label))
		if (label.len > 0)
			put_label(b, label);
	put8(b, 0);
}

static UNUSED void
put_head(struct buf *b, unsigned flags, unsigned records, unsigned authority,
    unsigned additional)
{
	put16(b, 0x1234);
	put16(b, flags);
	put16(b, 1);
	put16(b, records);
	put16(b, authority);
	put16(b, additional);
}

static UNUSED void
put_question(struct buf *b, const char *name, unsigned type)
{
	put_name(b, name);
	put16(b, type);
	put16(b, 1);
}

/* What stands between a record's name and its data. */
static UNUSED void
put_fixed(struct buf *b, unsigned type, uint32_t ttl, size_t len)
{
	put16(b, type);
	put16(b, 1);
	put32(b, ttl);
	put16(b, (unsigned)len);
}

/* The first word of text as a number; text goes on behind the blank. */
static unsigned
word(const char **text)
{
	char *end;
	unsigned long n = strtoul(*text, &end, 10);

	*text = *end == ' ' ? end + 1 : end;
	return (unsigned)n;
}

/* Data as a zone file has it: "10 mx.example", "3 1 1 hex", ... */
static UNUSED void
put_data(struct buf *b, unsigned type, const char *text)
{
	struct ip ip;
	unsigned char bytes[256];
	size_t n;

	switch ((enum dns_type)type) {
	case DNS_A:
	case DNS_AAAA:
		assert_true(ip_parse(str_of(text), &ip));
		assert_true(type == DNS_A ? buf_append(b, ip.bytes + 12, 4)
					  : buf_append(b, ip.bytes, 16));
		break;
	case DNS_MX:
		put16(b, word(&text));
		put_name(b, text);
		break;
	case DNS_CNAME:
	case DNS_PTR:
		put_name(b, text);
		break;
	case DNS_TXT:
		for (;; text += n) {
			n = strlen(text) < 255 ? strlen(text) : 255;
			put8(b, (unsigned)n);
			assert_true(buf_append(b, text, n));
			if (n < 255)
				break;
		}
		break;
	case DNS_TLSA:
		for (int i = 0; i < 3; i++)
			put8(b, word(&text));
		n = strlen(text) / 2;
		assert_true(num_unhex(str_of(text), bytes, n));
		assert_true(buf_append(b, bytes, n));
		break;
	case DNS_SOA: /* "minimum" */
		put_name(b, "ns.invalid");
		put_name(b, "root.invalid");
		for (uint32_t i = 0; i < 4; i++)
			put32(b, 1);
		put32(b, word(&text));
		break;
	}
}

static UNUSED void
put_record(struct buf *b, const char *name, unsigned type, uint32_t ttl,
    const char *text)
{
	struct buf data = {0};

	put_data(&data, type, text);
	put_name(b, name);
	put_fixed(b, type, ttl, data.len);
	assert_true(buf_append_str(b, buf_str(&data)));
	buf_free(&data);
}

#endif
