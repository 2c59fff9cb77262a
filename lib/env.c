/* env: the environment; see env.h. */
#include "lib/env.h"

#include "lib/die.h"
#include <stdlib.h>

struct str
env_get(const char *name)
{
	const char *value = getenv(name);

	return value == NULL ? (struct str){NULL, 0} : str_of(value);
}

void
env_set(const char *name, const char *value)
{
	int r = value == NULL ? unsetenv(name) : setenv(name, value, 1);

	if (r != 0)
		die_temp("unable to set the variable ", name);
}
