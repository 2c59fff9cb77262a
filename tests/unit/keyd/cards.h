/* cards: a folder of keys and certificates, made on the spot. */
#ifndef TESTS_UNIT_KEYD_CARDS_H
#define TESTS_UNIT_KEYD_CARDS_H

#include "tests/unit/lib/tlshost.h"
#include <sys/stat.h>

static struct {
	char path[64]; /* of the folder, which stands for control/ */
	int fd;
} folder;

static int UNUSED
folder_open(void **state)
{
	assert_int_equal(open_all(state), 0);
	(void)str_copy(
	    folder.path, sizeof folder.path, str_of("/tmp/cards.XXXXXX"));
	assert_non_null(mkdtemp(folder.path));
	folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder.fd >= 0);
	return mkdirat(folder.fd, "tls", 0700);
}

static void UNUSED
drop_file(const char *name)
{
	(void)unlinkat(folder.fd, name, 0);
}

static int UNUSED
folder_close(void **state)
{
	(void)unlinkat(folder.fd, "tls", AT_REMOVEDIR);
	assert_int_equal(rmdir(folder.path), 0);
	(void)close(folder.fd);
	return close_all(state);
}

static EVP_PKEY *UNUSED
new_key(void)
{
	return EVP_EC_gen("P-256");
}

/* A certificate for a name, signed by the house. */
static X509 *UNUSED
new_certificate(EVP_PKEY *key, const char *name)
{
	char san[128];
	X509 *x;

	(void)snprintf(san, sizeof san, "DNS:%s", name);
	x = make_card(name, san, -DAY, DAY, house.authority);
	assert_true(X509_set_pubkey(x, key) == 1 &&
		    X509_sign(x, house.key, EVP_sha256()) > 0);
	return x;
}

/* Write it as others do: beside it, then renamed. */
static void UNUSED
write_pem(const char *name, EVP_PKEY *key, X509 *x, mode_t mode)
{
	int fd = openat(folder.fd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	if (x != NULL)
		assert_int_equal(PEM_write_X509(f, x), 1);
	if (key != NULL)
		assert_int_equal(
		    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	if (x != NULL)
		assert_int_equal(PEM_write_X509(f, house.authority), 1);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(renameat(folder.fd, "new", folder.fd, name), 0);
}

/* A key of its own and a certificate for a host, in file name. */
static void UNUSED
write_card(const char *name, const char *host)
{
	EVP_PKEY *key = new_key();
	X509 *x = new_certificate(key, host);

	write_pem(name, key, x, 0600);
	X509_free(x);
	EVP_PKEY_free(key);
}

#endif
