/* box: one session at one Maildir; see box.h. */
#include "pop3d/box.h"

#include "lib/fd.h"
#include "lib/io.h"
#include "lib/log.h"
#include "pop3d/command.h"
#include "pop3d/session.h"
#include "wire/maildirsize.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ANSWERS = 65536 }; /* bytes of answers kept at most */

static const struct drop_path paths[] = {
    {"new", PATH_READ | PATH_CREATE | PATH_REMOVE},
    {"cur", PATH_READ | PATH_CREATE | PATH_REMOVE},
    {NULL,  0				    },
};

static const char *const ends[] = {[SESSION_QUIT] = "quit",
    [SESSION_LEFT] = "left",
    [SESSION_TIMEOUT] = "timeout",
    [SESSION_BROKEN] = "broken"};

/* A channel to the client that counts. */
struct meter {
	struct channel plain;
	uint64_t sent;
};

bool
box_open(struct box *b, const char *maildir)
{
	*b = (struct box){
	    .here = -1,
	    .quota_fd = -1,
	    .sizes = {.fd = -1       },
	    .drop = { .folders = {-1, -1}, .quota_fd = -1}
        };
	/* Itself it is closed to us in the jail. */
	if (chdir(maildir) != 0 ||
	    (b->here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return false;
	sizes_open(&b->sizes, b->here);
	b->quota_fd = maildirsize_open(b->here, O_WRONLY | O_APPEND);
	drop_to(&(struct drop){.account = ACCOUNT_SELF,
	    .jailed = true,
	    .promises = BOX_PROMISES,
	    .paths = paths});
	if (!maildrop_open(&b->drop, b->here))
		return false;
	b->drop.sizes = &b->sizes;
	b->drop.quota_fd = b->quota_fd;
	return true;
}

static void
note(const char *how, const struct box *b, const struct box_client *c,
    const struct tally *t)
{
	struct log l;

	log_begin(&l, "end");
	if (c->address.data != NULL)
		log_str(&l, "ip", c->address);
	if (c->user.data != NULL)
		log_str(&l, "user", c->user);
	log_text(&l, "how", how);
	log_number(&l, "messages", b->drop.count);
	log_number(&l, "retrieved", t->retrieved);
	log_number(&l, "octets", t->octets);
	log_number(&l, "deleted", t->deleted);
	log_end(&l);
}

static ssize_t
metered_write(struct channel *c, const void *data, size_t size)
{
	struct meter *m = c->context;
	ssize_t n = m->plain.write(&m->plain, data, size);

	if (n > 0)
		m->sent += (uint64_t)n;
	return n;
}

const char *
box_serve(struct box *b, const struct box_client *c, uint64_t *sent)
{
	static char commands[COMMAND_STORAGE], answers[ANSWERS];
	struct channel in_channel, out_channel;
	struct reader in;
	struct writer out;
	struct tally t = {0};
	struct meter meter = {.sent = 0};
	const char *how;

	channel_open(&in_channel, c->in, c->seconds);
	channel_open(&meter.plain, c->out, c->seconds);
	out_channel = (struct channel){
	    .fd = c->out, .context = &meter, .write = metered_write};
	reader_open(&in, &in_channel, commands, sizeof(commands));
	writer_open(&out, &out_channel, answers, sizeof(answers));
	in.end = c->said.len < in.size ? c->said.len : in.size;
	if (in.end > 0)
		memcpy(in.data, c->said.data, in.end);
	writer_text(&out, "+OK\r\n");
	how = ends[session_run(&b->drop, &in, &out, &t)];
	note(how, b, c, &t);
	*sent = meter.sent;
	return how;
}

void
box_close(struct box *b)
{
	maildrop_close(&b->drop);
	sizes_close(&b->sizes);
	fd_close(&b->quota_fd);
	fd_close(&b->here);
}
