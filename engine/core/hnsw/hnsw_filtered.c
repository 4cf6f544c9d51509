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
 * When few nodes pass, most of the cost is scoring ways through. A reluctant
 * search asks the host to guess first: a node that fails is scored only when
 * it is seen from a second node, which those near the query soon are and the
 * many at the edge are not. Measured on word vectors, 10 % passing: half the
 * distances for the same recall. What was seen once and never again is kept
 * for the case that the frontier runs dry.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_core_int.h"

#include <math.h>
#include <string.h>

#define HFILTER_INTERRUPT_EVERY 16	/* batches of expansions between two interrupt tests */
#define HFILTER_BATCH 4			/* nodes expanded together */
#define HFILTER_FIRST_HITS 4	/* that must be found before a search is reluctant */

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

/* ---- reluctance ---- */

void
rvei_hnsw_filtered_forget(RveHnswSearch *search)
{
	size_t		i;

	for (i = 0; i < search->glimpse_count; i++)
		search->glimpsed[search->glimpses[i] / 64] = 0;
	search->glimpse_count = 0;
}

/* Room for the bit of node, and for one more in the list. */
static RveStatus
hfilter_glimpse_reserve(RveHnswSearch *search, RveNode node)
{
	size_t		need = (size_t) node / 64 + 1;

	if (need > search->glimpsed_words)
	{
		size_t		words = need > search->visited_words ? need : search->visited_words;
		uint64_t   *grown = rvei_hnsw_search_grow(search->glimpsed, search->glimpsed_words,
												  words, sizeof(uint64_t));

		if (grown == NULL)
			return RVE_NO_MEMORY;
		memset(grown + search->glimpsed_words, 0,
			   (words - search->glimpsed_words) * sizeof(uint64_t));
		search->glimpsed = grown;
		search->glimpsed_words = words;
	}
	if (search->glimpse_count == search->glimpse_room)
	{
		size_t		room = search->glimpse_room == 0 ? 4096 : search->glimpse_room * 2;
		RveNode    *grown = rvei_hnsw_search_grow(search->glimpses, search->glimpse_count, room,
												  sizeof(RveNode));

		if (grown == NULL)
			return RVE_NO_MEMORY;
		search->glimpses = grown;
		search->glimpse_room = room;
	}
	return RVE_OK;
}

static inline bool
hfilter_was_glimpsed(const RveHnswSearch *search, RveNode node)
{
	size_t		word = node / 64;

	return word < search->glimpsed_words &&
		(search->glimpsed[word] & (UINT64_C(1) << (node % 64))) != 0;
}

/* Sorts out those of n new nodes that fail by a guess and are seen for the first time. */
static RveStatus
hfilter_glimpse(RveHnswSearch *search, const RveGraph *graph, int *n)
{
	RveNode    *near = search->near;
	RveStatus	status = RVE_OK;
	int			kept = 0;
	int			i;

	for (i = 0; i < *n; i++)
	{
		RveNode		node = near[i];

		if (!hfilter_was_glimpsed(search, node))
			continue;
		near[i] = near[kept];
		near[kept++] = node;
	}
	graph->ops->guess(graph->host, near + kept, *n - kept, search->near_pass + kept);
	for (i = kept; i < *n && status == RVE_OK; i++)
	{
		RveNode		node = near[i];

		if (search->near_pass[i])
		{
			near[kept++] = node;
			continue;
		}
		status = hfilter_glimpse_reserve(search, node);
		if (status != RVE_OK)
			break;
		if (hfilter_was_glimpsed(search, node))
		{
			near[kept++] = node;	/* seen twice in these n */
			continue;
		}
		search->glimpsed[node / 64] |= UINT64_C(1) << (node % 64);
		search->glimpses[search->glimpse_count++] = node;
	}
	*n = kept;
	return status;
}

/* Leaves out of the n nodes in near those that were scored. */
static int
hfilter_unvisited(const RveHnswSearch *search, RveNode *near, int n)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		size_t		word = near[i] / 64;

		if (word >= search->visited_words ||
			(search->visited[word] & (UINT64_C(1) << (near[i] % 64))) == 0)
			near[kept++] = near[i];
	}
	return kept;
}

/* Scores those of the n nodes in near that are new and worth it. */
static RveStatus
hfilter_follow(RveHnswSearch *search, const RveGraph *graph, int n)
{
	RveStatus	status = RVE_OK;
	int			fresh = 0;
	bool		is_new = false;
	int			i;

	n = hfilter_unvisited(search, search->near, n);
	if (search->reluctant && search->pool_count >= HFILTER_FIRST_HITS && n > 0)
		status = hfilter_glimpse(search, graph, &n);
	for (i = 0; i < n && status == RVE_OK; i++)
	{
		status = rve_hnsw_search_mark(search, search->near[i], &is_new);
		if (is_new)
			search->near[fresh++] = search->near[i];
	}
	return status == RVE_OK ? hfilter_offer(search, graph, fresh) : status;
}

/* The frontier has run dry: scores what was only glimpsed, and is reluctant no more. */
static RveStatus
hfilter_revive(RveHnswSearch *search, const RveGraph *graph)
{
	RveStatus	status = RVE_OK;
	size_t		at = 0;

	search->reluctant = false;
	while (at < search->glimpse_count && status == RVE_OK)
	{
		int			n = 0;

		while (n < RVE_HNSW_MAX_DEGREE && at < search->glimpse_count)
			search->near[n++] = search->glimpses[at++];
		status = hfilter_follow(search, graph, n);
	}
	rvei_hnsw_filtered_forget(search);
	return status;
}

/* ---- the search ---- */

/* Whether the search is over for now; sets complete and spent. */
static bool
hfilter_may_stop(RveHnswSearch *search)
{
	const HsearchEntry *pool = search->pool;
	float		nearest;

	search->complete = true;
	search->spent = false;
	if (search->frontier.count == 0)
		return search->glimpse_count == 0;
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

/*
 * Takes the next nodes to expand from the frontier and puts their edges into
 * near: several at a time, so that what has to be fetched overlaps.
 */
static int
hfilter_expand(RveHnswSearch *search, const RveGraph *graph)
{
	RveNode		nodes[HFILTER_BATCH];
	int			degree = rve_hnsw_max_degree(graph->m, 0);
	int			count = 0;
	int			n = 0;
	int			i;

	do
	{
		nodes[count] = rve_hnsw_heap_pop(&search->frontier).node;
		if (count > 0 && graph->ops->hint != NULL)
			graph->ops->hint(graph->host, nodes[count]);
		count++;
	} while (count < HFILTER_BATCH && (count + 1) * degree <= RVE_HNSW_MAX_DEGREE &&
			 search->frontier.count > 0 && !hfilter_may_stop(search));
	for (i = 0; i < HFILTER_BATCH && i < (int) search->frontier.count; i++)
		if (graph->ops->hint != NULL)
			graph->ops->hint(graph->host, search->frontier.entries[i].node);
	for (i = 0; i < count; i++)
		n += graph->ops->neighbors(graph->host, nodes[i], 0, search->near + n);
	return n;
}

RveStatus
rvei_hnsw_filtered_run(RveHnswSearch *search, const RveGraph *graph)
{
	unsigned	steps = 0;
	RveStatus	status = RVE_OK;

	while (status == RVE_OK && !hfilter_may_stop(search))
	{
		if (search->frontier.count == 0)
		{
			status = hfilter_revive(search, graph);
			continue;
		}
		if (++steps % HFILTER_INTERRUPT_EVERY == 0 && rve_base_interrupted())
			return RVE_INTERRUPTED;
		status = hfilter_follow(search, graph, hfilter_expand(search, graph));
	}
	if (status == RVE_OK)
		rvei_hnsw_search_take(search);
	return status;
}

RveStatus
rvei_hnsw_filtered_start(RveHnswSearch *search, const RveGraph *graph, RveNode entry)
{
	RveStatus	status;

	search->near[0] = entry;
	status = hfilter_follow(search, graph, 1);
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
