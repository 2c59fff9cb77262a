/* sock: Unix sockets, their peers, and passed descriptors; see sock.h. */
#define _GNU_SOURCE /* struct ucred, MSG_CMSG_CLOEXEC */
#include "lib/sock.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static bool
address(struct sockaddr_un *sa, const char *path)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (str_copy(sa->sun_path, sizeof(sa->sun_path), str_of(path)))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static int
stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Whatever else stands at path makes bind fail, as it should. */
static void
remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
}

/* Nobody can connect before listen, so the mode is right from the start. */
static bool
publish(int fd, const char *path)
{
	int saved;

	if (listen(fd, BACKLOG) == 0)
		return true;
	saved = errno;
	(void)unlink(path);
	errno = saved;
	return false;
}

int
sock_listen(const char *path, mode_t mode)
{
	struct sockaddr_un sa;
	mode_t mask;
	int fd;

	if (!address(&sa, path))
		return -1;
	fd = stream();
	if (fd < 0)
		return -1;
	remove_stale(path);
	/* Not by chmod: whoever owns the folder could put a link there. */
	mask = umask(~mode & 0777);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    !publish(fd, path))
		fd_close(&fd);
	(void)umask(mask);
	return fd;
}

bool
sock_give(const char *path, uid_t uid)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	if (ok && !S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		ok = false;
	}
	ok = ok && fchownat(fd, "", uid, (gid_t)-1, AT_EMPTY_PATH) == 0;
	fd_close(&fd);
	return ok;
}

/* Unlike TCP's, a Unix connect that was interrupted has done nothing. */
static bool
reach(int fd, const struct sockaddr_un *sa)
{
	int r;

	do
		r = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
	while (r != 0 && errno == EINTR);
	return r == 0;
}

bool
sock_patience(int fd, int seconds)
{
	const struct timeval wait = {.tv_sec = seconds};

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ==
		   0 &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ==
		   0;
}

int
sock_connect_within(const char *path, int seconds)
{
	struct sockaddr_un sa;
	int fd;

	if (!address(&sa, path))
		return -1;
	fd = stream();
	if (fd >= 0 && seconds > 0 && !sock_patience(fd, seconds))
		fd_close(&fd);
	if (fd >= 0 && !reach(fd, &sa))
		fd_close(&fd);
	return fd;
}

int
sock_connect(const char *path)
{
	return sock_connect_within(path, 0);
}

bool
sock_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

bool
sock_peer(int fd, struct peer *who)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	/* What has no peer answers so; the pid is 0 for one in a container. */
	if (len != sizeof(cred) || cred.uid == (uid_t)-1) {
		errno = ENOTCONN;
		return false;
	}
	*who = (struct peer){cred.pid, cred.uid, cred.gid};
	return true;
}

static void
attach(struct msghdr *m, union control *c, int fd)
{
	memset(c, 0, sizeof(*c));
	m->msg_control = c->room;
	m->msg_controllen = CMSG_LEN(sizeof(int));
	c->head.cmsg_len = CMSG_LEN(sizeof(int));
	c->head.cmsg_level = SOL_SOCKET;
	c->head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c->head), &fd, sizeof(fd));
}

/* The kernel only reads through it, but POSIX left out the const. */
static struct iovec
part_of(struct str s)
{
	struct iovec part = {.iov_len = s.len};

	memcpy(&part.iov_base, &s.data, sizeof(s.data));
	return part;
}

/* One sendmsg; fd -1 sends none. */
static ssize_t
send_once(int s, struct str head, struct str body, int fd)
{
	struct iovec parts[] = {part_of(head), part_of(body)};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
	union control c;
	ssize_t r;

	if (fd >= 0)
		attach(&m, &c, fd);
	do
		r = sendmsg(s, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r;
}

bool
sock_send_both(int s, struct str head, struct str body, int fd)
{
	/* An empty packet cannot be told from the end. */
	if (head.len == 0 && body.len == 0) {
		errno = EINVAL;
		return false;
	}
	while (head.len > 0 || body.len > 0) {
		ssize_t r = send_once(s, head, body, fd);
		size_t cut;

		if (r < 0)
			return false;
		cut = (size_t)r < head.len ? (size_t)r : head.len;
		head = str_slice(head, cut, head.len);
		body = str_slice(body, (size_t)r - cut, body.len);
		fd = -1;
	}
	return true;
}

ssize_t
sock_send_some(int s, struct str head, struct str body)
{
	return send_once(s, head, body, -1);
}

bool
sock_send(int s, const void *data, size_t n, int fd)
{
	return sock_send_both(
	    s, (struct str){data, n}, (struct str){NULL, 0}, fd);
}

/* The first descriptor of a message; any further one is closed. */
static int
detach(struct msghdr *m)
{
	int got = -1;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR(m, h)) {
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (got < 0)
				got = fd;
			else
				fd_close(&fd);
		}
	}
	return got;
}

ssize_t
sock_receive(int s, void *data, size_t size, int *fd)
{
	union control c;
	struct iovec part = {data, size};
	struct msghdr m = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = c.room,
	    .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t r;

	do
		r = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	*fd = -1;
	if (r < 0)
		return -1;
	*fd = detach(&m);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		fd_close(fd);
		errno = (m.msg_flags & MSG_TRUNC) != 0 ? EMSGSIZE : EMFILE;
		return -1;
	}
	return r;
}
