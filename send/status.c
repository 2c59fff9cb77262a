/* status: lines about the whole, and lines of key=value. */
#include "send/status.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/num.h"
#include "send/qlog.h"
#include <errno.h>
#include <string.h>

void
status_say(const struct send *s)
{
	uint32_t flying[CHANNEL_COUNT];
	uint64_t most[CHANNEL_COUNT];

	for (int c = 0; c < CHANNEL_COUNT; c++) {
		flying[c] = s->spawners[c].flying;
		most[c] = s->spawners[c].most;
	}
	qlog_status(flying, most, s->exiting);
}

static void
begin(struct log *l, const char *event, uint64_t ino)
{
	log_begin(l, event);
	log_number(l, "ino", ino);
}

/* As much of it as an entry keeps. */
static void
token_of(struct log *l, const struct entry *e)
{
	char token[2 * SCHEDULE_TOKEN + 1];

	if ((e->flags & ENTRY_KNOWN) == 0)
		return;
	num_hex(token, e->token, SCHEDULE_TOKEN);
	log_text(l, "token", token);
}

void
status_message(const struct active *a)
{
	char token[QUEUE_TOKEN_TEXT];
	struct log l;

	begin(&l, "message", a->entry->ino);
	num_hex(token, a->message.token, QUEUE_TOKEN);
	log_text(&l, "token", token);
	log_number(
	    &l, "arrived", (uint64_t)(a->message.arrived / CLOCK_SECOND));
	log_number(&l, "repeat", (a->entry->flags & ENTRY_REPEAT) != 0);
	log_end(&l);
}

void
status_held(const struct entry *e, const char *why)
{
	struct log l;

	begin(&l, "held", e->ino);
	token_of(&l, e);
	log_text(&l, "why", why);
	log_end(&l);
}

void
status_trouble(const struct entry *e, const char *what)
{
	struct log l;
	int saved = errno;

	begin(&l, "trouble", e->ino);
	token_of(&l, e);
	log_text(&l, "what", what);
	log_text(&l, "why", strerror(saved));
	log_end(&l);
}
