/* store: texts in blocks of a page or more; see store.h. */
#include "pop3d/store.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 65536 }; /* bytes; a name has 256 at most */

struct store {
	struct store *next;
	size_t used;
	char bytes[BLOCK_SIZE];
};

const char *
store_keep(struct store **s, const char *text)
{
	size_t size = strlen(text) + 1;
	char *place;

	if (size > BLOCK_SIZE)
		return NULL;
	if (*s == NULL || BLOCK_SIZE - (*s)->used < size) {
		struct store *block = malloc(sizeof(*block));

		if (block == NULL)
			return NULL;
		block->next = *s;
		block->used = 0;
		*s = block;
	}
	place = (*s)->bytes + (*s)->used;
	memcpy(place, text, size);
	(*s)->used += size;
	return place;
}

void
store_free(struct store *s)
{
	while (s != NULL) {
		struct store *next = s->next;

		free(s);
		s = next;
	}
}
