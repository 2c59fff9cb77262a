/* import: mailboxes of other mail servers' tables, for culver-user; its
 * functions belong to that program: they die (100, 111). */
#ifndef CONTROL_IMPORT_H
#define CONTROL_IMPORT_H

#include "control/mailboxes.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum { IMPORT_COLUMNS = 16 };

struct import_row { /* one line of the file */
	size_t line;
	size_t at, len; /* in lines, with its LF; len 0: refused */
	size_t address_len;
	size_t note; /* in notes, a C string */
};

/* Texts are NULL where the option was not given; the rest is all zero bytes at
 * first. */
struct import {
	const char *format, *domain, *strip;
	bool dry;
	struct mailboxes *boxes; /* those that are there */
	const char *name;        /* of the file */
	struct buf text;
	struct buf lines, notes;
	struct import_row *rows;
	size_t count, taken, refused;
	unsigned columns[IMPORT_COLUMNS]; /* of a CSV: enum import_part */
	size_t column_count;
};

/* Parts of a mailbox as users/passwd writes them, and what is to be said.  Each
 * line begins with all of them empty. */
enum import_part {
	PART_ADDRESS,
	PART_HASH,
	PART_QUOTA,
	PART_FORWARD,
	PART_FLAGS,
	PART_PLACE,
	PART_NOTE,
	PART_PASSWORD, /* in clear; to be hashed */
	PART_COUNT
};

struct imported {
	struct buf parts[PART_COUNT];
};

/* A format by name: takes one line apart.  NULL, or why it cannot be taken, a
 * static string; "" where there is nothing on the line. */
typedef const char *import_form(
    struct import *i, struct str line, struct imported *out);

/* NULL when there is no such format. */
import_form *import_find(const char *format);

/* Read the file ("-": standard input). */
void import_read(struct import *i, const char *name);

/* Take all lines apart and say of each what becomes of it. */
void import_take(struct import *i);

/* Make the Maildirs of what was taken and put it into the mailboxes, which the
 * caller saves.  False with error. */
MUST_USE bool import_put(struct import *i, struct buf *error);

/* Free what i holds. */
void import_free(struct import *i);

#endif
