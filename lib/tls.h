/* tls: TLS 1.2 and 1.3 (OpenSSL 3) over a connected, non-blocking socket.  Each
 * step is given the time it must end by (clock_boot, microseconds).
 * No signal is raised where the peer has gone. */
#ifndef LIB_TLS_H
#define LIB_TLS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	TLS_MOST_NAMES = 8,    /* names that a certificate may be for */
	TLS_NAME_SIZE = 256,   /* of a name and its end byte */
	TLS_MOST_RECORDS = 32, /* TLSA records of one host that are looked at */
	TLS_RECORD_MAX =
	    512,       /* bytes of one record's data: SHA-512, or a key */
	TLS_TEXT = 80, /* of a protocol, cipher and verdict */
	TLS_WHY = 160, /* of what failed */
	TLS_BINDING_MAX = 64,      /* bytes of channel binding */
	TLS_SESSIONS = 64,         /* kept by a context for resumption */
	TLS_SESSION_SECONDS = 3600 /* that one is kept at most */
};

/* Whom a client talks to. */
enum tls_trust {
	TLS_ANYBODY, /* whatever certificate, or none */
	TLS_NAMED,   /* one for a name, from an authority of the store */
	TLS_PINNED   /* as the TLSA records say (RFC 7671) */
};

/* One TLSA record (RFC 6698, 2.1); data is borrowed from whoever made it. */
struct tls_record {
	uint8_t usage, selector, matching;
	struct str data;
};

/* What a client wants of one connection; all zero bytes: anybody, no name sent,
 * nothing resumed. */
struct tls_wish {
	enum tls_trust trust;
	bool lenient;    /* NAMED: look and tell (tls_trusted), but go on */
	const char *sni; /* NULL or an address: no name is sent */
	/* NAMED: any of these; PINNED: the first is the TLSA base domain, the
	 * others may stand in its place (RFC 7672, 3.2.2).  A name that begins
	 * with a dot is any one label below it. */
	const char *names[TLS_MOST_NAMES];
	size_t name_count;
	const struct tls_record *records;
	size_t record_count;
	/* What tls_describe calls a trusted peer: "verified", "dane", "sts". */
	const char *word;
	/* Where it leads ("192.0.2.1:25"): a session is resumed only with the
	 * same peer and the same wish.  NULL: none is. */
	const char *peer;
};

enum tls_fault {
	TLS_OK,
	TLS_TIMEOUT,   /* errno ETIMEDOUT */
	TLS_CLOSED,    /* the peer has gone in the middle */
	TLS_PROTOCOL,  /* no common version or cipher, an alert, not TLS */
	TLS_NAME,      /* the certificate is for another name */
	TLS_EXPIRED,   /* or not valid yet */
	TLS_UNTRUSTED, /* of no authority that we know, or self-signed */
	TLS_MISMATCH,  /* none of the TLSA records matches */
	TLS_INVALID,   /* another fault of the certificate */
	TLS_UNUSABLE,  /* PINNED: no TLSA record that can be used */
	TLS_INJECTED,  /* clear bytes stood behind the answer to STARTTLS */
	TLS_LOCAL      /* no memory; ours, not the peer's */
};

struct tls_context; /* authorities and sessions: one for a process */
struct tls;         /* one connection */

/* A client's context.  Everything that it reads is read here, before the jail:
 * authorities are the file authorities, or, where that is NULL, OpenSSL's own
 * ($SSL_CERT_FILE and $SSL_CERT_DIR count), of which what is no certificate is
 * passed over.  What costs time, sense is made of by the first handshake that
 * needs it.  NULL with one line in error (a C string) when the named file cannot
 * be read or holds none; a system without authorities trusts nobody.  Free with
 * tls_context_free, which accepts NULL. */
MUST_USE struct tls_context *tls_context_new(
    const char *authorities, struct buf *error);

/* Free c; every connection of it must be closed. */
void tls_context_free(struct tls_context *c);

/* A client's handshake on fd, which stays the caller's and must outlive *t.
 * TLS_OK: *t is open, the caller closes it.  Otherwise *t is NULL and why (a C
 * string of up to TLS_WHY bytes, without control bytes) says more. */
MUST_USE enum tls_fault tls_connect(struct tls **t, struct tls_context *c,
    int fd, const struct tls_wish *wish, int64_t deadline, char why[TLS_WHY]);

/* The record may count (RFC 7672, 3.1): usage DANE-TA or DANE-EE, a selector and
 * a matching type that we know, and data of their form. */
bool tls_record_usable(const struct tls_record *r);

/* Its certificate was what the wish is for; false for ANYBODY. */
bool tls_trusted(const struct tls *t);

/* TLS_OK where tls_trusted, else what is wrong with a certificate that was let
 * pass (ANYBODY: TLS_UNTRUSTED). */
enum tls_fault tls_verdict(const struct tls *t);

/* A former session went on: no certificate was sent this time. */
bool tls_resumed(const struct tls *t);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384 dane" in out; the verdict is the wish's word
 * where tls_trusted, else "untrusted". */
void tls_describe(const struct tls *t, char out[TLS_TEXT]);

/* A server's connection has channel binding of this type: "tls-exporter" (RFC
 * 9266; TLS 1.3, or 1.2 with the extended master secret), "tls-unique" (RFC 5929;
 * 1.2 with it), "tls-server-end-point" (a certificate whose signature has one
 * hash).  False for NULL, and for any other name. */
bool tls_can_bind(const struct tls *t, struct str type);

/* Append its data, at most TLS_BINDING_MAX bytes.  False, too, as buf_append and
 * when the library cannot. */
MUST_USE bool tls_binding(
    const struct tls *t, struct str type, struct buf *out);

/* Read or write what goes at once, and some of it: the count; 0 at the end (the
 * peer said that nothing follows); -1 with errno: EAGAIN (*events tells what
 * poll(2) is to wait for), ECONNRESET where the peer has gone without a word,
 * EPROTO for a broken record, another.  After -1 with EAGAIN a write is
 * repeated with the same bytes. */
MUST_USE ssize_t tls_read(
    struct tls *t, void *data, size_t size, short *events);

/* The same, but where nothing has come recv(2) waits itself, once, for as long as
 * SO_RCVTIMEO says.  What waits longer, or comes in parts, is EAGAIN as ever. */
MUST_USE ssize_t tls_read_patiently(
    struct tls *t, void *data, size_t size, short *events);

/* As tls_read. */
MUST_USE ssize_t tls_write(
    struct tls *t, const void *data, size_t size, short *events);

/* Something can be read now, the end or an error among it; never waits. */
bool tls_readable(struct tls *t);

/* End and free t (NULL is accepted): politely by a close_notify, as far as the
 * socket takes it at once.  The socket stays open. */
void tls_close(struct tls *t, bool politely);

/* A few words for what failed, as reports have them: "certificate expired". */
const char *tls_fault_text(enum tls_fault f);

#endif
