/* param: what follows the path of MAIL and RCPT; see param.h. */
#include "smtpd/param.h"

#include "lib/num.h"

enum { SIZE_DIGITS = 20 }; /* RFC 1870, 5 */

/* The value is empty, and its data NULL, where there is no '='. */
struct param {
	const char *name;
	enum param_result (*set)(struct params *p, struct str value);
};

static bool
all_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	return s.len > 0;
}

static enum param_result
set_size(struct params *p, struct str value)
{
	if (!all_digits(value) || value.len > SIZE_DIGITS)
		return PARAM_SYNTAX;
	return num_parse(value, UINT64_MAX, &p->size) ? PARAM_OK
						      : PARAM_TOO_LARGE;
}

static enum param_result
set_body(struct params *p, struct str value)
{
	if (str_equal_nocase(value, str_of("7BIT")))
		p->body = BODY_7BIT;
	else if (str_equal_nocase(value, str_of("8BITMIME")))
		p->body = BODY_8BITMIME;
	else
		return PARAM_SYNTAX;
	return PARAM_OK;
}

static enum param_result
set_ret(struct params *p, struct str value)
{
	if (str_equal_nocase(value, str_of("FULL")))
		p->ret = RET_FULL;
	else if (str_equal_nocase(value, str_of("HDRS")))
		p->ret = RET_HDRS;
	else
		return PARAM_SYNTAX;
	return PARAM_OK;
}

static enum param_result
set_envid(struct params *p, struct str value)
{
	return dsn_envid(value, p->envid, &p->envid_len) ? PARAM_OK
							 : PARAM_SYNTAX;
}

static enum param_result
set_utf8(struct params *p, struct str value)
{
	p->utf8 = true;
	return value.data == NULL ? PARAM_OK : PARAM_SYNTAX;
}

static enum param_result
set_notify(struct params *p, struct str value)
{
	return dsn_notify(value, &p->notify) ? PARAM_OK : PARAM_SYNTAX;
}

static enum param_result
set_orcpt(struct params *p, struct str value)
{
	p->orcpt = value;
	return dsn_orcpt_ok(value, p->utf8) ? PARAM_OK : PARAM_SYNTAX;
}

static const struct param of_mail[] = {
    {"SIZE",     set_size },
    {"BODY",     set_body },
    {"RET",      set_ret  },
    {"ENVID",    set_envid},
    {"SMTPUTF8", set_utf8 },
    {NULL,       NULL     },
};

static const struct param of_rcpt[] = {
    {"NOTIFY", set_notify},
    {"ORCPT",  set_orcpt },
    {NULL,     NULL      },
};

static bool
is_keyword(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = str_lower(s.data[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
	}
	return s.len > 0 && s.data[0] != '-';
}

/* One KEYWORD or KEYWORD=VALUE. */
static enum param_result
take(const struct param *table, struct params *p, struct str word)
{
	size_t equals = str_find(word, '=');
	struct str name = str_slice(word, 0, equals);
	struct str value = {NULL, 0};

	if (equals < word.len)
		value = str_slice(word, equals + 1, word.len);
	if (!is_keyword(name) || str_find(value, '=') < value.len)
		return PARAM_SYNTAX;
	for (size_t i = 0; table[i].name != NULL; i++) {
		if (!str_equal_nocase(name, str_of(table[i].name)))
			continue;
		if ((p->seen & (1U << i)) != 0)
			return PARAM_SYNTAX;
		p->seen |= 1U << i;
		return table[i].set(p, value);
	}
	return PARAM_UNKNOWN;
}

static enum param_result
read_all(const struct param *table, struct str rest, struct params *p)
{
	enum param_result r = PARAM_OK;
	struct str word;

	if (rest.len > 0 && rest.data[0] != ' ' && rest.data[0] != '\t')
		return PARAM_SYNTAX;
	rest = str_trim(rest);
	while (r == PARAM_OK && str_cut(&rest, ' ', &word))
		if (word.len > 0)
			r = take(table, p, word);
	return r;
}

enum param_result
param_mail(struct str rest, struct params *p)
{
	*p = (struct params){.size = 0};
	return read_all(of_mail, rest, p);
}

enum param_result
param_rcpt(struct str rest, bool utf8, struct params *p)
{
	*p = (struct params){.utf8 = utf8};
	return read_all(of_rcpt, rest, p);
}

bool
param_may_be_utf8(struct str argument)
{
	struct str word;

	while (str_cut(&argument, ' ', &word))
		if (str_equal_nocase(word, str_of("SMTPUTF8")))
			return true;
	return false;
}
