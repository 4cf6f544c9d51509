/*-------------------------------------------------------------------------
 *
 * tam_fetch.c
 *	  Reading out-of-line values: the slice resolver of our TOAST relations.
 *
 * Every read of a value that a ruvector_tam table keeps out of line ends in
 * tam_fetch_toast_slice. It walks the TOAST index over the chunks of the
 * slice, and over no others.
 *
 * Chunk bytes are looked at under the buffer's share lock, through the line
 * pointer as it is at that moment. A pin alone would do against VACUUM, which
 * needs a cleanup lock, but not against replay on a standby, which moves rows
 * within a page under the exclusive lock only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/toast_internals.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "tableam/tam_int.h"

/* columns of a TOAST relation and, in the same order, of its index */
#define RV_TAM_CHUNK_ID 1
#define RV_TAM_CHUNK_SEQ 2
#define RV_TAM_CHUNK_DATA 3

/* the part of one value that a call reads */
typedef struct TamSlice
{
	Relation	toastrel;
	Oid			valueid;
	int32		attrsize;		/* of the whole value */
	int32		offset;
	int32		length;
	int32		first_chunk;
	int32		last_chunk;
	char	   *dest;			/* length bytes */
} TamSlice;

/* Number of chunks of a value that is attrsize bytes long out of line (TAM-4). */
int32
rvi_tam_count_chunks(int32 attrsize)
{
	return (attrsize - 1) / TOAST_MAX_CHUNK_SIZE + 1;
}

/* Size of chunk seq of such a value: full, except for the last (TAM-5). */
int32
rvi_tam_chunk_size(int32 attrsize, int32 seq)
{
	int32		last = rvi_tam_count_chunks(attrsize) - 1;

	return seq < last ? TOAST_MAX_CHUNK_SIZE : attrsize - last * TOAST_MAX_CHUNK_SIZE;
}

/*
 * Describes the chunk row that `slot`, filled by a scan of toastrel, points
 * to. The caller holds at least a share lock on the slot's buffer, and
 * chunk->data stays valid as long as it does. A row that is no well-formed
 * chunk gives readable = false; this raises nothing.
 */
void
rvi_tam_locate_chunk(Relation toastrel, TupleTableSlot *slot, TamChunk *chunk)
{
	Buffer		buffer = ((BufferHeapTupleTableSlot *) slot)->buffer;
	Page		page = BufferGetPage(buffer);
	ItemId		item = PageGetItemId(page, ItemPointerGetOffsetNumber(&slot->tts_tid));
	TupleDesc	desc = RelationGetDescr(toastrel);
	HeapTupleData row;
	Datum		seq;
	Datum		data;
	bool		seq_isnull;
	bool		data_isnull;
	struct varlena *bytes;

	memset(chunk, 0, sizeof(*chunk));
	chunk->tid = slot->tts_tid;
	if (!ItemIdIsNormal(item))
		return;

	row.t_data = (HeapTupleHeader) PageGetItem(page, item);
	row.t_len = ItemIdGetLength(item);
	row.t_self = slot->tts_tid;
	row.t_tableOid = RelationGetRelid(toastrel);
	seq = fastgetattr(&row, RV_TAM_CHUNK_SEQ, desc, &seq_isnull);
	data = fastgetattr(&row, RV_TAM_CHUNK_DATA, desc, &data_isnull);
	if (seq_isnull || data_isnull)
		return;

	bytes = (struct varlena *) DatumGetPointer(data);
	if (VARATT_IS_EXTERNAL(bytes) || VARATT_IS_COMPRESSED(bytes))
		return;
	if (VARSIZE_ANY(bytes) > (char *) row.t_data + row.t_len - (char *) bytes)
		return;
	chunk->readable = true;
	chunk->seq = DatumGetInt32(seq);
	chunk->size = VARSIZE_ANY_EXHDR(bytes);
	chunk->data = VARDATA_ANY(bytes);
}

/* Fills keys for the chunks of the slice; returns how many keys there are. */
static int
tam_slice_keys(const TamSlice *slice, ScanKeyData *keys)
{
	ScanKeyInit(&keys[0], RV_TAM_CHUNK_ID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(slice->valueid));
	if (slice->first_chunk == 0 &&
		slice->last_chunk == rvi_tam_count_chunks(slice->attrsize) - 1)
		return 1;
	if (slice->first_chunk == slice->last_chunk)
	{
		ScanKeyInit(&keys[1], RV_TAM_CHUNK_SEQ, BTEqualStrategyNumber, F_INT4EQ,
					Int32GetDatum(slice->first_chunk));
		return 2;
	}
	ScanKeyInit(&keys[1], RV_TAM_CHUNK_SEQ, BTGreaterEqualStrategyNumber, F_INT4GE,
				Int32GetDatum(slice->first_chunk));
	ScanKeyInit(&keys[2], RV_TAM_CHUNK_SEQ, BTLessEqualStrategyNumber, F_INT4LE,
				Int32GetDatum(slice->last_chunk));
	return 3;
}

/* Is this the chunk that comes next, whole? (TAM-4, TAM-5) */
static bool
tam_chunk_is_expected(const TamSlice *slice, const TamChunk *chunk, int32 expected)
{
	return chunk->readable && chunk->seq == expected && expected <= slice->last_chunk &&
		chunk->size == rvi_tam_chunk_size(slice->attrsize, expected);
}

/* Copies the slice's share of the chunk to its place in the result. */
static void
tam_copy_chunk(const TamSlice *slice, const TamChunk *chunk)
{
	int32		chunk_start = chunk->seq * TOAST_MAX_CHUNK_SIZE;
	int32		from = Max(slice->offset, chunk_start);
	int32		to = Min(slice->offset + slice->length, chunk_start + chunk->size);

	memcpy(slice->dest + (from - slice->offset), chunk->data + (from - chunk_start), to - from);
}

/* Raises what is wrong with a chunk that is not the expected one; holds no buffer lock. */
static void
tam_report_chunk(const TamSlice *slice, const TamChunk *chunk, int32 expected)
{
	const char *invariant;
	char	   *problem;

	if (!chunk->readable)
	{
		invariant = "TAM-5";
		problem = psprintf("unreadable row in place of chunk %d", expected);
	}
	else if (chunk->seq != expected || expected > slice->last_chunk)
	{
		invariant = "TAM-4";
		problem = psprintf("unexpected chunk number %d (expected %d, last %d)",
						   chunk->seq, expected, slice->last_chunk);
	}
	else
	{
		invariant = "TAM-5";
		problem = psprintf("unexpected size %d (expected %d) of chunk %d", chunk->size,
						   rvi_tam_chunk_size(slice->attrsize, expected), expected);
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("%s for toast value %u in %s", problem, slice->valueid,
					RelationGetRelationName(slice->toastrel)),
			 errdetail("Block %u, offset %u of the TOAST relation breaks invariant %s.",
					   ItemPointerGetBlockNumber(&chunk->tid),
					   ItemPointerGetOffsetNumber(&chunk->tid), invariant)));
}

/* Reads the chunks of the slice, in order, into slice->dest. */
static void
tam_read_slice(const TamSlice *slice, Relation index)
{
	ScanKeyData keys[3];
	int			nkeys = tam_slice_keys(slice, keys);
	int32		expected = slice->first_chunk;
	SnapshotData snapshot;
	SysScanDesc scan;

	init_toast_snapshot(&snapshot);
	scan = systable_beginscan_ordered(slice->toastrel, index, &snapshot, nkeys, keys);
	while (HeapTupleIsValid(systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		Buffer		buffer = ((BufferHeapTupleTableSlot *) scan->slot)->buffer;
		TamChunk	chunk;
		bool		expected_found;

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		rvi_tam_locate_chunk(slice->toastrel, scan->slot, &chunk);
		expected_found = tam_chunk_is_expected(slice, &chunk, expected);
		if (expected_found)
			tam_copy_chunk(slice, &chunk);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

		if (!expected_found)
			tam_report_chunk(slice, &chunk, expected);
		expected++;
	}
	systable_endscan_ordered(scan);

	if (expected != slice->last_chunk + 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("missing chunk number %d for toast value %u in %s", expected,
						slice->valueid, RelationGetRelationName(slice->toastrel)),
				 errdetail("The value has %d chunks (invariant TAM-4).",
						   rvi_tam_count_chunks(slice->attrsize))));
}

/*
 * Reads bytes offset .. offset + length of a value into result's payload.
 * Called by core's detoasting with attrsize > 0 and length > 0, the slice
 * inside the value, and room for it in result.
 */
void
tam_fetch_toast_slice(Relation toastrel, Oid valueid, int32 attrsize, int32 offset, int32 length,
					  struct varlena *result)
{
	TamSlice	slice;
	Relation   *indexes;
	int			nindexes;
	int			valid;

	Assert(attrsize > 0 && offset >= 0 && length > 0 && length <= attrsize - offset);
	slice.toastrel = toastrel;
	slice.valueid = valueid;
	slice.attrsize = attrsize;
	slice.offset = offset;
	slice.length = length;
	slice.first_chunk = offset / TOAST_MAX_CHUNK_SIZE;
	slice.last_chunk = (offset + length - 1) / TOAST_MAX_CHUNK_SIZE;
	slice.dest = VARDATA(result);

	valid = toast_open_indexes(toastrel, AccessShareLock, &indexes, &nindexes);
	tam_read_slice(&slice, indexes[valid]);
	toast_close_indexes(indexes, nindexes, AccessShareLock);
}
