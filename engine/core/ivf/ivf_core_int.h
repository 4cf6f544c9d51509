/*-------------------------------------------------------------------------
 *
 * ivf_core_int.h
 *	  The scan kernels that ivf_fastscan.c chooses from.
 *
 * groups: number of four-coordinate groups, a multiple of 16. Group g of a block
 * is 16 bytes; byte j holds the four bits of code j in its low half, those of
 * code j + 16 in its high half. table: 16 bytes a group, the (rounded)
 * contribution of each value of the four bits. A sum is below 2^32: 448 * 255.
 *
 *-------------------------------------------------------------------------
 */
#ifndef IVF_CORE_INT_H
#define IVF_CORE_INT_H

#include "engine/core/ivf/rve_ivf.h"

typedef void (*IvfBlockSums) (const uint8_t *block, const uint8_t *table, int groups,
							  uint32_t *sums);

extern void rvi_ivf_sums_scalar(const uint8_t *block, const uint8_t *table, int groups,
								uint32_t *sums);

#if defined(__x86_64__)
extern void rvi_ivf_sums_avx2(const uint8_t *block, const uint8_t *table, int groups,
							  uint32_t *sums);
extern void rvi_ivf_sums_avx512(const uint8_t *block, const uint8_t *table, int groups,
								uint32_t *sums);
#elif defined(__aarch64__)
extern void rvi_ivf_sums_neon(const uint8_t *block, const uint8_t *table, int groups,
							  uint32_t *sums);
#endif

/* The kernel that goes with the distance table in use. */
extern IvfBlockSums rvi_ivf_sums_get(void);

#endif							/* IVF_CORE_INT_H */
