/* password: what a mailbox's password is made of and how it is kept. */
#include "control/password.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/rng.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* The costs were measured: 8, 11 and 4 ms for a login. */
static const struct {
	const char *name, *prefix;
	unsigned long cost;
} methods[] = {
    {"yescrypt",    "$y$",  4    },
    {"bcrypt",      "$2b$", 8    },
    {"sha512crypt", "$6$",  20000},
};

enum { METHODS = sizeof methods / sizeof *methods };

const char *
password_method(size_t n)
{
	return n < METHODS ? methods[n].name : NULL;
}

const char *
password_fault(struct str password)
{
	if (password.len == 0)
		return "the password is empty";
	if (password.len > PASSWORD_MAX)
		return "the password is too long";
	for (size_t i = 0; i < password.len; i++) {
		unsigned char c = (unsigned char)password.data[i];

		if (c < ' ' || c == 0x7f)
			return "the password holds a control byte";
	}
	return NULL;
}

static bool
hash(const char *password, const char *setting, char out[CRYPT_OUTPUT_SIZE])
{
	struct crypt_data *work = calloc(1, sizeof *work);
	const char *got;
	bool ok;

	if (work == NULL)
		return false;
	got = crypt_r(password, setting, work);
	ok = got != NULL && got[0] != '*' &&
	     str_copy(out, CRYPT_OUTPUT_SIZE, str_of(got));
	free(work);
	return ok;
}

static const char clear[] = "{PLAIN}", clear_hex[] = "{PLAIN.HEX}";

/* users/passwd holds it as it is (wire/users.h). */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c <= ' ' || c == 0x7f || c == ':')
			return false;
	}
	return true;
}

static bool
keep(struct str password, char out[CRYPT_OUTPUT_SIZE])
{
	bool plain = is_plain(password);
	struct str head = str_of(plain ? clear : clear_hex);
	size_t len = plain ? password.len : 2 * password.len;

	if (str_find(password, '\0') < password.len) {
		errno = EINVAL;
		return false;
	}
	if (head.len + len >= CRYPT_OUTPUT_SIZE) {
		errno = EMSGSIZE;
		return false;
	}
	memcpy(out, head.data, head.len);
	if (!plain)
		num_hex(out + head.len, (const unsigned char *)password.data,
		    password.len);
	else if (!str_copy(
		     out + head.len, CRYPT_OUTPUT_SIZE - head.len, password))
		return false;
	return true;
}

bool
password_clear(struct str kept, char out[PASSWORD_MAX + 1], size_t *len)
{
	struct str hex = str_slice(kept, strlen(clear_hex), kept.len);

	if (str_starts(kept, str_of(clear))) {
		kept = str_slice(kept, strlen(clear), kept.len);
		*len = kept.len;
		return *len > 0 && str_copy(out, PASSWORD_MAX + 1, kept);
	}
	*len = hex.len / 2;
	if (!str_starts(kept, str_of(clear_hex)) || *len == 0 ||
	    *len > PASSWORD_MAX)
		return false;
	out[*len] = '\0';
	return num_unhex(hex, (unsigned char *)out, *len);
}

static const char scram[] = "{SCRAM-SHA-256}";

bool
password_is_verifier(struct str kept)
{
	return str_starts(kept, str_of(scram));
}

bool
password_verifier(struct str kept, struct scram_verifier *v)
{
	return password_is_verifier(kept) &&
	       scramkey_read(str_slice(kept, strlen(scram), kept.len), v);
}

static bool
make_verifier(struct str password, char out[CRYPT_OUTPUT_SIZE])
{
	struct scram_verifier v = {
	    .iterations = SCRAM_ITERATIONS, .salt_len = PASSWORD_SALT};
	struct buf b = {.max = CRYPT_OUTPUT_SIZE - 1};
	bool ok = rng_bytes(v.salt, v.salt_len) &&
		  scramkey_make(&v, password) && buf_append_text(&b, scram) &&
		  scramkey_write(&b, &v) &&
		  str_copy(out, CRYPT_OUTPUT_SIZE, buf_str(&b));

	buf_free(&b);
	return ok;
}

bool
password_hash(
    struct str password, const char *method, char out[CRYPT_OUTPUT_SIZE])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], text[PASSWORD_MAX + 1];
	size_t i = 0;

	if (strcmp(method, PASSWORD_PLAIN) == 0)
		return keep(password, out);
	if (strcmp(method, PASSWORD_SCRAM) == 0)
		return make_verifier(password, out);
	while (i < METHODS && strcmp(method, methods[i].name) != 0)
		i++;
	if (i == METHODS || !str_copy(text, sizeof text, password)) {
		errno = EINVAL;
		return false;
	}
	return crypt_gensalt_rn(methods[i].prefix, methods[i].cost, NULL, 0,
		   setting, sizeof setting) != NULL &&
	       hash(text, setting, out);
}

bool
password_random(char out[PASSWORD_RANDOM_SIZE])
{
	/* No i, l, o, 0, 1: they are mistaken for one another. */
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789_";
	unsigned char bytes[PASSWORD_RANDOM_SIZE - 1];

	_Static_assert(sizeof letters == 32 + 1, "five bits a letter");
	if (!rng_bytes(bytes, sizeof bytes))
		return false;
	for (size_t i = 0; i < sizeof bytes; i++)
		out[i] = letters[bytes[i] % 32];
	out[sizeof bytes] = '\0';
	return true;
}

bool
password_read(int fd, struct buf *b)
{
	size_t start = b->len;

	for (char c = 0;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0 || c == '\n')
			return true;
		if (b->len - start == PASSWORD_MAX) {
			errno = EMSGSIZE;
			return false;
		}
		if (!buf_append_byte(b, c))
			return false;
	}
}

/* Ask once on a terminal that does not echo. */
static bool
ask(int tty, const char *prompt, const char *whose, struct buf *b)
{
	return fd_write_all(tty, prompt, strlen(prompt)) &&
	       fd_write_all(tty, whose, strlen(whose)) &&
	       fd_write_all(tty, ": ", 2) && password_read(tty, b) &&
	       fd_write_all(tty, "\n", 1);
}

static bool
ask_twice(int tty, const char *whose, struct buf *b)
{
	struct buf again = {0};
	bool ok = ask(tty, "Password for ", whose, b) &&
		  ask(tty, "Once more for ", whose, &again);

	if (ok && !str_equal(buf_str(b), buf_str(&again))) {
		errno = EINVAL;
		ok = false;
	}
	buf_free(&again);
	return ok;
}

bool
password_ask(const char *whose, struct buf *b)
{
	struct termios before, silent;
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool ok;

	if (tty < 0)
		return false;
	if (tcgetattr(tty, &before) < 0) {
		fd_close(&tty);
		return false;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	ok =
	    tcsetattr(tty, TCSAFLUSH, &silent) == 0 && ask_twice(tty, whose, b);
	if (tcsetattr(tty, TCSAFLUSH, &before) < 0)
		ok = false;
	fd_close(&tty);
	return ok;
}
