/* programs: see programs.h. */
#include "tools/programs.h"

#include "lib/buf.h"
#include "lib/str.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LETTERS = 32, FAR = 1000, CLOSE = 2 };

enum group { PEOPLE, SUBMITTERS, HELPERS, DAEMONS, GROUPS };

static const char *const headings[GROUPS] = {
    "You run: culver COMMAND, and culver COMMAND --help",
    "Programs run these, to hand over a message",
    "Lines of .qmail files run these",
    "The supervisor runs these; what follows the name is the account",
};

/* group, name without culver-, account, what it does */
static const struct program {
	enum group group;
	const char *name, *account, *what;
} programs[] = {
    {PEOPLE,     "setup",        "",        "make an instance, private or real" },
    {PEOPLE,     "start",        "",        "start it; s6, runit or daemontools"},
    {PEOPLE,     "status",       "",        "is it up; pids, ports, versions"   },
    {PEOPLE,     "stop",         "",        "end it, doors first"               },
    {PEOPLE,     "user",         "",        "mailboxes: add, del, passwd, list" },
    {PEOPLE,     "newu",         "",        "users/assign to users/cdb"         },
    {PEOPLE,     "domain",       "",        "domains: add, del, list"           },
    {PEOPLE,     "control",      "",        "settings: check, show, build"      },
    {PEOPLE,     "showctl",      "",        "settings in qmail-showctl's words" },
    {PEOPLE,     "qstat",        "",        "how many messages are queued"      },
    {PEOPLE,     "qread",        "",        "the messages that are queued"      },
    {PEOPLE,     "check",        "",        "is the queue whole; repair it"     },
    {PEOPLE,     "import",       "",        "take a qmail's queue"              },
    {PEOPLE,     "route",        "",        "what becomes of an address's mail" },
    {PEOPLE,     "simulate",     "",        "the scheduler on a described load" },
    {SUBMITTERS, "queue",        "caller",  "qmail-queue's interface"           },
    {SUBMITTERS, "sendmail",     "caller",  "as sendmail, mailq, newaliases"    },
    {SUBMITTERS, "inject",       "caller",  "qmail-inject's: a whole header"    },
    {SUBMITTERS, "qmqpc",        "caller",  "the same, to another host by QMQP" },
    {HELPERS,    "forward",      "user",    "send it on to other addresses"     },
    {HELPERS,    "condredirect", "user",    "the same, if a program says so"    },
    {HELPERS,    "bouncesaying", "user",    "refuse it, if a program says so"   },
    {HELPERS,    "except",       "user",    "turn a program's yes and no round" },
    {HELPERS,    "preline",      "user",    "give a program mbox lines, too"    },
    {HELPERS,    "autorespond",  "user",    "answer each sender once"           },
    {HELPERS,    "maildirmake",  "caller",  "make a Maildir"                    },
    {DAEMONS,    "smtpd",        "culverd", "takes mail by SMTP"                },
    {DAEMONS,    "qmtpd",        "culverd", "takes mail by QMTP"                },
    {DAEMONS,    "qmqpd",        "culverd", "takes trusted hosts' mail by QMQP" },
    {DAEMONS,    "queued",       "culverq", "writes the queue, durably"         },
    {DAEMONS,    "send",         "culvers", "decides what is delivered when"    },
    {DAEMONS,    "bounce",       "culverq", "tells senders what failed"         },
    {DAEMONS,    "lspawn",       "root",    "starts local as a mailbox's user"  },
    {DAEMONS,    "local",        "user",    "delivers to that user, from lspawn"},
    {DAEMONS,    "rspawn",       "culverr", "starts deliveries to other hosts"  },
    {DAEMONS,    "policyd",      "culvert", "TLS policies, and reports on TLS"  },
    {DAEMONS,    "remote",       "culverr", "delivers to hosts, from rspawn"    },
    {DAEMONS,    "popup",        "culverp", "talks POP3"                        },
    {DAEMONS,    "keyd",         "culverk", "holds the private keys of TLS"     },
    {DAEMONS,    "authd",        "culveru", "checks passwords, starts pop3d"    },
    {DAEMONS,    "pop3d",        "user",    "reads one user's mailbox"          },
};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

/* Commands of two words: culver FIRST SECOND runs culver-NAME. */
static const struct pair {
	const char *first, *second, *name;
} pairs[] = {
    {"queue", "check",  "check" },
    {"queue", "import", "import"},
};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

const char *
program_of_two(const char *first, const char *second)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (strcmp(pairs[i].first, first) == 0 &&
		    strcmp(pairs[i].second, second) == 0)
			return pairs[i].name;
	return NULL;
}

/* What stands before its name in the list: a command's first word. */
static const char *
before(const struct program *p)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (strcmp(pairs[i].name, p->name) == 0)
			return pairs[i].first;
	return NULL;
}

static void
print_row(FILE *out, const struct program *p)
{
	const char *first = before(p);
	char name[LETTERS];

	(void)snprintf(name, sizeof(name), "%s%s%s", first == NULL ? "" : first,
	    first == NULL ? "" : " ", p->name);
	if (p->group == PEOPLE)
		(void)fprintf(out, "  %-17s %s\n", name, p->what);
	else
		(void)fprintf(out, "  culver-%-12s %-8s %s\n", p->name,
		    p->account, p->what);
}

void
programs_print(FILE *out)
{
	for (enum group g = PEOPLE; g < GROUPS; g++) {
		(void)fprintf(
		    out, "%s%s\n", g == PEOPLE ? "" : "\n", headings[g]);
		for (size_t i = 0; i < PROGRAMS; i++) {
			if (programs[i].group == g)
				print_row(out, &programs[i]);
		}
	}
}

bool
program_path(char out[PROGRAM_PATH], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", out, PROGRAM_PATH - 1);
	struct buf b = {.max = PROGRAM_PATH - 1};
	bool fine;

	if (n < 0)
		return false;
	if (strchr(name, '/') != NULL) {
		errno = ENOENT;
		return false;
	}
	out[n] = '\0';
	fine = buf_append(&b, out, str_rfind(str_of(out), '/')) &&
	       buf_append_text(&b, "/culver-") && buf_append_text(&b, name) &&
	       str_copy(out, PROGRAM_PATH, buf_str(&b));
	buf_free(&b);
	return fine;
}

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

size_t
programs_distance(const char *a, const char *b)
{
	size_t row[LETTERS + 1], an = strlen(a), bn = strlen(b);

	if (an > LETTERS || bn > LETTERS)
		return FAR;
	for (size_t j = 0; j <= bn; j++)
		row[j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
			    corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[bn];
}

const char *
program_like(const char *name)
{
	const char *best = NULL;
	size_t best_far = CLOSE + 1;

	for (size_t i = 0; i < PROGRAMS; i++) {
		size_t far = programs_distance(name, programs[i].name);

		if (programs[i].group == PEOPLE && far < best_far) {
			best = programs[i].name;
			best_far = far;
		}
	}
	return best;
}
