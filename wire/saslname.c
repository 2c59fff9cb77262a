/* saslname: a table of five; see saslname.h. */
#include "wire/saslname.h"

static const char *const names[SASL_NAMES] = {
    [SASL_PLAIN] = "PLAIN",
    [SASL_LOGIN] = "LOGIN",
    [SASL_CRAM] = "CRAM-MD5",
    [SASL_SCRAM] = "SCRAM-SHA-256",
    [SASL_SCRAM_PLUS] = "SCRAM-SHA-256-PLUS",
};

enum saslname
saslname_find(struct str word)
{
	unsigned i = 0;

	while (i < SASL_NAMES && !str_equal_nocase(word, str_of(names[i])))
		i++;
	return (enum saslname)i;
}

bool
saslname_next(struct str *rest, struct str *word)
{
	*rest = str_trim(*rest);
	return str_cut(rest, ' ', word);
}

bool
saslname_all(struct str words, struct str *bad)
{
	while (saslname_next(&words, bad))
		if (saslname_find(*bad) == SASL_NAMES)
			return false;
	return true;
}
