/* quota: limits, figures, and the text of maildirsize; see quota.h. */
#include "wire/quota.h"

#include "lib/num.h"
#include "wire/users.h"
#include <stdio.h>

bool
quota_limits(const struct quota *limits)
{
	return limits->bytes > 0 || limits->messages > 0;
}

static bool
fits(uint64_t limit, uint64_t use, uint64_t more)
{
	return limit == 0 || (more <= limit && use <= limit - more);
}

bool
quota_fits(const struct quota *limits, const struct quota *use, uint64_t size,
    bool more)
{
	return fits(limits->bytes, use->bytes, size) &&
	       fits(limits->messages, use->messages, more ? 1 : 0);
}

static uint64_t
percent(uint64_t limit, uint64_t use)
{
	const uint64_t hundred = 100;

	if (limit == 0)
		return 0;
	/* One in a hundred of so much does not show. */
	if (use > UINT64_MAX / hundred)
		return limit < hundred ? UINT64_MAX : use / (limit / hundred);
	return use * hundred / limit;
}

uint64_t
quota_percent(const struct quota *limits, const struct quota *use)
{
	uint64_t bytes = percent(limits->bytes, use->bytes);
	uint64_t messages = percent(limits->messages, use->messages);

	return bytes > messages ? bytes : messages;
}

size_t
quota_write_limits(char out[QUOTA_LINE], const struct quota *limits)
{
	char bytes[QUOTA_LINE / 2] = "", messages[QUOTA_LINE / 2] = "";

	if (limits->bytes > 0 || limits->messages == 0)
		(void)snprintf(bytes, sizeof(bytes), "%lluS",
		    (unsigned long long)limits->bytes);
	if (limits->messages > 0)
		(void)snprintf(messages, sizeof(messages), "%s%lluC",
		    bytes[0] == '\0' ? "" : ",",
		    (unsigned long long)limits->messages);
	return (size_t)snprintf(out, QUOTA_LINE, "%s%s\n", bytes, messages);
}

static unsigned long long
bounded(uint64_t figure)
{
	return figure > QUOTA_FIGURE ? QUOTA_FIGURE : figure;
}

size_t
quota_write_figures(
    char out[QUOTA_LINE], const struct quota *figures, bool negative)
{
	const char *sign = negative ? "-" : "";

	return (size_t)snprintf(out, QUOTA_LINE, "%s%llu %s%llu\n", sign,
	    bounded(figures->bytes), sign, bounded(figures->messages));
}

/* The next figure of a line, which blanks may surround. */
static bool
take_figure(struct str *rest, int64_t *sum)
{
	struct str word;
	uint64_t n;
	bool negative;

	*rest = str_trim(*rest);
	if (!str_cut(rest, ' ', &word))
		return false;
	negative = str_starts(word, str_of("-"));
	if (!num_parse(
		str_slice(word, negative ? 1 : 0, word.len), QUOTA_FIGURE, &n))
		return false;
	*sum += negative ? -(int64_t)n : (int64_t)n;
	return true;
}

/* The lines behind the first; the last ends, too. */
static bool
read_figures(struct str rest, struct quota_text *t)
{
	int64_t bytes = 0, messages = 0;
	struct str line;

	if (rest.len == 0 || rest.data[rest.len - 1] != '\n')
		return false;
	for (; str_cut(&rest, '\n', &line); t->lines++)
		if (!take_figure(&line, &bytes) ||
		    !take_figure(&line, &messages) || line.len > 0)
			return false;
	if (bytes < 0 || messages < 0)
		return false;
	t->use = (struct quota){(uint64_t)bytes, (uint64_t)messages};
	return true;
}

void
quota_read(struct str text, struct quota_text *t)
{
	struct str rest = str_slice(text, 0, QUOTA_FILE), line;

	*t = (struct quota_text){.named = false};
	if (str_find(rest, '\n') == rest.len || !str_cut(&rest, '\n', &line))
		return;
	t->named = users_parse_quota(
	    str_trim(line), &t->limits.bytes, &t->limits.messages);
	t->sound = t->named && text.len < QUOTA_FILE && read_figures(rest, t);
}
