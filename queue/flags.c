/* flags: what sendmail's arguments mean; see flags.h. */
#include "queue/flags.h"

#include "lib/die.h"
#include "lib/str.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { ENVID_MAX = 100 }; /* RFC 3461, 4.4 */

enum value {
	VALUE_NONE,
	VALUE_OWN,  /* the rest of the word or the next one */
	VALUE_REST, /* the rest of the word, if there is any */
};

static void
warn_value(char letter, const char *value)
{
	const char flag[] = {letter, '\0'};

	errno = 0;
	warn("option -", flag, " is ignored: this means nothing: ", value);
}

static void
skip(struct flags *f, const char *value)
{
	(void)f;
	(void)value;
}

static void
set_body(struct flags *f, const char *value)
{
	static const char *const words[] = {"7BIT", "8BITMIME", "BINARYMIME"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_equal_nocase(str_of(value), str_of(words[i]))) {
			f->body = words[i];
			return;
		}
	warn_value('B', value);
}

static void
set_mode(struct flags *f, const char *value)
{
	static const struct {
		char letter;
		enum flags_mode mode;
	} rows[] = {
	    {'m', FLAGS_MAIL   },
	    {'s', FLAGS_SMTP   },
	    {'p', FLAGS_LIST   },
	    {'i', FLAGS_ALIASES},
	    {'v', FLAGS_VERIFY },
	    {'d', FLAGS_DAEMON },
	    {'D', FLAGS_DAEMON },
	    {'a', FLAGS_DAEMON },
	    {'l', FLAGS_DAEMON },
	};

	f->mode = FLAGS_UNKNOWN;
	f->letter = value[0];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].letter == value[0])
			f->mode = rows[i].mode;
}

static void
set_aliases(struct flags *f, const char *value)
{
	(void)value;
	f->mode = FLAGS_ALIASES;
}

static void
set_name(struct flags *f, const char *value)
{
	f->name = value;
}

static void
set_sender(struct flags *f, const char *value)
{
	f->sender = value;
}

static bool
is_notify_word(struct str word)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_equal(word, str_of(words[i])))
			return true;
	return false;
}

/* "failure,delay" in capitals, or "NEVER". */
static void
set_notify(struct flags *f, const char *value)
{
	char *out = f->notify_text;
	struct str rest, word;
	size_t n = 0;

	for (const char *s = value; *s != '\0' && n + 1 < FLAGS_TEXT; s++)
		if (*s != ' ')
			out[n++] =
			    *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s;
	out[n] = '\0';
	rest = str_of(out);
	f->notify = n > 0 && out[n - 1] != ',' ? out : NULL;
	while (!str_equal(str_of(out), str_of("NEVER")) &&
	       str_cut(&rest, ',', &word))
		if (!is_notify_word(word))
			f->notify = NULL;
	if (f->notify == NULL)
		warn_value('N', value);
}

static void
set_ret(struct flags *f, const char *value)
{
	if (str_equal_nocase(str_of(value), str_of("hdrs")))
		f->ret = "HDRS";
	else if (str_equal_nocase(str_of(value), str_of("full")))
		f->ret = "FULL";
	else
		warn_value('R', value);
}

static void
set_run(struct flags *f, const char *value)
{
	(void)value;
	f->run = true;
}

static void
set_header(struct flags *f, const char *value)
{
	(void)value;
	f->header = true;
}

static void
set_envid(struct flags *f, const char *value)
{
	size_t n = strlen(value);
	bool fine = n > 0 && n <= ENVID_MAX;

	for (size_t i = 0; i < n; i++)
		fine = fine && value[i] >= ' ' && value[i] <= '~';
	if (fine)
		f->envid = value;
	else
		warn_value('V', value);
}

static const struct flag {
	char letter;
	enum value value;
	bool needed; /* without its value the whole makes no sense */
	void (*take)(struct flags *f, const char *value);
} flags[] = {
    {'A', VALUE_OWN,  false, skip       },
    {'B', VALUE_OWN,  false, set_body   },
    {'C', VALUE_OWN,  false, skip       },
    {'D', VALUE_OWN,  false, skip       },
    {'E', VALUE_REST, false, skip       },
    {'F', VALUE_OWN,  true,  set_name   },
    {'G', VALUE_NONE, false, skip       },
    {'I', VALUE_NONE, false, set_aliases},
    {'J', VALUE_REST, false, skip       },
    {'L', VALUE_OWN,  false, skip       },
    {'M', VALUE_OWN,  false, skip       },
    {'N', VALUE_OWN,  false, set_notify },
    {'O', VALUE_OWN,  false, skip       },
    {'Q', VALUE_REST, false, skip       },
    {'R', VALUE_OWN,  false, set_ret    },
    {'U', VALUE_NONE, false, skip       },
    {'V', VALUE_OWN,  false, set_envid  },
    {'X', VALUE_OWN,  false, skip       },
    {'b', VALUE_OWN,  true,  set_mode   },
    {'c', VALUE_NONE, false, skip       },
    {'d', VALUE_REST, false, skip       },
    {'e', VALUE_OWN,  false, skip       },
    {'f', VALUE_OWN,  true,  set_sender },
    {'h', VALUE_OWN,  false, skip       },
    {'i', VALUE_NONE, false, skip       },
    {'m', VALUE_NONE, false, skip       },
    {'n', VALUE_NONE, false, skip       },
    {'o', VALUE_OWN,  false, skip       },
    {'p', VALUE_OWN,  false, skip       },
    {'q', VALUE_REST, false, set_run    },
    {'r', VALUE_OWN,  true,  set_sender },
    {'t', VALUE_NONE, false, set_header },
    {'v', VALUE_NONE, false, skip       },
    {'x', VALUE_NONE, false, skip       },
};

static const struct flag *
find(char letter)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

/* What an option's value is, the rest of its word being rest; *next is moved on
 * where it is the next word.  NULL: it lacks one. */
static const char *
find_value(
    const struct flag *flag, const char *rest, char *const *argv, int *next)
{
	if (flag->value == VALUE_REST || *rest != '\0')
		return rest;
	return argv[*next] == NULL ? NULL : argv[(*next)++];
}

/* One word of options; *next is the index of the one behind it. */
static bool
take_word(struct flags *f, const char *word, char *const *argv, int *next)
{
	for (const char *s = word + 1; *s != '\0'; s++) {
		const struct flag *flag = find(*s);
		const char name[] = {*s, '\0'}, *value = "";

		errno = 0;
		if (flag == NULL) {
			/* Whatever follows in the word may be its value. */
			warn("no option -", name, "; ignored: ", word);
			return true;
		}
		if (flag->value != VALUE_NONE)
			value = find_value(flag, s + 1, argv, next);
		if (value == NULL) {
			warn("option -", name, " needs a value");
			return !flag->needed;
		}
		flag->take(f, value);
		if (flag->value != VALUE_NONE)
			return true;
	}
	return true;
}

static void
take_name(struct flags *f, const char *path)
{
	struct str s = str_of(path == NULL ? "" : path);
	size_t slash = str_rfind(s, '/');

	if (slash < s.len)
		s = str_slice(s, slash + 1, s.len);
	if (str_equal(s, str_of("mailq")))
		f->mode = FLAGS_LIST;
	if (str_equal(s, str_of("newaliases")))
		f->mode = FLAGS_ALIASES;
}

bool
flags_read(struct flags *f, int argc, char *const *argv)
{
	int i = 1;
	bool fine = true;

	*f = (struct flags){.mode = FLAGS_MAIL};
	take_name(f, argv[0]);
	while (fine && i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		const char *word = argv[i++];

		if (strcmp(word, "--") == 0)
			break;
		errno = 0;
		if (word[1] == '-')
			warn("no option ", word, "; ignored");
		else
			fine = take_word(f, word, argv, &i);
	}
	f->operands = i;
	if (f->run && f->mode == FLAGS_MAIL && !f->header && i >= argc)
		f->mode = FLAGS_RUN;
	return fine;
}
