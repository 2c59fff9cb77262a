/* show: what a delivery would do; see show.h. */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "local/show.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "local/dotfile.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USER, HOME, LOCAL, DASH, EXT, DOMAIN, SENDER, OTHERWISE };

_Static_assert((int)OTHERWISE + 1 == (int)SHOW_ARGUMENTS, "qmail-local's");

static bool
refuse(struct report *r, enum report_id id)
{
	report_say(r, id);
	return false;
}

static bool
open_home(const char *home, int *fd, struct report *r)
{
	struct stat st;

	if (home[0] != '/')
		return refuse(r, REPORT_HOME_RELATIVE);
	*fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) != 0) {
		report_errno(r, "switch to", str_of(home));
		return false;
	}
	errno = 0;
	if ((st.st_mode & S_ISVTX) != 0)
		warn("home directory is sticky");
	return (st.st_mode & S_IWOTH) == 0 || refuse(r, REPORT_HOME_WRITABLE);
}

static bool
print_all(struct dotfile *d, struct str text, FILE *out, struct report *r)
{
	static const char *const kinds[] = {[DO_MAILDIR] = "maildir",
	    [DO_MBOX] = "mbox",
	    [DO_PROGRAM] = "program",
	    [DO_FORWARD] = "forward"};
	unsigned long counts[4] = {0};
	enum dotfile_result result;
	struct instruction i;

	while (
	    (result = dotfile_next(d, &text, &i, r)) == DOTFILE_INSTRUCTION) {
		counts[i.kind]++;
		(void)fprintf(out, "%s %.*s\n", kinds[i.kind], (int)i.text.len,
		    i.text.data);
	}
	if (result == DOTFILE_BAD)
		return false;
	(void)fprintf(out, "did %lu+%lu+%lu\n",
	    counts[DO_MAILDIR] + counts[DO_MBOX], counts[DO_FORWARD],
	    counts[DO_PROGRAM]);
	return true;
}

bool
show_run(char *const arguments[SHOW_ARGUMENTS], FILE *out, struct report *r)
{
	struct dotfile d = {0};
	struct str dash = str_of(arguments[DASH]), text;
	int fd = -1;
	bool ok;

	ok = open_home(arguments[HOME], &fd, r) &&
	     dotfile_find(fd, dash, str_of(arguments[EXT]), &d, r);
	if (ok && !d.found && dash.len > 0)
		ok = refuse(r, REPORT_NO_MAILBOX);
	text = buf_str(&d.text);
	if (text.len == 0) {
		text = str_of(arguments[OTHERWISE]);
		d.forward_only = false;
	}
	ok = ok && print_all(&d, text, out, r);
	dotfile_free(&d);
	fd_close(&fd);
	return ok;
}
