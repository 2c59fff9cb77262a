/* complaint: one line that says what is wrong where, for a person. */
#include "control/complaint.h"
#include <errno.h>
#include <string.h>

bool
complaint(struct buf *error, const char *where, const char *what)
{
	buf_clear(error);
	if (!buf_append_text(error, where) || !buf_append_text(error, ": ") ||
	    !buf_append_text(error, what) || !buf_terminate(error))
		buf_clear(error);
	return false;
}

bool
complaint_errno(struct buf *error, const char *where)
{
	switch (errno) {
	case EPROTO:
		return complaint(error, where, "damaged, or no cdb");
	case EMSGSIZE:
		return complaint(error, where, "too large");
	case EINVAL:
		return complaint(error, where, "not a regular file");
	default:
		return complaint(error, where, strerror(errno));
	}
}

const char *
complaint_text(struct buf *error)
{
	return buf_terminate(error) ? error->data : "";
}
