/* store: which key and certificates a name leads to, and when a file counts. */
#include "keyd/store.h"

#include "tests/unit/keyd/ahead.h"
#include "tests/unit/keyd/cards.h"
#include <sys/stat.h>

static void
subject(const struct credential *c, char out[64])
{
	(void)str_copy(out, 64, str_of("none"));
	if (c != NULL)
		(void)X509_NAME_get_text_by_NID(
		    X509_get_subject_name(c->leaf), NID_commonName, out, 64);
}

static void
check(struct store *s, const char *name, const char *cn)
{
	char got[64];

	subject(store_find(s, str_of(name)), got);
	assert_string_equal(got, cn);
}

static void
a_name_leads_to_its_own_file_or_its_domains_or_the_default(void **state)
{
	struct store *s = store_new(folder.fd);

	(void)state;
	assert_non_null(s);
	check(s, "", "none");
	write_card("servercert.pem", "default");
	write_card("tls/a.example.org.pem", "a.example.org");
	write_card("tls/example.net.pem", "*.example.net");
	check(s, "", "default");
	check(s, "a.example.org", "a.example.org");
	check(s, "b.example.org", "default");
	check(s, "x.example.net", "*.example.net");
	/* The file's name is not enough: the certificate must be for it. */
	check(s, "x.a.example.org", "default");
	check(s, "example.net", "*.example.net");
	drop_file("tls/a.example.org.pem");
	drop_file("tls/example.net.pem");
	drop_file("servercert.pem");
	store_free(s);
}

static void
a_renewed_file_counts_and_the_former_key_goes_on(void **state)
{
	struct store *s = store_new(folder.fd);
	unsigned char hash[TLS_KEY_HASH];
	const struct credential *c;

	(void)state;
	write_card("servercert.pem", "first");
	c = store_find(s, str_of(""));
	assert_non_null(c);
	memcpy(hash, c->hash, sizeof hash);
	write_card("servercert.pem", "second");
	check(s, "", "second");
	c = store_of(s, hash);
	assert_non_null(c);
	assert_memory_equal(c->hash, hash, sizeof hash);
	/* Only the last one does. */
	write_card("servercert.pem", "third");
	check(s, "", "third");
	assert_null(store_of(s, hash));
	drop_file("servercert.pem");
	store_free(s);
}

static void
a_file_that_cannot_be_used_does_not_replace_one_that_was_good(void **state)
{
	EVP_PKEY *key = new_key(), *other = new_key();
	X509 *x = new_certificate(key, "good");
	const struct {
		EVP_PKEY *key;
		X509 *x;
		mode_t mode;
	} rows[] = {
	    {key,   x,    0640},
	    {key,   x,    0604},
	    {other, x,    0600},
	    {NULL,  x,    0600},
	    {key,   NULL, 0600},
	    {NULL,  NULL, 0600},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store *s = store_new(folder.fd);

		write_pem(
		    "servercert.pem", rows[i].key, rows[i].x, rows[i].mode);
		check(s, "", "none");
		write_pem("servercert.pem", key, x, 0600);
		check(s, "", "good");
		write_pem(
		    "servercert.pem", rows[i].key, rows[i].x, rows[i].mode);
		check(s, "", "good");
		store_free(s);
	}
	drop_file("servercert.pem");
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* An internationalised name is asked for, and kept, as DNS has it. */
static void
a_name_in_other_letters_is_the_one_of_dns(void **state)
{
	struct store *s = store_new(folder.fd);

	(void)state;
	write_card("servercert.pem", "default");
	write_card("tls/xn--bcher-kva.example.pem", "*.xn--bcher-kva.example");
	check(s, "mx.xn--bcher-kva.example", "*.xn--bcher-kva.example");
	check(s, "xn--bcher-kva.example", "*.xn--bcher-kva.example");
	check(s, "mx.xn--bcher-kvb.example", "default");
	check(s, "a.b.xn--bcher-kva.example", "default");
	drop_file("tls/xn--bcher-kva.example.pem");
	drop_file("servercert.pem");
	store_free(s);
}

/* The bytes of a file. */
static struct buf
contents(const char *name)
{
	struct buf b = {0};
	int fd = openat(folder.fd, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fd_slurp(fd, &b));
	(void)close(fd);
	return b;
}

/* Write the first n bytes of b over a file, some seconds ago. */
static void
overwrite(const char *name, const struct buf *b, size_t n, int64_t ago)
{
	int fd = openat(folder.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {0}};

	times[1].tv_sec = clock_wall() / CLOCK_SECOND - ago;
	assert_true(fd >= 0);
	assert_true(n == 0 || fd_write_all(fd, b->data, n));
	assert_int_equal(futimens(fd, times), 0);
	(void)close(fd);
}

/* Two certificates, the key between them, and text. */
static void
a_file_written_in_place_counts_when_it_is_whole_and_quiet(void **state)
{
	struct store *s = store_new(folder.fd);
	struct buf next;

	(void)state;
	write_card("next", "next");
	next = contents("next");
	write_card("servercert.pem", "first");
	check(s, "", "first");
	for (size_t n = 0; n < next.len; n += 7) {
		overwrite("servercert.pem", &next, n, 0);
		check(s, "", "first");
	}
	overwrite("servercert.pem", &next, next.len, 0);
	check(s, "", "first");
	pass(STORE_QUIET_SECONDS);
	check(s, "", "next");
	drop_file("servercert.pem");
	drop_file("next");
	buf_free(&next);
	store_free(s);
}

/* Whoever stops in the middle for ever. */
static void
a_file_that_ends_within_a_part_never_counts(void **state)
{
	struct store *s = store_new(folder.fd);
	struct buf next;
	size_t taken = 0;

	(void)state;
	write_card("next", "next");
	next = contents("next");
	for (size_t n = 0; next.data != NULL && n < next.len - 1; n++) {
		struct str left = {next.data + n, next.len - n};

		/* Between two parts, or before the line's end. */
		if (n > 0 && (str_starts_nocase(left, str_of("-----BEGIN")) ||
				 next.data[n] == '\n')) {
			taken += next.data[n] != '\n';
			continue;
		}
		overwrite("servercert.pem", &next, n, 60);
		check(s, "", "none");
	}
	assert_int_equal(taken, 2);
	drop_file("servercert.pem");
	drop_file("next");
	buf_free(&next);
	store_free(s);
}

static void
a_file_that_is_gone_goes_on_for_a_while(void **state)
{
	struct store *s = store_new(folder.fd);

	(void)state;
	write_card("servercert.pem", "first");
	check(s, "", "first");
	drop_file("servercert.pem");
	check(s, "", "first");
	write_card("servercert.pem", "second");
	check(s, "", "second");
	/* Away and back again. */
	assert_int_equal(
	    renameat(folder.fd, "servercert.pem", folder.fd, "away"), 0);
	check(s, "", "second");
	pass(STORE_GONE_SECONDS - 1);
	check(s, "", "second");
	pass(1);
	check(s, "", "none");
	assert_int_equal(
	    renameat(folder.fd, "away", folder.fd, "servercert.pem"), 0);
	check(s, "", "second");
	drop_file("servercert.pem");
	store_free(s);
}

static void
a_file_that_cannot_be_looked_at_goes_on(void **state)
{
	struct store *s = store_new(folder.fd);

	(void)state;
	write_card("servercert.pem", "first");
	check(s, "", "first");
	drop_file("servercert.pem");
	assert_int_equal(
	    symlinkat("servercert.pem", folder.fd, "servercert.pem"), 0);
	check(s, "", "first");
	pass(2L * STORE_GONE_SECONDS);
	check(s, "", "first");
	drop_file("servercert.pem");
	store_free(s);
}

static void
a_link_that_leads_to_another_file_counts(void **state)
{
	struct store *s = store_new(folder.fd);

	(void)state;
	write_card("old", "old");
	write_card("new1", "new");
	assert_int_equal(symlinkat("old", folder.fd, "servercert.pem"), 0);
	check(s, "", "old");
	assert_int_equal(symlinkat("new1", folder.fd, "link"), 0);
	assert_int_equal(
	    renameat(folder.fd, "link", folder.fd, "servercert.pem"), 0);
	check(s, "", "new");
	drop_file("servercert.pem");
	drop_file("old");
	drop_file("new1");
	store_free(s);
}

static int
open_both(void **state)
{
	assert_int_equal(ahead_open(state), 0);
	pass(STORE_QUIET_SECONDS); /* what is written is so old at once */
	return folder_open(state);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_name_leads_to_its_own_file_or_its_domains_or_the_default),
	    cmocka_unit_test(a_renewed_file_counts_and_the_former_key_goes_on),
	    cmocka_unit_test(
		a_file_that_cannot_be_used_does_not_replace_one_that_was_good),
	    cmocka_unit_test(a_name_in_other_letters_is_the_one_of_dns),
	    cmocka_unit_test(
		a_file_written_in_place_counts_when_it_is_whole_and_quiet),
	    cmocka_unit_test(a_file_that_ends_within_a_part_never_counts),
	    cmocka_unit_test(a_file_that_is_gone_goes_on_for_a_while),
	    cmocka_unit_test(a_file_that_cannot_be_looked_at_goes_on),
	    cmocka_unit_test(a_link_that_leads_to_another_file_counts),
	};

	return cmocka_run_group_tests(tests, open_both, folder_close);
}
