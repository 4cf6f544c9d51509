/*-------------------------------------------------------------------------
 *
 * hnsw_search.c
 *	  Beam search over one graph: Algorithms 2 and 5 of Malkov and Yashunin.
 *
 * The candidate list is a sorted array of ef entries with a cursor on the
 * first that was not expanded: with ef in the hundreds, moving a few hundred
 * bytes is cheaper than two heaps. Whatever leaves the array is appended to
 * `rest`; only a resumed search makes a heap of it and draws its next
 * candidates from there. So every node that was ever scored is in exactly
 * one of: returned, pool, rest. A search that is resumed until it returns
 * nothing has returned every node it can reach.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_core_int.h"

#include <math.h>
#include <string.h>

#define HSEARCH_INTERRUPT_EVERY 64	/* expansions between two interrupt tests */
#define HSEARCH_DIRTY_LIMIT 65536	/* words cleared one by one at most */

RveStatus
rve_hnsw_search_create(RveHnswSearch **search)
{
	*search = rve_base_alloc0(sizeof(RveHnswSearch));
	return *search == NULL ? RVE_NO_MEMORY : RVE_OK;
}

void
rve_hnsw_search_free(RveHnswSearch *search)
{
	if (search == NULL)
		return;
	rve_base_free(search->visited);
	rve_base_free(search->dirty);
	rve_base_free(search->rest);
	rve_hnsw_heap_free(&search->frontier);
	rve_hnsw_heap_free(&search->spare);
	rve_base_free(search->glimpsed);
	rve_base_free(search->glimpses);
	rve_base_free(search->sel_nodes);
	rve_base_free(search->sel_sorted);
	rve_base_free(search->sel_out);
	rve_base_free(search->sel_chosen);
	rve_base_free(search->sel_pruned);
	rve_base_free(search->sel_usable);
	rve_base_free(search);
}

void *
rvei_hnsw_search_grow(void *array, size_t used, size_t new_room, size_t size)
{
	void	   *grown = rve_base_alloc_array(new_room, size);

	if (grown == NULL)
		return NULL;
	if (used > 0)
		memcpy(grown, array, used * size);
	rve_base_free(array);
	return grown;
}

/* Room for the bit of every node up to and including node. */
static RveStatus
hsearch_visited_reserve(RveHnswSearch *search, RveNode node)
{
	size_t		need = (size_t) node / 64 + 1;
	size_t		words;
	uint64_t   *grown;

	if (need <= search->visited_words)
		return RVE_OK;
	words = search->visited_words + search->visited_words / 4;
	if (words < need)
		words = need;
	grown = rvei_hnsw_search_grow(search->visited, search->visited_words, words, sizeof(uint64_t));
	if (grown == NULL)
		return RVE_NO_MEMORY;
	memset(grown + search->visited_words, 0, (words - search->visited_words) * sizeof(uint64_t));
	search->visited = grown;
	search->visited_words = words;
	return RVE_OK;
}

static void
hsearch_visited_clear(RveHnswSearch *search)
{
	size_t		i;

	if (search->dirty_overflow)
		memset(search->visited, 0, search->visited_words * sizeof(uint64_t));
	else
		for (i = 0; i < search->dirty_count; i++)
			search->visited[search->dirty[i]] = 0;
	search->dirty_count = 0;
	search->dirty_overflow = false;
}

/* Remembers that a word of the visited set is no longer zero. */
static void
hsearch_visited_dirty(RveHnswSearch *search, size_t word)
{
	if (search->dirty_overflow)
		return;
	if (search->dirty_count == search->dirty_room)
	{
		size_t		room = search->dirty_room == 0 ? 1024 : search->dirty_room * 2;
		uint32_t   *grown = NULL;

		if (room <= HSEARCH_DIRTY_LIMIT)
			grown = rvei_hnsw_search_grow(search->dirty, search->dirty_count, room, sizeof(uint32_t));
		if (grown == NULL)
		{
			search->dirty_overflow = true;
			return;
		}
		search->dirty = grown;
		search->dirty_room = room;
	}
	search->dirty[search->dirty_count++] = (uint32_t) word;
}

RveStatus
rve_hnsw_search_mark(RveHnswSearch *search, RveNode node, bool *is_new)
{
	size_t		word = node / 64;
	uint64_t	bit = UINT64_C(1) << (node % 64);
	RveStatus	status;

	if (word >= search->visited_words)
	{
		status = hsearch_visited_reserve(search, node);
		if (status != RVE_OK)
			return status;
	}
	*is_new = (search->visited[word] & bit) == 0;
	if (*is_new)
	{
		if (search->visited[word] == 0)
			hsearch_visited_dirty(search, word);
		search->visited[word] |= bit;
	}
	return RVE_OK;
}

RveStatus
rvei_hnsw_search_reset(RveHnswSearch *search, RveNode bound, int ef, bool resumable)
{
	if (ef < 1 || ef > RVE_HNSW_MAX_EF)
		return RVE_INVALID_ARGUMENT;
	hsearch_visited_clear(search);
	search->pool_count = search->cursor = 0;
	search->rest_count = search->heap_count = 0;
	search->frontier.count = search->spare.count = 0;
	search->filtered = search->spent = search->reluctant = false;
	rvei_hnsw_filtered_forget(search);
	search->result_count = 0;
	search->ef = ef;
	search->stop_k = 0;
	search->complete = false;
	search->resumable = resumable;
	return bound == 0 ? RVE_OK : hsearch_visited_reserve(search, bound - 1);
}

RveStatus
rvei_hnsw_search_reset_keep(RveHnswSearch *search, RveNode bound, int ef)
{
	int			kept = search->result_count;
	RveStatus	status = rvei_hnsw_search_reset(search, bound, ef, false);

	search->result_count = kept;
	return status;
}

/* ---- what left the pool ---- */

static inline bool
hsearch_less(const HsearchEntry *a, const HsearchEntry *b)
{
	return a->dist < b->dist || (a->dist == b->dist && a->node < b->node);
}

static RveStatus
hsearch_rest_add(RveHnswSearch *search, HsearchEntry entry)
{
	if (!search->resumable || (entry.taken && entry.expanded))
		return RVE_OK;
	if (search->rest_count == search->rest_room)
	{
		size_t		room = search->rest_room == 0 ? 2048 : search->rest_room * 2;
		HsearchEntry *grown = rvei_hnsw_search_grow(search->rest, search->rest_count, room,
										   sizeof(HsearchEntry));

		if (grown == NULL)
			return RVE_NO_MEMORY;
		search->rest = grown;
		search->rest_room = room;
	}
	search->rest[search->rest_count++] = entry;
	return RVE_OK;
}

/* Brings the unordered tail of rest into the heap. */
static void
hsearch_rest_heapify(RveHnswSearch *search)
{
	HsearchEntry *heap = search->rest;

	for (; search->heap_count < search->rest_count; search->heap_count++)
	{
		size_t		at = search->heap_count;
		HsearchEntry entry = heap[at];

		while (at > 0 && hsearch_less(&entry, &heap[(at - 1) / 2]))
		{
			heap[at] = heap[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		heap[at] = entry;
	}
}

/* Removes the nearest of rest, which is a heap and not empty. */
static HsearchEntry
hsearch_rest_pop(RveHnswSearch *search)
{
	HsearchEntry *heap = search->rest;
	HsearchEntry top = heap[0];
	HsearchEntry last = heap[--search->rest_count];
	size_t		at = 0;
	size_t		child;

	search->heap_count = search->rest_count;
	while ((child = 2 * at + 1) < search->heap_count)
	{
		if (child + 1 < search->heap_count && hsearch_less(&heap[child + 1], &heap[child]))
			child++;
		if (!hsearch_less(&heap[child], &last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	if (search->heap_count > 0)
		heap[at] = last;
	return top;
}

/* ---- the pool ---- */

/* Puts a scored node in its place; what does not fit goes to rest. */
static RveStatus
hsearch_pool_insert(RveHnswSearch *search, float dist, RveNode node)
{
	HsearchEntry entry = {dist, node, false, false};
	HsearchEntry *pool = search->pool;
	int			low = 0;
	int			high = search->pool_count;
	RveStatus	status = RVE_OK;

	if (search->pool_count == search->ef && !hsearch_less(&entry, &pool[search->ef - 1]))
		return hsearch_rest_add(search, entry);
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (hsearch_less(&entry, &pool[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	if (search->pool_count == search->ef)
		status = hsearch_rest_add(search, pool[--search->pool_count]);
	memmove(&pool[low + 1], &pool[low], (search->pool_count - low) * sizeof(HsearchEntry));
	pool[low] = entry;
	search->pool_count++;
	if (low < search->cursor)
		search->cursor = low;
	return status;
}

/* Scores the unvisited ones of n nodes and offers them to the pool. */
static RveStatus
hsearch_offer(RveHnswSearch *search, const RveGraph *graph, int n)
{
	int			fresh = 0;
	int			i;
	bool		is_new;
	RveStatus	status;

	for (i = 0; i < n; i++)
	{
		status = rve_hnsw_search_mark(search, search->near[i], &is_new);
		if (status != RVE_OK)
			return status;
		if (is_new)
			search->near[fresh++] = search->near[i];
	}
	if (fresh == 0)
		return RVE_OK;
	graph->ops->score(graph->host, search->near, fresh, search->near_dist);
	search->scored += fresh;
	for (i = 0; i < fresh; i++)
	{
		if (isnan(search->near_dist[i]))
			continue;
		status = hsearch_pool_insert(search, search->near_dist[i], search->near[i]);
		if (status != RVE_OK)
			return status;
	}
	return RVE_OK;
}

void
rvei_hnsw_search_take(RveHnswSearch *search)
{
	int			i;

	search->result_count = 0;
	for (i = 0; i < search->pool_count; i++)
	{
		RveCandidate *result = &search->results[search->result_count];

		if (search->pool[i].taken)
			continue;
		search->pool[i].taken = search->stop_k > 0 || search->resumable || search->filtered;
		result->dist = search->pool[i].dist;
		result->node = search->pool[i].node;
		search->result_count++;
	}
}

/*
 * Whether what is left to expand is so much farther than the stop_k-th that
 * it will hardly lead to anything nearer: the rule of
 * "Distance Adaptive Beam Search for Provably Accurate Graph-Based Nearest
 * Neighbor Search" (arXiv 2505.15636).
 */
static inline bool
hsearch_may_stop(const RveHnswSearch *search)
{
	return search->stop_k > 0 && search->pool_count >= search->stop_k &&
		search->pool[search->cursor].dist >
		search->stop_ratio * search->pool[search->stop_k - 1].dist;
}

/* Expands the pool until it holds nothing unexpanded, or the stop rule ends it. */
static RveStatus
hsearch_run(RveHnswSearch *search, const RveGraph *graph, int level)
{
	unsigned	steps = 0;
	int			n;
	RveStatus	status;

	for (;;)
	{
		while (search->cursor < search->pool_count && search->pool[search->cursor].expanded)
			search->cursor++;
		search->complete = search->cursor == search->pool_count;
		if (search->complete || hsearch_may_stop(search))
			break;
		if (++steps % HSEARCH_INTERRUPT_EVERY == 0 && rve_base_interrupted())
			return RVE_INTERRUPTED;
		search->pool[search->cursor].expanded = true;
		if (graph->ops->hint != NULL && search->cursor + 1 < search->pool_count)
			graph->ops->hint(graph->host, search->pool[search->cursor + 1].node);
		n = graph->ops->neighbors(graph->host, search->pool[search->cursor].node, level,
								  search->near);
		status = hsearch_offer(search, graph, n);
		if (status != RVE_OK)
			return status;
	}
	rvei_hnsw_search_take(search);
	return RVE_OK;
}

RveStatus
rvei_hnsw_search_layer(RveHnswSearch *search, const RveGraph *graph, const RveCandidate *entries,
					   int n, int level)
{
	int			i;
	bool		is_new;
	RveStatus	status = RVE_OK;

	for (i = 0; i < n && status == RVE_OK; i++)
	{
		status = rve_hnsw_search_mark(search, entries[i].node, &is_new);
		if (status == RVE_OK && is_new)
			status = hsearch_pool_insert(search, entries[i].dist, entries[i].node);
	}
	return status == RVE_OK ? hsearch_run(search, graph, level) : status;
}

void
rvei_hnsw_search_entry(RveHnswSearch *search, const RveGraph *graph, RveCandidate *best)
{
	best->node = graph->entry;
	best->dist = 0;
	if (best->node == RVE_NODE_NONE)
		return;
	graph->ops->score(graph->host, &best->node, 1, &best->dist);
	search->scored++;
	if (isnan(best->dist))
		best->node = RVE_NODE_NONE;
}

RveStatus
rvei_hnsw_search_descend(RveHnswSearch *search, const RveGraph *graph, RveCandidate *best,
						 int from, int to)
{
	int			level;

	for (level = from; level > to; level--)
	{
		bool		moved = true;

		while (moved)
		{
			int			i;
			int			n = graph->ops->neighbors(graph->host, best->node, level, search->near);

			if (rve_base_interrupted())
				return RVE_INTERRUPTED;
			moved = false;
			if (n == 0)
				break;
			graph->ops->score(graph->host, search->near, n, search->near_dist);
			search->scored += n;
			for (i = 0; i < n; i++)
			{
				/* false for NaN; strict, so that the walk ends */
				if (search->near_dist[i] < best->dist)
				{
					best->dist = search->near_dist[i];
					best->node = search->near[i];
					moved = true;
				}
			}
		}
	}
	return RVE_OK;
}

RveStatus
rve_hnsw_search_start(RveHnswSearch *search, const RveGraph *graph, const RveHnswEffort *effort)
{
	RveCandidate best;
	RveStatus	status;

	search->scored = 0;
	status = rvei_hnsw_search_reset(search, graph->bound, effort->ef, effort->resumable);
	if (status != RVE_OK)
		return status;
	search->complete = true;
	rvei_hnsw_search_entry(search, graph, &best);
	if (best.node == RVE_NODE_NONE)
		return RVE_OK;
	status = rvei_hnsw_search_descend(search, graph, &best, graph->entry_level, 0);
	if (status != RVE_OK)
		return status;
	search->stop_k = effort->stop_k;
	search->stop_ratio = effort->stop_ratio;
	if (effort->filtered)
	{
		if (graph->ops->score_filtered == NULL)
			return RVE_INVALID_ARGUMENT;
		search->filtered = true;
		search->budget = effort->budget;
		search->reluctant = effort->reluctant && graph->ops->guess != NULL;
		return rvei_hnsw_filtered_start(search, graph, best.node);
	}
	return rvei_hnsw_search_layer(search, graph, &best, 1, 0);
}

RveStatus
rve_hnsw_search_extend(RveHnswSearch *search, const RveGraph *graph, int stop_k, float stop_ratio)
{
	search->result_count = 0;
	if (search->complete)
		return RVE_OK;
	search->stop_k = stop_k;
	search->stop_ratio = stop_ratio;
	if (search->filtered)
		return rvei_hnsw_filtered_run(search, graph);
	return hsearch_run(search, graph, 0);
}

void
rve_hnsw_search_set_budget(RveHnswSearch *search, uint64_t budget)
{
	search->budget = budget;
}

bool
rve_hnsw_search_spent(const RveHnswSearch *search)
{
	return search->spent;
}

RveStatus
rve_hnsw_search_clear(RveHnswSearch *search, RveNode bound)
{
	search->scored = 0;
	return rvei_hnsw_search_reset(search, bound, 1, false);
}

bool
rve_hnsw_search_complete(const RveHnswSearch *search)
{
	return search->complete;
}

RveStatus
rve_hnsw_search_resume(RveHnswSearch *search, const RveGraph *graph)
{
	RveStatus	status;

	if (!search->resumable || !search->complete)
		return RVE_INVALID_ARGUMENT;
	search->stop_k = 0;
	if (search->filtered)
		return rvei_hnsw_filtered_resume(search, graph);

	/* a batch can be of nodes that were given out before they were followed */
	do
	{
		search->pool_count = search->cursor = 0;
		hsearch_rest_heapify(search);
		while (search->pool_count < search->ef && search->rest_count > 0)
			search->pool[search->pool_count++] = hsearch_rest_pop(search);
		status = hsearch_run(search, graph, 0);
	} while (status == RVE_OK && search->result_count == 0 && search->rest_count > 0);
	return status;
}

const RveCandidate *
rve_hnsw_search_results(const RveHnswSearch *search, int *count)
{
	*count = search->result_count;
	return search->results;
}

uint64_t
rve_hnsw_search_scored(const RveHnswSearch *search)
{
	return search->scored;
}

size_t
rve_hnsw_search_bytes(const RveHnswSearch *search)
{
	return search->visited_words * sizeof(uint64_t) + search->rest_room * sizeof(HsearchEntry);
}
