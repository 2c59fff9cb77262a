/* submit: the client's end of queue/submit; see submit.h.
 *
 * A message of short pieces that fits CHUNK goes out in one send, its commit
 * included; a long piece is not copied to what is kept, but goes out behind it. */
#include "wire/submit.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "lib/sock.h"
#include "wire/envelope.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	CHUNK = 65536,              /* bytes kept before they are written */
	LONG = CHUNK / 2,           /* bytes of a piece that is not kept */
	OUT_MAX = CHUNK + 64,       /* and a few heads of frames */
	ANSWER_MAX = 512,           /* bytes of a whole answer */
	KEPT = 8 + QUEUE_TOKEN + 4, /* bytes of K */
	LATELY = CLOCK_SECOND
};

static const struct str nothing = {NULL, 0};

void
submit_init(struct submit *s)
{
	*s =
	    (struct submit){.fd = -1, .out.max = OUT_MAX, .in.max = ANSWER_MAX};
}

void
submit_close(struct submit *s)
{
	fd_close(&s->fd);
	buf_free(&s->out);
	buf_free(&s->in);
	s->heard = 0;
	s->kind = 0;
	s->sent = false;
}

static void
fail(struct submit *s, int code)
{
	if (s->trouble == 0)
		s->trouble = code;
	submit_close(s);
}

static bool
dial(struct submit *s)
{
	s->fresh = true;
	s->heard = 0;
	s->fd = s->only ? -1 : sock_connect(QUEUE_SUBMIT);
	if (s->fd >= 0 && !sock_patience(s->fd, SUBMIT_ANSWER))
		fd_close(&s->fd);
	return s->fd >= 0;
}

void
submit_only(struct submit *s, int fd)
{
	s->only = true;
	s->fd = fd;
	if (!sock_patience(fd, SUBMIT_ANSWER))
		fd_close(&s->fd);
}

/* Nobody has anything to say to us between messages, but that he is gone. */
static bool
alive(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}

static bool
has_answered_lately(const struct submit *s)
{
	return s->heard != 0 && clock_boot() - s->heard < LATELY;
}

bool
submit_begin(struct submit *s)
{
	submit_abort(s);
	s->trouble = 0;
	s->fresh = false;
	if (s->fd >= 0 && !has_answered_lately(s) && !alive(s->fd))
		fd_close(&s->fd);
	if (s->fd < 0 && !dial(s))
		fail(s, QQ_CONNECT);
	return s->trouble == 0;
}

/* Wait for more of an answer.  0 or an enum queue_code. */
static int
receive(struct submit *s, int flags)
{
	ssize_t n;

	if (!buf_reserve(&s->in, ANSWER_MAX - s->in.len))
		return QQ_MEMORY;
	do
		n = recv(s->fd, s->in.data + s->in.len, ANSWER_MAX - s->in.len,
		    flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return QQ_TIMEOUT;
	if (n <= 0)
		return QQ_CONNECT;
	s->in.len += (size_t)n;
	return 0;
}

/* One whole answer, pointing into s->in.  0 or an enum queue_code. */
static int
answer(struct submit *s, int flags, struct frame *f)
{
	enum frame_result r;
	size_t used;

	buf_clear(&s->in);
	while ((r = frame_take(&s->in, f, &used)) == FRAME_MORE) {
		int code =
		    s->in.len < ANSWER_MAX ? receive(s, flags) : QQ_CONNECT;

		if (code != 0)
			return code;
	}
	/* There is one answer to one C. */
	return r == FRAME_OK && used == s->in.len ? 0 : QQ_CONNECT;
}

static void
keep_text(struct submit_result *result, struct str text)
{
	size_t n;

	if (text.len == 0)
		text = str_of(queue_code_text(result->code));
	n = text.len < sizeof(result->text) ? text.len
					    : sizeof(result->text) - 1;
	for (size_t i = 0; i < n; i++) {
		char c = text.data[i];

		result->text[i] = (char)(c < ' ' || c > '~' ? '?' : c);
	}
	result->text[n] = '\0';
}

static int
refused(const struct frame *f, struct submit_result *result)
{
	int code = (unsigned char)f->payload.data[0];

	if (code == QQ_OK) /* a refusal is none that says so */
		code = QQ_BUG;
	result->code = code;
	keep_text(result, str_slice(f->payload, 1, f->payload.len));
	return code;
}

static int
accepted(const struct frame *f, struct submit_result *result)
{
	unsigned char bytes[KEPT];

	memcpy(bytes, f->payload.data, sizeof(bytes));
	result->ino = (uint64_t)num_get32(bytes) << 32 | num_get32(bytes + 4);
	memcpy(result->token, bytes + 8, QUEUE_TOKEN);
	result->pid = num_get32(bytes + 8 + QUEUE_TOKEN);
	result->code = QQ_OK;
	keep_text(result, (struct str){NULL, 0});
	return QQ_OK;
}

/* What the answer means; QQ_CONNECT for one that is none of ours. */
static int
understand(const struct frame *f, struct submit_result *result)
{
	if (f->kind == 'K' && f->payload.len == KEPT)
		return accepted(f, result);
	if (f->kind == 'E' && f->payload.len > 0)
		return refused(f, result);
	return QQ_CONNECT;
}

/* The other side went away while we wrote.  It may have said why. */
static int
last_word(struct submit *s)
{
	struct submit_result result = {0};
	struct frame f;
	int code = answer(s, MSG_DONTWAIT, &f);

	if (code == 0)
		code = understand(&f, &result);
	return code == QQ_OK || code == QQ_TIMEOUT ? QQ_CONNECT : code;
}

/* What is kept and piece behind it.  0, or the enum queue_code of what
 * failed. */
static int
send_all(struct submit *s, struct str piece)
{
	struct str kept = buf_str(&s->out);

	while (kept.len + piece.len > 0) {
		ssize_t n = piece.len > 0 ? sock_send_some(s->fd, kept, piece)
					  : send(s->fd, kept.data, kept.len,
						MSG_NOSIGNAL);
		size_t cut;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return QQ_TIMEOUT;
		if (n < 0)
			return last_word(s);
		s->sent = true;
		cut = (size_t)n < kept.len ? (size_t)n : kept.len;
		kept = str_slice(kept, cut, kept.len);
		piece = str_slice(piece, (size_t)n - cut, piece.len);
	}
	return 0;
}

/* Write what is kept, and piece.  An old connection that turns out to be closed
 * before it took a byte costs nothing: the message goes over a new one. */
static void
flush(struct submit *s, struct str piece)
{
	int code = send_all(s, piece);

	if (code == QQ_CONNECT && !s->sent && !s->fresh) {
		fd_close(&s->fd);
		code = dial(s) ? send_all(s, piece) : QQ_CONNECT;
	}
	if (code != 0)
		fail(s, code);
	buf_clear(&s->out);
}

static void
finish(struct submit *s)
{
	if (s->kind != 0 && !frame_finish(&s->out, s->mark))
		fail(s, QQ_BUG);
	s->kind = 0;
}

/* Let a frame of this kind take n more bytes, n <= ENVELOPE_RECORD. */
static bool
want(struct submit *s, char kind, size_t n)
{
	if (s->trouble != 0)
		return false;
	if (s->kind != 0 && (s->kind != kind || s->out.len + n > CHUNK))
		finish(s);
	if (s->kind == 0 && s->out.len + n > CHUNK)
		flush(s, nothing);
	if (s->trouble == 0 && s->kind == 0) {
		if (frame_begin(&s->out, kind, &s->mark))
			s->kind = kind;
		else
			fail(s, QQ_MEMORY);
	}
	return s->trouble == 0;
}

static void
add(struct submit *s, struct str bytes)
{
	if (!buf_append_str(&s->out, bytes))
		fail(s, QQ_MEMORY);
}

/* A frame of its own, behind what is kept. */
static void
pass(struct submit *s, struct str piece)
{
	finish(s);
	if (s->trouble == 0 && !frame_head(&s->out, 'M', piece.len))
		fail(s, QQ_MEMORY);
	if (s->trouble == 0)
		flush(s, piece);
}

static void
keep(struct submit *s, struct str piece)
{
	while (piece.len > 0 && want(s, 'M', 1)) {
		size_t room = s->out.len < CHUNK ? CHUNK - s->out.len : 1;

		add(s, str_slice(piece, 0, room));
		piece = str_slice(piece, room, piece.len);
	}
}

void
submit_body(struct submit *s, struct str bytes)
{
	while (bytes.len >= LONG && s->trouble == 0) {
		pass(s, str_slice(bytes, 0, FRAME_PAYLOAD_MAX));
		bytes = str_slice(bytes, FRAME_PAYLOAD_MAX, bytes.len);
	}
	keep(s, bytes);
}

void
submit_record(struct submit *s, char kind, struct str text)
{
	size_t n = text.len + 2;

	if (s->trouble != 0)
		return;
	if (n > ENVELOPE_RECORD)
		fail(s, QQ_ADDRESS_LONG);
	else if (str_find(text, '\0') < text.len)
		fail(s, QQ_FORMAT);
	else if (want(s, 'E', n)) {
		add(s, (struct str){&kind, 1});
		add(s, text);
		add(s, (struct str){"", 1});
	}
}

/* 0 when the message is safe. */
static int
commit(struct submit *s, struct submit_result *result)
{
	struct frame f;
	int code;

	finish(s);
	if (s->trouble == 0 &&
	    !frame_append(&s->out, 'C', (struct str){NULL, 0}))
		fail(s, QQ_MEMORY);
	if (s->trouble == 0)
		flush(s, nothing);
	if (s->trouble != 0)
		return s->trouble;
	code = answer(s, 0, &f);
	if (code == 0) {
		code = understand(&f, result);
		if (result->text[0] != '\0') {
			s->sent = false;
			s->heard = clock_boot();
			return code;
		}
	}
	fail(s, code);
	return code;
}

void
submit_commit(struct submit *s, struct submit_result *result)
{
	*result = (struct submit_result){0};
	result->code = commit(s, result);
	if (result->text[0] == '\0')
		keep_text(result, (struct str){NULL, 0});
	s->trouble = result->code;
}

void
submit_abort(struct submit *s)
{
	buf_clear(&s->out);
	s->kind = 0;
	if (!s->sent)
		return;
	if (!frame_append(&s->out, 'A', (struct str){NULL, 0}))
		fail(s, QQ_MEMORY);
	else
		flush(s, nothing);
	s->sent = false;
}
