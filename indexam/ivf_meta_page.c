/*-------------------------------------------------------------------------
 *
 * ivf_meta_page.c
 *	  Changing the meta page and what hangs on it: directories, retired lists.
 *
 * As ivf_write_page.c: one generic WAL record each, the meta page locked
 * before others. The records that create an index's first pages are a build's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

uint32
rvi_ivf_learn_item_bytes(RvIvfWriter *writer, uint32 item_bytes)
{
	RvIvfMetaPage meta;
	uint32		result;

	rvi_ivf_write_start(writer);
	meta = rvi_ivf_write_meta(writer);
	result = meta->item_bytes;
	if (result != 0)
	{
		rvi_ivf_write_abandon(writer);
		return result;
	}
	meta->item_bytes = item_bytes;
	rvi_ivf_write_finish(writer);
	return item_bytes;
}

void
rvi_ivf_set_error(RvIvfWriter *writer, float error)
{
	rvi_ivf_write_start(writer);
	rvi_ivf_write_meta(writer)->error = error;
	rvi_ivf_write_finish(writer);
}

uint32
rvi_ivf_take_serials(RvIvfWriter *writer, uint32 n)
{
	RvIvfMetaPage meta;
	uint32		first;

	rvi_ivf_write_start(writer);
	meta = rvi_ivf_write_meta(writer);
	first = meta->next_serial;
	if (first > PG_UINT32_MAX - n)
	{
		rvi_ivf_write_abandon(writer);
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" has no serial numbers left",
						RelationGetRelationName(writer->rel)),
				 errhint("REINDEX the index.")));
	}
	meta->next_serial = first + n;
	rvi_ivf_write_finish(writer);
	return first;
}

BlockNumber
rvi_ivf_write_stream(RvIvfWriter *writer, RvIvfPageKind kind, uint32 serial, const char *data,
					 Size size)
{
	BlockNumber first = InvalidBlockNumber;
	Size		pages = Max((size + RV_IVF_PAGE_ROOM - 1) / RV_IVF_PAGE_ROOM, 1);
	Size		i;

	/* the last page first: each names the one after it */
	for (i = pages; i > 0; i--)
	{
		Size		start = (i - 1) * RV_IVF_PAGE_ROOM;
		BlockNumber block;
		Page		page;

		CHECK_FOR_INTERRUPTS();
		block = rvi_ivf_take_page(writer, kind, serial);
		rvi_ivf_write_start(writer);
		page = rvi_ivf_write_page(writer, block);
		memcpy(PageGetContents(page), data + start, Min(size - start, RV_IVF_PAGE_ROOM));
		rvi_ivf_opaque(page)->next = first;
		rvi_ivf_write_finish(writer);
		first = block;
	}
	return first;
}

BlockNumber
rvi_ivf_write_retired(RvIvfWriter *writer, const RvIvfEntryData *lists, uint32 n, BlockNumber head)
{
	uint32		start;

	for (start = 0; start < n; start += RV_IVF_RETIRED_PER_PAGE)
	{
		BlockNumber block = rvi_ivf_take_page(writer, RV_IVF_PAGE_RETIRED, 0);
		RvIvfRetired retired;
		Page		page;

		rvi_ivf_write_start(writer);
		page = rvi_ivf_write_page(writer, block);
		retired = (RvIvfRetired) PageGetContents(page);
		retired->fxid = 0;
		retired->count = Min(n - start, RV_IVF_RETIRED_PER_PAGE);
		memcpy(retired->entries, lists + start, retired->count * sizeof(RvIvfEntryData));
		rvi_ivf_opaque(page)->next = head;
		rvi_ivf_write_finish(writer);
		head = block;
	}
	return head;
}

void
rvi_ivf_set_retired_fxid(RvIvfWriter *writer, BlockNumber block, uint64 fxid)
{
	rvi_ivf_write_start(writer);
	((RvIvfRetired) PageGetContents(rvi_ivf_write_page(writer, block)))->fxid = fxid;
	rvi_ivf_write_finish(writer);
}

void
rvi_ivf_unlink_retired(RvIvfWriter *writer, BlockNumber previous, BlockNumber block)
{
	RvIvfMetaPage meta;
	BlockNumber next;

	rvi_ivf_write_start(writer);
	meta = rvi_ivf_write_meta(writer);
	next = rvi_ivf_opaque(rvi_ivf_write_page(writer, block))->next;
	if (previous == InvalidBlockNumber)
		meta->retired_head = next;
	else
		rvi_ivf_opaque(rvi_ivf_write_page(writer, previous))->next = next;
	rvi_ivf_write_finish(writer);
}

BlockNumber
rvi_ivf_settled_blocks(Relation rel)
{
	BlockNumber blocks;

	/* new pages are locked by their maker before it lets go of this */
	LockRelationForExtension(rel, ExclusiveLock);
	blocks = RelationGetNumberOfBlocks(rel);
	UnlockRelationForExtension(rel, ExclusiveLock);
	return blocks;
}

void
rvi_ivf_switch(RvIvfWriter *writer, const RvIvfDirectory *directory, uint32 retired_head)
{
	uint32		serial = rvi_ivf_take_serials(writer, 1);
	Size		size;
	char	   *bytes = rvi_ivf_directory_bytes(directory, serial, &size);
	BlockNumber first = rvi_ivf_write_stream(writer, RV_IVF_PAGE_DIRECTORY, serial, bytes, size);
	RvIvfMetaPage meta;

	pfree(bytes);
	rvi_ivf_write_start(writer);
	meta = rvi_ivf_write_meta(writer);
	meta->directory = first;
	meta->directory_serial = serial;
	meta->error = directory->error;
	meta->nlists = directory->nlists;
	meta->retired_head = retired_head;
	meta->generation++;
	rvi_ivf_write_finish(writer);
}

/* Appends an initialised page with the given content to a new fork. */
static void
meta_append_page(Relation rel, int forknum, const RvIvfMetaPageData *meta, RvIvfPageKind kind,
				  const char *content, Size size, bool last)
{
	Buffer		buffer = ReadBufferExtended(rel, (ForkNumber) forknum, P_NEW, RBM_NORMAL, NULL);
	BlockNumber block = BufferGetBlockNumber(buffer);
	Page		page = BufferGetPage(buffer);
	uint32		serial = 0;

	if (kind == RV_IVF_PAGE_CODE)
		serial = RV_IVF_EMPTY_SERIAL;
	else if (kind == RV_IVF_PAGE_DIRECTORY)
		serial = meta->directory_serial;
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	START_CRIT_SECTION();
	rvi_ivf_init_page(page, meta->index_magic, kind, serial, InvalidTransactionId);
	if (!last)
		rvi_ivf_opaque(page)->next = block + 1;
	memcpy(PageGetContents(page), content, size);
	MarkBufferDirty(buffer);
	if (forknum == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
rvi_ivf_create_meta(Relation rel, int forknum, const RvIvfMetaPageData *meta,
					const char *directory, Size size)
{
	RvIvfCodeHeadData head = {0};
	Size		start;
	BlockNumber block;

	meta_append_page(rel, forknum, meta, RV_IVF_PAGE_META, (const char *) meta, sizeof(*meta),
					  true);
	if (directory == NULL)
		return;
	block = RV_IVF_META_BLOCK + 1;
	head.tail = block;
	head.pages = 1;
	head.vec_block = head.free_hint = InvalidBlockNumber;
	meta_append_page(rel, forknum, meta, RV_IVF_PAGE_CODE, (const char *) &head, sizeof(head),
					  true);
	for (start = 0; start < size; start += RV_IVF_PAGE_ROOM)
		meta_append_page(rel, forknum, meta, RV_IVF_PAGE_DIRECTORY, directory + start,
						  Min(size - start, RV_IVF_PAGE_ROOM), size - start <= RV_IVF_PAGE_ROOM);
}

void
rvi_ivf_log_all(Relation rel)
{
	if (RelationNeedsWAL(rel))
		log_newpage_range(rel, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(rel), true);
}
