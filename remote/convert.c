/* convert: 8-bit parts as quoted-printable; see convert.h. */
#include "remote/convert.h"

#include <string.h>

#define CODING "Content-Transfer-Encoding"

static void
add(struct convert *c, struct str s)
{
	memcpy(c->out + c->out_len, s.data, s.len);
	c->out_len += s.len;
}

static void
add_text(struct convert *c, const char *s)
{
	add(c, str_of(s));
}

/* The bytes at offset at up to an LF, or CONVERT_PIECE of them: empty at the
 * end of the body.  Valid until the next call. */
static bool
get_piece(struct convert *c, uint64_t at, struct str *piece)
{
	size_t len = 0, n;
	struct str chunk;

	if (!body_get(c->body, at, &chunk))
		return false;
	*piece = str_slice(chunk, 0, CONVERT_PIECE);
	n = str_find(*piece, '\n');
	if (n < piece->len || piece->len == CONVERT_PIECE) {
		*piece = str_slice(*piece, 0, n + 1);
		return true;
	}
	/* It goes on behind the window. */
	while (chunk.len > 0 && len < CONVERT_PIECE) {
		chunk = str_slice(chunk, 0, CONVERT_PIECE - len);
		n = str_find(chunk, '\n');
		chunk = str_slice(chunk, 0, n + 1);
		memcpy(c->piece + len, chunk.data, chunk.len);
		len += chunk.len;
		if (n < chunk.len)
			break;
		if (!body_get(c->body, at + len, &chunk))
			return false;
	}
	*piece = (struct str){c->piece, len};
	return true;
}

static bool
ends_line(struct str piece)
{
	return piece.len > 0 && piece.data[piece.len - 1] == '\n';
}

/* The line is a boundary of one of the open multiparts, *level, or its last. */
static bool
is_boundary(const struct convert *c, struct str line, size_t *level, bool *last)
{
	while (
	    line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]) != NULL)
		line.len--;
	if (!str_starts(line, str_of("--")))
		return false;
	line = str_slice(line, 2, line.len);
	for (size_t i = c->depth; i-- > 0;) {
		struct str b = str_of(c->open[i].boundary);
		bool same = str_starts(line, b);

		*level = i;
		*last = same && line.len == b.len + 2 &&
			str_ends(line, str_of("--"));
		if (*last || (same && line.len == b.len))
			return true;
	}
	return false;
}

static bool
has_eight(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 128)
			return true;
	return false;
}

/* From offset at up to the next boundary there are 8-bit bytes. */
static enum convert_result
scan(struct convert *c, uint64_t at, bool *eight)
{
	bool start = true, last;
	struct str piece;
	size_t level;

	*eight = false;
	while (!*eight) {
		if (!get_piece(c, at, &piece))
			return CONVERT_ERROR;
		if (piece.len == 0 ||
		    (start && is_boundary(c, piece, &level, &last)))
			break;
		*eight = has_eight(piece);
		start = ends_line(piece);
		at += piece.len;
	}
	return CONVERT_OK;
}

static bool
sealed(const struct convert *c)
{
	return c->depth > 0 && c->open[c->depth - 1].sealed;
}

static enum convert_result
enter_multipart(struct convert *c, const struct entity *e)
{
	bool was = sealed(c);

	if (c->depth == CONVERT_DEPTH)
		return CONVERT_CANNOT;
	memcpy(c->open[c->depth].boundary, e->boundary, sizeof(e->boundary));
	c->open[c->depth].sealed = was || e->sealed;
	c->open[c->depth].digest = e->digest;
	c->depth++;
	c->next = CONVERT_MASK;
	return CONVERT_OK;
}

/* A body without parts that we could go into. */
static enum convert_result
enter_leaf(struct convert *c, const struct entity *e)
{
	enum convert_result r;
	bool eight;

	r = scan(c, c->header_end, &eight);
	c->next = CONVERT_COPY;
	if (r != CONVERT_OK || !eight)
		return r;
	if (sealed(c) || e->coding == ENTITY_CODED || e->kind != ENTITY_LEAF)
		return CONVERT_CANNOT;
	c->label = CODING ": quoted-printable\n";
	c->next = CONVERT_QP;
	return CONVERT_OK;
}

/* What a message without MIME's fields lacks once it has such a label. */
static const char *
lacking(const struct entity *e)
{
	if (!e->type)
		return e->mime ? "Content-Type: text/plain; "
				 "charset=unknown-8bit\n"
			       : "MIME-Version: 1.0\nContent-Type: "
				 "text/plain; charset=unknown-8bit\n";
	return e->mime ? NULL : "MIME-Version: 1.0\n";
}

/* The header at c->at, of the message itself, of one within it, or of a part. */
static enum convert_result
enter(struct convert *c, bool message)
{
	bool digest = !message && c->depth > 0 && c->open[c->depth - 1].digest;
	enum convert_result r;
	struct entity e;

	switch (entity_read(c->body, c->at, digest, &e, &c->header_end)) {
	case ENTITY_ERROR:
		return CONVERT_ERROR;
	case ENTITY_TOO_LONG:
		return CONVERT_CANNOT;
	case ENTITY_OK:
		break;
	}
	if (e.eight)
		return CONVERT_CANNOT;
	c->mode = CONVERT_HEADER;
	c->drop = c->middle = false;
	c->label =
	    e.coding == ENTITY_8BIT && !sealed(c) ? CODING ": 7bit\n" : NULL;
	c->nested = e.kind == ENTITY_MESSAGE && e.coding != ENTITY_CODED;
	if (c->nested)
		return CONVERT_OK;
	if (e.kind == ENTITY_MULTIPART && e.coding != ENTITY_CODED)
		return enter_multipart(c, &e);
	r = enter_leaf(c, &e);
	c->lacks = message && c->next == CONVERT_QP ? lacking(&e) : NULL;
	return r;
}

/* The header's end: what was added to it, and the empty line. */
static enum convert_result
end_header(struct convert *c, struct str line)
{
	bool empty = str_trim(line).len == 0 && ends_line(line);

	if (c->lacks != NULL)
		add_text(c, c->lacks);
	if (c->label != NULL)
		add_text(c, c->label);
	add_text(c, "\n");
	c->lacks = NULL;
	c->at += empty ? line.len : 0;
	c->qp = (struct qp){.column = 0};
	if (c->nested)
		return enter(c, true);
	c->mode = c->next;
	return CONVERT_OK;
}

static enum convert_result
put_header(struct convert *c, struct str piece)
{
	if (!c->middle && c->at == c->header_end)
		return end_header(c, piece);
	if (!c->middle && piece.data[0] != ' ' && piece.data[0] != '\t')
		c->drop = c->label != NULL && entity_field(piece, CODING);
	if (!c->drop)
		add(c, piece);
	c->middle = !ends_line(piece);
	c->at += piece.len;
	return CONVERT_OK;
}

/* Boundaries are as they were; what is open within theirs is so no more. */
static enum convert_result
put_boundary(struct convert *c, struct str line, size_t level, bool last)
{
	if (c->mode == CONVERT_QP)
		c->out_len += qp_end(&c->qp, c->out + c->out_len);
	add(c, line);
	c->at += line.len;
	c->depth = last ? level : level + 1;
	c->mode = CONVERT_MASK;
	c->middle = false;
	return last ? CONVERT_OK : enter(c, false);
}

static void
put_body(struct convert *c, struct str piece)
{
	size_t from = c->out_len;

	if (c->mode == CONVERT_QP)
		c->out_len += qp_put(&c->qp, piece, c->out + c->out_len);
	else
		add(c, piece);
	if (c->mode == CONVERT_MASK)
		for (size_t i = from; i < c->out_len; i++)
			if ((unsigned char)c->out[i] >= 128)
				c->out[i] = '?';
	c->middle = !ends_line(piece);
	c->at += piece.len;
}

/* The body has ended. */
static enum convert_result
finish(struct convert *c)
{
	if (c->mode == CONVERT_HEADER)
		return end_header(c, (struct str){"", 0});
	if (c->mode == CONVERT_QP)
		c->out_len += qp_end(&c->qp, c->out + c->out_len);
	return c->out_len > 0 ? CONVERT_OK : CONVERT_END;
}

void
convert_begin(struct convert *c, struct body *body)
{
	c->body = body;
	c->at = 0;
	c->middle = c->drop = c->nested = false;
	c->mode = CONVERT_HEADER;
	c->header_end = UINT64_MAX; /* not read yet */
	c->label = c->lacks = NULL;
	c->depth = 0;
	c->qp = (struct qp){.column = 0};
}

static enum convert_result
step(struct convert *c)
{
	struct str piece;
	size_t level;
	bool last;

	if (!get_piece(c, c->at, &piece))
		return CONVERT_ERROR;
	if (piece.len == 0)
		return finish(c);
	if (!c->middle && is_boundary(c, piece, &level, &last)) {
		if (c->mode == CONVERT_HEADER)
			return end_header(c, piece);
		return put_boundary(c, piece, level, last);
	}
	if (c->mode == CONVERT_HEADER)
		return put_header(c, piece);
	put_body(c, piece);
	return CONVERT_OK;
}

enum convert_result
convert_next(struct convert *c, struct str *chunk)
{
	enum convert_result r = CONVERT_OK;

	c->out_len = 0;
	if (c->header_end == UINT64_MAX)
		r = enter(c, true);
	while (r == CONVERT_OK && c->out_len == 0)
		r = step(c);
	*chunk = (struct str){c->out, c->out_len};
	return r;
}
