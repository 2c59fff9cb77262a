/* session: one SMTP client, from the greeting to its end; see session.h. */
#include "smtpd/session.h"

#include "smtpd/auth.h"
#include "smtpd/receive.h"
#include "smtpd/secure.h"
#include "smtpd/verbs.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELO_MAX = 1024, USER_MAX = 512, TEXT_MAX = 4096 };

static const struct reply silence = {0, NULL};

struct session *
session_new(struct door *door)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->door = door;
	s->helo.max = HELO_MAX;
	s->user.max = USER_MAX;
	s->path.max = s->sender.max = s->text.max = TEXT_MAX;
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	buf_free(&s->helo);
	auth_forget(s);
	sasl_free(&s->auth.sasl);
	buf_free(&s->user);
	buf_free(&s->sender);
	buf_free(&s->recipients);
	submission_free(&s->submission);
	buf_free(&s->path);
	buf_free(&s->text);
	free(s);
}

void
session_reset(struct session *s)
{
	passage_forget(s);
	buf_clear(&s->sender);
	buf_clear(&s->recipients);
	s->recipient_count = 0;
	s->recipients_refused = false;
	s->over = s->again = false;
	s->params = (struct params){.size = 0};
	if (s->phase != PH_NEW)
		s->phase = PH_GREETED;
}

void
session_log(const struct session *s, struct log *l, const char *event)
{
	char ip[IP_SIZE];

	ip_format(ip, &s->peer->remote);
	log_begin(l, event);
	log_text(l, "ip", ip);
	if (s->helo.len > 0)
		log_str(l, "helo", buf_str(&s->helo));
	if (s->user.len > 0)
		log_str(l, "user", buf_str(&s->user));
}

struct reply
session_text(struct session *s, int code, bool ok)
{
	if (!ok || !buf_terminate(&s->text))
		return (struct reply){451, "4.3.0 out of memory"};
	return (struct reply){code, s->text.data};
}

struct reply
session_lost(struct session *s, enum stream_result r)
{
	switch (r) {
	case STREAM_TIMEOUT:
		s->closing = "timeout";
		return (struct reply){421, "4.4.2 timeout, closing"};
	case STREAM_FOREIGN:
		s->closing = "foreign";
		return (struct reply){554, "5.5.0 this is an SMTP server"};
	case STREAM_END:
		s->closing = "closed";
		return silence;
	case STREAM_ERROR:
		s->closing = "lost";
		return silence;
	case STREAM_LONG:
		return (struct reply){500, "5.5.2 line too long"};
	case STREAM_BARE:
		return (struct reply){500, "5.5.2 line ended by a bare LF"};
	case STREAM_CONTROL:
		return (struct reply){501, "5.5.2 control character in line"};
	case STREAM_OK:
		break;
	}
	return silence;
}

/* The log escapes blanks; words are easier to read with something else. */
static void
log_reason(struct log *l, const char *text)
{
	char reason[128];
	size_t n = 0;

	for (; n < sizeof(reason) && text[n] != '\0'; n++)
		reason[n] = (char)(text[n] == ' ' ? '_' : text[n]);
	log_str(l, "reason", (struct str){reason, n});
}

static void
log_refusal(const struct session *s, struct reply r)
{
	struct log l;

	session_log(s, &l, "refuse");
	if (s->phase != PH_NEW && s->phase != PH_GREETED)
		log_str(&l, "from", buf_str(&s->sender));
	if (s->command.len > 0)
		log_str(&l, "command", s->command);
	log_number(&l, "code", (uint64_t)r.code);
	log_reason(&l, r.text);
	log_end(&l);
}

/* Write a reply, line by line (RFC 5321, 4.2.1). */
static void
say(struct session *s, struct reply r)
{
	struct writer *w = &s->stream.writer;
	struct str rest = str_of(r.text), line;

	do {
		if (!str_cut(&rest, '\n', &line))
			line = rest; /* of no words, as a challenge may be */
		writer_number(w, (uint64_t)r.code);
		writer_text(w, rest.len > 0 ? "-" : " ");
		writer_str(w, line);
		writer_text(w, "\r\n");
	} while (rest.len > 0);
}

static void
give_up(struct session *s, const char *why, const char *text)
{
	say(s, (struct reply){421, text});
	s->closing = why;
}

/* RFC 2033, 4.2: what became of a message is said once for each recipient. */
static uint64_t
replies(const struct session *s)
{
	bool each = s->lmtp && s->over && s->closing == NULL;

	return each ? s->recipient_count : 1;
}

/* Say r and keep count; a client that only errs is shown the door. */
static void
answer(struct session *s, struct reply r)
{
	if (r.code == 0)
		return;
	if (r.code >= 400 && ++s->refused <= SESSION_LOGGED)
		log_refusal(s, r);
	if (r.code >= 500 && !s->again)
		s->errors++;
	s->again = false;
	for (uint64_t n = replies(s); n > 0; n--)
		say(s, r);
	if (s->closing != NULL)
		return;
	if (s->errors >= SESSION_ERRORS)
		give_up(s, "errors", "4.7.0 too many errors, closing");
	else if (s->junk >= SESSION_JUNK)
		give_up(s, "junk", "4.7.0 too many useless commands, closing");
}

static struct reply
next_command(struct session *s)
{
	struct str line;
	enum stream_result r;

	s->command = (struct str){NULL, 0};
	r = stream_line(&s->stream, &line);
	if (r == STREAM_LONG || r == STREAM_BARE || r == STREAM_CONTROL)
		return verbs_broken(s, line, session_lost(s, r));
	if (r != STREAM_OK)
		return session_lost(s, r);
	s->command = line;
	return verbs_run(s, line);
}

static struct reply
next(struct session *s)
{
	if (s->phase == PH_DATA)
		return receive_message(s);
	return s->phase == PH_AUTH ? auth_line(s) : next_command(s);
}

/* One reply, and what follows from it. */
static void
turn(struct session *s)
{
	answer(s, next(s));
	if (s->over)
		session_reset(s);
}

/* A client that talks before it is greeted does not speak SMTP. */
struct reply
session_greeting(struct session *s)
{
	struct str words = control_line(s->door->controls, C_smtpgreeting);

	s->stream.ahead = s->door->caller;
	if (stream_early(&s->stream)) {
		s->closing = "early";
		return (struct reply){554, "5.5.0 improper pipelining"};
	}
	if (words.len == 0)
		words = door_me(s->door);
	buf_clear(&s->text);
	return session_text(s, 220,
	    buf_append_str(&s->text, words) &&
		buf_append_text(&s->text, s->lmtp ? " LMTP" : " ESMTP"));
}

static void
begin(struct session *s, const struct connection *peer)
{
	int seconds = (int)control_number(s->door->controls, C_timeoutsmtpd);

	stream_open(&s->stream, peer->in_fd, peer->out_fd, seconds);
	s->peer = peer;
	s->pid = (long)getpid();
	s->phase = PH_NEW;
	s->esmtp = false;
	s->tls = NULL;
	s->closing = NULL;
	s->command = (struct str){NULL, 0};
	s->errors = s->junk = 0;
	s->unknown = 0;
	s->accepted = s->refused = 0;
	buf_clear(&s->helo);
	buf_clear(&s->user);
	s->auth.failures = 0;
	s->auth.heard = false;
	auth_forget(s);
	session_reset(s);
}

static void
log_connect(const struct session *s)
{
	struct log l;

	session_log(s, &l, "connect");
	log_number(&l, "port", s->peer->remote_port);
	if (s->door->host.len > 0)
		log_str(&l, "host", s->door->host);
	if (s->door->info.len > 0)
		log_str(&l, "info", s->door->info);
	log_end(&l);
}

static void
log_disconnect(const struct session *s)
{
	struct log l;

	session_log(s, &l, "disconnect");
	log_text(&l, "why", s->closing);
	log_number(&l, "accepted", s->accepted);
	log_number(&l, "refused", s->refused);
	log_end(&l);
}

void
session_serve(struct session *s, const struct connection *peer)
{
	begin(s, peer);
	log_connect(s);
	if (!s->secure || secure_begin(s))
		answer(s, session_greeting(s));
	while (s->closing == NULL)
		turn(s);
	passage_forget(s);
	if (!writer_flush(&s->stream.writer)) {
		s->closing = "lost";
		tls_close(s->tls, false);
	} else {
		secure_end(s);
		if (stream_early(&s->stream))
			stream_linger(&s->stream);
	}
	/* The next client of this process is another. */
	if (s->auth.heard)
		stream_forget(&s->stream);
	log_disconnect(s);
}
