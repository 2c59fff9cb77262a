/* serve: see serve.h. */
#define _GNU_SOURCE
#include "tests/crash/faultrun/serve.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/str.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WORDS = 32, INPUT = 65536, FOLDER = 4096 };

struct server {
	struct watch *watch;
	FILE *out;
	int signals;
	struct buf in;
	char power[FOLDER];
	bool over;
};

/* One kind of line. */
struct verb {
	const char *name;
	size_t least; /* words, its own name among them */
	const char *(*run)(struct server *s, char **words, size_t n);
};

/* Each answers NULL when it has printed its own ok, "" for a plain ok, else
 * why not. */
static const char *
do_run(struct server *s, char **words, size_t n)
{
	const struct tracee *one;

	words[n] = NULL;
	one = tracee_start(
	    &s->watch->tracees, words + 2, words[1], s->watch->least);
	if (one == NULL)
		return strerror(errno);
	(void)fprintf(s->out, "ok\t%d\n", one->pid);
	return NULL;
}

static const char *
do_arm(struct server *s, char **words, size_t n)
{
	struct plan p = {.nr = -1};

	(void)n;
	if (!str_copy(p.program, sizeof(p.program), str_of(words[1])) ||
	    !str_copy(p.calls, sizeof(p.calls), str_of(words[2])) ||
	    !num_parse(str_of(words[3]), UINT64_MAX, &p.at) ||
	    !plan_action(&p, words[4]))
		return "no such plan";
	s->watch->plan = p;
	return "";
}

static const char *
do_disarm(struct server *s, char **words, size_t n)
{
	(void)words;
	(void)n;
	s->watch->plan.action = PLAN_COUNT;
	return "";
}

static const char *
do_power(struct server *s, char **words, size_t n)
{
	(void)n;
	if (!str_copy(s->power, sizeof(s->power), str_of(words[1])))
		return "too long";
	s->watch->power = s->power;
	return "";
}

static const char *
do_counts(struct server *s, char **words, size_t n)
{
	struct watch *w = s->watch;
	bool ok = w->counts == NULL || fclose(w->counts) == 0;

	(void)n;
	w->counts = NULL;
	if (strcmp(words[1], "-") != 0) {
		w->counts = fopen(words[1], "we");
		ok = ok && w->counts != NULL;
	}
	return ok ? "" : strerror(errno);
}

static const char *
do_record(struct server *s, char **words, size_t n)
{
	struct record *r = &s->watch->record;

	if (r->out != NULL && !record_close(r))
		return "some of it was lost";
	if (strcmp(words[1], "-") == 0)
		return "";
	if (n < 3)
		return "no folder";
	return record_open(r, words[1], words[2]) ? "" : strerror(errno);
}

static const char *
do_mark(struct server *s, char **words, size_t n)
{
	(void)n;
	record_mark(&s->watch->record, words[1]);
	return "";
}

static const char *
do_state(struct server *s, char **words, size_t n)
{
	const struct plan *p = &s->watch->plan;

	(void)words;
	(void)n;
	(void)fprintf(s->out, "ok\t%" PRIu64 "\t%d\n", p->seen, p->nr != -1);
	return NULL;
}

static const char *
do_kill(struct server *s, char **words, size_t n)
{
	(void)words;
	(void)n;
	watch_kill(s->watch);
	return "";
}

static const struct verb verbs[] = {
    {"run",    3, do_run   },
    {"arm",    5, do_arm   },
    {"disarm", 1, do_disarm},
    {"power",  2, do_power },
    {"counts", 2, do_counts},
    {"record", 2, do_record},
    {"mark",   2, do_mark  },
    {"state",  1, do_state },
    {"kill",   1, do_kill  },
};

static void
obey(struct server *s, char *line)
{
	char *words[WORDS + 1], *rest = line;
	const char *why = "no such word";
	size_t n = 0;

	while (n < WORDS && (words[n] = strsep(&rest, "\t")) != NULL)
		n++;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (n > 0 && strcmp(verbs[i].name, words[0]) == 0)
			why = n < verbs[i].least ? "words are missing"
						 : verbs[i].run(s, words, n);
	if (why != NULL && why[0] == '\0')
		(void)fputs("ok\n", s->out);
	else if (why != NULL)
		(void)fprintf(s->out, "no\t%s\n", why);
}

static void
read_lines(struct server *s, int fd)
{
	ssize_t n;
	char *end;

	s->in.max = INPUT;
	if (!buf_reserve(&s->in, INPUT - s->in.len)) {
		s->over = true;
		return;
	}
	n = read(fd, s->in.data + s->in.len, INPUT - s->in.len);
	if (n <= 0) {
		s->over = n == 0 || errno != EINTR;
		return;
	}
	s->in.len += (size_t)n;
	while ((end = memchr(s->in.data, '\n', s->in.len)) != NULL) {
		*end = '\0';
		obey(s, s->in.data);
		buf_drop(&s->in, (size_t)(end - s->in.data) + 1);
	}
}

/* SIGCHLD can be polled for; what we start gets its mask back. */
static bool
listen_for_children(struct server *s)
{
	sigset_t children;

	if (sigemptyset(&children) != 0 || sigaddset(&children, SIGCHLD) != 0 ||
	    sigprocmask(SIG_BLOCK, &children, NULL) != 0)
		return false;
	s->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0;
}

static void
take_signals(const struct server *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		continue;
}

static void
turn(struct server *s, int fd)
{
	struct pollfd on[] = {
	    {fd,         POLLIN, 0},
            {s->signals, POLLIN, 0}
        };

	(void)!watch_turn(s->watch, false);
	if (s->watch->failed)
		(void)fputs("failed\n", s->out);
	s->watch->failed = false;
	(void)fflush(s->out);
	if (poll(on, 2, -1) < 0) {
		s->over = errno != EINTR;
		return;
	}
	if (on[1].revents != 0)
		take_signals(s);
	if (on[0].revents != 0)
		read_lines(s, fd);
}

bool
serve(struct watch *w, FILE *in, FILE *out)
{
	static struct server s;
	bool ok;

	s = (struct server){.watch = w, .out = out, .signals = -1};
	w->events = out;
	if (!listen_for_children(&s))
		return false;
	while (!s.over && ferror(out) == 0)
		turn(&s, fileno(in));
	watch_kill(w);
	while (watch_turn(w, true))
		continue;
	ok = w->record.out == NULL || record_close(&w->record);
	buf_free(&s.in);
	fd_close(&s.signals);
	return ok && ferror(out) == 0;
}
