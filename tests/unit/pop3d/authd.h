/* authd: a culver-authd to test against.  It answers by the password: "right"
 * opens a mailbox that says "+OK mailbox" and then what it hears, "empty" one
 * that says nothing, "later" and "wrong" say so, "rude" hangs up; a digest is
 * right for the user "ok". */
#ifndef TESTS_POP3D_AUTHD_H
#define TESTS_POP3D_AUTHD_H

#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "wire/login.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct authd {
	char folder[64], path[80];
	pid_t pid;
};

/* The mailbox: in a process of its own, until its client closes. */
static inline void
authd_mailbox(int fd, bool silent)
{
	char piece[512];
	ssize_t n;

	if (silent)
		_exit(0);
	if (!fd_write_all(fd, "+OK mailbox\r\n", 13))
		_exit(1);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (!fd_write_all(fd, piece, (size_t)n))
			_exit(1);
	_exit(0);
}

static inline void
authd_open(int s, bool silent)
{
	struct login_answer a = {
	    .letter = 'K', .address = {"u@a.test", 8}
        };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		_exit(1);
	if (fork() == 0) {
		(void)close(ends[0]);
		(void)close(s);
		authd_mailbox(ends[1], silent);
	}
	a.fd = ends[0];
	if (!login_send(s, &a))
		_exit(1);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static inline void
authd_answer(int s, const struct login *l)
{
	struct str password =
	    l->how == LOGIN_APOP && str_equal(l->who.user, str_of("ok"))
		? str_of("right")
		: l->who.password;
	struct login_answer a = {
	    .text = {"text", 4},
              .fd = -1
        };

	if (str_equal(password, str_of("right")) ||
	    str_equal(password, str_of("empty"))) {
		authd_open(s, password.data[0] == 'e');
		return;
	}
	if (str_equal(password, str_of("rude")))
		return;
	a.letter = str_equal(password, str_of("later")) ? 'Z' : 'N';
	if (!login_send(s, &a))
		_exit(1);
}

static inline void
authd_serve(int listening)
{
	for (;;) {
		struct buf b = {0};
		struct frame f;
		struct login l;
		int s = accept(listening, NULL, NULL);

		if (s < 0)
			_exit(1);
		if (frame_read(s, -1, &b, &f) == FRAME_OK && f.kind == 'L' &&
		    login_read(f.payload, &l) &&
		    str_equal(l.service, str_of("pop3")) && l.client.len > 0)
			authd_answer(s, &l);
		buf_free(&b);
		(void)close(s);
	}
}

static inline int
authd_setup(void **state)
{
	static struct authd a;
	int listening;

	*state = &a;
	memcpy(a.folder, "/tmp/culver-authd-XXXXXX", 25);
	if (mkdtemp(a.folder) == NULL)
		return -1;
	(void)snprintf(a.path, sizeof(a.path), "%s/auth", a.folder);
	listening = sock_listen(a.path, 0600);
	if (listening < 0)
		return -1;
	a.pid = fork();
	if (a.pid == 0) {
		if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
			_exit(1);
		authd_serve(listening);
	}
	fd_close(&listening);
	return a.pid < 0;
}

static inline int
authd_teardown(void **state)
{
	const struct authd *a = *state;
	int status;

	if (kill(a->pid, SIGTERM) != 0 ||
	    waitpid(a->pid, &status, 0) != a->pid || unlink(a->path) != 0)
		return -1;
	return rmdir(a->folder);
}

#endif
