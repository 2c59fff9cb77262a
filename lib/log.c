/* log: escaped lines on descriptor 2; see log.h. */
#include "lib/log.h"

#include "lib/die.h"
#include "lib/num.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ESCAPE_SIZE = 5, /* "\xHH" and an end byte */
	KEPT_MAX = 4 * LOG_LINE_MAX
};

static char kept[KEPT_MAX]; /* whole lines */
static volatile size_t kept_len;
static bool gathering;

/* All of these bytes or none; the last byte of the line is kept for its LF. */
static void
add(struct log *l, const char *bytes, size_t n)
{
	if (n > LOG_LINE_MAX - 1 - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->line + l->len, bytes, n);
	l->len += n;
}

/* One byte as a log may hold it, in out with an end byte; keep lists what else
 * than letters, digits and such stays.  Returns the length. */
static size_t
escape(char out[ESCAPE_SIZE], char c, const char *keep)
{
	unsigned char byte = (unsigned char)c;
	bool plain = byte > ' ' && byte < 127 && strchr("\"'%\\", c) == NULL;

	if (plain || (byte != 0 && strchr(keep, c) != NULL)) {
		out[0] = c;
		out[1] = '\0';
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	num_hex(out + 2, &byte, 1);
	return ESCAPE_SIZE - 1;
}

static void
add_escaped(struct log *l, struct str s, const char *keep, size_t most)
{
	char unit[ESCAPE_SIZE];
	size_t written = 0;

	for (size_t i = 0; i < s.len && !l->full; i++) {
		size_t n = escape(unit, s.data[i], keep);

		written += n;
		if (written > most)
			return;
		add(l, unit, n);
	}
}

void
log_words(struct log *l, const char *text)
{
	add_escaped(l, str_of(text), " \"'%", LOG_LINE_MAX);
}

void
log_begin(struct log *l, const char *event)
{
	l->len = 0;
	l->full = false;
	log_words(l, die_program());
	log_words(l, ": ");
	log_words(l, event);
}

void
log_str(struct log *l, const char *key, struct str value)
{
	size_t start = l->len;

	add(l, " ", 1);
	add(l, key, strlen(key));
	add(l, "=", 1);
	if (l->full)
		l->len = start;
	else
		add_escaped(l, value, "", LOG_VALUE_MAX);
}

void
log_text(struct log *l, const char *key, const char *value)
{
	log_str(l, key, value == NULL ? str_of("") : str_of(value));
}

void
log_number(struct log *l, const char *key, uint64_t value)
{
	char text[NUM_SIZE];

	(void)num_format(text, value);
	log_text(l, key, text);
}

/* There is nobody to tell when the log itself cannot be written. */
static void
say(const char *bytes, size_t n)
{
	int saved = errno;

	while (n > 0) {
		ssize_t r = write(2, bytes, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		bytes += r;
		n -= (size_t)r;
	}
	errno = saved;
}

void
log_flush(void)
{
	size_t n = kept_len;

	/* First, lest a handler that comes between says it again. */
	kept_len = 0;
	say(kept, n);
}

void
log_gather(void)
{
	gathering = atexit(log_flush) == 0;
}

void
log_end(struct log *l)
{
	l->line[l->len++] = '\n';
	if (gathering) {
		if (l->len > KEPT_MAX - kept_len)
			log_flush();
		memcpy(kept + kept_len, l->line, l->len);
		kept_len += l->len;
	} else {
		say(l->line, l->len);
	}
	l->len = 0;
	l->full = false;
}

void
log_line(struct str line)
{
	struct log l;

	l.len = line.len < LOG_LINE_MAX ? line.len : LOG_LINE_MAX - 1;
	for (size_t i = 0; i < l.len; i++) {
		unsigned char byte = (unsigned char)line.data[i];

		l.line[i] = byte < ' ' || byte == 127 ? '?' : line.data[i];
	}
	log_end(&l);
}
