/* stream: one client's connection: command lines and message bytes come in,
 * replies go out.  Replies are kept while the client has sent more already
 * (PIPELINING) and are written before anything is waited for. */
#ifndef SMTPD_STREAM_H
#define SMTPD_STREAM_H

#include "lib/attr.h"
#include "lib/io.h"
#include "lib/str.h"
#include "lib/tls.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STREAM_IN = 1 << 17,        /* bytes read at once at most */
	STREAM_OUT = 1 << 13,       /* bytes of replies kept at most */
	STREAM_LINE = 2048,         /* the longest command line, with CR LF */
	STREAM_LONGEST = 12288 + 2, /* of AUTH and its lines, RFC 4954, 4 */
	STREAM_FLOOD = 1 << 16,     /* bytes without an LF that end the talk */
	STREAM_COMMAND_SECONDS = 300, /* from a line's first byte to its LF */
	STREAM_WRITE_SECONDS = 300,   /* for a client to take any of a reply */
	STREAM_LINGER_SECONDS = 2,
	STREAM_LINGER = 1 << 20, /* bytes */
};

struct stream {
	struct channel input, output;
	struct reader reader;
	struct writer writer;
	int timeout_ms; /* of one read or write */
	/* clock_boot, when reading must end; 0: never.  The first is of one
	 * command, the second, the caller's, of what takes several. */
	int64_t deadline, limit;
	struct tls *tls; /* what the channels go through; NULL: nothing */
	bool coded;      /* what comes next is a line of AUTH */
	bool ahead;      /* the client may talk ahead: stream_early is false */
	char in[STREAM_IN], out[STREAM_OUT], line[STREAM_LONGEST];
};

enum stream_result {
	STREAM_OK,
	STREAM_LONG, /* a line over STREAM_LINE, or STREAM_LONGEST where it is
	                   AUTH's; skipped up to its LF */
	STREAM_BARE, /* a line that ended in LF without CR */
	STREAM_CONTROL, /* a line that holds NUL, CR or other control bytes */
	STREAM_FOREIGN, /* another protocol (TLS); or over STREAM_FLOOD */
	STREAM_END,     /* the client has closed */
	STREAM_TIMEOUT,
	STREAM_ERROR /* errno */
};

/* Begin on two descriptors (the same one over TCP), which stay the caller's. */
void stream_open(struct stream *s, int in_fd, int out_fd, int timeout_seconds);

/* From now on everything goes through t, on the first of the two descriptors;
 * t stays the caller's.  Bytes that have come in the clear are dropped. */
void stream_secure(struct stream *s, struct tls *t);

/* The client has sent bytes that are not read yet; never waits. */
bool stream_early(struct stream *s);

/* Let the client read our last words though it goes on sending: without this
 * what it has sent unread would reset the connection.  For two seconds and a
 * mebibyte at most; nothing can be written any more. */
void stream_linger(struct stream *s);

/* Nothing that was read stays in memory.  At the end. */
void stream_forget(struct stream *s);

/* What has come, after reading once if there is nothing.  STREAM_OK, END,
 * TIMEOUT or ERROR; take what was used with reader_consume(&s->reader). */
MUST_USE enum stream_result stream_peek(struct stream *s, struct str *bytes);

/* The next command line without its CR LF; it points into s->line until the
 * next call.  After LONG, BARE and CONTROL it holds the line's first bytes, to
 * be looked at, and the next line can be read; others leave it unchanged. */
MUST_USE enum stream_result stream_line(struct stream *s, struct str *line);

#endif
