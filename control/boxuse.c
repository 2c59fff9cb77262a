/* boxuse: how full a virtual mailbox is; see boxuse.h. */
#include "control/boxuse.h"
#include "control/complaint.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "wire/maildirsize.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct answer { /* of the child that is culverv */
	int error;
	struct quota use;
};

typedef bool act_function(struct maildirsize *m, bool recount);

static bool
find(struct maildirsize *m, bool recount)
{
	enum room room = ROOM_UNKNOWN;
	bool written;

	if (quota_limits(&m->limits) && !recount)
		room = maildirsize_look(m, 0, O_RDONLY);
	if (room == ROOM_UNKNOWN)
		return maildirsize_recount(m, &written);
	return room != ROOM_ERROR;
}

static bool
forget(struct maildirsize *m, bool recount)
{
	(void)recount;
	return unlinkat(m->root_fd, QUOTA_NAME, 0) == 0 || errno == ENOENT;
}

/* The child's part.  Whatever lies there, culverv reaches no more than his. */
static bool
act_as_owner(
    act_function *act, const char *path, struct maildirsize *m, bool recount)
{
	bool ok;

	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
	m->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = m->root_fd >= 0 ? act(m, recount)
			     : act == forget && errno == ENOENT;
	fd_close(&m->fd);
	fd_close(&m->root_fd);
	return ok;
}

static bool
act_in_child(act_function *act, const struct user_record *r,
    struct maildirsize *m, bool recount, struct buf *error)
{
	struct answer a = {.error = 0};
	char path[USERS_PATH_SIZE];
	int ends[2];
	pid_t child;
	bool ok;

	if (!users_place(r, path))
		return complaint(error, "the address", "has no place on disk");
	if (pipe(ends) != 0)
		return complaint_errno(error, path);
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		if (!act_as_owner(act, path, m, recount))
			a.error = errno == 0 ? EIO : errno;
		a.use = m->use;
		_exit(fd_write_all(ends[1], &a, sizeof(a)) ? 0 : 1);
	}
	(void)close(ends[1]);
	ok = child > 0 && fd_read_all(ends[0], &a, sizeof(a));
	if (!ok)
		a.error = errno;
	(void)close(ends[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	m->use = a.use;
	errno = a.error;
	return a.error == 0 || complaint_errno(error, path);
}

bool
boxuse_find(const struct user_record *r, bool recount, bool trash,
    struct quota *use, struct buf *error)
{
	struct maildirsize m = {
	    .limits = {r->quota, r->messages},
	    .trash = trash,
	    .deadline = INT64_MAX,
	    .fd = -1
        };
	bool ok = act_in_child(find, r, &m, recount, error);

	*use = m.use;
	return ok;
}

bool
boxuse_forget(const struct user_record *r, struct buf *error)
{
	struct maildirsize m = {.fd = -1};

	return act_in_child(forget, r, &m, false, error);
}

static void
print_one(uint64_t use, uint64_t limit, const char *what)
{
	const struct quota limits = {limit, 0}, used = {use, 0};

	if (limit == 0)
		printf("%llu %s, no limit", (unsigned long long)use, what);
	else
		printf("%llu of %llu %s (%llu%%)", (unsigned long long)use,
		    (unsigned long long)limit, what,
		    (unsigned long long)quota_percent(&limits, &used));
}

bool
boxuse_print(const struct user_record *r, const struct quota *use, bool json)
{
	const struct quota limits = {r->quota, r->messages};
	struct json j = {.failed = false};
	bool ok;

	if (!json) {
		printf("%.*s: ", (int)r->address.len, r->address.data);
		print_one(use->bytes, r->quota, "bytes");
		printf("; ");
		print_one(use->messages, r->messages, "messages");
		return putchar('\n') != EOF;
	}
	json_object(&j, NULL);
	json_text(&j, "address", r->address);
	json_number(&j, "bytes", use->bytes);
	json_number(&j, "bytes_limit", r->quota);
	json_number(&j, "messages", use->messages);
	json_number(&j, "messages_limit", r->messages);
	json_number(&j, "percent", quota_percent(&limits, use));
	json_object_end(&j);
	ok = json_print(&j, STDOUT_FILENO);
	buf_free(&j.out);
	return ok;
}
