/* span: lengths of time, and how often in them, as people write them. */
#ifndef LIB_SPAN_H
#define LIB_SPAN_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPAN_MOST = 366 * 86400, /* seconds of one length */
	SPAN_LIST = 64,          /* lengths of a list */
};

/* "90", "90s", "5m", "2h" or "3d" as seconds, at most SPAN_MOST.  False, *out
 * unchanged, when it is none of these. */
MUST_USE bool span_parse(struct str s, uint32_t *seconds);

/* One to SPAN_LIST lengths of at least one second, with blanks between.  False
 * when it is no such list. */
MUST_USE bool span_parse_list(
    struct str s, uint32_t out[SPAN_LIST], size_t *count);

/* "100/h", "20/m", "5/s", "1000/d" or "10/15m" as microseconds from one to the
 * next, at least 1.  False, *out unchanged, when it is no such rate. */
MUST_USE bool span_parse_rate(struct str s, int64_t *spacing);

#endif
