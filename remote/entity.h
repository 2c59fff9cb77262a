/* entity: what the header of a message or of a MIME part says about its body
 * (RFC 2045, 5 and 6; RFC 2046, 5.1). */
#ifndef REMOTE_ENTITY_H
#define REMOTE_ENTITY_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/body.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENTITY_BOUNDARY = 200, /* bytes of a boundary; RFC 2046 allows 70 */
	ENTITY_FIELD = 8192    /* bytes of a field that is looked into */
};

enum entity_kind {
	ENTITY_LEAF,      /* a body that can be encoded */
	ENTITY_MULTIPART, /* with a boundary */
	ENTITY_MESSAGE,   /* message/rfc822 */
	ENTITY_OPAQUE     /* a body that must not be encoded */
};

enum entity_coding {
	ENTITY_NONE, /* no label: as 7bit */
	ENTITY_7BIT,
	ENTITY_8BIT, /* and binary */
	ENTITY_CODED /* quoted-printable, base64, or anything else */
};

struct entity {
	enum entity_kind kind;
	enum entity_coding coding;
	bool sealed;     /* multipart/signed */
	bool digest;     /* multipart/digest */
	bool eight;      /* the header holds 8-bit bytes */
	bool mime, type; /* MIME-Version; Content-Type */
	char boundary[ENTITY_BOUNDARY + 1];
};

enum entity_result {
	ENTITY_OK,
	ENTITY_TOO_LONG, /* a field over ENTITY_FIELD, or a header over
			  * BODY_HEADER_MAX */
	ENTITY_ERROR     /* errno, as body_get */
};

/* Read the header that begins at offset at of b.  Where it has no Content-Type
 * the entity is a message when digest is set.  *end is where the empty line
 * behind it begins, or the first line that is no field, or the end. */
MUST_USE enum entity_result entity_read(
    struct body *b, uint64_t at, bool digest, struct entity *e, uint64_t *end);

/* The line (without its end) begins a field of this name. */
bool entity_field(struct str line, const char *name);

/* The line can stand in a header: a field, or the rest of a folded one. */
bool entity_header_line(struct str line);

#endif
