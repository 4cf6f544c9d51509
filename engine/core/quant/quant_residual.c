/*-------------------------------------------------------------------------
 *
 * quant_residual.c
 *	  Residuals: a signed byte a dimension that refines a RaBitQ code, and a
 *	  bound of what is left.
 *
 * With s = delta * (x + scale * e) for r, <r, q'> = <s, q'> + <r - s, q'>, and
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
#include <string.h>

/* Dimensions a kernel sums in float32 before the sum goes on in double; multiple of 128. */
#define RESIDUAL_CHUNK 1024

#define FLOAT_ROUNDING 0x1.0p-24	/* relative error of one operation */
#define DOUBLE_SUM 4e-12		/* relative error of a sum of 16,000 terms in double, twice over */

/* u of coded dimension i. */
static inline int32_t
residual_code_value(const RabitqCodec *codec, const uint8_t *code, size_t i)
{
	size_t		group = i / 128 * 128;
	size_t		half = codec->coded - group >= 128 ? 64 : (codec->coded - group) / 2;

	if (codec->bits == 8)
		return code[i];
	if (i - group < half)
		return code[group / 2 + i - group] & 0x0F;
	return code[group / 2 + i - group - half] >> 4;
}

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

/*
 * Chooses e for the steps in header, in units of scratch, and returns err in
 * them: everything is computed from the values as they are stored.
 */
static double
residual_fill(const RabitqCodec *codec, double delta, double scale, const uint8_t *code, int8_t *e)
{
	const float *r = codec->scratch;
	double		centre = codec->levels / 2.0;
	size_t		chunk = codec->coded < RESIDUAL_CHUNK ? codec->coded : RESIDUAL_CHUNK;
	double		kernel = 1.01 * FLOAT_ROUNDING * ((double) chunk / 8.0 + 16.0);
	double		rho = rvi_quant_rotation_error(&codec->rotation);
	double		rest = residual_dropped(codec);
	double		norm = rest;
	double		xx = 0.0;
	double		ee = 0.0;
	double		step = delta * scale;

	for (size_t i = 0; i < codec->coded; i++)
	{
		double		x = residual_code_value(codec, code, i) - centre;
		double		left = r[i] - delta * x;
		double		steps = step > 0.0 ? left / step : 0.0;

		steps = steps > 127.0 ? 127.0 : steps < -127.0 ? -127.0 : steps;
		e[i] = (int8_t) lrint(steps);
		left -= step * e[i];
		rest += left * left;
		norm += (double) r[i] * r[i];
		xx += (fabs(x) + 0.5) * (fabs(x) + 0.5);
		ee += (double) e[i] * e[i];
	}
	rest = sqrt(rest);
	return rest * (1.0 + DOUBLE_SUM) + 1.01 * rho * (3.0 * sqrt(norm) + rest) +
		kernel * (delta * sqrt(xx) + step * sqrt(ee));
}

/*
 * delta, 1/t, is the step of the code; scale lets e reach the coordinate that
 * is farthest from its code (4-bit codes clip, so that can be several steps).
 */
void
rvi_quant_residual_encode(const RabitqCodec *codec, const RabitqCentred *centred, float t,
						  const uint8_t *code, uint8_t *residual)
{
	const float *r = codec->scratch;
	QuantResidualHeader header = {0.0f, 0.0f, 0.0f};
	int			exponent = centred->exponent;
	double		largest = 0.0;
	double		delta;
	double		err;

	if (t > 0.0f)
		header.delta = quant_to_float(ldexp(1.0 / (double) t, exponent));
	delta = ldexp((double) header.delta, -exponent);
	for (size_t i = 0; i < codec->coded && delta > 0.0; i++)
	{
		double		x = residual_code_value(codec, code, i) - codec->levels / 2.0;
		double		left = fabs((double) r[i] / delta - x);

		largest = left > largest ? left : largest;
	}
	header.scale = quant_to_float(largest / 127.0);
	err = residual_fill(codec, delta, (double) header.scale, code,
						(int8_t *) residual + sizeof(header));
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

		query->refine(code + i * query->bits / 8, e + i, query->q + i, n, &aq, &eq);
		code_sum += (double) aq;
		rest_sum += (double) eq;
	}
	return (code_sum + (double) header->scale * rest_sum) * (double) header->delta * query->unit;
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
		/* what a sum in double can have lost in <r, c> and <q, c>, |r| <= length */
		double		length = (double) header.delta * sqrt((double) codec->coded) *
			(128.0 + 128.0 * (double) header.scale) + (double) header.err;

		value = known - dot;
		bound += DOUBLE_SUM * sqrt(codec->mean_norm2) *
			(length + query->norm + sqrt(codec->mean_norm2));
	}
	else
	{
		value = known - 2.0 * dot;
		bound = 2.0 * bound;
	}
	bound += 1.001 * FLOAT_ROUNDING * fabs((double) factors->add) + (double) FLT_TRUE_MIN +
		DOUBLE_SUM * (fabs(query->exact_g) + fabs(dot));
	if (!(fabs(value) <= DBL_MAX) || !(bound <= DBL_MAX) || !(header.err < FLT_MAX))
	{
		*error = DBL_MAX;
		return rvi_quant_refine_unknown(base, base_query, code, factors, residual, error);
	}
	*error = bound;
	return value;
}
