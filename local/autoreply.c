/* autoreply: answers of machines; see autoreply.h. */
#include "local/autoreply.h"

#include "lib/address.h"
#include "lib/date.h"
#include <errno.h>

/* The next field of *rest, folded lines and all: its name, and what follows the
 * colon.  False at the end of the header. */
static bool
next_field(struct str *rest, struct str *name, struct str *value)
{
	const struct str all = *rest;
	struct str line;
	size_t len = 0;

	if (!str_cut(rest, '\n', &line) || line.len == 0)
		return false;
	while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
		(void)str_cut(rest, '\n', &line);
	len = (size_t)(line.data + line.len - all.data);
	*name = str_slice(all, 0, str_find(all, ':'));
	if (name->len > len)
		name->len = len;
	*value = str_slice(all, name->len + 1, len);
	*name = str_trim(*name);
	return true;
}

/* The first word of a value, without what a ';' begins. */
static bool
says(struct str value, const char *word)
{
	value = str_trim(str_slice(value, 0, str_find(value, ';')));
	return str_equal_nocase(value, str_of(word));
}

static bool
is_one_of(struct str s, const char *const *names)
{
	for (; *names != NULL; names++)
		if (str_equal_nocase(s, str_of(*names)))
			return true;
	return false;
}

static bool
ends_nocase(struct str s, struct str end)
{
	return s.len >= end.len &&
	       str_equal_nocase(str_slice(s, s.len - end.len, s.len), end);
}

/* RFC 3834, 2: what mail of machines comes from. */
static bool
is_machine(struct str sender)
{
	static const char *const names[] = {"mailer-daemon", "listserv",
	    "majordomo", "postmaster", "daemon", "root", "nobody", "noreply",
	    "no-reply", "donotreply", "do-not-reply", "bounce", "bounces",
	    NULL};
	static const char *const ends[] = {
	    "-request", "-owner", "-bounces", "-bounce", NULL};
	struct str local, domain;

	address_split(sender, &local, &domain);
	for (size_t i = 0; ends[i] != NULL; i++)
		if (ends_nocase(local, str_of(ends[i])))
			return true;
	return str_starts_nocase(local, str_of("owner-")) ||
	       str_starts_nocase(local, str_of("bounces+")) ||
	       is_one_of(local, names);
}

/* Part of an address or of a word: what stands beside a whole one is not. */
static bool
is_part(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
	       c == '+' || c == '=' || c == '@' || (unsigned char)c >= 128;
}

static bool
has_address(struct str value, struct str address)
{
	for (size_t i = 0; i + address.len <= value.len; i++) {
		const size_t end = i + address.len;

		if (str_equal_nocase(str_slice(value, i, end), address) &&
		    (i == 0 || !is_part(value.data[i - 1])) &&
		    (end == value.len || !is_part(value.data[end])))
			return true;
	}
	return false;
}

static bool
is_to_me(const struct autoreply *a, struct str name, struct str value)
{
	static const char *const names[] = {
	    "To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc", NULL};

	if (!is_one_of(name, names))
		return false;
	for (size_t i = 0; i < a->mine_count; i++)
		if (has_address(value, a->mine[i]))
			return true;
	return false;
}

static const char *
refuse_field(struct str name, struct str value)
{
	static const char *const lists[] = {
	    "Mailing-List", "X-Mailing-List", "X-Loop", "X-BeenThere", NULL};

	if (str_equal_nocase(name, str_of("Auto-Submitted")) &&
	    !says(value, "no"))
		return "it was sent by a machine";
	if (str_equal_nocase(name, str_of("Precedence")) &&
	    (says(value, "bulk") || says(value, "list") || says(value, "junk")))
		return "it was sent in bulk";
	if (str_equal_nocase(name, str_of("X-Auto-Response-Suppress")) &&
	    !says(value, "none"))
		return "its sender wants no answers of machines";
	if (str_starts_nocase(name, str_of("List-")) || is_one_of(name, lists))
		return "it came by a list";
	return NULL;
}

const char *
autoreply_refusal(const struct autoreply *a)
{
	struct str rest = a->header, name, value;
	const char *refusal = NULL;
	bool to_me = false;

	if (a->sender.len == 0 || str_equal(a->sender, str_of("#@[]")))
		return "it has no sender";
	if (is_machine(a->sender))
		return "its sender is a machine";
	while (refusal == NULL && next_field(&rest, &name, &value)) {
		refusal = refuse_field(name, value);
		to_me = to_me || is_to_me(a, name, value);
	}
	if (refusal != NULL)
		return refusal;
	/* What it says further on is not known. */
	if (rest.len == 0 && a->header.len >= AUTOREPLY_HEADER)
		return "its header is too long";
	return to_me ? NULL : "it is not addressed to the user";
}

/* One line of it, and no more than a header should have. */
static bool
append_words(struct buf *b, struct str value)
{
	bool ok = true;

	value = str_trim(value);
	for (size_t i = 0; i < value.len && i < AUTOREPLY_WORDS && ok; i++) {
		unsigned char c = (unsigned char)value.data[i];

		ok = buf_append_byte(b, c < ' ' || c >= 127 ? ' ' : (char)c);
	}
	return ok;
}

static bool
append_address(struct buf *b, const char *field, struct str address)
{
	struct str local, domain;

	address_split(address, &local, &domain);
	return buf_append_text(b, field) && address_quote(b, local, domain) &&
	       buf_append_byte(b, '\n');
}

/* What the answer takes from the message: its subject and its id. */
static bool
append_fields(struct buf *b, const struct autoreply *a)
{
	struct str rest = a->header, name, value, subject = str_of("");
	struct str id = str_of("");

	while (next_field(&rest, &name, &value)) {
		if (str_equal_nocase(name, str_of("Subject")))
			subject = value;
		if (str_equal_nocase(name, str_of("Message-ID")))
			id = value;
	}
	if (!buf_append_text(b, "Subject: Auto: ") ||
	    !append_words(b, subject) || !buf_append_byte(b, '\n'))
		return false;
	if (str_trim(id).len == 0 || str_trim(id).len > AUTOREPLY_WORDS)
		return true;
	return buf_append_text(b, "In-Reply-To: ") && append_words(b, id) &&
	       buf_append_text(b, "\nReferences: ") && append_words(b, id) &&
	       buf_append_byte(b, '\n');
}

bool
autoreply_write(struct buf *b, const struct autoreply *a, struct str text,
    int64_t seconds, const char *unique)
{
	struct str local, domain;
	char date[DATE_SIZE];

	date_rfc5322(date, seconds);
	address_split(a->mine[0], &local, &domain);
	errno = EINVAL;
	if (!address_domain_ok(domain, true))
		return false;
	return buf_append_text(b, "Date: ") && buf_append_text(b, date) &&
	       append_address(b, "\nFrom: ", a->mine[0]) &&
	       append_address(b, "To: ", a->sender) && append_fields(b, a) &&
	       buf_append_text(b, "Message-ID: <") &&
	       buf_append_text(b, unique) && buf_append_byte(b, '@') &&
	       buf_append_str(b, domain) &&
	       buf_append_text(b,
		   ">\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
		   "Content-Type: text/plain; charset=utf-8\n"
		   "Content-Transfer-Encoding: 8bit\n\n") &&
	       buf_append_str(b, text) &&
	       (str_ends(text, str_of("\n")) || buf_append_byte(b, '\n'));
}
