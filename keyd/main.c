/* keyd: hold the private keys of TLS, and sign with them for the doors.
 *
 * Runs as     culverk, jailed; root until the socket is bound.
 * Started by  the supervisor, run/keyd.
 * Reads       control/servercert.pem, control/tls/NAME.pem.
 * Writes      the socket state/key.
 * Talks to    culver-smtpd and culver-popup, by that socket, wire/key.h.
 * Trusts      who connects, by SO_PEERCRED, to be culverd or culverp; nothing
 *             they say: only what reads as a handshake of TLS is signed.
 * Exits       100 wrong usage; 111 a local failure.
 */
#include "keyd/desk.h"
#include "lib/account.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "wire/key.h"
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>

static const char usage[] =
    "usage: culver-keyd\n"
    "\n"
    "It listens on HOME/state/key until it is stopped.\n"
    "example: CULVER_HOME=/var/culver culver-keyd\n";

enum {
	SOCKET_MODE = 0666, /* SO_PEERCRED says who may */
	SPARE_FILES = 16,
	MEMORY_MAX = 512 << 20 /* bytes */
};

static const struct drop_path paths[] = {
    {"control", PATH_READ},
    {NULL,      0        },
};

/* As culverk, from here on. */
static void
settle(struct desk *d)
{
	gid_t gid;
	int folder = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!account_find(ACCOUNT_SMTPD, &d->peers[0], &gid) ||
	    !account_find(ACCOUNT_POPUP, &d->peers[1], &gid))
		die_temp("unable to find who may ask");
	/* OpenSSL's own files are read before they are out of reach. */
	if (folder < 0 || OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		die_temp("unable to begin");
	d->store = store_new(folder);
	if (d->store == NULL || !fd_nonblock(d->listening) ||
	    !fd_raise_limit(DESK_MOST + SPARE_FILES))
		die_temp("unable to begin");
}

int
main(int argc, char **argv)
{
	static struct desk d;

	die_name("keyd");
	usage_answer(argc, argv, usage);
	if (argc != 1)
		die_usage("culver-keyd");
	home_enter();
	clock_open();
	d.listening = sock_listen(KEY_SOCKET, SOCKET_MODE);
	if (d.listening < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to listen on ", KEY_SOCKET);
	drop_to(&(struct drop){.account = ACCOUNT_KEYS});
	settle(&d);
	drop_to(&(struct drop){.account = ACCOUNT_KEYS,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_ACCEPT,
	    .paths = paths,
	    .memory_max = MEMORY_MAX});
	desk_run(&d);
}
