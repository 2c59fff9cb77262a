/* value: what one control file says, taken apart as its row wants. */
#ifndef CONTROL_VALUE_H
#define CONTROL_VALUE_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VALUE_LINE_FILE = 1 << 16, /* bytes of a file of one line */
	VALUE_LIST_FILE = 1 << 28, /* bytes of any list */
	VALUE_KEY = 1000,          /* bytes of a key, as of any address */
	VALUE_TEXT_LINE = 998      /* bytes of a line of a TEXT: RFC 5322 */
};

struct entry {
	struct str key, value;
};

/* All zero bytes: nothing is there.  Its views point into text. */
struct value {
	bool present;
	struct buf text;
	/* LINE, NAME, NUMBER, TIMES, QUOTA, ANSWER, MECHANISMS: the first
	 * line, trimmed. */
	struct str line;
	uint64_t number; /* NUMBER */
	struct entry
	    *entries; /* a list's: by key, in lower case, one of a key; of
		       * SERVERS and TEXT: in the file's order */
	size_t count;
	size_t idle_line; /* first line that has no effect, from 1; 0: none */
	struct buf made;  /* ACCESS, NETWORKS: what entries point into; of
			   * ROUTES, SENDERS, SOURCES, POLICIES the keys */
};

/* Where a text does not parse: its line, what is wrong, and the bytes that are
 * meant (may be empty). */
struct fault {
	size_t line;
	const char *what;
	struct str near;
};

/* Take v->text apart.  False when it is malformed, *fault says how (what
 * "out of memory" and line 0 where that was it); v is then good for
 * value_free only. */
MUST_USE bool value_parse(
    struct value *v, const struct control_row *row, struct fault *fault);

/* Free what v holds and make it nothing. */
void value_free(struct value *v);

/* The entry of key (in lower case), NULL without one. */
const struct entry *value_find(const struct value *v, struct str key);

/* True for all that a cdb may hold: one key a line, or more. */
bool kind_is_list(enum control_kind kind);

/* True for KIND_ROUTES, KIND_SENDERS and KIND_SOURCES: way.h. */
bool kind_is_way(enum control_kind kind);

/* True for KIND_MAP, KIND_RATES, these and KIND_POLICIES: key:value lines, the empty key for the rest. */
bool kind_is_map(enum control_kind kind);

/* True for these, KIND_SERVERS and KIND_TEXT: a value of several lines. */
bool kind_has_lines(enum control_kind kind);

/* "LINE", "NAME" ... as controls.def writes it. */
const char *kind_name(enum control_kind kind);

/* Append "control/NAME:LINE: WHAT: NEAR" to b (emptied first), line 0 and an
 * empty near left out; without memory b holds less. */
void fault_write(struct buf *b, const char *name, const struct fault *fault);

#endif
