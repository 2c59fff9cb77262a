/* journal: lines of a message's history, written and read. */
#include "wire/journal.h"
#include "lib/clock.h"
#include "lib/num.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
	TEXT_VIA,
	TEXT_TLS,
	TEXT_STATUS,
	TEXT_REPLY,
	TEXT_BY,
	TEXT_WHY,
	CRC_TEXT = 10, /* " #" and 8 digits */
	NUMBER_DIGITS = 32,
	WAIT_MAX = 999999998 /* seconds that an mtime can tell of */
};

static const uint64_t seconds_max = UINT32_MAX * 64ULL; /* of a stamp */

static const char *const words[JOURNAL_EVENT_COUNT] = {
#define JOURNAL_WORD(id, word) [JOURNAL_##id] = (word),
    JOURNAL_EVENTS(JOURNAL_WORD)
#undef JOURNAL_WORD
};

static const char *const acts[JOURNAL_ACT_COUNT] = {
#define JOURNAL_ACT_WORD(id, word) [JOURNAL_ACT_##id] = (word),
    JOURNAL_ACTS(JOURNAL_ACT_WORD)
#undef JOURNAL_ACT_WORD
};

const char *
journal_act_word(enum journal_act act)
{
	return acts[act];
}

const char *
journal_event_word(enum journal_event event)
{
	return words[event];
}

static uint32_t
checksum(struct str s)
{
	return (uint32_t)crc32_z(0, (const unsigned char *)s.data, s.len);
}

/* Ends the line that began at start: its crc32 and LF. */
static bool
seal(struct buf *b, size_t start)
{
	char text[CRC_TEXT + 2];
	int n = snprintf(text, sizeof text, " #%08x\n",
	    (unsigned)checksum((struct str){b->data + start, b->len - start}));

	return buf_append(b, text, (size_t)n);
}

bool
journal_write_first(
    struct buf *b, uint64_t ino, const unsigned char token[QUEUE_TOKEN])
{
	char hex[QUEUE_TOKEN_TEXT];
	size_t start = b->len;

	num_hex(hex, token, QUEUE_TOKEN);
	if (buf_append_text(b, "culver-journal 1 ") &&
	    buf_append_number(b, ino) && buf_append_text(b, " ") &&
	    buf_append_text(b, hex) && seal(b, start))
		return true;
	b->len = start;
	return false;
}

/* Seconds and microseconds; a time before 1970 is 1970, and one that would not
 * be read again is the last that is. */
static bool
put_stamp(struct buf *b, int64_t at)
{
	char text[NUMBER_DIGITS];
	uint64_t us = at < 0 ? 0 : (uint64_t)at;
	int n;

	if (us > seconds_max * CLOCK_SECOND)
		us = seconds_max * CLOCK_SECOND;
	n = snprintf(text, sizeof text, "%llu.%06u",
	    (unsigned long long)(us / CLOCK_SECOND),
	    (unsigned)(us % CLOCK_SECOND));
	return buf_append(b, text, (size_t)n);
}

static bool
put_number(struct buf *b, const char *key, uint64_t n)
{
	return buf_append_byte(b, ' ') && buf_append_text(b, key) &&
	       buf_append_byte(b, '=') && buf_append_number(b, n);
}

static bool
plain(char c)
{
	return c > ' ' && c < 127 && c != '\\';
}

/* " key=value" with the value escaped; nothing for an empty one. */
static bool
put_text(struct buf *b, const char *key, struct str value)
{
	char escape[5];

	if (value.len == 0)
		return true;
	if (value.len > JOURNAL_REPLY)
		value.len = JOURNAL_REPLY;
	if (!buf_append_byte(b, ' ') || !buf_append_text(b, key) ||
	    !buf_append_byte(b, '='))
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (plain(value.data[i])) {
			if (!buf_append_byte(b, value.data[i]))
				return false;
			continue;
		}
		(void)snprintf(escape, sizeof escape, "\\x%02x",
		    (unsigned)(unsigned char)value.data[i]);
		if (!buf_append(b, escape, 4))
			return false;
	}
	return true;
}

static bool
put_numbers(struct buf *b, const struct journal_line *l)
{
	switch (l->event) {
	case JOURNAL_DEFER:
		return put_number(b, "r", l->recipient) &&
		       put_number(b, "a", l->attempt) &&
		       buf_append_text(b, " next=") && put_stamp(b, l->next) &&
		       (!l->told || put_number(b, "told", 1));
	case JOURNAL_OK:
		return put_number(b, "r", l->recipient) &&
		       put_number(b, "a", l->attempt) &&
		       put_text(b, "act", str_of(acts[l->act]));
	case JOURNAL_FAIL:
		return put_number(b, "r", l->recipient) &&
		       put_number(b, "a", l->attempt);
	case JOURNAL_BOUNCE:
	case JOURNAL_SUCCESS:
	case JOURNAL_DELAY:
		return put_number(b, "id", l->id) &&
		       put_text(b, "token", l->token);
	case JOURNAL_CRASH:
		return put_number(b, "signal", (uint64_t)l->signal);
	case JOURNAL_HOLD:
	case JOURNAL_RELEASE:
	case JOURNAL_DONE:
	case JOURNAL_EVENT_COUNT:
		break;
	}
	return true;
}

bool
journal_write(struct buf *b, const struct journal_line *l)
{
	size_t start = b->len;

	if (put_stamp(b, l->at) && buf_append_byte(b, ' ') &&
	    buf_append_text(b, words[l->event]) && put_numbers(b, l) &&
	    put_text(b, "via", l->via) && put_text(b, "tls", l->tls) &&
	    put_text(b, "status", l->status) &&
	    put_text(b, "reply", l->reply) && put_text(b, "by", l->by) &&
	    put_text(b, "why", l->why) && seal(b, start))
		return true;
	b->len = start;
	return false;
}

/* The next line of rest without its crc32 and LF, when it is whole and the
 * crc32 is right; *used is what it takes with them. */
static bool
take_line(struct str rest, struct str *line, size_t *used)
{
	size_t end = str_find(rest, '\n');
	uint64_t crc;
	struct str tail;

	if (end == rest.len || end < CRC_TEXT || end >= JOURNAL_LINE)
		return false;
	*line = str_slice(rest, 0, end - CRC_TEXT);
	tail = str_slice(rest, end - CRC_TEXT, end);
	if (!str_starts(tail, str_of(" #")) ||
	    !num_parse_hex(str_slice(tail, 2, CRC_TEXT), UINT32_MAX, &crc) ||
	    crc != checksum(*line))
		return false;
	*used = end + 1;
	return true;
}

bool
journal_read_first(struct str start, uint64_t *ino,
    unsigned char token[QUEUE_TOKEN], size_t *length)
{
	struct str line, word, magic = str_of("culver-journal 1 ");
	struct buf again = {0};
	bool ok;

	if (!take_line(start, &line, length) || !str_starts(line, magic))
		return false;
	line = str_slice(line, magic.len, line.len);
	if (!str_cut(&line, ' ', &word) || !num_parse(word, UINT64_MAX, ino) ||
	    !num_unhex(line, token, QUEUE_TOKEN))
		return false;
	/* Written again, it must be what was read: journal_open says so. */
	ok = journal_write_first(&again, *ino, token) &&
	     str_equal(buf_str(&again), str_slice(start, 0, *length));
	buf_free(&again);
	return ok;
}

enum journal_result
journal_open(struct journal *j, struct str all, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN])
{
	struct buf first = {0};
	struct str line;
	size_t used;
	enum journal_result r = JOURNAL_STALE;

	memset(j, 0, sizeof *j);
	if (!take_line(all, &line, &used))
		return JOURNAL_EMPTY;
	if (journal_write_first(&first, ino, token) &&
	    str_equal(buf_str(&first), str_slice(all, 0, used)))
		r = JOURNAL_FINE;
	buf_free(&first);
	j->good = used;
	j->rest = str_slice(all, used, all.len);
	return r;
}

static bool
parse_stamp(struct str s, int64_t *at)
{
	struct str seconds;
	uint64_t whole, part;

	if (!str_cut(&s, '.', &seconds) || s.len != 6 ||
	    !num_parse(seconds, seconds_max, &whole) ||
	    !num_parse(s, CLOCK_SECOND - 1, &part))
		return false;
	*at = (int64_t)(whole * CLOCK_SECOND + part);
	return true;
}

static bool
unescape(struct str s, struct buf *out)
{
	uint64_t byte;

	buf_clear(out);
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] != '\\') {
			if (!buf_append_byte(out, s.data[i]))
				return false;
			continue;
		}
		if (i + 3 >= s.len || s.data[i + 1] != 'x' ||
		    !num_parse_hex(str_slice(s, i + 2, i + 4), 255, &byte) ||
		    !buf_append_byte(out, (char)byte))
			return false;
		i += 3;
	}
	return true;
}

static bool
parse_text(struct journal *j, size_t which, struct str value, struct str *out)
{
	if (!unescape(value, &j->text[which]))
		return false;
	*out = buf_str(&j->text[which]);
	return true;
}

static bool
parse_u32(struct str value, uint32_t *out)
{
	uint64_t n;

	if (!num_parse(value, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool
parse_signal(struct str value, int *out)
{
	uint64_t n;

	if (!num_parse(value, 1024, &n))
		return false;
	*out = (int)n;
	return true;
}

/* A word that a later version may add is none that we owe a notice of. */
static void
parse_act(struct str value, enum journal_act *act)
{
	for (size_t i = 0; i < JOURNAL_ACT_COUNT; i++)
		if (str_equal(value, str_of(acts[i])))
			*act = (enum journal_act)i;
}

/* Keys that a later version may add are passed over. */
static bool
parse_pair(struct journal *j, struct journal_line *l, struct str pair)
{
	struct str key;
	struct {
		const char *key;
		size_t which;
		struct str *out;
	} texts[] = {
	    {"via",    TEXT_VIA,    &l->via   },
	    {"tls",    TEXT_TLS,    &l->tls   },
	    {"status", TEXT_STATUS, &l->status},
	    {"reply",  TEXT_REPLY,  &l->reply },
	    {"by",     TEXT_BY,     &l->by    },
	    {"why",    TEXT_WHY,    &l->why   },
	};

	if (!str_cut(&pair, '=', &key))
		return false;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (str_equal(key, str_of(texts[i].key)))
			return parse_text(
			    j, texts[i].which, pair, texts[i].out);
	if (str_equal(key, str_of("r")))
		return parse_u32(pair, &l->recipient);
	if (str_equal(key, str_of("a")))
		return parse_u32(pair, &l->attempt);
	if (str_equal(key, str_of("next")))
		return parse_stamp(pair, &l->next);
	if (str_equal(key, str_of("id")))
		return num_parse(pair, UINT64_MAX, &l->id);
	if (str_equal(key, str_of("signal")))
		return parse_signal(pair, &l->signal);
	if (str_equal(key, str_of("token")))
		l->token = pair;
	if (str_equal(key, str_of("told")))
		l->told = true;
	if (str_equal(key, str_of("act")))
		parse_act(pair, &l->act);
	return true;
}

static bool
parse_event(struct str word, enum journal_event *event)
{
	for (size_t i = 0; i < JOURNAL_EVENT_COUNT; i++)
		if (str_equal(word, str_of(words[i]))) {
			*event = (enum journal_event)i;
			return true;
		}
	return false;
}

bool
journal_next(struct journal *j, struct journal_line *l)
{
	struct str line, part;
	size_t used;

	memset(l, 0, sizeof *l);
	if (!take_line(j->rest, &line, &used))
		return false;
	if (!str_cut(&line, ' ', &part) || !parse_stamp(part, &l->at) ||
	    !str_cut(&line, ' ', &part) || !parse_event(part, &l->event))
		return false;
	while (str_cut(&line, ' ', &part))
		if (!parse_pair(j, l, part))
			return false;
	j->good += used;
	j->rest = str_slice(j->rest, used, j->rest.len);
	return true;
}

struct timespec
journal_mtime(int64_t next, int64_t wait)
{
	int64_t seconds = wait / CLOCK_SECOND + (wait % CLOCK_SECOND != 0);

	if (seconds > WAIT_MAX)
		seconds = WAIT_MAX;
	return (struct timespec){
	    .tv_sec = next / CLOCK_SECOND, .tv_nsec = seconds + 1};
}

int64_t
journal_due(const struct timespec *mtime, int64_t now, int64_t longest)
{
	int64_t wait = (int64_t)mtime->tv_sec - now / CLOCK_SECOND;

	if (wait <= 0 || (mtime->tv_nsec > 0 && wait >= mtime->tv_nsec))
		return 0;
	wait *= CLOCK_SECOND;
	return wait > longest ? 0 : wait;
}

void
journal_close(struct journal *j)
{
	for (size_t i = 0; i < sizeof j->text / sizeof j->text[0]; i++)
		buf_free(&j->text[i]);
}
