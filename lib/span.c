/* span: numbers and a letter. */
#include "lib/span.h"
#include "lib/num.h"

static uint32_t
unit(char c)
{
	switch (c) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

bool
span_parse(struct str s, uint32_t *seconds)
{
	uint32_t each = s.len == 0 ? 0 : unit(s.data[s.len - 1]);
	uint64_t n;

	if (each != 0)
		s.len--;
	else
		each = 1;
	if (!num_parse(s, SPAN_MOST / each, &n))
		return false;
	*seconds = (uint32_t)n * each;
	return true;
}

bool
span_parse_list(struct str s, uint32_t out[SPAN_LIST], size_t *count)
{
	struct str one;

	*count = 0;
	while (str_cut(&s, ' ', &one)) {
		one = str_trim(one);
		if (one.len == 0)
			continue;
		if (*count == SPAN_LIST || !span_parse(one, &out[*count]) ||
		    out[*count] == 0)
			return false;
		++*count;
	}
	return *count > 0;
}

bool
span_parse_rate(struct str s, int64_t *spacing)
{
	size_t slash = str_find(s, '/');
	struct str per = str_slice(s, slash + 1, s.len);
	uint32_t seconds = per.len == 1 ? unit(per.data[0]) : 0;
	uint64_t count;

	if (slash == s.len ||
	    !num_parse(str_slice(s, 0, slash), UINT32_MAX, &count) ||
	    count == 0 || (seconds == 0 && !span_parse(per, &seconds)) ||
	    seconds == 0)
		return false;
	*spacing = (int64_t)seconds * 1000000 / (int64_t)count;
	if (*spacing == 0)
		*spacing = 1;
	return true;
}
