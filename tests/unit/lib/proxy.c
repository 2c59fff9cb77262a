/* proxy: headers of both versions, whole, cut and malformed. */
#include "lib/proxy.h"
#include "lib/clock.h"
#include "lib/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(s) (s), sizeof(s) - 1
#define SIG     "\r\n\r\n\0\r\nQUIT\n"
#define FOUR    "\xc0\x00\x02\x01\xc6\x33\x64\x02\x01\x02\x00\x19"
#define SIX                                                                    \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"                             \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"                             \
	"\xff\xff\x00\x00"
#define MAPPED                                                                 \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"                         \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x02"                         \
	"\x01\x02\x00\x19"
#define X10 "xxxxxxxxxx"

static const struct row {
	const char *bytes;
	size_t len;
	const char *said; /* "SOURCE PORT DESTINATION PORT" or "peer" */
} good[] = {
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 258 25\r\n"),
     "192.0.2.1 258 198.51.100.2 25"									},
    {TEXT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
     "255.255.255.255 65535 255.255.255.255 65535"							  },
    {TEXT("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"),                           "0.0.0.0 0 0.0.0.0 0"            },
    {TEXT("PROXY TCP6 2001:db8::1 2001:DB8::2 65535 0\r\n"),
     "2001:db8::1 65535 2001:db8::2 0"								      },
    {TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"                                                     },
    {TEXT("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 258 25\r\n"),
     "192.0.2.1 258 198.51.100.2 25"									},
    {TEXT("PROXY UNKNOWN\r\n"),					    "peer"                           },
    {TEXT("PROXY UNKNOWN ffff:f...f:ffff any thing 1 2\r\n"),              "peer"                           },
    {TEXT("PROXY UNKNOWN " X10 X10 X10 X10 X10 X10 X10 X10 X10 "x\r\n"),
     "peer"												 },
    {TEXT(SIG "\x21\x11\0\x0c" FOUR),				      "192.0.2.1 258 198.51.100.2 25"  },
    {TEXT(SIG "\x21\x11\0\x13" FOUR "\x04\0\1\0\xea\0\1"),
     "192.0.2.1 258 198.51.100.2 25"									},
    {TEXT(SIG "\x21\x21\0\x24" SIX),				       "2001:db8::1 65535 2001:db8::2 0"},
    {TEXT(SIG "\x21\x21\0\x24" MAPPED),                                    "192.0.2.1 258 198.51.100.2 25"  },
    {TEXT(SIG "\x21\x00\0\0"),					     "peer"                           },
    {TEXT(SIG "\x21\x00\0\x02xx"),					 "peer"                           },
    {TEXT(SIG "\x20\x00\0\0"),					     "peer"                           },
    {TEXT(SIG "\x20\x11\0\x0c" FOUR),				      "peer"                           },
    {TEXT(SIG "\x20\xff\0\x01x"),					  "peer"                           },
    {TEXT(SIG "\x21\x31\0\x02xx"),					 "peer"                           },
};

static void
tell(char *out, size_t size, const struct proxy *p)
{
	char source[IP_SIZE], destination[IP_SIZE];

	ip_format(source, &p->source);
	ip_format(destination, &p->destination);
	if (p->known)
		(void)snprintf(out, size, "%s %u %s %u", source, p->source_port,
		    destination, p->destination_port);
	else
		(void)snprintf(out, size, "peer");
}

static void
a_header_says_for_whom(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct proxy p;
		char text[128];
		size_t more;

		if (proxy_parse((struct str){good[i].bytes, good[i].len}, &p,
			&more) != PROXY_DONE)
			fail_msg("row %zu is refused", i);
		tell(text, sizeof(text), &p);
		assert_string_equal(text, good[i].said);
	}
}

/* Never more is asked for than the header has left. */
static void
what_is_cut_wants_no_more_than_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t n = 0; n < good[i].len; n++) {
			struct proxy p;
			size_t more = 0;

			if (proxy_parse((struct str){good[i].bytes, n}, &p,
				&more) != PROXY_MORE)
				fail_msg("row %zu cut at %zu", i, n);
			if (more == 0 || n + more > good[i].len)
				fail_msg(
				    "row %zu at %zu wants %zu", i, n, more);
		}
}

static const struct {
	const char *bytes;
	size_t len;
} wrong[] = {
    {TEXT("E")},
    {TEXT("EHLO x\r\n")},
    {TEXT("\r\nE")},
    {TEXT("\r\n\r\n\r")},
    {TEXT("\x16\x03\x01")},
    {TEXT("proxy TCP4")},
    {TEXT("PROXY\tTCP4")},
    {TEXT("PROXYTCP4")},
    {TEXT("PROXY \r\n")},
    {TEXT("PROXY TCP4\r\n")},
    {TEXT("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1\r 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nx")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 0x1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP4 ::1 ::2 1 2\r\n")},
    {TEXT("PROXY TCP4 ::ffff:192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP6 2001:db8::1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP6 2001:db8::1%eth0 ::2 1 2\r\n")},
    {TEXT("PROXY TCP6 [::1] ::2 1 2\r\n")},
    {TEXT("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n")},
    {TEXT("PROXY UNKNOWNX\r\n")},
    {TEXT("PROXY UNKNOWN\n")},
    {TEXT("PROXY UNKNOWN\r x\r\n")},
    {TEXT("PROXY UNKNOWN " X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxx")},
    {TEXT("PROXY UNKNOWN " X10 X10 X10 X10 X10 X10 X10 X10 X10 "xx\r\n")},
    {TEXT("\r\n\r\n\0\r\nQUIT\r")},
    {TEXT(SIG "\x11\x11\0\x0c" FOUR)},
    {TEXT(SIG "\x31\x11\0\x0c" FOUR)},
    {TEXT(SIG "\x22\x11\0\x0c" FOUR)},
    {TEXT(SIG "\x2f")},
    {TEXT(SIG "\x00")},
    {TEXT(SIG "\x21\x11\0\x0b"
	      "\xc0\x00\x02\x01\xc6\x33\x64\x02\x01\x02\0")},
    {TEXT(SIG "\x21\x11\0\0")},
    {TEXT(SIG "\x21\x21\0\x0c" FOUR)},
    {TEXT(SIG "\x21\x12\0\x0c" FOUR)},
    {TEXT(SIG "\x21\x22\0\x24" SIX)},
    {TEXT(SIG "\x21\x10\0\x0c" FOUR)},
    {TEXT(SIG "\x21\x01\0\x0c" FOUR)},
    {TEXT(SIG "\x21\x41\0\x0c" FOUR)},
    {TEXT(SIG "\x21\xff\0\x0c" FOUR)},
    {TEXT(SIG "\x21\x11\0\x0c" FOUR "x")},
    {TEXT(SIG "\x21\x11\x10\x01")},
    {TEXT(SIG "\x20\x00\xff\xff")},
};

static void
what_is_malformed_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct proxy p;
		size_t more;

		if (proxy_parse((struct str){wrong[i].bytes, wrong[i].len}, &p,
			&more) != PROXY_BAD)
			fail_msg("row %zu is taken", i);
	}
}

static void
the_longest_is_taken_and_no_longer_one(void **state)
{
	static char bytes[PROXY_MAX + 1] = SIG "\x21\x11\x10\x00" FOUR;
	struct proxy p;
	size_t more;

	(void)state;
	assert_int_equal(
	    proxy_parse((struct str){bytes, PROXY_MAX}, &p, &more), PROXY_DONE);
	assert_int_equal(
	    proxy_parse((struct str){bytes, PROXY_MAX + 1}, &p, &more),
	    PROXY_BAD);
}

/* Over a socket and over a pipe, the session's bytes in the same packet. */
static void
what_follows_a_header_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(good) / sizeof(good[0]); i++) {
		const struct row *row = &good[i / 2];
		struct proxy p;
		const char *why;
		char text[128], rest[6];
		int ends[2];

		if (i % 2 == 0)
			assert_int_equal(pipe(ends), 0);
		else
			assert_int_equal(
			    socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_true(fd_write_all(ends[1], row->bytes, row->len));
		assert_true(fd_write_all(ends[1], "EHLO x", sizeof(rest)));
		assert_true(proxy_read(ends[0], &p, &why));
		tell(text, sizeof(text), &p);
		assert_string_equal(text, row->said);
		assert_true(fd_read_all(ends[0], rest, sizeof(rest)));
		assert_memory_equal(rest, "EHLO x", sizeof(rest));
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
}

static void
one_who_says_nothing_is_told_apart(void **state)
{
	struct proxy p;
	const char *why;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(fd_write_all(ends[1], "PROXY TCP4 1.2", 14));
	(void)close(ends[1]);
	assert_false(proxy_read(ends[0], &p, &why));
	assert_string_equal(why, "closed");
	(void)close(ends[0]);
	assert_int_equal(pipe(ends), 0);
	assert_true(fd_write_all(ends[1], "EHLO", 4));
	assert_false(proxy_read(ends[0], &p, &why));
	assert_string_equal(why, "malformed");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_says_for_whom),
	    cmocka_unit_test(what_is_cut_wants_no_more_than_the_rest),
	    cmocka_unit_test(what_is_malformed_is_refused),
	    cmocka_unit_test(the_longest_is_taken_and_no_longer_one),
	    cmocka_unit_test(what_follows_a_header_stays),
	    cmocka_unit_test(one_who_says_nothing_is_told_apart),
	};

	clock_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
