/* draft: what was given is what a reader of the queue finds. */
#include "queue/draft.h"

#include "lib/buf.h"
#include "tests/unit/queue/stage.h"
#include "wire/envelope.h"
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

enum { UID = 4711, BIG = 3 * DRAFT_BUFFER + 1234 };

static const char records[] = "Fa@b\0Tc@d"; /* and its NUL */
static const char header[] = "Message-ID: <x@y>\n\n";

struct fixture {
	struct place place;
	struct draft draft;
};

static struct fixture *
begin(bool named)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_true(place_probe(&f->place));
	if (named && !f->place.named) {
		assert_int_equal(mkdir("queue/mess/tmp", 0700), 0);
		f->place.named = true;
	}
	assert_true(place_open(&f->place));
	draft_init(&f->draft, &f->place);
	draft_begin(&f->draft, UID, 0);
	return f;
}

static void
end(struct fixture *f)
{
	draft_drop(&f->draft);
	place_close(&f->place);
	free(f);
}

/* A header and then lines of different lengths, len bytes in all. */
static struct buf
body_of(size_t len)
{
	struct buf b = {.max = len + 64};
	unsigned n = 0;

	assert_true(buf_append_text(&b, len > 64 ? header : ""));
	while (b.len < len) {
		n = n * 1103515245 + 12345;
		assert_true(
		    buf_append_byte(&b, n >> 28 == 0 ? '\n' : (char)(n >> 16)));
	}
	return b;
}

/* In pieces of all sizes, as a socket gives them. */
static void
give(struct draft *d, struct str body)
{
	size_t step = 1;

	while (body.len > 0) {
		size_t n = step < body.len ? step : body.len;

		draft_body(d, str_slice(body, 0, n));
		body = str_slice(body, n, body.len);
		step = step * 3 % 70001 + 1;
	}
	draft_envelope(d, (struct str){records, sizeof(records)});
}

static void
same_body(int fd, const struct message *m, struct str body)
{
	char *got = malloc(body.len + 1);

	assert_non_null(got);
	assert_int_equal(m->body_len, body.len);
	assert_true(fd_pread_all(fd, got, body.len, (off_t)m->body_at));
	if (body.len > 0)
		assert_memory_equal(got, body.data, body.len);
	free(got);
}

static void
found(const struct draft *d, struct str body)
{
	char path[QUEUE_PATH_SIZE], kind;
	struct message m;
	struct envelope e;
	struct str text;
	uint64_t lf = 0;
	int fd;

	queue_mess_path(path, STAGE_SPLIT, d->slot.ino);
	fd = message_open(path, geteuid(), &m);
	assert_true(fd >= 0);
	assert_true(message_check_body(fd, &m));
	assert_true(message_check_envelope(fd, &m));
	same_body(fd, &m, body);
	for (size_t i = 0; i < body.len; i++)
		lf += body.data[i] == '\n';
	assert_int_equal(m.lines, lf);
	assert_int_equal(m.uid, UID);
	assert_int_equal(m.writer, getpid());
	assert_memory_equal(m.token, d->head.token, QUEUE_TOKEN);
	assert_int_equal(
	    m.id_hash, body.len > 64 ? message_id_hash(str_of("x@y")) : 0);
	envelope_open(&e, fd, m.envelope_at, m.envelope_len);
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
	assert_true(kind == 'F' && str_equal(text, str_of("a@b")));
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_RECORD_READ);
	assert_true(kind == 'T' && str_equal(text, str_of("c@d")));
	assert_int_equal(envelope_next(&e, &kind, &text), ENVELOPE_END);
	assert_int_equal(close(fd), 0);
}

static void
messages_of_every_size_are_found_as_given(void **state)
{
	const size_t fits = DRAFT_BUFFER - MESSAGE_HEAD - sizeof(records);
	const size_t sizes[] = {0, 1, 5000, fits - 1, fits, fits + 1,
	    DRAFT_BUFFER - MESSAGE_HEAD, DRAFT_BUFFER, BIG};

	for (int named = 0; named < 2; named++)
		for (size_t i = 0; i < COUNT(sizes); i++) {
			struct buf body = body_of(sizes[i]);
			struct fixture *f;

			(void)rmdir("queue/mess/tmp");
			f = begin(named != 0);
			give(&f->draft, buf_str(&body));
			assert_int_equal(draft_commit(&f->draft), 0);
			found(&f->draft, buf_str(&body));
			buf_free(&body);
			end(f);
		}
	assert_int_equal(rmdir("queue/mess/tmp"), 0);
	(void)state;
}

static void
every_message_has_a_token_of_its_own(void **state)
{
	struct fixture *f = begin(false);
	unsigned char token[QUEUE_TOKEN];

	give(&f->draft, str_of("x\n"));
	assert_int_equal(draft_commit(&f->draft), 0);
	memcpy(token, f->draft.head.token, QUEUE_TOKEN);
	draft_begin(&f->draft, UID, 0);
	give(&f->draft, str_of("x\n"));
	assert_int_equal(draft_commit(&f->draft), 0);
	assert_memory_not_equal(token, f->draft.head.token, QUEUE_TOKEN);
	assert_int_equal(stage_count(), 2);
	end(f);
	(void)state;
}

/* The number that the next file will most likely have. */
static uint64_t
next_number(struct fixture *f)
{
	struct slot s;
	uint64_t ino;

	place_init(&s);
	assert_true(place_take(&f->place, &s, false));
	ino = s.ino;
	place_drop(&f->place, &s);
	return ino;
}

static void
stale_journals_are_passed_over_and_nothing_is_lost(void **state)
{
	const size_t sizes[] = {100, BIG};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct fixture *f = begin(false);
		struct buf body = body_of(sizes[i]);
		char path[QUEUE_PATH_SIZE];
		uint64_t ino = next_number(f);

		queue_info_path(path, STAGE_SPLIT, ino);
		stage_put(path, "an old journal\n");
		give(&f->draft, buf_str(&body));
		assert_int_equal(draft_commit(&f->draft), 0);
		assert_int_not_equal(f->draft.slot.ino, ino);
		found(&f->draft, buf_str(&body));
		assert_int_equal(access(path, F_OK), 0);
		buf_free(&body);
		end(f);
	}
	(void)state;
}

/* Too late for a large one: it is refused, for now, and nothing is queued. */
static void
a_journal_that_appears_while_writing_is_not_met(void **state)
{
	struct fixture *f = begin(false);
	struct buf body = body_of(BIG);
	char path[QUEUE_PATH_SIZE];

	give(&f->draft, buf_str(&body));
	queue_info_path(path, STAGE_SPLIT, f->draft.slot.ino);
	stage_put(path, "another's journal\n");
	assert_int_equal(draft_commit(&f->draft), QQ_CREATE);
	assert_int_equal(stage_count(), 0);
	buf_free(&body);
	end(f);
	(void)state;
}

static void
a_dropped_draft_leaves_nothing(void **state)
{
	struct fixture *f = begin(false);
	struct buf body = body_of(BIG);

	give(&f->draft, buf_str(&body));
	draft_begin(&f->draft, UID, 0);
	assert_int_equal(f->draft.slot.fd, -1);
	give(&f->draft, str_of("x\n"));
	assert_int_equal(draft_commit(&f->draft), 0);
	found(&f->draft, str_of("x\n"));
	assert_int_equal(stage_count(), 1);
	buf_free(&body);
	end(f);
	(void)state;
}

static void
the_reserve_is_not_for_mail(void **state)
{
	const size_t sizes[] = {100, BIG};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct fixture *f = begin(false);
		struct buf body = body_of(sizes[i]);

		draft_begin(&f->draft, UID, UINT64_MAX / 2);
		give(&f->draft, buf_str(&body));
		assert_int_equal(draft_commit(&f->draft), QQ_WRITE);
		assert_int_equal(f->draft.error, ENOSPC);
		assert_int_equal(stage_count(), 0);
		buf_free(&body);
		end(f);
	}
	(void)state;
}

static void
a_limit_of_file_sizes_is_a_refusal(void **state)
{
	struct rlimit old, small;
	struct fixture *f = begin(false);
	struct buf body = body_of(BIG);

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){DRAFT_BUFFER + 1000, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	give(&f->draft, buf_str(&body));
	assert_int_equal(draft_commit(&f->draft), QQ_WRITE);
	assert_int_equal(f->draft.error, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(stage_count(), 0);
	buf_free(&body);
	end(f);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STAGED(messages_of_every_size_are_found_as_given),
	    STAGED(every_message_has_a_token_of_its_own),
	    STAGED(stale_journals_are_passed_over_and_nothing_is_lost),
	    STAGED(a_journal_that_appears_while_writing_is_not_met),
	    STAGED(a_dropped_draft_leaves_nothing),
	    STAGED(the_reserve_is_not_for_mail),
	    STAGED(a_limit_of_file_sizes_is_a_refusal),
	};

	(void)umask(022);
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
