/* users: users/passwd, the virtual mailboxes, and the two tables made of it.
 *
 * Writes   culver-user and culver-setup (users/passwd, then both tables);
 *          culver-control build (the tables).  They hold users/.lock meanwhile.
 * Reads    users/passwd.cdb culver-authd alone; users/rcpt.cdb culver-smtpd,
 *          culver-send and culver-lspawn.
 *
 * Text     users/passwd, one mailbox a line; empty lines and lines beginning
 *          with '#' are skipped:
 *            line    = address ":" record / "@" domain ":" record
 *            record  = hash ":" quota ":" forward ":" flags [ ":" place ]
 *            address = local "@" domain         the local part unquoted
 *            hash    = crypt(3)'s; or of control/password.h: {PLAIN},
 *                      {PLAIN.HEX}, {SCRAM-SHA-256}; empty: nobody can log in
 *            quota   = bytes / limit [ "," limit ]    of Maildir++
 *            limit   = bytes "S" / messages "C"   in decimal, each once; 0: none
 *            forward = [ address *( "," address ) / "@" domain ]
 *                      mail goes there instead; with the flag keep, also
 *            flags   = [ word *( "," word ) ]         enum user_flag
 *            place   = [ part 1*( "/" part ) ]
 *                      the Maildir, below domains/; empty: users_maildir's.
 *                      No part is empty, begins with '.' or passes 255 bytes
 *          A colon, blank or control byte stands in no part; a comma in no
 *          address.  Anything else is malformed, and so is an address that
 *          comes twice.
 * Domains  "@domain" speaks of a domain, nobody logs in by it, and a hash or a
 *          quota of its own it has none.  Its record has one of
 *            forward "@other"    the alias domain: its addresses are other's.
 *                                other is no alias domain itself
 *            forward or place    the catch-all: where mail goes whose address
 *                                is nobody's
 *            neither             the domain is ours; it need have no mailbox
 * Order    of a look-up, the first that is there, at most six keys in all:
 *            1  local@domain
 *            2  before the first '+' of local (not its first byte), unless the
 *               mailbox has the flag noplus
 *            3  1 and 2 at other, where domain is an alias domain
 *            4  the catch-all, of other where domain is an alias domain
 *          So an address of an alias domain may be made an exception of.
 * Tables   key: the address in ASCII lower case; value: its record.  In
 *          rcpt.cdb the hash is empty; each domain of an address has its key
 *          "@domain" there, with an empty value where it has no line.  passwd.cdb has
 *          neither quota, forward nor place, and of domains only the alias
 *          domains, with their forward.
 * Fronts   users/passwd.new.cdb and users/rcpt.new.cdb have what was added since
 *          the tables were made, and are asked before them.  Both begin with
 *          the key "", whose value is the same in a front and its table; a
 *          front that differs is one of another table, and nobody's.  Whoever
 *          puts a front there makes the table's mtime another one then.
 * Place    as users_place says.  Whoever delivers there is culverv, who can
 *          write to nothing but domains/; a path that left it is no place.
 */
#ifndef WIRE_USERS_H
#define WIRE_USERS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

#define USERS_TEXT         "users/passwd"
#define USERS_PASSWD       "users/passwd.cdb"
#define USERS_RCPT         "users/rcpt.cdb"
#define USERS_PASSWD_FRONT "users/passwd.new.cdb"
#define USERS_RCPT_FRONT   "users/rcpt.new.cdb"
#define USERS_LOCK         "users/.lock"
#define USERS_DOMAINS      "domains"

enum {
	USERS_LINE_MAX = 8192, /* bytes of a line */
	USERS_PLACE_MAX = 512, /* bytes of a place */
	USERS_PATH_SIZE =
	    640, /* what users_maildir writes, end byte included */
	USERS_LATELY =
	    1000000 /* users_lately: what is so old is believed, us */
};

#define USER_FLAGS(X)                                                          \
	X(DISABLED, "disabled", "no login, and mail to it is refused")         \
	X(NOPOP3, "nopop3", "no login by POP3")                                \
	X(NOSMTP, "nosmtp", "no login by SMTP AUTH")                           \
	X(KEEP, "keep", "mail that is forwarded stays here, too")              \
	X(NOPLUS, "noplus", "mail to it with a plus extension is refused")

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
	uint64_t messages;  /* most of them; 0: no such limit */
	struct str forward; /* addresses, comma-separated, or empty */
	unsigned flags;     /* of enum user_flag */
	struct str place;   /* below domains/; empty: the default */
	struct str address; /* a look-up's: whose it is, as the table has it */
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

/* Bytes and messages of a quota as users/passwd has it: "1000", "1000S,5C".
 * False when it is none. */
MUST_USE bool users_parse_quota(
    struct str text, uint64_t *bytes, uint64_t *messages);

/* Append a quota; fails as buf_append does.  Matched by users_parse_quota. */
MUST_USE bool users_format_quota(
    struct buf *b, uint64_t bytes, uint64_t messages);

/* The domain that the record of an alias domain means; false when it is of no
 * alias domain. */
bool users_alias(const struct user_record *r, struct str *domain);

/* Open a table, USERS_RCPT or USERS_PASSWD, relative to HOME, and its front.  *t is the
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

/* Whose an address is, ASCII case ignored, in the order that stands above.  r's
 * views are valid until table_close; r->address is the mailbox's own, or
 * "@domain" of a catch-all.  A NULL table (there is no such file: no mailboxes)
 * finds nothing.  A record that does not parse is FOUND_ERROR with errno
 * EPROTO. */
MUST_USE enum found users_find(
    const struct table *t, struct str address, struct user_record *r);

/* The same, and whether rcpt.cdb knows the domain of an address that is nobody's:
 * *ours, with FOUND_NO.  A mailbox costs one key so, its domain none. */
MUST_USE enum found users_find_here(const struct table *t, struct str address,
    struct user_record *r, bool *ours);

/* Who logs in by this name, in either table: 1 and the alias domain of that
 * order alone, so that nobody has many names to try passwords with. */
MUST_USE enum found users_login(
    const struct table *t, struct str name, struct user_record *r);

/* The one name of who logs in by this one, appended to out: the mailbox's own
 * address, or, where there is none, the address at the domain that its alias
 * domain means.  So who tries passwords of somebody, there or not, is counted
 * once.  FOUND_ERROR also when it cannot be appended. */
MUST_USE enum found users_login_name(
    const struct table *t, struct str name, struct buf *out);

/* rcpt.cdb knows this domain; likewise. */
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

/* The Maildir of what a look-up found, likewise: its place of its own, below
 * domains/, or users_maildir of r->address.  EINVAL also for a catch-all that
 * has no place: it only forwards. */
MUST_USE bool users_place(
    const struct user_record *r, char out[USERS_PATH_SIZE]);

#endif
