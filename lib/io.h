/* io: buffered reading and writing with a time limit.  The bytes move through
 * two function pointers, so that TLS can stand where a descriptor stood. */
#ifndef LIB_IO_H
#define LIB_IO_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct channel {
	int fd;
	int timeout_ms; /* of one read or write; 0 waits for ever */
	int kernel_ms;  /* reads with this limit wait in the kernel; 0: none */
	void *context; /* for the functions below; NULL on a plain descriptor */
	/* As read(2) and write(2), after waiting at most timeout_ms: -1 with
	 * errno ETIMEDOUT then.  EINTR and EAGAIN never come out. */
	ssize_t (*read)(struct channel *c, void *data, size_t size);
	ssize_t (*write)(struct channel *c, const void *data, size_t size);
};

/* A channel on a descriptor, which the caller goes on owning. */
void channel_open(struct channel *c, int fd, int timeout_seconds);

/* Reads of c that may take its timeout_ms of now wait in recv itself: one call
 * for what comes late, not three.  SO_RCVTIMEO of the socket stays set.  Where
 * c is no socket, or does not block, nothing changes. */
void channel_wait_in_kernel(struct channel *c);

struct reader {
	struct channel *channel;
	char *data; /* the caller's storage of size bytes */
	size_t size, pos, end;
	bool eof;
};

enum line_result {
	LINE_OK,   /* a line, without its end */
	LINE_EOF,  /* the other side closed; bytes without an end are dropped */
	LINE_LONG, /* longer than the storage; it was skipped up to its LF */
	LINE_ERROR /* errno says why; ETIMEDOUT among them */
};

/* Begin to read from c, through size bytes of storage; both stay the
 * caller's and must outlive r. */
void reader_open(
    struct reader *r, struct channel *c, char *storage, size_t size);

/* The next line up to LF; a CR before the LF is cut, too, and *bare tells
 * that there was none (bare may be NULL).  *line points into the storage until
 * the next call. */
MUST_USE enum line_result reader_line(
    struct reader *r, struct str *line, bool *bare);

/* What is buffered, after reading once more if nothing was.  False at the end
 * (errno 0) or on error.  Take what was used with reader_consume. */
MUST_USE bool reader_peek(struct reader *r, struct str *bytes);

/* Where the bytes stand that reader_peek showed: what is taken next may be
 * changed there first. */
char *reader_place(struct reader *r);

/* Take n bytes, at most what reader_peek showed. */
void reader_consume(struct reader *r, size_t n);

/* Bytes are waiting in the buffer (a pipelining client). */
bool reader_pending(const struct reader *r);

struct writer {
	struct channel *channel;
	char *data; /* the caller's storage of size bytes */
	size_t size, len;
	bool failed; /* stays true; errno of the first failure in error */
	int error;
};

/* Begin to write to c, through size bytes of storage; both stay the
 * caller's and must outlive w. */
void writer_open(
    struct writer *w, struct channel *c, char *storage, size_t size);

/* Add bytes; what does not fit is written through.  After a failure nothing
 * more is written and writer_flush tells. */
void writer_put(struct writer *w, const void *data, size_t n);

/* Add a view, as writer_put does. */
void writer_str(struct writer *w, struct str s);

/* Add a C string, likewise. */
void writer_text(struct writer *w, const char *s);

/* Add a decimal number, likewise. */
void writer_number(struct writer *w, uint64_t n);

/* Write out.  False when this or an earlier write failed (errno set). */
MUST_USE bool writer_flush(struct writer *w);

#endif
