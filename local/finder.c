/* finder: who looks up whose mail it is; see finder.h.  Runs as root until it
 * has become culverv. */
#include "local/finder.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "local/asker.h"
#include "local/finding.h"
#include "local/naming.h"
#include "local/owner.h"
#include "local/report.h"
#include "wire/who.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SPARE = 64,       /* descriptors */
	SERVICES = 65536, /* bytes of nsswitch.conf */
	AGAIN = 1000      /* milliseconds until an asking half is tried again */
};

/* The name service may be asked by any means; nothing is written. */
static const struct drop_path paths[] = {
    {"/",  PATH_READ},
    {NULL, 0        },
};

static struct owners owners;
static struct naming naming = {.fd = -1};

/* Root's question, as it came. */
struct asked {
	int number;
	char packet[JOB_PACKET];
};

enum { ASKED_HEAD = offsetof(struct asked, packet) };

struct asking { /* the asking half */
	pid_t pid;
	int fd; /* the other end has been closed: it is gone; -1: none */
	int64_t began;
};

/* There is no delivery, as the report says.  The packet's length. */
static size_t
put_result(struct finding *a, const struct job *j, const struct report *r)
{
	const struct result result = {.job = j->job,
	    .number = JOB_END,
	    .letter = r->letter,
	    .status = str_of(r->status),
	    .text = str_of(r->text)};
	struct buf b = {.max = JOB_PACKET};
	size_t n = 0;

	a->letter = FINDING_RESULT;
	if (result_write(&b, &result))
		memcpy(a->packet, b.data, n = b.len);
	buf_free(&b);
	return n;
}

/* The packet's length, 0 when it cannot be written. */
static size_t
put_delivery(struct finding *a, const struct delivery *d)
{
	struct buf b = {.max = JOB_PACKET};
	size_t n = 0;

	a->letter = FINDING_OWNER;
	if (delivery_write(&b, d))
		memcpy(a->packet, b.data, n = b.len);
	buf_free(&b);
	return n;
}

/* Whose mail it is, in a and in d. */
static void
fill(const struct owner *o, struct delivery *d, struct finding *a)
{
	address_split(job_only(&d->job), &d->local, &d->domain);
	d->user = o->user;
	d->home = o->home;
	d->dash = o->dash;
	d->ext = o->ext;
	if (o->account->hidden)
		d->job.flags |= JOB_OWN_HOME;
	a->uid = o->account->uid;
	a->gid = o->account->gid;
}

/* The answer to question q, whose packet is d's; error is FOUND_ERROR's. */
static void
answer(int root_fd, int number, struct delivery *d, enum found found,
    const struct owner *o)
{
	static struct finding a;
	static struct report r;
	size_t len = 0;

	a.number = number;
	switch (found) {
	case FOUND_YES:
		fill(o, d, &a);
		len = put_delivery(&a, d);
		break;
	case FOUND_NO:
		report_say(&r, REPORT_NO_MAILBOX);
		break;
	case FOUND_ERROR:
		report_errno(&r, "find the user of", job_only(&d->job));
		break;
	}
	if (len == 0)
		len = put_result(&a, &d->job, &r);
	if (!sock_send(root_fd, &a, FINDING_HEAD + len, -1))
		die_temp("unable to answer culver-lspawn");
}

static bool
read_question(const struct asked *q, size_t n, struct delivery *d)
{
	return n > ASKED_HEAD &&
	       delivery_read((struct str){q->packet, n - ASKED_HEAD}, d);
}

/* One question: what the tables know is answered, the rest asked of others. */
static void
hear_root(int root_fd)
{
	static struct asked q;
	struct str local, domain;
	struct owner o;
	struct delivery d;
	enum found found;
	int fd = -1;
	ssize_t n = sock_receive(root_fd, &q, sizeof(q), &fd);
	bool ask;

	fd_close(&fd);
	if (n <= 0 || !read_question(&q, (size_t)n, &d))
		_exit(0);
	found = owner_known(&owners, job_only(&d.job), &o, &ask);
	address_split(job_only(&d.job), &local, &domain);
	if (ask && naming_ask(&naming, local, &q, (size_t)n))
		return;
	answer(root_fd, q.number, &d, ask ? FOUND_ERROR : found, &o);
}

/* What waited for the name service, and its answer; NULL: it had none. */
static void
complete(int root_fd, struct question *waited, const struct named *named)
{
	static struct asked q;
	struct str local, domain;
	struct owner o;
	struct delivery d;
	int error = named == NULL ? errno : named->error;

	memcpy(&q, waited->packet, waited->len);
	if (!read_question(&q, waited->len, &d))
		bug("a question was understood before");
	free(waited->packet);
	address_split(job_only(&d.job), &local, &domain);
	if (error == 0)
		owner_learn(&owners, local, &named->row, &o);
	errno = error;
	answer(root_fd, q.number, &d, error == 0 ? FOUND_YES : FOUND_ERROR, &o);
}

static void
hear_names(int root_fd)
{
	static struct named named;
	struct question q;

	while (naming_hear(&naming, &named, &q))
		complete(root_fd, &q, &named);
}

/* What will have no answer is put off, and who gives none is started anew. */
static void
tend_names(int root_fd)
{
	struct question q;

	while (naming_lost(&naming, &q))
		complete(root_fd, &q, NULL);
	if (naming.fd < 0)
		naming_start(&naming, &owners);
}

static void
start_asking(struct asking *a, int root_fd, int who_fd)
{
	int ends[2] = {-1, -1};

	if (a->pid > 0) {
		(void)kill(a->pid, SIGKILL);
		(void)waitpid(a->pid, NULL, 0);
	}
	a->began = clock_boot();
	a->pid = sock_pair(ends) ? fork() : -1;
	if (a->pid == 0) {
		fd_close(&root_fd);
		fd_close(&ends[0]);
		fd_close(&naming.fd);
		asker_run(ends[1], who_fd, &owners);
	}
	fd_close(&ends[1]);
	if (a->pid < 0) {
		warn("unable to start the asking half");
		fd_close(&ends[0]);
	}
	a->fd = ends[0];
}

NO_RETURN static void
serve(int root_fd, int who_fd)
{
	struct asking a = {.fd = -1};
	struct pollfd polls[] = {
	    {root_fd, 0,      0},
            {-1,      POLLIN, 0},
            {-1,      POLLIN, 0}
        };

	for (;;) {
		tend_names(root_fd);
		if (a.fd < 0 &&
		    (a.began == 0 || clock_boot() - a.began >= CLOCK_SECOND))
			start_asking(&a, root_fd, who_fd);
		polls[0].events = naming_busy(&naming) ? 0 : POLLIN;
		polls[1].fd = a.fd;
		polls[2].fd = naming.fd;
		if (poll(polls, 3,
			a.fd < 0 && !naming_busy(&naming)
			    ? AGAIN
			    : naming_wait(&naming)) < 0)
			continue;
		if (polls[2].revents != 0)
			hear_names(root_fd);
		if (polls[0].revents != 0)
			hear_root(root_fd);
		if (polls[1].revents != 0)
			fd_close(&a.fd);
	}
}

/* It may have been made in the midst of root's work. */
static void
reset_signals(void)
{
	sigset_t none;

	if (sigemptyset(&none) != 0 || signal(SIGTERM, SIG_DFL) == SIG_ERR ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		die_temp("unable to take signals");
}

/* One service of a line of nsswitch.conf: the library that serves it. */
static void
load_service(struct str name)
{
	char library[64];

	if (name.len == 0 || name.data[0] == '[' ||
	    memchr(name.data, '/', name.len))
		return;
	if (snprintf(library, sizeof(library), "libnss_%.*s.so.2",
		(int)name.len, name.data) < (int)sizeof(library))
		(void)dlopen(library, RTLD_NOW); /* and stays */
}

/* What serves the names of users is loaded now: no code is within the jail.
 * Nobody is asked yet: it may be long before he answers. */
static void
load_services(void)
{
	struct buf b = {.max = SERVICES};
	struct str rest, line, word;

	if (!fd_read_file(AT_FDCWD, "/etc/nsswitch.conf", &b))
		return;
	rest = buf_str(&b);
	while (str_cut(&rest, '\n', &line)) {
		line = str_slice(line, 0, str_find(line, '#'));
		if (!str_starts(line, str_of("passwd:")))
			continue;
		line = str_slice(line, strlen("passwd:"), line.len);
		while (str_cut(&line, ' ', &word))
			load_service(word);
	}
	buf_free(&b);
}

void
finder_run(int root_fd, int who_fd)
{
	if (dup2(root_fd, 0) != 0 || dup2(who_fd, 1) != 1 || !os_close_from(3))
		die_temp("unable to keep two descriptors");
	/* Fewer descriptors are fewer who ask at once. */
	if (!fd_raise_limit(WHO_CLIENTS + SPARE))
		warn("unable to have many descriptors");
	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
	load_services();
	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_UNIX | PROMISE_INET |
			PROMISE_ACCEPT | PROMISE_FORK,
	    .paths = paths});
	reset_signals();
	owner_open(&owners);
	serve(0, 1);
}
