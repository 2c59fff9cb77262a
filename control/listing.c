/* listing: the mailboxes as a person or a program wants to read them. */
#include "control/mailboxes.h"
#include "lib/address.h"
#include "lib/json.h"
#include "lib/num.h"
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

/* "2G", as it was given; bytes where it is no whole number of a unit. */
static void
format_size(uint64_t n, char *out, size_t size)
{
	static const char units[] = "\0KMGT";
	size_t unit = 0;

	while (n > 0 && n % 1024 == 0 && unit + 2 < sizeof units) {
		n /= 1024;
		unit++;
	}
	(void)snprintf(
	    out, size, "%llu%.1s", (unsigned long long)n, &units[unit]);
}

/* 80 columns, but for those who have much to say. */
static void
write_row(const struct mailbox *box, struct str flags)
{
	const struct user_record *r = &box->record;
	char size[NUM_SIZE + 1] = "-", count[NUM_SIZE] = "-";

	if (r->quota > 0)
		format_size(r->quota, size, sizeof size);
	if (r->messages > 0)
		(void)num_format(count, r->messages);
	printf("%-34.*s %8s %8s %-5s", (int)box->address.len, box->address.data,
	    size, count, r->hash.len > 0 ? "yes" : "no");
	if (flags.len > 0)
		printf(" %.*s", (int)flags.len, flags.data);
	if (r->forward.len > 0)
		printf(" > %.*s", (int)r->forward.len, r->forward.data);
	if (r->place.len > 0)
		printf(" in %.*s", (int)r->place.len, r->place.data);
	printf("\n");
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
		printf("%-34s %8s %8s %-5s %s\n", "address", "quota",
		    "messages", "login", "flags > forward in place");
		return write_all(m, domain, NULL);
	}
	json_list(&j, NULL);
	ok = write_all(m, domain, &j);
	json_list_end(&j);
	ok = json_print(&j, STDOUT_FILENO) && ok;
	buf_free(&j.out);
	return ok;
}
