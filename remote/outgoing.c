/* outgoing: a message on its way out; see outgoing.h. */
#include "remote/outgoing.h"

#include "remote/text.h"

enum { PIECE = 8192 };

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

/* What in becomes on the wire. */
static uint64_t
count(struct text *t, struct str in)
{
	char out[TEXT_ROOM(PIECE)];
	uint64_t n = 0;

	for (size_t at = 0; at < in.len; at += PIECE)
		n += text_put(t, str_slice(in, at, at + PIECE), out);
	return n;
}

enum outgoing_result
outgoing_measure(struct outgoing *o, bool converted)
{
	enum outgoing_result r;
	char rest[TEXT_END];
	struct str chunk;
	struct text t;

	o->converted = converted;
	o->octets = 0;
	outgoing_rewind(o);
	text_begin(&t, false);
	while ((r = outgoing_next(o, &chunk)) == OUTGOING_OK)
		o->octets += count(&t, chunk);
	o->octets += text_end(&t, rest);
	return r == OUTGOING_END ? OUTGOING_OK : r;
}

/* The first 8-bit byte, or the length. */
static enum outgoing_result
find_eight(struct outgoing *o, uint64_t *at)
{
	enum outgoing_result r;
	struct str chunk;

	*at = 0;
	outgoing_rewind(o);
	while ((r = outgoing_next(o, &chunk)) == OUTGOING_OK) {
		for (size_t i = 0; i < chunk.len; i++)
			if ((unsigned char)chunk.data[i] >= 128) {
				*at += i;
				return OUTGOING_OK;
			}
		*at += chunk.len;
	}
	return r == OUTGOING_END ? OUTGOING_OK : r;
}

enum outgoing_result
outgoing_open(struct outgoing *o, int fd, uint64_t at, uint64_t len)
{
	enum outgoing_result r;
	uint64_t header, eight;

	body_open(&o->body, fd, at, len);
	r = outgoing_measure(o, false);
	if (r == OUTGOING_OK)
		r = find_eight(o, &eight);
	if (r != OUTGOING_OK)
		return r;
	if (!body_header(&o->body, UINT64_MAX, &header))
		return OUTGOING_ERROR;
	o->eight = eight < len;
	o->eight_header = eight < header;
	return OUTGOING_OK;
}
