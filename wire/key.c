/* key: requests to culver-keyd and their answers; see key.h. */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "wire/key.h"

#include "lib/fd.h"
#include "lib/field.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static bool
too_long(const struct key_request *r)
{
	return r->letter == 'C'
		   ? r->name.len > KEY_NAME
		   : r->letter == 'S' && r->message.len > KEY_MESSAGE;
}

static bool
put(struct buf *b, const struct key_request *r)
{
	const unsigned char scheme[2] = {
	    (unsigned char)(r->scheme >> 8), (unsigned char)r->scheme};
	size_t mark;

	if (!frame_begin(b, r->letter, &mark))
		return false;
	if (r->letter == 'C' && !buf_append_str(b, r->name))
		return false;
	if (r->letter == 'S' && (!buf_append(b, r->hash, sizeof(r->hash)) ||
				    !buf_append(b, scheme, sizeof(scheme)) ||
				    !buf_append_str(b, r->message)))
		return false;
	return frame_finish(b, mark);
}

bool
key_write(struct buf *b, const struct key_request *r)
{
	size_t before = b->len;

	if (too_long(r)) {
		errno = EMSGSIZE;
		return false;
	}
	if (put(b, r))
		return true;
	b->len = before;
	return false;
}

/* Letters, digits, "-" and "_" between dots: nothing that leads to another
 * folder. */
static bool
is_host(struct str name)
{
	bool dot = true;

	if (name.len > KEY_NAME)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			     c == '-' || c == '_';

		if (!plain && (c != '.' || dot))
			return false;
		dot = c == '.';
	}
	return name.len == 0 || !dot;
}

static bool
read_signing(struct str in, struct key_request *r)
{
	unsigned char scheme[2];

	if (!field_take_bytes(&in, r->hash, sizeof(r->hash)) ||
	    !field_take_bytes(&in, scheme, sizeof(scheme)))
		return false;
	r->scheme = (uint16_t)(scheme[0] << 8 | scheme[1]);
	r->message = in;
	return in.len > 0 && in.len <= KEY_MESSAGE;
}

bool
key_read(char letter, struct str payload, struct key_request *r)
{
	struct key_request got = {.letter = letter};
	bool ok = false;

	if (letter == 'C') {
		got.name = payload;
		ok = is_host(payload);
	} else if (letter == 'S') {
		ok = read_signing(payload, &got);
	} else if (letter == 'T') {
		ok = payload.len == 0;
	}
	if (ok)
		*r = got;
	return ok;
}

static bool
is_tls13(struct str m)
{
	static const char words[] = "TLS 1.3, server CertificateVerify";
	const size_t pad = 64, head = pad + sizeof(words);

	if (m.len != head + 32 && m.len != head + 48)
		return false;
	for (size_t i = 0; i < pad; i++)
		if (m.data[i] != ' ')
			return false;
	return memcmp(m.data + pad, words, sizeof(words)) == 0;
}

/* Both randoms, and a point of one of the groups that are offered: of the right
 * length, and not compressed where that could be.  What else is of this form
 * has hardly a byte to choose. */
static bool
is_tls12(struct str m)
{
	enum { RANDOMS = 64, NAMED_CURVE = 3, HEAD = RANDOMS + 4 };
	static const struct group {
		unsigned char low;    /* of its number, whose high byte is 0 */
		unsigned char length; /* bytes of a point */
		bool tagged;          /* which begins with 4 */
	} groups[] = {
	    {0x17, 65, true },
            {0x18, 97, true },
            {0x1d, 32, false}
        };
	const unsigned char *p = (const unsigned char *)m.data;

	if (m.len <= HEAD || p[RANDOMS] != NAMED_CURVE || p[RANDOMS + 1] != 0 ||
	    m.len - HEAD != p[HEAD - 1])
		return false;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (p[RANDOMS + 2] == groups[i].low)
			return p[HEAD - 1] == groups[i].length &&
			       (!groups[i].tagged || p[HEAD] == 4);
	return false;
}

bool
key_signable(struct str message)
{
	return is_tls13(message) || is_tls12(message);
}

static bool
put_ticket(struct buf *b, const struct tls_ticket_key *k)
{
	return buf_append(b, k->name, sizeof(k->name)) &&
	       buf_append(b, k->cipher, sizeof(k->cipher)) &&
	       buf_append(b, k->mac, sizeof(k->mac));
}

bool
key_tickets_write(struct buf *b, const struct tls_tickets *t)
{
	size_t before = b->len;

	if (put_ticket(b, &t->now) && put_ticket(b, &t->former) &&
	    field_put32(b, t->seconds))
		return true;
	b->len = before;
	return false;
}

static bool
take_ticket(struct str *in, struct tls_ticket_key *k)
{
	return field_take_bytes(in, k->name, sizeof(k->name)) &&
	       field_take_bytes(in, k->cipher, sizeof(k->cipher)) &&
	       field_take_bytes(in, k->mac, sizeof(k->mac));
}

bool
key_tickets_read(struct str payload, struct tls_tickets *t)
{
	return payload.len == KEY_TICKETS && take_ticket(&payload, &t->now) &&
	       take_ticket(&payload, &t->former) &&
	       field_take32(&payload, &t->seconds);
}

/* The socket has a time limit: what comes is taken as it comes. */
static bool
receive(int s, struct buf *b, struct frame *f)
{
	enum { PIECE = 4096 };
	char piece[PIECE];
	size_t used;
	enum frame_result r;

	while ((r = frame_take(b, f, &used)) == FRAME_MORE) {
		ssize_t n = recv(s, piece, sizeof(piece), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || !buf_append(b, piece, (size_t)n))
			break;
	}
	explicit_bzero(piece, sizeof(piece));
	return r == FRAME_OK;
}

/* Over a connection of its own; the answer's payload is appended to out. */
static enum tls_answer
exchange(int s, const struct buf *request, char letter, struct buf *out)
{
	struct buf b = {.max = TLS_CHAIN_MAX + FRAME_HEAD};
	struct frame f;
	enum tls_answer a = TLS_ANSWER_TROUBLE;

	if (sock_send(s, request->data, request->len, -1) &&
	    receive(s, &b, &f)) {
		if (f.kind == 'N')
			a = TLS_ANSWER_NONE;
		else if (f.kind == letter && buf_append_str(out, f.payload))
			a = TLS_ANSWER_OK;
	}
	if (b.data != NULL)
		explicit_bzero(b.data, b.len);
	buf_free(&b);
	return a;
}

/* No socket: this instance has no culver-keyd, and so no TLS. */
static enum tls_answer
ask(const struct key_request *r, struct buf *out)
{
	struct buf b = {.max = FRAME_HEAD + KEY_HEAD + KEY_MESSAGE};
	enum tls_answer a = TLS_ANSWER_TROUBLE;
	int s;

	if (key_write(&b, r)) {
		s = sock_connect_within(KEY_SOCKET, KEY_ANSWER);
		if (s >= 0)
			a = exchange(s, &b, r->letter, out);
		else if (errno == ENOENT)
			a = TLS_ANSWER_NONE;
		fd_close(&s);
	}
	buf_free(&b);
	return a;
}

static enum tls_answer
ask_chain(struct str name, struct buf *out)
{
	return ask(&(struct key_request){.letter = 'C', .name = name}, out);
}

static enum tls_answer
ask_signature(const unsigned char hash[TLS_KEY_HASH], uint16_t scheme,
    struct str message, struct buf *out)
{
	struct key_request r = {
	    .letter = 'S', .scheme = scheme, .message = message};

	memcpy(r.hash, hash, sizeof(r.hash));
	return ask(&r, out);
}

static enum tls_answer
ask_tickets(struct tls_tickets *t)
{
	struct buf b = {.max = KEY_TICKETS};
	enum tls_answer a = ask(&(struct key_request){.letter = 'T'}, &b);

	if (a == TLS_ANSWER_OK && !key_tickets_read(buf_str(&b), t))
		a = TLS_ANSWER_TROUBLE;
	if (b.data != NULL)
		explicit_bzero(b.data, b.len);
	buf_free(&b);
	return a;
}

const struct tls_keeper *
key_keeper(void)
{
	static const struct tls_keeper keeper = {
	    ask_chain, ask_signature, ask_tickets};

	return &keeper;
}
