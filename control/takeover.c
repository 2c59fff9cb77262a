/* takeover: see takeover.h. */
#define _XOPEN_SOURCE 700 /* S_ISVTX, fchownat */
#include "control/takeover.h"

#include "control/assign.h"
#include "control/complaint.h"
#include "control/control.h"
#include "control/value.h"
#include "lib/account.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/json.h"
#include "lib/log.h"
#include "wire/assign.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXTS_MOST = 1 << 26, GROW = 64 };

static const char *const words[TAKE_COUNT] = {
#define TAKE_WORD(id, word) [TAKE_##id] = (word),
    TAKES(TAKE_WORD)
#undef TAKE_WORD
};

/* Room for one more of size bytes where count is a multiple of GROW. */
static void *
grow(void *list, size_t count, size_t size)
{
	if (count % GROW != 0)
		return list;
	list = realloc(list, (count + GROW) * size);
	if (list == NULL)
		die_temp("unable to keep what was found");
	return list;
}

void
takeover_find(
    struct takeover *t, enum take take, const char *path, const char *what)
{
	t->texts.max = TEXTS_MOST;
	t->findings = grow(t->findings, t->finding_count, sizeof(*t->findings));
	t->findings[t->finding_count++] =
	    (struct takeover_finding){take, t->texts.len};
	t->refused += take == TAKE_REFUSED;
	if (!buf_append(&t->texts, path, strlen(path) + 1) ||
	    !buf_append(&t->texts, what, strlen(what) + 1))
		die_temp("unable to keep what was found");
}

/* 1: our file of that path is the same; 0: another; -1: there is none. */
static int
compare(const struct takeover *t, const char *path, struct str contents)
{
	struct buf ours = {.max = VALUE_LIST_FILE};
	int same;

	if (t->home_fd < 0)
		return -1;
	if (!fd_read_file(t->home_fd, path, &ours)) {
		if (errno == ENOENT)
			return -1;
		die_temp("unable to read ", t->home, "/", path);
	}
	same = str_equal(buf_str(&ours), contents);
	buf_free(&ours);
	return same;
}

struct takeover_file *
takeover_add(struct takeover *t, const char *path, struct buf *c, mode_t mode,
    const char *changed)
{
	int same = compare(t, path, buf_str(c));
	struct takeover_file *f;

	if (same == 1 || (same == 0 && !t->overwrite)) {
		takeover_find(t, same == 1 ? TAKE_SAME : TAKE_KEPT, path,
		    same == 1 ? ""
			      : "another is there; --overwrite takes qmail's");
		buf_free(c);
		return NULL;
	}
	takeover_find(t, changed == NULL ? TAKE_TOOK : TAKE_CHANGED, path,
	    changed == NULL ? "" : changed);
	t->files = grow(t->files, t->file_count, sizeof(*t->files));
	f = &t->files[t->file_count++];
	*f = (struct takeover_file){
	    .contents = *c, .mode = mode, .overwrite = same == 0};
	*c = (struct buf){0};
	if (!str_copy(f->path, sizeof(f->path), str_of(path))) {
		errno = ENAMETOOLONG;
		die_temp("unable to take ", path);
	}
	return f;
}

void
takeover_read(struct takeover *t)
{
	t->from_fd = open(t->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->from_fd < 0)
		die_temp("unable to open ", t->from);
	t->home_fd = open(t->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->home_fd < 0 && errno != ENOENT)
		die_temp("unable to open ", t->home);
	takeover_control(t);
	takeover_users(t);
	takeover_alias(t);
}

static const char *
path_of(const struct takeover *t, size_t i)
{
	return t->texts.data + t->findings[i].at;
}

static const char *
what_of(const struct takeover *t, size_t i)
{
	const char *path = path_of(t, i);

	return path + strlen(path) + 1;
}

void
takeover_say(const struct takeover *t)
{
	for (size_t i = 0; i < t->finding_count; i++) {
		struct log l = {.len = 0};
		const char *what = what_of(t, i);

		log_words(&l, words[t->findings[i].take]);
		log_words(&l, " ");
		log_words(&l, path_of(t, i));
		log_words(&l, what[0] == '\0' ? "" : ": ");
		log_words(&l, what);
		printf("%.*s\n", (int)l.len, l.line);
	}
}

void
takeover_say_json(const struct takeover *t, int fd)
{
	struct json j = {.out.max = TEXTS_MOST};

	json_object(&j, NULL);
	json_text(&j, "from", str_of(t->from));
	json_text(&j, "home", str_of(t->home));
	json_number(&j, "refused", t->refused);
	json_list(&j, "findings");
	for (size_t i = 0; i < t->finding_count; i++) {
		json_object(&j, NULL);
		json_text(&j, "verb", str_of(words[t->findings[i].take]));
		json_text(&j, "path", str_of(path_of(t, i)));
		json_text(&j, "text", str_of(what_of(t, i)));
		json_object_end(&j);
	}
	json_list_end(&j);
	json_object_end(&j);
	if (!json_print(&j, fd))
		die_temp("unable to write what was found");
	buf_free(&j.out);
}

/* Whose a file is in a real instance. */
static void
give(const struct takeover_file *f, int dirfd, const char *name)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (home_private() || f->owner == TAKE_ROOT)
		return;
	if (f->owner == TAKE_KEYS ? !account_find(ACCOUNT_KEYS, &uid, &gid)
				  : !account_group(GROUP_MESSAGES, &gid))
		die_temp("unable to find whose ", f->path, " is to be");
	if (fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
		die_temp("unable to give ", f->path, " its owner");
}

static void
write_file(const struct takeover_file *f)
{
	char name[SETUP_NAME];
	int dirfd = setup_parent(str_of(f->path), name);
	/* Nobody else reads a secret before it is its owner's. */
	mode_t first = f->owner == TAKE_ROOT ? f->mode : S_IRUSR | S_IWUSR;

	if (!fd_replace_file(dirfd, name, buf_str(&f->contents), first))
		die_temp("unable to write ", f->path);
	give(f, dirfd, name);
	if (first != f->mode && fchmodat(dirfd, name, f->mode, 0) != 0)
		die_temp("unable to set the mode of ", f->path);
	fd_close(&dirfd);
}

/* Tables that are there and not as new as their texts. */
static void
build_tables(void)
{
	struct buf error = {0};
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool made, malformed;

	if (dir < 0)
		die_temp("unable to open control");
	for (enum control_id id = 0; id < CONTROL_COUNT; id++) {
		char table[64];

		(void)snprintf(
		    table, sizeof table, "%s.cdb", control_row(id)->name);
		if (kind_is_list(control_row(id)->kind) &&
		    faccessat(dir, table, F_OK, 0) == 0 &&
		    !control_build(dir, id, false, &made, &error)) {
			errno = 0;
			die_temp(complaint_text(&error));
		}
	}
	fd_close(&dir);
	if (assign_stale() && !assign_build(&malformed, &error)) {
		errno = 0;
		die_temp(complaint_text(&error));
	}
	buf_free(&error);
}

void
takeover_write(struct takeover *t, struct setup *s)
{
	for (size_t i = 0; i < t->file_count; i++) {
		write_file(&t->files[i]);
		s->files++;
	}
	build_tables();
}

void
takeover_free(struct takeover *t)
{
	for (size_t i = 0; i < t->file_count; i++)
		buf_free(&t->files[i].contents);
	free(t->files);
	free(t->findings);
	t->files = NULL;
	t->findings = NULL;
	t->file_count = t->finding_count = t->refused = 0;
	buf_free(&t->texts);
	buf_free(&t->me);
	fd_close(&t->from_fd);
	fd_close(&t->home_fd);
}
