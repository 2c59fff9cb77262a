/* rows: the table of controls.def, asked by name. */
#ifndef CONTROL_ROWS_H
#define CONTROL_ROWS_H

#include "control/control.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* The row of that name; false, *id unchanged, when there is none. */
bool row_find(struct str name, enum control_id *id);

/* The n-th program that reads the row, from 0; NULL after the last. */
const char *row_reader(const struct control_row *row, size_t n);

#endif
