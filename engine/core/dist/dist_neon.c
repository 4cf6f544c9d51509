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

/* Conversion between half and single precision is part of the baseline (FCVTL, FCVTN). */
static inline float32x4_t
dist_neon_load_f16(const uint16_t *p)
{
	return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

static inline float32x4_t
dist_neon_tail_f16(const uint16_t *p, size_t rest)
{
	uint16_t	buffer[4] = {0, 0, 0, 0};

	for (size_t i = 0; i < rest; i++)
		buffer[i] = p[i];
	return dist_neon_load_f16(buffer);
}

/*
 * The loop the one-sum float kernels share: STEP adds 4 elements to an
 * accumulator, LOAD brings 4 elements, TAIL the last 1 .. 3.
 */
#define DIST_NEON_SUM_LOOP(STEP, LOAD, TAIL) \
	float32x4_t s0 = vdupq_n_f32(0.0f); \
	float32x4_t s1 = s0, \
				s2 = s0, \
				s3 = s0; \
	size_t		i = 0; \
	\
	for (; i + 16 <= n; i += 16) \
	{ \
		s0 = STEP(s0, LOAD(a + i), LOAD(b + i)); \
		s1 = STEP(s1, LOAD(a + i + 4), LOAD(b + i + 4)); \
		s2 = STEP(s2, LOAD(a + i + 8), LOAD(b + i + 8)); \
		s3 = STEP(s3, LOAD(a + i + 12), LOAD(b + i + 12)); \
	} \
	for (; i + 4 <= n; i += 4) \
		s0 = STEP(s0, LOAD(a + i), LOAD(b + i)); \
	if (i < n) \
		s1 = STEP(s1, TAIL(a + i, n - i), TAIL(b + i, n - i)); \
	return vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)))

static float
dist_neon_l2sq_f32(const float *a, const float *b, size_t n)
{
	DIST_NEON_SUM_LOOP(dist_neon_step_l2, vld1q_f32, dist_neon_load_tail);
}

static float
dist_neon_ip_f32(const float *a, const float *b, size_t n)
{
	DIST_NEON_SUM_LOOP(dist_neon_step_ip, vld1q_f32, dist_neon_load_tail);
}

static float
dist_neon_l1_f32(const float *a, const float *b, size_t n)
{
	DIST_NEON_SUM_LOOP(dist_neon_step_l1, vld1q_f32, dist_neon_load_tail);
}

static float
dist_neon_l2sq_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_NEON_SUM_LOOP(dist_neon_step_l2, dist_neon_load_f16, dist_neon_tail_f16);
}

static float
dist_neon_ip_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_NEON_SUM_LOOP(dist_neon_step_ip, dist_neon_load_f16, dist_neon_tail_f16);
}

static float
dist_neon_l1_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_NEON_SUM_LOOP(dist_neon_step_l1, dist_neon_load_f16, dist_neon_tail_f16);
}

/* Two accumulators for each of the three sums. */
typedef struct DistNeonCos
{
	float32x4_t ab[2];
	float32x4_t aa[2];
	float32x4_t bb[2];
} DistNeonCos;

static inline void
dist_neon_step_cos(DistNeonCos *sums, int k, float32x4_t x, float32x4_t y)
{
	sums->ab[k] = vfmaq_f32(sums->ab[k], x, y);
	sums->aa[k] = vfmaq_f32(sums->aa[k], x, x);
	sums->bb[k] = vfmaq_f32(sums->bb[k], y, y);
}

#define DIST_NEON_COS_LOOP(LOAD, TAIL) \
	float32x4_t zero = vdupq_n_f32(0.0f); \
	DistNeonCos sums = {{zero, zero}, {zero, zero}, {zero, zero}}; \
	size_t		i = 0; \
	\
	for (; i + 8 <= n; i += 8) \
	{ \
		dist_neon_step_cos(&sums, 0, LOAD(a + i), LOAD(b + i)); \
		dist_neon_step_cos(&sums, 1, LOAD(a + i + 4), LOAD(b + i + 4)); \
	} \
	for (; i + 4 <= n; i += 4) \
		dist_neon_step_cos(&sums, 0, LOAD(a + i), LOAD(b + i)); \
	if (i < n) \
		dist_neon_step_cos(&sums, 1, TAIL(a + i, n - i), TAIL(b + i, n - i)); \
	*ip = vaddvq_f32(vaddq_f32(sums.ab[0], sums.ab[1])); \
	*aa = vaddvq_f32(vaddq_f32(sums.aa[0], sums.aa[1])); \
	*bb = vaddvq_f32(vaddq_f32(sums.bb[0], sums.bb[1]))

static void
dist_neon_cos_f32(const float *a, const float *b, size_t n, float *ip, float *aa, float *bb)
{
	DIST_NEON_COS_LOOP(vld1q_f32, dist_neon_load_tail);
}

static void
dist_neon_cos_f16(const uint16_t *a, const uint16_t *b, size_t n,
				  float *ip, float *aa, float *bb)
{
	DIST_NEON_COS_LOOP(dist_neon_load_f16, dist_neon_tail_f16);
}

static void
dist_neon_f16_to_f32(const uint16_t *in, float *out, size_t n)
{
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		vst1q_f32(out + i, dist_neon_load_f16(in + i));
	for (; i < n; i++)
		out[i] = rve_dist_half_to_f32(in[i]);
}

static void
dist_neon_f32_to_f16(const float *in, uint16_t *out, size_t n)
{
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
	for (; i < n; i++)
		out[i] = rve_dist_half_from_f32(in[i]);
}

/* ---- bits ---- */

/* Bits set in sixteen bytes: CNT counts by byte, the widening sum cannot overflow. */
static inline uint64_t
dist_neon_count(uint8x16_t v)
{
	return vaddlvq_u8(vcntq_u8(v));
}

static uint64_t
dist_neon_hamming(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t	count = 0;
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		count += dist_neon_count(veorq_u8(vld1q_u8(a + i), vld1q_u8(b + i)));
	for (; i < n; i++)
		count += (uint64_t) __builtin_popcount((unsigned) (a[i] ^ b[i]));
	return count;
}

static void
dist_neon_bits_common(const uint8_t *a, const uint8_t *b, size_t n,
					  uint64_t *both, uint64_t *either)
{
	uint64_t	all = 0;
	uint64_t	any = 0;
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		uint8x16_t	x = vld1q_u8(a + i);
		uint8x16_t	y = vld1q_u8(b + i);

		all += dist_neon_count(vandq_u8(x, y));
		any += dist_neon_count(vorrq_u8(x, y));
	}
	for (; i < n; i++)
	{
		all += (uint64_t) __builtin_popcount((unsigned) (a[i] & b[i]));
		any += (uint64_t) __builtin_popcount((unsigned) (a[i] | b[i]));
	}
	*both = all;
	*either = any;
}

/* ---- integer codes ---- */

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

/* Eight dimensions of 4-bit codes less 8, and of residuals, `ends` times where those are -8 or 7. */
static inline void
dist_neon_step_refine_u4(float32x4_t sa[2], float32x4_t se[2], int8x8_t x, const int8_t *e,
						 const float *q, float ends)
{
	int16x8_t	rest = vmovl_s8(vld1_s8(e));
	int16x8_t	end = vmovl_s8(vreinterpret_s8_u8(vorr_u8(vceq_s8(x, vdup_n_s8(-8)),
														  vceq_s8(x, vdup_n_s8(7)))));
	uint32x4_t	end_lo = vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(end)));
	uint32x4_t	end_hi = vreinterpretq_u32_s32(vmovl_high_s16(end));
	float32x4_t lo = vcvtq_f32_s32(vmovl_s16(vget_low_s16(rest)));
	float32x4_t hi = vcvtq_f32_s32(vmovl_high_s16(rest));

	dist_neon_step_refine(sa, x, q);
	lo = vbslq_f32(end_lo, vmulq_n_f32(lo, ends), lo);
	hi = vbslq_f32(end_hi, vmulq_n_f32(hi, ends), hi);
	se[0] = vfmaq_f32(se[0], lo, vld1q_f32(q));
	se[1] = vfmaq_f32(se[1], hi, vld1q_f32(q + 4));
}

static void
dist_neon_refine_u4(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					float ends, float *aq, float *eq)
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

			dist_neon_step_refine_u4(sa, se, vsub_s8(lo, vdup_n_s8(8)), e + j, q + j, ends);
			dist_neon_step_refine_u4(sa + 2, se + 2, vsub_s8(hi, vdup_n_s8(8)), e + half + j,
									 q + half + j, ends);
		}
		a += half;
		e += 2 * half;
		q += 2 * half;
		n -= 2 * half;
	}
	*aq = vaddvq_f32(vaddq_f32(vaddq_f32(sa[0], sa[1]), vaddq_f32(sa[2], sa[3])));
	*eq = vaddvq_f32(vaddq_f32(vaddq_f32(se[0], se[1]), vaddq_f32(se[2], se[3])));
}

static int32_t
dist_neon_sad_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32x4_t	sum = vdupq_n_u32(0);
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		sum = vpadalq_u16(sum, vpaddlq_u8(vabdq_u8(vld1q_u8(a + i), vld1q_u8(b + i))));
	if (i < n)
		sum = vpadalq_u16(sum, vabdl_u8(vld1_u8(a + i), vld1_u8(b + i)));
	return (int32_t) vaddvq_u32(sum);
}

const RveDistTable rvi_dist_neon_table = {
	.name = "neon",
	.l2sq_f32 = dist_neon_l2sq_f32,
	.ip_f32 = dist_neon_ip_f32,
	.l1_f32 = dist_neon_l1_f32,
	.cos_f32 = dist_neon_cos_f32,
	.l2sq_f16 = dist_neon_l2sq_f16,
	.ip_f16 = dist_neon_ip_f16,
	.l1_f16 = dist_neon_l1_f16,
	.cos_f16 = dist_neon_cos_f16,
	.f16_to_f32 = dist_neon_f16_to_f32,
	.f32_to_f16 = dist_neon_f32_to_f16,
	.hamming = dist_neon_hamming,
	.bits_common = dist_neon_bits_common,
	.l2sq_sparse = rvi_dist_sparse_l2sq,
	.ip_sparse = rvi_dist_sparse_ip,
	.l1_sparse = rvi_dist_sparse_l1,
	.dot_u8s8 = dist_neon_dot_u8s8,
	.dot_u8u8 = dist_neon_dot_u8u8,
	.sad_u8 = dist_neon_sad_u8,
	.dot_u4s8 = dist_neon_dot_u4s8,
	.dot_u4u4 = dist_neon_dot_u4u4,
	.refine_u8 = dist_neon_refine_u8,
	.refine_u4 = dist_neon_refine_u4,
};

#else
/* Only AArch64 has these instructions; elsewhere this file is empty. */
typedef int dist_neon_is_empty;
#endif
