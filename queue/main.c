/* queue: queue a message given as qmail-queue wants it.
 *
 * Runs as     the caller, whoever it is.
 * Started by  any program that would run qmail-queue, and wrappers of it.
 * Reads       the message on descriptor 0, the envelope on descriptor 1.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by socket queue/submit, wire/submit.h.
 * Trusts      the caller with the caller's own mail only.
 * Exits       0 it is queued; else a code of wire/queue.h, qmail-queue's.
 */
#include "lib/drop.h"
#include "queue/caller.h"
#include "queue/relay.h"

static const char usage[] =
    "usage: culver-queue 0<message 1<envelope\n"
    "Queue a message, as qmail-queue does.\n"
    "Example: printf 'Fa@here\\0Tb@there\\0\\0' >envelope\n"
    "         culver-queue <message 1<envelope\n";

int
main(int argc, char **argv)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};

	caller_begin(argc, argv, "queue", usage);
	drop_to(&stay);
	return relay_run(0, 1);
}
