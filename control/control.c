/* control: the settings in control/, read through one table (controls.def). */
#include "control/control.h"
#include "control/file.h"
#include "control/inside.h"
#include "control/value.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/num.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct slot {
	bool known; /* it was read, and the stamps are of what was read */
	bool noticed;
	uint64_t version;                    /* how often it was read */
	struct stat text_stamp, table_stamp; /* all zero: no such file */
	struct value value;
	struct table *table; /* rules over value where it is there */
};

struct controls {
	int dirfd;
	enum control_reader reader;
	struct slot slots[CONTROL_COUNT];
	struct buf error, notice;
	bool well;      /* the last refresh found all of it well, */
	int64_t looked; /* at this time of the boot clock */
	int64_t moved;  /* the folder's mtime, microseconds; 0: not settled */
};

struct controls *
control_new(int dirfd, enum control_reader reader)
{
	struct controls *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->dirfd = dirfd;
	c->reader = reader;
	return c;
}

static void
slot_free(struct slot *s)
{
	value_free(&s->value);
	table_close(s->table);
	*s = (struct slot){0};
}

void
control_free(struct controls *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CONTROL_COUNT; i++)
		slot_free(&c->slots[i]);
	buf_free(&c->error);
	buf_free(&c->notice);
	free(c);
}

/* Read the files that the stamps in fresh tell of. */
static bool
load(struct controls *c, const struct control_row *row, struct slot *fresh,
    const char *table)
{
	if (file_there(&fresh->table_stamp)) {
		fresh->table = table_open(c->dirfd, table);
		return fresh->table != NULL || file_failed(&c->error, table);
	}
	return !file_there(&fresh->text_stamp) ||
	       file_read(c->dirfd, row, &fresh->value, &c->error);
}

bool
control_refresh_row(struct controls *c, enum control_id id)
{
	const struct control_row *row = control_row(id);
	struct slot *old = &c->slots[id], fresh = {.known = true};
	char table[FILE_NAME];

	file_table_name(table, row);
	if (!file_look(c->dirfd, row->name, &fresh.text_stamp))
		return file_failed(&c->error, row->name);
	if (kind_is_list(row->kind) &&
	    !file_look(c->dirfd, table, &fresh.table_stamp))
		return file_failed(&c->error, table);
	if (old->known && file_same(&old->text_stamp, &fresh.text_stamp) &&
	    file_same(&old->table_stamp, &fresh.table_stamp))
		return true;
	/* Not known until it was read: a file that does not parse is read
	 * again each time, so that the caller goes on deferring. */
	old->known = false;
	if (!load(c, row, &fresh, table))
		return false;
	fresh.version = old->version + 1;
	slot_free(old);
	*old = fresh;
	return true;
}

/* The row is one that a refresh of all reads. */
static bool
is_due(const struct controls *c, enum control_id id)
{
	unsigned readers = control_row(id)->readers;

	return (readers & (unsigned)c->reader) != 0 &&
	       ((readers & CONTROL_LATE) == 0 || c->reader == CONTROL_TOOLS);
}

bool
control_refresh(struct controls *c)
{
	struct buf first = {0};
	bool ok = true;

	c->looked = clock_boot();
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		if (!is_due(c, (enum control_id)i) ||
		    control_refresh_row(c, (enum control_id)i) || !ok)
			continue;
		ok = false;
		first = c->error;
		c->error = (struct buf){0};
	}
	buf_free(&c->error);
	c->error = first;
	c->well = ok;
	return ok;
}

bool
control_refresh_lately(struct controls *c)
{
	uint64_t past = (uint64_t)(clock_boot() - c->looked);

	return (c->well && past < CONTROL_LATELY) || control_refresh(c);
}

bool
control_moved(struct controls *c)
{
	enum { TICK = 50000 }; /* microseconds within which stamps are equal */
	struct stat st;
	int64_t moved;

	if (fstatat(c->dirfd, ".", &st, 0) != 0)
		return true;
	moved =
	    (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	if (moved == c->moved)
		return false;
	c->moved = clock_wall() - moved < TICK ? 0 : moved;
	return true;
}

uint64_t
control_version(const struct controls *c, enum control_id id)
{
	return c->slots[id].version;
}

const char *
control_error(const struct controls *c)
{
	return c->error.len == 0 ? "" : c->error.data;
}

const char *
control_notice(struct controls *c)
{
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		const char *name = control_row((enum control_id)i)->name;
		struct slot *s = &c->slots[i];
		struct fault f = {0,
		    "newer than its cdb, which rules; run "
		    "\"culver control build\"",
		    {0}};

		if (s->table == NULL || s->noticed ||
		    !file_newer(&s->text_stamp, &s->table_stamp))
			continue;
		s->noticed = true;
		fault_write(&c->notice, name, &f);
		if (c->notice.len > 0)
			return c->notice.data;
	}
	return NULL;
}

bool
control_set(
    struct controls *c, enum control_id id, struct str text, struct buf *error)
{
	struct slot *s = &c->slots[id];
	struct fault f = {0, "out of memory", {0}};

	slot_free(s);
	s->value.text.max = VALUE_LIST_FILE;
	if (buf_append_str(&s->value.text, text) &&
	    value_parse(&s->value, control_row(id), &f)) {
		s->known = true;
		return true;
	}
	fault_write(error, control_row(id)->name, &f);
	slot_free(s);
	return false;
}

bool
control_known(const struct controls *c, enum control_id id)
{
	const struct slot *s = &c->slots[id];

	return s->known || s->value.present || s->table != NULL;
}

const struct value *
control_value(const struct controls *c, enum control_id id)
{
	return &c->slots[id].value;
}

const struct table *
control_table(const struct controls *c, enum control_id id)
{
	return c->slots[id].table;
}

/* The slot of a row that this reader may read. */
static const struct slot *
slot_of(const struct controls *c, enum control_id id)
{
	if ((control_row(id)->readers & (unsigned)c->reader) == 0)
		bug("a control that its program does not read");
	return &c->slots[id];
}

static bool
preset_is_me(enum control_id id)
{
	const char *preset = control_row(id)->preset;

	return preset != NULL && strcmp(preset, "=me") == 0;
}

bool
control_present(const struct controls *c, enum control_id id)
{
	const struct slot *s = slot_of(c, id);

	return s->value.present || s->table != NULL;
}

struct str
control_line(const struct controls *c, enum control_id id)
{
	const struct slot *s = slot_of(c, id);
	const char *preset = control_row(id)->preset;

	if (s->value.present)
		return s->value.line;
	if (preset_is_me(id))
		return control_line(c, C_me);
	return str_of(preset == NULL ? "" : preset);
}

uint64_t
control_number(const struct controls *c, enum control_id id)
{
	const struct control_row *row = control_row(id);
	const struct slot *s = slot_of(c, id);
	uint64_t n;

	if (s->value.present)
		return s->value.number;
	if (row->preset == NULL ||
	    !num_parse(str_of(row->preset), UINT64_MAX, &n))
		bug("a number's default is no number");
	return n;
}

static enum found
find_folded(const struct controls *c, enum control_id id, struct str key,
    struct str *value)
{
	const struct slot *s = slot_of(c, id);
	const struct entry *e;

	if (s->table != NULL)
		return table_find(s->table, key, value);
	if (!s->value.present)
		return preset_is_me(id) &&
			       str_equal_nocase(key, control_line(c, C_me))
			   ? FOUND_YES
			   : FOUND_NO;
	e = value_find(&s->value, key);
	if (e != NULL && value != NULL)
		*value = e->value;
	return e == NULL ? FOUND_NO : FOUND_YES;
}

/* Copy key in lower case to bytes; false when it is longer than any key. */
static bool
fold(struct str *key, char bytes[VALUE_KEY])
{
	if (key->len > VALUE_KEY)
		return false;
	for (size_t i = 0; i < key->len; i++)
		bytes[i] = str_lower(key->data[i]);
	key->data = bytes;
	return true;
}

enum found
control_find(const struct controls *c, enum control_id id, struct str key,
    struct str *value)
{
	char bytes[VALUE_KEY];

	if (!fold(&key, bytes))
		return FOUND_NO;
	return find_folded(c, id, key, value);
}

bool
control_server(
    const struct controls *c, enum control_id id, size_t n, struct str *server)
{
	const struct value *v = &slot_of(c, id)->value;

	if (n >= v->count)
		return false;
	*server = v->entries[n].key;
	return true;
}

enum found
control_find_domain(const struct controls *c, enum control_id id,
    struct str domain, struct str *value)
{
	char bytes[VALUE_KEY];
	enum found f;

	if (!fold(&domain, bytes))
		return FOUND_NO;
	f = find_folded(c, id, domain, value);
	for (size_t i = 1; i < domain.len && f == FOUND_NO; i++)
		if (domain.data[i] == '.')
			f = find_folded(
			    c, id, str_slice(domain, i, domain.len), value);
	if (f == FOUND_NO && kind_is_map(control_row(id)->kind))
		f = find_folded(c, id, (struct str){"", 0}, value);
	return f;
}
