/*-------------------------------------------------------------------------
 *
 * am_cache.c
 *	  The session's cache of open indexes, one for each access method.
 *
 * What does not change while an index stays at one version is read once and
 * kept in a memory context of its own. An index that is outdated or that
 * makes room for others lives on while somebody holds it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/rel.h"

#include "indexam/am_int.h"

/* Entries hold a pointer, so that an index stays where it is when the table grows. */
typedef struct AmCacheEntry
{
	Oid			relid;
	RvAmCached *index;
} AmCacheEntry;

/* Drops the least recently used index nobody holds, when there are too many. */
static void
am_cache_evict(RvAmCache *cache)
{
	HASH_SEQ_STATUS status;
	AmCacheEntry *entry;
	AmCacheEntry *oldest = NULL;

	if (hash_get_num_entries(cache->table) <= cache->limit)
		return;
	hash_seq_init(&status, cache->table);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->index->refs == 0 &&
			(oldest == NULL || entry->index->last_use < oldest->index->last_use))
			oldest = entry;
	}
	if (oldest != NULL)
	{
		MemoryContextDelete(oldest->index->context);
		hash_search(cache->table, &oldest->relid, HASH_REMOVE, NULL);
	}
}

/* A held index's context goes with its last holder if the cache no longer has it. */
static void
am_cache_unref(void *arg)
{
	RvAmCached *index = arg;

	index->refs--;
	if (index->refs == 0 && !OidIsValid(index->relid))
		MemoryContextDelete(index->context);
}

static void
am_cache_ref(RvAmCached *index)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = am_cache_unref;
	callback->arg = index;
	index->refs++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

/* Takes an outdated index out of the cache. */
static void
am_cache_drop(RvAmCache *cache, AmCacheEntry *entry)
{
	RvAmCached *index = entry->index;

	hash_search(cache->table, &entry->relid, HASH_REMOVE, NULL);
	index->relid = InvalidOid;
	if (index->refs == 0)
		MemoryContextDelete(index->context);
}

/* Loads the index into a context of its own, which goes again when that fails. */
static RvAmCached *
am_cache_load(const RvAmCache *cache, Relation rel, void *meta)
{
	/* the macro wants a literal; the names in a cache are */
	MemoryContext context = AllocSetContextCreateInternal(TopMemoryContext, cache->context_name,
														  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RvAmCached *index;

	PG_TRY();
	{
		index = cache->load(rel, meta);
		index->relid = RelationGetRelid(rel);
		index->locator = rel->rd_node;
		index->context = context;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return index;
}

RvAmCached *
rvi_am_cache_open(RvAmCache *cache, Relation rel, uint64 version, void *meta)
{
	Oid			relid = RelationGetRelid(rel);
	AmCacheEntry *entry;
	RvAmCached *index;
	bool		found;

	if (cache->table == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(AmCacheEntry);
		cache->table = hash_create(cache->table_name, cache->limit, &control,
								   HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(cache->table, &relid, HASH_FIND, NULL);
	if (entry != NULL && (entry->index->version != version ||
						  !RelFileNodeEquals(entry->index->locator, rel->rd_node)))
	{
		am_cache_drop(cache, entry);
		entry = NULL;
	}
	if (entry == NULL)
	{
		index = am_cache_load(cache, rel, meta);
		am_cache_evict(cache);
		entry = hash_search(cache->table, &relid, HASH_ENTER, &found);
		entry->index = index;
	}
	index = entry->index;
	index->last_use = ++cache->clock;
	am_cache_ref(index);
	return index;
}
