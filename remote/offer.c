/* offer: what a host can do; see offer.h. */
#include "remote/offer.h"

#include "lib/num.h"
#include <stddef.h>

/* The next word of *s, by blanks. */
static bool
take_word(struct str *s, struct str *word)
{
	*s = str_trim(*s);
	return str_cut(s, ' ', word);
}

static void
read_size(struct offers *o, struct str rest)
{
	struct str word;

	if (!take_word(&rest, &word) || !num_parse(word, UINT64_MAX, &o->size))
		o->size = 0;
}

static void
read_auth(struct offers *o, struct str rest)
{
	static const struct {
		const char *name;
		unsigned bit;
	} rows[] = {
	    {"PLAIN",    AUTH_PLAIN   },
	    {"LOGIN",    AUTH_LOGIN   },
	    {"CRAM-MD5", AUTH_CRAM_MD5},
	};
	struct str word;

	while (take_word(&rest, &word))
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (str_equal_nocase(word, str_of(rows[i].name)))
				o->mechanisms |= rows[i].bit;
}

static void
read_limits(struct offers *o, struct str rest)
{
	struct str word, name;

	while (take_word(&rest, &word)) {
		uint64_t value;

		if (!str_cut(&word, '=', &name) ||
		    !num_parse(word, UINT64_MAX, &value))
			continue;
		if (str_equal_nocase(name, str_of("RCPTMAX")))
			o->recipients = value;
		if (str_equal_nocase(name, str_of("MAILMAX")))
			o->transactions = value;
	}
}

void
offer_line(struct offers *o, struct str line)
{
	static const struct {
		const char *name;
		unsigned bit;
		void (*read)(struct offers *o, struct str rest);
	} rows[] = {
	    {"PIPELINING", OFFER_PIPELINING, NULL       },
	    {"SIZE",       OFFER_SIZE,       read_size  },
	    {"8BITMIME",   OFFER_8BITMIME,   NULL       },
	    {"SMTPUTF8",   OFFER_SMTPUTF8,   NULL       },
	    {"CHUNKING",   OFFER_CHUNKING,   NULL       },
	    {"DSN",        OFFER_DSN,        NULL       },
	    {"STARTTLS",   OFFER_STARTTLS,   NULL       },
	    {"AUTH",       OFFER_AUTH,       read_auth  },
	    {"REQUIRETLS", OFFER_REQUIRETLS, NULL       },
	    {"LIMITS",     OFFER_LIMITS,     read_limits},
	};
	struct str word;

	if (!take_word(&line, &word))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!str_equal_nocase(word, str_of(rows[i].name)))
			continue;
		o->bits |= rows[i].bit;
		if (rows[i].read != NULL)
			rows[i].read(o, line);
	}
}

bool
offer_has(const struct offers *o, enum offer offer)
{
	return (o->bits & (unsigned)offer) != 0;
}
