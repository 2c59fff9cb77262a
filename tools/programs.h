/* programs: every program of the suite, for people: what it does, as whom. */
#ifndef TOOLS_PROGRAMS_H
#define TOOLS_PROGRAMS_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PROGRAM_PATH = 4096 };

/* The list of culver help, grouped by who uses them, in 80 columns. */
void programs_print(FILE *out);

/* The program of a command of two words, as "check" is of culver queue check;
 * NULL when these words are none. */
const char *program_of_two(const char *first, const char *second);

/* Path of culver-NAME beside the running program.  False with errno; ENOENT
 * also for a name with a slash in it. */
MUST_USE bool program_path(char out[PROGRAM_PATH], const char *name);

/* The command a person may have meant: the listed one with the fewest letters
 * to change, at most two; NULL when there is none. */
const char *program_like(const char *name);

/* Letters to insert, remove or change to make b from a (Levenshtein); names
 * longer than 32 are far from everything. */
size_t programs_distance(const char *a, const char *b);

#endif
