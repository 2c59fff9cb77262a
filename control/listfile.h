/* listfile: the text of a LIST or MAP of control/, held for editing.  Other lines
 * and comments stay as they are. */
#ifndef CONTROL_LISTFILE_H
#define CONTROL_LISTFILE_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include <stdbool.h>

/* All zero bytes: closed. */
struct listfile {
	enum control_id id;
	bool there; /* the file is */
	struct buf text;
	struct table *table; /* where there is a cdb and no text; else NULL */
};

/* Read it; no file is an empty one, and where its cdb stands without it that is
 * asked.  False with "control/NAME: what" in error; close it all the same. */
MUST_USE bool listfile_open(
    struct listfile *l, int dirfd, enum control_id id, struct buf *error);

/* Free what l holds. */
void listfile_close(struct listfile *l);

/* A line has this key, ASCII case ignored; *value (may be NULL) of a MAP.  Of
 * several lines the last one counts. */
MUST_USE enum found listfile_find(
    const struct listfile *l, struct str key, struct str *value);

/* The same for domain, then ".example.org" for each of its dots, then for a MAP
 * the empty key: in which order they are looked up.  *key is the one found, a
 * view of domain. */
MUST_USE enum found listfile_find_domain(const struct listfile *l,
    struct str domain, struct str *key, struct str *value);

/* False with error where only the cdb is there: to make it of a text that holds
 * what is added now alone would forget all else. */
MUST_USE bool listfile_may_change(const struct listfile *l, struct buf *error);

/* Put a line behind the last one; value counts for a MAP only.  False with errno,
 * l unchanged. */
MUST_USE bool listfile_add(
    struct listfile *l, struct str key, struct str value);

/* Take out every line of this key; true when there was one. */
bool listfile_remove(struct listfile *l, struct str key);

/* Write the text durably, and where there is a cdb make it anew.  False with
 * error; a text that does not parse leaves the old cdb. */
MUST_USE bool listfile_save(
    const struct listfile *l, int dirfd, struct buf *error);

/* Make the cdb anew where it is there and older than its text, as a writer leaves
 * it who was killed in between; *made tells.  False with error. */
MUST_USE bool listfile_settle(
    const struct listfile *l, int dirfd, bool *made, struct buf *error);

#endif
