/*-------------------------------------------------------------------------
 *
 * cy_exec_row.c
 *	  Rows put aside: in order, sorted, and sets of keys.
 *
 * Stores and sorts are PostgreSQL's, over tuples that hold a flat row (and a
 * sort key) as bytea, so that they go to disk beyond work_mem. A key set
 * stays in memory; it says when it has used up its share, and its owner then
 * sorts what is left.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "cypher/cy_plan.h"

void
rvi_cy_row_write(CyExec *exec, List *slots, StringInfo out)
{
	ListCell   *cell;

	foreach(cell, slots)
		rvi_cy_value_write(out, &exec->row[lfirst_int(cell)]);
}

void
rvi_cy_row_read(CyExec *exec, List *slots, const char *flat)
{
	ListCell   *cell;

	foreach(cell, slots)
		exec->row[lfirst_int(cell)] = rvi_cy_value_read(&flat);
}

static TupleDesc
cy_row_desc(int natts)
{
	TupleDesc	desc = CreateTemplateTupleDesc(natts);

	for (int i = 1; i <= natts; i++)
		TupleDescInitEntry(desc, i, NULL, BYTEAOID, -1, 0);
	return desc;
}

static Datum
cy_row_bytea(const char *bytes, int length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return PointerGetDatum(result);
}

/* ---- stores ---- */

CyRowStore *
rvi_cy_rowstore_make(void)
{
	CyRowStore *store = palloc(sizeof(CyRowStore));

	store->context = CurrentMemoryContext;
	store->store = tuplestore_begin_heap(false, false, work_mem);
	store->slot = MakeSingleTupleTableSlot(cy_row_desc(1), &TTSOpsMinimalTuple);
	initStringInfo(&store->buffer);
	return store;
}

void
rvi_cy_rowstore_put(CyRowStore *store, CyExec *exec, List *slots)
{
	Datum		value;
	bool		isnull = false;

	resetStringInfo(&store->buffer);
	rvi_cy_row_write(exec, slots, &store->buffer);
	value = cy_row_bytea(store->buffer.data, store->buffer.len);
	tuplestore_putvalues(store->store, store->slot->tts_tupleDescriptor, &value, &isnull);
	pfree(DatumGetPointer(value));
}

/* Values are palloc'd. */
bool
rvi_cy_rowstore_get(CyRowStore *store, CyExec *exec, List *slots)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);
	bool		found = tuplestore_gettupleslot(store->store, true, false, store->slot);
	bool		isnull;
	Datum		value;

	/* the slot may own its tuple: not in the memory of a row */
	MemoryContextSwitchTo(old);
	if (!found)
		return false;
	value = slot_getattr(store->slot, 1, &isnull);
	rvi_cy_row_read(exec, slots, VARDATA_ANY(DatumGetPointer(value)));
	return true;
}

void
rvi_cy_rowstore_end(CyRowStore *store)
{
	ExecDropSingleTupleTableSlot(store->slot);
	tuplestore_end(store->store);
	pfree(store->buffer.data);
	pfree(store);
}

/* ---- sorts ---- */

/* bound: rows wanted at most, or -1. */
CyRowSort *
rvi_cy_rowsort_make(int64 bound)
{
	CyRowSort  *sort = palloc(sizeof(CyRowSort));
	TupleDesc	desc = cy_row_desc(2);
	AttrNumber	column = 1;
	Oid			operator = lookup_type_cache(BYTEAOID, TYPECACHE_LT_OPR)->lt_opr;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	sort->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	sort->sort = tuplesort_begin_heap(desc, 1, &column, &operator, &collation, &nulls_first,
									  work_mem, NULL, bound >= 0 ?
									  TUPLESORT_ALLOWBOUNDED : TUPLESORT_NONE);
	if (bound >= 0)
		tuplesort_set_bound(sort->sort, bound);
	return sort;
}

void
rvi_cy_rowsort_put(CyRowSort *sort, const char *key, int keylen, const char *row, int rowlen)
{
	TupleTableSlot *slot = sort->slot;
	Datum		key_datum = cy_row_bytea(key, keylen);
	Datum		row_datum = cy_row_bytea(row, rowlen);

	ExecClearTuple(slot);
	slot->tts_values[0] = key_datum;
	slot->tts_values[1] = row_datum;
	slot->tts_isnull[0] = slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sort->sort, slot);
	ExecClearTuple(slot);
	pfree(DatumGetPointer(key_datum));
	pfree(DatumGetPointer(row_datum));
}

void
rvi_cy_rowsort_perform(CyRowSort *sort)
{
	tuplesort_performsort(sort->sort);
}

bool
rvi_cy_rowsort_get(CyRowSort *sort, const char **key, int *keylen, const char **row)
{
	bool		isnull;
	Pointer		column;

	if (!tuplesort_gettupleslot(sort->sort, true, false, sort->slot, NULL))
		return false;
	column = DatumGetPointer(slot_getattr(sort->slot, 1, &isnull));
	*key = VARDATA_ANY(column);
	*keylen = VARSIZE_ANY_EXHDR(column);
	*row = VARDATA_ANY(DatumGetPointer(slot_getattr(sort->slot, 2, &isnull)));
	return true;
}

void
rvi_cy_rowsort_end(CyRowSort *sort)
{
	ExecDropSingleTupleTableSlot(sort->slot);
	tuplesort_end(sort->sort);
	pfree(sort);
}

/* ---- sets of keys ---- */

typedef struct CyKey
{
	const char *bytes;
	int			length;
} CyKey;

typedef struct CyKeyEntry
{
	CyKey		key;
	uint32		hash;
	char		status;			/* of simplehash */
	void	   *extra;
} CyKeyEntry;

#define SH_PREFIX cy_keyhash
#define SH_ELEMENT_TYPE CyKeyEntry
#define SH_KEY_TYPE CyKey
#define SH_KEY key
#define SH_HASH_KEY(table, k) hash_bytes((const unsigned char *) (k).bytes, (k).length)
#define SH_EQUAL(table, a, b) \
	((a).length == (b).length && memcmp((a).bytes, (b).bytes, (a).length) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct CyKeySet
{
	MemoryContext context;		/* the table, keys and extras */
	cy_keyhash_hash *table;
	cy_keyhash_iterator iterator;
	Size		extra;
	Size		limit;
};

#define CY_KEYSET_INITIAL_SIZE	256

CyKeySet *
rvi_cy_keyset_make(Size extra)
{
	CyKeySet   *set = palloc(sizeof(CyKeySet));

	set->context = AllocSetContextCreate(CurrentMemoryContext, "cypher keys",
										 ALLOCSET_DEFAULT_SIZES);
	set->table = cy_keyhash_create(set->context, CY_KEYSET_INITIAL_SIZE, NULL);
	set->extra = extra;
	set->limit = get_hash_memory_limit();
	return set;
}

bool
rvi_cy_keyset_full(CyKeySet *set)
{
	return MemoryContextMemAllocated(set->context, false) >= set->limit;
}

MemoryContext
rvi_cy_keyset_context(CyKeySet *set)
{
	return set->context;
}

void *
rvi_cy_keyset_enter(CyKeySet *set, const char *bytes, int length, bool *found)
{
	CyKey		key = {bytes, length};
	CyKeyEntry *entry = cy_keyhash_lookup(set->table, key);
	char	   *copy;
	bool		ignored;

	*found = entry != NULL;
	if (*found)
		return entry->extra;
	if (rvi_cy_keyset_full(set))
		return NULL;
	copy = MemoryContextAlloc(set->context, Max(length, 1));
	memcpy(copy, bytes, length);
	key.bytes = copy;
	entry = cy_keyhash_insert(set->table, key, &ignored);
	entry->extra = MemoryContextAllocZero(set->context, Max(set->extra, 1));
	return entry->extra;
}

/* Extras of all entries, in no order; NULL at the end. Nothing may be entered meanwhile. */
void *
rvi_cy_keyset_first(CyKeySet *set)
{
	cy_keyhash_start_iterate(set->table, &set->iterator);
	return rvi_cy_keyset_next(set);
}

void *
rvi_cy_keyset_next(CyKeySet *set)
{
	CyKeyEntry *entry = cy_keyhash_iterate(set->table, &set->iterator);

	return entry == NULL ? NULL : entry->extra;
}

/* Empties the set and gives its memory back. */
void
rvi_cy_keyset_reset(CyKeySet *set)
{
	MemoryContextReset(set->context);
	set->table = cy_keyhash_create(set->context, CY_KEYSET_INITIAL_SIZE, NULL);
}

void
rvi_cy_keyset_end(CyKeySet *set)
{
	MemoryContextDelete(set->context);
	pfree(set);
}
