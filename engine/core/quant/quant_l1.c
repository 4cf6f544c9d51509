/*-------------------------------------------------------------------------
 *
 * quant_l1.c
 *	  Codes for L1 distances: one byte a coordinate, on a scale from low to
 *	  high that all vectors of an index share.
 *
 * The sum of absolute differences of two codes, times the step, is the
 * distance but for rounding and for what lies outside the scale. With
 * coded_dim, an evenly strided choice of coordinates has a code, and their
 * distance stands for that of all.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

#include <math.h>
#include <string.h>

#define L1_LEVELS 255.0

typedef struct L1Codec
{
	RveCodec	base;
	size_t		coded;
	double		low;
	double		inverse;		/* steps per unit */
	float		scale;			/* distance of one step, times dim / coded */
} L1Codec;

typedef struct L1Query
{
	RveCodecQuery base;
	int32_t		(*sad) (const uint8_t *a, const uint8_t *b, size_t n);
	uint8_t		code[];
} L1Query;

static size_t
l1_coded(const RveCodecParams *params)
{
	return (size_t) (params->coded_dim == 0 ? params->dim : params->coded_dim);
}

static size_t
l1_code_bytes(const RveCodecParams *params)
{
	return (l1_coded(params) + RVE_DIST_PAD - 1) / RVE_DIST_PAD * RVE_DIST_PAD;
}

static bool
l1_params_valid(const RveCodecParams *params)
{
	return params->dim >= 1 && params->dim <= QUANT_MAX_DIM &&
		params->coded_dim >= 0 && params->coded_dim <= params->dim &&
		params->metric == RVE_METRIC_L1 &&
		isfinite(params->low) && isfinite(params->high) && params->low < params->high;
}

static RveStatus
l1_create(const RveCodecParams *params, RveCodec **codec)
{
	L1Codec    *c = rve_base_alloc0(sizeof(L1Codec));
	double		width = (double) params->high - params->low;

	if (c == NULL)
		return RVE_NO_MEMORY;
	c->coded = l1_coded(params);
	c->low = params->low;
	c->inverse = L1_LEVELS / width;
	c->scale = quant_to_float(width / L1_LEVELS * params->dim / (double) c->coded);
	*codec = &c->base;
	return RVE_OK;
}

/* Codes x, zeros behind it up to the padded length; returns the code's sum. */
static int32_t
l1_code(const L1Codec *codec, const float *x, uint8_t *code)
{
	size_t		dim = (size_t) codec->base.dim;
	int32_t		sum = 0;

	for (size_t k = 0; k < codec->coded; k++)
	{
		size_t		i = codec->coded == dim ? k : k * dim / codec->coded;
		double		steps = ((double) x[i] - codec->low) * codec->inverse;

		steps = steps < L1_LEVELS ? steps : L1_LEVELS;
		code[k] = (uint8_t) (int32_t) (steps > 0.0 ? steps + 0.5 : 0.0);
		sum += code[k];
	}
	memset(code + codec->coded, 0, codec->base.code_bytes - codec->coded);
	return sum;
}

static void
l1_encode(RveCodec *codec, const RveVectorView *v, uint8_t *code, RveCodeFactors *factors,
		  uint8_t *residual)
{
	(void) residual;
	factors->add = 0.0f;
	factors->resc = 0.0f;
	factors->sum = l1_code((const L1Codec *) codec, v->x, code);
}

static float
l1_distance(const RveCodec *base, const RveCodecQuery *base_query, const uint8_t *code,
			const RveCodeFactors *factors)
{
	const L1Query *query = (const L1Query *) base_query;

	(void) factors;
	return quant_finite(((const L1Codec *) base)->scale *
						(float) query->sad(code, query->code, base->code_bytes));
}

static float
l1_symmetric(const RveCodec *base,
			 const uint8_t *code_a, const RveCodeFactors *factors_a,
			 const uint8_t *code_b, const RveCodeFactors *factors_b)
{
	(void) factors_a;
	(void) factors_b;
	return quant_finite(((const L1Codec *) base)->scale *
						(float) rve_dist_get()->sad_u8(code_a, code_b, base->code_bytes));
}

static RveStatus
l1_prepare(RveCodec *codec, const RveVectorView *q, RveCodecQuery **base_query)
{
	RveStatus	status = rvi_quant_query_reserve(codec, sizeof(L1Query) + codec->code_bytes,
												 base_query);
	L1Query    *query = (L1Query *) *base_query;

	if (status != RVE_OK)
		return status;
	query->base.distance = l1_distance;
	query->sad = rve_dist_get()->sad_u8;
	l1_code((const L1Codec *) codec, q->x, query->code);
	return RVE_OK;
}

const QuantOps rvi_quant_l1_ops = {
	.elements = RVE_DENSE,
	.params_valid = l1_params_valid,
	.code_bytes = l1_code_bytes,
	.residual_bytes = rvi_quant_no_residual,
	.create = l1_create,
	.encode = l1_encode,
	.prepare = l1_prepare,
	.symmetric = l1_symmetric,
	.refine = rvi_quant_refine_unknown,
	.complete = rvi_quant_never_complete,
};
