/* manual: the table of controls as people read it. */
#include "control/manual.h"
#include "control/rows.h"
#include "control/value.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 1024 }; /* of one formatted piece */

__attribute__((format(printf, 2, 3))) static bool
add(struct buf *b, const char *format, ...)
{
	char text[LONGEST];
	va_list rest;
	int n;

	va_start(rest, format);
	n = vsnprintf(text, sizeof text, format, rest);
	va_end(rest);
	return n >= 0 && n < LONGEST && buf_append(b, text, (size_t)n);
}

static bool
add_bounds(struct buf *b, const struct control_row *row)
{
	if (row->kind != KIND_NUMBER)
		return true;
	if (row->most == UINT64_MAX)
		return add(b, ", %" PRIu64 " or more", row->least);
	return add(b, ", %" PRIu64 " to %" PRIu64, row->least, row->most);
}

/* "me" for "=me". */
static const char *
preset(const struct control_row *row)
{
	if (row->preset == NULL)
		return "none";
	return strcmp(row->preset, "=me") == 0 ? "me" : row->preset;
}

static bool
add_readers(struct buf *b, const struct control_row *row, const char *before)
{
	const char *reader;

	for (size_t n = 0; (reader = row_reader(row, n)) != NULL; n++)
		if (!add(b, "%s%s", n == 0 ? before : ", ", reader))
			return false;
	return true;
}

static bool
add_mdoc_readers(struct buf *b, const struct control_row *row)
{
	const char *reader;

	for (size_t n = 0; (reader = row_reader(row, n)) != NULL; n++)
		if (!add(b, ".Xr %s 8%s\n", reader,
			row_reader(row, n + 1) == NULL ? "" : " ,"))
			return false;
	return true;
}

/* mdoc wants each sentence on a line of its own, and takes a line that begins
 * with a dot for a request. */
static bool
add_mdoc_text(struct buf *b, struct str text)
{
	bool ok = true, start = true;

	for (size_t i = 0; ok && i < text.len; i++) {
		bool end = text.data[i] == ' ' && i > 0 &&
			   text.data[i - 1] == '.' && i + 1 < text.len &&
			   text.data[i + 1] >= 'A' && text.data[i + 1] <= 'Z';

		ok = (!start || text.data[i] != '.' || add(b, "\\&")) &&
		     buf_append_byte(b, end ? '\n' : text.data[i]);
		start = end;
	}
	return ok && buf_append_byte(b, '\n');
}

static bool
add_mdoc(struct buf *b, const struct control_row *row)
{
	return add(b, ".It Cm %s\n%s", row->name, kind_name(row->kind)) &&
	       add_bounds(b, row) &&
	       add(b, "; default: %s; read by\n", preset(row)) &&
	       add_mdoc_readers(b, row) && add(b, ".br\n") &&
	       add_mdoc_text(b, str_of(row->summary));
}

bool
manual_mdoc(struct buf *b)
{
	for (enum control_id id = 0; id < CONTROL_COUNT; id++)
		if (!add_mdoc(b, control_row(id)))
			return false;
	return true;
}

bool
manual_text(struct buf *b)
{
	for (enum control_id id = 0; id < CONTROL_COUNT; id++) {
		const struct control_row *row = control_row(id);

		if (!add(b, "%-20s %s", row->name, kind_name(row->kind)) ||
		    !add_bounds(b, row) ||
		    !add(b, "; default: %s", preset(row)) ||
		    !add_readers(b, row, "; read by ") ||
		    !add(b, "\n    %s\n", row->summary))
			return false;
	}
	return true;
}

void
manual_json(struct json *j)
{
	json_list(j, NULL);
	for (enum control_id id = 0; id < CONTROL_COUNT; id++) {
		const struct control_row *row = control_row(id);
		const char *reader;

		json_object(j, NULL);
		json_text(j, "name", str_of(row->name));
		json_text(j, "kind", str_of(kind_name(row->kind)));
		json_text(j, "default", str_of(preset(row)));
		json_list(j, "readers");
		for (size_t n = 0; (reader = row_reader(row, n)) != NULL; n++)
			json_text(j, NULL, str_of(reader));
		json_list_end(j);
		json_text(j, "summary", str_of(row->summary));
		json_object_end(j);
	}
	json_list_end(j);
}
