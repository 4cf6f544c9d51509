/*-------------------------------------------------------------------------
 *
 * ivf_space.c
 *	  Giving pages back: of retired lists, of old directories, and lost ones.
 *
 * A retired list stays readable until no snapshot is left that is as old as
 * its retirement, since a scan with the directory of before may be in it.
 * Lost pages are those that a crash or an error left between being taken and
 * being linked. Both are done by maintenance only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

/* ---- all pages of a list ---- */

typedef struct SpaceBlocks
{
	BlockNumber *all;
	Size		n;
	Size		room;
} SpaceBlocks;

static void
space_add(SpaceBlocks *blocks, BlockNumber block)
{
	if (blocks->n > 0 && blocks->all[blocks->n - 1] == block)
		return;					/* neighbours share vector pages */
	if (blocks->n == blocks->room)
	{
		blocks->room = Max(2 * blocks->room, 64);
		blocks->all = blocks->all == NULL ? palloc(blocks->room * sizeof(BlockNumber)) :
			repalloc_huge(blocks->all, blocks->room * sizeof(BlockNumber));
	}
	blocks->all[blocks->n++] = block;
}

/* The vector pages that a code page's entries name. */
static void
space_add_vectors(RvIvfReader *reader, const RvIvfIndex *index, const RvIvfPageRows *rows,
				  SpaceBlocks *blocks)
{
	int			room = (index->geo.item_bytes + RV_IVF_PAGE_ROOM - 1) / RV_IVF_PAGE_ROOM;
	BlockNumber *chain = palloc(Max(room, 1) * sizeof(BlockNumber));
	int			i;
	int			j;

	for (i = 0; i < rows->n; i++)
	{
		int			n;

		if (rows->places[i].block == InvalidBlockNumber)
			continue;
		n = rvi_ivf_item_blocks(reader, index, rows->places[i], chain, Max(room, 1));
		for (j = 0; j < n; j++)
			space_add(blocks, chain[j]);
	}
	pfree(chain);
}

BlockNumber *
rvi_ivf_list_blocks(RvIvfReader *reader, const RvIvfIndex *index, const RvIvfEntryData *list,
					Size *n)
{
	SpaceBlocks vectors = {0};
	SpaceBlocks codes = {0};
	RvIvfPageRows rows;
	BlockNumber block = list->first;
	Size		i;

	rvi_ivf_page_rows_init(&rows, &index->geo);
	while (block != InvalidBlockNumber && codes.n <= RelationGetNumberOfBlocks(reader->rel) &&
		   rvi_ivf_read_rows(reader, index, list, block, true, &rows))
	{
		CHECK_FOR_INTERRUPTS();
		space_add(&codes, block);
		space_add_vectors(reader, index, &rows, &vectors);
		if (block == list->first && rows.head.vec_block != InvalidBlockNumber)
			space_add(&vectors, rows.head.vec_block);
		block = rows.next;
	}
	for (i = codes.n; i > 0; i--)
		space_add(&vectors, codes.all[i - 1]);
	*n = vectors.n;
	return vectors.all;
}

/* ---- retired lists ---- */

static void
space_check_retired(Relation rel, BlockNumber block, const RvIvfIndex *index, Page page)
{
	const char *problem = rvi_ivf_page_problem(index->magic, page, RV_IVF_PAGE_RETIRED);

	if (problem != NULL)
		rvi_am_corrupted(rel, block, problem);
	if (((RvIvfRetired) PageGetContents(page))->count > RV_IVF_RETIRED_PER_PAGE)
		rvi_am_corrupted(rel, block, "IVF-8: a page counts more retired lists than it has room for.");
}

/* Frees the lists of a RETIRED page. */
static int64
space_free_lists(RvIvfWriter *writer, const RvIvfIndex *index, RvIvfRetired retired)
{
	RvIvfReader reader = {writer->rel, 0};
	int64		freed = 0;
	uint32		i;

	for (i = 0; i < retired->count; i++)
	{
		Size		n;
		BlockNumber *blocks = rvi_ivf_list_blocks(&reader, index, &retired->entries[i], &n);

		rvi_ivf_free_pages(writer, blocks, (int) n, retired->entries[i].serial);
		freed += n;
		if (blocks != NULL)
			pfree(blocks);
	}
	return freed;
}

int64
rvi_ivf_free_retired(RvIvfWriter *writer, const RvIvfIndex *index)
{
	RvIvfMetaPageData meta;
	char	   *page = palloc(BLCKSZ);
	RvIvfRetired retired = (RvIvfRetired) PageGetContents(page);
	BlockNumber previous = InvalidBlockNumber;
	BlockNumber block;
	BlockNumber steps = 0;
	int64		freed = 0;

	rvi_ivf_read_meta(writer->rel, &meta);
	block = meta.retired_head;
	while (block != InvalidBlockNumber)
	{
		BlockNumber next;

		vacuum_delay_point();
		if (block >= RelationGetNumberOfBlocks(writer->rel) ||
			steps++ > RelationGetNumberOfBlocks(writer->rel))
			rvi_am_corrupted(writer->rel, block, "IVF-8: the chain of retired lists leads nowhere.");
		rvi_am_copy_page(writer->rel, block, page);
		space_check_retired(writer->rel, block, index, page);
		next = rvi_ivf_opaque(page)->next;
		if (retired->fxid == 0)
			rvi_ivf_set_retired_fxid(writer, block,
									 U64FromFullTransactionId(ReadNextFullTransactionId()));
		else if (GlobalVisCheckRemovableFullXid(NULL, FullTransactionIdFromU64(retired->fxid)))
		{
			freed += space_free_lists(writer, index, retired);
			rvi_ivf_unlink_retired(writer, previous, block);
			rvi_ivf_free_pages(writer, &block, 1, 0);
			freed++;
			block = next;
			continue;
		}
		previous = block;
		block = next;
	}
	pfree(page);
	return freed;
}

void
rvi_ivf_free_directory(RvIvfWriter *writer, const RvIvfMetaPageData *meta)
{
	SpaceBlocks blocks = {0};
	char	   *page = palloc(BLCKSZ);
	BlockNumber block = meta->directory;

	while (block < RelationGetNumberOfBlocks(writer->rel))
	{
		RvIvfOpaque opaque;

		CHECK_FOR_INTERRUPTS();
		rvi_am_copy_page(writer->rel, block, page);
		opaque = rvi_ivf_opaque(page);
		if (opaque == NULL || opaque->kind != RV_IVF_PAGE_DIRECTORY ||
			opaque->serial != meta->directory_serial)
			break;
		space_add(&blocks, block);
		block = opaque->next;
	}
	rvi_ivf_free_pages(writer, blocks.all, (int) blocks.n, meta->directory_serial);
	pfree(page);
}

/* ---- lost pages ---- */

typedef struct SpaceSweep
{
	RvIvfReader reader;
	const RvIvfIndex *index;
	RvIvfMetaPageData meta;
	BlockNumber blocks;
	uint8	   *used;			/* a bit per block */
	char	   *page;
} SpaceSweep;

static bool
sweep_mark(SpaceSweep *sweep, BlockNumber block)
{
	if (block >= sweep->blocks || (sweep->used[block / 8] >> (block % 8)) & 1)
		return false;
	sweep->used[block / 8] |= 1 << (block % 8);
	return true;
}

static void
sweep_mark_list(SpaceSweep *sweep, const RvIvfEntryData *list)
{
	Size		n;
	Size		i;
	BlockNumber *blocks = rvi_ivf_list_blocks(&sweep->reader, sweep->index, list, &n);

	for (i = 0; i < n; i++)
		(void) sweep_mark(sweep, blocks[i]);
	if (blocks != NULL)
		pfree(blocks);
}

/* Marks a chain of pages; of RETIRED ones also the lists they name. */
static void
sweep_mark_chain(SpaceSweep *sweep, BlockNumber block)
{
	while (sweep_mark(sweep, block))
	{
		RvIvfOpaque opaque;

		CHECK_FOR_INTERRUPTS();
		rvi_am_copy_page(sweep->reader.rel, block, sweep->page);
		opaque = rvi_ivf_opaque(sweep->page);
		if (opaque == NULL)
			return;
		if (opaque->kind == RV_IVF_PAGE_RETIRED)
		{
			RvIvfRetired retired = (RvIvfRetired) PageGetContents(sweep->page);
			uint32		i;

			space_check_retired(sweep->reader.rel, block, sweep->index, sweep->page);
			for (i = 0; i < retired->count; i++)
				sweep_mark_list(sweep, &retired->entries[i]);
		}
		block = opaque->next;
	}
}

/* Frees the block unless somebody may still be about to link it. */
static bool
sweep_free(SpaceSweep *sweep, RvIvfWriter *writer, BlockNumber block, TransactionId oldest)
{
	RvIvfOpaque opaque;

	rvi_am_copy_page(sweep->reader.rel, block, sweep->page);
	opaque = rvi_ivf_opaque(sweep->page);
	if (opaque != NULL &&
		(opaque->kind == RV_IVF_PAGE_FREE ||
		 (TransactionIdIsValid(opaque->xid) && !TransactionIdPrecedes(opaque->xid, oldest))))
		return false;
	rvi_ivf_free_pages(writer, &block, 1, opaque == NULL ? 0 : opaque->serial);
	return true;
}

int64
rvi_ivf_free_leaked(RvIvfWriter *writer, const RvIvfIndex *index)
{
	/* whoever took a page and has finished before this instant has linked it, or never will */
	TransactionId oldest = GetOldestActiveTransactionId();
	SpaceSweep	sweep = {{0}};
	BlockNumber block;
	int64		freed = 0;
	Size		i;

	sweep.reader.rel = writer->rel;
	sweep.index = index;
	sweep.blocks = rvi_ivf_settled_blocks(writer->rel);
	sweep.page = palloc(BLCKSZ);
	sweep.used = MemoryContextAllocExtended(CurrentMemoryContext, sweep.blocks / 8 + 1,
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	rvi_ivf_read_meta(writer->rel, &sweep.meta);
	(void) sweep_mark(&sweep, RV_IVF_META_BLOCK);
	sweep_mark_chain(&sweep, sweep.meta.directory);
	sweep_mark_chain(&sweep, sweep.meta.free_head);
	sweep_mark_chain(&sweep, sweep.meta.retired_head);
	for (i = 0; i < index->centroids.count; i++)
		sweep_mark_list(&sweep, &index->lists[i]);
	for (block = 0; block < sweep.blocks; block++)
	{
		vacuum_delay_point();
		if (!((sweep.used[block / 8] >> (block % 8)) & 1))
			freed += sweep_free(&sweep, writer, block, oldest);
	}
	pfree(sweep.used);
	pfree(sweep.page);
	return freed;
}
