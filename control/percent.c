/* percent: addresses that name the next host; see percent.h. */
#include "control/percent.h"

#include "lib/address.h"

enum found
percent_rewrite(const struct controls *c, struct buf *address)
{
	enum found f, said = FOUND_NO;
	struct str local, domain;
	size_t percent;

	for (;;) {
		address_split(buf_str(address), &local, &domain);
		percent = str_rfind(local, '%');
		/* qmail-send makes "@host" of "%host@domain"; but that is how
		 * tables name a whole domain. */
		if (local.len == address->len || percent == local.len ||
		    percent == 0)
			return said;
		f = control_find(c, C_percenthack, domain, NULL);
		if (f != FOUND_YES)
			return f == FOUND_NO ? said : f;
		address->len = local.len;
		address->data[percent] = '@';
		said = FOUND_YES;
	}
}
