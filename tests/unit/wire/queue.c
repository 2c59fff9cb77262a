/* queue: names, hints and codes mean one thing and are read strictly. */
#include "wire/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const unsigned char token[QUEUE_TOKEN] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 254, 255};

static void
paths_are_split_by_inode(void **state)
{
	char path[QUEUE_PATH_SIZE];

	queue_mess_path(path, 64, 131);
	assert_string_equal(path, "queue/mess/3/131");
	queue_info_path(path, 64, 64);
	assert_string_equal(path, "queue/info/0/64");
	queue_info_path(path, QUEUE_SPLIT_MAX, UINT64_MAX);
	assert_string_equal(path, "queue/info/4095/18446744073709551615");
	(void)state;
}

static void
only_a_message_of_the_folder_is_a_name(void **state)
{
	static const struct {
		const char *name;
		unsigned folder;
		bool ok;
		uint64_t ino;
	} rows[] = {
	    {"131",                   3, true,  131},
	    {"131",                   4, false, 0  },
	    {"0131",                  3, false, 0  },
	    {"0",		     0, false, 0  },
	    {"",		      0, false, 0  },
	    {".",		     0, false, 0  },
	    {"131 ",                  3, false, 0  },
	    {"131.tmp",               3, false, 0  },
	    {"-3",		    3, false, 0  },
	    {"18446744073709551616",  0, false, 0  },
	    {"184467440737095516160", 0, false, 0  },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t ino = 0;

		assert_int_equal(queue_name_parse(str_of(rows[i].name),
				     rows[i].folder, 64, &ino),
		    rows[i].ok);
		assert_int_equal(ino, rows[i].ino);
	}
	(void)state;
}

static void
a_hint_comes_back(void **state)
{
	static const uint64_t inos[] = {1, 131, UINT64_MAX};
	char hint[QUEUE_HINT_SIZE];

	for (size_t i = 0; i < COUNT(inos); i++) {
		unsigned char t[QUEUE_TOKEN];
		uint64_t ino;

		queue_hint_write(hint, inos[i], token);
		assert_true(queue_hint_read(hint, &ino, t));
		assert_int_equal(ino, inos[i]);
		assert_memory_equal(t, token, QUEUE_TOKEN);
	}
	queue_hint_write(hint, 131, token);
	assert_memory_equal(hint,
	    "00000000000000000131 000102030405060708090a0b0c0dfeff\n",
	    QUEUE_HINT_SIZE);
	(void)state;
}

static void
a_damaged_hint_is_refused_and_changes_nothing(void **state)
{
	char hint[QUEUE_HINT_SIZE];
	unsigned char t[QUEUE_TOKEN] = {0};
	uint64_t ino = 4711;

	for (size_t i = 0; i < QUEUE_HINT_SIZE; i++) {
		queue_hint_write(hint, 131, token);
		hint[i] = 'x';
		assert_false(queue_hint_read(hint, &ino, t));
		assert_int_equal(ino, 4711);
		assert_int_equal(t[15], 0);
	}
	queue_hint_write(hint, 0, token);
	assert_false(queue_hint_read(hint, &ino, t));
	(void)state;
}

static void
codes_have_the_texts_of_qmail(void **state)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
	    {0,   "Kok"					       },
	    {11,  "Denvelope address too long for qq (#5.1.3)"        },
	    {12,  "Dqq permanent problem (#5.3.0)"                    },
	    {31,  "Dmail server permanently rejected message (#5.3.0)"},
	    {40,  "Dqq permanent problem (#5.3.0)"                    },
	    {41,  "Zqq temporary problem (#4.3.0)"                    },
	    {53,  "Zqq write error or disk full (#4.3.0)"             },
	    {54,  "Zqq read error (#4.3.0)"                           },
	    {81,  "Zqq internal bug (#4.3.0)"                         },
	    {91,  "Zqq internal bug (#4.3.0)"                         },
	    {111, "Zqq temporary problem (#4.3.0)"                    },
	    {120, "Zunable to exec qq (#4.3.0)"                       },
	    {-1,  "Zqq temporary problem (#4.3.0)"                    },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(
		    queue_code_text(rows[i].code), rows[i].text);
	(void)state;
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
only_our_format_is_a_queue(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		unsigned split;
	} rows[] = {
	    {"culver-queue 1\nsplit 64\n",       true,  64  },
	    {"culver-queue 1\nsplit 4096\n",     true,  4096},
	    {"culver-queue 1\nsplit 4097\n",     false, 0   },
	    {"culver-queue 1\nsplit 0\n",        false, 0   },
	    {"culver-queue 2\nsplit 64\n",       false, 0   },
	    {"culver-queue 1\nsplit \n",         false, 0   },
	    {"culver-queue 1\nsplit 64\nmore\n", false, 0   },
	    {"culver-queue 1\n",                 false, 0   },
	    {"",				 false, 0   },
	};
	char dir[] = "/var/tmp/culver-queue-XXXXXX";
	char back[4096];
	unsigned split;

	assert_non_null(getcwd(back, sizeof(back)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_false(queue_split_read(&split));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir("queue", 0700), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		put(QUEUE_FORMAT_FILE, rows[i].text);
		split = 0;
		assert_int_equal(queue_split_read(&split), rows[i].ok);
		assert_int_equal(split, rows[i].split);
		if (!rows[i].ok)
			assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(unlink(QUEUE_FORMAT_FILE), 0);
	assert_int_equal(rmdir("queue"), 0);
	assert_int_equal(chdir(back), 0);
	assert_int_equal(rmdir(dir), 0);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_are_split_by_inode),
	    cmocka_unit_test(only_a_message_of_the_folder_is_a_name),
	    cmocka_unit_test(a_hint_comes_back),
	    cmocka_unit_test(a_damaged_hint_is_refused_and_changes_nothing),
	    cmocka_unit_test(codes_have_the_texts_of_qmail),
	    cmocka_unit_test(only_our_format_is_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
