/*-------------------------------------------------------------------------
 *
 * hnsw_reconnect.c
 *	  Vacuum's last pass: every node within reach of the entry again (HNSW-10).
 *
 * Removing nodes cuts the tree of kept edges. Repairs have put paths in the
 * place of most of what is gone; a walk along kept edges finds the parts that
 * are still cut off, and each is tied to a neighbour that is not, or searched
 * in where it has none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_vacuum_int.h"

#define RECONNECT_ROUNDS 4

typedef struct ReconnectTree
{
	HnswVacuum *vacuum;
	uint8	   *reached;		/* bit per nid: kept edges lead there from the entry */
	RveNode    *stack;
} ReconnectTree;

static bool
reconnect_is_reached(void *arg, RveNode nid)
{
	ReconnectTree *tree = arg;

	return rvi_hnsw_bit(tree->reached, tree->vacuum->bound, nid);
}

/* Marks what kept edges lead to from start. */
static void
reconnect_reach(ReconnectTree *tree, RveNode start)
{
	HnswVacuum *vacuum = tree->vacuum;
	RveNode		edges[RVE_HNSW_MAX_DEGREE];
	Size		depth = 0;
	int			n;
	int			i;

	if (start >= vacuum->bound || reconnect_is_reached(tree, start))
		return;
	tree->reached[start / 8] |= 1 << (start % 8);
	tree->stack[depth++] = start;
	while (depth > 0)
	{
		vacuum_delay_point();
		n = rvi_hnsw_graph_edges(vacuum->graph, tree->stack[--depth], edges);
		for (i = 0; i < n; i++)
		{
			RveNode		node = RVE_HNSW_NODE(edges[i]);

			if ((edges[i] & RVE_HNSW_KEPT) == 0 || node >= vacuum->bound ||
				reconnect_is_reached(tree, node))
				continue;
			tree->reached[node / 8] |= 1 << (node % 8);
			tree->stack[depth++] = node;
		}
	}
}

/* Holds an unreached node by a kept edge from one of its own neighbours. */
static bool
reconnect_attach_locally(ReconnectTree *tree, RveNode nid)
{
	HnswVacuum *vacuum = tree->vacuum;
	RveNode		edges[RVE_HNSW_MAX_DEGREE];
	int			n = rvi_hnsw_graph_edges(vacuum->graph, nid, edges);
	int			i;

	for (i = 0; i < n; i++)
	{
		RveNode		node = RVE_HNSW_NODE(edges[i]);

		if (reconnect_is_reached(tree, node) &&
			rvi_hnsw_link_can_keep(&vacuum->graph->reader, node) &&
			rvi_hnsw_link_keep_edge(&vacuum->writer, vacuum->graph, vacuum->search, node, nid))
			return rvi_hnsw_link_keep_edge(&vacuum->writer, vacuum->graph, vacuum->search, nid, node);
	}
	return false;
}

/* Attaches every part that kept edges do not reach; returns how many there were. */
static RveNode
reconnect_round(ReconnectTree *tree)
{
	HnswVacuum *vacuum = tree->vacuum;
	RvHnswMetaPageData meta;
	RvHnswSlotData slot;
	RveNode		found = 0;
	RveNode		nid;

	memset(tree->reached, 0, vacuum->bound / 8 + 1);
	rvi_hnsw_read_meta(vacuum->writer.rel, &meta);
	rvi_hnsw_graph_refresh(vacuum->graph, &meta);
	if (meta.entry == RVE_NODE_NONE)
		return 0;
	reconnect_reach(tree, meta.entry);
	for (nid = 0; nid < vacuum->bound; nid++)
	{
		MemoryContext old;

		if (reconnect_is_reached(tree, nid) ||
			!rvi_hnsw_read_slot(&vacuum->graph->reader, nid, &slot) || slot.state != RV_HNSW_LIVE)
			continue;
		vacuum_delay_point();
		found++;
		old = MemoryContextSwitchTo(vacuum->page_context);
		if (!reconnect_attach_locally(tree, nid))
			(void) rvi_hnsw_relink_node(&vacuum->writer, vacuum->index, nid, reconnect_is_reached, tree);
		MemoryContextSwitchTo(old);
		MemoryContextReset(vacuum->page_context);
		reconnect_reach(tree, nid);
	}
	return found;
}

void
rvi_hnsw_reconnect(HnswVacuum *vacuum)
{
	ReconnectTree	tree;
	int			round;

	tree.vacuum = vacuum;
	tree.reached = MemoryContextAllocHuge(CurrentMemoryContext, vacuum->bound / 8 + 1);
	tree.stack = MemoryContextAllocHuge(CurrentMemoryContext,
										((Size) vacuum->bound + 1) * sizeof(RveNode));
	for (round = 0; round < RECONNECT_ROUNDS; round++)
		if (reconnect_round(&tree) == 0)
			break;
	pfree(tree.stack);
	pfree(tree.reached);
	rvi_hnsw_set_reconnect(&vacuum->writer, false);
}
