/*-------------------------------------------------------------------------
 *
 * dist_vpopcnt.c
 *	  Bit kernels for AVX-512 with VPOPCNTDQ.
 *
 * Not every CPU with AVX-512 counts bits in vectors, so these two functions
 * are no part of dist_avx512.c: dist_pick.c puts them into a copy of its table
 * where the CPU has them. Tails come through zero-masked loads, which touch no
 * byte that is masked out.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* Bytes 0 .. rest - 1 of a vector, for rest in 1 .. 63. */
static inline __m512i
dist_vpopcnt_tail(const uint8_t *p, size_t rest)
{
	return _mm512_maskz_loadu_epi8((__mmask64) ((UINT64_C(1) << rest) - 1), p);
}

uint64_t
rvi_dist_vpopcnt_hamming(const uint8_t *a, const uint8_t *b, size_t n)
{
	__m512i		c0 = _mm512_setzero_si512();
	__m512i		c1 = c0;
	size_t		i = 0;

	for (; i + 128 <= n; i += 128)
	{
		__m512i		x0 = _mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
		__m512i		x1 = _mm512_xor_si512(_mm512_loadu_si512(a + i + 64),
										  _mm512_loadu_si512(b + i + 64));

		c0 = _mm512_add_epi64(c0, _mm512_popcnt_epi64(x0));
		c1 = _mm512_add_epi64(c1, _mm512_popcnt_epi64(x1));
	}
	for (; i < n; i += 64)
	{
		__m512i		x = n - i >= 64 ? _mm512_loadu_si512(a + i) : dist_vpopcnt_tail(a + i, n - i);
		__m512i		y = n - i >= 64 ? _mm512_loadu_si512(b + i) : dist_vpopcnt_tail(b + i, n - i);

		c0 = _mm512_add_epi64(c0, _mm512_popcnt_epi64(_mm512_xor_si512(x, y)));
	}
	return (uint64_t) _mm512_reduce_add_epi64(_mm512_add_epi64(c0, c1));
}

void
rvi_dist_vpopcnt_bits_common(const uint8_t *a, const uint8_t *b, size_t n,
							 uint64_t *both, uint64_t *either)
{
	__m512i		all = _mm512_setzero_si512();
	__m512i		any = all;

	for (size_t i = 0; i < n; i += 64)
	{
		__m512i		x = n - i >= 64 ? _mm512_loadu_si512(a + i) : dist_vpopcnt_tail(a + i, n - i);
		__m512i		y = n - i >= 64 ? _mm512_loadu_si512(b + i) : dist_vpopcnt_tail(b + i, n - i);

		all = _mm512_add_epi64(all, _mm512_popcnt_epi64(_mm512_and_si512(x, y)));
		any = _mm512_add_epi64(any, _mm512_popcnt_epi64(_mm512_or_si512(x, y)));
	}
	*both = (uint64_t) _mm512_reduce_add_epi64(all);
	*either = (uint64_t) _mm512_reduce_add_epi64(any);
}

#else
/* Only x86-64 has these instructions; elsewhere this file is empty. */
typedef int dist_vpopcnt_is_empty;
#endif
