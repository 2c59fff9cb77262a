/* stream: one connection to a host, in the clear or within TLS.  Bytes that
 * come in are kept in a buffer of fixed size, as are those that go out.  Every
 * call that may wait is given the time it must end by (clock_boot,
 * microseconds).  While something is written, what comes is read as far as
 * there is room, so that no peer that answers early stops us.  No signal is
 * raised where the peer has gone. */
#ifndef REMOTE_STREAM_H
#define REMOTE_STREAM_H

#include "lib/attr.h"
#include "lib/str.h"
#include "lib/tls.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STREAM_IN = 1 << 14,  /* bytes read ahead at most */
	STREAM_OUT = 1 << 14, /* bytes kept at most before they are written */
	STREAM_LINE = 4096    /* the longest line, with its end */
};

enum stream_result {
	STREAM_OK,
	STREAM_LONG, /* more than STREAM_LINE bytes without an LF; they stay */
	STREAM_CLOSED,  /* the peer has closed, or reset the connection */
	STREAM_TIMEOUT, /* errno ETIMEDOUT */
	STREAM_ERROR    /* errno */
};

struct stream {
	int fd;          /* -1: closed */
	struct tls *tls; /* NULL: in the clear */
	bool eof;        /* nothing comes any more */
	/* What a write met; the same for every one that follows. */
	enum stream_result failed;
	int error;   /* errno of it */
	int64_t nap; /* microseconds that a read in the clear waits by itself;
		      * 0: it does not */
	size_t in_pos, in_end, out_len;
	char text[TLS_TEXT]; /* stream_tls_text */
	char in[STREAM_IN], out[STREAM_OUT];
};

/* Begin on fd, a connected non-blocking socket, which is the stream's from now
 * on; stream_close closes it. */
void stream_open(struct stream *s, int fd);

/* Reads will be given so many microseconds or more, as a rule: one in the clear
 * then waits in the kernel for half of that before the time is looked at, and a
 * reply costs one system call.  Where the socket does not have it all stays as
 * it was. */
void stream_patience(struct stream *s, int64_t microseconds);

/* The next line without its LF and the CR before that; *line points into the
 * buffer until the next call that reads or writes.  Bytes without an LF before
 * the end are dropped (STREAM_CLOSED). */
MUST_USE enum stream_result stream_line(
    struct stream *s, int64_t deadline, struct str *line);

/* The same bytes are there without waiting: a whole line, or STREAM_LINE
 * bytes. */
bool stream_has_line(const struct stream *s);

/* Bytes that came and were not taken. */
bool stream_pending(const struct stream *s);

/* Add bytes to those to be written; whenever the buffer is full it is written
 * out.  STREAM_OK, CLOSED, TIMEOUT or ERROR; once one failed all do. */
MUST_USE enum stream_result stream_write(
    struct stream *s, const void *data, size_t n, int64_t deadline);

/* Write out what is kept; likewise. */
MUST_USE enum stream_result stream_flush(struct stream *s, int64_t deadline);

/* A client's handshake.  TLS_INJECTED, with nothing sent, when bytes are
 * pending (behind the answer to STARTTLS: who put them there would have them
 * taken for the server's; or any before implicit TLS); what is to be written
 * must have been flushed.  On any fault why says more, as in tls_connect, and
 * the stream is good for stream_close only. */
MUST_USE enum tls_fault stream_start_tls(struct stream *s,
    struct tls_context *c, const struct tls_wish *wish, int64_t deadline,
    char why[TLS_WHY]);

/* For the journal, as tls_describe: "TLSv1.3 TLS_AES_256_GCM_SHA384 dane"; "" in
 * the clear.  Valid until stream_close. */
const char *stream_tls_text(const struct stream *s);

/* A connection that was kept idle can be used: it is open and the peer has said
 * nothing (421, or close_notify).  Never waits. */
bool stream_alive(struct stream *s);

/* Close, with a close_notify in TLS where politely is set; what is not flushed
 * is lost.  A closed stream is left alone. */
void stream_close(struct stream *s, bool politely);

#endif
