/* qp: text as quoted-printable; see qp.h. */
#include "remote/qp.h"

static size_t
line_end(struct qp *q, char *out)
{
	out[0] = '\n';
	q->column = 0;
	return 1;
}

/* One byte, as it is or as =XX, on a new line where it would pass the longest;
 * the last column is kept for the '=' of a soft line end. */
static size_t
emit(struct qp *q, char c, bool plain, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;
	size_t len = 0, width = plain ? 1 : 3;

	if (q->column + width > QP_LINE - 1) {
		out[len++] = '=';
		len += line_end(q, out + len);
	}
	q->column += width;
	if (plain) {
		out[len++] = c;
		return len;
	}
	out[len++] = '=';
	out[len++] = digits[byte >> 4];
	out[len++] = digits[byte & 15];
	return len;
}

/* What was held, now that c follows it. */
static size_t
release(struct qp *q, char c, char *out)
{
	char held = q->held;

	q->held = '\0';
	if (held == '\0' || (held == '\r' && c == '\n'))
		return 0;
	if (held == '\r')
		return line_end(q, out);
	return emit(q, held, c != '\n' && c != '\r', out);
}

size_t
qp_put(struct qp *q, struct str in, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.data[i];

		len += release(q, c, out + len);
		if (c == '\n')
			len += line_end(q, out + len);
		else if (c == ' ' || c == '\t' || c == '\r')
			q->held = c;
		else
			len += emit(
			    q, c, c > ' ' && c < 127 && c != '=', out + len);
	}
	return len;
}

size_t
qp_end(struct qp *q, char *out)
{
	size_t len = release(q, '\n', out);

	q->column = 0;
	return len;
}
