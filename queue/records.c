/* records: qmail-queue's envelope; see records.h. */
#include "queue/records.h"

#include "wire/envelope.h"
#include "wire/queue.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { INPUT = 65536 };

struct reading {
	const struct records_to *to;
	uint64_t recipients;
	bool sender, over; /* F was seen; the empty record was */
	size_t len;
	char record[ENVELOPE_RECORD]; /* of which len bytes have come */
};

ssize_t
records_read_some(int fd, char *data, size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* A whole record has come. */
static int
take_record(struct reading *r)
{
	struct str text = {r->record + 1, r->len - 1};
	char want = r->sender ? 'T' : 'F';

	if (r->sender && r->len == 0) {
		r->over = true;
		return QQ_OK;
	}
	if (r->len == 0 || r->record[0] != want)
		return QQ_FORMAT;
	r->recipients += r->sender;
	r->sender = true;
	r->len = 0;
	return r->to->take(r->to->context, want, text);
}

/* Add bytes of a record that go on. */
static int
keep(struct reading *r, struct str bytes)
{
	if (bytes.len > r->to->longest - r->len)
		return QQ_ADDRESS_LONG;
	memcpy(r->record + r->len, bytes.data, bytes.len);
	r->len += bytes.len;
	return QQ_OK;
}

static int
take_bytes(struct reading *r, struct str bytes)
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

int
records_read(int fd, const struct records_to *to, uint64_t *recipients)
{
	static char input[INPUT];
	struct reading r = {.to = to};
	int code = QQ_OK;

	while (!r.over && code == QQ_OK) {
		ssize_t n = records_read_some(fd, input, sizeof(input));

		if (n <= 0)
			return QQ_READ;
		code = take_bytes(&r, (struct str){input, (size_t)n});
	}
	if (code == QQ_OK)
		*recipients = r.recipients;
	return code;
}
