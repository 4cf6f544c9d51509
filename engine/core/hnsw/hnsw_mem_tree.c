/*-------------------------------------------------------------------------
 *
 * hnsw_mem_tree.c
 *	  The tree of kept edges over a graph in memory that has all its nodes.
 *
 * Breadth first from the entry along edges that exist; what that does not
 * reach gets an edge from the nearest node of the tree that has room for one.
 * One process does it, when nobody adds any more.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/hnsw/hnsw_mem_int.h"

#include <string.h>

#define HMEM_CONNECT_EF 64
#define HMEM_CONNECT_PROBES 1000

typedef struct HmemTree
{
	uint32_t	nodes;			/* the first so many are to be in it */
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
	HmemList	list = hmem_list(mem, node, 0);
	int			n = hmem_list_count(mem, node, 0);
	int			at = -1;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (hmem_edge(&list, i) == target)
		{
			at = i;
			break;
		}
		if ((hmem_edge(&list, i) & RVE_HNSW_KEPT) == 0)
			at = i;
	}
	if (at < 0 || (hmem_edge(&list, at) != target && n < list.max))
	{
		at = n;
		hmem_list_set_count(mem, node, 0, n + 1);
	}
	if (at == n || hmem_edge(&list, at) != target)
		list.dist[at] = 0;		/* its place in the order is not worth a distance */
	hmem_set_edge(&list, at, target | RVE_HNSW_KEPT);
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
	int			i;

	tree->queue[tail++] = start;
	while (head < tail)
	{
		RveNode		node = tree->queue[head++];
		HmemList	list = hmem_list(mem, node, 0);

		if (head % 4096 == 0 && rve_base_interrupted())
			return RVE_INTERRUPTED;
		for (i = 0; i < hmem_list_count(mem, node, 0) && tree->kept[node] < max_kept; i++)
		{
			RveNode		target = RVE_HNSW_NODE(hmem_edge(&list, i));

			if (target >= tree->nodes || tree->in_tree[target])
				continue;
			hmem_tree_add(mem, tree, node, target);
			tree->queue[tail++] = target;
		}
	}
	return RVE_OK;
}

/* Nearest candidates first: the first of the tree that can keep one more edge. */
static RveStatus
hmem_tree_found(RveHnswMem *mem, RveNode node, int level)
{
	int			n = mem->pool_count < HMEM_CONNECT_EF ? mem->pool_count : HMEM_CONNECT_EF;

	mem->chosen_count = n;
	memcpy(mem->chosen, mem->pool, (size_t) n * sizeof(RveCandidate));
	return RVE_OK;
}

/* A node of the tree near the one given that can keep one more edge, or any such node. */
static RveStatus
hmem_tree_find_parent(RveHnswMem *mem, HmemTree *tree, RveNode node, RveNode *parent)
{
	int			max_kept = rve_hnsw_max_kept(mem->params.m);
	RveStatus	status;
	int			i;

	mem->query = hmem_item(mem, node);
	status = rvei_hmem_search(mem, mem->shared->entry, 0, hmem_tree_found, node);
	if (status != RVE_OK)
		return status;
	*parent = RVE_NODE_NONE;
	for (i = 0; i < mem->chosen_count && *parent == RVE_NODE_NONE; i++)
	{
		RveNode		near = mem->chosen[i].node;

		if (near < tree->nodes && tree->in_tree[near] && tree->kept[near] < max_kept)
			*parent = near;
	}

	/* a tree node has two kept edges on average: half the probes hit */
	for (i = 0; i < HMEM_CONNECT_PROBES && *parent == RVE_NODE_NONE; i++)
	{
		RveNode		probe = (RveNode) (rve_base_random_next(&tree->random) % tree->nodes);

		if (tree->in_tree[probe] && tree->kept[probe] < max_kept)
			*parent = probe;
	}
	return RVE_OK;
}

/* The flag changes its meaning: see HMEM_PRUNED. */
static void
hmem_clear_flags(RveHnswMem *mem)
{
	uint32_t	count = rve_hnsw_mem_count(mem);
	RveNode		node;
	int			level;
	int			i;

	for (node = 0; node < count; node++)
	{
		for (level = 0; level <= hmem_node(mem, node)->level; level++)
		{
			HmemList	list = hmem_list(mem, node, level);

			for (i = 0; i < hmem_list_count(mem, node, level); i++)
				hmem_set_edge(&list, i, RVE_HNSW_NODE(hmem_edge(&list, i)));
		}
	}
}

static RveStatus
hmem_tree_build(RveHnswMem *mem, HmemTree *tree, RveNode root, uint32_t *unreachable)
{
	RveNode		parent;
	RveNode		node;
	RveStatus	status;

	tree->in_tree[root] = 1;
	status = hmem_tree_grow(mem, tree, root);
	for (node = 0; node < tree->nodes && status == RVE_OK; node++)
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

static RveStatus
hmem_connect(RveHnswMem *mem, RveNode root, uint32_t nodes, int spare, uint32_t *unreachable)
{
	HmemTree	tree = {0};
	RveStatus	status = RVE_NO_MEMORY;

	tree.nodes = nodes;
	tree.random = mem->params.seed;
	tree.queue = rve_base_alloc_array(nodes, sizeof(RveNode));
	tree.in_tree = rve_base_alloc0(nodes);
	tree.kept = rve_base_alloc0(nodes);
	if (tree.queue != NULL && tree.in_tree != NULL && tree.kept != NULL)
	{
		tree.kept[root] = (uint8_t) spare;
		status = hmem_tree_build(mem, &tree, root, unreachable);
	}
	rve_base_free(tree.queue);
	rve_base_free(tree.in_tree);
	rve_base_free(tree.kept);
	return status;
}

RveStatus
rve_hnsw_mem_connect(RveHnswMem *mem, uint32_t *unreachable)
{
	*unreachable = 0;
	if (mem->shared->entry == HMEM_NO_ENTRY)
		return RVE_OK;
	hmem_clear_flags(mem);
	return hmem_connect(mem, (RveNode) mem->shared->entry, rve_hnsw_mem_count(mem), 0,
						unreachable);
}

RveStatus
rve_hnsw_mem_connect_part(RveHnswMem *mem, uint32_t nodes, int spare, uint32_t *unreachable)
{
	*unreachable = 0;
	if (nodes > rve_hnsw_mem_count(mem) || spare < 0 ||
		spare >= rve_hnsw_max_kept(mem->params.m) ||
		(nodes > 0 && hmem_node(mem, 0)->duplicate_of != RVE_NODE_NONE))
		return RVE_INVALID_ARGUMENT;
	hmem_clear_flags(mem);
	return nodes > 0 ? hmem_connect(mem, 0, nodes, spare, unreachable) : RVE_OK;
}
