/* tls_wish: what a client wants of a peer, in OpenSSL's words. */
#include "lib/tls_inside.h"

#include "lib/ip.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

enum {
	DANE_TA = 2,
	DANE_EE = 3,
	MATCH_FULL = 0,
	MATCH_SHA256 = 1,
	MATCH_SHA512 = 2
};

/* By trust.  Where nobody is asked for, weak is better than nothing at all. */
static const char *const ciphers[] = {
    [TLS_ANYBODY] =
	"HIGH:MEDIUM:+aNULL:!eNULL:!PSK:!SRP:!RC4:!3DES:@SECLEVEL=0",
    [TLS_NAMED] = "HIGH:!aNULL:!eNULL:!PSK:!SRP:!3DES:@SECLEVEL=2",
    [TLS_PINNED] = "HIGH:!aNULL:!eNULL:!PSK:!SRP:!3DES:@SECLEVEL=1",
};

/* Who only looks must not be driven to clear text by it. */
static const char *const lenient =
    "HIGH:MEDIUM:!aNULL:!eNULL:!PSK:!SRP:!RC4:!3DES:@SECLEVEL=0";

static bool
is_certificate(struct str der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	X509 *x = d2i_X509(NULL, &at, (long)der.len);
	bool whole =
	    x != NULL && at == (const unsigned char *)der.data + der.len;

	X509_free(x);
	return whole;
}

static bool
is_key(struct str der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &at, (long)der.len);
	bool whole =
	    k != NULL && at == (const unsigned char *)der.data + der.len;

	EVP_PKEY_free(k);
	return whole;
}

bool
tls_record_usable(const struct tls_record *r)
{
	bool ok = false;

	/* RFC 7672, 3.1.3: no authority is needed to send mail. */
	if ((r->usage != DANE_TA && r->usage != DANE_EE) || r->selector > 1 ||
	    r->data.len > TLS_RECORD_MAX)
		return false;
	if (r->matching == MATCH_SHA256)
		return r->data.len == 32;
	if (r->matching == MATCH_SHA512)
		return r->data.len == 64;
	if (r->matching == MATCH_FULL && r->data.len > 0)
		ok = r->selector == 0 ? is_certificate(r->data)
				      : is_key(r->data);
	ERR_clear_error();
	return ok;
}

static bool
is_address(const char *name)
{
	struct ip unused;

	return ip_parse(str_of(name), &unused);
}

static bool
add_names(SSL *ssl, const struct tls_wish *wish, size_t from)
{
	for (size_t i = from; i < wish->name_count; i++)
		if (SSL_add1_host(ssl, wish->names[i]) != 1)
			return false;
	return true;
}

/* RFC 8461, 4.2 and RFC 6125: the names are in subjectAltName. */
static enum tls_fault
apply_named(SSL *ssl, const struct tls_wish *wish)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
				   X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS);
	SSL_set_verify(
	    ssl, wish->lenient ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (wish->name_count == 0 || SSL_set1_host(ssl, wish->names[0]) != 1 ||
	    !add_names(ssl, wish, 1))
		return TLS_LOCAL;
	return TLS_OK;
}

/* A record that OpenSSL does not take is as one that is not there. */
static bool
add_record(SSL *ssl, const struct tls_record *r)
{
	return tls_record_usable(r) &&
	       SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching,
		   (const unsigned char *)r->data.data, r->data.len) > 0;
}

static enum tls_fault
apply_pinned(SSL *ssl, const struct tls_wish *wish)
{
	size_t usable = 0;

	if (wish->name_count == 0 || SSL_dane_enable(ssl, wish->names[0]) != 1)
		return TLS_LOCAL;
	/* RFC 7672, 3.1.1: the record of a key is all that counts. */
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (!add_names(ssl, wish, 1))
		return TLS_LOCAL;
	for (size_t i = 0; i < wish->record_count && i < TLS_MOST_RECORDS; i++)
		usable += add_record(ssl, &wish->records[i]);
	ERR_clear_error();
	return usable > 0 ? TLS_OK : TLS_UNUSABLE;
}

static bool
set_ciphers(SSL *ssl, const struct tls_wish *wish)
{
	bool weak = wish->lenient || wish->trust == TLS_ANYBODY;

	if (weak)
		SSL_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT);
	return SSL_set_cipher_list(
		   ssl, wish->lenient ? lenient : ciphers[wish->trust]) == 1;
}

/* OpenSSL's macro wants a name that it might change. */
static bool
set_sni(SSL *ssl, const char *name)
{
	char sni[TLS_NAME_SIZE];

	if (name == NULL || is_address(name))
		return true;
	return str_copy(sni, sizeof sni, str_of(name)) &&
	       SSL_set_tlsext_host_name(ssl, sni) == 1;
}

enum tls_fault
tls_wish_apply(SSL *ssl, const struct tls_wish *wish)
{
	if (!set_ciphers(ssl, wish) || !set_sni(ssl, wish->sni))
		return TLS_LOCAL;
	switch (wish->trust) {
	case TLS_NAMED:
		return apply_named(ssl, wish);
	case TLS_PINNED:
		return apply_pinned(ssl, wish);
	case TLS_ANYBODY:
		break;
	}
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	return TLS_OK;
}

enum tls_fault
tls_fault_of(long verify_result, enum tls_trust trust)
{
	switch (verify_result) {
	case X509_V_OK:
		return TLS_OK;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_EXPIRED;
	case X509_V_ERR_DANE_NO_MATCH:
		return TLS_MISMATCH;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return trust == TLS_PINNED ? TLS_MISMATCH : TLS_UNTRUSTED;
	case X509_V_ERR_OUT_OF_MEM:
		return TLS_LOCAL;
	default:
		return TLS_INVALID;
	}
}

const char *
tls_fault_text(enum tls_fault f)
{
	static const char *const texts[] = {
	    [TLS_OK] = "no fault",
	    [TLS_TIMEOUT] = "the handshake took too long",
	    [TLS_CLOSED] = "the host closed the connection in the handshake",
	    [TLS_PROTOCOL] = "the handshake failed",
	    [TLS_NAME] = "the certificate is for another name",
	    [TLS_EXPIRED] = "the certificate has expired or is not yet valid",
	    [TLS_UNTRUSTED] = "the certificate is of no known authority",
	    [TLS_MISMATCH] = "no TLSA record matches the certificate",
	    [TLS_INVALID] = "the certificate is not valid",
	    [TLS_UNUSABLE] = "no TLSA record can be used",
	    [TLS_INJECTED] = "clear bytes before the handshake",
	    [TLS_LOCAL] = "no memory for TLS",
	};

	return texts[f];
}
