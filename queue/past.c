/* past: a message of a qmail's queue; see past.h. */
#include "queue/past.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "queue/unmap.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROW = 64, SHA256 = 32 };

void
past_init(struct past *p)
{
	*p = (struct past){.mess = -1,
	    .text.max = PAST_FILE,
	    .bounce.max = PAST_FILE,
	    .work.max = PAST_FILE};
}

void
past_close(struct past *p)
{
	fd_close(&p->mess);
	free(p->list);
	buf_free(&p->text);
	buf_free(&p->bounce);
	buf_free(&p->work);
	past_init(p);
}

/* "PATH: WHAT"; returns false. */
static bool
wrong(struct past *p, const struct former_file *file, const char *what)
{
	char path[FORMER_PATH];

	former_path(path, file);
	(void)snprintf(p->why, sizeof(p->why), "%s: %s", path, what);
	return false;
}

enum past_state
past_state_of(const struct former_message *m)
{
	if (m->of[FORMER_MESS] == NULL)
		return PAST_S1;
	if (m->of[FORMER_TODO] != NULL)
		return PAST_S4;
	if (m->of[FORMER_INFO] != NULL)
		return PAST_S5;
	return m->of[FORMER_INTD] != NULL ? PAST_S3 : PAST_S2;
}

/* The number, time and size of a message's file never change, nor do its first
 * bytes, which say when and by which process it was queued. */
static bool
make_token(struct past *p, const struct stat *st)
{
	char start[PAST_START + 128];
	unsigned char hash[SHA256];
	size_t n = 0;
	ssize_t got;

	while (n < PAST_START) {
		got = pread(p->mess, start + n, PAST_START - n, (off_t)n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	n += (size_t)snprintf(start + n, 128, "%llu %lld.%09ld %llu",
	    (unsigned long long)p->files.id, (long long)st->st_mtim.tv_sec,
	    st->st_mtim.tv_nsec, (unsigned long long)p->size);
	errno = ENOMEM;
	if (EVP_Digest(start, n, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(p->old.token, hash, QUEUE_TOKEN);
	return true;
}

bool
past_open(
    struct past *p, const struct former *f, const struct former_message *m)
{
	struct stat st;

	p->files = *m;
	p->state = past_state_of(m);
	if (m->twice)
		return wrong(p, m->of[FORMER_MESS],
		    "there are two files of this number");
	p->mess = former_read(f, m->of[FORMER_MESS], &st);
	if (p->mess < 0)
		return wrong(p, m->of[FORMER_MESS], strerror(errno));
	p->size = (uint64_t)st.st_size;
	p->old.arrived = st.st_mtim.tv_sec * (int64_t)CLOCK_SECOND;
	if (!make_token(p, &st))
		return wrong(p, m->of[FORMER_MESS], strerror(errno));
	return true;
}

/* A whole file behind what text holds. */
static bool
read_part(struct past *p, const struct former *f, enum former_part part,
    struct buf *text, struct stat *st)
{
	const struct former_file *file = p->files.of[part];
	int fd = former_read(f, file, st);
	bool ok = fd >= 0 && fd_slurp(fd, text);

	fd_close(&fd);
	return ok || wrong(p, file, strerror(errno));
}

/* The next record: its letter and its text; what is no record is named. */
static bool
next_record(struct past *p, const struct former_file *file, struct str *rest,
    char *letter, struct str *text)
{
	if (str_find(*rest, '\0') == rest->len)
		return wrong(p, file, "its last record has no end");
	(void)str_cut(rest, '\0', text);
	if (text->len == 0)
		return wrong(p, file, "a record is empty");
	*letter = text->data[0];
	*text = str_slice(*text, 1, text->len);
	return true;
}

static bool
add(struct past *p, struct str address, bool done)
{
	if (p->count == p->cap) {
		size_t cap = p->cap == 0 ? GROW : p->cap * 2;
		struct past_recipient *more =
		    realloc(p->list, cap * sizeof(*more));

		if (more == NULL)
			return false;
		p->list = more;
		p->cap = cap;
	}
	p->list[p->count++] = (struct past_recipient){
	    address, done, {NULL, 0}
        };
	return true;
}

static bool
take_number(struct str text, uint32_t *n)
{
	uint64_t all;

	if (!num_parse(text, UINT32_MAX, &all))
		return false;
	*n = (uint32_t)all;
	return true;
}

/* todo: u, p, F, T; and info, which has F alone. */
static bool
take_record(struct past *p, const struct former_file *file, char letter,
    struct str text)
{
	switch (letter) {
	case 'u':
		return take_number(text, &p->old.uid) ||
		       wrong(p, file, "its uid is no number");
	case 'p':
		return take_number(text, &p->old.writer) ||
		       wrong(p, file, "its pid is no number");
	case 'F':
		p->sender = text;
		return true;
	case 'T':
		if (file->part == FORMER_TODO)
			return add(p, text, false) ||
			       wrong(p, file, strerror(errno));
		break;
	default:
		break;
	}
	return wrong(p, file, "it holds a record of unknown kind");
}

static bool
take_envelope(struct past *p, const struct former_file *file, struct str rest)
{
	struct str text;
	char letter;

	p->sender = (struct str){NULL, 0};
	while (rest.len > 0)
		if (!next_record(p, file, &rest, &letter, &text) ||
		    !take_record(p, file, letter, text))
			return false;
	return p->sender.data != NULL || wrong(p, file, "it has no sender");
}

/* local or remote: T to be tried, D done with. */
static bool
take_channel(struct past *p, const struct former_file *file, struct str rest,
    const struct controls *c)
{
	struct str text;
	char letter;

	while (rest.len > 0) {
		if (!next_record(p, file, &rest, &letter, &text))
			return false;
		if (letter != 'T' && letter != 'D')
			return wrong(
			    p, file, "it holds a record of unknown kind");
		if (file->part == FORMER_LOCAL &&
		    !unmap_address(c, text, &p->work, &text))
			return wrong(p, file,
			    errno != 0 ? strerror(errno)
				       : "no line of locals or virtualdomains "
					 "makes this recipient local");
		if (!add(p, text, letter == 'D'))
			return wrong(p, file, strerror(errno));
	}
	return true;
}

/* What a bounce says of one: "<address>:" LF, its report, an empty line. */
static bool
take_report(struct past *p, struct str address, struct str report)
{
	for (size_t i = 0; i < p->count; i++) {
		struct past_recipient *r = &p->list[i];

		if (r->done && r->report.data == NULL &&
		    str_equal(r->address, address)) {
			r->report = report;
			return true;
		}
	}
	if (!add(p, address, true))
		return false;
	p->list[p->count - 1].report = report;
	return true;
}

static bool
take_bounce(struct past *p)
{
	struct str rest = buf_str(&p->bounce);
	bool ok = true;

	while (ok && rest.len > 0) {
		size_t line = str_find(rest, '\n'), end = line;
		struct str address = str_slice(rest, 1, line);

		while (end + 1 < rest.len && rest.data[end + 1] != '\n')
			end += 1 + str_find(str_slice(rest, end + 1, rest.len),
				       '\n');
		if (address.len > 1 && rest.data[0] == '<' &&
		    str_ends(address, str_of(">:")))
			ok = take_report(p,
			    str_slice(address, 0, address.len - 2),
			    str_slice(rest, line + 1, end));
		rest = str_slice(rest, end + 2, rest.len);
	}
	return ok;
}

static bool
read_sorted(struct past *p, const struct former *f, const struct controls *c)
{
	static const enum former_part channels[] = {
	    FORMER_LOCAL, FORMER_REMOTE};
	size_t ends[2] = {0, 0}, from;
	struct stat st = {.st_size = 0};
	bool ok;

	/* All that views point into is there before the first view. */
	ok = read_part(p, f, FORMER_INFO, &p->text, &st);
	p->old.arrived = st.st_mtim.tv_sec * (int64_t)CLOCK_SECOND;
	from = p->text.len;
	for (size_t i = 0; ok && i < 2; i++) {
		if (p->files.of[channels[i]] != NULL)
			ok = read_part(p, f, channels[i], &p->text, &st);
		ends[i] = p->text.len;
	}
	ok = ok && take_envelope(p, p->files.of[FORMER_INFO],
		       str_slice(buf_str(&p->text), 0, from));
	for (size_t i = 0; ok && i < 2; i++) {
		if (p->files.of[channels[i]] != NULL)
			ok = take_channel(p, p->files.of[channels[i]],
			    str_slice(buf_str(&p->text), from, ends[i]), c);
		from = ends[i];
	}
	if (!ok || p->files.of[FORMER_BOUNCE] == NULL)
		return ok;
	return read_part(p, f, FORMER_BOUNCE, &p->bounce, &st) &&
	       (take_bounce(p) ||
		   wrong(p, p->files.of[FORMER_BOUNCE], strerror(errno)));
}

bool
past_read(struct past *p, const struct former *f, const struct controls *c)
{
	struct stat st;

	if (p->state == PAST_S5)
		return read_sorted(p, f, c);
	if (!read_part(p, f, FORMER_TODO, &p->text, &st))
		return false;
	return take_envelope(p, p->files.of[FORMER_TODO], buf_str(&p->text));
}
