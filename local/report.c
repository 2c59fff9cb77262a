/* report: what became of a delivery; see report.h. */
#include "local/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
#define REPORT_TEXT(id, text) text,
    REPORTS(REPORT_TEXT)
#undef REPORT_TEXT
};

/* The part of s before its last byte end, from behind the last byte begin. */
static void
copy_between(char out[JOB_STATUS + 1], struct str s, char begin, char end)
{
	size_t from = str_rfind(s, begin);

	if (!str_copy(
		out, JOB_STATUS + 1, str_slice(s, from + 1, str_rfind(s, end))))
		out[0] = '\0';
}

void
report_set(struct report *r, char letter, const char *status, const char *text)
{
	r->letter = letter;
	(void)snprintf(r->status, sizeof(r->status), "%s", status);
	(void)snprintf(r->text, sizeof(r->text) - 1, "%s", text);
	r->text[strlen(r->text) + 1] = '\0';
	r->text[strlen(r->text)] = '\n';
}

void
report_say(struct report *r, enum report_id id)
{
	char status[JOB_STATUS + 1];

	copy_between(status, str_of(texts[id]), '#', ')');
	report_set(r, texts[id][0], status, texts[id] + 1);
}

void
report_errno(struct report *r, const char *verb, struct str object)
{
	static const struct {
		int error;
		enum report_id id;
	} rows[] = {
	    {ENOMEM, REPORT_MEMORY   },
	    {EDQUOT, REPORT_QUOTA    },
	    {ENOSPC, REPORT_DISK_FULL},
	};
	const int error = errno;
	/* What the owner of the place can mend is the mailbox's trouble. */
	const bool owners = error == ENOENT || error == ENOTDIR ||
			    error == ELOOP || error == EACCES;
	const char *status = owners ? "4.2.1" : "4.3.0";
	char text[JOB_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].error == error) {
			report_say(r, rows[i].id);
			return;
		}
	}
	if (object.len > JOB_TEXT / 2)
		object.len = JOB_TEXT / 2;
	(void)snprintf(text, sizeof(text), "Unable to %s %.*s: %s. (#%s)", verb,
	    (int)object.len, object.data, strerror(error), status);
	report_set(r, 'Z', status, text);
}
