/* store: which key and certificates a name leads to, and when a file counts. */
#include "keyd/store.h"

#include "tests/unit/keyd/cards.h"

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
	check(s, "a.example.org", "default");
	drop_file("tls/example.net.pem");
	drop_file("servercert.pem");
	check(s, "", "none");
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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_name_leads_to_its_own_file_or_its_domains_or_the_default),
	    cmocka_unit_test(a_renewed_file_counts_and_the_former_key_goes_on),
	    cmocka_unit_test(
		a_file_that_cannot_be_used_does_not_replace_one_that_was_good),
	};

	return cmocka_run_group_tests(tests, folder_open, folder_close);
}
