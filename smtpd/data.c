/* data: the body of DATA as bytes; see data.h. */
#include "smtpd/data.h"

#include <string.h>

enum kind { CR, LF, DOT, OTHER, KINDS };
enum action { NONE, BYTE, NEWLINE, BARE };
enum { BLOCK = 128 }; /* bytes looked at together */

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

/* 0: a CR stands before every LF and an LF behind every CR of the block, the
 * byte behind its last one among them.  Of known length and without another
 * result, so that compilers make vectors of it. */
static unsigned char
odd_ones(const char *p)
{
	unsigned char odd = 0;

	for (size_t i = 0; i < BLOCK; i++)
		odd |= (unsigned char)((p[i] == '\r') ^ (p[i + 1] == '\n'));
	return odd;
}

/* How many bytes from the front have CR and LF as whole pairs alone. */
static size_t
paired(struct str in)
{
	size_t i = 0;

	if (in.len == 0 || in.data[0] == '\n')
		return 0;
	while (in.len - i > BLOCK && odd_ones(in.data + i) == 0)
		i += BLOCK;
	while (
	    i + 1 < in.len && (in.data[i] == '\r') == (in.data[i + 1] == '\n'))
		i++;
	return in.data[i] == '\r' ? i : i + 1;
}

/* The next bytes are themselves, up to the line's end. */
static bool
is_text(const struct data *d, struct str in)
{
	return d->state == DS_TEXT ||
	       (d->state == DS_START && (d->counted || in.data[0] != '.'));
}

/* The rest of a line, or as much of it as there is, all in pairs.  How many
 * bytes it took; *made is how many it wrote. */
static size_t
line(struct data *d, struct str in, char *out, size_t *made)
{
	size_t lf = str_find(in, '\n');
	bool ends = lf < in.len;

	*made = lf;
	memmove(out, in.data, ends ? lf - 1 : lf);
	if (ends)
		out[lf - 1] = '\n';
	d->state = ends ? DS_START : DS_TEXT;
	d->bytes += ends ? lf + 1 : lf;
	return ends ? lf + 1 : lf;
}

/* Once a bare CR or LF was seen the table does all the work: pairs that are
 * looked for in vain at every second byte would cost the square of the
 * length. */
size_t
data_decode(struct data *d, struct str *in, char *out)
{
	size_t made = 0, sure = 0; /* sure: bytes that were found in pairs */

	while (in->len > 0 && d->state != DS_END) {
		size_t used = 1, n;
		bool text = is_text(d, *in);

		if (sure == 0 && text && !d->bare)
			sure = paired(*in);
		if (sure > 0 && text)
			used = line(d, str_slice(*in, 0, sure), out + made, &n);
		else
			n = step(d, in->data[0], out + made);
		made += n;
		sure -= used < sure ? used : sure;
		*in = str_slice(*in, used, in->len);
	}
	return made;
}
