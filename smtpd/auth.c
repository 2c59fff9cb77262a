/* auth: an exchange of lines of base64; see auth.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/auth.h"

#include "lib/base64.h"
#include "smtpd/credential.h"
#include <errno.h>
#include <string.h>

static const struct reply malformed = {501, "5.5.2 malformed base64"};
static const struct reply no_memory = {451, "4.3.0 out of memory"};
static const struct reply cancelled = {501, "5.7.0 authentication cancelled"};

enum { CONTINUE = 334 };

void
auth_forget(struct session *s)
{
	sasl_forget(&s->auth.sasl);
}

static char
ask(void *session, enum login_how how, const struct checkpw *who,
    struct buf *user, struct buf *text)
{
	return credential_ask(session, how, who, user, text);
}

/* What s has for mechanisms.  Asking is all that changes it. */
static struct sasl_door
door_of(const struct session *s, struct session *asking)
{
	return (struct sasl_door){.context = asking,
	    .ask = ask,
	    .me =
		s->door->checkpw < 0 ? door_me(s->door) : s->door->checkpw_host,
	    .tls = s->tls,
	    .offered = control_line(s->door->controls, C_authmechanisms)};
}

/* Where others may listen, only if control/plainauth says so. */
static bool
is_safe(const struct session *s)
{
	return s->tls || control_number(s->door->controls, C_plainauth) == 1;
}

bool
auth_offer(const struct session *s, struct buf *b)
{
	const struct sasl_door d = door_of(s, NULL);
	size_t before = b->len, named;
	bool ok;

	if (!is_safe(s) || s->door->caller || s->user.len > 0)
		return true;
	if (!buf_append_text(b, "\nAUTH "))
		return false;
	named = b->len;
	ok = sasl_offer(&d, b);
	if (!ok || b->len == named)
		b->len = before;
	return ok;
}

/* The same words, whatever it was. */
static struct reply
fail(struct session *s)
{
	if (++s->auth.failures < AUTH_FAILURES)
		return (struct reply){535, "5.7.8 authentication failed"};
	s->closing = "auth";
	return (struct reply){421, "4.7.0 authentication failed too often"};
}

/* Who has begun, and says r instead of going on, may have failed by that. */
static struct reply
stop(struct session *s, struct reply r)
{
	if (!sasl_counts(&s->auth.sasl) || ++s->auth.failures < AUTH_FAILURES)
		return r;
	s->closing = "auth";
	return (struct reply){421, "4.7.0 authentication failed too often"};
}

/* He may relay now. */
static struct reply
admit(struct session *s)
{
	buf_clear(&s->user);
	if (!buf_append_str(&s->user, buf_str(&s->auth.sasl.user)))
		return no_memory;
	if (s->door->relayclient.data == NULL)
		s->door->relayclient = (struct str){"", 0};
	return (struct reply){235, "2.7.0 ok"};
}

static struct reply
answer(struct session *s, enum sasl_result r)
{
	switch (r) {
	case SASL_CHALLENGE:
		buf_clear(&s->text);
		return session_text(s, CONTINUE,
		    base64_encode(&s->text, buf_str(&s->auth.sasl.challenge)));
	case SASL_RIGHT:
		return admit(s);
	case SASL_WRONG:
		return fail(s);
	case SASL_MALFORMED:
		return stop(s, (struct reply){501, "5.5.2 malformed message"});
	case SASL_LATER:
		break;
	}
	return (struct reply){454, "4.7.0 sorry, I cannot check passwords now"};
}

/* A challenge, until a step says something else. */
static struct reply
finish(struct session *s, struct reply r)
{
	if (r.code == CONTINUE) {
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
	const struct sasl_door d = door_of(s, s);
	struct reply r = no_memory;

	if (!buf_reserve(&message, STREAM_LONGEST))
		return no_memory;
	if (base64_decode(&message, text))
		r = answer(s, sasl_step(&s->auth.sasl, &d, buf_str(&message)));
	else if (errno == EINVAL)
		r = stop(s, malformed);
	explicit_bzero(message.data, message.cap);
	buf_free(&message);
	return r;
}

/* The first step, with the initial response where there is one. */
static struct reply
start(struct session *s, const struct sasl_mechanism *m, struct str initial)
{
	const struct sasl_door d = door_of(s, s);

	if (initial.len == 0)
		return answer(s, sasl_begin(&s->auth.sasl, &d, m));
	if (sasl_server_first(m))
		return (struct reply){501, "5.7.0 this mechanism begins here"};
	sasl_choose(&s->auth.sasl, m);
	if (str_equal(initial, str_of("=")))
		initial.len = 0;
	return step(s, initial);
}

struct reply
do_auth(struct session *s, struct str argument)
{
	const struct sasl_door d = door_of(s, s);
	const struct sasl_mechanism *m;
	struct str name = {NULL, 0};

	if (s->user.len > 0)
		return (struct reply){503, "5.5.1 already authenticated"};
	if (!is_safe(s))
		return (struct reply){
		    538, "5.7.11 encryption required for AUTH"};
	argument = str_trim(argument);
	(void)str_cut(&argument, ' ', &name);
	argument = str_trim(argument);
	if (str_find(argument, ' ') < argument.len)
		return (struct reply){501, "5.5.4 syntax: AUTH mechanism "
					   "[base64]"};
	m = s->door->caller ? NULL : sasl_find(&d, name);
	if (m == NULL)
		return (struct reply){504, "5.5.4 mechanism not offered"};
	return finish(s, start(s, m, argument));
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
	if (r.code != 0)
		r = stop(s, r);
	else if (str_equal(line, str_of("*")))
		r = stop(s, cancelled);
	else
		r = step(s, line);
	return finish(s, r);
}

/* control/senderlogin: the sender or its @domain, and who may use it. */
enum found
auth_may_use(const struct session *s, struct str sender)
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

/* What auth_may_use says, to the client. */
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
		r = answer_of(auth_may_use(s, buf_str(&sender)));
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
