/* popup: a verb is a row of a table; see popup.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/popup.h"

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/num.h"
#include "lib/tls_channel.h"
#include "pop3d/capability.h"
#include "pop3d/command.h"
#include "pop3d/language.h"
#include "pop3d/mailbox.h"
#include "pop3d/relay.h"
#include "pop3d/secure.h"
#include "pop3d/stamp.h"
#include "wire/handover.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	DIGEST_LEN = 32,   /* of APOP, hexadecimal digits */
	REFUSE_SECONDS = 5 /* to write one line to a client */
};

/* One client.  Until it is logged in, reading also ends at a fixed time, so
 * that a client which dribbles does not stay for ever. */
struct client {
	const struct popup *p;
	const struct connection *c;
	struct channel in, out;
	struct tls *tls;        /* what in and out go through; NULL: nothing */
	struct channel hurried; /* in, until deadline */
	int64_t deadline;       /* on the boot clock */
	struct reader reader;
	struct writer writer;
	char stamp[STAMP_SIZE];
	char user[COMMAND_MAX];
	bool named;
	const char *why; /* STLS has ended the connection; NULL: it has not */
	unsigned failures, errors;
	int mailbox;
	bool waits; /* for us to be given to it */
	uint64_t sent;
	char storage[COMMAND_STORAGE], answers[COMMAND_STORAGE];
};

/* What a verb answers; an answer with -ERR is counted.  NULL: none yet. */
struct reply {
	const char *text;
	enum { NEXT_COMMAND, NEXT_CLOSE, NEXT_MAILBOX } next;
};

static ssize_t
hurried_read(struct channel *h, void *data, size_t size)
{
	struct client *who = h->context;
	int64_t left = (who->deadline - clock_boot()) / (CLOCK_SECOND / 1000);

	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (left < who->in.timeout_ms)
		who->in.timeout_ms = (int)left;
	return who->in.read(&who->in, data, size);
}

static bool
may_secure(const struct client *who)
{
	return who->tls == NULL && who->p->tls != NULL &&
	       tls_server_ready(who->p->tls) == TLS_ANSWER_OK;
}

/* AUTH may come: nobody listens, or it does not matter. */
static bool
may_log_in(const struct client *who)
{
	return who->p->sasl || who->tls != NULL;
}

/* Nothing that was said before holds.  False when the connection is over. */
static bool
secure(struct client *who)
{
	who->named = false;
	who->user[0] = '\0';
	who->tls = who->p->tls == NULL
		       ? NULL
		       : secure_begin(who->p->tls, who->c, &who->in, &who->out,
			     who->deadline);
	return who->tls != NULL;
}

/* RFC 2595, 4.  What stands behind it in the clear was written by somebody who
 * did not see the answer. */
static struct reply
do_stls(struct client *who, struct str argument)
{
	if (argument.len > 0)
		return (struct reply){"-ERR STLS alone", NEXT_COMMAND};
	if (who->tls != NULL)
		return (struct reply){"-ERR TLS is on already", NEXT_COMMAND};
	if (reader_pending(&who->reader) || fd_wait_read(who->c->in_fd, 0)) {
		who->why = "pipelining";
		return (struct reply){"-ERR improper pipelining", NEXT_CLOSE};
	}
	if (!may_secure(who))
		return (struct reply){
		    "-ERR [SYS/TEMP] TLS not available", NEXT_COMMAND};
	writer_text(&who->writer, "+OK begin TLS\r\n");
	if (writer_flush(&who->writer) && secure(who))
		return (struct reply){NULL, NEXT_COMMAND};
	who->why = "tls";
	return (struct reply){NULL, NEXT_CLOSE};
}

static struct reply
do_capa(struct client *who, struct str argument UNUSED)
{
	capability_list(
	    &who->writer, (may_log_in(who) ? CAPABLE_SASL : 0U) |
			      (may_secure(who) ? CAPABLE_STLS : 0U));
	return (struct reply){NULL, NEXT_COMMAND};
}

static struct reply
do_quit(struct client *who UNUSED, struct str argument UNUSED)
{
	return (struct reply){"+OK", NEXT_CLOSE};
}

/* Whether there is such a user is not for a client to learn. */
static struct reply
do_user(struct client *who, struct str argument)
{
	who->named = argument.len > 0 &&
		     str_copy(who->user, sizeof(who->user), argument);
	if (!who->named)
		return (struct reply){"-ERR whose mailbox?", NEXT_COMMAND};
	return (struct reply){"+OK", NEXT_COMMAND};
}

/* The password is still in the reader's storage, which lives on. */
static void
forget(struct client *who, struct str password)
{
	if (password.len > 0)
		explicit_bzero(who->storage + (password.data - who->storage),
		    password.len);
}

/* Have who->user's password, or what APOP says in its place, checked. */
static enum mailbox_result
ask(struct client *who, struct str password, bool apop)
{
	const struct connection *c = who->c;
	char ip[IP_SIZE], port[NUM_SIZE], server[IP_SIZE],
	    server_port[NUM_SIZE];
	struct login l = {
	    .service = str_of("pop3"),
	    .how = apop ? LOGIN_APOP : LOGIN_PASS,
	    .who = {str_of(who->user), password, str_of(who->stamp)},
	};
	enum mailbox_result r;

	ip_format(ip, &c->remote);
	ip_format(server, &c->local);
	l.client = str_of(ip);
	l.server = str_of(server);
	l.client_port = (struct str){port, num_format(port, c->remote_port)};
	l.server_port =
	    (struct str){server_port, num_format(server_port, c->local_port)};
	r = mailbox_ask(who->p->login, &l, &who->mailbox);
	forget(who, password);
	return r;
}

static struct reply
log_in(struct client *who, struct str password, bool apop)
{
	/* Answers to earlier commands do not wait for the password's. */
	if (!writer_flush(&who->writer))
		return (struct reply){NULL, NEXT_CLOSE};
	switch (ask(who, password, apop)) {
	case MAILBOX_WAITS:
		who->waits = true;
		return (struct reply){NULL, NEXT_MAILBOX};
	case MAILBOX_OPEN:
		return (struct reply){NULL, NEXT_MAILBOX};
	case MAILBOX_LATER:
		who->named = false;
		return (struct reply){
		    "-ERR [SYS/TEMP] cannot check passwords now", NEXT_COMMAND};
	case MAILBOX_WRONG:
		break;
	}
	who->named = false;
	who->failures++;
	return (struct reply){"-ERR [AUTH] authorization failed",
	    who->failures < POPUP_FAILURES ? NEXT_COMMAND : NEXT_CLOSE};
}

static struct reply
do_pass(struct client *who, struct str argument)
{
	return log_in(who, argument, false);
}

static bool
is_digest(struct str s)
{
	static const struct str digits = {"0123456789abcdef", 16};

	for (size_t i = 0; i < s.len; i++)
		if (str_find(digits, s.data[i]) == digits.len)
			return false;
	return s.len == DIGEST_LEN;
}

static struct reply
do_apop(struct client *who, struct str argument)
{
	size_t blank = str_rfind(argument, ' ');
	struct str user = str_slice(argument, 0, blank);
	struct str digest = str_slice(argument, blank + 1, argument.len);

	if (!who->p->apop || who->stamp[0] == '\0')
		return (struct reply){"-ERR no such command", NEXT_COMMAND};
	if (user.len == 0 || !is_digest(digest) ||
	    !str_copy(who->user, sizeof(who->user), user))
		return (struct reply){
		    "-ERR whose mailbox, and what digest?", NEXT_COMMAND};
	return log_in(who, digest, true);
}

/* The client's next line; false, and *r is the answer, when it is none. */
static bool
hear(struct client *who, struct str *line, struct reply *r)
{
	*r = (struct reply){NULL, NEXT_CLOSE};
	switch (command_next(&who->reader, &who->writer, line)) {
	case COMMAND_OK:
		break;
	case COMMAND_LONG:
		*r = (struct reply){"-ERR line too long", NEXT_COMMAND};
		return false;
	case COMMAND_END:
	case COMMAND_TIMEOUT:
	case COMMAND_UNHEARD:
		return false;
	}
	*r = (struct reply){"-ERR cancelled", NEXT_COMMAND};
	return !str_equal(*line, str_of("*"));
}

/* What the line says, in its place: it is never longer, and wiped with it. */
static bool
decode(struct client *who, struct str *line)
{
	struct buf b = {.max = COMMAND_MAX};
	char *place = who->storage + (line->data - who->storage);
	bool ok = buf_reserve(&b, COMMAND_MAX) && base64_decode(&b, *line);

	if (ok && b.len > 0)
		memcpy(place, b.data, b.len);
	line->len = b.len;
	if (b.data != NULL)
		explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return ok;
}

/* What the client answers to challenge, decoded; "=" in front is nothing. */
static bool
take_answer(struct client *who, const char *challenge, struct str *answer,
    struct reply *r)
{
	bool initial = answer->len > 0;

	if (!initial) {
		writer_text(&who->writer, challenge);
		if (!hear(who, answer, r))
			return false;
	}
	if (initial && str_equal(*answer, str_of("=")))
		answer->len = 0;
	*r = (struct reply){"-ERR malformed base64", NEXT_COMMAND};
	return decode(who, answer);
}

static struct reply
name_and_log_in(struct client *who, struct str user, struct str password)
{
	who->named = user.len > 0 && str_find(user, '\0') == user.len &&
		     str_copy(who->user, sizeof(who->user), user);
	if (!who->named || str_find(password, '\0') < password.len)
		return (struct reply){"-ERR malformed message", NEXT_COMMAND};
	return log_in(who, password, false);
}

/* RFC 4616, 2 */
static struct reply
sasl_plain(struct client *who, struct str answer)
{
	struct reply r;
	struct str authzid, user;
	size_t a, b;

	if (!take_answer(who, "+ \r\n", &answer, &r))
		return r;
	a = str_find(answer, '\0');
	authzid = str_slice(answer, 0, a);
	answer = str_slice(answer, a + 1, answer.len);
	b = str_find(answer, '\0');
	user = str_slice(answer, 0, b);
	if (b == answer.len)
		return (struct reply){"-ERR malformed message", NEXT_COMMAND};
	if (authzid.len > 0 && !str_equal_nocase(authzid, user))
		return (struct reply){
		    "-ERR [AUTH] authorization failed", NEXT_COMMAND};
	return name_and_log_in(who, user, str_slice(answer, b + 1, answer.len));
}

static struct reply
sasl_login(struct client *who, struct str answer)
{
	char user[COMMAND_MAX];
	size_t len;
	struct str password = {NULL, 0};
	struct reply r;

	if (!take_answer(who, "+ VXNlcm5hbWU6\r\n", &answer, &r))
		return r;
	len = answer.len;
	memcpy(user, answer.data, len);
	if (!take_answer(who, "+ UGFzc3dvcmQ6\r\n", &password, &r))
		return r;
	return name_and_log_in(who, (struct str){user, len}, password);
}

/* RFC 5034 */
static struct reply
do_auth(struct client *who, struct str argument)
{
	struct str mechanism = {NULL, 0};

	if (!may_log_in(who))
		return (struct reply){"-ERR no such command", NEXT_COMMAND};
	(void)str_cut(&argument, ' ', &mechanism);
	if (str_equal_nocase(mechanism, str_of("PLAIN")))
		return sasl_plain(who, argument);
	if (str_equal_nocase(mechanism, str_of("LOGIN")))
		return sasl_login(who, argument);
	return (struct reply){"-ERR no such mechanism", NEXT_COMMAND};
}

/* RFC 6856, 2: names and passwords were bytes before, and messages are sent
 * as they are in either mode. */
static struct reply
do_utf8(struct client *who UNUSED, struct str argument)
{
	if (argument.len > 0)
		return (struct reply){"-ERR UTF8 alone", NEXT_COMMAND};
	return (struct reply){"+OK", NEXT_COMMAND};
}

static struct reply
do_language(struct client *who, struct str argument)
{
	return (struct reply){
	    language_answer(&who->writer, argument), NEXT_COMMAND};
}

/* Name, whether it wants a USER before it, function. */
static const struct verb {
	const char *name;
	bool named;
	struct reply (*run)(struct client *who, struct str argument);
} verbs[] = {
    {"CAPA", false, do_capa    },
    {"STLS", false, do_stls    },
    {"USER", false, do_user    },
    {"PASS", true,  do_pass    },
    {"APOP", false, do_apop    },
    {"AUTH", false, do_auth    },
    {"UTF8", false, do_utf8    },
    {"LANG", false, do_language},
    {"QUIT", false, do_quit    },
};

static const struct verb *
find_verb(struct str name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_equal_nocase(name, str_of(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

/* All behind the first blank is the argument: passwords have blanks. */
static struct reply
obey(struct client *who, struct str line)
{
	struct str name = {NULL, 0};
	const struct verb *v = NULL;

	if (str_cut(&line, ' ', &name))
		v = find_verb(name);
	if (v == NULL)
		return (struct reply){"-ERR no such command", NEXT_COMMAND};
	if (v->named && !who->named)
		return (struct reply){"-ERR USER first", NEXT_COMMAND};
	return v->run(who, line);
}

static void
say(struct client *who, const char *text)
{
	writer_text(&who->writer, text);
	writer_text(&who->writer, "\r\n");
	if (text[0] == '-')
		who->errors++;
}

/* Commands up to the login, or the word for the log that says how it ended. */
static const char *
authorize(struct client *who)
{
	struct reply reply = {NULL, NEXT_COMMAND};

	while (reply.next == NEXT_COMMAND) {
		struct str line = {NULL, 0};
		enum command_result r =
		    command_next(&who->reader, &who->writer, &line);

		if (r == COMMAND_TIMEOUT)
			return "timeout";
		if (r == COMMAND_END || r == COMMAND_UNHEARD)
			return "left";
		reply =
		    r == COMMAND_OK
			? obey(who, line)
			: (struct reply){"-ERR command too long", NEXT_COMMAND};
		if (reply.text != NULL)
			say(who, reply.text);
		if (who->errors >= POPUP_ERRORS)
			return "errors";
	}
	if (reply.next == NEXT_MAILBOX)
		return NULL;
	if (who->why != NULL)
		return who->why;
	return who->failures >= POPUP_FAILURES ? "failures" : "quit";
}

static const char *
pass_bytes(struct client *who)
{
	static const char *const words[] = {[RELAY_DONE] = "done",
	    [RELAY_LEFT] = "left",
	    [RELAY_TIMEOUT] = "timeout",
	    [RELAY_SILENT] = "silent"};
	struct relay r = {.in = &who->reader,
	    .out = &who->out,
	    .tls = who->tls,
	    .mailbox = who->mailbox,
	    .idle_ms = who->out.timeout_ms};
	enum relay_end end;

	channel_open(&who->in, who->in.fd, who->p->timeout_seconds);
	if (who->tls != NULL)
		tls_channel(&who->in, who->tls);
	who->reader.channel = &who->in;
	end = relay_run(&r);
	who->sent = r.sent;
	if (end == RELAY_SILENT)
		say(who, "-ERR [SYS/TEMP] cannot open the mailbox now");
	return words[end];
}

/* Where it can be, the client itself, so that its messages are not copied
 * twice; else only who it is. */
static bool
give(struct client *who, bool all)
{
	struct reader *in = &who->reader;
	char ip[IP_SIZE];
	struct handover_client c = {
	    .fd = all ? who->c->in_fd : -1,
	    .seconds = all ? (uint64_t)who->p->timeout_seconds : 0,
	    .said = {in->data + in->pos, all ? in->end - in->pos : 0}
        };

	ip_format(ip, &who->c->remote);
	c.address = str_of(ip);
	return handover_give(who->mailbox, &c);
}

static const char *
pass_on(struct client *who)
{
	bool all = who->c->in_fd == who->c->out_fd && who->tls == NULL;
	char how[HANDOVER_WORD];

	if (!who->waits)
		return pass_bytes(who);
	if (!give(who, all)) {
		say(who, "-ERR [SYS/TEMP] cannot open the mailbox now");
		return "silent";
	}
	if (!all)
		return pass_bytes(who);
	if (!handover_hear(who->mailbox, how, &who->sent))
		return "broken";
	if (strcmp(how, "quit") == 0)
		return "done";
	return strcmp(how, "timeout") == 0 ? "timeout" : "left";
}

/* Some clients insist on APOP where they see a stamp, so it is shown only where
 * it was asked for (RFC 1939, 7). */
static void
greet(struct client *who)
{
	stamp_make(who->stamp, who->p->me);
	writer_text(&who->writer, "+OK ");
	writer_str(
	    &who->writer, who->p->apop ? str_of(who->stamp) : who->p->me);
	writer_text(&who->writer, "\r\n");
}

static void
note(const struct client *who, const char *how)
{
	char ip[IP_SIZE];
	struct log l;

	ip_format(ip, &who->c->remote);
	log_begin(&l, "end");
	log_text(&l, "ip", ip);
	if (who->user[0] != '\0')
		log_text(&l, "user", who->user);
	log_text(&l, "how", how);
	log_number(&l, "errors", who->errors);
	log_number(&l, "sent", who->sent);
	log_end(&l);
}

void
popup_serve(const struct popup *p, const struct connection *c)
{
	struct client who = {.p = p, .c = c, .mailbox = -1};
	const char *how;

	channel_open(&who.in, c->in_fd, p->timeout_seconds);
	channel_open(&who.out, c->out_fd, p->timeout_seconds);
	who.hurried = (struct channel){
	    .fd = c->in_fd, .context = &who, .read = hurried_read};
	who.deadline =
	    clock_boot() + (int64_t)p->timeout_seconds * CLOCK_SECOND;
	reader_open(
	    &who.reader, &who.hurried, who.storage, sizeof(who.storage));
	writer_open(&who.writer, &who.out, who.answers, sizeof(who.answers));
	how = p->secure && !secure(&who) ? "tls" : NULL;
	if (how == NULL) {
		greet(&who);
		how = authorize(&who);
	}
	if (how == NULL)
		how = pass_on(&who);
	fd_close(&who.mailbox);
	if (!writer_flush(&who.writer))
		how = "left";
	tls_close(who.tls, true);
	note(&who, how);
	explicit_bzero(who.storage, sizeof(who.storage));
}

void
popup_refuse(const struct connection *c)
{
	static const char text[] = "-ERR [SYS/TEMP] cannot serve you now\r\n";
	struct channel out;
	struct writer w;
	char storage[sizeof(text)];

	channel_open(&out, c->out_fd, REFUSE_SECONDS);
	writer_open(&w, &out, storage, sizeof(storage));
	writer_text(&w, text);
	if (!writer_flush(&w))
		errno = 0; /* it has gone: nobody is left to tell */
}
