/* home: where the instance lives, and whose it is. */
#ifndef LIB_HOME_H
#define LIB_HOME_H

#include <stdbool.h>
#include <sys/types.h>

/* The instance's folder: $CULVER_HOME, else the one compiled in.  A string that
 * lives as long as the program. */
const char *home_path(void);

/* Make HOME the current folder, set $CULVER_HOME to its absolute path, and
 * learn whose it is.  Dies (111) when it cannot.  Every program calls this
 * first; all paths after it are relative to HOME.  Descriptors 0, 1 and 2 that
 * are closed become /dev/null. */
void home_enter(void);

/* HOME belongs to somebody other than root: a private instance, all of whose
 * programs run under that one account.  Valid after home_enter. */
bool home_private(void);

/* The owner of HOME; likewise. */
uid_t home_owner(void);

/* The group of HOME; likewise. */
gid_t home_group(void);

#endif
