/* language: which languages there are; see language.h. */
#include "pop3d/language.h"

#include <stddef.h>

static const struct {
	const char *tag, *chosen;
} languages[] = {
    {"en",        "+OK en English it is"       },
    {"i-default", "+OK i-default English it is"},
};

enum { COUNT = sizeof(languages) / sizeof(languages[0]) };

/* A basic range (RFC 4647, 2.1) chooses its tag; "*" what we prefer. */
static const char *
choose(struct str range)
{
	if (str_equal(range, str_of("*")))
		return languages[0].chosen;
	for (size_t i = 0; i < COUNT; i++)
		if (str_equal_nocase(range, str_of(languages[i].tag)))
			return languages[i].chosen;
	return "-ERR no such language";
}

const char *
language_answer(struct writer *out, struct str range)
{
	if (range.len > 0)
		return choose(range);
	writer_text(out, "+OK languages follow\r\n");
	for (size_t i = 0; i < COUNT; i++) {
		writer_text(out, languages[i].tag);
		writer_text(out, " English\r\n");
	}
	writer_text(out, ".\r\n");
	return NULL;
}
