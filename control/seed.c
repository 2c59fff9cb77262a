/* seed: the first control files and mailboxes. */
#include "control/complaint.h"
#include "control/mailboxes.h"
#include "control/password.h"
#include "control/setup.h"
#include "lib/address.h"
#include "lib/die.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void
write_control(struct setup *s, const char *path, const char *const *lines)
{
	struct buf text = {0};

	for (; *lines != NULL; lines++)
		if (!buf_append_text(&text, *lines) ||
		    !buf_append_byte(&text, '\n'))
			die_temp("unable to write ", path);
	if (setup_file(s, str_of(path), buf_str(&text), 0644))
		printf("made %s\n", path);
	buf_free(&text);
}

void
setup_controls(struct setup *s)
{
	/* The mail domain is no local one: its mailboxes are in users/. */
	bool same = str_equal_nocase(str_of(s->me), str_of(s->domain));
	const char *const me[] = {s->me, NULL};
	const char *const hosts[] = {s->domain, same ? NULL : s->me, NULL};
	const char *const locals[] = {
	    same ? "# none: the mail domain has virtual mailboxes" : s->me,
	    NULL};

	write_control(s, "control/me", me);
	write_control(s, "control/rcpthosts", hosts);
	write_control(s, "control/locals", locals);
}

static void
check(bool ok, struct buf *error)
{
	if (ok)
		return;
	errno = 0;
	die_temp(complaint_text(error));
}

/* One mailbox of "LOCAL:PASSWORD". */
static void
add(struct setup *s, struct mailboxes *m, const char *text, struct buf *error)
{
	char hash[CRYPT_OUTPUT_SIZE];
	struct user_record r = {
	    .hash = {hash, 0}
        };
	struct str password = str_of(text), local;
	struct buf address = {0};
	bool made;

	(void)str_cut(&password, ':', &local);
	if (!buf_append_lower(&address, local) ||
	    !buf_append_byte(&address, '@') ||
	    !buf_append_lower(&address, str_of(s->domain)) ||
	    !buf_terminate(&address))
		die_temp("unable to add a mailbox");
	if (mailboxes_find(m, buf_str(&address)) != NULL) {
		s->kept++;
		buf_free(&address);
		return;
	}
	if (!password_hash(password, password_method(0), hash))
		die_temp("unable to hash the password of ", address.data);
	r.hash = str_of(hash);
	r.address = buf_str(&address);
	if (!mailboxes_put(m, buf_str(&address), &r, error))
		die_usage(complaint_text(error));
	errno = 0;
	check(mailbox_make(&r, &made, error), error);
	printf("made mailbox %s\n", address.data);
	buf_free(&address);
}

void
setup_users(struct setup *s, const char *const *users, size_t count)
{
	struct mailboxes m;
	struct buf error = {0};
	size_t before;
	bool made = false;

	check(mailboxes_open(&m, true, &error), &error);
	before = m.count;
	for (size_t i = 0; i < count; i++)
		add(s, &m, users[i], &error);
	if (m.count > before) {
		check(mailboxes_save(&m, &error), &error);
		made = true;
	} else
		check(mailboxes_build(&m, false, &made, &error), &error);
	if (made)
		printf("made users/passwd.cdb and users/rcpt.cdb\n");
	mailboxes_close(&m);
	buf_free(&error);
}

/* RFC 5321, 4.5.1: postmaster is read.  By the first mailbox, to begin with. */
void
setup_postmaster(struct setup *s, const char *const *users, size_t count)
{
	static const char *const paths[] = {"alias/.qmail-postmaster",
	    "alias/.qmail-mailer-daemon", "alias/.qmail-root"};
	struct buf text = {0};
	struct str user, local;

	if (count == 0) {
		if (!setup_there(s, AT_FDCWD, paths[0]))
			printf("nobody reads postmaster's mail yet: write an "
			       "address into %s\n",
			    paths[0]);
		return;
	}
	user = str_of(users[0]);
	(void)str_cut(&user, ':', &local);
	if (!buf_append_byte(&text, '&') || !buf_append_lower(&text, local) ||
	    !buf_append_byte(&text, '@') ||
	    !buf_append_lower(&text, str_of(s->domain)) ||
	    !buf_append_byte(&text, '\n'))
		die_temp("unable to write ", paths[0]);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (setup_file(s, str_of(paths[i]), buf_str(&text), 0644))
			printf("made %s\n", paths[i]);
	buf_free(&text);
}
