/* submission: mail of who has logged in; see submission.h. */
#include "smtpd/submission.h"

#include "lib/clock.h"
#include "lib/date.h"
#include "lib/num.h"
#include "lib/rng.h"
#include "smtpd/auth.h"
#include "smtpd/authors.h"
#include "smtpd/policy.h"
#include "smtpd/session.h"
#include <inttypes.h>
#include <stdio.h>

/* control/forceheaderfrom */
enum { IS_IGNORED, IS_NOTED, IS_REFUSED };

enum { RANDOM = 8, FIELD = 512 }; /* bytes */

static const struct reply no_memory = {451, "4.3.0 out of memory"};

static void
pass(void *context, struct str bytes)
{
	struct session *s = context;

	if (s->submission.verdict.code == 0)
		submit_body(&s->door->submit, bytes);
}

static void
add_date(struct session *s)
{
	char date[DATE_SIZE], field[FIELD];

	date_rfc5322(date, clock_wall() / CLOCK_SECOND);
	(void)snprintf(field, sizeof(field), "Date: %s\n", date);
	pass(s, str_of(field));
}

/* RFC 5322, 3.6.4: no other host makes one with our name. */
static void
add_message_id(struct session *s)
{
	unsigned char random[RANDOM];
	char hex[2 * RANDOM + 1], field[FIELD];
	struct str me = door_me(s->door);

	if (!rng_bytes(random, sizeof(random))) {
		s->submission.verdict = policy_trouble();
		return;
	}
	num_hex(hex, random, RANDOM);
	(void)snprintf(field, sizeof(field),
	    "Message-ID: <%" PRId64 ".%s@%.*s>\n", clock_wall() / CLOCK_SECOND,
	    hex, (int)me.len, me.data);
	pass(s, str_of(field));
}

static void
lacks(void *context, bool date, bool message_id)
{
	if (date)
		add_date(context);
	if (message_id)
		add_message_id(context);
}

/* Once for a message. */
static void
note(struct session *s, const char *field, struct str address,
    const char *reason)
{
	struct log l;

	if (s->submission.noted)
		return;
	s->submission.noted = true;
	session_log(s, &l, "note");
	log_str(&l, "from", buf_str(&s->sender));
	log_text(&l, "field", field);
	log_str(&l, "address", address);
	log_text(&l, "reason", reason);
	log_end(&l);
}

static void
object(struct session *s, const char *field, struct str address,
    const char *reason, const struct reply *r)
{
	note(s, field, address, reason);
	if (control_number(s->door->controls, C_forceheaderfrom) == IS_REFUSED)
		s->submission.verdict = *r;
}

static void
check_address(struct session *s, const char *field, struct str address)
{
	static const struct reply other = {550,
	    "5.7.1 the From or Sender of this message is not yours to use"};

	switch (auth_may_use(s, address)) {
	case FOUND_YES:
		break;
	case FOUND_NO:
		object(s, field, address, "other", &other);
		break;
	case FOUND_ERROR:
		s->submission.verdict = policy_trouble();
		break;
	}
}

static void
check_value(struct session *s, const char *field, struct str value)
{
	static const struct reply odd = {550,
	    "5.6.0 the From or Sender of this message is malformed, too long, "
	    "or there twice"};
	struct buf addresses = {.max = 2 * (size_t)MENDING_VALUE};
	struct str rest, one;

	switch (authors_read(value, &addresses)) {
	case AUTHORS_OK:
		rest = buf_str(&addresses);
		while (s->submission.verdict.code == 0 &&
		       str_cut(&rest, '\n', &one))
			check_address(s, field, one);
		break;
	case AUTHORS_MALFORMED:
		object(s, field, (struct str){"", 0}, "malformed", &odd);
		break;
	case AUTHORS_MEMORY:
		s->submission.verdict = no_memory;
		break;
	}
	buf_free(&addresses);
}

static void
author(void *context, enum mending_field field, struct str value, bool whole)
{
	struct session *s = context;
	struct submission *u = &s->submission;
	bool twice = (u->named & 1U << field) != 0;
	const char *name = field == MENDING_FROM ? "From" : "Sender";
	const struct str nothing = {"", 0};

	u->named |= 1U << field;
	if (u->verdict.code != 0 ||
	    control_number(s->door->controls, C_forceheaderfrom) == IS_IGNORED)
		return;
	/* What is not whole, or not the only one, says nothing for certain. */
	check_value(s, name, whole && !twice ? value : nothing);
}

void
submission_begin(struct submission *u, struct session *s)
{
	u->active = s->user.len > 0;
	if (!u->active)
		return;
	u->verdict = (struct reply){0, NULL};
	u->named = 0;
	u->noted = false;
	u->ops = (struct mending_ops){
	    .pass = pass, .author = author, .lacks = lacks, .context = s};
	mending_begin(&u->mending, &u->ops);
}

void
submission_scan(struct submission *u, struct str text)
{
	mending_scan(&u->mending, text);
}

void
submission_end(struct submission *u)
{
	mending_end(&u->mending);
}

void
submission_free(struct submission *u)
{
	mending_free(&u->mending);
}
