/* drop: account, new privileges, files, system calls; see drop.h. */
#include "lib/drop.h"

#include "lib/die.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

enum { GROUPS_MAX = 4 }; /* told to have, own, also in */

/* Whom to become. */
struct identity {
	uid_t uid;
	gid_t gid, groups[GROUPS_MAX];
	size_t count;
};

static gid_t
find_group(const char *name)
{
	gid_t gid = 0;

	if (!account_group(name, &gid))
		die_temp("unable to find group ", name);
	return gid;
}

static bool
has_group(const struct identity *who, gid_t gid)
{
	for (size_t i = 0; i < who->count; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

static void
add_group(struct identity *who, gid_t gid)
{
	if (!has_group(who, gid))
		who->groups[who->count++] = gid;
}

static void
identify(const struct drop *d, struct identity *who)
{
	const char *name = account_name(d->account);
	const char *also = account_also(d->account);
	gid_t own = 0;

	if (!account_find(d->account, &who->uid, &own))
		die_temp("unable to find account ", name == NULL ? "" : name);
	who->gid = d->group == NULL ? own : find_group(d->group);
	add_group(who, who->gid);
	add_group(who, own);
	if (also != NULL && *also != '\0')
		add_group(who, find_group(also));
}

/* What setgroups was told is what the kernel holds, and nothing besides. */
static bool
groups_are(const struct identity *who)
{
	gid_t groups[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, groups);

	for (int i = 0; i < n; i++)
		if (!has_group(who, groups[i]))
			n = -1;
	if (n < 0)
		errno = EPERM;
	return n >= 0;
}

/* Has the account already: what a supervisor or an earlier drop did is left.
 * A private instance is its owner's, whatever group he has just now. */
static bool
is_already(const struct identity *who)
{
	if (home_private() && geteuid() == who->uid)
		return os_is(who->uid, getgid());
	return os_is(who->uid, who->gid) && groups_are(who);
}

static void
become(const struct drop *d)
{
	struct identity who = {0};

	if (d->account == ACCOUNT_SELF)
		return;
	identify(d, &who);
	if (is_already(&who))
		return;
	/* Root that stays root loses its other groups here. */
	if (!os_become(who.uid, who.gid, who.groups, who.count) ||
	    !os_is(who.uid, who.gid) || !groups_are(&who))
		die_temp("unable to drop to its account");
	/* Succeeds only where something is badly wrong. */
	if (who.uid != 0 && setuid(0) == 0)
		bug("root came back");
}

static void
limit(const struct drop *d)
{
	const struct rlimit memory = {d->memory_max, d->memory_max};

	if (!os_hide())
		die_temp("unable to forbid core dumps");
	if (d->memory_max != 0 && !os_sanitized() &&
	    setrlimit(RLIMIT_AS, &memory) != 0)
		die_temp("unable to limit memory");
}

static uint64_t
rights_of(unsigned rights)
{
	static const struct {
		unsigned right;
		enum os_right means;
	} rows[] = {
	    {PATH_READ,   OS_READ_FILE  },
	    {PATH_READ,   OS_READ_FOLDER},
	    {PATH_WRITE,  OS_WRITE_FILE },
	    {PATH_WRITE,  OS_TRUNCATE   },
	    {PATH_CREATE, OS_WRITE_FILE },
	    {PATH_CREATE, OS_MAKE       },
	    {PATH_REMOVE, OS_REMOVE     },
	    {PATH_EXEC,   OS_EXECUTE    },
	};
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((rights & rows[i].right) != 0)
			all |= os_landlock_right(rows[i].means);
	return all;
}

static void
allow(int rules, const struct drop_path *p, const struct os_landlock *known)
{
	if (!os_landlock_allow(
		rules, p->path, rights_of(p->rights) & known->files) &&
	    errno != ENOENT)
		die_temp("unable to allow ", p->path);
}

/* A worker inherits that it was said. */
static void
say_once_that_files_are_open(void)
{
	static bool said;

	if (!said)
		warn("unable to restrict files by path");
	said = true;
}

static void
restrict_files(const struct drop *d)
{
	struct os_landlock known;
	int rules;

	if (!os_landlock_known(&known)) {
		say_once_that_files_are_open();
		return;
	}
	/* Which hosts one may connect to is not for the jail to say. */
	if ((d->promises & PROMISE_INET) != 0)
		known.network = 0;
	rules = os_landlock_begin(&known);
	if (rules < 0)
		die_temp("unable to begin restricting files");
	for (const struct drop_path *p = d->paths; p != NULL && p->path != NULL;
	     p++)
		allow(rules, p, &known);
	if (!os_landlock_enter(rules) || close(rules) != 0)
		die_temp("unable to restrict files");
}

void
drop_to(const struct drop *d)
{
	if (d->jailed) {
		os_sanitizer_settle();
		account_learn();
	}
	become(d);
	limit(d);
	if (!d->jailed)
		return;
	if (!os_no_new_privileges())
		die_temp("unable to renounce new privileges");
	restrict_files(d);
	if (!os_seccomp_enter(d->promises))
		die_temp("unable to restrict system calls");
}
