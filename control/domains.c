/* domains: what users/passwd and control/ say of whole domains. */
#include "control/domains.h"
#include "control/complaint.h"
#include "control/control.h"
#include "control/file.h"
#include "control/value.h"
#include "lib/address.h"
#include "lib/cdb.h"
#include "lib/json.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Kinds, the first that a domain has being its own: whose its mail is. */
enum kind { LOCAL, USER, ALIAS, MAILBOXES, RELAY, KINDS };

static const char *const kind_names[KINDS] = {
    "local", "user", "alias", "mailboxes", "relay"};

struct row {
	struct str domain;
	enum kind kind;
	struct str detail;
	size_t mailboxes;
	bool accepted;
};

struct rows {
	struct row *list;
	size_t count, room;
	enum kind kind; /* of what is added */
	bool failed;
};

static struct str
domain_of(const struct mailbox *box)
{
	struct str local, domain;

	address_split(box->address, &local, &domain);
	return domain;
}

static bool
is_domain(const struct mailbox *box)
{
	return box->address.data[0] == '@';
}

size_t
domains_mailboxes(const struct mailboxes *m, struct str domain)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += !is_domain(&m->list[i]) &&
		     str_equal_nocase(domain_of(&m->list[i]), domain);
	return n;
}

bool
domains_has(const struct mailboxes *m, struct str domain)
{
	for (size_t i = 0; i < m->count; i++)
		if (str_equal_nocase(domain_of(&m->list[i]), domain))
			return true;
	return false;
}

const struct mailbox *
domains_alias(const struct mailboxes *m, struct str domain)
{
	struct str other;

	for (size_t i = 0; i < m->count; i++)
		if (users_alias(&m->list[i].record, &other) &&
		    str_equal_nocase(other, domain))
			return &m->list[i];
	return NULL;
}

static void
add(struct rows *rows, struct row row)
{
	if (rows->count == rows->room) {
		size_t room = rows->room == 0 ? 64 : 2 * rows->room;
		struct row *grown = realloc(rows->list, room * sizeof *grown);

		if (grown == NULL) {
			rows->failed = true;
			return;
		}
		rows->list = grown;
		rows->room = room;
	}
	rows->list[rows->count++] = row;
}

/* What a mailbox, or the line of a domain, says of its domain. */
static void
add_mailbox(struct rows *rows, const struct mailbox *box)
{
	struct row row = {.domain = domain_of(box), .kind = MAILBOXES};
	struct str other;

	if (!is_domain(box))
		row.mailboxes = 1;
	else if (users_alias(&box->record, &other)) {
		row.kind = ALIAS;
		row.detail = other;
	} else
		row.detail = box->record.forward.len > 0 ? box->record.forward
							 : box->record.place;
	add(rows, row);
}

static bool
add_entry(struct str key, struct str value, void *context)
{
	struct rows *rows = context;
	/* An address of virtualdomains is no domain, nor is an exception. */
	bool domain = key.len > 0 && str_find(key, '@') == key.len &&
		      (rows->kind != USER || value.len > 0);

	if (domain)
		add(rows, (struct row){.domain = key,
			      .kind = rows->kind,
			      .detail = value,
			      .accepted = rows->kind == RELAY});
	return true;
}

/* A list of control/ as its text has it, without one its table. */
struct source {
	enum control_id id;
	enum kind kind;
	struct value value;
	struct table *table;
};

static bool
add_source(struct rows *rows, struct source *s, int dirfd, struct buf *error)
{
	const struct control_row *row = control_row(s->id);
	char name[FILE_NAME];
	struct stat st;

	rows->kind = s->kind;
	if (!file_look(dirfd, row->name, &st))
		return file_failed(error, row->name);
	if (file_there(&st)) {
		if (!file_read(dirfd, row, &s->value, error))
			return false;
		for (size_t i = 0; i < s->value.count; i++)
			(void)add_entry(s->value.entries[i].key,
			    s->value.entries[i].value, rows);
		return true;
	}
	file_table_name(name, row);
	s->table = table_open(dirfd, name);
	if (s->table == NULL)
		return errno == ENOENT || file_failed(error, name);
	return table_walk(s->table, add_entry, rows) ||
	       file_failed(error, name);
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = mailboxes_compare(x->domain, y->domain);

	return c != 0 ? c : (int)x->kind - (int)y->kind;
}

/* One row of each domain. */
static void
merge(struct rows *rows)
{
	size_t kept = 0;

	if (rows->count > 0)
		qsort(rows->list, rows->count, sizeof *rows->list, compare);
	for (size_t i = 0; i < rows->count; i++) {
		struct row *row = &rows->list[i];
		struct row *last = &rows->list[kept - (kept > 0)];

		if (kept == 0 ||
		    mailboxes_compare(last->domain, row->domain) != 0) {
			rows->list[kept++] = *row;
			continue;
		}
		last->mailboxes += row->mailboxes;
		last->accepted = last->accepted || row->accepted;
		if (last->kind == row->kind && last->detail.len == 0)
			last->detail = row->detail;
	}
	rows->count = kept;
}

static bool
print_json(const struct rows *rows)
{
	struct json j = {.out = {.max = MAILBOXES_FILE}};
	bool ok;

	json_list(&j, NULL);
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->list[i];

		json_object(&j, NULL);
		json_text(&j, "domain", row->domain);
		json_text(&j, "kind", str_of(kind_names[row->kind]));
		json_bool(&j, "accepted", row->accepted);
		json_number(&j, "mailboxes", row->mailboxes);
		json_text(&j, "detail", row->detail);
		json_object_end(&j);
	}
	json_list_end(&j);
	ok = json_print(&j, STDOUT_FILENO);
	buf_free(&j.out);
	return ok;
}

static bool
print_table(const struct rows *rows)
{
	printf("%-32s %-10s %-9s %9s  %s\n", "domain", "kind", "accepted",
	    "mailboxes", "detail");
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->list[i];

		printf("%-32.*s %-10s %-9s %9zu  %.*s\n", (int)row->domain.len,
		    row->domain.data, kind_names[row->kind],
		    row->accepted ? "yes" : "no", row->mailboxes,
		    (int)row->detail.len, row->detail.data);
	}
	return true;
}

bool
domains_print(
    const struct mailboxes *m, int dirfd, bool json, struct buf *error)
{
	struct source sources[] = {
	    {.id = C_locals,         .kind = LOCAL},
	    {.id = C_virtualdomains, .kind = USER },
	    {.id = C_rcpthosts,      .kind = RELAY},
	    {.id = C_morercpthosts,  .kind = RELAY},
	};
	enum { SOURCES = sizeof sources / sizeof *sources };
	struct rows rows = {.list = NULL};
	bool ok = true;

	for (size_t i = 0; i < m->count; i++)
		add_mailbox(&rows, &m->list[i]);
	for (size_t i = 0; ok && i < SOURCES; i++)
		ok = add_source(&rows, &sources[i], dirfd, error);
	merge(&rows);
	if (ok &&
	    (rows.failed || !(json ? print_json(&rows) : print_table(&rows))))
		ok = complaint_errno(error, "the list");
	free(rows.list);
	for (size_t i = 0; i < SOURCES; i++) {
		value_free(&sources[i].value);
		table_close(sources[i].table);
	}
	return ok;
}
