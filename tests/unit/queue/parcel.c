/* parcel: a message and an envelope become QMQP's bytes, or are refused. */
#include "queue/parcel.h"

#include "wire/queue.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(s) (s), sizeof(s) - 1

/* A file that holds these bytes, at its start. */
static int
file_of(const char *data, size_t len)
{
	char name[] = "/tmp/parcel.XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int
read_parcel(struct parcel *p, struct str message, struct str envelope)
{
	int m = file_of(message.data, message.len);
	int e = file_of(envelope.data, envelope.len);
	int code;

	*p = (struct parcel){.recipients = 0};
	code = parcel_read(p, m, e);
	assert_int_equal(close(m), 0);
	assert_int_equal(close(e), 0);
	return code;
}

static void
what_is_sent(void **state)
{
	static const struct {
		const char *message;
		size_t message_len;
		const char *envelope;
		size_t envelope_len;
		const char *whole;
		size_t whole_len;
		unsigned recipients;
	} rows[] = {
	    {TEXT(""),             TEXT("F\0\0"),               TEXT("6:0:,0:,,"), 0},
	    {TEXT("x\0y"),         TEXT("Fa\0Tb\0Tcd\0\0junk"),
             TEXT("19:3:x\0y,1:a,1:b,2:cd,,"),                                     2},
	    {TEXT("0123456789\n"), TEXT("Fa\0Tb\0\0"),
             TEXT("23:11:0123456789\n,1:a,1:b,,"),                                 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct parcel p;
		struct buf whole = {0};

		assert_int_equal(
		    read_parcel(&p,
			(struct str){rows[i].message, rows[i].message_len},
			(struct str){rows[i].envelope, rows[i].envelope_len}),
		    QQ_OK);
		assert_true(buf_append_str(&whole, buf_str(&p.head)));
		assert_true(buf_append_str(&whole, buf_str(&p.message)));
		assert_true(buf_append_str(&whole, buf_str(&p.tail)));
		assert_int_equal(whole.len, rows[i].whole_len);
		assert_memory_equal(whole.data, rows[i].whole, whole.len);
		assert_int_equal(p.recipients, rows[i].recipients);
		buf_free(&whole);
		parcel_free(&p);
	}
}

static void
what_is_no_envelope(void **state)
{
	static const struct {
		const char *envelope;
		size_t len;
		int code;
	} rows[] = {
	    {TEXT(""),              QQ_READ  },
	    {TEXT("F"),             QQ_READ  },
	    {TEXT("Fa\0"),          QQ_READ  },
	    {TEXT("Fa\0Tb\0"),      QQ_READ  },
	    {TEXT("\0"),            QQ_FORMAT},
	    {TEXT("Ta\0\0"),        QQ_FORMAT},
	    {TEXT("fa\0Tb\0\0"),    QQ_FORMAT},
	    {TEXT("Fa\0Fb\0\0"),    QQ_FORMAT},
	    {TEXT("Fa\0Tb\0X\0\0"), QQ_FORMAT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct parcel p;

		assert_int_equal(
		    read_parcel(&p, (struct str){"x", 1},
			(struct str){rows[i].envelope, rows[i].len}),
		    rows[i].code);
		parcel_free(&p);
	}
}

static void
a_descriptor_that_cannot_be_read(void **state)
{
	struct parcel p = {.recipients = 0};

	(void)state;
	assert_int_equal(parcel_read(&p, -1, -1), QQ_READ);
	parcel_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_sent),
	    cmocka_unit_test(what_is_no_envelope),
	    cmocka_unit_test(a_descriptor_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
