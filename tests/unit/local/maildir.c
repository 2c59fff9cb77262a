/* maildir: one file however often it is tried, exact to the byte, and nothing
 * at all where the folder is not what it should be. */
#define _GNU_SOURCE /* O_TMPFILE, syscall */
#include "local/maildir.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "wire/maildir.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PREFIX   "Return-Path: <s@x>\nDelivered-To: a@b\n"

static char folder[] = "/var/tmp/maildirXXXXXX";
static int home_fd = -1;
static struct folders kept;
static struct report report;
static struct body body;
static struct delivery delivery;
static unsigned char number[4]; /* its recipient's */
static FILE *message;

/* The disk, as a test wants it: which of the next fsyncs fails (0: none), and
 * whether files may be without a name. */
static int failing_sync, syncs;
static bool named_only;

int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (++syncs != failing_sync)
		return 0;
	errno = EIO;
	return -1;
}

int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
openat(int dirfd, const char *name, int flags, ...)
{
	if (named_only && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	/* All that these tests create is of one mode. */
	return (int)syscall(SYS_openat, dirfd, name, flags, 0600);
}

static void
set_message(struct str text, uint64_t lines)
{
	if (message != NULL)
		assert_int_equal(fclose(message), 0);
	message = tmpfile();
	assert_non_null(message);
	assert_true(fd_write_all(fileno(message), "HEAD", 4));
	assert_true(fd_write_all(fileno(message), text.data, text.len));
	assert_true(fd_write_all(fileno(message), "Fs\0", 3));
	body_open(&body, fileno(message), 4, text.len);
	number[3] = 2;
	delivery = (struct delivery){
	    .job.token = {1, 2,                   3},
	    .job.count = 1,
	    .job.numbers = {(const char *)number, sizeof(number)},
	    .arrived = INT64_C(1795229420000000),
	    .body_at = 4,
	    .body_len = text.len,
	    .lines = lines
        };
}

static bool
try_host(uint32_t flags, const char *host)
{
	struct maildir_mail m = {.delivery = &delivery,
	    .host = str_of(host),
	    .prefix = str_of(PREFIX),
	    .body = &body};

	delivery.job.flags = flags;
	syncs = 0;
	return maildir_deliver(
	    &kept, home_fd, str_of("./Maildir/"), &m, &report);
}

static bool
try(uint32_t flags)
{
	return try_host(flags, "mail.example");
}

/* How many files part has; the last one's name in name. */
static int
files(const char *part, char name[MAILDIR_NAME])
{
	char path[64];
	const struct dirent *e;
	DIR *dir;
	int n = 0;

	(void)snprintf(path, sizeof(path), "%s/Maildir/%s", folder, part);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		(void)snprintf(name, MAILDIR_NAME, "%s", e->d_name);
	}
	assert_int_equal(closedir(dir), 0);
	return n;
}

static void
in_part(char path[512], const char *part, const char *name)
{
	(void)snprintf(path, 512, "Maildir/%s/%s", part, name);
}

static void
move(const char *name, const char *from, const char *to, const char *flags)
{
	char old[512], new[512];

	in_part(old, from, name);
	in_part(new, to, name);
	assert_true(strlen(new) + strlen(flags) < sizeof(new));
	memcpy(new + strlen(new), flags, strlen(flags) + 1);
	assert_int_equal(renameat(home_fd, old, home_fd, new), 0);
}

static void
empty(const char *part)
{
	char name[MAILDIR_NAME], path[512];

	while (files(part, name) > 0) {
		in_part(path, part, name);
		assert_int_equal(unlinkat(home_fd, path, 0), 0);
	}
}

static int
make_parts(void **state)
{
	(void)state;
	if (mkdirat(home_fd, "Maildir", 0700) != 0)
		return -1;
	return mkdirat(home_fd, "Maildir/tmp", 0700) |
	       mkdirat(home_fd, "Maildir/new", 0700) |
	       mkdirat(home_fd, "Maildir/cur", 0700);
}

static int
remove_parts(void **state)
{
	(void)state;
	empty("tmp");
	empty("new");
	empty("cur");
	folders_close(&kept);
	return unlinkat(home_fd, "Maildir/tmp", AT_REMOVEDIR) |
	       unlinkat(home_fd, "Maildir/new", AT_REMOVEDIR) |
	       unlinkat(home_fd, "Maildir/cur", AT_REMOVEDIR) |
	       unlinkat(home_fd, "Maildir", AT_REMOVEDIR);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	home_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return home_fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (message != NULL && fclose(message) != 0)
		return -1;
	return close(home_fd) | rmdir(folder);
}

/* The only file of new/ is prefix and text, and its name has these sizes. */
static void
check_file(struct str text, uint64_t wire_size)
{
	char name[MAILDIR_NAME], path[512];
	struct buf got = {.max = 1 << 24};
	uint64_t size = 0, wire = 0;
	size_t prefix = strlen(PREFIX);

	assert_int_equal(files("new", name), 1);
	in_part(path, "new", name);
	assert_true(fd_read_file(home_fd, path, &got));
	assert_int_equal(got.len, prefix + text.len);
	assert_memory_equal(got.data, PREFIX, prefix);
	if (text.len > 0)
		assert_memory_equal(got.data + prefix, text.data, text.len);
	assert_true(maildir_name_size(str_of(name), &size));
	assert_int_equal(size, got.len);
	assert_int_equal(
	    maildir_name_wire_size(str_of(name), &wire), wire_size > 0);
	assert_int_equal(wire, wire_size);
	buf_free(&got);
}

static void
exact_bytes_and_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t lines, extra; /* bytes of W= over S=, 0: no W= */
	} rows[] = {
	    {"A: b\n\nbody\n",              3, 5},
	    {"",			    0, 2},
	    {"no line end",                 0, 0},
	    {"\n\nx",		       2, 0},
	    {"A: b\r\n\r\nx\n",             3, 3},
	    {"\r\r\n\r\n\n",                3, 3},
	    {"bare\rcr\n",                  1, 3},
	    {"\nFrom x\n.\n..\n\x80\xff\n", 5, 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str text = str_of(rows[i].text);
		uint64_t size = strlen(PREFIX) + text.len;

		set_message(text, rows[i].lines);
		assert_true(try(0));
		check_file(text, rows[i].extra > 0 ? size + rows[i].extra : 0);
		empty("new");
	}
}

static void
large_ones_by_windows(void **state)
{
	struct buf text = {.max = 1 << 24};

	(void)state;
	/* A CRLF across the end of the first window is one line end. */
	while (text.len < BODY_WINDOW - 1)
		assert_true(buf_append_byte(&text, 'x'));
	assert_true(buf_append_text(&text, "\r\n"));
	while (text.len < 3 * BODY_WINDOW + 77)
		assert_true(buf_append_byte(&text, (char)text.len));
	assert_true(buf_append_text(&text, "\r\n"));
	{
		struct str s = buf_str(&text);
		uint64_t lines = 0, pairs = 0;

		for (size_t i = 0; i < s.len; i++) {
			lines += s.data[i] == '\n';
			pairs += s.data[i] == '\n' && s.data[i - 1] == '\r';
		}
		set_message(s, lines);
		assert_true(try(0));
		check_file(s, strlen(PREFIX) + 2 + s.len + lines - pairs);
	}
	buf_free(&text);
}

static void
tried_again_changes_nothing(void **state)
{
	char name[MAILDIR_NAME], path[512];
	struct stat before, after;

	(void)state;
	set_message(str_of("A: b\n\nx\n"), 3);
	assert_true(try(0));
	assert_int_equal(files("new", name), 1);
	in_part(path, "new", name);
	assert_int_equal(fstatat(home_fd, path, &before, 0), 0);
	assert_true(try(0));
	assert_true(try(JOB_REPEAT));
	/* The host may have been renamed meanwhile. */
	assert_true(try_host(JOB_REPEAT, "other.example"));
	assert_int_equal(files("new", name), 1);
	assert_int_equal(files("tmp", name), 0);
	assert_int_equal(fstatat(home_fd, path, &after, 0), 0);
	assert_true(before.st_ino == after.st_ino);
}

static void
tried_again_after_it_was_read(void **state)
{
	char name[MAILDIR_NAME];

	(void)state;
	set_message(str_of("A: b\n\nx\n"), 3);
	assert_true(try(0));
	assert_int_equal(files("new", name), 1);
	move(name, "new", "cur", ":2,RS");
	assert_true(try(JOB_REPEAT));
	assert_true(try_host(JOB_REPEAT, "other.example"));
	assert_int_equal(files("new", name), 0);
	assert_int_equal(files("cur", name), 1);
}

static void
another_message_or_recipient_is_not_it(void **state)
{
	char name[MAILDIR_NAME];

	(void)state;
	set_message(str_of("A: b\n\nx\n"), 3);
	assert_true(try(0));
	number[3] = 20;
	assert_true(try(JOB_REPEAT));
	delivery.job.token[15] = 1;
	assert_true(try(JOB_REPEAT));
	delivery.arrived += 1000000;
	assert_true(try(JOB_REPEAT));
	assert_int_equal(files("new", name), 4);
}

static void
a_part_that_is_no_folder_defers(void **state)
{
	static const char *const parts[] = {
	    "Maildir/tmp", "Maildir/new", "Maildir/cur"};

	(void)state;
	set_message(str_of("x\n"), 1);
	for (size_t i = 0; i < COUNT(parts); i++) {
		for (int kind = 0; kind < 3; kind++) {
			assert_int_equal(
			    unlinkat(home_fd, parts[i], AT_REMOVEDIR), 0);
			if (kind == 1)
				assert_int_equal(
				    symlinkat("/tmp", home_fd, parts[i]), 0);
			if (kind == 2)
				assert_int_equal(
				    mkfifoat(home_fd, parts[i], 0600), 0);
			folders_close(&kept);
			assert_false(try(0));
			assert_int_equal(report.letter, 'Z');
			assert_non_null(
			    strstr(report.text, "Unable to open ./Maildir/"));
			assert_string_equal(report.status, "4.2.1");
			(void)unlinkat(home_fd, parts[i], 0);
			assert_int_equal(mkdirat(home_fd, parts[i], 0700), 0);
		}
	}
}

/* What stays open is met only where its path still leads to it. */
static void
a_kept_one_that_was_replaced_is_not_met(void **state)
{
	char name[MAILDIR_NAME];

	(void)state;
	set_message(str_of("x\n"), 1);
	assert_true(try(0));
	assert_int_equal(kept.count, 1);
	assert_int_equal(renameat(home_fd, "Maildir", home_fd, "Old"), 0);
	assert_false(try(0));
	assert_string_equal(
	    report.text, "Unable to chdir to maildir. (#4.2.1)\n");
	assert_int_equal(make_parts(NULL), 0);
	assert_int_equal(files("new", name), 0);
	assert_true(try(0));
	assert_int_equal(files("new", name), 1);
	assert_int_equal(kept.count, 2);
	assert_int_equal(remove_parts(NULL), 0);
	/* Its own folder once more, but by a link. */
	assert_int_equal(mkdirat(home_fd, "Maildir", 0700), 0);
	assert_int_equal(symlinkat("../Old/new", home_fd, "Maildir/new"), 0);
	assert_false(try(0));
	assert_int_equal(report.letter, 'Z');
	assert_int_equal(unlinkat(home_fd, "Maildir/new", 0), 0);
	assert_int_equal(unlinkat(home_fd, "Maildir", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(home_fd, "Old", home_fd, "Maildir"), 0);
	assert_true(try(0));
	assert_int_equal(files("new", name), 1);
}

static void
a_failure_lets_go_of_it(void **state)
{
	(void)state;
	set_message(str_of("x\n"), 1);
	for (failing_sync = 0; failing_sync <= 2; failing_sync++) {
		assert_int_equal(try(0), failing_sync == 0);
		assert_int_equal(kept.count, failing_sync == 0);
	}
	failing_sync = 0;
}

static void
no_maildir_defers(void **state)
{
	(void)state;
	set_message(str_of("x\n"), 1);
	assert_false(try(0));
	assert_int_equal(report.letter, 'Z');
	assert_string_equal(
	    report.text, "Unable to chdir to maildir. (#4.2.1)\n");
}

static void
a_message_that_cannot_be_read_leaves_nothing(void **state)
{
	char name[MAILDIR_NAME];

	(void)state;
	set_message(str_of("A: b\n\nx\n"), 3);
	body_open(&body, fileno(message), 4, 100000);
	assert_false(try(0));
	assert_int_equal(report.letter, 'Z');
	assert_int_equal(files("new", name), 0);
	assert_int_equal(files("tmp", name), 0);
}

static void
two_syncs_and_no_third_after_a_failure(void **state)
{
	char name[MAILDIR_NAME];

	(void)state;
	set_message(str_of("A: b\n\nx\n"), 3);
	for (failing_sync = 1; failing_sync <= 2; failing_sync++) {
		assert_false(try(0));
		assert_int_equal(syncs, failing_sync);
		assert_int_equal(report.letter, 'Z');
		/* A name that is perhaps not on the disk must not be met. */
		assert_int_equal(files("new", name), 0);
		assert_int_equal(files("tmp", name), 0);
	}
	failing_sync = 0;
	assert_true(try(0));
	assert_int_equal(syncs, 2);
	/* What is there already is success only when it is on the disk. */
	failing_sync = 1;
	assert_false(try(JOB_REPEAT));
	assert_int_equal(files("new", name), 1);
	failing_sync = 2;
	assert_false(try(0));
	assert_int_equal(files("new", name), 1);
	failing_sync = 0;
	assert_true(try(JOB_REPEAT));
}

static void
file_systems_without_unnamed_files(void **state)
{
	char name[MAILDIR_NAME];

	(void)state;
	named_only = true;
	set_message(str_of("A: b\n\nx\n"), 3);
	assert_true(try(0));
	check_file(str_of("A: b\n\nx\n"), strlen(PREFIX) + 8 + 5);
	assert_int_equal(files("tmp", name), 0);
	assert_true(try(0));
	assert_int_equal(files("new", name), 1);
	assert_int_equal(files("tmp", name), 0);
	number[3]++;
	for (failing_sync = 1; failing_sync <= 2; failing_sync++) {
		assert_false(try(0));
		assert_int_equal(files("new", name), 1);
		assert_int_equal(files("tmp", name), 0);
	}
	failing_sync = 0;
	named_only = false;
}

int
main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, make_parts, remove_parts)
	const struct CMUnitTest tests[] = {
	    BOX(exact_bytes_and_sizes),
	    BOX(large_ones_by_windows),
	    BOX(tried_again_changes_nothing),
	    BOX(tried_again_after_it_was_read),
	    BOX(another_message_or_recipient_is_not_it),
	    BOX(a_part_that_is_no_folder_defers),
	    BOX(a_kept_one_that_was_replaced_is_not_met),
	    BOX(a_failure_lets_go_of_it),
	    cmocka_unit_test(no_maildir_defers),
	    BOX(a_message_that_cannot_be_read_leaves_nothing),
	    BOX(two_syncs_and_no_third_after_a_failure),
	    BOX(file_systems_without_unnamed_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
