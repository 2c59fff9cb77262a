/* store: files of policies; see store.h. */
#include "policy/store.h"

#include "lib/fd.h"
#include "lib/num.h"
#include "policy/text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* The name of its file.  False for what is none. */
static bool
name_of(char name[STS_DOMAIN_MAX + 1], struct str domain)
{
	if (sts_domain_ok(domain) && str_copy(name, STS_DOMAIN_MAX + 1, domain))
		return true;
	errno = EINVAL;
	return false;
}

static uint32_t
sum(struct str text)
{
	return (uint32_t)crc32(
	    0, (const unsigned char *)text.data, (unsigned)text.len);
}

/* The next word of line as a number. */
static bool
word(struct str *line, uint64_t most, uint64_t *n)
{
	struct str w;

	return str_cut(line, ' ', &w) && num_parse(w, most, n);
}

/* The first line, without its LF. */
static bool
read_head(struct str line, struct stored *s)
{
	uint64_t fetched, max_age, length, crc;
	struct str w;

	if (!str_cut(&line, ' ', &w) || !str_equal(w, str_of("sts1")) ||
	    !word(&line, INT32_MAX * (uint64_t)1000, &fetched) ||
	    !word(&line, STS_AGE_MAX, &max_age) ||
	    !word(&line, STS_TEXT_MAX, &length) || !str_cut(&line, ' ', &w) ||
	    !num_parse_hex(w, UINT32_MAX, &crc) || line.len == 0 ||
	    !str_copy(s->id, sizeof(s->id), line))
		return false;
	s->fetched = (int64_t)fetched;
	s->max_age = (uint32_t)max_age;
	s->length = (uint32_t)length;
	s->crc = (uint32_t)crc;
	return true;
}

static bool
read_whole(struct buf *text, struct stored *s, struct sts_policy *p)
{
	size_t line = str_find(buf_str(text), '\n');

	if (line == text->len ||
	    !read_head(str_slice(buf_str(text), 0, line), s))
		return false;
	buf_drop(text, line + 1);
	if (text->len != s->length || sum(buf_str(text)) != s->crc ||
	    !text_read(text->data, text->len, p) || p->max_age != s->max_age)
		return false;
	p->id = str_of(s->id);
	return true;
}

static enum found
missing(void)
{
	return errno == ENOENT ? FOUND_NO : FOUND_ERROR;
}

enum found
store_read(int dirfd, struct str domain, struct stored *s, struct buf *text,
    struct sts_policy *p)
{
	char name[STS_DOMAIN_MAX + 1];

	buf_clear(text);
	text->max = STORE_HEAD + STS_TEXT_MAX;
	if (!name_of(name, domain))
		return FOUND_ERROR;
	if (!fd_read_file(dirfd, name, text))
		return missing();
	if (read_whole(text, s, p))
		return FOUND_YES;
	errno = EPROTO;
	return FOUND_ERROR;
}

enum found
store_head(int dirfd, struct str domain, struct stored *s, int64_t *asked)
{
	char name[STS_DOMAIN_MAX + 1], head[STORE_HEAD];
	struct str line = {head, 0};
	struct stat st;
	ssize_t n = -1;
	int fd;

	if (!name_of(name, domain))
		return FOUND_ERROR;
	fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return missing();
	if (fstat(fd, &st) == 0)
		n = pread(fd, head, sizeof(head), 0);
	fd_close(&fd);
	if (n < 0)
		return FOUND_ERROR;
	*asked = st.st_mtime;
	line.len = (size_t)n;
	line.len = str_find(line, '\n');
	if (line.len < (size_t)n && read_head(line, s))
		return FOUND_YES;
	errno = EPROTO;
	return FOUND_ERROR;
}

bool
store_write(int dirfd, struct str domain, struct stored *s, struct str text)
{
	struct buf b = {.max = STORE_HEAD + STS_TEXT_MAX};
	char name[STS_DOMAIN_MAX + 1], head[STORE_HEAD];
	bool ok = name_of(name, domain);
	int n;

	s->length = (uint32_t)text.len;
	s->crc = sum(text);
	n = snprintf(head, sizeof(head),
	    "sts1 %" PRId64 " %" PRIu32 " %" PRIu32 " %08" PRIx32 " %s\n",
	    s->fetched, s->max_age, s->length, s->crc, s->id);
	ok = ok && buf_append(&b, head, (size_t)n) &&
	     buf_append_str(&b, text) &&
	     fd_replace_file(dirfd, name, buf_str(&b), 0644);
	buf_free(&b);
	return ok;
}

void
store_asked(int dirfd, struct str domain, int64_t now)
{
	const struct timespec when[2] = {
	    {.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)now}};
	char name[STS_DOMAIN_MAX + 1];

	/* Where it fails the policy is forgotten in time: no harm. */
	if (name_of(name, domain))
		(void)utimensat(dirfd, name, when, AT_SYMLINK_NOFOLLOW);
}

void
store_remove(int dirfd, struct str domain)
{
	char name[STS_DOMAIN_MAX + 1];

	if (name_of(name, domain))
		(void)unlinkat(dirfd, name, 0);
}

/* A clock that was set back makes nothing older. */
static int64_t
age(const struct stored *s, int64_t now)
{
	return now > s->fetched ? now - s->fetched : 0;
}

bool
store_expired(const struct stored *s, int64_t now)
{
	return age(s, now) >= s->max_age;
}

bool
store_due(const struct stored *s, int64_t now)
{
	return age(s, now) >= STORE_DAY || age(s, now) >= s->max_age / 2;
}
