/*-------------------------------------------------------------------------
 *
 * hnsw_mem_search.c
 *	  The search of a build: Algorithms 2 and 5 of Malkov and Yashunin over
 *	  the graph in memory, without a function call per hop or neighbour.
 *
 * hnsw_search.c does the same for any graph; a build spends most of its time
 * here, so this one knows the records, asks for items long before it measures
 * them, and measures a whole list in one call.
 *
 * The pool keeps ef candidates, but only the nearer half of it is expanded, or
 * 4m if that is more: what is expanded late adds candidates so far away that
 * selection prunes them.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_mem_int.h"

#include <string.h>

#define HMEM_EXPANDED RVE_HNSW_KEPT /* in the pool: the candidate's edges were followed */
#define HMEM_INTERRUPT_EVERY 64 /* expansions between two interrupt tests */
#define HMEM_EXPAND_MIN 4		/* times m */
#define HMEM_EDGES_AHEAD 2	/* places behind the next to expand whose edges are asked for */
#define HMEM_DIRTY_ROOM 32768	/* words of the visited set cleared one by one at most */



/* ---- the visited set ---- */

/* Room for all nodes there are, and a margin for those that others add meanwhile. */
static RveStatus
hmem_visited_reserve(RveHnswMem *mem)
{
	size_t		nodes = rve_hnsw_mem_count(mem);
	size_t		words;

	if (nodes < mem->params.expected)
		nodes = mem->params.expected;
	words = (nodes + nodes / 4) / 64 + 64;
	rve_base_free(mem->visited);
	mem->visited = NULL;
	mem->visited_words = 0;
	mem->dirty_count = 0;
	if (mem->dirty == NULL)
		mem->dirty = rve_base_alloc_array(HMEM_DIRTY_ROOM + 1, sizeof(uint32_t));
	if (mem->dirty == NULL)
		return RVE_NO_MEMORY;
	mem->visited = rve_base_alloc0(words * sizeof(uint64_t));
	if (mem->visited == NULL)
		return RVE_NO_MEMORY;
	mem->visited_words = words;
	return RVE_OK;
}

static void
hmem_visited_clear(RveHnswMem *mem)
{
	size_t		i;

	if (mem->dirty_count >= HMEM_DIRTY_ROOM)
		memset(mem->visited, 0, mem->visited_words * sizeof(uint64_t));
	else
		for (i = 0; i < mem->dirty_count; i++)
			mem->visited[mem->dirty[i]] = 0;
	mem->dirty_count = 0;
}

/*
 * Marks n nodes as seen and moves those that were not to the front; returns
 * their number. Without branches but one that is always the same: which are
 * new is as good as random. A node so new that the set has no bit for it
 * counts as seen: it is one that another process is adding just now.
 */
static int
hmem_visit(RveHnswMem *mem, RveNode *nodes, int n)
{
	uint64_t   *visited = mem->visited;
	size_t		words = mem->visited_words;
	size_t		dirty = mem->dirty_count;
	int			fresh = 0;
	int			i;

	if (dirty + (size_t) n > HMEM_DIRTY_ROOM)
		dirty = HMEM_DIRTY_ROOM;	/* from now on they are not listed */
	for (i = 0; i < n; i++)
	{
		RveNode		node = nodes[i];
		size_t		word = node / 64;
		uint64_t	bit = node % 64;
		uint64_t	old;

		if (__builtin_expect(word >= words, 0))
			continue;
		old = visited[word];
		visited[word] = old | UINT64_C(1) << bit;
		mem->dirty[dirty] = (uint32_t) word;
		dirty += (old == 0) & (dirty < HMEM_DIRTY_ROOM);
		nodes[fresh] = node;
		fresh += (int) (~(old >> bit) & 1);
	}
	mem->dirty_count = dirty;
	return fresh;
}

/* ---- one expansion ---- */

/* Distances of mem->fresh[0 .. n) to the query, whose items are in mem->items. */
static void
hmem_measure(RveHnswMem *mem, int n)
{
	int			i;

	mem->scored += (uint64_t) n;
	if (mem->params.distances != NULL)
	{
		mem->params.distances(mem->params.context, mem->query, mem->items, n, mem->dist);
		return;
	}
	for (i = 0; i < n; i++)
		mem->dist[i] = hmem_distance(mem, mem->query, mem->items[i]);
}

/* The neighbours of a node that were not seen yet, to mem->fresh; their items are asked for. */
static int
hmem_collect(RveHnswMem *mem, RveNode node, int level)
{
	HmemList	list = hmem_list(mem, node, level);
	int			n = hmem_list_count(mem, node, level);
	int			i;

	for (i = 0; i < n; i++)
		mem->fresh[i] = RVE_HNSW_NODE(hmem_edge(&list, i));
	n = hmem_visit(mem, mem->fresh, n);
	for (i = 0; i < n; i++)
	{
		const uint8_t *item = hmem_item(mem, mem->fresh[i]);

		hmem_prefetch(item, mem->params.item_bytes);
		mem->items[i] = item;
	}
	return n;
}

/* Puts a measured node in its place; returns the place, or -1 when it is too far. */
static inline int
hmem_pool_insert(RveHnswMem *mem, float dist, RveNode node)
{
	RveCandidate *pool = mem->pool;
	RveCandidate *at = pool;
	int			ef = mem->params.ef_construction;
	int			rest = mem->pool_count;
	int			low;

	if (rest == ef)
	{
		if (!(dist < pool[ef - 1].dist))
			return -1;
		mem->pool_count = rest = ef - 1;
	}

	/* a binary search whose steps are no branches */
	while (rest > 0)
	{
		int			half = (rest + 1) / 2;

		at += at[half - 1].dist <= dist ? half : 0;
		rest -= half;
	}
	low = (int) (at - pool);
	memmove(&pool[low + 1], &pool[low], (size_t) (mem->pool_count - low) * sizeof(RveCandidate));
	pool[low].dist = dist;
	pool[low].node = node;
	mem->pool_count++;
	return low;
}

/* What is going to be expanded next will be read at its header and edges. */
static inline void
hmem_prefetch_edges(RveHnswMem *mem, RveNode node)
{
	hmem_prefetch(hmem_record(mem, &mem->nodes, node) + mem->node_at,
				  mem->dist_at - mem->node_at);
}

static int
hmem_expand_limit(const RveHnswMem *mem)
{
	int			ef = mem->params.ef_construction;
	int			least = HMEM_EXPAND_MIN * mem->params.m;

	if (least > ef)
		least = ef;
	return ef / 2 > least ? ef / 2 : least;
}

/* Algorithm 2 from the candidates in the pool. */
static RveStatus
hmem_search_level(RveHnswMem *mem, int level)
{
	int			limit = hmem_expand_limit(mem);
	int			cursor = 0;
	unsigned	steps = 0;
	int			i;

	hmem_visited_clear(mem);
	for (i = 0; i < mem->pool_count; i++)
	{
		RveNode		node = RVE_HNSW_NODE(mem->pool[i].node);

		mem->pool[i].node = node;
		(void) hmem_visit(mem, &node, 1);
	}
	while (cursor < mem->pool_count && cursor < limit)
	{
		RveNode		node = mem->pool[cursor].node;
		int			lowest = cursor + 1;
		int			n;

		if ((node & HMEM_EXPANDED) != 0)
		{
			cursor++;
			continue;
		}
		if (++steps % HMEM_INTERRUPT_EVERY == 0 && rve_base_interrupted())
			return RVE_INTERRUPTED;
		mem->pool[cursor].node |= HMEM_EXPANDED;
		n = hmem_collect(mem, node, level);
		if (level == 0 && cursor + 1 < mem->pool_count)
			hmem_prefetch_edges(mem, RVE_HNSW_NODE(mem->pool[cursor + 1].node));
		hmem_measure(mem, n);
		for (i = 0; i < n; i++)
		{
			int			place = hmem_pool_insert(mem, mem->dist[i], mem->fresh[i]);

			if (place < 0 || place > lowest + HMEM_EDGES_AHEAD)
				continue;
			if (level == 0)
				hmem_prefetch_edges(mem, mem->fresh[i]);
			if (place < lowest)
				lowest = place;
		}
		cursor = lowest;
	}
	for (i = 0; i < mem->pool_count; i++)
		mem->pool[i].node = RVE_HNSW_NODE(mem->pool[i].node);
	return RVE_OK;
}

/* Greedy walk on levels from .. to + 1, downwards, from the only candidate in the pool. */
static RveStatus
hmem_descend(RveHnswMem *mem, int from, int to)
{
	RveCandidate *best = &mem->pool[0];
	int			level;
	int			i;

	for (level = from; level > to; level--)
	{
		bool		moved = true;

		hmem_visited_clear(mem);
		while (moved)
		{
			int			n = hmem_collect(mem, best->node, level);

			if (rve_base_interrupted())
				return RVE_INTERRUPTED;
			moved = false;
			hmem_measure(mem, n);
			for (i = 0; i < n; i++)
			{
				if (mem->dist[i] < best->dist)
				{
					best->dist = mem->dist[i];
					best->node = mem->fresh[i];
					moved = true;
				}
			}
		}
	}
	return RVE_OK;
}

RveStatus
rvei_hmem_search(RveHnswMem *mem, uint64_t entry, int links, HmemFound found, RveNode node)
{
	int			entry_level = (int) (entry >> 32);
	int			level = links < entry_level ? links : entry_level;
	RveStatus	status = RVE_OK;

	if ((size_t) rve_hnsw_mem_count(mem) > mem->visited_words * 64)
		status = hmem_visited_reserve(mem);
	if (status != RVE_OK)
		return status;
	mem->pool_count = 1;
	mem->pool[0].node = (RveNode) entry;
	mem->pool[0].dist = hmem_distance(mem, mem->query, hmem_item(mem, (RveNode) entry));
	status = hmem_descend(mem, entry_level, links);
	for (; level >= 0 && status == RVE_OK; level--)
	{
		status = hmem_search_level(mem, level);
		if (status == RVE_OK)
			status = found(mem, node, level);
	}
	return status;
}
