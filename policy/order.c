/* order: packets between keeper and fetcher; see order.h. */
#include "policy/order.h"

#include "lib/field.h"

bool
order_write(struct buf *b, const struct order *o)
{
	size_t mark = b->len;

	if (field_put32(b, o->job) && field_put32(b, o->anyway) &&
	    field_put_text(b, o->domain) && field_put_text(b, o->known))
		return true;
	b->len = mark;
	return false;
}

bool
order_read(struct str in, struct order *o)
{
	uint32_t anyway;

	if (!field_take32(&in, &o->job) || !field_take32(&in, &anyway) ||
	    anyway > 1 || !field_take_text(&in, &o->domain) ||
	    !sts_domain_ok(o->domain) || !field_take_text(&in, &o->known))
		return false;
	o->anyway = anyway == 1;
	return o->known.len <= STS_ID_MAX && in.len == 0;
}

bool
outcome_write(struct buf *b, const struct outcome *o)
{
	size_t mark = b->len;

	if (field_put32(b, o->job) && field_put32(b, o->result) &&
	    field_put_text(b, o->id) && field_put_text(b, o->why) &&
	    buf_append_str(b, o->text))
		return true;
	b->len = mark;
	return false;
}

bool
outcome_read(struct str in, struct outcome *o)
{
	uint32_t result;

	if (!field_take32(&in, &o->job) || !field_take32(&in, &result) ||
	    result >= FETCH_RESULTS || !field_take_text(&in, &o->id) ||
	    o->id.len > STS_ID_MAX || !field_take_text(&in, &o->why) ||
	    in.len > STS_TEXT_MAX)
		return false;
	o->result = (enum fetch_result)result;
	o->text = in;
	return o->result != FETCH_NEW || (o->id.len > 0 && in.len > 0);
}
