/* suite: whom no mail is delivered as; see suite.h. */
#include "lib/suite.h"

#include "lib/account.h"
#include "lib/home.h"

static bool
has(uid_t uid, gid_t gid)
{
	gid_t g;
	uid_t u;

	for (enum account a = 0; a < ACCOUNT_COUNT && !home_private(); a++)
		if (a != ACCOUNT_ALIAS && account_find(a, &u, &g) &&
		    (u == uid || g == gid))
			return true;
	return uid == 0 || gid == 0;
}

bool
suite_has_uid(uid_t uid)
{
	return has(uid, (gid_t)-1);
}

bool
suite_has_gid(gid_t gid)
{
	gid_t g;

	if (has((uid_t)-1, gid))
		return true;
	return !home_private() &&
	       ((account_group(GROUP_MESSAGES, &g) && g == gid) ||
		   (account_group(GROUP_ADMIN, &g) && g == gid));
}

bool
suite_allows(uid_t uid, gid_t gid, bool mailbox)
{
	uid_t u;
	gid_t g;

	if (mailbox && uid != 0 && gid != 0)
		return account_find(ACCOUNT_VIRTUAL, &u, &g) && u == uid &&
		       g == gid;
	return !suite_has_uid(uid) && !suite_has_gid(gid);
}
