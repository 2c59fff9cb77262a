/* session: a writer on a socket pair: whole messages are queued and announced
 * before K, everything else is refused and leaves nothing. */
#include "queue/session.h"

#include "lib/buf.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "tests/unit/queue/stage.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include "wire/submit.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { UID = 4711, PID = 42, PATIENCE_MS = 60000, KEPT = 28 };

/* The writer, in a child; its log is the file "log". */
struct writer {
	pid_t pid;
	int fd, hints;
};

struct may {
	bool trusted, uses_reserve, notices_use_it, unknown;
	uint64_t reserve;
};

static int
write_for(int fd, const struct may *may)
{
	struct settings settings = {may->reserve, may->unknown};
	const struct terms terms = {
	    .peer = {.pid = PID, .uid = UID},
	    .trusted = may->trusted,
	    .uses_reserve = may->uses_reserve,
	    .notices_use_it = may->notices_use_it,
	    .settings = &settings
        };
	struct place place = {0};
	struct hint hint;
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	bool ok;

	if (dup2(log, 2) != 2 || !place_probe(&place) || !place_open(&place) ||
	    !hint_open(&hint))
		return 1;
	ok = session_run(fd, &terms, &place, &hint);
	place_close(&place);
	hint_close(&hint);
	return !ok;
}

static struct writer
start(const struct may *may)
{
	struct writer w;
	sigset_t term;
	int ends[2];

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &term, NULL), 0);
	w.hints = open(QUEUE_HINT, O_RDWR | O_NONBLOCK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	w.pid = fork();
	assert_true(w.pid >= 0);
	if (w.pid == 0) {
		(void)close(ends[0]);
		_exit(write_for(ends[1], may));
	}
	assert_int_equal(close(ends[1]), 0);
	w.fd = ends[0];
	return w;
}

static void
ended(struct writer *w)
{
	int status;

	fd_close(&w->fd);
	fd_close(&w->hints);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_int_equal(status, 0);
}

static void
send_all(const struct writer *w, const void *data, size_t n)
{
	assert_int_equal(send(w->fd, data, n, MSG_NOSIGNAL), n);
}

/* Until the other side has received all. */
static void
drained(const struct writer *w)
{
	int left = 1;

	while (left > 0) {
		assert_int_equal(ioctl(w->fd, TIOCOUTQ, &left), 0);
		(void)sched_yield();
	}
}

static void
frame(struct buf *b, char kind, const char *payload, size_t n)
{
	assert_true(frame_append(b, kind, (struct str){payload, n}));
}

static const char hello[] = "Subject: x\n\nhello\n";
static const char records[] = "Fa@b\0Tc@d";

static struct buf
whole(void)
{
	struct buf b = {0};

	frame(&b, 'M', hello, sizeof(hello) - 1);
	frame(&b, 'E', records, sizeof(records));
	frame(&b, 'C', "", 0);
	return b;
}

/* 0 for K, with the number in *ino; the code of E; -1 at the end. */
static int
hear(const struct writer *w, uint64_t *ino)
{
	unsigned char bytes[KEPT];
	struct buf in = {0};
	struct frame f;
	enum frame_result r = frame_read(w->fd, PATIENCE_MS, &in, &f);
	int code = -1;

	if (r == FRAME_OK && f.kind == 'E') {
		code = (unsigned char)f.payload.data[0];
		assert_true(str_equal(str_slice(f.payload, 1, f.payload.len),
		    str_of(queue_code_text(code))));
	} else if (r == FRAME_OK) {
		assert_int_equal(f.kind, 'K');
		assert_int_equal(f.payload.len, KEPT);
		memcpy(bytes, f.payload.data, KEPT);
		*ino = num_get64(bytes);
		assert_int_equal(num_get32(bytes + 24), w->pid);
		code = 0;
	}
	buf_free(&in);
	return code;
}

static void
log_has(const char *text)
{
	struct buf b = {0};

	assert_true(fd_read_file(AT_FDCWD, "log", &b));
	assert_true(buf_terminate(&b));
	if (strstr(b.data, text) == NULL)
		fail_msg("no \"%s\" in: %s", text, b.data);
	buf_free(&b);
}

/* The message is there with its hint, both before the answer was read. */
static void
is_queued(const struct writer *w, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE], text[QUEUE_HINT_SIZE];
	unsigned char token[QUEUE_TOKEN];
	struct message m;
	uint64_t hinted;
	char body[sizeof(hello)];
	int fd;

	queue_mess_path(path, STAGE_SPLIT, ino);
	fd = message_open(path, geteuid(), &m);
	assert_true(fd >= 0);
	assert_int_equal(m.uid, UID);
	assert_int_equal(m.writer, w->pid);
	assert_true(message_check_body(fd, &m));
	assert_int_equal(m.body_len, sizeof(hello) - 1);
	assert_true(fd_pread_all(fd, body, m.body_len, (off_t)m.body_at));
	assert_memory_equal(body, hello, m.body_len);
	assert_int_equal(close(fd), 0);
	assert_int_equal(read(w->hints, text, sizeof(text)), sizeof(text));
	assert_true(queue_hint_read(text, &hinted, token));
	assert_int_equal(hinted, ino);
	assert_memory_equal(token, m.token, QUEUE_TOKEN);
	assert_int_equal(access(QUEUE_RESCAN, F_OK), -1);
}

static void
messages_follow_each_other(void **state)
{
	const struct may may = {0};
	struct writer w = start(&may);
	struct buf b = whole();
	uint64_t ino = 0;

	for (int i = 0; i < 3; i++) {
		send_all(&w, b.data, b.len);
		assert_int_equal(hear(&w, &ino), 0);
		is_queued(&w, ino);
	}
	ended(&w);
	assert_int_equal(stage_count(), 3);
	log_has("stored ino=");
	log_has(" bytes=18 recipients=1 uid=4711 pid=42\n");
	buf_free(&b);
	(void)state;
}

static void
messages_may_come_before_answers_are_read(void **state)
{
	const struct may may = {0};
	struct writer w = start(&may);
	struct buf b = whole();
	uint64_t ino = 0;

	assert_int_equal(kill(w.pid, SIGSTOP), 0);
	send_all(&w, b.data, b.len);
	send_all(&w, b.data, b.len);
	assert_int_equal(kill(w.pid, SIGCONT), 0);
	assert_int_equal(hear(&w, &ino), 0);
	assert_int_equal(hear(&w, &ino), 0);
	ended(&w);
	assert_int_equal(stage_count(), 2);
	buf_free(&b);
	(void)state;
}

static void
a_message_may_come_byte_by_byte(void **state)
{
	const struct may may = {0};
	struct writer w = start(&may);
	struct buf b = whole();
	uint64_t ino = 0;

	for (size_t i = 0; i < b.len; i++) {
		send_all(&w, b.data + i, 1);
		drained(&w);
	}
	assert_int_equal(hear(&w, &ino), 0);
	is_queued(&w, ino);
	ended(&w);
	buf_free(&b);
	(void)state;
}

static void
a_message_without_its_commit_is_none(void **state)
{
	const struct may may = {0};
	struct buf b = whole();

	for (size_t cut = 0; cut < b.len; cut += 3) {
		struct writer w = start(&may);

		send_all(&w, b.data, cut);
		ended(&w);
	}
	assert_int_equal(stage_count(), 0);
	buf_free(&b);
	(void)state;
}

#define F(kind, payload)                                                       \
	{                                                                      \
		kind, payload, sizeof(payload) - 1                             \
	}

/* What is said, what is heard, and whether the connection goes on. */
static const struct dialogue {
	const char *what;
	struct may may;
	struct {
		char kind;
		const char *payload;
		size_t len;
	} frames[6];
	int code;
	bool goes_on;
} dialogues[] = {
    {"empty body",                  {0},			 {F('E', "Fa@b\0Tc@d\0"), F('C', "")},       0,  true },
    {"null sender",                 {0},			 {F('E', "F\0Tc@d\0"), F('C', "")},          0,  true },
    {"frames in pieces",            {0},
     {F('M', "a"), F('M', ""), F('M', "b\n"), F('E', "Fa@b\0"),
	    F('E', "Tc@d\0"), F('C', "")},
     0,													  true },
    {"aborted, then nothing",       {0},                         {F('M', "a"), F('A', ""), F('C', "")},      91,
     false													    },
    {"aborted, then another",       {0},
     {F('M', "a"), F('E', "Fx@y\0"), F('A', ""), F('E', "Fa@b\0Tc@d\0"),
	    F('C', "")},
     0,													  true },
    {"nothing",		     {0},			 {F('C', "")},                               91, false},
    {"no envelope",                 {0},			 {F('M', "a\n"), F('C', "")},                91, false},
    {"no recipient",                {0},                         {F('E', "Fa@b\0"), F('C', "")},             91, false},
    {"no sender",		   {0},			 {F('E', "Tc@d\0"), F('C', "")},             91, false},
    {"body after envelope",         {0},
     {F('E', "Fa@b\0Tc@d\0"), F('M', "a"), F('C', "")},                                                      91, false},
    {"half a record",               {0},                         {F('E', "Fa@b\0Tc@d"), F('C', "")},         91, false},
    {"a record over two frames",    {0},
     {F('E', "Fa@b\0Tc"), F('E', "@d\0"), F('C', "")},                                                       91, false},
    {"line end in an address",      {0},                         {F('E', "Fa@b\0Tc@d\nTx@y\0"), F('C', "")},
     91,													 false},
    {"commit with a payload",       {0},                         {F('E', "Fa@b\0Tc@d\0"), F('C', "x")},      91,
     false													    },
    {"a submitter's name",          {0},                         {F('E', "Fa@b\0Sx\0Tc@d\0"), F('C', "")},   91,
     false													    },
    {"a submitter's name, trusted", {.trusted = true},
     {F('E', "Fa@b\0Sx\0C1.2.3.4 h\0Tc@d\0"), F('C', "")},                                                   0,  true },
    {"unknown frame",               {0},                         {F('X', "")},                               91, false},
    {"control unreadable",          {.unknown = true},
     {F('M', "a"), F('E', "Fa@b\0Tc@d\0"), F('C', "")},                                                      55, true },
    {"disk in reserve",             {.reserve = UINT64_MAX / 2},
     {F('M', "a"), F('E', "Fa@b\0Tc@d\0"), F('C', "")},                                                      53, true },
    {"disk in reserve, a bounce",
     {.reserve = UINT64_MAX / 2, .uses_reserve = true},
     {F('M', "a"), F('E', "Fa@b\0Tc@d\0"), F('C', "")},                                                      0,  true },
    {"reserve, private: bounce",
     {.reserve = UINT64_MAX / 2, .notices_use_it = true},
     {F('M', "a"), F('E', "F\0Tc@d\0"), F('C', "")},							 0,  true },
    {"reserve, private: double",
     {.reserve = UINT64_MAX / 2, .notices_use_it = true},
     {F('M', "a"), F('E', "F#@[]\0Tc@d\0"), F('C', "")},                                                     0,  true },
    {"reserve, private: other",
     {.reserve = UINT64_MAX / 2, .notices_use_it = true},
     {F('M', "a"), F('E', "Fa@b\0Tc@d\0"), F('C', "")},                                                      53, true },
};

static void
hold_dialogue(const struct dialogue *d)
{
	struct writer w = start(&d->may);
	struct buf b = {0}, again = whole();
	size_t before = stage_count();
	uint64_t ino = 0;
	int code;

	for (size_t i = 0; i < COUNT(d->frames) && d->frames[i].kind; i++)
		frame(&b, d->frames[i].kind, d->frames[i].payload,
		    d->frames[i].len);
	send_all(&w, b.data, b.len);
	code = hear(&w, &ino);
	if (code != d->code)
		fail_msg("%s: %d", d->what, code);
	assert_int_equal(stage_count(), before + (d->code == 0));
	if (d->goes_on) {
		send_all(&w, again.data, again.len);
		assert_true(hear(&w, &ino) >= 0);
	} else {
		assert_int_equal(hear(&w, &ino), -1);
	}
	ended(&w);
	buf_free(&b);
	buf_free(&again);
}

static void
dialogues_end_as_they_should(void **state)
{
	for (size_t i = 0; i < COUNT(dialogues); i++)
		hold_dialogue(&dialogues[i]);
	log_has("refused uid=4711 pid=42 code=91 why=no\\x20recipients\n");
	log_has("code=53 why=No\\x20space");
	(void)state;
}

static void
a_long_address_is_refused_and_mail_goes_on(void **state)
{
	static char record[3000];
	const size_t lengths[] = {1002, 2047, 2048, 2049, 2999};
	const struct may may = {0};
	struct writer w = start(&may);
	struct buf good = whole();
	uint64_t ino = 0;

	memset(record, 'a', sizeof(record));
	record[0] = 'F';
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct buf b = {0};

		record[lengths[i]] = '\0';
		frame(&b, 'E', record, lengths[i] + 1);
		frame(&b, 'E', "Tc@d", 5);
		frame(&b, 'C', "", 0);
		send_all(&w, b.data, b.len);
		assert_int_equal(hear(&w, &ino), QQ_ADDRESS_LONG);
		record[lengths[i]] = 'a';
		buf_free(&b);
	}
	send_all(&w, good.data, good.len);
	assert_int_equal(hear(&w, &ino), 0);
	ended(&w);
	assert_int_equal(stage_count(), 1);
	buf_free(&good);
	(void)state;
}

static void
what_is_no_frame_ends_it(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
	    {"\0\0\0\0M",              5 },
	    {"\0\2\0\2M",              5 },
	    {"\377\377\377\377M",      5 },
	    {"GET / HTTP/1.0\r\n\r\n", 18},
	};
	const struct may may = {0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct writer w = start(&may);
		uint64_t ino;

		send_all(&w, rows[i].bytes, rows[i].len);
		assert_int_equal(hear(&w, &ino), QQ_FORMAT);
		assert_int_equal(hear(&w, &ino), -1);
		ended(&w);
	}
	assert_int_equal(stage_count(), 0);
	(void)state;
}

static void
a_hundred_thousand_recipients_stream(void **state)
{
	enum { MANY = 100000 };
	const struct may may = {0};
	struct writer w = start(&may);
	char path[QUEUE_PATH_SIZE], kind;
	struct buf out = {.max = 1 << 22}, all = {.max = 1 << 22};
	struct message m;
	struct envelope e;
	struct str text;
	uint64_t ino;
	int fd;

	assert_true(buf_append(&all, "Fa@b", 5));
	for (int i = 0; i < MANY; i++) {
		char r[32];
		int n = snprintf(r, sizeof(r), "T%d@d", i);

		assert_true(buf_append(&all, r, (size_t)n + 1));
		if (all.len > 60000 || i == MANY - 1) {
			frame(&out, 'E', all.data, all.len);
			buf_clear(&all);
		}
	}
	frame(&out, 'C', "", 0);
	assert_true(fd_write_all(w.fd, out.data, out.len));
	assert_int_equal(hear(&w, &ino), 0);
	ended(&w);
	queue_mess_path(path, STAGE_SPLIT, ino);
	fd = message_open(path, geteuid(), &m);
	assert_true(fd >= 0);
	assert_true(message_check_envelope(fd, &m));
	envelope_open(&e, fd, m.envelope_at, m.envelope_len);
	while (envelope_next(&e, &kind, &text) == ENVELOPE_RECORD_READ)
		;
	assert_int_equal(e.recipients, MANY);
	assert_int_equal(close(fd), 0);
	buf_free(&all);
	buf_free(&out);
	(void)state;
}

static void
told_to_end_it_finishes_what_it_has(void **state)
{
	const struct may may = {0};
	struct buf b = whole();

	for (size_t cut = 0; cut < b.len; cut += 7) {
		struct writer w = start(&may);
		uint64_t ino = 0;

		/* It is up when it has answered once. */
		send_all(&w, b.data, b.len);
		assert_int_equal(hear(&w, &ino), 0);
		send_all(&w, b.data, cut);
		drained(&w);
		assert_int_equal(kill(w.pid, SIGTERM), 0);
		if (cut > 0) {
			send_all(&w, b.data + cut, b.len - cut);
			assert_int_equal(hear(&w, &ino), 0);
		}
		assert_int_equal(hear(&w, &ino), -1);
		ended(&w);
	}
	buf_free(&b);
	(void)state;
}

static void
what_was_sent_before_it_was_told_to_end_is_taken(void **state)
{
	const struct may may = {0};
	struct writer w = start(&may);
	struct buf b = whole();
	uint64_t ino = 0;

	send_all(&w, b.data, b.len);
	assert_int_equal(hear(&w, &ino), 0);
	assert_int_equal(kill(w.pid, SIGSTOP), 0);
	assert_int_equal(kill(w.pid, SIGTERM), 0);
	send_all(&w, b.data, b.len);
	assert_int_equal(kill(w.pid, SIGCONT), 0);
	assert_int_equal(hear(&w, &ino), 0);
	assert_int_equal(hear(&w, &ino), -1);
	ended(&w);
	assert_int_equal(stage_count(), 2);
	buf_free(&b);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STAGED(messages_follow_each_other),
	    STAGED(messages_may_come_before_answers_are_read),
	    STAGED(a_message_may_come_byte_by_byte),
	    STAGED(a_message_without_its_commit_is_none),
	    STAGED(dialogues_end_as_they_should),
	    STAGED(a_long_address_is_refused_and_mail_goes_on),
	    STAGED(what_is_no_frame_ends_it),
	    STAGED(a_hundred_thousand_recipients_stream),
	    STAGED(told_to_end_it_finishes_what_it_has),
	    STAGED(what_was_sent_before_it_was_told_to_end_is_taken),
	};

	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
