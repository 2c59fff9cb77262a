/* session: one connection to a host; see session.h. */
#include "remote/session.h"

#include "lib/clock.h"
#include "lib/num.h"
#include "remote/auth.h"
#include <stdio.h>
#include <string.h>

enum { QUIT_PATIENCE = CLOCK_SECOND };

void
session_init(struct session *s)
{
	stream_open(&s->stream, -1);
	s->broken = true;
}

static int64_t
deadline(const struct session *s)
{
	int64_t end = clock_boot() + s->timeout;

	return end < s->limit ? end : s->limit;
}

void
session_put(struct session *s, struct str piece)
{
	if (stream_write(&s->stream, piece.data, piece.len, deadline(s)) !=
	    STREAM_OK)
		s->broken = true;
}

void
session_put_text(struct session *s, const char *piece)
{
	session_put(s, str_of(piece));
}

void
session_put_number(struct session *s, uint64_t n)
{
	char text[NUM_SIZE];

	(void)num_format(text, n);
	session_put_text(s, text);
}

bool
session_flush(struct session *s)
{
	if (!s->broken && stream_flush(&s->stream, deadline(s)) != STREAM_OK)
		s->broken = true;
	return !s->broken;
}

static bool
read_reply(struct session *s, reply_line *line, void *context)
{
	if (reply_read(&s->stream, deadline(s), &s->reply, line, context) !=
	    REPLY_OK)
		s->broken = true;
	return s->reply.code != 0;
}

bool
session_reply(struct session *s)
{
	return read_reply(s, NULL, NULL);
}

bool
session_is_quiet(struct session *s)
{
	bool known = s->quiet;

	s->quiet = false;
	s->broken = s->broken || !(known || stream_alive(&s->stream));
	return !s->broken;
}

bool
session_command(struct session *s, const char *command)
{
	if (session_is_quiet(s)) {
		session_put_text(s, command);
		session_put_text(s, "\r\n");
		if (session_flush(s))
			return session_reply(s);
	}
	s->reply.code = 0;
	return false;
}

/* What came instead of a 2yz. */
static enum session_result
fail(struct session *s, enum outcome_id id, struct outcome *o)
{
	if (s->broken)
		outcome_say(o, OUTCOME_DIED, s->host);
	else
		outcome_reply(o, id, s->host, &s->reply);
	if (s->broken)
		o->fault = JOB_SLOW;
	return SESSION_NEXT;
}

static enum session_result
greet(struct session *s, struct outcome *o)
{
	if (!session_reply(s) || reply_class(&s->reply) != 2)
		return fail(s, OUTCOME_GREETING, o);
	return SESSION_OK;
}

struct hello {
	struct offers *offers;
	bool first;
};

static void
hear_offer(void *context, struct str line)
{
	struct hello *h = context;

	if (!h->first)
		offer_line(h->offers, line);
	h->first = false;
}

/* A host that does not know EHLO is asked by HELO (RFC 5321, 3.2); all that was
 * offered before TLS is forgotten (RFC 3207, 4.2). */
static enum session_result
hello(struct session *s, const struct session_plan *plan, struct outcome *o)
{
	struct hello h = {&s->offers, true};
	char command[512];

	s->offers = (struct offers){.bits = 0};
	(void)snprintf(command, sizeof(command), "%s %s\r\n",
	    s->lmtp ? "LHLO" : "EHLO", plan->helo);
	session_put_text(s, command);
	if (!session_flush(s) || !read_reply(s, hear_offer, &h))
		return fail(s, OUTCOME_NAME, o);
	if (reply_class(&s->reply) == 2)
		return SESSION_OK;
	s->offers = (struct offers){.bits = 0};
	if (reply_class(&s->reply) != 5 || s->lmtp)
		return fail(s, OUTCOME_NAME, o);
	(void)snprintf(command, sizeof(command), "HELO %s", plan->helo);
	if (!session_command(s, command) || reply_class(&s->reply) != 2)
		return fail(s, OUTCOME_NAME, o);
	return SESSION_OK;
}

/* The policy's own words. */
static enum session_result
refuse(const struct policy *p, struct outcome *o)
{
	struct refusal why;

	policy_refusal(p, &why);
	outcome_set(o, why.letter, why.status, why.text);
	o->fault = JOB_DEAD;
	o->apart = true;
	return SESSION_NEXT;
}

static enum session_result
handshake(struct session *s, const struct session_plan *plan, struct outcome *o)
{
	struct policy *p = plan->policy;
	enum tls_fault fault, verdict = TLS_OK;
	char why[TLS_WHY] = "";

	fault = stream_start_tls(
	    &s->stream, plan->context, &p->wish, deadline(s), why);
	if (fault == TLS_OK)
		verdict = tls_verdict(s->stream.tls);
	if (policy_shaken(p, fault, verdict, why))
		return SESSION_OK;
	s->broken = fault != TLS_OK;
	(void)refuse(p, o);
	/* Bytes put before the handshake are an attack on it, which would have
	 * it easier in the clear. */
	if (!plan->implicit && fault != TLS_INJECTED && policy_clear(p))
		return SESSION_AGAIN;
	return SESSION_NEXT;
}

/* It offers TLS, and was asked for it. */
static bool
granted(struct session *s)
{
	return offer_has(&s->offers, OFFER_STARTTLS) &&
	       session_command(s, "STARTTLS") && reply_class(&s->reply) == 2;
}

static enum session_result
start_tls(struct session *s, const struct session_plan *plan, struct outcome *o)
{
	enum session_result r;

	if (plan->implicit || plan->policy->level == POLICY_NONE)
		return SESSION_OK;
	if (!granted(s)) {
		if (s->broken || s->reply.code == 421)
			return fail(s, OUTCOME_TLS, o);
		return policy_stripped(plan->policy) ? SESSION_OK
						     : refuse(plan->policy, o);
	}
	r = handshake(s, plan, o);
	return r == SESSION_OK ? hello(s, plan, o) : r;
}

static enum session_result
log_in(struct session *s, const struct session_plan *plan, struct outcome *o)
{
	if (plan->user.len == 0)
		return SESSION_OK;
	switch (auth_run(s, plan->user, plan->password)) {
	case AUTH_OK:
		return SESSION_OK;
	case AUTH_REFUSED:
		if (s->broken || s->reply.code == 421)
			return fail(s, OUTCOME_AUTH, o);
		outcome_reply(o, OUTCOME_AUTH, s->host, &s->reply);
		break;
	case AUTH_IMPOSSIBLE:
		outcome_say(o, OUTCOME_NO_AUTH, s->host);
		break;
	}
	o->fault = JOB_DEAD;
	return SESSION_FINAL;
}

static enum session_result
begin(struct session *s, const struct session_plan *plan, struct outcome *o)
{
	enum session_result r = SESSION_OK;

	if (plan->implicit)
		r = handshake(s, plan, o);
	if (r == SESSION_OK)
		r = greet(s, o);
	if (r == SESSION_OK)
		r = hello(s, plan, o);
	if (r == SESSION_OK)
		r = start_tls(s, plan, o);
	return r == SESSION_OK ? log_in(s, plan, o) : r;
}

static bool
is_loopback(const struct ip *a)
{
	static const struct ip four =
				   {
				       {[10] = 0xff, 0xff, 127}
        },
			       six = {{[15] = 1}};

	return ip_within(a, &four, 104) || ip_equal(a, &six);
}

enum session_result
session_open(struct session *s, int fd, const struct ip *host,
    const struct session_plan *plan, struct outcome *o)
{
	enum session_result r;

	stream_open(&s->stream, fd);
	ip_format(s->host, host);
	s->lmtp = plan->lmtp;
	s->local = is_loopback(host);
	s->broken = s->began = s->quiet = false;
	s->timeout = plan->timeout_seconds * INT64_C(1000000);
	stream_patience(&s->stream, s->timeout);
	s->transactions = 0;
	s->offers = (struct offers){.bits = 0};
	r = begin(s, plan, o);
	if (r != SESSION_OK)
		session_quit(s);
	return r;
}

bool
session_usable(struct session *s)
{
	s->quiet = !s->broken && stream_alive(&s->stream) &&
		   (s->offers.transactions == 0 ||
		       s->transactions < s->offers.transactions);
	return s->quiet;
}

/* Nothing hangs on the answer. */
void
session_quit(struct session *s)
{
	if (!s->broken) {
		s->timeout = QUIT_PATIENCE;
		session_put_text(s, "QUIT\r\n");
		s->broken = !session_flush(s);
	}
	stream_close(&s->stream, !s->broken);
	s->broken = true;
}
