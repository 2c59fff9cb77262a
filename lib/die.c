/* die: the three endings of a program, and the warning; see die.h. */
#include "lib/die.h"

#include "lib/log.h"
#include "lib/num.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *name = "culver";

void
die_name(const char *program)
{
	name = program;
}

const char *
die_program(void)
{
	return name;
}

/* One line; error is an errno whose text ends it, or 0. */
static void
say(const char *severity, int error, const char *first, va_list rest)
{
	struct log l = {.len = 0};

	log_words(&l, name);
	log_words(&l, severity);
	for (const char *s = first; s != NULL; s = va_arg(rest, const char *))
		log_words(&l, s);
	if (error != 0) {
		log_words(&l, ": ");
		log_words(&l, strerror(error));
	}
	log_end(&l);
}

void
die_temp_list(const char *first, ...)
{
	va_list rest;

	va_start(rest, first);
	say(": fatal: ", errno, first, rest);
	va_end(rest);
	exit(EXIT_TEMP);
}

void
die_usage_list(const char *first, ...)
{
	va_list rest;

	va_start(rest, first);
	say(": usage: ", 0, first, rest);
	va_end(rest);
	exit(EXIT_USAGE);
}

void
warn_list(const char *first, ...)
{
	int saved = errno;
	va_list rest;

	va_start(rest, first);
	say(": warning: ", saved, first, rest);
	va_end(rest);
	errno = saved;
}

void
bug_at(const char *file, int line, const char *text)
{
	struct log l = {.len = 0};
	char number[NUM_SIZE];

	(void)num_format(number, (uint64_t)line);
	log_words(&l, name);
	log_words(&l, ": bug: ");
	log_words(&l, file);
	log_words(&l, ":");
	log_words(&l, number);
	log_words(&l, ": ");
	log_words(&l, text);
	log_end(&l);
	abort();
}
