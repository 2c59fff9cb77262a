/* keeper: who may change an instance's control/ and users/. */
#include "control/keeper.h"
#include "lib/die.h"
#include "lib/home.h"
#include <unistd.h>

enum account
keeper_account(void)
{
	if (geteuid() != 0 && !home_private())
		die_usage("only root may change ", home_path());
	if (geteuid() != 0 && geteuid() != home_owner())
		die_usage(home_path(), " is another account's");
	/* Which account does not matter there: all are the owner's. */
	return home_private() ? ACCOUNT_USERS : ACCOUNT_ROOT;
}
