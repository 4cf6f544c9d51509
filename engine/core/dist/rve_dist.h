/*-------------------------------------------------------------------------
 *
 * rve_dist.h
 *	  Distance kernels, one table per instruction set, chosen at run time.
 *
 * Every table computes the same functions; dist_scalar.c is the reference
 * the others are tested against. Float kernels accept any length and need no
 * more than a float's own alignment. Kernels of codes want lengths that are
 * multiples of RVE_DIST_PAD (u8) or 2 * RVE_DIST_PAD (u4), at any alignment:
 * callers store padded codes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RVE_DIST_H
#define RVE_DIST_H

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
	const char *name;			/* "scalar", "avx2", "avx512", "neon" */

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

	/* sum of a[i] * b[i]; exact in int32 for every n up to 32,768 (255 * 255 * n < 2^31) */
	int32_t		(*dot_u8s8) (const uint8_t *a, const int8_t *b, size_t n);
	int32_t		(*dot_u8u8) (const uint8_t *a, const uint8_t *b, size_t n);

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
	 * (a[i] - 128) * q[i] (u4: a[i] - 8), *eq = sum of e[i] * q[i]. No term
	 * goes through more than n / 8 + 16 roundings to float32.
	 */
	void		(*refine_u8) (const uint8_t *a, const int8_t *e, const float *q, size_t n,
							  float *aq, float *eq);
	void		(*refine_u4) (const uint8_t *a, const int8_t *e, const float *q, size_t n,
							  float *aq, float *eq);
} RveDistTable;

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
