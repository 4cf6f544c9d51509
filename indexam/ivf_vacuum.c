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

	RvIvfPageRows rows;			/* of one page */
	bool		any_free;		/* seen in the list so far */
} IvfVacuum;

/* Keeps the dead ones among the rows that were copied. */
static void
ivf_vacuum_find_dead(IvfVacuum *vacuum)
{
	int			dead = 0;
	int			i;

	for (i = 0; i < vacuum->rows.n; i++)
	{
		if (!vacuum->callback(&vacuum->rows.tids[i], vacuum->callback_state))
			continue;
		vacuum->rows.positions[dead] = vacuum->rows.positions[i];
		vacuum->rows.tids[dead] = vacuum->rows.tids[i];
		vacuum->rows.places[dead++] = vacuum->rows.places[i];
	}
	vacuum->stats->num_index_tuples += vacuum->rows.n - dead;
	vacuum->rows.n = dead;
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
	for (i = 0; i < vacuum->rows.n; i++)
	{
		int			n = rvi_ivf_item_blocks(&vacuum->reader, vacuum->index, vacuum->rows.places[i],
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

		vacuum_delay_point();
		if (steps++ > RelationGetNumberOfBlocks(vacuum->reader.rel))
			rvi_am_corrupted(vacuum->reader.rel, block, "IVF-4: a list's chain is a circle.");
		if (!rvi_ivf_read_rows(&vacuum->reader, vacuum->index, list, block, false, &vacuum->rows))
			rvi_am_corrupted(vacuum->reader.rel, block,
							 "IVF-4: a list's chain leads to a page of something else.");
		ivf_vacuum_find_dead(vacuum);
		if (vacuum->rows.n > 0)
		{
			removal.list = list;
			removal.block = block;
			removal.n = vacuum->rows.n;
			removal.positions = vacuum->rows.positions;
			removal.tids = vacuum->rows.tids;
			removal.hint = vacuum->any_free ? InvalidBlockNumber : block;
			vacuum->stats->tuples_removed += rvi_ivf_remove(&vacuum->writer, vacuum->index,
															&removal);
			ivf_vacuum_free_vectors(vacuum, list->serial);
		}
		vacuum->any_free |= vacuum->rows.n > 0 || vacuum->rows.head.free > 0;
		block = vacuum->rows.next;
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
	rvi_ivf_page_rows_init(&vacuum.rows, &vacuum.index->geo);
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
	RvIvfMaintenance done;

	if (info->analyze_only)
		return stats;
	rvi_ivf_maintain(info->index, &done);

	/* without a bulk delete nothing was counted: leave pg_class as it is */
	if (stats == NULL)
		return NULL;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
