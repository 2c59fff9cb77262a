/* choice: the password and the settings that culver-user was asked for. */
#include "control/choice.h"
#include "control/password.h"
#include "lib/die.h"
#include "lib/num.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
choice_check(const struct choice *c)
{
	if (c->from_stdin + c->random + c->none + (c->password != NULL) +
		(c->hash != NULL) >
	    1)
		die_usage("give one password, not several");
}

/* The password in plain text, appended to b. */
static void
get_password(const struct choice *c, const char *whose, struct buf *b)
{
	char random[PASSWORD_RANDOM_SIZE];
	bool ok;

	if (c->random) {
		if (!password_random(random))
			die_temp("unable to make a password");
		printf("password %s\n", random);
		ok = buf_append_text(b, random);
	} else if (c->password != NULL) {
		errno = 0;
		warn("others can see --password in the list of processes");
		ok = buf_append_text(b, c->password);
	} else if (c->from_stdin) {
		ok = password_read(STDIN_FILENO, b);
	} else {
		ok = password_ask(whose, b);
		if (!ok && errno == EINVAL)
			die_usage("the two passwords differ");
		if (!ok && errno == ENXIO)
			die_usage("no terminal to ask for a password: use "
				  "--password-stdin or --random");
	}
	/* What was read of it is another password. */
	if (!ok && errno == EMSGSIZE)
		die_usage("the password is too long");
	if (!ok)
		die_temp("unable to read the password");
}

void
choice_hash(
    const struct choice *c, const char *whose, char out[CRYPT_OUTPUT_SIZE])
{
	const char *method = c->method == NULL ? password_method(0) : c->method;
	struct buf b = {0};
	const char *fault;

	out[0] = '\0';
	if (c->none)
		return;
	if (c->hash != NULL) {
		if (!str_copy(out, CRYPT_OUTPUT_SIZE, str_of(c->hash)))
			die_usage("the hash is too long");
		return;
	}
	get_password(c, whose, &b);
	fault = password_fault(buf_str(&b));
	if (fault != NULL)
		die_usage(fault);
	if (strcmp(method, PASSWORD_PLAIN) == 0) {
		errno = 0;
		warn("the password is kept in clear");
	}
	if (!password_hash(buf_str(&b), method, out)) {
		if (errno == EINVAL)
			die_usage("no method is called ", method);
		if (errno == EMSGSIZE)
			die_usage("the password is too long");
		die_temp("unable to hash the password");
	}
	buf_free(&b);
}

/* "2G" in bytes. */
static uint64_t
get_size(struct str s, const char *text)
{
	static const char units[] = "kMGT";
	unsigned shift = 0;
	uint64_t n;
	const char *unit = s.len == 0 || s.data[s.len - 1] == '\0'
			       ? NULL
			       : strchr(units, s.data[s.len - 1]);

	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		s.len--;
	}
	if (!num_parse(s, UINT64_MAX >> shift, &n))
		die_usage("not a size: ", text);
	return n << shift;
}

/* "2G", "2G,500C", "500C", or as users/passwd has it. */
static void
get_quota(const char *text, struct user_record *record)
{
	struct str rest = str_of(text), size;

	if (users_parse_quota(rest, &record->quota, &record->messages))
		return;
	if (!str_cut(&rest, ',', &size))
		die_usage("not a size: ", text);
	record->messages = 0;
	if (rest.len > 0 && (rest.data[rest.len - 1] != 'C' ||
				!num_parse(str_slice(rest, 0, rest.len - 1),
				    UINT64_MAX, &record->messages)))
		die_usage("not a quota: ", text);
	record->quota = get_size(size, text);
}

static unsigned
get_flags(const char *text)
{
	struct str rest = str_of(text), word;
	unsigned flags = 0;

	while (str_cut(&rest, ',', &word)) {
		if (users_flag(word) == 0)
			die_usage("no such flag in ", text);
		flags |= users_flag(word);
	}
	return flags;
}

void
choice_apply(const struct choice *c, struct user_record *record)
{
	if (c->quota != NULL)
		get_quota(c->quota, record);
	if (c->forward != NULL)
		record->forward = str_of(c->forward);
	if (c->place != NULL)
		record->place = str_of(c->place);
	if (c->flags != NULL)
		record->flags = get_flags(c->flags);
}
