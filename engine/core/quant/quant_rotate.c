/*-------------------------------------------------------------------------
 *
 * quant_rotate.c
 *	  The random rotation: signed fast Hadamard transforms and Kac steps.
 *
 * Four rounds of: flip signs by a random bit string; Hadamard transform of
 * the first (even rounds) or last (odd rounds) `width` coordinates; when that
 * does not cover all of them, one Kac step mixes the two halves. Each part is
 * orthogonal, so lengths and inner products survive. O(D log D) time, 4 D
 * signs of state, all of it from the seed (vector-search.md section 5, after
 * the rotator of Gao and Long's RaBitQ library).
 *
 * Plain C without reassociation: the same seed gives the same bits anywhere.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/quant/quant_int.h"

#include <math.h>

void
rvi_quant_rotation_init(QuantRotation *rotation, size_t padded, uint64_t seed, float *signs)
{
	uint64_t	bits = 0;

	rotation->padded = padded;
	rotation->width = 1;
	while (rotation->width * 2 <= padded)
		rotation->width *= 2;
	rotation->scale = (float) (1.0 / sqrt((double) rotation->width));
	rotation->signs = signs;

	for (size_t i = 0; i < QUANT_ROTATION_ROUNDS * padded; i++)
	{
		if (i % 64 == 0)
			bits = rve_base_random_next(&seed);
		signs[i] = (bits & 1) != 0 ? -1.0f : 1.0f;
		bits >>= 1;
	}
}

/* One level of the transform over two runs of h coordinates. */
static inline void
quant_butterfly(float *restrict lo, float *restrict hi, size_t h)
{
	for (size_t j = 0; j < h; j++)
	{
		float		a = lo[j];
		float		b = hi[j];

		lo[j] = a + b;
		hi[j] = a - b;
	}
}

/* Two levels at once, over four runs of h coordinates: the same sums in half the passes. */
static inline void
quant_butterfly_twice(float *restrict x0, float *restrict x1, float *restrict x2,
					  float *restrict x3, size_t h)
{
	for (size_t j = 0; j < h; j++)
	{
		float		a = x0[j] + x1[j];
		float		b = x0[j] - x1[j];
		float		c = x2[j] + x3[j];
		float		d = x2[j] - x3[j];

		x0[j] = a + c;
		x1[j] = b + d;
		x2[j] = a - c;
		x3[j] = b - d;
	}
}

/* The three lowest levels of 8 neighbouring coordinates, kept in registers. */
static inline void
quant_hadamard8(float *x)
{
	float		a0 = x[0] + x[1],
				a1 = x[0] - x[1],
				a2 = x[2] + x[3],
				a3 = x[2] - x[3],
				a4 = x[4] + x[5],
				a5 = x[4] - x[5],
				a6 = x[6] + x[7],
				a7 = x[6] - x[7];
	float		b0 = a0 + a2,
				b1 = a1 + a3,
				b2 = a0 - a2,
				b3 = a1 - a3,
				b4 = a4 + a6,
				b5 = a5 + a7,
				b6 = a4 - a6,
				b7 = a5 - a7;

	x[0] = b0 + b4;
	x[1] = b1 + b5;
	x[2] = b2 + b6;
	x[3] = b3 + b7;
	x[4] = b0 - b4;
	x[5] = b1 - b5;
	x[6] = b2 - b6;
	x[7] = b3 - b7;
}

/* Unscaled Hadamard transform in place; n is a power of two and at least 8. */
static void
quant_hadamard(float *x, size_t n)
{
	size_t		h = 8;

	for (size_t i = 0; i < n; i += 8)
		quant_hadamard8(x + i);
	for (; 4 * h <= n; h *= 4)
	{
		for (size_t i = 0; i < n; i += 4 * h)
			quant_butterfly_twice(x + i, x + i + h, x + i + 2 * h, x + i + 3 * h, h);
	}
	if (h < n)
		quant_butterfly(x, x + h, h);
}

void
rvi_quant_rotate(const QuantRotation *rotation, float *x)
{
	const float half = 0.70710678118654752f;	/* 1 / sqrt(2) */
	size_t		n = rotation->padded;
	size_t		rest = n - rotation->width;

	for (int round = 0; round < QUANT_ROTATION_ROUNDS; round++)
	{
		const float *signs = rotation->signs + (size_t) round * n;
		float	   *part = round % 2 == 0 ? x : x + rest;

		for (size_t i = 0; i < n; i++)
			x[i] *= signs[i];
		quant_hadamard(part, rotation->width);
		for (size_t i = 0; i < rotation->width; i++)
			part[i] *= rotation->scale;
		if (rest > 0)
		{
			quant_butterfly(x, x + n / 2, n / 2);
			for (size_t i = 0; i < n; i++)
				x[i] *= half;
		}
	}
}

/*
 * Every level of sums and every multiplication rounds each coordinate once,
 * and scale is rounded itself: each adds one float32 rounding relative to the
 * length at most. Two more for centring and for coordinates that underflow.
 */
double
rvi_quant_rotation_error(const QuantRotation *rotation)
{
	int			levels = 0;

	while (((size_t) 1 << levels) < rotation->width)
		levels++;
	return 1.01 * 0x1.0p-24 * (QUANT_ROTATION_ROUNDS * (levels + 5) + 2);
}

/* ---- the rotation alone, for other libraries ---- */

struct RveRotation
{
	QuantRotation rotation;
};

RveStatus
rve_quant_rotation_create(size_t padded, uint64_t seed, RveRotation **rotation)
{
	RveRotation *out;

	*rotation = NULL;
	if (padded == 0 || padded % RVE_DIST_PAD != 0 || padded > ((size_t) 1 << 20))
		return RVE_INVALID_ARGUMENT;
	out = rve_base_alloc(sizeof(RveRotation) + QUANT_ROTATION_ROUNDS * padded * sizeof(float));
	if (out == NULL)
		return RVE_NO_MEMORY;
	rvi_quant_rotation_init(&out->rotation, padded, seed, (float *) (out + 1));
	*rotation = out;
	return RVE_OK;
}

void
rve_quant_rotation_free(RveRotation *rotation)
{
	rve_base_free(rotation);
}

void
rve_quant_rotate(const RveRotation *rotation, float *x)
{
	rvi_quant_rotate(&rotation->rotation, x);
}
