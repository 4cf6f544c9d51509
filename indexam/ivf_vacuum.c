/*-------------------------------------------------------------------------
 *
 * ivf_vacuum.c
 *	  Removing dead rows from all lists.
 *
 * Each list's code pages are read in turn; which rows are dead is asked
 * without any lock, then they are taken out in one record per page. Entries
 * keep their place for their vector and are used again by later inserts; a
 * vector with pages of its own gives these back. Only vacuum and maintenance take rows
 * out, and they exclude each other by the lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

typedef struct IvfVacuum
{
	RvIvfIndex *index;
	RvIvfReader reader;
	RvIvfWriter writer;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;

	/* one page's rows */
	int			n;
	uint16	   *positions;
	ItemPointerData *tids;
	RvIvfPlace *places;
	bool		any_free;		/* seen in the list so far */
} IvfVacuum;

/* Copies a page's rows; returns the next page. *free: entries without a row. */
static BlockNumber
ivf_vacuum_read(IvfVacuum *vacuum, const RvIvfEntryData *list, BlockNumber block, int *free)
{
	const RvIvfGeometry *geo = &vacuum->index->geo;
	Buffer		buffer = InvalidBuffer;
	Page		page = rvi_ivf_lock_page(&vacuum->reader, block, &buffer);
	BlockNumber next;
	int			i;

	if (page == NULL || !rvi_ivf_page_is(vacuum->index, page, RV_IVF_PAGE_CODE, list->serial))
		rvi_ivf_corrupted(vacuum->reader.rel, block,
						  "IVF-4: a list's chain leads to a page of something else.");
	rvi_ivf_check_code_page(vacuum->reader.rel, vacuum->index, block, page);
	vacuum->n = 0;
	*free = rvi_ivf_head(page)->free;
	for (i = 0; i < rvi_ivf_head(page)->used; i++)
	{
		RvIvfBlock	codes = rvi_ivf_block(geo, page, i / RVE_IVF_BLOCK);

		if (!ItemPointerIsValid(&codes->tid[i % RVE_IVF_BLOCK]))
			continue;
		vacuum->positions[vacuum->n] = i;
		vacuum->tids[vacuum->n] = codes->tid[i % RVE_IVF_BLOCK];
		vacuum->places[vacuum->n].serial = list->serial;
		vacuum->places[vacuum->n].block = codes->vec_block[i % RVE_IVF_BLOCK];
		vacuum->places[vacuum->n++].slot = codes->vec_slot[i % RVE_IVF_BLOCK];
	}
	next = rvi_ivf_opaque(page)->next;
	rvi_ivf_unlock_page(buffer);
	rvi_ivf_release(buffer);
	return next;
}

/* Keeps the dead ones among the rows that were copied. */
static void
ivf_vacuum_find_dead(IvfVacuum *vacuum)
{
	int			dead = 0;
	int			i;

	for (i = 0; i < vacuum->n; i++)
	{
		if (!vacuum->callback(&vacuum->tids[i], vacuum->callback_state))
			continue;
		vacuum->positions[dead] = vacuum->positions[i];
		vacuum->tids[dead] = vacuum->tids[i];
		vacuum->places[dead++] = vacuum->places[i];
	}
	vacuum->stats->num_index_tuples += vacuum->n - dead;
	vacuum->n = dead;
}

/* Frees the pages of vectors that have their own. */
static void
ivf_vacuum_free_vectors(IvfVacuum *vacuum, uint32 serial)
{
	int			room = (vacuum->index->geo.item_bytes + RV_IVF_PAGE_ROOM - 1) / RV_IVF_PAGE_ROOM;
	BlockNumber *blocks;
	int			i;

	if (vacuum->index->geo.items_per_page > 0 || room == 0)
		return;
	blocks = palloc(room * sizeof(BlockNumber));
	for (i = 0; i < vacuum->n; i++)
	{
		int			n = rvi_ivf_item_blocks(&vacuum->reader, vacuum->index, vacuum->places[i],
											blocks, room);

		rvi_ivf_free_pages(&vacuum->writer, blocks, n, serial);
	}
	pfree(blocks);
}

static void
ivf_vacuum_list(IvfVacuum *vacuum, const RvIvfEntryData *list)
{
	BlockNumber block = list->first;
	uint32		steps = 0;

	vacuum->any_free = false;
	while (block != InvalidBlockNumber)
	{
		RvIvfRemoval removal;
		BlockNumber next;
		int			free;

		vacuum_delay_point();
		if (steps++ > RelationGetNumberOfBlocks(vacuum->reader.rel))
			rvi_ivf_corrupted(vacuum->reader.rel, block, "IVF-4: a list's chain is a circle.");
		next = ivf_vacuum_read(vacuum, list, block, &free);
		ivf_vacuum_find_dead(vacuum);
		if (vacuum->n > 0)
		{
			removal.list = list;
			removal.block = block;
			removal.n = vacuum->n;
			removal.positions = vacuum->positions;
			removal.tids = vacuum->tids;
			removal.first_free = !vacuum->any_free;
			vacuum->stats->tuples_removed += rvi_ivf_remove(&vacuum->writer, vacuum->index,
															&removal);
			ivf_vacuum_free_vectors(vacuum, list->serial);
		}
		vacuum->any_free |= vacuum->n > 0 || free > 0;
		block = next;
	}
}

/* PostgreSQL callback */
IndexBulkDeleteResult *
ivfbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			  IndexBulkDeleteCallback callback, void *callback_state)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat vacuum",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	RvIvfMetaPageData meta;
	IvfVacuum	vacuum = {0};
	Size		i;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	stats->num_index_tuples = 0;
	old = MemoryContextSwitchTo(context);
	vacuum.index = rvi_ivf_open(info->index, &meta);
	vacuum.reader.rel = info->index;
	rvi_ivf_writer_init(&vacuum.writer, info->index, vacuum.index->magic, false);
	vacuum.stats = stats;
	vacuum.callback = callback;
	vacuum.callback_state = callback_state;
	vacuum.positions = palloc(vacuum.index->geo.capacity * sizeof(uint16));
	vacuum.tids = palloc(vacuum.index->geo.capacity * sizeof(ItemPointerData));
	vacuum.places = palloc(vacuum.index->geo.capacity * sizeof(RvIvfPlace));
	for (i = 0; i < vacuum.index->centroids.count; i++)
		ivf_vacuum_list(&vacuum, &vacuum.index->lists[i]);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return stats;
}

/* PostgreSQL callback */
IndexBulkDeleteResult *
ivfvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	/* without a bulk delete nothing was counted: leave pg_class as it is */
	if (info->analyze_only || stats == NULL)
		return stats;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
