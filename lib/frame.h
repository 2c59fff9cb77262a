/* frame: the packets that our stream sockets carry: 4 bytes of length in
 * big-endian order, counting what follows; 1 byte of kind; the payload. */
#ifndef LIB_FRAME_H
#define LIB_FRAME_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum {
	FRAME_HEAD = 5,              /* bytes before the payload */
	FRAME_PAYLOAD_MAX = 1 << 17, /* bytes; more is a broken peer */
};

struct frame {
	char kind;
	struct str payload;
};

enum frame_result {
	FRAME_OK,
	FRAME_MORE, /* not yet complete */
	FRAME_END,  /* the peer closed between two frames */
	FRAME_BAD   /* over length, or closed within a frame, or errno */
};

/* Append a frame to b.  Fails as buf_append does, and with EMSGSIZE over
 * FRAME_PAYLOAD_MAX.  Matched by frame_take. */
MUST_USE bool frame_append(struct buf *b, char kind, struct str payload);

/* Append the head of a frame whose payload goes out behind b, but not in it.
 * Fails as frame_append does. */
MUST_USE bool frame_head(struct buf *b, char kind, size_t payload);

/* Begin a frame of yet unknown length; *mark is for frame_finish, which writes
 * the length of what was appended since.  Over FRAME_PAYLOAD_MAX it fails with
 * EMSGSIZE and the begun frame is taken out of b again; with EINVAL when no
 * frame begins at mark. */
MUST_USE bool frame_begin(struct buf *b, char kind, size_t *mark);

/* Write the length of what was appended since frame_begin. */
MUST_USE bool frame_finish(struct buf *b, size_t mark);

/* The frame at the front of b.  FRAME_OK: it points into b and *used is what
 * to buf_drop after use.  FRAME_MORE or FRAME_BAD otherwise. */
MUST_USE enum frame_result frame_take(
    const struct buf *b, struct frame *f, size_t *used);

/* Write one frame to a blocking socket; false with errno (EPIPE comes without a
 * signal). */
MUST_USE bool frame_write(int fd, char kind, struct str payload);

/* Read one frame from a blocking socket into b (emptied first), waiting at
 * most ms for each part (-1: for ever).  f points into b.  FRAME_BAD has errno
 * EPROTO (length), EPIPE (closed within), ETIMEDOUT, or another. */
MUST_USE enum frame_result frame_read(
    int fd, int ms, struct buf *b, struct frame *f);

#endif
