/*-------------------------------------------------------------------------
 *
 * quant_bits.c
 *	  Codes of bit vectors: the bits, padded with zeros to eight bytes. Hamming
 *	  and Jaccard distances by them are exact, unless coded_dim leaves bits out:
 *	  then the first ones stand for all.
 *
 * A code off a damaged page may have bits set in its padding; it is then as
 * wrong as any other wrong bit makes it.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

#include <string.h>

#define BITS_MAX_DIM 64000
#define BITS_UNIT 8				/* bytes */

typedef struct BitsQuery
{
	RveCodecQuery base;
	const RveDistTable *kernels;
	uint8_t		bits[];
} BitsQuery;

typedef struct BitsCodec
{
	RveCodec	base;
	size_t		coded;			/* bits a code holds: the first ones */
	float		scale;			/* of Hamming distances: dim / coded */
} BitsCodec;

static size_t
bits_coded(const RveCodecParams *params)
{
	return (size_t) (params->coded_dim > 0 ? params->coded_dim : params->dim);
}

static size_t
bits_code_bytes(const RveCodecParams *params)
{
	return (bits_coded(params) + 8 * BITS_UNIT - 1) / (8 * BITS_UNIT) * BITS_UNIT;
}

static bool
bits_params_valid(const RveCodecParams *params)
{
	return params->dim >= 1 && params->dim <= BITS_MAX_DIM &&
		params->coded_dim >= 0 && params->coded_dim <= params->dim &&
		(params->metric == RVE_METRIC_HAMMING || params->metric == RVE_METRIC_JACCARD);
}

static RveStatus
bits_create(const RveCodecParams *params, RveCodec **codec)
{
	BitsCodec  *bits = rve_base_alloc0(sizeof(BitsCodec));

	*codec = (RveCodec *) bits;
	if (bits == NULL)
		return RVE_NO_MEMORY;
	bits->coded = bits_coded(params);
	bits->scale = (float) params->dim / (float) bits->coded;
	return RVE_OK;
}

static void
bits_pad(const RveCodec *codec, const RveVectorView *v, uint8_t *code)
{
	size_t		coded = ((const BitsCodec *) codec)->coded;
	size_t		bytes = (coded + 7) / 8;

	memcpy(code, v->bits, bytes);
	memset(code + bytes, 0, codec->code_bytes - bytes);
	if (coded % 8 != 0)
		code[bytes - 1] &= (uint8_t) (0xFF << (8 - coded % 8));
}

static float
bits_between(const RveCodec *codec, const RveDistTable *kernels, const uint8_t *a,
			 const uint8_t *b)
{
	uint64_t	both;
	uint64_t	either;

	if (codec->metric == RVE_METRIC_HAMMING)
		return ((const BitsCodec *) codec)->scale *
			(float) kernels->hamming(a, b, codec->code_bytes);
	kernels->bits_common(a, b, codec->code_bytes, &both, &either);
	return both == 0 ? 1.0f : (float) (1.0 - (double) both / (double) either);
}

static void
bits_encode(RveCodec *codec, const RveVectorView *v, uint8_t *code, RveCodeFactors *factors,
			uint8_t *residual)
{
	uint64_t	count;
	uint64_t	either;

	(void) residual;
	bits_pad(codec, v, code);
	rve_dist_get()->bits_common(code, code, codec->code_bytes, &count, &either);
	factors->add = 0.0f;
	factors->resc = 0.0f;
	factors->sum = (int32_t) count;
}

static float
bits_distance(const RveCodec *codec, const RveCodecQuery *query, const uint8_t *code,
			  const RveCodeFactors *factors)
{
	(void) factors;
	return bits_between(codec, ((const BitsQuery *) query)->kernels,
						((const BitsQuery *) query)->bits, code);
}

static float
bits_symmetric(const RveCodec *codec,
			   const uint8_t *code_a, const RveCodeFactors *factors_a,
			   const uint8_t *code_b, const RveCodeFactors *factors_b)
{
	(void) factors_a;
	(void) factors_b;
	return bits_between(codec, rve_dist_get(), code_a, code_b);
}

static RveStatus
bits_prepare(RveCodec *codec, const RveVectorView *q, RveCodecQuery **base_query)
{
	RveStatus	status = rvi_quant_query_reserve(codec, sizeof(BitsQuery) + codec->code_bytes,
												 base_query);
	BitsQuery  *query = (BitsQuery *) *base_query;

	if (status != RVE_OK)
		return status;
	query->base.distance = bits_distance;
	query->kernels = rve_dist_get();
	bits_pad(codec, q, query->bits);
	return RVE_OK;
}

static bool
bits_complete(const RveCodec *codec, const uint8_t *code, const RveCodeFactors *factors)
{
	(void) code;
	(void) factors;
	return ((const BitsCodec *) codec)->coded == (size_t) codec->dim;
}

/* Integers up to 64,000 are exact in a float; a ratio is rounded to one. */
static double
bits_refine(const RveCodec *codec, const RveCodecQuery *query, const uint8_t *code,
			const RveCodeFactors *factors, const uint8_t *residual, double *error)
{
	(void) residual;
	if (!bits_complete(codec, code, factors))
		return rvi_quant_refine_unknown(codec, query, code, factors, residual, error);
	*error = codec->metric == RVE_METRIC_HAMMING ? 0.0 : (double) FLT_EPSILON;
	return (double) bits_distance(codec, query, code, factors);
}

const QuantOps rvi_quant_bits_ops = {
	.elements = RVE_BITS,
	.params_valid = bits_params_valid,
	.code_bytes = bits_code_bytes,
	.residual_bytes = rvi_quant_no_residual,
	.create = bits_create,
	.encode = bits_encode,
	.prepare = bits_prepare,
	.symmetric = bits_symmetric,
	.refine = bits_refine,
	.complete = bits_complete,
};
