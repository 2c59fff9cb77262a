/* crc: the crc32 of zlib, gzip and our files, at the speed of memory where the
 * processor can. */
#ifndef LIB_CRC_H
#define LIB_CRC_H

#include "lib/str.h"
#include <stdint.h>

/* The crc32 of bytes whose crc32 was crc (0: there were none) and of s behind
 * them. */
uint32_t crc_add(uint32_t crc, struct str s);

#endif
