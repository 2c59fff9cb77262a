/* outgoing: a message on its way out; see outgoing.h. */
#include "remote/outgoing.h"

#include "remote/text.h"
#include <string.h>

void
outgoing_rewind(struct outgoing *o)
{
	o->at = 0;
	if (o->converted)
		convert_begin(&o->convert, &o->body);
}

static enum outgoing_result
next_converted(struct outgoing *o, struct str *chunk)
{
	switch (convert_next(&o->convert, chunk)) {
	case CONVERT_OK:
		return OUTGOING_OK;
	case CONVERT_END:
		return OUTGOING_END;
	case CONVERT_CANNOT:
		return OUTGOING_CANNOT;
	case CONVERT_ERROR:
		break;
	}
	return OUTGOING_ERROR;
}

enum outgoing_result
outgoing_next(struct outgoing *o, struct str *chunk)
{
	if (o->converted)
		return next_converted(o, chunk);
	if (!body_get(&o->body, o->at, chunk))
		return OUTGOING_ERROR;
	o->at += chunk->len;
	return chunk->len > 0 ? OUTGOING_OK : OUTGOING_END;
}

enum outgoing_result
outgoing_measure(struct outgoing *o, bool converted)
{
	enum outgoing_result r;
	struct str chunk;
	struct text t;

	o->converted = converted;
	o->octets = 0;
	outgoing_rewind(o);
	text_begin(&t, false);
	while ((r = outgoing_next(o, &chunk)) == OUTGOING_OK)
		o->octets += text_put(&t, chunk, NULL);
	o->octets += text_end(&t, NULL);
	return r == OUTGOING_END ? OUTGOING_OK : r;
}

/* The first 8-bit byte, or the length: eight bytes at a time while there is
 * none. */
static size_t
first_eight(struct str s)
{
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof(word) <= s.len; i += sizeof(word)) {
		memcpy(&word, s.data + i, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (i < s.len && (unsigned char)s.data[i] < 128)
		i++;
	return i;
}

/* The same for the message. */
static enum outgoing_result
find_eight(struct outgoing *o, uint64_t *at)
{
	enum outgoing_result r;
	struct str chunk;

	*at = 0;
	outgoing_rewind(o);
	while ((r = outgoing_next(o, &chunk)) == OUTGOING_OK) {
		size_t n = first_eight(chunk);

		*at += n;
		if (n < chunk.len)
			return OUTGOING_OK;
	}
	return r == OUTGOING_END ? OUTGOING_OK : r;
}

enum outgoing_result
outgoing_open(struct outgoing *o, int fd, uint64_t at, uint64_t len)
{
	enum outgoing_result r;
	uint64_t header = 0, eight;

	body_open(&o->body, fd, at, len);
	r = outgoing_measure(o, false);
	if (r == OUTGOING_OK)
		r = find_eight(o, &eight);
	if (r != OUTGOING_OK)
		return r;
	o->eight = eight < len;
	if (o->eight && !body_header(&o->body, UINT64_MAX, &header))
		return OUTGOING_ERROR;
	o->eight_header = eight < header;
	return OUTGOING_OK;
}
