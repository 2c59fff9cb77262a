/* json: values written as RFC 8259 text, for the tools' --json. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

struct json {
	struct buf out; /* max as of the caller; freed by him */
	bool comma;     /* the next value needs one in front */
	bool failed;    /* out would have passed its ceiling, or no memory */
};

/* Begin and end an object or a list.  key is NULL within a list and for the
 * outermost value, here and below. */
void json_object(struct json *j, const char *key);

/* End the object begun last. */
void json_object_end(struct json *j);

/* Begin a list. */
void json_list(struct json *j, const char *key);

/* End the list begun last. */
void json_list_end(struct json *j);

/* Values.  Bytes of a text that are no UTF-8 are written as U+FFFD, since JSON
 * cannot hold them; control bytes are escaped. */
void json_text(struct json *j, const char *key, struct str value);

/* A number. */
void json_number(struct json *j, const char *key, uint64_t value);

/* true or false. */
void json_bool(struct json *j, const char *key, bool value);

/* null. */
void json_null(struct json *j, const char *key);

/* Write what is there and LF to a descriptor.  False with errno when that, or
 * anything before it, failed. */
MUST_USE bool json_print(struct json *j, int fd);

#endif
