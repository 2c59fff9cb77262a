/* words: see words.h. */
#include "lib/words.h"

#include <string.h>

size_t
words_split(char *line, char **words, size_t most)
{
	static const char blanks[] = " \t";
	size_t count = 0;
	char *rest = NULL;

	words[0] = NULL;
	for (char *w = strtok_r(line, blanks, &rest); w != NULL;
	     w = strtok_r(NULL, blanks, &rest)) {
		if (count == most)
			return 0;
		words[count++] = w;
		words[count] = NULL;
	}
	return count;
}
