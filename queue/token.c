/* token: the words and marks of a structured header field; see token.h. */
#include "queue/token.h"

#include <errno.h>
#include <stdlib.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_mark(char c)
{
	struct str marks = str_of(".,@<>:;");

	return str_find(marks, c) < marks.len;
}

/* An atom goes on with this byte. */
static bool
goes_on(char c)
{
	return !is_blank(c) && !is_mark(c) && c != '(' && c != '[' && c != '"';
}

/* Where what begins at from ends, behind its closing delimiter; 0: nowhere. */
static size_t
find_end(struct str s, size_t from)
{
	char open = s.data[from];
	char close = open == '(' ? ')' : open == '[' ? ']' : '"';
	size_t depth = 1, i = from + 1;

	for (; i < s.len && depth > 0; i++) {
		if (s.data[i] == '\\' && i + 1 < s.len)
			i++;
		else if (s.data[i] == close)
			depth--;
		else if (open == '(' && s.data[i] == open)
			depth++;
	}
	return depth == 0 ? i : 0;
}

static size_t
find_atom_end(struct str s, size_t from)
{
	size_t i = from;

	while (i < s.len && (i == from || goes_on(s.data[i])))
		i += s.data[i] == '\\' && i + 1 < s.len ? 2 : 1;
	return i;
}

/* Learn what begins at from: its kind and where it ends; 0: it is malformed. */
static size_t
classify(struct str s, size_t from, enum token_kind *kind)
{
	char c = s.data[from];

	if (is_mark(c)) {
		*kind = TOKEN_MARK;
		return from + 1;
	}
	if (c == ')' || c == ']')
		return 0;
	if (c == '(' || c == '[' || c == '"') {
		*kind = c == '('   ? TOKEN_COMMENT
			: c == '[' ? TOKEN_LITERAL
				   : TOKEN_QUOTED;
		return find_end(s, from);
	}
	*kind = TOKEN_ATOM;
	return find_atom_end(s, from);
}

/* Count the tokens; store them, too, where list is not NULL.  False when the
 * text is malformed. */
static bool
scan(struct str s, struct token *list, size_t *count)
{
	bool spaced = false;
	size_t end;

	*count = 0;
	for (size_t i = 0; i < s.len; i = end) {
		enum token_kind kind = TOKEN_MARK;

		if (is_blank(s.data[i])) {
			spaced = true;
			end = i + 1;
			continue;
		}
		end = classify(s, i, &kind);
		if (end == 0)
			return false;
		if (list != NULL)
			list[*count] =
			    (struct token){kind, spaced, str_slice(s, i, end)};
		++*count;
		spaced = false;
	}
	return true;
}

bool
tokens_read(struct tokens *t, struct str text)
{
	size_t count;

	*t = (struct tokens){0};
	if (!scan(text, NULL, &count)) {
		errno = EINVAL;
		return false;
	}
	t->list = calloc(count + 1, sizeof(*t->list));
	if (t->list == NULL)
		return false;
	return scan(text, t->list, &t->count);
}

void
tokens_free(struct tokens *t)
{
	free(t->list);
	*t = (struct tokens){0};
}

bool
token_is(const struct token *t, char mark)
{
	return t->kind == TOKEN_MARK && t->raw.data[0] == mark;
}

bool
token_is_word(const struct token *t)
{
	return t->kind == TOKEN_ATOM || t->kind == TOKEN_QUOTED ||
	       t->kind == TOKEN_LITERAL;
}

/* The text of a quoted string, an atom or a literal, without the backslashes;
 * line ends are those of folds, behind a backslash, too. */
static bool
unescape(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\\' && i + 1 < s.len)
			i++;
		if (s.data[i] == '\r' || s.data[i] == '\n')
			continue;
		if (!buf_append_byte(out, s.data[i]))
			return false;
	}
	return true;
}

bool
token_plain(const struct token *t, struct buf *out)
{
	struct str s = t->raw;

	if (t->kind == TOKEN_COMMENT)
		return true;
	if (t->kind == TOKEN_QUOTED)
		s = str_slice(s, 1, s.len - 1);
	return unescape(s, out);
}

static bool
is_clean_atom(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c < ' ' || c == 127 || c == ')' || c == ']' || c == '\\')
			return false;
	}
	return true;
}

bool
token_shown(const struct token *t, struct buf *out)
{
	struct buf plain = {.max = t->raw.len + 1};
	bool fine;

	if (t->kind != TOKEN_ATOM || is_clean_atom(t->raw))
		return buf_append_str(out, t->raw);
	fine = unescape(t->raw, &plain) && buf_append_byte(out, '"');
	for (size_t i = 0; i < plain.len && fine; i++) {
		char c = plain.data[i];

		if (c == '"' || c == '\\')
			fine = buf_append_byte(out, '\\');
		fine = fine && buf_append_byte(out, c);
	}
	fine = fine && buf_append_byte(out, '"');
	buf_free(&plain);
	return fine;
}
