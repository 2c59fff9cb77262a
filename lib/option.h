/* option: the options of a command, read by a table. */
#ifndef LIB_OPTION_H
#define LIB_OPTION_H

#include <stdbool.h>
#include <stddef.h>

/* One option: --json sets *flag, --home DIR and --home=DIR set *text.  Exactly
 * one of the two is not NULL. */
struct option_row {
	const char *name; /* with its dashes; NULL ends the table */
	bool *flag;
	const char **text;
};

/* Take options from argv[1] on, up to the first argument that is none, or "--",
 * which is skipped.  Returns the index of the first operand.  Dies (100) on an
 * option that is not in rows, on one without its value and on a flag with one.
 * Texts point into argv. */
int option_take(int argc, char *const *argv, const struct option_row *rows);

/* Take options from argv[1] on wherever they stand among the operands, which
 * are stored in out; after "--" everything is an operand.  Returns how many
 * there are.  Dies (100) as option_take does, and on more than max operands. */
size_t option_operands(int argc, char *const *argv,
    const struct option_row *rows, const char **out, size_t max);

#endif
