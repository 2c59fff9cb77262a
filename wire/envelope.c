/* envelope: records checked as they come, and read back; see envelope.h. */
#include "wire/envelope.h"

#include "lib/address.h"
#include "wire/queue.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum place { PLACE_START, PLACE_MESSAGE, PLACE_RECIPIENT };

static bool
any_text(UNUSED struct str text)
{
	return true;
}

static bool
some_text(struct str text)
{
	return text.len > 0;
}

static bool
no_text(struct str text)
{
	return text.len == 0;
}

static bool
one_of(struct str text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_equal(text, str_of(*words)))
			return true;
	return false;
}

static bool
ret_word(struct str text)
{
	return one_of(text, (const char *const[]){"FULL", "HDRS", NULL});
}

static bool
body_word(struct str text)
{
	return one_of(text,
	    (const char *const[]){"7BIT", "8BITMIME", "BINARYMIME", NULL});
}

/* NEVER, or words of the others with commas between (RFC 3461, 4.1). */
static bool
notify_words(struct str text)
{
	static const char *const words[] = {
	    "SUCCESS", "FAILURE", "DELAY", NULL};
	struct str word;

	if (str_equal(text, str_of("NEVER")))
		return true;
	if (text.len == 0 || text.data[text.len - 1] == ',')
		return false;
	while (str_cut(&text, ',', &word))
		if (!one_of(word, words))
			return false;
	return true;
}

static const struct kind {
	char letter;
	enum place place; /* where it may stand */
	bool trusted;     /* only from those who may say it */
	bool (*text_ok)(struct str text);
	size_t text_max;
} kinds[] = {
    {'F', PLACE_START,     false, any_text,     ADDRESS_MAX        },
    {'R', PLACE_MESSAGE,   false, ret_word,     ENVELOPE_RECORD - 2},
    {'E', PLACE_MESSAGE,   false, some_text,    ENVELOPE_RECORD - 2},
    {'B', PLACE_MESSAGE,   false, body_word,    ENVELOPE_RECORD - 2},
    {'U', PLACE_MESSAGE,   false, no_text,      ENVELOPE_RECORD - 2},
    {'Q', PLACE_MESSAGE,   true,  no_text,      ENVELOPE_RECORD - 2},
    {'S', PLACE_MESSAGE,   true,  some_text,    ENVELOPE_RECORD - 2},
    {'C', PLACE_MESSAGE,   true,  some_text,    ENVELOPE_RECORD - 2},
    {'T', PLACE_RECIPIENT, false, some_text,    ADDRESS_MAX        },
    {'N', PLACE_RECIPIENT, false, notify_words, ENVELOPE_RECORD - 2},
    {'O', PLACE_RECIPIENT, false, some_text,    ENVELOPE_RECORD - 2},
};

static const struct kind *
kind_find(char letter)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].letter == letter)
			return &kinds[i];
	return NULL;
}

static bool
clean(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c < 32 || c == 127)
			return false;
	}
	return true;
}

/* The record may stand here, and not yet did. */
static bool
place_ok(const struct envelope_check *c, const struct kind *k)
{
	uint32_t bit = UINT32_C(1) << (k->letter - 'A');

	if (k->letter == 'F')
		return !c->sender;
	if (!c->sender)
		return false;
	if (k->letter == 'T')
		return c->recipients < ENVELOPE_RECIPIENTS;
	if ((k->place == PLACE_RECIPIENT) != (c->recipients > 0))
		return false;
	return (c->seen & bit) == 0;
}

static void
count(struct envelope_check *c, char letter)
{
	if (letter == 'F') {
		c->sender = true;
	} else if (letter == 'T') {
		c->recipients++;
		c->seen = 0;
	} else {
		c->seen |= UINT32_C(1) << (letter - 'A');
	}
}

int
envelope_accept(struct envelope_check *c, struct str record)
{
	const struct kind *k;
	struct str text;

	if (record.len >= ENVELOPE_RECORD)
		return QQ_ADDRESS_LONG;
	k = record.len == 0 ? NULL : kind_find(record.data[0]);
	if (k == NULL || !place_ok(c, k) || (k->trusted && !c->trusted))
		return QQ_FORMAT;
	text = str_slice(record, 1, record.len);
	if (text.len > k->text_max)
		return QQ_ADDRESS_LONG;
	if (!clean(text) || !k->text_ok(text))
		return QQ_FORMAT;
	count(c, k->letter);
	return QQ_OK;
}

void
envelope_open(struct envelope *e, int fd, uint64_t at, uint64_t length)
{
	e->fd = fd;
	e->at = at;
	e->end = at + length;
	e->pos = e->len = 0;
	e->recipients = 0;
}

/* Read on behind what is not yet used.  False with errno. */
static bool
fill(struct envelope *e)
{
	size_t room;
	ssize_t n;

	memmove(e->data, e->data + e->pos, e->len - e->pos);
	e->len -= e->pos;
	e->pos = 0;
	room = sizeof(e->data) - e->len;
	if (room > e->end - e->at)
		room = (size_t)(e->end - e->at);
	do
		n = pread(e->fd, e->data + e->len, room, (off_t)e->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	if (n == 0) { /* the file is shorter than its head says */
		errno = EPROTO;
		return false;
	}
	e->len += (size_t)n;
	e->at += (uint64_t)n;
	return true;
}

/* The next record in the window, reading as often as it takes. */
static enum envelope_result
record(struct envelope *e, struct str *out)
{
	for (;;) {
		struct str left = {e->data + e->pos, e->len - e->pos};
		size_t n = str_find(left, '\0');

		if (n < left.len && n < ENVELOPE_RECORD) {
			*out = str_slice(left, 0, n);
			e->pos += n + 1;
			return ENVELOPE_RECORD_READ;
		}
		errno = EPROTO;
		if (left.len >= ENVELOPE_RECORD)
			return ENVELOPE_BAD;
		if (e->at == e->end)
			return left.len == 0 ? ENVELOPE_END : ENVELOPE_BAD;
		if (!fill(e))
			return ENVELOPE_BAD;
	}
}

enum envelope_result
envelope_next(struct envelope *e, char *kind, struct str *text)
{
	enum envelope_result r;
	struct str all;

	r = record(e, &all);
	if (r != ENVELOPE_RECORD_READ)
		return r;
	if (all.len == 0 || kind_find(all.data[0]) == NULL || !clean(all)) {
		errno = EPROTO;
		return ENVELOPE_BAD;
	}
	*kind = all.data[0];
	*text = str_slice(all, 1, all.len);
	if (*kind == 'T')
		e->recipients++;
	return ENVELOPE_RECORD_READ;
}

uint64_t
envelope_offset(const struct envelope *e)
{
	return e->at - (e->len - e->pos);
}

void
envelope_seek(struct envelope *e, uint64_t at)
{
	uint64_t window = e->at - e->len;

	if (at >= window && at <= e->at) {
		e->pos = (size_t)(at - window);
	} else {
		e->at = at < e->end ? at : e->end;
		e->pos = e->len = 0;
	}
}
