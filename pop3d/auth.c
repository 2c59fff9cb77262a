/* auth: AUTH of POP3 (RFC 5034); see client.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "lib/base64.h"
#include "lib/fd.h"
#include "pop3d/client.h"
#include "wire/sasl.h"
#include <errno.h>
#include <string.h>

static const struct reply malformed = {"-ERR malformed message", NEXT_COMMAND};
static const struct reply not_base64 = {"-ERR malformed base64", NEXT_COMMAND};

static char
ask(void *client, enum login_how how, const struct checkpw *who,
    struct buf *user, struct buf *text)
{
	return client_ask(client, how, who, user, text);
}

/* Asking is all that changes a client. */
static struct sasl_door
door_of(const struct client *who, struct client *asking)
{
	return (struct sasl_door){.context = asking,
	    .ask = ask,
	    .me = who->p->me,
	    .tls = who->tls,
	    .offered = who->p->mechanisms};
}

bool
client_offer(const struct client *who, struct buf *b)
{
	const struct sasl_door d = door_of(who, NULL);

	return sasl_offer(&d, b);
}

/* One exchange. */
struct talk {
	struct client *who;
	struct sasl_door door;
	struct sasl sasl;
	struct reply end; /* where it is over, and what is said then */
};

/* It ends so; who has begun it may have failed by that. */
static bool
stop(struct talk *t, struct reply r)
{
	struct client *who = t->who;

	if (sasl_counts(&t->sasl) && ++who->failures >= POPUP_FAILURES)
		r.next = NEXT_CLOSE;
	t->end = r;
	return false;
}

/* The client's next line; false when it is the end. */
static bool
hear(struct talk *t, struct str *line)
{
	struct client *who = t->who;

	switch (command_answer(&who->reader, &who->writer, line)) {
	case COMMAND_OK:
		break;
	case COMMAND_LONG:
		return stop(
		    t, (struct reply){"-ERR line too long", NEXT_COMMAND});
	case COMMAND_END:
	case COMMAND_TIMEOUT:
	case COMMAND_UNHEARD:
		return stop(t, (struct reply){NULL, NEXT_CLOSE});
	}
	if (str_equal(*line, str_of("*")))
		return stop(t, (struct reply){"-ERR cancelled", NEXT_COMMAND});
	return true;
}

static bool
say(struct talk *t)
{
	struct writer *w = &t->who->writer;
	struct buf text = {0};
	bool ok = base64_encode(&text, buf_str(&t->sasl.challenge));

	writer_text(w, "+ ");
	writer_str(w, buf_str(&text));
	writer_text(w, "\r\n");
	buf_free(&text);
	return ok || stop(t, client_told(t->who, 'Z'));
}

/* What r means; true: the exchange goes on, and its challenge is said. */
static bool
judge(struct talk *t, enum sasl_result r)
{
	struct client *who = t->who;

	switch (r) {
	case SASL_CHALLENGE:
		return say(t);
	case SASL_RIGHT:
		t->end = client_told(who, 'K');
		(void)str_copy(
		    who->user, sizeof(who->user), buf_str(&t->sasl.user));
		return false;
	case SASL_WRONG:
		t->end = client_told(who, 'N');
		return false;
	case SASL_MALFORMED:
		return stop(t, malformed);
	case SASL_LATER:
		break;
	}
	t->end = client_told(who, 'Z');
	return false;
}

/* One message, in base64, which is wiped. */
static bool
step(struct talk *t, struct str line)
{
	struct buf message = {.max = COMMAND_ANSWER};
	bool on;

	if (!buf_reserve(&message, COMMAND_ANSWER))
		on = judge(t, SASL_LATER);
	else if (base64_decode(&message, line))
		on = judge(t, sasl_step(&t->sasl, &t->door, buf_str(&message)));
	else
		on = errno == EINVAL ? stop(t, not_base64)
				     : judge(t, SASL_LATER);
	if (message.data != NULL)
		explicit_bzero(message.data, message.cap);
	buf_free(&message);
	client_forget(t->who, line);
	return on;
}

static void
run(struct talk *t, const struct sasl_mechanism *m, struct str initial)
{
	bool on;

	if (initial.len == 0) {
		on = judge(t, sasl_begin(&t->sasl, &t->door, m));
	} else if (sasl_server_first(m)) {
		on = stop(t, malformed);
	} else {
		sasl_choose(&t->sasl, m);
		if (str_equal(initial, str_of("=")))
			initial.len = 0;
		on = step(t, initial);
	}
	while (on) {
		struct str line = {NULL, 0};

		on = hear(t, &line) && step(t, line);
	}
}

struct reply
client_auth(struct client *who, struct str argument)
{
	struct talk t = {.who = who, .door = door_of(who, who)};
	const struct sasl_mechanism *m;
	struct str name = {NULL, 0};

	(void)str_cut(&argument, ' ', &name);
	m = sasl_find(&t.door, name);
	if (m == NULL)
		return (struct reply){"-ERR no such mechanism", NEXT_COMMAND};
	run(&t, m, argument);
	/* A mailbox is nobody's who has not come to the end. */
	if (t.end.next != NEXT_MAILBOX)
		fd_close(&who->mailbox);
	sasl_free(&t.sasl);
	return t.end;
}
