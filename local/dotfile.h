/* dotfile: the .qmail file that rules a delivery, and its instructions. */
#ifndef LOCAL_DOTFILE_H
#define LOCAL_DOTFILE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include "local/report.h"
#include <stdbool.h>

enum { DOTFILE_MAX = 1 << 18 }; /* bytes of one */

struct dotfile {
	struct buf text;   /* all of it; free with dotfile_free */
	bool found;        /* there is one */
	bool forward_only; /* its x bit is set, or +list was met */
	bool roots;        /* root alone has made it and can change it */
	bool no_programs;  /* the caller's: it may have none */
	bool is_default;   /* it ends with "default" */
	size_t rest;       /* of ext, where what "default" stands for begins */
};

enum instruction_kind { DO_MAILDIR, DO_MBOX, DO_PROGRAM, DO_FORWARD };

struct instruction {
	enum instruction_kind kind;
	struct str text; /* without its mark; points into the file's text */
};

enum dotfile_result {
	DOTFILE_INSTRUCTION,
	DOTFILE_END,
	DOTFILE_BAD /* the report says how */
};

/* Find the file for dash and ext below home_fd and read it: ".qmail" dash ext,
 * then for each '-' in ext from the right ".qmail" dash PREFIX "default".  ext
 * is taken in lower case, with ':' for '.', and may lead into folders ".qmail-...".  It is to
 * be root's, ours, or of who has the home.
 * False, and the report says why, when it cannot be known or must not be
 * used. */
MUST_USE bool dotfile_find(int home_fd, struct str dash, struct str ext,
    struct dotfile *d, struct report *r);

/* There is one that dotfile_find would find, by stat alone; home_fd may be an
 * O_PATH one.  FOUND_ERROR with errno. */
MUST_USE enum found dotfile_exists(
    int home_fd, struct str dash, struct str ext);

enum owner_files { OWNER_NONE, OWNER_ONE, OWNER_EACH };

/* Whether ".qmail" dash ext "-owner" exists, and "-owner-default" beside it.
 * False, and the report says why, when that cannot be known. */
MUST_USE bool dotfile_owner(int home_fd, struct str dash, struct str ext,
    enum owner_files *o, struct report *r);

/* The next instruction in *rest, which begins as all of d->text (or another
 * text of the same form) and must not be shortened otherwise. */
MUST_USE enum dotfile_result dotfile_next(struct dotfile *d, struct str *rest,
    struct instruction *i, struct report *r);

/* Free what reading took. */
void dotfile_free(struct dotfile *d);

#endif
