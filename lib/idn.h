/* idn: the names of domains as DNS has them (IDNA 2008, RFC 5891). */
#ifndef LIB_IDN_H
#define LIB_IDN_H

#include "lib/attr.h"
#include "lib/str.h"

enum {
	IDN_MAX =
	    253, /* octets of a name, without the last dot: RFC 1035, 2.3.4 */
	IDN_SIZE = IDN_MAX + 1 /* and its end byte */
};

enum idn_result {
	IDN_OK,
	IDN_MALFORMED, /* no name that DNS could hold; 5.1.2 for a recipient's */
	IDN_MEMORY     /* try again */
};

/* The name in ASCII as a C string in out: lower case, U-labels as A-labels,
 * mapped as UTS 46 says without its transitional forms, no dot at the end.  A
 * name that is ASCII already is taken as it is, whatever its A-labels decode
 * to.  Address literals are no names.  On any other result than IDN_OK out is
 * "". */
MUST_USE enum idn_result idn_to_ascii(char out[IDN_SIZE], struct str name);

#endif
