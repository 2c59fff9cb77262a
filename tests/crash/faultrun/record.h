/* record: what the programs do to the files below one folder, call by call, as
 * lines of text that tests/crash/README describes. */
#ifndef TESTS_CRASH_FAULTRUN_RECORD_H
#define TESTS_CRASH_FAULTRUN_RECORD_H

#include "lib/attr.h"
#include "tests/crash/faultrun/tracee.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { RECORD_NAME = 256 };

/* A name in a folder. */
struct place {
	uint64_t folder; /* inode number; 0: not one we watch */
	char name[RECORD_NAME];
};

/* What only the entry of a call knows. */
struct before {
	bool there;      /* the name to be made exists */
	uint64_t events; /* how many had been written */
	uint64_t ino;    /* of the file that is linked or removed */
	struct place from, to;
};

struct record {
	FILE *out;
	dev_t device;                      /* the folder's */
	uint64_t events;                   /* written so far */
	struct before before[TRACEES_MAX]; /* by the tracee's index */
};

/* Begin to write what happens on folder's file system to path.  False with
 * errno. */
MUST_USE bool record_open(
    struct record *r, const char *path, const char *folder);

/* A call is entered by tracee number i.  Matched by record_ended. */
void record_entered(struct record *r, const struct tracee *t, size_t i);

/* It has ended with result. */
void record_ended(
    struct record *r, const struct tracee *t, size_t i, int64_t result);

/* The driver's own line. */
void record_mark(struct record *r, const char *text);

/* Write out what is buffered and end.  False when some of it was lost. */
MUST_USE bool record_close(struct record *r);

#endif
