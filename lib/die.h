/* die: the three endings of a program, and the warning that goes on.  Lines are
 * "program: severity: unable to VERB object: reason", escaped as log_words does
 * and written by one write(2).  Each call lists C strings; the wrappers end the
 * list.  Set errno to 0 where it has nothing to say. */
#ifndef LIB_DIE_H
#define LIB_DIE_H

#include "lib/attr.h"

enum {
	EXIT_USAGE = 100, /* you asked wrongly */
	EXIT_TEMP = 111   /* the system failed; try again */
};

/* Name the program in every line to come: "smtpd", not the path. */
void die_name(const char *program);

/* The name given last; "culver" before that. */
const char *die_program(void);

/* The system failed: "fatal: ... : strerror(errno)" when errno is set; 111. */
#define die_temp(...) die_temp_list(__VA_ARGS__, (char *)0)
/* The caller asked wrongly: "usage: ..."; exit 100. */
#define die_usage(...) die_usage_list(__VA_ARGS__, (char *)0)
/* Something is wrong and we go on: "warning: ..." with errno's text when
 * set. */
#define warn(...) warn_list(__VA_ARGS__, (char *)0)
/* A broken invariant of ours: "bug: file:line: text", abort(3). */
#define bug(text) bug_at(__FILE__, __LINE__, text)

/* What die_temp calls: exit 111. */
NO_RETURN NULL_ENDED void die_temp_list(const char *first, ...);

/* What die_usage calls: exit 100. */
NO_RETURN NULL_ENDED void die_usage_list(const char *first, ...);

/* What warn calls: returns. */
NULL_ENDED void warn_list(const char *first, ...);

/* What bug calls: abort. */
NO_RETURN void bug_at(const char *file, int line, const char *text);

#endif
