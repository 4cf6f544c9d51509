/*-------------------------------------------------------------------------
 *
 * hnsw_mem_int.h
 *	  The graph in memory as the hnsw_mem*.c files share it.
 *
 * A node is one record, so that a hop costs few cache lines and one page:
 *		item | HmemNode | 2m edges of level 0 | their 2m distances
 * Lists of upper levels are records of their own: HmemUpper | m edges | m
 * distances. Records live in arrays that grow by chunks and never move.
 *
 * Several processes (or threads) may add nodes at once. What they share is
 * HmemShared and the chunks, addressed by references that each process turns
 * into addresses for itself; RveHnswMem is one process's view and scratch.
 *
 * Rules of concurrency:
 *	- A list is changed under its node's spin lock, sorted by distance, edge by
 *	  edge with atomic stores; its count never falls. Readers take no lock:
 *	  they may meet an edge twice or miss one, which a search does not mind.
 *	- Distances and duplicates' links are touched under the lock only.
 *	- A record is complete before the first edge leads to it (release, acquire).
 *	- Nobody holds two locks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_MEM_INT_H
#define HNSW_MEM_INT_H

#include <stdatomic.h>

#include "engine/core/hnsw/hnsw_core_int.h"

#define HMEM_LINE 64			/* bytes of a cache line */
#define HMEM_CHUNKS 32
#define HMEM_NO_UPPER UINT32_MAX
#define HMEM_NO_ENTRY UINT64_MAX

/*
 * In a list that was chosen (HmemNode.chosen), the top bit of an edge says
 * that selection pruned it and it only fills up the list. rve_hnsw_mem_connect
 * gives the bit its public meaning.
 */
#define HMEM_PRUNED RVE_HNSW_KEPT

typedef struct HmemNode
{
	uint64_t	tag;
	uint32_t	upper;			/* number of the list of level 1; the others follow */
	RveNode		duplicate_of;
	RveNode		next_duplicate;
	uint8_t		level;
	uint8_t		chosen;			/* level 0 was full once: its list has HMEM_PRUNED edges marked */
	_Atomic uint8_t lock;
	_Atomic uint8_t count;		/* edges on level 0 */
} HmemNode;

typedef struct HmemUpper
{
	_Atomic uint16_t count;
	uint16_t	chosen;
} HmemUpper;

/* A list: where its parts are. */
typedef struct HmemList
{
	_Atomic uint32_t *edges;
	float	   *dist;
	int			max;
} HmemList;

/* What an array shares; a chunk's reference is 0 until somebody needs it. */
typedef struct HmemShares
{
	_Atomic uint64_t chunks[HMEM_CHUNKS];
} HmemShares;

/* One process's view of an array: chunk 0 holds `first` records, the next ones 2^shift and on. */
typedef struct HmemArray
{
	HmemShares *shares;
	uint8_t    *base[HMEM_CHUNKS];
	size_t		stride;
	uint32_t	first;
	int			shift;
} HmemArray;

typedef struct HmemShared
{
	HmemShares	nodes;
	HmemShares	uppers;
	_Atomic uint64_t entry;		/* level << 32 | node */
	_Atomic uint32_t node_count;
	_Atomic uint32_t upper_count;
	uint32_t	first_nodes;
	uint32_t	first_uppers;
} HmemShared;

struct RveHnswMem
{
	RveHnswMemParams params;
	RveHnswMemory memory;
	HmemShared *shared;
	uint64_t	root;			/* reference of shared */
	bool		owner;			/* frees what is shared */
	HmemArray	nodes;
	HmemArray	uppers;
	size_t		node_at;		/* offsets in a node's record */
	size_t		edges_at;
	size_t		dist_at;

	/* of a search */
	const void *query;
	uint64_t   *visited;
	size_t		visited_words;
	uint32_t   *dirty;
	size_t		dirty_count;
	uint64_t	scored;
	RveCandidate pool[RVE_HNSW_MAX_EF + 1];
	int			pool_count;
	RveNode		fresh[RVE_HNSW_MAX_DEGREE];
	const void *items[RVE_HNSW_MAX_EF + 1];
	float		dist[RVE_HNSW_MAX_EF + 1];

	/* of selection */
	RveCandidate chosen[RVE_HNSW_MAX_DEGREE + 1];
	int			chosen_count;
	int			spared[RVE_HNSW_MAX_EF];

	/* for the functions of RveGraphOps */
	const void *loaded[RVE_HNSW_MAX_EF + 1];
};

/* ---- hnsw_mem.c ---- */

/* The address of a chunk that this process has not used yet. */
extern uint8_t *rvei_hmem_map(RveHnswMem *mem, HmemArray *array, int chunk);

extern bool rvei_hmem_mapped(const RveHnswMem *mem, RveNode node);

/* Edges of a list as they are now, without flags; out has room for its maximum. */
extern int	rvei_hmem_copy_edges(RveHnswMem *mem, RveNode node, int level, RveNode *out);

/* A reserved node's record without edges. */
extern RveStatus rvei_hmem_prepare(RveHnswMem *mem, RveNode node, const void *item, uint64_t tag);

/* ---- hnsw_mem_search.c ---- */

/*
 * Searches for the query from an entry downwards. On each level from that of
 * links (or the entry's) to 0, found is called with the ef_construction
 * nearest candidates in mem->pool, nearest first.
 */
typedef RveStatus (*HmemFound) (RveHnswMem *mem, RveNode node, int level);

extern RveStatus rvei_hmem_search(RveHnswMem *mem, uint64_t entry, int links, HmemFound found,
								  RveNode node);

/* ---- inline accessors ---- */

static inline uint8_t *
hmem_record(RveHnswMem *mem, HmemArray *array, uint32_t number)
{
	uint32_t	at = number;
	int			chunk = 0;

	if (__builtin_expect(number >= array->first, 0))
	{
		uint32_t	block;

		at = number - array->first;
		block = at >> array->shift;
		chunk = block == 0 ? 1 : 33 - __builtin_clz(block);
		if (block != 0)
			at -= UINT32_C(1) << (array->shift + chunk - 2);
	}
	if (__builtin_expect(array->base[chunk] == NULL, 0))
		return rvei_hmem_map(mem, array, chunk) + at * array->stride;
	return array->base[chunk] + at * array->stride;
}

static inline const uint8_t *
hmem_item(RveHnswMem *mem, RveNode node)
{
	return hmem_record(mem, &mem->nodes, node);
}

static inline HmemNode *
hmem_node(RveHnswMem *mem, RveNode node)
{
	return (HmemNode *) (hmem_record(mem, &mem->nodes, node) + mem->node_at);
}

static inline HmemUpper *
hmem_upper(RveHnswMem *mem, const HmemNode *slot, int level)
{
	return (HmemUpper *) hmem_record(mem, &mem->uppers, slot->upper + (uint32_t) level - 1);
}

/* The list of a level that the node has. */
static inline HmemList
hmem_list(RveHnswMem *mem, RveNode node, int level)
{
	HmemList	list;

	if (level == 0)
	{
		uint8_t    *record = hmem_record(mem, &mem->nodes, node);

		list.max = mem->params.base_degree;
		list.edges = (_Atomic uint32_t *) (record + mem->edges_at);
		list.dist = (float *) (record + mem->dist_at);
	}
	else
	{
		HmemUpper  *upper = hmem_upper(mem, hmem_node(mem, node), level);

		list.max = mem->params.m;
		list.edges = (_Atomic uint32_t *) (upper + 1);
		list.dist = (float *) (list.edges + list.max);
	}
	return list;
}

static inline int
hmem_list_count(RveHnswMem *mem, RveNode node, int level)
{
	HmemNode   *slot = hmem_node(mem, node);

	if (level == 0)
		return atomic_load_explicit(&slot->count, memory_order_acquire);
	return (int) atomic_load_explicit(&hmem_upper(mem, slot, level)->count, memory_order_acquire);
}

static inline void
hmem_list_set_count(RveHnswMem *mem, RveNode node, int level, int count)
{
	HmemNode   *slot = hmem_node(mem, node);

	if (level == 0)
		atomic_store_explicit(&slot->count, (uint8_t) count, memory_order_release);
	else
		atomic_store_explicit(&hmem_upper(mem, slot, level)->count, (uint16_t) count,
							  memory_order_release);
}

static inline uint32_t
hmem_edge(const HmemList *list, int i)
{
	return atomic_load_explicit(&list->edges[i], memory_order_acquire);
}

static inline void
hmem_set_edge(const HmemList *list, int i, uint32_t edge)
{
	atomic_store_explicit(&list->edges[i], edge, memory_order_release);
}

static inline void
hmem_prefetch(const void *from, size_t bytes)
{
	size_t		at;

	for (at = 0; at < bytes; at += HMEM_LINE)
		__builtin_prefetch((const uint8_t *) from + at);
}

static inline float
hmem_distance(RveHnswMem *mem, const void *a, const void *b)
{
	return mem->params.distance(mem->params.context, a, b);
}

#endif							/* HNSW_MEM_INT_H */
