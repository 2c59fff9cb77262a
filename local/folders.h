/* folders: folders that stay open from one delivery to the next.  Each is found
 * again by what its path leads to now: one that was moved, replaced or linked
 * elsewhere is not met, however it was named before. */
#ifndef LOCAL_FOLDERS_H
#define LOCAL_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { FOLDERS_KEPT = 8, FOLDER_FDS = 2 };

struct folder {
	dev_t dev; /* which one it is */
	ino_t ino;
	int fds[FOLDER_FDS]; /* open, or -1 */
	/* For the user's notes; all zero at first. */
	int64_t looked; /* boot clock */
	bool inner, limited;
};

/* Empty is all zero bytes. */
struct folders {
	size_t count;
	struct folder rows[FOLDERS_KEPT]; /* the last used first */
};

/* The one that st is of; NULL when it is not kept.  Valid until the next call
 * of any of these. */
struct folder *folders_find(struct folders *f, const struct stat *st);

/* Keep the descriptors of the folder that st is of, which are f's then; another
 * that was used longest ago may be closed for it.  Valid as above. */
struct folder *folders_keep(
    struct folders *f, const struct stat *st, const int fds[FOLDER_FDS]);

/* Close the one that was found or kept last. */
void folders_forget(struct folders *f);

/* Close all. */
void folders_close(struct folders *f);

#endif
