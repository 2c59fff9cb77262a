/* walk: the envelope is read as its recipients find slots. */
#include "send/walk.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "send/qlog.h"
#include "send/status.h"
#include "send/verp.h"
#include "wire/envelope.h"
#include <errno.h>
#include <string.h>

static bool
is_due(const struct send *s, const struct active *a, const struct recipient *r)
{
	if (r->state != RECIPIENT_TODO)
		return false;
	return (a->entry->flags & ENTRY_FORCE) != 0 ||
	       retry_wait(r->next, clock_boot(),
		   retry_longest(&s->plan, CHANNEL_REMOTE)) == 0;
}

static bool
give(struct send *s, struct active *a, enum channel c, uint32_t number)
{
	struct spawner *sp = &s->spawners[c];
	unsigned char numbers[4];
	struct job j = {
	    .ino = a->entry->ino,
	    .flags = (a->entry->flags & ENTRY_REPEAT) != 0 ? JOB_REPEAT : 0,
	    .count = 1,
	    .numbers = {(const char *)numbers, sizeof numbers},
	    .sender = buf_str(&s->sender),
	    .recipients = buf_str(&s->address),
	};

	num_put32(numbers, number);
	memcpy(j.token, a->message.token, QUEUE_TOKEN);
	j.job = spawner_take(sp, a, number, s->delivery + 1);
	if (sp->path != NULL && !spawner_job(sp, &j)) {
		spawner_give(sp, j.job);
		return false;
	}
	s->delivery++;
	a->recipients[number].state = RECIPIENT_FLYING;
	a->flying++;
	qlog_start(s->delivery, j.ino, c, job_only(&j));
	status_say(s);
	return true;
}

static enum walk_result
recipient(struct send *s, struct active *a, uint32_t number, struct str to)
{
	struct recipient *r = active_recipient(a, number);
	enum channel c;

	if (r == NULL)
		return WALK_TROUBLE;
	if (!is_due(s, a, r))
		return WALK_END;
	if (route_find(&s->router, to, &c, &s->address) != ROUTE_OK)
		return WALK_TROUBLE;
	if (!spawner_free(&s->spawners[c])) {
		a->blocked = (int)c;
		return WALK_FULL;
	}
	if (!verp_expand(buf_str(&a->sender), to, &s->sender) ||
	    !buf_append_byte(&s->address, '\0') || !give(s, a, c, number))
		return WALK_TROUBLE;
	return WALK_END;
}

/* The sender is told of once, when it is first read. */
static bool
sender(struct active *a, struct str from)
{
	const struct message *m = &a->message;

	buf_clear(&a->sender);
	if (!buf_append_str(&a->sender, from))
		return false;
	if ((a->entry->flags & ENTRY_TOLD) != 0 || a->journal)
		return true;
	a->entry->flags |= ENTRY_TOLD;
	qlog_new(a->entry->ino);
	qlog_info(a->entry->ino, m->body_len, from, m->writer, m->uid);
	status_message(a);
	return true;
}

static enum walk_result
record(struct send *s, struct active *a, char kind, struct str text)
{
	if (kind == 'F')
		return sender(a, text) ? WALK_END : WALK_TROUBLE;
	if (kind == 'T')
		return recipient(s, a, a->cursor_number, text);
	return WALK_END;
}

enum walk_result
walk_on(struct send *s, struct active *a)
{
	struct envelope e;
	struct str text;
	char kind;
	uint64_t end = a->message.envelope_at + a->message.envelope_len;

	a->blocked = -1;
	envelope_open(&e, a->fd, a->cursor, end - a->cursor);
	e.recipients = a->cursor_number;
	for (;;) {
		enum envelope_result got = envelope_next(&e, &kind, &text);
		enum walk_result w;
		if (got == ENVELOPE_BAD)
			return errno == EPROTO ? WALK_DAMAGED : WALK_TROUBLE;
		if (got == ENVELOPE_END)
			break;
		w = record(s, a, kind, text);
		if (w != WALK_END)
			return w;
		a->cursor = envelope_offset(&e);
		if (kind == 'T')
			a->cursor_number++;
	}
	a->walked = true;
	return WALK_END;
}
