/* porter: runs $QMAILQUEUE; see porter.h. */
#include "smtpd/porter.h"

#include "lib/buf.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "wire/program.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_MAX = FRAME_HEAD + FRAME_PAYLOAD_MAX,
	ANSWER_MAX = 512,
	CODE_MAX = 255
};

struct porter {
	const char *path;
	int fd; /* of the jailed process */
	bool busy;
	struct program program;
	struct buf in, out;
};

static void
begin(struct porter *p)
{
	if (!p->busy && !program_start(&p->program, p->path))
		die_temp("unable to start ", p->path);
	p->busy = true;
}

/* Of the envelope what qmail-queue knows. */
static void
pass_records(struct porter *p, struct str records)
{
	struct str one;

	while (str_cut(&records, '\0', &one))
		if (one.len > 0 && (one.data[0] == 'F' || one.data[0] == 'T'))
			program_record(&p->program, one.data[0],
			    str_slice(one, 1, one.len));
}

/* Queued, under a number that only the program knows; or why not. */
static bool
write_answer(
    struct buf *b, char *kind, const struct submit_result *r, uint32_t pid)
{
	unsigned char number[4], nothing[8 + QUEUE_TOKEN] = {0};
	char code =
	    (char)(r->code >= 0 && r->code <= CODE_MAX ? r->code : QQ_BUG);

	*kind = r->code == QQ_OK ? 'K' : 'E';
	if (r->code != QQ_OK)
		return buf_append_byte(b, code) && buf_append_text(b, r->text);
	num_put32(number, pid);
	return buf_append(b, nothing, sizeof(nothing)) &&
	       buf_append(b, number, sizeof(number));
}

static void
finish(struct porter *p)
{
	struct submit_result result;
	uint32_t pid;
	char kind;

	begin(p);
	pid = (uint32_t)p->program.pid;
	program_end(&p->program, &result);
	p->busy = false;
	buf_clear(&p->out);
	if (!write_answer(&p->out, &kind, &result, pid) ||
	    !frame_write(p->fd, kind, buf_str(&p->out)))
		_exit(0);
}

static void
give_up(struct porter *p)
{
	if (p->busy)
		program_abandon(&p->program);
	p->busy = false;
}

static void
obey(struct porter *p, const struct frame *f)
{
	switch (f->kind) {
	case 'M':
		begin(p);
		program_body(&p->program, f->payload);
		break;
	case 'E':
		begin(p);
		pass_records(p, f->payload);
		break;
	case 'C':
		finish(p);
		break;
	default:
		give_up(p);
	}
}

/* The client's connection is not ours to keep open. */
static void
let_go_of_client(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0)
		die_temp("unable to open /dev/null");
	fd_close(&nothing);
}

NO_RETURN static void
serve(const char *path, enum account account, int fd)
{
	struct porter p = {.path = path,
	    .fd = fd,
	    .in = {.max = IN_MAX},
	    .out = {.max = ANSWER_MAX}};
	struct frame f;

	drop_to(&(struct drop){.account = account});
	let_go_of_client();
	while (frame_read(fd, -1, &p.in, &f) == FRAME_OK)
		obey(&p, &f);
	give_up(&p);
	_exit(0);
}

void
porter_start(struct submit *s, const char *path, enum account account)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		die_temp("unable to run ", path);
	pid = fork();
	if (pid < 0)
		die_temp("unable to run ", path);
	if (pid == 0) {
		fd_close(&ends[0]);
		serve(path, account, ends[1]);
	}
	fd_close(&ends[1]);
	submit_only(s, ends[0]);
}
