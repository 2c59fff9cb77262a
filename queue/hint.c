/* hint: the fifo, and the file that stands for it; see hint.h. */
#define _GNU_SOURCE /* O_PATH */
#include "queue/hint.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESCAN_MODE = 0644 };

/* A descriptor for writing outlives the readers, and serves again with the next
 * one; but to get it somebody must read, if only we ourselves for a moment. */
static int
open_fifo(void)
{
	int fd, reader;
	struct stat st;

	fd = open(QUEUE_HINT, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENXIO) {
		reader = open(QUEUE_HINT, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (reader >= 0)
			fd =
			    open(QUEUE_HINT, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		fd_close(&reader);
	}
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)))
		fd_close(&fd);
	return fd;
}

bool
hint_open(struct hint *h)
{
	h->fd = -1;
	h->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->folder < 0)
		return false;
	h->fd = open_fifo();
	return true;
}

void
hint_close(struct hint *h)
{
	fd_close(&h->fd);
	fd_close(&h->folder);
}

/* It exists or is made: culver-send removes it before it lists. */
static bool
ask_for_listing(const struct hint *h)
{
	int fd = openat(h->folder, QUEUE_RESCAN,
	    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, RESCAN_MODE);

	if (fd < 0)
		return errno == EEXIST;
	return close(fd) == 0;
}

bool
hint_say(struct hint *h, uint64_t ino, const unsigned char token[QUEUE_TOKEN])
{
	char text[QUEUE_HINT_SIZE];
	ssize_t n = -1;

	queue_hint_write(text, ino, token);
	if (h->fd >= 0)
		do
			n = write(h->fd, text, sizeof(text));
		while (n < 0 && errno == EINTR);
	/* Shorter than PIPE_BUF: all of it is written or nothing. */
	return n == (ssize_t)sizeof(text) || ask_for_listing(h);
}
