/*-------------------------------------------------------------------------
 *
 * hnsw_scan_filter.c
 *	  How a scan with conditions on filter columns finds its candidates.
 *
 * Either by a walk through the graph in which only nodes that pass are
 * results (engine/core/hnsw, filtered), or, when few rows pass, by scoring
 * all of those: the filter pages say which they are. Which is cheaper follows
 * from the share of rows that pass, measured on some filter pages. A walk has
 * a budget, in case the rows that pass are not where the query is; when it is
 * spent the scan goes on the other way, without the rows it has given out.
 *
 * Costs here are in distances computed on a walk, each a slot at random.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define FILTERED_SAMPLE_PAGES 24
#define FILTERED_RELUCTANT_SHARE 0.5	/* below: ways through are scored at second sight */
#define FILTERED_MORE 2.5		/* how much further such a walk goes as fewer pass; twice as far at 10 % */
#define FILTERED_REACH 0.8		/* of the calibrated reach, as without a filter */
#define FILTERED_POOL 2			/* times ef candidates are kept: the stop rule bounds the work */
#define FILTERED_LEAST_SHARE 1e-6	/* of rows that pass, when the sample has none */

void
rvi_hnsw_filtered_begin(RvHnswFiltered *filtered, RveNode bound, int ef)
{
	double		share = rvi_hnsw_filter_sample(&filtered->graph->reader, filtered->graph->filter,
											   bound, FILTERED_SAMPLE_PAGES);

	filtered->bound = bound;
	filtered->share = Max(share, FILTERED_LEAST_SHARE);
	filtered->all_cost = rvi_hnsw_passing_cost(bound, filtered->share);
	filtered->exhaustive = false;
	filtered->reluctant = filtered->share < FILTERED_RELUCTANT_SHARE;
	filtered->pool = Min(FILTERED_POOL * ef, RVE_HNSW_MAX_EF);
	filtered->given_count = 0;
	filtered->taken = 0;
}

double
rvi_hnsw_passing_cost(double rows, double share)
{
	return RV_HNSW_COST_PASSING * rows * share + RV_HNSW_COST_TEST * rows + RV_HNSW_COST_LEAST;
}

double
rvi_hnsw_walk_cost(int m, int ef, double k, double share)
{
	return RV_HNSW_COST_RANK * m * (k / share + ef);
}

bool
rvi_hnsw_filtered_prefers_all(const RvHnswFiltered *filtered, int ef, int k)
{
	return filtered->all_cost <
		rvi_hnsw_walk_cost(filtered->graph->graph.m, ef, k, filtered->share);
}

void
rvi_hnsw_filtered_stop(const RvHnswFiltered *filtered, int ef, int k, int *stop_k, float *ratio)
{
	const RvHnswIndex *index = filtered->graph->reader.index;
	double		more = ef * (1 + Min(1, FILTERED_MORE * (FILTERED_RELUCTANT_SHARE -
													 Min(filtered->share,
														 FILTERED_RELUCTANT_SHARE))));
	double		rank = k / filtered->share;
	double		near = rvi_hnsw_calibrated(index, rank);
	double		beyond = k + ceil(more * filtered->share);

	if (near > 0 && index->metric != RVE_METRIC_IP)
	{
		*stop_k = k;
		*ratio = (float) (rvi_hnsw_calibrated(index, rank + more) / near);
		if (!filtered->reluctant)
			*ratio = 1 + FILTERED_REACH * (*ratio - 1);
		return;
	}
	*stop_k = beyond < filtered->pool ? (int) beyond : 0;
	*ratio = 1;
}

void
rvi_hnsw_filtered_give(RvHnswFiltered *filtered, RveNode node)
{
	if (filtered->given_count == filtered->given_room)
	{
		filtered->given_room = Max(256, 2 * filtered->given_room);
		filtered->given = filtered->given == NULL ?
			palloc(filtered->given_room * sizeof(RveNode)) :
			repalloc_huge(filtered->given, filtered->given_room * sizeof(RveNode));
	}
	filtered->given[filtered->given_count++] = node;
}

/* Scores rows that pass by the filter pages. RvHnswFilterVisit. */
static void
filtered_score(void *arg, const RveNode *nodes, int n)
{
	RvHnswFiltered *filtered = arg;
	float		dist[RVE_HNSW_MAX_DEGREE];
	int			from;
	int			i;

	for (from = 0; from < n; from += RVE_HNSW_MAX_DEGREE)
	{
		int			count = Min(n - from, RVE_HNSW_MAX_DEGREE);

		rvi_hnsw_score_rows(filtered->graph, nodes + from, count, dist);
		for (i = 0; i < count; i++)
		{
			RveCandidate row = {dist[i], nodes[from + i]};
			bool		is_new = true;

			if (isnan(row.dist))
				continue;
			if (filtered->given_count > 0)
				rv_runtime_check_status(rve_hnsw_search_mark(filtered->search, row.node, &is_new),
										"hnsw scan");
			if (is_new)
				rv_runtime_check_status(rve_hnsw_heap_push(&filtered->heap, row), "hnsw scan");
		}
	}
}

void
rvi_hnsw_filtered_find_all(RvHnswFiltered *filtered)
{
	bool		is_new;
	int			i;

	filtered->exhaustive = true;
	filtered->heap.count = 0;
	filtered->taken = filtered->given_count;
	rv_runtime_check_status(rve_hnsw_search_clear(filtered->search, filtered->bound), "hnsw scan");
	for (i = 0; i < filtered->given_count; i++)
		rv_runtime_check_status(rve_hnsw_search_mark(filtered->search, filtered->given[i],
													 &is_new), "hnsw scan");
	rvi_hnsw_filter_scan(&filtered->graph->reader, filtered->graph->filter, filtered->bound,
						 filtered_score, filtered);
}
