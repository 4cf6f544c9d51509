/*-------------------------------------------------------------------------
 *
 * advice_plan.c
 *	  The index scans of a plan that return rows by distance.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "indexam/advice_int.h"

static void
advice_plan_add(PlannedStmt *plan, IndexScan *node, List **scans)
{
	AdviceScan *scan;
	Node	   *order;

	if (node->indexorderbyorig == NIL)
		return;
	order = linitial(node->indexorderbyorig);
	if (!IsA(order, OpExpr))
		return;
	scan = palloc0(sizeof(AdviceScan));
	scan->relid = rt_fetch(node->scan.scanrelid, plan->rtable)->relid;
	scan->index = node->indexid;
	scan->op = ((OpExpr *) order)->opno;
	scan->filtered = node->scan.plan.qual != NIL;
	scan->rows = node->scan.plan.plan_rows;
	*scans = lappend(*scans, scan);
}

static void advice_plan_walk(PlannedStmt *plan, Plan *node, List **scans);

static void
advice_plan_walk_list(PlannedStmt *plan, List *nodes, List **scans)
{
	ListCell   *cell;

	foreach(cell, nodes)
		advice_plan_walk(plan, lfirst(cell), scans);
}

static void
advice_plan_walk(PlannedStmt *plan, Plan *node, List **scans)
{
	if (node == NULL)
		return;
	switch (nodeTag(node))
	{
		case T_IndexScan:
			advice_plan_add(plan, (IndexScan *) node, scans);
			break;
		case T_Append:
			advice_plan_walk_list(plan, ((Append *) node)->appendplans, scans);
			break;
		case T_MergeAppend:
			advice_plan_walk_list(plan, ((MergeAppend *) node)->mergeplans, scans);
			break;
		case T_SubqueryScan:
			advice_plan_walk(plan, ((SubqueryScan *) node)->subplan, scans);
			break;
		case T_CustomScan:
			advice_plan_walk_list(plan, ((CustomScan *) node)->custom_plans, scans);
			break;
		default:
			break;
	}
	advice_plan_walk(plan, node->lefttree, scans);
	advice_plan_walk(plan, node->righttree, scans);
}

List *
rvi_advice_scans(PlannedStmt *plan)
{
	List	   *scans = NIL;

	advice_plan_walk(plan, plan->planTree, &scans);
	advice_plan_walk_list(plan, plan->subplans, &scans);
	return scans;
}

PlannedStmt *
rvi_advice_forced_plan(AdviceContext *context)
{
	static const char *const off[] = {"enable_seqscan", "enable_sort", "enable_bitmapscan"};
	int			level = NewGUCNestLevel();
	PlannedStmt *plan;
	int			i;

	for (i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
								 0, false);
	plan = pg_plan_query(copyObject(context->query), context->text, 0, NULL);
	AtEOXact_GUC(true, level);
	return plan;
}

const AdviceScan *
rvi_advice_scan_of(List *scans, const AdviceSite *site)
{
	List	   *relations = find_all_inheritors(site->distance.relid, AccessShareLock, NULL);
	ListCell   *cell;

	foreach(cell, scans)
	{
		const AdviceScan *scan = lfirst(cell);

		if (scan->op == site->distance.op && list_member_oid(relations, scan->relid))
			return scan;
	}
	return NULL;
}
