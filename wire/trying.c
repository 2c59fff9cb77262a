/* trying: what culver-send has in hand, in a file that outlives it. */
#include "wire/trying.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1 };

static const unsigned char unread[QUEUE_TOKEN];

/* What a start finds by listing has no token before its head is read: a crash
 * there is one more of the message that had this number the last time. */
static bool
same(const struct trying_suspect *s, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN])
{
	return s->ino == ino && (memcmp(s->token, token, QUEUE_TOKEN) == 0 ||
				    memcmp(token, unread, QUEUE_TOKEN) == 0 ||
				    memcmp(s->token, unread, QUEUE_TOKEN) == 0);
}

static bool
fit(int fd)
{
	static const struct trying none;
	struct stat st;

	/* Written, not only made longer: a page without a place on the disk
	 * would be found out by SIGBUS, once the disk is full. */
	return fstat(fd, &st) == 0 &&
	       (st.st_size == (off_t)sizeof none ||
		   (ftruncate(fd, 0) == 0 &&
		       fd_pwrite_all(fd, &none, sizeof none, 0)));
}

struct trying *
trying_open(void)
{
	int fd =
	    open(QUEUE_TRYING, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	void *map = MAP_FAILED;
	struct trying *t;

	if (fd == -1)
		return NULL;
	if (fit(fd))
		map = mmap(
		    NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fd_close(&fd);
	if (map == MAP_FAILED)
		return NULL;
	t = map;
	if (t->magic != TRYING_MAGIC || t->version != VERSION) {
		memset(t, 0, sizeof *t);
		t->magic = TRYING_MAGIC;
		t->version = VERSION;
	}
	return t;
}

void
trying_take(
    struct trying *t, uint64_t ino, const unsigned char token[QUEUE_TOKEN])
{
	memcpy(t->hand.token, token, QUEUE_TOKEN);
	t->hand.crashes = 0;
	t->hand.ino = ino;
}

void
trying_release(struct trying *t)
{
	t->hand.ino = 0;
}

bool
trying_is_crash(int signal)
{
	switch (signal) {
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
	case SIGFPE:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

/* The suspect's place, or a free one, or the one that matters least. */
static struct trying_suspect *
place(struct trying *t, uint64_t ino, const unsigned char token[QUEUE_TOKEN])
{
	struct trying_suspect *best = &t->suspects[0];

	for (size_t i = 0; i < TRYING_SUSPECTS; i++) {
		struct trying_suspect *s = &t->suspects[i];
		if (same(s, ino, token)) {
			if (memcmp(token, unread, QUEUE_TOKEN) != 0)
				memcpy(s->token, token, QUEUE_TOKEN);
			return s;
		}
		if (best->ino != 0 &&
		    (s->ino == 0 ||
			s->crashes + s->deaths < best->crashes + best->deaths))
			best = s;
	}
	if (best->ino == 0)
		t->suspected++;
	memset(best, 0, sizeof *best);
	best->ino = ino;
	memcpy(best->token, token, QUEUE_TOKEN);
	return best;
}

bool
trying_died(struct trying *t, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN], int signal)
{
	struct trying_suspect *s = place(t, ino, token);

	if (trying_is_crash(signal))
		s->crashes++;
	else
		s->deaths++;
	return s->crashes >= TRYING_CRASHES || s->deaths >= TRYING_DEATHS;
}

void
trying_clear(struct trying *t, uint64_t ino)
{
	for (size_t i = 0; t->suspected > 0 && i < TRYING_SUSPECTS; i++)
		if (t->suspects[i].ino == ino) {
			memset(&t->suspects[i], 0, sizeof t->suspects[i]);
			t->suspected--;
		}
}

bool
trying_last(struct trying *t, uint64_t *ino, unsigned char token[QUEUE_TOKEN],
    bool *hold)
{
	if (t->hand.ino == 0)
		return false;
	*ino = t->hand.ino;
	memcpy(token, t->hand.token, QUEUE_TOKEN);
	*hold = trying_died(t, *ino, token, (int)t->hand.crashes);
	trying_release(t);
	return true;
}
