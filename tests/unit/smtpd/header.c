/* header: a loop is seen however the bytes come; the body is not looked at. */
#include "smtpd/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *text;
	unsigned hops;
	bool over;
	uint64_t bytes;
};

static const struct row rows[] = {
    {"",				       0, false, 0 },
    {"\n",				     0, true,  1 },
    {"\nReceived: a\n",			0, true,  1 },
    {"Received: a\n\nReceived: b\n",           1, true,  13},
    {"RECEIVED:a\nDelivered-To: b\n\n",        2, true,  28},
    {"Received-SPF: a\nReceived\n\n",          0, true,  26},
    {" Received: a\nX-Received: b\n\n",        0, true,  28},
    {"Received:\n Received: a\nreceived: b\n", 2, false, 35},
    {"Subject: a\nDelivered-To: b",            0, false, 26},
    {"Delivered-To\nDelivered-To:\n",          1, false, 27},
};

static void
a_hop_is_a_field_of_the_header_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str all = str_of(rows[i].text);

		for (size_t cut = 0; cut <= all.len; cut++) {
			struct header h = {0};

			header_scan(&h, str_slice(all, 0, cut));
			header_scan(&h, str_slice(all, cut, all.len));
			assert_int_equal(h.hops, rows[i].hops);
			assert_int_equal(h.over, rows[i].over);
			assert_int_equal(h.bytes, rows[i].bytes);
		}
	}
}

static void
the_hundredth_hop_is_a_loop(void **state)
{
	struct header h = {0};

	(void)state;
	for (int i = 0; i < HEADER_HOPS_MAX - 1; i++)
		header_scan(&h, str_of("Received: from a\n\tby b\n"));
	assert_false(header_loops(&h));
	header_scan(&h, str_of("Delivered-To: a@b\n"));
	assert_true(header_loops(&h));
}

static void
a_header_of_a_megabyte_passes_and_no_byte_more(void **state)
{
	static char text[HEADER_BYTES_MAX - 1];
	struct header h = {0};

	(void)state;
	memset(text, 'x', sizeof(text));
	header_scan(&h, (struct str){text, sizeof(text)});
	header_scan(&h, str_of("\n"));
	assert_false(header_large(&h));
	header_scan(&h, str_of("\nbody"));
	assert_true(header_large(&h));
	assert_true(h.over);
}

/* L5: no counter wraps at 32 bits. */
static void
counters_pass_four_gibibytes(void **state)
{
	struct header h = {.bytes = UINT32_MAX - 3};

	(void)state;
	header_scan(&h, str_of("Subject: a\n"));
	assert_true(h.bytes == UINT64_C(4294967303));
	assert_true(header_large(&h));
}

static void
a_blank_in_front_is_no_header(void **state)
{
	(void)state;
	assert_true(header_is_folded(str_of(" a")));
	assert_true(header_is_folded(str_of("\tSubject: a")));
	assert_false(header_is_folded(str_of("Subject: a\n b")));
	assert_false(header_is_folded(str_of("\n a")));
	assert_false(header_is_folded(str_of("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hop_is_a_field_of_the_header_at_every_cut),
	    cmocka_unit_test(the_hundredth_hop_is_a_loop),
	    cmocka_unit_test(a_header_of_a_megabyte_passes_and_no_byte_more),
	    cmocka_unit_test(counters_pass_four_gibibytes),
	    cmocka_unit_test(a_blank_in_front_is_no_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
