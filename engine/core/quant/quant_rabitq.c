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

/*
 * Scaled vectors are about 1 long; when all coded coordinates are below this,
 * the others hold everything.
 */
#define RABITQ_NOTHING 0x1.0p-100f
#define RABITQ_CENTRED_MAX 2048	/* longer codes take the plain way */

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
						sizeof(float) + rotated);
	if (c == NULL)
		return RVE_NO_MEMORY;
	floats = (float *) (c + 1);
	c->scratch = floats;
	c->mean = floats + (QUANT_ROTATION_ROUNDS + 1) * rotated;
	c->integers = (uint8_t *) (c->mean + params->dim);
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

/* |v - c|^2, <v - c, c>; returns the largest |v_i - c_i|. */
static double
rabitq_measure(const RabitqCodec *codec, const float *v, RabitqCentred *centred)
{
	int			dim = codec->base.dim;
	double		norm[RABITQ_LANES] = {0.0};
	double		dot[RABITQ_LANES] = {0.0};
	double		most[RABITQ_LANES] = {0.0};
	double		largest = 0.0;

	for (int i = 0; i < dim; i += RABITQ_LANES)
	{
		int			n = dim - i < RABITQ_LANES ? dim - i : RABITQ_LANES;

		for (int k = 0; k < n; k++)
		{
			double		x = (double) v[i + k] - codec->mean[i + k];

			norm[k] += x * x;
			dot[k] += x * codec->mean[i + k];
			most[k] = fabs(x) > most[k] ? fabs(x) : most[k];
		}
	}
	for (int k = 0; k < RABITQ_LANES; k++)
		largest = most[k] > largest ? most[k] : largest;
	centred->norm2 = rabitq_lanes_sum(norm);
	centred->dot_mean = rabitq_lanes_sum(dot);
	return largest;
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
	double		largest = rabitq_measure(codec, v, &centred);
	double		norm[RABITQ_LANES] = {0.0};

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

	for (size_t i = 0; i < codec->rotated; i += RABITQ_LANES)
	{
		for (size_t k = 0; k < RABITQ_LANES; k++)
			norm[k] += (double) r[i + k] * r[i + k];
	}
	centred.scratch_norm2 = rabitq_lanes_sum(norm);
	return centred;
}

float
rvi_quant_largest(const RabitqCodec *codec)
{
	float		most[RABITQ_LANES] = {0.0f};
	float		largest = 0.0f;

	for (size_t i = 0; i < codec->coded; i += RABITQ_LANES)
	{
		for (size_t k = 0; k < RABITQ_LANES; k++)
		{
			float		x = fabsf(codec->scratch[i + k]);

			most[k] = x > most[k] ? x : most[k];
		}
	}
	for (int k = 0; k < RABITQ_LANES; k++)
		largest = most[k] > largest ? most[k] : largest;
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
	largest = rvi_quant_largest(codec);
	return largest > RABITQ_NOTHING ? 128.0f / largest : 0.0f;
}

/* Cuts codec->scratch to integers; returns their sum and sets *ip = <r, x>. */
static int32_t
rabitq_cut(RabitqCodec *codec, float t, double *ip)
{
	const float *r = codec->scratch;
	int32_t		half = 1 << (codec->bits - 1);
	float		limit = (float) (half - 1);
	double		centre = codec->levels / 2.0;
	double		products[RABITQ_LANES] = {0.0};
	int32_t		sum = 0;

	for (size_t i = 0; i < codec->coded; i++)
	{
		float		cut = t * fabsf(r[i]) + 1e-5f;
		int32_t		e = (int32_t) (cut < limit ? cut : limit);
		int32_t		u = r[i] >= 0.0f ? half + e : half - 1 - e;

		codec->integers[i] = (uint8_t) u;
		sum += u;
	}
	for (size_t i = 0; i < codec->coded; i += RABITQ_LANES)
	{
		for (size_t k = 0; k < RABITQ_LANES; k++)
			products[k] += (double) r[i + k] * ((double) codec->integers[i + k] - centre);
	}
	*ip = rabitq_lanes_sum(products);
	return sum;
}

/* codec->integers in the code's layout. */
static void
rabitq_pack(const RabitqCodec *codec, uint8_t *code)
{
	const uint8_t *u = codec->integers;
	size_t		half;

	if (codec->bits == 8)
	{
		memcpy(code, u, codec->coded);
		return;
	}
	for (size_t rest = codec->coded; rest > 0; rest -= 2 * half)
	{
		half = rest >= 128 ? 64 : rest / 2;
		for (size_t j = 0; j < half; j++)
			code[j] = (uint8_t) (u[j] | u[j + half] << 4);
		code += half;
		u += 2 * half;
	}
}

static void
rabitq_encode(RveCodec *base, const RveVectorView *v, uint8_t *code, RveCodeFactors *factors,
			  uint8_t *residual)
{
	RabitqCodec *codec = (RabitqCodec *) base;
	RabitqCentred centred = rabitq_centre(codec, v->x);
	float		t = rabitq_scale(codec, centred.scratch_norm2);
	double		ip;
	double		shrink = 0.0;	/* n2 / <r,x> */

	factors->sum = rabitq_cut(codec, t, &ip);
	rabitq_pack(codec, code);
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
	if (residual != NULL)
		rvi_quant_residual_encode(codec, &centred, t, residual);
}

/* Rounds codec->scratch to 8 bits; returns sum(q8) and sets *scale in units of scratch. */
static int32_t
rabitq_query_round(const RabitqCodec *codec, int8_t *q8, double *scale)
{
	const float *r = codec->scratch;
	float		largest = rvi_quant_largest(codec);
	float		inverse = largest > RABITQ_NOTHING ? 127.0f / largest : 0.0f;
	int32_t		sum = 0;

	*scale = (double) largest / 127.0;
	for (size_t i = 0; i < codec->coded; i++)
	{
		/* within 127 and a rounding error: to the nearest, in steps a compiler vectorises */
		int32_t		rounded = (int32_t) (r[i] * inverse + 128.5f) - 128;

		q8[i] = (int8_t) rounded;
		sum += rounded;
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
	double		sums[RABITQ_LANES] = {0.0};
	double		scale;

	status = rvi_quant_query_reserve(base, sizeof(RabitqQuery) + coded * (sizeof(float) + 1),
									 base_query);
	if (status != RVE_OK)
		return status;
	query = (RabitqQuery *) *base_query;
	query->base.distance = rabitq_distance;
	query->dot = codec->bits == 4 ? kernels->dot_u4s8 : kernels->dot_u8s8;
	query->kernels = kernels;
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
	for (size_t i = 0; i < coded; i += RABITQ_LANES)
	{
		for (size_t k = 0; k < RABITQ_LANES; k++)
			sums[k] += query->q[i + k];
	}
	query->sum = rabitq_lanes_sum(sums);
	return RVE_OK;
}

/*
 * <r_a, r_b> is estimated by shrink_a * shrink_b * <x_a, x_b>, shrink = n2 / <r,x>.
 * Where only a share of the rotated coordinates is coded, each shrink makes
 * good for the missing ones, but they are missing from <x_a, x_b> only once.
 * The shares of the lengths that are coded vary with the rotation; for near
 * vectors they vary together, which makes <r_a, r_b> too large by 2 / coded of
 * itself on average.
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

/*
 * What a build does most. In float, but for the integers: a distance may
 * differ from rabitq_symmetric's in its last bits.
 */
static void
rabitq_symmetric_many(const RveCodec *base, const uint8_t *item, const void *const *others, int n,
					  float *out)
{
	const RabitqCodec *codec = (const RabitqCodec *) base;
	const RveDistTable *kernels = rve_dist_get();
	size_t		at = base->code_bytes;
	size_t		coded = codec->coded;
	const RveCodeFactors *own = (const RveCodeFactors *) (item + at);
	int64_t		sum_scale = 2 * (int64_t) codec->levels;
	int64_t		constant = codec->xx_constant - sum_scale * own->sum;
	float		known = own->add - (float) codec->sym_constant;
	float		scale = own->resc * (float) codec->xx_scale;
	bool		centre = codec->bits == 8 && n > 2 && coded <= RABITQ_CENTRED_MAX;
	int8_t		centred[RABITQ_CENTRED_MAX];

	/* u is 128 and a signed byte: the sums are known, and that kernel is the faster one */
	if (centre)
	{
		for (size_t i = 0; i < coded; i++)
			centred[i] = (int8_t) (item[i] ^ 0x80);
		sum_scale -= 4 * 128;
	}
	for (int i = 0; i < n; i++)
	{
		const uint8_t *other = others[i];
		const RveCodeFactors *factors = (const RveCodeFactors *) (other + at);
		int64_t		dot;

		if (centre)
			dot = kernels->dot_u8s8(other, centred, coded);
		else if (codec->bits == 4)
			dot = kernels->dot_u4u4(item, other, coded);
		else
			dot = kernels->dot_u8u8(item, other, coded);
		out[i] = known + factors->add -
			scale * factors->resc * (float) (4 * dot - sum_scale * factors->sum + constant);
		if (!(out[i] >= -FLT_MAX && out[i] <= FLT_MAX))
			out[i] = rabitq_symmetric(base, item, own, other, factors);
	}
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
	.symmetric_many = rabitq_symmetric_many,
	.refine = rvi_quant_residual_refine,
	.complete = rvi_quant_never_complete,
};
