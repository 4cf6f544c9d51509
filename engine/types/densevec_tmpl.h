/*-------------------------------------------------------------------------
 *
 * densevec_tmpl.h
 *	  The body of a dense vector type, written once for all element types.
 *
 * Include it once per type, from a .c file of its own, after defining
 *
 *	  DENSEVEC_NAME				prefix of the functions and SQL name of the type
 *	  DENSEVEC_DATA				struct {vl_len_, int16 dim, int16 unused, elements x[]}
 *	  DENSEVEC_ELEMENT			type of x[i]
 *	  DENSEVEC_MAX_DIM			largest dim
 *	  DENSEVEC_LIMIT			smallest magnitude that rounds to infinity
 *	  DENSEVEC_TO_F32(x)		element -> float, exact
 *	  DENSEVEC_FROM_F32(f)		float -> element, rounded; infinite on overflow
 *	  DENSEVEC_SEND(buf, x)		append the element's binary form
 *	  DENSEVEC_RECV(buf)		read it
 *	  DENSEVEC_KERNEL(verb)		member of RveDistTable for this element
 *
 * It defines the SQL functions <name>_in, _out, _recv, _send, _typmod_in,
 * _apply_typmod, _add, _sub, _mul, _concat, _dims, _norm, _l2_normalize,
 * _subvector, _binary_quantize, _lt .. _cmp, _accum, _combine, _avg,
 * _from_array, _to_float4 and the distances _l2_distance, _l2_squared_distance,
 * _inner_product, _negative_inner_product, _cosine_distance,
 * _spherical_distance and _l1_distance.
 *
 * Arguments are detoasted copies or pointers into tuples: none is modified.
 * Results are palloc'd in CurrentMemoryContext.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/float.h"

#include "engine/core/dist/rve_dist.h"
#include "engine/types/types_int.h"

#define DENSEVEC_PASTE(a, b) a##_##b
#define DENSEVEC_EXPAND(a, b) DENSEVEC_PASTE(a, b)
#define DENSEVEC_FN(verb) DENSEVEC_EXPAND(DENSEVEC_NAME, verb)
#define DENSEVEC_TYPE CppAsString2(DENSEVEC_NAME)
#define DENSEVEC_ARG(n) ((DENSEVEC_DATA *) PG_GETARG_VARLENA_P(n))

/* A new zeroed vector; dim is checked here, so any computed value may be passed. */
static DENSEVEC_DATA *
DENSEVEC_FN(new)(int dim)
{
	DENSEVEC_DATA *result;
	Size		size;

	rvi_types_check_dim(dim, DENSEVEC_TYPE, DENSEVEC_MAX_DIM);
	size = offsetof(DENSEVEC_DATA, x) + sizeof(DENSEVEC_ELEMENT) * dim;
	result = palloc0(size);
	SET_VARSIZE(result, size);
	result->dim = dim;
	return result;
}

/*
 * The element for a value from outside: raises 22003 for a finite one beyond
 * the element's range, 22000 for NaN and infinity.
 */
static inline DENSEVEC_ELEMENT
DENSEVEC_FN(element)(float value)
{
	rvi_types_check_range(value, DENSEVEC_TYPE, DENSEVEC_LIMIT);
	rvi_types_check_element(value, DENSEVEC_TYPE);
	return DENSEVEC_FROM_F32(value);
}

/* A new vector of float32 values, which are checked. */
static DENSEVEC_DATA *
DENSEVEC_FN(from_f32)(const float *values, int dim)
{
	DENSEVEC_DATA *result = DENSEVEC_FN(new)(dim);

	for (int i = 0; i < dim; i++)
		result->x[i] = DENSEVEC_FN(element)(values[i]);
	return result;
}

/* ---- input and output ---- */

RV_FUNCTION_INFO_V1(DENSEVEC_FN(in));
Datum
DENSEVEC_FN(in)(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			dim;
	float	   *values = rvi_types_parse(text, DENSEVEC_TYPE, DENSEVEC_MAX_DIM, DENSEVEC_LIMIT, &dim);
	DENSEVEC_DATA *result;

	rvi_types_check_expected_dim(typmod, dim);
	result = DENSEVEC_FN(from_f32)(values, dim);
	pfree(values);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(out));
Datum
DENSEVEC_FN(out)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);

	/* each number with its comma, both brackets, the terminator */
	char	   *text = palloc((Size) FLOAT_SHORTEST_DECIMAL_LEN * a->dim + 3);
	char	   *pt = text;

	*pt++ = '[';
	for (int i = 0; i < a->dim; i++)
	{
		if (i > 0)
			*pt++ = ',';
		pt += float_to_shortest_decimal_bufn(DENSEVEC_TO_F32(a->x[i]), pt);
	}
	*pt++ = ']';
	*pt = '\0';
	PG_FREE_IF_COPY(a, 0);
	PG_RETURN_CSTRING(text);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(recv));
Datum
DENSEVEC_FN(recv)(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	DENSEVEC_DATA *result;
	int16		dim = pq_getmsgint(buf, sizeof(int16));
	int16		unused = pq_getmsgint(buf, sizeof(int16));

	rvi_types_check_dim(dim, DENSEVEC_TYPE, DENSEVEC_MAX_DIM);
	rvi_types_check_expected_dim(typmod, dim);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));

	result = DENSEVEC_FN(new)(dim);
	for (int i = 0; i < dim; i++)
	{
		result->x[i] = DENSEVEC_RECV(buf);
		rvi_types_check_element(DENSEVEC_TO_F32(result->x[i]), DENSEVEC_TYPE);
	}
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(send));
Datum
DENSEVEC_FN(send)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, a->dim);
	pq_sendint16(&buf, a->unused);
	for (int i = 0; i < a->dim; i++)
		DENSEVEC_SEND(&buf, a->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(typmod_in));
Datum
DENSEVEC_FN(typmod_in)(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rvi_types_typmod_in(PG_GETARG_ARRAYTYPE_P(0), DENSEVEC_TYPE,
										DENSEVEC_MAX_DIM));
}

/* The cast of the type to itself: only checks the modifier. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(apply_typmod));
Datum
DENSEVEC_FN(apply_typmod)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);

	rvi_types_check_expected_dim(PG_GETARG_INT32(1), a->dim);
	PG_RETURN_POINTER(a);
}

/* ---- arrays ---- */

RV_FUNCTION_INFO_V1(DENSEVEC_FN(from_array));
Datum
DENSEVEC_FN(from_array)(PG_FUNCTION_ARGS)
{
	int			dim;
	float	   *values = rvi_types_array_to_f32(PG_GETARG_ARRAYTYPE_P(0), DENSEVEC_TYPE,
												DENSEVEC_MAX_DIM, &dim);
	DENSEVEC_DATA *result;

	rvi_types_check_expected_dim(PG_GETARG_INT32(1), dim);
	result = DENSEVEC_FN(from_f32)(values, dim);
	pfree(values);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(to_float4));
Datum
DENSEVEC_FN(to_float4)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	Datum	   *datums = palloc(sizeof(Datum) * a->dim);
	ArrayType  *result;

	for (int i = 0; i < a->dim; i++)
		datums[i] = Float4GetDatum(DENSEVEC_TO_F32(a->x[i]));
	result = construct_array(datums, a->dim, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT);
	pfree(datums);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* ---- arithmetic ---- */

/* Stores an element of a sum, difference or product; raises 22003 on overflow. */
static inline void
DENSEVEC_FN(store)(DENSEVEC_DATA *result, int i, float value)
{
	result->x[i] = DENSEVEC_FROM_F32(value);
	if (unlikely(isinf(DENSEVEC_TO_F32(result->x[i]))))
		float_overflow_error();
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(add));
Datum
DENSEVEC_FN(add)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	DENSEVEC_DATA *b = DENSEVEC_ARG(1);
	DENSEVEC_DATA *result;

	rvi_types_check_same_dim(a->dim, b->dim, DENSEVEC_TYPE);
	result = DENSEVEC_FN(new)(a->dim);
	for (int i = 0; i < a->dim; i++)
		DENSEVEC_FN(store)(result, i, DENSEVEC_TO_F32(a->x[i]) + DENSEVEC_TO_F32(b->x[i]));
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(sub));
Datum
DENSEVEC_FN(sub)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	DENSEVEC_DATA *b = DENSEVEC_ARG(1);
	DENSEVEC_DATA *result;

	rvi_types_check_same_dim(a->dim, b->dim, DENSEVEC_TYPE);
	result = DENSEVEC_FN(new)(a->dim);
	for (int i = 0; i < a->dim; i++)
		DENSEVEC_FN(store)(result, i, DENSEVEC_TO_F32(a->x[i]) - DENSEVEC_TO_F32(b->x[i]));
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(mul));
Datum
DENSEVEC_FN(mul)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	DENSEVEC_DATA *b = DENSEVEC_ARG(1);
	DENSEVEC_DATA *result;

	rvi_types_check_same_dim(a->dim, b->dim, DENSEVEC_TYPE);
	result = DENSEVEC_FN(new)(a->dim);
	for (int i = 0; i < a->dim; i++)
	{
		float		x = DENSEVEC_TO_F32(a->x[i]);
		float		y = DENSEVEC_TO_F32(b->x[i]);

		DENSEVEC_FN(store)(result, i, x * y);
		if (unlikely(DENSEVEC_TO_F32(result->x[i]) == 0.0f) && x != 0.0f && y != 0.0f)
			float_underflow_error();
	}
	PG_RETURN_POINTER(result);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(concat));
Datum
DENSEVEC_FN(concat)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	DENSEVEC_DATA *b = DENSEVEC_ARG(1);
	DENSEVEC_DATA *result = DENSEVEC_FN(new)((int) a->dim + b->dim);

	memcpy(result->x, a->x, sizeof(DENSEVEC_ELEMENT) * a->dim);
	memcpy(result->x + a->dim, b->x, sizeof(DENSEVEC_ELEMENT) * b->dim);
	PG_RETURN_POINTER(result);
}

/* ---- parts and forms of one vector ---- */

RV_FUNCTION_INFO_V1(DENSEVEC_FN(dims));
Datum
DENSEVEC_FN(dims)(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(DENSEVEC_ARG(0)->dim);
}

/* Euclidean length, accumulated in double so that squares cannot overflow. */
static double
DENSEVEC_FN(length)(const DENSEVEC_DATA *a)
{
	double		sum = 0.0;

	for (int i = 0; i < a->dim; i++)
	{
		double		x = DENSEVEC_TO_F32(a->x[i]);

		sum += x * x;
	}
	return sqrt(sum);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(norm));
Datum
DENSEVEC_FN(norm)(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(DENSEVEC_FN(length)(DENSEVEC_ARG(0)));
}

/* The zero vector stays what it is. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(l2_normalize));
Datum
DENSEVEC_FN(l2_normalize)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	DENSEVEC_DATA *result = DENSEVEC_FN(new)(a->dim);
	double		length = DENSEVEC_FN(length)(a);

	for (int i = 0; length > 0.0 && i < a->dim; i++)
		DENSEVEC_FN(store)(result, i, (float) (DENSEVEC_TO_F32(a->x[i]) / length));
	PG_RETURN_POINTER(result);
}

/*
 * Elements start .. start + count - 1, one-based. Like substring(), positions
 * outside the vector are cut off; nothing left is an error.
 */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(subvector));
Datum
DENSEVEC_FN(subvector)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	int64		start = PG_GETARG_INT32(1);
	int64		count = PG_GETARG_INT32(2);
	int64		end = start + Max(count, 0);	/* one past the last */
	DENSEVEC_DATA *result;

	start = Max(start, 1);
	end = Min(end, (int64) a->dim + 1);
	result = DENSEVEC_FN(new)(end > start ? (int) (end - start) : 0);
	memcpy(result->x, a->x + start - 1, sizeof(DENSEVEC_ELEMENT) * result->dim);
	PG_RETURN_POINTER(result);
}

/* Bit i, counted from the left as bit strings do, says whether element i is positive. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(binary_quantize));
Datum
DENSEVEC_FN(binary_quantize)(PG_FUNCTION_ARGS)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	VarBit	   *result = rvi_types_new_bits(a->dim);
	bits8	   *bits = VARBITS(result);

	for (int i = 0; i < a->dim; i++)
	{
		if (DENSEVEC_TO_F32(a->x[i]) > 0.0f)
			bits[i / 8] |= (bits8) (0x80 >> (i % 8));
	}
	PG_RETURN_VARBIT_P(result);
}

/* ---- order: by elements from the left, then by dimension ---- */

static int
DENSEVEC_FN(compare)(const DENSEVEC_DATA *a, const DENSEVEC_DATA *b)
{
	int			dim = Min(a->dim, b->dim);

	for (int i = 0; i < dim; i++)
	{
		float		x = DENSEVEC_TO_F32(a->x[i]);
		float		y = DENSEVEC_TO_F32(b->x[i]);

		if (x < y)
			return -1;
		if (x > y)
			return 1;
	}
	return a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
}

/* Index support functions must free detoasted arguments: a sort calls them in one context. */
static int
DENSEVEC_FN(compare_args)(FunctionCallInfo fcinfo)
{
	DENSEVEC_DATA *a = DENSEVEC_ARG(0);
	DENSEVEC_DATA *b = DENSEVEC_ARG(1);
	int			result = DENSEVEC_FN(compare)(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(cmp));
Datum
DENSEVEC_FN(cmp)(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(DENSEVEC_FN(compare_args)(fcinfo));
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(lt));
Datum
DENSEVEC_FN(lt)(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DENSEVEC_FN(compare_args)(fcinfo) < 0);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(le));
Datum
DENSEVEC_FN(le)(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DENSEVEC_FN(compare_args)(fcinfo) <= 0);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(eq));
Datum
DENSEVEC_FN(eq)(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DENSEVEC_FN(compare_args)(fcinfo) == 0);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(ne));
Datum
DENSEVEC_FN(ne)(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DENSEVEC_FN(compare_args)(fcinfo) != 0);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(ge));
Datum
DENSEVEC_FN(ge)(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DENSEVEC_FN(compare_args)(fcinfo) >= 0);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(gt));
Datum
DENSEVEC_FN(gt)(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DENSEVEC_FN(compare_args)(fcinfo) > 0);
}

/* ---- avg() ---- */

/* Raises 22003 when a sum has left double's range. */
static inline void
DENSEVEC_FN(check_sum)(float8 sum)
{
	if (unlikely(isinf(sum)))
		float_overflow_error();
}

/*
 * Transition function. As part of an aggregate the state belongs to nodeAgg
 * and is updated in place; called by a user it must be copied.
 */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(accum));
Datum
DENSEVEC_FN(accum)(PG_FUNCTION_ARGS)
{
	ArrayType  *state = rvi_types_state_arg(fcinfo, 0);
	DENSEVEC_DATA *a = DENSEVEC_ARG(1);
	int			dim = TYPES_STATE_DIM(state);
	ArrayType  *result = state;
	float8	   *sums;

	if (TYPES_STATE_VALUES(state)[0] == 0.0)
		dim = a->dim;			/* nothing was added yet */
	rvi_types_check_expected_dim(dim, a->dim);
	if (TYPES_STATE_DIM(state) != dim)
		result = rvi_types_new_state(dim);
	else if (!AggCheckCallContext(fcinfo, NULL))
		result = PG_GETARG_ARRAYTYPE_P_COPY(0);

	sums = TYPES_STATE_VALUES(result);
	sums[0] += 1.0;
	for (int i = 0; i < dim; i++)
	{
		sums[i + 1] += (float8) DENSEVEC_TO_F32(a->x[i]);
		DENSEVEC_FN(check_sum)(sums[i + 1]);
	}
	PG_FREE_IF_COPY(a, 1);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* Adds two partial states; one that counts nothing gives way to the other. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(combine));
Datum
DENSEVEC_FN(combine)(PG_FUNCTION_ARGS)
{
	ArrayType  *a = rvi_types_state_arg(fcinfo, 0);
	ArrayType  *b = rvi_types_state_arg(fcinfo, 1);
	ArrayType  *result;
	float8	   *sums;

	if (TYPES_STATE_VALUES(a)[0] == 0.0)
		PG_RETURN_ARRAYTYPE_P(b);
	if (TYPES_STATE_VALUES(b)[0] == 0.0)
		PG_RETURN_ARRAYTYPE_P(a);
	rvi_types_check_expected_dim(TYPES_STATE_DIM(a), TYPES_STATE_DIM(b));

	result = rvi_types_new_state(TYPES_STATE_DIM(a));
	sums = TYPES_STATE_VALUES(result);
	for (int i = 0; i <= TYPES_STATE_DIM(a); i++)
	{
		sums[i] = TYPES_STATE_VALUES(a)[i] + TYPES_STATE_VALUES(b)[i];
		DENSEVEC_FN(check_sum)(sums[i]);
	}
	PG_RETURN_ARRAYTYPE_P(result);
}

/* Final function: NULL for no rows; raises 22000 or 22003 for a mean that is no element. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(avg));
Datum
DENSEVEC_FN(avg)(PG_FUNCTION_ARGS)
{
	ArrayType  *state = rvi_types_state_arg(fcinfo, 0);
	float8	   *sums = TYPES_STATE_VALUES(state);
	DENSEVEC_DATA *result;

	if (sums[0] == 0.0)
		PG_RETURN_NULL();
	result = DENSEVEC_FN(new)(TYPES_STATE_DIM(state));
	for (int i = 0; i < result->dim; i++)
		result->x[i] = DENSEVEC_FN(element)((float) (sums[i + 1] / sums[0]));
	PG_RETURN_POINTER(result);
}

/* ---- distances, over the kernel table in use ---- */

/* The two arguments, detoasted and of the same dimension. */
typedef struct DENSEVEC_FN(operands)
{
	DENSEVEC_DATA *a;
	DENSEVEC_DATA *b;
	size_t		dim;
} DENSEVEC_FN(operands);

static DENSEVEC_FN(operands)
DENSEVEC_FN(get_operands)(FunctionCallInfo fcinfo)
{
	DENSEVEC_FN(operands) result;

	result.a = DENSEVEC_ARG(0);
	result.b = DENSEVEC_ARG(1);
	rvi_types_check_same_dim(result.a->dim, result.b->dim, DENSEVEC_TYPE);
	result.dim = result.a->dim;
	return result;
}

/* Sorts and index builds call these for every row in one memory context. */
static void
DENSEVEC_FN(release)(FunctionCallInfo fcinfo, DENSEVEC_FN(operands) *args)
{
	PG_FREE_IF_COPY(args->a, 0);
	PG_FREE_IF_COPY(args->b, 1);
}

/* A distance that is one kernel's sum. */
static double
DENSEVEC_FN(distance)(FunctionCallInfo fcinfo,
					  float (*kernel) (const DENSEVEC_ELEMENT *, const DENSEVEC_ELEMENT *, size_t))
{
	DENSEVEC_FN(operands) args = DENSEVEC_FN(get_operands)(fcinfo);
	double		result = kernel(args.a->x, args.b->x, args.dim);

	DENSEVEC_FN(release)(fcinfo, &args);
	return result;
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(l2_distance));
Datum
DENSEVEC_FN(l2_distance)(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sqrt(DENSEVEC_FN(distance)(fcinfo, DENSEVEC_KERNEL(l2sq))));
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(l2_squared_distance));
Datum
DENSEVEC_FN(l2_squared_distance)(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(DENSEVEC_FN(distance)(fcinfo, DENSEVEC_KERNEL(l2sq)));
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(inner_product));
Datum
DENSEVEC_FN(inner_product)(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(DENSEVEC_FN(distance)(fcinfo, DENSEVEC_KERNEL(ip)));
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(negative_inner_product));
Datum
DENSEVEC_FN(negative_inner_product)(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(-DENSEVEC_FN(distance)(fcinfo, DENSEVEC_KERNEL(ip)));
}

/* NaN when a vector is zero: it has no direction. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(cosine_distance));
Datum
DENSEVEC_FN(cosine_distance)(PG_FUNCTION_ARGS)
{
	DENSEVEC_FN(operands) args = DENSEVEC_FN(get_operands)(fcinfo);
	float		ip,
				aa,
				bb;

	DENSEVEC_KERNEL(cos)(args.a->x, args.b->x, args.dim, &ip, &aa, &bb);
	DENSEVEC_FN(release)(fcinfo, &args);
	PG_RETURN_FLOAT8(1.0 - rvi_types_clamp_cosine(ip / sqrt((double) aa * bb)));
}

/* The angle between two unit vectors as a share of a half turn. */
RV_FUNCTION_INFO_V1(DENSEVEC_FN(spherical_distance));
Datum
DENSEVEC_FN(spherical_distance)(PG_FUNCTION_ARGS)
{
	double		ip = DENSEVEC_FN(distance)(fcinfo, DENSEVEC_KERNEL(ip));

	PG_RETURN_FLOAT8(acos(rvi_types_clamp_cosine(ip)) / M_PI);
}

RV_FUNCTION_INFO_V1(DENSEVEC_FN(l1_distance));
Datum
DENSEVEC_FN(l1_distance)(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(DENSEVEC_FN(distance)(fcinfo, DENSEVEC_KERNEL(l1)));
}
