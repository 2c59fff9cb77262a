/* message: the file of a queued message.
 *
 * Writes   culver-queued, once; nobody changes a byte after its fsync.
 * Reads    culver-send and the spawners (head and envelope), workers and
 *          culver-bounce (body, by pread within the bounds).
 *
 * head     MESSAGE_HEAD bytes of text, every number of fixed width:
 *
 *            culver-message 1
 *            arrived SSSSSSSSSSSS.UUUUUU
 *            token HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH
 *            submitter uid UUUUUUUUUU writer PPPPPPPPPP
 *            body at NNN length NNN lines NNN crc32 HHHHHHHH
 *            envelope at NNN length NNN crc32 HHHHHHHH
 *            message-id HHHHHHHHHHHHHHHH
 *            (blanks up to the last line)
 *            head crc32 HHHHHHHH
 *
 *          NNN are 20 digits.  The last line's crc32 covers all bytes before
 *          that line.
 * body     the message with LF line ends, as its recipients will see it;
 *          lines counts its LFs, so that its length with CRLF is known.
 * envelope wire/envelope.h; it ends the file.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MESSAGE_HEAD = 448 }; /* bytes; less than head -c 512 shows */

struct message {
	int64_t arrived; /* microseconds since 1970 */
	unsigned char token[QUEUE_TOKEN];
	uint32_t uid, writer; /* of the submitter; pid that wrote the file */
	uint64_t body_at, body_len, lines;
	uint64_t envelope_at, envelope_len;
	uint32_t body_crc, envelope_crc;
	uint64_t id_hash; /* of the Message-ID; 0: it has none */
	/* Not in the head: the file's own, when message_open opened it. */
	uint64_t ino;
	uint32_t links;
};

/* The head as text.  Matched by message_read. */
void message_write(char out[MESSAGE_HEAD], const struct message *m);

/* The head of a file of file_size bytes.  False (errno EPROTO) when magic,
 * version, a number or the head's crc32 is wrong, or when the parts do not
 * fill the file exactly. */
MUST_USE bool message_read(
    const char in[MESSAGE_HEAD], uint64_t file_size, struct message *m);

/* Open path for reading and read its head: no symbolic link, a regular file,
 * owned by owner.  Returns the descriptor, the caller's; or -1 with errno
 * (ENOENT: it is gone; EPROTO: damaged; EPERM: not a queue file of owner). */
MUST_USE int message_open(const char *path, uid_t owner, struct message *m);

/* Compare the crc32 of the body (the envelope) in fd.  False with errno; EPROTO
 * when it differs. */
MUST_USE bool message_check_body(int fd, const struct message *m);

/* The same for the envelope. */
MUST_USE bool message_check_envelope(int fd, const struct message *m);

/* 64 bits for a Message-ID as written between its angle brackets, never 0. */
uint64_t message_id_hash(struct str id);

#endif
