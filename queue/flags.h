/* flags: what sendmail's arguments mean: every flag that programs are known to
 * pass, so that each is honoured or skipped with the value it has. */
#ifndef QUEUE_FLAGS_H
#define QUEUE_FLAGS_H

#include "lib/attr.h"
#include <stdbool.h>

enum flags_mode {
	FLAGS_MAIL,    /* -bm: send what is on standard input */
	FLAGS_SMTP,    /* -bs: speak SMTP there */
	FLAGS_LIST,    /* -bp, mailq */
	FLAGS_ALIASES, /* -bi, -I, newaliases */
	FLAGS_VERIFY,  /* -bv */
	FLAGS_DAEMON,  /* -bd, -bD, -ba */
	FLAGS_RUN,     /* -q and nothing to send */
	FLAGS_UNKNOWN  /* another -b: letter says which */
};

enum { FLAGS_TEXT = 128 }; /* bytes of a value that is brought into form */

struct flags {
	enum flags_mode mode;
	char letter;        /* that followed -b */
	bool header;        /* -t: the header names recipients, too */
	bool run;           /* -q */
	const char *sender; /* -f, -r; NULL: not given; the last one rules */
	const char *name;   /* -F */
	const char *body, *ret, *notify, *envid; /* -B -R -N -V, in form */
	int operands; /* index in argv of the first recipient */
	char notify_text[FLAGS_TEXT];
};

/* Read argv, whose first word may be a path that ends in mailq or newaliases.
 * Options end at the first argument that is none, or behind "--".  What is not
 * known, or has a value that makes no sense, is warned of and skipped.  False
 * when -f or another that matters lacks its value, which is warned of, too. */
MUST_USE bool flags_read(struct flags *f, int argc, char *const *argv);

#endif
