/* str: borrowed bytes.  Never freed; never outlives what it points into. */
#ifndef LIB_STR_H
#define LIB_STR_H

#include <stdbool.h>
#include <stddef.h>

struct str {
	const char *data;
	size_t len;
};

/* The view of a whole C string, without its end byte. */
struct str str_of(const char *s);

/* Same bytes. */
bool str_equal(struct str a, struct str b);

/* Same bytes but for ASCII case. */
bool str_equal_nocase(struct str a, struct str b);

/* s begins with part. */
bool str_starts(struct str s, struct str part);

/* s begins with part, ASCII case ignored. */
bool str_starts_nocase(struct str s, struct str part);

/* s ends with part. */
bool str_ends(struct str s, struct str part);

/* Index of the first byte c in s; s.len when there is none. */
size_t str_find(struct str s, char c);

/* How many bytes c are in s. */
size_t str_count(struct str s, char c);

/* Index of the last byte c in s; s.len when there is none. */
size_t str_rfind(struct str s, char c);

/* The bytes from index from up to, not including, index to; both are brought
 * into the string's bounds first. */
struct str str_slice(struct str s, size_t from, size_t to);

/* s without blanks (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);

/* Cut s at the first byte c: the part before it is stored in *head and what
 * follows stays in *rest.  Without a c the whole is the head and *rest is
 * empty.  Returns false, and touches nothing, when *rest was empty. */
bool str_cut(struct str *rest, char c, struct str *head);

/* Copy s and an end byte to out, which holds size bytes.  Returns false, with
 * out holding "", when it does not fit or s holds a NUL. */
bool str_copy(char *out, size_t size, struct str s);

/* ASCII lower case of one byte, whatever the locale. */
char str_lower(char c);

#endif
