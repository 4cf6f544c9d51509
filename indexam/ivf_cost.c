/*-------------------------------------------------------------------------
 *
 * ivf_cost.c
 *	  What an ordered ivfflat scan costs.
 *
 * All lists are ranked, then the codes of `probes` of them are scanned, 32 at
 * a time, and a few hundred vectors are read. The first row needs all of
 * that; each further row of the batch is nearly free, and an iterative scan
 * pays the same again for the next lists. Pages are charged as the share of
 * the index that is read, sequentially.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define IVF_COST_CODES_PER_STEP 16	/* codes that cost as much as one operator call */
#define IVF_COST_MEASURED 100	/* vectors read for the first rows */
#define IVF_COST_CODE_SHARE 0.1 /* of the index's pages; the rest are vectors */

/* PostgreSQL callback */
void
ivfcostestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
				Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
				double *correlation, double *pages)
{
	GenericCosts costs;
	Relation	index;
	double		random_page_cost;
	double		sequential_page_cost;
	double		tuples = Max(path->indexinfo->tuples, 1);
	double		lists;
	double		ratio;
	double		measured;
	Cost		first;

	*correlation = 0;
	*pages = path->indexinfo->pages;
	*selectivity = 1;
	if (path->indexorderbys == NIL)
	{
		/* there is nothing but the order to get from this index */
		*startup_cost = *total_cost = DBL_MAX;
		*selectivity = 0;
		return;
	}
	MemSet(&costs, 0, sizeof(costs));
	genericcostestimate(root, path, loop_count, &costs);
	*selectivity = costs.indexSelectivity;
	get_tablespace_page_costs(path->indexinfo->reltablespace, &random_page_cost,
							  &sequential_page_cost);
	index = index_open(path->indexinfo->indexoid, NoLock);
	lists = rvi_ivf_option_lists(index);
	index_close(index, NoLock);

	ratio = Min(rv_ivfflat_probes / lists, 1.0);
	measured = Min(IVF_COST_MEASURED, tuples * ratio);
	first = lists * cpu_operator_cost +
		tuples * ratio / IVF_COST_CODES_PER_STEP * cpu_operator_cost +
		*pages * ratio * IVF_COST_CODE_SHARE * sequential_page_cost +
		measured * (cpu_index_tuple_cost + cpu_operator_cost) +
		Min(measured, *pages * ratio) * sequential_page_cost;
	*startup_cost = first;

	/* all rows: every list is scanned and every vector read */
	*total_cost = first + (rv_ivfflat_iterative_scan == RV_IVFFLAT_ITERATIVE_OFF ? ratio : 1.0) *
		(tuples * (cpu_index_tuple_cost + cpu_operator_cost) + *pages * sequential_page_cost);
}
