/* stream: command lines in, replies out; see stream.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/stream.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/tls_channel.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { TLS_HANDSHAKE = 0x16 }; /* first byte of a ClientHello */

void
stream_open(struct stream *s, int in_fd, int out_fd, int timeout_seconds)
{
	channel_open(&s->input, in_fd, timeout_seconds);
	channel_wait_in_kernel(&s->input);
	channel_open(&s->output, out_fd,
	    timeout_seconds < STREAM_WRITE_SECONDS ? timeout_seconds
						   : STREAM_WRITE_SECONDS);
	reader_open(&s->reader, &s->input, s->in, sizeof(s->in));
	writer_open(&s->writer, &s->output, s->out, sizeof(s->out));
	s->timeout_ms = s->input.timeout_ms;
	s->deadline = s->limit = 0;
	s->tls = NULL;
}

void
stream_secure(struct stream *s, struct tls *t)
{
	s->tls = t;
	s->output.fd = s->input.fd;
	tls_channel(&s->input, t);
	tls_channel(&s->output, t);
	reader_open(&s->reader, &s->input, s->in, sizeof(s->in));
	writer_open(&s->writer, &s->output, s->out, sizeof(s->out));
}

/* Something can be read without waiting, or the end. */
static bool
has_come(const struct stream *s)
{
	return s->tls != NULL ? tls_readable(s->tls)
			      : fd_wait_read(s->input.fd, 0);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a == 0 ? b : a;
	return a < b ? a : b;
}

/* Whichever ends first: the time of one read or that of the whole. */
static bool
set_patience(struct stream *s)
{
	int64_t end = sooner(s->deadline, s->limit), left;

	s->input.timeout_ms = s->timeout_ms;
	if (end == 0)
		return true;
	left = (end - clock_boot()) / (CLOCK_SECOND / 1000);
	if (left <= 0)
		return false;
	if (left < s->timeout_ms)
		s->input.timeout_ms = (int)left;
	return true;
}

static enum stream_result
failed(void)
{
	if (errno == 0)
		return STREAM_END;
	return errno == ETIMEDOUT ? STREAM_TIMEOUT : STREAM_ERROR;
}

enum stream_result
stream_peek(struct stream *s, struct str *bytes)
{
	if (!reader_pending(&s->reader)) {
		if (!writer_flush(&s->writer))
			return STREAM_ERROR;
		if (!set_patience(s))
			return STREAM_TIMEOUT;
	}
	return reader_peek(&s->reader, bytes) ? STREAM_OK : failed();
}

bool
stream_early(struct stream *s)
{
	struct str bytes;

	if (s->ahead)
		return false;
	if (reader_pending(&s->reader))
		return true;
	return has_come(s) && stream_peek(s, &bytes) == STREAM_OK;
}

void
stream_linger(struct stream *s)
{
	struct str bytes;
	size_t taken = 0;

	if (shutdown(s->output.fd, SHUT_WR) != 0)
		return;
	s->limit = 0;
	s->deadline =
	    clock_boot() + (int64_t)STREAM_LINGER_SECONDS * CLOCK_SECOND;
	while (taken < STREAM_LINGER && stream_peek(s, &bytes) == STREAM_OK) {
		taken += bytes.len;
		reader_consume(&s->reader, bytes.len);
	}
}

void
stream_forget(struct stream *s)
{
	explicit_bzero(s->in, sizeof(s->in));
	explicit_bzero(s->line, sizeof(s->line));
}

/* Keep what fits of a piece of a line; the rest is only counted. */
static void
keep(struct stream *s, size_t at, struct str piece)
{
	if (at >= sizeof(s->line))
		return;
	if (piece.len > sizeof(s->line) - at)
		piece.len = sizeof(s->line) - at;
	memcpy(s->line + at, piece.data, piece.len);
}

static bool
has_control(struct str line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char byte = (unsigned char)line.data[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return true;
	}
	return false;
}

/* Base64 may be longer than anything else. */
static size_t
longest(const struct stream *s)
{
	struct str verb = str_of("AUTH ");
	struct str start = {s->line, verb.len};
	bool coded = s->coded || str_starts_nocase(start, verb);

	return coded ? STREAM_LONGEST : STREAM_LINE;
}

/* A line of total bytes, its LF among them, has been kept. */
static enum stream_result
judge(struct stream *s, size_t total, struct str *line)
{
	struct str all = {s->line, total};

	s->deadline = 0;
	*line = str_slice(all, 0, STREAM_LINE);
	if (total > longest(s))
		return STREAM_LONG;
	if (!str_ends(all, str_of("\r\n")))
		return STREAM_BARE;
	*line = str_slice(all, 0, total - 2);
	return has_control(*line) ? STREAM_CONTROL : STREAM_OK;
}

/* The first bytes of a line: from here on the clock runs. */
static enum stream_result
begin(struct stream *s, struct str bytes)
{
	s->deadline =
	    clock_boot() + (int64_t)STREAM_COMMAND_SECONDS * CLOCK_SECOND;
	return bytes.data[0] == TLS_HANDSHAKE ? STREAM_FOREIGN : STREAM_OK;
}

enum stream_result
stream_line(struct stream *s, struct str *line)
{
	size_t total = 0;

	s->deadline = 0;
	while (total <= STREAM_FLOOD) {
		struct str bytes;
		enum stream_result r = stream_peek(s, &bytes);
		size_t lf;

		if (r == STREAM_OK && total == 0)
			r = begin(s, bytes);
		if (r != STREAM_OK)
			return r;
		lf = str_find(bytes, '\n');
		keep(s, total, str_slice(bytes, 0, lf + 1));
		total += lf < bytes.len ? lf + 1 : lf;
		reader_consume(&s->reader, lf + 1);
		if (lf < bytes.len)
			return judge(s, total, line);
	}
	return STREAM_FOREIGN;
}
