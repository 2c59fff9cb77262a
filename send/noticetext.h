/* noticetext: foreign text made fit for a notice. */
#ifndef SEND_NOTICETEXT_H
#define SEND_NOTICETEXT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

enum { NOTICE_FIELD = 900 /* bytes of one field's value */ };

/* Append a report for people: printable ASCII and LF, anything else '?'; LFs at
 * the end are cut, a blank line within becomes "/" as qmail's do, no line is
 * longer than NOTICE_FIELD; LF is added.  Fail as buf_append. */
MUST_USE bool noticetext_report(struct buf *b, struct str report);

/* Append one line of a field: printable ASCII, anything else '?', LF " / ";
 * blanks at both ends and what passes NOTICE_FIELD are cut. */
MUST_USE bool noticetext_field(struct buf *b, struct str value);

/* The same for an address: it stays one word, blanks are '?'. */
MUST_USE bool noticetext_address(struct buf *b, struct str address);

/* The same, and what is well-formed UTF-8 stays. */
MUST_USE bool noticetext_utf8_address(struct buf *b, struct str address);

/* Append xtext (RFC 3461, 4) decoded, then as a field.  A '+' without two
 * hexadecimal digits stays. */
MUST_USE bool noticetext_xtext(struct buf *b, struct str xtext);

/* The same, and what is well-formed UTF-8 stays. */
MUST_USE bool noticetext_utf8_xtext(struct buf *b, struct str xtext);

/* The host of a journal's via, "smtp mx.example[192.0.2.1]:25"; its address in
 * brackets where it has no name.  "" where it was no host. */
struct str noticetext_host(struct str via);

/* The status of something of this class ('2', '4' or '5'): s, where it is an
 * enhanced code of it, and for 5 of 4, too; else "CLASS.0.0". */
struct str noticetext_status(struct str s, char class);

/* The reply begins as an SMTP server's: "550 ..." */
bool noticetext_is_smtp(struct str reply);

/* What of a report is the host's own reply: it all, or what stands behind
 * qmail-remote's "Remote host said: "; empty when neither is one. */
struct str noticetext_smtp(struct str report);

/* There is a byte that 7bit cannot carry. */
bool noticetext_is_8bit(struct str s);

#endif
