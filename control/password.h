/* password: what a mailbox's password is made of and how it is kept. */
#ifndef CONTROL_PASSWORD_H
#define CONTROL_PASSWORD_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/scramkey.h"
#include "lib/str.h"
#include <crypt.h>
#include <stdbool.h>

enum {
	PASSWORD_MAX = 200,       /* bytes; POP3 takes a line of 255 */
	PASSWORD_SALT = 16,       /* bytes, of a verifier that is made here */
	PASSWORD_RANDOM_SIZE = 25 /* a random one and its end byte */
};

/* The methods by name, in the order of preference, NULL after the last.  The
 * cost of each is bounded, so that a login takes about a hundredth of a second
 * and no more than 8 MiB. */
const char *password_method(size_t n);

/* In place of a method: the password is kept in clear, as APOP needs it. */
#define PASSWORD_PLAIN "plain"

/* Likewise: "{SCRAM-SHA-256}" and a verifier (lib/scramkey.h), by which clients
 * may log in by SCRAM, too, and of which nothing but a guess leads back. */
#define PASSWORD_SCRAM "scram"

/* What is kept of a password: its hash by a method of those names with a fresh
 * salt; or, with PASSWORD_PLAIN, "{PLAIN}" and the password, or "{PLAIN.HEX}"
 * and its bytes in hexadecimal where users/passwd could not hold it.  False
 * with errno: EINVAL for another name or a NUL within the password, EMSGSIZE
 * where it does not fit in clear. */
MUST_USE bool password_hash(
    struct str password, const char *method, char out[CRYPT_OUTPUT_SIZE]);

/* The password in out, and its length, when it is kept in clear; false when it
 * is not.  Matched by password_hash. */
MUST_USE bool password_clear(
    struct str kept, char out[PASSWORD_MAX + 1], size_t *len);

/* It says that it is a verifier; and the verifier, false when it is none. */
bool password_is_verifier(struct str kept);
MUST_USE bool password_verifier(struct str kept, struct scram_verifier *v);

/* NULL when it can be somebody's password, else what is wrong with it. */
const char *password_fault(struct str password);

/* 24 characters of 32, 120 bits, easy to read and to say; false with errno. */
MUST_USE bool password_random(char out[PASSWORD_RANDOM_SIZE]);

/* Ask at the terminal, twice, without showing what is typed; appended to b.
 * False with errno: ENXIO without a terminal, EINVAL when the two differ. */
MUST_USE bool password_ask(const char *whose, struct buf *b);

/* The first line of a descriptor, without its end, appended to b.  False with
 * errno: EMSGSIZE over PASSWORD_MAX. */
MUST_USE bool password_read(int fd, struct buf *b);

#endif
