/*-------------------------------------------------------------------------
 *
 * rve_quant.h
 *	  Codecs: vectors to small integer codes with distance estimates.
 *
 * RaBitQ (Gao and Long, SIGMOD 2024; multi-bit: SIGMOD 2025): a vector is
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
 * Cosine is L2 or inner product over vectors the caller has normalised.
 *
 * A code depends on the codec's parameters and the vector alone, not on the
 * kernel table in use: every machine computes the same bytes.
 *
 * A codec is immutable after creation but for its scratch space; queries are
 * caller-owned scratch.
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

typedef struct RveCodecParams
{
	int			dim;			/* 1 .. 16,000 */
	int			bits;			/* 4 or 8 */
	RveMetric	metric;			/* L2, IP or COSINE */
	uint64_t	seed;			/* of the rotation; stored with the index */
	const float *mean;			/* dim finite floats, copied; NULL = zero */
} RveCodecParams;

/* Creates a codec. Errors: RVE_INVALID_ARGUMENT, RVE_NO_MEMORY. Free with rve_quant_codec_free. */
extern RveStatus rve_quant_codec_create(const RveCodecParams *params, RveCodec **codec);
extern void rve_quant_codec_free(RveCodec *codec);

/* Bytes of one code (padded), and of one code for given params without creating the codec. */
extern size_t rve_quant_code_bytes(const RveCodec *codec);
extern size_t rve_quant_code_bytes_for(int dim, int bits);

/*
 * Encodes v (dim finite floats) into code (rve_quant_code_bytes) and factors,
 * which are finite whatever v is. Not reentrant on one codec: it uses the codec's scratch space.
 */
extern void rve_quant_encode(RveCodec *codec, const float *v, uint8_t *code, RveCodeFactors *factors);

/*
 * Prepares q (dim finite floats) for distances; reuses *query when it is not
 * NULL (it must come from a codec of the same dim and bits, or this returns
 * RVE_INVALID_ARGUMENT). Free with rve_quant_query_free.
 */
extern RveStatus rve_quant_query_prepare(RveCodec *codec, const float *q, RveCodecQuery **query);
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
 * Exact distance of two raw vectors in the same units (and L1), by the kernel
 * table in use: what rerank sorts by.
 */
extern float rve_quant_exact(RveMetric metric, const float *a, const float *b, int dim);

/*
 * The random rotation alone, of `padded` coordinates (a multiple of
 * RVE_DIST_PAD, at most 2^20), in place. Errors: RVE_INVALID_ARGUMENT, RVE_NO_MEMORY.
 */
typedef struct RveRotation RveRotation;

extern RveStatus rve_quant_rotation_create(size_t padded, uint64_t seed, RveRotation **rotation);
extern void rve_quant_rotation_free(RveRotation *rotation);
extern void rve_quant_rotate(const RveRotation *rotation, float *x);

#endif							/* RVE_QUANT_H */
