/* idn: the names of domains as DNS has them; see idn.h. */
#include "lib/idn.h"

#include "lib/address.h"
#include <idn2.h>
#include <string.h>

enum { INPUT_SIZE = 1024 }; /* more than any name has in UTF-8 */

static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* Store a name in ASCII if it is one of DNS. */
static enum idn_result
store(char out[IDN_SIZE], struct str name)
{
	if (!address_domain_ok(name, false) || !str_copy(out, IDN_SIZE, name))
		return IDN_MALFORMED;
	for (size_t i = 0; i < name.len; i++)
		out[i] = str_lower(out[i]);
	return IDN_OK;
}

enum idn_result
idn_to_ascii(char out[IDN_SIZE], struct str name)
{
	char text[INPUT_SIZE], *ascii = NULL;
	enum idn_result r;
	int code;

	out[0] = '\0';
	if (str_ends(name, str_of(".")))
		name = str_slice(name, 0, name.len - 1);
	/* What is not UTF-8, or maps to more labels than it shows, is none. */
	if (!address_domain_ok(name, true) ||
	    !str_copy(text, sizeof text, name))
		return IDN_MALFORMED;
	if (is_ascii(text))
		return store(out, name);
	code = idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL);
	if (code != IDN2_OK)
		return code == IDN2_MALLOC ? IDN_MEMORY : IDN_MALFORMED;
	r = store(out, str_of(ascii));
	idn2_free(ascii);
	return r;
}
