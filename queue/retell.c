/* retell: queue/trying; see retell.h. */
#include "queue/retell.h"

#include "lib/fd.h"
#include "wire/trying.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file before and after. */
struct telling {
	struct trying old, new;
	bool broken; /* something could not be read, with error */
	int error;
};

static bool
speaks_of(const struct trying_suspect *t, const struct spot *at,
    const struct message *m)
{
	static const unsigned char none[QUEUE_TOKEN];

	return t->ino != 0 && t->ino == at->name.was &&
	       (memcmp(t->token, none, QUEUE_TOKEN) == 0 ||
		   memcmp(t->token, m->token, QUEUE_TOKEN) == 0);
}

static void
tell(struct trying_suspect *t, const struct spot *at, const struct message *m)
{
	t->ino = at->name.ino;
	memcpy(t->token, m->token, QUEUE_TOKEN);
}

static void
trouble(void *context, const struct spot *at)
{
	struct telling *t = context;

	(void)at;
	t->error = errno;
	t->broken = true;
}

static void
look(void *context, const struct spot *at)
{
	struct telling *t = context;
	struct message m;
	struct stat st;
	enum head h;
	int fd;

	if (!at->name.moving)
		return;
	h = survey_head(at->dir, at->text, &fd, &st, &m);
	fd_close(&fd);
	if (h == HEAD_TROUBLE)
		trouble(t, at);
	if (h != HEAD_FINE || st.st_ino != at->name.ino)
		return;
	if (speaks_of(&t->old.hand, at, &m))
		tell(&t->new.hand, at, &m);
	for (size_t i = 0; t->old.suspected > 0 && i < TRYING_SUSPECTS; i++)
		if (speaks_of(&t->old.suspects[i], at, &m))
			tell(&t->new.suspects[i], at, &m);
}

static bool
retell_file(const struct survey *s, int fd, struct telling *t)
{
	const struct walker w = {look, NULL, trouble};

	if (!fd_pread_all(fd, &t->old, sizeof(t->old), 0))
		return errno == EPIPE; /* culver-send makes it anew */
	if (t->old.magic != TRYING_MAGIC ||
	    (t->old.suspected == 0 && t->old.hand.ino == 0))
		return true;
	t->new = t->old;
	survey_walk(s, s->mess, &w, t);
	errno = t->error;
	return !t->broken && fd_pwrite_all(fd, &t->new, sizeof(t->new), 0) &&
	       fsync(fd) == 0;
}

bool
retell(const struct survey *s)
{
	int fd = openat(s->queue, "trying", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct telling *t;
	bool ok;

	if (fd < 0)
		return errno == ENOENT;
	t = calloc(1, sizeof(*t));
	ok = t != NULL && retell_file(s, fd, t);
	free(t);
	fd_close(&fd);
	return ok;
}
