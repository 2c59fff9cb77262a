/* queued: take messages over queue/submit and make them durable.
 *
 * Runs as     culverq:culverm, jailed; root until the socket is bound.
 * Started by  a supervisor, see run/queued; a writer process per connection.
 * Reads       control/{me,queuereserve}; queue/format, queue/free, queue/pool.
 * Writes      queue/mess, queue/pool, queue/rescan; the fifo queue/hint.
 * Talks to    clients on queue/submit, wire/submit.h; culver-send by
 *             queue/hint and queue/free, wire/queue.h.
 * Trusts      the kernel for a client's uid; culverd and culverf for what they
 *             say of a submitter; nobody for anything else.
 * Exits       0 told to end (SIGTERM); 100 asked wrongly; 111 cannot begin.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "queue/server.h"
#include "wire/queue.h"
#include <sys/stat.h>

enum {
	SOCKET_MODE = 0666,    /* anybody may send mail */
	FILES_MASK = 022,      /* the modes of files are as they are made */
	MEMORY_MAX = 256 << 20 /* bytes */
};

static const char usage[] =
    "usage: culver-queued\n"
    "Take messages over queue/submit into the queue, until SIGTERM.\n"
    "Example: CULVER_HOME=/var/culver culver-queued\n";

static const struct drop_path listener_paths[] = {
    {"control",         PATH_READ					 },
    {QUEUE_FORMAT_FILE, PATH_READ					 },
    {"queue",           PATH_CREATE				       },
    {QUEUE_MESS,        PATH_READ | PATH_CREATE | PATH_REMOVE             },
    {QUEUE_HINT,        PATH_READ | PATH_WRITE                            },
    {QUEUE_FREE,        PATH_READ | PATH_WRITE                            },
    {QUEUE_POOL,        PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE},
    {NULL,	      0						 },
};

static const struct drop listener_jail = {
    .account = ACCOUNT_QUEUE,
    .group = GROUP_MESSAGES,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_WRITE | PROMISE_CREATE | PROMISE_ACCEPT |
		PROMISE_FORK,
    .paths = listener_paths,
    .memory_max = MEMORY_MAX,
};

/* A writer opens no file that exists, whatever its client makes of it; those of
 * the pool it gets from the listener, and can only write to. */
static void
enter_writer_jail(void)
{
	static const struct drop_path paths[] = {
	    {"queue",    PATH_CREATE              },
	    {QUEUE_MESS, PATH_CREATE | PATH_REMOVE},
	    {QUEUE_POOL, PATH_CREATE | PATH_REMOVE}, /* as mess: links */
	    {NULL,       0			},
	};
	const struct drop jail = {
	    .account = ACCOUNT_QUEUE,
	    .group = GROUP_MESSAGES,
	    .jailed = true,
	    .promises = PROMISE_CREATE,
	    .paths = paths,
	    .memory_max = MEMORY_MAX,
	};

	drop_to(&jail);
}

int
main(int argc, char **argv)
{
	int listener;

	usage_answer(argc, argv, usage);
	die_name("queued");
	if (argc > 1)
		die_usage("no arguments are wanted: ", argv[1]);
	home_enter();
	clock_open();
	(void)umask(FILES_MASK);
	listener = sock_listen(QUEUE_SUBMIT, SOCKET_MODE);
	if (listener < 0)
		die_temp("unable to listen at ", QUEUE_SUBMIT);
	drop_to(&listener_jail);
	server_run(listener, enter_writer_jail);
	return 0;
}
