/*-------------------------------------------------------------------------
 *
 * ivf_batch.c
 *	  Rows into their lists, several at a time: for builds and maintenance.
 *
 * Assigning many rows at once passes the centroids through the processor's
 * cache once for several rows; appending them list by list fills pages one
 * after the other. A batch keeps within maintenance_work_mem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define BATCH_MOST_ROWS 16384
#define BATCH_LEAST_ROWS 64
#define BATCH_MOST_BYTES ((Size) 64 * 1024 * 1024)
#define BATCH_ASSIGN_STEP 256	/* rows between looks at interrupts */

void
rvi_ivf_batch_init(RvIvfBatch *batch, const RvIvfIndex *index, RvIvfWriter *writer)
{
	Size		vector = index->geo.dim * sizeof(float);
	Size		per_row = 2 * vector + sizeof(RvIvfItem) + 2 * sizeof(uint32) + 64;
	Size		limit = Min((Size) maintenance_work_mem * 1024, BATCH_MOST_BYTES);

	memset(batch, 0, sizeof(*batch));
	batch->index = index;
	batch->writer = writer;
	rvi_ivf_encoder_init(&batch->encoder, index);
	batch->room = (int) Min(Max(limit / per_row, BATCH_LEAST_ROWS), BATCH_MOST_ROWS);
	batch->x = MemoryContextAllocHuge(CurrentMemoryContext, batch->room * vector);
	batch->items = palloc(batch->room * sizeof(RvIvfItem));
	batch->nearest = palloc(batch->room * sizeof(uint32));
	batch->order = palloc(batch->room * sizeof(uint32));
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat batch",
										   ALLOCSET_DEFAULT_SIZES);
}

bool
rvi_ivf_batch_is_full(const RvIvfBatch *batch)
{
	return batch->count == batch->room;
}

void
rvi_ivf_batch_add(RvIvfBatch *batch, const RvIvfRow *row, ItemPointer tid)
{
	RvIvfItem  *item = &batch->items[batch->count];
	char	   *copy;

	RV_ENSURE(row->item_bytes == batch->index->geo.item_bytes,
			  "vectors of one index differ in size");
	copy = MemoryContextAlloc(batch->context, row->item_bytes);
	memcpy(copy, row->item, row->item_bytes);
	memcpy(batch->x + (Size) batch->count * batch->index->geo.dim, row->x,
		   batch->index->geo.dim * sizeof(float));
	item->tid = *tid;
	item->item = copy;
	batch->count++;
}

void
rvi_ivf_batch_assign(RvIvfBatch *batch)
{
	int			start;

	for (start = 0; start < batch->count; start += BATCH_ASSIGN_STEP)
	{
		CHECK_FOR_INTERRUPTS();
		rve_kmeans_assign(&batch->index->centroids,
						  batch->x + (Size) start * batch->index->geo.dim,
						  Min(BATCH_ASSIGN_STEP, batch->count - start), batch->nearest + start,
						  NULL);
	}
}

/* Positions of the batch's rows, list by list (a counting sort); starts[l] .. starts[l + 1] are list l's. */
static void
batch_sort(RvIvfBatch *batch, uint32 *starts)
{
	Size		lists = batch->index->centroids.count;
	int			i;
	Size		l;

	memset(starts, 0, (lists + 2) * sizeof(uint32));
	for (i = 0; i < batch->count; i++)
		starts[batch->nearest[i] + 2]++;
	for (l = 2; l < lists + 2; l++)
		starts[l] += starts[l - 1];
	for (i = 0; i < batch->count; i++)
		batch->order[starts[batch->nearest[i] + 1]++] = i;
}

/* Encodes and appends the rows order[from .. to) of one list. */
static void
batch_append(RvIvfBatch *batch, uint32 list, uint32 from, uint32 to)
{
	const RvIvfIndex *index = batch->index;
	int			dim = index->geo.dim;
	Size		code_bytes = rve_ivf_code_bytes(dim);
	RvIvfItem  *items = palloc((to - from) * sizeof(RvIvfItem));
	uint8	   *codes = palloc((to - from) * code_bytes);
	uint32		i;

	rvi_ivf_encoder_use(&batch->encoder, index->centroids.x + (Size) list * dim);
	for (i = from; i < to; i++)
	{
		RvIvfItem  *item = &items[i - from];
		uint8	   *code = codes + (i - from) * code_bytes;

		*item = batch->items[batch->order[i]];
		rve_ivf_encode(index->codec, batch->x + (Size) batch->order[i] * dim,
					   batch->encoder.centroid, batch->encoder.rotated, code, &item->factors);
		item->code = code;
	}
	if (rvi_ivf_append(batch->writer, &index->geo, &index->lists[list], items, to - from) !=
		to - from)
		rvi_am_corrupted(batch->writer->rel, index->lists[list].first,
						 "IVF-4: a list takes no rows although nothing replaces it.");
	pfree(codes);
	pfree(items);
}

int
rvi_ivf_batch_load(RvIvfBatch *batch)
{
	Size		lists = batch->index->centroids.count;
	uint32	   *starts = palloc((lists + 2) * sizeof(uint32));
	int			loaded = batch->count;
	Size		l;

	batch_sort(batch, starts);
	for (l = 0; l < lists; l++)
	{
		CHECK_FOR_INTERRUPTS();
		if (starts[l + 1] > starts[l])
			batch_append(batch, (uint32) l, starts[l], starts[l + 1]);
	}
	batch->count = 0;
	MemoryContextReset(batch->context);
	pfree(starts);
	return loaded;
}
