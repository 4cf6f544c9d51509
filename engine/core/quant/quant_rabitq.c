/*-------------------------------------------------------------------------
 *
 * quant_rabitq.c
 *	  RaBitQ codes: encoding, query preparation, distance estimates.
 *
 * A codec is one block of memory. Centred vectors far from magnitude 1 are
 * scaled by a power of two before they are rotated, and factors are computed
 * in double and clamped to finite floats, so that no input makes an estimate
 * that cannot be compared.
 *
 * The query is quantised to 8 bits. The constant term uses the sum of the
 * quantised query, not of the query itself: the rounding errors are then
 * weighted with x (mean 0) instead of u (mean (2^B - 1) / 2). Products of
 * integers stay integers until all constant terms are in: twice <x, q8> is
 * 2 <u, q8> - (2^B - 1) sum(q8), below 2^31 for every dim.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_rabitq.h"

#include <math.h>
#include <string.h>

/* Rotated dimensions: as few as the transform and the codes' layout allow. */
static size_t
rabitq_rotated(const RveCodecParams *params)
{
	size_t		unit = params->bits == 4 ? 2 * RVE_DIST_PAD : RVE_DIST_PAD;

	return ((size_t) params->dim + unit - 1) / unit * unit;
}

static size_t
rabitq_coded(const RveCodecParams *params)
{
	size_t		unit = params->bits == 4 ? 2 * RVE_DIST_PAD : RVE_DIST_PAD;
	size_t		rotated = rabitq_rotated(params);
	size_t		coded = ((size_t) params->coded_dim + unit - 1) / unit * unit;

	return params->coded_dim == 0 || coded > rotated ? rotated : coded;
}

static size_t
rabitq_code_bytes(const RveCodecParams *params)
{
	return rabitq_coded(params) * (size_t) params->bits / 8;
}

static size_t
rabitq_residual_bytes(const RveCodecParams *params)
{
	return sizeof(QuantResidualHeader) + rabitq_coded(params);
}

static bool
rabitq_params_valid(const RveCodecParams *params)
{
	if (params->dim < 1 || params->dim > QUANT_MAX_DIM)
		return false;
	if (params->coded_dim < 0 || params->coded_dim > params->dim)
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

static RveStatus
rabitq_create(const RveCodecParams *params, RveCodec **codec)
{
	size_t		rotated = rabitq_rotated(params);
	RabitqCodec *c;
	float	   *floats;

	/* at most 6 * 16,000 floats: these sums cannot overflow */
	c = rve_base_alloc0(sizeof(RabitqCodec) +
						((QUANT_ROTATION_ROUNDS + 1) * rotated + (size_t) params->dim) *
						sizeof(float));
	if (c == NULL)
		return RVE_NO_MEMORY;
	floats = (float *) (c + 1);
	c->scratch = floats;
	c->mean = floats + (QUANT_ROTATION_ROUNDS + 1) * rotated;
	c->bits = params->bits;
	c->rotated = rotated;
	c->coded = rabitq_coded(params);
	c->levels = (1 << params->bits) - 1;
	for (int i = 0; params->mean != NULL && i < params->dim; i++)
	{
		c->mean[i] = params->mean[i];
		c->mean_norm2 += (double) params->mean[i] * params->mean[i];
	}
	/* IP: est = add_a + add_b - |c|^2 - <r_a, r_b>; else est = n2_a + n2_b - 2 <r_a, r_b> */
	c->sym_constant = params->metric == RVE_METRIC_IP ? c->mean_norm2 : 0.0;
	c->xx_constant = (int64_t) c->levels * c->levels * (int64_t) c->coded;
	c->xx_scale = (params->metric == RVE_METRIC_IP ? 0.25 : 0.125) *
		(double) c->coded / (double) rotated;
	rvi_quant_rotation_init(&c->rotation, rotated, params->seed, floats + rotated);
	if (params->bits == 4)
		c->step = rvi_quant_step(rotated, params->bits, c->scratch);
	*codec = &c->base;
	return RVE_OK;
}

/*
 * Centres v, rotates the result into codec->scratch. Magnitudes whose squares
 * could leave a float's range are brought to about 1 first.
 */
static RabitqCentred
rabitq_centre(RabitqCodec *codec, const float *v)
{
	RabitqCentred centred = {0, 0.0, 0.0, 0.0};
	float	   *r = codec->scratch;
	int			dim = codec->base.dim;
	double		largest = 0.0;

	for (int i = 0; i < dim; i++)
	{
		double		x = (double) v[i] - codec->mean[i];

		largest = fabs(x) > largest ? fabs(x) : largest;
		centred.norm2 += x * x;
		centred.dot_mean += x * codec->mean[i];
	}
	if (largest > 0.0 && (largest < 0x1.0p-30 || largest > 0x1.0p30))
		centred.exponent = ilogb(largest);
	if (centred.exponent == 0)
	{
		for (int i = 0; i < dim; i++)
			r[i] = v[i] - codec->mean[i];
	}
	else
	{
		for (int i = 0; i < dim; i++)
			r[i] = (float) ldexp((double) v[i] - codec->mean[i], -centred.exponent);
	}
	memset(r + dim, 0, (codec->rotated - (size_t) dim) * sizeof(float));
	rvi_quant_rotate(&codec->rotation, r);

	for (size_t i = 0; i < codec->rotated; i++)
		centred.scratch_norm2 += (double) r[i] * r[i];
	return centred;
}

/* The largest magnitude among the coded coordinates of codec->scratch. */
static float
rabitq_largest(const RabitqCodec *codec)
{
	float		largest = 0.0f;

	for (size_t i = 0; i < codec->coded; i++)
	{
		float		x = fabsf(codec->scratch[i]);

		largest = x > largest ? x : largest;
	}
	return largest;
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
rabitq_scale(const RabitqCodec *codec, double norm2)
{
	float		largest;

	if (norm2 == 0.0)
		return 0.0f;
	if (codec->bits == 4)
		return codec->step / (float) sqrt(norm2);
	largest = rabitq_largest(codec);
	return largest > 0.0f ? 128.0f / largest : 0.0f;
}

/* Stores the integer of dimension i of `coded` in the code's layout; to be called in order of i. */
static inline void
rabitq_store(const RabitqCodec *codec, uint8_t *code, size_t i, int32_t u)
{
	size_t		group = i / 128 * 128;
	size_t		half = codec->coded - group >= 128 ? 64 : (codec->coded - group) / 2;

	if (codec->bits == 8)
		code[i] = (uint8_t) u;
	else if (i - group < half)
		code[group / 2 + i - group] = (uint8_t) u;	/* first visit of the byte */
	else
		code[group / 2 + i - group - half] |= (uint8_t) (u << 4);
}

static void
rabitq_encode(RveCodec *base, const RveVectorView *v, uint8_t *code, RveCodeFactors *factors,
			  uint8_t *residual)
{
	RabitqCodec *codec = (RabitqCodec *) base;
	RabitqCentred centred = rabitq_centre(codec, v->x);
	const float *r = codec->scratch;
	int32_t		half = 1 << (codec->bits - 1);
	float		t = rabitq_scale(codec, centred.scratch_norm2);
	double		ip = 0.0;
	double		shrink = 0.0;	/* n2 / <r,x> */
	int32_t		sum = 0;

	for (size_t i = 0; i < codec->coded; i++)
	{
		float		cut = t * fabsf(r[i]) + 1e-5f;
		int32_t		e = cut < (float) (half - 1) ? (int32_t) cut : half - 1;
		int32_t		u = r[i] >= 0.0f ? half + e : half - 1 - e;

		rabitq_store(codec, code, i, u);
		ip += (double) fabsf(r[i]) * ((double) e + 0.5);
		sum += u;
	}
	if (ip > 0.0)
		shrink = ldexp(centred.scratch_norm2 / ip, centred.exponent);

	if (base->metric == RVE_METRIC_IP)
	{
		factors->add = quant_to_float(-centred.dot_mean);
		factors->resc = quant_to_float(-shrink);
	}
	else
	{
		factors->add = quant_to_float(centred.norm2);
		factors->resc = quant_to_float(-2.0 * shrink);
	}
	factors->sum = sum;
	if (residual != NULL)
		rvi_quant_residual_encode(codec, &centred, t, code, residual);
}

/* Rounds codec->scratch to 8 bits; returns sum(q8) and sets *scale in units of scratch. */
static int32_t
rabitq_query_round(const RabitqCodec *codec, int8_t *q8, double *scale)
{
	const float *r = codec->scratch;
	float		largest = rabitq_largest(codec);
	float		inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
	int32_t		sum = 0;

	*scale = (double) largest / 127.0;
	for (size_t i = 0; i < codec->coded; i++)
	{
		long		rounded = lrintf(r[i] * inverse);

		q8[i] = (int8_t) (rounded > 127 ? 127 : rounded < -127 ? -127 : rounded);
		sum += q8[i];
	}
	return sum;
}

static float
rabitq_distance(const RveCodec *base, const RveCodecQuery *base_query,
				const uint8_t *code, const RveCodeFactors *factors)
{
	const RabitqQuery *query = (const RabitqQuery *) base_query;
	int32_t		twice = 2 * query->dot(code, query->q8, query->coded) - query->constant;

	return quant_finite((factors->add + query->g) +
						factors->resc * (query->half_scale * (float) twice));
}

static RveStatus
rabitq_prepare(RveCodec *base, const RveVectorView *q, RveCodecQuery **base_query)
{
	RabitqCodec *codec = (RabitqCodec *) base;
	const RveDistTable *kernels = rve_dist_get();
	size_t		coded = codec->coded;
	RabitqCentred centred;
	RabitqQuery *query;
	RveStatus	status;
	double		scale;

	status = rvi_quant_query_reserve(base, sizeof(RabitqQuery) + coded * (sizeof(float) + 1),
									 base_query);
	if (status != RVE_OK)
		return status;
	query = (RabitqQuery *) *base_query;
	query->base.distance = rabitq_distance;
	query->dot = codec->bits == 4 ? kernels->dot_u4s8 : kernels->dot_u8s8;
	query->refine = codec->bits == 4 ? kernels->refine_u4 : kernels->refine_u8;
	query->bits = (size_t) codec->bits;
	query->coded = coded;
	query->q = (float *) (query + 1);
	query->q8 = (int8_t *) (query->q + coded);

	centred = rabitq_centre(codec, q->x);
	query->constant = codec->levels * rabitq_query_round(codec, query->q8, &scale);
	query->half_scale = quant_to_float(ldexp(scale, centred.exponent - 1));
	query->exact_g = centred.norm2;
	if (base->metric == RVE_METRIC_IP)
		query->exact_g = -(centred.dot_mean + codec->mean_norm2);
	query->g = quant_to_float(query->exact_g);

	memcpy(query->q, codec->scratch, coded * sizeof(float));
	query->unit = ldexp(1.0, centred.exponent);
	query->norm = sqrt(centred.norm2);
	query->sum = 0.0;
	for (size_t i = 0; i < coded; i++)
		query->sum += query->q[i];
	return RVE_OK;
}

/*
 * <r_a, r_b> is estimated by shrink_a * shrink_b * <x_a, x_b>, shrink = n2 / <r,x>.
 * Where only a share of the rotated coordinates is coded, each shrink makes
 * good for the missing ones, but they are missing from <x_a, x_b> only once.
 */
static float
rabitq_symmetric(const RveCodec *base,
				 const uint8_t *code_a, const RveCodeFactors *factors_a,
				 const uint8_t *code_b, const RveCodeFactors *factors_b)
{
	const RabitqCodec *codec = (const RabitqCodec *) base;
	const RveDistTable *kernels = rve_dist_get();
	int64_t		dot;
	int64_t		xx4;			/* 4 <x_a, x_b> */
	double		product;

	if (codec->bits == 4)
		dot = kernels->dot_u4u4(code_a, code_b, codec->coded);
	else
		dot = kernels->dot_u8u8(code_a, code_b, codec->coded);
	xx4 = 4 * dot - 2 * (int64_t) codec->levels * ((int64_t) factors_a->sum + factors_b->sum) +
		codec->xx_constant;
	/* the product of two floats is exact in double: a and b may change places */
	product = (double) factors_a->resc * (double) factors_b->resc *
		(codec->xx_scale * (double) xx4);
	return quant_to_float((double) factors_a->add + (double) factors_b->add -
						  codec->sym_constant - product);
}

const QuantOps rvi_quant_rabitq_ops = {
	.elements = RVE_DENSE,
	.params_valid = rabitq_params_valid,
	.code_bytes = rabitq_code_bytes,
	.residual_bytes = rabitq_residual_bytes,
	.create = rabitq_create,
	.encode = rabitq_encode,
	.prepare = rabitq_prepare,
	.symmetric = rabitq_symmetric,
	.refine = rvi_quant_residual_refine,
	.complete = rvi_quant_never_complete,
};
