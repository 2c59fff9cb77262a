/* journal: queue/info/SS/INO, the history of a message with something to tell.
 *
 * Writes   culver-send alone, by appending; cut at the first bad line before
 *          the first append after a start.
 * Reads    culver-send, culver-bounce, the tools, people.
 *
 *   first  = "culver-journal 1 " INO " " TOKEN " #" CRC LF
 *   line   = STAMP " " EVENT *( " " KEY "=" VALUE ) " #" CRC LF
 *   STAMP  = seconds "." 6 digits of microseconds, since 1970
 *   VALUE  = printable ASCII without blanks; others are \xHH, as is "\"
 *   CRC    = 8 hexadecimal digits: crc32 of the bytes before " #"
 *
 *   EVENT     KEYS                       MEANS
 *   ok        r a act via tls status …   recipient r is delivered; act is what
 *                                        a sender who asked is owed a notice
 *                                        of, none where another host tells him
 *   defer     r a next told …            attempt a failed; the next at next;
 *                                        told=1: a delay line came before
 *   fail      r a …                      given up; a bounce will tell
 *   crash     signal what                a program died with it in hand
 *   hold      by why                     wait until release
 *   release   by                         go on
 *   bounce    id token                   the notice about all fails above is
 *                                        queued as message id (id 0: none is
 *                                        wanted)
 *   success   id token                   likewise, about all ok above with act
 *                                        of which a notice was asked for
 *   delay     id token                   likewise, about each recipient whose
 *                                        last line above is a defer
 *   done                                 only the removal is left
 *
 * mtime of the file is the next attempt in whole seconds: a hint for a start.
 * Its nanoseconds are the seconds of the wait for it, and one; 0 is what a file
 * system leaves that keeps none.
 */
#ifndef WIRE_JOURNAL_H
#define WIRE_JOURNAL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
	JOURNAL_LINE = 32768,     /* bytes, LF included */
	JOURNAL_FIRST = 128,      /* bytes that the first line fits in */
	JOURNAL_REPLY = 1024,     /* bytes of a text that are kept */
	JOURNAL_COMPACT = 1 << 20 /* bytes; a larger one is compacted */
};

#define JOURNAL_EVENTS(X)                                                      \
	X(OK, "ok")                                                            \
	X(DEFER, "defer")                                                      \
	X(FAIL, "fail")                                                        \
	X(CRASH, "crash")                                                      \
	X(HOLD, "hold")                                                        \
	X(RELEASE, "release")                                                  \
	X(BOUNCE, "bounce")                                                    \
	X(SUCCESS, "success")                                                  \
	X(DELAY, "delay")                                                      \
	X(DONE, "done")

/* RFC 3464, 2.3.3: what became of a recipient that is done. */
#define JOURNAL_ACTS(X)                                                        \
	X(NONE, "")                                                            \
	X(DELIVERED, "delivered")                                              \
	X(RELAYED, "relayed")                                                  \
	X(EXPANDED, "expanded")

/* Six texts of which every byte is escaped, and as much as one for the rest. */
_Static_assert(7 * 4 * JOURNAL_REPLY < JOURNAL_LINE, "what is written is read");

enum journal_event {
#define JOURNAL_EVENT_ID(id, word) JOURNAL_##id,
	JOURNAL_EVENTS(JOURNAL_EVENT_ID)
#undef JOURNAL_EVENT_ID
	    JOURNAL_EVENT_COUNT
};

enum journal_act {
#define JOURNAL_ACT_ID(id, word) JOURNAL_ACT_##id,
	JOURNAL_ACTS(JOURNAL_ACT_ID)
#undef JOURNAL_ACT_ID
	    JOURNAL_ACT_COUNT
};

/* One line.  Texts that are empty are not written; numbers as said. */
struct journal_line {
	int64_t at; /* microseconds since 1970 */
	enum journal_event event;
	uint32_t recipient, attempt; /* of ok, defer and fail */
	int64_t next;                /* microseconds since 1970; of defer */
	bool told;                   /* of defer */
	enum journal_act act;        /* of ok */
	uint64_t id;      /* of bounce, success and delay: the notice's */
	struct str token; /* its token, hexadecimal */
	struct str via, tls, status, reply; /* of ok, defer and fail */
	struct str by, why; /* of hold and release; why: of crash, too */
	int signal;         /* of crash; 0: it exited */
};

/* Append the first line, or a line, to b.  Fail as buf_append.  Texts that are
 * too long are cut.  Matched by journal_open and journal_next. */
MUST_USE bool journal_write_first(
    struct buf *b, uint64_t ino, const unsigned char token[QUEUE_TOKEN]);

/* Append one line; likewise. */
MUST_USE bool journal_write(struct buf *b, const struct journal_line *line);

/* The first line at the front of start, whatever message it is of: its number
 * and token, and its length with LF.  False when there is no whole one. */
MUST_USE bool journal_read_first(struct str start, uint64_t *ino,
    unsigned char token[QUEUE_TOKEN], size_t *length);

struct journal { /* a journal being read from memory */
	struct str rest;
	size_t good;        /* bytes of whole, undamaged lines so far */
	struct buf text[6]; /* the unescaped texts of the last line */
};

enum journal_result {
	JOURNAL_FINE,  /* the first line is that of this message */
	JOURNAL_STALE, /* it speaks of another message: remove it */
	JOURNAL_EMPTY, /* no whole first line: nothing was recorded */
};

/* Begin to read all, the whole file.  Free with journal_close. */
MUST_USE enum journal_result journal_open(struct journal *j, struct str all,
    uint64_t ino, const unsigned char token[QUEUE_TOKEN]);

/* The next line; its texts are valid until the next call.  False at the end or
 * at the first bad line, behind which nothing is read; j->good is where to
 * cut. */
MUST_USE bool journal_next(struct journal *j, struct journal_line *line);

/* Free what reading took; the file's bytes stay the caller's. */
void journal_close(struct journal *j);

/* The mtime that says: an attempt at next, since 1970, that is waited for for
 * wait; microseconds, neither less than 0.  Matched by journal_due. */
struct timespec journal_mtime(int64_t next, int64_t wait);

/* How long to wait, at now on the wall clock, for the attempt that a file's
 * mtime speaks of; microseconds.  One that is further away than longest, or
 * than it was when the mtime was set, is due now. */
int64_t journal_due(const struct timespec *mtime, int64_t now, int64_t longest);

/* The word of an event, as it stands in a line. */
const char *journal_event_word(enum journal_event event);

/* The word of an act, as it stands in a line; "" for none. */
const char *journal_act_word(enum journal_act act);

#endif
