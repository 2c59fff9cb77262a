/* choice: the password and the settings that culver-user was asked for.  Its
 * functions belong to that program: they die (100, 111). */
#ifndef CONTROL_CHOICE_H
#define CONTROL_CHOICE_H

#include "wire/users.h"
#include <crypt.h>
#include <stdbool.h>

/* Texts are NULL where the option was not given. */
struct choice {
	const char *password, *hash, *method, *quota, *forward, *flags;
	const char *place;
	bool from_stdin, random, none;
};

/* At most one password is asked for. */
void choice_check(const struct choice *c);

/* The hash of the password, a C string; "" when nobody can log in.  whose is
 * named where it is asked for at the terminal; a random one is printed. */
void choice_hash(
    const struct choice *c, const char *whose, char out[CRYPT_OUTPUT_SIZE]);

/* Change what the settings name.  Views of the record point into them. */
void choice_apply(const struct choice *c, struct user_record *record);

#endif
