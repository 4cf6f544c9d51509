/*-------------------------------------------------------------------------
 *
 * hnsw_mem_merge.c
 *	  One edge list out of several, for graphs that are built in parts.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_core_int.h"

#include <string.h>

/* The edges of all lists, each node once: nodes with their flags, kept first, then by distance. */
typedef struct HmergeUnion
{
	RveCandidate edges[RVE_HNSW_MERGE_EDGES];
	int			count;
	int			kept;
} HmergeUnion;

static bool
hmerge_before(const RveCandidate *a, const RveCandidate *b)
{
	bool		kept_a = (a->node & RVE_HNSW_KEPT) != 0;
	bool		kept_b = (b->node & RVE_HNSW_KEPT) != 0;

	if (kept_a != kept_b)
		return kept_a;
	if (a->dist != b->dist)
		return a->dist < b->dist;
	return RVE_HNSW_NODE(a->node) < RVE_HNSW_NODE(b->node);
}

/* Adds an edge; of two to the same node the one that comes first stays. */
static void
hmerge_add(HmergeUnion *all, RveCandidate edge)
{
	RveCandidate *edges = all->edges;
	int			at;

	for (at = 0; at < all->count; at++)
	{
		if (RVE_HNSW_NODE(edges[at].node) != RVE_HNSW_NODE(edge.node))
			continue;
		if (!hmerge_before(&edge, &edges[at]))
			return;
		all->count--;
		memmove(&edges[at], &edges[at + 1], (size_t) (all->count - at) * sizeof(RveCandidate));
		break;
	}
	for (at = all->count; at > 0 && hmerge_before(&edge, &edges[at - 1]); at--)
		edges[at] = edges[at - 1];
	edges[at] = edge;
	all->count++;
}

static void
hmerge_collect(const RveHnswMerge *merge, HmergeUnion *all)
{
	int			i;
	int			j;

	all->count = all->kept = 0;
	for (i = 0; i < RVE_HNSW_MERGE_LISTS; i++)
	{
		const RveHnswList *list = &merge->lists[i];

		for (j = 0; j < list->count && j < RVE_HNSW_MAX_DEGREE; j++)
		{
			RveCandidate edge = {list->dist[j], list->edges[j]};

			hmerge_add(all, edge);
		}
	}
	while (all->kept < all->count && (all->edges[all->kept].node & RVE_HNSW_KEPT) != 0)
		all->kept++;
}

int
rve_hnsw_merge_lists(const RveHnswMerge *merge)
{
	HmergeUnion all;
	RveNode		nodes[RVE_HNSW_MERGE_EDGES];
	bool		usable[RVE_HNSW_MERGE_EDGES];
	bool		taken[RVE_HNSW_MERGE_EDGES] = {false};
	int			chosen[RVE_HNSW_MERGE_EDGES];
	int			n = 0;
	int			i;
	int			j;

	hmerge_collect(merge, &all);
	memset(nodes, 0, sizeof(nodes));
	if (all.count > merge->max)
	{
		for (i = 0; i < all.count; i++)
			nodes[i] = RVE_HNSW_NODE(all.edges[i].node);
		merge->load(merge->context, nodes, all.count, usable);
		for (i = 0; i < all.count && n < merge->max; i++)
		{
			if (i >= all.kept && !usable[i])
				continue;
			for (j = 0; j < n && i >= all.kept; j++)
			{
				if (usable[chosen[j]] && merge->pair(merge->context, chosen[j], i) <
					all.edges[i].dist)
					break;
			}
			if (i >= all.kept && j < n)
				continue;
			chosen[n++] = i;
			taken[i] = true;
		}
	}
	for (i = 0; i < all.count && n < merge->max; i++)
	{
		if (!taken[i])
			chosen[n++] = i;
	}
	for (i = 0; i < n; i++)
		merge->out[i] = all.edges[chosen[i]].node;
	return n;
}
