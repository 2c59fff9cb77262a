/* scram: attributes between commas; see scram.h. */
#include "lib/scram.h"

#include "lib/base64.h"
#include <errno.h>

/* "a=value" from the front of *rest, up to the next comma. */
static bool
take(struct str *rest, char letter, struct str *value)
{
	struct str one, before = *rest;

	if (!str_cut(rest, ',', &one) || one.len < 2 || one.data[0] != letter ||
	    one.data[1] != '=') {
		*rest = before;
		return false;
	}
	*value = str_slice(one, 2, one.len);
	return true;
}

/* RFC 5802, 7: printable = %x21-2B / %x2D-7E */
static bool
is_nonce(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == ',')
			return false;
	return s.len > 0;
}

static bool
take_header(struct str text, struct str *rest, struct scram_first *f)
{
	struct str flag, authzid;

	*rest = text;
	if (!str_cut(rest, ',', &flag) || flag.len == 0 || rest->len == 0 ||
	    !str_cut(rest, ',', &authzid))
		return false;
	f->binding = flag.data[0];
	f->type = str_slice(flag, 2, flag.len);
	if (f->binding == 'p'
		? !str_starts(flag, str_of("p=")) || f->type.len == 0
		: flag.len != 1 || (f->binding != 'n' && f->binding != 'y'))
		return false;
	if (authzid.len > 0 && !str_starts(authzid, str_of("a=")))
		return false;
	f->authzid = str_slice(authzid, 2, authzid.len);
	f->header = str_slice(text, 0, text.len - rest->len);
	return true;
}

bool
scram_first_read(struct str text, struct scram_first *f)
{
	struct str rest;

	*f = (struct scram_first){.binding = 0};
	if (text.len > SCRAM_FIRST || str_find(text, '\0') < text.len ||
	    !take_header(text, &rest, f))
		return false;
	f->bare = rest;
	return take(&rest, 'n', &f->name) && take(&rest, 'r', &f->nonce) &&
	       f->name.len > 0 && f->name.len <= SCRAM_NAME &&
	       f->nonce.len <= SCRAM_NONCE && is_nonce(f->nonce);
}

bool
scram_final_read(struct str text, struct scram_final *f)
{
	struct str rest = text, one;

	*f = (struct scram_final){
	    .without = {NULL, 0}
        };
	if (str_find(text, '\0') < text.len || !take(&rest, 'c', &f->binding) ||
	    !take(&rest, 'r', &f->nonce) || !is_nonce(f->nonce))
		return false;
	while (!take(&rest, 'p', &f->proof))
		if (!str_cut(&rest, ',', &one) || one.len < 2 ||
		    one.data[1] != '=')
			return false;
	if (rest.len > 0 || text.data[text.len - 1] == ',')
		return false;
	/* Before ",p=". */
	f->without = str_slice(text, 0, text.len - f->proof.len - 3);
	return true;
}

bool
scram_name(struct buf *b, struct str written)
{
	size_t before = b->len;
	bool ok = true;

	for (size_t i = 0; ok && i < written.len; i++) {
		struct str code = str_slice(written, i, i + 3);
		char c = written.data[i];

		if (c == '=') {
			c = str_equal(code, str_of("=2C")) ? ',' : '=';
			errno = EINVAL;
			ok = c == ',' || str_equal(code, str_of("=3D"));
			i += 2;
		}
		ok = ok && buf_append_byte(b, c);
	}
	if (!ok)
		b->len = before;
	return ok;
}

struct str
scram_nonce(struct str server_first)
{
	struct str nonce = {NULL, 0};

	return take(&server_first, 'r', &nonce) ? nonce : (struct str){NULL, 0};
}

bool
scram_matches(const struct scram_first *first, struct str server_first,
    const struct scram_final *final, struct str data)
{
	struct buf wanted = {0}, written = {0};
	struct str nonce = scram_nonce(server_first);
	bool ok = nonce.len > first->nonce.len &&
		  str_starts(nonce, first->nonce) &&
		  str_equal(nonce, final->nonce) &&
		  buf_append_str(&wanted, first->header) &&
		  (first->binding != 'p' || buf_append_str(&wanted, data)) &&
		  base64_decode(&written, final->binding) &&
		  str_equal(buf_str(&wanted), buf_str(&written));

	buf_free(&wanted);
	buf_free(&written);
	return ok;
}
