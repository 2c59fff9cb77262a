/* allowance: one question each; see allowance.h. */
#include "smtpd/allowance.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/num.h"
#include "lib/span.h"
#include "smtpd/credential.h"
#include "smtpd/policy.h"

enum { HOUR = 3600 };

static const struct str none = {"", 0};
static const struct reply ok = {0, NULL};

/* control/authrate for him, as microseconds from one to the next. */
static enum found
rate_of(const struct session *s, int64_t *spacing)
{
	struct str user = buf_str(&s->user), value;
	struct str keys[] = {
	    user, str_slice(user, str_rfind(user, '@'), user.len), none};
	enum found f = FOUND_NO;

	for (size_t i = 0; i < 3 && f == FOUND_NO; i++)
		if (i == 2 || keys[i].len > 0)
			f = control_find(
			    s->door->controls, C_authrate, keys[i], &value);
	if (f == FOUND_YES && !span_parse_rate(value, spacing))
		f = FOUND_ERROR;
	return f;
}

static struct reply
ask(struct session *s, int64_t spacing)
{
	int64_t most = HOUR * (int64_t)CLOCK_SECOND / spacing;
	char text[NUM_SIZE];
	struct checkpw who = {
	    .user = buf_str(&s->user), .password = str_of("1")};

	if (most > UINT32_MAX)
		most = UINT32_MAX;
	who.extra = (struct str){text, num_format(text, (uint64_t)most)};
	switch (credential_ask(s, LOGIN_SEND, &who, NULL, NULL)) {
	case 'K':
		return ok;
	case 'N':
		return (struct reply){450,
		    "4.7.1 sorry, you have sent to too many recipients within "
		    "an hour (#4.7.1)"};
	default:
		return (struct reply){
		    451, "4.3.0 sorry, I cannot count your recipients now"};
	}
}

struct reply
allowance_take(struct session *s)
{
	int64_t spacing;

	if (s->user.len == 0)
		return ok;
	switch (rate_of(s, &spacing)) {
	case FOUND_NO:
		return ok;
	case FOUND_YES:
		return ask(s, spacing);
	case FOUND_ERROR:
		break;
	}
	warn("unable to use control/authrate");
	return policy_trouble();
}

struct reply
allowance_relay(struct session *s, struct reply r)
{
	const struct checkpw who = {none, none, none};
	struct door *d = s->door;

	if (d->relay_asked || d->caller || d->relayclient.data != NULL ||
	    control_number(d->controls, C_popbeforesmtp) == 0)
		return r;
	d->relay_asked = true;
	switch (credential_ask(s, LOGIN_SEEN, &who, NULL, NULL)) {
	case 'K':
		d->relayclient = none;
		return ok;
	case 'N':
		return r;
	default:
		d->relay_asked = false;
		return (struct reply){451,
		    "4.3.0 sorry, I cannot tell now whether you may relay"};
	}
}
