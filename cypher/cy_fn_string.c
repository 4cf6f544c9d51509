/*-------------------------------------------------------------------------
 *
 * cy_fn_string.c
 *	  Functions of strings; positions and lengths count characters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "utils/formatting.h"

#include "cypher/cy_fn.h"

static void
cy_fn_require_strings(const CyFunction *call, const RvValue *args, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (args[i].type != RV_VAL_STRING)
			rvi_cy_argument_error(call, i, &args[i]);
	}
}

/* A count or position: an integer that is not negative. */
static int64
cy_fn_count_arg(const CyFunction *call, const RvValue *args, int i)
{
	if (args[i].type != RV_VAL_INT)
		rvi_cy_argument_error(call, i, &args[i]);
	if (args[i].u.integer < 0)
		rvi_cy_error(CY_ERR_ARGUMENT, "NegativeIntegerArgument",
					 ((CyNode *) list_nth(call->args, i))->loc,
					 "argument of \"%s\" cannot be negative", call->name);
	return args[i].u.integer;
}

/* Bytes of the first n characters. */
static int
cy_fn_prefix(const char *text, int length, int64 n)
{
	return pg_mbcharcliplen(text, length, (int) Min(n, PG_INT32_MAX));
}

static RvValue
cy_fn_to_string(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	if (!CY_IS_NUMBER(args) && args->type != RV_VAL_STRING && args->type != RV_VAL_BOOL)
		rvi_cy_argument_error(call, 0, args);
	return rvi_cy_to_string(args);
}

static RvValue
cy_fn_to_upper(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_strings(call, args, 1);
	return rvi_cy_cstring(str_toupper(args->u.string, args->len, DEFAULT_COLLATION_OID));
}

static RvValue
cy_fn_to_lower(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_strings(call, args, 1);
	return rvi_cy_cstring(str_tolower(args->u.string, args->len, DEFAULT_COLLATION_OID));
}

static bool
cy_fn_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static RvValue
cy_fn_trim_sides(const CyFunction *call, const RvValue *args, bool left, bool right)
{
	const char *start;
	const char *end;

	cy_fn_require_strings(call, args, 1);
	start = args->u.string;
	end = start + args->len;
	while (left && start < end && cy_fn_is_space(*start))
		start++;
	while (right && start < end && cy_fn_is_space(end[-1]))
		end--;
	return rvi_cy_string(start, end - start);
}

static RvValue
cy_fn_trim(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return cy_fn_trim_sides(call, args, true, true);
}

static RvValue
cy_fn_ltrim(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return cy_fn_trim_sides(call, args, true, false);
}

static RvValue
cy_fn_rtrim(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	return cy_fn_trim_sides(call, args, false, true);
}

static RvValue
cy_fn_substring(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	int			skip;
	int			length;

	cy_fn_require_strings(call, args, 1);
	skip = cy_fn_prefix(args->u.string, args->len, cy_fn_count_arg(call, args, 1));
	length = args->len - skip;
	if (list_length(call->args) == 3)
		length = cy_fn_prefix(args->u.string + skip, length, cy_fn_count_arg(call, args, 2));
	return rvi_cy_string(args->u.string + skip, length);
}

static RvValue
cy_fn_left(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	cy_fn_require_strings(call, args, 1);
	return rvi_cy_string(args->u.string, cy_fn_prefix(args->u.string, args->len,
													  cy_fn_count_arg(call, args, 1)));
}

static RvValue
cy_fn_right(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	int64		n;
	int			skip;

	cy_fn_require_strings(call, args, 1);
	n = pg_mbstrlen_with_len(args->u.string, args->len) - cy_fn_count_arg(call, args, 1);
	skip = cy_fn_prefix(args->u.string, args->len, Max(n, 0));
	return rvi_cy_string(args->u.string + skip, args->len - skip);
}

static RvValue
cy_fn_reverse(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	char	   *bytes;
	int			i = 0;

	if (args->type == RV_VAL_LIST)
	{
		RvValue		list = rvi_cy_list_make(args->len);

		for (uint32 k = 0; k < args->len; k++)
			list.u.items[k] = args->u.items[args->len - 1 - k];
		return list;
	}
	cy_fn_require_strings(call, args, 1);
	bytes = palloc(Max(args->len, 1));
	while (i < (int) args->len)
	{
		int			n = pg_mblen(args->u.string + i);

		memcpy(bytes + args->len - i - n, args->u.string + i, n);
		i += n;
	}
	return rvi_cy_string(bytes, args->len);
}

/* Next place of part in text from position at on, or -1; both are valid text, so bytes suffice. */
static int64
cy_fn_find(const RvValue *text, const RvValue *part, int64 at)
{
	const char *found = memmem(text->u.string + at, text->len - at, part->u.string, part->len);

	return found == NULL ? -1 : found - text->u.string;
}

static RvValue
cy_fn_replace(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	StringInfoData out;
	int64		at = 0;
	int64		found;

	cy_fn_require_strings(call, args, 3);
	if (args[1].len == 0)
		return args[0];
	initStringInfo(&out);
	while ((found = cy_fn_find(&args[0], &args[1], at)) >= 0)
	{
		appendBinaryStringInfo(&out, args[0].u.string + at, found - at);
		appendBinaryStringInfo(&out, args[2].u.string, args[2].len);
		at = found + args[1].len;
	}
	appendBinaryStringInfo(&out, args[0].u.string + at, args[0].len - at);
	return rvi_cy_string(out.data, out.len);
}

static RvValue
cy_fn_split(CyExec *exec, const CyFunction *call, const RvValue *args)
{
	uint64		n = 1;
	int64		at = 0;
	int64		found;
	RvValue		list;

	cy_fn_require_strings(call, args, 2);
	if (args[1].len == 0)
		rvi_cy_error(CY_ERR_ARGUMENT, "InvalidArgumentValue", call->node.loc,
					 "the delimiter of split() cannot be empty");
	while ((found = cy_fn_find(&args[0], &args[1], at)) >= 0)
	{
		n++;
		at = found + args[1].len;
	}
	list = rvi_cy_list_make(n);
	at = 0;
	for (uint64 i = 0; i < n; i++)
	{
		found = i + 1 < n ? cy_fn_find(&args[0], &args[1], at) : args[0].len;
		list.u.items[i] = rvi_cy_string(args[0].u.string + at, found - at);
		at = found + args[1].len;
	}
	return list;
}

const CyFunctionInfo rvi_cy_string_functions[] = {
	{"tostring", 1, 1, CY_T_ANY, CY_T_STRING, true, cy_fn_to_string},
	{"toupper", 1, 1, CY_T_STRING, CY_T_STRING, true, cy_fn_to_upper},
	{"tolower", 1, 1, CY_T_STRING, CY_T_STRING, true, cy_fn_to_lower},
	{"trim", 1, 1, CY_T_STRING, CY_T_STRING, true, cy_fn_trim},
	{"ltrim", 1, 1, CY_T_STRING, CY_T_STRING, true, cy_fn_ltrim},
	{"rtrim", 1, 1, CY_T_STRING, CY_T_STRING, true, cy_fn_rtrim},
	{"substring", 2, 3, CY_T_STRING, CY_T_STRING, true, cy_fn_substring},
	{"left", 2, 2, CY_T_STRING, CY_T_STRING, true, cy_fn_left},
	{"right", 2, 2, CY_T_STRING, CY_T_STRING, true, cy_fn_right},
	{"reverse", 1, 1, CY_T_STRING | CY_T_LIST, CY_T_STRING | CY_T_LIST, true, cy_fn_reverse},
	{"replace", 3, 3, CY_T_STRING, CY_T_STRING, true, cy_fn_replace},
	{"split", 2, 2, CY_T_STRING, CY_T_LIST, true, cy_fn_split},
	{NULL}
};
