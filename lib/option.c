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

int
option_take(int argc, char *const *argv, const struct option_row *rows)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		const char *arg = argv[i++], *value = strchr(arg, '=');
		const struct option_row *row;

		if (strcmp(arg, "--") == 0)
			break;
		row = find(rows, arg);
		if (row->flag != NULL && value != NULL)
			die_usage("option ", row->name, " takes no value");
		if (row->flag != NULL) {
			*row->flag = true;
			continue;
		}
		if (value == NULL && i == argc)
			die_usage("option ", row->name, " needs a value");
		*row->text = value == NULL ? argv[i++] : value + 1;
	}
	return i;
}
