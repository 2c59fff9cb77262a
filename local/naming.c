/* naming: who asks the system's name service; see naming.h.  Runs as culverv. */
#include "local/naming.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "wire/job.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	AGAIN = 1000, /* milliseconds until what failed is tried again */
	MOMENT = 50   /* likewise, until there may be room */
};

/* The half itself: it ends with who asks. */
NO_RETURN static void
serve(int fd, const struct owners *o)
{
	static char local[JOB_PACKET];
	static struct named answer;

	for (;;) {
		int passed = -1;
		ssize_t n = sock_receive(fd, local, sizeof(local), &passed);
		struct str name = {local, n > 0 ? (size_t)n : 0};

		fd_close(&passed);
		if (n <= 0)
			_exit(0);
		/* The byte in front: a local part may be empty. */
		name = str_slice(name, 1, name.len);
		errno = 0;
		answer.error = 0;
		if (owner_look_up(o, name, &answer.row) == FOUND_ERROR)
			answer.error = errno != 0 ? errno : EIO;
		if (!sock_send(fd, &answer, sizeof(answer), -1))
			_exit(0);
	}
}

static void
stop(struct naming *n)
{
	fd_close(&n->fd);
	if (n->pid > 0)
		(void)kill(n->pid, SIGKILL);
}

void
naming_start(struct naming *n, const struct owners *o)
{
	int ends[2] = {-1, -1};

	if (n->began != 0 && clock_boot() - n->began < CLOCK_SECOND)
		return;
	/* It may be stuck in the kernel: nothing waits for it. */
	if (n->pid > 0)
		(void)waitpid(n->pid, NULL, WNOHANG);
	n->began = clock_boot();
	n->pid = sock_pair(ends) && fd_nonblock(ends[0]) ? fork() : -1;
	if (n->pid == 0) {
		if (dup2(ends[1], 0) != 0 || !os_close_from(3))
			_exit(0);
		(void)close(1);
		serve(0, o);
	}
	fd_close(&ends[1]);
	if (n->pid < 0) {
		warn("unable to start the naming half");
		fd_close(&ends[0]);
	}
	n->fd = ends[0];
}

bool
naming_ask(struct naming *n, struct str local, const void *packet, size_t len)
{
	struct question q = {malloc(len), len, clock_boot()};
	struct str mark = {"L", 1};

	errno = n->failing ? ETIMEDOUT : EAGAIN;
	if (q.packet == NULL || n->fd < 0 ||
	    n->count >= (n->failing ? 1 : NAMING_MOST) ||
	    !sock_send_both(n->fd, mark, local, -1)) {
		free(q.packet);
		return false;
	}
	memcpy(q.packet, packet, len);
	n->waiting[n->count++] = q;
	return true;
}

bool
naming_busy(const struct naming *n)
{
	return n->fd >= 0 && n->count == NAMING_MOST && !n->failing &&
	       clock_boot() - n->waiting[0].since <
		   (int64_t)NAMING_QUICK * CLOCK_SECOND;
}

int
naming_wait(const struct naming *n)
{
	if (naming_busy(n))
		return MOMENT;
	return n->fd < 0 || n->count > 0 ? AGAIN : -1;
}

static bool
take(struct naming *n, struct question *q)
{
	if (n->count == 0)
		return false;
	*q = n->waiting[0];
	n->count--;
	memmove(
	    &n->waiting[0], &n->waiting[1], n->count * sizeof(n->waiting[0]));
	return true;
}

bool
naming_hear(struct naming *n, struct named *answer, struct question *q)
{
	int fd = -1;
	ssize_t got;

	if (n->fd < 0)
		return false;
	got = sock_receive(n->fd, answer, sizeof(*answer), &fd);
	fd_close(&fd);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got != (ssize_t)sizeof(*answer) || !take(n, q)) {
		errno = 0;
		warn("the naming half has ended");
		stop(n);
		return false;
	}
	n->failing = false;
	return true;
}

bool
naming_lost(struct naming *n, struct question *q)
{
	if (n->fd >= 0 && n->count > 0 &&
	    clock_boot() - n->waiting[0].since >
		(int64_t)NAMING_PATIENCE * CLOCK_SECOND) {
		errno = 0;
		warn("the name service has not answered; mail for the system's "
		     "users waits");
		n->failing = true;
		stop(n);
	}
	errno = n->failing ? ETIMEDOUT : EAGAIN;
	return n->fd < 0 && take(n, q);
}
