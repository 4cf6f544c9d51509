/*-------------------------------------------------------------------------
 *
 * ivf_code.c
 *	  One-bit codes: encoding, query tables, bounds of 32 distances.
 *
 * Plain C; only the sums of table entries come from a kernel of the
 * processor's own. A code depends on the codec, the vector and the centroid
 * alone.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/ivf/ivf_core_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define IVF_TABLE_LEVELS 255.0	/* largest table entry */
#define IVF_SLACK_SIGMAS 3.0	/* of the tables' rounding errors, added to the bound */

#define IVF_PAD 64				/* coordinates; the kernels step by that many */
#define IVF_ROUNDING 4e-6f		/* relative error of the sums that distances are made of */

_Static_assert(RVE_IVF_MAX_CODED % IVF_PAD == 0 && IVF_PAD % RVE_DIST_PAD == 0, "padding");

struct RveIvfCodec
{
	int			dim;
	RveMetric	metric;
	size_t		padded;			/* of the rotated vector */
	int			coded;			/* coordinates that get a bit */
	RveRotation *rotation;
	float	   *scratch;		/* padded */
};

struct RveIvfQuery
{
	int			coded;
	float		delta;			/* <x,q'> = delta * sum + bias, +- slack */
	float		bias;
	float		slack;
	IvfBlockSums sums;
	uint8_t    *table;			/* 16 a group */
};

static size_t
ivf_padded_dim(int dim)
{
	return ((size_t) dim + IVF_PAD - 1) / IVF_PAD * IVF_PAD;
}

int
rve_ivf_coded_dim(int dim)
{
	size_t		padded = ivf_padded_dim(dim);

	return padded < RVE_IVF_MAX_CODED ? (int) padded : RVE_IVF_MAX_CODED;
}

size_t
rve_ivf_code_bytes(int dim)
{
	return (size_t) rve_ivf_coded_dim(dim) / 8;
}

size_t
rve_ivf_block_bytes(int dim)
{
	return rve_ivf_code_bytes(dim) * RVE_IVF_BLOCK;
}

RveStatus
rve_ivf_codec_create(int dim, RveMetric metric, uint64_t seed, RveIvfCodec **codec)
{
	size_t		padded;
	RveIvfCodec *c;
	RveStatus	status;

	*codec = NULL;
	if (dim < 1 || dim > RVE_IVF_MAX_DIM ||
		(metric != RVE_METRIC_L2 && metric != RVE_METRIC_IP && metric != RVE_METRIC_COSINE &&
		 metric != RVE_METRIC_HAMMING))
		return RVE_INVALID_ARGUMENT;
	padded = ivf_padded_dim(dim);
	c = rve_base_alloc0(sizeof(RveIvfCodec) + padded * sizeof(float));
	if (c == NULL)
		return RVE_NO_MEMORY;
	status = rve_quant_rotation_create(padded, seed, &c->rotation);
	if (status != RVE_OK)
	{
		rve_base_free(c);
		return status;
	}
	c->dim = dim;
	c->metric = metric;
	c->padded = padded;
	c->coded = rve_ivf_coded_dim(dim);
	c->scratch = (float *) (c + 1);
	*codec = c;
	return RVE_OK;
}

void
rve_ivf_codec_free(RveIvfCodec *codec)
{
	if (codec == NULL)
		return;
	rve_quant_rotation_free(codec->rotation);
	rve_base_free(codec);
}

size_t
rve_ivf_rotated_dim(const RveIvfCodec *codec)
{
	return codec->padded;
}

void
rve_ivf_rotate_centroid(const RveIvfCodec *codec, const float *centroid, const float *origin,
						float *rotated)
{
	for (int i = 0; i < codec->dim; i++)
		rotated[i] = centroid[i] - (origin != NULL ? origin[i] : 0.0f);
	memset(rotated + codec->dim, 0, (codec->padded - (size_t) codec->dim) * sizeof(float));
	rve_quant_rotate(codec->rotation, rotated);
}

/* ---- encoding ---- */

/* Signs of the coded coordinates; returns <r,x> and *centre = <x,c'>. */
static double
ivf_encode_signs(const RveIvfCodec *codec, const float *rotated, uint8_t *code, double *centre)
{
	const float *r = codec->scratch;
	double		ip = 0.0;
	double		at_centre = 0.0;

	for (int i = 0; i < codec->coded; i += 8)
	{
		unsigned	byte = 0;
		float		ip_part = 0.0f;
		float		centre_part = 0.0f;

		for (int b = 0; b < 8; b++)
		{
			unsigned	positive = r[i + b] > 0.0f;

			byte |= positive << b;
			ip_part += fabsf(r[i + b]);
			centre_part += positive ? rotated[i + b] : -rotated[i + b];
		}
		code[i / 8] = (uint8_t) byte;
		ip += ip_part;
		at_centre += centre_part;
	}
	*centre = 0.5 * at_centre;
	return 0.5 * ip;
}

/* For numbers too large to estimate with: a bound that never excludes the vector. */
static void
ivf_encode_unbounded(RveIvfFactors *factors)
{
	factors->add = 0.0f;
	factors->resc = 0.0f;
	factors->err = FLT_MAX;
}

void
rve_ivf_encode(RveIvfCodec *codec, const float *v, const float *centroid, const float *rotated,
			   uint8_t *code, RveIvfFactors *factors)
{
	float	   *r = codec->scratch;
	double		n2 = 0.0;
	double		dot_centroid = 0.0;
	double		ip;
	double		centre;
	double		shrink;
	double		spread;
	double		err;

	for (int i = 0; i < codec->dim; i++)
	{
		r[i] = v[i] - centroid[i];
		n2 += (double) r[i] * r[i];
		dot_centroid += (double) r[i] * centroid[i];
	}
	memset(r + codec->dim, 0, (codec->padded - (size_t) codec->dim) * sizeof(float));
	rve_quant_rotate(codec->rotation, r);
	ip = ivf_encode_signs(codec, rotated, code, &centre);
	shrink = ip > 0.0 ? n2 / ip : 0.0;
	spread = ip > 0.0 ? n2 * 0.25 * codec->coded / (ip * ip) - 1.0 : 0.0;
	err = RVE_IVF_EPS0 * sqrt(n2) * sqrt(spread > 0.0 ? spread / ((double) codec->padded - 1.0) : 0.0);
	if (codec->metric == RVE_METRIC_IP)
	{
		factors->add = (float) (shrink * centre - dot_centroid);
		factors->resc = (float) -shrink;
		factors->err = (float) err;
	}
	else
	{
		factors->add = (float) (n2 + 2.0 * shrink * centre);
		factors->resc = (float) (-2.0 * shrink);
		factors->err = (float) (2.0 * err);
	}
	if (!isfinite(factors->add) || !isfinite(factors->resc) || !isfinite(factors->err))
		ivf_encode_unbounded(factors);
}

/* ---- blocks ---- */

static inline void
ivf_block_set(uint8_t *block, int group, int i, uint8_t four)
{
	uint8_t    *at = block + group * 16 + i % 16;

	if (i < 16)
		*at = (uint8_t) ((*at & 0xF0) | four);
	else
		*at = (uint8_t) ((*at & 0x0F) | (four << 4));
}

void
rve_ivf_block_put(uint8_t *block, int coded_dim, int i, const uint8_t *code)
{
	for (int k = 0; k < coded_dim / 8; k++)
	{
		ivf_block_set(block, 2 * k, i, code[k] & 0x0F);
		ivf_block_set(block, 2 * k + 1, i, code[k] >> 4);
	}
}

static inline uint8_t
ivf_block_four(const uint8_t *block, int group, int i)
{
	uint8_t		both = block[group * 16 + i % 16];

	return i < 16 ? both & 0x0F : both >> 4;
}

void
rve_ivf_block_get(const uint8_t *block, int coded_dim, int i, uint8_t *code)
{
	for (int k = 0; k < coded_dim / 8; k++)
		code[k] = (uint8_t) (ivf_block_four(block, 2 * k, i) |
							 (ivf_block_four(block, 2 * k + 1, i) << 4));
}

/* ---- queries ---- */

/* The 16 entries of one group, and its part of the bias. */
static double
ivf_query_group(const float *q, double inverse_delta, uint8_t *table)
{
	double		least = 0.0;

	for (int b = 0; b < 4; b++)
		least += q[b] < 0.0f ? q[b] : 0.0f;
	for (int value = 0; value < 16; value++)
	{
		double		sum = 0.0;

		for (int b = 0; b < 4; b++)
			sum += (value >> b) & 1 ? q[b] : 0.0f;
		table[value] = (uint8_t) ((sum - least) * inverse_delta + 0.5);
	}
	return least;
}

RveStatus
rve_ivf_query_prepare(RveIvfCodec *codec, const float *q, const float *origin, RveIvfQuery **query)
{
	RveIvfQuery *out = *query;
	float	   *rotated = codec->scratch;
	int			groups = codec->coded / 4;
	double		range = 0.0;
	double		bias = 0.0;
	double		inverse;

	if (out != NULL && out->coded != codec->coded)
		return RVE_INVALID_ARGUMENT;
	if (out == NULL)
	{
		out = rve_base_alloc(sizeof(RveIvfQuery) + (size_t) groups * 16);
		if (out == NULL)
			return RVE_NO_MEMORY;
		out->coded = codec->coded;
		out->table = (uint8_t *) (out + 1);
		*query = out;
	}
	rve_ivf_rotate_centroid(codec, q, origin, rotated);
	for (int g = 0; g < groups; g++)
	{
		double		sum = 0.0;

		for (int b = 0; b < 4; b++)
			sum += fabs((double) rotated[4 * g + b]);
		range = sum > range ? sum : range;
	}
	if (!isfinite(range))
		range = 0.0;			/* no estimate; the bound below says so */
	inverse = range > 0.0 ? IVF_TABLE_LEVELS / range : 0.0;
	if (inverse > 0.0 && isfinite(inverse))
	{
		for (int g = 0; g < groups; g++)
		{
			bias += ivf_query_group(rotated + 4 * g, inverse, out->table + 16 * g);
			for (int b = 0; b < 4; b++)
				bias -= 0.5 * rotated[4 * g + b];
		}
	}
	else
		memset(out->table, 0, (size_t) groups * 16);
	out->delta = (float) (range / IVF_TABLE_LEVELS);
	out->bias = (float) bias;
	out->slack = (float) (IVF_SLACK_SIGMAS * range / IVF_TABLE_LEVELS * sqrt(groups / 12.0));
	out->sums = rvi_ivf_sums_get();
	return RVE_OK;
}

void
rve_ivf_query_free(RveIvfQuery *query)
{
	rve_base_free(query);
}

void
rve_ivf_scan_block(const RveIvfQuery *query, const uint8_t *block,
				   const RveIvfBlockFactors *factors, float base, float reach,
				   float *lower, float *upper)
{
	uint32_t	sums[RVE_IVF_BLOCK];
	float		delta = query->delta;
	float		bias = query->bias;
	float		slack = query->slack;

	query->sums(block, query->table, query->coded / 4, sums);
	for (int i = 0; i < RVE_IVF_BLOCK; i++)
	{
		float		dot = delta * (float) (int32_t) sums[i] + bias;
		float		known = factors->add[i] + base;
		float		est = known + factors->resc[i] * dot;
		float		width = factors->err[i] * reach;
		float		rounding = fabsf(factors->resc[i]) * slack +
			IVF_ROUNDING * (fabsf(factors->add[i]) + fabsf(base));
		float		low = est - (float) RVE_IVF_MARGIN * width - rounding;

		lower[i] = low > -FLT_MAX ? low : -FLT_MAX; /* also when it is not a number */
		upper[i] = est + width + rounding;
	}
}
