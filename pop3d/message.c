/* message: one message of a maildrop; see message.h. */
#include "pop3d/message.h"

#include "lib/fd.h"
#include "lib/num.h"
#include "lib/str.h"
#include "pop3d/count.h"
#include "wire/maildir.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536 }; /* bytes of one read */

/* ELOOP is how O_NOFOLLOW says: a symbolic link. */
static int
open_name(const struct maildrop *m, const struct message *p, struct stat *st)
{
	int fd = openat(m->folders[p->folder], p->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		if (errno == ELOOP)
			errno = EPERM;
		return -1;
	}
	if (fstat(fd, st) == 0) {
		if (S_ISREG(st->st_mode) && st->st_uid == m->owner)
			return fd;
		errno = EPERM;
	}
	fd_close(&fd);
	return -1;
}

int
message_open(struct maildrop *m, struct message *p, struct stat *st)
{
	int fd;

	if (p->gone) {
		errno = ENOENT;
		return -1;
	}
	fd = open_name(m, p, st);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	p->lost = true;
	maildrop_find(m);
	if (p->gone) {
		errno = ENOENT;
		return -1;
	}
	return open_name(m, p, st);
}

/* False when the file could not be read to its end. */
static bool
count_octets(int fd, uint64_t size, uint64_t *octets)
{
	char piece[PIECE];
	struct count c = {.octets = 0};
	ssize_t n = 0;

	while (size > 0 && (n = read(fd, piece, sizeof(piece))) > 0) {
		count_add(&c, (struct str){piece, (size_t)n});
		size -= (uint64_t)n < size ? (uint64_t)n : size;
	}
	*octets = n < 0 ? 0 : count_end(&c);
	return n >= 0;
}

/* What a file of so many bytes can be: a CR more for each LF, and one for the
 * end. */
static bool
can_be(uint64_t octets, const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_size;

	return octets >= size && octets - size <= size + 2;
}

/* From an earlier session. */
static bool
remembered(struct maildrop *m, struct message *p)
{
	struct str base = maildir_name_base(str_of(p->name));
	struct stat st;

	return m->sizes != NULL && sizes_any(m->sizes) &&
	       fstatat(m->folders[p->folder], p->name, &st,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_uid == m->owner &&
	       sizes_find(m->sizes, base, &st, &p->octets) &&
	       can_be(p->octets, &st);
}

uint64_t
message_octets(struct maildrop *m, struct message *p)
{
	struct stat st;
	int fd;

	if (p->octets != OCTETS_UNKNOWN || remembered(m, p))
		return p->octets;
	p->octets = 0;
	fd = message_open(m, p, &st);
	if (fd >= 0 && count_octets(fd, (uint64_t)st.st_size, &p->octets) &&
	    m->sizes != NULL)
		sizes_add(m->sizes, maildir_name_base(str_of(p->name)), &st,
		    p->octets);
	fd_close(&fd);
	return p->octets;
}

/* FNV-1a of 64 bits with a basis of our choice; two make one of 128. */
static uint64_t
hash(uint64_t basis, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		basis = (basis ^ (unsigned char)s.data[i]) * 0x100000001b3;
	return basis;
}

static void
hashed_uidl(struct str s, char out[UIDL_SIZE])
{
	unsigned char bytes[16];
	uint64_t halves[] = {
	    hash(0xcbf29ce484222325, s), hash(0x9e3779b97f4a7c15, s)};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(halves[i / 8] >> (56 - i % 8 * 8));
	out[0] = '#';
	num_hex(out + 1, bytes, sizeof(bytes));
}

static bool
is_uidl(struct str s)
{
	if (s.len == 0 || s.len >= UIDL_SIZE || s.data[0] == '#')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	return true;
}

/* A twin is told from its fellow by the rest of the name. */
void
message_uidl(const struct message *p, char out[UIDL_SIZE])
{
	struct str base = maildir_name_base(str_of(p->name));

	if (p->twin)
		hashed_uidl(str_of(p->name), out);
	else if (!is_uidl(base) || !str_copy(out, UIDL_SIZE, base))
		hashed_uidl(base, out);
}
