/* keeper: who may change an instance's control/ and users/. */
#ifndef CONTROL_KEEPER_H
#define CONTROL_KEEPER_H

#include "lib/account.h"

/* The account for drop_to: root, in a private instance its owner.  Dies (100)
 * when we are neither and cannot become it.  Valid after home_enter. */
enum account keeper_account(void);

#endif
