/* relay: see relay.h. */
#include "queue/relay.h"

#include "queue/stamp.h"
#include "wire/envelope.h"
#include "wire/submit.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { INPUT = 65536 };

struct relay {
	struct submit submit;
	uint64_t recipients;
	bool sender, over; /* F was seen; the empty record was */
	size_t len;
	char record[ENVELOPE_RECORD]; /* of which len bytes have come */
	char input[INPUT];
};

/* Some bytes; -1: it failed. */
static ssize_t
read_some(struct relay *r, int fd)
{
	ssize_t n;

	do
		n = read(fd, r->input, sizeof(r->input));
	while (n < 0 && errno == EINTR);
	return n;
}

static int
relay_message(struct relay *r, int fd)
{
	char stamp[STAMP_SIZE];
	ssize_t n;

	stamp_write(stamp);
	submit_body(&r->submit, str_of(stamp));
	while ((n = read_some(r, fd)) > 0) {
		submit_body(&r->submit, (struct str){r->input, (size_t)n});
		if (r->submit.trouble != 0)
			return r->submit.trouble;
	}
	return n < 0 ? QQ_READ : QQ_OK;
}

/* A whole record has come. */
static int
take_record(struct relay *r)
{
	struct str text = {r->record + 1, r->len - 1};
	char want = r->sender ? 'T' : 'F';

	if (r->sender && r->len == 0) {
		r->over = true;
		return QQ_OK;
	}
	if (r->len == 0 || r->record[0] != want)
		return QQ_FORMAT;
	submit_record(&r->submit, want, text);
	r->recipients += r->sender;
	r->sender = true;
	r->len = 0;
	return r->submit.trouble;
}

/* Add bytes of a record that go on. */
static int
keep(struct relay *r, struct str bytes)
{
	if (bytes.len > sizeof(r->record) - r->len)
		return QQ_ADDRESS_LONG;
	memcpy(r->record + r->len, bytes.data, bytes.len);
	r->len += bytes.len;
	return QQ_OK;
}

static int
take_bytes(struct relay *r, struct str bytes)
{
	int code = QQ_OK;

	while (bytes.len > 0 && code == QQ_OK && !r->over) {
		size_t n = str_find(bytes, '\0');

		code = keep(r, str_slice(bytes, 0, n));
		if (code == QQ_OK && n < bytes.len)
			code = take_record(r);
		bytes = str_slice(bytes, n + 1, bytes.len);
	}
	return code;
}

static int
relay_envelope(struct relay *r, int fd)
{
	while (!r->over) {
		ssize_t n = read_some(r, fd);
		int code;

		if (n <= 0)
			return QQ_READ;
		code = take_bytes(r, (struct str){r->input, (size_t)n});
		if (code != QQ_OK)
			return code;
	}
	return QQ_OK;
}

static int
commit(struct relay *r)
{
	struct submit_result result;

	if (r->recipients == 0) /* all of them have it */
		return QQ_OK;
	submit_commit(&r->submit, &result);
	return result.code;
}

int
relay_run(int message_fd, int envelope_fd)
{
	static struct relay r;
	int code;

	r.recipients = 0;
	r.sender = r.over = false;
	r.len = 0;
	submit_init(&r.submit);
	code = submit_begin(&r.submit) ? QQ_OK : r.submit.trouble;
	if (code == QQ_OK)
		code = relay_message(&r, message_fd);
	if (code == QQ_OK)
		code = relay_envelope(&r, envelope_fd);
	if (code == QQ_OK)
		code = commit(&r);
	submit_close(&r.submit);
	return code;
}
