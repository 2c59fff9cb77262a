/* variables: a program's environment; see variables.h. */
#include "local/variables.h"

#include "lib/env.h"
#include <string.h>

/* What is being made, and the first that went wrong. */
struct making {
	struct variables *v;
	enum variables_result result;
};

static void
add(struct making *m, const char *name, struct str value)
{
	struct buf *b = &m->v->text;

	if (m->result != VARIABLES_OK)
		return;
	if (m->v->count == VARIABLES_MAX || !buf_append_text(b, name) ||
	    !buf_append_byte(b, '=') || !buf_append_str(b, value) ||
	    !buf_append_byte(b, '\0'))
		m->result = VARIABLES_MEMORY;
	m->v->count++;
}

/* Some shells run what follows "() {". */
static bool
is_safe(struct str value)
{
	return !str_starts(value, str_of("() {")) &&
	       memchr(value.data, '\n', value.len) == NULL &&
	       memchr(value.data, '\0', value.len) == NULL;
}

static void
add_foreign(struct making *m, const char *name, struct str value)
{
	if (value.data == NULL)
		value = str_of("");
	if (m->result == VARIABLES_OK && !is_safe(value))
		m->result = VARIABLES_UNSAFE;
	add(m, name, value);
}

/* EXT2 is what follows the first dash of EXT, and so on; at last nothing. */
static void
add_extensions(struct making *m, struct str ext)
{
	static const char *const names[] = {"EXT", "EXT2", "EXT3", "EXT4"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add_foreign(m, names[i], ext);
		ext = str_slice(ext, str_find(ext, '-') + 1, ext.len);
	}
}

/* HOST2 is what precedes the last dot of HOST, and so on; at last the same. */
static void
add_hosts(struct making *m, struct str host)
{
	static const char *const names[] = {"HOST", "HOST2", "HOST3", "HOST4"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add_foreign(m, names[i], host);
		host = str_slice(host, 0, str_rfind(host, '.'));
	}
}

static void
add_recipient(struct making *m, const struct delivery *d)
{
	struct buf whole = {.max = JOB_PACKET};

	if (buf_append_str(&whole, d->local) && buf_append_byte(&whole, '@') &&
	    buf_append_str(&whole, d->domain))
		add_foreign(m, "RECIPIENT", buf_str(&whole));
	else
		m->result = VARIABLES_MEMORY;
	buf_free(&whole);
}

static void
add_ours(struct making *m)
{
	static const char *const names[] = {
	    "PATH", "CULVER_HOME", "CULVER_CLOCK"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str value = env_get(names[i]);

		if (value.data != NULL)
			add(m, names[i], value);
	}
}

/* The text is complete: nothing moves any more. */
static void
point(struct variables *v)
{
	char *at = v->text.data;

	for (size_t i = 0; i < v->count; i++) {
		v->list[i] = at;
		at += strlen(at) + 1;
	}
}

enum variables_result
variables_make(struct variables *v, const struct variables_from *from)
{
	struct making m = {.v = v, .result = VARIABLES_OK};
	const struct delivery *d = from->d;

	*v = (struct variables){.text.max = (size_t)8 * JOB_PACKET};
	add_ours(&m);
	add_hosts(&m, d->domain);
	add_foreign(&m, "HOME", from->home);
	add_foreign(&m, "USER", d->user);
	add_foreign(&m, "LOCAL", d->local);
	add_recipient(&m, d);
	add(&m, "DTLINE", buf_str(&from->lines->delivered_to));
	add(&m, "RPLINE", buf_str(&from->lines->return_path));
	add(&m, "UFLINE", buf_str(&from->lines->from));
	add_foreign(&m, "SENDER", d->job.sender);
	add_foreign(&m, "NEWSENDER", from->new_sender);
	add_extensions(&m, d->ext);
	if (from->has_rest)
		add_foreign(&m, "DEFAULT", from->rest);
	if (m.result == VARIABLES_OK)
		point(v);
	return m.result;
}

void
variables_free(struct variables *v)
{
	buf_free(&v->text);
}
