/* netstring: what is one, at every cut, and what is none. */
#include "lib/netstring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *text;
	size_t len;
	const char *bytes; /* all that came, '|' after each netstring */
	enum netstring_event last;
};

#define TEXT(s) (s), sizeof(s) - 1

static const struct row rows[] = {
    {TEXT(""),			     "",              NETSTRING_MORE},
    {TEXT("0:,"),			  "|",             NETSTRING_MORE},
    {TEXT("12:hello world!,"),             "hello world!|", NETSTRING_MORE},
    {TEXT("3:a,b,1:c,"),                   "a,b|c|",        NETSTRING_MORE},
    {TEXT("5:12:3,,"),                     "12:3,|",        NETSTRING_MORE},
    {TEXT("4:abc"),			"abc",           NETSTRING_MORE},
    {TEXT("10:0123456789"),                "0123456789",    NETSTRING_MORE},
    {TEXT("18446744073709551615:x"),       "x",             NETSTRING_MORE},
    {TEXT("4294967296:x"),                 "x",             NETSTRING_MORE},
    {TEXT("18446744073709551616:x"),       "",              NETSTRING_BAD },
    {TEXT("18446744073709551617:x"),       "",              NETSTRING_BAD },
    {TEXT("99999999999999999999999999:x"), "",              NETSTRING_BAD },
    {TEXT("01:a,"),			"",              NETSTRING_BAD },
    {TEXT("00:,"),			 "",              NETSTRING_BAD },
    {TEXT(":,"),			   "",              NETSTRING_BAD },
    {TEXT(",1:a,"),			"",              NETSTRING_BAD },
    {TEXT("-1:a,"),			"",              NETSTRING_BAD },
    {TEXT("+1:a,"),			"",              NETSTRING_BAD },
    {TEXT(" 1:a,"),			"",              NETSTRING_BAD },
    {TEXT("1 :a,"),			"",              NETSTRING_BAD },
    {TEXT("0x1:a,"),		       "",              NETSTRING_BAD },
    {TEXT("1:ab"),			 "a",             NETSTRING_BAD },
    {TEXT("1:a;"),			 "a",             NETSTRING_BAD },
    {TEXT("0:a,"),			 "",              NETSTRING_BAD },
    {TEXT("1\0:a,"),		       "",              NETSTRING_BAD },
};

struct seen {
	char bytes[64];
	size_t len;
	enum netstring_event last;
};

static void
feed(struct netstring *n, struct str in, struct seen *s)
{
	struct str piece;

	while ((s->last = netstring_take(n, &in, &piece)) != NETSTRING_MORE &&
	       s->last != NETSTRING_BAD) {
		if (s->last == NETSTRING_END)
			piece = str_of("|");
		assert_true(piece.len > 0);
		assert_true(s->len + piece.len < sizeof(s->bytes));
		memcpy(s->bytes + s->len, piece.data, piece.len);
		s->len += piece.len;
	}
	if (s->last == NETSTRING_MORE)
		assert_int_equal(in.len, 0);
}

static void
bytes_come_out_however_they_come_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str all = {rows[i].text, rows[i].len};

		for (size_t cut = 0; cut <= all.len; cut++) {
			struct netstring n = {.left = 0};
			struct seen s = {.len = 0};

			feed(&n, str_slice(all, 0, cut), &s);
			feed(&n, str_slice(all, cut, all.len), &s);
			assert_string_equal(s.bytes, rows[i].bytes);
			assert_int_equal(s.last, rows[i].last);
		}
	}
}

static void
what_was_none_stays_none(void **state)
{
	struct netstring n = {.left = 0};
	struct seen s = {.len = 0};

	(void)state;
	feed(&n, str_of("x"), &s);
	feed(&n, str_of("1:a,"), &s);
	assert_int_equal(s.last, NETSTRING_BAD);
	assert_int_equal(s.len, 0);
}

static void
one_that_has_not_begun_tells(void **state)
{
	struct netstring n = {.left = 0};
	struct seen s = {.len = 0};

	(void)state;
	assert_false(n.begun);
	feed(&n, str_of("0"), &s);
	assert_true(n.begun);
	feed(&n, str_of(":"), &s);
	assert_true(n.begun);
	feed(&n, str_of(","), &s);
	assert_false(n.begun);
}

static void
what_is_written_is_read(void **state)
{
	struct buf b = {.max = 16};

	(void)state;
	assert_true(netstring_append(&b, str_of("")));
	assert_true(netstring_append(&b, str_of("a,:1")));
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "0:,4:a,:1,", 10);
	assert_false(netstring_append(&b, str_of("long")));
	assert_int_equal(b.len, 10);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_come_out_however_they_come_in),
	    cmocka_unit_test(what_was_none_stays_none),
	    cmocka_unit_test(one_that_has_not_begun_tells),
	    cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
