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
find_home(struct str address, char home[PATH_MAX])
{
	char path[USERS_PATH_SIZE];
	int n;

	if (!users_maildir(address, path))
		return false;
	n = snprintf(home, PATH_MAX, "%s/%.*s", home_path(),
	    (int)str_rfind(str_of(path), '/'), path);
	errno = ENAMETOOLONG;
	return n > 0 && n < PATH_MAX;
}

static bool
find(struct users *rcpt, struct str address, struct mailbox *m,
    struct user_record *record)
{
	enum found found;

	found = users_lately(rcpt, address, record);
	if (found == FOUND_NO)
		errno = 0;
	return found == FOUND_YES && find_home(address, m->home) &&
	       (record->forward.len > 0
		       ? put_forwards(&m->instructions, record->forward)
		       : buf_append_text(&m->instructions, "./Maildir/"));
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
