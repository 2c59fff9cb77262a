/* authors: the addresses of a From or Sender field; see authors.h. */
#include "smtpd/authors.h"

#include <stdbool.h>

enum kind {
	END,
	MARK, /* one of . , @ < > : ; */
	ATOM,
	QUOTED,
	LITERAL,
	BAD /* nothing of RFC 5322 */
};

struct token {
	enum kind kind;
	struct str raw; /* its delimiters included */
};

struct parser {
	struct str rest; /* behind now */
	struct token now;
	struct buf *out;
	bool memory; /* there was none */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Of no token and no comment; a fold's LF is a blank. */
static bool
is_control(char c)
{
	return ((unsigned char)c < ' ' && !is_blank(c)) || c == 0x7f;
}

static bool
is_one_of(char c, const char *set)
{
	struct str s = str_of(set);

	return str_find(s, c) < s.len;
}

/* RFC 5322, 3.2.3 and RFC 6532, 3.2 */
static bool
is_atext(char c)
{
	return !is_blank(c) && !is_control(c) &&
	       !is_one_of(c, ".,@<>:;()[]\"\\");
}

/* The length of what begins with one delimiter and ends with the other; 0: it
 * does not end, or holds what it may not. */
static size_t
enclosed(struct str s, char open, char close, bool nests)
{
	size_t depth = 1, i = 1;

	for (; i < s.len && depth > 0; i++) {
		char c = s.data[i];

		if (c == '\\' && ++i < s.len)
			c = 'x';
		if (i == s.len || is_control(s.data[i]))
			return 0;
		if (c == close)
			depth--;
		else if (c == open && nests)
			depth++;
		else if (c == open)
			return 0;
	}
	return depth == 0 ? i : 0;
}

/* Blanks and comments; false where a comment is malformed. */
static bool
skip(struct str *s)
{
	size_t i = 0;

	while (i < s->len && (is_blank(s->data[i]) || s->data[i] == '(')) {
		size_t n = 1;

		if (s->data[i] == '(')
			n = enclosed(str_slice(*s, i, s->len), '(', ')', true);
		if (n == 0)
			return false;
		i += n;
	}
	*s = str_slice(*s, i, s->len);
	return true;
}

/* The kind and the length, never 0 but of BAD, of what s begins with. */
static enum kind
classify(struct str s, size_t *len)
{
	char c = s.data[0];

	*len = 1;
	if (is_one_of(c, ".,@<>:;"))
		return MARK;
	if (c == '"') {
		*len = enclosed(s, '"', '"', false);
		return *len > 0 ? QUOTED : BAD;
	}
	if (c == '[') {
		*len = enclosed(s, '[', ']', false);
		return *len > 0 ? LITERAL : BAD;
	}
	for (*len = 0; *len < s.len && is_atext(s.data[*len]);)
		++*len;
	return *len > 0 ? ATOM : BAD;
}

static void
advance(struct parser *p)
{
	size_t len = 0;

	p->now = (struct token){.kind = BAD};
	if (!skip(&p->rest))
		return;
	p->now.kind = p->rest.len == 0 ? END : classify(p->rest, &len);
	p->now.raw = str_slice(p->rest, 0, len);
	p->rest = str_slice(p->rest, len, p->rest.len);
}

static bool
at_mark(const struct parser *p, char mark)
{
	return p->now.kind == MARK && str_find(p->now.raw, mark) == 0;
}

static bool
at_word(const struct parser *p)
{
	return p->now.kind == ATOM || p->now.kind == QUOTED;
}

static bool
accept(struct parser *p, char mark)
{
	if (!at_mark(p, mark))
		return false;
	advance(p);
	return true;
}

static bool
put(struct parser *p, char c)
{
	if (!buf_append_byte(p->out, c))
		p->memory = true;
	return !p->memory;
}

/* What a token stands for, without quotes, backslashes and folds. */
static bool
put_token(struct parser *p)
{
	struct str s = p->now.raw;

	if (p->now.kind == QUOTED)
		s = str_slice(s, 1, s.len - 1);
	for (size_t i = 0; i < s.len; i++) {
		if (p->now.kind == QUOTED && s.data[i] == '\\')
			i++;
		if (s.data[i] != '\n' && !put(p, s.data[i]))
			return false;
	}
	advance(p);
	return true;
}

/* "a.b.c", of atoms, or of quoted strings, too. */
static bool
take_dotted(struct parser *p, bool quoted)
{
	do {
		if (p->now.kind != ATOM && !(quoted && at_word(p)))
			return false;
		if (!put_token(p))
			return false;
	} while (at_mark(p, '.') && put_token(p));
	return !p->memory;
}

static bool
take_domain(struct parser *p)
{
	if (p->now.kind == LITERAL)
		return put_token(p);
	return take_dotted(p, false);
}

/* "@domain", and the end of an address. */
static bool
take_rest(struct parser *p)
{
	return at_mark(p, '@') && put_token(p) && take_domain(p) &&
	       put(p, '\n');
}

/* "@a,,@b:", which leads nowhere any more (RFC 5322, 4.4). */
static bool
skip_route(struct parser *p)
{
	size_t before = p->out->len;

	while (at_mark(p, '@') || at_mark(p, ',')) {
		if (accept(p, ','))
			continue;
		advance(p);
		if (!take_domain(p))
			return false;
	}
	p->out->len = before;
	return accept(p, ':');
}

/* From behind the '<'. */
static bool
take_angle(struct parser *p)
{
	if ((at_mark(p, '@') || at_mark(p, ',')) && !skip_route(p))
		return false;
	return take_dotted(p, true) && take_rest(p) && accept(p, '>');
}

/* A display name, or the local part of an address: that is what follows it.
 * is_local: it can be either. */
static bool
take_words(struct parser *p, bool *is_local)
{
	bool word = false;

	*is_local = true;
	while (at_word(p) || at_mark(p, '.')) {
		*is_local = *is_local && at_word(p) != word;
		word = at_word(p);
		if (!put_token(p))
			return false;
	}
	*is_local = *is_local && word;
	return true;
}

enum place { IN_LIST, IN_GROUP };

/* What has been put since before was the name of a group. */
static bool
begins_group(struct parser *p, enum place *place, size_t before)
{
	if (*place == IN_GROUP || p->out->len == before || !at_mark(p, ':'))
		return false;
	p->out->len = before;
	*place = IN_GROUP;
	advance(p);
	return true;
}

/* A mailbox, or nothing; or the start of a group and its first. */
static bool
take_element(struct parser *p, enum place *place)
{
	size_t before = p->out->len;
	bool is_local;

	do {
		if (!take_words(p, &is_local))
			return false;
	} while (begins_group(p, place, before));
	if (at_mark(p, '@'))
		return is_local && take_rest(p);
	if (at_mark(p, '<')) {
		p->out->len = before;
		advance(p);
		return take_angle(p);
	}
	return p->out->len == before;
}

/* Elements and commas to the end. */
static bool
take_list(struct parser *p)
{
	enum place place = IN_LIST;

	do {
		if (!take_element(p, &place))
			return false;
		if (place == IN_GROUP && accept(p, ';'))
			place = IN_LIST;
	} while (accept(p, ','));
	return p->now.kind == END && place == IN_LIST;
}

enum authors_result
authors_read(struct str value, struct buf *out)
{
	struct parser p = {.rest = value, .out = out};
	bool well;

	buf_clear(out);
	advance(&p);
	well = take_list(&p);
	if (p.memory)
		return AUTHORS_MEMORY;
	return well && out->len > 0 ? AUTHORS_OK : AUTHORS_MALFORMED;
}
