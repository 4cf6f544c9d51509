/*-------------------------------------------------------------------------
 *
 * am_page.c
 *	  What reading pages has in common, whatever the access method.
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
