/*-------------------------------------------------------------------------
 *
 * cy_fn.c
 *	  The table of functions and what their implementations share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "cypher/cy_fn.h"

static const CyFunctionInfo cy_fn_aggregates[] = {
	{"count", 1, 1, CY_T_ANY, CY_T_INT, false, NULL, CY_AGG_COUNT},
	{"sum", 1, 1, CY_T_NUMBER, CY_T_NUMBER, false, NULL, CY_AGG_SUM},
	{"avg", 1, 1, CY_T_NUMBER, CY_T_FLOAT | CY_T_NULL, false, NULL, CY_AGG_AVG},
	{"min", 1, 1, CY_T_ANY, CY_T_ANY, false, NULL, CY_AGG_MIN},
	{"max", 1, 1, CY_T_ANY, CY_T_ANY, false, NULL, CY_AGG_MAX},
	{"collect", 1, 1, CY_T_ANY, CY_T_LIST, false, NULL, CY_AGG_COLLECT},
	{NULL}
};

const CyFunctionInfo *
rvi_cy_function_find(const char *name)
{
	const CyFunctionInfo *const tables[] = {
		cy_fn_aggregates, rvi_cy_graph_functions, rvi_cy_list_functions,
		rvi_cy_number_functions, rvi_cy_string_functions
	};

	for (int t = 0; t < lengthof(tables); t++)
	{
		for (const CyFunctionInfo *info = tables[t]; info->name != NULL; info++)
		{
			if (pg_strcasecmp(info->name, name) == 0)
				return info;
		}
	}
	return NULL;
}

RvValue
rvi_cy_list_make(uint64 n)
{
	RvValue		list = {.type = RV_VAL_LIST, .len = n};

	if (n > MaxAllocSize / sizeof(RvValue))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a list cannot have more than %zu elements",
						MaxAllocSize / sizeof(RvValue))));
	list.u.items = palloc(Max(n, 1) * sizeof(RvValue));
	return list;
}

double
rvi_cy_to_double(const RvValue *number)
{
	return number->type == RV_VAL_INT ? (double) number->u.integer : number->u.real;
}

RvValue
rvi_cy_cstring(const char *text)
{
	return rvi_cy_string(text, strlen(text));
}

RvValue
rvi_cy_to_string(const RvValue *value)
{
	char	   *text;

	switch (value->type)
	{
		case RV_VAL_INT:
			text = palloc(MAXINT8LEN + 1);
			pg_lltoa(value->u.integer, text);
			return rvi_cy_cstring(text);
		case RV_VAL_FLOAT:
			text = palloc(DOUBLE_SHORTEST_DECIMAL_LEN + 2);
			double_to_shortest_decimal_buf(value->u.real, text);
			if (strspn(text, "-0123456789") == strlen(text))
				strcat(text, ".0");
			return rvi_cy_cstring(text);
		case RV_VAL_BOOL:
			return rvi_cy_cstring(value->u.boolean ? "true" : "false");
		default:
			return *value;
	}
}

void
rvi_cy_argument_error(const CyFunction *call, int i, const RvValue *value)
{
	const CyNode *arg = list_nth(call->args, i);

	rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentValue", arg->loc,
				 "function \"%s\" cannot be applied to %s", call->name,
				 rvi_cy_type_noun(value->type));
}
