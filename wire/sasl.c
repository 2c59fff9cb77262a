/* sasl: each mechanism is a row of a table; see sasl.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "wire/sasl.h"

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "lib/rng.h"
#include "lib/scram.h"
#include "wire/saslname.h"
#include <string.h>

enum { DIGEST = 32, RANDOM = 8 };

struct sasl_mechanism {
	bool server_first;
	bool bound; /* by the channel */
	enum sasl_result (*begin)(struct sasl *s, const struct sasl_door *d);
	/* Answer a message, s saying which it is. */
	enum sasl_result (*step)(
	    struct sasl *s, const struct sasl_door *d, struct str message);
};

static const struct str none = {"", 0};

static void
wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

void
sasl_forget(struct sasl *s)
{
	wipe(&s->said);
	wipe(&s->given);
	wipe(&s->challenge);
	wipe(&s->user);
	s->how = NULL;
	s->proven = false;
}

void
sasl_free(struct sasl *s)
{
	sasl_forget(s);
	buf_free(&s->said);
	buf_free(&s->given);
	buf_free(&s->challenge);
	buf_free(&s->user);
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

static enum sasl_result
challenge(struct sasl *s, struct str text)
{
	buf_clear(&s->challenge);
	return buf_append_str(&s->challenge, text) ? SASL_CHALLENGE
						   : SASL_LATER;
}

static enum sasl_result
say_nothing(struct sasl *s, const struct sasl_door *d UNUSED)
{
	return challenge(s, none);
}

static enum sasl_result
check(struct sasl *s, const struct sasl_door *d, enum login_how how,
    const struct checkpw *who)
{
	if (!is_name(who->user))
		return SASL_WRONG;
	switch (d->ask(d->context, how, who, &s->user, NULL)) {
	case 'K':
		return SASL_RIGHT;
	case 'N':
		return SASL_WRONG;
	default:
		return SASL_LATER;
	}
}

/* RFC 4616, 2 */
static enum sasl_result
plain(struct sasl *s, const struct sasl_door *d, struct str message)
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
		return SASL_MALFORMED;
	if (authzid.len > 0 && !str_equal_nocase(authzid, who.user))
		return SASL_WRONG;
	return check(s, d, LOGIN_PASS, &who);
}

static enum sasl_result
ask_user(struct sasl *s, const struct sasl_door *d UNUSED)
{
	return challenge(s, str_of("Username:"));
}

static enum sasl_result
login(struct sasl *s, const struct sasl_door *d, struct str message)
{
	struct checkpw who = {.password = message, .extra = none};

	if (s->said.len == 0) {
		if (message.len == 0)
			return SASL_WRONG;
		if (!buf_append_str(&s->said, message))
			return SASL_LATER;
		return challenge(s, str_of("Password:"));
	}
	who.user = buf_str(&s->said);
	return check(s, d, LOGIN_PASS, &who);
}

/* RFC 2195, 2: <RANDOM.TIME@ME> */
static enum sasl_result
ask_digest(struct sasl *s, const struct sasl_door *d)
{
	unsigned char bytes[RANDOM];
	char text[2 * RANDOM + 1];
	struct buf *b = &s->given;

	if (!rng_bytes(bytes, sizeof(bytes)))
		return SASL_LATER;
	num_hex(text, bytes, sizeof(bytes));
	if (!buf_append_byte(b, '<') || !buf_append_text(b, text) ||
	    !buf_append_byte(b, '.') ||
	    !buf_append_number(b, (uint64_t)clock_wall()) ||
	    !buf_append_byte(b, '@') || !buf_append_str(b, d->me) ||
	    !buf_append_byte(b, '>'))
		return SASL_LATER;
	return challenge(s, buf_str(b));
}

static enum sasl_result
cram(struct sasl *s, const struct sasl_door *d, struct str message)
{
	size_t blank = str_rfind(message, ' ');
	struct checkpw who = {.user = str_slice(message, 0, blank),
	    .password = str_slice(message, blank + 1, message.len),
	    .extra = buf_str(&s->given)};

	if (blank == message.len || who.password.len != DIGEST)
		return SASL_MALFORMED;
	return check(s, d, LOGIN_CRAM, &who);
}

static bool offers_bound(const struct sasl_door *d);

/* The client's header says how it is bound; 'y': it thinks that we cannot, which
 * somebody between us may have made it think (RFC 5802, 6). */
static bool
binds_well(const struct sasl *s, const struct sasl_door *d,
    const struct scram_first *f)
{
	if (s->how->bound)
		return f->binding == 'p';
	return f->binding == 'n' || (f->binding == 'y' && !offers_bound(d));
}

static enum sasl_result
scram_first(struct sasl *s, const struct sasl_door *d, struct str message)
{
	struct checkpw who = {.user = message, .password = none, .extra = none};
	struct scram_first f;

	if (!scram_first_read(message, &f) || !is_name(f.name))
		return SASL_MALFORMED;
	if (!binds_well(s, d, &f) ||
	    (f.binding == 'p' && !tls_can_bind(d->tls, f.type)) ||
	    (f.authzid.len > 0 && !str_equal(f.authzid, f.name)))
		return SASL_WRONG;
	if (d->ask(d->context, LOGIN_FIRST, &who, NULL, &s->given) != 'C')
		return SASL_LATER;
	if (!buf_append_str(&s->said, message))
		return SASL_LATER;
	return challenge(s, buf_str(&s->given));
}

/* The data of the binding that the first message named; empty without one. */
static bool
matches(const struct sasl_door *d, const struct scram_first *first,
    struct str given, const struct scram_final *final, bool *trouble)
{
	struct buf data = {.max = TLS_BINDING_MAX};
	bool ok;

	*trouble =
	    first->binding == 'p' && !tls_binding(d->tls, first->type, &data);
	ok = !*trouble && scram_matches(first, given, final, buf_str(&data));
	wipe(&data);
	buf_free(&data);
	return ok;
}

static enum sasl_result
scram_final(struct sasl *s, const struct sasl_door *d, struct str message)
{
	struct checkpw who = {.user = buf_str(&s->said),
	    .password = message,
	    .extra = buf_str(&s->given)};
	struct scram_first first;
	struct scram_final final;
	bool trouble;
	char letter;

	if (!scram_first_read(who.user, &first) ||
	    !scram_final_read(message, &final))
		return SASL_MALFORMED;
	if (!matches(d, &first, who.extra, &final, &trouble))
		return trouble ? SASL_LATER : SASL_WRONG;
	buf_clear(&s->challenge);
	letter = d->ask(d->context, LOGIN_FINAL, &who, &s->user, &s->challenge);
	if (letter != 'K')
		return letter == 'N' ? SASL_WRONG : SASL_LATER;
	s->proven = true;
	return SASL_CHALLENGE;
}

/* At the end the client has seen that we know its key, too. */
static enum sasl_result
scram(struct sasl *s, const struct sasl_door *d, struct str message)
{
	if (s->proven)
		return message.len > 0 ? SASL_WRONG : SASL_RIGHT;
	return s->said.len == 0 ? scram_first(s, d, message)
				: scram_final(s, d, message);
}

/* server_first, bound, begin, step */
static const struct sasl_mechanism mechanisms[SASL_NAMES] = {
    [SASL_PLAIN] = {false, false, say_nothing, plain},
    [SASL_LOGIN] = {false, false, ask_user,    login},
    [SASL_CRAM] = {true,  false, ask_digest,  cram },
    [SASL_SCRAM] = {false, false, say_nothing, scram},
    [SASL_SCRAM_PLUS] = {false, true,  say_nothing, scram},
};

static const struct sasl_mechanism *
offered(const struct sasl_door *d, enum saslname id)
{
	struct str words = d->offered, word;

	if (id == SASL_NAMES || (mechanisms[id].bound && d->tls == NULL))
		return NULL;
	while (saslname_next(&words, &word))
		if (saslname_find(word) == id)
			return &mechanisms[id];
	return NULL;
}

const struct sasl_mechanism *
sasl_find(const struct sasl_door *d, struct str name)
{
	return offered(d, saslname_find(name));
}

static bool
offers_bound(const struct sasl_door *d)
{
	return offered(d, SASL_SCRAM_PLUS) != NULL;
}

bool
sasl_offer(const struct sasl_door *d, struct buf *b)
{
	struct str words = d->offered, word;
	bool ok = true, any = false;

	while (ok && saslname_next(&words, &word)) {
		if (sasl_find(d, word) == NULL)
			continue;
		ok = (!any || buf_append_byte(b, ' ')) &&
		     buf_append_str(b, word);
		any = true;
	}
	return ok;
}

bool
sasl_server_first(const struct sasl_mechanism *m)
{
	return m->server_first;
}

void
sasl_choose(struct sasl *s, const struct sasl_mechanism *m)
{
	sasl_forget(s);
	s->how = m;
}

enum sasl_result
sasl_begin(
    struct sasl *s, const struct sasl_door *d, const struct sasl_mechanism *m)
{
	sasl_choose(s, m);
	return m->begin(s, d);
}

enum sasl_result
sasl_step(struct sasl *s, const struct sasl_door *d, struct str message)
{
	return s->how->step(s, d, message);
}

bool
sasl_counts(const struct sasl *s)
{
	return s->how != NULL && s->how->step == scram && s->said.len > 0 &&
	       !s->proven;
}
