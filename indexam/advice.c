/*-------------------------------------------------------------------------
 *
 * advice.c
 *	  ruvector_explain_advice: why an ORDER BY over a distance misses the
 *	  index, and what to write instead.
 *
 * The query is parsed, rewritten and planned exactly as EXPLAIN would do it
 * for the caller: under the caller's search_path, settings, row security and
 * privileges. It is never executed; as with EXPLAIN, planning may evaluate
 * immutable functions of constants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "funcapi.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/advice_int.h"

#define ADVICE_COLUMNS 3

void
rvi_advice_emit(AdviceContext *context, const char *severity, const char *suggestion,
				const char *format,...)
{
	Datum		values[ADVICE_COLUMNS];
	bool		nulls[ADVICE_COLUMNS] = {false};
	StringInfoData advice;

	initStringInfo(&advice);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&advice, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&advice, needed);
	}
	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(advice.data);
	nulls[2] = suggestion == NULL;
	values[2] = suggestion == NULL ? (Datum) 0 : CStringGetTextDatum(suggestion);
	tuplestore_putvalues(context->result->setResult, context->result->setDesc, values, nulls);
}

/* Errors in the text point into it, not into the statement that called us. */
static void
advice_error_callback(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
	else
		errcontext("query given to ruvector_explain_advice");
}

/* The text as one SELECT, rewritten; raises an error for anything else. */
static Query *
advice_parse(const char *text)
{
	List	   *raw = raw_parser(text, RAW_PARSE_DEFAULT);
	List	   *queries = NIL;
	Oid		   *types = NULL;
	int			count = 0;

	if (list_length(raw) == 1 && IsA(linitial_node(RawStmt, raw)->stmt, SelectStmt))
		queries = pg_analyze_and_rewrite_varparams(linitial_node(RawStmt, raw), text, &types,
												   &count, NULL);
	if (list_length(queries) != 1 || linitial_node(Query, queries)->commandType != CMD_SELECT ||
		linitial_node(Query, queries)->hasModifyingCTE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("advice is given on a single SELECT that changes nothing")));
	return linitial_node(Query, queries);
}

RV_FUNCTION_INFO_V1(ruvector_explain_advice);

Datum
ruvector_explain_advice(PG_FUNCTION_ARGS)
{
	AdviceContext context = {.text = text_to_cstring(PG_GETARG_TEXT_PP(0))};
	ErrorContextCallback callback;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	context.result = (ReturnSetInfo *) fcinfo->resultinfo;
	callback.callback = advice_error_callback;
	callback.arg = unconstify(char *, context.text);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	context.query = advice_parse(context.text);
	context.plan = pg_plan_query(copyObject(context.query), context.text,
								 CURSOR_OPT_PARALLEL_OK, NULL);
	(void) ExecCheckRTPerms(context.plan->rtable, true);
	error_context_stack = callback.previous;

	context.scans = rvi_advice_scans(context.plan);
	context.classes = rvi_advice_classes();
	rvi_advice_find(&context);
	foreach(cell, context.sites)
		rvi_advice_judge(&context, lfirst(cell));
	PG_RETURN_NULL();
}
