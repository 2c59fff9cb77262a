/* users: users/passwd, the virtual mailboxes, and the two tables made of it.
 *
 * Writes   culver-user and culver-setup (users/passwd, then both tables);
 *          culver-control build (the tables).  They hold users/.lock meanwhile.
 * Reads    users/passwd.cdb culver-authd alone; users/rcpt.cdb culver-smtpd,
 *          culver-send and culver-lspawn.
 *
 * Text     users/passwd, one mailbox a line; empty lines and lines beginning
 *          with '#' are skipped:
 *            line    = address ":" record
 *            record  = hash ":" quota ":" forward ":" flags
 *            address = local "@" domain         the local part unquoted
 *            hash    = crypt(3)'s; empty: nobody can log in
 *            quota   = bytes in decimal; 0: none
 *            forward = [ address *( "," address ) ]   mail goes there instead
 *            flags   = [ word *( "," word ) ]         enum user_flag
 *          A colon, blank or control byte stands in no part; a comma in no
 *          address.  Anything else is malformed, and so is an address that
 *          comes twice.
 * Tables   key: the address in ASCII lower case; value: its record.  In
 *          rcpt.cdb the hash is empty; in passwd.cdb quota is 0 and forward is
 *          empty.  rcpt.cdb also has the key "@domain" with an empty value for
 *          each domain that has a mailbox.
 * Place    the mailbox's Maildir is domains/DOMAIN/LOCAL/Maildir below HOME,
 *          as users_maildir says.
 */
#ifndef WIRE_USERS_H
#define WIRE_USERS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

#define USERS_TEXT    "users/passwd"
#define USERS_PASSWD  "users/passwd.cdb"
#define USERS_RCPT    "users/rcpt.cdb"
#define USERS_LOCK    "users/.lock"
#define USERS_DOMAINS "domains"

enum {
	USERS_LINE_MAX = 8192, /* bytes of a line */
	USERS_PATH_SIZE =
	    640, /* what users_maildir writes, end byte included */
	USERS_LATELY =
	    1000000 /* users_lately: what is so old is believed, us */
};

#define USER_FLAGS(X)                                                          \
	X(DISABLED, "disabled", "no login, and mail to it is refused")         \
	X(NOPOP3, "nopop3", "no login by POP3")                                \
	X(NOSMTP, "nosmtp", "no login by SMTP AUTH")

enum user_flag_bit {
#define USER_FLAG_BIT(id, word, what) USER_BIT_##id,
	USER_FLAGS(USER_FLAG_BIT)
#undef USER_FLAG_BIT
	    USER_FLAG_COUNT
};

enum user_flag {
#define USER_FLAG_ID(id, word, what) USER_##id = 1 << USER_BIT_##id,
	USER_FLAGS(USER_FLAG_ID)
#undef USER_FLAG_ID
};

struct user_record {
	struct str hash;
	uint64_t quota;     /* bytes; 0: none */
	struct str forward; /* addresses, comma-separated, or empty */
	unsigned flags;     /* of enum user_flag */
};

/* One line of users/passwd, without its LF, neither empty nor a comment.  False
 * when it is malformed, and *what says how ("quota is not a number"); a static
 * string.  The views point into line. */
MUST_USE bool users_parse(struct str line, struct str *address,
    struct user_record *r, const char **what);

/* Append the record; the line is address, ':', record, LF.  Fail as buf_append
 * does.  Matched by users_parse and users_find. */
MUST_USE bool users_format_record(struct buf *b, const struct user_record *r);

/* Append a whole line; likewise. */
MUST_USE bool users_format(
    struct buf *b, struct str address, const struct user_record *r);

/* Open a table, USERS_RCPT or USERS_PASSWD, relative to HOME.  *t is the
 * caller's, to be closed by table_close; NULL where there are no mailboxes: the
 * table is not there, nor is users/passwd.  False with errno, *t NULL:
 * table_open's, and ENOENT where users/passwd stands without its table, so that
 * nobody takes its mailboxes for unknown. */
MUST_USE bool users_open(const char *name, struct table **t);

/* The words of flags, comma-separated, appended; and the flag of one word, 0
 * when there is none of that name. */
MUST_USE bool users_format_flags(struct buf *b, unsigned flags);

/* The flag of a word; 0 when there is none of that name. */
unsigned users_flag(struct str word);

/* Look an address up in either table, ASCII case ignored.  r's views are valid
 * until table_close.  A NULL table (there is no such file: no mailboxes) finds
 * nothing.  A record that does not parse is FOUND_ERROR with errno EPROTO. */
MUST_USE enum found users_find(
    const struct table *t, struct str address, struct user_record *r);

/* rcpt.cdb knows mailboxes of this domain; likewise. */
MUST_USE enum found users_domain(const struct table *t, struct str domain);

/* USERS_RCPT, kept open by who asks with each message.  Empty is all zero bytes;
 * the table is the caller's to close. */
struct users {
	struct table *table; /* NULL: not open, or there is none */
	int64_t looked;      /* boot clock: it was the file's own then */
	bool known;          /* so it was, ever */
};

/* users_find for who asks often: FOUND_YES for a mailbox that is not disabled
 * may be of the table as it was USERS_LATELY ago; any other answer is of the
 * table as it is now, and so is then u->table.  r's views are valid until the
 * next call.  FOUND_ERROR with errno also where the table cannot be opened, as
 * users_open says. */
MUST_USE enum found users_lately(
    struct users *u, struct str address, struct user_record *r);

/* The Maildir of a mailbox, relative to HOME, with an end byte in out:
 * "domains/example.org/alice/Maildir".  ASCII lower case; a byte other than a
 * letter, a digit, '.', '-', '_', '+' and '=' is written %xx in hexadecimal, so
 * that two mailboxes never share a place.  False with errno EINVAL for an
 * address without one of its parts, for a part that begins with '.' and for any
 * '/' or NUL; ENAMETOOLONG for a part that passes 255 bytes when written. */
MUST_USE bool users_maildir(struct str address, char out[USERS_PATH_SIZE]);

#endif
