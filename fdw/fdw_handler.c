/*-------------------------------------------------------------------------
 *
 * fdw_handler.c
 *	  The handler of foreign-data wrapper ruvector_graph_fdw.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fdw/fdw_int.h"

RV_FUNCTION_INFO_V1(ruvector_graph_fdw_handler);

Datum
ruvector_graph_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = rvi_fdw_get_rel_size;
	routine->GetForeignPaths = rvi_fdw_get_paths;
	routine->GetForeignPlan = rvi_fdw_get_plan;
	routine->PlanForeignModify = rvi_fdw_plan_modify;
	routine->BeginForeignScan = rvi_fdw_begin_scan;
	routine->IterateForeignScan = rvi_fdw_iterate_scan;
	routine->ReScanForeignScan = rvi_fdw_rescan;
	routine->EndForeignScan = rvi_fdw_end_scan;
	routine->ExplainForeignScan = rvi_fdw_explain;
	PG_RETURN_POINTER(routine);
}
