/* owed: NOTIFY against what became of each recipient. */
#include "send/owed.h"
#include "lib/clock.h"
#include <string.h>

void
owed_asked(struct active *a, uint32_t number, struct str notify)
{
	struct recipient *r;
	struct str word;

	if (number >= a->count)
		return;
	r = &a->recipients[number];
	r->delay = WISH_NO;
	while (str_cut(&notify, ',', &word)) {
		word = str_trim(word);
		if (str_equal_nocase(word, str_of("SUCCESS")))
			r->success = true;
		if (str_equal_nocase(word, str_of("DELAY")))
			r->delay = WISH_YES;
	}
}

/* culver-local's words: what was only passed on is not in a mailbox, and the
 * copies do not ask for notices (RFC 3461, 5.2.7.4). */
static enum journal_act
forwarded(const struct result *r)
{
	return str_starts(r->text, str_of("did 0+1+0")) ? JOURNAL_ACT_RELAYED
							: JOURNAL_ACT_EXPANDED;
}

enum journal_act
owed_act(enum channel c, const struct result *r)
{
	if (c == CHANNEL_REMOTE)
		return r->relayed ? JOURNAL_ACT_RELAYED : JOURNAL_ACT_NONE;
	if (str_equal(r->via, str_of("forward")))
		return forwarded(r);
	return JOURNAL_ACT_DELIVERED;
}

/* A list's owner did not ask for a notice for each of its messages, and his
 * program might take one for a bounce. */
static bool
unasked(const struct send *s, const struct active *a)
{
	return s->delaynotice > 0 &&
	       !str_ends(buf_str(&a->sender), str_of("-@[]"));
}

/* As outcome reckons it; an attempt that has been made counts. */
static bool
late(const struct send *s, const struct active *a, const struct recipient *r)
{
	const uint64_t limit = s->delaynotice > 0 ? s->delaynotice : OWED_DELAY;
	const int64_t wall = clock_wall();
	const int64_t birth =
	    drift_birth(&s->drift, a->message.arrived, wall, clock_boot());
	const int64_t age =
	    retry_age(&s->plan, birth, wall, r->attempts, CHANNEL_LOCAL);

	return age > 0 && (uint64_t)(age / CLOCK_SECOND) >= limit;
}

static bool
owes_delay(
    const struct send *s, const struct active *a, const struct recipient *r)
{
	if (r->state != RECIPIENT_TODO || r->attempts == 0 || r->told)
		return false;
	if (r->delay == WISH_NO || (r->delay == WISH_UNSAID && !unasked(s, a)))
		return false;
	return late(s, a, r);
}

/* The null path, or a notice of ours that came back. */
static bool
nobody(const struct active *a)
{
	return a->sender.len == 0 ||
	       str_equal(buf_str(&a->sender), str_of("#@[]"));
}

enum bounce_kind
owed_next(const struct send *s, const struct active *a, bool over)
{
	bool success = false, delay = false;

	for (uint32_t i = 0; i < a->count && !nobody(a); i++) {
		const struct recipient *r = &a->recipients[i];
		success = success || (r->owes && r->success);
		delay = delay || owes_delay(s, a, r);
	}
	if (success)
		return BOUNCE_SUCCESS;
	if (delay)
		return BOUNCE_DELAYED;
	return over && a->untold ? BOUNCE_FAILED : BOUNCE_NONE;
}

void
owed_request(const struct send *s, const struct active *a,
    enum bounce_kind kind, struct bounce_request *r)
{
	const int64_t wall = clock_wall();
	const int64_t birth =
	    drift_birth(&s->drift, a->message.arrived, wall, clock_boot());

	const uint64_t lifetime = retry_lifetime(&s->plan, buf_str(&a->sender));

	*r = (struct bounce_request){.kind = kind, .ino = a->entry->ino};
	memcpy(r->token, a->message.token, QUEUE_TOKEN);
	if (kind != BOUNCE_DELAYED)
		return;
	r->unasked = unasked(s, a);
	if (birth >= 0 && lifetime <= UINT32_MAX)
		r->until = birth + (int64_t)lifetime * CLOCK_SECOND;
}

void
owed_told(struct active *a, enum bounce_kind kind)
{
	if (kind == BOUNCE_FAILED)
		a->untold = false;
	for (uint32_t i = 0; i < a->count; i++) {
		struct recipient *r = &a->recipients[i];
		if (kind == BOUNCE_SUCCESS)
			r->owes = false;
		if (kind == BOUNCE_DELAYED && r->state == RECIPIENT_TODO &&
		    r->attempts > 0)
			r->told = true;
	}
}

enum journal_event
owed_event(enum bounce_kind kind)
{
	switch (kind) {
	case BOUNCE_SUCCESS:
		return JOURNAL_SUCCESS;
	case BOUNCE_DELAYED:
		return JOURNAL_DELAY;
	case BOUNCE_FAILED:
	case BOUNCE_NONE:
		break;
	}
	return JOURNAL_BOUNCE;
}
