/* inject: a message of a local program; see inject.h. */
#include "queue/inject.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/log.h"
#include "queue/addrlist.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LISTS_MAX = 1 << 20, RECIPIENTS_MAX = 64 << 20 }; /* bytes */

/* Remember why, and that it is so. */
static enum inject_end
end(struct inject *i, enum inject_end what, const char *why, const char *more)
{
	(void)snprintf(i->why, sizeof(i->why), "%s%s", why, more);
	return what;
}

static enum inject_end
end_memory(struct inject *i)
{
	return end(i, INJECT_TEMP, "out of memory; try again", "");
}

static enum inject_end
read_lists(struct inject *i)
{
	struct str path = env_get("QMAILMFTFILE");

	i->lists.max = LISTS_MAX;
	if (path.data == NULL || fd_read_file(AT_FDCWD, path.data, &i->lists) ||
	    errno == ENOENT)
		return INJECT_DONE;
	(void)snprintf(i->why, sizeof(i->why),
	    "unable to read the file of $QMAILMFTFILE, %s: %s", path.data,
	    strerror(errno));
	return INJECT_TEMP;
}

static enum inject_end
read_controls(struct inject *i)
{
	int fd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return end(i, INJECT_TEMP,
		    "unable to open control: ", strerror(errno));
	i->controls = control_new(fd, CONTROL_INJECT);
	if (i->controls == NULL)
		return end_memory(i);
	if (!control_refresh(i->controls))
		return end(i, INJECT_TEMP, control_error(i->controls), "");
	if (control_line(i->controls, C_me).len == 0)
		return end(i, INJECT_TEMP,
		    "control/me: there is no name in it; write this host's "
		    "name there",
		    "");
	return INJECT_DONE;
}

/* A host, from its control or the variable that rules over it. */
static enum inject_end
set_host(
    struct inject *i, enum control_id id, const char *name, struct str *host)
{
	struct str s = env_get(name);

	*host = control_line(i->controls, id);
	if (s.data != NULL)
		*host = s;
	if (host->len > 0 && rewrite_domain_ok(*host))
		return INJECT_DONE;
	if (s.data != NULL)
		return end(i, INJECT_USAGE, "there is no host name in $", name);
	return end(i, INJECT_TEMP, "there is no host name in control/",
	    control_row(id)->name);
}

static enum inject_end
set_hosts(struct inject *i)
{
	const struct {
		enum control_id id;
		const char *variable;
		struct str *host;
	} rows[] = {
	    {C_defaultdomain, "QMAILDEFAULTDOMAIN", &i->hosts.domain},
	    {C_defaulthost,   "QMAILDEFAULTHOST",   &i->hosts.host  },
	    {C_plusdomain,    "QMAILPLUSDOMAIN",    &i->hosts.plus  },
	    {C_idhost,        "QMAILIDHOST",        &i->idhost      },
	};
	enum inject_end e = INJECT_DONE;

	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]) && e == 0; n++)
		e = set_host(i, rows[n].id, rows[n].variable, rows[n].host);
	return e;
}

/* The letters of $QMAILINJECT; others mean nothing, as with qmail. */
static void
set_letters(struct inject *i)
{
	const struct {
		char letter;
		bool *flag;
	} rows[] = {
	    {'c', &i->who.name_in_comment},
	    {'s', &i->drop_return        },
	    {'f', &i->drop_from          },
	    {'i', &i->drop_id            },
	    {'r', &i->who.own_recipients },
	    {'m', &i->who.own_sender     },
	};
	struct str letters = env_get("QMAILINJECT");

	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
		if (str_find(letters, rows[n].letter) < letters.len)
			*rows[n].flag = true;
}

enum inject_end
inject_begin(struct inject *i)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};
	enum inject_end e;

	*i = (struct inject){.recipients.max = RECIPIENTS_MAX};
	identity_read(&i->who);
	set_letters(i);
	i->program = env_get("QMAILQUEUE").data;
	if (i->program != NULL && i->program[0] == '\0')
		i->program = NULL;
	e = read_lists(i);
	if (e != INJECT_DONE)
		return e;
	home_enter();
	clock_open();
	drop_to(&stay);
	e = read_controls(i);
	return e == INJECT_DONE ? set_hosts(i) : e;
}

void
inject_free(struct inject *i)
{
	control_free(i->controls);
	buf_free(&i->sender);
	buf_free(&i->recipients);
	buf_free(&i->lists);
}

/* The address between < and >, or the whole. */
static struct str
without_angles(struct str s)
{
	if (s.len >= 2 && s.data[0] == '<' && s.data[s.len - 1] == '>')
		return str_slice(s, 1, s.len - 1);
	return s;
}

static enum inject_end
bad_address(struct inject *i, struct str address)
{
	if (errno == ENOMEM)
		return end_memory(i);
	(void)snprintf(i->why, sizeof(i->why),
	    "this is no address: \"%.*s\"; write it as user@host",
	    address.len < INJECT_WHY ? (int)address.len : INJECT_WHY,
	    address.data);
	return INJECT_ADDRESS;
}

enum inject_end
inject_sender(struct inject *i, struct str address)
{
	buf_clear(&i->sender);
	i->has_sender = true;
	if (!rewrite_address(&i->hosts, without_angles(address), &i->sender))
		return bad_address(i, address);
	return INJECT_DONE;
}

enum inject_end
inject_recipient(struct inject *i, struct str address)
{
	struct str bare = without_angles(address);

	errno = EINVAL;
	if (bare.len == 0 || !rewrite_address(&i->hosts, bare, &i->recipients))
		return bad_address(i, address);
	if (!buf_append_byte(&i->recipients, '\0'))
		return end_memory(i);
	return INJECT_DONE;
}

enum inject_end
inject_recipients(struct inject *i, struct str list)
{
	struct buf shown = {.max = RECIPIENTS_MAX};
	size_t before = i->recipients.len;
	struct fold f = {.out = &shown};
	bool ok = addrlist_write(list, &i->hosts, &f, &i->recipients);
	int saved = errno;

	buf_free(&shown);
	errno = saved;
	if (ok && i->recipients.len > before)
		return INJECT_DONE;
	if (ok)
		errno = EINVAL;
	i->recipients.len = before;
	return bad_address(i, list);
}

void
inject_complain(const struct inject *i)
{
	struct log l = {.len = 0};

	log_words(&l, die_program());
	log_words(&l, ": fatal: ");
	log_words(&l, i->why);
	log_end(&l);
}
