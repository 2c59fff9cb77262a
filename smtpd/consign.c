/* consign: a package's way into the queue; see consign.h. */
#include "smtpd/consign.h"

#include "lib/clock.h"
#include "lib/num.h"
#include "smtpd/received.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char no_memory[] = "Zout of memory (#4.3.0)";

static void
name_transaction(struct package *p)
{
	(void)snprintf(p->id, sizeof(p->id), "%" PRId64 ".%ld.%" PRIu64,
	    clock_wall() / CLOCK_SECOND, (long)getpid(),
	    ++p->door->transactions);
}

/* These clients do not say who they are. */
static struct str
client_name(const struct package *p)
{
	return p->door->host.len > 0 ? p->door->host : str_of("unknown");
}

/* Our own line goes on top of the message. */
static bool
submit_trace(struct package *p)
{
	static const struct ip unknown;
	struct buf field = {.max = STREAM_LINE};
	const struct received r = {
	    .helo = client_name(p),
	    .host = p->door->host,
	    .info = p->door->info,
	    .remote =
		ip_equal(&p->peer->remote, &unknown) ? NULL : &p->peer->remote,
	    .me = door_local(p->door),
	    .protocol = p->protocol,
	    .id = str_of(p->id),
	    .seconds = clock_wall() / CLOCK_SECOND,
	};
	bool written = received_write(&field, &r);

	if (written)
		submit_body(&p->door->submit, buf_str(&field));
	buf_free(&field);
	return written;
}

void
consign_begin(struct package *p, bool limited)
{
	struct submit *submit = &p->door->submit;

	name_transaction(p);
	if (!door_refresh(p->door)) {
		package_refuse(
		    p, "Zsorry, my configuration cannot be read (#4.3.0)");
		return;
	}
	p->limit = limited || p->door->databytes.data != NULL
		       ? door_databytes(p->door)
		       : UINT64_MAX;
	p->posted = submit_begin(submit);
	if (!p->posted)
		package_refuse(p, queue_code_text(submit->trouble));
	else if (!submit_trace(p))
		package_refuse(p, no_memory);
}

/* The client as culver-send's log and the tools will name it. */
static bool
submit_client(struct package *p)
{
	char ip[IP_SIZE];
	struct buf b = {.max = STREAM_LINE};
	bool written;

	ip_format(ip, &p->peer->remote);
	written = buf_append_text(&b, ip) && buf_append_byte(&b, ' ') &&
		  received_safe(&b, client_name(p));
	if (written)
		submit_record(&p->door->submit, 'C', buf_str(&b));
	buf_free(&b);
	return written;
}

void
consign_sender(struct package *p, struct str sender)
{
	if (!p->posted)
		return;
	submit_record(&p->door->submit, 'F', sender);
	if (!submit_client(p))
		package_refuse(p, no_memory);
}

void
consign_recipient(struct package *p, struct str recipient)
{
	p->recipients++;
	if (p->posted)
		submit_record(&p->door->submit, 'T', recipient);
}

static void
log_accept(
    struct package *p, struct str sender, const struct submit_result *result)
{
	char token[QUEUE_TOKEN_TEXT];
	struct log l;

	num_hex(token, result->token, QUEUE_TOKEN);
	package_log(p, &l, "accept");
	log_str(&l, "from", sender);
	log_number(&l, "rcpts", p->recipients);
	log_number(&l, "bytes", p->bytes);
	log_number(&l, "ino", result->ino);
	log_text(&l, "token", token);
	log_number(&l, "qp", result->pid);
	log_text(&l, "id", p->id);
	log_end(&l);
}

/* qmail's words, which scripts look for, and the message's number where there
 * is one. */
static const char *
accepted(struct package *p, uint64_t pid, uint64_t ino)
{
	int n = snprintf(p->answer, sizeof(p->answer),
	    "Kok %" PRId64 " qp %" PRIu64, clock_wall() / CLOCK_SECOND, pid);

	if (ino != 0 && n > 0 && n < PACKAGE_ANSWER)
		(void)snprintf(p->answer + n, sizeof(p->answer) - (size_t)n,
		    " id %" PRIu64, ino);
	p->accepted++;
	return p->answer;
}

/* What the queue says, its class in front. */
static const char *
refused(struct package *p, const char *text)
{
	bool classed = text[0] == 'D' || text[0] == 'Z';

	(void)snprintf(
	    p->answer, sizeof(p->answer), "%s%s", classed ? "" : "Z", text);
	return p->answer;
}

const char *
consign_commit(struct package *p, struct str sender)
{
	const struct str nobody = {NULL, 0};
	struct submit_result result;
	const char *text = p->refusal;

	if (text == NULL && p->recipients == 0) {
		package_end(p);
		return accepted(p, (uint64_t)getpid(), 0);
	}
	if (text == NULL) {
		p->posted = false;
		submit_commit(&p->door->submit, &result);
		if (result.code == QQ_OK) {
			log_accept(p, sender, &result);
			return accepted(p, result.pid, result.ino);
		}
		text = refused(p, result.text);
	}
	package_log_refusal(p, sender, nobody, text);
	return text;
}
