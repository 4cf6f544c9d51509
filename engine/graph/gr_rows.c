/*-------------------------------------------------------------------------
 *
 * gr_rows.c
 *	  Reading nodes and edges: by id, all, by label.
 *
 * A point look-up keeps its index scan in the handle and restarts it. Scans by
 * label go through (lset, id) for each label set that holds the labels, or
 * over the whole table where that is cheaper. Where no properties are wanted,
 * the index answers alone for pages that are all-visible.
 *
 * An index method allocates what it keeps in the context that is current when
 * it first needs it, so it is called in that of the scan; what rows hand out is
 * allocated in the caller's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/graph/gr_int.h"

/* share of the table from which on reading all of it is cheaper than the index */
#define ROWS_SEQSCAN_FRACTION 0.3

static Datum
rows_attr(TupleTableSlot *slot, AttrNumber attno)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);

	RV_ENSURE(!isnull, "null in a graph table");
	return value;
}

static RvProps *
rows_props(TupleTableSlot *slot, AttrNumber attno)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);

	return rvi_graph_props_copy(value, isnull);
}

void
rvi_graph_fill_node(TupleTableSlot *slot, bool want_props, RvNode *node)
{
	node->id = DatumGetInt64(rows_attr(slot, RVI_NODE_ATT_ID));
	node->lset = DatumGetInt32(rows_attr(slot, RVI_NODE_ATT_LSET));
	node->props = want_props ? rows_props(slot, RVI_NODE_ATT_PROPS) : NULL;
}

void
rvi_graph_fill_edge(TupleTableSlot *slot, bool want_props, RvEdge *edge)
{
	edge->id = DatumGetInt64(rows_attr(slot, RVI_EDGE_ATT_ID));
	edge->src = DatumGetInt64(rows_attr(slot, RVI_EDGE_ATT_SRC));
	edge->dst = DatumGetInt64(rows_attr(slot, RVI_EDGE_ATT_DST));
	edge->type = DatumGetInt32(rows_attr(slot, RVI_EDGE_ATT_TYP));
	edge->props = want_props ? rows_props(slot, RVI_EDGE_ATT_PROPS) : NULL;
}

/* ---- by id ---- */

/*
 * Finds a row by id through `index`; its tuple is then in get->slot, whose pin
 * the caller releases with ExecClearTuple.
 */
bool
rvi_graph_point_find(RvGraph graph, RviPointGet *get, Relation heap, RviGraphIndex index,
					 Snapshot snapshot, int64 id)
{
	MemoryContext old = MemoryContextSwitchTo(graph->mcxt);
	ScanKeyData key;
	bool		found;

	if (get->scan == NULL)
	{
		get->slot = table_slot_create(heap, NULL);
		get->scan = index_beginscan(heap, rvi_graph_index(graph, index), snapshot, 1, 0);
	}
	get->scan->xs_snapshot = snapshot;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	index_rescan(get->scan, &key, 1, NULL, 0);
	found = index_getnext_slot(get->scan, ForwardScanDirection, get->slot);
	MemoryContextSwitchTo(old);
	return found;
}

bool
rv_graph_node_get(RvGraph graph, Snapshot snapshot, int64 id, bool want_props, RvNode *node)
{
	RviPointGet *get = &graph->node_get;

	if (!rvi_graph_point_find(graph, get, graph->node, RVI_IDX_NODE_ID, snapshot, id))
		return false;
	rvi_graph_fill_node(get->slot, want_props, node);
	ExecClearTuple(get->slot);
	return true;
}

bool
rv_graph_edge_get(RvGraph graph, Snapshot snapshot, int64 id, bool want_props, RvEdge *edge)
{
	RviPointGet *get = &graph->edge_get;

	if (!rvi_graph_point_find(graph, get, graph->edge, RVI_IDX_EDGE_ID, snapshot, id))
		return false;
	rvi_graph_fill_edge(get->slot, want_props, edge);
	ExecClearTuple(get->slot);
	return true;
}

/* ---- next entry of an index scan ---- */

/*
 * Next visible entry of a scan that has xs_want_itup set; its key is in
 * scan->xs_itup. The heap is visited (through slot) only where the visibility
 * map cannot vouch for the page. Restricted to MVCC snapshots, as
 * PostgreSQL's index-only scans are.
 */
static bool
rows_index_only_next(IndexScanDesc scan, TupleTableSlot *slot, Buffer *vmbuffer)
{
	ItemPointer tid;

	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		BlockNumber block = ItemPointerGetBlockNumber(tid);

		CHECK_FOR_INTERRUPTS();
		if (VM_ALL_VISIBLE(scan->heapRelation, block, vmbuffer))
		{
			PredicateLockPage(scan->heapRelation, block, scan->xs_snapshot);
			return true;
		}
		if (index_fetch_heap(scan, slot))
		{
			ExecClearTuple(slot);
			return true;
		}
	}
	return false;
}

/*
 * Next visible entry: in scan->xs_itup where that is wanted, else its row in
 * slot. mcxt is the context that the scan was begun in.
 */
bool
rvi_graph_index_next(IndexScanDesc scan, TupleTableSlot *slot, Buffer *vmbuffer,
					 MemoryContext mcxt)
{
	MemoryContext old = MemoryContextSwitchTo(mcxt);
	bool		found;

	if (scan->xs_want_itup)
		found = rows_index_only_next(scan, slot, vmbuffer);
	else
		found = index_getnext_slot(scan, ForwardScanDirection, slot);
	MemoryContextSwitchTo(old);
	return found;
}

/* ---- nodes ---- */

struct RvNodeScanData
{
	RvGraph		graph;
	MemoryContext mcxt;
	bool		want_props;
	TupleTableSlot *slot;
	TableScanDesc seq;			/* whole table, or: */
	IndexScanDesc index;		/* (lset, id), one label set after the other */
	Buffer		vmbuffer;
	int			nlabels;
	int32	   *lsets;			/* those that hold the labels, ascending */
	int			nlsets;
	int			next;
};

static int
rows_compare_lsets(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

RvNodeScan
rv_graph_node_scan_begin(RvGraph graph, Snapshot snapshot, const int32 *labels, int nlabels,
						 bool want_props)
{
	RvNodeScan	scan = palloc0(sizeof(struct RvNodeScanData));
	bool		use_index = false;

	scan->graph = graph;
	scan->mcxt = CurrentMemoryContext;
	scan->want_props = want_props;
	scan->nlabels = nlabels;
	scan->vmbuffer = InvalidBuffer;
	scan->slot = table_slot_create(graph->node, NULL);
	if (nlabels > 0)
	{
		scan->lsets = rvi_graph_labelsets_with(graph, labels, nlabels, &scan->nlsets);
		qsort(scan->lsets, scan->nlsets, sizeof(int32), rows_compare_lsets);
		use_index = scan->nlsets == 0 ||
			rvi_graph_lsets_fraction(graph, scan->lsets, scan->nlsets) < ROWS_SEQSCAN_FRACTION;
	}
	if (use_index)
	{
		scan->index = index_beginscan(graph->node, rvi_graph_index(graph, RVI_IDX_NODE_LSET),
									  snapshot, 1, 0);
		scan->index->xs_want_itup = !want_props && IsMVCCSnapshot(snapshot);
	}
	else
		scan->seq = table_beginscan(graph->node, snapshot, 0, NULL);
	return scan;
}

/* Next row of the table whose label set is wanted. */
static bool
rows_node_seq_next(RvNodeScan scan, RvNode *node)
{
	while (table_scan_getnextslot(scan->seq, ForwardScanDirection, scan->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->nlabels > 0)
		{
			int32		lset = DatumGetInt32(rows_attr(scan->slot, RVI_NODE_ATT_LSET));

			if (bsearch(&lset, scan->lsets, scan->nlsets, sizeof(int32),
						rows_compare_lsets) == NULL)
				continue;
		}
		rvi_graph_fill_node(scan->slot, scan->want_props, node);
		return true;
	}
	return false;
}

/* Next entry of the label set that the index scan stands at. */
static bool
rows_node_index_entry(RvNodeScan scan, RvNode *node)
{
	IndexScanDesc index = scan->index;
	TupleDesc	desc = RelationGetDescr(index->indexRelation);
	bool		isnull;

	if (!rvi_graph_index_next(index, scan->slot, &scan->vmbuffer, scan->mcxt))
		return false;
	if (!index->xs_want_itup)
	{
		rvi_graph_fill_node(scan->slot, scan->want_props, node);
		return true;
	}
	node->lset = DatumGetInt32(index_getattr(index->xs_itup, 1, desc, &isnull));
	node->id = DatumGetInt64(index_getattr(index->xs_itup, 2, desc, &isnull));
	node->props = NULL;
	return true;
}

bool
rv_graph_node_scan_next(RvNodeScan scan, RvNode *node)
{
	if (scan->seq != NULL)
		return rows_node_seq_next(scan, node);
	for (;;)
	{
		MemoryContext old;
		ScanKeyData key;

		CHECK_FOR_INTERRUPTS();
		if (scan->next > 0 && rows_node_index_entry(scan, node))
			return true;
		if (scan->next >= scan->nlsets)
			return false;
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ,
					Int32GetDatum(scan->lsets[scan->next++]));
		old = MemoryContextSwitchTo(scan->mcxt);
		index_rescan(scan->index, &key, 1, NULL, 0);
		MemoryContextSwitchTo(old);
	}
}

void
rv_graph_node_scan_end(RvNodeScan scan)
{
	ExecDropSingleTupleTableSlot(scan->slot);
	if (scan->seq != NULL)
		table_endscan(scan->seq);
	if (scan->index != NULL)
		index_endscan(scan->index);
	if (BufferIsValid(scan->vmbuffer))
		ReleaseBuffer(scan->vmbuffer);
	if (scan->lsets != NULL)
		pfree(scan->lsets);
	pfree(scan);
}

/* ---- edges ---- */

struct RvEdgeScanData
{
	TableScanDesc seq;
	TupleTableSlot *slot;
	bool		want_props;
	int32	   *types;
	int			ntypes;
};

RvEdgeScan
rv_graph_edge_scan_begin(RvGraph graph, Snapshot snapshot, const int32 *types, int ntypes,
						 bool want_props)
{
	RvEdgeScan	scan = palloc0(sizeof(struct RvEdgeScanData));

	scan->want_props = want_props;
	scan->slot = table_slot_create(graph->edge, NULL);
	scan->seq = table_beginscan(graph->edge, snapshot, 0, NULL);
	scan->ntypes = ntypes;
	if (ntypes > 0)
	{
		scan->types = palloc(sizeof(int32) * ntypes);
		memcpy(scan->types, types, sizeof(int32) * ntypes);
		qsort(scan->types, ntypes, sizeof(int32), rows_compare_lsets);
	}
	return scan;
}

bool
rv_graph_edge_scan_next(RvEdgeScan scan, RvEdge *edge)
{
	while (table_scan_getnextslot(scan->seq, ForwardScanDirection, scan->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->ntypes > 0)
		{
			int32		type = DatumGetInt32(rows_attr(scan->slot, RVI_EDGE_ATT_TYP));

			if (bsearch(&type, scan->types, scan->ntypes, sizeof(int32),
						rows_compare_lsets) == NULL)
				continue;
		}
		rvi_graph_fill_edge(scan->slot, scan->want_props, edge);
		return true;
	}
	return false;
}

void
rv_graph_edge_scan_end(RvEdgeScan scan)
{
	ExecDropSingleTupleTableSlot(scan->slot);
	table_endscan(scan->seq);
	if (scan->types != NULL)
		pfree(scan->types);
	pfree(scan);
}
