/* update: removes and renames, each of them whole or not at all; see update.h.
 */
#define _GNU_SOURCE /* renameat2 */
#include "pop3d/update.h"

#include "lib/die.h"
#include "lib/str.h"
#include "wire/maildir.h"
#include "wire/maildirsize.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct update {
	struct maildrop *drop;
	bool touched[FOLDER_COUNT];
	bool lost; /* some marked message is not where it was */
	struct quota removed;
	int failed; /* errno of the first failure, else 0 */
};

static void
fail(struct update *u)
{
	if (u->failed == 0)
		u->failed = errno;
}

/* The bytes of a file, as maildirsize has them; 0 where nobody counts. */
static uint64_t
size_of(const struct update *u, const struct message *p)
{
	struct stat st;
	uint64_t size;

	if (u->drop->quota_fd < 0)
		return 0;
	if (maildir_name_size(str_of(p->name), &size))
		return size;
	return fstatat(u->drop->folders[p->folder], p->name, &st,
		   AT_SYMLINK_NOFOLLOW) == 0
		   ? (uint64_t)st.st_size
		   : 0;
}

/* A name may claim any size. */
static void
note_removed(struct update *u, uint64_t size)
{
	u->removed.messages++;
	if (size <= QUOTA_FIGURE - u->removed.bytes)
		u->removed.bytes += size;
}

/* After the files: a crash between leaves the sum too high, which is mended by
 * itself, not too low.  A file that was made anew since this session began gets
 * no line of it, to the same effect. */
static void
tell_quota(struct update *u)
{
	if (u->drop->quota_fd >= 0 && u->removed.messages > 0 &&
	    !maildirsize_change(u->drop->quota_fd, &u->removed, true))
		warn("unable to write " QUOTA_NAME);
}

static void
remove_one(struct update *u, struct message *p)
{
	const uint64_t size = size_of(u, p);

	if (unlinkat(u->drop->folders[p->folder], p->name, 0) == 0) {
		note_removed(u, size);
		u->touched[p->folder] = true;
		p->gone = true;
	} else if (errno == ENOENT) {
		p->lost = u->lost = true;
	} else {
		fail(u);
	}
}

/* The flags of a name, "2," and letters in order (maildir(5)), with S added.
 * An info part of another kind is nothing we understand, and stays. */
static bool
add_seen(struct str info, char *out, size_t size)
{
	size_t at = strlen("2,");

	if (info.len + 2 > size || !str_starts(info, str_of("2,")))
		return false;
	while (at < info.len && info.data[at] < 'S')
		at++;
	if (at < info.len && info.data[at] == 'S')
		return false;
	memcpy(out, info.data, at);
	out[at] = 'S';
	memcpy(out + at + 1, info.data + at, info.len - at);
	out[info.len + 1] = '\0';
	return true;
}

/* The name a message gets in cur/.  False when it is too long. */
static bool
cur_name(const struct message *p, char out[NAME_MAX + 1])
{
	struct str name = str_of(p->name), base = maildir_name_base(name);
	struct str info = str_slice(name, base.len + 1, name.len);
	size_t room = NAME_MAX + 1;

	if (base.len == name.len)
		info = str_of("2,");
	if (base.len + 1 + info.len + 1 > room)
		return false;
	memcpy(out, base.data, base.len);
	out[base.len] = ':';
	out += base.len + 1;
	room -= base.len + 1;
	return (p->seen && add_seen(info, out, room)) ||
	       str_copy(out, room, info);
}

/* Where a file system has no RENAME_NOREPLACE, link refuses likewise. */
static bool
rename_new(int from, const char *name, int to, const char *target)
{
	if (renameat2(from, name, to, target, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	return linkat(from, name, to, target, 0) == 0 &&
	       unlinkat(from, name, 0) == 0;
}

/* Nothing is lost when this cannot be done: the message stays where it is. */
static void
keep_one(struct update *u, const struct message *p)
{
	char target[NAME_MAX + 1];
	int from = u->drop->folders[p->folder];
	int to = u->drop->folders[FOLDER_CUR];

	if (p->folder == FOLDER_CUR && !p->seen)
		return;
	if (!cur_name(p, target))
		return;
	if (p->folder == FOLDER_CUR && strcmp(target, p->name) == 0)
		return;
	if (!rename_new(from, p->name, to, target))
		return;
	u->touched[p->folder] = true;
	u->touched[FOLDER_CUR] = true;
}

/* What is marked and was moved meanwhile is removed under its new name. */
static void
remove_lost(struct update *u)
{
	struct maildrop *m = u->drop;

	if (!u->lost)
		return;
	maildrop_find(m);
	for (size_t i = 0; i < m->count; i++)
		if (m->messages[i].deleted && !m->messages[i].gone)
			remove_one(u, &m->messages[i]);
}

bool
update_commit(struct maildrop *m)
{
	struct update u = {.drop = m};

	for (size_t i = 0; i < m->count; i++) {
		if (m->messages[i].deleted)
			remove_one(&u, &m->messages[i]);
		else
			keep_one(&u, &m->messages[i]);
	}
	remove_lost(&u);
	tell_quota(&u);
	for (int i = 0; i < FOLDER_COUNT; i++)
		if (u.touched[i] && fsync(m->folders[i]) != 0)
			fail(&u);
	errno = u.failed;
	return u.failed == 0;
}
