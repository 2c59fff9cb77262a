/* date: stamps as text, always in UTC. */
#ifndef LIB_DATE_H
#define LIB_DATE_H

#include <stdint.h>

enum { DATE_SIZE = 48 };

/* RFC 5322, 3.3: "Sat, 21 Nov 2026 02:50:20 +0000".  seconds since 1970; before
 * year 0 or after 9999 it is brought into those bounds. */
void date_rfc5322(char out[DATE_SIZE], int64_t seconds);

/* qmail-qread's: "21 Nov 2026 02:50:20 GMT". */
void date_gmt(char out[DATE_SIZE], int64_t seconds);

/* ctime(3)'s without its LF, two digits in each day: "Sat Nov 21 02:50:20
 * 2026". */
void date_ctime(char out[DATE_SIZE], int64_t seconds);

/* ISO 8601: "2026-11-21T02:50:20Z". */
void date_iso(char out[DATE_SIZE], int64_t seconds);

#endif
