/* tlsrule: one line of control/tlspolicy; see tlsrule.h. */
#include "control/tlsrule.h"

#include "control/inside.h"
#include "lib/address.h"
#include <errno.h>

static const char *const names[] = {
    [TLSRULE_NONE] = "none",
    [TLSRULE_MAY] = "may",
    [TLSRULE_ENCRYPT] = "encrypt",
    [TLSRULE_VERIFY] = "verify",
    [TLSRULE_DANE] = "dane",
    [TLSRULE_STS] = "sts",
};

const char *
tlsrule_name(enum tlsrule_level level)
{
	return names[level];
}

static bool
faulty(struct fault *f, const char *what, struct str near)
{
	f->what = what;
	f->near = near;
	return false;
}

static bool
find_level(struct str word, enum tlsrule_level *level)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!str_equal_nocase(word, str_of(names[i])))
			continue;
		*level = (enum tlsrule_level)i;
		return true;
	}
	return false;
}

/* A certificate has names in A-labels. */
static bool
add_name(struct tlsrule *r, struct str name, struct fault *f)
{
	struct str bare =
	    str_slice(name, str_starts(name, str_of(".")), name.len);

	if (r->level != TLSRULE_VERIFY)
		return faulty(f, "only verify takes names", name);
	if (r->count == TLSRULE_NAMES)
		return faulty(f, "too many names", name);
	if (!address_domain_ok(bare, false))
		return faulty(f, "not a host name", name);
	r->names[r->count++] = name;
	return true;
}

bool
tlsrule_parse(struct str value, struct tlsrule *r, struct fault *f)
{
	struct str word = {"", 0};

	*r = (struct tlsrule){0};
	(void)str_cut(&value, ' ', &word);
	if (!find_level(word, &r->level))
		return faulty(f, "not a TLS policy", word);
	while (str_cut(&value, ' ', &word))
		if (word.len > 0 && !add_name(r, word, f))
			return false;
	return true;
}

static enum found
malformed(void)
{
	errno = EPROTO;
	return FOUND_ERROR;
}

enum found
tlsrule_find(const struct controls *c, const char *host, struct tlsrule *r)
{
	struct str value;
	struct fault fault;
	enum found f;

	/* What was never read is not what is not there. */
	if (!control_known(c, C_tlspolicy))
		return malformed();
	f = control_find_domain(c, C_tlspolicy, str_of(host), &value);
	if (f == FOUND_YES && !tlsrule_parse(value, r, &fault))
		return malformed();
	return f;
}
