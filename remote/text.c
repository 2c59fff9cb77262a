/* text: lines that end in CR LF; see text.h. */
#include "remote/text.h"

#include <string.h>

void
text_begin(struct text *t, bool dots)
{
	*t = (struct text){.dots = dots, .start = true};
}

/* Where to store what comes behind len bytes; nowhere where out is NULL. */
static char *
behind(char *out, size_t len)
{
	return out == NULL ? NULL : out + len;
}

static size_t
end_line(struct text *t, char *out)
{
	if (out != NULL) {
		out[0] = '\r';
		out[1] = '\n';
	}
	t->start = true;
	t->cr = false;
	return 2;
}

static size_t
put_run(struct text *t, struct str run, char *out)
{
	size_t dot = t->dots && t->start && run.data[0] == '.' ? 1 : 0;

	if (out != NULL) {
		out[0] = '.';
		memcpy(out + dot, run.data, run.len);
	}
	t->start = false;
	return dot + run.len;
}

size_t
text_put(struct text *t, struct str in, char *out)
{
	size_t len = 0, i = 0, lf = str_find(in, '\n');

	while (i < in.len) {
		size_t n = str_find(str_slice(in, i, lf), '\r');

		/* A CR that no LF follows was a line's end, too. */
		if (t->cr && (n > 0 || i < lf))
			len += end_line(t, behind(out, len));
		if (n > 0) {
			len += put_run(
			    t, str_slice(in, i, i + n), behind(out, len));
			i += n;
		} else if (i++ < lf) {
			t->cr = true;
		} else {
			len += end_line(t, behind(out, len));
			lf = i + str_find(str_slice(in, i, in.len), '\n');
		}
	}
	return len;
}

size_t
text_end(struct text *t, char *out)
{
	return t->cr || !t->start ? end_line(t, out) : 0;
}
