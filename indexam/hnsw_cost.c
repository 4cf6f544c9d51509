/*-------------------------------------------------------------------------
 *
 * hnsw_cost.c
 *	  What an ordered hnsw scan costs.
 *
 * A search scores about ef * m nodes (each of the ef expanded nodes brings
 * roughly m nodes not seen before), after m * log(N)/log(m) on the way down,
 * and reads ef vectors. Nearly all pages are shared by all searches, so they
 * are charged as cached up to effective_cache_size. All of that is start-up
 * cost: the first row needs it, the next ef - 1 rows come free. Further rows
 * resume the search, at the same price per ef rows.
 *
 * With conditions on filter columns a search either walks over as many more
 * nodes as fewer pass, or scores all rows that pass (hnsw_scan_filter.c); the
 * cheaper of the two, by the planner's estimate of how many they are. Filter
 * pages are charged as a sequential scan's, so that a btree index is preferred
 * where a few rows of many pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define COST_FIRST_ROWS 16		/* what a scan goes for first (hnsw_scan.c) */
#define COST_FILTER_ROWS 1000	/* with one word, on a filter page that is half full */
#define COST_LEAST_MISS 0.01	/* share of page accesses that miss even a large cache */

/* Accesses to so many pages at random. */
static Cost
cost_pages(double accesses, double pages, double random_page_cost)
{
	double		miss = 1.0 - (double) effective_cache_size / Max(pages, 1);

	return Min(accesses, pages) * Max(miss, COST_LEAST_MISS) * random_page_cost;
}

/* One search for ef rows among tuples in pages. */
static Cost
cost_search(double tuples, double pages, double random_page_cost, int m)
{
	double		ef = rv_hnsw_ef_search;
	double		scored;
	double		accesses;

	if (tuples < 1)
		tuples = 1;
	scored = Min(tuples, m * (ef + log(tuples) / log(Max(m, 2))));
	accesses = Min(2 * scored + 2 * Min(ef, tuples), 2 * pages + scored);
	return scored * (cpu_index_tuple_cost + cpu_operator_cost) +
		cost_pages(accesses, pages, random_page_cost);
}

/*
 * A search among tuples in pages of which a share passes the index's
 * conditions: what the first row costs, and all that pass.
 */
static void
cost_filtered(const struct IndexPath *path, double share, double random_page_cost,
			  double seq_page_cost, int m, Cost *startup_cost, Cost *total_cost)
{
	double		tuples = Max(path->indexinfo->tuples, 1);
	double		pages = path->indexinfo->pages;
	double		rows = Max(tuples * share, 1);
	double		per_distance = cpu_index_tuple_cost + cpu_operator_cost;
	double		walk = Min(rvi_hnsw_walk_cost(m, rv_hnsw_ef_search, COST_FIRST_ROWS, share), tuples);
	double		all = rvi_hnsw_passing_cost(tuples, share);
	Cost		walk_cost = walk * per_distance + cost_pages(2 * walk, pages, random_page_cost);
	double		filter_pages = ceil(tuples * (path->indexinfo->nkeycolumns - 1) / COST_FILTER_ROWS);
	Cost		all_cost = all * per_distance + filter_pages * seq_page_cost +
		cost_pages(2 * rows, pages, random_page_cost);
	Cost		measure_cost = rows * 2 * per_distance;

	*startup_cost = Min(walk_cost, all_cost);
	*total_cost = all_cost + measure_cost;
	if (walk_cost < all_cost)
		*total_cost = Min(*total_cost,
						  walk_cost * Max(rows / rv_hnsw_ef_search, 1) + measure_cost);
	*total_cost = Max(*total_cost, *startup_cost);
}

/* PostgreSQL callback */
void
hnswcostestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
				 Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
				 double *correlation, double *pages)
{
	GenericCosts costs;
	Relation	index;
	double		random_page_cost;
	double		seq_page_cost;
	double		batches;
	int			m;

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
							  &seq_page_cost);
	index = index_open(path->indexinfo->indexoid, NoLock);
	m = rvi_hnsw_option_m(index);
	index_close(index, NoLock);

	if (path->indexclauses != NIL)
	{
		double		tuples = Max(path->indexinfo->tuples, 1);
		double		share = costs.indexSelectivity * path->indexinfo->rel->tuples / tuples;

		cost_filtered(path, Min(Max(share, 1 / tuples), 1), random_page_cost, seq_page_cost, m,
					  startup_cost, total_cost);
		return;
	}
	*startup_cost = cost_search(path->indexinfo->tuples, path->indexinfo->pages,
								random_page_cost, m);
	batches = Max(1.0, path->indexinfo->tuples / rv_hnsw_ef_search);
	*total_cost = *startup_cost * batches;
}
