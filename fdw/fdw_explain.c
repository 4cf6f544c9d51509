/*-------------------------------------------------------------------------
 *
 * fdw_explain.c
 *	  What EXPLAIN says of a scan: the graph, the way in, what was pushed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "fdw/fdw_int.h"

static const char *
explain_access(RviFdwKind kind, RviFdwAccess access)
{
	switch (access)
	{
		case RVI_ACCESS_ID:
			return kind == RVI_FDW_NODES ? "nodes by id" : "edges by id";
		case RVI_ACCESS_LABEL:
			return "nodes by label";
		case RVI_ACCESS_TYPE:
			return "edges by type";
		case RVI_ACCESS_START:
			return "edges from start_id";
		case RVI_ACCESS_END:
			return "edges to end_id";
		case RVI_ACCESS_BOTH:
			return "edges from start_id to end_id";
		case RVI_ACCESS_ALL:
			break;
	}
	return kind == RVI_FDW_NODES ? "all nodes" : "all edges";
}

/* Pushed conditions are in fdw_exprs (values) and fdw_recheck_quals (clauses), in one order. */
void
rvi_fdw_explain(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	RviFdwTable *table = rvi_fdw_table(RelationGetRelid(node->ss.ss_currentRelation));
	List	   *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	bool		useprefix = list_length(es->rtable) > 1 || es->verbose;
	bool		given[RVI_FIELD_PROPERTIES + 1] = {false};
	char	   *graph = table->graph;
	List	   *pushed = NIL;
	ListCell   *field;
	ListCell   *value;
	ListCell   *clause;

	forthree(field, list_nth(plan->fdw_private, RVI_PRIVATE_FIELDS),
			 value, plan->fdw_exprs, clause, plan->fdw_recheck_quals)
	{
		given[lfirst_int(field)] = true;
		if (lfirst_int(field) == RVI_FIELD_GRAPH && graph == NULL)
			graph = deparse_expression(lfirst(value), context, useprefix, false);
		else
			pushed = lappend(pushed, lfirst(clause));
	}
	ExplainPropertyText("Graph", graph != NULL ? graph : "all readable", es);
	ExplainPropertyText("Access", explain_access(table->kind,
												 rvi_fdw_choose_access(table->kind, given)), es);
	if (pushed != NIL)
	{
		Node	   *all = (Node *) make_ands_explicit(pushed);

		ExplainPropertyText("Pushed", deparse_expression(all, context, useprefix, false), es);
	}
}
