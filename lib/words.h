/* words: the words of a command line that is no shell's. */
#ifndef LIB_WORDS_H
#define LIB_WORDS_H

#include "lib/attr.h"
#include <stddef.h>

/* The words of line, divided by blanks and tabs, nothing quoted: end bytes are
 * put into line, and words, ended by NULL, points into it.  Returns how many;
 * 0, too, where there are more than most. */
MUST_USE size_t words_split(char *line, char **words, size_t most);

#endif
