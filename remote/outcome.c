/* outcome: what became of a recipient or of a job; see outcome.h. */
#include "remote/outcome.h"

#include <string.h>

static const struct {
	char letter;
	const char *status, *text;
} rows[] = {
#define OUTCOME_ROW(id, letter, status, text) {letter, status, text},
    OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

/* Append what fits. */
static void
add(struct outcome *o, const char *text, size_t n)
{
	size_t len = strlen(o->text), room = sizeof(o->text) - 1 - len;

	if (n > room)
		n = room;
	memcpy(o->text + len, text, n);
	o->text[len + n] = '\0';
}

static void
add_text(struct outcome *o, const char *text)
{
	add(o, text, strlen(text));
}

void
outcome_set(
    struct outcome *o, char letter, const char *status, const char *text)
{
	*o = (struct outcome){.letter = letter, .fault = JOB_SERVED};
	(void)str_copy(o->status, sizeof(o->status), str_of(status));
	add_text(o, text);
	add_text(o, "\n");
}

void
outcome_say(struct outcome *o, enum outcome_id id, const char *host)
{
	const char *text = rows[id].text, *mark = strchr(text, '%');

	*o = (struct outcome){.letter = rows[id].letter};
	(void)str_copy(o->status, sizeof(o->status), str_of(rows[id].status));
	if (mark != NULL) {
		add(o, text, (size_t)(mark - text));
		add_text(o, host);
		text = mark + 1;
	}
	add_text(o, text);
	add_text(o, "\n");
}

/* Before MAIL nothing is said of a message. */
static bool
is_final(enum outcome_id id)
{
	return id != OUTCOME_GREETING && id != OUTCOME_NAME &&
	       id != OUTCOME_TLS && id != OUTCOME_AUTH;
}

/* The host or the network has had enough of us (RFC 3463, 3.4 and 3.8).  4.7.1
 * is what greylisting says, which is about one recipient. */
static bool
about_us(const struct reply *r)
{
	return r->code == 421 || strcmp(r->status, "4.3.2") == 0 ||
	       (strncmp(r->status, "4.7.", 4) == 0 &&
		   strcmp(r->status, "4.7.1") != 0);
}

static uint8_t
fault(enum outcome_id id, const struct reply *r)
{
	if (id == OUTCOME_AUTH)
		return JOB_DEAD;
	if (!is_final(id) || about_us(r))
		return JOB_SLOW;
	return id == OUTCOME_SENDER && reply_class(r) == 4 ? JOB_SLOW
							   : JOB_SERVED;
}

/* The class of a status that goes with the letter. */
static char
digit(char letter)
{
	return letter == 'K' ? '2' : letter == 'D' ? '5' : '4';
}

void
outcome_reply(struct outcome *o, enum outcome_id id, const char *host,
    const struct reply *r)
{
	outcome_say(o, id, host);
	/* Only one reply means that a message was taken. */
	if (id != OUTCOME_ACCEPTED || reply_class(r) != 2)
		o->letter = reply_class(r) == 5 && is_final(id) ? 'D' : 'Z';
	o->fault = o->letter == 'K' ? JOB_SERVED : fault(id, r);
	o->spoken = is_final(id);
	/* A 5yz that is not final, or a 3yz, has no status that fits. */
	if (r->status[0] == digit(o->letter))
		(void)str_copy(o->status, sizeof(o->status), str_of(r->status));
	else if (o->letter == 'D')
		o->status[0] = '5';
	add_text(o, "Remote host said: ");
	add_text(o, r->text);
	if (id == OUTCOME_RECIPIENT) {
		add_text(o, "Giving up on ");
		add_text(o, host);
		add_text(o, ".\n");
	}
}
