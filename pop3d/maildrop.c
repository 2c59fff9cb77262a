/* maildrop: the list, made by names alone; see maildrop.h. */
#define _GNU_SOURCE /* getdents64 */
#include "pop3d/maildrop.h"

#include "lib/fd.h"
#include "lib/num.h"
#include "pop3d/message.h"
#include "pop3d/store.h"
#include "wire/maildir.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ROOM_FIRST = 64, /* messages */
	ENTRIES = 32768, /* bytes of entries that are read at once */
	DIGITS_MAX = 18, /* of a time; more do not fit */
};
/* A name may claim any size.  MAILDROP_MAX of these can be added up. */
#define OCTETS_MAX ((uint64_t)1 << 40)

static const char *const folder_names[FOLDER_COUNT] = {"new", "cur"};

/* The number that begins a name; 0 where there is none, so that such names
 * come first and in their own order. */
static uint64_t
name_time(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	uint64_t time = 0;

	if (digits > 0 && digits <= DIGITS_MAX &&
	    !num_parse((struct str){name, digits}, UINT64_MAX, &time))
		return 0;
	return time;
}

/* A size from the name that can be believed. */
static uint64_t
name_octets(const char *name)
{
	uint64_t octets;

	if (!maildir_name_wire_size(str_of(name), &octets) ||
	    octets > OCTETS_MAX)
		return OCTETS_UNKNOWN;
	return octets;
}

static struct message
message_of(enum folder folder, const char *name)
{
	return (struct message){.name = name,
	    .time = name_time(name),
	    .octets = name_octets(name),
	    .base = maildir_name_base(str_of(name)).len & NAME_MAX,
	    .folder = folder};
}

/* By time, then by base name, which is a message's identity. */
static int
compare_identity(const void *va, const void *vb)
{
	const struct message *a = va, *b = vb;
	int r;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	r = memcmp(a->name, b->name, a->base < b->base ? a->base : b->base);
	if (r != 0 || a->base == b->base)
		return r;
	return a->base < b->base ? -1 : 1;
}

static int
compare(const void *va, const void *vb)
{
	const struct message *a = va, *b = vb;
	int r = compare_identity(a, b);

	if (r == 0)
		r = (int)a->folder - (int)b->folder;
	return r != 0 ? r : strcmp(a->name, b->name);
}

static bool
grow(struct maildrop *m)
{
	size_t room = m->room == 0 ? ROOM_FIRST : m->room * 2;
	struct message *p;

	if (m->count < m->room)
		return true;
	p = realloc(m->messages, room * sizeof(*p));
	if (p == NULL)
		return false;
	m->messages = p;
	m->room = room;
	return true;
}

static bool
add(struct maildrop *m, enum folder folder, const char *name)
{
	const char *kept;

	if (m->count == MAILDROP_MAX)
		return true;
	kept = store_keep(&m->store, name);
	if (kept == NULL || !grow(m)) {
		errno = ENOMEM;
		return false;
	}
	m->messages[m->count++] = message_of(folder, kept);
	return true;
}

/* The list has the message of this name, or has it under another name. */
static bool
refind(struct maildrop *m, enum folder folder, const char *name)
{
	struct message key = message_of(folder, name);
	struct message *p = bsearch(&key, m->messages, m->count,
	    sizeof(*m->messages), compare_identity);
	const char *kept;

	if (p == NULL || !p->lost)
		return true;
	kept = store_keep(&m->store, name);
	if (kept == NULL)
		return false;
	p->name = kept;
	p->folder = folder;
	p->lost = false;
	return true;
}

static bool
is_message(const struct dirent64 *e)
{
	return e->d_name[0] != '.' &&
	       (e->d_type == DT_REG || e->d_type == DT_UNKNOWN);
}

/* Call each for every name in a folder, which is read once, by the descriptor
 * that its files are opened at. */
static bool
walk(struct maildrop *m, enum folder folder,
    bool (*each)(struct maildrop *, enum folder, const char *))
{
	_Alignas(struct dirent64) char bytes[ENTRIES];
	int fd = m->folders[folder];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return false;
	while ((n = getdents64(fd, bytes, sizeof(bytes))) > 0) {
		const struct dirent64 *e;

		for (ssize_t at = 0; at < n; at += e->d_reclen) {
			e = (const void *)(bytes + at);
			if (is_message(e) && !each(m, folder, e->d_name))
				return false;
		}
	}
	return n == 0;
}

static bool
exists(const struct maildrop *m, const struct message *p)
{
	struct stat st;

	return fstatat(m->folders[p->folder], p->name, &st,
		   AT_SYMLINK_NOFOLLOW) == 0;
}

/* A file that was renamed while we read the folders stands here twice: keep it
 * once.  Two files that share a base name are two messages. */
static void
part_twins(struct maildrop *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct message *p = &m->messages[i];
		struct message *before =
		    kept == 0 ? NULL : &m->messages[kept - 1];

		if (before != NULL && compare_identity(before, p) == 0) {
			if (!exists(m, p))
				continue;
			if (exists(m, before))
				p->twin = true;
			else
				kept--;
		}
		m->messages[kept++] = *p;
	}
	m->count = kept;
}

bool
maildrop_open(struct maildrop *m, int dirfd)
{
	*m = (struct maildrop){
	    .folders = {-1, -1},
              .quota_fd = -1, .owner = geteuid()
        };
	for (int i = 0; i < FOLDER_COUNT; i++) {
		m->folders[i] = openat(dirfd, folder_names[i],
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (m->folders[i] < 0 || !walk(m, (enum folder)i, add))
			return false;
	}
	if (m->count > 0)
		qsort(m->messages, m->count, sizeof(*m->messages), compare);
	part_twins(m);
	return true;
}

void
maildrop_close(struct maildrop *m)
{
	for (int i = 0; i < FOLDER_COUNT; i++)
		fd_close(&m->folders[i]);
	free(m->messages);
	store_free(m->store);
	*m = (struct maildrop){
	    .folders = {-1, -1},
              .quota_fd = -1
        };
}

void
maildrop_find(struct maildrop *m)
{
	bool whole = walk(m, FOLDER_NEW, refind);

	whole = walk(m, FOLDER_CUR, refind) && whole;
	for (size_t i = 0; i < m->count; i++) {
		struct message *p = &m->messages[i];

		p->gone = p->gone || (p->lost && whole);
		p->lost = false;
	}
}

void
maildrop_total(struct maildrop *m, uint64_t *count, uint64_t *octets)
{
	*count = *octets = 0;
	for (size_t i = 0; i < m->count; i++)
		if (!m->messages[i].deleted) {
			++*count;
			*octets += message_octets(m, &m->messages[i]);
		}
	if (m->sizes != NULL && *count == m->count)
		m->sizes->complete = true;
}

size_t
maildrop_kept(const struct maildrop *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++)
		kept += !m->messages[i].deleted;
	return kept;
}

void
maildrop_reset(struct maildrop *m)
{
	for (size_t i = 0; i < m->count; i++)
		m->messages[i].deleted = false;
}
