/* mailbox: virtual mailboxes; see mailbox.h. */
#include "local/mailbox.h"

#include "lib/home.h"
#include <errno.h>
#include <stdio.h>

/* "a@b,c@d" as a .qmail file would have it. */
static bool
put_forwards(struct buf *b, struct str forward)
{
	struct str one;

	while (str_cut(&forward, ',', &one))
		if (!buf_append_byte(b, '&') || !buf_append_str(b, one) ||
		    !buf_append_byte(b, '\n'))
			return false;
	return true;
}

static bool
find_home(const struct user_record *record, char home[PATH_MAX],
    char path[USERS_PATH_SIZE])
{
	int n;

	if (!users_place(record, path))
		return false;
	n = snprintf(home, PATH_MAX, "%s/%.*s", home_path(),
	    (int)str_rfind(str_of(path), '/'), path);
	errno = ENAMETOOLONG;
	return n > 0 && n < PATH_MAX;
}

/* What is done with mail, the Maildir being path, which lies in the home. */
static bool
put_instructions(
    struct buf *b, const struct user_record *record, const char *path)
{
	const char *name = path + str_rfind(str_of(path), '/') + 1;

	if (record->forward.len > 0 && (record->flags & USER_KEEP) == 0)
		return put_forwards(b, record->forward);
	return buf_append_text(b, "./") && buf_append_text(b, name) &&
	       buf_append_text(b, "/\n") && put_forwards(b, record->forward);
}

/* A catch-all that only forwards has no Maildir, and domains/ for a home. */
static bool
use(struct mailbox *m, const struct user_record *record)
{
	char path[USERS_PATH_SIZE] = USERS_DOMAINS "/Maildir";
	bool place = record->place.len > 0 || record->address.data[0] != '@';
	int n =
	    snprintf(m->home, PATH_MAX, "%s/%s", home_path(), USERS_DOMAINS);

	m->quota = (struct quota){record->quota, record->messages};
	errno = ENAMETOOLONG;
	return n > 0 && n < PATH_MAX &&
	       (!place || find_home(record, m->home, path)) &&
	       put_instructions(&m->instructions, record, path);
}

static bool
find(struct users *rcpt, struct str address, struct mailbox *m,
    struct user_record *record)
{
	enum found found;

	found = users_lately(rcpt, address, record);
	if (found == FOUND_NO)
		errno = 0;
	return found == FOUND_YES && use(m, record);
}

bool
mailbox_find(
    struct users *rcpt, struct str address, struct mailbox *m, struct report *r)
{
	struct user_record record = {0};

	if (find(rcpt, address, m, &record)) {
		if ((record.flags & USER_DISABLED) == 0)
			return true;
		report_say(r, REPORT_DISABLED);
	} else if (errno == 0) {
		report_say(r, REPORT_NO_MAILBOX);
	} else {
		report_errno(r, "find the mailbox of", address);
	}
	return false;
}
