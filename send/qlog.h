/* qlog: qmail-send's log lines, byte for byte, for every script that reads
 * them.  Foreign text: LF becomes '/', bytes below 33, above 126 and '%' become
 * '_'. */
#ifndef SEND_QLOG_H
#define SEND_QLOG_H

#include "lib/str.h"
#include "send/retry.h"
#include <stdbool.h>
#include <stdint.h>

/* "status: local 1/10 remote 0/20", " exitasap" added. */
void qlog_status(const uint32_t flying[CHANNEL_COUNT],
    const uint64_t most[CHANNEL_COUNT], bool exiting);

/* "status: exiting" */
void qlog_exiting(void);

/* "new msg INO" and "info msg INO: bytes N from <S> qp PID uid UID" */
void qlog_new(uint64_t ino);

/* "info msg INO: bytes N from <S> qp PID uid UID" */
void qlog_info(uint64_t ino, uint64_t bytes, struct str sender, uint32_t pid,
    uint32_t uid);

/* "starting delivery D: msg INO to local R" */
void qlog_start(
    uint32_t delivery, uint64_t ino, enum channel c, struct str recipient);

/* "delivery D: success: REPORT"; the letter chooses success, deferral,
 * failure. */
void qlog_result(uint32_t delivery, char letter, struct str report);

/* "bounce msg INO qp PID"; "triple bounce: discarding bounce/INO" with what
 * stands before the number; "end msg INO". */
void qlog_bounce(uint64_t ino, uint32_t pid);

/* "success notice msg INO qp PID", which no qmail-send writes: what is the kind
 * of notice ("success", "delay"). */
void qlog_notice(const char *what, uint64_t ino, uint32_t pid);

/* "triple bounce: discarding bounce/INO": before is all but the number. */
void qlog_discard(struct str before, uint64_t ino);

/* "end msg INO" */
void qlog_end(uint64_t ino);

/* "warning: trouble opening queue/mess/3/67; will try again later" and such:
 * what, a path, and errno's text. */
void qlog_warning(const char *what, const char *path);

/* "alert: WHAT" */
void qlog_alert(const char *what);

#endif
