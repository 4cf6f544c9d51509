/*-------------------------------------------------------------------------
 *
 * hnsw_vacuum_page.c
 *	  Page changes that only vacuum makes: marking, unlinking, freeing.
 *
 * Same rules as hnsw_write_page.c: one record per call, meta page first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

void
rvi_hnsw_visit_page(RvHnswWriter *writer, BlockNumber block, RvHnswSlotVisit visit, void *arg)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	bool		changed = false;
	Page		page;
	RveNode		first;
	uint32		i;

	rvi_hnsw_block_kind(geo, block, &first);
	rvi_hnsw_write_start(writer);
	page = rvi_hnsw_write_page(writer, block, RV_HNSW_PAGE_GRAPH);
	for (i = 0; i < geo->slots_per_page; i++)
	{
		RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);

		if (slot->state != RV_HNSW_EMPTY && slot->nid == first + i)
			changed |= visit(arg, slot, first + i);
	}
	if (changed)
		rvi_hnsw_write_finish(writer);
	else
		rvi_hnsw_write_abandon(writer);
}

bool
rvi_hnsw_unlink_duplicate(RvHnswWriter *writer, RveNode nid, RveNode next, RveNode next_next)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	RvHnswPlace place = rvi_hnsw_slot_place(geo, nid);
	RvHnswSlot	slot;

	rvi_hnsw_write_start(writer);
	slot = rvi_hnsw_page_slot(geo, rvi_hnsw_write_page(writer, place.block, RV_HNSW_PAGE_GRAPH),
							  place.slot);
	if (slot->nid != nid || slot->dup_next != next ||
		(slot->state != RV_HNSW_LIVE && slot->state != RV_HNSW_DUPLICATE))
	{
		rvi_hnsw_write_abandon(writer);
		return false;
	}
	slot->dup_next = next_next;
	rvi_hnsw_write_finish(writer);
	return true;
}

void
rvi_hnsw_clear_uppers(RvHnswWriter *writer, BlockNumber block, RvHnswGone gone, void *arg)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	bool		changed = false;
	Page		page;
	uint32		i;

	rvi_hnsw_write_start(writer);
	page = rvi_hnsw_write_page(writer, block, RV_HNSW_PAGE_UPPER);
	for (i = 0; i < geo->uppers_per_page; i++)
	{
		RvHnswUpper upper = rvi_hnsw_page_upper(geo, page, i);

		if (upper->level != 0 && gone(arg, upper->nid))
		{
			memset(upper, 0, geo->upper_bytes);
			changed = true;
		}
	}
	if (changed)
		rvi_hnsw_write_finish(writer);
	else
		rvi_hnsw_write_abandon(writer);
}

uint32
rvi_hnsw_free_slots(RvHnswWriter *writer, BlockNumber block, RvHnswGone gone, void *arg)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	RvHnswMetaPage meta;
	Page		page;
	RveNode		first;
	uint32		freed = 0;
	uint32		i;

	rvi_hnsw_block_kind(geo, block, &first);
	rvi_hnsw_write_start(writer);
	meta = rvi_hnsw_write_meta(writer);
	page = rvi_hnsw_write_page(writer, block, RV_HNSW_PAGE_GRAPH);
	for (i = 0; i < geo->slots_per_page; i++)
	{
		RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);
		RveNode		nid = first + i;

		if (slot->nid != nid || !gone(arg, nid) ||
			(slot->state != RV_HNSW_DOOMED && slot->state != RV_HNSW_DOOMED_DUPLICATE &&
			 slot->state != RV_HNSW_RESERVED))
			continue;
		slot->state = RV_HNSW_FREE;
		slot->level = 0;
		slot->degree = 0;
		ItemPointerSetInvalid(&slot->tid);
		slot->dup_next = RVE_NODE_NONE;
		slot->link = meta->free_head;
		meta->free_head = nid;
		meta->free_count++;
		freed++;
	}
	if (freed > 0)
		rvi_hnsw_write_finish(writer);
	else
		rvi_hnsw_write_abandon(writer);
	return freed;
}
