/* injection: one message on its way into the queue: inject_run; see inject.h. */
#include "queue/inject.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "queue/addrlist.h"
#include "queue/compose.h"
#include "queue/fields.h"
#include "queue/intake.h"
#include "queue/outlet.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_MAX = 64 << 20 }; /* bytes of a header that was rewritten */

struct injection {
	struct inject *i;
	bool listen; /* the header's recipients are meant */
	bool resent;
	bool seen[FIELD_COUNT];
	struct buf header; /* as it came */
	struct buf saved;  /* what is left of it, rewritten */
	struct buf made;   /* the fields that it lacked */
	struct buf to;     /* the recipients it names; a NUL behind each */
	struct buf follow; /* those of To and Cc */
	struct buf back;   /* the addresses of Return-Path */
	struct buf body;   /* its beginning */
	struct outlet outlet;
	struct intake intake;
};

static enum inject_end
end(struct injection *n, enum inject_end what, const char *why)
{
	(void)snprintf(n->i->why, sizeof(n->i->why), "%s", why);
	return what;
}

static enum inject_end
end_memory(struct injection *n)
{
	return end(n, INJECT_TEMP, "out of memory; try again");
}

static enum inject_end
end_read(struct injection *n)
{
	(void)snprintf(n->i->why, sizeof(n->i->why),
	    "unable to read the message: %s", strerror(n->intake.error));
	return INJECT_TEMP;
}

static enum inject_end
bad_field(struct injection *n, struct str name, struct str contents)
{
	enum { SHOWN = 200 };

	contents = str_trim(contents);
	(void)snprintf(n->i->why, sizeof(n->i->why),
	    "this is no list of addresses: %.*s: %.*s", (int)name.len,
	    name.data, contents.len < SHOWN ? (int)contents.len : SHOWN,
	    contents.data);
	return INJECT_DATA;
}

/* A field that is left out as if it had not come. */
static bool
is_dropped(const struct injection *n, enum field_id id)
{
	return (id == FIELD_FROM && n->i->drop_from) ||
	       (id == FIELD_MESSAGE_ID && n->i->drop_id) ||
	       (id == FIELD_RETURN_PATH && n->i->drop_return);
}

/* Which fields there are, before any is read: a message that is sent on goes to
 * the recipients of its Resent- fields alone. */
static void
survey(struct injection *n)
{
	struct str rest = buf_str(&n->header), name, contents;

	while (intake_field(&rest, &name, &contents)) {
		enum field_id id = fields_find(name);

		if (is_dropped(n, id))
			continue;
		n->seen[id] = true;
		if (fields_row(id)->resent)
			n->resent = true;
	}
}

/* Where the addresses of a field go that have to be right; NULL: nowhere. */
static struct buf *
wanted(struct injection *n, const struct field_row *row)
{
	switch (row->role) {
	case ROLE_RETURN:
		return &n->back;
	case ROLE_TO:
	case ROLE_HIDDEN:
	case ROLE_RESENT:
		return n->listen && row->resent == n->resent ? &n->to : NULL;
	case ROLE_SENDER:
	case ROLE_NONE:
		return NULL;
	}
	return NULL;
}

static bool
write_list(struct injection *n, struct str name, struct str contents,
    struct buf *found)
{
	size_t had = found == NULL ? 0 : found->len, before = n->saved.len;
	struct fold f;

	if (fold_begin(&f, &n->saved, name) &&
	    addrlist_write(contents, &n->i->hosts, &f, found) && fold_end(&f))
		return true;
	n->saved.len = before;
	if (found != NULL)
		found->len = had;
	return false;
}

/* The addresses of To and Cc that Mail-Followup-To would name. */
static bool
note_followers(struct injection *n, struct str contents)
{
	struct buf shown = {.max = HEAD_MAX};
	struct fold f = {.out = &shown};
	size_t before = n->follow.len;
	bool ok = addrlist_write(contents, &n->i->hosts, &f, &n->follow);

	buf_free(&shown);
	if (!ok)
		n->follow.len = before;
	return ok || errno == EINVAL;
}

static bool
keep(struct injection *n, struct str name, struct str contents)
{
	size_t len = (size_t)(contents.data - name.data) + contents.len + 1;

	return buf_append(&n->saved, name.data, len);
}

static enum inject_end
rewrite_field(struct injection *n, const struct field_row *row, struct str name,
    struct str contents)
{
	struct buf *found = wanted(n, row);
	size_t before = n->saved.len;

	if (row->role == ROLE_TO && n->i->lists.len > 0 &&
	    !note_followers(n, contents))
		return end_memory(n);
	if (!write_list(n, name, contents, found)) {
		if (errno != EINVAL)
			return end_memory(n);
		/* Nobody asked for these recipients: the reader may look. */
		if (found != NULL || row->role == ROLE_SENDER)
			return bad_field(n, name, contents);
		if (!keep(n, name, contents))
			return end_memory(n);
	}
	if (!row->kept)
		n->saved.len = before;
	return INJECT_DONE;
}

static enum inject_end
take_field(struct injection *n, struct str name, struct str contents)
{
	enum field_id id = fields_find(name);
	const struct field_row *row = fields_row(id);

	if (is_dropped(n, id))
		return INJECT_DONE;
	/* An empty list stays as it is. */
	if (row->role != ROLE_NONE && str_trim(contents).len > 0)
		return rewrite_field(n, row, name, contents);
	if (row->kept && !keep(n, name, contents))
		return end_memory(n);
	return INJECT_DONE;
}

static enum inject_end
read_header(struct injection *n)
{
	struct str rest, name, contents;
	enum inject_end e = INJECT_DONE;
	bool blank = false;

	if (!intake_header(&n->intake, &n->header, &blank)) {
		if (n->intake.error != 0)
			return end_read(n);
		if (errno == EMSGSIZE)
			return end(n, INJECT_DATA,
			    "the header is longer than 1048576 bytes; put an "
			    "empty line before what is no header");
		return end_memory(n);
	}
	/* What is no field begins the body, behind an empty line. */
	if (!blank && intake_bytes(&n->intake, &rest) &&
	    !buf_append_byte(&n->body, '\n'))
		return end_memory(n);
	survey(n);
	rest = buf_str(&n->header);
	while (e == INJECT_DONE && intake_field(&rest, &name, &contents))
		e = take_field(n, name, contents);
	return e;
}

/* The sender: asked for, of Return-Path, or the caller. */
static enum inject_end
find_sender(struct injection *n, int64_t seconds)
{
	struct inject *i = n->i;
	struct str rest = buf_str(&n->back), first;

	if (i->has_sender)
		return INJECT_DONE;
	if (str_cut(&rest, '\0', &first)) {
		if (!buf_append_str(&i->sender, first) ||
		    (i->who.own_recipients && first.len > 0 &&
			!buf_append_text(&i->sender, "-@[]")))
			return end_memory(n);
		return INJECT_DONE;
	}
	if (identity_sender(&i->who, &i->hosts, seconds, &i->sender))
		return INJECT_DONE;
	if (errno != EINVAL)
		return end_memory(n);
	return end(n, INJECT_USAGE,
	    "the caller's name makes no address; look at $QMAILUSER, $USER, "
	    "$QMAILHOST and their kin");
}

static enum inject_end
make_fields(struct injection *n, int64_t seconds)
{
	const struct compose c = {.seen = n->seen,
	    .resent = n->resent,
	    .seconds = seconds,
	    .idhost = n->i->idhost,
	    .who = &n->i->who,
	    .hosts = &n->i->hosts,
	    .lists = buf_str(&n->i->lists),
	    .followers = buf_str(&n->follow)};

	if (compose_fields(&c, &n->made))
		return INJECT_DONE;
	if (errno == EINVAL)
		return end(n, INJECT_USAGE,
		    "the caller's name makes no address; look at $QMAILUSER, "
		    "$USER, $QMAILHOST and their kin");
	return end_memory(n);
}

/* Some recipient that is an address. */
static bool
has_recipients(const struct injection *n)
{
	for (size_t i = 0; i < n->to.len; i++)
		if (n->to.data[i] != '\0')
			return true;
	return n->i->recipients.len > 0;
}

/* Wait for the whole body, or its first INJECT_KEPT bytes, before the queue is
 * asked for anything: a caller may take his time. */
static enum inject_end
await_body(struct injection *n)
{
	struct str bytes;

	while (n->body.len < INJECT_KEPT && intake_bytes(&n->intake, &bytes)) {
		if (!buf_append_str(&n->body, bytes))
			return end_memory(n);
		intake_use(&n->intake, bytes.len);
	}
	return n->intake.error == 0 ? INJECT_DONE : end_read(n);
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] > 127)
			return false;
	return true;
}

static void
tell_options(struct injection *n)
{
	const struct inject *i = n->i;
	const struct {
		char kind;
		const char *text;
	} rows[] = {
	    {'R', i->ret  },
            {'E', i->envid},
            {'B', i->body }
        };

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		if (rows[r].text != NULL)
			outlet_record(
			    &n->outlet, rows[r].kind, str_of(rows[r].text));
	if (!is_ascii(buf_str(&i->sender)) ||
	    !is_ascii(buf_str(&i->recipients)) || !is_ascii(buf_str(&n->to)))
		outlet_record(&n->outlet, 'U', (struct str){"", 0});
}

static void
tell_recipients(struct injection *n, struct str list)
{
	struct str one;

	while (str_cut(&list, '\0', &one)) {
		if (one.len == 0)
			continue;
		outlet_record(&n->outlet, 'T', one);
		if (n->i->notify != NULL)
			outlet_record(&n->outlet, 'N', str_of(n->i->notify));
	}
}

static bool
print_sender(struct injection *n, struct buf *out)
{
	struct str local, domain;

	address_split(buf_str(&n->i->sender), &local, &domain);
	return buf_append_text(out, "Return-Path: <") &&
	       address_quote(out, local, domain) && buf_append_text(out, ">\n");
}

static void
pour(struct injection *n)
{
	struct str bytes;

	outlet_body(&n->outlet, buf_str(&n->made));
	outlet_body(&n->outlet, buf_str(&n->saved));
	outlet_body(&n->outlet, buf_str(&n->body));
	while (n->outlet.code == 0 && intake_bytes(&n->intake, &bytes)) {
		outlet_body(&n->outlet, bytes);
		intake_use(&n->intake, bytes.len);
	}
}

/* What the queue answered, in words that say what to do. */
static enum inject_end
understand(struct injection *n, const struct submit_result *r)
{
	const char *next = "";
	bool never = r->text[0] == 'D';

	if (r->code == QQ_OK)
		return INJECT_DONE;
	if (r->code == QQ_CONNECT && n->i->program == NULL)
		next = "; is culver-queued up? culver status tells";
	else if (r->code == QQ_EXEC)
		next = "; look at $QMAILQUEUE";
	else if (r->code == QQ_CONFIG)
		next = "; culver control check tells what is wrong";
	else if (!never)
		next = "; try again";
	(void)snprintf(n->i->why, sizeof(n->i->why),
	    "the message is not %s: %s%s", n->i->print ? "printed" : "queued",
	    r->text[0] == '\0' ? "" : r->text + 1, next);
	return never ? INJECT_REFUSED : INJECT_TEMP;
}

static enum inject_end
hand_over(struct injection *n)
{
	const struct inject *i = n->i;
	struct submit_result result;

	outlet_open(&n->outlet,
	    i->print             ? OUTLET_PRINT
	    : i->program != NULL ? OUTLET_PROGRAM
				 : OUTLET_QUEUE,
	    i->program);
	pour(n);
	if (n->intake.error != 0) {
		outlet_abandon(&n->outlet);
		return end_read(n);
	}
	outlet_record(&n->outlet, 'F', buf_str(&i->sender));
	tell_options(n);
	tell_recipients(n, buf_str(&i->recipients));
	tell_recipients(n, buf_str(&n->to));
	outlet_commit(&n->outlet, &result);
	return understand(n, &result);
}

static enum inject_end
run(struct injection *n)
{
	int64_t seconds = clock_wall() / CLOCK_SECOND;
	enum inject_end e = read_header(n);

	if (e == INJECT_DONE)
		e = find_sender(n, seconds);
	if (e == INJECT_DONE && !n->i->print && !has_recipients(n))
		return end(n, INJECT_USAGE,
		    n->listen ? "no recipients; name them as arguments, or in "
				"the message's To, Cc or Bcc"
			      : "no recipients; name them as arguments");
	if (e == INJECT_DONE && n->i->print && !print_sender(n, &n->made))
		return end_memory(n);
	if (e == INJECT_DONE)
		e = make_fields(n, seconds);
	if (e == INJECT_DONE)
		e = await_body(n);
	return e == INJECT_DONE ? hand_over(n) : e;
}

enum inject_end
inject_run(struct inject *i, int fd)
{
	static struct injection n;
	struct buf *const bufs[] = {
	    &n.header, &n.saved, &n.made, &n.to, &n.follow, &n.back, &n.body};
	enum inject_end e;

	memset(&n, 0, sizeof(n));
	n.i = i;
	n.listen = i->to == INJECT_TO_HEADER || i->to == INJECT_TO_BOTH ||
		   (i->to == INJECT_TO_EITHER && i->recipients.len == 0);
	for (size_t b = 0; b < sizeof(bufs) / sizeof(bufs[0]); b++)
		bufs[b]->max = HEAD_MAX;
	intake_open(&n.intake, fd);
	e = run(&n);
	for (size_t b = 0; b < sizeof(bufs) / sizeof(bufs[0]); b++)
		buf_free(bufs[b]);
	return e;
}
