/* transaction: MAIL, RCPT and the message; see transaction.h. */
#include "remote/transaction.h"

#include "remote/command.h"
#include "remote/sending.h"
#include <string.h>

enum {
	/* Bytes of commands that wait for their replies: they fit into any
	 * socket's buffer, so that neither end waits for the other to read
	 * (RFC 2920, 3.1). */
	WINDOW = 8192,
	COMMANDS = JOB_RECIPIENTS + 3
};

enum kind { RSET, MAIL, RCPT, DATA };

struct run {
	struct session *s;
	struct parcel *p;
	const struct teller *teller;
	struct outcome *o;
	bool utf8;     /* this transaction needs SMTPUTF8 */
	uint8_t fault; /* the worst that was told */
	uint32_t accepted;
	uint32_t list[JOB_RECIPIENTS], count; /* whom it is for */
	/* The commands of the group, and how many were sent and answered. */
	struct command {
		enum kind kind;
		uint32_t recipient;
		size_t bytes;
	} commands[COMMANDS];
	size_t total, sent, heard, in_flight;
	bool goes; /* DATA was answered by 354 */
	bool over; /* nothing more is sent; result is what it comes to */
	enum transaction_result result;
};

static void
tell(struct run *t, struct addressee *a, const struct outcome *o)
{
	if (o->fault > t->fault)
		t->fault = o->fault;
	a->state = ADDRESSEE_DONE;
	t->teller->tell(t->teller->context, a, o);
}

/* The same for all who have no result. */
static enum transaction_result
final(struct run *t, enum outcome_id id)
{
	outcome_say(t->o, id, t->s->host);
	return TRANSACTION_FINAL;
}

static void
end_run(struct run *t, enum transaction_result result)
{
	if (!t->over)
		t->result = result;
	t->over = true;
	t->total = t->sent;
}

/* The connection broke, or ends by 421, and nothing was taken. */
static void
lose(struct run *t, enum outcome_id id)
{
	t->s->broken = true;
	if (t->over)
		return;
	if (t->s->reply.code == 0)
		outcome_say(t->o, OUTCOME_DIED, t->s->host);
	else
		outcome_reply(t->o, id, t->s->host, &t->s->reply);
	/* RSET refused: that is said of the connection. */
	if (t->o->letter == 'D') {
		t->o->letter = 'Z';
		t->o->status[0] = '4';
	}
	t->o->fault = JOB_SLOW;
	end_run(t, TRANSACTION_NEXT);
}

/* The host had enough to say it of those that it had accepted.  Others, whom it
 * takes no more than one by one for, still wait and may be treated otherwise,
 * unless it is the host that is in trouble. */
static enum transaction_result
refused(struct run *t, enum outcome_id id)
{
	outcome_reply(t->o, id, t->s->host, &t->s->reply);
	if (t->o->fault != JOB_SERVED ||
	    parcel_count(t->p, ADDRESSEE_WAITING) == 0)
		return TRANSACTION_FINAL;
	for (uint32_t i = 0; i < t->count; i++)
		if (t->p->to[t->list[i]].state == ADDRESSEE_ACCEPTED)
			tell(t, &t->p->to[t->list[i]], t->o);
	return TRANSACTION_DONE;
}

/* What SMTP or this host cannot say of single recipients is told. */
static void
sort_out(struct run *t)
{
	bool can = offer_has(&t->s->offers, OFFER_SMTPUTF8);
	struct outcome o;

	for (uint32_t i = 0; i < t->p->count; i++) {
		struct addressee *a = &t->p->to[i];

		if (a->state != ADDRESSEE_WAITING ||
		    (a->path.len > 0 && (!a->wide || can)))
			continue;
		outcome_say(&o,
		    a->path.len == 0 ? OUTCOME_BAD_RECIPIENT : OUTCOME_UTF8,
		    t->s->host);
		tell(t, a, &o);
	}
}

static void
choose(struct run *t)
{
	uint64_t most = t->s->offers.recipients;

	for (uint32_t i = 0; i < t->p->count; i++) {
		const struct addressee *a = &t->p->to[i];

		if (a->state != ADDRESSEE_WAITING ||
		    (most > 0 && t->count == most))
			continue;
		t->list[t->count++] = i;
		t->utf8 |= a->wide;
	}
}

/* The message as this host can have it. */
static enum transaction_result
fit(struct run *t)
{
	const struct offers *offers = &t->s->offers;
	struct outgoing *m = &t->p->outgoing;
	bool convert = m->eight && !offer_has(offers, OFFER_8BITMIME);

	if (convert != m->converted) {
		switch (outgoing_measure(m, convert)) {
		case OUTGOING_CANNOT:
			return final(t, OUTCOME_EIGHT);
		case OUTGOING_ERROR:
			return final(t, OUTCOME_READ);
		case OUTGOING_OK:
		case OUTGOING_END:
			break;
		}
	}
	if (offers->size > 0 && m->octets > offers->size)
		return final(t, OUTCOME_TOO_BIG);
	return TRANSACTION_DONE;
}

/* Nothing is begun that is known not to end. */
static enum transaction_result
prepare(struct run *t)
{
	const struct parcel *p = t->p;
	struct stream *stream = &t->s->stream;

	t->utf8 = p->sender_wide || (p->utf8 && p->outgoing.eight_header);
	if (t->utf8 && !offer_has(&t->s->offers, OFFER_SMTPUTF8))
		return final(t, OUTCOME_UTF8);
	/* RFC 8689, 4.2.1 */
	if (p->requiretls &&
	    (stream->tls == NULL || !tls_trusted(stream->tls) ||
		!offer_has(&t->s->offers, OFFER_REQUIRETLS)))
		return final(t, OUTCOME_REQUIRETLS);
	sort_out(t);
	choose(t);
	return fit(t);
}

static void
add(struct run *t, enum kind kind, uint32_t recipient)
{
	t->commands[t->total++] =
	    (struct command){.kind = kind, .recipient = recipient};
}

static bool
pipelines(const struct run *t)
{
	return offer_has(&t->s->offers, OFFER_PIPELINING);
}

static bool
chunks(const struct run *t)
{
	return offer_has(&t->s->offers, OFFER_CHUNKING);
}

static void
plan(struct run *t)
{
	if (t->s->began)
		add(t, RSET, 0);
	add(t, MAIL, 0);
	for (uint32_t i = 0; i < t->count; i++)
		add(t, RCPT, t->list[i]);
	/* DATA ends a group (RFC 2920, 3.1). */
	if (pipelines(t) && !chunks(t))
		add(t, DATA, 0);
}

static bool
append_command(struct run *t, const struct command *c, struct buf *out)
{
	switch (c->kind) {
	case RSET:
		return buf_append_text(out, "RSET\r\n");
	case MAIL:
		return command_mail(out, t->p, &t->s->offers, t->utf8);
	case RCPT:
		return command_rcpt(
		    out, &t->p->to[c->recipient], &t->s->offers, t->utf8);
	case DATA:
		break;
	}
	return buf_append_text(out, "DATA\r\n");
}

/* Send what may be sent before the next reply. */
static bool
send_some(struct run *t)
{
	if (t->sent == t->heard && !session_is_quiet(t->s))
		return false;
	while (
	    t->sent < t->total &&
	    (t->sent == t->heard || (pipelines(t) && t->in_flight < WINDOW))) {
		struct command *c = &t->commands[t->sent];
		struct buf out = {.max = COMMAND_MAX};
		bool ok = append_command(t, c, &out);

		if (ok)
			session_put(t->s, buf_str(&out));
		c->bytes = out.len;
		buf_free(&out);
		if (!ok) {
			(void) final(t, OUTCOME_MEMORY);
			t->s->broken = true;
			end_run(t, TRANSACTION_FINAL);
			return false;
		}
		t->in_flight += c->bytes;
		t->sent++;
	}
	return session_flush(t->s);
}

/* "Too many recipients", as 452 or, of old, 552: the others come in a further
 * transaction (RFC 5321, 4.5.3.1.10).  A full mailbox has a status of its own. */
static bool
too_many(const struct run *t)
{
	const struct reply *r = &t->s->reply;

	return (r->code == 452 || r->code == 552) && t->accepted > 0 &&
	       (r->status[0] == '\0' || strcmp(r->status + 1, ".5.3") == 0);
}

static void
hear_rcpt(struct run *t, struct addressee *a)
{
	struct reply *r = &t->s->reply;
	struct outcome o;

	if (reply_class(r) == 2) {
		a->state = ADDRESSEE_ACCEPTED;
		t->accepted++;
		return;
	}
	if (t->over || too_many(t))
		return;
	outcome_reply(&o, OUTCOME_RECIPIENT, t->s->host, r);
	/* The first of a transaction cannot be too many, whatever it says. */
	if (r->code == 552 && r->status[0] == '\0') {
		o.letter = 'Z';
		(void)str_copy(o.status, sizeof(o.status), str_of("4.5.3"));
	}
	tell(t, a, &o);
}

static void
hear_mail(struct run *t)
{
	if (reply_class(&t->s->reply) == 2)
		return;
	outcome_reply(t->o, OUTCOME_SENDER, t->s->host, &t->s->reply);
	end_run(t, TRANSACTION_FINAL);
}

static void
hear_data(struct run *t)
{
	t->goes = reply_class(&t->s->reply) == 3;
	if (t->goes || t->accepted == 0 || t->over)
		return;
	end_run(t, refused(t, OUTCOME_DATA));
}

static void
hear_one(struct run *t)
{
	static const enum outcome_id ids[] = {[RSET] = OUTCOME_SENDER,
	    [MAIL] = OUTCOME_SENDER,
	    [RCPT] = OUTCOME_RECIPIENT,
	    [DATA] = OUTCOME_DATA};
	const struct command *c = &t->commands[t->heard];

	if (!session_reply(t->s) || t->s->reply.code == 421 ||
	    (c->kind == RSET && reply_class(&t->s->reply) != 2)) {
		lose(t, ids[c->kind]);
		t->heard = t->total;
		return;
	}
	t->heard++;
	t->in_flight -= c->bytes;
	if (c->kind == MAIL)
		hear_mail(t);
	else if (c->kind == RCPT)
		hear_rcpt(t, &t->p->to[c->recipient]);
	else if (c->kind == DATA)
		hear_data(t);
}

static void
exchange(struct run *t)
{
	t->s->began = true;
	t->s->transactions++;
	while (t->heard < t->total) {
		if (!send_some(t)) {
			t->s->reply.code = 0;
			lose(t, OUTCOME_SENDER);
			return;
		}
		hear_one(t);
	}
}

/* A 354 with nobody to send to: an empty message (RFC 2920, 3.1), whatever
 * becomes of it; but whom the host has accepted would get that. */
static void
cancel(struct run *t)
{
	if (t->accepted > 0 || !session_command(t->s, "."))
		t->s->broken = true;
	t->s->began = false;
}

/* By LMTP there is a reply for each recipient (RFC 2033, 4.2), the first of
 * which has been read. */
static enum transaction_result
hear_each(struct run *t)
{
	bool first = true;
	struct outcome o;

	for (uint32_t i = 0; i < t->count; i++) {
		struct addressee *a = &t->p->to[t->list[i]];
		struct reply *r = &t->s->reply;

		if (a->state != ADDRESSEE_ACCEPTED)
			continue;
		if (!first && (t->s->broken || !session_reply(t->s)))
			outcome_say(&o, OUTCOME_DUPLICATE, t->s->host);
		else
			outcome_reply(&o,
			    reply_class(r) == 2 ? OUTCOME_ACCEPTED
						: OUTCOME_AFTER,
			    t->s->host, r);
		first = false;
		tell(t, a, &o);
		*t->o = o;
	}
	t->s->began = false;
	return TRANSACTION_DONE;
}

static enum transaction_result
hear_all(struct run *t)
{
	struct reply *r = &t->s->reply;

	t->s->began = false;
	if (r->code == 421) {
		lose(t, OUTCOME_AFTER);
		return t->result;
	}
	if (reply_class(r) != 2)
		return refused(t, OUTCOME_AFTER);
	outcome_reply(t->o, OUTCOME_ACCEPTED, t->s->host, r);
	for (uint32_t i = 0; i < t->count; i++)
		if (t->p->to[t->list[i]].state == ADDRESSEE_ACCEPTED)
			t->p->to[t->list[i]].state = ADDRESSEE_TAKEN;
	return TRANSACTION_DONE;
}

static enum transaction_result
send_message(struct run *t)
{
	struct outgoing *m = &t->p->outgoing;

	switch (chunks(t) ? sending_bdat(t->s, m) : sending_data(t->s, m)) {
	case SENDING_SENT:
		return t->s->lmtp ? hear_each(t) : hear_all(t);
	case SENDING_REFUSED:
		if (t->s->reply.code == 421)
			break;
		return refused(t, OUTCOME_AFTER);
	case SENDING_DUPLICATE:
		return final(t, OUTCOME_DUPLICATE);
	case SENDING_UNREADABLE:
		return final(t, OUTCOME_READ);
	case SENDING_LOST:
		break;
	}
	lose(t, OUTCOME_AFTER);
	return t->result;
}

static enum transaction_result
finish(struct run *t)
{
	if (t->goes && (t->over || t->accepted == 0) && !t->s->broken)
		cancel(t);
	if (t->over)
		return t->result;
	if (t->accepted == 0)
		return TRANSACTION_DONE;
	if (!chunks(t) && !pipelines(t)) {
		if (!session_command(t->s, "DATA") || t->s->reply.code == 421)
			lose(t, OUTCOME_DATA);
		else
			hear_data(t);
		if (t->over)
			return t->result;
	}
	return send_message(t);
}

/* Whoever was accepted by a host that is lost waits again. */
static void
put_back(struct run *t)
{
	for (uint32_t i = 0; i < t->p->count; i++)
		if (t->p->to[i].state == ADDRESSEE_ACCEPTED)
			t->p->to[i].state = ADDRESSEE_WAITING;
}

enum transaction_result
transaction_run(struct session *s, struct parcel *p,
    const struct teller *teller, struct outcome *o)
{
	struct run t = {.s = s, .p = p, .teller = teller, .o = o};
	enum transaction_result r;

	outcome_say(o, OUTCOME_BUSY, s->host);
	r = prepare(&t);
	if (r == TRANSACTION_DONE && t.count > 0) {
		plan(&t);
		exchange(&t);
		r = finish(&t);
	}
	if (r == TRANSACTION_NEXT)
		put_back(&t);
	if (t.fault > o->fault)
		o->fault = t.fault;
	return r;
}
