/* deposit: trace, envelope and the queue's answer; see deposit.h. */
#include "smtpd/deposit.h"

#include "lib/clock.h"
#include "lib/num.h"
#include "smtpd/received.h"
#include <inttypes.h>
#include <stdio.h>

/* The class that stands in front of a text of the queue. */
static struct reply
queue_reply(struct session *s, const char *text)
{
	bool permanent = text[0] == 'D';

	if (text[0] == 'D' || text[0] == 'Z')
		text++;
	buf_clear(&s->text);
	return session_text(s, permanent ? 554 : 451,
	    buf_append_text(&s->text, permanent ? "5.3.0 " : "4.3.0 ") &&
		buf_append_text(&s->text, text));
}

struct reply
deposit_trouble(struct session *s, int code)
{
	return queue_reply(s, queue_code_text(code));
}

static void
name_transaction(struct session *s)
{
	(void)snprintf(s->id, sizeof(s->id), "%" PRId64 ".%ld.%" PRIu64,
	    clock_wall() / CLOCK_SECOND, s->pid, ++s->door->transactions);
}

/* RFC 3848; RFC 6531, 4.3. */
static const char *
protocol(const struct session *s)
{
	static const char *const names[4][4] = {
	    {"ESMTP",    "ESMTPA",    "ESMTPS",    "ESMTPSA"   },
	    {"LMTP",     "LMTPA",     "LMTPS",     "LMTPSA"    },
	    {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"},
	    {"UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA"},
	};
	int row = (s->lmtp ? 1 : 0) + (s->params.utf8 ? 2 : 0);
	int column = (s->user.len > 0 ? 1 : 0) + (s->tls != NULL ? 2 : 0);

	return row == 0 && column == 0 && !s->esmtp ? "SMTP"
						    : names[row][column];
}

static bool
is_hidden(const struct session *s)
{
	return s->user.len > 0 &&
	       control_number(s->door->controls, C_hideclientip) == 1;
}

/* Our own line goes on top of the message. */
static bool
submit_trace(struct session *s)
{
	static const struct ip unknown;
	struct buf field = {.max = STREAM_LINE};
	const struct received r = {
	    .hidden = is_hidden(s),
	    .helo = buf_str(&s->helo),
	    .host = s->door->host,
	    .info = s->door->info,
	    .remote =
		ip_equal(&s->peer->remote, &unknown) ? NULL : &s->peer->remote,
	    .me = door_local(s->door),
	    .protocol = protocol(s),
	    .cipher = s->tls == NULL ? NULL : s->cipher,
	    .id = str_of(s->id),
	    .seconds = clock_wall() / CLOCK_SECOND,
	};
	bool written = received_write(&field, &r);

	if (written)
		submit_body(&s->door->submit, buf_str(&field));
	buf_free(&field);
	return written;
}

int
deposit_begin(struct session *s)
{
	struct submit *submit = &s->door->submit;

	if (!submit_begin(submit))
		return submit->trouble;
	name_transaction(s);
	if (submit_trace(s))
		return 0;
	submit_abort(submit);
	return QQ_MEMORY;
}

/* The client as culver-send's log and the tools will name it. */
static bool
submit_client(struct session *s)
{
	char ip[IP_SIZE];
	struct buf b = {.max = STREAM_LINE};
	bool written;

	if (s->door->caller)
		return true;
	ip_format(ip, &s->peer->remote);
	written = buf_append_text(&b, ip) && buf_append_byte(&b, ' ') &&
		  received_safe(&b, buf_str(&s->helo));
	if (written)
		submit_record(&s->door->submit, 'C', buf_str(&b));
	buf_free(&b);
	return written;
}

/* What MAIL had to say of the message. */
static void
submit_params(struct submit *submit, const struct params *p)
{
	static const char *const bodies[] = {
	    [BODY_UNSAID] = NULL,
	    [BODY_7BIT] = "7BIT",
	    [BODY_8BITMIME] = "8BITMIME",
	};
	static const char *const rets[] = {
	    [RET_UNSAID] = NULL,
	    [RET_FULL] = "FULL",
	    [RET_HDRS] = "HDRS",
	};

	if (bodies[p->body] != NULL)
		submit_record(submit, 'B', str_of(bodies[p->body]));
	if (rets[p->ret] != NULL)
		submit_record(submit, 'R', str_of(rets[p->ret]));
	if (p->envid_len > 0)
		submit_record(
		    submit, 'E', (struct str){p->envid, p->envid_len});
	if (p->utf8)
		submit_record(submit, 'U', (struct str){NULL, 0});
}

static bool
submit_envelope(struct session *s)
{
	struct submit *submit = &s->door->submit;
	struct str rest = buf_str(&s->recipients), record;

	submit_record(submit, 'F', buf_str(&s->sender));
	submit_params(submit, &s->params);
	if (s->user.len > 0)
		submit_record(submit, 'S', buf_str(&s->user));
	if (!submit_client(s))
		return false;
	while (str_cut(&rest, '\0', &record))
		submit_record(
		    submit, record.data[0], str_slice(record, 1, record.len));
	return true;
}

static void
log_accept(
    const struct session *s, uint64_t bytes, const struct submit_result *result)
{
	char token[QUEUE_TOKEN_TEXT];
	struct log l;

	num_hex(token, result->token, QUEUE_TOKEN);
	session_log(s, &l, "accept");
	log_str(&l, "from", buf_str(&s->sender));
	log_number(&l, "rcpts", s->recipient_count);
	log_number(&l, "bytes", bytes);
	log_number(&l, "ino", result->ino);
	log_text(&l, "token", token);
	log_number(&l, "qp", result->pid);
	log_text(&l, "id", s->id);
	log_end(&l);
}

/* qmail's words, which scripts look for, and the message's number. */
static struct reply
accepted(struct session *s, const struct submit_result *result)
{
	int64_t now = clock_wall() / CLOCK_SECOND;

	s->accepted++;
	s->errors = s->junk = 0;
	buf_clear(&s->text);
	return session_text(s, 250,
	    buf_append_text(&s->text, "2.0.0 ok ") &&
		buf_append_number(&s->text, now < 0 ? 0 : (uint64_t)now) &&
		buf_append_text(&s->text, " qp ") &&
		buf_append_number(&s->text, result->pid) &&
		buf_append_text(&s->text, " id ") &&
		buf_append_number(&s->text, result->ino));
}

struct reply
deposit_commit(struct session *s, uint64_t bytes)
{
	struct submit_result result;

	if (!submit_envelope(s)) {
		submit_abort(&s->door->submit);
		return deposit_trouble(s, QQ_MEMORY);
	}
	submit_commit(&s->door->submit, &result);
	if (result.code != QQ_OK)
		return queue_reply(s, result.text);
	log_accept(s, bytes, &result);
	return accepted(s, &result);
}
