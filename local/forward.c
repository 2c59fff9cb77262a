/* forward: a message queued again; see forward.h. */
#include "local/forward.h"

#include <stdio.h>

bool
forward_begin(struct submit *s, struct str prefix, struct body *body,
    struct str sender, struct report *r)
{
	uint64_t offset = 0;
	struct str chunk;

	/* submit_commit tells what failed here. */
	if (!submit_begin(s))
		return true;
	submit_body(s, prefix);
	do {
		if (!body_get(body, offset, &chunk)) {
			report_errno(r, "read", str_of("message"));
			submit_abort(s);
			return false;
		}
		submit_body(s, chunk);
		offset += chunk.len;
	} while (offset < body->len && s->trouble == 0);
	submit_record(s, 'F', sender);
	return true;
}

void
forward_to(struct submit *s, struct str recipient)
{
	submit_record(s, 'T', recipient);
}

/* "(#5.1.3)" at the end of a text has its status. */
static void
say_refused(const struct submit_result *result, struct report *r)
{
	const char *class = queue_code_text(result->code);
	struct str text = str_of(result->text), code;
	char status[JOB_STATUS + 1], line[512];

	code = str_slice(text, str_rfind(text, '#') + 1, str_rfind(text, ')'));
	if (!str_copy(status, sizeof(status), code))
		status[0] = '\0';
	/* The table's texts have their class in front. */
	if (str_equal(text, str_of(class)))
		text = str_slice(text, 1, text.len);
	(void)snprintf(line, sizeof(line), "Unable to forward message: %.*s.",
	    (int)text.len, text.data);
	report_set(r, class[0] == 'D' ? 'D' : 'Z', status, line);
}

bool
forward_end(struct submit *s, uint32_t *writer, struct report *r)
{
	struct submit_result result;

	submit_commit(s, &result);
	if (result.code != 0) {
		say_refused(&result, r);
		return false;
	}
	*writer = result.pid;
	return true;
}
