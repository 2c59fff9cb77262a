/* listing: the mailboxes as a person or a program wants to read them. */
#include "control/mailboxes.h"
#include "lib/address.h"
#include "lib/json.h"
#include <stdio.h>
#include <unistd.h>

static bool
listed(const struct mailbox *box, const char *domain)
{
	struct str local, own;

	address_split(box->address, &local, &own);
	return domain == NULL || str_equal_nocase(own, str_of(domain));
}

static void
write_json(struct json *j, const struct mailbox *box, struct str flags)
{
	json_object(j, NULL);
	json_text(j, "address", box->address);
	json_number(j, "quota", box->record.quota);
	json_number(j, "messages", box->record.messages);
	json_text(j, "forward", box->record.forward);
	json_text(j, "flags", flags);
	json_text(j, "place", box->record.place);
	json_bool(j, "password", box->record.hash.len > 0);
	json_object_end(j);
}

static void
write_row(const struct mailbox *box, struct str flags)
{
	if (flags.len == 0)
		flags = str_of("-");
	printf("%-32.*s %14llu  %-8s %-16.*s %.*s\n", (int)box->address.len,
	    box->address.data, (unsigned long long)box->record.quota,
	    box->record.hash.len > 0 ? "yes" : "no", (int)flags.len, flags.data,
	    (int)box->record.forward.len, box->record.forward.data);
}

/* Each listed mailbox into j, or without one as a row. */
static bool
write_all(const struct mailboxes *m, const char *domain, struct json *j)
{
	struct buf flags = {0};
	bool ok = true;

	for (size_t i = 0; i < m->count && ok; i++) {
		const struct mailbox *box = &m->list[i];

		if (!listed(box, domain))
			continue;
		buf_clear(&flags);
		ok = users_format_flags(&flags, box->record.flags);
		if (ok && j != NULL)
			write_json(j, box, buf_str(&flags));
		else if (ok)
			write_row(box, buf_str(&flags));
	}
	buf_free(&flags);
	return ok;
}

bool
mailboxes_print(const struct mailboxes *m, const char *domain, bool json)
{
	struct json j = {.out = {.max = MAILBOXES_FILE}};
	bool ok;

	if (!json) {
		printf("%-32s %14s  %-8s %-16s %s\n", "address", "quota",
		    "password", "flags", "forward");
		return write_all(m, domain, NULL);
	}
	json_list(&j, NULL);
	ok = write_all(m, domain, &j);
	json_list_end(&j);
	ok = json_print(&j, STDOUT_FILENO) && ok;
	buf_free(&j.out);
	return ok;
}
