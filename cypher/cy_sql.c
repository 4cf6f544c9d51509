/*-------------------------------------------------------------------------
 *
 * cy_sql.c
 *	  ruvector_cypher and ruvector_cypher_explain.
 *
 * A query is parsed, analysed and planned at each call, then run to its end
 * into a tuplestore: a caller that stops reading early cannot leave half of
 * what the query writes undone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "cypher/cy_plan.h"

RV_FUNCTION_INFO_V1(ruvector_cypher);
RV_FUNCTION_INFO_V1(ruvector_cypher_explain);

/* Where rows go. */
typedef struct CyOutput
{
	Tuplestorestate *store;
	TupleDesc	desc;
	MemoryContext context;		/* of one row */
	const CyPlanned *planned;
} CyOutput;

/* Sets up the result: one column of the given type, in the caller's query context. */
static void
cy_sql_result(FunctionCallInfo fcinfo, Oid type, CyOutput *output)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	output->desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(output->desc, 1, "result", type, -1, 0);
	output->store = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
										  false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = output->store;
	rsinfo->setDesc = output->desc;
	MemoryContextSwitchTo(old);
}

static char *
cy_sql_text_arg(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" cannot be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* A jsonb object's members as parameters. */
static void
cy_sql_params(Jsonb *json, CyExec *exec)
{
	JsonbIterator *it;
	JsonbValue	element;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters must be a JSON object"),
				 errhint("Write them as '{\"name\": value, ...}'.")));
	exec->params = palloc(Max(JB_ROOT_COUNT(json), 1) * sizeof(CyParamValue));
	it = JsonbIteratorInit(&json->root);
	(void) JsonbIteratorNext(&it, &element, true);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			exec->params[exec->nparams].name = pnstrdup(element.val.string.val,
														element.val.string.len);
		else if (token == WJB_VALUE)
			rv_graph_value_from_jsonb(&element, &exec->params[exec->nparams++].value);
	}
}

/* Every parameter that the query names must be there, whether or not it is reached. */
static void
cy_sql_check_params(const CyQuery *query, const CyExec *exec)
{
	ListCell   *cell;

	foreach(cell, query->params)
	{
		CyParam    *param = lfirst(cell);

		if (rvi_cy_param_find(exec, param->name) == NULL)
			rvi_cy_error(CY_ERR_PARAMETER_MISSING, "MissingParameter", param->node.loc,
						 "parameter \"%s\" is missing", param->name);
	}
}

/* CyEmit: the row as an object keyed by column name. */
static void
cy_sql_emit(CyExec *exec, void *arg)
{
	CyOutput   *output = arg;
	MemoryContext old = MemoryContextSwitchTo(output->context);
	JsonbParseState *state = NULL;
	ListCell   *name;
	ListCell   *slot;
	Datum		value;
	bool		isnull = false;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	forboth(name, output->planned->names, slot, output->planned->slots)
	{
		JsonbValue	key = {.type = jbvString};

		key.val.string.val = lfirst(name);
		key.val.string.len = strlen(lfirst(name));
		pushJsonbValue(&state, WJB_KEY, &key);
		rvi_cy_slot_to_jsonb(exec, &state, lfirst_int(slot));
	}
	value = JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	tuplestore_putvalues(output->store, output->desc, &value, &isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(output->context);
}

static void
cy_sql_run(const char *graph, const char *text, Jsonb *params, CyOutput *output)
{
	CyQuery    *query = rvi_cy_parse(text);
	CyExec		exec = {.context = CurrentMemoryContext, .snapshot = GetActiveSnapshot()};
	CyPlanned	planned;

	rvi_cy_analyze(query);
	if (params != NULL)
		cy_sql_params(params, &exec);
	cy_sql_check_params(query, &exec);
	exec.graph = rv_graph_open(graph, query->writes ? RV_GRAPH_WRITE : RV_GRAPH_READ);
	rvi_cy_plan(query, exec.graph, &planned);
	exec.nslots = planned.nslots;
	exec.row = palloc0(Max(exec.nslots, 1) * sizeof(RvValue));
	exec.entities = palloc0(Max(exec.nslots, 1) * sizeof(CyEntity));
	output->planned = &planned;
	output->context = AllocSetContextCreate(CurrentMemoryContext, "cypher result row",
											ALLOCSET_DEFAULT_SIZES);
	rvi_cy_exec_run(&exec, &planned, cy_sql_emit, output);
	rv_graph_close(exec.graph);
}

static void
cy_sql_explain(const char *graph_name, const char *text, CyOutput *output)
{
	CyQuery    *query = rvi_cy_parse(text);
	RvGraph		graph;
	CyPlanned	planned;
	ListCell   *cell;

	rvi_cy_analyze(query);
	graph = rv_graph_open(graph_name, RV_GRAPH_READ);
	rvi_cy_plan(query, graph, &planned);
	foreach(cell, rvi_cy_explain(&planned, text))
	{
		Datum		value = CStringGetTextDatum(lfirst(cell));
		bool		isnull = false;

		tuplestore_putvalues(output->store, output->desc, &value, &isnull);
	}
	rv_graph_close(graph);
}

Datum
ruvector_cypher(PG_FUNCTION_ARGS)
{
	char	   *graph = cy_sql_text_arg(fcinfo, 0, "graph");
	char	   *query = cy_sql_text_arg(fcinfo, 1, "query");
	Jsonb	   *params = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	CyOutput	output = {0};
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = rvi_cy_error_callback,.arg = query};
	MemoryContext context;
	MemoryContext old;

	cy_sql_result(fcinfo, JSONBOID, &output);
	context = AllocSetContextCreate(CurrentMemoryContext, "cypher query", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	error_context_stack = &callback;
	cy_sql_run(graph, query, params, &output);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

Datum
ruvector_cypher_explain(PG_FUNCTION_ARGS)
{
	char	   *graph = cy_sql_text_arg(fcinfo, 0, "graph");
	char	   *query = cy_sql_text_arg(fcinfo, 1, "query");
	CyOutput	output = {0};
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = rvi_cy_error_callback,.arg = query};
	MemoryContext context;
	MemoryContext old;

	cy_sql_result(fcinfo, TEXTOID, &output);
	context = AllocSetContextCreate(CurrentMemoryContext, "cypher query", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	error_context_stack = &callback;
	cy_sql_explain(graph, query, &output);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
