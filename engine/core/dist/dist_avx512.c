/*-------------------------------------------------------------------------
 *
 * dist_avx512.c
 *	  Distance kernels for AVX-512 F/BW/VL/DQ with VNNI.
 *
 * Float kernels: four accumulators, tails by zero-masked loads, which touch
 * no byte that is masked out. Integer kernels: vpdpbusd multiplies unsigned
 * by signed bytes and adds to 32 bits without saturation.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#if defined(__x86_64__)

#include <immintrin.h>

static inline __m512
dist_avx512_step_l2(__m512 acc, __m512 a, __m512 b)
{
	__m512		d = _mm512_sub_ps(a, b);

	return _mm512_fmadd_ps(d, d, acc);
}

static inline __m512
dist_avx512_step_ip(__m512 acc, __m512 a, __m512 b)
{
	return _mm512_fmadd_ps(a, b, acc);
}

static inline __m512
dist_avx512_step_l1(__m512 acc, __m512 a, __m512 b)
{
	return _mm512_add_ps(acc, _mm512_abs_ps(_mm512_sub_ps(a, b)));
}

/* The last 1 .. 15 elements, zeros behind them. */
static inline __m512
dist_avx512_tail_f32(const float *p, size_t rest)
{
	return _mm512_maskz_loadu_ps((__mmask16) ((1u << rest) - 1), p);
}

static inline __m512
dist_avx512_load_f16(const uint16_t *p)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p));
}

static inline __m512
dist_avx512_tail_f16(const uint16_t *p, size_t rest)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16) ((1u << rest) - 1), p));
}

/*
 * The loop the one-sum float kernels share: STEP adds 16 elements to an
 * accumulator, LOAD brings 16 elements, TAIL the last 1 .. 15.
 */
#define DIST_AVX512_SUM_LOOP(STEP, LOAD, TAIL) \
	__m512		s0 = _mm512_setzero_ps(); \
	__m512		s1 = s0, \
				s2 = s0, \
				s3 = s0; \
	size_t		i = 0; \
	\
	for (; i + 64 <= n; i += 64) \
	{ \
		s0 = STEP(s0, LOAD(a + i), LOAD(b + i)); \
		s1 = STEP(s1, LOAD(a + i + 16), LOAD(b + i + 16)); \
		s2 = STEP(s2, LOAD(a + i + 32), LOAD(b + i + 32)); \
		s3 = STEP(s3, LOAD(a + i + 48), LOAD(b + i + 48)); \
	} \
	for (; i + 16 <= n; i += 16) \
		s0 = STEP(s0, LOAD(a + i), LOAD(b + i)); \
	if (i < n) \
		s1 = STEP(s1, TAIL(a + i, n - i), TAIL(b + i, n - i)); \
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)))

static float
dist_avx512_l2sq_f32(const float *a, const float *b, size_t n)
{
	DIST_AVX512_SUM_LOOP(dist_avx512_step_l2, _mm512_loadu_ps, dist_avx512_tail_f32);
}

static float
dist_avx512_ip_f32(const float *a, const float *b, size_t n)
{
	DIST_AVX512_SUM_LOOP(dist_avx512_step_ip, _mm512_loadu_ps, dist_avx512_tail_f32);
}

static float
dist_avx512_l1_f32(const float *a, const float *b, size_t n)
{
	DIST_AVX512_SUM_LOOP(dist_avx512_step_l1, _mm512_loadu_ps, dist_avx512_tail_f32);
}

static float
dist_avx512_l2sq_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_AVX512_SUM_LOOP(dist_avx512_step_l2, dist_avx512_load_f16, dist_avx512_tail_f16);
}

static float
dist_avx512_ip_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_AVX512_SUM_LOOP(dist_avx512_step_ip, dist_avx512_load_f16, dist_avx512_tail_f16);
}

static float
dist_avx512_l1_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	DIST_AVX512_SUM_LOOP(dist_avx512_step_l1, dist_avx512_load_f16, dist_avx512_tail_f16);
}

/* Two accumulators for each of the three sums. */
typedef struct DistAvx512Cos
{
	__m512		ab[2];
	__m512		aa[2];
	__m512		bb[2];
} DistAvx512Cos;

static inline void
dist_avx512_step_cos(DistAvx512Cos *sums, int k, __m512 x, __m512 y)
{
	sums->ab[k] = _mm512_fmadd_ps(x, y, sums->ab[k]);
	sums->aa[k] = _mm512_fmadd_ps(x, x, sums->aa[k]);
	sums->bb[k] = _mm512_fmadd_ps(y, y, sums->bb[k]);
}

#define DIST_AVX512_COS_LOOP(LOAD, TAIL) \
	__m512		zero = _mm512_setzero_ps(); \
	DistAvx512Cos sums = {{zero, zero}, {zero, zero}, {zero, zero}}; \
	size_t		i = 0; \
	\
	for (; i + 32 <= n; i += 32) \
	{ \
		dist_avx512_step_cos(&sums, 0, LOAD(a + i), LOAD(b + i)); \
		dist_avx512_step_cos(&sums, 1, LOAD(a + i + 16), LOAD(b + i + 16)); \
	} \
	for (; i + 16 <= n; i += 16) \
		dist_avx512_step_cos(&sums, 0, LOAD(a + i), LOAD(b + i)); \
	if (i < n) \
		dist_avx512_step_cos(&sums, 1, TAIL(a + i, n - i), TAIL(b + i, n - i)); \
	*ip = _mm512_reduce_add_ps(_mm512_add_ps(sums.ab[0], sums.ab[1])); \
	*aa = _mm512_reduce_add_ps(_mm512_add_ps(sums.aa[0], sums.aa[1])); \
	*bb = _mm512_reduce_add_ps(_mm512_add_ps(sums.bb[0], sums.bb[1]))

static void
dist_avx512_cos_f32(const float *a, const float *b, size_t n, float *ip, float *aa, float *bb)
{
	DIST_AVX512_COS_LOOP(_mm512_loadu_ps, dist_avx512_tail_f32);
}

static void
dist_avx512_cos_f16(const uint16_t *a, const uint16_t *b, size_t n,
					float *ip, float *aa, float *bb)
{
	DIST_AVX512_COS_LOOP(dist_avx512_load_f16, dist_avx512_tail_f16);
}

static void
dist_avx512_f16_to_f32(const uint16_t *in, float *out, size_t n)
{
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		_mm512_storeu_ps(out + i, dist_avx512_load_f16(in + i));
	if (i < n)
		_mm512_mask_storeu_ps(out + i, (__mmask16) ((1u << (n - i)) - 1),
							  dist_avx512_tail_f16(in + i, n - i));
}

static void
dist_avx512_f32_to_f16(const float *in, uint16_t *out, size_t n)
{
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		_mm256_storeu_si256((__m256i *) (out + i),
							_mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
	if (i < n)
		_mm256_mask_storeu_epi16(out + i, (__mmask16) ((1u << (n - i)) - 1),
								 _mm512_cvtps_ph(dist_avx512_tail_f32(in + i, n - i),
												 _MM_FROUND_TO_NEAREST_INT));
}

/* ---- bits: for CPUs without VPOPCNTDQ (dist_vpopcnt.c has those with it) ---- */

static uint64_t
dist_avx512_hamming(const uint8_t *a, const uint8_t *b, size_t n)
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
dist_avx512_bits_common(const uint8_t *a, const uint8_t *b, size_t n,
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

/* The first count (0 .. 63) bytes. */
static inline __mmask64
dist_avx512_byte_mask(size_t count)
{
	return ((__mmask64) 1 << count) - 1;
}

static int32_t
dist_avx512_dot_u8s8(const uint8_t *a, const int8_t *b, size_t n)
{
	__m512i		s0 = _mm512_setzero_si512();
	__m512i		s1 = s0;
	size_t		i = 0;

	for (; i + 128 <= n; i += 128)
	{
		s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
		s1 = _mm512_dpbusd_epi32(s1, _mm512_loadu_si512(a + i + 64),
								 _mm512_loadu_si512(b + i + 64));
	}
	if (i + 64 <= n)
	{
		s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
		i += 64;
	}
	if (i < n)
	{
		__mmask64	mask = dist_avx512_byte_mask(n - i);

		s1 = _mm512_dpbusd_epi32(s1, _mm512_maskz_loadu_epi8(mask, a + i),
								 _mm512_maskz_loadu_epi8(mask, b + i));
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

/* <a,b> = <a, b - 128> + 128 * sum(a), and b - 128 is a signed byte: b with its top bit flipped. */
static int32_t
dist_avx512_dot_u8u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	const __m512i top = _mm512_set1_epi8((char) 0x80);
	const __m512i ones = _mm512_set1_epi8(1);
	__m512i		dot = _mm512_setzero_si512();
	__m512i		sum = dot;
	size_t		i = 0;

	for (; i + 64 <= n; i += 64)
	{
		__m512i		x = _mm512_loadu_si512(a + i);
		__m512i		y = _mm512_loadu_si512(b + i);

		dot = _mm512_dpbusd_epi32(dot, x, _mm512_xor_si512(y, top));
		sum = _mm512_dpbusd_epi32(sum, x, ones);
	}
	if (i < n)
	{
		__mmask64	mask = dist_avx512_byte_mask(n - i);
		__m512i		x = _mm512_maskz_loadu_epi8(mask, a + i);
		__m512i		y = _mm512_maskz_loadu_epi8(mask, b + i);

		dot = _mm512_dpbusd_epi32(dot, x, _mm512_xor_si512(y, top));
		sum = _mm512_dpbusd_epi32(sum, x, ones);
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(dot, _mm512_slli_epi32(sum, 7)));
}

static int32_t
dist_avx512_dot_u4s8(const uint8_t *a, const int8_t *b, size_t n)
{
	const __m512i low = _mm512_set1_epi8(0x0F);
	__m512i		s0 = _mm512_setzero_si512();
	__m512i		s1 = s0;

	for (; n >= 128; n -= 128, a += 64, b += 128)
	{
		__m512i		code = _mm512_loadu_si512(a);
		__m512i		lo = _mm512_and_si512(code, low);
		__m512i		hi = _mm512_and_si512(_mm512_srli_epi16(code, 4), low);

		s0 = _mm512_dpbusd_epi32(s0, lo, _mm512_loadu_si512(b));
		s1 = _mm512_dpbusd_epi32(s1, hi, _mm512_loadu_si512(b + 64));
	}
	if (n > 0)
	{
		__mmask64	mask = dist_avx512_byte_mask(n / 2);
		__m512i		code = _mm512_maskz_loadu_epi8(mask, a);
		__m512i		hi = _mm512_and_si512(_mm512_srli_epi16(code, 4), low);

		s0 = _mm512_dpbusd_epi32(s0, _mm512_and_si512(code, low),
								 _mm512_maskz_loadu_epi8(mask, b));
		s1 = _mm512_dpbusd_epi32(s1, hi, _mm512_maskz_loadu_epi8(mask, b + n / 2));
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

/* A 4-bit code is a valid signed byte, so vpdpbusd takes it on both sides. */
static inline __m512i
dist_avx512_step_u4u4(__m512i acc, __m512i x, __m512i y)
{
	const __m512i low = _mm512_set1_epi8(0x0F);

	acc = _mm512_dpbusd_epi32(acc, _mm512_and_si512(x, low), _mm512_and_si512(y, low));
	return _mm512_dpbusd_epi32(acc, _mm512_and_si512(_mm512_srli_epi16(x, 4), low),
							   _mm512_and_si512(_mm512_srli_epi16(y, 4), low));
}

static int32_t
dist_avx512_dot_u4u4(const uint8_t *a, const uint8_t *b, size_t n)
{
	__m512i		s0 = _mm512_setzero_si512();
	__m512i		s1 = s0;

	for (; n >= 256; n -= 256, a += 128, b += 128)
	{
		s0 = dist_avx512_step_u4u4(s0, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
		s1 = dist_avx512_step_u4u4(s1, _mm512_loadu_si512(a + 64), _mm512_loadu_si512(b + 64));
	}
	if (n >= 128)
	{
		s0 = dist_avx512_step_u4u4(s0, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
		n -= 128;
		a += 64;
		b += 64;
	}
	if (n > 0)
	{
		__mmask64	mask = dist_avx512_byte_mask(n / 2);

		s1 = dist_avx512_step_u4u4(s1, _mm512_maskz_loadu_epi8(mask, a),
								   _mm512_maskz_loadu_epi8(mask, b));
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

static inline __m512
dist_avx512_s8_to_f32(__m128i bytes)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

static void
dist_avx512_refine_u8(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					  float *aq, float *eq)
{
	const __m128i top = _mm_set1_epi8((char) 0x80);
	__m512		a0 = _mm512_setzero_ps();
	__m512		a1 = a0,
				e0 = a0,
				e1 = a0;
	size_t		i = 0;

	for (; i + 32 <= n; i += 32)
	{
		__m512		q0 = _mm512_loadu_ps(q + i);
		__m512		q1 = _mm512_loadu_ps(q + i + 16);
		__m128i		x0 = _mm_xor_si128(_mm_loadu_si128((const __m128i *) (a + i)), top);
		__m128i		x1 = _mm_xor_si128(_mm_loadu_si128((const __m128i *) (a + i + 16)), top);

		a0 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(x0), q0, a0);
		a1 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(x1), q1, a1);
		e0 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(_mm_loadu_si128((const __m128i *) (e + i))),
							 q0, e0);
		e1 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(_mm_loadu_si128((const __m128i *) (e + i + 16))),
							 q1, e1);
	}
	for (; i < n; i += 16)
	{
		__mmask16	mask = n - i >= 16 ? (__mmask16) 0xFFFF : (__mmask16) 0x00FF;
		__m512		q0 = _mm512_maskz_loadu_ps(mask, q + i);
		__m128i		x0 = _mm_xor_si128(_mm_maskz_loadu_epi8(mask, a + i), top);

		a0 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(x0), q0, a0);
		e0 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(_mm_maskz_loadu_epi8(mask, e + i)), q0, e0);
	}
	*aq = _mm512_reduce_add_ps(_mm512_add_ps(a0, a1));
	*eq = _mm512_reduce_add_ps(_mm512_add_ps(e0, e1));
}

/* The sums of refine_u4 so far: low and high nibbles apart. */
typedef struct DistAvx512Refine
{
	__m512		a0,
				a1,
				e0,
				e1;
	__m512		weights;		/* of e, by the code beside it */
} DistAvx512Refine;

/*
 * The bytes of mask of a group whose high nibbles lie half dimensions behind
 * the low ones. vpermps looks up the low four bits of every lane: u - 8.
 */
static inline void
dist_avx512_step_refine_u4(DistAvx512Refine *sums, const uint8_t *a, const int8_t *e,
						   const float *q, size_t half, __mmask16 mask)
{
	const __m512 values = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
	__m512i		code = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, a));
	__m512		q0 = _mm512_maskz_loadu_ps(mask, q);
	__m512		q1 = _mm512_maskz_loadu_ps(mask, q + half);
	__m512		x0 = _mm512_permutexvar_ps(code, values);
	__m512i		high = _mm512_srli_epi32(code, 4);
	__m512		x1 = _mm512_permutexvar_ps(high, values);
	__m512		w0 = _mm512_mul_ps(_mm512_permutexvar_ps(code, sums->weights), q0);
	__m512		w1 = _mm512_mul_ps(_mm512_permutexvar_ps(high, sums->weights), q1);

	sums->a0 = _mm512_fmadd_ps(x0, q0, sums->a0);
	sums->a1 = _mm512_fmadd_ps(x1, q1, sums->a1);
	sums->e0 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(_mm_maskz_loadu_epi8(mask, e)), w0,
							   sums->e0);
	sums->e1 = _mm512_fmadd_ps(dist_avx512_s8_to_f32(_mm_maskz_loadu_epi8(mask, e + half)), w1,
							   sums->e1);
}

static void
dist_avx512_refine_u4(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					  float ends, float *aq, float *eq)
{
	__m512		zero = _mm512_setzero_ps();
	__m512		weights = _mm512_mask_blend_ps((__mmask16) 0x8001, _mm512_set1_ps(1.0f),
											   _mm512_set1_ps(ends));
	DistAvx512Refine sums = {zero, zero, zero, zero, weights};

	for (; n >= 128; n -= 128, a += 64, e += 128, q += 128)
	{
		for (size_t j = 0; j < 64; j += 16)
			dist_avx512_step_refine_u4(&sums, a + j, e + j, q + j, 64, (__mmask16) 0xFFFF);
	}
	for (size_t j = 0; j < n / 2; j += 16)
		dist_avx512_step_refine_u4(&sums, a + j, e + j, q + j, n / 2,
								   n / 2 - j >= 16 ? (__mmask16) 0xFFFF : (__mmask16) 0x00FF);
	*aq = _mm512_reduce_add_ps(_mm512_add_ps(sums.a0, sums.a1));
	*eq = _mm512_reduce_add_ps(_mm512_add_ps(sums.e0, sums.e1));
}

static int32_t
dist_avx512_sad_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	__m512i		s0 = _mm512_setzero_si512();
	__m512i		s1 = s0;
	size_t		i = 0;

	for (; i + 64 <= n; i += 64)
		s0 = _mm512_add_epi32(s0, _mm512_sad_epu8(_mm512_loadu_si512(a + i),
												  _mm512_loadu_si512(b + i)));
	if (i < n)
	{
		__mmask64	mask = dist_avx512_byte_mask(n - i);

		s1 = _mm512_sad_epu8(_mm512_maskz_loadu_epi8(mask, a + i),
							 _mm512_maskz_loadu_epi8(mask, b + i));
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

const RveDistTable rvi_dist_avx512_table = {
	.name = "avx512",
	.l2sq_f32 = dist_avx512_l2sq_f32,
	.ip_f32 = dist_avx512_ip_f32,
	.l1_f32 = dist_avx512_l1_f32,
	.cos_f32 = dist_avx512_cos_f32,
	.l2sq_f16 = dist_avx512_l2sq_f16,
	.ip_f16 = dist_avx512_ip_f16,
	.l1_f16 = dist_avx512_l1_f16,
	.cos_f16 = dist_avx512_cos_f16,
	.f16_to_f32 = dist_avx512_f16_to_f32,
	.f32_to_f16 = dist_avx512_f32_to_f16,
	.hamming = dist_avx512_hamming,
	.bits_common = dist_avx512_bits_common,
	.l2sq_sparse = rvi_dist_sparse_avx512_l2sq,
	.ip_sparse = rvi_dist_sparse_avx512_ip,
	.l1_sparse = rvi_dist_sparse_avx512_l1,
	.dot_u8s8 = dist_avx512_dot_u8s8,
	.dot_u8u8 = dist_avx512_dot_u8u8,
	.sad_u8 = dist_avx512_sad_u8,
	.dot_u4s8 = dist_avx512_dot_u4s8,
	.dot_u4u4 = dist_avx512_dot_u4u4,
	.refine_u8 = dist_avx512_refine_u8,
	.refine_u4 = dist_avx512_refine_u4,
};

#else
/* Only x86-64 has these instructions; elsewhere this file is empty. */
typedef int dist_avx512_is_empty;
#endif
