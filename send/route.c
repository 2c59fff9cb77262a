/* route: locals, virtualdomains, mailboxes; the rest is remote. */
#include "send/route.h"
#include "control/local.h"
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

enum route_result
route_find(const struct router *r, struct str recipient, enum channel *channel,
    struct buf *out)
{
	enum found f = local_route(r->controls, r->users, recipient, out);

	if (f == FOUND_ERROR)
		return ROUTE_ERROR;
	*channel = f == FOUND_YES ? CHANNEL_LOCAL : CHANNEL_REMOTE;
	return ROUTE_OK;
}
