/* message: the head of a queue file, and its checks; see message.h. */
#include "wire/message.h"

#include "lib/crc.h"
#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MICRO = 1000000,
	CRC_DIGITS = 8,
	WINDOW = 32768 /* bytes read at once by a check */
};

/* The numbers of a head in their order. */
enum number {
	N_SECONDS,
	N_MICRO,
	N_TOKEN_HIGH,
	N_TOKEN_LOW,
	N_UID,
	N_WRITER,
	N_BODY_AT,
	N_BODY_LEN,
	N_LINES,
	N_BODY_CRC,
	N_ENVELOPE_AT,
	N_ENVELOPE_LEN,
	N_ENVELOPE_CRC,
	N_ID_HASH,
	NUMBERS
};

static const uint64_t seconds_max = 999999999999; /* twelve digits */

/* Each number with the text before it. */
static const struct field {
	const char *before;
	size_t digits;
	unsigned base;
	uint64_t max;
} fields[NUMBERS] = {
    {"culver-message 1\narrived ", 12,         10, seconds_max},
    {".",			  6,          10, 999999     },
    {"\ntoken ",		   16,         16, UINT64_MAX },
    {"",			   16,         16, UINT64_MAX },
    {"\nsubmitter uid ",           10,         10, UINT32_MAX },
    {" writer ",		   10,         10, UINT32_MAX },
    {"\nbody at ",                 20,         10, UINT64_MAX },
    {" length ",		   20,         10, UINT64_MAX },
    {" lines ",		    20,         10, UINT64_MAX },
    {" crc32 ",		    CRC_DIGITS, 16, UINT32_MAX },
    {"\nenvelope at ",             20,         10, UINT64_MAX },
    {" length ",		   20,         10, UINT64_MAX },
    {" crc32 ",		    CRC_DIGITS, 16, UINT32_MAX },
    {"\nmessage-id ",              16,         16, UINT64_MAX },
};

static const char last[] = "head crc32 ";

enum {
	LAST_LEN = sizeof(last) - 1,
	LAST_AT = MESSAGE_HEAD - (LAST_LEN + CRC_DIGITS + 1)
};

static void
put_number(char *out, size_t digits, unsigned base, uint64_t n)
{
	for (size_t i = digits; i > 0; i--) {
		out[i - 1] = "0123456789abcdef"[n % base];
		n /= base;
	}
}

static uint64_t
get64(const unsigned char in[8])
{
	return (uint64_t)num_get32(in) << 32 | num_get32(in + 4);
}

static void
put64(unsigned char out[8], uint64_t n)
{
	num_put32(out, (uint32_t)(n >> 32));
	num_put32(out + 4, (uint32_t)n);
}

static void
to_numbers(uint64_t n[NUMBERS], const struct message *m)
{
	uint64_t arrived = m->arrived < 0 ? 0 : (uint64_t)m->arrived;

	if (arrived / MICRO > seconds_max)
		arrived = seconds_max * MICRO;
	n[N_SECONDS] = arrived / MICRO;
	n[N_MICRO] = arrived % MICRO;
	n[N_TOKEN_HIGH] = get64(m->token);
	n[N_TOKEN_LOW] = get64(m->token + 8);
	n[N_UID] = m->uid;
	n[N_WRITER] = m->writer;
	n[N_BODY_AT] = m->body_at;
	n[N_BODY_LEN] = m->body_len;
	n[N_LINES] = m->lines;
	n[N_BODY_CRC] = m->body_crc;
	n[N_ENVELOPE_AT] = m->envelope_at;
	n[N_ENVELOPE_LEN] = m->envelope_len;
	n[N_ENVELOPE_CRC] = m->envelope_crc;
	n[N_ID_HASH] = m->id_hash;
}

static void
from_numbers(struct message *m, const uint64_t n[NUMBERS])
{
	m->arrived = (int64_t)(n[N_SECONDS] * MICRO + n[N_MICRO]);
	put64(m->token, n[N_TOKEN_HIGH]);
	put64(m->token + 8, n[N_TOKEN_LOW]);
	m->uid = (uint32_t)n[N_UID];
	m->writer = (uint32_t)n[N_WRITER];
	m->body_at = n[N_BODY_AT];
	m->body_len = n[N_BODY_LEN];
	m->lines = n[N_LINES];
	m->body_crc = (uint32_t)n[N_BODY_CRC];
	m->envelope_at = n[N_ENVELOPE_AT];
	m->envelope_len = n[N_ENVELOPE_LEN];
	m->envelope_crc = (uint32_t)n[N_ENVELOPE_CRC];
	m->id_hash = n[N_ID_HASH];
}

void
message_write(char out[MESSAGE_HEAD], const struct message *m)
{
	uint64_t n[NUMBERS];
	char *p = out;

	to_numbers(n, m);
	memset(out, ' ', MESSAGE_HEAD);
	for (size_t i = 0; i < NUMBERS; i++) {
		size_t len = strlen(fields[i].before);

		memcpy(p, fields[i].before, len);
		put_number(p + len, fields[i].digits, fields[i].base, n[i]);
		p += len + fields[i].digits;
	}
	*p = '\n';
	out[LAST_AT - 1] = '\n';
	memcpy(out + LAST_AT, last, LAST_LEN);
	put_number(out + LAST_AT + LAST_LEN, CRC_DIGITS, 16,
	    crc_add(0, (struct str){out, LAST_AT}));
	out[MESSAGE_HEAD - 1] = '\n';
}

static bool
parse(const char in[MESSAGE_HEAD], uint64_t n[NUMBERS])
{
	struct str all = {in, MESSAGE_HEAD};
	size_t at = 0;

	for (size_t i = 0; i < NUMBERS; i++) {
		const struct field *f = &fields[i];
		struct str digits;

		at += strlen(f->before);
		digits = str_slice(all, at, at + f->digits);
		if (!(f->base == 10 ? num_parse(digits, f->max, &n[i])
				    : num_parse_hex(digits, f->max, &n[i])))
			return false;
		at += f->digits;
	}
	return true;
}

/* The parts follow each other and fill the file. */
static bool
fills(const struct message *m, uint64_t file_size)
{
	uint64_t end;

	return m->body_at == MESSAGE_HEAD &&
	       !__builtin_add_overflow(m->body_at, m->body_len, &end) &&
	       m->envelope_at == end &&
	       !__builtin_add_overflow(end, m->envelope_len, &end) &&
	       end == file_size && m->lines <= m->body_len;
}

/* Writing again what was read compares every byte: text between the numbers,
 * blanks and the crc32 among them. */
bool
message_read(const char in[MESSAGE_HEAD], uint64_t file_size, struct message *m)
{
	uint64_t n[NUMBERS];
	char again[MESSAGE_HEAD];
	struct message got = {0};

	errno = EPROTO;
	if (!parse(in, n))
		return false;
	from_numbers(&got, n);
	message_write(again, &got);
	if (memcmp(in, again, MESSAGE_HEAD) != 0 || !fills(&got, file_size))
		return false;
	*m = got;
	return true;
}

static bool
open_read(int fd, uid_t owner, struct message *m)
{
	char head[MESSAGE_HEAD];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode) || st.st_uid != owner) {
		errno = EPERM;
		return false;
	}
	if (st.st_size < MESSAGE_HEAD) {
		errno = EPROTO;
		return false;
	}
	if (!fd_pread_all(fd, head, sizeof(head), 0) ||
	    !message_read(head, (uint64_t)st.st_size, m))
		return false;
	m->ino = st.st_ino;
	m->links = (uint32_t)st.st_nlink;
	return true;
}

int
message_open(const char *path, uid_t owner, struct message *m)
{
	int fd;

	/* O_NONBLOCK: a fifo in its place does not make us wait. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ELOOP || errno == ENXIO)
			errno = EPERM;
		return -1;
	}
	if (!open_read(fd, owner, m))
		fd_close(&fd);
	return fd;
}

static bool
check(int fd, uint64_t at, uint64_t len, uint32_t want)
{
	char window[WINDOW];
	uint32_t crc = 0;

	while (len > 0) {
		size_t n = len < WINDOW ? (size_t)len : WINDOW;

		if (!fd_pread_all(fd, window, n, (off_t)at)) {
			if (errno == EPIPE) /* the file ends too early */
				errno = EPROTO;
			return false;
		}
		crc = crc_add(crc, (struct str){window, n});
		at += n;
		len -= n;
	}
	errno = EPROTO;
	return crc == want;
}

bool
message_check_body(int fd, const struct message *m)
{
	return check(fd, m->body_at, m->body_len, m->body_crc);
}

bool
message_check_envelope(int fd, const struct message *m)
{
	return check(fd, m->envelope_at, m->envelope_len, m->envelope_crc);
}

/* FNV-1a, 64 bits: it finds messages again; nothing is guarded by it. */
uint64_t
message_id_hash(struct str id)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < id.len; i++) {
		hash ^= (unsigned char)id.data[i];
		hash *= 0x100000001b3;
	}
	return hash == 0 ? 1 : hash;
}
