/* text: the policy that a domain publishes at
 * https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461, 3.2). */
#ifndef POLICY_TEXT_H
#define POLICY_TEXT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stddef.h>

/* Read text, whose patterns are brought to lower case in place, and which p->mx
 * points into; p->id becomes empty.  Of a field given twice the first counts,
 * of mx all; fields that are not known are passed over, and so are empty
 * lines.  False, with the text perhaps changed in case, when it is malformed:
 * over STS_TEXT_MAX octets, a version other than STSv1, no mode, no max_age or
 * one over STS_AGE_MAX, a pattern that is no host, none where the mode wants
 * one, or more than STS_PATTERNS. */
MUST_USE bool text_read(char *text, size_t len, struct sts_policy *p);

#endif
