/* convert: a message of 8-bit bytes for a host that takes 7-bit ones alone
 * (RFC 6152, 3).  Parts that hold such bytes become quoted-printable, each with
 * a Content-Transfer-Encoding that says so; everything else stays as it is.
 *
 * A text without MIME's header fields is called text/plain of an unknown 8-bit
 * character set (RFC 1428).  The text before the first and behind the last part
 * of a multipart, which nobody shows, has '?' for its 8-bit bytes.
 *
 * Not converted, but refused: 8-bit bytes in header fields; in a part that is
 * signed (multipart/signed), that is labelled 7-bit in another way already, or
 * that may not be encoded (message/...; but message/rfc822 is gone into); parts
 * deeper than CONVERT_DEPTH, header fields over ENTITY_FIELD. */
#ifndef REMOTE_CONVERT_H
#define REMOTE_CONVERT_H

#include "lib/attr.h"
#include "lib/str.h"
#include "remote/entity.h"
#include "remote/qp.h"
#include "wire/body.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONVERT_DEPTH = 16,  /* multiparts within one another */
	CONVERT_PIECE = 4096 /* bytes of a line that are looked at together */
};

enum convert_result {
	CONVERT_OK,
	CONVERT_END,
	CONVERT_CANNOT, /* the message cannot be converted */
	CONVERT_ERROR   /* errno, as body_get */
};

/* What is done with what comes. */
enum convert_mode {
	CONVERT_HEADER, /* copied but for its label */
	CONVERT_COPY,
	CONVERT_QP,
	CONVERT_MASK /* '?' for 8-bit bytes */
};

struct convert {
	struct body *body; /* the caller's */
	uint64_t at;       /* the next byte of it */
	bool middle;       /* at is not at the start of a line */
	enum convert_mode mode;
	/* Of the header at hand: where it ends, its new label (NULL: as it is),
	 * what it lacks, and what follows it. */
	uint64_t header_end;
	const char *label, *lacks;
	bool drop;              /* the field at hand is not copied */
	bool nested;            /* another header follows */
	enum convert_mode next; /* else this */
	size_t depth;
	struct {
		char boundary[ENTITY_BOUNDARY + 1];
		bool sealed; /* within a multipart/signed */
		bool digest; /* its parts are message/rfc822 */
	} open[CONVERT_DEPTH];
	struct qp qp;
	char piece[CONVERT_PIECE];
	size_t out_len;
	char out[QP_ROOM(CONVERT_PIECE)];
};

/* Begin with the body, from its start. */
void convert_begin(struct convert *c, struct body *body);

/* The next bytes of the converted message, with LF line ends; never empty on
 * CONVERT_OK, and valid until the next call.  A message is gone through twice,
 * so that CONVERT_CANNOT comes before a byte is sent. */
MUST_USE enum convert_result convert_next(struct convert *c, struct str *chunk);

#endif
