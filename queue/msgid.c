/* msgid: a machine over the bytes of a header; see msgid.h. */
#include "queue/msgid.h"

#include "wire/message.h"
#include <stdbool.h>

static const char name[] = "message-id";
enum { NAME_LEN = sizeof(name) - 1 };

enum state {
	LINE,   /* at the start of a line of the header */
	NAME,   /* within what may become the name */
	COLON,  /* after the name, before its colon */
	SKIP,   /* another field, up to its LF */
	BEFORE, /* in the field, before the '<' */
	BFOLD,  /* likewise, after an LF */
	WITHIN, /* between the brackets */
	WFOLD,  /* likewise, after an LF */
	FOUND,
	NONE, /* there is no id */
	STATES
};

enum class {
	C_LF,
	C_BLANK,
	C_COLON,
	C_OPEN,
	C_CLOSE,
	C_NAME, /* the byte of the name that is due */
	C_OTHER,
	CLASSES
};

/* clang-format off */
static const enum state next[STATES][CLASSES] = {
	/*          LF     BLANK   ':'     '<'     '>'     name    other */
	[LINE] =   {NONE,  SKIP,   SKIP,   SKIP,   SKIP,   NAME,   SKIP},
	[NAME] =   {LINE,  SKIP,   SKIP,   SKIP,   SKIP,   NAME,   SKIP},
	[COLON] =  {LINE,  COLON,  BEFORE, SKIP,   SKIP,   SKIP,   SKIP},
	[SKIP] =   {LINE,  SKIP,   SKIP,   SKIP,   SKIP,   SKIP,   SKIP},
	[BEFORE] = {BFOLD, BEFORE, BEFORE, WITHIN, BEFORE, BEFORE, BEFORE},
	[BFOLD] =  {NONE,  BEFORE, NONE,   NONE,   NONE,   NONE,   NONE},
	[WITHIN] = {WFOLD, WITHIN, WITHIN, WITHIN, FOUND,  WITHIN, WITHIN},
	[WFOLD] =  {NONE,  WITHIN, NONE,   NONE,   NONE,   NONE,   NONE},
	[FOUND] =  {FOUND, FOUND,  FOUND,  FOUND,  FOUND,  FOUND,  FOUND},
	[NONE] =   {NONE,  NONE,   NONE,   NONE,   NONE,   NONE,   NONE},
};
/* clang-format on */

static enum class classify(const struct msgid *m, char c) {
	switch (c){
		case '\n' : return C_LF; case ' ' : case '\t' : return C_BLANK;
		case ':' : return C_COLON;
		case '<' : return C_OPEN;
		case '>' : return C_CLOSE;
	}
return str_lower(c) == name[m->matched] ? C_NAME : C_OTHER;
}

/* Whether the id still has room for this byte, which is put into it. */
static bool
keep(struct msgid *m, char c)
{
	if (m->len == MSGID_MAX)
		return false;
	m->id[m->len++] = c;
	return true;
}

static void
step(struct msgid *m, char c)
{
	enum class class = classify(m, c);
	enum state from = m->state, to = next[from][class];

	if (to == LINE)
		m->matched = 0;
	if (to == NAME && ++m->matched == NAME_LEN)
		to = COLON;
	if (from == WITHIN && to == WITHIN && class != C_BLANK && !keep(m, c))
		to = NONE;
	m->state = (unsigned char)to;
}

void
msgid_feed(struct msgid *m, struct str bytes)
{
	for (size_t i = 0; i < bytes.len && m->state < FOUND; i++) {
		/* Most bytes of a header stand in other fields. */
		if (m->state == SKIP) {
			i += str_find(str_slice(bytes, i, bytes.len), '\n');
			if (i == bytes.len)
				return;
		}
		step(m, bytes.data[i]);
	}
}

uint64_t
msgid_hash(const struct msgid *m)
{
	if (m->state != FOUND)
		return 0;
	return message_id_hash((struct str){m->id, m->len});
}
