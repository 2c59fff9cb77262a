/* report: one domain's day as the JSON of RFC 8460, 4. */
#ifndef POLICY_REPORT_H
#define POLICY_REPORT_H

#include "lib/attr.h"
#include "lib/json.h"
#include "lib/str.h"
#include "policy/counts.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_ID_SIZE = 320 };

struct report {
	struct str domain;              /* whom it is for */
	int64_t start;                  /* of the day, seconds since 1970 */
	struct str submitter;           /* control/me */
	struct str contact;             /* an address of ours */
	const struct count_line *lines; /* those of domain, sorted by words */
	size_t count;
	/* The policy of domain that is kept now, text and patterns; no text:
	 * none is. */
	struct str text;
	const struct sts_policy *policy;
};

/* The same for the same submitter, domain and day, whenever it is made. */
void report_id(const struct report *r, char id[REPORT_ID_SIZE]);

/* Append it to j->out; j->failed tells that it did not fit. */
void report_write(const struct report *r, struct json *j);

#endif
