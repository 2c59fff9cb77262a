/* account: the accounts and groups of the suite; see account.h. */
#include "lib/account.h"

#include "lib/home.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 1024, ROOM_MOST = 1 << 20 }; /* bytes for one entry */

static const struct row {
	const char *name, *also, *what;
} rows[ACCOUNT_COUNT] = {
#define ACCOUNT_ROW(id, name, also, what) {name, also, what},
    ACCOUNTS(ACCOUNT_ROW)
#undef ACCOUNT_ROW
};

const char *
account_name(enum account a)
{
	return a < ACCOUNT_COUNT ? rows[a].name : NULL;
}

const char *
account_also(enum account a)
{
	return a < ACCOUNT_COUNT ? rows[a].also : NULL;
}

const char *
account_purpose(enum account a)
{
	return a < ACCOUNT_COUNT ? rows[a].what : NULL;
}

/* What was found stays, for a process that may no longer look it up. */
static struct answer {
	bool known;
	uid_t uid;
	gid_t gid;
} accounts[ACCOUNT_COUNT], groups[2];

static const char *const group_names[] = {GROUP_MESSAGES, GROUP_ADMIN};

/* What a lookup is for and where its answer goes; gid alone for a group. */
struct lookup {
	const char *name;
	uid_t *uid;
	gid_t *gid;
};

/* The lookup with this much room: 0, ERANGE for more, or an errno. */
static int
user(const struct lookup *q, char *room, size_t size)
{
	struct passwd entry, *found = NULL;
	int r = getpwnam_r(q->name, &entry, room, size, &found);

	if (found == NULL)
		return r == 0 ? ENOENT : r;
	*q->uid = entry.pw_uid;
	*q->gid = entry.pw_gid;
	return 0;
}

static int
group(const struct lookup *q, char *room, size_t size)
{
	struct group entry, *found = NULL;
	int r = getgrnam_r(q->name, &entry, room, size, &found);

	if (found == NULL)
		return r == 0 ? ENOENT : r;
	*q->gid = entry.gr_gid;
	return 0;
}

/* A group of many members may need much room: double it until it is enough. */
static bool
look(const struct lookup *q, int (*step)(const struct lookup *, char *, size_t))
{
	int r = ERANGE;

	for (size_t size = ROOM_FIRST; r == ERANGE && size <= ROOM_MOST;
	     size *= 2) {
		char *room = malloc(size);

		r = room == NULL ? ENOMEM : step(q, room, size);
		free(room);
	}
	errno = r;
	return r == 0;
}

bool
account_find(enum account a, uid_t *uid, gid_t *gid)
{
	if (home_private()) {
		*uid = home_owner();
		*gid = home_group();
		return true;
	}
	if (a == ACCOUNT_ROOT) {
		*uid = 0;
		*gid = 0;
		return true;
	}
	if (a >= ACCOUNT_COUNT) {
		errno = EINVAL;
		return false;
	}
	if (!accounts[a].known) {
		const struct lookup q = {
		    account_name(a), &accounts[a].uid, &accounts[a].gid};

		accounts[a].known = look(&q, user);
	}
	*uid = accounts[a].uid;
	*gid = accounts[a].gid;
	return accounts[a].known;
}

/* Where the answer for a group of ours is kept; NULL for any other. */
static struct answer *
kept_group(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(name, group_names[i]) == 0)
			return &groups[i];
	return NULL;
}

bool
account_group(const char *name, gid_t *gid)
{
	const struct lookup q = {name, NULL, gid};
	struct answer *kept = kept_group(name);

	if (home_private()) {
		*gid = home_group();
		return true;
	}
	if (kept != NULL && kept->known) {
		*gid = kept->gid;
		return true;
	}
	if (!look(&q, group))
		return false;
	if (kept != NULL)
		*kept = (struct answer){true, 0, *gid};
	return true;
}

void
account_learn(void)
{
	uid_t uid;
	gid_t gid;

	for (enum account a = 0; a < ACCOUNT_COUNT; a++)
		if (!account_find(a, &uid, &gid))
			continue; /* its user is told when he asks */
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!account_group(group_names[i], &gid))
			continue;
}
