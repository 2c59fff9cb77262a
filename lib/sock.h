/* sock: Unix sockets of the suite: who is there, and descriptors passed on. */
#ifndef LIB_SOCK_H
#define LIB_SOCK_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/* A close-on-exec stream socket listening at path with mode, whatever the
 * umask; a socket that is there already is taken for a stale one and replaced,
 * anything else is EADDRINUSE.  Returns the descriptor, or -1 with errno. */
MUST_USE int sock_listen(const char *path, mode_t mode);

/* Make the socket at path uid's.  False with errno, ENOTSOCK for anything else
 * that has taken its name: nothing else is given away. */
MUST_USE bool sock_give(const char *path, uid_t uid);

/* A close-on-exec stream socket connected to path, or -1 with errno. */
MUST_USE int sock_connect(const char *path);

/* The same, but where the other end takes nobody in for so many seconds it is
 * EAGAIN; what is read and written has that limit, too (sock_patience). */
MUST_USE int sock_connect_within(const char *path, int seconds);

/* Reading from a blocking socket and writing to it fail with EAGAIN after so
 * many seconds without progress; 0: never.  False with errno. */
MUST_USE bool sock_patience(int fd, int seconds);

/* Two connected close-on-exec SOCK_SEQPACKET ends.  False with errno. */
MUST_USE bool sock_pair(int ends[2]);

/* Who connected, as the kernel knows it (SO_PEERCRED); pid is 0 for a process
 * of another pid namespace.  False with errno. */
MUST_USE bool sock_peer(int fd, struct peer *who);

/* Send n bytes with a descriptor (fd -1: none).  One packet on a SEQPACKET
 * socket.  False with errno: EPIPE without a signal, EINVAL for no bytes.
 * Matched by sock_receive. */
MUST_USE bool sock_send(int s, const void *data, size_t n, int fd);

/* The same for two runs of bytes, sent as one. */
MUST_USE bool sock_send_both(int s, struct str head, struct str body, int fd);

/* As much of two runs of bytes as goes at once.  How many bytes went, or -1
 * with errno: EPIPE without a signal, never EINTR. */
MUST_USE ssize_t sock_send_some(int s, struct str head, struct str body);

/* Receive at most size bytes and at most one descriptor, stored close-on-exec
 * in *fd (-1: none came), which the caller owns.  Returns the count, 0 at the
 * end, -1 with errno.  A packet longer than size is EMSGSIZE; a descriptor that
 * could not be taken, or a second one, is EMFILE; the bytes are lost then. */
MUST_USE ssize_t sock_receive(int s, void *data, size_t size, int *fd);

#endif
