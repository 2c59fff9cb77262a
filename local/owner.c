/* owner: whose mail it is; see owner.h.  Runs as culverv. */
#define _GNU_SOURCE /* O_PATH */
#include "local/owner.h"

#include "lib/account.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "local/dotfile.h"
#include "wire/assign.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* His home may lie where we may not look: he will. */
static enum found
check_home(struct account_row *row)
{
	struct stat st;

	row->hidden = false;
	if (stat(row->home, &st) == 0)
		return st.st_uid == row->uid ? FOUND_YES : FOUND_NO;
	row->hidden = errno == EACCES;
	if (row->hidden)
		return FOUND_YES;
	return errno == ENOENT || errno == ENOTDIR ? FOUND_NO : FOUND_ERROR;
}

/* The user of this very name, if mail may be given to him. */
static enum found
find_user(const char *name, struct account_row *row)
{
	const struct passwd *pw;

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
	return check_home(row);
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

enum found
owner_look_up(const struct owners *o, struct str local, struct owner_row *row)
{
	enum found found = find_system(local, &row->account, &row->len);

	if (found == FOUND_NO) {
		row->account = o->alias;
		row->len = 0;
	}
	return found == FOUND_ERROR ? FOUND_ERROR : FOUND_YES;
}

static void
tell(const struct owner_row *row, struct str local, struct owner *w)
{
	w->account = &row->account;
	w->home = str_of(row->account.home);
	w->user = str_of(row->account.name);
	w->dash = str_of(row->len == local.len && row->len > 0 ? "" : "-");
	w->ext = str_slice(local, row->len > 0 ? row->len + 1 : 0, local.len);
}

void
owner_learn(struct owners *o, struct str local, const struct owner_row *row,
    struct owner *w)
{
	struct owner_row *kept = cache_row(o, local);

	kept->until = 0;
	if (str_copy(kept->key, sizeof(kept->key), local)) {
		kept->account = row->account;
		kept->len = row->len;
		kept->until = clock_boot() + OWNER_FRESH;
	}
	tell(row, local, w);
}

static enum found
find_mailbox(struct owners *o, struct str address, struct owner *w)
{
	struct str local, domain;
	enum found found = users_lately(&o->rcpt, address, &w->record);

	if (found == FOUND_YES) {
		w->account = &o->virtual;
		w->user = address;
	}
	if (found != FOUND_NO)
		return found;
	address_split(address, &local, &domain);
	/* Of a domain of mailboxes nobody else has mail. */
	return users_domain(o->rcpt.table, domain);
}

/* users/cdb as it was a second ago at most. */
static bool
open_assign(struct owners *o)
{
	int64_t now = clock_boot();

	if (o->assign_looked != 0 &&
	    (uint64_t)(now - o->assign_looked) < USERS_LATELY)
		return true;
	if (o->assign == NULL ||
	    table_stale(o->assign, AT_FDCWD, ASSIGN_TABLE)) {
		table_close(o->assign);
		o->assign = table_open(AT_FDCWD, ASSIGN_TABLE);
	}
	o->assign_looked = o->assign != NULL || errno == ENOENT ? now : 0;
	return o->assign_looked != 0;
}

static enum found
find_assigned(struct owners *o, struct str local, struct owner *w)
{
	struct account_row *row = &o->assigned;
	struct assignment a;
	enum found found = FOUND_ERROR;

	if (open_assign(o))
		found = assign_find(o->assign, local, &a, &o->ext);
	if (found != FOUND_YES)
		return found;
	/* In a private instance there is one account, whatever a table that
	 * was copied says. */
	row->uid = home_private() ? o->virtual.uid : a.uid;
	row->gid = home_private() ? o->virtual.gid : a.gid;
	w->account = row;
	w->user = a.user;
	w->home = a.home;
	w->dash = a.dash;
	w->ext = a.ext;
	return FOUND_YES;
}

/* A system user as he was a moment ago. */
static enum found
find_learned(struct owners *o, struct str local, struct owner *w, bool *ask)
{
	const struct owner_row *row = cache_row(o, local);

	*ask =
	    !str_equal(str_of(row->key), local) || clock_boot() >= row->until;
	if (*ask)
		return FOUND_NO;
	tell(row, local, w);
	return FOUND_YES;
}

enum found
owner_known(struct owners *o, struct str address, struct owner *w, bool *ask)
{
	const struct str none = {"", 0};
	struct str local, domain;
	enum found found;

	*ask = false;
	w->home = w->dash = w->ext = w->user = none;
	w->record = (struct user_record){.flags = 0};
	found = find_mailbox(o, address, w);
	if (found == FOUND_YES && w->user.len == 0)
		return FOUND_NO;
	if (found != FOUND_NO)
		return found;
	address_split(address, &local, &domain);
	found = find_assigned(o, local, w);
	return found != FOUND_NO ? found : find_learned(o, local, w, ask);
}

enum found
owner_find(struct owners *o, struct str address, struct owner *w)
{
	struct str local, domain;
	bool ask;
	enum found found = owner_known(o, address, w, &ask);

	if (!ask)
		return found;
	address_split(address, &local, &domain);
	found = owner_look_up(o, local, &o->looked);
	if (found == FOUND_YES)
		owner_learn(o, local, &o->looked, w);
	return found;
}

bool
owner_has_mail(const struct owner *w)
{
	char path[PATH_MAX];
	enum found found;
	struct stat st;
	int fd;

	if (w->dash.len == 0 || !str_copy(path, sizeof(path), w->home))
		return true;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return true;
	/* Whoever edits his files puts mail off until he is done. */
	found = fstat(fd, &st) != 0 || (st.st_mode & S_ISVTX) != 0
		    ? FOUND_YES
		    : dotfile_exists(fd, w->dash, w->ext);
	fd_close(&fd);
	return found != FOUND_NO;
}

enum found
owner_exists(struct owners *o, struct str address, struct owner *w)
{
	enum found found = owner_find(o, address, w);

	return found == FOUND_YES && !owner_has_mail(w) ? FOUND_NO : found;
}
