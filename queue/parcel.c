/* parcel: see parcel.h. */
#include "queue/parcel.h"

#include "lib/address.h"
#include "lib/netstring.h"
#include "lib/num.h"
#include "wire/queue.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { INPUT = 65536, HEAD_MAX = 64 };

/* An envelope on its way. */
struct reading {
	struct parcel *parcel;
	bool sender, over; /* F was seen; the empty record was */
	size_t len;
	char record[ADDRESS_MAX + 1]; /* of which len bytes have come */
};

static ssize_t
read_some(int fd, char *data, size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n;
}

static int
read_message(struct parcel *p, int fd)
{
	ssize_t n;

	do {
		if (!buf_reserve(&p->message, INPUT))
			return QQ_MEMORY;
		n = read_some(fd, p->message.data + p->message.len, INPUT);
		if (n > 0)
			p->message.len += (size_t)n;
	} while (n > 0);
	return n < 0 ? QQ_READ : QQ_OK;
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
	if (!netstring_append(&r->parcel->tail, text))
		return QQ_MEMORY;
	r->parcel->recipients += r->sender;
	r->sender = true;
	r->len = 0;
	return QQ_OK;
}

static int
take_bytes(struct reading *r, struct str bytes)
{
	int code = QQ_OK;

	while (bytes.len > 0 && code == QQ_OK && !r->over) {
		size_t n = str_find(bytes, '\0');

		if (n > sizeof(r->record) - r->len)
			return QQ_ADDRESS_LONG;
		memcpy(r->record + r->len, bytes.data, n);
		r->len += n;
		if (n < bytes.len)
			code = take_record(r);
		bytes = str_slice(bytes, n + 1, bytes.len);
	}
	return code;
}

static int
read_envelope(struct parcel *p, int fd)
{
	static char input[INPUT];
	struct reading r = {.parcel = p};
	int code = QQ_OK;

	while (!r.over && code == QQ_OK) {
		ssize_t n = read_some(fd, input, sizeof(input));

		if (n <= 0)
			return QQ_READ;
		code = take_bytes(&r, (struct str){input, (size_t)n});
	}
	return code;
}

/* The length of the whole, that of the message, and its comma. */
static bool
wrap(struct parcel *p)
{
	char digits[NUM_SIZE];
	size_t inner = num_format(digits, p->message.len) + 1 + p->message.len;

	/* The comma of the message is the first byte of the tail. */
	return buf_append_number(&p->head, inner + p->tail.len) &&
	       buf_append_byte(&p->head, ':') &&
	       buf_append_text(&p->head, digits) &&
	       buf_append_byte(&p->head, ':') && buf_append_byte(&p->tail, ',');
}

int
parcel_read(struct parcel *p, int message_fd, int envelope_fd)
{
	int code;

	p->head.max = HEAD_MAX;
	p->message.max = p->tail.max = PARCEL_MAX;
	code = read_message(p, message_fd);
	if (code == QQ_OK && !buf_append_byte(&p->tail, ','))
		code = QQ_MEMORY;
	if (code == QQ_OK)
		code = read_envelope(p, envelope_fd);
	if (code == QQ_OK && !wrap(p))
		code = QQ_MEMORY;
	return code;
}

void
parcel_free(struct parcel *p)
{
	buf_free(&p->head);
	buf_free(&p->message);
	buf_free(&p->tail);
}
