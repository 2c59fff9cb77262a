/* log: lines of key=value on descriptor 2, one write(2) a line (but see
 * log_gather).  Every value is
 * escaped here: bytes outside printable ASCII, blanks, quotes, % and backslash
 * become \xHH, so that nobody writes the log but us; a value is cut where it
 * would pass LOG_VALUE_MAX bytes as written, and a line at LOG_LINE_MAX. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_LINE_MAX =
	    4096, /* with its LF; a pipe takes so much in one piece */
	LOG_VALUE_MAX = 512
};

struct log {
	char line[LOG_LINE_MAX];
	size_t len;
	bool full; /* something was cut: nothing more is added */
};

/* log_begin(l, "accept") begins the line "smtpd: accept" (the name is that of
 * die_name), log_end writes it.  Between them, in the order of the calls:
 * key=value pairs.  Nothing fails: a full line is cut.  errno is kept. */
void log_begin(struct log *l, const char *event);

/* A pair whose value is a view. */
void log_str(struct log *l, const char *key, struct str value);

/* A pair whose value is a C string. */
void log_text(struct log *l, const char *key, const char *value);

/* A pair with a decimal number. */
void log_number(struct log *l, const char *key, uint64_t value);

/* Write the line. */
void log_end(struct log *l);

/* A whole line in another program's form (qmail-send's), written as it is with
 * LF added; LF, and other control bytes within it, are written as '?'; cut at
 * LOG_LINE_MAX. */
void log_line(struct str line);

/* From now on lines are kept, and written together by log_flush, when there is
 * no room for one more, and when the program exits: one write(2) for the lines of
 * many messages.  A program that is killed takes with it what it has kept, so
 * flush before anything is waited for. */
void log_gather(void);

/* Write what is kept.  A signal handler may call it.  errno is kept. */
void log_flush(void);

/* A piece of a sentence, for lib/die: as values are, but blanks, quotes and %
 * stay as they are.  Begin such a line with an all-zero struct log. */
void log_words(struct log *l, const char *text);

#endif
