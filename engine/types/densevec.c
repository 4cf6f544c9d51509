/*-------------------------------------------------------------------------
 *
 * densevec.c
 *	  Code of the dense vector types that does not depend on the element.
 *
 * Checks with the SQLSTATEs of pgvector, the text form, type modifiers,
 * conversion from arrays, and the state of avg().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "engine/types/types_int.h"

void
rvi_types_check_dim(int dim, const char *type, int max_dim)
{
	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must have at least 1 dimension", type)));
	if (dim > max_dim)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s cannot have more than %d dimensions", type, max_dim)));
}

void
rvi_types_check_expected_dim(int32 expected, int dim)
{
	if (expected != -1 && expected != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", expected, dim)));
}

void
rvi_types_check_same_dim(int a, int b, const char *type)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different %s dimensions %d and %d", type, a, b)));
}

void
rvi_types_check_element(float value, const char *type)
{
	if (isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("NaN not allowed in %s", type)));
	if (isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("infinite value not allowed in %s", type)));
}

void
rvi_types_check_range(float value, const char *type, float limit)
{
	if (unlikely(fabsf(value) >= limit) && !isinf(value))
	{
		char		number[FLOAT_SHORTEST_DECIMAL_LEN];

		float_to_shortest_decimal_buf(value, number);
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type %s", number, type)));
	}
}

/* ---- text ---- */

/* Independent of the locale, unlike isspace. */
static inline bool
densevec_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

const char *
rvi_types_skip_space(const char *pt)
{
	while (densevec_is_space(*pt))
		pt++;
	return pt;
}

void
rvi_types_syntax_error(const char *text, const char *type, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", type, text),
			 errdetail_internal("%s", detail)));
}

/* A magnitude too small for float32 becomes zero, as in pgvector. */
const char *
rvi_types_parse_element(const char *pt, const char *text, const char *type, float limit,
						float *value)
{
	char	   *end;

	if (*pt == '\0')
		rvi_types_syntax_error(text, type, "Unexpected end of input.");

	/* strtof would skip white space itself, and what it skips depends on the locale */
	errno = 0;
	*value = strtof(pt, &end);
	if (end == pt)
		rvi_types_syntax_error(text, type, "Expected a number.");
	if ((errno == ERANGE && isinf(*value)) || (fabsf(*value) >= limit && !isinf(*value)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type %s",
						pnstrdup(pt, end - pt), type)));
	rvi_types_check_element(*value, type);
	return end;
}

/* Room for every element that the text can hold: no more than commas + 1. */
static float *
densevec_new_buffer(const char *text, int max_dim)
{
	int			room = 1;

	for (const char *pt = text; *pt != '\0' && room < max_dim; pt++)
	{
		if (*pt == ',')
			room++;
	}
	return palloc(sizeof(float) * room);
}

float *
rvi_types_parse(const char *text, const char *type, int max_dim, float limit, int *dim)
{
	const char *pt = rvi_types_skip_space(text);
	float	   *values;
	int			n = 0;

	if (*pt != '[')
		rvi_types_syntax_error(text, type, "Vector contents must start with \"[\".");
	pt = rvi_types_skip_space(pt + 1);
	if (*pt == ']')
		rvi_types_check_dim(0, type, max_dim);

	values = densevec_new_buffer(pt, max_dim);
	for (;;)
	{
		if (n == max_dim)
			rvi_types_check_dim(n + 1, type, max_dim);
		pt = rvi_types_parse_element(rvi_types_skip_space(pt), text, type, limit, &values[n]);
		n++;
		pt = rvi_types_skip_space(pt);
		if (*pt == ']')
			break;
		if (*pt == '\0')
			rvi_types_syntax_error(text, type, "Unexpected end of input.");
		if (*pt != ',')
			rvi_types_syntax_error(text, type, "Expected \",\" or \"]\" after a number.");
		pt++;
	}
	if (*rvi_types_skip_space(pt + 1) != '\0')
		rvi_types_syntax_error(text, type, "Junk after closing right brace.");
	*dim = n;
	return values;
}

int32
rvi_types_typmod_in(ArrayType *modifiers, const char *type, int max_dim)
{
	int			n;
	int32	   *values = ArrayGetIntegerTypmods(modifiers, &n);

	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier")));
	if (values[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s must be at least 1", type)));
	if (values[0] > max_dim)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s cannot exceed %d", type, max_dim)));
	return values[0];
}

/* ---- arrays and bit strings ---- */

static float
densevec_from_datum(Datum value, Oid element_type)
{
	switch (element_type)
	{
		case INT4OID:
			return (float) DatumGetInt32(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return (float) DatumGetFloat8(value);
		case NUMERICOID:
			return DatumGetFloat4(DirectFunctionCall1(numeric_float4, value));
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("unsupported array type")));
	}
}

float *
rvi_types_array_to_f32(ArrayType *array, const char *type, int max_dim, int *dim)
{
	Oid			element_type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *datums;
	int			n;
	float	   *values;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be 1-D")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));

	/* before deconstruct_array: a hostile array costs no memory */
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	rvi_types_check_dim(n, type, max_dim);

	get_typlenbyvalalign(element_type, &length, &by_value, &align);
	deconstruct_array(array, element_type, length, by_value, align, &datums, NULL, &n);
	values = palloc(sizeof(float) * n);
	for (int i = 0; i < n; i++)
		values[i] = densevec_from_datum(datums[i], element_type);
	pfree(datums);
	*dim = n;
	return values;
}

VarBit *
rvi_types_new_bits(int n)
{
	int			size = VARBITTOTALLEN(n);
	VarBit	   *bits = palloc0(size);

	SET_VARSIZE(bits, size);
	VARBITLEN(bits) = n;
	return bits;
}

/* ---- state of avg() ---- */

ArrayType *
rvi_types_state_arg(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(n);

	/* users can call the support functions themselves, with any array */
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 ||
		ARR_HASNULL(state) || ARR_ELEMTYPE(state) != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of a vector aggregate"),
				 errdetail("A state is a one-dimensional array without nulls: "
						   "the count and one sum per dimension.")));
	return state;
}

ArrayType *
rvi_types_new_state(int dim)
{
	int			size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (dim + 1);
	ArrayType  *state = palloc0(size);

	SET_VARSIZE(state, size);
	state->ndim = 1;
	state->dataoffset = 0;
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = dim + 1;
	ARR_LBOUND(state)[0] = 1;
	return state;
}
