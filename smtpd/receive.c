/* receive: DATA, from the client into the queue; see receive.h. */
#include "smtpd/receive.h"

#include "lib/clock.h"
#include "lib/num.h"
#include "smtpd/data.h"
#include "smtpd/header.h"
#include "smtpd/policy.h"
#include "smtpd/received.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* A message on its way. */
struct passage {
	struct data data;
	struct header header;
	uint64_t limit; /* databytes */
	uint64_t taken; /* bytes from the client, dots and all */
	int64_t began;  /* clock_boot */
	bool dropped;   /* the queue has been told to forget it */
	bool draining;  /* only its end is still looked for */
};

static const struct reply ok = {0, NULL};

/* The class that stands in front of a text of the queue. */
static struct reply
queue_reply(struct session *s, const char *text)
{
	bool permanent = text[0] == 'D';

	if (text[0] == 'D' || text[0] == 'Z')
		text++;
	buf_clear(&s->text);
	return session_text(s, permanent ? 554 : 451,
	    buf_append_text(&s->text, permanent ? "5.3.0 " : "4.3.0 ") &&
		buf_append_text(&s->text, text));
}

static void
name_transaction(struct session *s)
{
	(void)snprintf(s->id, sizeof(s->id), "%" PRId64 ".%ld.%" PRIu64,
	    clock_wall() / CLOCK_SECOND, (long)getpid(),
	    ++s->door->transactions);
}

/* Our own line goes on top of the message. */
static bool
submit_trace(struct session *s)
{
	static const struct ip unknown;
	struct buf field = {.max = STREAM_LINE};
	const struct received r = {
	    .helo = buf_str(&s->helo),
	    .host = s->door->host,
	    .info = s->door->info,
	    .remote =
		ip_equal(&s->peer->remote, &unknown) ? NULL : &s->peer->remote,
	    .me = door_local(s->door),
	    .protocol = s->esmtp ? "ESMTP" : "SMTP",
	    .id = str_of(s->id),
	    .seconds = clock_wall() / CLOCK_SECOND,
	};
	bool written = received_write(&field, &r);

	if (written)
		submit_body(&s->door->submit, buf_str(&field));
	buf_free(&field);
	return written;
}

struct reply
do_data(struct session *s, struct str none)
{
	struct submit *submit = &s->door->submit;

	(void)none;
	if (!submit_begin(submit))
		return queue_reply(s, queue_code_text(submit->trouble));
	name_transaction(s);
	if (!submit_trace(s)) {
		submit_abort(submit);
		return (struct reply){451, "4.3.0 out of memory"};
	}
	s->phase = PH_DATA;
	return (struct reply){354, "go ahead"};
}

/* What has been seen of the message so far forbids it. */
static struct reply
verdict(const struct passage *p)
{
	if (p->data.bare)
		return (struct reply){550,
		    "5.5.2 bare CR or LF in the message, refused as SMTP "
		    "smuggling"};
	if (p->data.bytes > p->limit)
		return policy_too_large();
	if (header_loops(&p->header))
		return (struct reply){554,
		    "5.4.6 too many hops, this message is looping (#5.4.6)"};
	if (header_large(&p->header))
		return (struct reply){
		    552, "5.3.4 the header of this message is too large"};
	return ok;
}

static int64_t
seconds(uint64_t n)
{
	return (int64_t)n * CLOCK_SECOND;
}

/* The client is given time for what it has sent, but not for what nobody will
 * read: a message without end must end. */
static void
set_deadline(struct session *s, const struct passage *p)
{
	uint64_t most = RECEIVE_SECONDS + p->taken / RECEIVE_RATE;

	if (!p->draining)
		s->stream.deadline =
		    p->began + seconds(most < QUEUE_DEATH ? most : QUEUE_DEATH);
}

static void
pass_on(struct session *s, struct passage *p, struct str text)
{
	struct submit *submit = &s->door->submit;

	if (p->draining)
		return;
	header_scan(&p->header, text);
	p->dropped = verdict(p).code != 0;
	if (p->dropped)
		submit_abort(submit);
	else
		submit_body(submit, text);
	p->draining = p->dropped || submit->trouble != 0;
	if (p->draining)
		s->stream.deadline = clock_boot() + seconds(RECEIVE_SECONDS);
}

/* Read to the end of the message, whatever is wrong with it. */
static enum stream_result
read_message(struct session *s, struct passage *p)
{
	while (p->data.state != DS_END) {
		struct str bytes;
		enum stream_result r;
		size_t before, made;

		set_deadline(s, p);
		r = stream_peek(&s->stream, &bytes);
		if (r != STREAM_OK)
			return r;
		before = bytes.len;
		made = data_decode(&p->data, &bytes, s->body);
		reader_consume(&s->stream.reader, before - bytes.len);
		p->taken += before - bytes.len;
		pass_on(s, p, (struct str){s->body, made});
	}
	return STREAM_OK;
}

/* The client as culver-send's log and the tools will name it. */
static bool
submit_client(struct session *s)
{
	char ip[IP_SIZE];
	struct buf b = {.max = STREAM_LINE};
	bool written;

	ip_format(ip, &s->peer->remote);
	written = buf_append_text(&b, ip) && buf_append_byte(&b, ' ') &&
		  received_safe(&b, buf_str(&s->helo));
	if (written)
		submit_record(&s->door->submit, 'C', buf_str(&b));
	buf_free(&b);
	return written;
}

static bool
submit_envelope(struct session *s)
{
	static const char *const bodies[] = {
	    [BODY_UNSAID] = NULL,
	    [BODY_7BIT] = "7BIT",
	    [BODY_8BITMIME] = "8BITMIME",
	};
	struct submit *submit = &s->door->submit;
	const char *body = bodies[s->params.body];
	struct str rest = buf_str(&s->recipients), recipient;

	submit_record(submit, 'F', buf_str(&s->sender));
	if (body != NULL)
		submit_record(submit, 'B', str_of(body));
	if (!submit_client(s))
		return false;
	while (str_cut(&rest, '\0', &recipient))
		submit_record(submit, 'T', recipient);
	return true;
}

static void
log_accept(const struct session *s, const struct passage *p,
    const struct submit_result *result)
{
	char token[QUEUE_TOKEN_TEXT];
	struct log l;

	num_hex(token, result->token, QUEUE_TOKEN);
	session_log(s, &l, "accept");
	log_str(&l, "from", buf_str(&s->sender));
	log_number(&l, "rcpts", s->recipient_count);
	log_number(&l, "bytes", p->data.bytes);
	log_number(&l, "ino", result->ino);
	log_text(&l, "token", token);
	log_number(&l, "qp", result->pid);
	log_text(&l, "id", s->id);
	log_end(&l);
}

/* qmail's words, which scripts look for, and the message's number. */
static struct reply
accepted(struct session *s, const struct submit_result *result)
{
	int64_t now = clock_wall() / CLOCK_SECOND;

	s->accepted++;
	s->errors = s->junk = 0;
	buf_clear(&s->text);
	return session_text(s, 250,
	    buf_append_text(&s->text, "2.0.0 ok ") &&
		buf_append_number(&s->text, now < 0 ? 0 : (uint64_t)now) &&
		buf_append_text(&s->text, " qp ") &&
		buf_append_number(&s->text, result->pid) &&
		buf_append_text(&s->text, " id ") &&
		buf_append_number(&s->text, result->ino));
}

static struct reply
commit(struct session *s, const struct passage *p)
{
	struct submit_result result;

	if (!submit_envelope(s)) {
		submit_abort(&s->door->submit);
		return (struct reply){451, "4.3.0 out of memory"};
	}
	submit_commit(&s->door->submit, &result);
	if (result.code != QQ_OK)
		return queue_reply(s, result.text);
	log_accept(s, p, &result);
	return accepted(s, &result);
}

struct reply
receive_message(struct session *s)
{
	struct passage p = {
	    .limit = door_databytes(s->door), .began = clock_boot()};
	enum stream_result r = read_message(s, &p);
	struct reply reply = verdict(&p);

	s->stream.deadline = 0;
	if (r != STREAM_OK) {
		if (!p.dropped)
			submit_abort(&s->door->submit);
		reply = session_lost(s, r);
	} else if (reply.code == 0) {
		reply = commit(s, &p);
	} else if (!p.dropped) {
		submit_abort(&s->door->submit);
	}
	session_reset(s);
	return reply;
}
