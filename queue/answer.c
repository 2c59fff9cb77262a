/* answer: see answer.h. */
#include "queue/answer.h"

#include "lib/frame.h"
#include "lib/log.h"
#include "lib/num.h"
#include "wire/queue.h"
#include <string.h>

enum {
	INO_SIZE = 8,
	PID_AT = INO_SIZE + QUEUE_TOKEN,
	YES_SIZE = PID_AT + 4,
	NO_SIZE = 128
};

bool
answer_yes(int fd, uint64_t ino, const struct message *head)
{
	unsigned char bytes[YES_SIZE];
	char payload[YES_SIZE];

	num_put64(bytes, ino);
	memcpy(bytes + INO_SIZE, head->token, QUEUE_TOKEN);
	num_put32(bytes + PID_AT, head->writer);
	memcpy(payload, bytes, sizeof(payload));
	return frame_write(fd, 'K', (struct str){payload, sizeof(payload)});
}

bool
answer_no(int fd, int code)
{
	char payload[NO_SIZE];

	payload[0] = (char)code;
	/* A text that does not fit is left out: the code says it. */
	(void)str_copy(
	    payload + 1, sizeof(payload) - 1, str_of(queue_code_text(code)));
	return frame_write(
	    fd, 'E', (struct str){payload, 1 + strlen(payload + 1)});
}

static void
log_peer(struct log *l, const struct peer *peer)
{
	log_number(l, "uid", peer->uid);
	log_number(l, "pid", (uint64_t)peer->pid);
}

void
answer_log_stored(const struct peer *peer, uint64_t ino,
    const struct message *head, uint64_t recipients)
{
	char token[QUEUE_TOKEN_TEXT];
	struct log l;

	num_hex(token, head->token, QUEUE_TOKEN);
	log_begin(&l, "stored");
	log_number(&l, "ino", ino);
	log_text(&l, "token", token);
	log_number(&l, "bytes", head->body_len);
	log_number(&l, "recipients", recipients);
	log_peer(&l, peer);
	log_end(&l);
}

void
answer_log_refused(const struct peer *peer, int code, const char *why)
{
	struct log l;

	log_begin(&l, "refused");
	log_peer(&l, peer);
	log_number(&l, "code", (uint64_t)code);
	log_text(&l, "why", why);
	log_end(&l);
}

void
answer_log_ended(const struct peer *peer, const char *why)
{
	struct log l;

	log_begin(&l, "ended");
	log_peer(&l, peer);
	log_text(&l, "why", why);
	log_end(&l);
}
