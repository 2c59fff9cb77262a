/* env: the environment. */
#ifndef LIB_ENV_H
#define LIB_ENV_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>

/* The variable's value; its data is NULL when it is not set. */
struct str env_get(const char *name);

/* Set (value NULL: unset) a variable.  Dies (111) without memory. */
void env_set(const char *name, const char *value);

#endif
