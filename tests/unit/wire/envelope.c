/* envelope: only what the grammar allows comes in, and it comes out again. */
#include "wire/envelope.h"

#include "lib/address.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "wire/queue.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Records between bars; the code of the last one. */
static const struct {
	const char *records;
	bool trusted;
	int code;
} sequences[] = {
    {"F",			      false, 0        },
    {"Fa@b|Tc@d",		      false, 0        },
    {"Fa@b|Tc@d|Te@f",                 false, 0        },
    {"Fa@b|RFULL|Tc@d",                false, 0        },
    {"Fa@b|RHDRS|Ex|B8BITMIME|U|Tc@d", false, 0        },
    {"Fa@b|Tc@d|NNEVER|Orfc822;c@d",   false, 0        },
    {"Fa@b|Tc@d|NSUCCESS,DELAY",       false, 0        },
    {"Fa@b|Tc@d|Ox|Te@f|Ox",           false, 0        },
    {"Fa@b|Suser",		     true,  0        },
    {"Fa@b|Suser|C1.2.3.4 x|Q|Tc@d",   true,  0        },
    {"Tc@d",			   false, QQ_FORMAT},
    {"RFULL",			  false, QQ_FORMAT},
    {"Fa@b|Fa@b",		      false, QQ_FORMAT},
    {"Fa@b|Tc@d|Fa@b",                 false, QQ_FORMAT},
    {"Fa@b|T",			 false, QQ_FORMAT},
    {"Fa@b|Tc@d|RFULL",                false, QQ_FORMAT},
    {"Fa@b|NNEVER",		    false, QQ_FORMAT},
    {"Fa@b|RFULL|RFULL",               false, QQ_FORMAT},
    {"Fa@b|Tc@d|NNEVER|NNEVER",        false, QQ_FORMAT},
    {"Fa@b|Rfull",		     false, QQ_FORMAT},
    {"Fa@b|B9BIT",		     false, QQ_FORMAT},
    {"Fa@b|Ux",			false, QQ_FORMAT},
    {"Fa@b|E",			 false, QQ_FORMAT},
    {"Fa@b|Suser",		     false, QQ_FORMAT},
    {"Fa@b|C1.2.3.4 x",                false, QQ_FORMAT},
    {"Fa@b|Q",			 false, QQ_FORMAT},
    {"Fa@b|Tc@d|N",		    false, QQ_FORMAT},
    {"Fa@b|Tc@d|NSUCCESS,",            false, QQ_FORMAT},
    {"Fa@b|Tc@d|N,SUCCESS",            false, QQ_FORMAT},
    {"Fa@b|Tc@d|NSUCCESS,NEVER",       false, QQ_FORMAT},
    {"Fa@b|Tc@d|O",		    false, QQ_FORMAT},
    {"Fa@b|Xy",			false, QQ_FORMAT},
    {"Fa@b|",			  false, QQ_FORMAT},
    {"Fa\nTx@b",		       false, QQ_FORMAT},
    {"Fa@b|Tc@d\r",		    false, QQ_FORMAT},
    {"Fa@b|Tc@d\177",                  false, QQ_FORMAT},
    {"Fa@b|Tc@d|Orfc822;a\nb",         false, QQ_FORMAT},
    {"Fa@b|T\303\266@d",               false, 0        },
    {"Fa@b|T\"a b\"@d",                false, 0        },
};

static void
sequences_follow_the_grammar(void **state)
{
	for (size_t i = 0; i < COUNT(sequences); i++) {
		struct envelope_check c = {.trusted = sequences[i].trusted};
		const char *p = sequences[i].records;
		int code = -1;

		for (; p != NULL;) {
			const char *bar = strchr(p, '|');
			size_t n = bar == NULL ? strlen(p) : (size_t)(bar - p);

			code = envelope_accept(&c, (struct str){p, n});
			p = bar == NULL ? NULL : bar + 1;
			if (p != NULL && code != 0)
				fail_msg("%s: too early", sequences[i].records);
		}
		if (code != sequences[i].code)
			fail_msg("%s: %d", sequences[i].records, code);
	}
	(void)state;
}

static void
a_nul_in_a_record_is_refused(void **state)
{
	struct envelope_check c = {0};

	assert_int_equal(
	    envelope_accept(&c, (struct str){"Fa\0b", 4}), QQ_FORMAT);
	assert_int_equal(envelope_accept(&c, (struct str){"\0", 1}), QQ_FORMAT);
	(void)state;
}

static void
lengths_have_ceilings(void **state)
{
	static const struct {
		char kind;
		size_t text;
		int code;
	} rows[] = {
	    {'F', ADDRESS_MAX,         0              },
	    {'F', ADDRESS_MAX + 1,     QQ_ADDRESS_LONG},
	    {'T', ADDRESS_MAX,         0              },
	    {'T', ADDRESS_MAX + 1,     QQ_ADDRESS_LONG},
	    {'T', ENVELOPE_RECORD,     QQ_ADDRESS_LONG},
	    {'O', ENVELOPE_RECORD - 2, 0              },
	    {'O', ENVELOPE_RECORD - 1, QQ_ADDRESS_LONG},
	    {'X', ENVELOPE_RECORD - 1, QQ_ADDRESS_LONG},
	};
	char record[ENVELOPE_RECORD + 2];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct envelope_check c = {.sender = rows[i].kind != 'F',
		    .recipients = rows[i].kind == 'O'};

		memset(record, 'a', sizeof(record));
		record[0] = rows[i].kind;
		assert_int_equal(
		    envelope_accept(&c, (struct str){record, rows[i].text + 1}),
		    rows[i].code);
	}
	(void)state;
}

static void
recipients_are_counted_and_bounded(void **state)
{
	struct envelope_check c = {
	    .sender = true, .recipients = ENVELOPE_RECIPIENTS - 1};

	assert_int_equal(envelope_accept(&c, str_of("Ta@b")), 0);
	assert_int_equal(c.recipients, ENVELOPE_RECIPIENTS);
	assert_int_equal(envelope_accept(&c, str_of("Ta@b")), QQ_FORMAT);
	assert_int_equal(c.recipients, ENVELOPE_RECIPIENTS);
	(void)state;
}

/* A file with junk, then what is given. */
static int
file(const char *data, size_t n)
{
	char path[] = "/var/tmp/culver-envelope-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_true(fd_write_all(fd, "junk", 4));
	assert_true(fd_write_all(fd, data, n));
	return fd;
}

enum { MANY = 3000 };

static void
many_records_come_back_across_windows(void **state)
{
	struct buf b = {0};
	struct envelope e;
	struct str text;
	char kind;
	int fd;

	assert_true(buf_append(&b, "Fa@b", 5));
	for (int i = 0; i < MANY; i++) {
		char r[64];
		int n = snprintf(
		    r, sizeof(r), "Tuser-%d@%0*d.example", i, 1 + i % 30, i);

		assert_true(buf_append(&b, r, (size_t)n + 1));
	}
	fd = file(b.data, b.len);
	envelope_open(&e, fd, 4, b.len);
	assert_int_equal(envelope_offset(&e), 4);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
	assert_int_equal(kind, 'F');
	assert_true(str_equal(text, str_of("a@b")));
	assert_int_equal(envelope_offset(&e), 9);
	for (int i = 0; i < MANY; i++) {
		char r[64];

		snprintf(
		    r, sizeof(r), "user-%d@%0*d.example", i, 1 + i % 30, i);
		if (i == MANY / 2) { /* a reader that goes on later */
			uint64_t at = envelope_offset(&e);

			envelope_open(&e, fd, at, 4 + b.len - at);
			e.recipients = (uint64_t)i;
		}
		assert_int_equal(
		    envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
		assert_int_equal(kind, 'T');
		assert_true(str_equal(text, str_of(r)));
		assert_int_equal(e.recipients, i + 1);
	}
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_END);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_END);
	assert_int_equal(envelope_offset(&e), 4 + b.len);
	assert_int_equal(close(fd), 0);
	buf_free(&b);
	(void)state;
}

/* 2000 records of 8 bytes each: a window holds 512 of them. */
static void
a_reader_goes_to_any_record(void **state)
{
	static const int rows[] = {
	    0, 1, 5, 5, 511, 512, 4, 1999, 1000, 1001, 1003, 0};
	struct buf b = {0};
	struct envelope e;
	struct str text;
	char kind;
	int fd;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char r[16];

		(void)snprintf(r, sizeof(r), "T%06d", i);
		assert_true(buf_append(&b, r, 8));
	}
	fd = file(b.data, b.len);
	envelope_open(&e, fd, 4, b.len);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char want[16];

		(void)snprintf(want, sizeof(want), "%06d", rows[i]);
		envelope_seek(&e, 4 + 8 * (uint64_t)rows[i]);
		assert_int_equal(
		    envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
		assert_int_equal(kind, 'T');
		assert_true(str_equal(text, str_of(want)));
	}
	envelope_seek(&e, UINT64_MAX);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_END);
	buf_free(&b);
	assert_int_equal(close(fd), 0);
}

/* The file is empty by then: what is in the window is not read again. */
static void
a_reader_goes_back_without_reading(void **state)
{
	struct envelope e;
	struct str text;
	char kind;
	int fd;

	(void)state;
	fd = file("Fa@b\0Tc@d\0Te@f\0", 15);
	envelope_open(&e, fd, 4, 15);
	while (envelope_next(&e, &kind, &text) == ENVELOPE_RECORD_READ)
		continue;
	assert_int_equal(ftruncate(fd, 0), 0);
	envelope_seek(&e, 4 + 5);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
	assert_true(str_equal(text, str_of("c@d")));
	envelope_seek(&e, 4);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
	assert_true(str_equal(text, str_of("a@b")));
	assert_int_equal(close(fd), 0);
}

static void
a_malformed_envelope_is_bad(void **state)
{
	static char longest[2 * ENVELOPE_RECORD];
	static const struct {
		const char *data;
		size_t len, claimed;
	} rows[] = {
	    {"Fa@b",      4,                   4                  },
	    {"Fa@b\0T",   6,                   6                  },
	    {"Fa@b\0",    5,                   6                  },
	    {"Fa@b\0\0",  6,                   6                  },
	    {"Fa@b\0X\0", 7,                   7                  },
	    {"Fa\nb\0",   5,                   5                  },
	    {longest,     ENVELOPE_RECORD + 1, ENVELOPE_RECORD + 1},
	    {longest,     ENVELOPE_RECORD,     ENVELOPE_RECORD    },
	};

	memset(longest, 'F', ENVELOPE_RECORD);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd = file(rows[i].data, rows[i].len);
		enum envelope_result r;
		struct envelope e;
		struct str text;
		char kind;

		envelope_open(&e, fd, 4, rows[i].claimed);
		do
			r = envelope_next(&e, &kind, &text);
		while (r == ENVELOPE_RECORD_READ);
		assert_int_equal(r, ENVELOPE_BAD);
		assert_int_equal(errno, EPROTO);
		assert_int_equal(close(fd), 0);
	}
	(void)state;
}

static void
the_longest_record_is_read(void **state)
{
	static char longest[ENVELOPE_RECORD];
	struct envelope e;
	struct str text;
	char kind;
	int fd;

	memset(longest, 'E', ENVELOPE_RECORD - 1);
	fd = file(longest, sizeof(longest));
	envelope_open(&e, fd, 4, sizeof(longest));
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
	assert_int_equal(text.len, ENVELOPE_RECORD - 2);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_END);
	assert_int_equal(close(fd), 0);
	(void)state;
}

static void
an_unreadable_file_is_bad_with_its_errno(void **state)
{
	struct envelope e;
	struct str text;
	char kind;

	envelope_open(&e, -1, 0, 10);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_BAD);
	assert_int_equal(errno, EBADF);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sequences_follow_the_grammar),
	    cmocka_unit_test(a_nul_in_a_record_is_refused),
	    cmocka_unit_test(lengths_have_ceilings),
	    cmocka_unit_test(recipients_are_counted_and_bounded),
	    cmocka_unit_test(many_records_come_back_across_windows),
	    cmocka_unit_test(a_reader_goes_to_any_record),
	    cmocka_unit_test(a_reader_goes_back_without_reading),
	    cmocka_unit_test(a_malformed_envelope_is_bad),
	    cmocka_unit_test(the_longest_record_is_read),
	    cmocka_unit_test(an_unreadable_file_is_bad_with_its_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
