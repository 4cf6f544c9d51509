/*-------------------------------------------------------------------------
 *
 * quant_residual.c
 *	  Residuals: a signed byte a dimension that refines a RaBitQ code, and a
 *	  bound of what is left.
 *
 * e tells where in its step a coordinate lies. 4-bit codes clip: their least
 * and greatest integers stand for coordinates that can be several steps away,
 * so there the steps of e are as wide as the vector's farthest one needs.
 *
 * With s = delta * (x + e * width) for r, <r, q'> = <s, q'> + <r - s, q'>, and
 * the last term is at most |r - s| |q'| (Cauchy and Schwarz). err is |r - s|
 * as computed, plus what rounding can have done, all of which is a multiple of
 * |q'| as well:
 *	  - r and q' come out of a rotation in float32: each is off by at most rho
 *		times its length (rvi_quant_rotation_error), which makes <r, q'> wrong
 *		by (2 |r| + |s|) rho |q'|;
 *	  - the kernels' sums round in float32, at most chunk / 8 + 16 times a term
 *		(rve_dist.h). The terms are those of x + or - 1/2 and of e.
 * What remains is rounding of add and of sums in double.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_rabitq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Dimensions a kernel sums in float32 before the sum goes on in double; multiple of 128. */
#define RESIDUAL_CHUNK 1024

#define FLOAT_ROUNDING 0x1.0p-24	/* relative error of one operation */
#define DOUBLE_SUM 4e-12		/* relative error of a sum of 16,000 terms in double, twice over */

/* Length of what the rotated coordinates without a code hold, squared. */
static double
residual_dropped(const RabitqCodec *codec)
{
	double		sum = 0.0;

	for (size_t i = codec->coded; i < codec->rotated; i++)
		sum += (double) codec->scratch[i] * codec->scratch[i];
	return sum;
}

/* The least float not below value; FLT_MAX when that is infinite. */
static float
residual_round_up(double value)
{
	float		result;

	if (!(value < (double) FLT_MAX))
		return FLT_MAX;
	result = (float) value;
	return (double) result < value ? nextafterf(result, FLT_MAX) : result;
}

/* Whether u is where 4-bit codes clip. */
static inline bool
residual_at_end(const RabitqCodec *codec, uint8_t u)
{
	return codec->bits == 4 && (u == 0 || u == 15);
}

/*
 * How much wider than others the steps at the ends have to be. Only ever a
 * choice: what it leaves uncovered, err covers.
 */
static float
residual_ends(const RabitqCodec *codec, float t)
{
	float		left = codec->bits == 4 ? rvi_quant_largest(codec) * t - 7.5f : 0.0f;

	return left > 0.5f ? 2.0f * left : 1.0f;
}

/* Chooses e. */
static void
residual_fill(const RabitqCodec *codec, float t, float ends, int8_t *e)
{
	float		centre = (float) codec->levels / 2.0f;
	float		steps = (float) (1.0 / QUANT_RESIDUAL_STEP);
	float		end_steps = steps / ends;

	for (size_t i = 0; i < codec->coded; i++)
	{
		float		x = (float) codec->integers[i] - centre;
		float		left = codec->scratch[i] * t - x;

		left *= residual_at_end(codec, codec->integers[i]) ? end_steps : steps;
		left = left < 127.0f ? left : 127.0f;
		left = left > -127.0f ? left : -127.0f;
		/* to the nearest, in steps a compiler vectorises */
		e[i] = (int8_t) ((int32_t) (left + 128.5f) - 128);
	}
}

/*
 * err in units of scratch, which delta * (x + e * width) is to be near:
 * everything is computed from the values as they are stored.
 */
static double
residual_error(const RabitqCodec *codec, double delta, double ends, double norm2,
			   const int8_t *e)
{
	double		centre = codec->levels / 2.0;
	size_t		chunk = codec->coded < RESIDUAL_CHUNK ? codec->coded : RESIDUAL_CHUNK;
	double		kernel = 1.01 * FLOAT_ROUNDING * ((double) chunk / 8.0 + 16.0);
	double		rho = rvi_quant_rotation_error(&codec->rotation);
	double		inner = delta * QUANT_RESIDUAL_STEP;
	double		outer = inner * ends;
	double		rests[RABITQ_LANES] = {0.0};
	double		parts[RABITQ_LANES] = {0.0};
	double		rest;
	int32_t		xx4 = 0;		/* at most 256^2 * 16,000 */

	for (size_t i = 0; i < codec->coded; i += RABITQ_LANES)
	{
		for (size_t k = 0; k < RABITQ_LANES; k++)
		{
			uint8_t		u = codec->integers[i + k];
			double		part = (residual_at_end(codec, u) ? outer : inner) * e[i + k];
			double		left = codec->scratch[i + k] - delta * (u - centre) - part;

			rests[k] += left * left;
			parts[k] += part * part;
		}
	}
	for (size_t i = 0; i < codec->coded; i++)
	{
		/* twice x + or - 1/2, whichever is larger */
		int32_t		x2 = abs(2 * (int32_t) codec->integers[i] - codec->levels) + 1;

		xx4 += x2 * x2;
	}
	rest = sqrt(rabitq_lanes_sum(rests) + residual_dropped(codec));
	return rest * (1.0 + DOUBLE_SUM) + 1.01 * rho * (3.0 * sqrt(norm2) + rest) +
		kernel * (delta * sqrt((double) xx4 / 4.0) + sqrt(rabitq_lanes_sum(parts)));
}

void
rvi_quant_residual_encode(const RabitqCodec *codec, const RabitqCentred *centred, float t,
						  uint8_t *residual)
{
	int8_t	   *e = (int8_t *) residual + sizeof(QuantResidualHeader);
	QuantResidualHeader header = {0.0f, residual_ends(codec, t), 0.0f};
	int			exponent = centred->exponent;
	double		err;

	if (t > 0.0f)
		header.delta = quant_to_float(ldexp(1.0 / (double) t, exponent));
	residual_fill(codec, t, header.ends, e);
	err = residual_error(codec, ldexp((double) header.delta, -exponent), (double) header.ends,
						 centred->scratch_norm2, e);
	header.err = residual_round_up(ldexp(err, exponent));
	/* add is no n2, or no <r, c>, when that left a float's range */
	if (!(centred->norm2 < (double) FLT_MAX && fabs(centred->dot_mean) < (double) FLT_MAX))
		header.err = FLT_MAX;
	memcpy(residual, &header, sizeof(header));
}

/* <s, q'> */
static double
residual_dot(const RabitqQuery *query, const QuantResidualHeader *header, const uint8_t *code,
			 const int8_t *e)
{
	double		code_sum = 0.5 * query->sum;	/* the kernels' code is x - 1/2 */
	double		rest_sum = 0.0;

	for (size_t i = 0; i < query->coded; i += RESIDUAL_CHUNK)
	{
		size_t		n = query->coded - i < RESIDUAL_CHUNK ? query->coded - i : RESIDUAL_CHUNK;
		float		aq;
		float		eq;

		if (query->bits == 4)
			query->kernels->refine_u4(code + i / 2, e + i, query->q + i, n, header->ends, &aq, &eq);
		else
			query->kernels->refine_u8(code + i, e + i, query->q + i, n, &aq, &eq);
		code_sum += (double) aq;
		rest_sum += (double) eq;
	}
	return (code_sum + QUANT_RESIDUAL_STEP * rest_sum) * (double) header->delta * query->unit;
}

double
rvi_quant_residual_refine(const RveCodec *base, const RveCodecQuery *base_query,
						  const uint8_t *code, const RveCodeFactors *factors,
						  const uint8_t *residual, double *error)
{
	const RabitqCodec *codec = (const RabitqCodec *) base;
	const RabitqQuery *query = (const RabitqQuery *) base_query;
	QuantResidualHeader header;
	double		dot;
	double		known;
	double		value;
	double		bound;

	if (residual == NULL)
		return rvi_quant_refine_unknown(base, base_query, code, factors, residual, error);
	memcpy(&header, residual, sizeof(header));
	dot = residual_dot(query, &header, code, (const int8_t *) residual + sizeof(header));
	known = (double) factors->add + query->exact_g;
	bound = (double) header.err * query->norm * (1.0 + DOUBLE_SUM);
	if (base->metric == RVE_METRIC_IP)
	{
		/*
		 * |r| <= length. Sums in double can have lost something in <r, c> and
		 * <q, c>; those in float32 that others compute of the vectors
		 * themselves lose a share of |q| |o|, however small <q, o> is.
		 */
		double		length = (double) header.delta * sqrt((double) codec->coded) *
			(codec->levels / 2.0 + 1.0 + fabs((double) header.ends)) + (double) header.err;
		double		mean = sqrt(codec->mean_norm2);
		double		floats = 1.01 * FLOAT_ROUNDING * ((double) base->dim / 8.0 + 16.0);

		value = known - dot;
		bound += DOUBLE_SUM * mean * (length + query->norm + mean) +
			floats * (query->norm + mean) * (length + mean);
	}
	else
	{
		value = known - 2.0 * dot;
		bound = 2.0 * bound;
	}
	bound += 1.001 * FLOAT_ROUNDING * fabs((double) factors->add) + (double) FLT_TRUE_MIN +
		DOUBLE_SUM * (fabs(query->exact_g) + fabs(dot));
	if (!(fabs(value) <= DBL_MAX) || !(bound >= 0 && bound <= DBL_MAX) || !(header.err < FLT_MAX))
	{
		*error = DBL_MAX;
		return rvi_quant_refine_unknown(base, base_query, code, factors, residual, error);
	}
	*error = bound;
	return value;
}
