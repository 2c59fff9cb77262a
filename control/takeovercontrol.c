/* takeover: control/, file by file; see takeover.h. */
#include "control/takeover.h"

#include "control/complaint.h"
#include "control/inside.h"
#include "control/rows.h"
#include "lib/die.h"
#include "lib/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0644, WAY_MODE = 0640, KEY_MODE = 0600, RC_MOST = 1 << 16 };

/* "control/NAME". */
static void
path_of(char out[SETUP_NAME], const char *name)
{
	int n = snprintf(out, SETUP_NAME, "control/%s", name);

	if (n < 0 || n >= SETUP_NAME)
		out[SETUP_NAME - 1] = '\0';
}

/* A complaint "control/NAME:3: what" becomes path and what. */
static void
refuse(struct takeover *t, const char *path, const char *complaint)
{
	const char *what = strstr(complaint, ": ");
	char where[SETUP_NAME];

	if (what == NULL ||
	    !str_copy(where, sizeof(where),
		(struct str){complaint, (size_t)(what - complaint)}))
		takeover_find(t, TAKE_REFUSED, path, complaint);
	else
		takeover_find(t, TAKE_REFUSED, where, what + 2);
}

/* The file's bytes, with refusal where they cannot be read. */
static bool
read_file(struct takeover *t, int dir, const char *path, const char *name,
    struct buf *b)
{
	b->max = VALUE_LIST_FILE;
	if (fd_read_file(dir, name, b))
		return true;
	takeover_find(t, TAKE_REFUSED, path, strerror(errno));
	return false;
}

static bool
has_password(const struct control_row *row, const struct value *v)
{
	for (size_t i = 0; kind_is_way(row->kind) && i < v->count; i++)
		if (str_find(v->entries[i].value, '|') <
		    v->entries[i].value.len)
			return true;
	return false;
}

/* Lines that change nothing are named, as culver control check does. */
static void
say_idle(struct takeover *t, const char *path, const struct value *v,
    const struct control_row *row)
{
	char where[SETUP_NAME + 24];

	if (v->idle_line == 0)
		return;
	(void)snprintf(where, sizeof(where), "%s:%zu", path, v->idle_line);
	takeover_find(t, TAKE_NOTE, where,
	    kind_is_list(row->kind) ? "another line with this key counts"
				    : "only the first line counts");
}

static void
take_control(struct takeover *t, int dir, struct controls *c,
    enum control_id id, const char *name)
{
	const struct control_row *row = control_row(id);
	struct buf text = {0}, error = {0};
	struct takeover_file *f;
	const struct value *v;
	char path[SETUP_NAME];
	bool secret;

	path_of(path, name);
	if (!read_file(t, dir, path, name, &text))
		return;
	if (!control_set(c, id, buf_str(&text), &error)) {
		refuse(t, path, complaint_text(&error));
		buf_free(&error);
		buf_free(&text);
		return;
	}
	v = control_value(c, id);
	secret = has_password(row, v);
	if (id == C_me &&
	    (!buf_append_str(&t->me, v->line) || !buf_terminate(&t->me)))
		die_temp("unable to keep the server's name");
	f = takeover_add(t, path, &text, secret ? WAY_MODE : FILE_MODE,
	    takeover_meaning(name));
	if (f != NULL && secret)
		f->owner = TAKE_MESSAGES;
	say_idle(t, path, v, row);
}

/* A table without its text, which qmail-newmrh leaves to be used. */
static void
take_table(struct takeover *t, int dir, const char *name, const char *text)
{
	char path[SETUP_NAME];
	struct buf bytes = {0};
	struct table *table;

	path_of(path, name);
	if (faccessat(dir, text, F_OK, 0) == 0) {
		takeover_find(t, TAKE_IGNORED, path,
		    "its text is taken; culver control build makes it anew");
		return;
	}
	table = table_open(dir, name);
	if (table == NULL)
		takeover_find(t, TAKE_REFUSED, path, strerror(errno));
	else if (read_file(t, dir, path, name, &bytes))
		(void)takeover_add(t, path, &bytes, FILE_MODE, NULL);
	table_close(table);
}

/* The certificate of the TLS patch, key and all. */
static void
take_key(struct takeover *t, int dir, const char *name)
{
	char path[SETUP_NAME];
	struct buf bytes = {0};
	struct takeover_file *f;

	path_of(path, name);
	if (!read_file(t, dir, path, name, &bytes))
		return;
	if (!buf_terminate(&bytes))
		die_temp("unable to read ", path);
	if (strstr(bytes.data, "PRIVATE KEY-----") == NULL ||
	    strstr(bytes.data, "-----BEGIN CERTIFICATE-----") == NULL) {
		takeover_find(t, TAKE_REFUSED, path,
		    "it does not hold a key and its certificate, in PEM");
		buf_free(&bytes);
		return;
	}
	f = takeover_add(t, path, &bytes, KEY_MODE,
	    "only culver-keyd may read it from here on");
	if (f != NULL)
		f->owner = TAKE_KEYS;
}

static void
take_name(struct takeover *t, int dir, struct controls *c, const char *name)
{
	const struct str end = str_of(".cdb"), s = str_of(name);
	char path[SETUP_NAME], text[SETUP_NAME];
	const char *what = takeover_known(name);
	enum control_id id;

	path_of(path, name);
	if (row_find(s, &id))
		take_control(t, dir, c, id, name);
	else if (str_ends(s, end) &&
		 str_copy(text, sizeof(text), str_slice(s, 0, s.len - 4)) &&
		 row_find(str_of(text), &id) &&
		 kind_is_list(control_row(id)->kind))
		take_table(t, dir, name, text);
	else if (strcmp(name, "servercert.pem") == 0)
		take_key(t, dir, name);
	else
		takeover_find(t, TAKE_IGNORED, path,
		    what != NULL ? what
				 : "no control here or of qmail has this name");
}

static bool
is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

/* The first word behind qmail-start in rc, or what quotes hold; a word that the
 * shell would make something of is not understood. */
static struct str
word_of(const char *rc)
{
	static const struct str none = {"./Mailbox", sizeof "./Mailbox" - 1};
	const char *at = strstr(rc, "qmail-start");
	const char *ends = " \t\n'\"";
	struct str word;

	if (at == NULL)
		return none;
	at += strlen("qmail-start");
	at += strspn(at, " \t");
	if (*at == '\'' || *at == '"')
		ends = *at++ == '"' ? "\"\n" : "'\n";
	word = (struct str){at, strcspn(at, ends)};
	if (word.len == 0 || strchr("./|&", at[0]) == NULL ||
	    str_find(word, '$') < word.len || str_find(word, '`') < word.len)
		return none;
	return word;
}

/* What qmail-start was given in rc. */
static void
find_delivery(struct takeover *t, struct buf *out)
{
	struct buf rc = {.max = RC_MOST};
	bool read = fd_read_file(t->from_fd, "rc", &rc) && buf_terminate(&rc);

	if (!buf_append_str(out, word_of(read ? rc.data : "")) ||
	    !buf_append_byte(out, '\n'))
		die_temp("unable to read rc");
	buf_free(&rc);
}

/* What qmail does where a file is missing, and we do not. */
static void
take_missing(struct takeover *t, int dir)
{
	struct buf delivery = {0};

	if (!is_there(dir, "me"))
		takeover_find(t, TAKE_REFUSED, "control/me",
		    "missing; qmail does not run without it either");
	if (!is_there(dir, "rcpthosts") && !is_there(dir, "morercpthosts") &&
	    !is_there(dir, "morercpthosts.cdb"))
		takeover_find(t, TAKE_NOTE, "control/rcpthosts",
		    "missing; qmail relays for everybody then, here no mail is "
		    "taken from strangers");
	if (is_there(dir, "defaultdelivery"))
		return;
	find_delivery(t, &delivery);
	(void)takeover_add(t, "control/defaultdelivery", &delivery, FILE_MODE,
	    "made of rc, where qmail-start is given it");
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
takeover_names(
    DIR *dir, void (*each)(const char *name, void *context), void *context)
{
	const struct dirent *entry;
	char **names = NULL;
	size_t n = 0, room = 0;

	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (n == room) {
			char **more;

			room = room == 0 ? 64 : room * 2;
			more = realloc(names, room * sizeof(*names));
			if (more == NULL)
				die_temp("unable to list a folder");
			names = more;
		}
		names[n] = strdup(entry->d_name);
		if (names[n++] == NULL)
			die_temp("unable to list a folder");
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		each(names[i], context);
		free(names[i]);
	}
	free(names);
	(void)closedir(dir);
}

struct visit {
	struct takeover *t;
	struct controls *c;
	int dir;
};

static void
visit(const char *name, void *context)
{
	const struct visit *v = context;

	take_name(v->t, v->dir, v->c, name);
}

void
takeover_control(struct takeover *t)
{
	int fd =
	    openat(t->from_fd, "control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct visit v = {t, control_new(-1, CONTROL_TOOLS), -1};
	DIR *dir;

	if (fd < 0)
		die_temp("unable to open ", t->from, "/control");
	dir = fdopendir(fd);
	if (dir == NULL || v.c == NULL)
		die_temp("unable to list ", t->from, "/control");
	v.dir =
	    openat(t->from_fd, "control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v.dir < 0)
		die_temp("unable to open ", t->from, "/control");
	takeover_names(dir, visit, &v);
	take_missing(t, v.dir);
	control_free(v.c);
	fd_close(&v.dir);
}
