/* value: what one control file says, taken apart as its row wants. */
#include "control/value.h"
#include "control/rule.h"
#include "control/way.h"
#include "lib/address.h"
#include "lib/ip.h"
#include "lib/num.h"
#include "lib/span.h"
#include "lib/utf8.h"
#include "wire/saslname.h"
#include "wire/users.h"
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [KIND_LINE] = "LINE",
    [KIND_NAME] = "NAME",
    [KIND_NUMBER] = "NUMBER",
    [KIND_LIST] = "LIST",
    [KIND_MAP] = "MAP",
    [KIND_ACCESS] = "ACCESS",
    [KIND_NETWORKS] = "NETWORKS",
    [KIND_SERVERS] = "SERVERS",
    [KIND_ROUTES] = "ROUTES",
    [KIND_SENDERS] = "SENDERS",
    [KIND_SOURCES] = "SOURCES",
    [KIND_TIMES] = "TIMES",
    [KIND_RATES] = "RATES",
    [KIND_POLICIES] = "POLICIES",
    [KIND_QUOTA] = "QUOTA",
    [KIND_ANSWER] = "ANSWER",
    [KIND_TEXT] = "TEXT",
    [KIND_MECHANISMS] = "MECHANISMS",
};

const char *
kind_name(enum control_kind kind)
{
	return kind_names[kind];
}

/* Its lines are rule.h's to take apart. */
static bool
kind_is_ruled(enum control_kind kind)
{
	return kind == KIND_ACCESS || kind == KIND_NETWORKS;
}

bool
kind_is_way(enum control_kind kind)
{
	return kind == KIND_ROUTES || kind == KIND_SENDERS ||
	       kind == KIND_SOURCES;
}

/* Its lines are way.h's to cut. */
static bool
kind_is_cut(enum control_kind kind)
{
	return kind_is_way(kind) || kind == KIND_POLICIES;
}

bool
kind_is_map(enum control_kind kind)
{
	return kind == KIND_MAP || kind == KIND_RATES || kind_is_cut(kind);
}

bool
kind_is_list(enum control_kind kind)
{
	return kind == KIND_LIST || kind_is_map(kind) || kind_is_ruled(kind);
}

bool
kind_has_lines(enum control_kind kind)
{
	return kind_is_list(kind) || kind == KIND_SERVERS || kind == KIND_TEXT;
}

static bool
faulty(struct fault *f, const char *what, struct str near)
{
	f->what = what;
	f->near = near;
	return false;
}

/* s without the blanks at its end.  A CR stays, to be complained about. */
static struct str
trim_end(struct str s)
{
	while (s.len > 0 &&
	       (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Bytes that no line may hold, whatever its kind. */
static bool
text_ok(struct str s, struct fault *f)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c == '\r' && i == s.len - 1)
			return faulty(f, "ends with a carriage return",
			    str_slice(s, 0, i));
		if (c < ' ' || c == 0x7f)
			return faulty(
			    f, "control byte within the line", (struct str){0});
	}
	if (!utf8_valid(s))
		return faulty(f, "neither ASCII nor UTF-8", (struct str){0});
	return true;
}

static bool
literal_ok(struct str s)
{
	struct buf path = {0}, parts = {0};
	struct address a;
	bool ok;

	ok = buf_append_text(&path, "x@") && buf_append_str(&path, s) &&
	     address_parse(buf_str(&path), false, &parts, &a) == ADDRESS_OK &&
	     a.literal;
	buf_free(&path);
	buf_free(&parts);
	return ok;
}

static bool
name_ok(struct str s, struct fault *f)
{
	bool ok = s.len > 0 && s.data[0] == '[' ? literal_ok(s)
						: address_domain_ok(s, true);

	return ok || faulty(f, "not a host name", s);
}

static bool
parse_number(struct value *v, const struct control_row *row, struct fault *f)
{
	if (!num_parse(v->line, UINT64_MAX, &v->number))
		return faulty(f, "not a number", v->line);
	if (v->number < row->least)
		return faulty(f, "too small a number", v->line);
	if (v->number > row->most)
		return faulty(f, "too large a number", v->line);
	return true;
}

static bool
parse_quota(const struct value *v, struct fault *f)
{
	uint64_t bytes, messages;

	return users_parse_quota(v->line, &bytes, &messages) ||
	       faulty(f, "not a quota like 1000000S,500C", v->line);
}

static bool
parse_answer(const struct value *v, struct fault *f)
{
	return str_equal(v->line, str_of("defer")) ||
	       str_equal(v->line, str_of("refuse")) ||
	       faulty(f, "neither defer nor refuse", v->line);
}

/* The first line of rest that is neither empty nor a comment, counted in
 * *line; false when there is none. */
static bool
next_line(struct str *rest, size_t *line, struct str *out)
{
	while (str_cut(rest, '\n', out)) {
		++*line;
		*out = trim_end(*out);
		if (out->len > 0 && out->data[0] != '#')
			return true;
	}
	return false;
}

static bool
parse_line(struct value *v, const struct control_row *row, struct fault *f)
{
	struct str rest = buf_str(&v->text), idle, bad;
	uint32_t pauses[SPAN_LIST];
	size_t line = 1, count;

	f->line = 1;
	(void)str_cut(&rest, '\n', &v->line);
	v->line = trim_end(v->line);
	if (next_line(&rest, &line, &idle))
		v->idle_line = line;
	if (!text_ok(v->line, f))
		return false;
	if (row->kind == KIND_NAME)
		return name_ok(v->line, f);
	if (row->kind == KIND_NUMBER)
		return parse_number(v, row, f);
	if (row->kind == KIND_QUOTA)
		return parse_quota(v, f);
	if (row->kind == KIND_ANSWER)
		return parse_answer(v, f);
	if (row->kind == KIND_TIMES &&
	    !span_parse_list(v->line, pauses, &count))
		return faulty(f, "no list of times like 5m 2h", v->line);
	if (row->kind == KIND_MECHANISMS && !saslname_all(v->line, &bad))
		return faulty(f, "no mechanism of AUTH", bad);
	return true;
}

static bool
parse_entry(
    struct str s, enum control_kind kind, struct entry *e, struct fault *f)
{
	size_t colon = kind_is_map(kind) ? str_find(s, ':') : s.len;
	struct ip server;
	uint16_t port;
	int64_t spacing;

	if (!text_ok(s, f))
		return false;
	if (kind_is_map(kind) && colon == s.len)
		return faulty(f, "no colon", s);
	e->key = str_slice(s, 0, colon);
	e->value = str_slice(s, colon + 1, s.len);
	if (kind == KIND_SERVERS && !ip_parse_server(s, 1, &server, &port))
		return faulty(f, "neither ADDRESS nor ADDRESS:PORT", s);
	if (kind == KIND_RATES && !span_parse_rate(e->value, &spacing))
		return faulty(f, "not a rate like 100/h", e->value);
	if (str_find(e->key, ' ') < e->key.len)
		return faulty(f, "blank within the key", e->key);
	if (e->key.len > VALUE_KEY)
		return faulty(f, "the key is too long", (struct str){0});
	return true;
}

/* A line whose key is looked up in another form than it is written in. */
static bool
parse_way(struct value *v, struct str s, enum control_kind kind,
    struct entry *e, struct fault *f)
{
	if (!text_ok(s, f)) {
		/* A password is not shown. */
		f->near = (struct str){0};
		return false;
	}
	if (!way_cut(s, kind, &v->made, &e->value, f))
		return false;
	return buf_append_byte(&v->made, '\0') ||
	       faulty(f, "out of memory", (struct str){0});
}

/* Now that they do not move any more. */
static void
point_to_keys(struct value *v)
{
	struct str rest = buf_str(&v->made);

	for (size_t i = 0; i < v->count; i++)
		(void)str_cut(&rest, '\0', &v->entries[i].key);
}

static bool
make_room(struct value *v, size_t *room)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	struct entry *grown;

	if (v->count < *room)
		return true;
	grown = realloc(v->entries, more * sizeof *grown);
	if (grown == NULL)
		return false;
	v->entries = grown;
	*room = more;
	return true;
}

static int
compare_keys(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n == 0 ? 0 : memcmp(a.data, b.data, n);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* By key, and in the file's order where keys are the same; a key may stand
 * elsewhere, a value is always a view into its line, if only its end. */
static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = compare_keys(x->key, y->key);

	return c != 0 ? c
		      : (x->value.data > y->value.data) -
			    (x->value.data < y->value.data);
}

/* The number of the line that at stands in. */
static size_t
line_of(const struct value *v, const char *at)
{
	size_t n = 1;

	for (const char *p = v->text.data; p < at; p++)
		n += *p == '\n';
	return n;
}

/* Of a key's entries the last one counts, as in qmail's constmap; of ACCESS the
 * first, as in tcprules' cdb. */
static void
keep_first(struct value *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		const struct entry *last = &v->entries[kept - (kept > 0)];

		if (kept == 0 || !str_equal(e->key, last->key))
			v->entries[kept++] = *e;
		else if (v->idle_line == 0 && !str_equal(e->value, last->value))
			v->idle_line = rule_line(e->key);
	}
	v->count = kept;
}

static void
keep_last(struct value *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];

		if (i + 1 == v->count || !str_equal(e->key, e[1].key))
			v->entries[kept++] = *e;
		else if (v->idle_line == 0 && !str_equal(e->value, e[1].value))
			v->idle_line = line_of(v, e->value.data);
	}
	v->count = kept;
}

static void
fold(struct value *v)
{
	for (size_t i = 0; i < v->count; i++) {
		char *key =
		    v->text.data + (v->entries[i].key.data - v->text.data);

		for (size_t k = 0; k < v->entries[i].key.len; k++)
			key[k] = str_lower(key[k]);
	}
}

static bool
without_memory(struct fault *f)
{
	f->line = 0;
	return faulty(f, "out of memory", (struct str){0});
}

/* A line may make many entries, which have a text of their own. */
static bool
parse_rules(struct value *v, enum control_kind kind, struct fault *f)
{
	struct str rest = buf_str(&v->text), line;
	struct rule r;
	size_t room = 0;

	v->made.max = VALUE_LIST_FILE;
	while (next_line(&rest, &f->line, &line))
		if (!text_ok(line, f) ||
		    !(kind == KIND_ACCESS
			    ? rule_compile(line, f->line, &v->made, f)
			    : rule_compile_network(line, f->line, &v->made, f)))
			return false;
	rest = buf_str(&v->made);
	while (rule_next(&rest, &r)) {
		if (!make_room(v, &room))
			return without_memory(f);
		v->entries[v->count++] = (struct entry){r.key, r.value};
	}
	if (v->count > 0)
		qsort(
		    v->entries, v->count, sizeof *v->entries, compare_entries);
	keep_first(v);
	return true;
}

/* A field of a header, or what continues one. */
static bool
is_header_line(struct str s, bool first)
{
	size_t colon = str_find(s, ':');

	if (!first && s.data[0] == ' ')
		return true;
	return colon > 0 && colon < s.len && str_find(s, ' ') > colon;
}

/* A message: header, empty line, body. */
static bool
parse_text(struct value *v, struct fault *f)
{
	struct str rest = buf_str(&v->text), line;
	bool header = true;
	size_t room = 0;

	while (str_cut(&rest, '\n', &line)) {
		f->line++;
		header = header && line.len > 0;
		if (!make_room(v, &room))
			return without_memory(f);
		if (!text_ok(line, f))
			return false;
		if (line.len > VALUE_TEXT_LINE)
			return faulty(
			    f, "the line is too long", (struct str){0});
		if (header && !is_header_line(line, f->line == 1))
			return faulty(f, "not a line of a header", line);
		v->entries[v->count++] = (struct entry){.key = line};
	}
	return true;
}

static bool
parse_list(struct value *v, const struct control_row *row, struct fault *f)
{
	struct str rest = buf_str(&v->text), line;
	size_t room = 0;

	bool way = kind_is_cut(row->kind);
	struct entry *e;

	f->line = 0;
	v->made.max = VALUE_LIST_FILE;
	while (next_line(&rest, &f->line, &line)) {
		if (!make_room(v, &room))
			return without_memory(f);
		e = &v->entries[v->count];
		if (!(way ? parse_way(v, line, row->kind, e, f)
			  : parse_entry(line, row->kind, e, f)))
			return false;
		v->count++;
	}
	if (way)
		point_to_keys(v);
	else
		fold(v);
	if (row->kind == KIND_SERVERS)
		return true;
	if (v->count > 0)
		qsort(
		    v->entries, v->count, sizeof *v->entries, compare_entries);
	keep_last(v);
	return true;
}

bool
value_parse(struct value *v, const struct control_row *row, struct fault *fault)
{
	*fault = (struct fault){0};
	v->present = true;
	if (kind_is_ruled(row->kind))
		return parse_rules(v, row->kind, fault);
	if (row->kind == KIND_TEXT)
		return parse_text(v, fault);
	return kind_has_lines(row->kind) ? parse_list(v, row, fault)
					 : parse_line(v, row, fault);
}

void
value_free(struct value *v)
{
	buf_free(&v->text);
	buf_free(&v->made);
	free(v->entries);
	*v = (struct value){0};
}

static int
compare_to_key(const void *key, const void *entry)
{
	return compare_keys(
	    *(const struct str *)key, ((const struct entry *)entry)->key);
}

const struct entry *
value_find(const struct value *v, struct str key)
{
	if (v->count == 0)
		return NULL;
	return bsearch(
	    &key, v->entries, v->count, sizeof *v->entries, compare_to_key);
}

void
fault_write(struct buf *b, const char *name, const struct fault *fault)
{
	buf_clear(b);
	if (!buf_append_text(b, "control/") || !buf_append_text(b, name) ||
	    (fault->line > 0 && (!buf_append_byte(b, ':') ||
				    !buf_append_number(b, fault->line))) ||
	    !buf_append_text(b, ": ") || !buf_append_text(b, fault->what) ||
	    (fault->near.len > 0 && (!buf_append_text(b, ": ") ||
					!buf_append_str(b, fault->near))) ||
	    !buf_terminate(b))
		return;
}
