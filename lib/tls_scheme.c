/* tls_scheme: the ways in which a server signs; see tls_scheme.h. */
#include "lib/tls_scheme.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct tls_scheme schemes[] = {
    {0x0401, "RSA",     "SHA256", false},
    {0x0501, "RSA",     "SHA384", false},
    {0x0601, "RSA",     "SHA512", false},
    {0x0804, "RSA",     "SHA256", true },
    {0x0805, "RSA",     "SHA384", true },
    {0x0806, "RSA",     "SHA512", true },
    {0x0403, "EC",      "SHA256", false},
    {0x0503, "EC",      "SHA384", false},
    {0x0603, "EC",      "SHA512", false},
    {0x0807, "ED25519", NULL,     false},
};

enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

const struct tls_scheme *
tls_scheme_of(uint16_t code)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].code == code)
			return &schemes[i];
	return NULL;
}

/* "SHA2-256" is "SHA256" to OpenSSL. */
static bool
same_digest(const char *wanted, const char *given)
{
	if (wanted == NULL || given == NULL || given[0] == '\0')
		return wanted == NULL && (given == NULL || given[0] == '\0');
	if (strncasecmp(given, "SHA2-", 5) == 0)
		return strcmp(wanted + 3, given + 5) == 0;
	return strcasecmp(wanted, given) == 0;
}

const struct tls_scheme *
tls_scheme_find(const char *type, const char *digest, bool pss)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (strcmp(schemes[i].type, type) == 0 &&
		    schemes[i].pss == pss &&
		    same_digest(schemes[i].digest, digest))
			return &schemes[i];
	return NULL;
}
