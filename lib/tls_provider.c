/* tls_provider: keys that are elsewhere; see tls_provider.h and provider(7). */
#include "lib/tls_provider.h"

#include "lib/tls_scheme.h"
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define SEED "culver-seed" /* the parameter by which a key is made */

/* What dispatch tables hold are functions of many types. */
#define ENTRY(id, function)                                                    \
	{                                                                      \
		id, (void (*)(void))(function)                                 \
	}

struct remote {
	const char *type;
	EVP_PKEY *public; /* of OpenSSL's own; NULL: not known yet */
	const struct tls_keeper *keeper;
	const char *name; /* of the certificates */
	bool *trouble;
	unsigned char hash[TLS_KEY_HASH];
};

struct signing {
	const struct remote *key;
	const struct tls_scheme *scheme;
	char digest[32];
	bool pss;
};

const char *
tls_key_type(const EVP_PKEY *key)
{
	static const char *const types[] = {"RSA", "EC", "ED25519"};

	for (size_t i = 0; i < 3; i++)
		if (EVP_PKEY_is_a(key, types[i]) == 1)
			return types[i];
	return NULL;
}

bool
tls_key_hash(const EVP_PKEY *key, unsigned char hash[TLS_KEY_HASH])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	bool ok = n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(),
			       NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

static void *
make(const char *type)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->type = type;
	return r;
}

static void *
make_rsa(void *provider)
{
	(void)provider;
	return make("RSA");
}

static void *
make_ec(void *provider)
{
	(void)provider;
	return make("EC");
}

static void *
make_ed25519(void *provider)
{
	(void)provider;
	return make("ED25519");
}

static void
discard(void *key)
{
	struct remote *r = key;

	if (r != NULL)
		EVP_PKEY_free(r->public);
	free(r);
}

static int
has(const void *key, int selection)
{
	(void)selection;
	return ((const struct remote *)key)->public != NULL;
}

static int
match(const void *a, const void *b, int selection)
{
	const struct remote *x = a, *y = b;

	(void)selection;
	return x->public != NULL && y->public != NULL &&
	       EVP_PKEY_eq(x->public, y->public) == 1;
}

/* A certificate's key comes here to be compared with one of ours: it is given
 * back to OpenSSL's own provider. */
static EVP_PKEY *
import_public(const char *type, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	/* OpenSSL does not write to them, but has no const for it. */
	OSSL_PARAM *copy = OSSL_PARAM_dup(params);

	if (c == NULL || copy == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, copy) != 1)
		key = NULL;
	OSSL_PARAM_free(copy);
	EVP_PKEY_CTX_free(c);
	return key;
}

static int
import(void *key, int selection, const OSSL_PARAM params[])
{
	struct remote *r = key;
	const OSSL_PARAM *seed = OSSL_PARAM_locate_const(params, SEED);

	(void)selection;
	if (seed == NULL) {
		r->public = import_public(r->type, params);
		return r->public != NULL;
	}
	if (seed->data_size != sizeof(*r))
		return 0;
	memcpy(r, seed->data, sizeof(*r));
	if (EVP_PKEY_up_ref(r->public) == 1)
		return 1;
	r->public = NULL;
	return 0;
}

static const OSSL_PARAM *
import_types(int selection)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_octet_string(SEED, NULL, 0),
	    OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static int
get_params(void *key, OSSL_PARAM params[])
{
	const struct remote *r = key;

	return r->public != NULL && EVP_PKEY_get_params(r->public, params) == 1;
}

static const OSSL_PARAM *
gettable(void *provider)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
	    OSSL_PARAM_END,
	};

	(void)provider;
	return types;
}

static const char *
operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static void *
signing_new(void *provider, const char *query)
{
	(void)provider;
	(void)query;
	return calloc(1, sizeof(struct signing));
}

static int
set_params(void *signing, const OSSL_PARAM params[])
{
	struct signing *s = signing;
	const OSSL_PARAM *pad = params == NULL
				    ? NULL
				    : OSSL_PARAM_locate_const(params,
					  OSSL_SIGNATURE_PARAM_PAD_MODE);
	int mode;

	if (pad != NULL && pad->data_type == OSSL_PARAM_UTF8_STRING)
		s->pss = strcmp(pad->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else if (pad != NULL && OSSL_PARAM_get_int(pad, &mode) == 1)
		s->pss = mode == RSA_PKCS1_PSS_PADDING;
	return 1;
}

static const OSSL_PARAM *
settable(void *signing, void *provider)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	    OSSL_PARAM_END,
	};

	(void)signing;
	(void)provider;
	return types;
}

static int
sign_init(
    void *signing, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *s = signing;

	if (key != NULL)
		s->key = key;
	return str_copy(s->digest, sizeof(s->digest),
		   str_of(digest == NULL ? "" : digest)) &&
	       set_params(s, params);
}

/* A keeper that has begun anew knows a key once it was asked for the
 * certificates. */
static bool
have_signed(
    const struct remote *r, uint16_t code, struct str text, struct buf *out)
{
	const struct tls_keeper *k = r->keeper;
	struct buf chain = {.max = TLS_CHAIN_MAX};
	enum tls_answer a = k->sign(r->hash, code, text, out);

	if (a == TLS_ANSWER_NONE &&
	    k->chain(str_of(r->name), &chain) == TLS_ANSWER_OK)
		a = k->sign(r->hash, code, text, out);
	buf_free(&chain);
	return a == TLS_ANSWER_OK;
}

/* OpenSSL asks for the size first, with out NULL. */
static int
sign(void *signing, unsigned char *out, size_t *len, size_t size,
    const unsigned char *message, size_t message_len)
{
	const struct signing *s = signing;
	const struct remote *r = s->key;
	const struct tls_scheme *scheme =
	    tls_scheme_find(r->type, s->digest, s->pss);
	struct str text = {(const char *)message, message_len};
	struct buf b = {.max = size};
	bool ok;

	if (scheme == NULL || r->keeper == NULL)
		return 0;
	if (out == NULL) {
		*len = (size_t)EVP_PKEY_get_size(r->public);
		return 1;
	}
	ok = have_signed(r, scheme->code, text, &b) && b.len > 0 &&
	     b.len <= size;
	if (ok) {
		memcpy(out, b.data, b.len);
		*len = b.len;
	} else {
		*r->trouble = true;
	}
	buf_free(&b);
	return ok;
}

#define KEY_TABLE(constructor)                                                 \
	ENTRY(OSSL_FUNC_KEYMGMT_NEW, constructor),                             \
	    ENTRY(OSSL_FUNC_KEYMGMT_FREE, discard),                            \
	    ENTRY(OSSL_FUNC_KEYMGMT_HAS, has),                                 \
	    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, match),                             \
	    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, import),                           \
	    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),               \
	    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),                   \
	    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable)

static const OSSL_DISPATCH rsa_key[] = {
    KEY_TABLE(make_rsa), {0, NULL}
};
static const OSSL_DISPATCH ec_key[] = {
    KEY_TABLE(make_ec),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_name), {0, NULL}
};
static const OSSL_DISPATCH ed25519_key[] = {
    KEY_TABLE(make_ed25519), {0, NULL}
};

static const OSSL_DISPATCH signature[] = {
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
    ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, free),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
    ENTRY(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
    ENTRY(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable),
    {0, NULL},
};

#define RSA_NAMES     "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define EC_NAMES      "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define ED25519_NAMES "ED25519:1.3.101.112"
#define OURS          "provider=culver"

static const OSSL_ALGORITHM keys[] = {
    {RSA_NAMES,     OURS, rsa_key,     NULL},
    {EC_NAMES,      OURS, ec_key,      NULL},
    {ED25519_NAMES, OURS, ed25519_key, NULL},
    {NULL,          NULL, NULL,        NULL},
};

static const OSSL_ALGORITHM signatures[] = {
    {RSA_NAMES,     OURS, signature, NULL},
    {"ECDSA",       OURS, signature, NULL},
    {ED25519_NAMES, OURS, signature, NULL},
    {NULL,          NULL, NULL,      NULL},
};

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int
begin(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH table[] = {
	    ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	    {0, NULL},
	};

	(void)in;
	*out = table;
	/* It keeps nothing of its own, but NULL would mean failure. */
	memcpy(provider, &handle, sizeof(*provider));
	return 1;
}

bool
tls_provider_load(OSSL_LIB_CTX *library, OSSL_PROVIDER *loaded[TLS_PROVIDERS])
{
	loaded[0] = OSSL_PROVIDER_load(library, "default");
	loaded[1] = NULL;
	if (loaded[0] != NULL &&
	    OSSL_PROVIDER_add_builtin(library, "culver", begin) == 1)
		loaded[1] = OSSL_PROVIDER_load(library, "culver");
	return loaded[1] != NULL;
}

EVP_PKEY *
tls_provider_key(OSSL_LIB_CTX *library, EVP_PKEY *public,
    const struct tls_keeper *keeper, const char *name, bool *trouble)
{
	struct remote seed = {
	    .type = tls_key_type(public), .public = public, .keeper = keeper};
	OSSL_PARAM params[2] = {
	    OSSL_PARAM_construct_octet_string(SEED, &seed, sizeof(seed)),
	    OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *c = NULL;
	EVP_PKEY *key = NULL;

	seed.name = name;
	seed.trouble = trouble;
	if (seed.type != NULL && tls_key_hash(public, seed.hash))
		c = EVP_PKEY_CTX_new_from_name(library, seed.type, OURS);
	if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}
