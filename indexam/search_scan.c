/*-------------------------------------------------------------------------
 *
 * search_scan.c
 *	  Nearest rows of one query after the other on one open index.
 *
 * An ordinary ordered index scan with its visibility check, without the
 * planner and the executor around it. The distance that is returned is the
 * operator's own function applied to the value in the row that the snapshot
 * sees, whatever the index method keeps, and rows are in its order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relscan.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/float.h"
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

/* Distances as the operator's btree order has them: NaN last. */
static int
search_compare(double left, double right)
{
	if (isnan(left) || isnan(right))
		return isnan(left) - isnan(right);
	return left == right ? 0 : left < right ? -1 : 1;
}

static int
search_compare_hits(const void *a, const void *b)
{
	const RvSearchHit *left = a;
	const RvSearchHit *right = b;
	int			result = search_compare(left->distance, right->distance);

	return result != 0 ? result :
		ItemPointerCompare((ItemPointer) &left->tid, (ItemPointer) &right->tid);
}

/* ---- the k best so far: a heap, the worst on top ---- */

static void
search_add_hit(RvSearchHit *hits, int n, const RvSearchHit *hit)
{
	while (n > 0 && search_compare_hits(&hits[(n - 1) / 2], hit) < 0)
	{
		hits[n] = hits[(n - 1) / 2];
		n = (n - 1) / 2;
	}
	hits[n] = *hit;
}

/* hit is better than the worst of n, and takes its place. */
static void
search_replace_worst(RvSearchHit *hits, int n, const RvSearchHit *hit)
{
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child + 1 < n && search_compare_hits(&hits[child], &hits[child + 1]) < 0)
			child++;
		if (child >= n || search_compare_hits(&hits[child], hit) <= 0)
			break;
		hits[at] = hits[child];
		at = child;
	}
	hits[at] = *hit;
}

/* What the row that the index has just named is at least away; NaN: unknown. */
static double
search_bound(const RvSearch *search)
{
	IndexScanDesc scan = search->scan;

	if (scan->xs_orderbyvals == NULL || scan->xs_orderbynulls[0])
		return get_float8_nan();
	return DatumGetFloat8(scan->xs_orderbyvals[0]);
}

/*
 * An index whose order is exact has given the k nearest rows when it has
 * given k. One that says its distances are lower bounds (xs_recheckorderby)
 * is asked on until what comes is at least as far as the k-th row found.
 */
int
rvi_search_run(RvSearch *search, Datum query, int k, RvSearchHit *hits)
{
	bool		exact = true;
	RvSearchHit hit;
	int			n = 0;

	search->key.sk_argument = query;
	index_rescan(search->scan, NULL, 0, &search->key, 1);
	while ((n < k || !exact) &&
		   index_getnext_tid(search->scan, ForwardScanDirection) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (search->scan->xs_recheck)
			elog(ERROR, "index \"%s\" returns rows that only may belong",
				 RelationGetRelationName(search->index));
		if (search->scan->xs_recheckorderby)
			exact = false;
		if (n == k && search_compare(hits[0].distance, search_bound(search)) <= 0)
			break;
		if (!index_fetch_heap(search->scan, search->slot) ||
			!search_measure(search, &hit.distance))
			continue;
		hit.tid = search->slot->tts_tid;
		if (n < k)
			search_add_hit(hits, n++, &hit);
		else if (search_compare_hits(&hit, &hits[0]) < 0)
			search_replace_worst(hits, k, &hit);
	}
	ExecClearTuple(search->slot);
	qsort(hits, n, sizeof(RvSearchHit), search_compare_hits);
	return n;
}
