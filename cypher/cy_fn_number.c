/*-------------------------------------------------------------------------
 *
 * cy_fn_number.c
 *	  Mathematical functions and conversions to numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/builtins.h"

#include "cypher/cy_fn.h"

static void
cy_fn_require_number(const CyFunction *call, const RvValue *args)
{
	if (!CY_IS_NUMBER(args))
		rvi_cy_argument_error(call, 0, args);
}

static RvValue
cy_fn_abs(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_number(call, args);
	if (args->type == RV_VAL_FLOAT)
		return rvi_cy_float(fabs(args->u.real));
	if (args->u.integer == PG_INT64_MIN)
		rvi_cy_error(CY_ERR_ARITHMETIC, "IntegerOverflow", call->node.loc,
					 "integer out of range");
	return rvi_cy_int(args->u.integer < 0 ? -args->u.integer : args->u.integer);
}

static RvValue
cy_fn_sign(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	RvValue		zero = rvi_cy_int(0);

	cy_fn_require_number(call, args);
	if (args->type == RV_VAL_FLOAT && isnan(args->u.real))
		return rvi_cy_int(0);
	return rvi_cy_int(rvi_cy_compare_numbers(args, &zero));
}

/* ceil, floor, round and sqrt always give floats. */
static RvValue
cy_fn_ceil(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_number(call, args);
	return rvi_cy_float(ceil(rvi_cy_to_double(args)));
}

static RvValue
cy_fn_floor(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_number(call, args);
	return rvi_cy_float(floor(rvi_cy_to_double(args)));
}

/* Halves go up, as in Java: round(-0.5) is 0. */
static RvValue
cy_fn_round(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	double		x;
	double		down;

	cy_fn_require_number(call, args);
	x = rvi_cy_to_double(args);
	down = floor(x);
	return rvi_cy_float(x - down >= 0.5 ? down + 1 : down);
}

static RvValue
cy_fn_sqrt(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_number(call, args);
	return rvi_cy_float(sqrt(rvi_cy_to_double(args)));
}

static RvValue
cy_fn_rand(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return rvi_cy_float(pg_prng_double(&pg_global_prng_state));
}

/* A decimal number that the whole string is, white space around it aside. */
static bool
cy_fn_parse_number(const RvValue *text, double *real)
{
	char	   *copy = pnstrdup(text->u.string, text->len);
	char	   *start = copy;
	char	   *end;

	while (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r')
		start++;
	if (strspn(start, "+-0123456789.eE \t\r\n") != strlen(start))
		return false;
	*real = strtod(start, &end);
	if (end == start)
		return false;
	while (*end == ' ' || *end == '\t' || *end == '\n' || *end == '\r')
		end++;
	return *end == '\0';
}

static RvValue
cy_fn_float_to_integer(double x)
{
	/* toward zero; what no integer can be is null */
	if (isnan(x) || x >= 9223372036854775808.0 || x < -9223372036854775808.0)
		return rvi_cy_null();
	return rvi_cy_int((int64) x);
}

static RvValue
cy_fn_to_integer(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	double		real;
	int64		integer = 0;
	char	   *end;

	switch (args->type)
	{
		case RV_VAL_INT:
			return *args;
		case RV_VAL_FLOAT:
			return cy_fn_float_to_integer(args->u.real);
		case RV_VAL_STRING:
			if (!cy_fn_parse_number(args, &real))
				return rvi_cy_null();
			errno = 0;
			integer = strtoll(pnstrdup(args->u.string, args->len), &end, 10);
			if (errno == 0 && *end == '\0')
				return rvi_cy_int(integer);
			return cy_fn_float_to_integer(real);
		default:
			rvi_cy_argument_error(call, 0, args);
	}
}

static RvValue
cy_fn_to_float(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	double		real;

	switch (args->type)
	{
		case RV_VAL_INT:
			return rvi_cy_float((double) args->u.integer);
		case RV_VAL_FLOAT:
			return *args;
		case RV_VAL_STRING:
			return cy_fn_parse_number(args, &real) ? rvi_cy_float(real) : rvi_cy_null();
		default:
			rvi_cy_argument_error(call, 0, args);
	}
}

static RvValue
cy_fn_to_boolean(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	switch (args->type)
	{
		case RV_VAL_BOOL:
			return *args;
		case RV_VAL_STRING:
			if (args->len == 4 && pg_strncasecmp(args->u.string, "true", 4) == 0)
				return rvi_cy_bool(true);
			if (args->len == 5 && pg_strncasecmp(args->u.string, "false", 5) == 0)
				return rvi_cy_bool(false);
			return rvi_cy_null();
		default:
			rvi_cy_argument_error(call, 0, args);
	}
}

const CyFunctionInfo rvi_cy_number_functions[] = {
	{"abs", 1, 1, CY_T_NUMBER, CY_T_NUMBER, true, cy_fn_abs},
	{"sign", 1, 1, CY_T_NUMBER, CY_T_INT, true, cy_fn_sign},
	{"ceil", 1, 1, CY_T_NUMBER, CY_T_FLOAT, true, cy_fn_ceil},
	{"floor", 1, 1, CY_T_NUMBER, CY_T_FLOAT, true, cy_fn_floor},
	{"round", 1, 1, CY_T_NUMBER, CY_T_FLOAT, true, cy_fn_round},
	{"sqrt", 1, 1, CY_T_NUMBER, CY_T_FLOAT, true, cy_fn_sqrt},
	{"rand", 0, 0, CY_T_ANY, CY_T_FLOAT, false, cy_fn_rand},
	{"tointeger", 1, 1, CY_T_ANY, CY_T_INT | CY_T_NULL, true, cy_fn_to_integer},
	{"tofloat", 1, 1, CY_T_ANY, CY_T_FLOAT | CY_T_NULL, true, cy_fn_to_float},
	{"toboolean", 1, 1, CY_T_ANY, CY_T_BOOL | CY_T_NULL, true, cy_fn_to_boolean},
	{NULL}
};
