/*-------------------------------------------------------------------------
 *
 * cy_fn_list.c
 *	  Functions of lists, and those that take anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "cypher/cy_fn.h"

static RvValue
cy_fn_exists(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return rvi_cy_bool(args->type != RV_VAL_NULL);
}

/* Elements of a list, characters of a string. */
static RvValue
cy_fn_size(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (args->type == RV_VAL_LIST)
		return rvi_cy_int(args->len);
	if (args->type != RV_VAL_STRING)
		rvi_cy_argument_error(call, 0, args);
	return rvi_cy_int(pg_mbstrlen_with_len(args->u.string, args->len));
}

static void
cy_fn_require_list(const CyFunction *call, const RvValue *args)
{
	if (args->type != RV_VAL_LIST)
		rvi_cy_argument_error(call, 0, args);
}

static RvValue
cy_fn_head(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_list(call, args);
	return args->len > 0 ? args->u.items[0] : rvi_cy_null();
}

static RvValue
cy_fn_last(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_list(call, args);
	return args->len > 0 ? args->u.items[args->len - 1] : rvi_cy_null();
}

static RvValue
cy_fn_tail(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	RvValue		list;

	cy_fn_require_list(call, args);
	list = rvi_cy_list_make(args->len > 0 ? args->len - 1 : 0);
	if (list.len > 0)
		memcpy(list.u.items, args->u.items + 1, list.len * sizeof(RvValue));
	return list;
}

/* range(start, end [, step]), both ends included. */
static RvValue
cy_fn_range(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	int			nargs = list_length(call->args);
	int64		step;
	uint64		n = 0;
	RvValue		list;

	for (int i = 0; i < nargs; i++)
	{
		if (args[i].type != RV_VAL_INT)
			rvi_cy_error(CY_ERR_ARGUMENT, "InvalidArgumentType",
						 ((CyNode *) list_nth(call->args, i))->loc,
						 "range() needs integers");
	}
	step = nargs == 3 ? args[2].u.integer : 1;
	if (step == 0)
		rvi_cy_error(CY_ERR_ARGUMENT, "NumberOutOfRange", ((CyNode *) lthird(call->args))->loc,
					 "the step of range() cannot be 0");
	if (step > 0 && args[0].u.integer <= args[1].u.integer)
		n = ((uint64) args[1].u.integer - (uint64) args[0].u.integer) / step;
	else if (step < 0 && args[0].u.integer >= args[1].u.integer)
		n = ((uint64) args[0].u.integer - (uint64) args[1].u.integer) / -(uint64) step;
	else
		return rvi_cy_list_make(0);
	/* the last value is never beyond the end, so nothing can overflow */
	list = rvi_cy_list_make(Min(n, PG_UINT64_MAX - 1) + 1);
	for (uint32 i = 0; i < list.len; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		list.u.items[i] = rvi_cy_int((int64) ((uint64) args[0].u.integer +
											  (uint64) step * i));
	}
	return list;
}

const CyFunctionInfo rvi_cy_list_functions[] = {
	{"coalesce", 1, -1, CY_T_ANY, CY_T_ANY, false, NULL},
	{"exists", 1, 1, CY_T_ANY, CY_T_BOOL, false, cy_fn_exists},
	{"size", 1, 1, CY_T_LIST | CY_T_STRING, CY_T_INT, true, cy_fn_size},
	{"head", 1, 1, CY_T_LIST, CY_T_ANY, true, cy_fn_head},
	{"last", 1, 1, CY_T_LIST, CY_T_ANY, true, cy_fn_last},
	{"tail", 1, 1, CY_T_LIST, CY_T_LIST, true, cy_fn_tail},
	{"range", 2, 3, CY_T_ANY, CY_T_LIST, true, cy_fn_range},
	{NULL}
};
