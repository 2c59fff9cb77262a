/* qlog: lines in qmail-send's words. */
#include "send/qlog.h"
#include "lib/log.h"
#include "lib/num.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A line being made; what does not fit is left out, a log is no place to
 * fail in. */
struct line {
	char data[LOG_LINE_MAX];
	size_t len;
};

static void
put(struct line *l, struct str s)
{
	size_t n = sizeof l->data - l->len;

	if (s.len < n)
		n = s.len;
	memcpy(l->data + l->len, s.data, n);
	l->len += n;
}

static void
text(struct line *l, const char *s)
{
	put(l, str_of(s));
}

static void
number(struct line *l, uint64_t n)
{
	char digits[NUM_SIZE];

	num_format(digits, n);
	text(l, digits);
}

static void
safe(struct line *l, struct str s)
{
	for (size_t i = 0; i < s.len && l->len < sizeof l->data; i++) {
		char c = s.data[i];
		if (c == '\n')
			c = '/';
		else if (c < 33 || c > 126 || c == '%')
			c = '_';
		l->data[l->len++] = c;
	}
}

static void
end(const struct line *l)
{
	log_line((struct str){l->data, l->len});
}

void
qlog_status(const uint32_t flying[CHANNEL_COUNT],
    const uint64_t most[CHANNEL_COUNT], bool exiting)
{
	struct line l = {.len = 0};

	text(&l, "status: local ");
	number(&l, flying[CHANNEL_LOCAL]);
	text(&l, "/");
	number(&l, most[CHANNEL_LOCAL]);
	text(&l, " remote ");
	number(&l, flying[CHANNEL_REMOTE]);
	text(&l, "/");
	number(&l, most[CHANNEL_REMOTE]);
	if (exiting)
		text(&l, " exitasap");
	end(&l);
}

void
qlog_exiting(void)
{
	log_line(str_of("status: exiting"));
}

static void
message_line(const char *before, uint64_t ino)
{
	struct line l = {.len = 0};

	text(&l, before);
	number(&l, ino);
	end(&l);
}

void
qlog_new(uint64_t ino)
{
	message_line("new msg ", ino);
}

void
qlog_end(uint64_t ino)
{
	message_line("end msg ", ino);
}

void
qlog_info(
    uint64_t ino, uint64_t bytes, struct str sender, uint32_t pid, uint32_t uid)
{
	struct line l = {.len = 0};

	text(&l, "info msg ");
	number(&l, ino);
	text(&l, ": bytes ");
	number(&l, bytes);
	text(&l, " from <");
	safe(&l, sender);
	text(&l, "> qp ");
	number(&l, pid);
	text(&l, " uid ");
	number(&l, uid);
	end(&l);
}

void
qlog_start(
    uint32_t delivery, uint64_t ino, enum channel c, struct str recipient)
{
	struct line l = {.len = 0};

	text(&l, "starting delivery ");
	number(&l, delivery);
	text(&l, ": msg ");
	number(&l, ino);
	text(&l, c == CHANNEL_LOCAL ? " to local " : " to remote ");
	safe(&l, recipient);
	end(&l);
}

void
qlog_result(uint32_t delivery, char letter, struct str report)
{
	struct line l = {.len = 0};

	text(&l, "delivery ");
	number(&l, delivery);
	text(&l, letter == 'K'   ? ": success: "
		 : letter == 'D' ? ": failure: "
				 : ": deferral: ");
	safe(&l, report);
	end(&l);
}

static void
notice_line(const char *what, uint64_t ino, uint32_t pid)
{
	struct line l = {.len = 0};

	text(&l, what);
	text(&l, " msg ");
	number(&l, ino);
	text(&l, " qp ");
	number(&l, pid);
	end(&l);
}

void
qlog_bounce(uint64_t ino, uint32_t pid)
{
	notice_line("bounce", ino, pid);
}

void
qlog_notice(const char *what, uint64_t ino, uint32_t pid)
{
	char name[64];

	(void)snprintf(name, sizeof name, "%s notice", what);
	notice_line(name, ino, pid);
}

void
qlog_discard(struct str before, uint64_t ino)
{
	struct line l = {.len = 0};

	put(&l, before);
	number(&l, ino);
	end(&l);
}

void
qlog_warning(const char *what, const char *path)
{
	struct line l = {.len = 0};
	int saved = errno;

	text(&l, "warning: ");
	text(&l, what);
	text(&l, " ");
	text(&l, path);
	if (saved != 0) {
		text(&l, ": ");
		text(&l, strerror(saved));
	}
	end(&l);
}

void
qlog_alert(const char *what)
{
	struct line l = {.len = 0};

	text(&l, "alert: ");
	text(&l, what);
	end(&l);
}
