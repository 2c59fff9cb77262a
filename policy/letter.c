/* letter: the mail that brings a report; see letter.h. */
#define ZLIB_CONST /* it reads only */
#include "policy/letter.h"

#include "lib/address.h"
#include "lib/date.h"
#include "lib/num.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
	GZIP = 16 + MAX_WBITS,
	MEMORY = 8, /* zlib's default */
	PIECE = 16384,
	LINE_BYTES = 57, /* 76 characters of base64, RFC 2045, 6.8 */
	DAY = 24 * 60 * 60
};

static bool
deflate_all(z_stream *z, struct buf *b)
{
	int r;

	do {
		if (!buf_reserve(b, PIECE))
			return false;
		z->next_out = (unsigned char *)b->data + b->len;
		z->avail_out = PIECE;
		r = deflate(z, Z_FINISH);
		b->len += PIECE - z->avail_out;
	} while (r == Z_OK || r == Z_BUF_ERROR);
	if (r != Z_STREAM_END)
		errno = ENOMEM;
	return r == Z_STREAM_END;
}

bool
letter_gzip(struct buf *b, struct str what)
{
	z_stream z = {.next_in = (const unsigned char *)what.data,
	    .avail_in = (unsigned)what.len};
	size_t mark = b->len;
	bool ok;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, MEMORY,
		Z_DEFAULT_STRATEGY) != Z_OK) {
		errno = ENOMEM;
		return false;
	}
	ok = deflate_all(&z, b);
	(void)deflateEnd(&z);
	if (!ok)
		b->len = mark;
	return ok;
}

bool
letter_address(struct buf *b, struct str place)
{
	struct buf plain = {.max = ADDRESS_MAX}, form = {.max = ADDRESS_MAX};
	struct address a;
	unsigned char byte;
	bool ok = true;

	for (size_t i = 0; ok && i < place.len; i++) {
		byte = (unsigned char)place.data[i];
		if (byte == '%' &&
		    num_unhex(str_slice(place, i + 1, i + 3), &byte, 1))
			i += 2;
		ok = buf_append_byte(&plain, (char)byte);
	}
	ok = ok &&
	     address_parse(buf_str(&plain), false, &form, &a) == ADDRESS_OK &&
	     a.domain.len > 0 && !a.literal &&
	     buf_append_str(b, buf_str(&form));
	buf_free(&plain);
	buf_free(&form);
	return ok;
}

static bool
put_base64(struct buf *b, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				     "nopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.len; i += 3) {
		size_t n = s.len - i < 3 ? s.len - i : 3;
		unsigned char in[3] = {0};
		char out[4];

		memcpy(in, s.data + i, n);
		out[0] = digits[in[0] >> 2];
		out[1] = digits[(in[0] & 3) << 4 | in[1] >> 4];
		out[2] = n < 2 ? '=' : digits[(in[1] & 15) << 2 | in[2] >> 6];
		out[3] = n < 3 ? '=' : digits[in[2] & 63];
		if (!buf_append(b, out, sizeof(out)) ||
		    ((i + 3 >= s.len || (i + 3) % LINE_BYTES == 0) &&
			!buf_append_byte(b, '\n')))
			return false;
	}
	return true;
}

/* One line, or the end of one. */
static bool
put(struct buf *b, const char *before, struct str what, const char *behind)
{
	return buf_append_text(b, before) && buf_append_str(b, what) &&
	       buf_append_text(b, behind);
}

/* Between the parts: not too long (RFC 2046, 5.1.1), and with bytes that base64
 * has not. */
static struct str
bound(struct str id)
{
	return str_slice(id, 0, str_find(id, '@'));
}

static bool
put_header(struct buf *b, const struct report *r, struct str to, struct str id,
    const char *date)
{
	return put(b, "Date: ", str_of(date), "\n") &&
	       put(b, "From: ", r->contact, "\n") && put(b, "To: ", to, "\n") &&
	       put(b, "Subject: Report Domain: ", r->domain, "") &&
	       put(b, " Submitter: ", r->submitter, "") &&
	       put(b, " Report-ID: <", id, ">\n") &&
	       put(b, "Message-ID: <", id, ">\n") &&
	       put(b, "TLS-Report-Domain: ", r->domain, "\n") &&
	       put(b, "TLS-Report-Submitter: ", r->submitter, "\n") &&
	       /* RFC 8460, 3 and RFC 8689: a report on broken TLS must not
		* be held up by it. */
	       buf_append_text(b, "TLS-Required: No\n"
				  "Auto-Submitted: auto-generated\n"
				  "MIME-Version: 1.0\n") &&
	       put(b,
		   "Content-Type: multipart/report; report-type=tlsrpt;\n"
		   " boundary=\"",
		   bound(id), "\"\n\n");
}

static bool
put_parts(struct buf *b, const struct report *r, struct str id, struct str gzip)
{
	char range[2 * NUM_SIZE + 16];

	(void)snprintf(range, sizeof(range),
	    "!%" PRId64 "!%" PRId64 ".json.gz\"\n\n", r->start,
	    r->start + DAY - 1);
	return put(b, "--", bound(id),
		   "\nContent-Type: text/plain; charset=us-ascii\n\n") &&
	       put(b, "This is a daily report on TLS (RFC 8460) from ",
		   r->submitter, ",\n") &&
	       put(b, "for mail to ", r->domain, ".\n\n") &&
	       put(b, "--", bound(id),
		   "\nContent-Type: " LETTER_TYPE
		   "\nContent-Transfer-Encoding: base64\n") &&
	       put(b, "Content-Disposition: attachment;\n filename=\"",
		   r->submitter, "!") &&
	       put(b, "", r->domain, range) && put_base64(b, gzip) &&
	       put(b, "\n--", bound(id), "--\n");
}

bool
letter_write(struct buf *b, const struct report *r, struct str to,
    struct str gzip, int64_t now)
{
	char date[DATE_SIZE], name[REPORT_ID_SIZE];

	date_rfc5322(date, now);
	report_id(r, name);
	return put_header(b, r, to, str_of(name), date) &&
	       put_parts(b, r, str_of(name), gzip);
}
