/* boxuse: how full a virtual mailbox is, for tools that run as root (or as the
 * owner of a private instance), HOME being the current folder. */
#ifndef CONTROL_BOXUSE_H
#define CONTROL_BOXUSE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/quota.h"
#include "wire/users.h"
#include <stdbool.h>

/* What is in the mailbox of r, by its maildirsize, or counted where that is not
 * there, not to be believed, or recount is set; then, and where it has a quota,
 * maildirsize is made anew.  As culverv, in a child where we are root.  trash:
 * .Trash counts.  False with error. */
MUST_USE bool boxuse_find(const struct user_record *r, bool recount, bool trash,
    struct quota *use, struct buf *error);

/* Its quota has changed: remove maildirsize, so that whoever needs it counts. */
MUST_USE bool boxuse_forget(const struct user_record *r, struct buf *error);

/* Print it to standard output, for people or as JSON.  False with errno. */
MUST_USE bool boxuse_print(
    const struct user_record *r, const struct quota *use, bool json);

#endif
