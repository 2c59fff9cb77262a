/* service: service/NAME for each template of run/. */
#include "control/setup.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/home.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TEMPLATE_MAX = 1 << 16, /* bytes of a file */
	DEPTH = 4,
	/* daemontools logs a service only where its folder is sticky. */
	SERVICE_MODE = 01755,
	FOLDER_MODE = 0755
};

/* Who listens where, and where nobody sends mail before he has logged in. */
static const struct listening {
	const char *service;
	unsigned port;
	bool login;
} listeners[] = {
    {"smtpd",      SETUP_SMTP, false},
    {"popup",      SETUP_POP3, false},
    {"submission", 587,        true },
    {"smtps",      465,        true },
    {"pop3s",      995,        false},
};

/* What a host of people's mailboxes has besides: ports 587, 465 and 995. */
static const char *const public[] = {"submission", "smtps", "pop3s"};

static void
join(char out[SETUP_NAME], const char *a, const char *b)
{
	int n = snprintf(out, SETUP_NAME, "%s/%s", a, b);

	if (n < 0 || n >= SETUP_NAME) {
		errno = ENAMETOOLONG;
		die_temp("unable to make ", b);
	}
}

static void
make_folder(struct setup *s, const char *path, mode_t mode)
{
	char name[SETUP_NAME];
	int dirfd = setup_parent(str_of(path), name);

	if (!setup_there(s, dirfd, name) &&
	    (mkdirat(dirfd, name, mode) < 0 ||
		fchmodat(dirfd, name, mode, 0) < 0 ||
		!fd_sync_folder(dirfd, ".")))
		die_temp("unable to make ", path);
	fd_close(&dirfd);
}

static void
copy_file(struct setup *s, int from, const char *to)
{
	struct buf contents = {.max = TEMPLATE_MAX};
	struct stat st;

	if (fstat(from, &st) < 0 || !fd_slurp(from, &contents))
		die_temp("unable to read the template of ", to);
	(void)setup_file(s, str_of(to), buf_str(&contents),
	    (st.st_mode & S_IXUSR) != 0 ? 0755 : 0644);
	buf_free(&contents);
}

static void copy_folder(struct setup *s, int from, const char *to, int depth);

/* What is called name in the folder from, to the path to. */
static void
copy(struct setup *s, int from, const char *name, const char *to, int depth)
{
	int fd = openat(from, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die_temp("unable to read the template of ", to);
	if (S_ISREG(st.st_mode))
		copy_file(s, fd, to);
	else if (S_ISDIR(st.st_mode) && depth < DEPTH) {
		make_folder(s, to, FOLDER_MODE);
		copy_folder(s, fd, to, depth + 1);
	}
	fd_close(&fd);
}

static void
copy_folder(struct setup *s, int from, const char *to, int depth)
{
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	char path[SETUP_NAME];

	if (dir == NULL)
		die_temp("unable to read the template of ", to);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		join(path, to, entry->d_name);
		copy(s, from, entry->d_name, path, depth);
	}
	(void)closedir(dir);
}

/* The endpoints of a port, one a line. */
static void
endpoints(const struct setup *s, unsigned port, struct buf *b)
{
	static const char *const own[] = {"127.0.0.1:", NULL};
	static const char *const all[] = {"0.0.0.0:", "[::]:", NULL};
	const char *const *a = s->base_port > 0 ? own : all;
	bool inet6 = access("/proc/net/if_inet6", F_OK) == 0;

	for (; *a != NULL; a++)
		if ((inet6 || (*a)[0] != '[') &&
		    (!buf_append_text(b, *a) ||
			!buf_append_number(b, s->base_port + port) ||
			!buf_append_byte(b, '\n')))
			die_temp("unable to write the endpoints");
}

static void
make_listener(struct setup *s, const struct listening *l)
{
	char folder[SETUP_NAME], env[SETUP_NAME], file[SETUP_NAME];
	struct buf b = {0};

	join(folder, "service", l->service);
	join(env, folder, "env");
	join(file, env, "LISTEN");
	make_folder(s, env, FOLDER_MODE);
	endpoints(s, l->port, &b);
	if (setup_file(s, str_of(file), buf_str(&b), 0644))
		printf("made %s: port %" PRIu64 "\n", file,
		    s->base_port + l->port);
	buf_free(&b);
	join(file, env, "REQUIREAUTH");
	if (l->login && setup_file(s, str_of(file), str_of("1\n"), 0644))
		printf("made %s: mail from who has logged in\n", file);
}

static void
make_from(struct setup *s, const char *folder, const char *name)
{
	char from[SETUP_NAME], to[SETUP_NAME];
	struct stat st;
	bool fresh;
	int fd;

	join(from, folder, name);
	join(to, "service", name);
	fresh = stat(to, &st) < 0;
	fd =
	    openat(s->source.tree_fd, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die_temp("unable to read the template of ", to);
	make_folder(s, to, SERVICE_MODE);
	copy_folder(s, fd, to, 0);
	fd_close(&fd);
	if (fresh)
		printf("made %s, from %s\n", to, from);
	for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++)
		if (strcmp(name, listeners[i].service) == 0)
			make_listener(s, &listeners[i]);
}

static void
make_service(const char *name, void *context)
{
	make_from(context, "run", name);
}

void
setup_services(struct setup *s)
{
	int run = openat(
	    s->source.tree_fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (run < 0)
		die_temp("unable to open run/ beside this program");
	copy(s, run, "common", "service/.common", DEPTH);
	fd_close(&run);
	source_services(&s->source, make_service, s);
	for (size_t i = 0; i < sizeof public / sizeof *public; i++)
		if (!home_private())
			make_from(s, "run/optional", public[i]);
}
