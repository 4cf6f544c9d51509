/*-------------------------------------------------------------------------
 *
 * gr_dict.c
 *	  Dictionaries: labels, relationship types, property keys, label sets.
 *
 * Rows are append-only and read with SnapshotSelf: what is committed now, plus
 * all that this transaction added. Only rows that were seen are cached, never
 * the absence of one. A token that an aborted (sub)transaction added leaves
 * the cache through RviGraphEntry.tokens_stale.
 *
 * Writers hold ShareUpdateExclusiveLock on one dictionary of the graph to the
 * end of their transaction, look again, and take the next free id.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "engine/graph/gr_int.h"

/* names beyond this do not fit a btree page comfortably */
#define DICT_NAME_MAX 1024

typedef struct DictEntry
{
	RviTokenKey key;
	int32		id;
} DictEntry;

static const char *const dict_nouns[RVI_DICT_COUNT] = {
	"label", "relationship type", "property key", "label set"
};

static uint32
dict_hash(const void *key, Size size)
{
	const RviTokenKey *token = key;

	return hash_bytes((const unsigned char *) token->data, token->len);
}

static int
dict_match(const void *a, const void *b, Size size)
{
	const RviTokenKey *x = a;
	const RviTokenKey *y = b;

	return x->len != y->len || memcmp(x->data, y->data, x->len) != 0;
}

/* Forgets all cached tokens; names handed out stay valid, in the pool. */
void
rvi_graph_tokens_reset(RviGraphEntry *entry)
{
	if (entry->token_mcxt != NULL)
		MemoryContextReset(entry->token_mcxt);
	memset(entry->tokens, 0, sizeof(entry->tokens));
	entry->tokens_stale = false;
}

static HTAB *
dict_hash_create(MemoryContext mcxt, Size entrysize)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(RviTokenKey);
	ctl.entrysize = entrysize;
	ctl.hash = dict_hash;
	ctl.match = dict_match;
	ctl.hcxt = mcxt;
	return hash_create("ruvector graph tokens", 64, &ctl,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

static RviTokenCache *
dict_cache(RvGraph graph, RviGraphRel dict)
{
	RviGraphEntry *entry = graph->entry;
	RviTokenCache *cache = &entry->tokens[dict];

	if (entry->tokens_stale)
		rvi_graph_tokens_reset(entry);
	if (entry->token_mcxt == NULL)
		entry->token_mcxt = AllocSetContextCreate(entry->mcxt, "ruvector graph tokens",
												  ALLOCSET_SMALL_SIZES);
	if (entry->pool == NULL)
		entry->pool = dict_hash_create(entry->mcxt, sizeof(RviTokenKey));
	if (cache->by_name == NULL)
		cache->by_name = dict_hash_create(entry->token_mcxt, sizeof(DictEntry));
	return cache;
}

/* The pooled copy of a token's bytes, which stays where it is as long as the entry. */
static RviTokenKey
dict_pool(RviGraphEntry *entry, const char *data, Size len)
{
	RviTokenKey key = {data, len};
	RviTokenKey *pooled = hash_search(entry->pool, &key, HASH_FIND, NULL);
	char	   *copy;

	if (pooled != NULL)
		return *pooled;
	copy = MemoryContextAlloc(entry->mcxt, len + 1);
	memcpy(copy, data, len);
	copy[len] = '\0';
	key.data = copy;
	hash_search(entry->pool, &key, HASH_ENTER, NULL);
	return key;
}

/* Remembers a row; data is copied. */
static void
dict_remember(RvGraph graph, RviGraphRel dict, int32 id, const char *data, Size len)
{
	RviGraphEntry *entry = graph->entry;
	RviTokenCache *cache = dict_cache(graph, dict);
	RviTokenKey key;
	DictEntry  *slot;

	if (id <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("graph \"%s\" has a %s with id %d", entry->name, dict_nouns[dict], id),
				 errdetail("Invariant GR-5 does not hold.")));
	if (id < cache->nids && cache->by_id[id].data != NULL)
		return;
	if (id >= cache->nids)
	{
		int32		size = Max(64, cache->nids);

		while (size <= id)
			size = size > PG_INT32_MAX / 2 ? PG_INT32_MAX : size * 2;
		if (cache->by_id == NULL)
			cache->by_id = MemoryContextAllocHuge(entry->token_mcxt, sizeof(RviTokenKey) * size);
		else
			cache->by_id = repalloc_huge(cache->by_id, sizeof(RviTokenKey) * size);
		memset(cache->by_id + cache->nids, 0, sizeof(RviTokenKey) * (size - cache->nids));
		cache->nids = size;
	}
	key = dict_pool(entry, data, len);
	slot = hash_search(cache->by_name, &key, HASH_ENTER, NULL);
	slot->id = id;
	cache->by_id[id] = key;
}

/* The second column of a dictionary row as bytes: a name, or the ids of a label set. */
static void
dict_remember_row(RvGraph graph, RviGraphRel dict, int32 id, Datum value)
{
	if (dict == RVI_REL_LABELSET)
	{
		ArrayType  *array = DatumGetArrayTypeP(value);

		if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT4OID)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("graph \"%s\" has a damaged label set %d", graph->entry->name, id),
					 errdetail("Invariant GR-5 does not hold.")));
		dict_remember(graph, dict, id, ARR_DATA_PTR(array),
					  sizeof(int32) * ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
	}
	else
	{
		text	   *name = DatumGetTextPP(value);

		dict_remember(graph, dict, id, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	}
}

static Datum
dict_key_datum(RviGraphRel dict, const RviTokenKey *key)
{
	int			n = key->len / sizeof(int32);
	Datum	   *elements;

	if (dict != RVI_REL_LABELSET)
		return PointerGetDatum(cstring_to_text_with_len(key->data, key->len));

	elements = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(((const int32 *) key->data)[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, sizeof(int32), true,
										   TYPALIGN_INT));
}

/*
 * Looks one row up by an index of the dictionary and caches it. Returns its
 * id, or RV_TOKEN_NONE.
 */
static int32
dict_load(RvGraph graph, RviGraphRel dict, RviGraphIndex index, ScanKey key)
{
	Relation	rel = table_open(graph->entry->rel[dict], AccessShareLock);
	Relation	irel = index_open(graph->entry->index[index], AccessShareLock);
	IndexScanDesc scan = index_beginscan(rel, irel, SnapshotSelf, key != NULL ? 1 : 0, 0);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	int32		id = RV_TOKEN_NONE;

	index_rescan(scan, key, key != NULL ? 1 : 0, NULL, 0);
	if (index_getnext_slot(scan, key != NULL ? ForwardScanDirection : BackwardScanDirection, slot))
	{
		slot_getallattrs(slot);
		RV_ENSURE(!slot->tts_isnull[0] && !slot->tts_isnull[1], "null in a dictionary");
		id = DatumGetInt32(slot->tts_values[0]);
		dict_remember_row(graph, dict, id, slot->tts_values[1]);
	}
	ExecDropSingleTupleTableSlot(slot);
	index_endscan(scan);
	index_close(irel, NoLock);
	table_close(rel, NoLock);
	return id;
}

static int32
dict_load_by_key(RvGraph graph, RviGraphRel dict, const RviTokenKey *key)
{
	ScanKeyData skey;

	ScanKeyInit(&skey, 1, BTEqualStrategyNumber,
				dict == RVI_REL_LABELSET ? F_ARRAY_EQ : F_TEXTEQ, dict_key_datum(dict, key));
	return dict_load(graph, dict, RVI_IDX_DICT_NAME + dict, &skey);
}

static int32
dict_find(RvGraph graph, RviGraphRel dict, const RviTokenKey *key)
{
	DictEntry  *entry = hash_search(dict_cache(graph, dict)->by_name, key, HASH_FIND, NULL);

	if (entry != NULL)
		return entry->id;
	return dict_load_by_key(graph, dict, key);
}

/* Adds a row under the next id; the caller holds the dictionary lock. */
static int32
dict_add(RvGraph graph, RviGraphRel dict, const RviTokenKey *key)
{
	int32		last = dict_load(graph, dict, RVI_IDX_DICT_ID + dict, NULL);
	Relation	rel;
	RviWriter  *writer;

	if (last == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("graph \"%s\" cannot have another %s",
						graph->entry->name, dict_nouns[dict])));
	rel = table_open(graph->entry->rel[dict], RowExclusiveLock);
	writer = rvi_graph_writer_open(rel);
	writer->slot->tts_values[0] = Int32GetDatum(last + 1);
	writer->slot->tts_values[1] = dict_key_datum(dict, key);
	rvi_graph_writer_insert(writer);
	rvi_graph_writer_close(writer);
	table_close(rel, NoLock);
	dict_remember(graph, dict, last + 1, key->data, key->len);
	return last + 1;
}

static int32
dict_intern(RvGraph graph, RviGraphRel dict, const RviTokenKey *key)
{
	int32		id = dict_find(graph, dict, key);

	if (id != RV_TOKEN_NONE)
		return id;
	RV_ENSURE(graph->mode == RV_GRAPH_WRITE, "graph is not open for writing");

	/* whoever is adding the same token holds this lock until we can see it */
	LockRelationOid(graph->entry->rel[RVI_DICT_LOCK_REL], ShareUpdateExclusiveLock);
	id = dict_load_by_key(graph, dict, key);
	if (id != RV_TOKEN_NONE)
		return id;
	return dict_add(graph, dict, key);
}

/* Does the dictionary have a row of this id? */
bool
rvi_graph_token_exists(RvGraph graph, RviGraphRel dict, int32 id)
{
	RviTokenCache *cache = dict_cache(graph, dict);
	ScanKeyData skey;

	if (id <= 0)
		return false;
	if (id < cache->nids && cache->by_id[id].data != NULL)
		return true;
	ScanKeyInit(&skey, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
	return dict_load(graph, dict, RVI_IDX_DICT_ID + dict, &skey) == id;
}

/* Row of an id; raises where a stored id names nothing. */
static RviTokenKey *
dict_get(RvGraph graph, RviGraphRel dict, int32 id)
{
	if (!rvi_graph_token_exists(graph, dict, id))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("graph \"%s\" has no %s with id %d",
						graph->entry->name, dict_nouns[dict], id),
				 errdetail("Invariant GR-4 does not hold."),
				 errhint("ruvector_graph_check() lists all damage.")));
	return &dict_cache(graph, dict)->by_id[id];
}

static RviTokenKey
dict_name_key(const char *name)
{
	RviTokenKey key = {name, strlen(name)};

	return key;
}

/*
 * A name that no row has yet spares its reader a scan, and so the predicate
 * locks of one: in a serializable transaction they are taken here, on all rows
 * that could come to have it.
 */
static void
dict_predicate_lock_absent(RvGraph graph, RvTokenKind kind)
{
	if (!IsolationIsSerializable())
		return;
	if (kind != RV_TOKEN_RELTYPE)
		PredicateLockRelation(graph->node, GetTransactionSnapshot());
	if (kind != RV_TOKEN_LABEL)
		PredicateLockRelation(graph->edge, GetTransactionSnapshot());
}

int32
rv_graph_token_find(RvGraph graph, RvTokenKind kind, const char *name)
{
	RviTokenKey key = dict_name_key(name);
	int32		id;

	if (key.len == 0 || key.len > DICT_NAME_MAX)
		return RV_TOKEN_NONE;
	id = dict_find(graph, (RviGraphRel) kind, &key);
	if (id == RV_TOKEN_NONE && IsolationIsSerializable())
	{
		dict_predicate_lock_absent(graph, kind);
		/* whoever added it before the lock was there has not met the lock */
		id = dict_find(graph, (RviGraphRel) kind, &key);
	}
	return id;
}

int32
rv_graph_token_intern(RvGraph graph, RvTokenKind kind, const char *name)
{
	RviTokenKey key = dict_name_key(name);

	if (key.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a %s cannot be an empty string", dict_nouns[kind])));
	if (key.len > DICT_NAME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a %s cannot be longer than %d bytes", dict_nouns[kind], DICT_NAME_MAX)));
	return dict_intern(graph, (RviGraphRel) kind, &key);
}

const char *
rv_graph_token_name(RvGraph graph, RvTokenKind kind, int32 id)
{
	return dict_get(graph, (RviGraphRel) kind, id)->data;
}

const int32 *
rv_graph_labelset(RvGraph graph, int32 lset, int *nlabels)
{
	RviTokenKey *key = dict_get(graph, RVI_REL_LABELSET, lset);

	*nlabels = key->len / sizeof(int32);
	return (const int32 *) key->data;
}

static int
dict_compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* Id of the set of these labels (any order, duplicates ignored), added when new. */
int32
rvi_graph_labelset_intern(RvGraph graph, const int32 *labels, int nlabels)
{
	int32	   *sorted = palloc(sizeof(int32) * Max(nlabels, 1));
	int			n = 0;
	RviTokenKey key;
	int32		id;

	if (nlabels > 0)
		memcpy(sorted, labels, sizeof(int32) * nlabels);
	qsort(sorted, nlabels, sizeof(int32), dict_compare_ids);
	for (int i = 0; i < nlabels; i++)
	{
		if (i == 0 || sorted[i] != sorted[n - 1])
			sorted[n++] = sorted[i];
	}
	/* the set is one btree key */
	if (n > DICT_NAME_MAX / (int) sizeof(int32))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a node cannot have more than %d labels",
						(int) (DICT_NAME_MAX / sizeof(int32)))));
	key.data = (const char *) sorted;
	key.len = sizeof(int32) * n;
	id = dict_intern(graph, RVI_REL_LABELSET, &key);
	pfree(sorted);
	return id;
}

/* Does the ascending set hold all of labels[]? */
static bool
dict_set_contains(const RviTokenKey *set, const int32 *labels, int nlabels)
{
	for (int i = 0; i < nlabels; i++)
	{
		if (bsearch(&labels[i], set->data, set->len / sizeof(int32), sizeof(int32),
					dict_compare_ids) == NULL)
			return false;
	}
	return true;
}

/*
 * The dictionary is read anew each time: the snapshot of the caller is older,
 * so every label set that a row visible to it has is found.
 */
int32 *
rvi_graph_labelsets_with(RvGraph graph, const int32 *labels, int nlabels, int *count)
{
	Relation	rel = table_open(graph->entry->rel[RVI_REL_LABELSET], AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;
	int			allocated = 16;
	int32	   *result = palloc(sizeof(int32) * allocated);

	/* nodes with a label set that is yet to come are in no index range that is going to be read */
	dict_predicate_lock_absent(graph, RV_TOKEN_LABEL);
	scan = table_beginscan(rel, SnapshotSelf, 0, NULL);
	*count = 0;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int32		id;

		slot_getallattrs(slot);
		RV_ENSURE(!slot->tts_isnull[0] && !slot->tts_isnull[1], "null in a dictionary");
		id = DatumGetInt32(slot->tts_values[0]);
		dict_remember_row(graph, RVI_REL_LABELSET, id, slot->tts_values[1]);
		if (!dict_set_contains(&dict_cache(graph, RVI_REL_LABELSET)->by_id[id], labels, nlabels))
			continue;
		if (*count == allocated)
			result = repalloc(result, sizeof(int32) * (allocated *= 2));
		result[(*count)++] = id;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	return result;
}
