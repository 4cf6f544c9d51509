/*-------------------------------------------------------------------------
 *
 * quant_codec.c
 *	  The codecs' public functions: from the kind to the functions of its file.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

static const QuantOps *
quant_ops(RveCodeKind kind)
{
	switch (kind)
	{
		case RVE_CODE_RABITQ:
			return &rvi_quant_rabitq_ops;
		case RVE_CODE_L1:
			return &rvi_quant_l1_ops;
		case RVE_CODE_BITS:
			return &rvi_quant_bits_ops;
		case RVE_CODE_SPARSE:
			return &rvi_quant_sparse_ops;
		default:
			return NULL;
	}
}

RveStatus
rve_quant_codec_create(const RveCodecParams *params, RveCodec **codec)
{
	const QuantOps *ops = quant_ops(params->kind);
	RveStatus	status;

	*codec = NULL;
	if (ops == NULL || !ops->params_valid(params))
		return RVE_INVALID_ARGUMENT;
	status = ops->create(params, codec);
	if (status != RVE_OK)
		return status;
	(*codec)->ops = ops;
	(*codec)->metric = params->metric;
	(*codec)->dim = params->dim;
	(*codec)->code_bytes = ops->code_bytes(params);
	(*codec)->residual_bytes = ops->residual_bytes(params);
	return RVE_OK;
}

void
rve_quant_codec_free(RveCodec *codec)
{
	rve_base_free(codec);
}

size_t
rve_quant_code_bytes(const RveCodec *codec)
{
	return codec->code_bytes;
}

size_t
rve_quant_residual_bytes(const RveCodec *codec)
{
	return codec->residual_bytes;
}

size_t
rve_quant_code_bytes_for(const RveCodecParams *params)
{
	const QuantOps *ops = quant_ops(params->kind);

	return ops != NULL ? ops->code_bytes(params) : 0;
}

size_t
rve_quant_residual_bytes_for(const RveCodecParams *params)
{
	const QuantOps *ops = quant_ops(params->kind);

	return ops != NULL ? ops->residual_bytes(params) : 0;
}

void
rve_quant_encode(RveCodec *codec, const RveVectorView *v, uint8_t *code, RveCodeFactors *factors,
				 uint8_t *residual)
{
	codec->ops->encode(codec, v, code, factors, residual);
}

RveStatus
rvi_quant_query_reserve(const RveCodec *codec, size_t bytes, RveCodecQuery **query)
{
	RveCodecQuery *out = *query;

	if (out != NULL && (out->ops != codec->ops || out->dim != codec->dim))
		return RVE_INVALID_ARGUMENT;
	if (out != NULL && out->room >= bytes)
		return RVE_OK;
	out = rve_base_alloc0(bytes);
	if (out == NULL)
		return RVE_NO_MEMORY;
	rve_base_free(*query);
	out->ops = codec->ops;
	out->dim = codec->dim;
	out->room = bytes;
	*query = out;
	return RVE_OK;
}

RveStatus
rve_quant_query_prepare(RveCodec *codec, const RveVectorView *q, RveCodecQuery **query)
{
	if (q->elements != codec->ops->elements || q->dim != codec->dim)
		return RVE_INVALID_ARGUMENT;
	return codec->ops->prepare(codec, q, query);
}

void
rve_quant_query_free(RveCodecQuery *query)
{
	rve_base_free(query);
}

float
rve_quant_distance(const RveCodec *codec, const RveCodecQuery *query,
				   const uint8_t *code, const RveCodeFactors *factors)
{
	return query->distance(codec, query, code, factors);
}

float
rve_quant_symmetric(const RveCodec *codec,
					const uint8_t *code_a, const RveCodeFactors *factors_a,
					const uint8_t *code_b, const RveCodeFactors *factors_b)
{
	return codec->ops->symmetric(codec, code_a, factors_a, code_b, factors_b);
}

void
rve_quant_symmetric_many(const RveCodec *codec, const uint8_t *item, const void *const *others,
						 int n, float *out)
{
	const RveCodeFactors *factors = (const RveCodeFactors *) (item + codec->code_bytes);

	if (codec->ops->symmetric_many != NULL)
	{
		codec->ops->symmetric_many(codec, item, others, n, out);
		return;
	}
	for (int i = 0; i < n; i++)
	{
		const uint8_t *other = others[i];

		out[i] = codec->ops->symmetric(codec, item, factors, other,
									   (const RveCodeFactors *) (other + codec->code_bytes));
	}
}

size_t
rvi_quant_no_residual(const RveCodecParams *params)
{
	(void) params;
	return 0;
}

bool
rvi_quant_never_complete(const RveCodec *codec, const uint8_t *code,
						 const RveCodeFactors *factors)
{
	(void) codec;
	(void) code;
	(void) factors;
	return false;
}

double
rvi_quant_refine_unknown(const RveCodec *codec, const RveCodecQuery *query, const uint8_t *code,
						 const RveCodeFactors *factors, const uint8_t *residual, double *error)
{
	(void) residual;
	*error = DBL_MAX;
	return (double) query->distance(codec, query, code, factors);
}

double
rve_quant_refine(const RveCodec *codec, const RveCodecQuery *query, const uint8_t *code,
				 const RveCodeFactors *factors, const uint8_t *residual, double *error)
{
	return codec->ops->refine(codec, query, code, factors, residual, error);
}

bool
rve_quant_code_complete(const RveCodec *codec, const uint8_t *code, const RveCodeFactors *factors)
{
	return codec->ops->complete(codec, code, factors);
}
