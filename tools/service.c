/* service: see service.h. */
#include "tools/service.h"

#include "lib/fd.h"
#include "lib/ip.h"
#include "lib/num.h"
#include "tools/child.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECT_MS = 2000 };

static const struct {
	const char *name;
	enum service_rank rank;
} ranks[] = {
    {"smtpd", RANK_DOOR},
    {"popup", RANK_DOOR},
    {"qmtpd", RANK_DOOR},
    {"qmqpd", RANK_DOOR},
    {"send",  RANK_SEND},
};

static int
compare(const void *a, const void *b)
{
	const struct service *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* "./service/NAME" and what follows: the tools of runit want the dot. */
static void
folder_path(char out[128], const struct service *one, const char *rest)
{
	(void)snprintf(
	    out, 128, "./" SUPERVISOR_SERVICES "/%s%s", one->name, rest);
}

/* env/LISTEN on one line. */
static bool
read_ports(struct service *one)
{
	struct buf b = {.max = SERVICE_PORTS - 1};
	char path[128];
	bool fine;

	folder_path(path, one, "/env/LISTEN");
	fine = fd_read_file(AT_FDCWD, path, &b);
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\n')
			b.data[i] = ' ';
	if (fine &&
	    !str_copy(one->ports, SERVICE_PORTS, str_trim(buf_str(&b)))) {
		errno = EPROTO;
		fine = false;
	} else if (!fine && (errno == ENOENT || errno == ENOTDIR))
		fine = true;
	buf_free(&b);
	return fine;
}

static bool
add(struct services *all, const char *name)
{
	struct service *one = &all->rows[all->count];
	struct stat st;
	char path[128];

	memset(one, 0, sizeof(*one));
	if (name[0] == '.' || all->count == SERVICE_MAX ||
	    !str_copy(one->name, sizeof(one->name), str_of(name)))
		return true;
	folder_path(path, one, "/run");
	if (stat(path, &st) != 0)
		return true;
	one->rank = RANK_OTHER;
	one->state = SERVICE_UNKNOWN;
	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		if (strcmp(ranks[i].name, name) == 0)
			one->rank = ranks[i].rank;
	all->count++;
	return read_ports(one);
}

bool
services_list(struct services *all)
{
	DIR *d = opendir(SUPERVISOR_SERVICES);
	bool fine = d != NULL;
	const struct dirent *e;

	all->count = 0;
	while (fine && (e = readdir(d)) != NULL)
		fine = add(all, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	if (fine && all->count == 0) {
		errno = ENOENT;
		fine = false;
	}
	qsort(all->rows, all->count, sizeof(all->rows[0]), compare);
	return fine;
}

/* "true 123 45" */
static void
parse_s6(struct str text, struct service *one)
{
	struct str up, pid, seconds;
	uint64_t n;

	if (!str_cut(&text, ' ', &up) || !str_cut(&text, ' ', &pid) ||
	    !str_cut(&text, '\n', &seconds) ||
	    !num_parse(seconds, UINT64_MAX, &one->seconds))
		return;
	one->state = SERVICE_DOWN;
	if (str_equal(up, str_of("true")) && num_parse(pid, INT32_MAX, &n)) {
		one->state = SERVICE_UP;
		one->pid = (pid_t)n;
	}
}

/* The digits that text begins with; false when it begins with none. */
static bool
leading_number(struct str text, uint64_t *n)
{
	size_t i = 0;

	while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9')
		i++;
	return num_parse(str_slice(text, 0, i), UINT64_MAX, n);
}

/* What follows the first mark in text; empty when it has none. */
static struct str
after(struct str text, const char *mark)
{
	struct str m = str_of(mark);

	for (; text.len >= m.len; text = str_slice(text, 1, text.len))
		if (str_starts(text, m))
			return str_slice(text, m.len, text.len);
	return str_slice(text, text.len, text.len);
}

/* "run: ./service/x: (pid 123) 45s; run: log: ..."  "down: ./service/x: 3s"
 * "./service/x: up (pid 123) 45 seconds"  "./service/x: down 3 seconds" */
static void
parse_words(struct str text, struct service *one)
{
	struct str first, state, pid;
	uint64_t n;

	if (!str_cut(&text, ';', &first))
		return;
	state = after(after(first, "./" SUPERVISOR_SERVICES "/"), ": ");
	if (str_starts(state, str_of("down ")))
		state = str_slice(state, 5, state.len);
	if (leading_number(state, &one->seconds)) {
		one->state = SERVICE_DOWN;
		return;
	}
	pid = after(state, "(pid ");
	if (leading_number(pid, &n) && n <= INT32_MAX &&
	    leading_number(after(pid, ") "), &one->seconds)) {
		one->state = SERVICE_UP;
		one->pid = (pid_t)n;
	}
}

void
service_parse(enum supervisor s, struct str text, struct service *one)
{
	one->state = SERVICE_UNKNOWN;
	one->pid = 0;
	one->seconds = 0;
	if (s == SUPERVISOR_S6)
		parse_s6(text, one);
	else
		parse_words(text, one);
}

void
service_look(enum supervisor s, struct service *one)
{
	struct buf out = {.max = 4096};
	char path[128];
	int code = -1;

	folder_path(path, one, "");
	switch (s) {
	case SUPERVISOR_S6:
		code = child_run(
		    &out, "s6-svstat", "-o", "up,pid,updownfor", path);
		break;
	case SUPERVISOR_RUNIT:
		code = child_run(&out, "sv", "status", path);
		break;
	case SUPERVISOR_DAEMONTOOLS:
		code = child_run(&out, "svstat", path);
		break;
	case SUPERVISOR_NONE:
		break;
	}
	if (code != 0)
		buf_clear(&out);
	service_parse(s, buf_str(&out), one);
	buf_free(&out);
}

void
services_look(enum supervisor s, struct services *all)
{
	for (size_t i = 0; i < all->count; i++)
		service_look(s, &all->rows[i]);
}

void
service_version(struct service *one)
{
	struct buf out = {.max = 256};
	struct str text, word;
	char path[128];

	(void)snprintf(path, sizeof(path), "bin/culver-%s", one->name);
	(void)str_copy(one->version, sizeof(one->version), str_of("?"));
	if (child_run(&out, path, "--version") == 0) {
		text = str_trim(buf_str(&out));
		if (str_cut(&text, ' ', &word) &&
		    !str_copy(one->version, sizeof(one->version), text))
			(void)str_copy(
			    one->version, sizeof(one->version), str_of("?"));
	}
	buf_free(&out);
}

/* One word to each tool: what it is called there. */
static bool
tell(enum supervisor s, const struct service *one, const char *s6,
    const char *runit, const char *daemontools)
{
	char path[128];

	folder_path(path, one, "");
	switch (s) {
	case SUPERVISOR_S6:
		return child_run(NULL, "s6-svc", s6, path) == 0;
	case SUPERVISOR_RUNIT:
		return child_run(NULL, "sv", runit, path) == 0;
	case SUPERVISOR_DAEMONTOOLS:
		return child_run(NULL, "svc", daemontools, path) == 0;
	case SUPERVISOR_NONE:
		break;
	}
	return false;
}

bool
service_down(enum supervisor s, const struct service *one)
{
	/* sv's "down" waits seven seconds; "d" does not. */
	return tell(s, one, "-d", "d", "-d");
}

bool
service_kill(enum supervisor s, const struct service *one)
{
	return tell(s, one, "-dk", "k", "-dk");
}

bool
service_end(enum supervisor s, const struct service *one)
{
	char log[128];

	if (s != SUPERVISOR_DAEMONTOOLS)
		return true; /* theirs end with the supervisor */
	folder_path(log, one, "/log");
	/* The log ends by itself when nobody writes any more. */
	return tell(s, one, "", "", "-dx") &&
	       child_run(NULL, "svc", "-x", log) == 0;
}

static bool
accepts(struct str endpoint)
{
	struct sockaddr_storage to;
	struct ip a;
	uint16_t port;
	socklen_t size;
	bool fine;
	int fd;

	if (!ip_parse_endpoint(endpoint, &a, &port))
		return false;
	size = ip_to_sockaddr(&a, port, &to);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	fine = fd_nonblock(fd) &&
	       (connect(fd, (const struct sockaddr *)&to, size) == 0 ||
		   (errno == EINPROGRESS && fd_wait_write(fd, CONNECT_MS)));
	if (fine) {
		int error = 0;
		socklen_t n = sizeof(error);

		fine = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 &&
		       error == 0;
	}
	fd_close(&fd);
	return fine;
}

bool
service_accepts(const struct service *one)
{
	struct str rest = str_of(one->ports), endpoint;

	while (str_cut(&rest, ' ', &endpoint))
		if (endpoint.len > 0 && !accepts(endpoint))
			return false;
	return true;
}
