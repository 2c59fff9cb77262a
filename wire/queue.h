/* queue: the queue's folders, the hint, and the codes that say why not.
 *
 * Who      culver-queued creates in mess/, culver-send removes there and owns
 *          info/; the spawners and culver-bounce open what they are told.
 * Names    queue/mess/SS/INO and queue/info/SS/INO: INO is the message file's
 *          inode number, SS is INO modulo the split, both decimal, no zeros in
 *          front.
 * Format   queue/format holds two lines: "culver-queue 1" and "split N".
 * Hint     the writer, after the message has its name and before it says so,
 *          writes QUEUE_HINT_SIZE bytes to the fifo queue/hint: INO in 20
 *          digits, a blank, the token in hexadecimal, LF.  One write; shorter
 *          than PIPE_BUF, so hints never mix.  Where that fails (nobody reads,
 *          the fifo is full) the writer creates queue/rescan instead.
 * Pool     queue/pool/INO is a second name of a small message's file, and its only
 *          one once the message is finished: the file is then free to be
 *          written again.  culver-send moves a finished message there instead
 *          of unlinking it.  When its removal from mess/ is durable, it writes
 *          the finished message's hint to the fifo queue/free.  culver-queued
 *          reads it, sees that the file is still that message, has no other
 *          name and is open nowhere (a lease), and hands it to a writer, which
 *          gives it a name in mess/ as it does with a new one.  Nothing is
 *          lost with a name in pool/: whoever has trouble with one unlinks it,
 *          and a start of culver-send unlinks all that are free.  A queue
 *          without pool/ or without free has no pool.
 * Rescan   culver-send removes queue/rescan first and lists mess/ after.
 * Repair   culver-check makes queue/repairing before it moves a name and
 *          removes it after the last; culver-send does not start meanwhile.
 * Import   culver-import makes queue/importing, which holds the path of another
 *          queue and LF, before it takes the first message of that, and
 *          removes it when nothing that it took is left there; likewise.
 */
#ifndef WIRE_QUEUE_H
#define WIRE_QUEUE_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	QUEUE_FORMAT = 1,
	QUEUE_SPLIT = 64, /* folders of a new queue */
	QUEUE_SPLIT_MAX = 4096,
	QUEUE_TOKEN = 16,      /* bytes of a message's random token */
	QUEUE_TOKEN_TEXT = 33, /* its hexadecimal text and end byte */
	QUEUE_HINT_SIZE = 54,
	QUEUE_POOL_FILE = 1 << 14, /* bytes; a larger file is not kept */
	QUEUE_PATH_SIZE = 48,      /* the longest path below and its end byte */
	QUEUE_DEATH = 24 * 3600, /* a writer gives up on its message, seconds */
	QUEUE_OSSIFIED =
	    36 * 3600 /* culver-send removes a tmp/ file, seconds */
};
_Static_assert(QUEUE_OSSIFIED > QUEUE_DEATH, "send must outwait a writer");

#define QUEUE_MESS        "queue/mess"
#define QUEUE_INFO        "queue/info"
#define QUEUE_SUBMIT      "queue/submit" /* socket of culver-queued */
#define QUEUE_HINT        "queue/hint"
#define QUEUE_POOL        "queue/pool"
#define QUEUE_FREE        "queue/free"
#define QUEUE_RESCAN      "queue/rescan"
#define QUEUE_TRYING      "queue/trying"
#define QUEUE_LOCK        "queue/lock"
#define QUEUE_REPAIRING   "queue/repairing"
#define QUEUE_IMPORTING   "queue/importing"
#define QUEUE_LSPAWN      "queue/lspawn" /* socket of culver-lspawn */
#define QUEUE_RSPAWN      "queue/rspawn" /* socket of culver-rspawn */
#define QUEUE_BOUNCE      "queue/bounce" /* socket of culver-bounce */
#define QUEUE_FORMAT_FILE "queue/format"

/* Read queue/format below HOME.  False: errno EPROTO when it is not ours. */
MUST_USE bool queue_split_read(unsigned *split);

/* "queue/mess/SS/INO" and "queue/info/SS/INO". */
void queue_mess_path(char out[QUEUE_PATH_SIZE], unsigned split, uint64_t ino);

/* "queue/info/SS/INO" */
void queue_info_path(char out[QUEUE_PATH_SIZE], unsigned split, uint64_t ino);

/* "queue/pool/INO" */
void queue_pool_path(char out[QUEUE_PATH_SIZE], uint64_t ino);

/* A file name in mess/SS or info/SS as a number.  False for anything else,
 * numbers that belong into another folder among them. */
MUST_USE bool queue_name_parse(
    struct str name, unsigned folder, unsigned split, uint64_t *ino);

/* The hint, and back.  Each names the other. */
void queue_hint_write(char out[QUEUE_HINT_SIZE], uint64_t ino,
    const unsigned char token[QUEUE_TOKEN]);

/* Matched by queue_hint_write. */
MUST_USE bool queue_hint_read(const char in[QUEUE_HINT_SIZE], uint64_t *ino,
    unsigned char token[QUEUE_TOKEN]);

/* qmail-queue's exit codes (interfaces of qmail, 2.1): what a submitter hears.
 * The first letter of the text is the class: D permanent, Z temporary. */
#define QUEUE_CODES(X)                                                         \
	X(0, OK, "Kok")                                                        \
	X(11, ADDRESS_LONG, "Denvelope address too long for qq (#5.1.3)")      \
	X(31, REFUSED, "Dmail server permanently rejected message (#5.3.0)")   \
	X(51, MEMORY, "Zqq out of memory (#4.3.0)")                            \
	X(52, TIMEOUT, "Zqq timeout (#4.3.0)")                                 \
	X(53, WRITE, "Zqq write error or disk full (#4.3.0)")                  \
	X(54, READ, "Zqq read error (#4.3.0)")                                 \
	X(55, CONFIG, "Zqq unable to read configuration (#4.3.0)")             \
	X(56, CONNECT, "Zqq trouble making network connection (#4.3.0)")       \
	X(61, HOME, "Zqq trouble in home directory (#4.3.0)")                  \
	X(62, CREATE, "Zqq trouble creating files in queue (#4.3.0)")          \
	X(71, DEFERRED, "Zmail server temporarily rejected message (#4.3.0)")  \
	X(72, LATE, "Zconnection to mail server timed out (#4.4.1)")           \
	X(73, SHUT, "Zconnection to mail server rejected (#4.4.1)")            \
	X(74, LOST, "Zcommunication with mail server failed (#4.4.2)")         \
	X(81, BUG, "Zqq internal bug (#4.3.0)")                                \
	X(91, FORMAT, "Zqq internal bug (#4.3.0)")                             \
	X(120, EXEC, "Zunable to exec qq (#4.3.0)")

enum queue_code {
#define QUEUE_CODE_ID(code, id, text) QQ_##id = code,
	QUEUE_CODES(QUEUE_CODE_ID)
#undef QUEUE_CODE_ID
};

/* The text of any code: the row above; else "Dqq permanent problem (#5.3.0)"
 * for 11 to 40 and "Zqq temporary problem (#4.3.0)" for the rest. */
const char *queue_code_text(int code);

#endif
