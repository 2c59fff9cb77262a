/* mailboxes: users/passwd held for editing, the tables made of it, Maildirs.
 * For tools that run as root (or as the owner of a private instance), HOME
 * being the current folder.  Errors are C strings in a buf: "users/passwd:3:
 * what". */
#ifndef CONTROL_MAILBOXES_H
#define CONTROL_MAILBOXES_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/users.h"
#include <stdbool.h>
#include <stddef.h>

enum { MAILBOXES_FILE = 1 << 28 }; /* bytes of users/passwd */

struct mailbox {
	struct str line; /* with its LF, where it has one */
	struct str address;
	struct user_record record;
};

/* All zero bytes: closed.  Views point into text. */
struct mailboxes {
	int lock; /* descriptor of users/.lock, plus 1; 0: not held */
	struct buf text;
	struct mailbox *list; /* by address, ASCII case ignored */
	size_t count;
};

/* Read users/passwd (no file: none), with locked after waiting for the lock,
 * which is held until mailboxes_close; what a writer that was killed has left
 * in users/ is removed then.  False with error; close it all the same. */
MUST_USE bool mailboxes_open(
    struct mailboxes *m, bool locked, struct buf *error);

/* Take the lock alone, until mailboxes_close.  False with error; close it all the
 * same. */
MUST_USE bool mailboxes_lock(struct mailboxes *m, struct buf *error);

/* Read users/passwd after mailboxes_lock, as mailboxes_open does. */
MUST_USE bool mailboxes_load(struct mailboxes *m, struct buf *error);

/* Under the lock: nobody has this address, in lower case, and mailboxes_add can
 * add it.  False where all is to be made anew for it: the text is short, or
 * newer than its tables, the fronts are full, or something is wrong. */
bool mailboxes_may_add(struct str address);

/* Add one mailbox among many: a line behind the text and a pair in the fronts,
 * so that it costs as much among a million as among ten.  record->address is
 * the one that mailboxes_may_add was asked for; the line parses.  False with
 * error. */
MUST_USE bool mailboxes_add(
    const struct user_record *record, struct buf *error);

/* Close what is open. */
void mailboxes_close(struct mailboxes *m);

/* Addresses in their order, ASCII case ignored: negative, 0 or positive. */
int mailboxes_compare(struct str a, struct str b);

/* The mailbox of an address; NULL without one. */
const struct mailbox *mailboxes_find(
    const struct mailboxes *m, struct str address);

/* Put many whole lines in, behind what is there; their addresses are new.
 * Otherwise as mailboxes_put. */
MUST_USE bool mailboxes_append(
    struct mailboxes *m, struct str lines, struct buf *error);

/* Put a mailbox in, in place of the one of that address if there is one; or
 * take it out (record NULL).  Other lines and comments stay as they are.  In
 * memory only.  False with error, m unchanged; address and record
 * may point into m. */
MUST_USE bool mailboxes_put(struct mailboxes *m, struct str address,
    const struct user_record *record, struct buf *error);

/* Write users/passwd durably, then both tables.  False with error. */
MUST_USE bool mailboxes_save(const struct mailboxes *m, struct buf *error);

/* Make both tables where one is missing, older than users/passwd, or force is
 * set; *made tells. */
MUST_USE bool mailboxes_build(
    const struct mailboxes *m, bool force, bool *made, struct buf *error);

/* users/passwd is newer than one of its tables, or one is missing. */
bool mailboxes_stale(void);

/* Print those of domain (NULL: all) to standard output, as a table or as JSON.
 * False with errno. */
MUST_USE bool mailboxes_print(
    const struct mailboxes *m, const char *domain, bool json);

/* Make the Maildir of r's place, or of its address without one; as culverv, in a
 * child where we are root.  What is there already stays as it is; *made tells
 * whether something was not.  False with error. */
MUST_USE bool mailbox_make(
    const struct user_record *r, bool *made, struct buf *error);

/* Make the Maildirs of whole lines of users/passwd, in one child and with one
 * sync of the disk at the end; tell is called now and then with how many are
 * made.  False with error, which names the address that could not be: those in
 * front of it may be there. */
MUST_USE bool mailboxes_make(
    struct str lines, void (*tell)(size_t done), struct buf *error);

/* Remove that Maildir with all mail, and the folder of the address around it;
 * likewise. */
MUST_USE bool mailbox_purge(const struct user_record *r, struct buf *error);

#endif
