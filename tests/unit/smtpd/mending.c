/* mending: what a header lacks is added at its end and nothing else changes,
 * however the bytes come. */
#include "smtpd/mending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What is added shows as "{D}", "{M}"; each author's field in seen. */
struct result {
	struct buf out, seen;
};

struct row {
	const char *text, *out, *seen;
};

#define BOTH "{D}{M}"

static const struct row rows[] = {
  /* where the header ends */
    {"Subject: a\n\nb\n",                  "Subject: a\n" BOTH "\nb\n",             ""                      },
    {"Subject: a\n",		       "Subject: a\n" BOTH,                     ""                      },
    {"Subject: a",			 "Subject: a\n" BOTH,                     ""                      },
    {"\nb\n",			      BOTH "\nb\n",			    ""                      },
    {"\n",				 BOTH "\n",			       ""                      },
    {"",				   BOTH,				    ""		      },
    {"Subject: a\n b\n\n",                 "Subject: a\n b\n" BOTH "\n",            ""                      },
    {"Subject: a\n \n\n",                  "Subject: a\n \n" BOTH "\n",             ""                      },
    {"Subject: a\n \nDate: x\n\n",         "Subject: a\n \nDate: x\n{M}\n",         ""                      },
 /* what is there stays, and is not added */
    {"Date: x\n\nb",		       "Date: x\n{M}\nb",                       ""                      },
    {"DATE:\n\nb",			 "DATE:\n{M}\nb",                         ""                      },
    {"Message-Id \t: x\n\n",               "Message-Id \t: x\n{D}\n",               ""                      },
    {"Date: x\nMessage-ID: y\n\nz",        "Date: x\nMessage-ID: y\n\nz",           ""                      },
    {"Date: x\nDate: y\n\n",               "Date: x\nDate: y\n{M}\n",               ""                      },
    {"X-Date: x\n\nDate: y\n",             "X-Date: x\n" BOTH "\nDate: y\n",        ""                      },
    {"X: a\n Date: y\n\n",                 "X: a\n Date: y\n" BOTH "\n",            ""                      },
    {"Date2: x\nMessage-I: D\n\n",         "Date2: x\nMessage-I: D\n" BOTH "\n",    ""                      },
 /* no header at all */
    {"hello\nworld\n",                     BOTH "\nhello\nworld\n",                 ""                      },
    {"hello",			      BOTH "\nhello",                          ""                      },
    {"hello there: you\n",                 BOTH "\nhello there: you\n",             ""                      },
    {": a\n",			      BOTH "\n: a\n",                          ""                      },
    {" From: a\nSubject: b\n\n",           BOTH "\n From: a\nSubject: b\n\n",       ""                      },
    {"\tb\n",			      BOTH "\n\tb\n",                          ""                      },
    {"\x89PNG\n\x1a\n",                    BOTH "\n\x89PNG\n\x1a\n",                ""                      },
    {"gr\xc3\xbc\xc3\x9f"
     "e: x\n",			BOTH "\ngr\xc3\xbc\xc3\x9f"
	     "e: x\n",					   ""		      },
 /* odd lines within one */
    {"Subject: a\nhello\nTo: b\n\nc",      "Subject: a\nhello\nTo: b\n" BOTH "\nc",
     ""												     },
    {"Subject: a\nhello\n From: b\n\n",
     "Subject: a\nhello\n From: b\n" BOTH "\n",                                     ""                      },
    {"Subject: a\n: x\n\n",                "Subject: a\n: x\n" BOTH "\n",           ""                      },
    {"Subject: a\nTo",                     "Subject: a\nTo\n" BOTH,                 ""                      },
    {"From x Thu\nSubject: a\n\nb",        "From x Thu\nSubject: a\n" BOTH "\nb",   ""                      },
    {">From x Thu\nDate: a\n\nb",          ">From x Thu\nDate: a\n{M}\nb",          ""                      },
    {"FROM x Thu\nDate: a\n\n",            BOTH "\nFROM x Thu\nDate: a\n\n",        ""                      },
 /* authors */
    {"From: a@b\n\nFrom: c\n",             "From: a@b\n" BOTH "\nFrom: c\n",        "[2 a@b\n]"             },
    {"From: a@b",			  "From: a@b\n" BOTH,                      "[2 a@b]"               },
    {"FROM \t:a\n\tb\n c\nSender: d\n\n",
     "FROM \t:a\n\tb\n c\nSender: d\n" BOTH "\n",                                   "[2a\n\tb\n c\n][3 d\n]"},
    {"From: a\nX:\nFrom: b\n\n",           "From: a\nX:\nFrom: b\n" BOTH "\n",
     "[2 a\n][2 b\n]"										       },
    {"Date: a\nMessage-ID: b\nFrom:\n",    "Date: a\nMessage-ID: b\nFrom:\n",
     "[2\n]"												},
    {"Resent-From: a\nFrom2: b\nFro: c\n",
     "Resent-From: a\nFrom2: b\nFro: c\n" BOTH,                                     ""                      },
    {"From: a\nodd\n b\nSender: c\n\n",
     "From: a\nodd\n b\nSender: c\n" BOTH "\n",                                     "[2 a\n][3 c\n]"        },
};

static void
pass(void *context, struct str bytes)
{
	struct result *r = context;

	assert_true(bytes.len > 0);
	assert_true(buf_append_str(&r->out, bytes));
}

static void
author(void *context, enum mending_field field, struct str value, bool whole)
{
	struct result *r = context;

	assert_true(buf_append_byte(&r->seen, '['));
	assert_true(buf_append_number(&r->seen, field));
	assert_true(buf_append_str(&r->seen, value));
	assert_true(buf_append_byte(&r->seen, whole ? ']' : '>'));
}

static void
lacks(void *context, bool date, bool message_id)
{
	struct result *r = context;

	assert_true(buf_append_text(&r->out, date ? "{D}" : ""));
	assert_true(buf_append_text(&r->out, message_id ? "{M}" : ""));
}

/* Mend text, which comes in pieces that end at the cuts. */
static void
mend(struct mending *m, struct result *r, struct str text, const size_t *cuts,
    size_t count)
{
	const struct mending_ops ops = {pass, author, lacks, r};
	size_t from = 0;

	buf_clear(&r->out);
	buf_clear(&r->seen);
	mending_begin(m, &ops);
	for (size_t i = 0; i < count; i++) {
		mending_scan(m, str_slice(text, from, cuts[i]));
		from = cuts[i];
	}
	mending_scan(m, str_slice(text, from, text.len));
	mending_end(m);
}

static void
compare(const struct result *r, const struct row *row)
{
	struct str out = buf_str(&r->out), seen = buf_str(&r->seen);

	if (str_equal(out, str_of(row->out)) &&
	    str_equal(seen, str_of(row->seen)))
		return;
	fail_msg("\"%s\": \"%.*s\" %.*s", row->text, (int)out.len, out.data,
	    (int)seen.len, seen.data);
}

static void
free_all(struct mending *m, struct result *r)
{
	mending_free(m);
	buf_free(&r->out);
	buf_free(&r->seen);
}

static void
it_is_the_same_cut_at_any_two_places(void **state)
{
	struct mending m = {0};
	struct result r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str text = str_of(rows[i].text);
		size_t cuts[2];

		for (cuts[0] = 0; cuts[0] <= text.len; cuts[0]++)
			for (cuts[1] = cuts[0]; cuts[1] <= text.len;
			     cuts[1]++) {
				mend(&m, &r, text, cuts, 2);
				compare(&r, &rows[i]);
			}
	}
	free_all(&m, &r);
}

static void
it_is_the_same_byte_by_byte(void **state)
{
	struct mending m = {0};
	struct result r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str text = str_of(rows[i].text);
		size_t cuts[100];

		assert_true(text.len < COUNT(cuts));
		for (size_t n = 0; n < text.len; n++)
			cuts[n] = n;
		mend(&m, &r, text, cuts, text.len);
		compare(&r, &rows[i]);
	}
	free_all(&m, &r);
}

/* A text of what headers are made of, and what they are not; the same for the
 * same seed. */
static size_t
random_text(unsigned *seed, char *text, size_t most)
{
	static const char *const parts[] = {"\n", "\n", ":", ": ", " ", "\t",
	    "a", "From", "from", "Date", "Sender", "Message-ID", "\n ", "x\n",
	    "From ", ">From ", "\x80", "Subject: x\n", "(\"<>"};
	size_t len = 0;

	for (int n = rand_r(seed) % 24; n > 0; n--) {
		const char *part = parts[(size_t)rand_r(seed) % COUNT(parts)];

		if (len + strlen(part) >= most)
			break;
		for (; *part != '\0'; part++)
			text[len++] = *part;
	}
	return len;
}

static size_t
random_cuts(unsigned *seed, size_t len, size_t cuts[8])
{
	size_t n = 0, at = 0;

	while (n < 8 && at < len) {
		at += (size_t)rand_r(seed) % 7;
		cuts[n++] = at < len ? at : len;
	}
	return n;
}

/* out without what was added is in, but for the LF in front of it where the last
 * line had none, and the empty line behind it where there was no header. */
static void
nothing_else_changes(struct str in, struct str out)
{
	static const char *const adds[] = {"{D}{M}", "{D}", "{M}", ""};
	size_t at = str_find(out, '{'), len = 0;

	if (at == out.len) {
		assert_true(str_starts(out, in));
		assert_true(out.len - in.len <= 1);
		return;
	}
	for (size_t i = 0; len == 0; i++)
		if (str_starts(str_slice(out, at, out.len), str_of(adds[i])))
			len = strlen(adds[i]);
	if (at == in.len + 1) {
		assert_int_equal(out.data[in.len], '\n');
		assert_int_equal(at + len, out.len);
		out = str_slice(out, 0, in.len);
		assert_true(str_equal(out, in));
		return;
	}
	assert_memory_equal(out.data, in.data, at);
	if (out.len - len == in.len + 1) { /* there was no header */
		assert_int_equal(at, 0);
		assert_int_equal(out.data[len], '\n');
		len++;
	}
	assert_true(str_equal(
	    str_slice(out, at + len, out.len), str_slice(in, at, in.len)));
}

static void
nothing_else_changes_in_random_messages(void **state)
{
	struct mending m = {0};
	struct result whole = {0}, cut = {0};
	unsigned seed = 42;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[256];
		size_t cuts[8];
		struct str in = {text, random_text(&seed, text, sizeof(text))};
		size_t n = random_cuts(&seed, in.len, cuts);

		mend(&m, &whole, in, NULL, 0);
		mend(&m, &cut, in, cuts, n);
		assert_true(str_equal(buf_str(&whole.out), buf_str(&cut.out)));
		assert_true(
		    str_equal(buf_str(&whole.seen), buf_str(&cut.seen)));
		nothing_else_changes(in, buf_str(&whole.out));
	}
	free_all(&m, &whole);
	free_all(&m, &cut);
}

/* A line of n letters and a rest. */
static struct str
long_line(struct buf *b, size_t n, const char *rest)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		assert_true(buf_append_byte(b, 'x'));
	assert_true(buf_append_text(b, rest));
	return buf_str(b);
}

static void
a_name_without_end_is_kept_to_its_bound(void **state)
{
	struct mending m = {0};
	struct result r = {0};
	struct buf b = {0};
	const size_t bound = MENDING_START;

	(void)state;
	mend(&m, &r, long_line(&b, bound, ": a\n\n"), &bound, 1);
	assert_true(str_ends(buf_str(&r.out), str_of(": a\n{D}{M}\n")));
	mend(&m, &r, long_line(&b, bound + 1, ": a\n\n"), &bound, 1);
	assert_true(str_starts(buf_str(&r.out), str_of("{D}{M}\nxxx")));
	assert_true(str_ends(buf_str(&r.out), str_of("x: a\n\n")));
	mend(&m, &r, long_line(&b, 3 * bound, ""), &bound, 1);
	assert_int_equal(r.out.len, 7 + 3 * bound);
	buf_free(&b);
	free_all(&m, &r);
}

static void
an_author_beyond_the_bound_is_not_whole(void **state)
{
	struct mending m = {0};
	struct result r = {0};
	struct buf b = {0}, text = {0};

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		buf_clear(&text);
		assert_true(buf_append_text(&text, "From:"));
		assert_true(buf_append_str(&text,
		    long_line(&b, MENDING_VALUE - 1 + over, "\nX: y\n\n")));
		mend(&m, &r, buf_str(&text), NULL, 0);
		assert_int_equal(
		    r.seen.data[r.seen.len - 1], over > 0 ? '>' : ']');
		assert_true(
		    str_ends(buf_str(&r.out), str_of("X: y\n{D}{M}\n")));
	}
	buf_free(&b);
	buf_free(&text);
	free_all(&m, &r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_the_same_cut_at_any_two_places),
	    cmocka_unit_test(it_is_the_same_byte_by_byte),
	    cmocka_unit_test(nothing_else_changes_in_random_messages),
	    cmocka_unit_test(a_name_without_end_is_kept_to_its_bound),
	    cmocka_unit_test(an_author_beyond_the_bound_is_not_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
