/* discover: how culver-send learns of messages: hints from the fifo, and
 * listings of mess/ in small pieces. */
#ifndef SEND_DISCOVER_H
#define SEND_DISCOVER_H

#include "lib/attr.h"
#include "send/schedule.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	DISCOVER_PIECE = 512,   /* names looked at in one go */
	DISCOVER_AGAIN = 3600,  /* seconds between background listings */
	DISCOVER_SOON = 5,      /* seconds, after one that did not see all */
	DISCOVER_PAUSE = 50000, /* microseconds between a slow one's pieces */
};

struct discovery {
	struct schedule *schedule; /* the caller's */
	unsigned split;
	int hints;       /* the fifo */
	bool early;      /* hints that were there before us */
	unsigned folder; /* of the listing */
	DIR *dir;        /* open mess/SS or info/SS */
	bool journals;   /* info/ is being listed, after mess/ */
	bool synced;     /* mess/folder, since the names in hand were read */
	bool listing;
	bool urgent;  /* at a start, or after queue/rescan */
	bool again;   /* asked for while one was under way: another follows */
	bool partial; /* something could not be looked at */
	int64_t next; /* boot clock: the next listing */
	int64_t longest; /* as retry_longest has it */
};

/* Open the fifo.  False with errno.  The first listing begins at once. */
MUST_USE bool discover_open(
    struct discovery *d, struct schedule *s, unsigned split, int64_t longest);

/* Read the hints that wait.  Messages that are not known are due at once. */
void discover_hints(struct discovery *d, int64_t now);

/* queue/rescan is there: remove it, and list from the start; where a listing is
 * under way it is brought to its end first, so that the last folders' turn
 * comes however often this is asked.  A file that cannot be removed means slow
 * listings without end. */
void discover_rescan(struct discovery *d);

/* Begin the background listing when it is time, and look at the next names. */
void discover_list(struct discovery *d, int64_t now);

/* Microseconds that may pass before discover_list is called again. */
int64_t discover_pause(const struct discovery *d);

/* Close what is open. */
void discover_close(struct discovery *d);

#endif
