/* sizes: a hash table of lines; see sizes.h. */
#include "pop3d/sizes.h"

#include "lib/crc.h"
#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CRC_DIGITS = 8,
	LINE_LEAST = 16, /* bytes; no line of ours is shorter */
	PIECE = 16384    /* bytes of lines that are written together */
};

/* A line of text, or none where len is 0. */
struct sizes_slot {
	uint32_t at, len;
	uint32_t hash;
	bool used;
};

struct line {
	uint64_t octets, size, mtime;
	struct str base;
};

void
sizes_open(struct sizes *s, int dirfd)
{
	struct stat st;

	*s = (struct sizes){.text = {.max = SIZES_MAX},
	    .added = {.max = SIZES_MAX},
	    .fd = openat(dirfd, SIZES_FILE,
		O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
		    O_CLOEXEC,
		0600)};
	if (s->fd < 0 || (fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) &&
			     st.st_uid == geteuid() && st.st_nlink == 1))
		return;
	fd_close(&s->fd);
}

static bool
take_number(struct str *rest, uint64_t *n)
{
	struct str part;

	return str_cut(rest, ' ', &part) && num_parse(part, UINT64_MAX, n);
}

/* What stands behind the CRC32. */
static bool
parse_rest(struct str text, struct line *line)
{
	if (!take_number(&text, &line->octets) ||
	    !take_number(&text, &line->size) ||
	    !take_number(&text, &line->mtime))
		return false;
	line->base = text;
	return text.len > 0;
}

/* A line without its LF. */
static bool
parse(struct str text, struct line *line)
{
	struct str crc;
	uint64_t want;

	return str_cut(&text, ' ', &crc) && crc.len == CRC_DIGITS &&
	       num_parse_hex(crc, UINT32_MAX, &want) &&
	       crc_add(0, text) == want && parse_rest(text, line);
}

static struct str
text_of(const struct sizes *s, const struct sizes_slot *slot)
{
	return (struct str){s->text.data + slot->at, slot->len};
}

static struct str
body_of(const struct sizes *s, const struct sizes_slot *slot)
{
	return str_slice(text_of(s, slot), CRC_DIGITS + 1, slot->len);
}

/* Eight bytes at a time; the upper half is the better one. */
static uint32_t
hash_of(struct str s)
{
	uint64_t h = s.len, word;

	for (size_t n; s.len > 0; s = str_slice(s, n, s.len)) {
		n = s.len < sizeof(word) ? s.len : sizeof(word);
		word = 0;
		memcpy(&word, s.data, n);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return (uint32_t)((h * 0x9e3779b97f4a7c15) >> 32);
}

/* The slot of base, or the free one where it belongs; *line is what it has.  A
 * line that has a slot was found whole when it got it. */
static struct sizes_slot *
slot_of(const struct sizes *s, struct str base, struct line *line)
{
	uint32_t hash = hash_of(base);

	for (size_t i = hash;; i++) {
		struct sizes_slot *slot = &s->slots[i & (s->slot_count - 1)];

		if (slot->len == 0) {
			slot->hash = hash;
			return slot;
		}
		if (slot->hash == hash && parse_rest(body_of(s, slot), line) &&
		    str_equal(line->base, base))
			return slot;
	}
}

static void
note_line(struct sizes *s, struct str text)
{
	struct line line, other = {.octets = 0};
	struct sizes_slot *slot;

	if (!parse(text, &line))
		return;
	slot = slot_of(s, line.base, &other);
	slot->at = (uint32_t)(text.data - s->text.data);
	slot->len = (uint32_t)text.len;
}

/* More slots than twice the lines, so that one is always free. */
static bool
make_slots(struct sizes *s)
{
	size_t lines = 1;

	for (struct str rest = buf_str(&s->text), line;
	     str_cut(&rest, '\n', &line);)
		lines++;
	if (lines > s->text.len / LINE_LEAST + 1)
		lines = s->text.len / LINE_LEAST + 1;
	s->slot_count = 2;
	while (s->slot_count < 2 * lines)
		s->slot_count *= 2;
	s->slots = calloc(s->slot_count, sizeof(*s->slots));
	return s->slots != NULL;
}

static bool
read_all(struct sizes *s, size_t size)
{
	if (!buf_reserve(&s->text, size) ||
	    !fd_pread_all(s->fd, s->text.data, size, 0))
		return false;
	s->text.len = size;
	return true;
}

/* What another has cut short while we read it is no line. */
static void
load(struct sizes *s)
{
	struct str rest, line;
	struct stat st;

	s->loaded = true;
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		return;
	s->length = (uint64_t)st.st_size;
	s->full = s->length > SIZES_MAX;
	if (s->full || s->length == 0 || !read_all(s, (size_t)st.st_size) ||
	    !make_slots(s))
		return;
	rest = buf_str(&s->text);
	while (str_cut(&rest, '\n', &line))
		note_line(s, line);
	/* Ours must not be taken for the end of a line that was cut. */
	if (s->text.data[s->text.len - 1] != '\n' &&
	    !buf_append_byte(&s->added, '\n'))
		s->full = true;
}

static uint64_t
mtime_of(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000 +
	       (uint64_t)st->st_mtim.tv_nsec;
}

bool
sizes_any(struct sizes *s)
{
	if (!s->loaded)
		load(s);
	return s->slots != NULL;
}

bool
sizes_find(
    struct sizes *s, struct str base, const struct stat *st, uint64_t *octets)
{
	struct sizes_slot *slot;
	struct line line = {.octets = 0};

	if (!s->loaded)
		load(s);
	if (s->slots == NULL)
		return false;
	slot = slot_of(s, base, &line);
	if (slot->len == 0 || line.size != (uint64_t)st->st_size ||
	    line.mtime != mtime_of(st))
		return false;
	if (!slot->used)
		s->used += slot->len + 1;
	slot->used = true;
	*octets = line.octets;
	return true;
}

/* After a failure nothing more is written: what is half there is no line. */
static void
write_added(struct sizes *s)
{
	size_t n = s->added.len - s->written;

	if (n == 0 || s->fd < 0)
		return;
	if (write(s->fd, s->added.data + s->written, n) != (ssize_t)n)
		s->full = true;
	s->written = s->added.len;
	s->length += n;
}

static bool
put_line(struct buf *b, struct str base, const struct stat *st, uint64_t octets)
{
	unsigned char crc[CRC_DIGITS / 2];
	char digits[CRC_DIGITS + 1] = "00000000";
	size_t start = b->len, text;

	if (!buf_append(b, digits, CRC_DIGITS) || !buf_append_byte(b, ' '))
		return false;
	text = b->len;
	if (!buf_append_number(b, octets) || !buf_append_byte(b, ' ') ||
	    !buf_append_number(b, (uint64_t)st->st_size) ||
	    !buf_append_byte(b, ' ') || !buf_append_number(b, mtime_of(st)) ||
	    !buf_append_byte(b, ' ') || !buf_append_str(b, base) ||
	    !buf_append_byte(b, '\n'))
		return false;
	num_put32(
	    crc, crc_add(0, (struct str){b->data + text, b->len - 1 - text}));
	num_hex(digits, crc, sizeof(crc));
	memcpy(b->data + start, digits, CRC_DIGITS);
	return true;
}

void
sizes_add(
    struct sizes *s, struct str base, const struct stat *st, uint64_t octets)
{
	size_t start = s->added.len;

	if (!s->loaded)
		load(s);
	if (s->fd < 0 || s->full || base.len == 0 ||
	    str_find(base, '\n') < base.len)
		return;
	if (!put_line(&s->added, base, st, octets)) {
		s->added.len = start;
		s->full = true;
	}
	if (s->length + s->added.len - s->written > SIZES_MAX) {
		s->added.len = start;
		s->full = true;
	}
	if (s->added.len - s->written >= PIECE)
		write_added(s);
}

/* Only lines that were of use, and ours.  When this is cut short, or another
 * adds to it meanwhile, some are counted again. */
static void
rewrite(struct sizes *s)
{
	struct buf b = {.max = SIZES_MAX};
	bool ok = true;

	for (size_t i = 0; ok && i < s->slot_count; i++)
		if (s->slots[i].used)
			ok = buf_append_str(&b, text_of(s, &s->slots[i])) &&
			     buf_append_byte(&b, '\n');
	ok = ok && buf_append_str(&b, buf_str(&s->added));
	if (ok && ftruncate(s->fd, 0) == 0)
		(void)!write(s->fd, b.data, b.len);
	buf_free(&b);
}

void
sizes_close(struct sizes *s)
{
	uint64_t live = s->used + s->added.len;

	write_added(s);
	if (s->fd >= 0 && s->loaded && s->complete && s->length > SIZES_WASTE &&
	    live < s->length / 2)
		rewrite(s);
	fd_close(&s->fd);
	buf_free(&s->text);
	buf_free(&s->added);
	free(s->slots);
	*s = (struct sizes){.fd = -1};
}
