/* rule: one line of an access list, in the syntax of tcprules(1), taken apart
 * and compiled to pairs as tcprules' own cdb holds them.
 *
 *   line     = address ":" ( "allow" / "deny" ) *( "," NAME "=" Q VALUE Q )
 *   address  = [ INFO "@" ] ( IPv4 / "[" IPv6 "]" / "=" HOST )
 *            / PREFIX "."                 1.  1.2.  1.2.3.
 *            / IPv4 or PREFIX with one number "A-B", all from A to B
 *            / IPv4 "/" BITS / "[" IPv6 "]/" BITS
 *            / "=." DOMAIN                every host below it
 *            / "="                        every host that has a name
 *            / ""                         everybody
 *   Q        = any byte, the same at both ends
 *   value    = [ "D" NUL ] *( "+" NAME "=" VALUE NUL )       as compiled
 *
 * An IPv4 network of 8, 16 or 24 bits is compiled as its PREFIX, one of 32 bits
 * (IPv6: 128) as its address, so that one meaning has one key. */
#ifndef CONTROL_RULE_H
#define CONTROL_RULE_H

#include "control/value.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* One pair that was compiled, and the line it came from. */
struct rule {
	size_t line;
	struct str key, value;
};

/* Append what line number says to out: one pair, or one of each address of a
 * range.  False when it is malformed or out is full; *f says why then. */
MUST_USE bool rule_compile(
    struct str text, size_t line, struct buf *out, struct fault *f);

/* The same for a line that is an address alone, of the forms by number. */
MUST_USE bool rule_compile_network(
    struct str text, size_t line, struct buf *out, struct fault *f);

/* The next pair of what was compiled; false at its end. */
MUST_USE bool rule_next(struct str *compiled, struct rule *r);

/* The line that the pair of this key, a view into what was compiled, is
 * from. */
size_t rule_line(struct str key);

/* Append what follows an address in a line: ":allow,NAME="VALUE"".  False when
 * value is nothing that rule_compile makes, or as buf_append. */
MUST_USE bool rule_format(struct buf *b, struct str value);

/* Append the key of an address, and of the network of its first bits (of 32 or
 * 128).  As buf_append. */
MUST_USE bool rule_key(struct buf *b, const struct ip *a);

/* The key of the network of the first bits of a. */
MUST_USE bool rule_network(struct buf *b, const struct ip *a, unsigned bits);

#endif
