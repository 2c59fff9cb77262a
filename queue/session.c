/* session: frames in, messages to the disk, answers out; see session.h. */
#define _GNU_SOURCE /* ppoll */
#include "queue/session.h"

#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/log.h"
#include "lib/num.h"
#include "queue/answer.h"
#include "queue/draft.h"
#include "wire/envelope.h"
#include "wire/submit.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	INPUT = 1 << 17, /* bytes received at once */
	HURRY = 10,      /* seconds of silence once we shall end */
};

enum phase { PH_IDLE, PH_BODY, PH_ENVELOPE };

#define IN(phase) (1U << (phase))
#define ANY       (IN(PH_IDLE) | IN(PH_BODY) | IN(PH_ENVELOPE))

struct session {
	int fd;
	const struct terms *terms;
	struct hint *hint;
	enum phase phase;
	int code; /* enum queue_code: the message in hand is refused */
	const char *why;
	int64_t begun; /* boot clock: the message in hand */
	bool over;     /* the connection ends */
	bool deaf;     /* nothing more is let in from the other side */
	struct envelope_check check;
	size_t carried; /* bytes of a record whose rest is still to come */
	char carry[ENVELOPE_RECORD];
	size_t head_len; /* bytes of the frame's head that have come */
	unsigned char head[FRAME_HEAD];
	const struct verb *verb;
	size_t left; /* bytes of the frame still to come */
	struct draft draft;
	char input[INPUT];
};

/* One kind of frame. */
struct verb {
	char kind;
	unsigned phases; /* where it may come */
	enum phase next;
	void (*part)(struct session *s, struct str bytes);
	void (*end)(struct session *s);
};

static volatile sig_atomic_t stopping;

static void
stop(int sig)
{
	(void)sig;
	stopping = 1;
}

/* The first reason counts. */
static void
refuse(struct session *s, int code, const char *why)
{
	if (s->code != 0)
		return;
	s->code = code;
	s->why = why;
}

static void
begin(struct session *s)
{
	const struct settings *now = s->terms->settings;

	s->code = 0;
	s->why = "";
	s->check = (struct envelope_check){.trusted = s->terms->trusted};
	s->carried = 0;
	draft_begin(&s->draft, s->terms->peer.uid,
	    s->terms->uses_reserve ? 0 : atomic_load(&now->reserve));
	if (atomic_load(&now->unknown))
		refuse(s, QQ_CONFIG, "control files cannot be read");
}

static void
body_part(struct session *s, struct str bytes)
{
	if (s->code == 0)
		draft_body(&s->draft, bytes);
}

/* The sender of a bounce, and of a double bounce. */
static bool
is_notice(struct str record)
{
	return str_equal(record, str_of("F")) ||
	       str_equal(record, str_of("F#@[]"));
}

/* One record; its NUL follows it in memory. */
static void
record(struct session *s, struct str text)
{
	int code = envelope_accept(&s->check, text);

	if (s->terms->notices_use_it && is_notice(text))
		s->draft.reserve = 0;
	if (code != 0)
		refuse(s, code, "bad envelope record");
	else
		draft_envelope(
		    &s->draft, (struct str){text.data, text.len + 1});
}

/* Records come in pieces when they lie across two receives. */
static void
carry(struct session *s, struct str bytes)
{
	if (bytes.len > sizeof(s->carry) - s->carried) {
		refuse(s, QQ_ADDRESS_LONG, "long envelope record");
		return;
	}
	memcpy(s->carry + s->carried, bytes.data, bytes.len);
	s->carried += bytes.len;
}

static void
records_part(struct session *s, struct str bytes)
{
	while (bytes.len > 0 && s->code == 0) {
		size_t n = str_find(bytes, '\0');

		if (n == bytes.len) {
			carry(s, bytes);
			return;
		}
		if (s->carried == 0) {
			record(s, str_slice(bytes, 0, n));
		} else {
			carry(s, str_slice(bytes, 0, n + 1));
			if (s->code == 0)
				record(
				    s, (struct str){s->carry, s->carried - 1});
			s->carried = 0;
		}
		bytes = str_slice(bytes, n + 1, bytes.len);
	}
}

static void
records_end(struct session *s)
{
	if (s->carried > 0) /* whole records, wire/submit.h says */
		refuse(s, QQ_FORMAT, "part of an envelope record");
}

static void
no_part(struct session *s, struct str bytes)
{
	if (bytes.len > 0)
		refuse(s, QQ_FORMAT, "frame with a payload");
}

static void
nothing(struct session *s)
{
	(void)s;
}

static void
say_no(struct session *s)
{
	/* Who does not hear it is not there any more. */
	if (!answer_no(s->fd, s->code))
		s->over = true;
	if (s->draft.error != 0)
		s->why = strerror(s->draft.error);
	answer_log_refused(&s->terms->peer, s->code, s->why);
}

static void
log_unannounced(uint64_t ino)
{
	struct log l;
	const char *why = strerror(errno);

	log_begin(&l, "unannounced");
	log_number(&l, "ino", ino);
	log_text(&l, "why", why);
	log_end(&l);
}

/* W7, then W8. */
static void
announce(struct session *s)
{
	const struct draft *d = &s->draft;

	if (!hint_say(s->hint, d->slot.ino, d->head.token))
		log_unannounced(d->slot.ino);
	if (!answer_yes(s->fd, d->slot.ino, &d->head))
		s->over = true;
	answer_log_stored(
	    &s->terms->peer, d->slot.ino, &d->head, s->check.recipients);
}

static void
commit(struct session *s)
{
	if (s->check.recipients == 0)
		refuse(s, QQ_FORMAT, "no recipients");
	if (s->code == 0)
		s->code = draft_commit(&s->draft);
	if (s->code == 0)
		announce(s);
	else
		say_no(s);
	draft_drop(&s->draft);
	if (s->code == QQ_FORMAT)
		s->over = true;
}

static void
forget(struct session *s)
{
	draft_drop(&s->draft);
}

static const struct verb verbs[] = {
    {'M', IN(PH_IDLE) | IN(PH_BODY), PH_BODY,     body_part,    nothing    },
    {'E', ANY,		       PH_ENVELOPE, records_part, records_end},
    {'C', ANY,		       PH_IDLE,     no_part,      commit     },
    {'A', ANY,		       PH_IDLE,     no_part,      forget     },
};

static const struct verb *
verb_find(char kind)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].kind == kind)
			return &verbs[i];
	return NULL;
}

/* The bytes are no frames: what follows cannot be understood, either. */
static void
broken(struct session *s)
{
	refuse(s, QQ_FORMAT, "no frame");
	say_no(s);
	s->over = true;
}

static void
frame_begins(struct session *s)
{
	uint32_t length = num_get32(s->head);

	if (s->phase == PH_IDLE)
		begin(s);
	s->verb = verb_find((char)s->head[FRAME_HEAD - 1]);
	if (s->verb == NULL || length < 1 || length - 1 > FRAME_PAYLOAD_MAX) {
		broken(s);
		return;
	}
	if ((s->verb->phases & IN(s->phase)) == 0)
		refuse(s, QQ_FORMAT, "frame out of order");
	s->left = length - 1;
}

/* No part of a message is here. */
static bool
idle(const struct session *s)
{
	return s->phase == PH_IDLE && s->head_len == 0;
}

/* Take bytes from the front of *bytes for the head or the payload. */
static void
take(struct session *s, struct str *bytes)
{
	size_t n;

	if (s->head_len < FRAME_HEAD) {
		if (idle(s))
			s->begun = clock_boot();
		s->head[s->head_len++] = (unsigned char)bytes->data[0];
		n = 1;
		if (s->head_len == FRAME_HEAD)
			frame_begins(s);
	} else {
		n = bytes->len < s->left ? bytes->len : s->left;
		s->verb->part(s, str_slice(*bytes, 0, n));
		s->left -= n;
	}
	*bytes = str_slice(*bytes, n, bytes->len);
}

static void
feed(struct session *s, struct str bytes)
{
	while (bytes.len > 0 && !s->over) {
		take(s, &bytes);
		if (s->over || s->head_len < FRAME_HEAD || s->left > 0)
			continue;
		s->phase = s->verb->next;
		s->head_len = 0;
		s->verb->end(s);
	}
}

/* Between messages, when we shall end: what the other side has sent is still
 * taken; what it sends from now on fails there, and goes elsewhere. */
static void
deafen(struct session *s)
{
	if (stopping && idle(s) && !s->deaf) {
		(void)shutdown(s->fd, SHUT_RD);
		s->deaf = true;
	}
}

/* Seconds of silence that are borne now. */
static int64_t
patience(const struct session *s)
{
	int64_t left;

	if (idle(s))
		return SUBMIT_IDLE;
	left = QUEUE_DEATH - (clock_boot() - s->begun) / CLOCK_SECOND;
	if (stopping && left > HURRY)
		return HURRY;
	return left > SUBMIT_STALL ? SUBMIT_STALL : left;
}

/* 1: there is something to receive; 0: it took too long; -1: errno. */
static int
wait_for(const struct session *s, const sigset_t *mask)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	struct timespec limit = {.tv_sec = patience(s)};

	if (limit.tv_sec <= 0) /* it dribbles for a day */
		return 0;
	return ppoll(&p, 1, &limit, mask);
}

/* The next bytes.  False when the connection ends. */
static bool
receive(struct session *s, const sigset_t *mask, struct str *bytes)
{
	for (;;) {
		ssize_t n;
		int r;

		deafen(s);
		r = wait_for(s, mask);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			answer_log_ended(&s->terms->peer,
			    r == 0 ? "too slow" : strerror(errno));
			return false;
		}
		n = recv(s->fd, s->input, sizeof(s->input), MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		*bytes = (struct str){s->input, n > 0 ? (size_t)n : 0};
		return n > 0;
	}
}

static void
serve(struct session *s)
{
	struct str bytes;
	sigset_t mask;

	if (sigprocmask(SIG_BLOCK, NULL, &mask) != 0)
		return;
	sigdelset(&mask, SIGTERM);
	while (!s->over && receive(s, &mask, &bytes))
		feed(s, bytes);
}

bool
session_run(
    int fd, const struct terms *terms, struct place *place, struct hint *hint)
{
	const struct timeval stuck = {.tv_sec = SUBMIT_ANSWER};
	struct sigaction act = {.sa_handler = stop};
	struct session *s;

	if (sigaction(SIGTERM, &act, NULL) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stuck, sizeof(stuck)) != 0)
		return false;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return false;
	s->fd = fd;
	s->terms = terms;
	s->hint = hint;
	draft_init(&s->draft, place);
	serve(s);
	draft_drop(&s->draft);
	free(s);
	return true;
}
