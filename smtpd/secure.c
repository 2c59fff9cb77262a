/* secure: TLS with a client; see secure.h. */
#include "smtpd/secure.h"

#include "lib/clock.h"
#include "lib/tls.h"
#include "lib/tls_server.h"

static const struct reply silence = {0, NULL};

/* What a client may be offered.  It is asked again only when the certificates
 * would be: without culver-keyd mail costs nothing by this. */
static enum tls_answer
ready(struct door *d)
{
	int64_t now = clock_boot();

	if (d->tls == NULL || d->caller)
		return TLS_ANSWER_NONE;
	if (d->tls_asked == 0 ||
	    now >= d->tls_asked + (int64_t)TLS_FRESH_SECONDS * CLOCK_SECOND) {
		d->tls_answer = tls_server_ready(d->tls);
		d->tls_asked = now;
	}
	return d->tls_answer;
}

bool
secure_offer(const struct session *s, struct buf *b)
{
	if (s->tls != NULL || ready(s->door) == TLS_ANSWER_NONE)
		return true;
	return buf_append_text(b, "\nSTARTTLS");
}

/* One word for the log. */
static void
log_word(struct log *l, const char *key, char text[TLS_WHY])
{
	for (size_t i = 0; text[i] != '\0'; i++)
		if (text[i] == ' ')
			text[i] = '_';
	log_text(l, key, text);
}

static void
log_failure(const struct session *s, char why[TLS_WHY])
{
	struct log l;

	session_log(s, &l, "tls-failed");
	log_word(&l, "reason", why);
	log_end(&l);
}

static void
log_success(const struct session *s)
{
	struct log l;
	char text[TLS_WHY];

	(void)str_copy(text, sizeof(text), str_of(s->cipher));
	session_log(s, &l, "tls");
	log_word(&l, "cipher", text);
	log_text(&l, "resumed", tls_resumed(s->tls) ? "yes" : "no");
	log_end(&l);
}

/* Within the time of one command. */
static bool
shake(struct session *s)
{
	char why[TLS_WHY];
	int64_t most = (int64_t)STREAM_COMMAND_SECONDS * CLOCK_SECOND;
	int64_t patience = (int64_t)s->stream.timeout_ms * 1000;

	if (s->door->tls == NULL)
		return false;
	if (tls_accept(&s->tls, s->door->tls, s->stream.input.fd,
		clock_boot() + (patience < most ? patience : most),
		why) != TLS_OK) {
		log_failure(s, why);
		return false;
	}
	stream_secure(&s->stream, s->tls);
	tls_describe_session(s->tls, s->cipher);
	log_success(s);
	return true;
}

bool
secure_begin(struct session *s)
{
	if (shake(s))
		return true;
	s->closing = "tls";
	return false;
}

/* RFC 3207, 4.2: nothing that was said before holds. */
static void
begin_again(struct session *s)
{
	s->phase = PH_NEW;
	s->esmtp = false;
	s->command = (struct str){NULL, 0};
	buf_clear(&s->helo);
	session_reset(s);
}

struct reply
do_starttls(struct session *s, struct str none)
{
	struct writer *w = &s->stream.writer;

	(void)none;
	if (s->tls != NULL)
		return (struct reply){503, "5.5.1 TLS is on already"};
	/* What it said of itself would have to be forgotten, rules and all. */
	if (s->user.len > 0)
		return (struct reply){503, "5.5.1 TLS comes before AUTH"};
	if (ready(s->door) != TLS_ANSWER_OK)
		return (struct reply){454, "4.7.0 TLS not available"};
	writer_text(w, "220 2.0.0 ready to start TLS\r\n");
	if (!writer_flush(w)) {
		s->closing = "lost";
		return silence;
	}
	if (secure_begin(s))
		begin_again(s);
	return silence;
}

void
secure_end(struct session *s)
{
	if (s->tls == NULL)
		return;
	tls_close(s->tls, true);
	s->tls = NULL;
	stream_open(&s->stream, s->peer->in_fd, s->peer->out_fd,
	    s->stream.timeout_ms / 1000);
}
