/* export: mailboxes as other mail servers' tables have them. */
#ifndef CONTROL_EXPORT_H
#define CONTROL_EXPORT_H

#include "control/mailboxes.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include <stdbool.h>
#include <stdio.h>

/* Write the mailboxes of domain (NULL: all) to out as a passwd-file of Dovecot
 * 2.3, a line for each name that somebody can log in by: its address, and that
 * of each alias domain of its domain, which has the field user of the address.
 *
 *   name:hash:uid:gid::home::userdb_mail=maildir:PATH userdb_quota_rule=*:RULE
 *
 * uid and gid are culverv's, paths are absolute, home is the folder that the
 * address has below domains/ whatever its place.  A mailbox that is disabled has
 * no line; one without a password has a hash that is nobody's.  False with
 * error. */
MUST_USE bool export_dovecot(const struct mailboxes *m, const char *domain,
    FILE *out, struct buf *error);

/* The same, to a file that is replaced durably when all of it is written: with
 * owner, group and mode of the one that is there, else 0600.  False with error,
 * the old file in place. */
MUST_USE bool export_dovecot_file(const struct mailboxes *m, const char *domain,
    const char *name, struct buf *error);

#endif
