/* local: what is this host's to deliver; see local.h. */
#include "control/local.h"

#include "control/percent.h"
#include "lib/address.h"
#include "wire/users.h"

static enum found
is_local(const struct controls *c, struct str domain)
{
	if (control_present(c, C_locals))
		return control_find(c, C_locals, domain, NULL);
	return str_equal_nocase(domain, control_line(c, C_me)) ? FOUND_YES
							       : FOUND_NO;
}

/* A virtual domain's prepend; the empty one is an exception: not virtual. */
static enum found
prepend_of(const struct controls *c, struct str address, struct str domain,
    struct str *prepend)
{
	enum found f = control_find(c, C_virtualdomains, address, prepend);

	if (f == FOUND_NO)
		f = control_find_domain(c, C_virtualdomains, domain, prepend);
	if (f == FOUND_YES && prepend->len == 0)
		return FOUND_NO;
	return f;
}

static bool
put_in_front(struct buf *out, struct str prepend)
{
	struct buf whole = {0};
	bool ok = buf_append_str(&whole, prepend) &&
		  buf_append_byte(&whole, '-') &&
		  buf_append_str(&whole, buf_str(out));

	if (ok) {
		buf_free(out);
		*out = whole;
	} else {
		buf_free(&whole);
	}
	return ok;
}

enum found
local_find(const struct controls *c, struct buf *address)
{
	struct str local, domain, prepend;
	enum found f;

	address_split(buf_str(address), &local, &domain);
	f = is_local(c, domain);
	if (f != FOUND_NO)
		return f;
	f = prepend_of(c, buf_str(address), domain, &prepend);
	return f == FOUND_YES && !put_in_front(address, prepend) ? FOUND_ERROR
								 : f;
}

static bool
complete(const struct controls *c, struct str recipient, struct buf *out)
{
	struct str local, domain;

	buf_clear(out);
	if (!buf_append_str(out, recipient))
		return false;
	address_split(recipient, &local, &domain);
	if (local.len < recipient.len)
		return true;
	return buf_append_byte(out, '@') &&
	       buf_append_str(out, control_line(c, C_envnoathost));
}

enum found
local_route(const struct controls *c, const struct table *users,
    struct str recipient, struct buf *out)
{
	struct str local, domain;
	enum found f;

	if (!complete(c, recipient, out) ||
	    percent_rewrite(c, out) == FOUND_ERROR)
		return FOUND_ERROR;
	f = local_find(c, out);
	if (f != FOUND_NO)
		return f;
	address_split(buf_str(out), &local, &domain);
	return users_domain(users, domain);
}
