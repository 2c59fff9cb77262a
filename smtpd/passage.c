/* passage: a message from the client into the queue; see passage.h. */
#include "smtpd/passage.h"

#include "lib/clock.h"
#include "smtpd/deposit.h"
#include "smtpd/policy.h"
#include "smtpd/session.h"
#include "smtpd/submission.h"

static const struct reply ok = {0, NULL};

static int64_t
seconds(uint64_t n)
{
	return (int64_t)n * CLOCK_SECOND;
}

/* The client is given time for what it has sent, but not for what nobody will
 * read: a message without end must end. */
static void
set_limit(struct session *s)
{
	const struct passage *p = &s->passage;
	uint64_t most = PASSAGE_SECONDS + p->taken / PASSAGE_RATE;

	if (!p->draining)
		s->stream.limit =
		    p->began + seconds(most < QUEUE_DEATH ? most : QUEUE_DEATH);
}

static void
drain(struct session *s)
{
	s->passage.draining = true;
	s->stream.limit = clock_boot() + seconds(PASSAGE_SECONDS);
}

bool
passage_begin(struct session *s, bool counted)
{
	struct passage *p = &s->passage;

	*p = (struct passage){.data.counted = counted,
	    .limit = door_databytes(s->door),
	    .began = clock_boot()};
	p->trouble = deposit_begin(s);
	p->open = p->trouble == 0;
	submission_begin(&s->submission, s);
	if (p->open)
		set_limit(s);
	else
		drain(s);
	return p->open;
}

void
passage_forget(struct session *s)
{
	if (s->passage.open)
		submit_abort(&s->door->submit);
	s->passage = (struct passage){.open = false};
	s->stream.limit = 0;
}

/* What has been seen of the message so far forbids it. */
static struct reply
verdict(const struct session *s)
{
	const struct passage *p = &s->passage;

	if (p->data.bare)
		return (struct reply){550,
		    "5.5.2 bare CR or LF in the message, refused as SMTP "
		    "smuggling"};
	if (p->large || p->data.bytes > p->limit)
		return policy_too_large();
	if (header_loops(&p->header))
		return (struct reply){554,
		    "5.4.6 too many hops, this message is looping (#5.4.6)"};
	if (header_large(&p->header))
		return (struct reply){
		    552, "5.3.4 the header of this message is too large"};
	return s->submission.active ? s->submission.verdict : ok;
}

struct reply
passage_state(struct session *s)
{
	struct reply r = verdict(s);

	if (r.code == 0 && s->passage.trouble != 0)
		r = deposit_trouble(s, s->passage.trouble);
	return r;
}

/* Once it is forbidden nothing more of it is kept. */
static void
look(struct session *s)
{
	struct passage *p = &s->passage;
	struct submit *submit = &s->door->submit;

	if (p->draining)
		return;
	p->trouble = submit->trouble;
	if (verdict(s).code != 0) {
		submit_abort(submit);
		p->open = false;
	}
	if (!p->open || p->trouble != 0)
		drain(s);
}

void
passage_announce(struct session *s, uint64_t size)
{
	struct passage *p = &s->passage;

	if (p->data.bytes > p->limit || size > p->limit - p->data.bytes)
		p->large = true;
	look(s);
}

static void
pass_on(struct session *s, struct str text)
{
	struct passage *p = &s->passage;
	struct submit *submit = &s->door->submit;
	bool folded = p->header.bytes == 0 && header_is_folded(text);

	if (p->draining)
		return;
	header_scan(&p->header, text);
	if (s->submission.active) {
		submission_scan(&s->submission, text);
	} else if (verdict(s).code == 0) {
		/* Our trace field is not the sender's to go on with. */
		if (folded)
			submit_body(submit, str_of("\n"));
		submit_body(submit, text);
	}
	look(s);
}

/* At most size bytes that have come. */
static enum stream_result
peek(struct session *s, uint64_t size, struct str *bytes)
{
	enum stream_result r = stream_peek(&s->stream, bytes);

	if (r == STREAM_OK && bytes->len > size)
		*bytes = str_slice(*bytes, 0, (size_t)size);
	return r;
}

/* Bytes of the message.  How many of them belong to it. */
static size_t
take(struct session *s, struct str bytes)
{
	struct passage *p = &s->passage;
	struct str rest = bytes, text;

	if (p->draining && p->data.counted)
		return bytes.len;
	text.data = reader_place(&s->stream.reader);
	text.len =
	    data_decode(&p->data, &rest, reader_place(&s->stream.reader));
	p->taken += bytes.len - rest.len;
	set_limit(s);
	pass_on(s, text);
	return bytes.len - rest.len;
}

enum stream_result
passage_read(struct session *s, uint64_t size)
{
	struct passage *p = &s->passage;

	while (size > 0 && p->data.state != DS_END) {
		struct str bytes;
		enum stream_result r = peek(s, size, &bytes);
		size_t used;

		if (r != STREAM_OK)
			return r;
		used = take(s, bytes);
		reader_consume(&s->stream.reader, used);
		size -= used;
	}
	return STREAM_OK;
}

enum stream_result
passage_swallow(struct session *s, uint64_t size)
{
	enum stream_result r = STREAM_OK;
	struct str bytes;

	s->stream.limit = clock_boot() + seconds(PASSAGE_SECONDS);
	while (size > 0 && (r = peek(s, size, &bytes)) == STREAM_OK) {
		size -= bytes.len;
		reader_consume(&s->stream.reader, bytes.len);
	}
	s->stream.limit = 0;
	return r;
}

struct reply
passage_finish(struct session *s, enum stream_result r)
{
	struct reply reply;

	s->over = true;
	if (r != STREAM_OK)
		return session_lost(s, r);
	data_finish(&s->passage.data);
	if (s->submission.active && !s->passage.draining)
		submission_end(&s->submission);
	reply = passage_state(s);
	if (reply.code != 0)
		return reply;
	s->passage.open = false; /* the queue forgets it, too, if it fails */
	return deposit_commit(s, s->passage.data.bytes);
}
