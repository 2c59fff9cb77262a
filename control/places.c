/* places: no mailbox lies within another's; see places.h. */
#include "control/places.h"

#include "wire/users.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool
has_place(const struct mailbox *box)
{
	return box->record.place.len > 0;
}

/* The folder inner lies below outer. */
static bool
lies_in(struct str inner, struct str outer)
{
	return inner.len > outer.len && str_starts(inner, outer) &&
	       inner.data[outer.len] == '/';
}

/* By their bytes, '/' before all others: what lies in a folder comes next to
 * it. */
static int
compare_places(const void *a, const void *b)
{
	const struct str x = (*(const struct mailbox *const *)a)->record.place;
	const struct str y = (*(const struct mailbox *const *)b)->record.place;
	size_t n = x.len < y.len ? x.len : y.len, i = 0;

	while (i < n && x.data[i] == y.data[i])
		i++;
	if (i == n)
		return (x.len > y.len) - (x.len < y.len);
	if (x.data[i] == '/' || y.data[i] == '/')
		return x.data[i] == '/' ? -1 : 1;
	return (unsigned char)x.data[i] < (unsigned char)y.data[i] ? -1 : 1;
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* A part of a place as users_maildir writes one, read back. */
static bool
append_part(struct buf *b, struct str part)
{
	for (size_t i = 0; i < part.len; i++) {
		int high = i + 2 < part.len ? digit(part.data[i + 1]) : -1;
		int low = i + 2 < part.len ? digit(part.data[i + 2]) : -1;
		bool coded = part.data[i] == '%' && high >= 0 && low >= 0;

		if (!buf_append_byte(
			b, coded ? (char)(high * 16 + low) : part.data[i]))
			return false;
		i += coded ? 2 : 0;
	}
	return true;
}

/* The mailbox whose usual place begins with the first two parts of this one;
 * false without memory. */
static bool
find_usual(
    const struct mailboxes *m, struct str place, const struct mailbox **found)
{
	struct str domain = str_slice(place, 0, str_find(place, '/'));
	struct str local = str_slice(place, domain.len + 1, place.len);
	struct buf address = {0};
	bool ok;

	local.len = str_find(local, '/');
	ok = append_part(&address, local) && buf_append_byte(&address, '@') &&
	     append_part(&address, domain);
	*found = ok ? mailboxes_find(m, buf_str(&address)) : NULL;
	buf_free(&address);
	return ok;
}

/* One that has the usual place, which box's lies in or holds. */
static bool
meets_usual(const struct mailboxes *m, const struct mailbox *box, bool *meets)
{
	const struct str root = str_of(USERS_DOMAINS "/");
	const struct mailbox *other;
	char path[USERS_PATH_SIZE];
	struct str usual;

	*meets = false;
	if (!find_usual(m, box->record.place, &other))
		return false;
	if (other == NULL || has_place(other) ||
	    !users_place(&other->record, path))
		return true;
	usual = str_slice(str_of(path), root.len, strlen(path));
	*meets = lies_in(usual, box->record.place) ||
		 lies_in(box->record.place, usual);
	return true;
}

bool
places_check(const struct mailboxes *m, const struct mailbox **at)
{
	const struct mailbox **own = NULL;
	size_t count = 0, n = 0;
	bool ok = true, meets = false;

	*at = NULL;
	for (size_t i = 0; i < m->count; i++)
		count += has_place(&m->list[i]);
	if (count == 0)
		return true;
	own = calloc(count, sizeof(const struct mailbox *));
	if (own == NULL)
		return false;
	for (size_t i = 0; i < m->count; i++)
		if (has_place(&m->list[i]))
			own[n++] = &m->list[i];
	qsort(own, count, sizeof(const struct mailbox *), compare_places);
	for (size_t i = 0; i < count && ok && *at == NULL; i++) {
		ok = meets_usual(m, own[i], &meets);
		if (meets || (i > 0 && lies_in(own[i]->record.place,
					   own[i - 1]->record.place)))
			*at = own[i];
	}
	free(own);
	return ok;
}
