/*-------------------------------------------------------------------------
 *
 * am_page.c
 *	  What reading and changing pages have in common, whatever the access
 *	  method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/rel.h"

#include "indexam/am_int.h"

void
rvi_am_corrupted(Relation rel, BlockNumber block, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted at block %u",
					RelationGetRelationName(rel), block),
			 errdetail("%s", detail),
			 errhint("REINDEX the index.")));
}

void
rvi_am_copy_page(Relation rel, BlockNumber block, char *out)
{
	Buffer		buffer = ReadBuffer(rel, block);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(out, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
}

/* ---- one record ---- */

void
rvi_am_record_start(RvAmRecord *record, Relation rel, bool unlogged)
{
	record->count = 0;
	record->xlog = unlogged ? NULL : GenericXLogStart(rel);
}

Page
rvi_am_record_page(RvAmRecord *record, Buffer buffer, bool whole)
{
	Page		page = BufferGetPage(buffer);

	Assert(record->count < MAX_GENERIC_XLOG_PAGES);
	if (record->xlog != NULL)
		page = GenericXLogRegisterBuffer(record->xlog, buffer, whole ? GENERIC_XLOG_FULL_IMAGE : 0);
	record->buffers[record->count] = buffer;
	record->pages[record->count++] = page;
	return page;
}

static void
am_record_release(RvAmRecord *record)
{
	while (record->count > 0)
		UnlockReleaseBuffer(record->buffers[--record->count]);
	record->xlog = NULL;
}

void
rvi_am_record_finish(RvAmRecord *record)
{
	int			i;

	if (record->xlog != NULL)
		GenericXLogFinish(record->xlog);
	else
	{
		for (i = 0; i < record->count; i++)
			MarkBufferDirty(record->buffers[i]);
	}
	am_record_release(record);
}

void
rvi_am_record_abandon(RvAmRecord *record)
{
	if (record->xlog != NULL)
		GenericXLogAbort(record->xlog);
	am_record_release(record);
}
