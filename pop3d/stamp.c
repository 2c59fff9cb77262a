/* stamp: one for each greeting; see stamp.h. */
#include "pop3d/stamp.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "lib/rng.h"
#include <unistd.h>

enum { RANDOM = 8 /* bytes */ };

static bool
append_random(struct buf *b)
{
	unsigned char bytes[RANDOM];
	char text[2 * RANDOM + 1];

	if (!rng_bytes(bytes, sizeof(bytes)))
		return false;
	num_hex(text, bytes, sizeof(bytes));
	return buf_append_text(b, text);
}

void
stamp_make(char out[STAMP_SIZE], struct str me)
{
	struct buf b = {.max = STAMP_SIZE};

	if (!buf_append_byte(&b, '<') ||
	    !buf_append_number(&b, (uint64_t)getpid()) ||
	    !buf_append_byte(&b, '.') ||
	    !buf_append_number(&b, (uint64_t)clock_wall()) ||
	    !buf_append_byte(&b, '.') || !append_random(&b) ||
	    !buf_append_byte(&b, '@') || !buf_append_str(&b, me) ||
	    !buf_append_byte(&b, '>') ||
	    !str_copy(out, STAMP_SIZE, buf_str(&b)))
		out[0] = '\0';
	buf_free(&b);
}
