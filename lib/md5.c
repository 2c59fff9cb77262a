/* md5: OpenSSL's, without its files and its end; see md5.h. */
#include "lib/md5.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

bool
md5_of(unsigned char out[MD5_SIZE], struct str a, struct str b)
{
	EVP_MD_CTX *c;
	bool ok;

	if (OPENSSL_init_crypto(
		OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) !=
	    1)
		return false;
	c = EVP_MD_CTX_new();
	ok = c != NULL && EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1 &&
	     EVP_DigestUpdate(c, a.data, a.len) == 1 &&
	     EVP_DigestUpdate(c, b.data, b.len) == 1 &&
	     EVP_DigestFinal_ex(c, out, NULL) == 1;
	EVP_MD_CTX_free(c);
	return ok;
}
