/*-------------------------------------------------------------------------
 *
 * gr_sql.c
 *	  SQL functions over the store.
 *
 * Thin adaptors: arguments in, one call of the store, result out. The graph is
 * opened for each call; the backend's cache makes that a few hash look-ups.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "catalog/rv_catalog.h"
#include "engine/graph/gr_int.h"

RV_FUNCTION_INFO_V1(ruvector_graph_create);
RV_FUNCTION_INFO_V1(ruvector_graph_delete);
RV_FUNCTION_INFO_V1(ruvector_graph_list);
RV_FUNCTION_INFO_V1(ruvector_graph_guard);
RV_FUNCTION_INFO_V1(ruvector_node_add);
RV_FUNCTION_INFO_V1(ruvector_edge_add);
RV_FUNCTION_INFO_V1(ruvector_neighbors);

/* ---- graphs ---- */

Datum
ruvector_graph_create(PG_FUNCTION_ARGS)
{
	rvi_graph_create(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

Datum
ruvector_graph_delete(PG_FUNCTION_ARGS)
{
	rvi_graph_delete(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/*
 * ruvector_graph_list() -> (name text, owner name, schema name, nodes bigint,
 * edges bigint): the graphs that the current user may read. Numbers are exact
 * for small graphs, estimates for others (rvi_graph_rows).
 */
Datum
ruvector_graph_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, rv_graph_names())
	{
		RvGraph		graph = rv_graph_open_as(lfirst(cell), RV_GRAPH_READ, GetUserId(),
											 RV_GRAPH_MISSING_OK | RV_GRAPH_DENIED_OK);
		Datum		values[5];
		bool		nulls[5] = {false};
		NameData	owner;
		NameData	schema;

		if (graph == NULL)
			continue;
		namestrcpy(&owner, GetUserNameFromId(graph->node->rd_rel->relowner, false));
		namestrcpy(&schema, get_namespace_name(RelationGetNamespace(graph->node)));
		values[0] = CStringGetTextDatum(rv_graph_name(graph));
		values[1] = NameGetDatum(&owner);
		values[2] = NameGetDatum(&schema);
		values[3] = Int64GetDatum(rvi_graph_rows(graph->node, GetActiveSnapshot()));
		values[4] = Int64GetDatum(rvi_graph_rows(graph->edge, GetActiveSnapshot()));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		rv_graph_close(graph);
	}
	return (Datum) 0;
}

/*
 * Trigger on the tables of every graph: rows are the store's business.
 * Replication and pg_restore --disable-triggers do not fire it.
 */
Datum
ruvector_graph_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("ruvector_graph_guard can only be called as a trigger")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s.%s\" holds a graph and cannot be changed directly",
					get_namespace_name(RelationGetNamespace(trigger->tg_relation)),
					RelationGetRelationName(trigger->tg_relation)),
			 errhint("Use ruvector_node_add, ruvector_edge_add or ruvector_cypher.")));
	PG_RETURN_NULL();
}

/* ---- arguments ---- */

static void
sql_refuse_null(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

/* Interns the labels of a text[] argument; null is no labels. */
static int32 *
sql_labels(FunctionCallInfo fcinfo, int argno, RvGraph graph, int *nlabels)
{
	Datum	   *elements;
	bool	   *nulls;
	int32	   *labels;

	*nlabels = 0;
	if (PG_ARGISNULL(argno))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, nlabels);
	labels = palloc(sizeof(int32) * Max(*nlabels, 1));
	for (int i = 0; i < *nlabels; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a label must not be null")));
		labels[i] = rv_graph_token_intern(graph, RV_TOKEN_LABEL, TextDatumGetCString(elements[i]));
	}
	return labels;
}

static RvProps *
sql_props(FunctionCallInfo fcinfo, int argno, RvGraph graph)
{
	if (PG_ARGISNULL(argno))
		return NULL;
	return rv_graph_props_from_jsonb(graph, PG_GETARG_JSONB_P(argno));
}

/* ---- rows ---- */

/* ruvector_node_add(graph text, labels text[], properties jsonb) -> bigint */
Datum
ruvector_node_add(PG_FUNCTION_ARGS)
{
	RvGraph		graph;
	int			nlabels;
	int32	   *labels;
	int64		id;

	sql_refuse_null(fcinfo, 0, "graph");
	graph = rv_graph_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), RV_GRAPH_WRITE);
	labels = sql_labels(fcinfo, 1, graph, &nlabels);
	id = rv_graph_node_create(graph, labels, nlabels, sql_props(fcinfo, 2, graph));
	rv_graph_close(graph);
	PG_RETURN_INT64(id);
}

/* ruvector_edge_add(graph text, start_id, end_id bigint, type text, properties jsonb) -> bigint */
Datum
ruvector_edge_add(PG_FUNCTION_ARGS)
{
	RvGraph		graph;
	int32		type;
	int64		id;

	sql_refuse_null(fcinfo, 0, "graph");
	sql_refuse_null(fcinfo, 1, "start_id");
	sql_refuse_null(fcinfo, 2, "end_id");
	sql_refuse_null(fcinfo, 3, "type");
	graph = rv_graph_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), RV_GRAPH_WRITE);
	type = rv_graph_token_intern(graph, RV_TOKEN_RELTYPE,
								 text_to_cstring(PG_GETARG_TEXT_PP(3)));
	id = rv_graph_edge_create(graph, PG_GETARG_INT64(1), PG_GETARG_INT64(2), type,
							  sql_props(fcinfo, 4, graph));
	rv_graph_close(graph);
	PG_RETURN_INT64(id);
}

/* ---- neighbours ---- */

static RvDirection
sql_direction(const char *word)
{
	if (pg_strcasecmp(word, "out") == 0)
		return RV_DIR_OUT;
	if (pg_strcasecmp(word, "in") == 0)
		return RV_DIR_IN;
	if (pg_strcasecmp(word, "both") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid direction \"%s\"", word),
				 errhint("Valid directions are \"out\", \"in\" and \"both\".")));
	return RV_DIR_BOTH;
}

/*
 * ruvector_neighbors(graph text, node_id bigint, direction text, type text)
 * -> (edge_id bigint, edge_type text, start_id bigint, end_id bigint, neighbor_id bigint)
 */
Datum
ruvector_neighbors(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RvDirection direction;
	RvGraph		graph;
	RvExpand	expand;
	RvEdge		edge;
	int64		neighbour;
	int32		type = RV_TOKEN_NONE;
	int			ntypes = PG_ARGISNULL(3) ? 0 : 1;

	sql_refuse_null(fcinfo, 0, "graph");
	sql_refuse_null(fcinfo, 1, "node_id");
	sql_refuse_null(fcinfo, 2, "direction");
	InitMaterializedSRF(fcinfo, 0);
	direction = sql_direction(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	graph = rv_graph_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), RV_GRAPH_READ);
	if (ntypes > 0)
		type = rv_graph_token_find(graph, RV_TOKEN_RELTYPE,
								   text_to_cstring(PG_GETARG_TEXT_PP(3)));

	/* a type that was never used has the id none, which no edge has */
	expand = rv_graph_expand_begin(graph, GetActiveSnapshot(), direction, &type, ntypes);
	rv_graph_expand_start(expand, PG_GETARG_INT64(1), -1);
	while (rv_graph_expand_next(expand, &edge, &neighbour))
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = Int64GetDatum(edge.id);
		values[1] = CStringGetTextDatum(rv_graph_token_name(graph, RV_TOKEN_RELTYPE, edge.type));
		values[2] = Int64GetDatum(edge.src);
		values[3] = Int64GetDatum(edge.dst);
		values[4] = Int64GetDatum(neighbour);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		pfree(DatumGetPointer(values[1]));
	}
	rv_graph_expand_end(expand);
	rv_graph_close(graph);
	return (Datum) 0;
}
