/* access: who may come in; see access.h. */
#include "control/access.h"

#include "control/inside.h"
#include "control/rule.h"
#include "control/value.h"

enum { BITS4 = 32, BITS6 = 128, VARS_MAX = 1 << 16 };

/* A search, and where it stands. */
struct search {
	const struct controls *controls;
	enum control_id id;
	const struct access_client *who;
	struct buf key; /* the address that is looked up */
	struct str value;
	enum found found;
	bool failed; /* no memory for a key */
};

/* Look the key up.  True ends the search. */
static bool
look(struct search *s, bool complete)
{
	s->failed = s->failed || !complete;
	if (s->failed)
		s->found = FOUND_ERROR;
	else
		s->found = control_find(
		    s->controls, s->id, buf_str(&s->key), &s->value);
	return s->found != FOUND_NO;
}

static bool
begin(struct search *s, struct str info)
{
	buf_clear(&s->key);
	return info.len == 0 ||
	       (buf_append_str(&s->key, info) && buf_append_byte(&s->key, '@'));
}

static bool
look_ip(struct search *s, struct str info)
{
	return look(s, begin(s, info) && rule_key(&s->key, s->who->ip));
}

static bool
look_host(struct search *s, struct str info, struct str host)
{
	return look(s, begin(s, info) && buf_append_byte(&s->key, '=') &&
			   buf_append_str(&s->key, host));
}

static bool
look_networks(struct search *s)
{
	const struct str nobody = {"", 0};
	unsigned bits = ip_is4(s->who->ip) ? BITS4 : BITS6;

	while (bits-- > 0)
		if (look(s, begin(s, nobody) &&
				rule_network(&s->key, s->who->ip, bits)))
			return true;
	return false;
}

static bool
look_suffixes(struct search *s)
{
	const struct str nobody = {"", 0};
	struct str host = s->who->host;

	for (size_t i = 0; i < host.len; i++)
		if (host.data[i] == '.' &&
		    look_host(s, nobody, str_slice(host, i, host.len)))
			return true;
	return look_host(s, nobody, nobody);
}

/* The order of tcprules(1). */
static void
find(struct search *s)
{
	const struct str nobody = {"", 0};
	struct str info = s->who->info, host = s->who->host;

	if (info.len > 0 &&
	    (look_ip(s, info) || (host.len > 0 && look_host(s, info, host))))
		return;
	if (look_ip(s, nobody) ||
	    (host.len > 0 && look_host(s, nobody, host)) || look_networks(s) ||
	    (host.len > 0 && look_suffixes(s)))
		return;
	(void)look(s, begin(s, nobody));
}

static enum access
take(const struct search *s, enum access otherwise, struct buf *vars)
{
	struct str v = s->value;
	bool deny = v.len > 0 && v.data[0] == 'D';

	switch (s->found) {
	case FOUND_NO:
		return otherwise;
	case FOUND_ERROR:
		return ACCESS_ERROR;
	case FOUND_YES:
		break;
	}
	/* What is read of a table is not our own writing, perhaps. */
	if (!buf_append_str(vars, v))
		return ACCESS_ERROR;
	return deny ? ACCESS_DENY : ACCESS_ALLOW;
}

/* otherwise: what is so without a rule. */
static enum access
find_or(const struct controls *c, enum control_id id,
    const struct access_client *who, enum access otherwise, struct buf *vars)
{
	struct search s = {
	    .controls = c, .id = id, .who = who, .found = FOUND_NO};
	enum access a;

	buf_clear(vars);
	vars->max = VARS_MAX;
	if (!control_known(c, id))
		return ACCESS_ERROR;
	if (!control_present(c, id))
		return otherwise;
	find(&s);
	a = take(&s, otherwise, vars);
	buf_free(&s.key);
	return a;
}

enum found
access_listed(const struct controls *c, enum control_id id, const struct ip *a)
{
	const struct str nobody = {"", 0};
	const struct access_client who = {a, nobody, nobody};
	struct search s = {
	    .controls = c, .id = id, .who = &who, .found = FOUND_NO};

	if (!control_known(c, id))
		return FOUND_ERROR;
	if (!control_present(c, id))
		return FOUND_NO;
	if (!look_ip(&s, nobody))
		(void)look_networks(&s);
	buf_free(&s.key);
	return s.found;
}

enum access
access_find(const struct controls *c, enum control_id id,
    const struct access_client *who, struct buf *vars)
{
	return find_or(c, id, who, ACCESS_ALLOW, vars);
}

enum access
access_find_guest(const struct controls *c, enum control_id id,
    const struct access_client *who, struct buf *vars)
{
	return find_or(c, id, who, ACCESS_DENY, vars);
}

bool
access_get(struct str vars, const char *name, struct str *value)
{
	struct str one, key, wanted = str_of(name);
	bool found = false;

	while (str_cut(&vars, '\0', &one)) {
		if (!str_starts(one, str_of("+")) || !str_cut(&one, '=', &key))
			continue;
		if (str_equal(str_slice(key, 1, key.len), wanted)) {
			*value = one;
			found = true;
		}
	}
	return found;
}
