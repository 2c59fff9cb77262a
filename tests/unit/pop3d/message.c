/* message: whose file it is, where it went, and what it is called. */
#include "pop3d/message.h"

#include "tests/unit/pop3d/box.h"
#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Open and close; the errno where it cannot be opened. */
static int
try(struct maildrop *m, struct message *p)
{
	struct stat st;
	int fd = message_open(m, p, &st), saved = errno;

	if (fd < 0)
		return saved;
	assert_int_equal(close(fd), 0);
	return 0;
}

static void
only_regular_files_of_ours_are_opened(void **state)
{
	struct box *b = *state;
	struct maildrop m;
	struct message p = {.folder = FOLDER_NEW};

	assert_true(maildrop_open(&m, b->fd));
	box_put(b, "new/1.file", "x\n");
	assert_int_equal(mkdirat(b->fd, "new/1.folder", 0700), 0);
	assert_int_equal(symlinkat("1.file", b->fd, "new/1.link"), 0);
	assert_int_equal(mkfifoat(b->fd, "new/1.fifo", 0600), 0);
	p.name = "1.file";
	assert_int_equal(try(&m, &p), 0);
	p.name = "1.folder";
	assert_int_equal(try(&m, &p), EPERM);
	p.name = "1.link";
	assert_int_equal(try(&m, &p), EPERM);
	p.name = "1.fifo"; /* and nobody waits for a writer */
	assert_int_equal(try(&m, &p), EPERM);
	if (geteuid() == 0) {
		box_put(b, "new/1.theirs", "x\n");
		assert_int_equal(fchownat(b->fd, "new/1.theirs", 1, 1, 0), 0);
		p.name = "1.theirs";
		assert_int_equal(try(&m, &p), EPERM);
	}
	maildrop_close(&m);
}

static void
renamed_is_found_and_vanished_is_gone(void **state)
{
	struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/1.a", "x\n");
	box_put(b, "new/2.b", "x\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(renameat(b->fd, "new/1.a", b->fd, "cur/1.a:2,S"), 0);
	assert_int_equal(unlinkat(b->fd, "new/2.b", 0), 0);
	assert_int_equal(try(&m, &m.messages[0]), 0);
	assert_int_equal(try(&m, &m.messages[1]), ENOENT);
	assert_int_equal(try(&m, &m.messages[1]), ENOENT);
	assert_int_equal(message_octets(&m, &m.messages[0]), 3);
	assert_int_equal(message_octets(&m, &m.messages[1]), 0);
	maildrop_close(&m);
}

static void
size_is_read_once(void **state)
{
	struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/1.a", "x\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(message_octets(&m, &m.messages[0]), 3);
	assert_int_equal(unlinkat(b->fd, "new/1.a", 0), 0);
	assert_int_equal(message_octets(&m, &m.messages[0]), 3);
	maildrop_close(&m);
}

static void
unique_ids_are_short_and_printable(void **state)
{
	static const char *const rows[][2] = {
	    {"1.q2.host",        "1.q2.host"                        },
	    {"1.q2.host:2,S",    "1.q2.host"                        },
	    {"1.q2.host,S=1:2,", "1.q2.host,S=1"                    },
	    {"!~",               "!~"			       },
	    {"a b",              "#e63f99190483389208ff7f5c0b43fee2"},
	    {"a\x1b[2J",         NULL			       },
	    {"\xc3\xa4",         NULL			       },
	    {"\x7f",             NULL			       },
	    {":2,S",             NULL			       },
	    {"#a",               NULL			       },
	};
	char out[UIDL_SIZE], before[UIDL_SIZE] = "";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message p = {.name = rows[i][0]};

		message_uidl(&p, out);
		if (rows[i][1] != NULL) {
			assert_string_equal(out, rows[i][1]);
			continue;
		}
		assert_int_equal(out[0], '#');
		assert_int_equal(strspn(out + 1, "0123456789abcdef"), 32);
		assert_int_equal(strlen(out), 33);
		assert_string_not_equal(out, before);
		memcpy(before, out, sizeof(before));
	}
}

static void
unique_ids_have_seventy_octets_at_most(void **state)
{
	char name[80], out[UIDL_SIZE];
	struct message p = {.name = name};

	(void)state;
	memset(name, 'x', sizeof(name));
	name[70] = '\0';
	message_uidl(&p, out);
	assert_string_equal(out, name);
	name[70] = 'x';
	name[71] = '\0';
	message_uidl(&p, out);
	assert_int_equal(out[0], '#');
	assert_int_equal(strlen(out), 33);
}

static void
twins_have_ids_of_their_own(void **state)
{
	struct message a = {.name = "1.a:2,"};
	struct message b = {.name = "1.a:2,S", .twin = true};
	struct message c = {.name = "1.a:2,T", .twin = true};
	char x[UIDL_SIZE], y[UIDL_SIZE], z[UIDL_SIZE];

	(void)state;
	message_uidl(&a, x);
	message_uidl(&b, y);
	message_uidl(&c, z);
	assert_string_equal(x, "1.a");
	assert_string_not_equal(x, y);
	assert_string_not_equal(y, z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		only_regular_files_of_ours_are_opened, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		renamed_is_found_and_vanished_is_gone, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		size_is_read_once, box_setup, box_teardown),
	    cmocka_unit_test(unique_ids_are_short_and_printable),
	    cmocka_unit_test(unique_ids_have_seventy_octets_at_most),
	    cmocka_unit_test(twins_have_ids_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
