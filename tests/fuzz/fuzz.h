/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the drivers in tests/fuzz share: arguments, random numbers, blocks
 *	  of exactly their size.
 *
 * A driver is `fuzz_x [rounds [seed]]`: the same arguments do the same. It
 * ends with status 0, or says what went wrong and in which round; ASan and
 * UBSan say the rest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/base/rve_base.h"

static uint64_t fuzz_state;
static uint64_t fuzz_first_seed;
static long fuzz_round;

static inline uint64_t
fuzz_next(void)
{
	return rve_base_random_next(&fuzz_state);
}

/* 0 .. n - 1 */
static inline size_t
fuzz_below(size_t n)
{
	return (size_t) (fuzz_next() % n);
}

static inline void
__attribute__((format(printf, 2, 3)))
fuzz_require(bool held, const char *format, ...)
{
	va_list		args;

	if (held)
		return;
	va_start(args, format);
	fprintf(stderr, "round %ld of seed %llu: ", fuzz_round, (unsigned long long) fuzz_first_seed);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	abort();
}

/* n bytes at some offset behind the block's start and at its very end. */
static inline void *
fuzz_block(size_t n, size_t align, void **block)
{
	size_t		offset = fuzz_below(16) * align;

	*block = malloc(n + offset + (n + offset == 0));
	return (char *) *block + offset;
}

/* A float of any kind but NaN and infinity; wild: of any magnitude. */
static inline float
fuzz_float(bool wild)
{
	static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, FLT_MIN, FLT_TRUE_MIN, FLT_EPSILON,
	1e-20f, 65504.0f, 1e10f};
	float		value;
	uint32_t	bits;

	if (!wild)
		return (float) (rve_base_random_unit(&fuzz_state) * 2.0 - 1.0);
	if (fuzz_below(4) == 0)
		return special[fuzz_below(sizeof(special) / sizeof(special[0]))];
	bits = (uint32_t) fuzz_next();
	memcpy(&value, &bits, sizeof(value));
	return isfinite(value) ? value : 0.0f;
}

static inline int
fuzz_main(int argc, char **argv, long rounds, void (*body) (void))
{
	if (argc > 1)
		rounds = strtol(argv[1], NULL, 10);
	fuzz_first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261128;
	fuzz_state = fuzz_first_seed;
	for (fuzz_round = 0; fuzz_round < rounds; fuzz_round++)
		body();
	printf("%ld rounds of seed %llu\n", rounds, (unsigned long long) fuzz_first_seed);
	return rounds > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif							/* FUZZ_H */
