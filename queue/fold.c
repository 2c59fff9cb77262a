/* fold: a header field in lines that are not long; see fold.h. */
#include "queue/fold.h"

bool
fold_begin(struct fold *f, struct buf *out, struct str name)
{
	*f = (struct fold){.out = out};
	return fold_text(f, name) && fold_text(f, str_of(":"));
}

bool
fold_text(struct fold *f, struct str text)
{
	size_t end = str_rfind(text, '\n');

	f->column = end < text.len ? text.len - end - 1 : f->column + text.len;
	return buf_append_str(f->out, text);
}

bool
fold_word(struct fold *f, struct str text)
{
	size_t wants = str_find(text, '\n') + 1;

	if (f->column + wants > FOLD_WIDTH && f->column > 1)
		return fold_text(f, str_of("\n ")) && fold_text(f, text);
	return fold_text(f, str_of(" ")) && fold_text(f, text);
}

bool
fold_end(struct fold *f)
{
	return fold_text(f, str_of("\n"));
}
