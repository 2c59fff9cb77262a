/* address: mailbox addresses of SMTP (RFC 5321, 4.1.2; RFC 6531 for UTF-8). */
#ifndef LIB_ADDRESS_H
#define LIB_ADDRESS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>

enum {
	/* Octets.  RFC 5321, 4.5.3.1.1 wants 64 taken at least; the return
	 * addresses of lists (VERP) and forwarders (SRS) are longer. */
	ADDRESS_LOCAL_MAX = 255,
	ADDRESS_DOMAIN_MAX = 255, /* octets, RFC 5321 4.5.3.1.2 */
	ADDRESS_MAX = 1000        /* octets of a whole one in any envelope */
};

/* An address taken apart; local and domain point into out of address_parse,
 * which holds the envelope form of the whole: local, '@', domain. */
struct address {
	struct str local; /* unquoted: the bytes it stands for */
	struct str
	    domain;   /* as written, or "" ("postmaster", or the null path) */
	bool literal; /* the domain is an address literal */
	struct ip ip; /* that address */
};

enum address_result {
	ADDRESS_OK,
	ADDRESS_SYNTAX,   /* 501 5.1.3 (recipient), 5.1.7 (sender) */
	ADDRESS_TOO_LONG, /* 501 5.1.3: a part over its limit */
	ADDRESS_UTF8, /* 553 5.6.7: not ASCII and SMTPUTF8 was not asked for */
	ADDRESS_MEMORY
};

/* The path between < and > of MAIL and RCPT, the brackets included; *rest is
 * what follows the '>'.  "<>" gives an empty local and domain.  A source route
 * "@a,@b:" is checked and dropped (RFC 5321, 4.1.1.3).  A trailing dot of the
 * domain is dropped.  Only postmaster, in any case, may stand without a domain;
 * an empty local part ("") is a syntax error.  out is emptied first and then
 * holds the envelope form.  utf8 allows RFC 6531 forms.  On any other result
 * than ADDRESS_OK *a and *rest are unchanged. */
MUST_USE enum address_result address_parse_path(struct str s, bool utf8,
    struct buf *out, struct address *a, struct str *rest);

/* The same for a bare local@domain, as control files and command lines hold. */
MUST_USE enum address_result address_parse(
    struct str s, bool utf8, struct buf *out, struct address *a);

/* Split the envelope form (unquoted local part, '@', domain) at its last '@'.
 * No '@': the whole is the local part and the domain is empty. */
void address_split(struct str envelope, struct str *local, struct str *domain);

/* Append the SMTP form, quoting the local part where RFC 5321 wants it; nothing
 * for the null path.  False, b unchanged, as buf_append, and with EINVAL for
 * what SMTP cannot say: control bytes, and blanks, <, >, " or \ in the domain
 * (an envelope that came from a local program may hold them). */
MUST_USE bool address_quote(struct buf *b, struct str local, struct str domain);

/* A host name that may stand in HELO or after an '@': labels of 1 to 63
 * letters, digits, '-' and '_', in all at most 255 octets; no dot at either
 * end. With utf8 also other characters, 1 to 63 of all kinds to a label. */
bool address_domain_ok(struct str domain, bool utf8);

#endif
