/* sendmail: the commands sendmail, mailq and newaliases, as other programs run
 * them.
 *
 * Runs as     the caller, whoever it is.
 * Started by  PHP, cron, mail readers, scripts: everything that sends mail.
 * Reads       what culver-inject reads; queue/mess and queue/info for a list,
 *             where the caller may.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by socket queue/submit, wire/submit.h; or the
 *             program that $QMAILQUEUE names.
 * Trusts      the caller with the caller's own mail only.
 * Exits       0; 64 asked wrongly; 65 the message is malformed; 67 no address;
 *             69 refused for good, or not to be had; 71 not now; 75 the queue
 *             cannot be shown.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/usage.h"
#include "queue/crlf.h"
#include "queue/flags.h"
#include "queue/inject.h"
#include "queue/mailq.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: sendmail [-t] [-f SENDER] [-F NAME] [-N WHEN] [-R full|hdrs]\n"
    "                [-V ID] [-B 8BITMIME] [--] [RECIPIENT ...] <MESSAGE\n"
    "       sendmail -bs | -bp | -bi | -bv ADDRESS ...\n"
    "       mailq\n"
    "       newaliases\n"
    "Queue a message; -t takes recipients from its header, too.\n"
    "Example: printf 'Subject: hi\\n\\nhello\\n' | sendmail joe\n";

/* sysexits.h, which is no part of POSIX.  A message that could not be queued
 * just now is SYSTEM and not LATER: PHP's mail() takes LATER for success. */
enum sysexit {
	EX_BADLY = 64,       /* EX_USAGE */
	EX_MALFORMED = 65,   /* EX_DATAERR */
	EX_NO_ADDRESS = 67,  /* EX_NOUSER */
	EX_NOT_TO_HAVE = 69, /* EX_UNAVAILABLE */
	EX_SYSTEM = 71,      /* EX_OSERR */
	EX_LATER = 75        /* EX_TEMPFAIL */
};

static enum sysexit
exit_code(enum inject_end e)
{
	switch (e) {
	case INJECT_DONE:
		return 0;
	case INJECT_USAGE:
		return EX_BADLY;
	case INJECT_ADDRESS:
		return EX_NO_ADDRESS;
	case INJECT_DATA:
		return EX_MALFORMED;
	case INJECT_REFUSED:
		return EX_NOT_TO_HAVE;
	case INJECT_TEMP:
		return EX_SYSTEM;
	}
	return EX_SYSTEM;
}

/* Die with a code of ours where home_enter would with its own. */
static void
find_home(void)
{
	if (access(home_path(), X_OK) == 0)
		return;
	warn("unable to enter ", home_path(),
	    "; is $CULVER_HOME right? nothing was sent");
	_exit(EX_SYSTEM);
}

/* A sender that was asked for is who From names, where there is no From, and
 * the caller's own name is not his. */
static enum inject_end
set_sender(struct inject *i, const char *sender)
{
	enum inject_end e = inject_sender(i, str_of(sender));
	struct str s = str_of(sender);
	size_t at;

	if (e != INJECT_DONE || i->sender.len == 0)
		return e;
	if (s.data[0] == '<' && s.data[s.len - 1] == '>')
		s = str_slice(s, 1, s.len - 1);
	at = str_rfind(s, '@');
	i->who.user = str_slice(s, 0, at);
	i->who.host = str_slice(s, at + 1, s.len);
	i->who.name = (struct str){NULL, 0};
	return INJECT_DONE;
}

/* One argument: an address as it is in an envelope, or, where it looks like
 * that, what a header would hold. */
static enum inject_end
add_operand(struct inject *i, const char *text)
{
	if (strpbrk(text, "\"<>,()") != NULL)
		return inject_recipients(i, str_of(text));
	return inject_recipient(i, str_of(text));
}

static enum inject_end
add_operands(struct inject *i, char *const *operands)
{
	enum inject_end e = INJECT_DONE;

	for (; *operands != NULL && e == INJECT_DONE; operands++)
		e = add_operand(i, *operands);
	return e;
}

static void
set_options(struct inject *i, const struct flags *f)
{
	i->to = f->header ? INJECT_TO_BOTH : INJECT_TO_ARGUMENTS;
	i->body = f->body;
	i->ret = f->ret;
	i->notify = f->notify;
	i->envid = f->envid;
	errno = 0;
	if (i->program != NULL &&
	    (f->ret != NULL || f->notify != NULL || f->envid != NULL))
		warn("options -N, -R and -V do not reach $QMAILQUEUE");
}

static int
send_mail(const struct flags *f, char *const *operands)
{
	static struct inject i;
	enum inject_end e;

	if (!f->header && *operands == NULL) {
		warn("no recipients; name them as arguments, or let -t take "
		     "them from the header");
		return EX_BADLY;
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return EX_SYSTEM;
	find_home();
	e = inject_begin(&i);
	set_options(&i, f);
	if (e == INJECT_DONE && f->sender != NULL)
		e = set_sender(&i, f->sender);
	if (f->name != NULL)
		i.who.name = str_of(f->name);
	if (e == INJECT_DONE)
		e = add_operands(&i, operands);
	if (e == INJECT_DONE)
		e = inject_run(&i, STDIN_FILENO);
	if (e != INJECT_DONE)
		inject_complain(&i);
	inject_free(&i);
	return (int)exit_code(e);
}

/* -bv: what each address would be, and that it may be one. */
static int
verify(char *const *operands)
{
	static struct inject i;
	enum inject_end e, all = INJECT_DONE;

	find_home();
	e = inject_begin(&i);
	if (e != INJECT_DONE) {
		inject_complain(&i);
		return (int)exit_code(e);
	}
	for (; *operands != NULL; operands++) {
		buf_clear(&i.recipients);
		e = add_operand(&i, *operands);
		if (e == INJECT_DONE) {
			(void)printf("%s... is an address (%s); whether it has "
				     "a mailbox is not looked up\n",
			    *operands, i.recipients.data);
			continue;
		}
		inject_complain(&i);
		all = e;
	}
	inject_free(&i);
	return fflush(stdout) == 0 ? (int)exit_code(all) : EX_SYSTEM;
}

static void
enter_home(void)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};

	find_home();
	home_enter();
	clock_open();
	drop_to(&stay);
}

/* -bs: a session of the caller's; he may send to anybody, and the queue learns
 * from the kernel who he is.  Root's is of culverd. */
static int
speak_smtp(void)
{
	char info[32], name[] = "culver-smtpd", option[] = "-c";
	char *argv[] = {name, option, NULL};
	int code;

	enter_home();
	(void)snprintf(info, sizeof(info), "uid%lu", (unsigned long)getuid());
	env_set("RELAYCLIENT", "");
	env_set("TCPREMOTEIP", "127.0.0.1");
	env_set("TCPREMOTEPORT", NULL);
	env_set("TCPREMOTEHOST", "localhost");
	env_set("TCPREMOTEINFO", info);
	env_set("TCPLOCALIP", "127.0.0.1");
	env_set("TCPLOCALPORT", NULL);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return EX_SYSTEM;
	code = crlf_run("bin/culver-smtpd", argv);
	if (code < 0)
		warn("unable to run bin/culver-smtpd");
	return code == 0 ? 0 : EX_SYSTEM;
}

static int
list_queue(void)
{
	enter_home();
	if (mailq_print())
		return 0;
	if (errno == EACCES) {
		errno = 0;
		warn("this queue shows itself to root and its owner alone; "
		     "ask them for mailq, or for culver status");
	} else {
		warn("unable to read the queue");
	}
	return EX_LATER;
}

static int
build_aliases(void)
{
	char name[] = "culver-control", word[] = "build";
	char *argv[] = {name, word, NULL};

	enter_home();
	if (access("control", W_OK) == 0) {
		(void)execv("bin/culver-control", argv);
		warn("unable to run bin/culver-control");
		return EX_SYSTEM;
	}
	(void)puts("nothing to do: aliases are files in alias/; tables are "
		   "compiled by culver control build, as root");
	return fflush(stdout) == 0 ? 0 : EX_SYSTEM;
}

static int
refuse(const struct flags *f)
{
	const char letter[] = {f->letter, '\0'};

	errno = 0;
	if (f->mode == FLAGS_DAEMON) {
		warn("-b", letter,
		    ": the daemons are started by culver start; nothing was "
		    "done");
		return EX_NOT_TO_HAVE;
	}
	warn("-b", letter, ": there is no such mode; --help tells more");
	return EX_BADLY;
}

/* What is opened later must not become descriptor 0, 1 or 2. */
static void
check_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EX_SYSTEM);
}

int
main(int argc, char **argv)
{
	struct flags f;

	check_descriptors();
	die_name("sendmail");
	usage_answer(argc, argv, usage);
	if (!flags_read(&f, argc, argv))
		return EX_BADLY;
	switch (f.mode) {
	case FLAGS_MAIL:
		return send_mail(&f, argv + f.operands);
	case FLAGS_SMTP:
		return speak_smtp();
	case FLAGS_LIST:
		return list_queue();
	case FLAGS_ALIASES:
		return build_aliases();
	case FLAGS_VERIFY:
		return verify(argv + f.operands);
	case FLAGS_RUN: /* culver-send retries by itself */
		return 0;
	case FLAGS_DAEMON:
	case FLAGS_UNKNOWN:
		return refuse(&f);
	}
	return EX_BADLY;
}
