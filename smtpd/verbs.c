/* verbs: the table of SMTP commands; see verbs.h. */
#include "smtpd/verbs.h"

#include "lib/address.h"
#include "smtpd/auth.h"
#include "smtpd/chunk.h"
#include "smtpd/receive.h"
#include "smtpd/secure.h"
#include "smtpd/transaction.h"
#include "smtpd/xclient.h"

#define IN(phase) (1U << (phase))
#define OUTER     (IN(PH_NEW) | IN(PH_GREETED)) /* of a transaction */
#define IDLE      (IN(PH_GREETED) | IN(PH_REFUSED))
#define GREET     IN(PH_GREETED)
#define MAILED    (IN(PH_MAIL) | IN(PH_RCPT))
#define READY     IN(PH_RCPT)
#define CHUNKS    (READY | IN(PH_BDAT) | IN(PH_REFUSED))
#define ANY       (IN(PH_NEW) | IDLE | MAILED | CHUNKS)

enum {
	LINE_PLAIN = 512,        /* with CR LF, RFC 5321 4.5.3.1.4 */
	LINE_PATH = STREAM_LINE, /* parameters of extensions lengthen it */
	/* What local parts are longer than a line of 512 was made for. */
	LINE_LOCAL = ADDRESS_LOCAL_MAX - 64,
	/* " SIZE=" (RFC 1870), " BODY=8BITMIME", " RET=HDRS", " ENVID=", and
	 * " SMTPUTF8"; " NOTIFY=SUCCESS,FAILURE,DELAY" and " ORCPT=". */
	LINE_MAIL = 512 + LINE_LOCAL + 26 + 14 + 9 + 7 + DSN_ENVID_MAX + 9,
	LINE_RCPT = 512 + LINE_LOCAL + 29 + 7 + DSN_ORCPT_MAX,
	HELO_LONGEST = 255
};
_Static_assert((int)LINE_MAIL <= (int)LINE_PATH, "MAIL has room");
_Static_assert((int)LINE_RCPT <= (int)LINE_PATH, "RCPT has room");

enum flag {
	MAY = 1 << 0,  /* an argument may follow; without this, none */
	MUST = 1 << 1, /* one has to */
	LAST = 1 << 2, /* the client waits for the reply before it goes on */
	JUNK = 1 << 3, /* alone it furthers nothing */
	LONG = 1 << 4, /* its line may have LINE_PATH bytes */
	LOAD = 1 << 5, /* bytes follow that are no commands */
	SMTP = 1 << 6, /* not in LMTP */
	LMTP = 1 << 7, /* nowhere else */
	BASE = 1 << 8, /* its line is base64, as long as that, and a secret */
};
#define HELLO (MUST | LAST | JUNK)
#define ALONE (MUST | LAST | LONG)
#define CODED (MUST | LAST | BASE)

struct verb {
	const char *name;
	unsigned phases; /* where it is allowed */
	unsigned flags;
	struct reply (*run)(struct session *s, struct str argument);
	/* Append what EHLO offers on its account, each line after an LF. */
	bool (*offer)(const struct session *s, struct buf *b);
	const char *form; /* of its argument; NULL: HELP does not know it */
};

static const struct verb *verb_at(size_t i);
static const struct verb *find(const struct session *s, struct str name);

static bool
spoken(const struct session *s, const struct verb *v)
{
	return (v->flags & (s->lmtp ? SMTP : LMTP)) == 0;
}

static struct reply
greet(struct session *s, struct str name, bool esmtp)
{
	if (name.len > HELO_LONGEST)
		return (struct reply){501, "5.5.4 name too long"};
	buf_clear(&s->helo);
	if (!buf_append_str(&s->helo, name))
		return (struct reply){451, "4.3.0 out of memory"};
	s->phase = PH_GREETED;
	s->esmtp = esmtp;
	session_reset(s);
	buf_clear(&s->text);
	return session_text(s, 250, buf_append_str(&s->text, door_me(s->door)));
}

static struct reply
do_helo(struct session *s, struct str name)
{
	return greet(s, name, false);
}

static struct reply
do_ehlo(struct session *s, struct str name)
{
	struct reply r = greet(s, name, true);
	bool ok = true;

	if (r.code != 250)
		return r;
	for (size_t i = 0; verb_at(i) != NULL; i++)
		if (verb_at(i)->offer != NULL && spoken(s, verb_at(i)))
			ok = ok && verb_at(i)->offer(s, &s->text);
	return session_text(s, 250, ok);
}

static bool
offer_base(const struct session *s, struct buf *b)
{
	(void)s;
	return buf_append_text(b, "\nPIPELINING\nENHANCEDSTATUSCODES");
}

static bool
offer_mail(const struct session *s, struct buf *b)
{
	(void)s;
	return buf_append_text(b, "\n8BITMIME\nSMTPUTF8");
}

static bool
offer_rcpt(const struct session *s, struct buf *b)
{
	return buf_append_text(b, "\nDSN\nLIMITS RCPTMAX=") &&
	       buf_append_number(
		   b, control_number(s->door->controls, C_maxrcpt));
}

static bool
offer_data(const struct session *s, struct buf *b)
{
	uint64_t most = door_databytes(s->door);

	return buf_append_text(b, "\nSIZE ") &&
	       buf_append_number(b, most == UINT64_MAX ? 0 : most);
}

static bool
offer_bdat(const struct session *s, struct buf *b)
{
	(void)s;
	return buf_append_text(b, "\nCHUNKING");
}

static struct reply
do_rset(struct session *s, struct str none)
{
	(void)none;
	session_reset(s);
	return (struct reply){250, "2.0.0 flushed"};
}

static struct reply
do_noop(struct session *s, struct str ignored)
{
	(void)s;
	(void)ignored;
	return (struct reply){250, "2.0.0 ok"};
}

/* RFC 5321, 3.5.3: who is here is for RCPT to say. */
static struct reply
do_vrfy(struct session *s, struct str name)
{
	(void)s;
	(void)name;
	return (struct reply){252, "2.1.5 send some mail, I'll try my best"};
}

static struct reply
do_expn(struct session *s, struct str name)
{
	(void)s;
	(void)name;
	return (struct reply){502, "5.5.1 not implemented"};
}

/* A verb that this client may be told of. */
static bool
known(const struct session *s, const struct verb *v)
{
	return v != NULL && v->form != NULL && spoken(s, v);
}

static struct reply
help_all(struct session *s)
{
	struct buf *b = &s->text;
	bool fits = buf_append_text(b, "2.0.0 culver-smtpd knows\n2.0.0");

	for (size_t i = 0; verb_at(i) != NULL; i++)
		if (known(s, verb_at(i)))
			fits = fits && buf_append_byte(b, ' ') &&
			       buf_append_text(b, verb_at(i)->name);
	return session_text(s, 214,
	    fits && buf_append_text(b, "\n2.0.0 HELP VERB shows the form of "
				       "one, culver-smtpd(8) says more"));
}

static struct reply
do_help(struct session *s, struct str about)
{
	const struct verb *v = find(s, about);

	buf_clear(&s->text);
	if (about.len == 0)
		return help_all(s);
	if (!known(s, v))
		return (struct reply){504, "5.5.4 no such command"};
	return session_text(s, 214,
	    buf_append_text(&s->text, "2.0.0 ") &&
		buf_append_text(&s->text, v->name) &&
		buf_append_text(&s->text, v->form));
}

static struct reply
do_quit(struct session *s, struct str none)
{
	(void)none;
	s->closing = "quit";
	buf_clear(&s->text);
	return session_text(s, 221,
	    buf_append_text(&s->text, "2.0.0 ") &&
		buf_append_str(&s->text, door_me(s->door)));
}

/* A browser was led here: what follows is its victim's words, not mail. */
static struct reply
do_http(struct session *s, struct str ignored)
{
	(void)ignored;
	return session_lost(s, STREAM_FOREIGN);
}

static const char of_mail[] = " FROM:<address> [SIZE=octets] "
			      "[BODY=7BIT|8BITMIME] [RET=FULL|HDRS] "
			      "[ENVID=id] [SMTPUTF8]";
static const char of_auth[] = " mechanism [=]";
static const char of_rcpt[] = " TO:<address> "
			      "[NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] "
			      "[ORCPT=type;address]";
static const char of_bdat[] = " size [LAST]";

/* name, phases, flags, run, offer, form */
static const struct verb verbs[] = {
    {"HELO",     ANY,            HELLO | SMTP, do_helo,     NULL,          " name"  },
    {"EHLO",     ANY,            HELLO | SMTP, do_ehlo,     offer_base,    " name"  },
    {"LHLO",     ANY,            HELLO | LMTP, do_ehlo,     offer_base,    " name"  },
    {"AUTH",     GREET,          CODED,        do_auth,     auth_offer,    of_auth  },
    {"MAIL",     IDLE,           MUST | LONG,  do_mail,     offer_mail,    of_mail  },
    {"RCPT",     MAILED,         MUST | LONG,  do_rcpt,     offer_rcpt,    of_rcpt  },
    {"BDAT",     CHUNKS,         MUST | LOAD,  do_bdat,     offer_bdat,    of_bdat  },
    {"DATA",     READY,          LAST,         do_data,     offer_data,    ""       },
    {"RSET",     ANY,            JUNK,         do_rset,     NULL,          ""       },
    {"NOOP",     ANY,            MAY | JUNK,   do_noop,     NULL,          " [text]"},
    {"VRFY",     ANY,            MUST | JUNK,  do_vrfy,     NULL,          " text"  },
    {"EXPN",     ANY,            MUST | JUNK,  do_expn,     NULL,          " text"  },
    {"HELP",     ANY,            MAY | JUNK,   do_help,     NULL,          " [verb]"},
    {"QUIT",     ANY,            0,            do_quit,     NULL,          ""       },
    {"STARTTLS", IN(PH_GREETED), LAST,         do_starttls, secure_offer,  ""       },
    {"XCLIENT",  OUTER,          ALONE,        do_xclient,  xclient_offer, NULL     },
    {"GET",      ANY,            MAY | LONG,   do_http,     NULL,          NULL     },
    {"HEAD",     ANY,            MAY | LONG,   do_http,     NULL,          NULL     },
    {"POST",     ANY,            MAY | LONG,   do_http,     NULL,          NULL     },
    {"PUT",      ANY,            MAY | LONG,   do_http,     NULL,          NULL     },
    {"OPTIONS",  ANY,            MAY | LONG,   do_http,     NULL,          NULL     },
    {"CONNECT",  ANY,            MAY | LONG,   do_http,     NULL,          NULL     },
};

static const struct verb *
verb_at(size_t i)
{
	return i < sizeof(verbs) / sizeof(verbs[0]) ? &verbs[i] : NULL;
}

static const struct verb *
find(const struct session *s, struct str name)
{
	for (size_t i = 0; verb_at(i) != NULL; i++)
		if (str_equal_nocase(name, str_of(verbs[i].name)) &&
		    spoken(s, &verbs[i]))
			return &verbs[i];
	return NULL;
}

static bool
argument_fits(const struct verb *v, struct str argument)
{
	if (argument.len == 0)
		return (v->flags & MUST) == 0;
	return (v->flags & (MAY | MUST)) != 0;
}

static bool
line_fits(const struct verb *v, struct str line)
{
	size_t most = (v->flags & LONG) != 0 ? LINE_PATH : LINE_PLAIN;

	return line.len + 2 <= ((v->flags & BASE) != 0 ? STREAM_LONGEST : most);
}

/* The client has sent more although it has to wait: what it sent was written
 * by somebody who did not see our replies. */
static struct reply
improper(struct session *s)
{
	s->closing = "pipelining";
	return (struct reply){554, "5.5.0 improper pipelining"};
}

/* What forbids the verb here; code 0: nothing. */
static struct reply
check(struct session *s, const struct verb *v, struct str line,
    struct str argument)
{
	/* Before all: what follows one of these is no command, whatever is
	 * wrong with it. */
	if ((v->flags & LAST) != 0 && stream_early(&s->stream))
		return improper(s);
	if (!line_fits(v, line))
		return (struct reply){500, "5.5.2 line too long"};
	if ((v->phases & IN(s->phase)) == 0)
		return (struct reply){503, "5.5.1 not now"};
	if (!argument_fits(v, argument))
		return (struct reply){501, "5.5.4 wrong argument"};
	return (struct reply){0, NULL};
}

struct reply
verbs_run(struct session *s, struct str line)
{
	size_t end = 0;
	const struct verb *v;
	struct str argument;
	struct reply r;

	while (
	    end < line.len && line.data[end] != ' ' && line.data[end] != '\t')
		end++;
	v = find(s, str_slice(line, 0, end));
	argument = str_trim(str_slice(line, end, line.len));
	if (v == NULL)
		return (struct reply){500, "5.5.1 no such command"};
	if ((v->flags & JUNK) != 0)
		s->junk++;
	if ((v->flags & BASE) != 0) {
		s->command = str_of(v->name); /* for the log */
		s->auth.heard = true;
	}
	r = check(s, v, line, argument);
	if (r.code == 0)
		return v->run(s, argument);
	return (v->flags & LOAD) == 0 ? r : chunk_refuse(s, argument, r);
}

struct reply
verbs_broken(struct session *s, struct str start, struct reply r)
{
	struct str unknown = {NULL, 0};

	for (size_t i = 0; verb_at(i) != NULL; i++)
		if ((verbs[i].flags & LOAD) != 0 &&
		    str_starts_nocase(start, str_of(verbs[i].name)))
			return chunk_refuse(s, unknown, r);
	return r;
}
