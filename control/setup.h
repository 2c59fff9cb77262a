/* setup: the steps that make an instance.  They belong to one program: each
 * prints what it did and dies (100, 111) where it cannot.  After setup_home the
 * current folder is HOME. */
#ifndef CONTROL_SETUP_H
#define CONTROL_SETUP_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SETUP_SMTP = 25, /* the ports, added to --base-port */
	SETUP_POP3 = 110,
	SETUP_NAME = 256, /* of a file, end byte included */
	SETUP_USERS = 64  /* --user options */
};

/* Where programs, templates and the table hier come from. */
struct source {
	int bin_fd;  /* the folder of this program */
	int tree_fd; /* an installed HOME or the source tree: holds run/ */
	struct buf hier;
};

struct setup {
	const char *home, *domain, *me, *account;
	bool wants_private;
	unsigned split; /* folders of the queue */
	uint64_t base_port;
	struct source source;
	size_t kept;           /* things that were there already */
	size_t folders, files; /* that were made, and installed */
};

/* Find the source beside the running program. */
void source_open(struct source *s);

/* The file that is installed at path, open for reading; -1 with errno. */
MUST_USE int source_file(const struct source *s, struct str path);

/* Call each(path, context) for every file that pattern, a row's path whose last
 * part has a '*', stands for. */
void source_match(const struct source *s, const char *pattern,
    void (*each)(const char *path, void *context), void *context);

/* Call each(name, context) for every service of run/, in the order of their
 * names. */
void source_services(const struct source *s,
    void (*each)(const char *name, void *context), void *context);

/* Why a queue may not lie in the file system of fd: "tmpfs, ..."; NULL when it
 * may.  Dies when that cannot be found out. */
const char *disk_fault(int fd);

/* Make HOME, or take the empty or our own one that is there, and enter it. */
void setup_home(struct setup *s);

/* The accounts and groups of lib/account.h, as root. */
void setup_accounts(void);

/* Everything of hier; then queue/format. */
void setup_tree(struct setup *s);

/* service/ from the templates of run/, and the endpoints they listen on. */
void setup_services(struct setup *s);

/* control/me, rcpthosts and locals. */
void setup_controls(struct setup *s);

/* Mailboxes for "LOCAL:PASSWORD" texts, and the tables. */
void setup_users(struct setup *s, const char *const *users, size_t count);

/* Whom mail to postmaster, mailer-daemon and root goes to: the first of users,
 * forms as above.  Without any, that is said. */
void setup_postmaster(struct setup *s, const char *const *users, size_t count);

/* What the steps share.  The folder of path is opened (its first part may be a
 * symbolic link, as its parent is only ours to write), and what comes last is
 * copied to name.  Returns the descriptor; dies when it cannot. */
int setup_parent(struct str path, char name[SETUP_NAME]);

/* Something is there; counts it when it is. */
bool setup_there(struct setup *s, int dirfd, const char *name);

/* Write a file that is not there yet: contents durable, mode exact; counts it
 * and returns false when it is there. */
bool setup_file(
    struct setup *s, struct str path, struct str contents, mode_t mode);

#endif
