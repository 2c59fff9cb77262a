/* auth: an exchange of lines of base64; see auth.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/auth.h"

#include "lib/base64.h"
#include "smtpd/mechanism.h"
#include <errno.h>
#include <string.h>

static const struct reply malformed = {501, "5.5.2 malformed base64"};
static const struct reply no_memory = {451, "4.3.0 out of memory"};

static void
wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

void
auth_forget(struct session *s)
{
	wipe(&s->auth.said);
	wipe(&s->auth.given);
	s->auth.how = NULL;
	s->auth.proven = false;
}

/* Where others may listen, only if control/plainauth says so. */
static bool
is_safe(const struct session *s)
{
	return s->tls || control_number(s->door->controls, C_plainauth) == 1;
}

static struct str
wanted(const struct session *s)
{
	return control_line(s->door->controls, C_authmechanisms);
}

/* Words between blanks; false when there is no more. */
static bool
next_word(struct str *rest, struct str *word)
{
	*rest = str_trim(*rest);
	return str_cut(rest, ' ', word);
}

bool
auth_words_ok(struct str words)
{
	struct str word;

	while (next_word(&words, &word))
		if (mechanism_find(word) == NULL)
			return false;
	return true;
}

/* The mechanism of that name, if it is offered. */
static const struct mechanism *
find(const struct session *s, struct str name)
{
	const struct mechanism *m = mechanism_find(name);
	struct str words = wanted(s), word;

	if (m == NULL || (m->bound && s->binding.len == 0))
		return NULL;
	while (next_word(&words, &word))
		if (mechanism_find(word) == m)
			return m;
	return NULL;
}

bool
auth_offer(const struct session *s, struct buf *b)
{
	struct str words = wanted(s), word;
	bool ok = true, any = false;

	if (!is_safe(s) || s->door->caller || s->user.len > 0)
		return true;
	while (ok && next_word(&words, &word)) {
		if (find(s, word) == NULL)
			continue;
		ok = buf_append_text(b, any ? " " : "\nAUTH ") &&
		     buf_append_str(b, word);
		any = true;
	}
	return ok;
}

/* A challenge, until a step says something else. */
static struct reply
finish(struct session *s, struct reply r)
{
	if (r.code == AUTH_CONTINUE) {
		s->phase = PH_AUTH;
		return r;
	}
	s->phase = PH_GREETED;
	auth_forget(s);
	explicit_bzero(s->stream.line, sizeof(s->stream.line));
	return r;
}

/* One message of the client, decoded. */
static struct reply
step(struct session *s, struct str text)
{
	struct buf message = {.max = STREAM_LONGEST};
	struct reply r = malformed;

	if (!buf_reserve(&message, STREAM_LONGEST))
		return no_memory;
	if (base64_decode(&message, text))
		r = s->auth.how->step(s, buf_str(&message));
	else if (errno != EINVAL)
		r = no_memory;
	wipe(&message);
	buf_free(&message);
	return r;
}

/* The first step, with the initial response where there is one. */
static struct reply
start(struct session *s, struct str initial)
{
	const struct mechanism *m = s->auth.how;

	if (initial.len > 0 && m->server_first)
		return (struct reply){501, "5.7.0 this mechanism begins here"};
	if (str_equal(initial, str_of("=")))
		return m->step(s, (struct str){"", 0});
	if (initial.len > 0)
		return step(s, initial);
	return m->begin(s);
}

struct reply
do_auth(struct session *s, struct str argument)
{
	struct str name = {NULL, 0};

	s->auth.heard = true;
	if (s->user.len > 0)
		return (struct reply){503, "5.5.1 already authenticated"};
	if (!is_safe(s))
		return (struct reply){
		    538, "5.7.11 encryption required for AUTH"};
	(void)next_word(&argument, &name);
	argument = str_trim(argument);
	if (str_find(argument, ' ') < argument.len)
		return (struct reply){501, "5.5.4 syntax: AUTH mechanism "
					   "[base64]"};
	auth_forget(s);
	s->auth.how = s->door->caller ? NULL : find(s, name);
	if (s->auth.how == NULL)
		return (struct reply){504, "5.5.4 mechanism not offered"};
	return finish(s, start(s, argument));
}

static struct reply
read_line(struct session *s, struct str *line)
{
	enum stream_result r;

	s->command = str_of("AUTH");
	s->stream.coded = true;
	r = stream_line(&s->stream, line);
	s->stream.coded = false;
	if (r == STREAM_LONG)
		return (struct reply){500, "5.5.6 line too long"};
	return r == STREAM_OK ? (struct reply){0, NULL} : session_lost(s, r);
}

struct reply
auth_line(struct session *s)
{
	struct str line = {NULL, 0};
	struct reply r = read_line(s, &line);

	if (s->closing != NULL)
		return r;
	if (r.code == 0 && str_equal(line, str_of("*")))
		r = (struct reply){501, "5.7.0 authentication cancelled"};
	if (r.code == 0)
		r = step(s, line);
	return finish(s, r);
}

/* control/senderlogin: the sender or its @domain, and who may use it. */
static enum found
may_use(const struct session *s, struct str sender)
{
	size_t at = str_rfind(sender, '@');
	struct str keys[] = {sender, str_slice(sender, at, sender.len)};
	struct str users, one;

	if (str_equal_nocase(sender, buf_str(&s->user)))
		return FOUND_YES;
	for (size_t i = 0; i < 2; i++) {
		enum found found = control_find(
		    s->door->controls, C_senderlogin, keys[i], &users);

		if (found == FOUND_ERROR)
			return FOUND_ERROR;
		while (found == FOUND_YES && str_cut(&users, ',', &one))
			if (str_equal_nocase(str_trim(one), buf_str(&s->user)))
				return FOUND_YES;
	}
	return FOUND_NO;
}

/* What may_use says, to the client. */
static struct reply
answer_of(enum found found)
{
	switch (found) {
	case FOUND_YES:
		return (struct reply){0, NULL};
	case FOUND_NO:
		return (struct reply){
		    553, "5.7.1 this sender is not yours to use"};
	case FOUND_ERROR:
		break;
	}
	return (struct reply){451, "4.3.0 unable to look your senders up"};
}

/* The null path is nobody's: notices of a user's program go out by it. */
static struct reply
check_sender(const struct session *s, const struct address *a)
{
	struct buf sender = {.max = ADDRESS_MAX};
	struct reply r = no_memory;

	if (s->user.len == 0 || a->local.len == 0 ||
	    control_number(s->door->controls, C_forceauthfrom) == 0)
		return (struct reply){0, NULL};
	if (buf_append_str(&sender, a->local) &&
	    buf_append_byte(&sender, '@') && buf_append_str(&sender, a->domain))
		r = answer_of(may_use(s, buf_str(&sender)));
	buf_free(&sender);
	return r;
}

struct reply
auth_mail(const struct session *s, const struct address *a)
{
	if (s->door->wants_auth && s->user.len == 0)
		return (struct reply){530, "5.7.0 authentication required"};
	return check_sender(s, a);
}
