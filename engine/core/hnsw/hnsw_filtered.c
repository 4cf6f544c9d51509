/*-------------------------------------------------------------------------
 *
 * hnsw_filtered.c
 *	  The search of level 0 when only some nodes may be results.
 *
 * Every node that is scored goes to a heap, the frontier, and is expanded in
 * the order of distance whether it passes or not. Those that pass compete for
 * the pool, the ef nearest in order; what leaves it is kept in a second heap
 * for resume. The search ends a stage when the frontier's nearest is farther
 * than the stop rule allows, and is complete when it is farther than the
 * last of a full pool or there is no frontier. A search that is resumed until
 * it returns nothing has returned every node it can reach that passes.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_core_int.h"

#include <math.h>
#include <string.h>

#define HFILTER_INTERRUPT_EVERY 64	/* expansions between two interrupt tests */

/* Puts a node that passes in its place; what does not fit goes to spare. */
static RveStatus
hfilter_pool_insert(RveHnswSearch *search, RveCandidate node)
{
	HsearchEntry entry = {node.dist, node.node, true, false};
	HsearchEntry *pool = search->pool;
	int			low = 0;
	int			high = search->pool_count;

	if (search->pool_count == search->ef && !(node.dist < pool[search->ef - 1].dist))
		return search->resumable ? rve_hnsw_heap_push(&search->spare, node) : RVE_OK;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (node.dist < pool[middle].dist)
			high = middle;
		else
			low = middle + 1;
	}
	if (search->pool_count == search->ef)
	{
		HsearchEntry *last = &pool[--search->pool_count];
		RveCandidate evicted = {last->dist, last->node};

		if (search->resumable && !last->taken)
		{
			RveStatus	status = rve_hnsw_heap_push(&search->spare, evicted);

			if (status != RVE_OK)
				return status;
		}
	}
	memmove(&pool[low + 1], &pool[low], (search->pool_count - low) * sizeof(HsearchEntry));
	pool[low] = entry;
	search->pool_count++;
	return RVE_OK;
}

/* Scores n nodes that are new and takes them over. */
static RveStatus
hfilter_offer(RveHnswSearch *search, const RveGraph *graph, int n)
{
	RveStatus	status = RVE_OK;
	int			i;

	if (n == 0)
		return RVE_OK;
	graph->ops->score_filtered(graph->host, search->near, n, search->near_dist,
							   search->near_pass);
	search->scored += n;
	for (i = 0; i < n && status == RVE_OK; i++)
	{
		RveCandidate node = {search->near_dist[i], search->near[i]};

		if (isnan(node.dist))
			continue;
		status = rve_hnsw_heap_push(&search->frontier, node);
		if (status == RVE_OK && search->near_pass[i])
			status = hfilter_pool_insert(search, node);
	}
	return status;
}

/* Keeps those of n nodes that were not seen before; *count = how many. */
static RveStatus
hfilter_mark(RveHnswSearch *search, int n, int *count)
{
	RveStatus	status = RVE_OK;
	bool		is_new;
	int			i;

	*count = 0;
	for (i = 0; i < n && status == RVE_OK; i++)
	{
		status = rve_hnsw_search_mark(search, search->near[i], &is_new);
		if (status == RVE_OK && is_new)
			search->near[(*count)++] = search->near[i];
	}
	return status;
}

/* Whether the search is over for now; sets complete and spent. */
static bool
hfilter_may_stop(RveHnswSearch *search)
{
	const HsearchEntry *pool = search->pool;
	float		nearest;

	search->complete = true;
	search->spent = false;
	if (search->frontier.count == 0)
		return true;
	nearest = search->frontier.entries[0].dist;
	if (search->pool_count == search->ef && nearest > pool[search->ef - 1].dist)
		return true;
	search->complete = false;
	if (search->stop_k > 0 && search->pool_count >= search->stop_k &&
		nearest > search->stop_ratio * pool[search->stop_k - 1].dist)
		return true;
	search->spent = search->budget > 0 && search->scored >= search->budget;
	return search->spent;
}

RveStatus
rvei_hnsw_filtered_run(RveHnswSearch *search, const RveGraph *graph)
{
	unsigned	steps = 0;
	RveStatus	status = RVE_OK;

	while (status == RVE_OK && !hfilter_may_stop(search))
	{
		RveCandidate next = rve_hnsw_heap_pop(&search->frontier);
		int			n;

		if (++steps % HFILTER_INTERRUPT_EVERY == 0 && rve_base_interrupted())
			return RVE_INTERRUPTED;
		if (graph->ops->hint != NULL && search->frontier.count > 0)
			graph->ops->hint(graph->host, search->frontier.entries[0].node);
		n = graph->ops->neighbors(graph->host, next.node, 0, search->near);
		status = hfilter_mark(search, n, &n);
		if (status == RVE_OK)
			status = hfilter_offer(search, graph, n);
	}
	if (status == RVE_OK)
		rvei_hnsw_search_take(search);
	return status;
}

RveStatus
rvei_hnsw_filtered_start(RveHnswSearch *search, const RveGraph *graph, RveNode entry)
{
	RveStatus	status;
	int			n;

	search->near[0] = entry;
	status = hfilter_mark(search, 1, &n);
	if (status == RVE_OK)
		status = hfilter_offer(search, graph, n);
	return status == RVE_OK ? rvei_hnsw_filtered_run(search, graph) : status;
}

RveStatus
rvei_hnsw_filtered_resume(RveHnswSearch *search, const RveGraph *graph)
{
	search->pool_count = 0;
	while (search->pool_count < search->ef && search->spare.count > 0)
	{
		RveCandidate node = rve_hnsw_heap_pop(&search->spare);
		HsearchEntry entry = {node.dist, node.node, true, false};

		search->pool[search->pool_count++] = entry;
	}
	return rvei_hnsw_filtered_run(search, graph);
}
