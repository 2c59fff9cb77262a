/* unmap: see unmap.h. */
#include "queue/unmap.h"

#include "control/local.h"
#include "lib/address.h"
#include <errno.h>

/* 1: address is delivered as mapped; 0: it is not; -1 with errno. */
static int
leads_to(const struct controls *c, struct str address, struct str mapped,
    struct buf *work)
{
	enum found f;

	buf_clear(work);
	errno = ENOMEM;
	if (!buf_append_str(work, address))
		return -1;
	f = local_find(c, work);
	if (f == FOUND_ERROR)
		return -1;
	return f == FOUND_YES && str_equal(buf_str(work), mapped);
}

bool
unmap_address(const struct controls *c, struct str mapped, struct buf *work,
    struct str *out)
{
	struct str local, domain;
	int leads;

	address_split(mapped, &local, &domain);
	*out = mapped;
	leads = leads_to(c, mapped, mapped, work);
	for (size_t i = 0; leads == 0 && i < local.len; i++) {
		if (mapped.data[i] != '-')
			continue;
		*out = str_slice(mapped, i + 1, mapped.len);
		leads = leads_to(c, *out, mapped, work);
	}
	if (leads == 0)
		errno = 0;
	return leads > 0;
}
