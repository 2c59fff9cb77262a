/* popup: a verb is a row of a table; see popup.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/popup.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/num.h"
#include "lib/tls_channel.h"
#include "pop3d/capability.h"
#include "pop3d/client.h"
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

/* A password may come: nobody listens, or it does not matter. */
static bool
is_safe(const struct client *who)
{
	return who->p->plain || who->tls != NULL ||
	       ip_is_here(&who->c->remote, &who->c->local);
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
	struct buf sasl = {0};
	bool safe = is_safe(who);

	if (safe && !client_offer(who, &sasl))
		buf_clear(&sasl);
	capability_list(&who->writer, buf_str(&sasl),
	    (safe ? CAPABLE_USER : 0U) | (may_secure(who) ? CAPABLE_STLS : 0U));
	buf_free(&sasl);
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
void
client_forget(struct client *who, struct str secret)
{
	if (secret.len > 0)
		explicit_bzero(
		    who->storage + (secret.data - who->storage), secret.len);
}

static char
letter_of(struct client *who, enum mailbox_result r)
{
	switch (r) {
	case MAILBOX_WAITS:
	case MAILBOX_OPEN:
		who->waits = r == MAILBOX_WAITS;
		return 'K';
	case MAILBOX_STEP:
		return 'C';
	case MAILBOX_WRONG:
		return 'N';
	case MAILBOX_LATER:
		break;
	}
	return 'Z';
}

char
client_ask(struct client *who, enum login_how how, const struct checkpw *w,
    struct buf *user, struct buf *text)
{
	const struct connection *c = who->c;
	char ip[IP_SIZE], port[NUM_SIZE], server[IP_SIZE],
	    server_port[NUM_SIZE];
	struct login l = {.service = str_of("pop3"), .how = how, .who = *w};

	/* Answers to earlier commands do not wait for the password's. */
	if (!writer_flush(&who->writer))
		return 'Z';
	if (how == LOGIN_PASS || how == LOGIN_APOP)
		l.who.extra = str_of(who->stamp);
	ip_format(ip, &c->remote);
	ip_format(server, &c->local);
	l.client = str_of(ip);
	l.server = str_of(server);
	l.client_port = (struct str){port, num_format(port, c->remote_port)};
	l.server_port =
	    (struct str){server_port, num_format(server_port, c->local_port)};
	return letter_of(
	    who, mailbox_ask(who->p->login, &l, &who->mailbox, user, text));
}

struct reply
client_told(struct client *who, char letter)
{
	if (letter == 'K')
		return (struct reply){NULL, NEXT_MAILBOX};
	who->named = false;
	if (letter != 'N')
		return (struct reply){
		    "-ERR [SYS/TEMP] cannot check passwords now", NEXT_COMMAND};
	who->failures++;
	return (struct reply){"-ERR [AUTH] authorization failed",
	    who->failures < POPUP_FAILURES ? NEXT_COMMAND : NEXT_CLOSE};
}

static struct reply
log_in(struct client *who, enum login_how how, struct str password)
{
	const struct checkpw w = {
	    .user = str_of(who->user), .password = password, .extra = {"", 0}
        };
	char letter = client_ask(who, how, &w, NULL, NULL);

	client_forget(who, password);
	return client_told(who, letter);
}

static struct reply
do_pass(struct client *who, struct str argument)
{
	return log_in(who, LOGIN_PASS, argument);
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
	return log_in(who, LOGIN_APOP, digest);
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

/* Name, whether it wants a USER before it, whether it leads to a password that
 * nobody may hear, function. */
static const struct verb {
	const char *name;
	bool named, secret;
	struct reply (*run)(struct client *who, struct str argument);
} verbs[] = {
    {"CAPA", false, false, do_capa    },
    {"STLS", false, false, do_stls    },
    {"USER", false, true,  do_user    },
    {"PASS", true,  true,  do_pass    },
    {"APOP", false, false, do_apop    },
    {"AUTH", false, true,  client_auth},
    {"UTF8", false, false, do_utf8    },
    {"LANG", false, false, do_language},
    {"QUIT", false, false, do_quit    },
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
	if (v->secret && !is_safe(who))
		return (struct reply){"-ERR [AUTH] STLS first", NEXT_COMMAND};
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
