/* fd: small things done to descriptors and files. */
#ifndef LIB_FD_H
#define LIB_FD_H

#include "lib/attr.h"
#include "lib/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All n bytes, through short writes and EINTR.  False with errno. */
MUST_USE bool fd_write_all(int fd, const void *data, size_t n);

/* All n bytes at offset at; likewise. */
MUST_USE bool fd_pwrite_all(int fd, const void *data, size_t n, off_t at);

/* Exactly n bytes.  False on error, and at an early end with errno EPIPE. */
MUST_USE bool fd_read_all(int fd, void *data, size_t n);

/* Exactly n bytes from offset at; likewise. */
MUST_USE bool fd_pread_all(int fd, void *data, size_t n, off_t at);

/* Append what one read brings, at most n bytes.  Returns the count, 0 at the
 * end, -1 with errno, buf_append's among them. */
MUST_USE ssize_t fd_read_more(int fd, struct buf *b, size_t n);

/* Append everything fd still has to b, up to b's ceiling (EMSGSIZE).  After a
 * failure b may hold a part. */
MUST_USE bool fd_slurp(int fd, struct buf *b);

/* The whole file dirfd/name appended to b.  False with errno (ENOENT among
 * them) and b unchanged; a folder, fifo or device is EINVAL and never waited
 * for. */
MUST_USE bool fd_read_file(int dirfd, const char *name, struct buf *b);

/* Replace dirfd/name by contents, durably: a temporary file beside it,
 * NAME.tmp.PID, fsync, rename, fsync of the folder.  mode is kept from the
 * umask.  False with errno, the old file in place (or, where it was the last
 * fsync that failed, perhaps the new one). */
MUST_USE bool fd_replace_file(
    int dirfd, const char *name, struct str contents, mode_t mode);

/* fsync of the folder dirfd/name ("." for dirfd itself).  False with errno. */
MUST_USE bool fd_sync_folder(int dirfd, const char *name);

/* Reads and writes of fd no longer wait.  False with errno. */
MUST_USE bool fd_nonblock(int fd);

/* Close and mark as closed (-1); a closed one is left alone.  errno is kept. */
void fd_close(int *fd);

/* Be allowed so many descriptors, or as many as the hard limit lets us have; a
 * limit that is higher already stays.  False with errno. */
MUST_USE bool fd_raise_limit(unsigned wanted);

/* True when fd is readable (writable) within ms (-1 for ever); false with
 * errno ETIMEDOUT or another.  EINTR is waited through. */
MUST_USE bool fd_wait_read(int fd, int ms);

/* True when fd is writable within ms; likewise. */
MUST_USE bool fd_wait_write(int fd, int ms);

/* The same for events of poll(2), until deadline (clock_boot, microseconds);
 * *seen is what came of them, or POLLERR or POLLHUP. */
MUST_USE bool fd_await(int fd, short events, int64_t deadline, short *seen);

#endif
