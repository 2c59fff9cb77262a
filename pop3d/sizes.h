/* sizes: the octets of messages whose names do not tell them, remembered from
 * session to session in a file of the Maildir, culver-sizes.
 *
 * File     one line a message, in any order, the last of a name counts:
 *            CRC32 OCTETS SIZE MTIME BASE LF
 *          CRC32 of what follows its blank, 8 hexadecimal digits; what RETR
 *          sends; the file's bytes and its mtime in nanoseconds, which must
 *          still be the file's; the name up to its ':'.
 * Writers  culver-pop3d of the mailbox's user; whole lines at the end, by one
 *          write.  No lock: what two sessions say of a file is the same.  A
 *          line that was cut short, or overtaken by a truncation, has a wrong
 *          CRC32 and is no line.
 * Trust    none: at worst a message is counted again.  It is never synced, and
 *          may be removed at any time.
 * Bounds   SIZES_MAX bytes; when most of it speaks of messages that are gone,
 *          it is written anew at the end of a session that knows all sizes.
 */
#ifndef POP3D_SIZES_H
#define POP3D_SIZES_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define SIZES_FILE "culver-sizes"

enum {
	SIZES_MAX = 1 << 25, /* bytes */
	SIZES_WASTE = 65536  /* bytes that are not worth a rewriting */
};

/* All zero bytes but fd, -1: nothing is remembered, and nothing fails. */
struct sizes {
	int fd;
	bool loaded;
	bool full;       /* no more may be added */
	bool complete;   /* set by whoever has asked for every message */
	uint64_t length; /* of the file, with what we have added */
	struct buf text; /* the file as it was */
	struct sizes_slot *slots;
	size_t slot_count;
	size_t used;      /* bytes of lines that were of use */
	struct buf added; /* lines of ours */
	size_t written;   /* of them */
};

/* Open the file in the Maildir dirfd, and make it where it is not; it is read
 * when a size is first asked for.  Without a file of one's own: fd is -1. */
void sizes_open(struct sizes *s, int dirfd);

/* Something is remembered of any message. */
MUST_USE bool sizes_any(struct sizes *s);

/* The octets of the message with this base name, whose file is st. */
MUST_USE bool sizes_find(
    struct sizes *s, struct str base, const struct stat *st, uint64_t *octets);

/* Remember them. */
void sizes_add(
    struct sizes *s, struct str base, const struct stat *st, uint64_t octets);

/* Write what is not yet written, close and free. */
void sizes_close(struct sizes *s);

#endif
