/* sts: culver-remote asks for the MTA-STS policy of a domain (RFC 8461), and
 * tells how TLS went, for the daily reports (RFC 8460).  Numbers are
 * big-endian; texts end with NUL and hold none.
 *
 * Socket    STS_SOCKET of culver-policyd; only culverr (a private instance: its
 *           own uid).  Any number of frames on one connection.
 * Request   frame Q: domain.  One at a time.
 * Answer    one frame to each, after STS_ANSWER seconds at most:
 *             P  mode(4) max_age(4) id number(4) pattern ...
 *                       the policy of the domain, fetched or remembered
 *             N         it has none: there is no valid record in DNS, or the
 *                       first policy could not be fetched or is malformed
 *             Z         cannot tell now; ask again with the next message
 *           Of N and Z the sender does what it does without a policy (RFC 8461,
 *           5.1: a policy that was never had does not hold mail back).
 * Report    frame R, no answer: type(4) result(4) domain base mx sending
 *           receiving reason policy.  One for each TLS session tried.
 * Limits    a frame STS_FRAME; a connection silent for STS_IDLE seconds is
 *           closed, and so is one that says anything else.
 */
#ifndef WIRE_STS_H
#define WIRE_STS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STS_SOCKET "state/policy"

enum {
	STS_ANSWER = 5, /* seconds in which culver-policyd answers */
	STS_WAIT = 10,  /* seconds that the other end waits for it */
	STS_IDLE = 120, /* seconds */
	/* Octets: "mta-sts." and "_mta-sts." before it are still a name, and
	 * it is the name of a file.  A longer one has no policy. */
	STS_DOMAIN_MAX = 240,
	STS_HOST_MAX = 255,     /* octets of a host, of a pattern */
	STS_ID_MAX = 32,        /* octets, RFC 8461, 3.1 */
	STS_PATTERNS = 256,     /* most patterns of a policy */
	STS_TEXT_MAX = 1 << 16, /* octets of a policy's text */
	STS_AGE_MAX = 31557600, /* seconds, RFC 8461, 3.2 */
	STS_REASON_MAX = 128,   /* octets of a reason */
	STS_POLICY_MAX = 1024,  /* octets of a report's policy */
	STS_FRAME = STS_TEXT_MAX + STS_PATTERNS + 128 /* octets of a payload */
};
_Static_assert(
    (int)STS_WAIT > (int)STS_ANSWER, "culver-remote must outwait policyd");

enum sts_mode { STS_MODE_NONE, STS_MODE_TESTING, STS_MODE_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age;            /* seconds from when it was fetched */
	struct str id;               /* of the record in DNS */
	struct str mx[STS_PATTERNS]; /* in lower case: "mx.example.org",
				      * "*.example.org" */
	size_t count;                /* 0 with STS_MODE_NONE alone */
};

/* RFC 8460, 4.4: the policy's type, by its name in a report. */
#define STS_TYPES(X)                                                           \
	X(STS_TYPE_NONE, "no-policy-found")                                    \
	X(STS_TYPE_TLSA, "tlsa")                                               \
	X(STS_TYPE_STS, "sts")

enum sts_type {
#define STS_TYPE_ID(id, name) id,
	STS_TYPES(STS_TYPE_ID)
#undef STS_TYPE_ID
	    STS_TYPE_COUNT
};

/* RFC 8460, 4.3: how a session went.  The last three are culver-policyd's own
 * finding; culver-remote need not report them: a report of STS_TYPE_NONE for a
 * domain whose policy was announced and not to be had is counted so. */
#define STS_RESULTS(X)                                                         \
	X(STS_SUCCESS, "success")                                              \
	X(STS_NO_STARTTLS, "starttls-not-supported")                           \
	X(STS_HOST_MISMATCH, "certificate-host-mismatch")                      \
	X(STS_EXPIRED, "certificate-expired")                                  \
	X(STS_NOT_TRUSTED, "certificate-not-trusted")                          \
	X(STS_FAILURE, "validation-failure")                                   \
	X(STS_TLSA_INVALID, "tlsa-invalid")                                    \
	X(STS_DNSSEC_INVALID, "dnssec-invalid")                                \
	X(STS_DANE_REQUIRED, "dane-required")                                  \
	X(STS_FETCH_ERROR, "sts-policy-fetch-error")                           \
	X(STS_POLICY_INVALID, "sts-policy-invalid")                            \
	X(STS_WEBPKI_INVALID, "sts-webpki-invalid")

enum sts_result {
#define STS_RESULT_ID(id, name) id,
	STS_RESULTS(STS_RESULT_ID)
#undef STS_RESULT_ID
	    STS_RESULT_COUNT
};

/* One TLS session, or the attempt at one. */
struct sts_report {
	enum sts_type type;
	enum sts_result result;
	struct str domain; /* the recipient's: who asks for reports says so
			    * there (RFC 8460, 1.1 and 3) */
	struct str base;   /* TLSA: the TLSA base domain; else "" */
	struct str mx;     /* the exchanger; its name in lower case */
	bool reached;      /* the addresses are known */
	struct ip sending, receiving;
	struct str reason; /* printable, "" or a word of ours or of OpenSSL;
			    * more than STS_REASON_MAX is cut */
	struct str policy; /* TLSA: its records in zone-file form, one a line,
			    * "3 1 1 0F1E..."; else "" (culver-policyd has it) */
};

/* The name of it in a report. */
const char *sts_type_name(enum sts_type type);

/* The name of it in a report. */
const char *sts_result_name(enum sts_result result);

/* One of the patterns is for this host: itself, or "*." with exactly one label
 * in the star's place (RFC 8461, 4.1); ASCII case and a final dot are ignored.
 */
bool sts_allows(const struct sts_policy *p, struct str host);

/* Payloads.  Each write fails as buf_append, and with EINVAL for what no frame
 * can say (a text over its limit or with a NUL, too many patterns, an unknown
 * mode); b is unchanged then.  Each read is false for anything malformed; its
 * texts point into in. */
MUST_USE bool sts_policy_write(struct buf *b, const struct sts_policy *p);

/* Matched by sts_policy_write. */
MUST_USE bool sts_policy_read(struct str in, struct sts_policy *p);

/* A domain that may be asked for: a host name with a dot in it, in lower case,
 * of at most STS_DOMAIN_MAX octets, no address. */
bool sts_domain_ok(struct str domain);

/* A report; likewise.  Matched by sts_report_read. */
MUST_USE bool sts_report_write(struct buf *b, const struct sts_report *r);

/* Matched by sts_report_write. */
MUST_USE bool sts_report_read(struct str in, struct sts_report *r);

enum sts_answer {
	STS_POLICY, /* there is one */
	STS_NONE,
	STS_LATER /* culver-policyd said so, is not there, or broke its word */
};

struct sts {    /* culver-remote's end */
	int fd; /* -1: not connected */
	struct buf in, out;
};

/* Zero is a closed one with fd -1 set by sts_init. */
void sts_init(struct sts *s);

/* Ask for the policy of domain, in A-labels, whatever its case; connects where
 * there is no connection or the old one has ended.  Waits STS_WAIT seconds at
 * most.  STS_POLICY: p's texts point into s->in, until the next call.  A domain
 * that cannot be asked for is STS_NONE. */
MUST_USE enum sts_answer sts_ask(
    struct sts *s, struct str domain, struct sts_policy *p);

/* Tell how a session went.  What cannot be told is lost: mail goes on. */
void sts_tell(struct sts *s, const struct sts_report *r);

/* End the connection; s can be used again. */
void sts_close(struct sts *s);

#endif
