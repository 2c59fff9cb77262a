/* listfile: the text of a LIST or MAP of control/, held for editing.  Other lines
 * and comments stay as they are. */
#ifndef CONTROL_LISTFILE_H
#define CONTROL_LISTFILE_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

/* All zero bytes: closed. */
struct listfile {
	enum control_id id;
	bool there; /* the file is */
	struct buf text;
};

/* Read it; no file is an empty one.  False with "control/NAME: what" in error;
 * close it all the same. */
MUST_USE bool listfile_open(
    struct listfile *l, int dirfd, enum control_id id, struct buf *error);

/* Free what l holds. */
void listfile_close(struct listfile *l);

/* A line has this key, ASCII case ignored; *value (may be NULL) of a MAP. */
bool listfile_find(const struct listfile *l, struct str key, struct str *value);

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

#endif
