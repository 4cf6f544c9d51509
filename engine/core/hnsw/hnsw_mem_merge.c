/*-------------------------------------------------------------------------
 *
 * hnsw_mem_merge.c
 *	  One edge list out of two, for graphs that are built in parts.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_mem_int.h"

#include <string.h>

typedef struct HmergeEdge
{
	RveNode		edge;			/* with its flag */
	float		dist;
	bool		pruned;
} HmergeEdge;

static HmergeEdge
hmerge_edge(const RveHnswList *list, int i)
{
	HmergeEdge	edge = {list->edges[i], list->dist[i], false};
	uint32_t	bits;

	memcpy(&bits, &list->dist[i], sizeof(bits));
	edge.pruned = (bits & HMEM_PRUNED_BIT) != 0;
	return edge;
}

/* Whether a comes before b: kept ones first, pruned ones last, else the nearer. */
static bool
hmerge_before(const HmergeEdge *a, const HmergeEdge *b)
{
	bool		kept_a = (a->edge & RVE_HNSW_KEPT) != 0;
	bool		kept_b = (b->edge & RVE_HNSW_KEPT) != 0;

	if (kept_a != kept_b)
		return kept_a;
	if (a->pruned != b->pruned)
		return b->pruned;
	if (a->dist != b->dist)
		return a->dist < b->dist;
	return RVE_HNSW_NODE(a->edge) < RVE_HNSW_NODE(b->edge);
}

/*
 * Puts an edge among n sorted ones, once: of two edges to the same node the
 * one that comes first stays. Returns the new n.
 */
static int
hmerge_add(HmergeEdge *merged, int n, HmergeEdge edge)
{
	int			at;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (RVE_HNSW_NODE(merged[i].edge) != RVE_HNSW_NODE(edge.edge))
			continue;
		if (!hmerge_before(&edge, &merged[i]))
			return n;
		memmove(&merged[i], &merged[i + 1], (size_t) (n - i - 1) * sizeof(HmergeEdge));
		n--;
		break;
	}
	for (at = n; at > 0 && hmerge_before(&edge, &merged[at - 1]); at--)
		merged[at] = merged[at - 1];
	merged[at] = edge;
	return n + 1;
}

int
rve_hnsw_merge_lists(const RveHnswList *a, const RveHnswList *b, int max, RveNode *out)
{
	HmergeEdge	merged[2 * RVE_HNSW_MAX_DEGREE];
	int			n = 0;
	int			i;

	for (i = 0; i < a->count && i < RVE_HNSW_MAX_DEGREE; i++)
		n = hmerge_add(merged, n, hmerge_edge(a, i));
	for (i = 0; i < b->count && i < RVE_HNSW_MAX_DEGREE; i++)
		n = hmerge_add(merged, n, hmerge_edge(b, i));
	if (n > max)
		n = max;
	for (i = 0; i < n; i++)
		out[i] = merged[i].edge;
	return n;
}
