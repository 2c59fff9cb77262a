/* relay: see relay.h. */
#include "queue/relay.h"

#include "queue/records.h"
#include "queue/stamp.h"
#include "wire/envelope.h"
#include "wire/submit.h"
#include <stdbool.h>
#include <sys/types.h>

enum { INPUT = 65536 };

/* The message begins with a blank: our stamp would go on in its first line. */
static bool
is_folded(struct str first)
{
	return first.data[0] == ' ' || first.data[0] == '\t';
}

static int
relay_message(struct submit *s, int fd)
{
	static char input[INPUT];
	char stamp[STAMP_SIZE];
	bool first = true;
	ssize_t n;

	stamp_write(stamp);
	submit_body(s, str_of(stamp));
	while ((n = records_read_some(fd, input, sizeof(input))) > 0) {
		struct str bytes = {input, (size_t)n};

		if (first && is_folded(bytes))
			submit_body(s, str_of("\n"));
		first = false;
		submit_body(s, bytes);
		if (s->trouble != 0)
			return s->trouble;
	}
	return n < 0 ? QQ_READ : QQ_OK;
}

static int
take(void *context, char kind, struct str text)
{
	struct submit *s = context;

	submit_record(s, kind, text);
	return s->trouble;
}

static int
commit(struct submit *s, uint64_t recipients)
{
	struct submit_result result;

	if (recipients == 0) /* all of them have it */
		return QQ_OK;
	submit_commit(s, &result);
	return result.code;
}

int
relay_run(int message_fd, int envelope_fd)
{
	struct submit s;
	const struct records_to to = {take, &s, ENVELOPE_RECORD};
	uint64_t recipients = 0;
	int code;

	submit_init(&s);
	code = submit_begin(&s) ? QQ_OK : s.trouble;
	if (code == QQ_OK)
		code = relay_message(&s, message_fd);
	if (code == QQ_OK)
		code = records_read(envelope_fd, &to, &recipients);
	if (code == QQ_OK)
		code = commit(&s, recipients);
	submit_close(&s);
	return code;
}
