/*-------------------------------------------------------------------------
 *
 * tam_insert.c
 *	  Writing rows: toast_tuple_target as a threshold that moves vectors out.
 *
 * Core toasts a row that is wider than TOAST_TUPLE_THRESHOLD (about 2 kB) or
 * that holds an out-of-line value already, and stops once the row is down to
 * toast_tuple_target. A narrower row keeps its vectors inline, however low
 * the target. Here a row wider than the target is toasted as well, if it has
 * an attribute with EXTERNAL storage to move: the largest such attribute is
 * passed to heap as an indirect datum, which to core is "an out-of-line value
 * that is not mine", so that it runs its own toaster over the row.
 *
 * Everything else is what heap's callbacks do. The caller's slot keeps the
 * plain row and gets the identity (TID, transaction fields) of the stored one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "tableam/tam_int.h"

/*
 * Does rel have a target below core's threshold? Not while the relation is
 * the new copy of CLUSTER or VACUUM FULL (rd_toastoid): values keep their ids
 * there, and toast_save_datum wants the old pointer of each.
 */
static bool
tam_has_low_target(Relation rel)
{
	return OidIsValid(rel->rd_rel->reltoastrelid) && !OidIsValid(rel->rd_toastoid) &&
		RelationGetToastTupleTarget(rel, TOAST_TUPLE_TARGET) < TOAST_TUPLE_THRESHOLD;
}

/* Would core leave the row inline although it is wider than the table's target? */
static bool
tam_is_over_target(Relation rel, HeapTuple tuple)
{
	return !HeapTupleHasExternal(tuple) &&
		tuple->t_len <= TOAST_TUPLE_THRESHOLD &&
		tuple->t_len > RelationGetToastTupleTarget(rel, TOAST_TUPLE_TARGET);
}

/*
 * Index of the largest value with EXTERNAL storage that is worth moving, or
 * -1. The limit is the one of core's toaster: what a pointer takes.
 */
static int
tam_find_largest_external(TupleDesc desc, Datum *values, bool *isnull)
{
	Size		largest = MAXALIGN(TOAST_POINTER_SIZE);
	int			found = -1;
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (isnull[i] || att->attisdropped || att->attlen != -1 ||
			att->attstorage != TYPSTORAGE_EXTERNAL)
			continue;
		if (VARSIZE_ANY(DatumGetPointer(values[i])) > largest)
		{
			largest = VARSIZE_ANY(DatumGetPointer(values[i]));
			found = i;
		}
	}
	return found;
}

/*
 * Gives `to` the identity of `from`: TID, table, transaction fields and the
 * flags that go with them, but none of the flags that describe the data.
 */
static void
tam_copy_identity(HeapTuple to, HeapTuple from)
{
	HeapTupleHeader to_data = to->t_data;
	HeapTupleHeader from_data = from->t_data;

	to->t_self = from->t_self;
	to->t_tableOid = from->t_tableOid;
	to_data->t_choice = from_data->t_choice;
	to_data->t_ctid = from_data->t_ctid;
	to_data->t_infomask = (to_data->t_infomask & ~HEAP_XACT_MASK) |
		(from_data->t_infomask & HEAP_XACT_MASK);
	to_data->t_infomask2 = (to_data->t_infomask2 & ~HEAP2_XACT_MASK) |
		(from_data->t_infomask2 & HEAP2_XACT_MASK);
}

/*
 * Returns the row to hand to heap: `tuple` itself, or a copy in
 * CurrentMemoryContext whose largest EXTERNAL value is an indirect datum
 * pointing into `tuple`, which must outlive it. The copy is never stored:
 * core's toaster replaces the indirect datum before anything reaches a page.
 */
static HeapTuple
tam_mark_for_toaster(Relation rel, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Datum		values[MaxHeapAttributeNumber];
	bool		isnull[MaxHeapAttributeNumber];
	union
	{
		struct varlena align;
		char		bytes[INDIRECT_POINTER_SIZE];
	}			pointer;
	struct varatt_indirect redirect;
	HeapTuple	marked;
	int			largest;

	if (!tam_has_low_target(rel) || !tam_is_over_target(rel, tuple))
		return tuple;

	heap_deform_tuple(tuple, desc, values, isnull);
	largest = tam_find_largest_external(desc, values, isnull);
	if (largest < 0)
		return tuple;

	redirect.pointer = (struct varlena *) DatumGetPointer(values[largest]);
	SET_VARTAG_EXTERNAL(pointer.bytes, VARTAG_INDIRECT);
	memcpy(VARDATA_EXTERNAL(pointer.bytes), &redirect, sizeof(redirect));
	values[largest] = PointerGetDatum(pointer.bytes);

	marked = heap_form_tuple(desc, values, isnull);
	tam_copy_identity(marked, tuple);
	return marked;
}

/* heap_insert of the slot's row; the token and its option come from the speculative callback. */
static void
tam_insert_slot(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
				BulkInsertState bistate, const uint32 *token)
{
	bool		should_free;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, true, &should_free);
	HeapTuple	stored;

	slot->tts_tableOid = RelationGetRelid(rel);
	tuple->t_tableOid = slot->tts_tableOid;
	if (token != NULL)
		HeapTupleHeaderSetSpeculativeToken(tuple->t_data, *token);

	stored = tam_mark_for_toaster(rel, tuple);
	heap_insert(rel, stored, cid, options, bistate);
	if (stored != tuple)
	{
		tam_copy_identity(tuple, stored);
		heap_freetuple(stored);
	}
	ItemPointerCopy(&tuple->t_self, &slot->tts_tid);

	if (should_free)
		heap_freetuple(tuple);
}

void
tam_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
				 BulkInsertState bistate)
{
	tam_insert_slot(rel, slot, cid, options, bistate, NULL);
}

void
tam_tuple_insert_speculative(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
							 BulkInsertState bistate, uint32 token)
{
	tam_insert_slot(rel, slot, cid, options | HEAP_INSERT_SPECULATIVE, bistate, &token);
}

/*
 * Rows that need the toaster travel to heap_multi_insert in slots of their
 * own, the others in the caller's. All memory of the batch, including what
 * heap_multi_insert leaks, goes with one context.
 */
void
tam_multi_insert(Relation rel, TupleTableSlot **slots, int nslots, CommandId cid, int options,
				 BulkInsertState bistate)
{
	MemoryContext batch;
	MemoryContext caller;
	TupleTableSlot **stored;
	HeapTuple  *tuples;
	int			i;

	if (!tam_has_low_target(rel))
	{
		heap_multi_insert(rel, slots, nslots, cid, options, bistate);
		return;
	}

	batch = AllocSetContextCreate(CurrentMemoryContext, "ruvector_tam multi insert",
								  ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(batch);
	stored = palloc(sizeof(TupleTableSlot *) * nslots);
	tuples = palloc(sizeof(HeapTuple) * nslots);
	for (i = 0; i < nslots; i++)
	{
		HeapTuple	marked;

		/* where the slot is of a kind that has no tuple, the copy belongs to the batch */
		tuples[i] = ExecFetchSlotHeapTuple(slots[i], true, NULL);
		marked = tam_mark_for_toaster(rel, tuples[i]);
		stored[i] = slots[i];
		if (marked != tuples[i])
		{
			stored[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
			ExecStoreHeapTuple(marked, stored[i], true);
		}
	}

	heap_multi_insert(rel, stored, nslots, cid, options, bistate);

	for (i = 0; i < nslots; i++)
	{
		if (stored[i] == slots[i])
			continue;
		tam_copy_identity(tuples[i], ExecFetchSlotHeapTuple(stored[i], false, NULL));
		tuples[i]->t_self = stored[i]->tts_tid;
		slots[i]->tts_tid = stored[i]->tts_tid;
		slots[i]->tts_tableOid = stored[i]->tts_tableOid;
		ExecDropSingleTupleTableSlot(stored[i]);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch);
}

/*
 * PostgreSQL callback. An indexed vector that moves out of line in this update
 * counts as changed, so that one update is not HOT; later ones reuse the
 * pointer and are.
 */
TM_Result
tam_tuple_update(Relation rel, ItemPointer otid, TupleTableSlot *slot, CommandId cid,
				 Snapshot snapshot, Snapshot crosscheck, bool wait, TM_FailureData *tmfd,
				 LockTupleMode *lockmode, bool *update_indexes)
{
	bool		should_free;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, true, &should_free);
	HeapTuple	stored;
	TM_Result	result;

	slot->tts_tableOid = RelationGetRelid(rel);
	tuple->t_tableOid = slot->tts_tableOid;

	stored = tam_mark_for_toaster(rel, tuple);
	result = heap_update(rel, otid, stored, cid, crosscheck, wait, tmfd, lockmode);
	if (stored != tuple)
	{
		tam_copy_identity(tuple, stored);
		heap_freetuple(stored);
	}
	ItemPointerCopy(&tuple->t_self, &slot->tts_tid);

	/* a heap-only tuple is found through the entries of its chain's root */
	*update_indexes = result == TM_Ok && !HeapTupleIsHeapOnly(tuple);

	if (should_free)
		heap_freetuple(tuple);
	return result;
}
