/* counts: sessions by day; see counts.h. */
#include "policy/counts.h"

#include "lib/date.h"
#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { DAY_LENGTH = 10, CRC_DIGITS = 8 };

void
counts_day(char day[COUNTS_DAY_SIZE], int64_t now)
{
	char iso[DATE_SIZE];

	date_iso(iso, now);
	(void)str_copy(day, COUNTS_DAY_SIZE, (struct str){iso, DAY_LENGTH});
}

static bool
put_escaped(struct buf *b, struct str s)
{
	char hex[4];

	if (s.len == 0)
		return buf_append_byte(b, '-');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c > 32 && c < 127 && c != '%' && (c != '-' || s.len > 1)) {
			if (!buf_append_byte(b, (char)c))
				return false;
			continue;
		}
		(void)snprintf(hex, sizeof(hex), "%%%02X", c);
		if (!buf_append_text(b, hex))
			return false;
	}
	return true;
}

static bool
put_word(struct buf *b, struct str s)
{
	return buf_append_byte(b, ' ') && put_escaped(b, s);
}

/* What went well is told apart by its policy alone (RFC 8460, 4.4). */
static bool
put_words(struct buf *b, const struct sts_report *r)
{
	static const struct str none = {"", 0};
	bool failed = r->result != STS_SUCCESS;
	char sending[IP_SIZE] = "", receiving[IP_SIZE] = "";

	if (failed && r->reached) {
		ip_format(sending, &r->sending);
		ip_format(receiving, &r->receiving);
	}
	return put_escaped(b, r->domain) &&
	       put_word(b, str_of(sts_type_name(r->type))) &&
	       put_word(b, r->base) && put_word(b, r->policy) &&
	       put_word(b, str_of(sts_result_name(r->result))) &&
	       put_word(b, failed ? r->mx : none) &&
	       put_word(b, str_of(sending)) && put_word(b, str_of(receiving)) &&
	       put_word(b, failed ? r->reason : none);
}

static uint32_t
sum(struct str s)
{
	return (uint32_t)crc32(
	    0, (const unsigned char *)s.data, (unsigned)s.len);
}

static bool
put_line(struct buf *b, struct str words, uint64_t n)
{
	struct buf rest = {.max = COUNTS_LINE};
	char crc[CRC_DIGITS + 2];
	bool ok = buf_append_number(&rest, n) && buf_append_byte(&rest, ' ') &&
		  buf_append_str(&rest, words);

	if (ok) {
		(void)snprintf(
		    crc, sizeof(crc), "%08" PRIx32 " ", sum(buf_str(&rest)));
		ok = buf_append_text(b, crc) &&
		     buf_append_str(b, buf_str(&rest)) &&
		     buf_append_byte(b, '\n');
	}
	buf_free(&rest);
	return ok;
}

/* Add to the day's file.  One that ends within a line was torn: what is added
 * begins a new one. */
static bool
append(int dirfd, const char *day, struct buf *b)
{
	char last = '\n';
	struct stat st;
	bool ok = false;
	int fd = openat(dirfd, day,
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 &&
	    (st.st_size == 0 || pread(fd, &last, 1, st.st_size - 1) == 1)) {
		ok = st.st_size < COUNTS_FILE_MAX;
		if (!ok)
			errno = EFBIG;
	}
	ok = ok && (last == '\n' || fd_write_all(fd, "\n", 1)) &&
	     fd_write_all(fd, b->data, b->len);
	fd_close(&fd);
	return ok;
}

static void
forget(struct counts *c)
{
	for (size_t i = 0; i < c->used; i++)
		buf_free(&c->rows[i].words);
	c->used = 0;
}

bool
counts_write(struct counts *c, int dirfd)
{
	struct buf b = {.max = (size_t)COUNTS_MOST * COUNTS_LINE};
	bool ok = true;

	for (size_t i = 0; ok && i < c->used; i++)
		ok = put_line(&b, buf_str(&c->rows[i].words), c->rows[i].n);
	ok = ok && (c->used == 0 || append(dirfd, c->day, &b));
	if (!ok && errno == EFBIG) {
		ok = c->full;
		c->full = true;
	}
	buf_free(&b);
	forget(c);
	return ok;
}

static bool
add_words(struct counts *c, struct buf *words)
{
	for (size_t i = 0; i < c->used; i++)
		if (str_equal(buf_str(&c->rows[i].words), buf_str(words))) {
			c->rows[i].n++;
			buf_free(words);
			return true;
		}
	c->rows[c->used].words = *words;
	c->rows[c->used++].n = 1;
	return true;
}

bool
counts_add(struct counts *c, int dirfd, const struct sts_report *r, int64_t now)
{
	struct buf words = {.max = COUNTS_LINE - NUM_SIZE};
	char day[COUNTS_DAY_SIZE];
	bool fine = true;

	counts_day(day, now);
	if (c->used == COUNTS_MOST || strcmp(day, c->day) != 0)
		fine = counts_write(c, dirfd);
	if (strcmp(day, c->day) != 0)
		c->full = false;
	memcpy(c->day, day, sizeof(day));
	if (!put_words(&words, r)) {
		buf_free(&words);
		return false;
	}
	return add_words(c, &words) && fine;
}

bool
counts_line(struct str line, struct count_line *l)
{
	struct str *const parts[] = {&l->domain, &l->type, &l->base, &l->policy,
	    &l->result, &l->mx, &l->sending, &l->receiving, &l->reason};
	struct str crc, n;
	uint64_t is;

	if (!str_cut(&line, ' ', &crc) || crc.len != CRC_DIGITS ||
	    !num_parse_hex(crc, UINT32_MAX, &is) || sum(line) != is ||
	    !str_cut(&line, ' ', &n) || !num_parse(n, UINT64_MAX, &l->n))
		return false;
	l->words = line;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!str_cut(&line, ' ', parts[i]) || parts[i]->len == 0)
			return false;
	return line.len == 0;
}

bool
counts_plain(struct buf *b, struct str part)
{
	unsigned char byte;

	if (str_equal(part, str_of("-")))
		return true;
	for (size_t i = 0; i < part.len; i++) {
		byte = (unsigned char)part.data[i];
		if (byte == '%' &&
		    num_unhex(str_slice(part, i + 1, i + 3), &byte, 1))
			i += 2;
		if (!buf_append_byte(b, (char)byte))
			return false;
	}
	return true;
}
