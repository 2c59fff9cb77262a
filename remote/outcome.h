/* outcome: what became of a recipient or of a job, in the words of qmail-remote,
 * so that log scripts and people know them. */
#ifndef REMOTE_OUTCOME_H
#define REMOTE_OUTCOME_H

#include "remote/reply.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stdint.h>

/* id, the letter where no reply gives one, the status likewise, and the text: a
 * % stands for the host. */
#define OUTCOMES(X)                                                            \
	X(ACCEPTED, 'K', "2.0.0", "% accepted message.")                       \
	X(GREETING, 'Z', "4.4.0", "Connected to % but greeting failed.")       \
	X(NAME, 'Z', "4.5.0", "Connected to % but my name was rejected.")      \
	X(TLS, 'Z', "4.7.5", "Connected to % but STARTTLS failed.")            \
	X(AUTH, 'Z', "4.7.8",                                                  \
	    "Connected to % but authentication was "                           \
	    "rejected.")                                                       \
	X(NO_AUTH, 'Z', "4.7.11",                                              \
	    "Connected to % but it offers no "                                 \
	    "authentication that keeps the password "                          \
	    "secret.")                                                         \
	X(SENDER, 'Z', "4.0.0", "Connected to % but sender was rejected.")     \
	X(RECIPIENT, 'Z', "4.0.0", "% does not like recipient.")               \
	X(DATA, 'Z', "4.0.0", "% failed on DATA command.")                     \
	X(AFTER, 'Z', "4.0.0", "% failed after I sent the message.")           \
	X(DIED, 'Z', "4.4.2",                                                  \
	    "Connected to % but connection died. "                             \
	    "(#4.4.2)")                                                        \
	X(DUPLICATE, 'Z', "4.4.2",                                             \
	    "Connected to % but connection died. "                             \
	    "Possible duplicate! (#4.4.2)")                                    \
	X(BUSY, 'Z', "4.3.2", "% takes no more recipients now.")               \
	X(TOO_BIG, 'D', "5.3.4",                                               \
	    "Sorry, the message is larger than % takes. "                      \
	    "(#5.3.4)")                                                        \
	X(EIGHT, 'D', "5.6.3",                                                 \
	    "Sorry, the message has 8-bit characters, "                        \
	    "which % does not take, and cannot be "                            \
	    "converted. (#5.6.3)")                                             \
	X(UTF8, 'D', "5.6.7",                                                  \
	    "Sorry, % does not support internationalized "                     \
	    "addresses or header fields. (#5.6.7)")                            \
	X(REQUIRETLS, 'D', "5.7.30",                                           \
	    "Sorry, % cannot promise that the "                                \
	    "message will stay encrypted. (#5.7.30)")                          \
	X(BAD_SENDER, 'D', "5.1.7",                                            \
	    "Sorry, SMTP cannot say this sender's "                            \
	    "address. (#5.1.7)")                                               \
	X(BAD_RECIPIENT, 'D', "5.1.3",                                         \
	    "Sorry, SMTP cannot say this "                                     \
	    "recipient's address. (#5.1.3)")                                   \
	X(UNREACHED, 'Z', "4.4.1",                                             \
	    "Sorry, I wasn't able to establish an "                            \
	    "SMTP connection. (#4.4.1)")                                       \
	X(NO_HOST, 'D', "5.1.2",                                               \
	    "Sorry, I couldn't find any host by that "                         \
	    "name. (#5.1.2)")                                                  \
	X(MOVED, 'Z', "4.3.5",                                                 \
	    "The way of this recipient has changed; it "                       \
	    "is tried again by itself. (#4.3.5)")                              \
	X(DAMAGED, 'H', "4.3.0",                                               \
	    "The message's file is damaged: its "                              \
	    "checksum differs. (#4.3.0)")                                      \
	X(READ, 'Z', "4.3.0", "Unable to read message. (#4.3.0)")              \
	X(MEMORY, 'Z', "4.3.0", "Out of memory. (#4.3.0)")

enum outcome_id {
#define OUTCOME_ID(id, letter, status, text) OUTCOME_##id,
	OUTCOMES(OUTCOME_ID)
#undef OUTCOME_ID
};

struct outcome {
	char letter;   /* K, Z, D or H */
	uint8_t fault; /* enum job_fault: what the lane should learn */
	bool apart;    /* and no other that leads to the same hosts */
	bool spoken;   /* the host said so in a transaction */
	char status[JOB_STATUS + 1];
	char text[JOB_TEXT + 1]; /* lines, LF at the end of each */
};

/* The outcome is the row, said of host. */
void outcome_say(struct outcome *o, enum outcome_id id, const char *host);

/* The row with what the host said; letter and status are those of the reply,
 * but what came before MAIL is never final.  A sender's or a host's trouble is
 * the lane's (fault), a recipient's is its own. */
void outcome_reply(struct outcome *o, enum outcome_id id, const char *host,
    const struct reply *r);

/* Any other: qmail's text without its last LF. */
void outcome_set(
    struct outcome *o, char letter, const char *status, const char *text);

#endif
