/* parcel: see parcel.h. */
#include "queue/parcel.h"

#include "lib/address.h"
#include "lib/netstring.h"
#include "lib/num.h"
#include "queue/records.h"
#include "wire/queue.h"

enum { INPUT = 65536, HEAD_MAX = 64 };

static int
read_message(struct parcel *p, int fd)
{
	ssize_t n;

	do {
		if (!buf_reserve(&p->message, INPUT))
			return QQ_MEMORY;
		n = records_read_some(
		    fd, p->message.data + p->message.len, INPUT);
		if (n > 0)
			p->message.len += (size_t)n;
	} while (n > 0);
	return n < 0 ? QQ_READ : QQ_OK;
}

static int
take(void *context, char kind, struct str text)
{
	struct parcel *p = context;

	(void)kind;
	return netstring_append(&p->tail, text) ? QQ_OK : QQ_MEMORY;
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
	const struct records_to to = {take, p, ADDRESS_MAX + 1};
	int code;

	p->head.max = HEAD_MAX;
	p->message.max = p->tail.max = PARCEL_MAX;
	code = read_message(p, message_fd);
	if (code == QQ_OK && !buf_append_byte(&p->tail, ','))
		code = QQ_MEMORY;
	if (code == QQ_OK)
		code = records_read(envelope_fd, &to, &p->recipients);
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
