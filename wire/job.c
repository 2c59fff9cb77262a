/* job: deliveries and their results as payloads; see job.h. */
#include "wire/job.h"

#include "lib/field.h"
#include "wire/envelope.h"
#include <errno.h>
#include <string.h>

/* What a field_put failed at, b is put back to. */
static bool
undo(struct buf *b, size_t mark)
{
	b->len = mark;
	return false;
}

static bool
put_job(struct buf *b, const struct job *j)
{
	return field_put32(b, j->job) && field_put64(b, j->ino) &&
	       buf_append(b, j->token, sizeof(j->token)) &&
	       field_put32(b, j->flags) && field_put32(b, j->number) &&
	       field_put_text(b, j->sender) && field_put_text(b, j->recipient);
}

static bool
take_job(struct str *rest, struct job *j)
{
	return field_take32(rest, &j->job) && field_take64(rest, &j->ino) &&
	       field_take_bytes(rest, j->token, sizeof(j->token)) &&
	       field_take32(rest, &j->flags) &&
	       field_take32(rest, &j->number) &&
	       field_take_text(rest, &j->sender) &&
	       field_take_text(rest, &j->recipient) &&
	       (j->flags & ~(uint32_t)JOB_REPEAT) == 0 &&
	       j->sender.len < ENVELOPE_RECORD &&
	       j->recipient.len < ENVELOPE_RECORD;
}

bool
job_write(struct buf *b, const struct job *j)
{
	size_t mark = b->len;

	return put_job(b, j) || undo(b, mark);
}

bool
job_read(struct str in, struct job *j)
{
	return take_job(&in, j) && in.len == 0;
}

/* Any text a result may carry, and any letter, and none that lies. */
static bool
result_ok(const struct result *r)
{
	return r->letter != '\0' && strchr("KZDH", r->letter) != NULL &&
	       (r->signal == 0 || r->letter == 'Z') &&
	       r->status.len <= JOB_STATUS && r->text.len <= JOB_TEXT &&
	       r->via.len <= JOB_TEXT;
}

bool
result_write(struct buf *b, const struct result *r)
{
	size_t mark = b->len;

	if (!result_ok(r)) {
		errno = EINVAL;
		return false;
	}
	return (field_put32(b, r->job) && field_put32(b, r->signal) &&
		   buf_append_byte(b, r->letter) &&
		   field_put_text(b, r->status) && field_put_text(b, r->text) &&
		   field_put_text(b, r->via)) ||
	       undo(b, mark);
}

bool
result_read(struct str in, struct result *r)
{
	return field_take32(&in, &r->job) && field_take32(&in, &r->signal) &&
	       field_take_bytes(&in, &r->letter, 1) &&
	       field_take_text(&in, &r->status) &&
	       field_take_text(&in, &r->text) &&
	       field_take_text(&in, &r->via) && in.len == 0 && result_ok(r);
}

bool
delivery_write(struct buf *b, const struct delivery *d)
{
	size_t mark = b->len;

	return (put_job(b, &d->job) && field_put64(b, (uint64_t)d->arrived) &&
		   field_put64(b, d->body_at) && field_put64(b, d->body_len) &&
		   field_put64(b, d->lines) && field_put32(b, d->body_crc) &&
		   field_put_text(b, d->home) && field_put_text(b, d->user) &&
		   field_put_text(b, d->local) && field_put_text(b, d->dash) &&
		   field_put_text(b, d->ext) && field_put_text(b, d->domain)) ||
	       undo(b, mark);
}

bool
delivery_read(struct str in, struct delivery *d)
{
	uint64_t arrived;

	if (!take_job(&in, &d->job) || !field_take64(&in, &arrived) ||
	    !field_take64(&in, &d->body_at) ||
	    !field_take64(&in, &d->body_len) || !field_take64(&in, &d->lines) ||
	    !field_take32(&in, &d->body_crc) ||
	    !field_take_text(&in, &d->home) ||
	    !field_take_text(&in, &d->user) ||
	    !field_take_text(&in, &d->local) ||
	    !field_take_text(&in, &d->dash) || !field_take_text(&in, &d->ext) ||
	    !field_take_text(&in, &d->domain))
		return false;
	d->arrived = (int64_t)arrived;
	/* Offsets are off_t, and their sum must be one. */
	return in.len == 0 && d->body_at <= INT64_MAX &&
	       d->body_len <= INT64_MAX - d->body_at && d->lines <= d->body_len;
}
