/* entity: the header of a message or part; see entity.h. */
#include "remote/entity.h"

#include <string.h>

struct field {
	char text[ENTITY_FIELD];
	size_t len;
	bool cut; /* it was longer */
};

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
entity_field(struct str line, const char *name)
{
	struct str want = str_of(name);

	if (!str_starts_nocase(line, want))
		return false;
	line = str_trim(str_slice(line, want.len, line.len));
	return line.len > 0 && line.data[0] == ':';
}

bool
entity_header_line(struct str line)
{
	size_t i = 0;

	if (line.len == 0 || str_starts(line, str_of("--")))
		return false;
	if (line.data[0] == ' ' || line.data[0] == '\t')
		return true;
	while (i < line.len && line.data[i] > ' ' && line.data[i] < 127 &&
	       line.data[i] != ':')
		i++;
	if (i == 0)
		return false;
	while (i < line.len && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	return i < line.len && line.data[i] == ':';
}

/* Past blanks and comments. */
static void
skip(struct str *s)
{
	size_t depth = 0, i = 0;

	for (; i < s->len; i++) {
		char c = s->data[i];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			i++;
		else if (depth == 0 && !blank(c))
			break;
	}
	*s = str_slice(*s, i, s->len);
}

static struct str
take_token(struct str *s)
{
	struct str token;
	size_t i = 0;

	skip(s);
	while (i < s->len && !blank(s->data[i]) &&
	       strchr("()<>@,;:\\\"/[]?=", s->data[i]) == NULL)
		i++;
	token = str_slice(*s, 0, i);
	*s = str_slice(*s, i, s->len);
	skip(s);
	return token;
}

static bool
take_byte(struct str *s, char c)
{
	if (s->len == 0 || s->data[0] != c)
		return false;
	*s = str_slice(*s, 1, s->len);
	skip(s);
	return true;
}

/* A quoted string, or what stands there up to a blank or a semicolon: others'
 * boundaries are not always quoted where they must be. */
static bool
take_value(struct str *s, char out[ENTITY_BOUNDARY + 1])
{
	bool quoted = s->len > 0 && s->data[0] == '"', fits = true;
	size_t len = 0, i = quoted ? 1 : 0;

	for (; i < s->len; i++) {
		char c = s->data[i];

		if (quoted ? c == '"' : blank(c) || c == ';')
			break;
		if (quoted && c == '\\' && i + 1 < s->len)
			c = s->data[++i];
		if (c == '\n' || c == '\r')
			continue;
		if (len < ENTITY_BOUNDARY && c != '\0')
			out[len++] = c;
		else
			fits = false;
	}
	while (len > 0 && blank(out[len - 1]))
		len--;
	out[len] = '\0';
	*s = str_slice(*s, quoted ? i + 1 : i, s->len);
	skip(s);
	return fits && len > 0;
}

static void
find_boundary(struct entity *e, struct str s)
{
	char value[ENTITY_BOUNDARY + 1];

	while (take_byte(&s, ';')) {
		struct str name = take_token(&s);
		bool is = str_equal_nocase(name, str_of("boundary"));

		if (!take_byte(&s, '='))
			return;
		if (take_value(&s, value) && is) {
			(void)str_copy(
			    e->boundary, sizeof(e->boundary), str_of(value));
			e->kind = ENTITY_MULTIPART;
			return;
		}
	}
}

static void
read_type(struct entity *e, struct str value)
{
	struct str type, subtype = {"", 0};

	skip(&value);
	type = take_token(&value);
	if (take_byte(&value, '/'))
		subtype = take_token(&value);
	e->type = true;
	e->kind = ENTITY_LEAF;
	if (str_equal_nocase(type, str_of("message")))
		e->kind = str_equal_nocase(subtype, str_of("rfc822"))
			      ? ENTITY_MESSAGE
			      : ENTITY_OPAQUE;
	if (!str_equal_nocase(type, str_of("multipart")))
		return;
	e->kind = ENTITY_OPAQUE;
	e->sealed = str_equal_nocase(subtype, str_of("signed"));
	e->digest = str_equal_nocase(subtype, str_of("digest"));
	find_boundary(e, value);
}

static void
read_coding(struct entity *e, struct str value)
{
	static const struct {
		const char *name;
		enum entity_coding coding;
	} rows[] = {
	    {"7bit",   ENTITY_7BIT},
	    {"8bit",   ENTITY_8BIT},
	    {"binary", ENTITY_8BIT},
	};
	struct str token = take_token(&value);

	e->coding = ENTITY_CODED;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_equal_nocase(token, str_of(rows[i].name)))
			e->coding = rows[i].coding;
}

/* What a whole field says.  False when it is one of ours and too long. */
static bool
read_field(struct entity *e, const struct field *f)
{
	static const struct {
		const char *name;
		void (*read)(struct entity *e, struct str value);
	} rows[] = {
	    {"Content-Type",              read_type  },
	    {"Content-Transfer-Encoding", read_coding},
	};
	struct str text = {f->text, f->len};

	e->mime |= entity_field(text, "MIME-Version");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!entity_field(text, rows[i].name))
			continue;
		if (f->cut)
			return false;
		rows[i].read(
		    e, str_slice(text, str_find(text, ':') + 1, text.len));
	}
	return true;
}

/* The line at offset at added to *f behind what is there, its LF included; *next
 * is where the one after it begins.  False with errno. */
static bool
read_line(
    struct body *b, uint64_t at, struct field *f, bool *eight, uint64_t *next)
{
	struct str chunk;
	bool ended = false;

	while (!ended) {
		if (!body_get(b, at, &chunk))
			return false;
		if (chunk.len == 0)
			break;
		for (size_t i = 0; i < chunk.len && !ended; i++, at++) {
			char c = chunk.data[i];

			*eight |= (unsigned char)c >= 128;
			ended = c == '\n';
			if (f->len < sizeof(f->text))
				f->text[f->len++] = c;
			else
				f->cut = true;
		}
	}
	*next = at;
	return true;
}

/* Whether the line that was added to f at mark begins a field, goes on with the
 * one before, or neither. */
static bool
begins_field(const struct field *f, size_t mark)
{
	return f->len > mark && f->text[mark] != ' ' && f->text[mark] != '\t';
}

enum entity_result
entity_read(
    struct body *b, uint64_t at, bool digest, struct entity *e, uint64_t *end)
{
	struct field field = {.len = 0}, line;
	const uint64_t start = at;
	uint64_t next;

	*e = (struct entity){.kind = digest ? ENTITY_MESSAGE : ENTITY_LEAF};
	for (*end = at; at < b->len; *end = at = next) {
		bool eight = false;

		if (at - start > BODY_HEADER_MAX)
			return ENTITY_TOO_LONG;
		line = (struct field){.len = 0};
		if (!read_line(b, at, &line, &eight, &next))
			return ENTITY_ERROR;
		if (!entity_header_line((struct str){line.text, line.len}) ||
		    (field.len == 0 && !begins_field(&line, 0)))
			break;
		e->eight |= eight;
		if (!begins_field(&line, 0)) {
			size_t room = sizeof(field.text) - field.len;
			size_t n = line.len < room ? line.len : room;

			memcpy(field.text + field.len, line.text, n);
			field.len += n;
			field.cut |= line.cut || n < line.len;
			continue;
		}
		if (!read_field(e, &field))
			return ENTITY_TOO_LONG;
		field = line;
	}
	return read_field(e, &field) ? ENTITY_OK : ENTITY_TOO_LONG;
}
