/* control: the settings in control/, read through one table (controls.def). */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum control_id {
#define CONTROL(name, kind, least, most, preset, readers, summary) C_##name,
#include "control/controls.def"
#undef CONTROL
	CONTROL_COUNT
};

/* Who may read a row.  A program that asks for a row that is not its own is a
 * broken invariant (bug). */
enum control_reader {
	CONTROL_SMTPD = 1 << 0,
	CONTROL_QUEUED = 1 << 1,
	CONTROL_SEND = 1 << 2,
	CONTROL_BOUNCE = 1 << 3,
	CONTROL_LOCAL = 1 << 4,
	CONTROL_POPUP = 1 << 5,
	CONTROL_TOOLS = 1 << 6, /* check, show and build read all rows */
	CONTROL_AUTHD = 1 << 7,
	CONTROL_INJECT = 1 << 8,
	CONTROL_QMTPD = 1 << 9,
	CONTROL_QMQPD = 1 << 10,
	CONTROL_QMQPC = 1 << 11,
	CONTROL_REMOTE = 1 << 12,
	CONTROL_POLICYD = 1 << 13,
	CONTROL_LSPAWN = 1 << 14,
	CONTROL_ALL = (1 << 15) - 1,
	/* Of a row: read only when its reader asks for it, control_refresh_row. */
	CONTROL_LATE = 1 << 15
};

enum control_kind {
	KIND_LINE,
	KIND_NAME,
	KIND_NUMBER,
	KIND_LIST,
	KIND_MAP,
	KIND_ACCESS,
	KIND_NETWORKS,
	KIND_SERVERS,
	KIND_ROUTES,
	KIND_SENDERS,
	KIND_SOURCES,
	KIND_TIMES,
	KIND_RATES,
	KIND_POLICIES,
	KIND_QUOTA,
	KIND_ANSWER,
	KIND_TEXT,
	KIND_MECHANISMS
};

struct control_row {
	const char *name;
	enum control_kind kind;
	uint64_t least, most; /* of a NUMBER */
	const char *preset;   /* the default; "=me": me's value; NULL: none */
	unsigned readers;     /* of enum control_reader */
	const char *summary;
};

/* The row of id, with its rules and default. */
const struct control_row *control_row(enum control_id id);

struct controls; /* the values that one program reads */

/* Microseconds of the boot clock that a change may stay unseen. */
enum { CONTROL_LATELY = 1000000 };

/* The rows of one reader, from the folder open as dirfd, which stays the
 * caller's.  Nothing is read yet.  NULL without memory; control_free accepts
 * NULL. */
MUST_USE struct controls *control_new(int dirfd, enum control_reader reader);

/* Free c; NULL is accepted. */
void control_free(struct controls *c);

/* Read every file whose stamp has changed since the last call (all, the first
 * time).  False when one cannot be read or does not parse: control_error says
 * "control/databytes:1: not a number: 10k"; the old value of that row stays,
 * and the caller defers mail until a refresh succeeds.  Rows that are LATE are
 * left out, but for the tools. */
MUST_USE bool control_refresh(struct controls *c);

/* The same, but nothing is looked at again that was found well less than
 * CONTROL_LATELY ago: for who asks with each message. */
MUST_USE bool control_refresh_lately(struct controls *c);

/* A file has been put into the folder or taken out, as every tool here changes
 * one, since the last call that said so; or the folder cannot be looked at.  One
 * look: for who asks with each message, and then for the rows that count.  What
 * is written in place is not seen. */
bool control_moved(struct controls *c);

/* control_refresh for one row: what is asked often costs one look at a file. */
MUST_USE bool control_refresh_row(struct controls *c, enum control_id id);

/* A number that grows whenever the row was read anew, for who keeps what was
 * made of it. */
uint64_t control_version(const struct controls *c, enum control_id id);

/* What failed in the last refresh; "" when nothing did.  Valid until the
 * next. */
const char *control_error(const struct controls *c);

/* What an administrator should hear though nothing failed: "control/rcpthosts
 * is newer than its cdb, which rules ...".  Each is said once, however often a
 * refresh sees it; NULL when there is nothing (more).  Valid until the next
 * call of either.  Call it after a refresh until it is NULL, and log. */
const char *control_notice(struct controls *c);

/* Values, valid until the next refresh.  control_line is "" where there is
 * neither file nor default. */
struct str control_line(const struct controls *c, enum control_id id);

/* The value of a NUMBER. */
uint64_t control_number(const struct controls *c, enum control_id id);

/* The file (or its cdb) is there. */
bool control_present(const struct controls *c, enum control_id id);

/* key in a list of any kind, ASCII case ignored; *value (may be NULL) of a MAP
 * or ACCESS, valid until the next refresh (of ROUTES, SENDERS and SOURCES:
 * control/nexthop.h).  A LIST whose default is "=me" and that has no
 * file holds me.  Of several lines with one key the last one counts
 * (of ACCESS, the first; control/access.h finds the one for a client). */
MUST_USE enum found control_find(const struct controls *c, enum control_id id,
    struct str key, struct str *value);

/* As control_find for a domain: itself, then ".suffix" for each of its
 * suffixes, then (MAP only) the empty key. */
MUST_USE enum found control_find_domain(const struct controls *c,
    enum control_id id, struct str domain, struct str *value);

/* The cdb that rules a list; NULL without one.  Valid until the next refresh. */
const struct table *control_table(const struct controls *c, enum control_id id);

/* Line n (from 0) of a SERVERS or a TEXT, in the file's order; false when there are not so
 * many.  Valid until the next refresh. */
bool control_server(
    const struct controls *c, enum control_id id, size_t n, struct str *server);

/* Compile the text of a list of any kind to NAME.cdb where there is none, the text
 * is newer, or force is set.  Stops with the old table in place and "file:line:
 * what" in error (a C string) on a line that does not parse.  Tables that may
 * hold passwords have the text's mode, and of root its owner and group.  *made tells
 * whether it was written; without a text nothing is. */
MUST_USE bool control_build(
    int dirfd, enum control_id id, bool force, bool *made, struct buf *error);

#endif
