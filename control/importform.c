/* importform: lines of vpopmail's vpasswd, of a Dovecot passwd-file, of CSV. */
#include "control/import.h"
#include "lib/die.h"
#include "lib/num.h"
#include <string.h>

enum { FIELDS = 8 };

static const char no_memory[] = "out of memory, or a part is too long";

static bool
put(struct imported *out, enum import_part part, struct str s)
{
	return buf_append_str(&out->parts[part], s);
}

static bool
put_text(struct imported *out, enum import_part part, const char *text)
{
	return put(out, part, str_of(text));
}

/* Another word of the flags, or another remark. */
static bool
put_word(struct imported *out, enum import_part part, const char *separator,
    const char *word)
{
	return (out->parts[part].len == 0 || put_text(out, part, separator)) &&
	       put_text(out, part, word);
}

static bool
note(struct imported *out, const char *what, struct str near)
{
	return put_word(out, PART_NOTE, ", ", what) &&
	       put(out, PART_NOTE, near);
}

/* The name, with the domain that was given where it has none. */
static const char *
put_address(const struct import *i, struct imported *out, struct str name)
{
	bool whole = str_find(name, '@') < name.len;

	if (name.len == 0)
		return "there is no name";
	if (!whole && i->domain == NULL)
		return "the name has no domain; --domain gives one";
	if (!put(out, PART_ADDRESS, name) ||
	    (!whole && (!put_text(out, PART_ADDRESS, "@") ||
			   !put_text(out, PART_ADDRESS, i->domain))))
		return no_memory;
	return NULL;
}

/* What stands for itself is written twice in a field of Dovecot's, a percent
 * sign, or behind a backslash in a name. */
static bool
put_unescaped(struct buf *b, struct str s, char escape)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == escape && i + 1 < s.len &&
		    (escape != '%' || s.data[i + 1] == '%'))
			i++;
		if (!buf_append_byte(b, s.data[i]))
			return false;
	}
	return true;
}

/* A folder elsewhere is ours where the part to strip leads to domains/. */
static const char *
put_place(const struct import *i, struct imported *out, struct str folder,
    const char *tail)
{
	struct str strip = str_of(i->strip == NULL ? "" : i->strip);
	struct str place = folder;
	char usual[USERS_PATH_SIZE];
	struct buf *b = &out->parts[PART_PLACE];

	while (strip.len > 0 && strip.data[strip.len - 1] == '/')
		strip.len--;
	while (place.len > 0 && place.data[place.len - 1] == '/')
		place.len--;
	if (place.len == 0)
		return NULL;
	if (strip.len == 0 || !str_starts(place, strip) ||
	    place.len == strip.len || place.data[strip.len] != '/')
		return note(out, "its old mail stays in ", folder) ? NULL
								   : no_memory;
	place = str_slice(place, strip.len + 1, place.len);
	if (!buf_append_str(b, place) || !buf_append_text(b, tail))
		return no_memory;
	if (users_maildir(buf_str(&out->parts[PART_ADDRESS]), usual) &&
	    str_equal(buf_str(b), str_of(usual + sizeof USERS_DOMAINS)))
		buf_clear(b);
	return NULL;
}

static size_t
cut(struct str line, struct str *fields, size_t most)
{
	size_t n = 0;

	for (size_t k = 0; k < most; k++)
		fields[k] = (struct str){"", 0};
	while (n < most - 1 && str_cut(&line, ':', &fields[n]))
		n++;
	if (line.len > 0)
		fields[n++] = line;
	return n;
}

/* vpopmail keeps what a user may not do in the place of a gid. */
static const struct {
	uint64_t bit;
	const char *flag, *note; /* either may be NULL */
} limits[] = {
    {0x01,  NULL,       "may change the password after all"     },
    {0x02,  "nopop3",   NULL				    },
    {0x04,  NULL,       NULL				    },
    {0x08,  NULL,       "may use IMAP after all"                },
    {0x10,  "disabled", "bounced mail, and cannot log in either"},
    {0x20,  NULL,       "may relay after all"                   },
    {0x800, "nosmtp",   NULL				    },
};

static const char *
put_limits(struct imported *out, struct str gid)
{
	uint64_t bits;

	if (!num_parse(gid, UINT32_MAX, &bits))
		return "the fourth part is no number";
	for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
		if ((bits & limits[k].bit) == 0)
			continue;
		if (limits[k].flag != NULL &&
		    !put_word(out, PART_FLAGS, ",", limits[k].flag))
			return no_memory;
		if (limits[k].note != NULL &&
		    !note(out, limits[k].note, (struct str){"", 0}))
			return no_memory;
	}
	return NULL;
}

static const char *
put_quota(struct imported *out, struct str text)
{
	uint64_t bytes, messages;

	if (text.len == 0 || str_equal(text, str_of("NOQUOTA")))
		return NULL;
	if (!users_parse_quota(text, &bytes, &messages))
		return "the quota is not understood";
	return users_format_quota(&out->parts[PART_QUOTA], bytes, messages)
		   ? NULL
		   : no_memory;
}

/* name:hash:uid:gid:gecos:dir:quota[:clear] */
static const char *
take_vpasswd(struct import *i, struct str line, struct imported *out)
{
	enum { NAME, HASH, UID, GID, GECOS, DIR, QUOTA };
	struct str f[FIELDS];
	const char *why;

	if (cut(line, f, FIELDS) <= DIR)
		return "fewer parts than vpasswd has";
	if ((why = put_address(i, out, f[NAME])) != NULL ||
	    (why = put_limits(out, f[GID])) != NULL ||
	    (why = put_quota(out, f[QUOTA])) != NULL ||
	    (why = put_place(i, out, f[DIR], "/Maildir")) != NULL)
		return why;
	return put(out, PART_HASH, f[HASH]) ? NULL : no_memory;
}

/* Dovecot's schemes whose hash stands in users/passwd without or with its
 * name; others cannot be checked here. */
static const struct {
	const char *scheme, *ours;
} schemes[] = {
    {"{CRYPT}",         ""               },
    {"{DES-CRYPT}",     ""               },
    {"{MD5-CRYPT}",     ""               },
    {"{SHA256-CRYPT}",  ""               },
    {"{SHA512-CRYPT}",  ""               },
    {"{BLF-CRYPT}",     ""               },
    {"{SCRAM-SHA-256}", "{SCRAM-SHA-256}"},
    {"{PLAIN}",         "{PLAIN}"        },
    {"{CLEAR}",         "{PLAIN}"        },
    {"{CLEARTEXT}",     "{PLAIN}"        },
};

static const char *
put_scheme(struct imported *out, struct str hash)
{
	if (hash.len == 0 || hash.data[0] != '{')
		return put(out, PART_HASH, hash) ? NULL : no_memory;
	for (size_t k = 0; k < sizeof schemes / sizeof *schemes; k++) {
		struct str scheme = str_of(schemes[k].scheme);

		if (!str_starts_nocase(hash, scheme))
			continue;
		hash = str_slice(hash, scheme.len, hash.len);
		return put_text(out, PART_HASH, schemes[k].ours) &&
			       put(out, PART_HASH, hash)
			   ? NULL
			   : no_memory;
	}
	return "the password's scheme is unknown here";
}

/* "100M": Dovecot's storage is in kilobytes where it says no unit. */
static bool
parse_size(struct str s, unsigned usual, uint64_t *bytes)
{
	static const char units[] = "BKMGT";
	char last = s.len == 0 ? '\0' : s.data[s.len - 1];
	const char *unit;
	unsigned shift = usual;

	if (last >= 'a' && last <= 'z')
		last = (char)(last - 'a' + 'A');
	unit = last == '\0' ? NULL : strchr(units, last);
	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units);
		s.len--;
	}
	if (!num_parse(s, UINT64_MAX >> shift, bytes))
		return false;
	*bytes <<= shift;
	return true;
}

struct extras { /* what the fields behind the shell say */
	uint64_t bytes, messages;
	struct str maildir;
};

/* "*:storage=100M:messages=500" */
static bool
parse_rule(struct str rule, struct extras *e)
{
	struct str word, key;

	while (str_cut(&rule, ':', &word)) {
		if (str_equal(word, str_of("*")))
			continue;
		if (!str_cut(&word, '=', &key) ||
		    !(str_equal(key, str_of("storage"))
			    ? parse_size(word, 10, &e->bytes)
			: str_equal(key, str_of("bytes"))
			    ? parse_size(word, 0, &e->bytes)
			: str_equal(key, str_of("messages"))
			    ? num_parse(word, UINT64_MAX, &e->messages)
			    : false))
			return false;
	}
	return true;
}

static const char *
take_extra(struct imported *out, struct str field, struct extras *e)
{
	static const char bad_quota[] = "the quota is not understood";
	struct str key, value = field;

	(void)str_cut(&value, '=', &key);
	if (str_starts(key, str_of("userdb_")))
		key = str_slice(key, strlen("userdb_"), key.len);
	if (str_equal(key, str_of("quota_rule")))
		return parse_rule(value, e) ? NULL : bad_quota;
	if (str_equal(key, str_of("quota_storage_size")))
		return parse_size(value, 0, &e->bytes) ? NULL : bad_quota;
	if (str_equal(key, str_of("quota_message_count")))
		return num_parse(value, UINT64_MAX, &e->messages) ? NULL
								  : bad_quota;
	if (str_equal(key, str_of("mail")) &&
	    str_starts(value, str_of("maildir:"))) {
		value = str_slice(value, strlen("maildir:"), value.len);
		(void)str_cut(&value, ':', &e->maildir);
		return NULL;
	}
	/* A limit that is not kept would let somebody in. */
	if (str_equal(key, str_of("user")))
		return "another name of a mailbox; an alias domain has those";
	if (str_equal(key, str_of("nopassword")) ||
	    str_equal(key, str_of("nologin")) ||
	    str_equal(key, str_of("allow_nets")))
		return "nopassword, nologin or allow_nets cannot be kept";
	return note(out, "without its ", key) ? NULL : no_memory;
}

static const char *
take_extras(struct imported *out, struct str fields, struct extras *e)
{
	const char *why = NULL;
	struct str field;

	while (why == NULL && str_cut(&fields, ' ', &field))
		if (field.len > 0)
			why = take_extra(out, field, e);
	if (why == NULL &&
	    !users_format_quota(&out->parts[PART_QUOTA], e->bytes, e->messages))
		why = no_memory;
	return why;
}

/* name:{SCHEME}hash:uid:gid:gecos:home:shell:fields */
static const char *
take_dovecot(struct import *i, struct str line, struct imported *out)
{
	enum { NAME, HASH, UID, GID, GECOS, HOME, SHELL, EXTRA };
	struct str f[FIELDS];
	struct extras e = {.bytes = 0};
	struct buf folder = {0}, name = {0};
	const char *why;

	if (cut(line, f, FIELDS) <= HASH)
		return "fewer parts than a passwd-file has";
	why = put_unescaped(&name, f[NAME], '\\')
		  ? put_address(i, out, buf_str(&name))
		  : no_memory;
	buf_free(&name);
	if (why != NULL || (why = put_scheme(out, f[HASH])) != NULL ||
	    (why = take_extras(out, f[EXTRA], &e)) != NULL)
		return why;
	if (e.maildir.len == 0)
		return put_place(i, out, f[HOME], "/Maildir");
	why = put_unescaped(&folder, e.maildir, '%')
		  ? put_place(i, out, buf_str(&folder), "")
		  : no_memory;
	buf_free(&folder);
	return why;
}

/* The next field of a line, RFC 4180; false when a quote does not end. */
static bool
next_field(struct str *rest, struct buf *field)
{
	bool quoted = rest->len > 0 && rest->data[0] == '"';
	size_t at = quoted;

	buf_clear(field);
	for (; at < rest->len; at++) {
		char c = rest->data[at];

		if (quoted && c == '"') {
			if (at + 1 == rest->len || rest->data[at + 1] != '"')
				break;
			at++;
		} else if (!quoted && c == ',')
			break;
		if (!buf_append_byte(field, c))
			return false;
	}
	if (quoted && (at == rest->len ||
			  (at + 1 < rest->len && rest->data[at + 1] != ',')))
		return false;
	*rest = str_slice(*rest, at + quoted, rest->len);
	return true;
}

/* True where one more field follows. */
static bool
next_comma(struct str *rest)
{
	if (rest->len == 0)
		return false;
	*rest = str_slice(*rest, 1, rest->len);
	return true;
}

static const char *const column_names[PART_COUNT] = {
    [PART_ADDRESS] = "address",
    [PART_HASH] = "hash",
    [PART_QUOTA] = "quota",
    [PART_FORWARD] = "forward",
    [PART_FLAGS] = "flags",
    [PART_PLACE] = "place",
    [PART_NOTE] = "note",
    [PART_PASSWORD] = "password",
};

/* The first line says what the others hold. */
static void
take_head(struct import *i, struct str line)
{
	struct buf field = {0};
	unsigned part;

	do {
		if (!next_field(&line, &field) || !buf_terminate(&field) ||
		    i->column_count == IMPORT_COLUMNS)
			die_usage("the first line is none of names: ", i->name);
		for (part = 0; part < PART_COUNT; part++)
			if (str_equal_nocase(
				buf_str(&field), str_of(column_names[part])))
				break;
		if (part == PART_COUNT)
			die_usage(
			    "a column of that name is unknown: ", field.data);
		i->columns[i->column_count++] = part;
	} while (next_comma(&line));
	buf_free(&field);
}

static const char *
take_csv(struct import *i, struct str line, struct imported *out)
{
	struct buf name = {0}, *part;
	const char *why;
	size_t n = 0;

	if (i->column_count == 0) {
		take_head(i, line);
		return "";
	}
	do {
		if (n == i->column_count)
			return "more fields than the first line names";
		part = &out->parts[i->columns[n++]];
		if (!next_field(&line, part))
			return "a quote that does not end";
	} while (next_comma(&line));
	if (n < i->column_count)
		return "fewer fields than the first line names";
	buf_clear(&out->parts[PART_NOTE]);
	name = out->parts[PART_ADDRESS];
	out->parts[PART_ADDRESS] = (struct buf){0};
	why = put_address(i, out, buf_str(&name));
	buf_free(&name);
	return why;
}

import_form *
import_find(const char *format)
{
	static const struct {
		const char *name;
		import_form *form;
	} forms[] = {
	    {"vpasswd", take_vpasswd},
	    {"dovecot", take_dovecot},
	    {"csv",     take_csv    },
	};

	for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
		if (strcmp(format, forms[k].name) == 0)
			return forms[k].form;
	return NULL;
}
