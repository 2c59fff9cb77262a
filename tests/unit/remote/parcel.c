/* parcel: what an errand and its envelope say, and how much of it is read. */
#include "remote/parcel.h"

#include "lib/fd.h"
#include "lib/num.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(text)                                                            \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}
#define BODY "Subject: x\n\nhi\n"

static struct parcel parcel;
static FILE *file;
static const char *body = BODY;

/* An errand for these recipients, each with its NUL, numbered as said. */
static struct errand
make(struct str envelope, const char *sender, struct str recipients,
    const uint32_t *numbers, uint32_t count)
{
	static unsigned char wire[4 * JOB_RECIPIENTS];
	struct errand e = {.job.count = count,
	    .job.sender = str_of(sender),
	    .job.recipients = recipients,
	    .body_at = 1,
	    .body_len = strlen(body),
	    .envelope_at = strlen(body) + 1,
	    .envelope_len = envelope.len};

	for (uint32_t i = 0; i < count; i++)
		num_put32(wire + 4 * (size_t)i, numbers[i]);
	e.job.numbers = (struct str){(const char *)wire, 4 * (size_t)count};
	if (file != NULL)
		assert_int_equal(fclose(file), 0);
	file = tmpfile();
	assert_non_null(file);
	assert_true(fd_write_all(fileno(file), "h", 1) &&
		    fd_write_all(fileno(file), body, strlen(body)) &&
		    fd_write_all(fileno(file), envelope.data, envelope.len));
	return e;
}

static void
is_text(struct str s, const char *text)
{
	if (!str_equal(s, str_of(text)))
		fail_msg("%.*s is not %s", (int)s.len, s.data, text);
}

static void
records_are_their_recipients(void **state)
{
	static const struct str envelope =
	    BYTES("Fs@x\0RHDRS\0Eid\0B8BITMIME\0U\0Q\0"
		  "Ta@x\0NSUCCESS\0"
		  "Tb@x\0"
		  "Tc@x\0NNEVER\0Orfc822;c@y\0"
		  "Td@x\0NDELAY\0");
	static const struct str recipients = BYTES("c@x\0b@x\0");
	static const uint32_t numbers[] = {2, 1};
	struct errand e = make(envelope, "s@x", recipients, numbers, 2);

	(void)state;
	memset(&parcel, 0, sizeof(parcel));
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_OK);
	is_text(parcel.ret, "HDRS");
	is_text(parcel.envid, "id");
	assert_true(parcel.utf8 && parcel.requiretls);
	assert_int_equal(parcel.count, 2);
	is_text(parcel.to[0].path, "c@x");
	is_text(parcel.to[0].notify, "NEVER");
	is_text(parcel.to[0].orcpt, "rfc822;c@y");
	is_text(parcel.to[1].path, "b@x");
	is_text(parcel.to[1].notify, "");
	assert_int_equal(parcel.to[1].number, 1);
	assert_int_equal(parcel.outgoing.octets, sizeof(BODY) - 1 + 3);
	assert_false(parcel.outgoing.eight);
	parcel_free(&parcel);
}

static void
addresses_are_said_by_smtp(void **state)
{
	static const struct {
		const char *address, *path;
		bool wide;
	} rows[] = {
	    {"a@x.example",               "a@x.example",             false},
	    {"a b@x.example",             "\"a b\"@x.example",       false},
	    {"\xc3\xbc@x.example",        "\xc3\xbc@x.example",      true },
	    {"a@b\xc3\xbc"
	     "cher.example", "a@xn--bcher-kva.example", false},
	    {"a@x>y",                     "",                        false},
	    {"a@\xff.example",            "",                        false},
	    {"\xff@x.example",            "",                        true },
	    {"a@[192.0.2.1]",             "a@[192.0.2.1]",           false},
	};
	static const struct str envelope = BYTES("Fs@x\0Ta@x\0");
	static const uint32_t number = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str one = {rows[i].address, strlen(rows[i].address) + 1};
		struct errand e = make(envelope, "", one, &number, 1);

		memset(&parcel, 0, sizeof(parcel));
		assert_int_equal(
		    parcel_open(&parcel, &e, fileno(file)), PARCEL_OK);
		is_text(parcel.to[0].path, rows[i].path);
		assert_int_equal(parcel.to[0].wide, rows[i].wide);
		parcel_free(&parcel);
	}
}

static void
some_senders_cannot_be_said(void **state)
{
	static const struct str envelope = BYTES("Fs@x\0Ta@x\0");
	static const struct str one = BYTES("a@x\0");
	static const uint32_t number = 0;
	struct errand e = make(envelope, "s@x>y", one, &number, 1);

	(void)state;
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_SENDER);
	parcel_free(&parcel);
	e.job.sender = str_of("");
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_OK);
	is_text(parcel.sender_path, "");
	parcel_free(&parcel);
}

static void
damage_is_told(void **state)
{
	static const struct str envelope = BYTES("Fs@x\0X\0Ta@x\0");
	static const struct str one = BYTES("a@x\0");
	static const uint32_t number = 0;
	struct errand e = make(envelope, "s@x", one, &number, 1);

	(void)state;
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_READ);
	parcel_free(&parcel);
	e.body_len += 1000;
	e.envelope_at = 1;
	e.envelope_len = 0;
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_READ);
	parcel_free(&parcel);
}

/* What lies between the first recipient and ours is damaged behind the worker's
 * back: whoever reads it says so. */
static void
the_next_errand_goes_on_behind_the_last(void **state)
{
	static const struct str whole =
	    BYTES("Fs@x\0RFULL\0Ta@x\0Tb@x\0Tc@x\0Td@x\0NNEVER\0Te@x\0");
	static const struct str hole =
	    BYTES("Fs@x\0RFULL\0Ta@x\0\1\1\1\1\0Tc@x\0Td@x\0NNEVER\0Te@x\0");
	static const struct str two = BYTES("a@x\0b@x\0"),
				later = BYTES("c@x\0d@x\0");
	static const uint32_t first[] = {0, 1}, next[] = {2, 3};
	struct errand e = make(whole, "s@x", two, first, 2);

	(void)state;
	memset(&parcel, 0, sizeof(parcel));
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_OK);
	parcel_free(&parcel);
	e = make(hole, "s@x", later, next, 2);
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_OK);
	is_text(parcel.ret, "FULL");
	is_text(parcel.to[0].notify, "");
	is_text(parcel.to[1].notify, "NEVER");
	parcel_free(&parcel);
	/* It is read from the start for one before, or of another message. */
	e = make(hole, "s@x", two, first, 2);
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_READ);
	parcel_free(&parcel);
	e = make(hole, "s@x", later, next, 2);
	e.job.token[0] = 1;
	assert_int_equal(parcel_open(&parcel, &e, fileno(file)), PARCEL_READ);
	parcel_free(&parcel);
}

static void
success_is_wanted_by_a_word(void **state)
{
	static const struct {
		const char *notify;
		bool wants;
	} rows[] = {
	    {"",		      false},
	    {"NEVER",                 false},
	    {"SUCCESS",               true },
	    {"FAILURE,SUCCESS,DELAY", true },
	    {"FAILURE,DELAY",         false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addressee a = {.notify = str_of(rows[i].notify)};

		assert_int_equal(parcel_wants_success(&a), rows[i].wants);
	}
}

static void
tls_is_optional_where_the_header_says_so(void **state)
{
	const struct str plain = BYTES("Fs@x\0Ta@x\0"),
			 promised = BYTES("Fs@x\0Q\0Ta@x\0"),
			 to = BYTES("a@x\0");
	const uint32_t first = 0;
	const struct {
		const char *body;
		struct str envelope;
		bool optional;
	} rows[] = {
	    {"Subject: x\ntls-required: NO\r\n\nhi\n", plain,    true },
	    {"TLS-Required: No\n",                     plain,    true },
	    {"TLS-Required: No\n\nhi\n",               promised, false},
	    {"TLS-Required: Now\n\nhi\n",              plain,    false},
	    {"Subject: x\n\nTLS-Required: No\n",       plain,    false},
	    {BODY,				     plain,    false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct errand e;

		body = rows[i].body;
		e = make(rows[i].envelope, "s@x", to, &first, 1);
		memset(&parcel, 0, sizeof(parcel));
		assert_int_equal(
		    parcel_open(&parcel, &e, fileno(file)), PARCEL_OK);
		if (parcel.tls_optional != rows[i].optional)
			fail_msg("row %zu", i);
		parcel_free(&parcel);
	}
	body = BODY;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_their_recipients),
	    cmocka_unit_test(addresses_are_said_by_smtp),
	    cmocka_unit_test(some_senders_cannot_be_said),
	    cmocka_unit_test(damage_is_told),
	    cmocka_unit_test(the_next_errand_goes_on_behind_the_last),
	    cmocka_unit_test(success_is_wanted_by_a_word),
	    cmocka_unit_test(tls_is_optional_where_the_header_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
