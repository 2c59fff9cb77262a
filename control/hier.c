/* hier: the table of the file hier, one row a folder, fifo or file. */
#include "control/hier.h"
#include "lib/account.h"
#include <errno.h>

enum { NAME_SIZE = 64 }; /* of an account or group, end byte included */

/* The next word of *line; empty when there is none. */
static struct str
word(struct str *line)
{
	size_t from = 0, to;

	while (from < line->len &&
	       (line->data[from] == ' ' || line->data[from] == '\t'))
		from++;
	to = from;
	while (
	    to < line->len && line->data[to] != ' ' && line->data[to] != '\t')
		to++;
	struct str out = str_slice(*line, from, to);

	*line = str_slice(*line, to, line->len);
	return out;
}

/* Four octal digits. */
static bool
parse_mode(struct str s, mode_t *mode)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '7')
			return false;
		n = n * 8 + (unsigned)(s.data[i] - '0');
	}
	*mode = (mode_t)n;
	return s.len == 4;
}

/* A path below HOME, "." for itself, that cannot leave it. */
static bool
path_ok(struct str path)
{
	struct str rest = path, part;

	if (str_equal(path, str_of(".")))
		return true;
	if (path.len == 0 || path.data[path.len - 1] == '/')
		return false;
	while (str_cut(&rest, '/', &part))
		if (part.len == 0 || part.data[0] == '.')
			return false;
	return true;
}

static bool
parse(struct str line, struct hier_row *row)
{
	static const char marks[] = "/|?";
	size_t mark;

	row->path = word(&line);
	row->owner = word(&line);
	row->group = word(&line);
	row->kind = HIER_FILE;
	if (row->path.len == 0 || row->owner.len == 0 || row->group.len == 0 ||
	    !parse_mode(word(&line), &row->mode) || word(&line).len > 0)
		return false;
	mark = str_find(str_of(marks), row->path.data[row->path.len - 1]);
	if (mark < sizeof marks - 1) {
		row->kind = (enum hier_kind)mark;
		row->path.len--;
	}
	return path_ok(row->path);
}

bool
hier_next(struct str *rest, struct hier_row *row, bool *bad)
{
	struct str line;

	*bad = false;
	while (str_cut(rest, '\n', &line)) {
		if (line.len == 0 || line.data[0] == '#')
			continue;
		*bad = !parse(line, row);
		return !*bad;
	}
	return false;
}

static bool
find_owner(struct str name, uid_t *uid)
{
	gid_t gid;

	for (enum account a = 0; a < ACCOUNT_COUNT; a++)
		if (str_equal(name, str_of(account_name(a))))
			return account_find(a, uid, &gid);
	if (str_equal(name, str_of("root")))
		return account_find(ACCOUNT_ROOT, uid, &gid);
	errno = ENOENT;
	return false;
}

bool
hier_owner(const struct hier_row *row, uid_t *uid, gid_t *gid)
{
	char group[NAME_SIZE];

	return find_owner(row->owner, uid) &&
	       str_copy(group, sizeof group, row->group) &&
	       account_group(group, gid);
}
