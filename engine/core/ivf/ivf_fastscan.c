/*-------------------------------------------------------------------------
 *
 * ivf_fastscan.c
 *	  The scalar scan kernel, and which kernel is used.
 *
 * What the processor can do is known to engine/core/dist alone: the kernel
 * goes by the name of the distance table in use, so `ruvector.simd` governs
 * both.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/ivf/ivf_core_int.h"

#include <string.h>

void
rvi_ivf_sums_scalar(const uint8_t *block, const uint8_t *table, int groups, uint32_t *sums)
{
	memset(sums, 0, RVE_IVF_BLOCK * sizeof(uint32_t));
	for (int g = 0; g < groups; g++)
	{
		for (int j = 0; j < 16; j++)
		{
			sums[j] += table[g * 16 + (block[g * 16 + j] & 0x0F)];
			sums[j + 16] += table[g * 16 + (block[g * 16 + j] >> 4)];
		}
	}
}

IvfBlockSums
rvi_ivf_sums_get(void)
{
	const char *name = rve_dist_get()->name;

#if defined(__x86_64__)
	if (strncmp(name, "avx512", strlen("avx512")) == 0) /* and its variants */
		return rvi_ivf_sums_avx512;
	if (strcmp(name, "avx2") == 0)
		return rvi_ivf_sums_avx2;
#elif defined(__aarch64__)
	if (strcmp(name, "neon") == 0)
		return rvi_ivf_sums_neon;
#endif
	(void) name;
	return rvi_ivf_sums_scalar;
}

void
rve_ivf_block_sums(const uint8_t *block, const uint8_t *table, int coded_dim, uint32_t *sums)
{
	rvi_ivf_sums_get() (block, table, coded_dim / 4, sums);
}
