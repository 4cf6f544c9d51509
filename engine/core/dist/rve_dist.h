/*-------------------------------------------------------------------------
 *
 * rve_dist.h
 *	  Distance kernels, one table per instruction set, chosen at run time.
 *
 * Every table computes the same functions; dist_scalar.c is the reference
 * the others are tested against. Float, half-float and bit kernels accept any
 * length and need no more than their element's own alignment. Kernels of codes
 * want lengths that are multiples of RVE_DIST_PAD (u8) or 2 * RVE_DIST_PAD
 * (u4), at any alignment: callers store padded codes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RVE_DIST_H
#define RVE_DIST_H

#include <string.h>

#include "engine/core/base/rve_base.h"

#define RVE_DIST_PAD 8			/* dimensions; length unit of the kernels of codes */

typedef enum RveMetric
{
	RVE_METRIC_L2 = 1,			/* squared Euclidean inside the engine */
	RVE_METRIC_IP = 2,			/* negated inner product */
	RVE_METRIC_COSINE = 3,		/* vectors normalised by the caller; engine uses L2 */
	RVE_METRIC_L1 = 4,
	RVE_METRIC_HAMMING = 5,		/* bits */
	RVE_METRIC_JACCARD = 6		/* bits: 1 - |a and b| / |a or b|; 1 when nothing is common */
} RveMetric;

/* How the elements of a vector are given. */
typedef enum RveElements
{
	RVE_DENSE = 1,				/* float32 x[dim] */
	RVE_SPARSE = 2,				/* x[count] at index[count], zero-based, ascending */
	RVE_BITS = 3				/* dim bits, the first in the top of bits[0]; the rest of the last byte is 0 */
} RveElements;

/* A vector as engine functions take it; nothing is owned. */
typedef struct RveVectorView
{
	RveElements elements;
	int			dim;
	int			count;			/* sparse */
	const float *x;				/* dense, sparse */
	const int32_t *index;		/* sparse */
	const uint8_t *bits;		/* bits */
} RveVectorView;

typedef struct RveDistTable
{
	const char *name;			/* "scalar", "avx2", "avx512", "avx512pop", "neon" */

	/* float32, n elements each; accumulate in float32 */
	float		(*l2sq_f32) (const float *a, const float *b, size_t n);
	float		(*ip_f32) (const float *a, const float *b, size_t n);
	float		(*l1_f32) (const float *a, const float *b, size_t n);

	/*
	 * One pass over both vectors for the cosine: *ip = <a,b>, *aa = <a,a>,
	 * *bb = <b,b>.
	 */
	void		(*cos_f32) (const float *a, const float *b, size_t n,
							float *ip, float *aa, float *bb);

	/* the same for half floats (IEEE 754 binary16); each element is exact as a float32 */
	float		(*l2sq_f16) (const uint16_t *a, const uint16_t *b, size_t n);
	float		(*ip_f16) (const uint16_t *a, const uint16_t *b, size_t n);
	float		(*l1_f16) (const uint16_t *a, const uint16_t *b, size_t n);
	void		(*cos_f16) (const uint16_t *a, const uint16_t *b, size_t n,
							float *ip, float *aa, float *bb);

	/* conversions; to half floats as rve_dist_half_from_f32 rounds */
	void		(*f16_to_f32) (const uint16_t *in, float *out, size_t n);
	void		(*f32_to_f16) (const float *in, uint16_t *out, size_t n);

	/*
	 * Bits, n bytes: how many differ; how many are set in both, and in at
	 * least one.
	 */
	uint64_t	(*hamming) (const uint8_t *a, const uint8_t *b, size_t n);
	void		(*bits_common) (const uint8_t *a, const uint8_t *b, size_t n,
								uint64_t *both, uint64_t *either);

	/* sparse vectors of one dim: as those of float32 */
	float		(*l2sq_sparse) (const RveVectorView *a, const RveVectorView *b);
	float		(*ip_sparse) (const RveVectorView *a, const RveVectorView *b);
	float		(*l1_sparse) (const RveVectorView *a, const RveVectorView *b);

	/* sum of a[i] * b[i]; exact in int32 for every n up to 32,768 (255 * 255 * n < 2^31) */
	int32_t		(*dot_u8s8) (const uint8_t *a, const int8_t *b, size_t n);
	int32_t		(*dot_u8u8) (const uint8_t *a, const uint8_t *b, size_t n);

	/* sum of |a[i] - b[i]|; the same limit */
	int32_t		(*sad_u8) (const uint8_t *a, const uint8_t *b, size_t n);

	/*
	 * The same for 4-bit codes. n counts dimensions. Nibble layout: byte j
	 * (0 <= j < 64) of each 64-byte block holds dimension j of its
	 * 128-dimension group in the low half and dimension j + 64 in the high.
	 * The last group may be shorter, of r dimensions: its r / 2 bytes hold
	 * dimensions j and j + r / 2.
	 */
	int32_t		(*dot_u4s8) (const uint8_t *a, const int8_t *b, size_t n);
	int32_t		(*dot_u4u4) (const uint8_t *a, const uint8_t *b, size_t n);

	/*
	 * One pass over a code and its residual, against floats: *aq = sum of
	 * (a[i] - 128) * q[i] (u4: a[i] - 8), *eq = sum of e[i] * q[i]; u4: times
	 * `ends` where a[i] is 0 or 15. No term goes through more than n / 8 + 16
	 * roundings to float32.
	 */
	void		(*refine_u8) (const uint8_t *a, const int8_t *e, const float *q, size_t n,
							  float *aq, float *eq);
	void		(*refine_u4) (const uint8_t *a, const int8_t *e, const float *q, size_t n,
							  float ends, float *aq, float *eq);
} RveDistTable;

/*
 * Half floats one at a time, in integer arithmetic: exact, subnormals included;
 * a NaN keeps its sign and upper bits and becomes quiet, as the CPU's own
 * conversions do.
 */
static inline float
rve_dist_half_to_f32(uint16_t half)
{
	uint32_t	sign = (uint32_t) (half & 0x8000) << 16;
	uint32_t	exponent = (half >> 10) & 0x1F;
	uint32_t	fraction = half & 0x03FF;
	uint32_t	bits;
	float		result;

	if (exponent == 31)
		bits = 0x7F800000 | fraction << 13 | (fraction != 0 ? 0x00400000 : 0);
	else if (exponent != 0)
		bits = (exponent + 112) << 23 | fraction << 13;
	else if (fraction != 0)
	{
		/* subnormal: move the leading one to where a float32 leaves it out */
		uint32_t	shift = (uint32_t) __builtin_clz(fraction) - 21;

		bits = (113 - shift) << 23 | ((fraction << shift) & 0x03FF) << 13;
	}
	else
		bits = 0;
	bits |= sign;
	memcpy(&result, &bits, sizeof(result));
	return result;
}

/* Rounds to the nearest half float, ties to even; infinite from 65,520 on. */
static inline uint16_t
rve_dist_half_from_f32(float value)
{
	uint32_t	bits;
	uint32_t	sign;
	uint32_t	result;

	memcpy(&bits, &value, sizeof(bits));
	sign = (bits >> 16) & 0x8000;
	bits &= 0x7FFFFFFF;
	if (bits > 0x7F800000)
		result = 0x7E00 | ((bits >> 13) & 0x01FF);
	else if (bits >= 0x477FF000)	/* 65,520 = the largest half and half a step */
		result = 0x7C00;
	else if (bits >= 0x38800000)	/* 2^-14, the smallest normal half */
		result = (bits - 0x38000000 + 0x0FFF + ((bits >> 13) & 1)) >> 13;
	else if (bits > 0x33000000) /* 2^-25, half the smallest half: ties to zero */
	{
		uint32_t	fraction = (bits & 0x007FFFFF) | 0x00800000;
		uint32_t	shift = 126 - (bits >> 23);
		uint32_t	middle = (uint32_t) 1 << (shift - 1);
		uint32_t	rest = fraction & (((uint32_t) 1 << shift) - 1);

		result = fraction >> shift;
		if (rest > middle || (rest == middle && (result & 1)))
			result++;
	}
	else
		result = 0;
	return (uint16_t) (sign | result);
}

/* The table in use: the best this CPU offers, unless rve_dist_select chose another. */
extern const RveDistTable *rve_dist_get(void);

/* The index-th table compiled in and supported by this CPU, best last; NULL past the end. */
extern const RveDistTable *rve_dist_supported(int index);

/*
 * Exact distance of two vectors of the same elements and dim, in the units of
 * RveMetric, by the table in use. Sparse: L2, IP, COSINE, L1; bits: HAMMING, JACCARD.
 */
extern double rve_dist_exact(RveMetric metric, const RveVectorView *a, const RveVectorView *b);

/*
 * Makes the table of that name the one in use ("auto" = the best). Returns
 * RVE_INVALID_ARGUMENT when it is unknown or this CPU lacks it.
 */
extern RveStatus rve_dist_select(const char *name);

#endif							/* RVE_DIST_H */
