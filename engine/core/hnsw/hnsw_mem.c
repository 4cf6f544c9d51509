/*-------------------------------------------------------------------------
 *
 * hnsw_mem.c
 *	  The graph in memory, for index builds.
 *
 * Items and edge lists live in chunks of 1024, 1024, 2048, 4096, ... nodes, so
 * that growth moves nothing; what a chunk has not used yet is address space,
 * not memory. Lists of upper levels are allocated node by node: one node in m
 * has any.
 *
 * A large graph is read at random places, and on 4 KB pages most of these
 * reads miss the TLB too: large chunks ask for huge pages.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/rve_hnsw.h"

#include <math.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define HMEM_CHUNK_SHIFT 10
#define HMEM_CHUNKS (32 - HMEM_CHUNK_SHIFT)
#define HMEM_HUGE_PAGE ((size_t) 2 << 20)
#define HMEM_LINE 64			/* bytes of a cache line */
#define HMEM_PREFETCH_AHEAD 16	/* items */
#define HMEM_CONNECT_EF 64
#define HMEM_CONNECT_PROBES 1000

typedef struct HmemNode
{
	uint64_t	tag;
	uint32_t   *upper;			/* level l >= 1 at upper + (l - 1) * (1 + m): count, edges */
	RveNode		duplicate_of;
	RveNode		next_duplicate;
	int			level;
} HmemNode;

typedef struct HmemChunk
{
	uint8_t    *items;
	uint32_t   *edges;			/* per node: count, 2m edges */
	HmemNode   *nodes;
} HmemChunk;

struct RveHnswMem
{
	RveHnswMemParams params;
	size_t		stride;			/* bytes from item to item */
	uint32_t	edge_stride;	/* words from list to list */
	HmemChunk	chunks[HMEM_CHUNKS];
	int			chunk_count;
	uint32_t	count;
	RveNode		entry;
	int			entry_level;
	uint64_t	random;
	size_t		bytes;
	RveHnswSearch *search;
	const void *query;
	const void *loaded[RVE_HNSW_MAX_EF + 1];
};

/* The chunk of a node; *at = its place there. */
static inline const HmemChunk *
hmem_chunk(const RveHnswMem *mem, RveNode node, size_t *at)
{
	uint32_t	block = node >> HMEM_CHUNK_SHIFT;
	int			number = block == 0 ? 0 : 32 - __builtin_clz(block);

	*at = number == 0 ? node : node - (UINT32_C(1) << (HMEM_CHUNK_SHIFT + number - 1));
	return &mem->chunks[number];
}

static inline HmemNode *
hmem_node(const RveHnswMem *mem, RveNode node)
{
	size_t		at;
	const HmemChunk *chunk = hmem_chunk(mem, node, &at);

	return &chunk->nodes[at];
}

static inline const uint8_t *
hmem_item(const RveHnswMem *mem, RveNode node)
{
	size_t		at;
	const HmemChunk *chunk = hmem_chunk(mem, node, &at);

	return chunk->items + at * mem->stride;
}

/* The list of a level the node has: count, then edges. */
static inline uint32_t *
hmem_list(const RveHnswMem *mem, RveNode node, int level)
{
	size_t		at;
	const HmemChunk *chunk = hmem_chunk(mem, node, &at);

	if (level == 0)
		return chunk->edges + at * mem->edge_stride;
	return chunk->nodes[at].upper + (size_t) (level - 1) * (1 + mem->params.m);
}

/* An array of a chunk. Advice is all that huge pages are: nothing depends on it. */
static void *
hmem_alloc_array(size_t count, size_t size)
{
	uint8_t    *ptr = rve_base_alloc_array(count, size);

#ifdef MADV_HUGEPAGE
	if (ptr != NULL && count * size >= 2 * HMEM_HUGE_PAGE)
	{
		uintptr_t	from = ((uintptr_t) ptr + HMEM_HUGE_PAGE - 1) & ~(HMEM_HUGE_PAGE - 1);
		uintptr_t	to = ((uintptr_t) ptr + count * size) & ~(HMEM_HUGE_PAGE - 1);

		(void) madvise((void *) from, to - from, MADV_HUGEPAGE);
	}
#endif
	return ptr;
}

/* ---- the ops ---- */

static int
hmem_neighbors(void *host, RveNode node, int level, RveNode *out)
{
	RveHnswMem *mem = host;
	const uint32_t *list;
	uint32_t	i;

	if (level > 0 && level > hmem_node(mem, node)->level)
		return 0;
	list = hmem_list(mem, node, level);
	for (i = 0; i < list[0]; i++)
		out[i] = RVE_HNSW_NODE(list[1 + i]);
	return (int) list[0];
}

static inline void
hmem_prefetch(const RveHnswMem *mem, RveNode node)
{
	const uint8_t *item = hmem_item(mem, node);
	size_t		at;

	for (at = 0; at < mem->params.item_bytes; at += HMEM_LINE)
		__builtin_prefetch(item + at);
}

static void
hmem_score(void *host, const RveNode *nodes, int n, float *dist)
{
	RveHnswMem *mem = host;
	int			i;

	for (i = 0; i < n && i < HMEM_PREFETCH_AHEAD; i++)
		hmem_prefetch(mem, nodes[i]);
	for (i = 0; i < n; i++)
	{
		if (i + HMEM_PREFETCH_AHEAD < n)
			hmem_prefetch(mem, nodes[i + HMEM_PREFETCH_AHEAD]);
		dist[i] = mem->params.distance(mem->params.context, mem->query, hmem_item(mem, nodes[i]));
	}
}

static void
hmem_load(void *host, const RveNode *nodes, int n, bool *usable)
{
	RveHnswMem *mem = host;
	int			i;

	for (i = 0; i < n; i++)
	{
		mem->loaded[i] = hmem_item(mem, nodes[i]);
		hmem_prefetch(mem, nodes[i]);
		usable[i] = true;
	}
}

static void
hmem_hint(void *host, RveNode node)
{
	RveHnswMem *mem = host;
	const uint8_t *list = (const uint8_t *) hmem_list(mem, node, 0);
	size_t		at;

	for (at = 0; at < mem->edge_stride * sizeof(uint32_t); at += HMEM_LINE)
		__builtin_prefetch(list + at);
}

static float
hmem_pair(void *host, int i, int j)
{
	RveHnswMem *mem = host;

	return mem->params.distance(mem->params.context, mem->loaded[i], mem->loaded[j]);
}

static RveNode
hmem_same(void *host, const RveCandidate *candidates, int n)
{
	RveHnswMem *mem = host;
	int			i;

	for (i = 0; i < n; i++)
	{
		RveNode		node = candidates[i].node;

		if (memcmp(hmem_item(mem, node), mem->query, mem->params.item_bytes) == 0 &&
			(mem->params.same == NULL || mem->params.same(mem->params.context, node)))
			return node;
	}
	return RVE_NODE_NONE;
}

static const RveGraphOps hmem_ops = {
	.neighbors = hmem_neighbors,
	.score = hmem_score,
	.load = hmem_load,
	.hint = hmem_hint,
	.pair = hmem_pair,
	.same = hmem_same
};

void
rve_hnsw_mem_graph(RveHnswMem *mem, RveGraph *graph)
{
	graph->ops = &hmem_ops;
	graph->host = mem;
	graph->m = mem->params.m;
	graph->entry = mem->entry;
	graph->entry_level = mem->entry_level;
	graph->bound = mem->count;
}

void
rve_hnsw_mem_set_query(RveHnswMem *mem, const void *item)
{
	mem->query = item;
}

/* ---- life ---- */

RveStatus
rve_hnsw_mem_create(const RveHnswMemParams *params, RveHnswMem **result)
{
	RveHnswMem *mem;
	RveStatus	status;

	*result = NULL;
	if (params->m < RVE_HNSW_MIN_M || params->m > RVE_HNSW_MAX_M ||
		params->ef_construction < 1 || params->ef_construction > RVE_HNSW_MAX_EF ||
		params->item_bytes == 0 || params->item_bytes > (1u << 20))
		return RVE_INVALID_ARGUMENT;
	mem = rve_base_alloc0(sizeof(RveHnswMem));
	if (mem == NULL)
		return RVE_NO_MEMORY;
	mem->params = *params;
	mem->stride = (params->item_bytes + 15) & ~(size_t) 15;
	mem->edge_stride = 1 + 2 * params->m;
	mem->entry = RVE_NODE_NONE;
	mem->random = params->seed;
	status = rve_hnsw_search_create(&mem->search);
	if (status != RVE_OK)
	{
		rve_base_free(mem);
		return status;
	}
	*result = mem;
	return RVE_OK;
}

void
rve_hnsw_mem_free(RveHnswMem *mem)
{
	int			i;
	RveNode		node;

	if (mem == NULL)
		return;
	for (node = 0; node < mem->count; node++)
		rve_base_free(hmem_node(mem, node)->upper);
	for (i = 0; i < mem->chunk_count; i++)
	{
		rve_base_free(mem->chunks[i].items);
		rve_base_free(mem->chunks[i].edges);
		rve_base_free(mem->chunks[i].nodes);
	}
	rve_hnsw_search_free(mem->search);
	rve_base_free(mem);
}

static RveStatus
hmem_add_chunk(RveHnswMem *mem)
{
	size_t		nodes = (size_t) 1 << (HMEM_CHUNK_SHIFT +
									   (mem->chunk_count == 0 ? 0 : mem->chunk_count - 1));
	HmemChunk	chunk;

	chunk.items = hmem_alloc_array(nodes, mem->stride);
	chunk.edges = hmem_alloc_array(nodes, mem->edge_stride * sizeof(uint32_t));
	chunk.nodes = hmem_alloc_array(nodes, sizeof(HmemNode));
	if (chunk.items == NULL || chunk.edges == NULL || chunk.nodes == NULL)
	{
		rve_base_free(chunk.items);
		rve_base_free(chunk.edges);
		rve_base_free(chunk.nodes);
		return RVE_NO_MEMORY;
	}
	mem->chunks[mem->chunk_count++] = chunk;
	return RVE_OK;
}

/* ---- adding ---- */

/* The next node's place, without edges. It counts only when the caller says so. */
static RveStatus
hmem_prepare(RveHnswMem *mem, const void *item, uint64_t tag)
{
	RveNode		node = mem->count;
	HmemNode   *slot;
	RveStatus	status;
	int			level;

	if (node >= RVE_HNSW_MAX_NODES)
		return RVE_TOO_LARGE;
	if (node == 0 || node == UINT32_C(1) << (HMEM_CHUNK_SHIFT + mem->chunk_count - 1))
	{
		status = hmem_add_chunk(mem);
		if (status != RVE_OK)
			return status;
	}
	slot = hmem_node(mem, node);
	slot->tag = tag;
	slot->upper = NULL;
	slot->duplicate_of = slot->next_duplicate = RVE_NODE_NONE;
	slot->level = rve_hnsw_random_level(mem->params.m, rve_base_random_unit(&mem->random));
	memcpy((void *) hmem_item(mem, node), item, mem->params.item_bytes);
	hmem_list(mem, node, 0)[0] = 0;
	if (slot->level > 0)
	{
		size_t		words = (size_t) slot->level * (1 + mem->params.m);

		slot->upper = rve_base_alloc_array(words, sizeof(uint32_t));
		if (slot->upper == NULL)
			return RVE_NO_MEMORY;
		mem->bytes += words * sizeof(uint32_t);
		for (level = 1; level <= slot->level; level++)
			hmem_list(mem, node, level)[0] = 0;
	}
	return RVE_OK;
}

/*
 * Until rve_hnsw_mem_connect, the top bit of an edge says that selection
 * pruned it and it only fills up the list.
 */
#define HMEM_PRUNED RVE_HNSW_KEPT

/* A full list is chosen by Algorithm 4 the first time. */
static RveStatus
hmem_reselect(RveHnswMem *mem, const RveGraph *graph, RveNode node, RveNode added, int level)
{
	uint32_t   *list = hmem_list(mem, node, level);
	int			max = rve_hnsw_max_degree(mem->params.m, level);
	RveNode		candidates[RVE_HNSW_MAX_DEGREE + 1];
	RveHnswRelink relink = {0};
	RveStatus	status;
	int			i;

	memcpy(candidates, list + 1, max * sizeof(RveNode));
	candidates[max] = added;
	relink.node = node;
	relink.candidates = candidates;
	relink.n = max + 1;
	relink.max = max;
	relink.out = list + 1;
	status = rve_hnsw_relink(mem->search, graph, &relink);
	if (status != RVE_OK)
		return status;
	list[0] = relink.count;
	for (i = relink.diverse; i < relink.count; i++)
		list[1 + i] |= HMEM_PRUNED;
	return RVE_OK;
}

/*
 * Afterwards it is kept up to date: the added node prunes and is pruned as
 * Algorithm 4 would have it, and the farthest of the pruned ones goes. A
 * fifth of the distances of choosing anew, and as good.
 */
static void
hmem_replace_one(RveHnswMem *mem, RveNode node, RveNode added, int level)
{
	uint32_t   *list = hmem_list(mem, node, level);
	int			n = (int) list[0];
	RveNode		nodes[RVE_HNSW_MAX_DEGREE + 2];
	bool		usable[RVE_HNSW_MAX_DEGREE + 2];
	float		added_dist;
	float		worst_dist[2] = {-INFINITY, -INFINITY};	/* of diverse, of pruned */
	int			worst[2] = {-1, -1};
	int			which;
	int			i;

	for (i = 0; i < n; i++)
		nodes[i] = RVE_HNSW_NODE(list[1 + i]);
	nodes[n] = added;
	nodes[n + 1] = node;
	hmem_load(mem, nodes, n + 2, usable);
	added_dist = hmem_pair(mem, n + 1, n);
	for (i = 0; i < n; i++)
	{
		float		dist = hmem_pair(mem, n + 1, i);

		if (hmem_pair(mem, n, i) < (dist < added_dist ? added_dist : dist))
		{
			/* the nearer of the two prunes the other, unless it is pruned itself */
			if (dist >= added_dist)
				list[1 + i] |= HMEM_PRUNED;
			else if ((list[1 + i] & HMEM_PRUNED) == 0)
				added |= HMEM_PRUNED;
		}
		which = (list[1 + i] & HMEM_PRUNED) != 0;
		if (dist > worst_dist[which])
		{
			worst_dist[which] = dist;
			worst[which] = i;
		}
	}
	which = worst[1] >= 0 || (added & HMEM_PRUNED) != 0;
	if (worst[which] >= 0 && ((added & HMEM_PRUNED) == 0 || added_dist < worst_dist[which]))
		list[1 + worst[which]] = added;
}

/* Adds added to node's list, choosing when it is full. *accepted = it is in. */
static RveStatus
hmem_link_back(RveHnswMem *mem, const RveGraph *graph, RveNode node, RveNode added, int level,
			   bool *accepted)
{
	uint32_t   *list = hmem_list(mem, node, level);
	bool		chosen = false;
	RveStatus	status;
	uint32_t	i;

	*accepted = true;
	if ((int) list[0] < rve_hnsw_max_degree(mem->params.m, level))
	{
		list[1 + list[0]++] = added;
		return RVE_OK;
	}
	for (i = 1; i <= list[0]; i++)
		chosen |= (list[i] & HMEM_PRUNED) != 0;
	if (chosen)
		hmem_replace_one(mem, node, added, level);
	else
	{
		status = hmem_reselect(mem, graph, node, added, level);
		if (status != RVE_OK)
			return status;
	}
	*accepted = false;
	for (i = 1; i <= list[0]; i++)
		*accepted |= RVE_HNSW_NODE(list[i]) == added;
	return RVE_OK;
}

/* Writes the chosen edges and their reverse ones. */
static RveStatus
hmem_link(RveHnswMem *mem, const RveGraph *graph, RveNode node, const RveHnswLinks *links)
{
	int			level;
	int			i;
	RveStatus	status;

	for (level = 0; level <= links->level; level++)
	{
		uint32_t   *list = hmem_list(mem, node, level);
		bool		any = false;

		for (i = 0; i < links->count[level]; i++)
			list[1 + i] = links->edges[level][i].node;
		list[0] = links->count[level];
		for (i = 0; i < links->count[level]; i++)
		{
			bool		accepted;

			status = hmem_link_back(mem, graph, links->edges[level][i].node, node, level,
									&accepted);
			if (status != RVE_OK)
				return status;
			any |= accepted;
		}

		/* nobody wants it: its nearest neighbour gives up the farthest edge */
		if (!any && links->count[level] > 0)
		{
			uint32_t   *nearest = hmem_list(mem, links->edges[level][0].node, level);

			nearest[nearest[0]] = node;
		}
	}
	return RVE_OK;
}

RveStatus
rve_hnsw_mem_add(RveHnswMem *mem, const void *item, uint64_t tag)
{
	RveNode		node = mem->count;
	RveGraph	graph;
	RveHnswLinks links;
	HmemNode   *slot;
	RveStatus	status = hmem_prepare(mem, item, tag);

	if (status != RVE_OK)
		return status;
	slot = hmem_node(mem, node);
	rve_hnsw_mem_graph(mem, &graph);
	mem->query = item;
	links.level = slot->level;
	links.self = RVE_NODE_NONE;
	status = rve_hnsw_insert_search(mem->search, &graph, mem->params.ef_construction, &links);
	if (status != RVE_OK)
	{
		rve_base_free(slot->upper);
		return status;
	}
	mem->count++;
	mem->bytes += mem->stride + mem->edge_stride * sizeof(uint32_t) + sizeof(HmemNode);
	if (links.duplicate_of != RVE_NODE_NONE)
	{
		HmemNode   *first = hmem_node(mem, links.duplicate_of);

		rve_base_free(slot->upper);
		slot->upper = NULL;
		slot->level = 0;
		slot->duplicate_of = links.duplicate_of;
		slot->next_duplicate = first->next_duplicate;
		first->next_duplicate = node;
		return RVE_OK;
	}
	status = hmem_link(mem, &graph, node, &links);
	if (status == RVE_OK && (mem->entry == RVE_NODE_NONE || slot->level > mem->entry_level))
	{
		mem->entry = node;
		mem->entry_level = slot->level;
	}
	return status;
}

/* ---- the tree of kept edges ---- */

typedef struct HmemTree
{
	RveNode    *queue;
	uint8_t    *in_tree;
	uint8_t    *kept;			/* kept edges of each node */
	uint64_t	random;
} HmemTree;

/*
 * Makes the edge from node to target a kept one, adding it if it is not
 * there: into free room, else in place of the last edge that is not kept.
 * The caller knows that not all edges are kept.
 */
static void
hmem_keep_edge(RveHnswMem *mem, HmemTree *tree, RveNode node, RveNode target)
{
	uint32_t   *list = hmem_list(mem, node, 0);
	uint32_t	at = 0;
	uint32_t	i;

	for (i = 1; i <= list[0]; i++)
	{
		if (list[i] == target)
		{
			at = i;
			break;
		}
		if ((list[i] & RVE_HNSW_KEPT) == 0)
			at = i;
	}
	if (at == 0 || (list[at] != target && list[0] < 2 * (uint32_t) mem->params.m))
		at = ++list[0];
	list[at] = target | RVE_HNSW_KEPT;
	tree->kept[node]++;
}

static void
hmem_tree_add(RveHnswMem *mem, HmemTree *tree, RveNode parent, RveNode node)
{
	hmem_keep_edge(mem, tree, parent, node);
	hmem_keep_edge(mem, tree, node, parent);
	tree->in_tree[node] = 1;
}

/* Breadth first from start, which is in the tree, along edges that exist. */
static RveStatus
hmem_tree_grow(RveHnswMem *mem, HmemTree *tree, RveNode start)
{
	int			max_kept = rve_hnsw_max_kept(mem->params.m);
	size_t		head = 0;
	size_t		tail = 0;
	uint32_t	i;

	tree->queue[tail++] = start;
	while (head < tail)
	{
		RveNode		node = tree->queue[head++];
		uint32_t   *list = hmem_list(mem, node, 0);

		if (head % 4096 == 0 && rve_base_interrupted())
			return RVE_INTERRUPTED;
		for (i = 1; i <= list[0] && tree->kept[node] < max_kept; i++)
		{
			RveNode		target = RVE_HNSW_NODE(list[i]);

			if (tree->in_tree[target])
				continue;
			hmem_tree_add(mem, tree, node, target);
			tree->queue[tail++] = target;
		}
	}
	return RVE_OK;
}

/* A node of the tree near the one given that can keep one more edge, or any such node. */
static RveStatus
hmem_tree_find_parent(RveHnswMem *mem, HmemTree *tree, RveNode node, RveNode *parent)
{
	int			max_kept = rve_hnsw_max_kept(mem->params.m);
	RveHnswEffort effort = {.ef = HMEM_CONNECT_EF};
	RveGraph	graph;
	const RveCandidate *near;
	RveStatus	status;
	int			n;
	int			i;

	rve_hnsw_mem_graph(mem, &graph);
	mem->query = hmem_item(mem, node);
	status = rve_hnsw_search_start(mem->search, &graph, &effort);
	if (status != RVE_OK)
		return status;
	near = rve_hnsw_search_results(mem->search, &n);
	*parent = RVE_NODE_NONE;
	for (i = 0; i < n && *parent == RVE_NODE_NONE; i++)
		if (tree->in_tree[near[i].node] && tree->kept[near[i].node] < max_kept)
			*parent = near[i].node;

	/* a tree node has two kept edges on average: half the probes hit */
	for (i = 0; i < HMEM_CONNECT_PROBES && *parent == RVE_NODE_NONE; i++)
	{
		RveNode		probe = (RveNode) (rve_base_random_next(&tree->random) % mem->count);

		if (tree->in_tree[probe] && tree->kept[probe] < max_kept)
			*parent = probe;
	}
	return RVE_OK;
}

/* The flag changes its meaning: see HMEM_PRUNED. */
static void
hmem_clear_flags(RveHnswMem *mem)
{
	RveNode		node;
	int			level;
	uint32_t	i;

	for (node = 0; node < mem->count; node++)
	{
		for (level = 0; level <= hmem_node(mem, node)->level; level++)
		{
			uint32_t   *list = hmem_list(mem, node, level);

			for (i = 1; i <= list[0]; i++)
				list[i] = RVE_HNSW_NODE(list[i]);
		}
	}
}

static RveStatus
hmem_tree_build(RveHnswMem *mem, HmemTree *tree, uint32_t *unreachable)
{
	RveNode		parent;
	RveNode		node;
	RveStatus	status;

	tree->in_tree[mem->entry] = 1;
	status = hmem_tree_grow(mem, tree, mem->entry);
	for (node = 0; node < mem->count && status == RVE_OK; node++)
	{
		if (tree->in_tree[node] || hmem_node(mem, node)->duplicate_of != RVE_NODE_NONE)
			continue;
		status = hmem_tree_find_parent(mem, tree, node, &parent);
		if (status != RVE_OK)
			break;
		if (parent == RVE_NODE_NONE)
		{
			(*unreachable)++;
			continue;
		}
		hmem_tree_add(mem, tree, parent, node);
		status = hmem_tree_grow(mem, tree, node);
	}
	return status;
}

RveStatus
rve_hnsw_mem_connect(RveHnswMem *mem, uint32_t *unreachable)
{
	HmemTree	tree = {0};
	RveStatus	status = RVE_NO_MEMORY;

	*unreachable = 0;
	if (mem->entry == RVE_NODE_NONE)
		return RVE_OK;
	hmem_clear_flags(mem);
	tree.random = mem->params.seed;
	tree.queue = rve_base_alloc_array(mem->count, sizeof(RveNode));
	tree.in_tree = rve_base_alloc0(mem->count);
	tree.kept = rve_base_alloc0(mem->count);
	if (tree.queue != NULL && tree.in_tree != NULL && tree.kept != NULL)
		status = hmem_tree_build(mem, &tree, unreachable);
	rve_base_free(tree.queue);
	rve_base_free(tree.in_tree);
	rve_base_free(tree.kept);
	return status;
}

/* ---- reading ---- */

size_t
rve_hnsw_mem_bytes(const RveHnswMem *mem)
{
	return mem->bytes;
}

uint32_t
rve_hnsw_mem_count(const RveHnswMem *mem)
{
	return mem->count;
}

void
rve_hnsw_mem_node(const RveHnswMem *mem, RveNode node, RveHnswMemNode *out)
{
	const HmemNode *slot = hmem_node(mem, node);

	out->tag = slot->tag;
	out->item = hmem_item(mem, node);
	out->level = slot->level;
	out->duplicate_of = slot->duplicate_of;
	out->next_duplicate = slot->next_duplicate;
}

const RveNode *
rve_hnsw_mem_edges(const RveHnswMem *mem, RveNode node, int level, int *count)
{
	const uint32_t *list = hmem_list(mem, node, level);

	*count = (int) list[0];
	return list + 1;
}
