/* verp: "list-@host-@[]" and the recipient make "list-box=domain@host". */
#include "send/verp.h"
#include "lib/address.h"

bool
verp_expand(struct str sender, struct str recipient, struct buf *out)
{
	static const char mark[] = "-@[]";
	struct str base, host, box, domain;

	buf_clear(out);
	if (!str_ends(sender, str_of(mark)))
		return buf_append_str(out, sender);
	address_split(
	    str_slice(sender, 0, sender.len - (sizeof mark - 1)), &base, &host);
	if (!str_ends(base, str_of("-")) || host.len == 0)
		return buf_append_str(out, sender);
	address_split(recipient, &box, &domain);
	return buf_append_str(out, base) && buf_append_str(out, box) &&
	       buf_append_byte(out, '=') && buf_append_str(out, domain) &&
	       buf_append_byte(out, '@') && buf_append_str(out, host);
}
