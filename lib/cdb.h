/* cdb: constant databases (tinycdb), read by maps and made atomically. */
#ifndef LIB_CDB_H
#define LIB_CDB_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum found {
	FOUND_NO,
	FOUND_YES,
	FOUND_ERROR /* errno; the caller defers, it never guesses */
};

struct table; /* an open cdb file, mapped */

/* Open dirfd/name.  NULL with errno (ENOENT among them; EPROTO for a file that
 * is no cdb).  Free with table_close, which accepts NULL. */
MUST_USE struct table *table_open(int dirfd, const char *name);

/* Ask front before t, which owns it then; NULL: ask t alone. */
void table_lay(struct table *t, struct table *front);

/* Close and free t; NULL is accepted. */
void table_close(struct table *t);

/* The file on disk (t's own, of a table laid before it nothing is seen) is
 * another one now (device, inode, size or mtime): close
 * and open again to see it. */
bool table_stale(const struct table *t, int dirfd, const char *name);

/* Look key up.  FOUND_YES: *value points into the map, until table_close; key
 * stands right in front of it there, as in every cdb.
 * value may be NULL. */
MUST_USE enum found table_find(
    const struct table *t, struct str key, struct str *value);

struct table_wish {
	const struct table *table; /* NULL: none */
	struct str key;
};

enum { TABLE_WISHES = 4 };

/* Have the memory fetched that table_find will look at for each of up to
 * TABLE_WISHES keys, at one time for all: in a large table each key is two
 * places far apart, which would be waited for one after the other.  A table
 * that fits a processor's cache is left alone.  Only time depends on it. */
void table_fetch(const struct table_wish *wishes, size_t count);

/* Call each(key, value, context) for every pair in the file's order, until it
 * returns false.  Returns false when the file is damaged (errno EPROTO). */
MUST_USE bool table_walk(const struct table *t,
    bool (*each)(struct str key, struct str value, void *context),
    void *context);

struct table_maker; /* a table being written to a temporary file */

/* Begin dirfd/name with mode, in a temporary file beside it, NAME.tmp.PID; mode
 * is kept from the umask, dirfd stays open until the end.  NULL with errno.
 * Ended by one of the two below, which free it. */
MUST_USE struct table_maker *table_make(
    int dirfd, const char *name, unsigned mode);

/* Add a pair; a second pair of one key stays hidden behind the first.  False
 * with errno. */
MUST_USE bool table_add(
    struct table_maker *m, struct str key, struct str value);

/* Give the file to uid and gid before it gets its name.  False with errno. */
MUST_USE bool table_owner(struct table_maker *m, uid_t uid, gid_t gid);

/* fsync, rename over dirfd/name, fsync the folder (false with errno, the old
 * file in place, or, where the last fsync failed, perhaps the new one); or
 * forget it all.  table_abandon accepts NULL. */
MUST_USE bool table_commit(struct table_maker *m);

/* Forget m and its temporary file. */
void table_abandon(struct table_maker *m);

#endif
