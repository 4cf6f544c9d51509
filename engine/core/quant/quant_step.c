/*-------------------------------------------------------------------------
 *
 * quant_step.c
 *	  The quantisation step of multi-bit RaBitQ.
 *
 * A unit vector r is cut to e_i = floor(t |r_i|). The best t maximises the
 * cosine between r and its code, <e + 1/2, |r|> / |e + 1/2|. Rotated vectors
 * look alike, so one t serves all of them: the mean of the best t over random
 * unit vectors (Gao and Long, SIGMOD 2025).
 *
 * Owns a memo of the steps found, one per length: they cost a millisecond or
 * more, and an index scan creates a codec.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

#include <math.h>

/* Samples: about 100 vectors, fewer of the long ones, which average within themselves. */
#define QUANT_STEP_SAMPLES 100
#define QUANT_STEP_MIN_SAMPLES 4
#define QUANT_STEP_COORDINATES 65536
#define QUANT_STEP_SEED UINT64_C(0x52614269745121)

#define QUANT_STEP_MEMO 64

/* Candidates: the magnitude at which codes saturate, in standard deviations of a coordinate. */
#define QUANT_STEP_MIN_CLIP 1.5
#define QUANT_STEP_MAX_CLIP 5.0
#define QUANT_STEP_CLIP_DELTA 0.125

/* Magnitudes of a random unit vector: normal deviates (Box and Muller, 1958), normalised. */
static void
quant_random_magnitudes(uint64_t *state, float *r, size_t n)
{
	double		sum = 0.0;
	float		inverse;

	for (size_t i = 0; i < n; i++)
	{
		double		radius = sqrt(-2.0 * log(rve_base_random_unit(state)));
		double		angle = 2.0 * 3.14159265358979323846 * rve_base_random_unit(state);

		r[i] = (float) fabs(radius * cos(angle));
		sum += (double) r[i] * r[i];
	}
	inverse = (float) (1.0 / sqrt(sum));
	for (size_t i = 0; i < n; i++)
		r[i] *= inverse;
}

static double
quant_step_cosine(const float *r, size_t n, float t, int32_t limit)
{
	double		dot = 0.0;
	double		norm = 0.0;

	for (size_t i = 0; i < n; i++)
	{
		int32_t		e = (int32_t) (t * r[i]);
		float		x = (float) (e < limit ? e : limit) + 0.5f;

		dot += (double) x * r[i];
		norm += (double) x * x;
	}
	return dot / sqrt(norm);
}

/* The mean of the best t over the samples. */
static float
quant_step_search(size_t padded, int bits, float *scratch)
{
	uint64_t	state = QUANT_STEP_SEED;
	int32_t		levels = 1 << (bits - 1);
	size_t		samples = QUANT_STEP_COORDINATES / padded;
	double		sum = 0.0;

	if (samples > QUANT_STEP_SAMPLES)
		samples = QUANT_STEP_SAMPLES;
	if (samples < QUANT_STEP_MIN_SAMPLES)
		samples = QUANT_STEP_MIN_SAMPLES;

	for (size_t s = 0; s < samples; s++)
	{
		double		best_cosine = -1.0;
		double		best_t = 0.0;

		quant_random_magnitudes(&state, scratch, padded);
		for (double clip = QUANT_STEP_MIN_CLIP; clip <= QUANT_STEP_MAX_CLIP;
			 clip += QUANT_STEP_CLIP_DELTA)
		{
			double		t = levels * sqrt((double) padded) / clip;
			double		cosine = quant_step_cosine(scratch, padded, (float) t, levels - 1);

			if (cosine > best_cosine)
			{
				best_cosine = cosine;
				best_t = t;
			}
		}
		sum += best_t;
	}
	return (float) (sum / (double) samples);
}

float
rvi_quant_step(size_t padded, int bits, float *scratch)
{
	static struct
	{
		size_t		padded;
		int			bits;
		float		step;
	}			memo[QUANT_STEP_MEMO];
	size_t		slot = padded / 16 % QUANT_STEP_MEMO;

	if (memo[slot].padded != padded || memo[slot].bits != bits)
	{
		memo[slot].step = quant_step_search(padded, bits, scratch);
		memo[slot].padded = padded;
		memo[slot].bits = bits;
	}
	return memo[slot].step;
}
