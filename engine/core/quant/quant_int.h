/*-------------------------------------------------------------------------
 *
 * quant_int.h
 *	  What the files of engine/core/quant share: the kinds' operations, the
 *	  heads of codecs and queries, the random rotation, the quantisation step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef QUANT_INT_H
#define QUANT_INT_H

#include "engine/core/quant/rve_quant.h"

#include <float.h>

#define QUANT_MAX_DIM 16000
#define QUANT_ROTATION_ROUNDS 4

/* What a kind of code does; the public functions of the same names say how. */
typedef struct QuantOps
{
	RveElements elements;		/* of the vectors it takes */
	bool		(*params_valid) (const RveCodecParams *params);
	size_t		(*code_bytes) (const RveCodecParams *params);
	size_t		(*residual_bytes) (const RveCodecParams *params);
	RveStatus	(*create) (const RveCodecParams *params, RveCodec **codec);
	void		(*encode) (RveCodec *codec, const RveVectorView *v, uint8_t *code,
						   RveCodeFactors *factors, uint8_t *residual);
	RveStatus	(*prepare) (RveCodec *codec, const RveVectorView *q, RveCodecQuery **query);
	float		(*symmetric) (const RveCodec *codec,
							  const uint8_t *code_a, const RveCodeFactors *factors_a,
							  const uint8_t *code_b, const RveCodeFactors *factors_b);

	/* rve_quant_symmetric_many; NULL: symmetric does it */
	void		(*symmetric_many) (const RveCodec *codec, const uint8_t *item,
								   const void *const *others, int n, float *out);
	double		(*refine) (const RveCodec *codec, const RveCodecQuery *query, const uint8_t *code,
						   const RveCodeFactors *factors, const uint8_t *residual, double *error);
	bool		(*complete) (const RveCodec *codec, const uint8_t *code,
							 const RveCodeFactors *factors);
} QuantOps;

/* The head of every kind's codec; rve_quant_codec_create fills it. */
struct RveCodec
{
	const QuantOps *ops;
	RveMetric	metric;
	int			dim;
	size_t		code_bytes;
	size_t		residual_bytes;
};

/* The head of every kind's query. */
struct RveCodecQuery
{
	float		(*distance) (const RveCodec *codec, const RveCodecQuery *query,
							 const uint8_t *code, const RveCodeFactors *factors);
	const QuantOps *ops;
	int			dim;
	size_t		room;			/* bytes allocated */
};

extern const QuantOps rvi_quant_rabitq_ops;
extern const QuantOps rvi_quant_l1_ops;
extern const QuantOps rvi_quant_bits_ops;
extern const QuantOps rvi_quant_sparse_ops;

/*
 * Makes *query a query of codec with room for `bytes`, the head filled in but
 * for distance; a new one unless it is that already.
 */
extern RveStatus rvi_quant_query_reserve(const RveCodec *codec, size_t bytes,
										 RveCodecQuery **query);

/* For kinds without residuals, and whose codes never hold a whole vector. */
extern size_t rvi_quant_no_residual(const RveCodecParams *params);
extern bool rvi_quant_never_complete(const RveCodec *codec, const uint8_t *code,
									 const RveCodeFactors *factors);

/* Refining by the code alone: the estimate, and an error of which nothing is known. */
extern double rvi_quant_refine_unknown(const RveCodec *codec, const RveCodecQuery *query,
									   const uint8_t *code, const RveCodeFactors *factors,
									   const uint8_t *residual, double *error);

/* Clamped to finite floats; NaN, which only bytes not of our making cause, is far away. */
static inline float
quant_finite(float value)
{
	value = value < FLT_MAX ? value : FLT_MAX;
	return value > -FLT_MAX ? value : -FLT_MAX;
}

static inline float
quant_to_float(double value)
{
	value = value < (double) FLT_MAX ? value : (double) FLT_MAX;
	return (float) (value > -(double) FLT_MAX ? value : -(double) FLT_MAX);
}

/*
 * A random orthogonal transform of `padded` dimensions, a multiple of 8. The
 * caller owns signs.
 */
typedef struct QuantRotation
{
	size_t		padded;
	size_t		width;			/* of the Hadamard transform: largest power of two <= padded */
	float		scale;			/* 1 / sqrt(width) */
	float	   *signs;			/* QUANT_ROTATION_ROUNDS * padded values of +1 or -1 */
} QuantRotation;

/* Fills rotation; signs must have room for all rounds. */
extern void rvi_quant_rotation_init(QuantRotation *rotation, size_t padded, uint64_t seed,
									float *signs);

/* Rotates x (padded floats) in place. */
extern void rvi_quant_rotate(const QuantRotation *rotation, float *x);

/* A bound of |computed P x - P x| / |x| for rounding in rvi_quant_rotate. */
extern double rvi_quant_rotation_error(const QuantRotation *rotation);

/*
 * The factor t_B by which coordinates of a unit vector are multiplied before
 * they are cut to integers; depends on padded and bits only. scratch has room
 * for padded floats.
 */
extern float rvi_quant_step(size_t padded, int bits, float *scratch);

#endif							/* QUANT_INT_H */
