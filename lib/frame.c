/* frame: length, kind and payload on a stream; see frame.h. */
#include "lib/frame.h"

#include "lib/fd.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_SIZE = 4 }; /* bytes of the length, which counts what follows */

static void
put_head(char *out, char kind, size_t payload)
{
	unsigned char length[LENGTH_SIZE];

	num_put32(length, (uint32_t)payload + 1);
	memcpy(out, length, sizeof(length));
	out[LENGTH_SIZE] = kind;
}

/* The payload's length from a whole head; false when it is none of ours. */
static bool
get_head(const char *head, size_t *payload)
{
	unsigned char bytes[LENGTH_SIZE];
	uint32_t length;

	memcpy(bytes, head, sizeof(bytes));
	length = num_get32(bytes);
	if (length < 1 || length - 1 > FRAME_PAYLOAD_MAX) {
		errno = EPROTO;
		return false;
	}
	*payload = length - 1;
	return true;
}

bool
frame_head(struct buf *b, char kind, size_t payload)
{
	if (payload > FRAME_PAYLOAD_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	if (!buf_reserve(b, FRAME_HEAD))
		return false;
	put_head(b->data + b->len, kind, payload);
	b->len += FRAME_HEAD;
	return true;
}

bool
frame_append(struct buf *b, char kind, struct str payload)
{
	if (payload.len <= FRAME_PAYLOAD_MAX &&
	    !buf_reserve(b, FRAME_HEAD + payload.len))
		return false;
	return frame_head(b, kind, payload.len) && buf_append_str(b, payload);
}

bool
frame_begin(struct buf *b, char kind, size_t *mark)
{
	size_t before = b->len;

	if (!frame_append(b, kind, (struct str){NULL, 0}))
		return false;
	*mark = before;
	return true;
}

bool
frame_finish(struct buf *b, size_t mark)
{
	size_t payload;

	if (mark > b->len || b->len - mark < FRAME_HEAD) {
		errno = EINVAL;
		return false;
	}
	payload = b->len - mark - FRAME_HEAD;
	if (payload > FRAME_PAYLOAD_MAX) {
		b->len = mark;
		errno = EMSGSIZE;
		return false;
	}
	put_head(b->data + mark, b->data[mark + LENGTH_SIZE], payload);
	return true;
}

enum frame_result
frame_take(const struct buf *b, struct frame *f, size_t *used)
{
	size_t payload;

	if (b->len < LENGTH_SIZE)
		return FRAME_MORE;
	if (!get_head(b->data, &payload))
		return FRAME_BAD;
	if (b->len < FRAME_HEAD + payload)
		return FRAME_MORE;
	f->kind = b->data[LENGTH_SIZE];
	f->payload = (struct str){b->data + FRAME_HEAD, payload};
	*used = FRAME_HEAD + payload;
	return FRAME_OK;
}

bool
frame_write(int fd, char kind, struct str payload)
{
	char head[FRAME_HEAD];

	if (payload.len > FRAME_PAYLOAD_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	put_head(head, kind, payload.len);
	return sock_send_both(
	    fd, (struct str){head, sizeof(head)}, payload, -1);
}

/* Read until b holds want bytes.  False at the end (errno 0) or on error. */
static bool
read_until(int fd, int ms, struct buf *b, size_t want)
{
	if (!buf_reserve(b, want - b->len))
		return false;
	while (b->len < want) {
		ssize_t r;

		if (ms >= 0 && !fd_wait_read(fd, ms))
			return false;
		r = read(fd, b->data + b->len, want - b->len);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = 0;
		if (r <= 0)
			return false;
		b->len += (size_t)r;
	}
	return true;
}

/* Between two frames a peer may leave; within one it breaks its word. */
static enum frame_result
broken(const struct buf *b)
{
	if (errno == 0 && b->len == 0)
		return FRAME_END;
	if (errno == 0)
		errno = EPIPE;
	return FRAME_BAD;
}

enum frame_result
frame_read(int fd, int ms, struct buf *b, struct frame *f)
{
	size_t payload, used;

	buf_clear(b);
	if (!read_until(fd, ms, b, FRAME_HEAD))
		return broken(b);
	if (!get_head(b->data, &payload))
		return FRAME_BAD;
	if (!read_until(fd, ms, b, FRAME_HEAD + payload))
		return broken(b);
	return frame_take(b, f, &used);
}
