/*-------------------------------------------------------------------------
 *
 * ivf_write_page.c
 *	  Changing ivfflat pages: pages in and out of use, rows in and out of lists.
 *
 * Outside builds every change is a generic WAL record of at most four pages.
 * A build writes plain buffers and logs the whole index at its end. Locks: a
 * list's first page, then one other code page, then a vector page; or the meta page,
 * then free pages. Nobody waits for a heavyweight lock while holding a
 * buffer's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

void
rvi_ivf_writer_init(RvIvfWriter *writer, Relation rel, uint32 magic, bool unlogged)
{
	memset(writer, 0, sizeof(*writer));
	writer->rel = rel;
	writer->magic = magic;
	writer->unlogged = unlogged;
	writer->spare_code = writer->spare_vector = InvalidBlockNumber;
}

/* ---- one record ---- */

void
rvi_ivf_write_start(RvIvfWriter *writer)
{
	rvi_am_record_start(&writer->record, writer->rel, writer->unlogged);
}

/* The block's page, locked, to be changed in this record; the same one when asked twice. */
Page
rvi_ivf_write_page(RvIvfWriter *writer, BlockNumber block)
{
	Buffer		buffer;
	int			i;

	for (i = 0; i < writer->record.count; i++)
		if (BufferGetBlockNumber(writer->record.buffers[i]) == block)
			return writer->record.pages[i];
	if (block >= RelationGetNumberOfBlocks(writer->rel))
		rvi_am_corrupted(writer->rel, block, "IVF-1: a page that is referred to does not exist.");
	buffer = ReadBuffer(writer->rel, block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	return rvi_am_record_page(&writer->record, buffer, false);
}

void
rvi_ivf_write_finish(RvIvfWriter *writer)
{
	rvi_am_record_finish(&writer->record);
}

/* Nothing of the record happens: the caller has not changed any page yet. */
void
rvi_ivf_write_abandon(RvIvfWriter *writer)
{
	rvi_am_record_abandon(&writer->record);
}

RvIvfMetaPage
rvi_ivf_write_meta(RvIvfWriter *writer)
{
	Page		page = rvi_ivf_write_page(writer, RV_IVF_META_BLOCK);
	const char *problem = rvi_ivf_page_problem(writer->magic, page, RV_IVF_PAGE_META);

	if (problem != NULL)
		rvi_am_corrupted(writer->rel, RV_IVF_META_BLOCK, problem);
	return (RvIvfMetaPage) PageGetContents(page);
}

/* ---- pages in and out of use ---- */

/* An empty page. All of it counts as used, so that generic WAL logs all of it. */
void
rvi_ivf_init_page(Page page, uint32 magic, RvIvfPageKind kind, uint32 serial, TransactionId xid)
{
	RvIvfOpaque opaque;

	PageInit(page, BLCKSZ, sizeof(RvIvfOpaqueData));
	opaque = (RvIvfOpaque) PageGetSpecialPointer(page);
	opaque->magic = magic;
	opaque->kind = kind;
	opaque->version = RV_IVF_VERSION;
	opaque->serial = serial;
	opaque->next = InvalidBlockNumber;
	opaque->xid = xid;
	((PageHeader) page)->pd_lower = ((PageHeader) page)->pd_upper;
	if (kind == RV_IVF_PAGE_CODE)
	{
		RvIvfCodeHead head = rvi_ivf_head(page);

		head->tail = head->vec_block = head->free_hint = InvalidBlockNumber;
	}
}

/* A page at the relation's end, registered and zero. Its record is started. */
static Page
write_extend(RvIvfWriter *writer, BlockNumber *block)
{
	Buffer		buffer;

	/* locked before the extension lock goes: nobody finds a new page that is not locked */
	LockRelationForExtension(writer->rel, ExclusiveLock);
	buffer = ReadBuffer(writer->rel, P_NEW);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	UnlockRelationForExtension(writer->rel, ExclusiveLock);
	*block = BufferGetBlockNumber(buffer);
	return rvi_am_record_page(&writer->record, buffer, true);
}

/* Takes the first free page out of its chain; NULL: there is none, and no record. */
static Page
write_reuse(RvIvfWriter *writer, BlockNumber *block)
{
	RvIvfMetaPageData seen;
	RvIvfMetaPage meta;
	RvIvfOpaque opaque;
	Page		page;

	if (writer->unlogged)
		return NULL;
	rvi_ivf_read_meta(writer->rel, &seen);
	if (seen.free_head == InvalidBlockNumber)
		return NULL;
	rvi_ivf_write_start(writer);
	meta = rvi_ivf_write_meta(writer);
	if (meta->free_head == InvalidBlockNumber)
	{
		rvi_ivf_write_abandon(writer);
		return NULL;
	}
	*block = meta->free_head;
	page = rvi_ivf_write_page(writer, *block);
	opaque = rvi_ivf_opaque(page);
	if (opaque == NULL || opaque->magic != writer->magic || opaque->kind != RV_IVF_PAGE_FREE ||
		meta->free_count == 0)
		rvi_am_corrupted(writer->rel, *block, "IVF-7: the chain of free pages leads to another page.");
	meta->free_head = opaque->next;
	meta->free_count--;
	return page;
}

BlockNumber
rvi_ivf_take_page(RvIvfWriter *writer, RvIvfPageKind kind, uint32 serial)
{
	TransactionId xid = writer->unlogged || writer->maintenance ? InvalidTransactionId :
		GetTopTransactionId();
	BlockNumber block;
	Page		page = write_reuse(writer, &block);

	if (page == NULL)
	{
		rvi_ivf_write_start(writer);
		page = write_extend(writer, &block);
	}
	rvi_ivf_init_page(page, writer->magic, kind, serial, xid);
	rvi_ivf_write_finish(writer);
	return block;
}

void
rvi_ivf_free_pages(RvIvfWriter *writer, const BlockNumber *blocks, int n, uint32 serial)
{
	int			i = 0;

	if (writer->unlogged)
		return;
	while (i < n)
	{
		RvIvfMetaPage meta;

		CHECK_FOR_INTERRUPTS();
		rvi_ivf_write_start(writer);
		meta = rvi_ivf_write_meta(writer);
		while (i < n && writer->record.count < MAX_GENERIC_XLOG_PAGES)
		{
			Page		page = rvi_ivf_write_page(writer, blocks[i]);
			RvIvfOpaque opaque = rvi_ivf_opaque(page);

			if ((opaque == NULL && serial == 0) ||
				(opaque != NULL && opaque->kind != RV_IVF_PAGE_FREE &&
				 opaque->kind != RV_IVF_PAGE_META && (serial == 0 || opaque->serial == serial)))
			{
				rvi_ivf_init_page(page, writer->magic, RV_IVF_PAGE_FREE, 0, InvalidTransactionId);
				rvi_ivf_opaque(page)->next = meta->free_head;
				meta->free_head = blocks[i];
				meta->free_count++;
			}
			i++;
		}
		rvi_ivf_write_finish(writer);
	}
}

void
rvi_ivf_writer_done(RvIvfWriter *writer)
{
	if (writer->spare_code != InvalidBlockNumber)
		rvi_ivf_free_pages(writer, &writer->spare_code, 1, writer->spare_serial);
	if (writer->spare_vector != InvalidBlockNumber)
		rvi_ivf_free_pages(writer, &writer->spare_vector, 1, writer->spare_serial);
	writer->spare_code = writer->spare_vector = InvalidBlockNumber;
}

BlockNumber
rvi_ivf_create_list(RvIvfWriter *writer, const RvIvfGeometry *geo, uint32 serial)
{
	BlockNumber block = rvi_ivf_take_page(writer, RV_IVF_PAGE_CODE, serial);
	RvIvfCodeHead head;

	rvi_ivf_write_start(writer);
	head = rvi_ivf_head(rvi_ivf_write_page(writer, block));
	head->tail = block;
	head->pages = 1;
	rvi_ivf_write_finish(writer);
	return block;
}

/* ---- rows into a list ---- */

/* What one record of an append works on. */
typedef struct WriteAppend
{
	RvIvfWriter *writer;
	const RvIvfGeometry *geo;
	const RvIvfEntryData *list;
	RvIvfCodeHead head;			/* of the first page */
	Page		page;			/* that takes the rows */
	BlockNumber block;
	BlockNumber vec_block;		/* vector page registered in this record */
} WriteAppend;

/* The page if it is this list's code page, else NULL. Registered either way. */
static Page
write_code_page(RvIvfWriter *writer, const RvIvfEntryData *list, BlockNumber block)
{
	Page		page = rvi_ivf_write_page(writer, block);
	RvIvfOpaque opaque = rvi_ivf_opaque(page);

	if (opaque == NULL || opaque->magic != writer->magic || opaque->kind != RV_IVF_PAGE_CODE ||
		opaque->serial != list->serial)
		return NULL;
	return page;
}

static Page
write_own_page(RvIvfWriter *writer, const RvIvfEntryData *list, BlockNumber block)
{
	Page		page = write_code_page(writer, list, block);

	if (page == NULL)
		rvi_am_corrupted(writer->rel, block, "IVF-4: a list's chain leads to a page of something else.");
	return page;
}

/* Makes sure of a page in reserve; false: the record was abandoned for it, start anew. */
static bool
append_reserve(WriteAppend *append, BlockNumber *spare, RvIvfPageKind kind)
{
	RvIvfWriter *writer = append->writer;

	if (writer->spare_serial != append->list->serial &&
		(writer->spare_code != InvalidBlockNumber || writer->spare_vector != InvalidBlockNumber))
	{
		rvi_ivf_write_abandon(writer);
		rvi_ivf_writer_done(writer);
		return false;
	}
	if (*spare != InvalidBlockNumber)
		return true;
	rvi_ivf_write_abandon(writer);
	writer->spare_serial = append->list->serial;
	*spare = rvi_ivf_take_page(writer, kind, append->list->serial);
	return false;
}

/*
 * Finds the code page that takes the next rows, a new one if need be. False:
 * the record was abandoned, start anew.
 */
static bool
append_find_page(WriteAppend *append)
{
	RvIvfWriter *writer = append->writer;
	RvIvfCodeHead head = append->head;
	Page		tail;

	if (head->free_hint != InvalidBlockNumber)
	{
		append->block = head->free_hint;
		append->page = write_own_page(writer, append->list, append->block);
		if (rvi_ivf_head(append->page)->free > 0)
			return true;

		/* on to the next page; the record holds nothing else */
		head->free_hint = rvi_ivf_opaque(append->page)->next;
		rvi_ivf_write_finish(writer);
		return false;
	}
	append->block = head->tail;
	append->page = tail = write_own_page(writer, append->list, append->block);
	if (rvi_ivf_head(append->page)->used < append->geo->capacity)
		return true;
	if (!append_reserve(append, &writer->spare_code, RV_IVF_PAGE_CODE))
		return false;
	append->block = writer->spare_code;
	append->page = rvi_ivf_write_page(writer, append->block);
	rvi_ivf_opaque(tail)->next = append->block;
	head->tail = append->block;
	head->pages++;
	writer->spare_code = InvalidBlockNumber;
	return true;
}

/* Position of an entry without a row on the page; -1: none. */
static int
append_find_entry(const WriteAppend *append, int from)
{
	RvIvfCodeHead head = rvi_ivf_head(append->page);
	int			i;

	if (head->used > append->geo->capacity)
		rvi_am_corrupted(append->writer->rel, append->block,
						 "IVF-3: a code page counts more entries than it has room for.");
	if (head->free > head->used)
		rvi_am_corrupted(append->writer->rel, append->block,
						 "IVF-3: a code page counts more free entries than entries.");
	if (head->free > 0)
	{
		for (i = from; i < head->used; i++)
		{
			RvIvfBlock	block = rvi_ivf_block(append->geo, append->page, i / RVE_IVF_BLOCK);

			if (!ItemPointerIsValid(&block->tid[i % RVE_IVF_BLOCK]))
				return i;
		}
		if (from == 0)
			rvi_am_corrupted(append->writer->rel, append->block,
							 "IVF-3: a code page counts free entries that it does not have.");
	}
	return head->used < append->geo->capacity ? head->used : -1;
}

/*
 * Where a new entry's vector goes: the list's vector page, if it has room.
 * False: it has none, and the page in reserve was not there.
 */
static bool
append_place_vector(WriteAppend *append, uint32 *block, uint16 *slot)
{
	RvIvfCodeHead head = append->head;

	if (head->vec_block == InvalidBlockNumber ||
		head->vec_used >= (uint32) append->geo->items_per_page)
	{
		if (append->writer->spare_vector == InvalidBlockNumber ||
			append->writer->spare_serial != append->list->serial)
			return false;
		head->vec_block = append->writer->spare_vector;
		head->vec_used = 0;
		append->writer->spare_vector = InvalidBlockNumber;
	}
	*block = head->vec_block;
	*slot = head->vec_used++;
	return true;
}

/* Writes the item to its place; false: another vector page is registered in this record. */
static bool
append_write_item(WriteAppend *append, const RvIvfItem *item, BlockNumber block, uint16 slot)
{
	Page		page;
	RvIvfOpaque opaque;

	if (append->vec_block != InvalidBlockNumber && append->vec_block != block)
		return false;
	append->vec_block = block;
	page = rvi_ivf_write_page(append->writer, block);
	opaque = rvi_ivf_opaque(page);
	if (opaque == NULL || opaque->kind != RV_IVF_PAGE_VECTOR ||
		opaque->serial != append->list->serial || slot >= append->geo->items_per_page)
		rvi_am_corrupted(append->writer->rel, block, "IVF-5: an entry names a place its vector page lacks.");
	memcpy(PageGetContents(page) + slot * append->geo->item_stride, item->item,
		   append->geo->item_bytes);
	return true;
}

/*
 * Adds one row to the page. False: it needs a vector page that this record
 * does not have. chain: where the item is already, when it has its own pages.
 */
static bool
append_entry(WriteAppend *append, const RvIvfItem *item, int position, BlockNumber chain)
{
	RvIvfCodeHead head = rvi_ivf_head(append->page);
	RvIvfBlock	block = rvi_ivf_block(append->geo, append->page, position / RVE_IVF_BLOCK);
	int			i = position % RVE_IVF_BLOCK;
	bool		reused = position < head->used;
	uint32		vec_block = chain;
	uint16		vec_slot = 0;

	if (chain == InvalidBlockNumber)
	{
		vec_block = block->vec_block[i];
		vec_slot = block->vec_slot[i];
		if (!reused && append->vec_block != InvalidBlockNumber &&
			append->head->vec_used >= (uint32) append->geo->items_per_page)
			return false;		/* the next vector belongs on another page */
		if (!reused && !append_place_vector(append, &vec_block, &vec_slot))
			return false;
		if (!append_write_item(append, item, vec_block, vec_slot))
		{
			if (!reused)
				append->head->vec_used--;
			return false;
		}
	}
	block->vec_block[i] = vec_block;
	block->vec_slot[i] = vec_slot;
	block->tid[i] = item->tid;
	block->factors.add[i] = item->factors.add;
	block->factors.resc[i] = item->factors.resc;
	block->factors.err[i] = item->factors.err;
	rve_ivf_block_put(block->codes, append->geo->coded, i, item->code);
	if (reused)
		head->free--;
	else
		head->used++;
	append->head->rows++;
	return true;
}

/* Writes an item that needs pages of its own; returns the first. */
static BlockNumber
append_write_chain(RvIvfWriter *writer, const RvIvfGeometry *geo, const RvIvfEntryData *list,
				   const RvIvfItem *item)
{
	return rvi_ivf_write_stream(writer, RV_IVF_PAGE_VECTOR, list->serial, item->item,
								geo->item_bytes);
}

/* Starts a record on the list's first page. NULL: the list takes no rows; no record. */
static RvIvfCodeHead
append_open(RvIvfWriter *writer, const RvIvfEntryData *list)
{
	Page		page;

	rvi_ivf_write_start(writer);
	page = write_code_page(writer, list, list->first);
	if (page != NULL && rvi_ivf_head(page)->state == RV_IVF_OPEN)
		return rvi_ivf_head(page);
	rvi_ivf_write_abandon(writer);
	return NULL;
}

/*
 * One record: as many of the items as go on one code page and one vector
 * page. 0: something had to be prepared first; -1: the list takes no rows.
 */
static int
append_record(WriteAppend *append, const RvIvfItem *items, int n, BlockNumber chain)
{
	int			position = 0;
	int			done = 0;

	append->vec_block = InvalidBlockNumber;
	append->head = append_open(append->writer, append->list);
	if (append->head == NULL)
		return -1;

	/* a vector page in reserve first: it cannot be taken while pages are locked and changed */
	if (chain == InvalidBlockNumber && append->head->free_hint == InvalidBlockNumber &&
		(append->head->vec_block == InvalidBlockNumber ||
		 append->head->vec_used >= (uint32) append->geo->items_per_page) &&
		!append_reserve(append, &append->writer->spare_vector, RV_IVF_PAGE_VECTOR))
		return 0;
	if (!append_find_page(append))
		return 0;
	while (done < n)
	{
		position = append_find_entry(append, position);
		if (position < 0 || !append_entry(append, &items[done], position, chain))
			break;
		done++;
		position++;
		if (chain != InvalidBlockNumber)
			break;
	}
	rvi_ivf_write_finish(append->writer);
	return done;
}

int
rvi_ivf_append(RvIvfWriter *writer, const RvIvfGeometry *geo, const RvIvfEntryData *list,
			   const RvIvfItem *items, int n)
{
	WriteAppend append = {0};
	BlockNumber chain = InvalidBlockNumber;
	BlockNumber idle = 0;		/* records without a row */
	int			total = 0;
	int			done;

	append.writer = writer;
	append.geo = geo;
	append.list = list;
	while (total < n)
	{
		CHECK_FOR_INTERRUPTS();
		if (geo->items_per_page == 0 && chain == InvalidBlockNumber)
			chain = append_write_chain(writer, geo, list, &items[total]);
		done = append_record(&append, items + total, n - total, chain);
		if (done < 0)
			break;
		total += done;
		if (done > 0)
		{
			chain = InvalidBlockNumber;
			idle = 0;
		}
		else if (idle++ > RelationGetNumberOfBlocks(writer->rel) + 8)
			rvi_am_corrupted(writer->rel, list->first, "IVF-4: a list's chain is a circle.");
	}
	if (chain != InvalidBlockNumber)
	{
		/* written for nothing: give it back */
		RvIvfIndex	stub = {0};
		RvIvfReader reader = {writer->rel, 0};
		RvIvfPlace	place = {list->serial, chain, 0};
		int			pages = (geo->item_bytes + RV_IVF_PAGE_ROOM - 1) / RV_IVF_PAGE_ROOM;
		BlockNumber *blocks = palloc(pages * sizeof(BlockNumber));

		stub.magic = writer->magic;
		stub.geo = *geo;
		rvi_ivf_free_pages(writer, blocks,
						   rvi_ivf_item_blocks(&reader, &stub, place, blocks, pages),
						   list->serial);
		pfree(blocks);
	}
	return total;
}

/* ---- rows out of a list ---- */

int
rvi_ivf_remove(RvIvfWriter *writer, const RvIvfIndex *index, const RvIvfRemoval *removal)
{
	const RvIvfGeometry *geo = &index->geo;
	RvIvfCodeHead first;
	RvIvfCodeHead head;
	Page		page;
	int			removed = 0;
	int			i;

	rvi_ivf_write_start(writer);
	first = rvi_ivf_head(write_own_page(writer, removal->list, removal->list->first));
	page = write_own_page(writer, removal->list, removal->block);
	head = rvi_ivf_head(page);
	for (i = 0; i < removal->n; i++)
	{
		int			position = removal->positions[i];
		RvIvfBlock	block = rvi_ivf_block(geo, page, position / RVE_IVF_BLOCK);
		int			at = position % RVE_IVF_BLOCK;

		if (position >= head->used || !ItemPointerIsValid(&block->tid[at]) ||
			!ItemPointerEquals(&block->tid[at], (ItemPointer) &removal->tids[i]))
			continue;
		ItemPointerSetInvalid(&block->tid[at]);
		if (geo->items_per_page == 0)
			block->vec_block[at] = InvalidBlockNumber;
		removed++;
	}
	head->free += removed;
	first->rows -= Min((uint32) removed, first->rows);
	if (removal->hint != InvalidBlockNumber)
		first->free_hint = removal->hint;
	rvi_ivf_write_finish(writer);
	return removed;
}

bool
rvi_ivf_set_state(RvIvfWriter *writer, const RvIvfEntryData *list, RvIvfState state)
{
	Page		page;

	rvi_ivf_write_start(writer);
	page = write_code_page(writer, list, list->first);
	if (page == NULL)
	{
		rvi_ivf_write_abandon(writer);
		return false;
	}
	rvi_ivf_head(page)->state = state;
	rvi_ivf_write_finish(writer);
	return true;
}
