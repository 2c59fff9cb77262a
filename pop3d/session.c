/* session: a verb is a row of a table; see session.h. */
#include "pop3d/session.h"

#include "lib/attr.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/str.h"
#include "pop3d/capability.h"
#include "pop3d/command.h"
#include "pop3d/encoder.h"
#include "pop3d/language.h"
#include "pop3d/message.h"
#include "pop3d/update.h"
#include <errno.h>
#include <unistd.h>

enum {
	NUMBERS_MAX = 2, /* of one command */
	PIECE = 65536    /* bytes of one read of a message */
};
#define NUMBER_MOST (ENCODER_ALL - 1)

struct session {
	struct maildrop *drop;
	struct writer *out;
	struct tally *tally;
};

/* A command's numbers: the first is a message's, the second TOP's.  text is
 * all that follows the verb. */
struct request {
	struct str text;
	size_t count;
	struct message *message;
	uint64_t number, lines;
};

enum next { NEXT_COMMAND, NEXT_QUIT, NEXT_BREAK };

static void
say(struct session *s, const char *text)
{
	writer_text(s->out, text);
	writer_text(s->out, "\r\n");
}

/* "1 120" behind what the caller has written. */
static void
say_pair(struct session *s, uint64_t a, uint64_t b)
{
	writer_number(s->out, a);
	writer_text(s->out, " ");
	writer_number(s->out, b);
	writer_text(s->out, "\r\n");
}

static enum next
do_noop(struct session *s, const struct request *r UNUSED)
{
	say(s, "+OK");
	return NEXT_COMMAND;
}

static enum next
do_capa(struct session *s, const struct request *r UNUSED)
{
	capability_list(s->out, (struct str){NULL, 0}, CAPABLE_USER);
	return NEXT_COMMAND;
}

static enum next
do_language(struct session *s, const struct request *r)
{
	const char *line = language_answer(s->out, r->text);

	if (line != NULL)
		say(s, line);
	return NEXT_COMMAND;
}

static enum next
do_stat(struct session *s, const struct request *r UNUSED)
{
	uint64_t count, octets;

	maildrop_total(s->drop, &count, &octets);
	writer_text(s->out, "+OK ");
	say_pair(s, count, octets);
	return NEXT_COMMAND;
}

static enum next
do_reset(struct session *s, const struct request *r UNUSED)
{
	maildrop_reset(s->drop);
	say(s, "+OK");
	return NEXT_COMMAND;
}

static enum next
do_delete(struct session *s, const struct request *r)
{
	r->message->deleted = true;
	say(s, "+OK");
	return NEXT_COMMAND;
}

static void
list_one(struct session *s, struct message *p, uint64_t number)
{
	say_pair(s, number, message_octets(s->drop, p));
}

static void
uidl_one(struct session *s, struct message *p, uint64_t number)
{
	char uidl[UIDL_SIZE];

	message_uidl(p, uidl);
	writer_number(s->out, number);
	writer_text(s->out, " ");
	say(s, uidl);
}

/* LIST and UIDL: of one message, or of all that are not marked. */
static enum next
listing(struct session *s, const struct request *r,
    void (*one)(struct session *, struct message *, uint64_t))
{
	struct maildrop *m = s->drop;

	if (r->count > 0) {
		writer_text(s->out, "+OK ");
		one(s, r->message, r->number);
		return NEXT_COMMAND;
	}
	say(s, "+OK");
	for (size_t i = 0; i < m->count && !s->out->failed; i++)
		if (!m->messages[i].deleted)
			one(s, &m->messages[i], i + 1);
	say(s, ".");
	return NEXT_COMMAND;
}

static enum next
do_list(struct session *s, const struct request *r)
{
	return listing(s, r, list_one);
}

static enum next
do_uidl(struct session *s, const struct request *r)
{
	return listing(s, r, uidl_one);
}

/* A message does not grow, so that its end need not be looked for.  False when
 * the file could not be read to its end: then the answer must not be ended
 * either, or the client would take the part for the whole. */
static bool
copy(struct session *s, int fd, uint64_t size, struct encoder *e)
{
	char piece[PIECE];
	ssize_t n = 0;

	while (size > 0 && (n = read(fd, piece, sizeof(piece))) > 0) {
		if (!encoder_put(e, (struct str){piece, (size_t)n}) ||
		    s->out->failed)
			break;
		size -= (uint64_t)n < size ? (uint64_t)n : size;
	}
	encoder_end(e);
	return n >= 0 && !s->out->failed;
}

static const char *
why_not(int error)
{
	if (error == ENOENT)
		return "-ERR message is gone";
	if (error == EPERM)
		return "-ERR [SYS/PERM] not a message of yours";
	return "-ERR [SYS/TEMP] cannot read message";
}

static enum next
send_message(struct session *s, struct message *p, uint64_t lines)
{
	struct encoder e;
	struct stat st;
	int fd = message_open(s->drop, p, &st);
	bool whole;

	if (fd < 0) {
		say(s, why_not(errno));
		return NEXT_COMMAND;
	}
	say(s, "+OK");
	encoder_open(&e, s->out, lines);
	whole = copy(s, fd, (uint64_t)st.st_size, &e);
	fd_close(&fd);
	if (!whole)
		return NEXT_BREAK;
	say(s, ".");
	s->tally->octets += e.octets;
	if (lines == ENCODER_ALL) {
		s->tally->retrieved++;
		p->seen = true;
	}
	return NEXT_COMMAND;
}

static enum next
do_retr(struct session *s, const struct request *r)
{
	return send_message(s, r->message, ENCODER_ALL);
}

static enum next
do_top(struct session *s, const struct request *r)
{
	return send_message(s, r->message, r->lines);
}

static enum next
do_quit(struct session *s, const struct request *r UNUSED)
{
	s->tally->deleted = s->drop->count - maildrop_kept(s->drop);
	if (update_commit(s->drop)) {
		say(s, "+OK");
	} else {
		warn("unable to remove messages");
		say(s, "-ERR [SYS/TEMP] some deleted messages not removed");
	}
	return NEXT_QUIT;
}

#define TEXT SIZE_MAX

/* Name, how many numbers at least and at most, or TEXT; function. */
static const struct verb {
	const char *name;
	size_t least, most;
	enum next (*run)(struct session *s, const struct request *r);
} verbs[] = {
    {"STAT", 0,    0,    do_stat    },
    {"LIST", 0,    1,    do_list    },
    {"RETR", 1,    1,    do_retr    },
    {"DELE", 1,    1,    do_delete  },
    {"NOOP", 0,    0,    do_noop    },
    {"RSET", 0,    0,    do_reset   },
    {"QUIT", 0,    0,    do_quit    },
    {"TOP",  2,    2,    do_top     },
    {"UIDL", 0,    1,    do_uidl    },
    {"CAPA", 0,    0,    do_capa    },
    {"LANG", TEXT, TEXT, do_language},
};

static const struct verb *
find_verb(struct str name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_equal_nocase(name, str_of(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

/* Decimal numbers with one blank between them; nothing else. */
static bool
parse_numbers(struct str rest, struct request *r)
{
	uint64_t numbers[NUMBERS_MAX] = {0};
	struct str part;

	while (str_cut(&rest, ' ', &part)) {
		if (r->count == NUMBERS_MAX ||
		    !num_parse(part, NUMBER_MOST, &numbers[r->count]))
			return false;
		r->count++;
	}
	r->number = numbers[0];
	r->lines = numbers[1];
	return true;
}

static const char *
find_message(const struct session *s, struct request *r)
{
	if (r->count == 0)
		return NULL;
	if (r->number == 0 || r->number > s->drop->count)
		return "-ERR no such message";
	r->message = &s->drop->messages[r->number - 1];
	return r->message->deleted ? "-ERR message is deleted" : NULL;
}

static enum next
obey(struct session *s, struct str line)
{
	struct str rest = str_trim(line), name = {NULL, 0};
	struct request r = {.count = 0};
	const struct verb *v = NULL;
	const char *wrong = NULL;

	if (str_cut(&rest, ' ', &name))
		v = find_verb(name);
	r.text = rest;
	if (v == NULL)
		wrong = "-ERR no such command";
	else if (v->least == TEXT)
		return v->run(s, &r);
	else if (!parse_numbers(rest, &r))
		wrong = "-ERR not a number";
	else if (r.count < v->least || r.count > v->most)
		wrong = "-ERR wrong number of arguments";
	else
		wrong = find_message(s, &r);
	if (wrong == NULL)
		return v->run(s, &r);
	say(s, wrong);
	return NEXT_COMMAND;
}

static enum session_end
end_of(enum command_result r)
{
	if (r == COMMAND_TIMEOUT)
		return SESSION_TIMEOUT;
	return r == COMMAND_UNHEARD ? SESSION_BROKEN : SESSION_LEFT;
}

enum session_end
session_run(
    struct maildrop *m, struct reader *in, struct writer *out, struct tally *t)
{
	struct session s = {m, out, t};
	enum next next = NEXT_COMMAND;

	while (next == NEXT_COMMAND) {
		struct str line = {NULL, 0};
		enum command_result r = command_next(in, out, &line);

		if (r == COMMAND_OK)
			next = obey(&s, line);
		else if (r == COMMAND_LONG)
			say(&s, "-ERR command too long");
		else
			return end_of(r);
	}
	if (next == NEXT_BREAK)
		return SESSION_BROKEN;
	if (!writer_flush(out))
		warn("unable to answer QUIT");
	return SESSION_QUIT;
}
