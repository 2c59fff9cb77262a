/* assign: users/assign and users/cdb, by which a host says whose mail is whose,
 * as qmail-newu and qmail-lspawn have them.
 *
 * Writes   culver-newu and culver-control build (users/cdb); a person, or
 *          qmail-newu and the programs of a host's panel, which make the same.
 * Reads    culver-lspawn's finding half, users/cdb alone.
 *
 * Text     lines up to one that begins with '.'; each is
 *            "=" local ":" user ":" uid ":" gid ":" home ":" dash ":" ext ":"
 *            "+" loc   ":" user ":" uid ":" gid ":" home ":" dash ":" pre ":"
 *          What follows the last colon is ignored.  No NUL; uid and gid are
 *          decimal, uid is not 0, home begins with '/'.  culver-newu also refuses
 *          gid 0, and the suite's own but culvera's and culverv's.
 * Table    "!" local NUL, local in ASCII lower case: of a line with '='
 *          "!" loc, likewise: of one with '+'
 *          "": the last bytes of every loc that is not empty, each once
 *          The values are user NUL uid NUL gid NUL home NUL dash NUL ext, the
 *          empty key's the bytes themselves.  The first of several lines with
 *          one key counts.
 * Look-up  the whole local part by "="; then, from the whole of it on, one byte
 *          less each time, by "+", where the last byte is one of those of the
 *          empty key or nothing is left; what the key lacks of the local part,
 *          upper case and all, follows pre.
 */
#ifndef WIRE_ASSIGN_H
#define WIRE_ASSIGN_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include <stdbool.h>
#include <sys/types.h>

#define ASSIGN_TEXT  "users/assign"
#define ASSIGN_TABLE "users/cdb"

enum { ASSIGN_LINE_MAX = 8192 }; /* bytes */

struct assignment {
	struct str user, home, dash, ext;
	uid_t uid;
	gid_t gid;
};

/* One line of users/assign without its LF, not the last: append its key, and
 * its value, to empty buffers; *wild is the byte for the empty key, in lower
 * case, or '\0'.  False when it is malformed, and *what says how; a static
 * string ("out of memory" among them). */
MUST_USE bool assign_parse(struct str line, struct buf *key, struct buf *value,
    char *wild, const char **what);

/* What a value of the table says; the views point into it.  False with errno
 * EPROTO.  Matched by assign_parse. */
MUST_USE bool assign_value(struct str value, struct assignment *a);

/* Whose mail for local is.  The views point into the table and into ext, which
 * is emptied first.  FOUND_NO: nobody's.  FOUND_ERROR with errno, EPROTO for a
 * table that is not as said above.  A NULL table finds nothing. */
MUST_USE enum found assign_find(const struct table *t, struct str local,
    struct assignment *a, struct buf *ext);

#endif
