/*-------------------------------------------------------------------------
 *
 * quant_rabitq.c
 *	  The RaBitQ codec: encoding, query preparation, distance estimates.
 *
 * A codec is one block of memory; nothing else is allocated but queries.
 * Residuals far from magnitude 1 are scaled by a power of two before they are
 * rotated, and factors are computed in double and clamped to finite floats,
 * so that no input makes an estimate that cannot be compared.
 *
 * The query is quantised to 8 bits. The constant term uses the sum of the
 * quantised query, not of the query itself: the rounding errors are then
 * weighted with x (mean 0) instead of u (mean (2^B - 1) / 2).
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct RveCodec
{
	int			dim;
	int			bits;
	RveMetric	metric;
	size_t		padded;
	float		step;			/* t_B; 4 bits only */
	float		centre;			/* c_B */
	double		mean_norm2;		/* |c|^2 */
	QuantRotation rotation;
	float	   *mean;			/* dim */
	float	   *scratch;		/* padded */
};

struct RveCodecQuery
{
	int			dim;
	int			bits;
	size_t		padded;
	double		g;
	double		scale;			/* D8: q' is about scale * q8 */
	double		constant;		/* scale * c_B * sum(q8) */
	int8_t		q8[];			/* padded */
};

/* A rotated residual in codec->scratch: the true r is scratch * 2^exponent. */
typedef struct QuantResidual
{
	int			exponent;
	double		norm2;			/* of scratch, not of r */
} QuantResidual;

static size_t
quant_padded_dim(int dim, int bits)
{
	size_t		unit = bits == 4 ? 2 * RVE_DIST_PAD : RVE_DIST_PAD;

	return ((size_t) dim + unit - 1) / unit * unit;
}

size_t
rve_quant_code_bytes_for(int dim, int bits)
{
	return quant_padded_dim(dim, bits) * (size_t) bits / 8;
}

size_t
rve_quant_code_bytes(const RveCodec *codec)
{
	return codec->padded * (size_t) codec->bits / 8;
}

static bool
quant_params_valid(const RveCodecParams *params)
{
	if (params->dim < 1 || params->dim > QUANT_MAX_DIM)
		return false;
	if (params->bits != 4 && params->bits != 8)
		return false;
	if (params->metric != RVE_METRIC_L2 && params->metric != RVE_METRIC_IP &&
		params->metric != RVE_METRIC_COSINE)
		return false;
	for (int i = 0; params->mean != NULL && i < params->dim; i++)
	{
		if (!isfinite(params->mean[i]))
			return false;
	}
	return true;
}

RveStatus
rve_quant_codec_create(const RveCodecParams *params, RveCodec **codec)
{
	RveCodec   *c;
	float	   *floats;
	size_t		padded;

	*codec = NULL;
	if (!quant_params_valid(params))
		return RVE_INVALID_ARGUMENT;

	/* at most 6 * 16,000 floats: these sums cannot overflow */
	padded = quant_padded_dim(params->dim, params->bits);
	c = rve_base_alloc0(sizeof(RveCodec) +
						((QUANT_ROTATION_ROUNDS + 1) * padded + (size_t) params->dim) *
						sizeof(float));
	if (c == NULL)
		return RVE_NO_MEMORY;
	floats = (float *) (c + 1);
	c->scratch = floats;
	c->mean = floats + (QUANT_ROTATION_ROUNDS + 1) * padded;

	c->dim = params->dim;
	c->bits = params->bits;
	c->metric = params->metric;
	c->padded = padded;
	c->centre = -(float) ((1 << params->bits) - 1) / 2.0f;
	for (int i = 0; params->mean != NULL && i < params->dim; i++)
	{
		c->mean[i] = params->mean[i];
		c->mean_norm2 += (double) params->mean[i] * params->mean[i];
	}
	rvi_quant_rotation_init(&c->rotation, padded, params->seed, floats + padded);
	if (params->bits == 4)
		c->step = rvi_quant_step(padded, params->bits, c->scratch);
	*codec = c;
	return RVE_OK;
}

void
rve_quant_codec_free(RveCodec *codec)
{
	rve_base_free(codec);
}

static float
quant_to_float(double value)
{
	if (value > FLT_MAX)
		return FLT_MAX;
	if (value < -FLT_MAX)
		return -FLT_MAX;
	return (float) value;
}

/*
 * Centres v, rotates the result into codec->scratch. Magnitudes whose squares
 * could leave a float's range are brought to about 1 first.
 */
static QuantResidual
quant_residual(RveCodec *codec, const float *v)
{
	QuantResidual residual = {0, 0.0};
	float	   *r = codec->scratch;
	double		largest = 0.0;

	for (int i = 0; i < codec->dim; i++)
	{
		double		magnitude = fabs((double) v[i] - codec->mean[i]);

		if (magnitude > largest)
			largest = magnitude;
	}
	if (largest > 0.0 && (largest < 0x1.0p-30 || largest > 0x1.0p30))
		residual.exponent = ilogb(largest);
	if (residual.exponent == 0)
	{
		for (int i = 0; i < codec->dim; i++)
			r[i] = v[i] - codec->mean[i];
	}
	else
	{
		for (int i = 0; i < codec->dim; i++)
			r[i] = (float) ldexp((double) v[i] - codec->mean[i], -residual.exponent);
	}
	memset(r + codec->dim, 0, (codec->padded - (size_t) codec->dim) * sizeof(float));
	rvi_quant_rotate(&codec->rotation, r);

	for (size_t i = 0; i < codec->padded; i++)
		residual.norm2 += (double) r[i] * r[i];
	return residual;
}

/* <v - c, c>: the part of an inner product that needs no estimate. */
static double
quant_dot_mean(const RveCodec *codec, const float *v)
{
	double		sum = 0.0;

	for (int i = 0; i < codec->dim; i++)
		sum += ((double) v[i] - codec->mean[i]) * codec->mean[i];
	return sum;
}

/* Stores the integer of dimension i in the code's layout; to be called in order of i. */
static inline void
quant_store(uint8_t *code, int bits, size_t i, int32_t u)
{
	if (bits == 8)
		code[i] = (uint8_t) u;
	else if (i % 128 < 64)
		code[i / 128 * 64 + i % 64] = (uint8_t) u;	/* first visit of the byte */
	else
		code[i / 128 * 64 + i % 64] |= (uint8_t) (u << 4);
}

/*
 * What coordinates are multiplied with before they are cut to integers.
 *
 * 4 bits: the constant t_B; a few coordinates saturate, and finer steps for
 * the others outweigh that. 8 bits: such that the largest just does not
 * saturate. With the constant, a vector whose largest coordinate lies beyond
 * its clip is off by per cents where the steps cost a tenth of one (errors
 * measured with tests/unit/test_quant.c are twice as large).
 */
static float
quant_scale(const RveCodec *codec, const float *r, double norm2)
{
	float		largest = 0.0f;

	if (norm2 == 0.0)
		return 0.0f;
	if (codec->bits == 4)
		return codec->step / (float) sqrt(norm2);
	for (size_t i = 0; i < codec->padded; i++)
	{
		if (fabsf(r[i]) > largest)
			largest = fabsf(r[i]);
	}
	return 128.0f / largest;
}

void
rve_quant_encode(RveCodec *codec, const float *v, uint8_t *code, RveCodeFactors *factors)
{
	QuantResidual residual = quant_residual(codec, v);
	const float *r = codec->scratch;
	int32_t		half = 1 << (codec->bits - 1);
	float		t = quant_scale(codec, r, residual.norm2);
	double		ip = 0.0;
	double		shrink = 0.0;	/* n2 / <r,x> */
	int32_t		sum = 0;

	for (size_t i = 0; i < codec->padded; i++)
	{
		float		cut = t * fabsf(r[i]) + 1e-5f;
		int32_t		e = cut < (float) (half - 1) ? (int32_t) cut : half - 1;
		int32_t		u = r[i] >= 0.0f ? half + e : half - 1 - e;

		quant_store(code, codec->bits, i, u);
		ip += (double) fabsf(r[i]) * ((double) e + 0.5);
		sum += u;
	}
	if (ip > 0.0)
		shrink = ldexp(residual.norm2 / ip, residual.exponent);

	if (codec->metric == RVE_METRIC_IP)
	{
		factors->add = quant_to_float(-quant_dot_mean(codec, v));
		factors->resc = quant_to_float(-shrink);
	}
	else
	{
		factors->add = quant_to_float(ldexp(residual.norm2, 2 * residual.exponent));
		factors->resc = quant_to_float(-2.0 * shrink);
	}
	factors->sum = sum;
}

/* Rounds codec->scratch to 8 bits; returns sum(q8) and sets *scale in units of scratch. */
static int32_t
quant_query_round(const RveCodec *codec, int8_t *q8, double *scale)
{
	const float *r = codec->scratch;
	float		largest = 0.0f;
	float		inverse;
	int32_t		sum = 0;

	for (size_t i = 0; i < codec->padded; i++)
	{
		if (fabsf(r[i]) > largest)
			largest = fabsf(r[i]);
	}
	*scale = (double) largest / 127.0;
	inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
	for (size_t i = 0; i < codec->padded; i++)
	{
		long		rounded = lrintf(r[i] * inverse);

		q8[i] = (int8_t) (rounded > 127 ? 127 : rounded < -127 ? -127 : rounded);
		sum += q8[i];
	}
	return sum;
}

RveStatus
rve_quant_query_prepare(RveCodec *codec, const float *q, RveCodecQuery **query)
{
	RveCodecQuery *out = *query;
	QuantResidual residual;
	double		scale;
	int32_t		sum;

	if (out != NULL && (out->dim != codec->dim || out->bits != codec->bits))
		return RVE_INVALID_ARGUMENT;
	if (out == NULL)
	{
		out = rve_base_alloc(sizeof(RveCodecQuery) + codec->padded);
		if (out == NULL)
			return RVE_NO_MEMORY;
		out->dim = codec->dim;
		out->bits = codec->bits;
		out->padded = codec->padded;
		*query = out;
	}

	residual = quant_residual(codec, q);
	sum = quant_query_round(codec, out->q8, &scale);
	out->scale = ldexp(scale, residual.exponent);
	out->constant = out->scale * codec->centre * sum;
	if (codec->metric == RVE_METRIC_IP)
		out->g = -(quant_dot_mean(codec, q) + codec->mean_norm2);
	else
		out->g = ldexp(residual.norm2, 2 * residual.exponent);
	return RVE_OK;
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
	const RveDistTable *kernels = rve_dist_get();
	int32_t		dot;

	if (codec->bits == 4)
		dot = kernels->dot_u4s8(code, query->q8, query->padded);
	else
		dot = kernels->dot_u8s8(code, query->q8, query->padded);
	return quant_to_float((double) factors->add + query->g +
						  (double) factors->resc * (query->scale * dot + query->constant));
}

float
rve_quant_symmetric(const RveCodec *codec,
					const uint8_t *code_a, const RveCodeFactors *factors_a,
					const uint8_t *code_b, const RveCodeFactors *factors_b)
{
	const RveDistTable *kernels = rve_dist_get();
	double		centre = codec->centre;
	double		xx;
	double		shrink = (double) factors_a->resc * factors_b->resc;
	double		known = (double) factors_a->add + factors_b->add;
	int32_t		dot;

	if (codec->bits == 4)
		dot = kernels->dot_u4u4(code_a, code_b, codec->padded);
	else
		dot = kernels->dot_u8u8(code_a, code_b, codec->padded);

	/* <x_a, x_b>, of which each residual is shrink times the estimate */
	xx = dot + centre * ((double) factors_a->sum + factors_b->sum) +
		centre * centre * (double) codec->padded;
	if (codec->metric == RVE_METRIC_IP)
		return quant_to_float(known - codec->mean_norm2 - shrink * xx);
	return quant_to_float(known - 0.5 * shrink * xx);
}

float
rve_quant_exact(RveMetric metric, const float *a, const float *b, int dim)
{
	const RveDistTable *kernels = rve_dist_get();

	switch (metric)
	{
		case RVE_METRIC_IP:
			return -kernels->ip_f32(a, b, (size_t) dim);
		case RVE_METRIC_L1:
			return kernels->l1_f32(a, b, (size_t) dim);
		default:				/* cosine: of normalised vectors */
			break;
	}
	return kernels->l2sq_f32(a, b, (size_t) dim);
}

void
rve_quant_symmetric_many(const RveCodec *codec, const uint8_t *item, const void *const *others,
						 int n, float *out)
{
	const RveDistTable *kernels = rve_dist_get();
	int32_t		(*dot) (const uint8_t *, const uint8_t *, size_t) =
		codec->bits == 4 ? kernels->dot_u4u4 : kernels->dot_u8u8;
	size_t		padded = codec->padded;
	size_t		at = rve_quant_code_bytes(codec);
	const RveCodeFactors *own = (const RveCodeFactors *) (item + at);
	int64_t		top = (INT64_C(1) << codec->bits) - 1;	/* -2 c_B */
	int64_t		constant = top * top * (int64_t) padded - 2 * top * own->sum;
	float		known = own->add;
	float		scale = own->resc * (codec->metric == RVE_METRIC_IP ? 0.25f : 0.125f);
	int			i;

	if (codec->metric == RVE_METRIC_IP)
		known -= (float) codec->mean_norm2;
	for (i = 0; i < n; i++)
	{
		const uint8_t *other = others[i];
		const RveCodeFactors *factors = (const RveCodeFactors *) (other + at);
		int64_t		xx4 = 4 * (int64_t) dot(item, other, padded) - 2 * top * factors->sum + constant;
		float		dist = known + factors->add - scale * factors->resc * (float) xx4;

		if (!(dist >= -FLT_MAX && dist <= FLT_MAX))
			dist = rve_quant_symmetric(codec, item, own, other, factors);
		out[i] = dist;
	}
}
