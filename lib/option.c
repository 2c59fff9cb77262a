/* option: see option.h. */
#include "lib/option.h"

#include "lib/die.h"
#include "lib/str.h"
#include <stddef.h>
#include <string.h>

/* The row that arg names, with or without "=VALUE". */
static const struct option_row *
find(const struct option_row *rows, const char *arg)
{
	struct str s = str_of(arg);
	struct str name = str_slice(s, 0, str_find(s, '='));

	for (; rows->name != NULL; rows++)
		if (str_equal(str_of(rows->name), name))
			return rows;
	die_usage("no option ", arg, "; --help lists them");
}

static bool
is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

/* Take the option at argv[i]; returns the index of what follows it. */
static int
take(int argc, char *const *argv, int i, const struct option_row *rows)
{
	const char *arg = argv[i++], *value = strchr(arg, '=');
	const struct option_row *row = find(rows, arg);

	if (row->flag != NULL && value != NULL)
		die_usage("option ", row->name, " takes no value");
	if (row->flag != NULL) {
		*row->flag = true;
		return i;
	}
	if (value == NULL && i == argc)
		die_usage("option ", row->name, " needs a value");
	*row->text = value == NULL ? argv[i++] : value + 1;
	return i;
}

int
option_take(int argc, char *const *argv, const struct option_row *rows)
{
	int i = 1;

	while (i < argc && is_option(argv[i])) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		i = take(argc, argv, i, rows);
	}
	return i;
}

size_t
option_operands(int argc, char *const *argv, const struct option_row *rows,
    const char **out, size_t max)
{
	size_t n = 0;
	bool all = false;

	for (int i = 1; i < argc;) {
		if (all || !is_option(argv[i])) {
			if (n == max)
				die_usage("one argument too many: ", argv[i]);
			out[n++] = argv[i++];
		} else if (strcmp(argv[i], "--") == 0) {
			all = true;
			i++;
		} else
			i = take(argc, argv, i, rows);
	}
	return n;
}
