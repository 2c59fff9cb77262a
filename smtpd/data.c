/* data: the body of DATA as bytes; see data.h. */
#include "smtpd/data.h"

#include <string.h>

enum kind { CR, LF, DOT, OTHER, KINDS };
enum action { NONE, BYTE, NEWLINE, BARE };

/* After a bare CR or LF the message is lost, but its end is still to be found:
 * the states go on as if it had been text. */
/* clang-format off */
static const unsigned char next[DS_END][KINDS] = {
	/*             CR         LF        '.'      other */
	[DS_START] = {DS_CR,    DS_TEXT,  DS_DOT,  DS_TEXT},
	[DS_TEXT]  = {DS_CR,    DS_TEXT,  DS_TEXT, DS_TEXT},
	[DS_CR]    = {DS_CR,    DS_START, DS_TEXT, DS_TEXT},
	[DS_DOT]   = {DS_DOTCR, DS_TEXT,  DS_TEXT, DS_TEXT},
	[DS_DOTCR] = {DS_CR,    DS_END,   DS_TEXT, DS_TEXT},
};

static const unsigned char action[DS_END][KINDS] = {
	/*             CR    LF       '.'   other */
	[DS_START] = {NONE, BARE,    NONE, BYTE},
	[DS_TEXT]  = {NONE, BARE,    BYTE, BYTE},
	[DS_CR]    = {BARE, NEWLINE, BARE, BARE},
	[DS_DOT]   = {NONE, BARE,    BYTE, BYTE},
	[DS_DOTCR] = {BARE, NONE,    BARE, BARE},
};
/* clang-format on */

static enum kind
classify(const struct data *d, char c)
{
	switch (c) {
	case '\r':
		return CR;
	case '\n':
		return LF;
	case '.':
		return d->counted ? OTHER : DOT;
	default:
		return OTHER;
	}
}

/* One byte through the tables. */
static size_t
step(struct data *d, char c, char *out)
{
	enum kind kind = classify(d, c);
	enum action a = (enum action)action[d->state][kind];

	d->state = (enum data_state)next[d->state][kind];
	switch (a) {
	case NONE:
		return 0;
	case BYTE:
		d->bytes++;
		*out = c;
		return 1;
	case NEWLINE:
		d->bytes += 2;
		*out = '\n';
		return 1;
	case BARE:
		d->bare = true;
		return 0;
	}
	return 0;
}

void
data_finish(struct data *d)
{
	if (d->state == DS_CR || d->state == DS_DOTCR)
		d->bare = true;
}

size_t
data_decode_slow(struct data *d, struct str *in, char *out)
{
	size_t used = 0, made = 0;

	while (used < in->len && d->state != DS_END)
		made += step(d, in->data[used++], out + made);
	*in = str_slice(*in, used, in->len);
	return made;
}

/* How many bytes from the front lie within a line and are themselves.  Once a
 * bare CR was seen the table does all the work: a line feed that is looked for
 * in vain at every second byte would cost the square of the length. */
static size_t
plain(const struct data *d, struct str in)
{
	bool text = d->state == DS_TEXT ||
		    (d->state == DS_START && (d->counted || in.data[0] != '.'));

	if (d->bare || !text)
		return 0;
	in = str_slice(in, 0, str_find(in, '\n'));
	return str_find(in, '\r');
}

size_t
data_decode(struct data *d, struct str *in, char *out)
{
	size_t made = 0;

	while (in->len > 0 && d->state != DS_END) {
		size_t n = plain(d, *in);

		if (n == 0) {
			made += step(d, in->data[0], out + made);
			n = 1;
		} else {
			memcpy(out + made, in->data, n);
			made += n;
			d->bytes += n;
			d->state = DS_TEXT;
		}
		*in = str_slice(*in, n, in->len);
	}
	return made;
}
