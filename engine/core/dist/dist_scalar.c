/*-------------------------------------------------------------------------
 *
 * dist_scalar.c
 *	  Distance kernels in portable C: the reference of all other tables.
 *
 * Runs on every CPU. The compiler may vectorise these loops for the baseline
 * instruction set (engine/core/dist is built with -fassociative-math).
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#include <math.h>

static float
dist_scalar_l2sq_f32(const float *a, const float *b, size_t n)
{
	float		sum = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		float		d = a[i] - b[i];

		sum += d * d;
	}
	return sum;
}

static float
dist_scalar_ip_f32(const float *a, const float *b, size_t n)
{
	float		sum = 0.0f;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static float
dist_scalar_l1_f32(const float *a, const float *b, size_t n)
{
	float		sum = 0.0f;

	for (size_t i = 0; i < n; i++)
		sum += fabsf(a[i] - b[i]);
	return sum;
}

static void
dist_scalar_cos_f32(const float *a, const float *b, size_t n, float *ip, float *aa, float *bb)
{
	float		sum_ab = 0.0f;
	float		sum_aa = 0.0f;
	float		sum_bb = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		sum_ab += a[i] * b[i];
		sum_aa += a[i] * a[i];
		sum_bb += b[i] * b[i];
	}
	*ip = sum_ab;
	*aa = sum_aa;
	*bb = sum_bb;
}

/* ---- half floats ---- */

static float
dist_scalar_l2sq_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	float		sum = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		float		d = rve_dist_half_to_f32(a[i]) - rve_dist_half_to_f32(b[i]);

		sum += d * d;
	}
	return sum;
}

static float
dist_scalar_ip_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	float		sum = 0.0f;

	for (size_t i = 0; i < n; i++)
		sum += rve_dist_half_to_f32(a[i]) * rve_dist_half_to_f32(b[i]);
	return sum;
}

static float
dist_scalar_l1_f16(const uint16_t *a, const uint16_t *b, size_t n)
{
	float		sum = 0.0f;

	for (size_t i = 0; i < n; i++)
		sum += fabsf(rve_dist_half_to_f32(a[i]) - rve_dist_half_to_f32(b[i]));
	return sum;
}

static void
dist_scalar_cos_f16(const uint16_t *a, const uint16_t *b, size_t n,
					float *ip, float *aa, float *bb)
{
	float		sum_ab = 0.0f;
	float		sum_aa = 0.0f;
	float		sum_bb = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		float		x = rve_dist_half_to_f32(a[i]);
		float		y = rve_dist_half_to_f32(b[i]);

		sum_ab += x * y;
		sum_aa += x * x;
		sum_bb += y * y;
	}
	*ip = sum_ab;
	*aa = sum_aa;
	*bb = sum_bb;
}

static void
dist_scalar_f16_to_f32(const uint16_t *in, float *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = rve_dist_half_to_f32(in[i]);
}

static void
dist_scalar_f32_to_f16(const float *in, uint16_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = rve_dist_half_from_f32(in[i]);
}

/* ---- bits ---- */

static uint64_t
dist_scalar_hamming(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t	count = 0;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		count += (uint64_t) __builtin_popcountll(dist_load_u64(a + i) ^ dist_load_u64(b + i));
	for (; i < n; i++)
		count += (uint64_t) __builtin_popcount((unsigned) (a[i] ^ b[i]));
	return count;
}

static void
dist_scalar_bits_common(const uint8_t *a, const uint8_t *b, size_t n,
						uint64_t *both, uint64_t *either)
{
	uint64_t	all = 0;
	uint64_t	any = 0;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		uint64_t	x = dist_load_u64(a + i);
		uint64_t	y = dist_load_u64(b + i);

		all += (uint64_t) __builtin_popcountll(x & y);
		any += (uint64_t) __builtin_popcountll(x | y);
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
dist_scalar_dot_u8s8(const uint8_t *a, const int8_t *b, size_t n)
{
	int32_t		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (int32_t) a[i] * b[i];
	return sum;
}

static int32_t
dist_scalar_dot_u8u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	int32_t		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (int32_t) a[i] * b[i];
	return sum;
}

static int32_t
dist_scalar_dot_u4s8(const uint8_t *a, const int8_t *b, size_t n)
{
	int32_t		sum = 0;

	while (n > 0)
	{
		size_t		half = n >= 128 ? 64 : n / 2;

		for (size_t j = 0; j < half; j++)
		{
			sum += (int32_t) (a[j] & 0x0F) * b[j];
			sum += (int32_t) (a[j] >> 4) * b[j + half];
		}
		a += half;
		b += 2 * half;
		n -= 2 * half;
	}
	return sum;
}

static int32_t
dist_scalar_dot_u4u4(const uint8_t *a, const uint8_t *b, size_t n)
{
	int32_t		sum = 0;

	for (size_t j = 0; j < n / 2; j++)
	{
		sum += (int32_t) (a[j] & 0x0F) * (b[j] & 0x0F);
		sum += (int32_t) (a[j] >> 4) * (b[j] >> 4);
	}
	return sum;
}

/* Eight partial sums of each: as many roundings a term as the contract allows. */
typedef struct DistScalarSums
{
	float		aq[8];
	float		eq[8];
} DistScalarSums;

static void
dist_scalar_refine_sum(const DistScalarSums *sums, float *aq, float *eq)
{
	*aq = 0.0f;
	*eq = 0.0f;
	for (int k = 0; k < 8; k++)
	{
		*aq += sums->aq[k];
		*eq += sums->eq[k];
	}
}

static void
dist_scalar_refine_u8(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					  float *aq, float *eq)
{
	DistScalarSums sums = {{0.0f}, {0.0f}};

	for (size_t i = 0; i < n; i += 8)
	{
		for (size_t k = 0; k < 8; k++)
		{
			sums.aq[k] += (float) ((int32_t) a[i + k] - 128) * q[i + k];
			sums.eq[k] += (float) e[i + k] * q[i + k];
		}
	}
	dist_scalar_refine_sum(&sums, aq, eq);
}

static void
dist_scalar_refine_u4(const uint8_t *a, const int8_t *e, const float *q, size_t n,
					  float ends, float *aq, float *eq)
{
	DistScalarSums sums = {{0.0f}, {0.0f}};

	while (n > 0)
	{
		size_t		half = n >= 128 ? 64 : n / 2;

		for (size_t i = 0; i < 2 * half; i += 8)
		{
			const uint8_t *bytes = a + (i < half ? i : i - half);
			int			shift = i < half ? 0 : 4;

			for (size_t k = 0; k < 8; k++)
			{
				int32_t		x = (int32_t) (bytes[k] >> shift & 0x0F) - 8;
				float		rest = (float) e[i + k] * q[i + k];

				sums.aq[k] += (float) x * q[i + k];
				sums.eq[k] += x == -8 || x == 7 ? rest * ends : rest;
			}
		}
		a += half;
		e += 2 * half;
		q += 2 * half;
		n -= 2 * half;
	}
	dist_scalar_refine_sum(&sums, aq, eq);
}

static int32_t
dist_scalar_sad_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
	int32_t		sum = 0;

	for (size_t i = 0; i < n; i++)
	{
		int32_t		d = (int32_t) a[i] - b[i];

		sum += d < 0 ? -d : d;
	}
	return sum;
}

const RveDistTable rvi_dist_scalar_table = {
	.name = "scalar",
	.l2sq_f32 = dist_scalar_l2sq_f32,
	.ip_f32 = dist_scalar_ip_f32,
	.l1_f32 = dist_scalar_l1_f32,
	.cos_f32 = dist_scalar_cos_f32,
	.l2sq_f16 = dist_scalar_l2sq_f16,
	.ip_f16 = dist_scalar_ip_f16,
	.l1_f16 = dist_scalar_l1_f16,
	.cos_f16 = dist_scalar_cos_f16,
	.f16_to_f32 = dist_scalar_f16_to_f32,
	.f32_to_f16 = dist_scalar_f32_to_f16,
	.hamming = dist_scalar_hamming,
	.bits_common = dist_scalar_bits_common,
	.l2sq_sparse = rvi_dist_sparse_l2sq,
	.ip_sparse = rvi_dist_sparse_ip,
	.l1_sparse = rvi_dist_sparse_l1,
	.dot_u8s8 = dist_scalar_dot_u8s8,
	.dot_u8u8 = dist_scalar_dot_u8u8,
	.sad_u8 = dist_scalar_sad_u8,
	.dot_u4s8 = dist_scalar_dot_u4s8,
	.dot_u4u4 = dist_scalar_dot_u4u4,
	.refine_u8 = dist_scalar_refine_u8,
	.refine_u4 = dist_scalar_refine_u4,
};
