/* receive: DATA, from the client into the queue; see receive.h. */
#include "smtpd/receive.h"

#include "smtpd/passage.h"

struct reply
do_data(struct session *s, struct str none)
{
	struct reply r = {354, "go ahead"};

	(void)none;
	if (passage_begin(s, false)) {
		s->phase = PH_DATA;
		return r;
	}
	r = passage_state(s);
	passage_forget(s);
	return r;
}

struct reply
receive_message(struct session *s)
{
	return passage_finish(s, passage_read(s, UINT64_MAX));
}
