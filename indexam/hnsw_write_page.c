/*-------------------------------------------------------------------------
 *
 * hnsw_write_page.c
 *	  Changing index pages: each function is one WAL record per page group.
 *
 * Outside builds every change is a generic WAL record of at most four pages.
 * A build writes plain buffers and logs the whole index at its end. Locks:
 * the meta page first, then blocks in ascending order, never more than one
 * record's; nobody waits for a heavyweight lock while holding one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

void
rvi_hnsw_writer_init(RvHnswWriter *writer, Relation rel, const RvHnswIndex *index, bool unlogged)
{
	memset(writer, 0, sizeof(*writer));
	writer->rel = rel;
	writer->index = index;
	writer->unlogged = unlogged;
}

/* ---- one record ---- */

static void
write_init_page(Page page, RvHnswPageKind kind, uint32 index_magic, Size used)
{
	RvHnswOpaqueData *opaque;

	PageInit(page, BLCKSZ, sizeof(RvHnswOpaqueData));
	opaque = (RvHnswOpaqueData *) PageGetSpecialPointer(page);
	opaque->magic = index_magic;
	opaque->kind = kind;
	opaque->version = RV_HNSW_VERSION;

	/* generic WAL drops what is between pd_lower and pd_upper */
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + used;
}

void
rvi_hnsw_write_start(RvHnswWriter *writer)
{
	rvi_am_record_start(&writer->record, writer->rel, writer->unlogged);
}

Page
rvi_hnsw_write_page(RvHnswWriter *writer, BlockNumber block, RvHnswPageKind kind)
{
	Buffer		buffer = ReadBuffer(writer->rel, block);
	Page		page = BufferGetPage(buffer);
	bool		is_new;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	is_new = PageIsNew(page);
	if (!is_new)
		rvi_hnsw_check_page(writer->rel, writer->index, block, page, kind);
	page = rvi_am_record_page(&writer->record, buffer, is_new);
	if (is_new)
		write_init_page(page, kind, writer->index->magic,
						rvi_hnsw_array_bytes(&writer->index->geo, kind));
	return page;
}

void
rvi_hnsw_write_finish(RvHnswWriter *writer)
{
	rvi_am_record_finish(&writer->record);
}

/* Nothing of the record happens. In a build the caller must not have changed a page yet. */
void
rvi_hnsw_write_abandon(RvHnswWriter *writer)
{
	/* in a build, a zero page may have been initialised in place: that much stays */
	if (writer->unlogged)
		rvi_am_record_finish(&writer->record);
	else
		rvi_am_record_abandon(&writer->record);
}

RvHnswMetaPage
rvi_hnsw_write_meta(RvHnswWriter *writer)
{
	return (RvHnswMetaPage) PageGetContents(rvi_hnsw_write_page(writer, RV_HNSW_META_BLOCK,
																RV_HNSW_PAGE_META));
}

/* ---- the relation ---- */

/* Makes the block exist; new blocks are zero and need no WAL. Caller holds no buffer lock. */
void
rvi_hnsw_extend(Relation rel, BlockNumber block)
{
	if (block == InvalidBlockNumber)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot grow any further", RelationGetRelationName(rel))));
	if (block < RelationGetNumberOfBlocks(rel))
		return;
	LockRelationForExtension(rel, ExclusiveLock);
	while (RelationGetNumberOfBlocks(rel) <= block)
	{
		CHECK_FOR_INTERRUPTS();
		ReleaseBuffer(ReadBuffer(rel, P_NEW));
	}
	UnlockRelationForExtension(rel, ExclusiveLock);
}

/* Appends an initialised page with the given content; logged if it is an init fork's. */
static void
write_append_page(Relation rel, int forknum, RvHnswPageKind kind, uint32 index_magic,
				  const void *content, Size size)
{
	Buffer		buffer = ReadBufferExtended(rel, (ForkNumber) forknum, P_NEW, RBM_NORMAL, NULL);
	Page		page = BufferGetPage(buffer);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	START_CRIT_SECTION();
	write_init_page(page, kind, index_magic, size);
	memcpy(PageGetContents(page), content, size);
	MarkBufferDirty(buffer);
	if (forknum == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
rvi_hnsw_create_meta(Relation rel, int forknum, const RvHnswMetaPageData *meta, const float *mean)
{
	uint32		per_page = RV_HNSW_PAGE_ROOM / sizeof(float);
	uint32		i;

	write_append_page(rel, forknum, RV_HNSW_PAGE_META, meta->index_magic, meta, sizeof(*meta));
	for (i = 0; i < meta->mean_pages; i++)
		write_append_page(rel, forknum, RV_HNSW_PAGE_MEAN, meta->index_magic, mean + i * per_page,
						  Min(per_page, meta->dim - i * per_page) * sizeof(float));
}

void
rvi_hnsw_log_all(Relation rel)
{
	if (RelationNeedsWAL(rel))
		log_newpage_range(rel, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(rel), true);
}

/* ---- new nodes ---- */

/* Takes the first free slot or, if there is none, the nid after the last. */
static RveNode
write_take_nid(RvHnswWriter *writer, RvHnswMetaPage meta, RvHnswSlot *slot)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	RveNode		nid = meta->free_head != RVE_NODE_NONE ? meta->free_head : meta->next_nid;
	RvHnswPlace place = rvi_hnsw_slot_place(geo, nid);

	if (place.block >= RelationGetNumberOfBlocks(writer->rel))
		rvi_am_corrupted(writer->rel, RV_HNSW_META_BLOCK,
						 "HNSW-8: the chain of free slots leads out of the index.");
	*slot = rvi_hnsw_page_slot(geo, rvi_hnsw_write_page(writer, place.block, RV_HNSW_PAGE_GRAPH),
							   place.slot);
	if (meta->free_head == RVE_NODE_NONE)
	{
		if ((*slot)->state != RV_HNSW_EMPTY)
			rvi_am_corrupted(writer->rel, place.block, "HNSW-11: the slot at next_nid is used.");
		meta->next_nid = nid + 1;
		return nid;
	}
	if ((*slot)->state != RV_HNSW_FREE || (*slot)->nid != nid || meta->free_count == 0)
		rvi_am_corrupted(writer->rel, place.block,
						 "HNSW-8: the chain of free slots leads to a slot that is not free.");
	meta->free_head = (*slot)->link;
	meta->free_count--;
	return nid;
}

RveNode
rvi_hnsw_reserve(RvHnswWriter *writer, uint16 *seq)
{
	TransactionId xid = GetTopTransactionId();
	RvHnswMetaPageData seen;
	RvHnswMetaPage meta;
	RvHnswSlot	slot;
	RveNode		nid;
	uint16		old_seq;

	for (;;)
	{
		/* extend before locking: the extension lock is a heavyweight one */
		rvi_hnsw_read_meta(writer->rel, &seen);
		/* a damaged next_nid must not extend the index to wherever it leads */
		if (seen.next_nid > 0 &&
			rvi_hnsw_slot_place(&writer->index->geo, seen.next_nid - 1).block >=
			RelationGetNumberOfBlocks(writer->rel))
			rvi_am_corrupted(writer->rel, RV_HNSW_META_BLOCK,
							 "HNSW-3: next_nid is more than the index has room for.");
		if (seen.next_nid >= RVE_HNSW_MAX_NODES && seen.free_head == RVE_NODE_NONE)
			rvi_hnsw_extend(writer->rel, InvalidBlockNumber);
		if (seen.free_head == RVE_NODE_NONE)
			rvi_hnsw_extend(writer->rel,
							rvi_hnsw_slot_place(&writer->index->geo, seen.next_nid).block);
		rvi_hnsw_write_start(writer);
		meta = rvi_hnsw_write_meta(writer);
		if (meta->free_head != RVE_NODE_NONE ||
			rvi_hnsw_slot_place(&writer->index->geo, meta->next_nid).block <
			RelationGetNumberOfBlocks(writer->rel))
			break;
		rvi_hnsw_write_abandon(writer);
	}
	nid = write_take_nid(writer, meta, &slot);
	old_seq = slot->seq;
	memset(slot, 0, writer->index->geo.slot_bytes);
	slot->nid = nid;
	slot->seq = *seq = old_seq + 1;
	slot->state = RV_HNSW_RESERVED;
	ItemPointerSetInvalid(&slot->tid);
	slot->magic = writer->index->magic;
	slot->link = RVE_NODE_NONE;
	slot->dup_next = xid;
	rvi_hnsw_write_finish(writer);
	return nid;
}

void
rvi_hnsw_write_vector(RvHnswWriter *writer, RveNode nid, uint16 seq, const uint8 *payload)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	RvHnswPlace place = rvi_hnsw_vector_place(geo, nid);
	uint32		part;

	if (geo->payload_bytes == 0)
		return;
	rvi_hnsw_extend(writer->rel, place.block == InvalidBlockNumber ? place.block :
					place.block + geo->pages_per_vector - 1);
	for (part = 0; part < geo->pages_per_vector; part++)
	{
		uint32		first = part * geo->part_bytes;
		RvHnswVectorSlot slot;

		rvi_hnsw_write_start(writer);
		slot = rvi_hnsw_page_vector(geo, rvi_hnsw_write_page(writer, place.block + part,
															 RV_HNSW_PAGE_VECTOR), place.slot);
		slot->nid = nid;
		slot->seq = seq;
		slot->part = part;
		memcpy(slot->payload, payload + first, Min(geo->part_bytes, geo->payload_bytes - first));
		rvi_hnsw_write_finish(writer);
	}
}

/* Claims unused upper slots for levels 1 .. level on a locked page; false: not enough room. */
static bool
write_claim_uppers(const RvHnswGeometry *geo, Page page, RveNode nid, uint16 seq, int level)
{
	int			claimed = 0;
	int			room = 0;
	uint32		i;

	for (i = 0; i < geo->uppers_per_page; i++)
		room += rvi_hnsw_page_upper(geo, page, i)->level == 0;
	if (room < level)
		return false;
	for (i = 0; claimed < level; i++)
	{
		RvHnswUpper upper = rvi_hnsw_page_upper(geo, page, i);

		if (upper->level != 0)
			continue;
		memset(upper, 0, geo->upper_bytes);
		upper->nid = nid;
		upper->seq = seq;
		upper->level = ++claimed;
	}
	return true;
}

BlockNumber
rvi_hnsw_reserve_upper(RvHnswWriter *writer, RveNode nid, uint16 seq, int *level)
{
	uint32		count;
	BlockNumber first = rvi_hnsw_upper_blocks(&writer->index->geo, nid, &count);
	uint32		i;

	rvi_hnsw_extend(writer->rel, first == InvalidBlockNumber ? first : first + count - 1);
	for (; *level > 0; (*level)--)
	{
		for (i = 0; i < count; i++)
		{
			Page		page;

			rvi_hnsw_write_start(writer);
			page = rvi_hnsw_write_page(writer, first + i, RV_HNSW_PAGE_UPPER);
			if (write_claim_uppers(&writer->index->geo, page, nid, seq, *level))
			{
				rvi_hnsw_write_finish(writer);
				return first + i;
			}
			rvi_hnsw_write_abandon(writer);
		}
	}
	return InvalidBlockNumber;
}

void
rvi_hnsw_write_upper(RvHnswWriter *writer, BlockNumber block, const RvHnswEdgeChange *lists, int n)
{
	Page		page;
	int			i;

	rvi_hnsw_write_start(writer);
	page = rvi_hnsw_write_page(writer, block, RV_HNSW_PAGE_UPPER);
	for (i = 0; i < n; i++)
	{
		RvHnswUpper upper = rvi_hnsw_find_upper(&writer->index->geo, page, lists[i].nid,
												lists[i].level);

		if (upper == NULL)
			rvi_am_corrupted(writer->rel, block, "HNSW-6: a node's upper list is missing.");
		upper->count = lists[i].new_count;
		if (lists[i].new_count > 0)
			memcpy(upper->edges, lists[i].new_edges, lists[i].new_count * sizeof(uint32));
	}
	rvi_hnsw_write_finish(writer);
}

/* Fills a reserved slot (or rewrites one that no reader knows yet). */
static void
write_fill_slot(const RvHnswWriter *writer, RvHnswSlot slot, const RvHnswNodeImage *image)
{
	const RvHnswGeometry *geo = &writer->index->geo;

	memset(slot, 0, geo->slot_bytes);
	slot->nid = image->nid;
	slot->seq = image->seq;
	slot->level = image->level;
	slot->state = image->state;
	slot->tid = image->tid;
	slot->degree = image->degree;
	slot->factors = image->factors;
	slot->magic = writer->index->magic;
	slot->link = image->link;
	slot->dup_next = image->dup_next;
	if (image->filters != NULL)
		memcpy(slot->filters, image->filters, geo->filter_words * sizeof(uint32));
	if (image->degree > 0)
		memcpy(rvi_hnsw_slot_edges(geo, slot), image->edges, image->degree * sizeof(uint32));
	memcpy(rvi_hnsw_slot_code(geo, slot), image->code, geo->code_bytes);
}

void
rvi_hnsw_write_node(RvHnswWriter *writer, const RvHnswNodeImage *image)
{
	RvHnswPlace place = rvi_hnsw_slot_place(&writer->index->geo, image->nid);

	/* an insert has reserved the slot, a build comes here first */
	if (writer->unlogged)
		rvi_hnsw_extend(writer->rel, place.block);
	rvi_hnsw_write_start(writer);
	write_fill_slot(writer,
					rvi_hnsw_page_slot(&writer->index->geo,
									   rvi_hnsw_write_page(writer, place.block,
														   RV_HNSW_PAGE_GRAPH), place.slot),
					image);
	rvi_hnsw_write_finish(writer);
}

/* ---- edges ---- */

/* Finds the list that a change is about and whether it is as the change assumes. */
static bool
write_change_list(const RvHnswGeometry *geo, Page page, RvHnswEdgeChange *change)
{
	uint32	   *edges;
	uint8	   *count;

	if (change->level == 0)
	{
		RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, change->nid % geo->slots_per_page);

		if (slot->nid != change->nid || slot->seq != change->seq || slot->state != RV_HNSW_LIVE)
			return false;
		edges = rvi_hnsw_slot_edges(geo, slot);
		count = &slot->degree;
	}
	else
	{
		RvHnswUpper upper = rvi_hnsw_find_upper(geo, page, change->nid, change->level);

		if (upper == NULL || upper->seq != change->seq)
			return false;
		edges = upper->edges;
		count = &upper->count;
	}
	if (*count != change->old_count ||
		(*count > 0 && memcmp(edges, change->old_edges, *count * sizeof(uint32)) != 0))
		return false;
	memset(edges, 0, rve_hnsw_max_degree(geo->m, change->level) * sizeof(uint32));
	if (change->new_count > 0)
		memcpy(edges, change->new_edges, change->new_count * sizeof(uint32));
	*count = change->new_count;
	return true;
}

void
rvi_hnsw_change_edges(RvHnswWriter *writer, RvHnswEdgeChange *changes, int n)
{
	bool		any = false;
	Page		page;
	int			i;

	rvi_hnsw_write_start(writer);
	page = rvi_hnsw_write_page(writer, changes[0].block, changes[0].level == 0 ?
							   RV_HNSW_PAGE_GRAPH : RV_HNSW_PAGE_UPPER);
	for (i = 0; i < n; i++)
	{
		changes[i].applied = write_change_list(&writer->index->geo, page, &changes[i]);
		any |= changes[i].applied;
	}
	if (any)
		rvi_hnsw_write_finish(writer);
	else
		rvi_hnsw_write_abandon(writer);
}

bool
rvi_hnsw_push_duplicate(RvHnswWriter *writer, RveNode primary, uint16 primary_seq,
						RvHnswNodeImage *image)
{
	const RvHnswGeometry *geo = &writer->index->geo;
	RvHnswPlace first = rvi_hnsw_slot_place(geo, primary);
	RvHnswPlace own = rvi_hnsw_slot_place(geo, image->nid);
	RvHnswSlot	primary_slot;
	RvHnswSlot	own_slot;
	Page		low;
	Page		high;

	rvi_hnsw_write_start(writer);
	low = rvi_hnsw_write_page(writer, Min(first.block, own.block), RV_HNSW_PAGE_GRAPH);
	high = first.block == own.block ? low :
		rvi_hnsw_write_page(writer, Max(first.block, own.block), RV_HNSW_PAGE_GRAPH);
	primary_slot = rvi_hnsw_page_slot(geo, first.block <= own.block ? low : high, first.slot);
	own_slot = rvi_hnsw_page_slot(geo, own.block <= first.block ? low : high, own.slot);
	if (primary_slot->nid != primary || primary_slot->seq != primary_seq ||
		primary_slot->state != RV_HNSW_LIVE)
	{
		rvi_hnsw_write_abandon(writer);
		return false;
	}
	image->state = RV_HNSW_DUPLICATE;
	image->level = 0;
	image->degree = 0;
	image->link = primary;
	image->dup_next = primary_slot->dup_next;
	write_fill_slot(writer, own_slot, image);
	primary_slot->dup_next = image->nid;
	rvi_hnsw_write_finish(writer);
	return true;
}

/* ---- the meta page ---- */

void
rvi_hnsw_offer_entry(RvHnswWriter *writer, RveNode nid, int level)
{
	RvHnswMetaPage meta;

	rvi_hnsw_write_start(writer);
	meta = rvi_hnsw_write_meta(writer);
	if (meta->entry != RVE_NODE_NONE && meta->entry_level >= level)
	{
		rvi_hnsw_write_abandon(writer);
		return;
	}
	meta->entry = nid;
	meta->entry_level = level;
	rvi_hnsw_write_finish(writer);
}

bool
rvi_hnsw_replace_entry(RvHnswWriter *writer, RveNode old, RveNode entry, int level)
{
	RvHnswMetaPage meta;

	rvi_hnsw_write_start(writer);
	meta = rvi_hnsw_write_meta(writer);
	if (meta->entry != old)
	{
		rvi_hnsw_write_abandon(writer);
		return false;
	}
	meta->entry = entry;
	meta->entry_level = level;
	rvi_hnsw_write_finish(writer);
	return true;
}

void
rvi_hnsw_set_reconnect(RvHnswWriter *writer, bool reconnect)
{
	rvi_hnsw_write_start(writer);
	rvi_hnsw_write_meta(writer)->reconnect = reconnect;
	rvi_hnsw_write_finish(writer);
}

void
rvi_hnsw_set_stop_ratio(RvHnswWriter *writer, const float *ratio)
{
	rvi_hnsw_write_start(writer);
	memcpy(rvi_hnsw_write_meta(writer)->stop_ratio, ratio, RV_HNSW_STOP_STEPS * sizeof(float));
	rvi_hnsw_write_finish(writer);
}

void
rvi_hnsw_set_meta(RvHnswWriter *writer, RveNode entry, int entry_level, RveNode next_nid)
{
	RvHnswMetaPage meta;

	rvi_hnsw_write_start(writer);
	meta = rvi_hnsw_write_meta(writer);
	meta->entry = entry;
	meta->entry_level = entry_level;
	meta->next_nid = next_nid;
	rvi_hnsw_write_finish(writer);
}
