/* findings: said as they are found; see findings.h. */
#include "queue/findings.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	PATH_COLUMN = 22, /* widths of a table of 80 columns */
	WHAT_COLUMN = 27,
	MEND_COLUMN = 29,
	WIDE = 78,       /* of a path on a line of its own */
	TEXT = 512,      /* bytes of one text */
	PIECE = 1 << 16, /* bytes of JSON written at once */
	BUFFER = 2 * PIECE,
	PATIENCE = 2 * CLOCK_SECOND, /* before progress is told */
	AGAIN = CLOCK_SECOND / 4
};

static const struct row {
	const char *word, *what, *mend;
	enum cure cure;
	bool blocks;
} rows[FAULT_COUNT] = {
#define FAULT_ROW(id, word, what, mend, cure, blocks)                          \
	{word, what, mend, cure, blocks},
    FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

void
findings_begin(struct findings *f, bool json)
{
	*f = (struct findings){.json = json};
	f->progress = isatty(STDERR_FILENO) == 1;
	f->start = f->said = clock_boot();
	f->out.out.max = BUFFER;
	if (json) {
		json_object(&f->out, NULL);
		json_list(&f->out, "findings");
	}
}

static void
printed(int n)
{
	if (n < 0)
		die_temp("unable to write to standard output");
}

/* What is not printable ASCII is shown as '?'; what is too long is cut. */
static void
plain(char out[WIDE + 1], const char *path)
{
	size_t n = 0;

	for (; n < WIDE && path[n] != '\0'; n++)
		out[n] = (path[n] >= ' ' && path[n] < 127) ? path[n] : '?';
	out[n] = '\0';
	if (path[n] != '\0')
		out[WIDE - 1] = '>';
}

static void
wipe(struct findings *f)
{
	if (f->said == f->start)
		return;
	(void)fprintf(stderr, "\r%*s\r", WIDE, "");
	f->said = f->start;
}

static void
write_row(
    struct findings *f, const struct row *r, const char *path, const char *mend)
{
	char shown[WIDE + 1];

	plain(shown, path);
	wipe(f);
	if (!f->begun)
		printed(printf("%-*s %-*s %s\n", PATH_COLUMN, "below queue/",
		    WHAT_COLUMN, "what is wrong", "what --repair does"));
	f->begun = true;
	if (strlen(shown) > PATH_COLUMN || strlen(mend) > MEND_COLUMN) {
		printed(printf("%s\n", shown));
		shown[0] = '\0';
	}
	if (strlen(mend) > MEND_COLUMN)
		printed(printf("  %s: %s\n", r->what, mend));
	else
		printed(printf("%-*s %-*s %s\n", PATH_COLUMN, shown,
		    WHAT_COLUMN, r->what, mend));
}

static void
flush(struct findings *f)
{
	struct str s = buf_str(&f->out.out);

	if (f->out.failed || !fd_write_all(STDOUT_FILENO, s.data, s.len))
		die_temp("unable to write to standard output");
	buf_clear(&f->out.out);
}

static void
write_json(
    struct findings *f, const struct row *r, const char *path, const char *mend)
{
	struct json *j = &f->out;

	json_object(j, NULL);
	json_text(j, "path", str_of(path));
	json_text(j, "kind", str_of(r->word));
	json_text(j, "what", str_of(r->what));
	json_text(j, "repair", str_of(mend));
	json_bool(j, "mendable", r->cure != CURE_NONE);
	json_object_end(j);
	if (j->out.len >= PIECE)
		flush(f);
}

void
findings_add(
    struct findings *f, enum fault fault, const char *path, const char *to)
{
	const struct row *r = &rows[fault];
	char mend[TEXT];

	f->counts[fault]++;
	if (f->silent)
		return;
	(void)snprintf(mend, sizeof(mend), "%s%s%s", r->mend,
	    to == NULL ? "" : " ", to == NULL ? "" : to);
	if (f->json)
		write_json(f, r, path, mend);
	else
		write_row(f, r, path, mend);
}

void
findings_tick(struct findings *f)
{
	int64_t now;

	if (!f->progress)
		return;
	now = clock_boot();
	if (now - f->start < PATIENCE || now - f->said < AGAIN)
		return;
	f->said = now;
	(void)fprintf(stderr, "\r%llu messages, %llu journals looked at",
	    (unsigned long long)f->messages, (unsigned long long)f->journals);
}

uint64_t
findings_count(const struct findings *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FAULT_COUNT; i++)
		n += f->counts[i];
	return n;
}

uint64_t
findings_curable(const struct findings *f, enum cure cure)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (rows[i].cure == cure)
			n += f->counts[i];
	return n;
}

uint64_t
findings_blocking(const struct findings *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (rows[i].blocks)
			n += f->counts[i];
	return n;
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
end_text(const struct findings *f, bool repair, uint64_t left)
{
	uint64_t all = findings_count(f);

	if (f->begun)
		printed(printf("\n"));
	printed(printf("%llu message%s, %llu journal%s: ",
	    (unsigned long long)f->messages, plural(f->messages),
	    (unsigned long long)f->journals, plural(f->journals)));
	if (all == 0)
		printed(printf("all is well"));
	else
		printed(printf(
		    "%llu finding%s", (unsigned long long)all, plural(all)));
	if (repair && all > 0)
		printed(printf(", %llu left", (unsigned long long)left));
	if (f->left > 0)
		printed(printf(
		    "; %llu left to culver-send", (unsigned long long)f->left));
	printed(printf("\n"));
}

static void
end_json(struct findings *f, bool repair, uint64_t left)
{
	struct json *j = &f->out;

	json_list_end(j);
	json_number(j, "messages", f->messages);
	json_number(j, "journals", f->journals);
	json_number(j, "count", findings_count(f));
	json_bool(j, "repair", repair);
	json_number(j, "left", left);
	json_number(j, "left_to_send", f->left);
	json_object_end(j);
	if (!json_print(j, STDOUT_FILENO))
		die_temp("unable to write to standard output");
	buf_free(&j->out);
}

void
findings_end(struct findings *f, bool repair, uint64_t left)
{
	wipe(f);
	if (f->json)
		end_json(f, repair, left);
	else
		end_text(f, repair, left);
	if (fflush(stdout) == EOF)
		die_temp("unable to write to standard output");
}
