/*-------------------------------------------------------------------------
 *
 * hnsw_core_int.h
 *	  What hnsw_search.c and hnsw_select.c share: the search's scratch space.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_CORE_INT_H
#define HNSW_CORE_INT_H

#include "engine/core/hnsw/rve_hnsw.h"

/* A pool or heap entry: a node that was scored. */
typedef struct HsearchEntry
{
	float		dist;
	RveNode		node;
	bool		expanded;		/* its edges were followed */
	bool		taken;			/* it was among the results of an earlier call */
} HsearchEntry;

struct RveHnswSearch
{
	/* visited set: one bit per node, and the words that are not zero */
	uint64_t   *visited;
	size_t		visited_words;
	uint32_t   *dirty;
	size_t		dirty_count;
	size_t		dirty_room;
	bool		dirty_overflow; /* list not complete: clear everything */

	/* the ef nearest so far, sorted; entries before cursor are expanded */
	HsearchEntry pool[RVE_HNSW_MAX_EF];
	int			pool_count;
	int			cursor;
	int			ef;

	/* stop when the next to expand is farther than stop_ratio times the stop_k-th; 0: never */
	int			stop_k;
	float		stop_ratio;
	bool		complete;		/* the pool holds nothing unexpanded */

	/* scored nodes that did not stay in the pool: a heap up to heap_count, then unordered */
	HsearchEntry *rest;
	size_t		rest_count;
	size_t		rest_room;
	size_t		heap_count;
	bool		resumable;

	/* filtered searches (hnsw_filtered.c): pool holds what passes, all of it not to be expanded */
	bool		filtered;
	bool		spent;
	uint64_t	budget;
	RveCandidateHeap frontier;	/* to be expanded */
	RveCandidateHeap spare;		/* passed, but did not stay in the pool */
	bool		near_pass[RVE_HNSW_MAX_DEGREE];

	/* reluctant ones: nodes seen from one node, a bit and a place in the list for each */
	bool		reluctant;
	uint64_t   *glimpsed;
	size_t		glimpsed_words;
	RveNode    *glimpses;
	size_t		glimpse_count;
	size_t		glimpse_room;

	uint64_t	scored;
	RveCandidate results[RVE_HNSW_MAX_EF];
	int			result_count;

	/* one expansion */
	RveNode		near[RVE_HNSW_MAX_DEGREE];
	float		near_dist[RVE_HNSW_MAX_DEGREE];

	/* selection: positions of chosen and of pruned candidates; grown on demand */
	RveNode    *sel_nodes;
	RveCandidate *sel_sorted;
	RveCandidate *sel_out;
	int		   *sel_chosen;
	int		   *sel_pruned;
	bool	   *sel_usable;
	int			sel_room;

	RveCandidate links[(RVE_HNSW_MAX_LEVEL + 2) * RVE_HNSW_MAX_M];
};

/* Empties visited set, pool and rest. */
extern RveStatus rvei_hnsw_search_reset(RveHnswSearch *search, RveNode bound, int ef,
										bool resumable);

/* The same, but keeps the results, which become the next level's entries. */
extern RveStatus rvei_hnsw_search_reset_keep(RveHnswSearch *search, RveNode bound, int ef);

/*
 * Greedy walk (Algorithm 2 with ef = 1) from best on levels from .. to + 1,
 * downwards. best holds a scored node on entry and the nearest on return.
 */
extern RveStatus rvei_hnsw_search_descend(RveHnswSearch *search, const RveGraph *graph,
										  RveCandidate *best, int from, int to);

/* The entry with its distance; best->node = NONE when the graph is empty or the entry gone. */
extern void rvei_hnsw_search_entry(RveHnswSearch *search, const RveGraph *graph, RveCandidate *best);

/* Algorithm 2 on one level from n scored entries; search is reset before by the caller. */
extern RveStatus rvei_hnsw_search_layer(RveHnswSearch *search, const RveGraph *graph,
										const RveCandidate *entries, int n, int level);

/* A copy of array with room for new_room elements; NULL (array untouched) without memory. */
extern void *rvei_hnsw_search_grow(void *array, size_t used, size_t new_room, size_t size);

/* What of the pool was not yet given out becomes the result. */
extern void rvei_hnsw_search_take(RveHnswSearch *search);

/* hnsw_filtered.c: the counterparts of rve_hnsw_search_start (on level 0), _extend and _resume. */
extern RveStatus rvei_hnsw_filtered_start(RveHnswSearch *search, const RveGraph *graph,
										  RveNode entry);
extern RveStatus rvei_hnsw_filtered_run(RveHnswSearch *search, const RveGraph *graph);
extern RveStatus rvei_hnsw_filtered_resume(RveHnswSearch *search, const RveGraph *graph);

/* Forgets the glimpses of a search. */
extern void rvei_hnsw_filtered_forget(RveHnswSearch *search);

/* Sorts candidates by distance, then node. */
extern void rvei_hnsw_sort(RveCandidate *candidates, int n);

#endif							/* HNSW_CORE_INT_H */
