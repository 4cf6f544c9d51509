/*-------------------------------------------------------------------------
 *
 * ivf_fastscan_neon.c
 *	  The scan kernel for NEON: one group a step.
 *
 * At most 256 groups go into 16-bit sums before they are widened. Written for
 * aarch64 and compiled nowhere here: this machine is x86_64.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/ivf/ivf_core_int.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#define IVF_NEON_GROUPS 256

static inline void
ivf_neon_flush(uint16x8_t first, uint16x8_t second, uint32_t *sums)
{
	uint16_t	part[16];

	vst1q_u16(part, first);
	vst1q_u16(part + 8, second);
	for (int i = 0; i < 16; i++)
		sums[i] += part[i];
}

void
rvi_ivf_sums_neon(const uint8_t *block, const uint8_t *table, int groups, uint32_t *sums)
{
	const uint8x16_t low_half = vdupq_n_u8(0x0F);

	memset(sums, 0, RVE_IVF_BLOCK * sizeof(uint32_t));
	for (int start = 0; start < groups; start += IVF_NEON_GROUPS)
	{
		int			end = start + IVF_NEON_GROUPS < groups ? start + IVF_NEON_GROUPS : groups;
		uint16x8_t	low_a = vdupq_n_u16(0);
		uint16x8_t	low_b = vdupq_n_u16(0);
		uint16x8_t	high_a = vdupq_n_u16(0);
		uint16x8_t	high_b = vdupq_n_u16(0);

		for (int g = start; g < end; g++)
		{
			uint8x16_t	codes = vld1q_u8(block + g * 16);
			uint8x16_t	entries = vld1q_u8(table + g * 16);
			uint8x16_t	low = vqtbl1q_u8(entries, vandq_u8(codes, low_half));
			uint8x16_t	high = vqtbl1q_u8(entries, vshrq_n_u8(codes, 4));

			low_a = vaddw_u8(low_a, vget_low_u8(low));
			low_b = vaddw_u8(low_b, vget_high_u8(low));
			high_a = vaddw_u8(high_a, vget_low_u8(high));
			high_b = vaddw_u8(high_b, vget_high_u8(high));
		}
		ivf_neon_flush(low_a, low_b, sums);
		ivf_neon_flush(high_a, high_b, sums + 16);
	}
}

#else

typedef int ivf_fastscan_neon_is_empty;

#endif
