/* crc: see crc.h.
 *
 * The crc32 of a text is the rest of a division of polynomials over one bit.
 * Bytes that stand 64 bytes further on may be replaced by what they leave as a
 * rest there: two multiplications without carry for 16 bytes, added to what
 * stands there already.  So a long text is folded up into 64 bytes that have
 * its crc32, and zlib does the rest (Gopal et al., "Fast CRC Computation Using
 * PCLMULQDQ", Intel, 2009). */
#include "lib/crc.h"

#include <limits.h>
#include <zlib.h>

#ifdef __x86_64__
#include <immintrin.h>

enum {
	LANES = 4,
	STEP = LANES * 16, /* bytes */
	WORTH = 4 * STEP   /* bytes from which it pays */
};

/* x to the power of 8 * STEP + 32 and of 8 * STEP - 32, divided by the
 * polynomial; bits in reverse, as crc32 has them. */
static const long long ahead[] = {0x154442bd4, 0x1c6e41596};

__attribute__((target("pclmul"))) static __m128i
load(const char *p)
{
	const void *at = p;

	return _mm_loadu_si128(at);
}

/* All whole steps of s, of which there is one at least. */
__attribute__((target("pclmul"))) static uint32_t
fold(uint32_t crc, struct str s)
{
	const __m128i by = _mm_set_epi64x(ahead[1], ahead[0]);
	__m128i x[LANES];
	size_t at = STEP;

	for (size_t i = 0; i < LANES; i++)
		x[i] = load(s.data + 16 * i);
	x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)~crc));
	for (; s.len - at >= STEP; at += STEP)
		for (size_t i = 0; i < LANES; i++)
			x[i] = _mm_xor_si128(load(s.data + at + 16 * i),
			    _mm_xor_si128(_mm_clmulepi64_si128(x[i], by, 0x00),
				_mm_clmulepi64_si128(x[i], by, 0x11)));
	/* What came before is in x, so zlib begins with nothing: ~0 is that. */
	return (uint32_t)crc32(UINT32_MAX, (const Bytef *)x, sizeof(x));
}

static uint32_t
add_steps(uint32_t crc, struct str *s)
{
	if (s->len < WORTH || !__builtin_cpu_supports("pclmul"))
		return crc;
	crc = fold(crc, *s);
	*s = str_slice(*s, s->len / STEP * STEP, s->len);
	return crc;
}
#else
static uint32_t
add_steps(uint32_t crc, struct str *s)
{
	(void)s;
	return crc;
}
#endif

uint32_t
crc_add(uint32_t crc, struct str s)
{
	crc = add_steps(crc, &s);
	while (s.len > 0) {
		uInt n = s.len < UINT_MAX ? (uInt)s.len : UINT_MAX;

		crc = (uint32_t)crc32(crc, (const Bytef *)s.data, n);
		s = str_slice(s, n, s.len);
	}
	return crc;
}
