/* draft: see draft.h. */
#include "queue/draft.h"

#include "lib/clock.h"
#include "lib/crc.h"
#include "lib/fd.h"
#include "lib/rng.h"
#include "wire/queue.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

void
draft_init(struct draft *d, struct place *place)
{
	d->place = place;
	d->writer = (uint32_t)getpid();
	d->tokens_left = 0;
	d->ample = (struct ample){0};
	place_init(&d->slot);
}

void
draft_drop(struct draft *d)
{
	place_drop(d->place, &d->slot);
}

void
draft_begin(struct draft *d, uint32_t uid, uint64_t reserve)
{
	draft_drop(d);
	d->head = (struct message){.arrived = clock_wall(),
	    .uid = uid,
	    .writer = d->writer,
	    .body_at = MESSAGE_HEAD};
	d->id.state = 0;
	d->id.matched = d->id.len = 0;
	d->reserve = reserve;
	d->told = false;
	d->at = 0;
	d->code = d->error = 0;
	/* The head is written into its room when all is known. */
	memset(d->data, 0, MESSAGE_HEAD);
	d->len = MESSAGE_HEAD;
}

void
draft_begin_old(struct draft *d, const struct message *old, uint64_t reserve)
{
	draft_begin(d, old->uid, reserve);
	d->head.arrived = old->arrived;
	d->head.writer = old->writer;
	memcpy(d->head.token, old->token, QUEUE_TOKEN);
	d->told = true;
}

/* Remember what errno says happened; code where it says nothing else. */
static bool
fail(struct draft *d, int code)
{
	d->error = errno;
	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		code = QQ_WRITE;
	else if (errno == ENOMEM)
		code = QQ_MEMORY;
	d->code = code;
	if (d->error == ENOSPC || d->error == EDQUOT)
		place_release(d->place); /* there may be room for the next */
	return false;
}

/* What the pool holds is in nobody's way. */
static bool
has_room(struct draft *d)
{
	if (reserve_left_lately(&d->ample, d->place->mess, d->reserve, d->len))
		return true;
	place_release(d->place);
	return reserve_left(d->place->mess, d->reserve, d->len);
}

/* Write what the buffer holds into the file. */
static bool
spill(struct draft *d)
{
	if (!has_room(d) ||
	    !fd_pwrite_all(d->slot.fd, d->data, d->len, (off_t)d->at))
		return fail(d, QQ_WRITE);
	d->at += d->len;
	d->len = 0;
	return true;
}

/* The buffer is full.  A message that outgrows it cannot be written again into
 * another file, so this one's number is made sure of before its first byte. */
static bool
make_room(struct draft *d)
{
	if (d->at == 0 && !place_take(d->place, &d->slot, true))
		return fail(d, QQ_CREATE);
	return spill(d);
}

static void
add(struct draft *d, struct str bytes)
{
	while (bytes.len > 0 && d->code == 0) {
		size_t room = DRAFT_BUFFER - d->len;
		size_t n = bytes.len < room ? bytes.len : room;

		memcpy(d->data + d->len, bytes.data, n);
		d->len += n;
		bytes = str_slice(bytes, n, bytes.len);
		if (d->len == DRAFT_BUFFER && !make_room(d))
			return;
	}
}

void
draft_body(struct draft *d, struct str bytes)
{
	if (d->code != 0)
		return;
	msgid_feed(&d->id, bytes);
	d->head.body_len += bytes.len;
	d->head.body_crc = crc_add(d->head.body_crc, bytes);
	d->head.lines += str_count(bytes, '\n');
	add(d, bytes);
}

void
draft_envelope(struct draft *d, struct str bytes)
{
	if (d->code != 0)
		return;
	d->head.envelope_len += bytes.len;
	d->head.envelope_crc = crc_add(d->head.envelope_crc, bytes);
	add(d, bytes);
}

static void
kept(struct draft *d, enum place_result r)
{
	if (r == PLACE_SYNC)
		(void)fail(d, QQ_WRITE);
	else if (r == PLACE_FAILED)
		(void)fail(d, QQ_CREATE);
}

/* W1.  Not again with a file of the pool, if one could not be used. */
static bool
take_file(struct draft *d, bool again)
{
	if (!again && d->len <= QUEUE_POOL_FILE &&
	    place_reuse(d->place, &d->slot, d->len))
		return true;
	return place_take(d->place, &d->slot, again);
}

/* All of the message is in the buffer: however many files it takes. */
static void
commit_small(struct draft *d)
{
	enum place_result r = PLACE_TAKEN;
	size_t len = d->len;
	bool again = false;

	message_write(d->data, &d->head);
	while (r == PLACE_TAKEN) {
		if (!take_file(d, again)) {
			(void)fail(d, QQ_CREATE);
			return;
		}
		d->at = 0;
		d->len = len;
		if (!spill(d))
			return;
		r = place_keep(d->place, &d->slot);
		kept(d, r);
		again = true;
	}
}

/* Most of it is in the file already, which cannot be read back. */
static void
commit_large(struct draft *d)
{
	char head[MESSAGE_HEAD];
	enum place_result r;

	if (!spill(d))
		return;
	message_write(head, &d->head);
	if (!fd_pwrite_all(d->slot.fd, head, sizeof(head), 0)) {
		(void)fail(d, QQ_WRITE);
		return;
	}
	r = place_keep(d->place, &d->slot);
	kept(d, r);
	if (r == PLACE_TAKEN) {
		errno = EEXIST;
		(void)fail(d, QQ_CREATE);
	}
}

/* The kernel is asked for many at once. */
static bool
take_token(struct draft *d)
{
	if (d->tokens_left == 0) {
		if (!rng_bytes(d->tokens, sizeof(d->tokens)))
			return false;
		d->tokens_left = sizeof(d->tokens);
	}
	d->tokens_left -= QUEUE_TOKEN;
	memcpy(d->head.token, d->tokens + d->tokens_left, QUEUE_TOKEN);
	return true;
}

int
draft_commit(struct draft *d)
{
	if (d->code == 0 && !d->told && !take_token(d))
		(void)fail(d, QQ_BUG);
	d->head.envelope_at = MESSAGE_HEAD + d->head.body_len;
	d->head.id_hash = msgid_hash(&d->id);
	if (d->code == 0 && d->at == 0)
		commit_small(d);
	else if (d->code == 0)
		commit_large(d);
	draft_drop(d);
	return d->code;
}
