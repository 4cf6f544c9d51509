/*-------------------------------------------------------------------------
 *
 * distfuncs.c
 *	  SQL distance functions of type vector, over the kernel table in use.
 *
 * Sums are accumulated in float32, as in pgvector; roots and quotients are
 * taken in double. Results can differ in the last bits between instruction
 * sets (setting ruvector.simd).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "engine/types/types_int.h"

/* The two arguments, detoasted and of the same dimension. */
typedef struct DistOperands
{
	RvVector	a;
	RvVector	b;
	size_t		dim;
} DistOperands;

static DistOperands
dist_operands(FunctionCallInfo fcinfo)
{
	DistOperands result;

	result.a = PG_GETARG_RVVECTOR_P(0);
	result.b = PG_GETARG_RVVECTOR_P(1);
	rvi_types_check_same_dim(result.a->dim, result.b->dim, "vector");
	result.dim = result.a->dim;
	return result;
}

/* Sorts and index builds call these for every row in one memory context. */
static void
dist_release(FunctionCallInfo fcinfo, DistOperands *args)
{
	PG_FREE_IF_COPY(args->a, 0);
	PG_FREE_IF_COPY(args->b, 1);
}

static double
dist_l2_squared(FunctionCallInfo fcinfo)
{
	DistOperands args = dist_operands(fcinfo);
	double		result = rve_dist_get()->l2sq_f32(args.a->x, args.b->x, args.dim);

	dist_release(fcinfo, &args);
	return result;
}

static double
dist_inner_product(FunctionCallInfo fcinfo)
{
	DistOperands args = dist_operands(fcinfo);
	double		result = rve_dist_get()->ip_f32(args.a->x, args.b->x, args.dim);

	dist_release(fcinfo, &args);
	return result;
}

/* Rounding can push a cosine past 1; NaN (a zero vector) passes through. */
static double
dist_clamp_cosine(double value)
{
	if (value > 1.0)
		return 1.0;
	if (value < -1.0)
		return -1.0;
	return value;
}

RV_FUNCTION_INFO_V1(vector_l2_distance);
Datum
vector_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sqrt(dist_l2_squared(fcinfo)));
}

RV_FUNCTION_INFO_V1(vector_l2_squared_distance);
Datum
vector_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(dist_l2_squared(fcinfo));
}

RV_FUNCTION_INFO_V1(vector_inner_product);
Datum
vector_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(dist_inner_product(fcinfo));
}

RV_FUNCTION_INFO_V1(vector_negative_inner_product);
Datum
vector_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(-dist_inner_product(fcinfo));
}

/* NaN when a vector is zero: it has no direction. */
RV_FUNCTION_INFO_V1(vector_cosine_distance);
Datum
vector_cosine_distance(PG_FUNCTION_ARGS)
{
	DistOperands args = dist_operands(fcinfo);
	float		ip,
				aa,
				bb;

	rve_dist_get()->cos_f32(args.a->x, args.b->x, args.dim, &ip, &aa, &bb);
	dist_release(fcinfo, &args);
	PG_RETURN_FLOAT8(1.0 - dist_clamp_cosine(ip / sqrt((double) aa * bb)));
}

/* The angle between two unit vectors as a share of a half turn. */
RV_FUNCTION_INFO_V1(vector_spherical_distance);
Datum
vector_spherical_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(acos(dist_clamp_cosine(dist_inner_product(fcinfo))) / M_PI);
}

RV_FUNCTION_INFO_V1(vector_l1_distance);
Datum
vector_l1_distance(PG_FUNCTION_ARGS)
{
	DistOperands args = dist_operands(fcinfo);
	double		result = rve_dist_get()->l1_f32(args.a->x, args.b->x, args.dim);

	dist_release(fcinfo, &args);
	PG_RETURN_FLOAT8(result);
}
