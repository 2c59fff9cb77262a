/* ledger: what accounts have sent within the last hour, and from where mail was
 * read lately.  A file of fixed size, mapped, so that it outlives the process
 * and not one system call is made for it; what has been still for longest makes
 * room.  Times are seconds of the wall clock.
 */
#ifndef POP3D_LEDGER_H
#define POP3D_LEDGER_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "lib/str.h"
#include "pop3d/secret.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	LEDGER_ACCOUNTS = 16384, /* rows */
	LEDGER_ADDRESSES = 8192,
	LEDGER_WAYS = 4,      /* rows that a key may be in */
	LEDGER_PERIODS = 12,  /* that an hour is counted in */
	LEDGER_SECONDS = 300, /* of each */
};

struct ledger;

enum ledger_result {
	LEDGER_KEPT,
	LEDGER_LOOSE, /* it is lost with the process: errno says why */
	LEDGER_NONE   /* errno */
};

/* Map the one in folder, made or begun anew where it is none; children that are
 * forked share it. */
MUST_USE enum ledger_result ledger_open(struct ledger **l, const char *folder);

/* Keys, of an account by its address and of a client; made with secret, so that
 * nobody outside can find two that share one.  0: the library cannot. */
uint64_t ledger_account(const struct secret *s, struct str address);

/* Likewise. */
uint64_t ledger_address(const struct secret *s, const struct ip *address);

/* Count n more for an account, unless they were more than most within an hour
 * then (at most LEDGER_SECONDS more than that): false, and nothing is. */
MUST_USE bool ledger_take(
    struct ledger *l, uint64_t account, uint32_t n, uint32_t most, int64_t now);

/* Mail is read from this address. */
void ledger_see(struct ledger *l, uint64_t address, int64_t now);

/* It was, within so many seconds. */
bool ledger_seen(
    const struct ledger *l, uint64_t address, uint32_t seconds, int64_t now);

/* Unmap l; NULL is accepted. */
void ledger_close(struct ledger *l);

#endif
