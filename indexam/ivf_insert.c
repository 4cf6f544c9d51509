/*-------------------------------------------------------------------------
 *
 * ivf_insert.c
 *	  Adding one row: to the list whose centroid is nearest.
 *
 * A list that maintenance is about to replace takes no rows; the insert waits
 * for the page lock that maintenance holds and finds the list's successors.
 * When nobody holds it, maintenance failed, and the insert opens the list
 * again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

/* Waits until the list takes rows again or has been replaced. */
static void
insert_wait(RvIvfWriter *writer, const RvIvfIndex *index, const RvIvfEntryData *list)
{
	RvIvfMetaPageData meta;

	LockPage(writer->rel, RV_IVF_META_BLOCK, ShareLock);
	rvi_ivf_read_meta(writer->rel, &meta);
	if (meta.generation == index->generation &&
		!rvi_ivf_set_state(writer, list, RV_IVF_OPEN))
		rvi_am_corrupted(writer->rel, list->first,
						 "IVF-4: the directory names a page that is not its list's first.");
	UnlockPage(writer->rel, RV_IVF_META_BLOCK, ShareLock);
}

/* Makes sure that the index knows the size of its items, and that this is one. */
static void
insert_check_size(RvIvfWriter *writer, RvIvfIndex *index, const RvIvfRow *row)
{
	if (index->geo.item_bytes == 0)
		rvi_ivf_geometry_init(&index->geo, index->geo.dim,
							  rvi_ivf_learn_item_bytes(writer, row->item_bytes));
	RV_ENSURE(row->item_bytes == index->geo.item_bytes, "vectors of one index differ in size");
}

void
rvi_ivf_insert(RvIvfWriter *writer, const RvIvfRow *row, ItemPointer tid)
{
	for (;;)
	{
		RvIvfMetaPageData meta;
		RvIvfIndex *index = rvi_ivf_open(writer->rel, &meta);
		RvIvfEncoder encoder;
		RvIvfItem	item;
		uint32		nearest;
		uint8	   *code = palloc(rve_ivf_code_bytes(index->geo.dim));

		CHECK_FOR_INTERRUPTS();
		insert_check_size(writer, index, row);
		rve_kmeans_assign(&index->centroids, row->x, 1, &nearest, NULL);
		rvi_ivf_encoder_init(&encoder, index);
		rvi_ivf_encoder_use(&encoder, index->centroids.x + (Size) nearest * index->geo.dim);
		rve_ivf_encode(index->codec, row->x, encoder.centroid, encoder.rotated, code,
					   &item.factors);
		item.tid = *tid;
		item.item = row->item;
		item.code = code;
		if (rvi_ivf_append(writer, &index->geo, &index->lists[nearest], &item, 1) == 1)
			return;
		insert_wait(writer, index, &index->lists[nearest]);
	}
}

/* PostgreSQL callback */
bool
ivfinsert(Relation rel, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		  IndexUniqueCheck check_unique, bool index_unchanged, struct IndexInfo *info)
{
	MemoryContext context;
	MemoryContext old;
	RvIvfMetaPageData meta;
	RvIvfIndex *index;
	RvIvfWriter writer;
	RvIvfRow	row;

	if (isnull[0])
		return false;
	context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat insert", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	index = rvi_ivf_open(rel, &meta);
	if (rvi_ivf_read_row(index->type, index->metric, index->geo.dim, values[0], &row))
	{
		rvi_ivf_writer_init(&writer, rel, index->magic, false);
		rvi_ivf_insert(&writer, &row, tid);
		rvi_ivf_writer_done(&writer);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return false;
}
