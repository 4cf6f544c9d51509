/*-------------------------------------------------------------------------
 *
 * casts.c
 *	  Casts between the vector types; those from and to arrays are with the
 *	  types themselves.
 *
 * Every cast checks the target's type modifier, and the target's limits where
 * they are narrower than the source's. Results are palloc'd in
 * CurrentMemoryContext.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/core/dist/rve_dist.h"
#include "engine/types/types_int.h"

#define CAST_TYPMOD PG_GETARG_INT32(1)

RV_FUNCTION_INFO_V1(halfvec_to_vector);
Datum
halfvec_to_vector(PG_FUNCTION_ARGS)
{
	RvHalfvec	a = DatumGetRvHalfvec(PG_GETARG_DATUM(0));
	RvVector	result;

	rvi_types_check_expected_dim(CAST_TYPMOD, a->dim);
	result = rv_types_new_vector(a->dim);
	rve_dist_get()->f16_to_f32(a->x, result->x, a->dim);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(vector_to_halfvec);
Datum
vector_to_halfvec(PG_FUNCTION_ARGS)
{
	RvVector	a = PG_GETARG_RVVECTOR_P(0);
	RvHalfvec	result;

	rvi_types_check_expected_dim(CAST_TYPMOD, a->dim);
	result = rvi_types_new_halfvec(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = rvi_types_half_element(a->x[i]);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(vector_to_sparsevec);
Datum
vector_to_sparsevec(PG_FUNCTION_ARGS)
{
	RvVector	a = PG_GETARG_RVVECTOR_P(0);

	rvi_types_check_expected_dim(CAST_TYPMOD, a->dim);
	PG_RETURN_POINTER(rvi_types_sparsevec_from_f32(a->x, a->dim));
}

RV_FUNCTION_INFO_V1(halfvec_to_sparsevec);
Datum
halfvec_to_sparsevec(PG_FUNCTION_ARGS)
{
	RvHalfvec	a = DatumGetRvHalfvec(PG_GETARG_DATUM(0));
	float	   *values = palloc(sizeof(float) * a->dim);
	RvSparsevec result;

	rvi_types_check_expected_dim(CAST_TYPMOD, a->dim);
	rve_dist_get()->f16_to_f32(a->x, values, a->dim);
	result = rvi_types_sparsevec_from_f32(values, a->dim);
	pfree(values);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(sparsevec_to_vector);
Datum
sparsevec_to_vector(PG_FUNCTION_ARGS)
{
	RvSparsevec a = DatumGetRvSparsevec(PG_GETARG_DATUM(0));
	RvVector	result;

	rvi_types_check_dim(a->dim, "vector", RV_VECTOR_MAX_DIM);
	rvi_types_check_expected_dim(CAST_TYPMOD, a->dim);
	result = rv_types_new_vector(a->dim);
	for (int i = 0; i < a->nnz; i++)
		result->x[a->index[i]] = RV_SPARSEVEC_VALUES(a)[i];
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(sparsevec_to_halfvec);
Datum
sparsevec_to_halfvec(PG_FUNCTION_ARGS)
{
	RvSparsevec a = DatumGetRvSparsevec(PG_GETARG_DATUM(0));
	RvHalfvec	result;

	rvi_types_check_dim(a->dim, "halfvec", RV_HALFVEC_MAX_DIM);
	rvi_types_check_expected_dim(CAST_TYPMOD, a->dim);
	result = rvi_types_new_halfvec(a->dim);
	for (int i = 0; i < a->nnz; i++)
		result->x[a->index[i]] = rvi_types_half_element(RV_SPARSEVEC_VALUES(a)[i]);
	PG_RETURN_POINTER(result);
}
