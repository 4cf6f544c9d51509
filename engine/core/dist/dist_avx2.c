/*-------------------------------------------------------------------------
 *
 * dist_avx2.c
 *	  Distance kernels for AVX2 with FMA, F16C and POPCNT (x86-64-v3).
 *
 * Float kernels: four accumulators hide the latency of the fused multiply-add,
 * the last 1..7 elements come through a masked load that reads nothing past
 * the end. Integer kernels never let vpmaddubsw see a full byte: its 16-bit
 * sums saturate from 255 * 127 * 2 on, so bytes are widened first and only
 * 4-bit codes use it.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* Lanes 0 .. rest - 1 set, for rest in 0 .. 7. */
static inline __m256i
dist_avx2_tail_mask(size_t rest)
{
	static const int32_t lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

	return _mm256_loadu_si256((const __m256i *) (lanes + 8 - rest));
}

static inline float
dist_avx2_sum_f32(__m256 v)
{
	__m128		s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	s = _mm_add_ss(s, _mm_movehdup_ps(s));
	return _mm_cvtss_f32(s);
}

static inline int32_t
dist_avx2_sum_i32(__m256i v)
{
	__m128i		s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1)));
	return _mm_cvtsi128_si32(s);
}

static inline __m256
dist_avx2_step_l2(__m256 acc, __m256 a, __m256 b)
{
	__m256		d = _mm256_sub_ps(a, b);

	return _mm256_fmadd_ps(d, d, acc);
}

static inline __m256
dist_avx2_step_ip(__m256 acc, __m256 a, __m256 b)
{
	return _mm256_fmadd_ps(a, b, acc);
}

static inline __m256
dist_avx2_step_l1(__m256 acc, __m256 a, __m256 b)
{
	__m256		d = _mm256_sub_ps(a, b);

	return _mm256_add_ps(acc, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), d));
}

static inline __m256
dist_avx2_tail_f32(const float *p, size_t rest)
{
	return _mm256_maskload_ps(p, dist_avx2_tail_mask(rest));
}

static inline __m256
dist_avx2_load_f16(const uint16_t *p)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p));
}

/* There is no masked load of 16-bit lanes before AVX-512. */
static inline __m256
dist_avx2_tail_f16(const uint16_t *p, size_t rest)
{
	uint16_t	buffer[8] = {0};

	for (size_t i = 0; i < rest; i++)
		buffer[i] = p[i];
	return dist_avx2_load_f16(buffer);
}

/*
 * The loop the one-sum float kernels share: STEP adds 8 elements to an
 * accumulator, LOAD brings 8 elements, TAIL the last 1 .. 7.
 */
#define DIST_AVX2_SUM_LOOP(STEP, LOAD, TAIL) \
	__m256		s0 = _mm256_setzero_ps(); \
	__m256		s1 = s0, \
				s2 = s0, \
				s3 = s0; \
	size_t		i = 0; \
	\
	for (; i + 32 <= n; i += 32) \
	{ \
		s0 = STEP(s0, LOAD(a + i), LOAD(b + i)); \
		s1 = STEP(s1, LOAD(a + i + 8), LOAD(b + i + 8)); \
		s2 = STEP(s2, LOAD(a + i + 16), LOAD(b + i + 16)); \
		s3 = STEP(s3, LOAD(a + i + 24), LOAD(b + i + 24)); \
	} \
	for (; i + 8 <= n; i += 8) \
		s0 = STEP(s0, LOAD(a + i), LOAD(b + i)); \
	if (i < n) \
		s1 = STEP(s1, TAIL(a + i, n - i), TAIL(b + i, n - i)); \
	return dist_avx2_sum_f32(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)))

static float
dist_avx2_l2sq_f32(const float *a, const float *b, size_t n)
{
	DIST_AVX2_SUM_LOOP(dist_avx2_step_l2, _mm256_loadu_ps, dist_avx2_tail_f32);
}

static float
dist_avx2_ip_f32(const float *a, const float *b, size_t n)
{
	DIST_AVX2_SUM_LOOP(dist_avx2_step_ip, _mm256_loadu_ps, dist_avx2_tail_f32);
}

static float
dist_avx2_l1_f32(const float *a, const float *b, size_t n)
{
	DIST_AVX2_SUM_LOOP(dist_avx2_step_l1, _mm256_loadu_ps, dist_avx2_tail_f32);
}

static float
dist_avx2_l2sq_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_AVX2_SUM_LOOP(dist_avx2_step_l2, dist_avx2_load_f16, dist_avx2_tail_f16);
}

static float
dist_avx2_ip_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_AVX2_SUM_LOOP(dist_avx2_step_ip, dist_avx2_load_f16, dist_avx2_tail_f16);
}

static float
dist_avx2_l1_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_AVX2_SUM_LOOP(dist_avx2_step_l1, dist_avx2_load_f16, dist_avx2_tail_f16);
}

/* Two accumulators for each of the three sums. */
typedef struct DistAvx2Cos
{
	__m256		ab[2];
	__m256		aa[2];
	__m256		bb[2];
} DistAvx2Cos;

static inline void
dist_avx2_step_cos(DistAvx2Cos *sums, int k, __m256 x, __m256 y)
{
	sums->ab[k] = _mm256_fmadd_ps(x, y, sums->ab[k]);
	sums->aa[k] = _mm256_fmadd_ps(x, x, sums->aa[k]);
	sums->bb[k] = _mm256_fmadd_ps(y, y, sums->bb[k]);
}

#define DIST_AVX2_COS_LOOP(LOAD, TAIL) \
	__m256		zero = _mm256_setzero_ps(); \
	DistAvx2Cos sums = {{zero, zero}, {zero, zero}, {zero, zero}}; \
	size_t		i = 0; \
	\
	for (; i + 16 <= n; i += 16) \
	{ \
		dist_avx2_step_cos(&sums, 0, LOAD(a + i), LOAD(b + i)); \
		dist_avx2_step_cos(&sums, 1, LOAD(a + i + 8), LOAD(b + i + 8)); \
	} \
	for (; i + 8 <= n; i += 8) \
		dist_avx2_step_cos(&sums, 0, LOAD(a + i), LOAD(b + i)); \
	if (i < n) \
		dist_avx2_step_cos(&sums, 1, TAIL(a + i, n - i), TAIL(b + i, n - i)); \
	*ip = dist_avx2_sum_f32(_mm256_add_ps(sums.ab[0], sums.ab[1])); \
	*aa = dist_avx2_sum_f32(_mm256_add_ps(sums.aa[0], sums.aa[1])); \
	*bb = dist_avx2_sum_f32(_mm256_add_ps(sums.bb[0], sums.bb[1]))

static void
dist_avx2_cos_f32(const float *a, const float *b, size_t n, float *ip, float *aa, float *bb)
{
	DIST_AVX2_COS_LOOP(_mm256_loadu_ps, dist_avx2_tail_f32);
}

static void
dist_avx2_cos_f16(const uint16_t *a, const uint16_t *b, size_t n,
				  float *ip, float *aa, float *bb)
{
	DIST_AVX2_COS_LOOP(dist_avx2_load_f16, dist_avx2_tail_f16);
}

static void
dist_avx2_f16_to_f32(const uint16_t *in, float *out, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(out + i, dist_avx2_load_f16(in + i));
	for (; i < n; i++)
		out[i] = rve_dist_half_to_f32(in[i]);
}

static void
dist_avx2_f32_to_f16(const float *in, uint16_t *out, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm_storeu_si128((__m128i *) (out + i),
						 _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
	for (; i < n; i++)
		out[i] = rve_dist_half_from_f32(in[i]);
}

/* ---- bits: one POPCNT a cycle keeps up with two loads ---- */

static uint64_t
dist_avx2_hamming(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t	c0 = 0;
	uint64_t	c1 = 0;
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		c0 += (uint64_t) _mm_popcnt_u64(dist_load_u64(a + i) ^ dist_load_u64(b + i));
		c1 += (uint64_t) _mm_popcnt_u64(dist_load_u64(a + i + 8) ^ dist_load_u64(b + i + 8));
	}
	for (; i < n; i++)
		c0 += (uint64_t) _mm_popcnt_u32((unsigned) (a[i] ^ b[i]));
	return c0 + c1;
}

static void
dist_avx2_bits_common(const uint8_t *a, const uint8_t *b, size_t n,
					  uint64_t *both, uint64_t *either)
{
	uint64_t	all = 0;
	uint64_t	any = 0;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		uint64_t	x = dist_load_u64(a + i);
		uint64_t	y = dist_load_u64(b + i);

		all += (uint64_t) _mm_popcnt_u64(x & y);
		any += (uint64_t) _mm_popcnt_u64(x | y);
	}
	for (; i < n; i++)
	{
		all += (uint64_t) _mm_popcnt_u32((unsigned) (a[i] & b[i]));
		any += (uint64_t) _mm_popcnt_u32((unsigned) (a[i] | b[i]));
	}
	*both = all;
	*either = any;
}

/* ---- integer codes ---- */

static inline __m256i
dist_avx2_load_u8(const uint8_t *p)
{
	return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *) p));
}

static inline __m256i
dist_avx2_load_s8(const int8_t *p)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *) p));
}

/* The eight bytes at p, zeros behind them. */
static inline __m128i
dist_avx2_load_8(const void *p)
{
	return _mm_loadl_epi64((const __m128i *) p);
}

/*
 * The loop both byte kernels share; LOAD_B widens 16 elements of b to 16 bits,
 * WIDEN_B 8 of them.
 */
#define DIST_AVX2_U8_LOOP(LOAD_B, WIDEN_B) \
	__m256i		s0 = _mm256_setzero_si256(); \
	__m256i		s1 = s0; \
	__m128i		rest = _mm_setzero_si128(); \
	size_t		i = 0; \
	\
	for (; i + 32 <= n; i += 32) \
	{ \
		s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(dist_avx2_load_u8(a + i), LOAD_B(b + i))); \
		s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(dist_avx2_load_u8(a + i + 16), \
													LOAD_B(b + i + 16))); \
	} \
	for (; i < n; i += 8) \
		rest = _mm_add_epi32(rest, _mm_madd_epi16(_mm_cvtepu8_epi16(dist_avx2_load_8(a + i)), \
												  WIDEN_B(dist_avx2_load_8(b + i)))); \
	s1 = _mm256_add_epi32(s1, _mm256_zextsi128_si256(rest)); \
	return dist_avx2_sum_i32(_mm256_add_epi32(s0, s1))

static int32_t
dist_avx2_dot_u8s8(const uint8_t *a, const int8_t *b, size_t n)
{
	DIST_AVX2_U8_LOOP(dist_avx2_load_s8, _mm_cvtepi8_epi16);
}

static int32_t
dist_avx2_dot_u8u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	DIST_AVX2_U8_LOOP(dist_avx2_load_u8, _mm_cvtepu8_epi16);
}

static inline __m256i
dist_avx2_load_256(const void *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/*
 * Half a 64-byte block of 4-bit codes. A 16-bit sum holds four products of at
 * most 15 * 128 here, so vpmaddubsw and the addition cannot saturate.
 */
static inline __m256i
dist_avx2_step_u4s8(__m256i acc, const uint8_t *a, const int8_t *b)
{
	const __m256i low = _mm256_set1_epi8(0x0F);
	__m256i		code = dist_avx2_load_256(a);
	__m256i		lo = _mm256_and_si256(code, low);
	__m256i		hi = _mm256_and_si256(_mm256_srli_epi16(code, 4), low);
	__m256i		pairs = _mm256_add_epi16(_mm256_maddubs_epi16(lo, dist_avx2_load_256(b)),
										 _mm256_maddubs_epi16(hi, dist_avx2_load_256(b + 64)));

	return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static int32_t
dist_avx2_dot_u4s8(const uint8_t *a, const int8_t *b, size_t n)
{
	__m256i		s0 = _mm256_setzero_si256();
	__m256i		s1 = s0;

	for (; n >= 128; n -= 128, a += 64, b += 128)
	{
		s0 = dist_avx2_step_u4s8(s0, a, b);
		s1 = dist_avx2_step_u4s8(s1, a + 32, b + 32);
	}
	for (size_t j = 0; j < n / 2; j += 8)
	{
		__m128i		code = dist_avx2_load_8(a + j);
		__m128i		lo = _mm_and_si128(code, _mm_set1_epi8(0x0F));
		__m128i		hi = _mm_and_si128(_mm_srli_epi16(code, 4), _mm_set1_epi8(0x0F));
		__m128i		pairs = _mm_add_epi16(_mm_maddubs_epi16(lo, dist_avx2_load_8(b + j)),
										  _mm_maddubs_epi16(hi, dist_avx2_load_8(b + n / 2 + j)));

		s1 = _mm256_add_epi32(s1, _mm256_zextsi128_si256(_mm_madd_epi16(pairs,
																		_mm_set1_epi16(1))));
	}
	return dist_avx2_sum_i32(_mm256_add_epi32(s0, s1));
}

/* Products of two 4-bit codes are at most 225: the same argument holds. */
static inline __m256i
dist_avx2_step_u4u4(__m256i acc, const uint8_t *a, const uint8_t *b)
{
	const __m256i low = _mm256_set1_epi8(0x0F);
	__m256i		x = dist_avx2_load_256(a);
	__m256i		y = dist_avx2_load_256(b);
	__m256i		lo = _mm256_maddubs_epi16(_mm256_and_si256(x, low), _mm256_and_si256(y, low));
	__m256i		hi = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(x, 4), low),
										  _mm256_and_si256(_mm256_srli_epi16(y, 4), low));

	return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_add_epi16(lo, hi),
												   _mm256_set1_epi16(1)));
}

static int32_t
dist_avx2_dot_u4u4(const uint8_t *a, const uint8_t *b, size_t n)
{
	__m256i		s0 = _mm256_setzero_si256();
	__m256i		s1 = s0;

	for (; n >= 128; n -= 128, a += 64, b += 64)
	{
		s0 = dist_avx2_step_u4u4(s0, a, b);
		s1 = dist_avx2_step_u4u4(s1, a + 32, b + 32);
	}
	for (size_t j = 0; j < n / 2; j += 8)
	{
		const __m128i low = _mm_set1_epi8(0x0F);
		__m128i		x = dist_avx2_load_8(a + j);
		__m128i		y = dist_avx2_load_8(b + j);
		__m128i		lo = _mm_maddubs_epi16(_mm_and_si128(x, low), _mm_and_si128(y, low));
		__m128i		hi = _mm_maddubs_epi16(_mm_and_si128(_mm_srli_epi16(x, 4), low),
										   _mm_and_si128(_mm_srli_epi16(y, 4), low));
		__m128i		pairs = _mm_add_epi16(lo, hi);

		s1 = _mm256_add_epi32(s1, _mm256_zextsi128_si256(_mm_madd_epi16(pairs,
																		_mm_set1_epi16(1))));
	}
	return dist_avx2_sum_i32(_mm256_add_epi32(s0, s1));
}

static inline __m256
dist_avx2_s8_to_f32(__m128i bytes)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

static void
dist_avx2_refine_u8(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					float *aq, float *eq)
{
	const __m128i top = _mm_set1_epi8((char) 0x80);
	__m256		a0 = _mm256_setzero_ps();
	__m256		a1 = a0,
				e0 = a0,
				e1 = a0;
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		__m256		q0 = _mm256_loadu_ps(q + i);
		__m256		q1 = _mm256_loadu_ps(q + i + 8);
		__m128i		x = _mm_xor_si128(_mm_loadu_si128((const __m128i *) (a + i)), top);
		__m128i		y = _mm_loadu_si128((const __m128i *) (e + i));

		a0 = _mm256_fmadd_ps(dist_avx2_s8_to_f32(x), q0, a0);
		a1 = _mm256_fmadd_ps(dist_avx2_s8_to_f32(_mm_srli_si128(x, 8)), q1, a1);
		e0 = _mm256_fmadd_ps(dist_avx2_s8_to_f32(y), q0, e0);
		e1 = _mm256_fmadd_ps(dist_avx2_s8_to_f32(_mm_srli_si128(y, 8)), q1, e1);
	}
	if (i < n)
	{
		__m256		q0 = _mm256_loadu_ps(q + i);

		a0 = _mm256_fmadd_ps(dist_avx2_s8_to_f32(_mm_xor_si128(dist_avx2_load_8(a + i), top)),
							 q0, a0);
		e0 = _mm256_fmadd_ps(dist_avx2_s8_to_f32(dist_avx2_load_8(e + i)), q0, e0);
	}
	*aq = dist_avx2_sum_f32(_mm256_add_ps(a0, a1));
	*eq = dist_avx2_sum_f32(_mm256_add_ps(e0, e1));
}

/* Adds 8 dimensions of 4-bit codes less 8, and of residuals, `ends` times where those are -8 or 7. */
static inline void
dist_avx2_step_refine_u4(__m256 sums[2], __m128i x, const int8_t *e, __m256 q, __m256 ends)
{
	__m128i		end = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(-8)),
								   _mm_cmpeq_epi8(x, _mm_set1_epi8(7)));
	__m256		rest = dist_avx2_s8_to_f32(dist_avx2_load_8(e));

	rest = _mm256_blendv_ps(rest, _mm256_mul_ps(rest, ends),
							_mm256_castsi256_ps(_mm256_cvtepi8_epi32(end)));
	sums[0] = _mm256_fmadd_ps(dist_avx2_s8_to_f32(x), q, sums[0]);
	sums[1] = _mm256_fmadd_ps(rest, q, sums[1]);
}

static void
dist_avx2_refine_u4(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					float ends, float *aq, float *eq)
{
	__m256		zero = _mm256_setzero_ps();
	__m256		lo[2] = {zero, zero};
	__m256		hi[2] = {zero, zero};

	while (n > 0)
	{
		size_t		half = n >= 128 ? 64 : n / 2;

		for (size_t j = 0; j < half; j += 8)
		{
			const __m128i low = _mm_set1_epi8(0x0F);
			const __m128i eight = _mm_set1_epi8(8);
			__m128i		code = dist_avx2_load_8(a + j);
			__m128i		high = _mm_srli_epi16(code, 4);

			dist_avx2_step_refine_u4(lo, _mm_sub_epi8(_mm_and_si128(code, low), eight), e + j,
									 _mm256_loadu_ps(q + j), _mm256_set1_ps(ends));
			dist_avx2_step_refine_u4(hi, _mm_sub_epi8(_mm_and_si128(high, low), eight),
									 e + half + j, _mm256_loadu_ps(q + half + j),
									 _mm256_set1_ps(ends));
		}
		a += half;
		e += 2 * half;
		q += 2 * half;
		n -= 2 * half;
	}
	*aq = dist_avx2_sum_f32(_mm256_add_ps(lo[0], hi[0]));
	*eq = dist_avx2_sum_f32(_mm256_add_ps(lo[1], hi[1]));
}

static int32_t
dist_avx2_sad_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	__m256i		sum = _mm256_setzero_si256();
	__m128i		rest = _mm_setzero_si128();
	size_t		i = 0;

	for (; i + 32 <= n; i += 32)
		sum = _mm256_add_epi32(sum, _mm256_sad_epu8(dist_avx2_load_256(a + i),
													dist_avx2_load_256(b + i)));
	for (; i < n; i += 8)
		rest = _mm_add_epi32(rest, _mm_sad_epu8(dist_avx2_load_8(a + i), dist_avx2_load_8(b + i)));
	return dist_avx2_sum_i32(_mm256_add_epi32(sum, _mm256_zextsi128_si256(rest)));
}

const RveDistTable rvi_dist_avx2_table = {
	.name = "avx2",
	.l2sq_f32 = dist_avx2_l2sq_f32,
	.ip_f32 = dist_avx2_ip_f32,
	.l1_f32 = dist_avx2_l1_f32,
	.cos_f32 = dist_avx2_cos_f32,
	.l2sq_f16 = dist_avx2_l2sq_f16,
	.ip_f16 = dist_avx2_ip_f16,
	.l1_f16 = dist_avx2_l1_f16,
	.cos_f16 = dist_avx2_cos_f16,
	.f16_to_f32 = dist_avx2_f16_to_f32,
	.f32_to_f16 = dist_avx2_f32_to_f16,
	.hamming = dist_avx2_hamming,
	.bits_common = dist_avx2_bits_common,
	.l2sq_sparse = rvi_dist_sparse_l2sq,
	.ip_sparse = rvi_dist_sparse_ip,
	.l1_sparse = rvi_dist_sparse_l1,
	.dot_u8s8 = dist_avx2_dot_u8s8,
	.dot_u8u8 = dist_avx2_dot_u8u8,
	.sad_u8 = dist_avx2_sad_u8,
	.dot_u4s8 = dist_avx2_dot_u4s8,
	.dot_u4u4 = dist_avx2_dot_u4u4,
	.refine_u8 = dist_avx2_refine_u8,
	.refine_u4 = dist_avx2_refine_u4,
};

#else
/* Only x86-64 has these instructions; elsewhere this file is empty. */
typedef int dist_avx2_is_empty;
#endif
