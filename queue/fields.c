/* fields: the header fields that culver-inject knows; see fields.h. */
#include "queue/fields.h"

static const struct field_row rows[FIELD_COUNT] = {
#define FIELD_ROW(id, name, role, kept, resent)                                \
	{name, ROLE_##role, kept, resent},
    FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

enum field_id
fields_find(struct str name)
{
	enum field_id id = 0;

	while (
	    id < FIELD_OTHER && !str_equal_nocase(name, str_of(rows[id].name)))
		id++;
	return id;
}

const struct field_row *
fields_row(enum field_id id)
{
	return &rows[id];
}
