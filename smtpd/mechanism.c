/* mechanism: PLAIN, LOGIN, CRAM-MD5 and SCRAM; see mechanism.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/mechanism.h"

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "lib/rng.h"
#include "lib/scram.h"
#include "smtpd/auth.h"
#include "smtpd/credential.h"
#include <string.h>

enum { DIGEST = 32, RANDOM = 8 };

static const struct str none = {"", 0};
static const struct reply no_memory = {451, "4.3.0 out of memory"};
static const struct reply malformed = {501, "5.5.2 malformed message"};
static const struct reply later = {
    454, "4.7.0 sorry, I cannot check passwords now"};

/* The same words, whatever it was. */
static struct reply
fail(struct session *s)
{
	if (++s->auth.failures < AUTH_FAILURES)
		return (struct reply){535, "5.7.8 authentication failed"};
	s->closing = "auth";
	return (struct reply){421, "4.7.0 authentication failed too often"};
}

/* The envelope holds a name in no other bytes. */
static bool
is_name(struct str user)
{
	for (size_t i = 0; i < user.len; i++)
		if ((unsigned char)user.data[i] < ' ' || user.data[i] == 0x7f)
			return false;
	return user.len > 0;
}

/* He may relay now. */
static struct reply
admit(struct session *s, struct str user)
{
	buf_clear(&s->user);
	if (!buf_append_lower(&s->user, user))
		return no_memory;
	if (s->door->relayclient.data == NULL)
		s->door->relayclient = none;
	return (struct reply){235, "2.7.0 ok"};
}

static struct reply
check(struct session *s, enum login_how how, const struct checkpw *who)
{
	if (!is_name(who->user))
		return fail(s);
	switch (credential_ask(s, how, who, NULL)) {
	case 'K':
		return admit(s, who->user);
	case 'N':
		return fail(s);
	default:
		return later;
	}
}

static struct reply
challenge(struct session *s, struct str text)
{
	buf_clear(&s->text);
	return session_text(s, AUTH_CONTINUE, base64_encode(&s->text, text));
}

static struct reply
say_nothing(struct session *s)
{
	return challenge(s, none);
}

/* RFC 4616, 2 */
static struct reply
plain(struct session *s, struct str message)
{
	size_t a = str_find(message, '\0');
	struct str rest = str_slice(message, a + 1, message.len);
	size_t b = str_find(rest, '\0');
	struct str authzid = str_slice(message, 0, a);
	struct checkpw who = {.user = str_slice(rest, 0, b),
	    .password = str_slice(rest, b + 1, rest.len),
	    .extra = none};

	if (a == message.len || b == rest.len ||
	    str_find(who.password, '\0') < who.password.len)
		return malformed;
	if (authzid.len > 0 && !str_equal_nocase(authzid, who.user))
		return fail(s);
	return check(s, LOGIN_PASS, &who);
}

static struct reply
ask_user(struct session *s)
{
	return challenge(s, str_of("Username:"));
}

static struct reply
login(struct session *s, struct str message)
{
	struct checkpw who = {.password = message, .extra = none};

	if (s->auth.said.len == 0) {
		if (message.len == 0)
			return fail(s);
		if (!buf_append_str(&s->auth.said, message))
			return no_memory;
		return challenge(s, str_of("Password:"));
	}
	who.user = buf_str(&s->auth.said);
	return check(s, LOGIN_PASS, &who);
}

/* RFC 2195, 2: <RANDOM.TIME@ME> */
static struct reply
ask_digest(struct session *s)
{
	unsigned char bytes[RANDOM];
	char text[2 * RANDOM + 1];
	struct buf *b = &s->auth.given;

	if (!rng_bytes(bytes, sizeof(bytes)))
		return later;
	num_hex(text, bytes, sizeof(bytes));
	if (!buf_append_byte(b, '<') || !buf_append_text(b, text) ||
	    !buf_append_byte(b, '.') ||
	    !buf_append_number(b, (uint64_t)clock_wall()) ||
	    !buf_append_byte(b, '@') || !buf_append_str(b, door_me(s->door)) ||
	    !buf_append_byte(b, '>'))
		return no_memory;
	return challenge(s, buf_str(b));
}

static struct reply
cram(struct session *s, struct str message)
{
	size_t blank = str_rfind(message, ' ');
	struct checkpw who = {.user = str_slice(message, 0, blank),
	    .password = str_slice(message, blank + 1, message.len),
	    .extra = buf_str(&s->auth.given)};

	if (blank == message.len || who.password.len != DIGEST)
		return malformed;
	return check(s, LOGIN_CRAM, &who);
}

/* The client's header says how it is bound; 'y': it thinks that we cannot, which
 * somebody between us may have made it think. */
static bool
binds_well(const struct session *s, const struct scram_first *f)
{
	if (s->auth.how->bound)
		return f->binding == 'p' && str_equal(f->type, s->binding);
	return f->binding == 'n' || (f->binding == 'y' && s->binding.len == 0);
}

static struct reply
scram_first(struct session *s, struct str message)
{
	struct checkpw who = {.user = message, .password = none, .extra = none};
	struct scram_first f;

	if (!scram_first_read(message, &f) || !is_name(f.name))
		return malformed;
	if (!binds_well(s, &f) ||
	    (f.authzid.len > 0 && !str_equal(f.authzid, f.name)))
		return fail(s);
	if (credential_ask(s, LOGIN_FIRST, &who, &s->auth.given) != 'C')
		return later;
	if (!buf_append_str(&s->auth.said, message))
		return no_memory;
	return challenge(s, buf_str(&s->auth.given));
}

static struct reply
scram_final(struct session *s, struct str message)
{
	struct checkpw who = {.user = buf_str(&s->auth.said),
	    .password = message,
	    .extra = buf_str(&s->auth.given)};
	struct scram_first first;
	struct scram_final final;
	struct buf text = {.max = LOGIN_TEXT};
	struct reply r = later;

	if (!scram_first_read(who.user, &first) ||
	    !scram_final_read(message, &final))
		return malformed;
	if (!scram_matches(&first, who.extra, &final, s->binding_data))
		return fail(s);
	switch (credential_ask(s, LOGIN_FINAL, &who, &text)) {
	case 'K':
		r = challenge(s, buf_str(&text));
		break;
	case 'N':
		r = fail(s);
		break;
	default:
		break;
	}
	buf_free(&text);
	return r;
}

/* The client has seen that we know its key, too. */
static struct reply
scram_end(struct session *s, struct str message)
{
	struct buf user = {.max = SCRAM_NAME};
	struct scram_first f;
	struct reply r = no_memory;

	if (message.len > 0)
		return fail(s);
	if (scram_first_read(buf_str(&s->auth.said), &f) &&
	    scram_name(&user, f.name))
		r = admit(s, buf_str(&user));
	buf_free(&user);
	return r;
}

static struct reply
scram(struct session *s, struct str message)
{
	if (s->auth.said.len == 0)
		return scram_first(s, message);
	if (!s->auth.proven) {
		struct reply r = scram_final(s, message);

		s->auth.proven = r.code == AUTH_CONTINUE;
		return r;
	}
	return scram_end(s, message);
}

/* name, server_first, bound, begin, step */
static const struct mechanism mechanisms[] = {
    {"PLAIN",	      false, false, say_nothing, plain},
    {"LOGIN",	      false, false, ask_user,    login},
    {"CRAM-MD5",           true,  false, ask_digest,  cram },
    {"SCRAM-SHA-256",      false, false, say_nothing, scram},
    {"SCRAM-SHA-256-PLUS", false, true,  say_nothing, scram},
};

const struct mechanism *
mechanism_find(struct str name)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (str_equal_nocase(name, str_of(mechanisms[i].name)))
			return &mechanisms[i];
	return NULL;
}
