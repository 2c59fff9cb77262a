/* file: a control file and its cdb as they are on disk. */
#ifndef CONTROL_FILE_H
#define CONTROL_FILE_H

#include "control/control.h"
#include "control/value.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include <stdbool.h>
#include <sys/stat.h>

enum { FILE_NAME = 64 }; /* of a control file or its cdb, end byte included */

/* The stamp of dirfd/name, all zero where there is no such file.  False with
 * errno. */
MUST_USE bool file_look(int dirfd, const char *name, struct stat *st);

/* The stamp is that of a file that was there. */
bool file_there(const struct stat *st);

/* Nothing about the file has changed between a and b. */
bool file_same(const struct stat *a, const struct stat *b);

/* The file of a was changed after that of b. */
bool file_newer(const struct stat *a, const struct stat *b);

/* "NAME.cdb". */
void file_table_name(char out[FILE_NAME], const struct control_row *row);

/* Read and take apart the text of a row, which is there.  False with
 * "file:line: what" in error (a C string); v holds nothing then. */
MUST_USE bool file_read(int dirfd, const struct control_row *row,
    struct value *v, struct buf *error);

/* Write "control/NAME: reason" of errno to error.  Returns false. */
bool file_failed(struct buf *error, const char *name);

#endif
