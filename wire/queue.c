/* queue: names and texts of the queue; see queue.h. */
#include "wire/queue.h"

#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
	INO_DIGITS = 20,
	BLANK_AT = INO_DIGITS,
	TOKEN_AT = BLANK_AT + 1,
	TOKEN_DIGITS = 2 * QUEUE_TOKEN,
	LF_AT = TOKEN_AT + TOKEN_DIGITS,
	FORMAT_FILE_MAX = 128 /* bytes of queue/format */
};
_Static_assert(LF_AT + 1 == QUEUE_HINT_SIZE, "a hint is as long as it says");

static bool
format_parse(struct str text, unsigned *split)
{
	struct str line, blank = str_of("split ");
	uint64_t n;

	if (!str_cut(&text, '\n', &line) ||
	    !str_equal(line, str_of("culver-queue 1")))
		return false;
	if (!str_cut(&text, '\n', &line) || text.len > 0 ||
	    !str_starts(line, blank) ||
	    !num_parse(
		str_slice(line, blank.len, line.len), QUEUE_SPLIT_MAX, &n) ||
	    n == 0)
		return false;
	*split = (unsigned)n;
	return true;
}
_Static_assert(QUEUE_FORMAT == 1, "format_parse knows this version only");

bool
queue_split_read(unsigned *split)
{
	struct buf text = {.max = FORMAT_FILE_MAX};
	bool ok;

	ok = fd_read_file(AT_FDCWD, QUEUE_FORMAT_FILE, &text);
	if (ok && !format_parse(buf_str(&text), split)) {
		errno = EPROTO;
		ok = false;
	} else if (!ok && errno == EMSGSIZE)
		errno = EPROTO;
	buf_free(&text);
	return ok;
}

static void
path(
    char out[QUEUE_PATH_SIZE], const char *folder, unsigned split, uint64_t ino)
{
	snprintf(out, QUEUE_PATH_SIZE, "%s/%u/%llu", folder,
	    (unsigned)(ino % split), (unsigned long long)ino);
}

void
queue_mess_path(char out[QUEUE_PATH_SIZE], unsigned split, uint64_t ino)
{
	path(out, QUEUE_MESS, split, ino);
}

void
queue_info_path(char out[QUEUE_PATH_SIZE], unsigned split, uint64_t ino)
{
	path(out, QUEUE_INFO, split, ino);
}

void
queue_pool_path(char out[QUEUE_PATH_SIZE], uint64_t ino)
{
	snprintf(
	    out, QUEUE_PATH_SIZE, QUEUE_POOL "/%llu", (unsigned long long)ino);
}

bool
queue_name_parse(
    struct str name, unsigned folder, unsigned split, uint64_t *ino)
{
	uint64_t n;

	if (name.len == 0 || name.data[0] == '0' ||
	    !num_parse(name, UINT64_MAX, &n) || n % split != folder)
		return false;
	*ino = n;
	return true;
}

void
queue_hint_write(char out[QUEUE_HINT_SIZE], uint64_t ino,
    const unsigned char token[QUEUE_TOKEN])
{
	char hex[QUEUE_TOKEN_TEXT];

	for (size_t i = INO_DIGITS; i > 0; i--) {
		out[i - 1] = (char)('0' + ino % 10);
		ino /= 10;
	}
	out[BLANK_AT] = ' ';
	num_hex(hex, token, QUEUE_TOKEN);
	memcpy(out + TOKEN_AT, hex, TOKEN_DIGITS);
	out[LF_AT] = '\n';
}

bool
queue_hint_read(const char in[QUEUE_HINT_SIZE], uint64_t *ino,
    unsigned char token[QUEUE_TOKEN])
{
	struct str all = {in, QUEUE_HINT_SIZE};
	unsigned char bytes[QUEUE_TOKEN];
	uint64_t n;

	if (in[BLANK_AT] != ' ' || in[LF_AT] != '\n' ||
	    !num_parse(str_slice(all, 0, INO_DIGITS), UINT64_MAX, &n) ||
	    n == 0 ||
	    !num_unhex(str_slice(all, TOKEN_AT, LF_AT), bytes, QUEUE_TOKEN))
		return false;
	*ino = n;
	memcpy(token, bytes, QUEUE_TOKEN);
	return true;
}

const char *
queue_code_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
#define QUEUE_CODE_ROW(code, id, text) {code, text},
	    QUEUE_CODES(QUEUE_CODE_ROW)
#undef QUEUE_CODE_ROW
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].text;
	if (code >= 11 && code <= 40)
		return "Dqq permanent problem (#5.3.0)";
	return "Zqq temporary problem (#4.3.0)";
}
