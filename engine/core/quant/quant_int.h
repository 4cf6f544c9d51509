/*-------------------------------------------------------------------------
 *
 * quant_int.h
 *	  What the files of engine/core/quant share: the random rotation and the
 *	  quantisation step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef QUANT_INT_H
#define QUANT_INT_H

#include "engine/core/quant/rve_quant.h"

#define QUANT_MAX_DIM 16000
#define QUANT_ROTATION_ROUNDS 4

/*
 * A random orthogonal transform of `padded` dimensions, a multiple of
 * RVE_DIST_PAD. The caller owns signs.
 */
typedef struct QuantRotation
{
	size_t		padded;
	size_t		width;			/* of the Hadamard transform: largest power of two <= padded */
	float		scale;			/* 1 / sqrt(width) */
	float	   *signs;			/* QUANT_ROTATION_ROUNDS * padded values of +1 or -1 */
} QuantRotation;

/* Fills rotation; signs must have room for all rounds. */
extern void rvi_quant_rotation_init(QuantRotation *rotation, size_t padded, uint64_t seed,
									float *signs);

/* Rotates x (padded floats) in place. */
extern void rvi_quant_rotate(const QuantRotation *rotation, float *x);

/*
 * The factor t_B by which coordinates of a unit vector are multiplied before
 * they are cut to integers; depends on padded and bits only. scratch has room
 * for padded floats.
 */
extern float rvi_quant_step(size_t padded, int bits, float *scratch);

#endif							/* QUANT_INT_H */
