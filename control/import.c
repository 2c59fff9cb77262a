/* import: mailboxes of other mail servers' tables; see import.h. */
#include "control/import.h"
#include "control/complaint.h"
#include "control/password.h"
#include "lib/cdb.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

NO_RETURN static void
die_memory(void)
{
	errno = ENOMEM;
	die_temp("unable to import");
}

static void
must(bool ok)
{
	if (!ok)
		die_memory();
}

/* What somebody at a terminal sees meanwhile, a few times a second. */
static struct {
	const char *what;
	size_t of;
	int64_t next; /* boot clock; INT64_MAX: nobody looks */
	bool shown;
} progress;

static void
begin(const char *what, size_t of)
{
	enum { FIRST = 500000 }; /* microseconds; before, nobody waits */

	progress.what = what;
	progress.of = of;
	progress.shown = false;
	progress.next =
	    isatty(STDERR_FILENO) ? clock_boot() + FIRST : INT64_MAX;
}

static void
tell(size_t done)
{
	enum { PAUSE = 200000 };

	if (progress.next == INT64_MAX || clock_boot() < progress.next)
		return;
	(void)fprintf(
	    stderr, "\r\033[K%s: %zu of %zu", progress.what, done, progress.of);
	progress.shown = true;
	progress.next = clock_boot() + PAUSE;
}

static void
end(void)
{
	if (progress.shown)
		(void)fputs("\r\033[K", stderr);
}

/* A pair of vpasswd.cdb is a line of vpasswd, cut behind its first colon. */
static bool
add_pair(struct str key, struct str value, void *context)
{
	struct buf *text = context;

	must(buf_append_str(text, key) && buf_append_byte(text, ':') &&
	     buf_append_str(text, str_trim(value)) &&
	     buf_append_byte(text, '\n'));
	return true;
}

static void
read_cdb(struct import *i)
{
	struct table *t = table_open(AT_FDCWD, i->name);

	if (t == NULL || !table_walk(t, add_pair, &i->text))
		die_temp("unable to read ", i->name);
	table_close(t);
}

static const char *
guess_format(struct str name)
{
	if (str_ends(name, str_of("vpasswd")) || str_ends(name, str_of(".cdb")))
		return "vpasswd";
	return str_ends(name, str_of(".csv")) ? "csv" : "";
}

void
import_read(struct import *i, const char *name)
{
	bool from_stdin = name[0] == '-' && name[1] == '\0';

	i->name = from_stdin ? "standard input" : name;
	i->text.max = i->lines.max = i->notes.max = MAILBOXES_FILE;
	if (i->format == NULL)
		i->format = guess_format(str_of(name));
	if (import_find(i->format) == NULL)
		die_usage("--format vpasswd, dovecot or csv? ", i->format);
	if (str_ends(str_of(name), str_of(".cdb")))
		read_cdb(i);
	else if (!(from_stdin ? fd_slurp(STDIN_FILENO, &i->text)
			      : fd_read_file(AT_FDCWD, name, &i->text)))
		die_temp("unable to read ", i->name);
}

static struct import_row *
new_row(struct import *i, size_t line)
{
	struct import_row *row;

	if ((i->count & (i->count - 1)) == 0) {
		row = realloc(i->rows, (i->count * 2 + 1) * sizeof *i->rows);
		if (row == NULL)
			die_memory();
		i->rows = row;
	}
	row = &i->rows[i->count++];
	*row = (struct import_row){
	    .line = line, .at = i->lines.len, .note = i->notes.len};
	return row;
}

static void
set_note(struct import *i, struct import_row *row, struct str note)
{
	row->note = i->notes.len;
	must(buf_append_str(&i->notes, note) &&
	     buf_append_byte(&i->notes, '\0'));
}

static void
refuse(struct import *i, struct import_row *row, const char *why)
{
	row->len = 0;
	set_note(i, row, str_of(why));
}

/* What came in clear is kept as any password is. */
static const char *
hash(struct imported *in)
{
	struct str password = buf_str(&in->parts[PART_PASSWORD]);
	char out[CRYPT_OUTPUT_SIZE];
	const char *fault;

	if (password.len == 0)
		return NULL;
	fault = password_fault(password);
	if (fault != NULL)
		return fault;
	if (!password_hash(password, password_method(0), out))
		die_temp("unable to hash a password");
	must(buf_append_text(&in->parts[PART_HASH], out));
	return NULL;
}

/* The line of users/passwd; it is ours only if it parses. */
static const char *
compose(struct import *i, struct import_row *row, struct imported *in)
{
	struct buf *b = &i->lines;
	const struct buf *p = in->parts;
	char place[USERS_PATH_SIZE];
	struct user_record r;
	struct str address;
	const char *what = hash(in);

	if (what != NULL)
		return what;
	if (p[PART_QUOTA].len == 0)
		must(buf_append_byte(&in->parts[PART_QUOTA], '0'));
	must(buf_append_lower(b, buf_str(&p[PART_ADDRESS])));
	for (unsigned k = PART_HASH; k <= PART_PLACE; k++)
		if (k < PART_PLACE || p[k].len > 0)
			must(buf_append_byte(b, ':') &&
			     buf_append_str(b, buf_str(&p[k])));
	if (!users_parse(
		str_slice(buf_str(b), row->at, b->len), &address, &r, &what))
		return what;
	row->address_len = address.len;
	r.address = address;
	if (address.data[0] == '@' || !users_place(&r, place) ||
	    !users_maildir(address, place))
		return "no mailbox can have this address";
	must(buf_append_byte(b, '\n'));
	row->len = b->len - row->at;
	return NULL;
}

static void
clear(struct imported *in)
{
	for (size_t k = 0; k < PART_COUNT; k++)
		buf_clear(&in->parts[k]);
}

static void
take_line(struct import *i, struct str line, size_t number, struct imported *in)
{
	const char *why;
	struct import_row *row;

	clear(in);
	why = import_find(i->format)(i, line, in);
	if (why != NULL && why[0] == '\0')
		return;
	row = new_row(i, number);
	if (why == NULL)
		why = compose(i, row, in);
	if (why == NULL) {
		set_note(i, row, buf_str(&in->parts[PART_NOTE]));
		return;
	}
	i->lines.len = row->at;
	refuse(i, row, why);
}

/* qsort has no context. */
struct sortable {
	struct str address;
	struct import_row *row;
};

static int
compare(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	int c = mailboxes_compare(x->address, y->address);

	return c != 0 ? c : (x->row > y->row) - (x->row < y->row);
}

/* Of an address that comes twice the first line is taken. */
static void
refuse_doubles(struct import *i)
{
	struct sortable *s = calloc(i->count + 1, sizeof *s);
	size_t n = 0;

	if (s == NULL)
		die_memory();
	for (size_t k = 0; k < i->count; k++)
		if (i->rows[k].len > 0)
			s[n++] = (struct sortable){
			    {i->lines.data + i->rows[k].at,
                             i->rows[k].address_len},
			    &i->rows[k]
                        };
	qsort(s, n, sizeof *s, compare);
	for (size_t k = 0; k < n; k++) {
		if (mailboxes_find(i->boxes, s[k].address) != NULL)
			refuse(i, s[k].row, "there is such a mailbox already");
		else if (k > 0 &&
			 mailboxes_compare(s[k - 1].address, s[k].address) == 0)
			refuse(i, s[k].row, "this address was there before");
	}
	free(s);
}

static void
say(struct import *i, const struct import_row *row)
{
	const char *note = i->notes.data + row->note;

	if (row->len == 0) {
		printf("%s:%zu: refused: %s\n", i->name, row->line, note);
		i->refused++;
		return;
	}
	printf("%s:%zu: took %.*s%s%s\n", i->name, row->line,
	    (int)row->address_len, i->lines.data + row->at,
	    note[0] == '\0' ? "" : "; ", note);
	i->taken++;
}

void
import_take(struct import *i)
{
	struct str rest = buf_str(&i->text), line;
	struct imported in = {.parts = {{0}}};

	begin("reading lines", str_count(rest, '\n'));
	for (size_t n = 1; str_cut(&rest, '\n', &line); n++) {
		tell(n);
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.data[0] != '#')
			take_line(i, line, n, &in);
	}
	end();
	for (size_t k = 0; k < PART_COUNT; k++)
		buf_free(&in.parts[k]);
	refuse_doubles(i);
	for (size_t k = 0; k < i->count; k++)
		say(i, &i->rows[k]);
}

/* The Maildirs are there before anybody delivers to them. */
bool
import_put(struct import *i, struct buf *error)
{
	struct buf lines = {.max = MAILBOXES_FILE};
	bool ok;

	for (size_t k = 0; k < i->count; k++)
		must(buf_append(
		    &lines, i->lines.data + i->rows[k].at, i->rows[k].len));
	begin("making Maildirs", i->taken);
	ok = mailboxes_make(buf_str(&lines), tell, error);
	end();
	ok = ok && mailboxes_append(i->boxes, buf_str(&lines), error);
	buf_free(&lines);
	return ok;
}

void
import_free(struct import *i)
{
	buf_free(&i->text);
	buf_free(&i->lines);
	buf_free(&i->notes);
	free(i->rows);
}
