/*-------------------------------------------------------------------------
 *
 * quant_rabitq.h
 *	  RaBitQ's codec and query, for the two files that work on them:
 *	  quant_rabitq.c (codes) and quant_residual.c (what refines them).
 *
 *-------------------------------------------------------------------------
 */
#ifndef QUANT_RABITQ_H
#define QUANT_RABITQ_H

#include "engine/core/quant/quant_int.h"

typedef struct RabitqCodec
{
	RveCodec	base;
	int			bits;
	int32_t		levels;			/* 2^bits - 1 = -2 c_B */
	size_t		rotated;		/* dimensions of the rotation */
	size_t		coded;			/* how many of them, the first ones, have a code */
	float		step;			/* t_B; 4 bits only */
	double		xx_scale;		/* of 4 <x_a, x_b> in symmetric distances */
	double		sym_constant;
	int64_t		xx_constant;	/* levels^2 * coded */
	double		mean_norm2;		/* |c|^2 */
	QuantRotation rotation;
	float	   *mean;			/* dim */
	float	   *scratch;		/* rotated */
	uint8_t    *integers;		/* coded: u of every coordinate, before it is packed */
} RabitqCodec;

typedef struct RabitqQuery
{
	RveCodecQuery base;
	int32_t		(*dot) (const uint8_t *a, const int8_t *b, size_t n);
	size_t		bits;
	size_t		coded;
	int8_t	   *q8;				/* coded; q' is about 2 * half_scale * q8 */
	float		half_scale;
	float		g;
	int32_t		constant;		/* levels * sum(q8) */

	/* for refining */
	const RveDistTable *kernels;
	float	   *q;				/* coded; q' is unit * q */
	double		unit;			/* a power of two */
	double		sum;			/* of q */
	double		exact_g;
	double		norm;			/* |q'| */
} RabitqQuery;

/* A centred and rotated vector in codec->scratch: the true r is scratch * 2^exponent. */
typedef struct RabitqCentred
{
	int			exponent;
	double		scratch_norm2;	/* of scratch */
	double		norm2;			/* |v - c|^2, before it was rotated */
	double		dot_mean;		/* <v - c, c>: the part of an inner product that needs no estimate */
} RabitqCentred;

/* A coordinate that is not clipped is at most half a step off its code. */
#define QUANT_RESIDUAL_STEP (0.5 / 127.0)

/* The head of a residual; one signed byte a coded dimension follows. */
typedef struct QuantResidualHeader
{
	float		delta;			/* r is about delta * (x + e * QUANT_RESIDUAL_STEP) */
	float		ends;			/* 4 bits: such steps are wider by this where u is 0 or 15 */
	float		err;			/* bound of the rest's length; FLT_MAX: nothing is known */
} QuantResidualHeader;

/* The largest magnitude among the coded coordinates of codec->scratch. */
extern float rvi_quant_largest(const RabitqCodec *codec);

/* Writes the residual of codec->scratch, which was cut to codec->integers with factor t. */
extern void rvi_quant_residual_encode(const RabitqCodec *codec, const RabitqCentred *centred,
									  float t, uint8_t *residual);

/*
 * Sums over whole vectors are kept in this many parts: the compiler may not
 * reassociate them (QUANT-1), and one part would wait for every addition.
 * Divides every coded and rotated length.
 */
#define RABITQ_LANES 8

static inline double
rabitq_lanes_sum(const double *lanes)
{
	return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
		((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* rve_quant_refine */
extern double rvi_quant_residual_refine(const RveCodec *codec, const RveCodecQuery *query,
										const uint8_t *code, const RveCodeFactors *factors,
										const uint8_t *residual, double *error);

#endif							/* QUANT_RABITQ_H */
