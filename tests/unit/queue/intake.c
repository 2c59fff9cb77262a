/* intake: where a header ends, what becomes of line ends, and what is too
 * much. */
#include "queue/intake.h"

#include "lib/fd.h"
#include "queue/fields.h"
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

/* as it comes, the header, the body */
static const struct {
	const char *text, *header, *body;
	bool blank;
} rows[] = {
    {"A: b\n\nc\n",             "A: b\n",                      "\nc\n",            true },
    {"A: b\r\n\r\nc\r\n",       "A: b\n",                      "\nc\n",            true },
    {"A: b\n\nc",               "A: b\n",                      "\nc\n",            true },
    {"A: b\r\n\r\nc\r",         "A: b\n",                      "\nc\r\n",          true },
    {"A: b\n",		  "A: b\n",                      "",                 false},
    {"A: b",		    "A: b\n",                      "",                 false},
    {"A: b\nc d\ne",            "A: b\n",                      "c d\ne\n",         false},
    {"hello\n",		 "",			    "hello\n",          false},
    {" A: b\n",		 "",			    " A: b\n",          false},
    {"",			"",			    "",		 false},
    {"\n",		      "",			    "\n",               true },
    {"\r\n",		    "",			    "\n",               true },
    {"\n\nA: b\n",              "",			    "\n\nA: b\n",       true },
    {"A: b\n c\n\td\nE: f\n\n", "A: b\n c\n\td\nE: f\n",       "\n",               true },
    {"A: b\r\n\tc\r\n\r\n",     "A: b\n\tc\n",                 "\n",               true },
    {"A: b\n \n\nc\n",          "A: b\n \n",                   "\nc\n",            true },
    {"A : b\n\n",               "A : b\n",                     "\n",               true },
    {"A\t:b\n\n",               "A\t:b\n",                     "\n",               true },
    {": b\n\n",		 "",			    ": b\n\n",          false},
    {"A b: c\n\n",              "",			    "A b: c\n\n",       false},
    {"A\001b: c\n\n",           "",			    "A\001b: c\n\n",    false},
    {"A\xc3\xa9: c\n\n",        "",                            "A\xc3\xa9: c\n\n", false},
    {"From a b\nA: b\n\nc\n",   "MBOX-Line: From a b\nA: b\n", "\nc\n",            true },
    {"From: a\n\n",             "From: a\n",                   "\n",               true },
    {"A: b\nFrom c d\n\n",      "A: b\nMBOX-Line: From c d\n", "\n",               true },
    {"A: b\n.\nc\n",            "A: b\n",                      ".\nc\n",           false},
    {"A: b\n\nc\rd\r\r\ne",     "A: b\n",                      "\nc\rd\r\ne\n",    true },
};

static int
file_of(const void *data, size_t n)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fd = dup(fileno(f));
	assert_int_equal(fclose(f), 0);
	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, data, n));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void
read_all(struct intake *in, struct buf *out)
{
	struct str s;

	while (intake_bytes(in, &s)) {
		assert_true(buf_append_str(out, s));
		intake_use(in, s.len);
	}
	assert_int_equal(in->error, 0);
}

static void
rows_are_as_the_table_says(void **state)
{
	static struct intake in;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf header = {0}, body = {0};
		int fd = file_of(rows[i].text, strlen(rows[i].text));
		bool blank;

		intake_open(&in, fd);
		assert_true(intake_header(&in, &header, &blank));
		read_all(&in, &body);
		if (!str_equal(buf_str(&header), str_of(rows[i].header)) ||
		    !str_equal(buf_str(&body), str_of(rows[i].body)) ||
		    blank != rows[i].blank)
			fail_msg("%s: {%.*s} {%.*s}", rows[i].text,
			    (int)header.len, header.data, (int)body.len,
			    body.data);
		buf_free(&header);
		buf_free(&body);
		fd_close(&fd);
	}
}

/* The CR LF lies across the ends of reads and of the buffer. */
static void
line_ends_are_found_across_reads(void **state)
{
	static struct intake in;
	enum { LINES = 9, LONGEST = 70000 };

	(void)state;
	for (size_t n = LONGEST - 8; n < LONGEST; n++) {
		struct buf text = {.max = 4 << 20}, got = {.max = 4 << 20},
			   want = {.max = 4 << 20}, header = {0};
		bool blank;
		int fd;

		assert_true(buf_append_byte(&text, '\n'));
		assert_true(buf_append_byte(&want, '\n'));
		for (int l = 0; l < LINES; l++) {
			for (size_t i = 0; i < n / 7; i++) {
				assert_true(buf_append_byte(&text, 'x'));
				assert_true(buf_append_byte(&want, 'x'));
			}
			assert_true(buf_append_text(&text, "\r\n"));
			assert_true(buf_append_text(&want, "\n"));
		}
		fd = file_of(text.data, text.len);
		intake_open(&in, fd);
		assert_true(intake_header(&in, &header, &blank));
		read_all(&in, &got);
		assert_true(str_equal(buf_str(&got), buf_str(&want)));
		buf_free(&text);
		buf_free(&want);
		buf_free(&got);
		buf_free(&header);
		fd_close(&fd);
	}
}

static void
a_header_has_an_end(void **state)
{
	static struct intake in;
	static const char *const lines[] = {"A: b\n", "A: b\n c\n", "x"};
	static const int errors[] = {EMSGSIZE, EMSGSIZE, 0};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct buf text = {.max = 4 << 20}, header = {0};
		bool blank, ok;
		int fd;

		assert_true(buf_append_text(&text, i == 2 ? "" : "A: b\n"));
		while (text.len <= INTAKE_HEADER)
			assert_true(buf_append_text(&text, lines[i]));
		fd = file_of(text.data, text.len);
		intake_open(&in, fd);
		ok = intake_header(&in, &header, &blank);
		assert_int_equal(ok, errors[i] == 0);
		if (!ok)
			assert_int_equal(errno, errors[i]);
		buf_free(&text);
		buf_free(&header);
		fd_close(&fd);
	}
}

static void
a_read_that_fails_is_told(void **state)
{
	static struct intake in;
	struct buf header = {0};
	bool blank;

	(void)state;
	intake_open(&in, -1);
	assert_false(intake_header(&in, &header, &blank));
	assert_int_equal(in.error, EBADF);
	buf_free(&header);
}

static void
fields_come_one_by_one(void **state)
{
	struct str rest = str_of("A: b\nC : d\n\te\nF:\n"), name, contents;

	(void)state;
	assert_true(intake_field(&rest, &name, &contents));
	assert_true(str_equal(name, str_of("A")));
	assert_true(str_equal(contents, str_of(" b")));
	assert_true(intake_field(&rest, &name, &contents));
	assert_true(str_equal(name, str_of("C")));
	assert_true(str_equal(contents, str_of(" d\n\te")));
	assert_true(intake_field(&rest, &name, &contents));
	assert_true(str_equal(name, str_of("F")));
	assert_int_equal(contents.len, 0);
	assert_false(intake_field(&rest, &name, &contents));
}

static void
names_of_fields_have_no_case(void **state)
{
	(void)state;
	assert_int_equal(fields_find(str_of("tO")), FIELD_TO);
	assert_int_equal(fields_find(str_of("RESENT-BCC")), FIELD_RESENT_BCC);
	assert_int_equal(fields_find(str_of("T")), FIELD_OTHER);
	assert_int_equal(fields_find(str_of("Too")), FIELD_OTHER);
	assert_false(fields_row(FIELD_BCC)->kept);
	assert_true(fields_row(FIELD_OTHER)->kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_as_the_table_says),
	    cmocka_unit_test(line_ends_are_found_across_reads),
	    cmocka_unit_test(a_header_has_an_end),
	    cmocka_unit_test(a_read_that_fails_is_told),
	    cmocka_unit_test(fields_come_one_by_one),
	    cmocka_unit_test(names_of_fields_have_no_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
