/*-------------------------------------------------------------------------
 *
 * rve_quant.h
 *	  Codecs: vectors to small codes with distance estimates.
 *
 * One interface over four kinds of code (RveCodeKind).
 *
 * RABITQ (Gao and Long, SIGMOD 2024; multi-bit: SIGMOD 2025): a vector is
 * centred on the index's mean, rotated by a random orthogonal transform, and
 * every rotated coordinate is kept with `bits` bits. Two floats per vector
 * make the inner product between code and query an unbiased estimate of the
 * distance (vector-search.md section 5).
 *
 * With r = P(o - c), x = u + c_B (c_B = -(2^B - 1) / 2), n2 = |r|^2:
 *	  L2 (squared)	 est = add + g + resc * (<u, q'> + c_B * sum(q'))
 *					 q' = P(q - c), g = |q'|^2, add = n2, resc = -2 n2 / <r,x>
 *	  inner product  (negated, smaller is nearer)
 *					 est = add + g + resc * (<u, q'> + c_B * sum(q'))
 *					 g = -<q, c>, add = -<r, P c>, resc = -n2 / <r,x>
 * Cosine is L2 over vectors the caller has normalised.
 *
 * With coded_dim, x is zero in the rotated coordinates that have no code. The
 * formulas stay: <x, q'> is <x, r> / n2 * <r, q'> plus the product of two
 * vectors orthogonal to r, whose mean over all rotations is zero.
 *
 * L1: the coordinates on a common scale. BITS: the bits. SPARSE: the elements
 * of largest magnitude. Their files say more.
 *
 * A residual refines a RABITQ code: signed bytes say where in its step each
 * coordinate lies, and a header how far off that is, all told.
 *
 * A code depends on the codec's parameters and the vector alone, not on the
 * kernel table in use: every machine computes the same bytes. Codes, factors
 * and residuals may be any bytes: nothing is read outside them and every
 * distance is finite.
 *
 * A codec is immutable after creation but for its scratch space; queries are
 * caller-owned scratch, and hold on to the kernel table of their preparation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RVE_QUANT_H
#define RVE_QUANT_H

#include "engine/core/dist/rve_dist.h"

/* What is stored beside a code, 12 bytes. */
typedef struct RveCodeFactors
{
	float		add;
	float		resc;
	int32_t		sum;			/* sum of the code's integers: symmetric distances need it */
} RveCodeFactors;

typedef struct RveCodec RveCodec;
typedef struct RveCodecQuery RveCodecQuery;

/* What a code is made of. */
typedef enum RveCodeKind
{
	RVE_CODE_RABITQ = 1,		/* dense; L2, IP, COSINE; 4 or 8 bits a coordinate, plus a residual */
	RVE_CODE_L1 = 2,			/* dense; L1: one byte a coordinate on a scale common to all vectors */
	RVE_CODE_BITS = 3,			/* the bits themselves; HAMMING, JACCARD: distances are exact */
	RVE_CODE_SPARSE = 4			/* the elements of largest magnitude; L2, IP, COSINE, L1 */
} RveCodeKind;

typedef struct RveCodecParams
{
	RveCodeKind kind;
	RveMetric	metric;
	int			dim;			/* dense 1 .. 16,000; bits 1 .. 64,000; sparse 1 .. 1,000,000,000 */
	int			bits;			/* RABITQ: 4 or 8 */
	int			coded_dim;		/* not SPARSE: 0, or code fewer (rotated) coordinates than dim */
	int			capacity;		/* SPARSE: elements a code holds, 1 .. 1,000 */
	uint64_t	seed;			/* RABITQ: of the rotation; stored with the index */
	const float *mean;			/* RABITQ: dim finite floats, copied; NULL = zero */
	float		low,			/* L1: the scale's ends, finite, low < high */
				high;
} RveCodecParams;

/*
 * Creates a codec. Errors: RVE_INVALID_ARGUMENT (also for a metric that the
 * kind cannot estimate), RVE_NO_MEMORY. Free with rve_quant_codec_free.
 */
extern RveStatus rve_quant_codec_create(const RveCodecParams *params, RveCodec **codec);
extern void rve_quant_codec_free(RveCodec *codec);

/*
 * Bytes of a code, a multiple of 4, and of a residual (0: this kind has none,
 * its codes are refined elsewhere); the same without creating the codec, for
 * params that rve_quant_codec_create accepts.
 */
extern size_t rve_quant_code_bytes(const RveCodec *codec);
extern size_t rve_quant_residual_bytes(const RveCodec *codec);
extern size_t rve_quant_code_bytes_for(const RveCodecParams *params);
extern size_t rve_quant_residual_bytes_for(const RveCodecParams *params);

/*
 * Encodes v (of the kind's elements, dim as in params, finite) into code
 * (rve_quant_code_bytes), factors, which are finite whatever v is, and, unless
 * NULL, residual. Not reentrant on one codec: it uses the codec's scratch space.
 */
extern void rve_quant_encode(RveCodec *codec, const RveVectorView *v, uint8_t *code,
							 RveCodeFactors *factors, uint8_t *residual);

/*
 * Prepares q (as v above) for distances; reuses *query when it is not NULL.
 * RVE_INVALID_ARGUMENT: q has other elements or another dim than the codec, or
 * *query comes from a codec of another kind or dim. An error leaves *query as
 * it was. Free with rve_quant_query_free.
 */
extern RveStatus rve_quant_query_prepare(RveCodec *codec, const RveVectorView *q,
										 RveCodecQuery **query);
extern void rve_quant_query_free(RveCodecQuery *query);

/*
 * Estimated distance of a prepared query to a code; metric units as above.
 * Always finite. Squared distances near zero can come out slightly negative.
 */
extern float rve_quant_distance(const RveCodec *codec, const RveCodecQuery *query,
								const uint8_t *code, const RveCodeFactors *factors);

/* Estimated distance between two codes; same units, same remarks. */
extern float rve_quant_symmetric(const RveCodec *codec,
								 const uint8_t *code_a, const RveCodeFactors *factors_a,
								 const uint8_t *code_b, const RveCodeFactors *factors_b);

/*
 * The same from one code to n others, for graph builds: each is a code with
 * its factors right behind it, at an address fit for both.
 */
extern void rve_quant_symmetric_many(const RveCodec *codec, const uint8_t *item,
									 const void *const *others, int n, float *out);

/*
 * The distance by code and residual together, and the largest error it can
 * have (a bound, not an estimate; same units): what searches rerank by. Both
 * are finite; an *error of DBL_MAX says that nothing is known: L1, incomplete
 * BITS, RABITQ without a residual (NULL), or vectors beyond a float's range.
 * Complete BITS and SPARSE codes are exact but for rounding, and *error says
 * how much.
 */
extern double rve_quant_refine(const RveCodec *codec, const RveCodecQuery *query,
							   const uint8_t *code, const RveCodeFactors *factors,
							   const uint8_t *residual, double *error);

/* Whether a code holds its whole vector, so that distances by it are exact but for rounding. */
extern bool rve_quant_code_complete(const RveCodec *codec, const uint8_t *code,
									const RveCodeFactors *factors);

/*
 * The random rotation alone, of `padded` coordinates (a multiple of
 * RVE_DIST_PAD, at most 2^20), in place. Errors: RVE_INVALID_ARGUMENT, RVE_NO_MEMORY.
 */
typedef struct RveRotation RveRotation;

extern RveStatus rve_quant_rotation_create(size_t padded, uint64_t seed, RveRotation **rotation);
extern void rve_quant_rotation_free(RveRotation *rotation);
extern void rve_quant_rotate(const RveRotation *rotation, float *x);

#endif							/* RVE_QUANT_H */
