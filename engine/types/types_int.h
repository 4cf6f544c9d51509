/*-------------------------------------------------------------------------
 *
 * types_int.h
 *	  What the vector types share whatever their elements are.
 *
 * These functions work on dimensions, text and float32 buffers; only
 * densevec_tmpl.h knows elements. `type` is always the SQL name of the type,
 * for messages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_INT_H
#define TYPES_INT_H

#include "utils/array.h"
#include "utils/varbit.h"

#include "engine/runtime/rv_runtime.h"
#include "engine/types/rv_types.h"

/* densevec.c: limits */

/* Raises 22000 below 1 dimension and 54000 above max_dim. */
extern void rvi_types_check_dim(int dim, const char *type, int max_dim);

/* Raises 22000 when a type modifier (-1 = none) or an aggregate's state wants another dimension. */
extern void rvi_types_check_expected_dim(int32 expected, int dim);

/* Raises 22000 for two operands of different dimensions. */
extern void rvi_types_check_same_dim(int a, int b, const char *type);

/* Raises 22000 for NaN and infinities. */
extern void rvi_types_check_element(float value, const char *type);

/* Raises 22003 for a finite value of magnitude limit or more. */
extern void rvi_types_check_range(float value, const char *type, float limit);

/* densevec.c: text, type modifiers, arrays */

/* The first character that is no white space; independent of the locale. */
extern const char *rvi_types_skip_space(const char *pt);

/* Raises 22P02 for text. */
extern void rvi_types_syntax_error(const char *text, const char *type, const char *detail)
			pg_attribute_noreturn();

/*
 * Parses the number at pt, which is no white space, into *value, finite and
 * below limit in magnitude; returns what follows it. Raises 22P02, 22000, 22003.
 */
extern const char *rvi_types_parse_element(const char *pt, const char *text, const char *type,
										   float limit, float *value);

/*
 * Parses "[x,...]" into a palloc'd float32 buffer and sets *dim, which is in
 * range. Elements are finite and below limit in magnitude. Raises 22P02,
 * 22000, 22003, 54000.
 */
extern float *rvi_types_parse(const char *text, const char *type, int max_dim, float limit,
							  int *dim);

/* The type modifier "(n)"; raises 22023. */
extern int32 rvi_types_typmod_in(ArrayType *modifiers, const char *type, int max_dim);

/*
 * Elements of a one-dimensional real[], double precision[], integer[] or
 * numeric[] as a palloc'd float32 buffer; raises 22004 and 22000. Values out
 * of float32's range come out infinite (numeric: 22003).
 */
extern float *rvi_types_array_to_f32(ArrayType *array, const char *type, int max_dim, int *dim);

/* A zeroed bit string of n bits. */
extern VarBit *rvi_types_new_bits(int n);

/* halfvec.c */

/* A new zeroed halfvec; raises 22000 or 54000 when dim is out of range. */
extern RvHalfvec rvi_types_new_halfvec(int dim);

/* The half float nearest to value; raises 22003 and 22000 where there is none. */
extern uint16 rvi_types_half_element(float value);

/* sparsevec.c */

/* A new zeroed sparsevec; raises 22000 or 54000 when dim or nnz is out of range. */
extern RvSparsevec rvi_types_new_sparsevec(int dim, int nnz);

/* The elements of a dense vector that are not zero; they are finite already. */
extern RvSparsevec rvi_types_sparsevec_from_f32(const float *values, int dim);

/* Rounding can push a cosine past 1; NaN (a zero vector) passes through. */
static inline double
rvi_types_clamp_cosine(double value)
{
	if (value > 1.0)
		return 1.0;
	if (value < -1.0)
		return -1.0;
	return value;
}

/* densevec.c: aggregate state {count, sum of element 1, ...} as double precision[] */

#define TYPES_STATE_DIM(state) (ARR_DIMS(state)[0] - 1)
#define TYPES_STATE_VALUES(state) ((float8 *) ARR_DATA_PTR(state))

/* Argument n of an aggregate's support function, checked; raises 22023 on anything else. */
extern ArrayType *rvi_types_state_arg(FunctionCallInfo fcinfo, int n);

/* A new state for dim elements, all sums and the count 0. */
extern ArrayType *rvi_types_new_state(int dim);

#endif							/* TYPES_INT_H */
