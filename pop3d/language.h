/* language: LANG (RFC 6856, 3), the same before and after login. */
#ifndef POP3D_LANGUAGE_H
#define POP3D_LANGUAGE_H

#include "lib/io.h"
#include "lib/str.h"

/* Without a range, "", write the whole answer that lists the languages.  With
 * one return the line that answers it; NULL when the answer was written.  All
 * of them are English. */
const char *language_answer(struct writer *out, struct str range);

#endif
