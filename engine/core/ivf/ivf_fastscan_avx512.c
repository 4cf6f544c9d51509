/*-------------------------------------------------------------------------
 *
 * ivf_fastscan_avx512.c
 *	  The scan kernel for AVX-512 (F, BW): four groups a step.
 *
 * As ivf_fastscan_avx2.c; the number of groups is a multiple of 16, since
 * codes are padded to 64 coordinates.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/ivf/ivf_core_int.h"

#if defined(__x86_64__)

#include <immintrin.h>

static inline void
ivf_avx512_finish(__m512i all, __m512i odd, uint32_t *sums)
{
	uint16_t	even_of[32];
	uint16_t	odd_of[32];

	_mm512_storeu_si512(even_of, _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8)));
	_mm512_storeu_si512(odd_of, odd);
	for (int i = 0; i < 8; i++)
	{
		sums[2 * i] = (uint32_t) even_of[i] + even_of[i + 8] + even_of[i + 16] + even_of[i + 24];
		sums[2 * i + 1] = (uint32_t) odd_of[i] + odd_of[i + 8] + odd_of[i + 16] + odd_of[i + 24];
	}
}

void
rvi_ivf_sums_avx512(const uint8_t *block, const uint8_t *table, int groups, uint32_t *sums)
{
	const __m512i low_half = _mm512_set1_epi8(0x0F);
	__m512i		low_all = _mm512_setzero_si512();
	__m512i		low_odd = _mm512_setzero_si512();
	__m512i		high_all = _mm512_setzero_si512();
	__m512i		high_odd = _mm512_setzero_si512();

	for (int g = 0; g < groups; g += 4)
	{
		__m512i		codes = _mm512_loadu_si512(block + g * 16);
		__m512i		entries = _mm512_loadu_si512(table + g * 16);
		__m512i		low = _mm512_shuffle_epi8(entries, _mm512_and_si512(codes, low_half));
		__m512i		high = _mm512_shuffle_epi8(entries,
											   _mm512_and_si512(_mm512_srli_epi16(codes, 4),
																low_half));

		low_all = _mm512_add_epi16(low_all, low);
		low_odd = _mm512_add_epi16(low_odd, _mm512_srli_epi16(low, 8));
		high_all = _mm512_add_epi16(high_all, high);
		high_odd = _mm512_add_epi16(high_odd, _mm512_srli_epi16(high, 8));
	}
	ivf_avx512_finish(low_all, low_odd, sums);
	ivf_avx512_finish(high_all, high_odd, sums + 16);
}

#else

typedef int ivf_fastscan_avx512_is_empty;

#endif
