/* sending: the text of a message; see sending.h. */
#include "remote/sending.h"

#include "lib/clock.h"
#include "remote/text.h"
#include <string.h>

enum {
	PIECE = 8192,
	/* For the last words of a host that has closed. */
	LAST_WORDS = 2 * CLOCK_SECOND
};

struct sending {
	struct session *s;
	struct text text;
	uint64_t left; /* octets to come, BDAT; DATA: UINT64_MAX */
	bool whole;    /* the host may have all of it */
	bool too_many; /* more than was announced */
};

/* The next octets.  With the last one of a chunk the message is the host's,
 * whether we hear of it or not. */
static void
put(struct sending *g, const char *data, size_t n)
{
	if (n > g->left) {
		g->too_many = true;
		return;
	}
	if (n == g->left && !session_is_quiet(g->s))
		return;
	g->left -= n;
	g->whole |= g->left == 0;
	session_put(g->s, (struct str){data, n});
}

static void
put_chunk(struct sending *g, struct str chunk)
{
	char out[TEXT_ROOM(PIECE)];

	for (size_t at = 0; at < chunk.len; at += PIECE)
		put(g, out,
		    text_put(&g->text, str_slice(chunk, at, at + PIECE), out));
}

static enum outgoing_result
put_all(struct sending *g, struct outgoing *o)
{
	enum outgoing_result r = OUTGOING_OK;
	struct str chunk;
	char rest[TEXT_END];

	outgoing_rewind(o);
	while (r == OUTGOING_OK && !g->s->broken && !g->too_many) {
		r = outgoing_next(o, &chunk);
		if (r == OUTGOING_OK)
			put_chunk(g, chunk);
	}
	if (r == OUTGOING_END)
		put(g, rest, text_end(&g->text, rest));
	return r;
}

/* The connection broke: a host may have said why before it closed. */
static enum sending_result
broke(struct sending *g)
{
	struct session *s = g->s;

	s->broken = true;
	if (g->whole)
		return SENDING_DUPLICATE;
	s->timeout = LAST_WORDS;
	return session_reply(s) && reply_class(&s->reply) >= 4 ? SENDING_REFUSED
							       : SENDING_LOST;
}

static enum sending_result
unreadable(struct sending *g)
{
	g->s->broken = true;
	return SENDING_UNREADABLE;
}

static enum sending_result
hear(struct sending *g)
{
	if (!session_flush(g->s) || !session_reply(g->s))
		return broke(g);
	return SENDING_SENT;
}

enum sending_result
sending_data(struct session *s, struct outgoing *o)
{
	struct sending g = {.s = s, .left = UINT64_MAX};
	enum outgoing_result r;

	text_begin(&g.text, true);
	r = put_all(&g, o);
	if (s->broken)
		return broke(&g);
	if (r != OUTGOING_END)
		return unreadable(&g);
	if (!session_is_quiet(s))
		return broke(&g);
	g.whole = true;
	session_put_text(s, ".\r\n");
	return hear(&g);
}

enum sending_result
sending_bdat(struct session *s, struct outgoing *o)
{
	struct sending g = {.s = s, .left = o->octets};
	enum outgoing_result r;

	text_begin(&g.text, false);
	if (!session_is_quiet(s))
		return broke(&g);
	g.whole = o->octets == 0;
	session_put_text(s, "BDAT ");
	session_put_number(s, o->octets);
	session_put_text(s, " LAST\r\n");
	r = put_all(&g, o);
	if (s->broken)
		return broke(&g);
	if (r != OUTGOING_END || g.left > 0 || g.too_many)
		return unreadable(&g);
	return hear(&g);
}
