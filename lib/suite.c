/* suite: whom no mail is delivered as; see suite.h. */
#include "lib/suite.h"

#include "lib/account.h"
#include "lib/home.h"

static bool
is_group(const char *name, gid_t gid)
{
	gid_t g;

	return account_group(name, &g) && g == gid;
}

bool
suite_allows(uid_t uid, gid_t gid, bool mailbox)
{
	uid_t u;
	gid_t g;

	if (uid == 0 || gid == 0)
		return false;
	if (mailbox)
		return account_find(ACCOUNT_VIRTUAL, &u, &g) && u == uid &&
		       g == gid;
	for (enum account a = 0; a < ACCOUNT_COUNT && !home_private(); a++)
		if (a != ACCOUNT_ALIAS && account_find(a, &u, &g) &&
		    (u == uid || g == gid))
			return false;
	return home_private() ||
	       (!is_group(GROUP_MESSAGES, gid) && !is_group(GROUP_ADMIN, gid));
}
