/* os_linux: what each right of a path allows below it (Landlock), and closing
 * descriptors.  What drop.h says of writers of the queue is tried here. */
#define _GNU_SOURCE
#include "tests/unit/lib/jail.h"

#include "lib/os_linux.h"
#include "lib/sock.h"
#include <dirent.h>

enum { OUTSIDE = 1 << 30 }; /* no right below mess allows it */

/* Opened before the jail; the last by each child for itself. */
static int mess_fd, one_fd, proc_fd, unnamed_fd;
static int inside_fd = -1; /* opened within it */

static int
told(int r)
{
	return r < 0 ? errno : 0;
}

static int
opened(int fd)
{
	int r = told(fd);

	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int
probe_read(void)
{
	return opened(open("mess/1/old", O_RDONLY));
}

static int
probe_list(void)
{
	return opened(open("mess/1", O_RDONLY | O_DIRECTORY));
}

static int
probe_write(void)
{
	return opened(open("mess/1/old", O_WRONLY));
}

static int
probe_truncate(void)
{
	return opened(open("mess/1/old", O_WRONLY | O_TRUNC));
}

static int
probe_create(void)
{
	return opened(open("mess/1/new", O_WRONLY | O_CREAT | O_EXCL, 0600));
}

static int
probe_folder(void)
{
	return told(mkdir("mess/1/folder", 0700));
}

static int
probe_fifo(void)
{
	return told(mkfifo("mess/1/fifo", 0600));
}

static int
probe_symlink(void)
{
	return told(symlink("/etc/passwd", "mess/1/symlink"));
}

/* The order of a writer of the queue: unnamed, synced, linked, synced. */
static int
probe_unnamed(void)
{
	int fd = openat(mess_fd, ".", O_TMPFILE | O_WRONLY, 0640);

	if (fd < 0)
		return errno;
	unnamed_fd = inside_fd = fd;
	return told(write(unnamed_fd, "x", 1) == 1 &&
			    fallocate(unnamed_fd, 0, 0, 4096) == 0
			? fsync(unnamed_fd)
			: -1);
}

static int
link_as(int folder_fd, const char *name)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", unnamed_fd);
	return told(
	    linkat(proc_fd, number, folder_fd, name, AT_SYMLINK_FOLLOW));
}

static int
probe_link(void)
{
	return link_as(one_fd, "77");
}

static int
probe_link_again(void)
{
	return link_as(one_fd, "77");
}

static int
probe_link_elsewhere(void)
{
	return link_as(mess_fd, "2/77");
}

static int
probe_link_outside(void)
{
	return link_as(mess_fd, "../other/77");
}

static int
probe_sync_folder(void)
{
	return told(fsync(one_fd));
}

static int
probe_size(void)
{
	return inside_fd < 0 ? EACCES : told(ftruncate(inside_fd, 0));
}

static int
probe_read_again(void)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", unnamed_fd);
	return opened(openat(proc_fd, number, O_RDONLY));
}

static int
probe_unnamed_both(void)
{
	return opened(openat(mess_fd, ".", O_TMPFILE | O_RDWR, 0640));
}

static int
probe_rename(void)
{
	return told(rename("mess/1/old", "mess/1/older"));
}

static int
probe_rename_elsewhere(void)
{
	return told(rename("mess/2/old", "mess/1/old2"));
}

static int
probe_unlink(void)
{
	return told(unlink("mess/1/doomed"));
}

static int
probe_stat(void)
{
	struct stat st;

	return told(stat("other/old", &st));
}

static int
probe_connect(void)
{
	return opened(sock_connect("other/socket"));
}

static int
probe_read_outside(void)
{
	return opened(open("other/old", O_RDONLY));
}

static int
probe_write_outside(void)
{
	return opened(open("other/old", O_WRONLY));
}

/* In this order: later ones use what earlier ones made. */
static const struct probe {
	const char *name;
	int (*run)(void);
	unsigned all, any; /* rights: all of these, and one of those */
	int want, refused; /* errno */
} probes[] = {
    {"read",	     probe_read,             PATH_READ,                 0,                        0,            EACCES},
    {"list",	     probe_list,             PATH_READ,                 0,                        0,            EACCES},
    {"write",            probe_write,            0,                         PATH_WRITE | PATH_CREATE, 0,            EACCES},
    {"truncate",         probe_truncate,         PATH_WRITE,                0,                        0,            EACCES},
    {"create",           probe_create,           PATH_CREATE,               0,                        0,            EACCES},
    {"folder",           probe_folder,           PATH_CREATE,               0,                        0,            EACCES},
    {"fifo",	     probe_fifo,             PATH_CREATE,               0,                        0,            EACCES},
    {"symlink",          probe_symlink,          OUTSIDE,                   0,                        0,            EACCES},
    {"unnamed",          probe_unnamed,          0,                         PATH_WRITE | PATH_CREATE, 0,            EACCES},
    {"link",	     probe_link,             PATH_CREATE,               0,                        0,            EACCES},
    {"link again",       probe_link_again,       PATH_CREATE,               0,                        EEXIST,       EACCES},
    {"link elsewhere",   probe_link_elsewhere,   PATH_CREATE,               0,                        0,            EACCES},
    {"link outside",     probe_link_outside,     OUTSIDE,                   0,                        0,            EACCES},
    {"sync folder",      probe_sync_folder,      0,                         0,                        0,            0     },
    {"size",	     probe_size,             PATH_WRITE,                0,                        0,            EACCES},
    {"read again",       probe_read_again,       PATH_READ,                 0,                        0,            EACCES},
    {"unnamed, both",    probe_unnamed_both,     PATH_READ,                 PATH_WRITE | PATH_CREATE,
     0,													     EACCES},
    {"rename",           probe_rename,           PATH_CREATE | PATH_REMOVE, 0,                        0,            EACCES},
    {"rename elsewhere", probe_rename_elsewhere, PATH_CREATE | PATH_REMOVE, 0,
     0,													     EACCES},
    {"unlink",           probe_unlink,           PATH_REMOVE,               0,                        0,            EACCES},
    {"stat outside",     probe_stat,             0,                         0,                        0,            0     },
    {"connect outside",  probe_connect,          0,                         0,                        ECONNREFUSED, 0     },
    {"read outside",     probe_read_outside,     OUTSIDE,                   0,                        0,            EACCES},
    {"write outside",    probe_write_outside,    OUTSIDE,                   0,                        0,            EACCES},
};
enum { PROBES = sizeof(probes) / sizeof(probes[0]) };
_Static_assert((int)PROBES <= (int)ANSWERS, "one answer a probe");

static int
drop_and_probe(const void *context)
{
	const struct drop_path paths[] = {
	    {"absent", PATH_READ                 },
	    {"mess",   *(const unsigned *)context},
	    {NULL,     0			 },
	};
	const struct drop d = {.account = ACCOUNT_QUEUE,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_WRITE | PROMISE_UNIX,
	    .paths = paths};

	proc_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A file to link where the rights do not let one be opened. */
	unnamed_fd = openat(mess_fd, ".", O_TMPFILE | O_WRONLY, 0640);
	if (proc_fd < 0 || unnamed_fd < 0 ||
	    (geteuid() == 0 && fchown(unnamed_fd, SOMEBODY, SOMEBODY) != 0))
		return 1;
	drop_to(&d);
	for (size_t i = 0; i < PROBES; i++)
		answers[i] = probes[i].run();
	return 0;
}

static const struct entry {
	const char *name;
	mode_t type;
} tree[] = {
    {"mess",          S_IFDIR },
    {"mess/1",        S_IFDIR },
    {"mess/1/old",    S_IFREG },
    {"mess/1/doomed", S_IFREG },
    {"mess/2",        S_IFDIR },
    {"mess/2/old",    S_IFREG },
    {"other",         S_IFDIR },
    {"other/old",     S_IFREG },
    {"other/socket",  S_IFSOCK},
};
enum { ENTRIES = sizeof(tree) / sizeof(tree[0]) };

static int
make(const struct entry *e)
{
	int r = e->type == S_IFDIR ? mkdir(e->name, 0777)
				   : mknod(e->name, e->type | 0666, 0);

	if (r != 0 && errno != EEXIST)
		return -1;
	return chmod(e->name, e->type == S_IFDIR ? 0777 : 0666);
}

static int
make_tree(void)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (make(&tree[i]) != 0)
			return -1;
	return 0;
}

static void
remove_made(void)
{
	static const char *const made[] = {"mess/1/new", "mess/1/fifo",
	    "mess/1/symlink", "mess/1/77", "mess/2/77", "other/77",
	    "mess/1/older", "mess/1/old2"};

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		(void)unlink(made[i]);
	(void)rmdir("mess/1/folder");
}

static bool
granted(const struct probe *p, unsigned rights)
{
	return (rights & p->all) == p->all &&
	       (p->any == 0 || (rights & p->any) != 0);
}

static void
each_right_allows_its_calls_and_no_others(void **state)
{
	static const unsigned rights[] = {0, PATH_READ, PATH_WRITE, PATH_CREATE,
	    PATH_REMOVE, PATH_EXEC, PATH_CREATE | PATH_READ,
	    PATH_CREATE | PATH_REMOVE,
	    PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE};
	struct os_landlock known;

	(void)state;
	if (!os_landlock_known(&known)) {
		print_message("skipped: no Landlock in this kernel\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		assert_int_equal(make_tree(), 0);
		memset(answers, 0xff, ANSWERS * sizeof(*answers));
		assert_int_equal(in_child(drop_and_probe, &rights[i]), 0);
		for (size_t n = 0; n < PROBES; n++) {
			const struct probe *p = &probes[n];
			int want = granted(p, rights[i]) ? p->want : p->refused;

			if (answers[n] != want)
				fail_msg("%s with rights %#x: %s, not %s",
				    p->name, rights[i], strerror(answers[n]),
				    strerror(want));
		}
		remove_made();
	}
}

static int
close_and_count(const void *context)
{
	(void)context;
	for (int i = 0; i < 50; i++)
		if (dup(2) < 0)
			return 1;
	if (!os_close_from(10))
		return 2;
	for (int fd = 0; fd < 200; fd++)
		if ((fcntl(fd, F_GETFD) >= 0) != (fd < 10))
			return 3;
	return 0;
}

static void
closes_from_a_number_upwards(void **state)
{
	(void)state;
	assert_int_equal(in_child(close_and_count, NULL), 0);
}

static int
setup(void **state)
{
	if (home_make(state) != 0 || make_tree() != 0)
		return -1;
	mess_fd = open("mess", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	one_fd = open("mess/1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return mess_fd < 0 || one_fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = ENTRIES; i > 0; i--)
		if (remove(tree[i - 1].name) != 0 && errno != ENOENT)
			return -1;
	return rmdir(home_path());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_right_allows_its_calls_and_no_others),
	    cmocka_unit_test(closes_from_a_number_upwards),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
