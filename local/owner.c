/* owner: whose mail it is; see owner.h.  Runs as root. */
#include "local/owner.h"

#include "lib/account.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/home.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
keep_account(struct account_row *row, enum account a, const char *folder)
{
	int n = snprintf(
	    row->home, sizeof(row->home), "%s/%s", home_path(), folder);

	if ((size_t)n >= sizeof(row->home) ||
	    !str_copy(row->name, sizeof(row->name), str_of(account_name(a))) ||
	    !account_find(a, &row->uid, &row->gid) || row->uid == 0)
		die_temp("unable to find account ", account_name(a));
}

void
owner_open(struct owners *o)
{
	keep_account(&o->virtual, ACCOUNT_VIRTUAL, USERS_DOMAINS);
	keep_account(&o->alias, ACCOUNT_ALIAS, "alias");
}

/* No such user is 0, ENOENT, ESRCH, EBADF or EPERM, says getpwnam(3). */
static bool
is_missing(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH ||
	       error == EBADF || error == EPERM;
}

/* The user of this very name, if mail may be given to him. */
static enum found
find_user(const char *name, struct account_row *row)
{
	const struct passwd *pw;
	struct stat st;

	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL)
		return is_missing(errno) ? FOUND_NO : FOUND_ERROR;
	if (pw->pw_uid == 0 || (home_private() && pw->pw_uid != getuid()) ||
	    !str_copy(row->home, sizeof(row->home), str_of(pw->pw_dir)) ||
	    !str_copy(row->name, sizeof(row->name), str_of(name)))
		return FOUND_NO;
	row->uid = pw->pw_uid;
	row->gid = pw->pw_gid;
	if (stat(row->home, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ? FOUND_NO
							   : FOUND_ERROR;
	return st.st_uid == row->uid ? FOUND_YES : FOUND_NO;
}

/* The longest user name that local is, or begins with before a '-'; *len is
 * how much of it that is.  FOUND_NO: nobody's. */
static enum found
find_system(struct str local, struct account_row *row, size_t *len)
{
	char name[OWNER_NAME];
	enum found found = FOUND_NO;

	for (size_t i = local.len; i > 0 && found == FOUND_NO; i--) {
		if (i >= sizeof(name) ||
		    (i < local.len && local.data[i] != '-'))
			continue;
		for (size_t k = 0; k < i; k++)
			name[k] = str_lower(local.data[k]);
		name[i] = '\0';
		*len = i;
		found = find_user(name, row);
	}
	return found;
}

static struct owner_row *
cache_row(struct owners *o, struct str local)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < local.len; i++)
		hash = hash * 33 ^ (unsigned char)local.data[i];
	return &o->cache[hash % OWNER_CACHE];
}

/* Looked up now, or a moment ago.  NULL with errno. */
static const struct owner_row *
find_local(struct owners *o, struct str local)
{
	struct owner_row *row = cache_row(o, local);
	enum found found;

	if (str_equal(str_of(row->key), local) && clock_boot() < row->until)
		return row;
	row->until = 0;
	found = find_system(local, &row->account, &row->len);
	if (found == FOUND_ERROR)
		return NULL;
	if (found == FOUND_NO) {
		row->account = o->alias;
		row->len = 0;
	}
	if (str_copy(row->key, sizeof(row->key), local))
		row->until = clock_boot() + OWNER_FRESH;
	return row;
}

enum found
owner_find(struct owners *o, struct delivery *d, const struct account_row **a)
{
	const struct owner_row *row;
	struct user_record record;
	enum found found;

	*a = &o->virtual;
	d->user = job_only(&d->job);
	address_split(d->user, &d->local, &d->domain);
	found = users_lately(&o->rcpt, d->user, &record);
	if (found != FOUND_NO)
		return found;
	found = users_domain(o->rcpt.table, d->domain);
	if (found != FOUND_NO)
		return found == FOUND_YES ? FOUND_NO : FOUND_ERROR;
	row = find_local(o, d->local);
	if (row == NULL)
		return FOUND_ERROR;
	*a = &row->account;
	d->home = str_of(row->account.home);
	d->user = str_of(row->account.name);
	d->dash = str_of(row->len == d->local.len && row->len > 0 ? "" : "-");
	d->ext =
	    str_slice(d->local, row->len > 0 ? row->len + 1 : 0, d->local.len);
	return FOUND_YES;
}
