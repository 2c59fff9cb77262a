/* rewrite: names of hosts made whole; see rewrite.h. */
#include "queue/rewrite.h"

#include "lib/address.h"
#include <errno.h>

bool
rewrite_domain_ok(struct str domain)
{
	bool literal = domain.len > 1 && domain.data[0] == '[' &&
		       domain.data[domain.len - 1] == ']';
	struct str marks = str_of(":()<>@,;\\\"[]");

	if (literal) {
		domain = str_slice(domain, 1, domain.len - 1);
		marks = str_slice(marks, 1, marks.len);
	}
	for (size_t i = 0; i < domain.len; i++) {
		unsigned char c = (unsigned char)domain.data[i];

		if (c <= ' ' || c == 127 ||
		    str_find(marks, (char)c) < marks.len)
			return false;
	}
	return true;
}

bool
rewrite_address_ok(struct str address)
{
	for (size_t i = 0; i < address.len; i++) {
		unsigned char c = (unsigned char)address.data[i];

		if (c < ' ' || c == 127)
			return false;
	}
	return address.len <= ADDRESS_MAX;
}

static bool
append_dotted(struct buf *out, struct str host, struct str domain)
{
	size_t before = out->len;

	if (buf_append_str(out, host) && buf_append_byte(out, '.') &&
	    buf_append_str(out, domain))
		return true;
	out->len = before;
	return false;
}

bool
rewrite_domain(const struct rewrite *r, struct str domain, struct buf *out)
{
	if (domain.len > 0 && domain.data[domain.len - 1] == '.')
		domain.len--;
	if (domain.len == 0)
		domain = r->host;
	if (domain.len > 0 && domain.data[0] == '[')
		return buf_append_str(out, domain);
	if (domain.len > 0 && domain.data[domain.len - 1] == '+')
		return append_dotted(
		    out, str_slice(domain, 0, domain.len - 1), r->plus);
	if (str_find(domain, '.') == domain.len)
		return append_dotted(out, domain, r->domain);
	return buf_append_str(out, domain);
}

bool
rewrite_address(const struct rewrite *r, struct str address, struct buf *out)
{
	size_t before = out->len, at = str_rfind(address, '@');
	struct str local = str_slice(address, 0, at);
	struct str domain = str_slice(address, at + 1, address.len);

	if (address.len == 0)
		return true;
	errno = EINVAL;
	if (local.len > 0 && rewrite_domain_ok(domain) &&
	    buf_append_str(out, local) && buf_append_byte(out, '@') &&
	    rewrite_domain(r, domain, out)) {
		if (rewrite_address_ok(
			str_slice(buf_str(out), before, out->len)))
			return true;
		errno = EINVAL;
	}
	out->len = before;
	return false;
}
