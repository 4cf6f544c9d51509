/*-------------------------------------------------------------------------
 *
 * cy_number.c
 *	  Arithmetic: checked integers, IEEE floats, and what + does to strings
 *	  and lists.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"

#include "cypher/cy_fn.h"

static void
cy_number_type_error(CyLoc loc, const RvValue *a, const RvValue *b)
{
	rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", loc,
				 "operator cannot be applied to %s and %s",
				 rvi_cy_type_noun(a->type), rvi_cy_type_noun(b->type));
}

static RvValue
cy_number_integers(CyOp op, int64 a, int64 b, CyLoc loc)
{
	int64		result = 0;
	bool		overflow = false;

	switch (op)
	{
		case CY_OP_ADD:
			overflow = pg_add_s64_overflow(a, b, &result);
			break;
		case CY_OP_SUB:
			overflow = pg_sub_s64_overflow(a, b, &result);
			break;
		case CY_OP_MUL:
			overflow = pg_mul_s64_overflow(a, b, &result);
			break;
		case CY_OP_POW:
			return rvi_cy_float(pow((double) a, (double) b));
		default:
			if (b == 0)
				rvi_cy_error(CY_ERR_ARITHMETIC, "DivisionByZero", loc, "division by zero");
			if (b == -1)
				overflow = op == CY_OP_DIV && pg_sub_s64_overflow(0, a, &result);
			else
				result = op == CY_OP_DIV ? a / b : a % b;
	}
	if (overflow)
		rvi_cy_error(CY_ERR_ARITHMETIC, "IntegerOverflow", loc, "integer out of range");
	return rvi_cy_int(result);
}

static RvValue
cy_number_floats(CyOp op, double a, double b)
{
	switch (op)
	{
		case CY_OP_ADD:
			return rvi_cy_float(a + b);
		case CY_OP_SUB:
			return rvi_cy_float(a - b);
		case CY_OP_MUL:
			return rvi_cy_float(a * b);
		case CY_OP_DIV:
			return rvi_cy_float(a / b);
		case CY_OP_MOD:
			return rvi_cy_float(fmod(a, b));
		default:
			return rvi_cy_float(pow(a, b));
	}
}

/* list + list, list + element, element + list */
static RvValue
cy_number_concat_lists(const RvValue *a, const RvValue *b)
{
	const RvValue *left = a->type == RV_VAL_LIST ? a->u.items : a;
	const RvValue *right = b->type == RV_VAL_LIST ? b->u.items : b;
	uint64		nleft = a->type == RV_VAL_LIST ? a->len : 1;
	uint64		nright = b->type == RV_VAL_LIST ? b->len : 1;
	RvValue		result = rvi_cy_list_make(nleft + nright);

	memcpy(result.u.items, left, nleft * sizeof(RvValue));
	memcpy(result.u.items + nleft, right, nright * sizeof(RvValue));
	return result;
}

static RvValue
cy_number_concat_strings(const RvValue *a, const RvValue *b)
{
	RvValue		left = rvi_cy_to_string(a);
	RvValue		right = rvi_cy_to_string(b);
	Size		length = (Size) left.len + right.len;
	char	   *bytes = palloc(Max(length, 1));	/* refuses more than text can hold */

	memcpy(bytes, left.u.string, left.len);
	memcpy(bytes + left.len, right.u.string, right.len);
	return rvi_cy_string(bytes, length);
}

RvValue
rvi_cy_arithmetic(CyOp op, const RvValue *a, const RvValue *b, CyLoc loc)
{
	bool		numbers = CY_IS_NUMBER(a) && CY_IS_NUMBER(b);

	if (a->type == RV_VAL_NULL || b->type == RV_VAL_NULL)
		return rvi_cy_null();
	if (a->type == RV_VAL_INT && b->type == RV_VAL_INT)
		return cy_number_integers(op, a->u.integer, b->u.integer, loc);
	if (numbers)
		return cy_number_floats(op, rvi_cy_to_double(a), rvi_cy_to_double(b));
	if (op == CY_OP_ADD)
	{
		if (a->type == RV_VAL_LIST || b->type == RV_VAL_LIST)
			return cy_number_concat_lists(a, b);
		if ((a->type == RV_VAL_STRING && (b->type == RV_VAL_STRING || CY_IS_NUMBER(b))) ||
			(b->type == RV_VAL_STRING && CY_IS_NUMBER(a)))
			return cy_number_concat_strings(a, b);
	}
	cy_number_type_error(loc, a, b);
	pg_unreachable();
}
