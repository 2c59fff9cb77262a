/* token: the words and marks of a structured header field (RFC 5322, 3.2). */
#ifndef QUEUE_TOKEN_H
#define QUEUE_TOKEN_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_MARK,    /* one of . , @ < > : ; */
	TOKEN_ATOM,    /* a word; \ may stand before a byte of it */
	TOKEN_QUOTED,  /* "..." */
	TOKEN_LITERAL, /* [...] */
	TOKEN_COMMENT  /* (...), comments within it included */
};

struct token {
	enum token_kind kind;
	bool spaced;    /* blanks, or a fold, stood before it */
	struct str raw; /* as it stood, its delimiters included */
};

struct tokens {
	struct token *list; /* owned; ended by tokens_free */
	size_t count;
};

/* Take text apart; the tokens point into it.  False with EINVAL when it is
 * malformed (something is not closed, or closed and never opened), or ENOMEM;
 * then t is empty. */
MUST_USE bool tokens_read(struct tokens *t, struct str text);

/* Free the list. */
void tokens_free(struct tokens *t);

/* t is this mark. */
bool token_is(const struct token *t, char mark);

/* An atom, a quoted string or a literal. */
bool token_is_word(const struct token *t);

/* Append what an envelope says for it: without quotes, backslashes, and folds;
 * nothing for a comment.  Fails as buf_append. */
MUST_USE bool token_plain(const struct token *t, struct buf *out);

/* Append what may stand in a header for it: as it stood, an atom that holds
 * what no atom may hold in quotes.  Fails as buf_append. */
MUST_USE bool token_shown(const struct token *t, struct buf *out);

#endif
