/* convert: what a host that takes 7-bit bytes alone gets instead of 8-bit
 * ones: the same to whoever decodes it, or nothing. */
#include "remote/convert.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT     "Content-Type: text/plain; charset=utf-8\n"
#define EIGHT    "Content-Transfer-Encoding: 8bit\n"
#define SEVEN    "Content-Transfer-Encoding: 7bit\n"
#define QP       "Content-Transfer-Encoding: quoted-printable\n"
#define MIME     "MIME-Version: 1.0\n"

static struct body body;
static struct convert convert;

static enum convert_result
run(struct str in, struct buf *out)
{
	FILE *file = tmpfile();
	enum convert_result r;
	struct str chunk;

	assert_non_null(file);
	assert_true(fd_write_all(fileno(file), in.data, in.len));
	body_open(&body, fileno(file), 0, in.len);
	convert_begin(&convert, &body);
	while ((r = convert_next(&convert, &chunk)) == CONVERT_OK) {
		assert_true(chunk.len > 0);
		assert_true(buf_append_str(out, chunk));
	}
	assert_int_equal(fclose(file), 0);
	return r;
}

/* A boundary of its own for each level, the name of which is b, c, d. */
#define MULTI(b, kind)                                                         \
	"Content-Type: multipart/" kind ";\n\tboundary=\"" b "\"\n"

static const struct {
	const char *name, *in, *out;
} rows[] = {
    {"one part",								    MIME TEXT EIGHT "Subject: x\n\ngr\xc3\xbc\xc3\x9f = e\n",
     MIME TEXT "Subject: x\n" QP "\ngr=C3=BC=C3=9F =3D e\n"																					       },
    {"its label is folded and of odd case",
     MIME "content-TRANSFER-encoding:\n 8bit\n" TEXT "\n\xe9\n",
     MIME TEXT QP "\n=E9\n"																									       },
    {"no line end at the end",						      MIME TEXT "\n\xe9",                                       MIME TEXT QP "\n=E9"									},
    {"blanks at the end of lines",						  MIME TEXT "\n\xe9 \n\t\nx \t",
     MIME TEXT QP "\n=E9=20\n=09\nx =09"																								  },
    {"lines of CR LF",							      MIME TEXT EIGHT "\r\n\xe9\r\nx\r\r\n",
     MIME TEXT QP "\n=E9\nx\n\n"																									  },
    {"no field of MIME",							    "Subject: x\n\n\xe9\n",
     "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; "
	"charset=unknown-8bit\n" QP "\n=E9\n"																							     },
    {"no version",								  TEXT "\n\xe9\n",					  TEXT MIME QP "\n=E9\n"								      },
    {"no header at all",							    "\n\xe9\n",
     "MIME-Version: 1.0\nContent-Type: text/plain; "
	"charset=unknown-8bit\n" QP "\n=E9\n"																							     },
    {"a label that promises too much",					      MIME TEXT EIGHT "\nplain\n",
     MIME TEXT SEVEN "\nplain\n"																									  },
    {"a part that has none stays",
     MIME MULTI("b",															  "mixed") EIGHT "\npre\n--b\n" TEXT EIGHT
				       "\n\xe9\n--b\n" TEXT
				       "\nplain =\n--b--\npost\n",																		      MIME MULTI("b", "mixed") SEVEN
	"\npre\n--b\n" TEXT QP "\n=E9\n--b\n" TEXT "\nplain =\n--b--\npost\n"},
    {"what nobody shows is masked",
     MIME MULTI("b",							 "mixed") "\n\xe9\n--b\n\nx\n--b--\n\xe9\n",
     MIME MULTI("b", "mixed") "\n?\n--b\n\nx\n--b--\n?\n"},
    {"a part without header",				   MIME MULTI("b",															  "mixed") "\n--b\n\n\xe9\n--b--\n",
     MIME MULTI("b", "mixed") "\n--b\n" QP "\n=E9\n--b--\n"},
    {"a part without anything",
     MIME MULTI("b",							       "mixed") "\n--b\n--b\n\n\xe9\n--b--\n",
     MIME MULTI("b", "mixed") "\n--b\n\n--b\n" QP "\n=E9\n--b--\n"},
    {"base64 stays",
     MIME MULTI("b",											       "mixed") EIGHT
	"\n--b\nContent-Type: "
	"image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--b\n" TEXT
	"\n\xe9\n--b--\n",																				   MIME MULTI("b", "mixed") SEVEN
	"\n--b\nContent-Type: "
	"image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--b\n" TEXT QP
	"\n=E9\n--b--\n"},
    {"parts within parts",
     MIME MULTI("b",															  "mixed") "\n--b\n" MULTI("bb",
     "alternative") "\n--bb\n" TEXT "\n\xe9\n--bb \n\n\xe8\n--b\n" TEXT
			   "\n\xe7\n--b--\n", MIME MULTI("b", "mixed") "\n--b\n" MULTI(
	    "bb", "alternative") "\n--bb\n" TEXT QP "\n=E9\n--bb \n" QP
				 "\n=E8\n--b\n" TEXT QP "\n=E7\n--b--\n"},
    {"a message within",
     MIME MULTI("b",															  "mixed") "\n--b\nContent-Type: message/rfc822\n" EIGHT
				 "\nSubject: y\n" MIME TEXT EIGHT
				 "\n\xe9\n--b--\n",																							      MIME MULTI("b", "mixed") "\n--b\nContent-Type: message/rfc822\n" SEVEN
				 "\nSubject: y\n" MIME TEXT QP
				 "\n=E9\n--b--\n"},
    {"messages of a digest",
     MIME MULTI("b",													      "digest") "\n--b\n\nSubject: y\n" MIME TEXT
				  "\n\xe9\n--b--\n",																						       MIME MULTI("b", "digest") "\n--b\n\nSubject: y\n" MIME TEXT QP
				  "\n=E9\n--b--\n"},
    {"no last boundary",						MIME MULTI("b",												 "mixed") "\n--b\n\n\xe9\n",
     MIME MULTI("b", "mixed") "\n--b\n" QP "\n=E9\n"},
    {"a boundary that is not open is text",
     MIME MULTI("b",							      "mixed") "\n--b\n\n\xe9\n--c\n--bx\n-- b\n--b--\n",
     MIME MULTI("b", "mixed") "\n--b\n" QP
				 "\n=E9\n--c\n--bx\n-- b\n--b--\n"},
    {"comments, quotes and other parameters",
     MIME "Content-Type: (a;b) multipart/mixed (\"c); charset=x;\n"
	     " boundary=\"a\\\"b c\" ; y=z\n\n--a\"b c\n\n\xe9\n",								      MIME "Content-Type: (a;b) multipart/mixed (\"c); charset=x;\n"
	     " boundary=\"a\\\"b c\" ; y=z\n\n--a\"b c\n" QP "\n=E9\n"},
    {"signed, and only labelled",
     MIME MULTI("b",															  "signed") "\n--b\n" TEXT EIGHT
				  "\nplain\n--b\n\nsig\n--b--\n",																				    MIME MULTI("b", "signed") "\n--b\n" TEXT EIGHT
				  "\nplain\n--b\n\nsig\n--b--\n"},
    {"signed",			    MIME MULTI("b",										    "signed") "\n--b\n" TEXT "\n\xe9\n--b--\n",
     NULL},
    {"within what is signed",
     MIME MULTI("b",															  "signed") "\n--b\n" MULTI(
	    "c",																						       "mixed") "\n--c\n\n\xe9\n--c--\n--b--\n",
     NULL},
    {"a header field",					 MIME "Subject: \xe9\n" TEXT EIGHT "\n\xe9\n",															  NULL												      },
    {"a part's header field",
     MIME MULTI("b",								    "mixed") "\n--b\nX: \xe9\n\nx\n--b--\n",															  NULL},
    {"what must not be encoded",
     MIME "Content-Type: message/delivery-status\n" EIGHT "\n\xe9\n",                                                                NULL																									     },
    {"no boundary",              MIME "Content-Type: multipart/mixed\n" EIGHT "\n\xe9\n",
     NULL},
    {"a label that is not true",
     MIME TEXT "Content-Transfer-Encoding: base64\n\n\xe9\n",										     NULL                                                   },
};

static void
converts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {.max = 0};
		enum convert_result r = run(str_of(rows[i].in), &out);

		if (rows[i].out == NULL) {
			if (r != CONVERT_CANNOT)
				fail_msg("%s", rows[i].name);
		} else if (r != CONVERT_END ||
			   !str_equal(buf_str(&out), str_of(rows[i].out))) {
			fail_msg(
			    "%s: %.*s", rows[i].name, (int)out.len, out.data);
		}
		buf_free(&out);
	}
}

static int
value(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* As a reader does (RFC 2045, 6.7). */
static void
decode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.data[i];

		if (c == '=' && in.data[i + 1] == '\n') {
			i++;
			continue;
		}
		if (c == '=') {
			c = (char)(value(in.data[i + 1]) * 16 +
				   value(in.data[i + 2]));
			i += 2;
		}
		assert_true(buf_append_byte(out, c));
	}
}

static void
check_lines(struct str s)
{
	size_t start = 0;

	for (size_t i = 0; i < s.len; i++) {
		assert_true((unsigned char)s.data[i] < 128);
		assert_int_not_equal(s.data[i], '\0');
		if (s.data[i] != '\n')
			continue;
		assert_true(i - start <= QP_LINE);
		assert_true(i == start || s.data[i - 1] != ' ');
		start = i + 1;
	}
}

/* Bytes of all kinds, over the ends of pieces and windows. */
static void
decodes_to_the_same(void **state)
{
	static const char header[] = MIME TEXT "\n",
			  changed[] = MIME TEXT QP "\n";
	struct buf in = {.max = 0}, out = {.max = 0}, back = {.max = 0};
	uint32_t random = 1;
	struct str text;

	(void)state;
	assert_true(
	    buf_append_text(&in, header) && buf_append_text(&in, "\xe9"));
	for (size_t i = 0; i < 300000; i++) {
		random = random * 1664525 + 1013904223;
		/* A CR would be a line's end. */
		if ((char)(random >> 24) != '\r')
			assert_true(buf_append_byte(&in, (char)(random >> 24)));
	}
	assert_int_equal(run(buf_str(&in), &out), CONVERT_END);
	assert_true(str_starts(buf_str(&out), str_of(changed)));
	text = str_slice(buf_str(&out), sizeof(changed) - 1, out.len);
	check_lines(text);
	decode(text, &back);
	assert_true(str_equal(buf_str(&back),
	    str_slice(buf_str(&in), sizeof(header) - 1, in.len)));
	buf_free(&in);
	buf_free(&out);
	buf_free(&back);
}

/* A long line of a header or body, a boundary at the end of a window. */
static void
pieces_do_not_show(void **state)
{
	(void)state;
	for (size_t pad = BODY_WINDOW - 100; pad < BODY_WINDOW; pad++) {
		struct buf in = {.max = 0}, out = {.max = 0}, want = {.max = 0};

		assert_true(buf_append_text(&in, MULTI("b", "mixed") "X: "));
		while (in.len < pad)
			assert_true(buf_append_byte(&in, 'x'));
		assert_true(
		    buf_append_str(&want, buf_str(&in)) &&
		    buf_append_text(&in, "\n\n--b\n" TEXT EIGHT
					 "\n\xe9\n--b\n\nplain\n--b--\n") &&
		    buf_append_text(&want,
			"\n\n--b\n" TEXT QP "\n=E9\n--b\n\nplain\n--b--\n"));
		assert_int_equal(run(buf_str(&in), &out), CONVERT_END);
		assert_true(str_equal(buf_str(&out), buf_str(&want)));
		buf_free(&in);
		buf_free(&out);
		buf_free(&want);
	}
}

/* Parts in parts up to the limit, and one more. */
static void
depth_is_bounded(void **state)
{
	(void)state;
	for (size_t depth = CONVERT_DEPTH; depth < CONVERT_DEPTH + 2; depth++) {
		struct buf in = {.max = 0}, out = {.max = 0};
		char part[128];

		for (size_t i = 0; i < depth; i++) {
			(void)snprintf(part, sizeof(part),
			    "Content-Type: multipart/mixed; "
			    "boundary=b%zu\n\n--b%zu\n",
			    i, i);
			assert_true(buf_append_text(&in, part));
		}
		assert_true(buf_append_text(&in, TEXT "\n\xe9\n"));
		assert_int_equal(run(buf_str(&in), &out),
		    depth > CONVERT_DEPTH ? CONVERT_CANNOT : CONVERT_END);
		buf_free(&in);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(converts),
	    cmocka_unit_test(decodes_to_the_same),
	    cmocka_unit_test(pieces_do_not_show),
	    cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
