/*-------------------------------------------------------------------------
 *
 * ivf_fastscan_avx2.c
 *	  The scan kernel for AVX2: two groups a step, one in each 128-bit lane.
 *
 * Looked-up bytes are added as 16-bit numbers: all of them, and once more
 * those of odd places; the even ones are the difference. At most 224 groups
 * a lane times 255 fit into 16 bits (RVE_IVF_MAX_CODED).
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/ivf/ivf_core_int.h"

#if defined(__x86_64__)

#include <immintrin.h>

_Static_assert(RVE_IVF_MAX_CODED / 4 / 2 * 255 <= 65535, "16-bit sums overflow");

/* Adds both lanes' 16-bit sums of bytes j and writes them for codes first .. first + 15. */
static inline void
ivf_avx2_finish(__m256i all, __m256i odd, uint32_t *sums)
{
	uint16_t	even_of[16];
	uint16_t	odd_of[16];

	_mm256_storeu_si256((__m256i *) even_of, _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8)));
	_mm256_storeu_si256((__m256i *) odd_of, odd);
	for (int i = 0; i < 8; i++)
	{
		sums[2 * i] = (uint32_t) even_of[i] + even_of[i + 8];
		sums[2 * i + 1] = (uint32_t) odd_of[i] + odd_of[i + 8];
	}
}

void
rvi_ivf_sums_avx2(const uint8_t *block, const uint8_t *table, int groups, uint32_t *sums)
{
	const __m256i low_half = _mm256_set1_epi8(0x0F);
	__m256i		low_all = _mm256_setzero_si256();
	__m256i		low_odd = _mm256_setzero_si256();
	__m256i		high_all = _mm256_setzero_si256();
	__m256i		high_odd = _mm256_setzero_si256();

	for (int g = 0; g < groups; g += 2)
	{
		__m256i		codes = _mm256_loadu_si256((const __m256i *) (block + g * 16));
		__m256i		entries = _mm256_loadu_si256((const __m256i *) (table + g * 16));
		__m256i		low = _mm256_shuffle_epi8(entries, _mm256_and_si256(codes, low_half));
		__m256i		high = _mm256_shuffle_epi8(entries,
											   _mm256_and_si256(_mm256_srli_epi16(codes, 4),
																low_half));

		low_all = _mm256_add_epi16(low_all, low);
		low_odd = _mm256_add_epi16(low_odd, _mm256_srli_epi16(low, 8));
		high_all = _mm256_add_epi16(high_all, high);
		high_odd = _mm256_add_epi16(high_odd, _mm256_srli_epi16(high, 8));
	}
	ivf_avx2_finish(low_all, low_odd, sums);
	ivf_avx2_finish(high_all, high_odd, sums + 16);
}

#else

typedef int ivf_fastscan_avx2_is_empty;

#endif
