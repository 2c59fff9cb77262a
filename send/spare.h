/* spare: the files of finished messages, for the writers of new ones (INTERNALS
 * 3, Recycling; wire/queue.h, Pool). */
#ifndef SEND_SPARE_H
#define SEND_SPARE_H

#include "lib/attr.h"
#include "wire/message.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spare_file {
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN]; /* of the finished message */
	uint32_t links; /* names it had when it was opened; 0: not to be kept */
};

struct spare {
	int fifo;      /* queue/free; -1: this queue has no pool */
	uint64_t most; /* control/queuepool */
	uint64_t room; /* files that may be taken until spare_offer */
	struct spare_file *files; /* taken, and not offered yet */
	size_t count, cap;
};

/* Open the fifo, where the queue has one, and unlink what is free in pool/ from
 * before.  False with errno, a queue without a pool excepted.  Freed by
 * spare_close. */
MUST_USE bool spare_open(struct spare *s);

/* Close and free what spare_open and spare_take took. */
void spare_close(struct spare *s);

/* control/queuepool is most now; 0: no file is taken any more. */
void spare_limit(struct spare *s, uint64_t most);

/* The file of m, which has the number ino in the queue.  Names come to it no
 * more; one that goes leaves the writers a hint of nothing. */
void spare_file(struct spare_file *f, uint64_t ino, const struct message *m);

/* Remove path, the name in mess/ of f: by moving it to pool/, where it may be
 * kept and there is room for it, else by unlink.  False with errno when the
 * name is still there; one that was not there is removed. */
MUST_USE bool spare_take(
    struct spare *s, const char *path, const struct spare_file *f);

/* Tell the writers of the files that were taken and whose folder, ino modulo
 * split, is not dirty: the others stay.  What nobody hears of is unlinked. */
void spare_offer(struct spare *s, unsigned split, const unsigned char dirty[]);

#endif
