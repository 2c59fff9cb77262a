/* job: deliveries and their results as payloads; see job.h. */
#include "wire/job.h"

#include "lib/field.h"
#include "lib/num.h"
#include <errno.h>
#include <string.h>

/* What a field_put failed at, b is put back to. */
static bool
undo(struct buf *b, size_t mark)
{
	b->len = mark;
	return false;
}

/* count texts, each with its NUL, and nothing behind them. */
static bool
recipients_ok(const struct job *j)
{
	struct str rest = {0}, one;
	uint32_t n = 0;

	while (job_recipient(j, &rest, &one)) {
		if (one.len >= ENVELOPE_RECORD)
			return false;
		n++;
	}
	return n == j->count && j->recipients.len > 0 &&
	       j->recipients.data[j->recipients.len - 1] == '\0';
}

static bool
job_ok(const struct job *j)
{
	return (j->flags & ~(uint32_t)(JOB_REPEAT | JOB_OWN_HOME)) == 0 &&
	       j->count > 0 && j->count <= JOB_RECIPIENTS &&
	       j->numbers.len == (size_t)4 * j->count &&
	       j->group.len <= JOB_KEY && j->lane.len <= JOB_KEY &&
	       j->sender.len < ENVELOPE_RECORD &&
	       j->recipients.len <= JOB_ADDRESSES && recipients_ok(j);
}

static bool
put_job(struct buf *b, const struct job *j)
{
	if (!job_ok(j)) {
		errno = EINVAL;
		return false;
	}
	return field_put32(b, j->job) && field_put64(b, j->ino) &&
	       buf_append(b, j->token, sizeof(j->token)) &&
	       field_put32(b, j->flags) && field_put32(b, j->count) &&
	       buf_append_str(b, j->numbers) && field_put_text(b, j->group) &&
	       field_put_text(b, j->lane) && field_put_text(b, j->sender) &&
	       buf_append_str(b, j->recipients);
}

/* What stands at the front of *rest, as it is. */
static bool
take_part(struct str *rest, size_t n, struct str *part)
{
	if (rest->len < n)
		return false;
	*part = (struct str){rest->data, n};
	*rest = str_slice(*rest, n, rest->len);
	return true;
}

static bool
take_recipients(struct str *rest, struct job *j)
{
	struct str from = *rest, one;

	for (uint32_t i = 0; i < j->count; i++)
		if (!field_take_text(rest, &one))
			return false;
	j->recipients = (struct str){from.data, from.len - rest->len};
	return true;
}

static bool
take_job(struct str *rest, struct job *j)
{
	return field_take32(rest, &j->job) && field_take64(rest, &j->ino) &&
	       field_take_bytes(rest, j->token, sizeof(j->token)) &&
	       field_take32(rest, &j->flags) && field_take32(rest, &j->count) &&
	       j->count <= JOB_RECIPIENTS &&
	       take_part(rest, 4 * (size_t)j->count, &j->numbers) &&
	       field_take_text(rest, &j->group) &&
	       field_take_text(rest, &j->lane) &&
	       field_take_text(rest, &j->sender) && take_recipients(rest, j) &&
	       job_ok(j);
}

uint32_t
job_number(const struct job *j, uint32_t i)
{
	return num_get32(
	    (const unsigned char *)j->numbers.data + 4 * (size_t)i);
}

bool
job_recipient(const struct job *j, struct str *rest, struct str *one)
{
	if (rest->data == NULL)
		*rest = j->recipients;
	return field_take_text(rest, one);
}

struct str
job_only(const struct job *j)
{
	struct str rest = {0}, one = {0};

	(void)!job_recipient(j, &rest, &one);
	return one;
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

enum frame_result
job_take(const struct buf *in, struct job *j, size_t *used)
{
	struct frame f;
	enum frame_result result = frame_take(in, &f, used);

	if (result == FRAME_OK && (f.kind != 'J' || !job_read(f.payload, j)))
		result = FRAME_BAD;
	return result;
}

/* Any text a result may carry, and any letter, and none that lies. */
static bool
result_ok(const struct result *r)
{
	bool end = r->number == JOB_END;

	return r->letter != '\0' && strchr("KZDH", r->letter) != NULL &&
	       (r->signal == 0 || (end && r->letter == 'Z')) &&
	       r->fault <= JOB_DEAD && (r->fault == JOB_SERVED || end) &&
	       (!r->relayed || r->letter == 'K') &&
	       r->status.len <= JOB_STATUS && r->text.len <= JOB_TEXT &&
	       r->via.len <= JOB_TEXT && r->tls.len <= JOB_TLS &&
	       r->group.len <= JOB_KEY && (r->group.len == 0 || end);
}

static bool
put_result(struct buf *b, const struct result *r)
{
	const char bytes[] = {
	    r->letter, (char)r->fault, r->relayed ? JOB_RELAYED : 0};

	return field_put32(b, r->job) && field_put32(b, r->number) &&
	       field_put32(b, r->signal) &&
	       buf_append(b, bytes, sizeof(bytes)) &&
	       field_put_text(b, r->status) && field_put_text(b, r->text) &&
	       field_put_text(b, r->via) && field_put_text(b, r->tls) &&
	       field_put_text(b, r->group);
}

bool
result_write(struct buf *b, const struct result *r)
{
	size_t mark = b->len;

	if (!result_ok(r)) {
		errno = EINVAL;
		return false;
	}
	return put_result(b, r) || undo(b, mark);
}

bool
result_append(struct buf *out, const struct result *r)
{
	size_t mark;

	if (!frame_begin(out, 'R', &mark))
		return false;
	return (result_write(out, r) && frame_finish(out, mark)) ||
	       undo(out, mark);
}

bool
result_read(struct str in, struct result *r)
{
	uint8_t marks;

	if (!field_take32(&in, &r->job) || !field_take32(&in, &r->number) ||
	    !field_take32(&in, &r->signal) ||
	    !field_take_bytes(&in, &r->letter, 1) ||
	    !field_take_bytes(&in, &r->fault, 1) ||
	    !field_take_bytes(&in, &marks, 1) ||
	    !field_take_text(&in, &r->status) ||
	    !field_take_text(&in, &r->text) || !field_take_text(&in, &r->via) ||
	    !field_take_text(&in, &r->tls) || !field_take_text(&in, &r->group))
		return false;
	r->relayed = (marks & JOB_RELAYED) != 0;
	return in.len == 0 && (marks & ~JOB_RELAYED) == 0 && result_ok(r);
}

/* Offsets are off_t, and their sum must be one. */
static bool
lies_in_a_file(uint64_t at, uint64_t len)
{
	return at <= INT64_MAX && len <= INT64_MAX - at;
}

bool
delivery_write(struct buf *b, const struct delivery *d)
{
	size_t mark = b->len;

	if (d->job.count != 1) {
		errno = EINVAL;
		return false;
	}
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
	return in.len == 0 && d->job.count == 1 &&
	       lies_in_a_file(d->body_at, d->body_len) &&
	       d->lines <= d->body_len;
}

bool
errand_write(struct buf *b, const struct errand *e)
{
	size_t mark = b->len;

	return (put_job(b, &e->job) && field_put64(b, (uint64_t)e->arrived) &&
		   field_put64(b, e->body_at) && field_put64(b, e->body_len) &&
		   field_put64(b, e->lines) && field_put32(b, e->body_crc) &&
		   field_put64(b, e->envelope_at) &&
		   field_put64(b, e->envelope_len)) ||
	       undo(b, mark);
}

bool
errand_read(struct str in, struct errand *e)
{
	uint64_t arrived;

	if (!take_job(&in, &e->job) || !field_take64(&in, &arrived) ||
	    !field_take64(&in, &e->body_at) ||
	    !field_take64(&in, &e->body_len) || !field_take64(&in, &e->lines) ||
	    !field_take32(&in, &e->body_crc) ||
	    !field_take64(&in, &e->envelope_at) ||
	    !field_take64(&in, &e->envelope_len))
		return false;
	e->arrived = (int64_t)arrived;
	return in.len == 0 && lies_in_a_file(e->body_at, e->body_len) &&
	       lies_in_a_file(e->envelope_at, e->envelope_len) &&
	       e->lines <= e->body_len;
}
