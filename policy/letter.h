/* letter: a report as a message (RFC 8460, 5.3), and its compressed form, which
 * is also what an https place is sent. */
#ifndef POLICY_LETTER_H
#define POLICY_LETTER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "policy/record.h"
#include "policy/report.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LETTER_TYPE "application/tlsrpt+gzip"

/* Append what, compressed as by gzip.  Fails as buf_append. */
MUST_USE bool letter_gzip(struct buf *b, struct str what);

/* Append the mail address that a place stands for, in envelope form: %XX
 * undone.  False, b unchanged, for what is none, or as buf_append. */
MUST_USE bool letter_address(struct buf *b, struct str place);

/* Append the message: from r->contact to the header text to, at now, with the
 * compressed report.  Lines end with LF.  Fails as buf_append. */
MUST_USE bool letter_write(struct buf *b, const struct report *r, struct str to,
    struct str gzip, int64_t now);

#endif
