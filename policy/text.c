/* text: a policy's text, line by line; see text.h. */
#include "policy/text.h"

#include "lib/address.h"
#include "lib/num.h"

/* What has been seen of the fields that count once. */
struct reading {
	struct sts_policy *p;
	bool version, mode, max_age;
};

static bool
take_version(struct reading *r, struct str value)
{
	r->version = true;
	return str_equal(value, str_of("STSv1"));
}

static bool
take_mode(struct reading *r, struct str value)
{
	static const char *const names[] = {[STS_MODE_NONE] = "none",
	    [STS_MODE_TESTING] = "testing",
	    [STS_MODE_ENFORCE] = "enforce"};

	r->mode = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!str_equal(value, str_of(names[i])))
			continue;
		r->p->mode = (enum sts_mode)i;
		return true;
	}
	return false;
}

static bool
take_max_age(struct reading *r, struct str value)
{
	uint64_t n;

	r->max_age = true;
	if (!num_parse(value, STS_AGE_MAX, &n))
		return false;
	r->p->max_age = (uint32_t)n;
	return true;
}

static bool
take_mx(struct reading *r, char *value, size_t len)
{
	struct str pattern = {value, len};
	size_t star = str_starts(pattern, str_of("*.")) ? 2 : 0;

	if (r->p->count == STS_PATTERNS || len > STS_HOST_MAX ||
	    !address_domain_ok(str_slice(pattern, star, len), false))
		return false;
	for (size_t i = 0; i < len; i++)
		value[i] = str_lower(value[i]);
	r->p->mx[r->p->count++] = pattern;
	return true;
}

/* A key as RFC 8461, 3.2 has them: letters, digits, '_', '-' and '.'. */
static bool
key_ok(struct str key)
{
	for (size_t i = 0; i < key.len; i++) {
		char c = str_lower(key.data[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' &&
		    c != '-' && c != '.')
			return false;
	}
	return key.len >= 1 && key.len <= 32;
}

static bool
take_field(struct reading *r, struct str key, char *value, size_t len)
{
	struct str is = {value, len};

	if (str_equal(key, str_of("version")))
		return r->version || take_version(r, is);
	if (str_equal(key, str_of("mode")))
		return r->mode || take_mode(r, is);
	if (str_equal(key, str_of("max_age")))
		return r->max_age || take_max_age(r, is);
	if (str_equal(key, str_of("mx")))
		return take_mx(r, value, len);
	return key_ok(key);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* One line without its LF. */
static bool
take_line(struct reading *r, char *line, size_t len)
{
	struct str key = {line, 0};
	char *value;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 32 && line[i] != '\t')
			return false;
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len == 0)
		return true;
	key.len = str_find((struct str){line, len}, ':');
	if (key.len == len)
		return false;
	value = line + key.len + 1;
	len -= key.len + 1;
	while (len > 0 && is_blank(*value)) {
		value++;
		len--;
	}
	return take_field(r, key, value, len);
}

bool
text_read(char *text, size_t len, struct sts_policy *p)
{
	struct reading r = {.p = p};
	size_t line;

	p->mode = STS_MODE_NONE;
	p->max_age = 0;
	p->count = 0;
	p->id = (struct str){"", 0};
	if (len > STS_TEXT_MAX)
		return false;
	for (size_t at = 0; at < len; at += line + 1) {
		line = str_find((struct str){text + at, len - at}, '\n');
		if (!take_line(&r, text + at, line))
			return false;
	}
	return r.version && r.mode && r.max_age &&
	       (p->count > 0 || p->mode == STS_MODE_NONE);
}
