/*-------------------------------------------------------------------------
 *
 * gr_expand_btree.c
 *	  Edges at a node, by the btrees (src,typ,dst,id) and (dst,typ,src,id).
 *
 * Both indexes hold all that an expansion returns, so the heap is visited only
 * where a page is not all-visible or properties are wanted. One expansion is a
 * row of index scans: per direction, per type, with the neighbour as a further
 * key when it is given. The scans are begun once and restarted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/graph/gr_int.h"

/* columns of both indexes */
enum
{
	EXPAND_KEY_NODE = 1,
	EXPAND_KEY_TYP,
	EXPAND_KEY_NEIGHBOUR,
	EXPAND_KEY_ID
};

struct RvExpandData
{
	RvGraph		graph;
	Snapshot	snapshot;
	RvDirection direction;
	int32	   *types;
	int			ntypes;
	bool		want_props;
	TupleTableSlot *slot;
	Buffer		vmbuffer;
	MemoryContext mcxt;			/* of the scans */
	Relation	index[2];		/* out, in; NULL where the direction is not asked for */
	IndexScanDesc scan[2];		/* begun on first use */

	/* where the walk stands */
	int64		node;
	int64		other;
	int			side;			/* 0 out, 1 in, 2 done */
	int			type;			/* next type to start; ntypes = 0 counts as one */
	bool		running;		/* scan[side] is started */
};

RvExpand
rv_graph_expand_begin(RvGraph graph, Snapshot snapshot, RvDirection direction,
					  const int32 *types, int ntypes)
{
	RvExpand	expand = palloc0(sizeof(struct RvExpandData));

	expand->graph = graph;
	expand->mcxt = CurrentMemoryContext;
	expand->snapshot = snapshot;
	expand->direction = direction;
	expand->vmbuffer = InvalidBuffer;
	expand->slot = table_slot_create(graph->edge, NULL);
	expand->ntypes = ntypes;
	expand->side = 2;
	if (ntypes > 0)
	{
		expand->types = palloc(sizeof(int32) * ntypes);
		memcpy(expand->types, types, sizeof(int32) * ntypes);
	}
	for (int side = 0; side < 2; side++)
	{
		RviGraphIndex index = side == 0 ? RVI_IDX_EDGE_OUT : RVI_IDX_EDGE_IN;

		if (direction & (side == 0 ? RV_DIR_OUT : RV_DIR_IN))
			expand->index[side] = rvi_graph_index(graph, index);
	}
	return expand;
}

void
rv_graph_expand_want_props(RvExpand expand)
{
	expand->want_props = true;
}

void
rv_graph_expand_start(RvExpand expand, int64 node, int64 other)
{
	expand->node = node;
	expand->other = other;
	expand->side = 0;
	expand->type = 0;
	expand->running = false;
}

/*
 * (Re)starts the index scan of the current side. A scan's number of keys is
 * fixed, so it is begun anew when a neighbour is given for the first time.
 */
static void
expand_rescan(RvExpand expand, ScanKey keys, int nkeys)
{
	IndexScanDesc *scan = &expand->scan[expand->side];
	MemoryContext old = MemoryContextSwitchTo(expand->mcxt);

	if (*scan != NULL && (*scan)->numberOfKeys != nkeys)
	{
		index_endscan(*scan);
		*scan = NULL;
	}
	if (*scan == NULL)
	{
		*scan = index_beginscan(expand->graph->edge, expand->index[expand->side],
								expand->snapshot, nkeys, 0);
		(*scan)->xs_want_itup = !expand->want_props && IsMVCCSnapshot(expand->snapshot);
	}
	index_rescan(*scan, keys, nkeys, NULL, 0);
	MemoryContextSwitchTo(old);
}

/* Starts the next index scan of the walk; false when there is none left. */
static bool
expand_advance(RvExpand expand)
{
	ScanKeyData keys[3];
	int			nkeys = 0;

	while (expand->side < 2 &&
		   (expand->index[expand->side] == NULL || expand->type >= Max(expand->ntypes, 1)))
	{
		expand->side++;
		expand->type = 0;
	}
	if (expand->side >= 2)
		return false;

	ScanKeyInit(&keys[nkeys++], EXPAND_KEY_NODE, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(expand->node));
	if (expand->ntypes > 0)
		ScanKeyInit(&keys[nkeys++], EXPAND_KEY_TYP, BTEqualStrategyNumber, F_INT4EQ,
					Int32GetDatum(expand->types[expand->type]));
	if (expand->other >= 0)
		ScanKeyInit(&keys[nkeys++], EXPAND_KEY_NEIGHBOUR, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(expand->other));
	expand_rescan(expand, keys, nkeys);
	expand->type++;
	expand->running = true;
	return true;
}

/* Next edge of the running index scan. */
static bool
expand_fetch(RvExpand expand, RvEdge *edge)
{
	IndexScanDesc scan = expand->scan[expand->side];
	TupleDesc	desc = RelationGetDescr(scan->indexRelation);
	int64		neighbour;
	bool		isnull;

	if (!rvi_graph_index_next(scan, expand->slot, &expand->vmbuffer, expand->mcxt))
		return false;
	if (!scan->xs_want_itup)
	{
		rvi_graph_fill_edge(expand->slot, expand->want_props, edge);
		return true;
	}
	neighbour = DatumGetInt64(index_getattr(scan->xs_itup, EXPAND_KEY_NEIGHBOUR, desc, &isnull));
	edge->id = DatumGetInt64(index_getattr(scan->xs_itup, EXPAND_KEY_ID, desc, &isnull));
	edge->type = DatumGetInt32(index_getattr(scan->xs_itup, EXPAND_KEY_TYP, desc, &isnull));
	edge->src = expand->side == 0 ? expand->node : neighbour;
	edge->dst = expand->side == 0 ? neighbour : expand->node;
	edge->props = NULL;
	return true;
}

bool
rv_graph_expand_next(RvExpand expand, RvEdge *edge, int64 *neighbour)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (!expand->running && !expand_advance(expand))
			return false;
		if (!expand_fetch(expand, edge))
		{
			expand->running = false;
			continue;
		}
		/* a loop has come with the outgoing edges */
		if (expand->direction == RV_DIR_BOTH && expand->side == 1 && edge->src == edge->dst)
			continue;
		*neighbour = expand->side == 0 ? edge->dst : edge->src;
		return true;
	}
}

void
rv_graph_expand_end(RvExpand expand)
{
	for (int side = 0; side < 2; side++)
	{
		if (expand->scan[side] != NULL)
			index_endscan(expand->scan[side]);
	}
	ExecDropSingleTupleTableSlot(expand->slot);
	if (BufferIsValid(expand->vmbuffer))
		ReleaseBuffer(expand->vmbuffer);
	if (expand->types != NULL)
		pfree(expand->types);
	pfree(expand);
}
