/* warning: a mailbox is nearly full; see warning.h. */
#include "local/warning.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/date.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/rng.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DAY = 24 * 3600,
	STAMP = 20,            /* digits, and LF behind them */
	MESSAGE_MAX = 1 << 18, /* bytes; a control file has less */
	MESSAGE_ID = 2 * QUEUE_TOKEN + 1
};

static const struct str none = {"", 0};

struct warning {
	const struct controls *controls;
	struct str to; /* address */
	unsigned char token[QUEUE_TOKEN];
	int64_t now; /* seconds since 1970 */
	struct buf text;
};

/* The stamp, locked, unless somebody else is at it. */
static int
open_stamp(int home_fd, struct str root)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%.*s%s", (int)root.len, root.data,
	    WARNING_STAMP);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	fd = openat(home_fd, path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd >= 0 &&
	    (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
		flock(fd, LOCK_EX | LOCK_NB) != 0))
		fd_close(&fd);
	return fd;
}

/* What cannot be read, or lies ahead, is no warning. */
static bool
is_due(int fd, int64_t now)
{
	char digits[STAMP];
	uint64_t last;

	return !fd_pread_all(fd, digits, sizeof(digits), 0) ||
	       !num_parse(
		   (struct str){digits, sizeof(digits)}, INT64_MAX, &last) ||
	       (int64_t)last > now || now - (int64_t)last >= DAY;
}

static bool
stamp(int fd, int64_t seconds)
{
	char text[STAMP + 2];
	int n = snprintf(
	    text, sizeof(text), "%0*lld\n", (int)STAMP, (long long)seconds);

	return n == STAMP + 1 && fd_pwrite_all(fd, text, (size_t)n, 0);
}

/* The header of the text has a field of this name. */
static bool
has_field(const struct controls *c, const char *name)
{
	struct str line;

	for (size_t i = 0; control_server(c, C_quotawarnmsg, i, &line); i++) {
		if (line.len == 0)
			return false;
		if (str_starts_nocase(line, str_of(name)))
			return true;
	}
	return false;
}

static bool
put(struct buf *b, const char *name, struct str value)
{
	return buf_append_text(b, name) && buf_append_str(b, value) &&
	       buf_append_byte(b, '\n');
}

/* What a message wants and the text has not. */
static bool
put_fields(struct warning *w)
{
	const struct str me = control_line(w->controls, C_me);
	char date[DATE_SIZE], id[MESSAGE_ID];
	struct buf *b = &w->text;

	date_rfc5322(date, w->now);
	num_hex(id, w->token, QUEUE_TOKEN);
	return (has_field(w->controls, "Date:") ||
		   put(b, "Date: ", str_of(date))) &&
	       (has_field(w->controls, "Message-ID:") ||
		   (buf_append_text(b, "Message-ID: <") &&
		       buf_append_text(b, id) && buf_append_byte(b, '@') &&
		       buf_append_str(b, me) && put(b, ">", none))) &&
	       (has_field(w->controls, "From:") ||
		   put(b, "From: postmaster@", me)) &&
	       (has_field(w->controls, "To:") || put(b, "To: ", w->to)) &&
	       put(b, "Auto-Submitted: auto-generated", none);
}

/* All of the message. */
static bool
write_text(struct warning *w, struct str delivered_to)
{
	struct buf *b = &w->text;
	struct str line;
	bool ok;

	b->max = MESSAGE_MAX;
	ok = put(b, "Return-Path: <>", none) &&
	     buf_append_str(b, delivered_to) && put_fields(w);
	for (size_t i = 0;
	     ok && control_server(w->controls, C_quotawarnmsg, i, &line); i++)
		ok = put(b, "", line);
	return ok;
}

static bool
deliver_text(const struct warning *w, struct folders *boxes, int home_fd,
    const struct maildir_quota *found, struct report *r)
{
	static struct body nothing;
	struct maildir_quota q = *found;
	struct delivery d = {
	    .arrived = w->now * CLOCK_SECOND,
	    .job = {.count = 1, .numbers = {"\0\0\0\0", 4}}
        };
	const struct maildir_mail m = {.delivery = &d,
	    .host = control_line(w->controls, C_me),
	    .prefix = buf_str(&w->text),
	    .body = &nothing,
	    .quota = &q};

	for (size_t i = 0; i < QUEUE_TOKEN; i++)
		d.job.token[i] = w->token[i];
	q.always = true;
	body_open(&nothing, -1, 0, 0);
	return maildir_deliver(boxes, home_fd, found->root, &m, r);
}

/* Under the stamp's lock.  A crash may cost a warning, never make two. */
static void
give(struct warning *w, struct folders *boxes, int home_fd, int fd,
    struct str delivered_to, const struct maildir_quota *q)
{
	static struct report r;

	if (!is_due(fd, w->now) || !stamp(fd, w->now))
		return;
	if (rng_bytes(w->token, sizeof(w->token)) &&
	    write_text(w, delivered_to) &&
	    deliver_text(w, boxes, home_fd, q, &r))
		return;
	errno = 0;
	warn("unable to warn of a quota: ", r.text);
	(void)!stamp(fd, 0);
}

void
warning_give(const struct controls *c, struct folders *boxes, int home_fd,
    struct str delivered_to, const struct maildir_quota *q)
{
	const uint64_t least = control_number(c, C_quotawarn);
	struct warning w = {.controls = c, .now = clock_wall() / CLOCK_SECOND};
	struct str first;
	int fd;

	if (least == 0 || quota_percent(&q->limits, &q->use) < least ||
	    !control_server(c, C_quotawarnmsg, 0, &first))
		return;
	fd = open_stamp(home_fd, q->root);
	if (fd < 0)
		return;
	w.to = str_trim(str_slice(
	    delivered_to, str_find(delivered_to, ' ') + 1, delivered_to.len));
	give(&w, boxes, home_fd, fd, delivered_to, q);
	buf_free(&w.text);
	fd_close(&fd);
}
