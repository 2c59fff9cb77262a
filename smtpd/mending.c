/* mending: fields that a header lacks; see mending.h. */
#include "smtpd/mending.h"

static const char *const names[] = {
    [MENDING_DATE] = "date",
    [MENDING_MESSAGE_ID] = "message-id",
    [MENDING_FROM] = "from",
    [MENDING_SENDER] = "sender",
};

/* Bytes that have come: those before at are dealt with, those before gone have
 * been passed on, or are kept in start. */
struct piece {
	struct str text;
	size_t at, gone;
};

void
mending_begin(struct mending *m, const struct mending_ops *ops)
{
	m->ops = ops;
	m->state = MS_LINE;
	m->begun = m->open = false;
	m->has = 0;
	m->len = 0;
	m->field = MENDING_NONE;
	m->value.max = MENDING_VALUE;
	buf_clear(&m->value);
}

void
mending_free(struct mending *m)
{
	buf_free(&m->value);
}

static void
pass(struct mending *m, struct str bytes)
{
	if (bytes.len == 0)
		return;
	m->open = bytes.data[bytes.len - 1] != '\n';
	m->ops->pass(m->ops->context, bytes);
}

static void
pass_piece(struct mending *m, struct piece *p)
{
	pass(m, str_slice(p->text, p->gone, p->at));
	p->gone = p->at;
}

static struct str
start_of(const struct mending *m)
{
	return (struct str){m->start, m->len};
}

/* The first line is known; it may go on. */
static void
pass_start(struct mending *m)
{
	if (!m->begun)
		pass(m, start_of(m));
	m->begun = true;
}

static enum mending_field
identify(struct str name)
{
	for (int i = 0; i < MENDING_NONE; i++)
		if (str_equal_nocase(name, str_of(names[i])))
			return (enum mending_field)i;
	return MENDING_NONE;
}

static bool
is_author(enum mending_field field)
{
	return field == MENDING_FROM || field == MENDING_SENDER;
}

/* Only now is it known that no fold follows. */
static void
field_ends(struct mending *m)
{
	if (is_author(m->field))
		m->ops->author(
		    m->ops->context, m->field, buf_str(&m->value), m->whole);
	m->field = MENDING_NONE;
}

static void
field_begins(struct mending *m)
{
	m->field = identify(str_trim(start_of(m)));
	m->has |= 1U << m->field;
	m->whole = true;
	m->state = MS_VALUE;
	buf_clear(&m->value);
}

static bool
has(const struct mending *m, enum mending_field field)
{
	return (m->has & 1U << field) != 0;
}

static void
header_ends(struct mending *m)
{
	field_ends(m);
	m->ops->lacks(m->ops->context, !has(m, MENDING_DATE),
	    !has(m, MENDING_MESSAGE_ID));
	m->state = MS_BODY;
}

/* There is no header: what has come of a line is the body's. */
static void
is_all_body(struct mending *m)
{
	header_ends(m);
	pass(m, str_of("\n"));
	pass_start(m);
}

/* The first line of an mbox's message. */
static bool
is_postmark(const struct mending *m)
{
	struct str name = str_trim(start_of(m));

	return m->state == MS_BLANK && (str_equal(name, str_of("From")) ||
					   str_equal(name, str_of(">From")));
}

static void
line_is_odd(struct mending *m)
{
	if (!m->begun && !is_postmark(m)) {
		is_all_body(m);
		return;
	}
	pass_start(m);
	m->state = MS_VALUE;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
line_begins(struct mending *m, struct piece *p, char c)
{
	if (c == '\n') {
		pass_piece(m, p);
		header_ends(m);
	} else if (is_blank(c) && m->begun) {
		m->state = MS_VALUE; /* a fold */
	} else {
		field_ends(m);
		m->len = 0;
		m->state = MS_NAME;
	}
}

/* A byte that a name (RFC 5322, 3.6.8) and the blanks behind it go on with. */
static bool
goes_on(const struct mending *m, char c)
{
	bool fits = m->len < sizeof(m->start);

	if (is_blank(c))
		return fits && m->len > 0;
	return fits && m->state == MS_NAME && c > ' ' && c < 0x7f && c != ':';
}

static void
name_goes_on(struct mending *m, struct piece *p, char c)
{
	if (goes_on(m, c)) {
		m->start[m->len++] = c;
		if (is_blank(c))
			m->state = MS_BLANK;
		p->at++;
		if (!m->begun)
			p->gone = p->at;
	} else if (c == ':' && m->len > 0) {
		pass_start(m);
		field_begins(m);
		p->at++;
	} else {
		line_is_odd(m);
	}
}

static void
value_goes_on(struct mending *m, struct piece *p)
{
	struct str rest = str_slice(p->text, p->at, p->text.len);
	size_t lf = str_find(rest, '\n');
	struct str line = str_slice(rest, 0, lf + 1);

	if (is_author(m->field) && m->whole)
		m->whole = buf_append_str(&m->value, line);
	if (lf < rest.len)
		m->state = MS_LINE;
	p->at += line.len;
}

void
mending_scan(struct mending *m, struct str text)
{
	struct piece p = {.text = text};

	while (p.at < text.len && m->state != MS_BODY) {
		char c = text.data[p.at];

		if (m->state == MS_LINE)
			line_begins(m, &p, c);
		else if (m->state == MS_VALUE)
			value_goes_on(m, &p);
		else
			name_goes_on(m, &p, c);
	}
	if (m->state == MS_BODY)
		p.at = text.len;
	pass_piece(m, &p);
}

void
mending_end(struct mending *m)
{
	if (m->state == MS_BODY)
		return;
	if (!m->begun && m->state != MS_LINE) {
		is_all_body(m);
		return;
	}
	if (m->open)
		pass(m, str_of("\n"));
	header_ends(m);
}
