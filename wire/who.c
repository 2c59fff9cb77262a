/* who: whether a local recipient exists; see who.h. */
#include "wire/who.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>

enum { SIZE_BYTES = 8, MS = 1000 };

bool
who_write(struct buf *b, struct str address, uint64_t size)
{
	unsigned char bytes[SIZE_BYTES];
	size_t before = b->len;

	if (address.len > WHO_ADDRESS) {
		errno = EMSGSIZE;
		return false;
	}
	num_put64(bytes, size);
	if (buf_append(b, bytes, sizeof(bytes)) && buf_append_str(b, address))
		return true;
	b->len = before;
	return false;
}

bool
who_read(struct str in, struct str *address, uint64_t *size)
{
	if (in.len < SIZE_BYTES || in.len > SIZE_BYTES + WHO_ADDRESS)
		return false;
	*size = num_get64((const unsigned char *)in.data);
	*address = str_slice(in, SIZE_BYTES, in.len);
	return str_find(*address, '\0') == address->len;
}

bool
who_answer_read(const struct frame *f, enum who *who)
{
	static const char letters[] = {WHO_YES, WHO_NO, WHO_FULL, WHO_TROUBLE};

	if (f->payload.len > 0 ||
	    memchr(letters, f->kind, sizeof(letters)) == NULL)
		return false;
	*who = (enum who)f->kind;
	return true;
}

void
who_init(struct who_client *c)
{
	*c = (struct who_client){.fd = -1};
}

void
who_close(struct who_client *c)
{
	fd_close(&c->fd);
	buf_free(&c->in);
	who_init(c);
}

/* The answer on the connection there is; false with errno. */
static bool
ask(struct who_client *c, struct str question, enum who *who)
{
	enum frame_result r;
	struct frame f;

	if (!frame_write(c->fd, WHO_QUESTION, question))
		return false;
	r = frame_read(c->fd, WHO_ANSWER * MS, &c->in, &f);
	if (r == FRAME_OK && who_answer_read(&f, who))
		return true;
	if (r == FRAME_OK)
		errno = EPROTO;
	if (r == FRAME_END)
		errno = EPIPE;
	return false;
}

/* A connection that was made for an earlier question may have ended since. */
static enum who
ask_twice(struct who_client *c, struct str question)
{
	bool old = c->fd >= 0;
	enum who who;

	for (;;) {
		if (c->fd < 0)
			c->fd = sock_connect_within(WHO_SOCKET, WHO_ANSWER);
		if (c->fd < 0)
			return WHO_TROUBLE;
		if (ask(c, question, &who))
			break;
		fd_close(&c->fd);
		if (!old || errno == ETIMEDOUT)
			return WHO_TROUBLE;
		old = false;
	}
	errno = 0;
	return who;
}

/* Who lets us wait for nothing will do so again. */
static enum who
ask_rested(struct who_client *c, struct str question)
{
	enum who who = ask_twice(c, question);

	c->rest = 0;
	if (who == WHO_TROUBLE && (errno == ETIMEDOUT || errno == EAGAIN))
		c->rest = clock_boot() + (int64_t)WHO_REST * CLOCK_SECOND;
	return who;
}

static struct who_row *
row_of(struct who_client *c, struct str address)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < address.len; i++)
		hash = hash * 33 ^ (unsigned char)address.data[i];
	return &c->rows[hash % WHO_REMEMBERED];
}

enum who
who_ask(struct who_client *c, struct str address, uint64_t size)
{
	struct who_row *row = row_of(c, address);
	struct buf question = {.max = SIZE_BYTES + WHO_ADDRESS};
	enum who who = WHO_TROUBLE;

	if (clock_boot() < row->until && row->size == size &&
	    str_equal(str_of(row->address), address))
		return row->who;
	row->until = 0;
	if (clock_boot() < c->rest)
		errno = ETIMEDOUT;
	else if (who_write(&question, address, size))
		who = ask_rested(c, buf_str(&question));
	buf_free(&question);
	if (who != WHO_TROUBLE &&
	    str_copy(row->address, sizeof(row->address), address)) {
		row->size = size;
		row->who = who;
		row->until = clock_boot() + WHO_FRESH;
	}
	return who;
}
