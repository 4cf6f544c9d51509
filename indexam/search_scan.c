/*-------------------------------------------------------------------------
 *
 * search_scan.c
 *	  Nearest rows of one query after the other on one open index.
 *
 * An ordinary ordered index scan with its visibility check, without the
 * planner and the executor around it. The distance that is returned is the
 * operator's own function applied to the value in the row that the snapshot
 * sees, whatever the index method keeps.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "indexam/search_int.h"

#define SEARCH_STRATEGY 1		/* the only one of a vector operator class */

Oid
rvi_search_distance_function(Relation index)
{
	Oid			type = index->rd_opcintype[0];
	Oid			op = get_opfamily_member(index->rd_opfamily[0], type, type, SEARCH_STRATEGY);

	return OidIsValid(op) ? get_opcode(op) : InvalidOid;
}

void
rvi_search_begin(RvSearch *search, Relation heap, Relation index, Snapshot snapshot)
{
	memset(search, 0, sizeof(*search));
	search->heap = heap;
	search->index = index;
	fmgr_info(rvi_search_distance_function(index), &search->distance);
	search->collation = index->rd_indcollation[0];
	ScanKeyEntryInitialize(&search->key, SK_ORDER_BY, 1, SEARCH_STRATEGY, index->rd_opcintype[0],
						   search->collation, search->distance.fn_oid, (Datum) 0);
	search->slot = table_slot_create(heap, NULL);
	search->info = BuildIndexInfo(index);
	search->estate = CreateExecutorState();
	GetPerTupleExprContext(search->estate)->ecxt_scantuple = search->slot;
	search->scan = index_beginscan(heap, index, snapshot, 0, 1);
}

void
rvi_search_end(RvSearch *search)
{
	index_endscan(search->scan);
	ExecDropSingleTupleTableSlot(search->slot);
	FreeExecutorState(search->estate);
}

/* Distance from the row in the slot; false: the row has no vector. */
static bool
search_measure(RvSearch *search, double *distance)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	MemoryContext old;

	ResetPerTupleExprContext(search->estate);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(search->estate));
	FormIndexDatum(search->info, search->slot, search->estate, values, nulls);
	if (!nulls[0])
		*distance = DatumGetFloat8(FunctionCall2Coll(&search->distance, search->collation,
													 values[0], search->key.sk_argument));
	MemoryContextSwitchTo(old);
	return !nulls[0];
}

static int
search_compare_hits(const void *a, const void *b)
{
	const RvSearchHit *left = a;
	const RvSearchHit *right = b;
	bool		left_nan = isnan(left->distance);
	bool		right_nan = isnan(right->distance);

	if (left_nan != right_nan)
		return left_nan - right_nan;
	if (!left_nan && left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	return ItemPointerCompare((ItemPointer) &left->tid, (ItemPointer) &right->tid);
}

int
rvi_search_run(RvSearch *search, Datum query, int k, RvSearchHit *hits)
{
	int			n = 0;

	search->key.sk_argument = query;
	index_rescan(search->scan, NULL, 0, &search->key, 1);
	while (n < k && index_getnext_slot(search->scan, ForwardScanDirection, search->slot))
	{
		CHECK_FOR_INTERRUPTS();

		/* no vector index method of ours returns rows that only may belong where they come */
		if (search->scan->xs_recheck || search->scan->xs_recheckorderby)
			elog(ERROR, "index \"%s\" returns inexact order",
				 RelationGetRelationName(search->index));
		if (!search_measure(search, &hits[n].distance))
			continue;
		hits[n].tid = search->slot->tts_tid;
		n++;
	}
	ExecClearTuple(search->slot);

	/* an iterative scan in relaxed order brings some rows late */
	qsort(hits, n, sizeof(RvSearchHit), search_compare_hits);
	return n;
}
