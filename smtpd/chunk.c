/* chunk: BDAT, a message in pieces; see chunk.h. */
#include "smtpd/chunk.h"

#include "lib/num.h"
#include "smtpd/passage.h"

bool
chunk_parse(struct str argument, struct chunk *c)
{
	size_t end = str_find(argument, ' ');
	struct str size = str_slice(argument, 0, end);
	struct str rest = str_trim(str_slice(argument, end, argument.len));
	uint64_t n;

	if (rest.len > 0 && !str_equal_nocase(rest, str_of("LAST")))
		return false;
	if (size.len > CHUNK_DIGITS || !num_parse(size, CHUNK_MAX, &n))
		return false;
	*c = (struct chunk){.size = n, .last = rest.len > 0};
	return true;
}

/* Whatever comes next may be a message's bytes. */
static struct reply
out_of_step(struct session *s)
{
	s->closing = "chunk";
	return (struct reply){501, "5.5.4 syntax: BDAT size [LAST], closing"};
}

struct reply
chunk_refuse(struct session *s, struct str argument, struct reply r)
{
	struct chunk c;
	enum stream_result read;

	if (!chunk_parse(argument, &c))
		return out_of_step(s);
	read = passage_swallow(s, c.size);
	if (read != STREAM_OK)
		return session_lost(s, read);
	if (s->phase == PH_MAIL && s->recipients_refused)
		return (struct reply){554, "5.5.1 no valid recipients"};
	/* There is a message, which must not be taken without this piece. */
	if (s->phase != PH_NEW && s->phase != PH_MAIL)
		session_reset(s);
	return r;
}

/* A piece has come that is not the last. */
static struct reply
next_piece(struct session *s, uint64_t size)
{
	struct reply r = passage_state(s);

	s->phase = r.code == 0 ? PH_BDAT : PH_REFUSED;
	if (r.code != 0)
		return r;
	if (size == 0)
		s->junk++;
	buf_clear(&s->text);
	return session_text(s, 250,
	    buf_append_text(&s->text, "2.0.0 ") &&
		buf_append_number(&s->text, size) &&
		buf_append_text(&s->text, " octets"));
}

struct reply
do_bdat(struct session *s, struct str argument)
{
	struct chunk c;
	enum stream_result r;

	if (!chunk_parse(argument, &c))
		return out_of_step(s);
	/* A piece that could not be kept must not be missing from a message
	 * that is: what fails now fails to the end. */
	if (s->phase == PH_RCPT)
		(void)passage_begin(s, true);
	s->again = s->phase == PH_REFUSED;
	passage_announce(s, c.size);
	r = passage_read(s, c.size);
	if (r != STREAM_OK || c.last)
		return passage_finish(s, r);
	return next_piece(s, c.size);
}
