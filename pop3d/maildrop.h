/* maildrop: the messages of one Maildir as one POP3 session sees them: listed
 * once by the names in new/ and cur/, numbered by their time, and changed only
 * by update_commit.  No lock: two sessions, a delivery and an IMAP server may
 * be at the same Maildir, and a file that was renamed is looked for. */
#ifndef POP3D_MAILDROP_H
#define POP3D_MAILDROP_H

#include "lib/attr.h"
#include "pop3d/sizes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAILDROP_MAX = 1 << 22 }; /* messages of a session; the rest waits */

#define OCTETS_UNKNOWN UINT64_MAX

enum folder { FOLDER_NEW, FOLDER_CUR, FOLDER_COUNT };

/* One message: 32 bytes and its name. */
struct message {
	const char *name;     /* within its folder; of the maildrop's store */
	uint64_t time;        /* the number that begins the name */
	uint64_t octets;      /* ask message_octets */
	unsigned folder : 2;  /* of enum folder */
	unsigned deleted : 1; /* marked by DELE */
	unsigned seen : 1;    /* sent by RETR */
	unsigned twin : 1;    /* shares its base name with another file */
	unsigned lost : 1;    /* not where it was: to be looked for */
	unsigned gone : 1;    /* looked for and not found */
	unsigned base : 8;    /* bytes of the name up to its ':' */
};

struct maildrop {
	int folders[FOLDER_COUNT];
	uid_t owner; /* whose files are messages: this process's user */
	struct message *messages; /* ordered by time, then base name */
	size_t count, room;
	struct store *store; /* the names */
	struct sizes *sizes; /* the caller's; NULL: nothing is remembered */
	int quota_fd; /* maildirsize, to append to; the caller's; -1: none */
};

/* List the Maildir open as dirfd, which stays the caller's.  False with errno;
 * maildrop_close is due either way. */
MUST_USE bool maildrop_open(struct maildrop *m, int dirfd);

/* Free what listing took. */
void maildrop_close(struct maildrop *m);

/* Messages that are not marked and the sum of their octets. */
void maildrop_total(struct maildrop *m, uint64_t *count, uint64_t *octets);

/* Messages that are not marked. */
size_t maildrop_kept(const struct maildrop *m);

/* Take all marks back. */
void maildrop_reset(struct maildrop *m);

/* Look once for all messages that are lost, by their base names; what is not
 * found in a complete search is gone. */
void maildrop_find(struct maildrop *m);

#endif
