/* show: a configuration as text that can be read again, and as JSON. */
#include "control/show.h"
#include "control/complaint.h"
#include "control/inside.h"
#include "control/rows.h"
#include "control/rule.h"
#include "lib/num.h"
#include <errno.h>
#include <stdio.h>

/* Call each(key, value, context) for what a LIST or MAP holds. */
static bool
walk(const struct controls *c, enum control_id id,
    bool (*each)(struct str key, struct str value, void *context),
    void *context)
{
	const struct value *v = control_value(c, id);
	const struct table *t = control_table(c, id);

	if (t != NULL)
		return table_walk(t, each, context);
	for (size_t i = 0; i < v->count; i++)
		if (!each(v->entries[i].key, v->entries[i].value, context))
			break;
	return true;
}

/* Where entries go. */
struct listing {
	struct buf *b;
	struct json *j;
	enum control_kind kind;
	bool failed;
};

static bool
add_entry(struct str key, struct str value, void *context)
{
	struct listing *l = context;

	l->failed =
	    !buf_append_byte(l->b, '\t') || !buf_append_str(l->b, key) ||
	    (kind_is_map(l->kind) && (!buf_append_byte(l->b, ':') ||
					 !buf_append_str(l->b, value))) ||
	    (l->kind == KIND_ACCESS && !rule_format(l->b, value)) ||
	    !buf_append_byte(l->b, '\n');
	return !l->failed;
}

static bool
show_list(struct buf *b, const struct controls *c, enum control_id id)
{
	const struct control_row *row = control_row(id);
	struct listing l = {b, NULL, row->kind, false};

	return buf_append_text(b, row->name) && buf_append_text(b, " {\n") &&
	       walk(c, id, add_entry, &l) && !l.failed &&
	       buf_append_text(b, "}\n");
}

static bool
show_line(struct buf *b, const struct controls *c, enum control_id id)
{
	struct str line = control_line(c, id);

	return buf_append_text(b, control_row(id)->name) &&
	       buf_append_text(b, line.len == 0 ? " =" : " = ") &&
	       buf_append_str(b, line) && buf_append_byte(b, '\n');
}

bool
show_row(struct buf *b, const struct controls *c, enum control_id id)
{
	const struct control_row *row = control_row(id);
	bool present = control_present(c, id);

	if (present && kind_has_lines(row->kind))
		return show_list(b, c, id);
	if (present)
		return show_line(b, c, id);
	if (!buf_append_text(b, "# "))
		return false;
	if (row->preset != NULL)
		return show_line(b, c, id);
	return buf_append_text(b, row->name) && buf_append_text(b, ": none\n");
}

static bool
add_member(struct str key, struct str value, void *context)
{
	struct listing *l = context;
	struct buf rule = {0};

	if (l->kind == KIND_LIST || l->kind == KIND_NETWORKS ||
	    l->kind == KIND_SERVERS || l->kind == KIND_TEXT) {
		json_text(l->j, NULL, key);
		return true;
	}
	if (l->kind == KIND_ACCESS && !rule_format(&rule, value)) {
		l->failed = true;
		buf_free(&rule);
		return false;
	}
	json_object(l->j, NULL);
	json_text(l->j, "key", key);
	json_text(l->j, "value",
	    rule.len > 0 ? str_slice(buf_str(&rule), 1, rule.len) : value);
	json_object_end(l->j);
	buf_free(&rule);
	return true;
}

/* "text" or "cdb" where there is a file, "default" where there is none, "none"
 * without either. */
static const char *
source(const struct controls *c, enum control_id id)
{
	if (control_table(c, id) != NULL)
		return "cdb";
	if (control_present(c, id))
		return "text";
	return control_row(id)->preset == NULL ? "none" : "default";
}

static bool
json_of_list(struct json *j, const struct controls *c, enum control_id id)
{
	struct listing l = {NULL, j, control_row(id)->kind, false};
	bool ok;

	json_list(j, "value");
	/* A list whose default is me. */
	if (!control_present(c, id) && control_row(id)->preset != NULL)
		json_text(j, NULL, control_line(c, id));
	ok = walk(c, id, add_member, &l) && !l.failed;
	json_list_end(j);
	return ok;
}

bool
show_json(struct json *j, const struct controls *c, enum control_id id)
{
	const struct control_row *row = control_row(id);
	bool ok = true;

	json_object(j, row->name);
	json_text(j, "kind", str_of(kind_name(row->kind)));
	json_text(j, "source", str_of(source(c, id)));
	if (kind_has_lines(row->kind))
		ok = json_of_list(j, c, id);
	else if (row->kind == KIND_NUMBER)
		json_number(j, "value", control_number(c, id));
	else if (control_present(c, id) || row->preset != NULL)
		json_text(j, "value", control_line(c, id));
	else
		json_null(j, "value");
	json_object_end(j);
	return ok;
}

/* Reading: what remains, and the number of the line taken last. */
struct scan {
	struct str rest;
	size_t line;
	struct buf *error;
};

static bool
wrong(struct scan *s, const char *what)
{
	char where[sizeof "line " + NUM_SIZE] = "line ";

	(void)num_format(where + sizeof "line " - 1, s->line);
	return complaint(s->error, where, what);
}

/* The entries up to "}", as the file of the list would hold them. */
static bool
read_entries(struct scan *s, bool all, struct buf *text)
{
	struct str line;

	while (str_cut(&s->rest, '\n', &line)) {
		s->line++;
		if (str_equal(line, str_of("}")))
			return true;
		if (line.len < 1 || line.data[0] != '\t')
			return wrong(s, "neither a tab and an entry nor \"}\"");
		/* An entry that a file would pass over is none. */
		if (!all && (line.len < 2 || line.data[1] == '#'))
			return wrong(s, "not an entry");
		if (!buf_append_str(text, str_slice(line, 1, line.len)) ||
		    !buf_append_byte(text, '\n'))
			return complaint_errno(s->error, "the text");
	}
	return wrong(s, "the list has no \"}\"");
}

static bool
read_control(struct scan *s, struct controls *c, struct str line)
{
	size_t blank = str_find(line, ' ');
	struct str rest = str_slice(line, blank + 1, line.len);
	struct buf text = {.max = VALUE_LIST_FILE};
	enum control_id id;
	bool list = str_equal(rest, str_of("{")), ok = true;

	if (!row_find(str_slice(line, 0, blank), &id))
		return wrong(s, "no control has this name");
	if (control_present(c, id))
		return wrong(s, "this control comes twice");
	if (list != kind_has_lines(control_row(id)->kind))
		return wrong(s, list ? "this control is no list"
				     : "this control is a list");
	if (list)
		ok = read_entries(s, control_row(id)->kind == KIND_TEXT, &text);
	else if (rest.len == 0 || rest.data[0] != '=' ||
		 (rest.len > 1 && rest.data[1] != ' '))
		ok = wrong(s, "neither \"NAME = VALUE\" nor \"NAME {\"");
	else
		ok = buf_append_str(&text, str_slice(rest, 2, rest.len)) ||
		     complaint_errno(s->error, "the text");
	ok = ok && control_set(c, id, buf_str(&text), s->error);
	buf_free(&text);
	return ok;
}

bool
show_parse(struct controls *c, struct str text, struct buf *error)
{
	struct scan s = {text, 0, error};
	struct str line;

	while (str_cut(&s.rest, '\n', &line)) {
		s.line++;
		if (line.len > 0 && line.data[0] != '#' &&
		    !read_control(&s, c, line))
			return false;
	}
	return true;
}
