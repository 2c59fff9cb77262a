/* addrlist: address lists of header fields; see addrlist.h. */
#include "queue/addrlist.h"

#include "queue/token.h"
#include <errno.h>
#include <stdlib.h>

enum part_kind {
	PART_COMMA,  /* one that was not there */
	PART_LOOSE,  /* a token that belongs to no address */
	PART_ADDRESS /* tokens of spec, the last of them first */
};

struct part {
	enum part_kind kind;
	const struct token *token; /* of LOOSE */
	size_t from, to;           /* of ADDRESS, in spec */
};

struct parser {
	struct tokens in;
	size_t left;        /* tokens not yet read; the last is the next */
	struct part *parts; /* from the last of the list to its first */
	size_t count;
	const struct token **spec;
	size_t begun, end; /* of the address in hand, in spec */
	bool in_group;     /* a ';' was seen, and not yet its ':' */
	bool word_ok;      /* a word may join the address in hand */
	bool comma_due;    /* an address is behind us, and no comma yet */
};

/* What is written, and by which rules. */
struct out {
	const struct rewrite *hosts;
	struct fold *fold;
	struct buf *found; /* may be NULL */
	struct buf shown;  /* one element of the list */
	struct buf plain;  /* one address */
	struct buf host;   /* its domain as it was given */
	enum { AT_START, AT_ANGLE, AT_WORD, AT_COLON } at;
	size_t column; /* of shown's last line */
};

static const struct token *
next(const struct parser *p)
{
	return &p->in.list[p->left - 1];
}

static bool
next_is(const struct parser *p, char mark)
{
	return p->left > 0 && token_is(next(p), mark);
}

static void
take_loose(struct parser *p)
{
	p->parts[p->count++] =
	    (struct part){.kind = PART_LOOSE, .token = next(p)};
	p->left--;
}

static void
take_spec(struct parser *p)
{
	p->spec[p->end++] = next(p);
	p->left--;
}

static void
put_comments(struct parser *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (p->spec[i]->kind == TOKEN_COMMENT)
			p->parts[p->count++] = (struct part){
			    .kind = PART_LOOSE, .token = p->spec[i]};
}

/* The address in hand is whole.  A comment within it moves behind it; those to
 * the left of it, from *first, are still to be put. */
static void
end_address(struct parser *p, size_t *first)
{
	size_t to = p->begun;

	*first = p->end;
	while (*first > p->begun && p->spec[*first - 1]->kind == TOKEN_COMMENT)
		--*first;
	put_comments(p, p->begun, *first);
	for (size_t i = p->begun; i < *first; i++)
		if (p->spec[i]->kind != TOKEN_COMMENT)
			p->spec[to++] = p->spec[i];
	p->parts[p->count++] =
	    (struct part){.kind = PART_ADDRESS, .from = p->begun, .to = to};
	p->begun = p->end;
	p->comma_due = true;
}

static void
flush(struct parser *p)
{
	size_t first;

	if (p->end == p->begun)
		return;
	end_address(p, &first);
	put_comments(p, first, p->end);
}

/* What follows to the left is another element of the list; a comment there is
 * its. */
static void
separate(struct parser *p)
{
	size_t first = p->end;

	if (p->end > p->begun)
		end_address(p, &first);
	if (p->comma_due)
		p->parts[p->count++] = (struct part){.kind = PART_COMMA};
	p->comma_due = false;
	put_comments(p, first, p->end);
}

static bool
take_group_end(struct parser *p)
{
	separate(p);
	if (p->in_group)
		return false;
	p->in_group = p->word_ok = true;
	take_loose(p);
	return true;
}

/* The ':' of a group, and its name. */
static bool
take_group_begin(struct parser *p)
{
	flush(p);
	if (!p->in_group)
		return false;
	p->in_group = p->comma_due = false;
	while (p->left > 0 && !next_is(p, ','))
		take_loose(p);
	if (p->left > 0)
		take_loose(p);
	p->word_ok = true;
	return true;
}

static bool
is_phrase(const struct token *t)
{
	return t->kind == TOKEN_ATOM || t->kind == TOKEN_QUOTED ||
	       t->kind == TOKEN_COMMENT || token_is(t, '@') || token_is(t, '.');
}

/* "A Person <e@f>", from its '>'. */
static bool
take_angle(struct parser *p)
{
	size_t first;

	separate(p);
	take_loose(p);
	while (p->left > 0 && !next_is(p, '<'))
		take_spec(p);
	end_address(p, &first);
	put_comments(p, first, p->end);
	if (p->left == 0)
		return false;
	take_loose(p);
	while (p->left > 0 && is_phrase(next(p)))
		take_loose(p);
	p->word_ok = false;
	return true;
}

static void
take_comma(struct parser *p)
{
	flush(p);
	p->comma_due = false;
	p->word_ok = true;
	take_loose(p);
}

static bool
take_word(struct parser *p)
{
	if (!p->word_ok)
		separate(p);
	p->word_ok = false;
	take_spec(p);
	return true;
}

static bool
take(struct parser *p)
{
	const struct token *t = next(p);

	if (t->kind == TOKEN_COMMENT) {
		if (p->end > p->begun)
			take_spec(p);
		else
			take_loose(p);
		return true;
	}
	if (token_is_word(t))
		return take_word(p);
	switch (t->raw.data[0]) {
	case ';':
		return take_group_end(p);
	case ':':
		return take_group_begin(p);
	case '>':
		return take_angle(p);
	case '<':
		return false;
	case ',':
		take_comma(p);
		return true;
	default: /* '@' and '.' join words */
		p->word_ok = true;
		take_spec(p);
		return true;
	}
}

/* The tokens of an address, first to last. */
struct span {
	const struct parser *p;
	size_t from, to; /* in p->spec; the first is at to - 1 */
};

static size_t
span_len(const struct span *s)
{
	return s->to - s->from;
}

static const struct token *
span_at(const struct span *s, size_t i)
{
	return s->p->spec[s->to - 1 - i];
}

static bool
last_is(const struct span *s, char mark)
{
	return s->to > s->from && token_is(s->p->spec[s->from], mark);
}

/* "foo@[]": a sender for qmail-send alone. */
static bool
is_special(const struct span *s)
{
	size_t n = span_len(s);

	return n >= 2 && token_is(span_at(s, n - 2), '@') &&
	       str_equal(span_at(s, n - 1)->raw, str_of("[]"));
}

/* Leave out a source route, and a '.' and an '@' at the end. */
static void
strip(struct span *s)
{
	if (span_len(s) > 0 && token_is(span_at(s, 0), '@'))
		while (s->to > s->from && !token_is(s->p->spec[--s->to], ':'))
			;
	if (last_is(s, '.'))
		s->from++;
	if (last_is(s, '@'))
		s->from++;
}

/* The index of the last '@'; the length where there is none. */
static size_t
find_at(const struct span *s)
{
	size_t n = span_len(s);

	for (size_t i = n; i-- > 0;)
		if (token_is(span_at(s, i), '@'))
			return i;
	return n;
}

/* Both forms of a token of an address.  Two words with nothing between them can
 * be shown, but are no address. */
static bool
put_token(struct out *o, const struct token *t, bool after_word)
{
	bool joined = after_word && token_is_word(t);

	if (joined && o->found != NULL) {
		errno = EINVAL;
		return false;
	}
	return (!joined || buf_append_byte(&o->shown, ' ')) &&
	       token_shown(t, &o->shown) && token_plain(t, &o->plain);
}

static bool
put_tokens(struct out *o, const struct span *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!put_token(o, span_at(s, i),
			i > from && token_is_word(span_at(s, i - 1))))
			return false;
	return true;
}

static bool
put_host(struct out *o, const struct span *s, size_t at)
{
	size_t n = span_len(s), from;

	buf_clear(&o->host);
	for (size_t i = at + 1; i < n; i++)
		if (!token_plain(span_at(s, i), &o->host))
			return false;
	if (!rewrite_domain_ok(buf_str(&o->host))) {
		errno = EINVAL;
		return o->found == NULL && put_tokens(o, s, at, n);
	}
	if (!buf_append_byte(&o->plain, '@'))
		return false;
	from = o->plain.len;
	return rewrite_domain(o->hosts, buf_str(&o->host), &o->plain) &&
	       buf_append_byte(&o->shown, '@') &&
	       buf_append_str(&o->shown,
		   str_slice(buf_str(&o->plain), from, o->plain.len));
}

/* Show an address, and find it. */
static bool
put_address(struct out *o, const struct parser *p, const struct part *part)
{
	struct span s = {p, part->from, part->to};
	size_t before = o->shown.len, at;
	bool ok = true;

	buf_clear(&o->plain);
	if (is_special(&s)) {
		ok = put_tokens(o, &s, 0, span_len(&s));
	} else {
		strip(&s);
		at = find_at(&s);
		if (span_len(&s) > 0)
			ok = put_tokens(o, &s, 0, at) && put_host(o, &s, at);
	}
	o->column += o->shown.len - before;
	if (!ok || o->found == NULL)
		return ok;
	if (!rewrite_address_ok(buf_str(&o->plain))) {
		errno = EINVAL;
		return false;
	}
	return buf_append_str(o->found, buf_str(&o->plain)) &&
	       buf_append_byte(o->found, '\0');
}

/* A blank, or a line end and a blank, before what takes len more. */
static bool
put_blank(struct out *o, size_t len)
{
	bool full = o->column + 2 + len > FOLD_WIDTH && o->column > 0;

	o->column = full ? 1 : o->column + 1;
	return buf_append_text(&o->shown, full ? "\n " : " ");
}

static bool
wants_blank(const struct out *o, const struct token *t)
{
	if (o->at == AT_START || o->at == AT_ANGLE)
		return false;
	if (t->kind != TOKEN_MARK)
		return o->at == AT_COLON || t->spaced || t->kind != TOKEN_ATOM;
	switch (t->raw.data[0]) {
	case '<':
		return true;
	case ';':
		return o->at == AT_COLON && t->spaced;
	case '.':
	case '@':
		return t->spaced;
	default:
		return false;
	}
}

static bool
put_loose(struct out *o, const struct token *t)
{
	size_t before;

	if (wants_blank(o, t) && !put_blank(o, t->raw.len))
		return false;
	before = o->shown.len;
	if (!token_shown(t, &o->shown))
		return false;
	o->column += o->shown.len - before;
	o->at = token_is(t, '<')   ? AT_ANGLE
		: token_is(t, ':') ? AT_COLON
				   : AT_WORD;
	return true;
}

static bool
put_part(struct out *o, const struct parser *p, const struct part *part)
{
	if (part->kind == PART_LOOSE)
		return put_loose(o, part->token);
	if ((o->at == AT_COLON || o->at == AT_WORD) && !put_blank(o, 0))
		return false;
	if (!put_address(o, p, part))
		return false;
	o->at = AT_WORD;
	return true;
}

static bool
is_comma(const struct part *part)
{
	return part->kind == PART_COMMA ||
	       (part->kind == PART_LOOSE && token_is(part->token, ','));
}

/* One element up to its comma; *i is the part before it, and behind it. */
static bool
put_element(struct out *o, const struct parser *p, size_t *i)
{
	bool comma = false;

	buf_clear(&o->shown);
	o->at = AT_START;
	o->column = 0;
	while (*i > 0 && !comma) {
		const struct part *part = &p->parts[--*i];

		comma = is_comma(part);
		if (comma ? !buf_append_byte(&o->shown, ',')
			  : !put_part(o, p, part))
			return false;
	}
	return fold_word(o->fold, buf_str(&o->shown));
}

static bool
write_list(struct out *o, const struct parser *p)
{
	size_t i = p->count;
	bool ok = true;

	while (i > 0 && ok)
		ok = put_element(o, p, &i);
	return ok;
}

static bool
parse(struct parser *p)
{
	p->left = p->in.count;
	p->word_ok = true;
	while (p->left > 0)
		if (!take(p)) {
			errno = EINVAL;
			return false;
		}
	flush(p);
	return true;
}

bool
addrlist_write(struct str text, const struct rewrite *hosts, struct fold *f,
    struct buf *found)
{
	struct parser p = {.count = 0};
	size_t max = f->out->max;
	struct out o = {.hosts = hosts,
	    .fold = f,
	    .found = found,
	    .shown.max = max,
	    .plain.max = max,
	    .host.max = max};
	bool ok;

	if (!tokens_read(&p.in, text))
		return false;
	/* A comma and the end of an address for each token, at most. */
	p.parts = calloc(3 * p.in.count + 3, sizeof(*p.parts));
	p.spec = calloc(p.in.count + 1, sizeof(const struct token *));
	ok = p.parts != NULL && p.spec != NULL && parse(&p) &&
	     write_list(&o, &p);
	free(p.parts);
	free(p.spec);
	tokens_free(&p.in);
	buf_free(&o.shown);
	buf_free(&o.plain);
	buf_free(&o.host);
	return ok;
}
