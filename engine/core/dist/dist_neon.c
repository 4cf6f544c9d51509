/*-------------------------------------------------------------------------
 *
 * dist_neon.c
 *	  Distance kernels for AArch64's Advanced SIMD (NEON).
 *
 * Baseline ARMv8.0-A only: every AArch64 CPU runs them, so there is nothing
 * to detect. Bytes are widened to 16 bits before they are multiplied, which
 * keeps every sum exact.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#if defined(__aarch64__)

#include <arm_neon.h>

static inline float32x4_t
dist_neon_step_l2(float32x4_t acc, float32x4_t a, float32x4_t b)
{
	float32x4_t d = vsubq_f32(a, b);

	return vfmaq_f32(acc, d, d);
}

static inline float32x4_t
dist_neon_step_ip(float32x4_t acc, float32x4_t a, float32x4_t b)
{
	return vfmaq_f32(acc, a, b);
}

static inline float32x4_t
dist_neon_step_l1(float32x4_t acc, float32x4_t a, float32x4_t b)
{
	return vaddq_f32(acc, vabdq_f32(a, b));
}

/* The first rest (1 .. 3) elements of p, zeros behind them. */
static inline float32x4_t
dist_neon_load_tail(const float *p, size_t rest)
{
	float		buffer[4] = {0.0f, 0.0f, 0.0f, 0.0f};

	for (size_t i = 0; i < rest; i++)
		buffer[i] = p[i];
	return vld1q_f32(buffer);
}

/* The loop the one-sum float kernels share: STEP adds 4 elements to an accumulator. */
#define DIST_NEON_F32_LOOP(STEP) \
	float32x4_t s0 = vdupq_n_f32(0.0f); \
	float32x4_t s1 = s0, \
				s2 = s0, \
				s3 = s0; \
	size_t		i = 0; \
	\
	for (; i + 16 <= n; i += 16) \
	{ \
		s0 = STEP(s0, vld1q_f32(a + i), vld1q_f32(b + i)); \
		s1 = STEP(s1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4)); \
		s2 = STEP(s2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8)); \
		s3 = STEP(s3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12)); \
	} \
	for (; i + 4 <= n; i += 4) \
		s0 = STEP(s0, vld1q_f32(a + i), vld1q_f32(b + i)); \
	if (i < n) \
		s1 = STEP(s1, dist_neon_load_tail(a + i, n - i), dist_neon_load_tail(b + i, n - i)); \
	return vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)))

static float
dist_neon_l2sq_f32(const float *a, const float *b, size_t n)
{
	DIST_NEON_F32_LOOP(dist_neon_step_l2);
}

static float
dist_neon_ip_f32(const float *a, const float *b, size_t n)
{
	DIST_NEON_F32_LOOP(dist_neon_step_ip);
}

static float
dist_neon_l1_f32(const float *a, const float *b, size_t n)
{
	DIST_NEON_F32_LOOP(dist_neon_step_l1);
}

/* Two accumulators for each of the three sums. */
static void
dist_neon_cos_f32(const float *a, const float *b, size_t n, float *ip, float *aa, float *bb)
{
	float32x4_t ab0 = vdupq_n_f32(0.0f);
	float32x4_t ab1 = ab0,
				aa0 = ab0,
				aa1 = ab0,
				bb0 = ab0,
				bb1 = ab0;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		float32x4_t x0 = vld1q_f32(a + i);
		float32x4_t y0 = vld1q_f32(b + i);
		float32x4_t x1 = vld1q_f32(a + i + 4);
		float32x4_t y1 = vld1q_f32(b + i + 4);

		ab0 = vfmaq_f32(ab0, x0, y0);
		aa0 = vfmaq_f32(aa0, x0, x0);
		bb0 = vfmaq_f32(bb0, y0, y0);
		ab1 = vfmaq_f32(ab1, x1, y1);
		aa1 = vfmaq_f32(aa1, x1, x1);
		bb1 = vfmaq_f32(bb1, y1, y1);
	}
	while (i < n)
	{
		size_t		step = n - i < 4 ? n - i : 4;
		float32x4_t x = dist_neon_load_tail(a + i, step);
		float32x4_t y = dist_neon_load_tail(b + i, step);

		ab0 = vfmaq_f32(ab0, x, y);
		aa0 = vfmaq_f32(aa0, x, x);
		bb0 = vfmaq_f32(bb0, y, y);
		i += step;
	}
	*ip = vaddvq_f32(vaddq_f32(ab0, ab1));
	*aa = vaddvq_f32(vaddq_f32(aa0, aa1));
	*bb = vaddvq_f32(vaddq_f32(bb0, bb1));
}

static int32_t
dist_neon_dot_u8s8(const uint8_t *a, const int8_t *b, size_t n)
{
	int32x4_t	s0 = vdupq_n_s32(0);
	int32x4_t	s1 = s0;

	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		uint8x16_t	x = vld1q_u8(a + i);
		int8x16_t	y = vld1q_s8(b + i);
		int16x8_t	x_lo = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x)));
		int16x8_t	x_hi = vreinterpretq_s16_u16(vmovl_high_u8(x));
		int16x8_t	y_lo = vmovl_s8(vget_low_s8(y));
		int16x8_t	y_hi = vmovl_high_s8(y);

		s0 = vmlal_s16(s0, vget_low_s16(x_lo), vget_low_s16(y_lo));
		s1 = vmlal_high_s16(s1, x_lo, y_lo);
		s0 = vmlal_s16(s0, vget_low_s16(x_hi), vget_low_s16(y_hi));
		s1 = vmlal_high_s16(s1, x_hi, y_hi);
	}
	if (i < n)
	{
		int16x8_t	x = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(a + i)));
		int16x8_t	y = vmovl_s8(vld1_s8(b + i));

		s0 = vmlal_s16(s0, vget_low_s16(x), vget_low_s16(y));
		s1 = vmlal_high_s16(s1, x, y);
	}
	return vaddvq_s32(vaddq_s32(s0, s1));
}

static int32_t
dist_neon_dot_u8u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32x4_t	s0 = vdupq_n_u32(0);
	uint32x4_t	s1 = s0;

	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		uint8x16_t	x = vld1q_u8(a + i);
		uint8x16_t	y = vld1q_u8(b + i);

		s0 = vpadalq_u16(s0, vmull_u8(vget_low_u8(x), vget_low_u8(y)));
		s1 = vpadalq_u16(s1, vmull_high_u8(x, y));
	}
	if (i < n)
		s0 = vpadalq_u16(s0, vmull_u8(vld1_u8(a + i), vld1_u8(b + i)));
	return (int32_t) vaddvq_u32(vaddq_u32(s0, s1));
}

/* The eight bytes at p, zeros behind them. */
static inline uint8x16_t
dist_neon_load_8(const uint8_t *p)
{
	return vcombine_u8(vld1_u8(p), vdup_n_u8(0));
}

static inline int8x16_t
dist_neon_load_s8(const int8_t *p)
{
	return vcombine_s8(vld1_s8(p), vdup_n_s8(0));
}

/* Sixteen bytes of a 64-byte block: a 16-bit sum holds two products of at most 15 * 128. */
static inline int32x4_t
dist_neon_step_u4(int32x4_t acc, uint8x16_t code, int8x16_t b_lo, int8x16_t b_hi)
{
	int8x16_t	lo = vreinterpretq_s8_u8(vandq_u8(code, vdupq_n_u8(0x0F)));
	int8x16_t	hi = vreinterpretq_s8_u8(vshrq_n_u8(code, 4));
	int16x8_t	first = vmull_s8(vget_low_s8(lo), vget_low_s8(b_lo));
	int16x8_t	second = vmull_high_s8(lo, b_lo);

	first = vmlal_s8(first, vget_low_s8(hi), vget_low_s8(b_hi));
	second = vmlal_high_s8(second, hi, b_hi);
	return vpadalq_s16(vpadalq_s16(acc, first), second);
}

static int32_t
dist_neon_dot_u4s8(const uint8_t *a, const int8_t *b, size_t n)
{
	int32x4_t	s0 = vdupq_n_s32(0);
	int32x4_t	s1 = s0;

	for (; n >= 128; n -= 128, a += 64, b += 128)
	{
		for (size_t j = 0; j < 64; j += 32)
		{
			s0 = dist_neon_step_u4(s0, vld1q_u8(a + j), vld1q_s8(b + j), vld1q_s8(b + j + 64));
			s1 = dist_neon_step_u4(s1, vld1q_u8(a + j + 16), vld1q_s8(b + j + 16),
								   vld1q_s8(b + j + 80));
		}
	}
	for (size_t j = 0; j < n / 2; j += 8)
		s0 = dist_neon_step_u4(s0, dist_neon_load_8(a + j), dist_neon_load_s8(b + j),
							   dist_neon_load_s8(b + n / 2 + j));
	return vaddvq_s32(vaddq_s32(s0, s1));
}

static inline int32x4_t
dist_neon_step_u4u4(int32x4_t acc, uint8x16_t a, uint8x16_t b)
{
	int8x16_t	b_lo = vreinterpretq_s8_u8(vandq_u8(b, vdupq_n_u8(0x0F)));
	int8x16_t	b_hi = vreinterpretq_s8_u8(vshrq_n_u8(b, 4));

	return dist_neon_step_u4(acc, a, b_lo, b_hi);
}

static int32_t
dist_neon_dot_u4u4(const uint8_t *a, const uint8_t *b, size_t n)
{
	int32x4_t	s0 = vdupq_n_s32(0);
	int32x4_t	s1 = s0;

	size_t		j = 0;

	for (; j + 32 <= n / 2; j += 32)
	{
		s0 = dist_neon_step_u4u4(s0, vld1q_u8(a + j), vld1q_u8(b + j));
		s1 = dist_neon_step_u4u4(s1, vld1q_u8(a + j + 16), vld1q_u8(b + j + 16));
	}
	for (; j < n / 2; j += 8)
		s0 = dist_neon_step_u4u4(s0, dist_neon_load_8(a + j), dist_neon_load_8(b + j));
	return vaddvq_s32(vaddq_s32(s0, s1));
}

/* Adds eight bytes times eight floats. */
static inline void
dist_neon_step_refine(float32x4_t acc[2], int8x8_t bytes, const float *q)
{
	int16x8_t	wide = vmovl_s8(bytes);

	acc[0] = vfmaq_f32(acc[0], vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), vld1q_f32(q));
	acc[1] = vfmaq_f32(acc[1], vcvtq_f32_s32(vmovl_high_s16(wide)), vld1q_f32(q + 4));
}

static void
dist_neon_refine_u8(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					float *aq, float *eq)
{
	float32x4_t zero = vdupq_n_f32(0.0f);
	float32x4_t sa[2] = {zero, zero};
	float32x4_t se[2] = {zero, zero};

	for (size_t i = 0; i < n; i += 8)
	{
		int8x8_t	x = vreinterpret_s8_u8(veor_u8(vld1_u8(a + i), vdup_n_u8(0x80)));

		dist_neon_step_refine(sa, x, q + i);
		dist_neon_step_refine(se, vld1_s8(e + i), q + i);
	}
	*aq = vaddvq_f32(vaddq_f32(sa[0], sa[1]));
	*eq = vaddvq_f32(vaddq_f32(se[0], se[1]));
}

static void
dist_neon_refine_u4(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					float *aq, float *eq)
{
	float32x4_t zero = vdupq_n_f32(0.0f);
	float32x4_t sa[4] = {zero, zero, zero, zero};
	float32x4_t se[4] = {zero, zero, zero, zero};

	while (n > 0)
	{
		size_t		half = n >= 128 ? 64 : n / 2;

		for (size_t j = 0; j < half; j += 8)
		{
			uint8x8_t	code = vld1_u8(a + j);
			int8x8_t	lo = vreinterpret_s8_u8(vand_u8(code, vdup_n_u8(0x0F)));
			int8x8_t	hi = vreinterpret_s8_u8(vshr_n_u8(code, 4));

			dist_neon_step_refine(sa, vsub_s8(lo, vdup_n_s8(8)), q + j);
			dist_neon_step_refine(sa + 2, vsub_s8(hi, vdup_n_s8(8)), q + half + j);
			dist_neon_step_refine(se, vld1_s8(e + j), q + j);
			dist_neon_step_refine(se + 2, vld1_s8(e + half + j), q + half + j);
		}
		a += half;
		e += 2 * half;
		q += 2 * half;
		n -= 2 * half;
	}
	*aq = vaddvq_f32(vaddq_f32(vaddq_f32(sa[0], sa[1]), vaddq_f32(sa[2], sa[3])));
	*eq = vaddvq_f32(vaddq_f32(vaddq_f32(se[0], se[1]), vaddq_f32(se[2], se[3])));
}

const RveDistTable rvi_dist_neon_table = {
	.name = "neon",
	.l2sq_f32 = dist_neon_l2sq_f32,
	.ip_f32 = dist_neon_ip_f32,
	.l1_f32 = dist_neon_l1_f32,
	.cos_f32 = dist_neon_cos_f32,
	.dot_u8s8 = dist_neon_dot_u8s8,
	.dot_u8u8 = dist_neon_dot_u8u8,
	.dot_u4s8 = dist_neon_dot_u4s8,
	.dot_u4u4 = dist_neon_dot_u4u4,
	.refine_u8 = dist_neon_refine_u8,
	.refine_u4 = dist_neon_refine_u4,
};

#else
/* Only AArch64 has these instructions; elsewhere this file is empty. */
typedef int dist_neon_is_empty;
#endif
