/* text: lines that end in CR LF; see text.h. */
#include "remote/text.h"

#include <string.h>

void
text_begin(struct text *t, bool dots)
{
	*t = (struct text){.dots = dots, .start = true};
}

static size_t
end_line(struct text *t, char *out)
{
	out[0] = '\r';
	out[1] = '\n';
	t->start = true;
	t->cr = false;
	return 2;
}

/* Bytes of a line up to its end, or to the end of in. */
static size_t
run(struct str in, size_t from)
{
	size_t i = from;

	while (i < in.len && in.data[i] != '\n' && in.data[i] != '\r')
		i++;
	return i - from;
}

static size_t
put_run(struct text *t, const char *from, size_t n, char *out)
{
	size_t len = 0;

	if (t->dots && t->start && from[0] == '.')
		out[len++] = '.';
	memcpy(out + len, from, n);
	t->start = false;
	return len + n;
}

size_t
text_put(struct text *t, struct str in, char *out)
{
	size_t len = 0, i = 0;

	while (i < in.len) {
		size_t n = run(in, i);

		/* A CR that no LF follows was a line's end, too. */
		if (t->cr && (n > 0 || in.data[i] == '\r'))
			len += end_line(t, out + len);
		if (n > 0) {
			len += put_run(t, in.data + i, n, out + len);
			i += n;
			continue;
		}
		if (in.data[i] == '\n')
			len += end_line(t, out + len);
		else
			t->cr = true;
		i++;
	}
	return len;
}

size_t
text_end(struct text *t, char *out)
{
	return t->cr || !t->start ? end_line(t, out) : 0;
}
