/*-------------------------------------------------------------------------
 *
 * hnsw_select.c
 *	  Choice of edges: Algorithms 1 and 4 of Malkov and Yashunin.
 *
 * A candidate is taken when it is nearer to the new node than to every node
 * taken before, so that edges point in different directions; what this
 * prunes fills up the list afterwards (keepPrunedConnections).
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_core_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HSELECT_INSERTION_LIMIT 64	/* an edge list of the usual m sorts faster in place */

static int
hselect_compare(const void *left, const void *right)
{
	const RveCandidate *a = left;
	const RveCandidate *b = right;

	if (a->dist != b->dist)
		return a->dist < b->dist ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

void
rvei_hnsw_sort(RveCandidate *candidates, int n)
{
	int			i;
	int			j;

	if (n > HSELECT_INSERTION_LIMIT)
	{
		qsort(candidates, n, sizeof(RveCandidate), hselect_compare);
		return;
	}
	for (i = 1; i < n; i++)
	{
		RveCandidate moving = candidates[i];

		for (j = i; j > 0 && hselect_compare(&moving, &candidates[j - 1]) < 0; j--)
			candidates[j] = candidates[j - 1];
		candidates[j] = moving;
	}
}

/* Scratch arrays for n candidates. Their content does not survive growth. */
static RveStatus
hselect_reserve(RveHnswSearch *search, int n)
{
	int			room = n < 256 ? 256 : n;

	if (n <= search->sel_room)
		return RVE_OK;
	search->sel_room = 0;
	rve_base_free(search->sel_nodes);
	rve_base_free(search->sel_sorted);
	rve_base_free(search->sel_out);
	rve_base_free(search->sel_chosen);
	rve_base_free(search->sel_pruned);
	rve_base_free(search->sel_usable);
	search->sel_nodes = rve_base_alloc_array(room, sizeof(RveNode));
	search->sel_sorted = rve_base_alloc_array(room, sizeof(RveCandidate));
	search->sel_out = rve_base_alloc_array(room, sizeof(RveCandidate));
	search->sel_chosen = rve_base_alloc_array(room, sizeof(int));
	search->sel_pruned = rve_base_alloc_array(room, sizeof(int));
	search->sel_usable = rve_base_alloc_array(room, sizeof(bool));
	if (search->sel_nodes == NULL || search->sel_sorted == NULL || search->sel_out == NULL ||
		search->sel_chosen == NULL || search->sel_pruned == NULL || search->sel_usable == NULL)
		return RVE_NO_MEMORY;
	search->sel_room = room;
	return RVE_OK;
}

typedef struct HselectTask
{
	const RveCandidate *candidates; /* sorted nearest first */
	const int  *positions;		/* where they are loaded; NULL: in this order */
	int			n;
	int			max;
	RveCandidate *out;
	int			chosen;			/* in: first so many of out and sel_chosen are given */
	int			diverse;		/* out: chosen before the pruned ones were brought back */
} HselectTask;

/* Algorithm 4 over candidates that are loaded; task->chosen = how many are in out, unsorted. */
static void
hselect_diverse(RveHnswSearch *search, const RveGraph *graph, HselectTask *task)
{
	int			against = task->chosen; /* entries of sel_chosen */
	int			pruned = 0;
	int			i;
	int			j;

	for (i = 0; i < task->n && task->chosen < task->max; i++)
	{
		int			position = task->positions == NULL ? i : task->positions[i];

		if (!search->sel_usable[position])
			continue;
		for (j = 0; j < against; j++)
		{
			if (graph->ops->pair(graph->host, search->sel_chosen[j], position) <
				task->candidates[i].dist)
				break;
		}
		if (j < against)
		{
			search->sel_pruned[pruned++] = i;
			continue;
		}
		search->sel_chosen[against++] = position;
		task->out[task->chosen++] = task->candidates[i];
	}
	task->diverse = task->chosen;
	for (i = 0; i < pruned && task->chosen < task->max; i++)
		task->out[task->chosen++] = task->candidates[search->sel_pruned[i]];
}

RveStatus
rve_hnsw_select(RveHnswSearch *search, const RveGraph *graph, const RveCandidate *candidates,
				int n, int max, RveCandidate *out, int *selected)
{
	HselectTask task = {candidates, NULL, n, max, out, 0, 0};
	RveStatus	status = hselect_reserve(search, n > max ? n : max);
	int			i;

	if (status != RVE_OK)
		return status;
	for (i = 0; i < n; i++)
		search->sel_nodes[i] = candidates[i].node;
	graph->ops->load(graph->host, search->sel_nodes, n, search->sel_usable);
	hselect_diverse(search, graph, &task);
	rvei_hnsw_sort(out, task.chosen);
	*selected = task.chosen;
	return RVE_OK;
}

RveStatus
rve_hnsw_relink(RveHnswSearch *search, const RveGraph *graph, RveHnswRelink *relink)
{
	int			total = relink->n + 1;	/* position 0 is the node itself */
	int			free = relink->n - relink->kept;	/* candidates there is a choice about */
	HselectTask task = {0};
	int		   *positions;
	int			i;
	RveStatus	status = hselect_reserve(search, 2 * total);

	relink->count = 0;
	if (status != RVE_OK)
		return status;
	search->sel_nodes[0] = relink->node;
	if (relink->n > 0)
		memcpy(search->sel_nodes + 1, relink->candidates, relink->n * sizeof(RveNode));
	graph->ops->load(graph->host, search->sel_nodes, total, search->sel_usable);
	for (i = 0; i < relink->n; i++)
	{
		search->sel_sorted[i].node = i + 1; /* the position, until sorted */
		search->sel_sorted[i].dist = search->sel_usable[i + 1] ?
			graph->ops->pair(graph->host, 0, i + 1) : INFINITY;
	}

	/* kept ones first, then the rest by distance */
	positions = search->sel_chosen + total; /* the upper half of a 2 * total array */
	rvei_hnsw_sort(search->sel_sorted + relink->kept, free);
	for (i = 0; i < relink->n; i++)
	{
		positions[i] = search->sel_sorted[i].node;
		search->sel_sorted[i].node = search->sel_nodes[positions[i]];
		if (i < relink->kept && i < relink->max)
		{
			search->sel_chosen[task.chosen] = positions[i];
			search->sel_out[task.chosen++] = search->sel_sorted[i];
		}
	}
	task.candidates = search->sel_sorted + relink->kept;
	task.positions = positions + relink->kept;
	task.n = free;
	task.max = relink->max < total ? relink->max : total;
	task.out = search->sel_out;
	hselect_diverse(search, graph, &task);
	for (i = 0; i < task.chosen; i++)
		relink->out[i] = search->sel_out[i].node;
	relink->count = task.chosen;
	relink->diverse = task.diverse;
	return RVE_OK;
}

/*
 * Moves self, if there, behind the sorted others; returns their number. Self
 * is no neighbour of its own but still a way into the next level.
 */
static int
hselect_self_last(RveCandidate *candidates, int n, RveNode self)
{
	int			i;
	int			kept = 0;
	RveCandidate found = {0, RVE_NODE_NONE};

	for (i = 0; i < n; i++)
	{
		if (candidates[i].node == self)
			found = candidates[i];
		else
			candidates[kept++] = candidates[i];
	}
	if (kept < n)
		candidates[kept] = found;
	return kept;
}

/*
 * Edges a new node chooses itself. Level 0 has room for 2m, but reverse edges
 * want some: 3m/2 gives the recall of 2m for three quarters of the work.
 */
static int
hselect_own_degree(int m, int level)
{
	return level == 0 ? m + m / 2 : m;
}

RveStatus
rve_hnsw_insert_search(RveHnswSearch *search, const RveGraph *graph, const RveHnswEffort *effort,
					   RveHnswLinks *links)
{
	RveCandidate best;
	RveCandidate *links_end = search->links;
	int			level;
	int			others;
	RveStatus	status;

	links->duplicate_of = RVE_NODE_NONE;
	memset(links->count, 0, sizeof(links->count));
	memset(links->edges, 0, sizeof(links->edges));
	search->scored = 0;
	status = rvei_hnsw_search_reset(search, graph->bound, effort->ef, false);
	if (status != RVE_OK)
		return status;
	rvei_hnsw_search_entry(search, graph, &best);
	if (best.node == RVE_NODE_NONE)
		return RVE_OK;
	status = rvei_hnsw_search_descend(search, graph, &best, graph->entry_level, links->level);
	if (status != RVE_OK)
		return status;
	search->results[0] = best;
	search->result_count = 1;

	level = links->level < graph->entry_level ? links->level : graph->entry_level;
	for (; level >= 0; level--)
	{
		/* the results of the level above are this level's entries */
		status = rvei_hnsw_search_reset_keep(search, graph->bound, effort->ef);
		if (level == 0)
		{
			search->stop_k = effort->stop_k;
			search->stop_ratio = effort->stop_ratio;
		}
		if (status == RVE_OK)
			status = rvei_hnsw_search_layer(search, graph, search->results,
											search->result_count, level);
		if (status != RVE_OK)
			return status;
		if (level == 0 && graph->ops->same != NULL)
		{
			links->duplicate_of = graph->ops->same(graph->host, search->results,
												   search->result_count);
			if (links->duplicate_of != RVE_NODE_NONE)
				return RVE_OK;
		}
		others = hselect_self_last(search->results, search->result_count, links->self);
		links->edges[level] = links_end;
		status = rve_hnsw_select(search, graph, search->results, others,
								 hselect_own_degree(graph->m, level), links_end,
								 &links->count[level]);
		if (status != RVE_OK)
			return status;
		links_end += links->count[level];
	}
	return RVE_OK;
}

int
rve_hnsw_random_level(int m, double unit)
{
	double		level = floor(-log(unit) / log((double) m));

	if (level >= RVE_HNSW_MAX_LEVEL)
		return RVE_HNSW_MAX_LEVEL;
	return level > 0 ? (int) level : 0;
}
