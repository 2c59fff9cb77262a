/* command: a client's command lines; see command.h. */
#include "pop3d/command.h"

#include <errno.h>

static bool
whole_line_waits(const struct reader *r)
{
	struct str held = {r->data + r->pos, r->end - r->pos};

	return str_find(held, '\n') < held.len;
}

static enum command_result
next(struct reader *in, struct writer *out, size_t most, struct str *line)
{
	enum line_result r;

	if (!whole_line_waits(in) && !writer_flush(out))
		return COMMAND_UNHEARD;
	r = reader_line(in, line, NULL);
	if (r == LINE_ERROR && errno == ETIMEDOUT)
		return COMMAND_TIMEOUT;
	if (r == LINE_ERROR || r == LINE_EOF)
		return COMMAND_END;
	if (r == LINE_LONG || line->len + 2 > most)
		return COMMAND_LONG;
	return COMMAND_OK;
}

enum command_result
command_next(struct reader *in, struct writer *out, struct str *line)
{
	return next(in, out, COMMAND_MAX, line);
}

enum command_result
command_answer(struct reader *in, struct writer *out, struct str *line)
{
	return next(in, out, COMMAND_ANSWER, line);
}
