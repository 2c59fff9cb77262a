/* maildir: the names of files in a Maildir; see maildir.h. */
#include "wire/maildir.h"

#include "lib/num.h"
#include <string.h>

enum {
	/* As written.  With the longest numbers 208 bytes: flags and keywords
	 * of IMAP servers still fit behind it into 255. */
	HOST_MAX = 96,
	ESCAPE = 4 /* bytes of one escaped byte */
};
_Static_assert(NUM_SIZE + 2 + 2 * QUEUE_TOKEN + 1 + NUM_SIZE + 1 + HOST_MAX +
		       2 * (3 + NUM_SIZE) <
		   MAILDIR_NAME,
    "the longest name fits");

/* Bytes that end a part of the name, or that no name should hold. */
static bool
is_plain(char c)
{
	return c > ' ' && c < 127 && strchr("/:,\\", c) == NULL;
}

static char *
put_text(char *out, const char *text)
{
	size_t len = strlen(text);

	memcpy(out, text, len + 1);
	return out + len;
}

static char *
put_number(char *out, uint64_t n)
{
	return out + num_format(out, n);
}

static char *
put_host(char *out, struct str host)
{
	const char *end = out + HOST_MAX;

	for (size_t i = 0; i < host.len; i++) {
		unsigned char c = (unsigned char)host.data[i];

		if (is_plain(host.data[i]) && end - out >= 1) {
			*out++ = (char)c;
		} else if (!is_plain(host.data[i]) && end - out >= ESCAPE) {
			*out++ = '\\';
			*out++ = (char)('0' + (c >> 6));
			*out++ = (char)('0' + (c >> 3 & 7));
			*out++ = (char)('0' + (c & 7));
		} else {
			break;
		}
	}
	return out;
}

void
maildir_name_write(char out[MAILDIR_NAME], const struct maildir_name *n)
{
	const int64_t second = 1000000;
	char *at = out;

	at = put_number(
	    at, n->arrived > 0 ? (uint64_t)(n->arrived / second) : 0);
	at = put_text(at, ".q");
	num_hex(at, n->token, QUEUE_TOKEN);
	at = put_text(at + strlen(at), "r");
	at = put_number(at, n->number);
	at = put_text(at, ".");
	at = put_host(at, n->host);
	at = put_text(at, ",S=");
	at = put_number(at, n->size);
	if (n->wire_size == 0)
		return;
	at = put_text(at, ",W=");
	put_number(at, n->wire_size);
}

/* The number after key in one of the parts that commas divide; the first part
 * is not asked. */
static bool
find_size(struct str name, const char *key, uint64_t *size)
{
	struct str rest = maildir_name_base(name), part;

	if (!str_cut(&rest, ',', &part))
		return false;
	while (str_cut(&rest, ',', &part))
		if (str_starts(part, str_of(key)))
			return num_parse(str_slice(part, strlen(key), part.len),
			    UINT64_MAX, size);
	return false;
}

bool
maildir_name_size(struct str name, uint64_t *size)
{
	return find_size(name, "S=", size);
}

bool
maildir_name_wire_size(struct str name, uint64_t *wire_size)
{
	return find_size(name, "W=", wire_size);
}

struct str
maildir_name_base(struct str name)
{
	return str_slice(name, 0, str_find(name, ':'));
}
