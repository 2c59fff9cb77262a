/* os_linux_calls: what each promise lets a jailed program do, and what none
 * does.  Every probe runs under every promise, alone and all together. */
#define _GNU_SOURCE
#include "tests/unit/lib/jail.h"
#include "tests/unit/lib/probes.h"

#include <sys/un.h>

static int
drop_and_probe(const void *context)
{
	const struct drop d = {.account = ACCOUNT_QUEUE,
	    .jailed = true,
	    .promises = *(const unsigned *)context,
	    .paths = everywhere};

	drop_to(&d);
	for (size_t i = 0; i < PROBES; i++)
		answers[i] = probes[i].run();
	return 0;
}

/* A child of one that may fork, from filters that were made before. */
static int
drop_twice_and_probe(const void *context)
{
	unsigned promises = *(const unsigned *)context;
	const struct drop d = {.account = ACCOUNT_QUEUE,
	    .jailed = true,
	    .promises = promises | PROMISE_FORK,
	    .paths = everywhere};
	int status = 1;
	pid_t pid;

	if (!os_seccomp_keep(promises))
		return 1;
	drop_to(&d);
	pid = fork();
	if (pid == 0)
		_exit(drop_and_probe(context));
	return waitpid(pid, &status, 0) != pid || status != 0;
}

/* What the probes make is gone before the next child. */
static void
clean(void)
{
	static const char *const made[] = {
	    "new", "link", "symlink", "fifo", "other"};

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		(void)unlink(made[i]);
	(void)rmdir("folder");
}

static void
expect_probe(const struct probe *p, int answer, unsigned promises)
{
	bool granted = p->promises == 0 || (p->promises & promises) != 0;
	int want = granted ? p->want : p->refused;

	/* Without Landlock nothing stands behind seccomp for these two. */
	if (p->run == probe_symlink && answer == 0 && granted)
		return;
	if (p->run == probe_signal_parent && answer == 0 &&
	    (promises & PROMISE_FORK) != 0)
		return;
	if (answer != want)
		fail_msg("%s with promises %#x: %s, not %s", p->name, promises,
		    strerror(answer), strerror(want));
}

static void
expect_each(int (*probe)(const void *))
{
	static const unsigned sets[] = {0, PROMISE_READ, PROMISE_WRITE,
	    PROMISE_UNIX, PROMISE_INET, PROMISE_ACCEPT, PROMISE_FORK,
	    PROMISE_EXEC, PROMISE_CREATE, PROMISE_READ | PROMISE_CREATE, ALL};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		memset(answers, 0xff, ANSWERS * sizeof(*answers));
		assert_int_equal(in_child(probe, &sets[i]), 0);
		for (size_t n = 0; n < PROBES; n++)
			expect_probe(&probes[n], answers[n], sets[i]);
		clean();
	}
}

static void
each_promise_allows_its_calls_and_no_others(void **state)
{
	(void)state;
	expect_each(drop_and_probe);
}

static void
filters_that_were_kept_are_the_same(void **state)
{
	(void)state;
	expect_each(drop_twice_and_probe);
}

/* Each of these ends whoever asks, though it asks for nothing bad. */
static const struct deadly {
	const char *name;
	long call, args[4];
} deadly[] = {
    {"ptrace",           SYS_ptrace,           {0, 0, 0, 0}                      },
    {"process_vm_readv", SYS_process_vm_readv, {1, 0, 0, 0}                      },
    {"mount",            SYS_mount,            {0, 0, 0, 0}                      },
    {"umount",           SYS_umount2,          {0, 0, 0, 0}                      },
    {"chroot",           SYS_chroot,           {0, 0, 0, 0}                      },
    {"setuid",           SYS_setuid,           {SOMEBODY, 0, 0, 0}               },
    {"setresuid",        SYS_setresuid,        {-1, -1, -1, 0}                   },
    {"setgid",           SYS_setgid,           {SOMEBODY, 0, 0, 0}               },
    {"setgroups",        SYS_setgroups,        {0, 0, 0, 0}                      },
    {"capset",           SYS_capset,           {0, 0, 0, 0}                      },
    {"keyctl",           SYS_keyctl,           {0, 0, 0, 0}                      },
    {"init_module",      SYS_init_module,      {0, 0, 0, 0}                      },
    {"bpf",	      SYS_bpf,              {0, 0, 0, 0}                      },
    {"unshare",          SYS_unshare,          {0, 0, 0, 0}                      },
    {"setns",            SYS_setns,            {-1, 0, 0, 0}                     },
    {"perf_event_open",  SYS_perf_event_open,  {0, 0, 0, 0}                      },
    {"execve",           SYS_execve,           {0, 0, 0, 0}                      },
    {"execveat",         SYS_execveat,         {-1, 0, 0, 0}                     },
    {"user namespace",   SYS_clone,            {CLONE_NEWUSER | SIGCHLD, 0, 0, 0}},
};

static int
drop_and_die(const void *context)
{
	const struct deadly *d = context;
	const struct drop jail = {.account = ACCOUNT_QUEUE,
	    .jailed = true,
	    .promises = ALL & ~(unsigned)PROMISE_EXEC,
	    .paths = everywhere};

	drop_to(&jail);
	(void)syscall(d->call, d->args[0], d->args[1], d->args[2], d->args[3]);
	return 0;
}

static void
what_only_an_intruder_asks_for_ends_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		int status = in_child(drop_and_die, &deadly[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg(
			    "%s: status %#x", deadly[i].name, (unsigned)status);
	}
}

static int
drop_and_exec(const void *context)
{
	const struct drop d = {.account = ACCOUNT_QUEUE,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_EXEC,
	    .paths = everywhere};

	(void)context;
	drop_to(&d);
	(void)execl("/bin/sh", "sh", "-c", "exit 7", (char *)0);
	return 1;
}

static void
exec_works_where_it_is_promised(void **state)
{
	int status = in_child(drop_and_exec, NULL);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static int
drop_and_abort(const void *context)
{
	const struct drop d = {
	    .account = ACCOUNT_QUEUE, .jailed = true, .paths = NULL};

	(void)context;
	drop_to(&d);
	abort();
}

/* P9 tells a crash from an end by its signal. */
static void
abort_is_still_an_abort(void **state)
{
	int status = in_child(drop_and_abort, NULL);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int
setup(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "listens"};

	if (home_make(state) != 0)
		return -1;
	home_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file_fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (home_fd < 0 || file_fd < 0 || listen_fd < 0 ||
	    (geteuid() == 0 && fchown(file_fd, SOMEBODY, SOMEBODY) != 0) ||
	    bind(listen_fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(listen_fd, 1) != 0)
		return -1;
	return fcntl(listen_fd, F_SETFL, O_NONBLOCK);
}

static int
teardown(void **state)
{
	(void)state;
	clean();
	return unlink("listens") == 0 && unlink("file") == 0
		   ? rmdir(home_path())
		   : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_promise_allows_its_calls_and_no_others),
	    cmocka_unit_test(filters_that_were_kept_are_the_same),
	    cmocka_unit_test(what_only_an_intruder_asks_for_ends_it),
	    cmocka_unit_test(exec_works_where_it_is_promised),
	    cmocka_unit_test(abort_is_still_an_abort),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
