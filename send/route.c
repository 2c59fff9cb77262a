/* route: locals, virtualdomains, mailboxes; the rest is remote. */
#include "send/route.h"
#include "control/percent.h"
#include "lib/address.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

void
route_close(struct router *r)
{
	table_close(r->users);
	r->users = NULL;
}

bool
route_refresh(struct router *r)
{
	if (r->users != NULL && !table_stale(r->users, AT_FDCWD, USERS_RCPT))
		return true;
	route_close(r);
	return users_open(USERS_RCPT, &r->users);
}

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
complete(const struct router *r, struct str recipient, struct buf *out)
{
	struct str local, domain;

	buf_clear(out);
	if (!buf_append_str(out, recipient))
		return false;
	address_split(recipient, &local, &domain);
	if (local.len < recipient.len)
		return true;
	return buf_append_byte(out, '@') &&
	       buf_append_str(out, control_line(r->controls, C_envnoathost));
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

enum route_result
route_find(const struct router *r, struct str recipient, enum channel *channel,
    struct buf *out)
{
	struct str local, domain, prepend;
	enum found f;

	if (!complete(r, recipient, out) ||
	    percent_rewrite(r->controls, out) == FOUND_ERROR)
		return ROUTE_ERROR;
	address_split(buf_str(out), &local, &domain);
	*channel = CHANNEL_LOCAL;
	f = is_local(r->controls, domain);
	if (f != FOUND_NO)
		return f == FOUND_YES ? ROUTE_OK : ROUTE_ERROR;
	f = prepend_of(r->controls, buf_str(out), domain, &prepend);
	if (f == FOUND_YES && !put_in_front(out, prepend))
		return ROUTE_ERROR;
	if (f != FOUND_NO)
		return f == FOUND_YES ? ROUTE_OK : ROUTE_ERROR;
	f = users_domain(r->users, domain);
	if (f == FOUND_ERROR)
		return ROUTE_ERROR;
	*channel = f == FOUND_YES ? CHANNEL_LOCAL : CHANNEL_REMOTE;
	return ROUTE_OK;
}
