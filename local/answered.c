/* answered: memory of an autoresponder; see answered.h. */
#define _DEFAULT_SOURCE /* flock */
#include "local/answered.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each time is as long as any. */
enum { TIME_SIZE = 13 };
#define TIME_FORMAT "%012lld"

/* "SECONDS ADDRESS"; false for anything else. */
static bool
read_line(struct str line, int64_t *when, struct str *address)
{
	size_t blank = str_find(line, ' ');
	uint64_t n;

	if (blank == line.len ||
	    !num_parse(str_slice(line, 0, blank), INT64_MAX, &n))
		return false;
	*when = (int64_t)n;
	*address = str_slice(line, blank + 1, line.len);
	return true;
}

/* Lines of before since, and what is no line, are forgotten. */
static bool
forget(int fd, struct buf *all, int64_t since)
{
	struct buf kept = {.max = ANSWERED_MAX};
	struct str rest = buf_str(all), line, address;
	bool ok = true;
	int64_t when;

	while (ok && str_cut(&rest, '\n', &line))
		if (read_line(line, &when, &address) && when >= since)
			ok = buf_append_str(&kept, line) &&
			     buf_append_byte(&kept, '\n');
	ok = ok && ftruncate(fd, 0) == 0 &&
	     fd_pwrite_all(fd, kept.data, kept.len, 0);
	buf_free(all);
	*all = kept;
	return ok;
}

static enum answered
look(int fd, struct str address, int64_t now, int64_t seconds)
{
	struct buf all = {.max = (size_t)2 * ANSWERED_MAX};
	enum answered found = ANSWERED_NO;
	struct str rest, line, one;
	int64_t when;

	if (!fd_slurp(fd, &all) ||
	    (all.len > ANSWERED_MAX / 2 && !forget(fd, &all, now - seconds)))
		found = errno == EMSGSIZE ? ANSWERED_FULL : ANSWERED_ERROR;
	else if (all.len > ANSWERED_MAX / 2)
		found = ANSWERED_FULL;
	rest = buf_str(&all);
	while (found == ANSWERED_NO && str_cut(&rest, '\n', &line))
		if (read_line(line, &when, &one) && when > now - seconds &&
		    str_equal_nocase(one, address))
			found = ANSWERED_LATELY;
	buf_free(&all);
	return found;
}

enum answered
answered_open(
    const char *path, struct str address, int64_t now, int64_t seconds, int *fd)
{
	enum answered found = ANSWERED_ERROR;
	struct stat st;

	*fd = open(
	    path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return ANSWERED_ERROR;
	errno = EINVAL;
	if (S_ISREG(st.st_mode) && flock(*fd, LOCK_EX) == 0)
		found = look(*fd, address, now, seconds);
	if (found == ANSWERED_ERROR)
		fd_close(fd);
	return found;
}

/* The end of what is in the file, behind a line end. */
static bool
find_end(int fd, int64_t *at)
{
	struct stat st;
	char last = '\n';

	if (fstat(fd, &st) != 0)
		return false;
	*at = st.st_size;
	if (*at > 0 && pread(fd, &last, 1, *at - 1) != 1)
		return false;
	if (last == '\n')
		return true;
	*at += 1;
	return fd_pwrite_all(fd, "\n", 1, *at - 1);
}

bool
answered_reserve(int fd, struct str address, int64_t *at)
{
	struct buf line = {0};
	char time[TIME_SIZE];
	bool ok;

	(void)snprintf(time, sizeof(time), TIME_FORMAT, 0LL);
	ok = buf_append_text(&line, time) && buf_append_byte(&line, ' ') &&
	     buf_append_str(&line, address) && buf_append_byte(&line, '\n') &&
	     find_end(fd, at);
	if (ok &&
	    (!fd_pwrite_all(fd, line.data, line.len, *at) || fsync(fd) != 0)) {
		int error = errno;

		ok = false;
		(void)!ftruncate(fd, *at);
		errno = error;
	}
	buf_free(&line);
	return ok;
}

bool
answered_note(int fd, int64_t at, int64_t now)
{
	char time[TIME_SIZE];

	(void)snprintf(time, sizeof(time), TIME_FORMAT, (long long)now);
	return fd_pwrite_all(fd, time, TIME_SIZE - 1, at) && fsync(fd) == 0;
}
