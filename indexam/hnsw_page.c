/*-------------------------------------------------------------------------
 *
 * hnsw_page.c
 *	  Reading index pages, and opening indexes.
 *
 * Readers take a share lock on one page at a time and copy what they need.
 * A block that does not exist yet, or is all zero, is a page without slots:
 * the relation grows by arithmetic and pages are initialised by their first
 * writer. Everything read from a page is bounds-checked before it is used
 * as a number of something (HNSW-1).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define PAGE_CACHE_LIMIT 64

/* by RveCodeKind */
static const uint32 page_max_dim[] = {
	0, RV_VECTOR_MAX_DIM, RV_VECTOR_MAX_DIM, RV_BIT_MAX_INDEXED_DIM, RV_SPARSEVEC_MAX_DIM
};

/* ---- pages ---- */

/* The special space, if the page has one of ours; else NULL. */
static RvHnswOpaqueData *
page_opaque(Page page)
{
	if (((PageHeader) page)->pd_special != BLCKSZ - sizeof(RvHnswOpaqueData))
		return NULL;
	return (RvHnswOpaqueData *) PageGetSpecialPointer(page);
}

const char *
rvi_hnsw_page_problem(const RvHnswIndex *index, Page page, RvHnswPageKind kind)
{
	RvHnswOpaqueData *opaque = page_opaque(page);

	if (opaque == NULL)
		return "HNSW-1: the page has no special space of this access method.";
	if (opaque->magic != index->magic || opaque->kind != kind)
		return "HNSW-1: the page is not of the kind its place demands.";
	return NULL;
}

void
rvi_hnsw_check_page(Relation rel, const RvHnswIndex *index, BlockNumber block, Page page,
					RvHnswPageKind kind)
{
	const char *problem = rvi_hnsw_page_problem(index, page, kind);

	if (problem != NULL)
		rvi_am_corrupted(rel, block, problem);
}

void
rvi_hnsw_reader_init(RvHnswReader *reader, Relation rel, RvHnswIndex *index)
{
	memset(reader, 0, sizeof(*reader));
	reader->rel = rel;
	reader->index = index;
}

/* Whether the block is there; looks at the file only beyond what it knows of it. */
static inline bool
page_exists(RvHnswReader *reader, BlockNumber block)
{
	if (likely(block < reader->blocks))
		return true;
	if (block == InvalidBlockNumber)
		return false;
	reader->blocks = RelationGetNumberOfBlocks(reader->rel);
	return block < reader->blocks;
}

Buffer
rvi_hnsw_pin_slot(RvHnswReader *reader, RvHnswPlace place)
{
	Buffer		buffer;
	const char *slot;

	if (!page_exists(reader, place.block))
		return InvalidBuffer;
	buffer = ReadBuffer(reader->rel, place.block);
	slot = (const char *) rvi_hnsw_page_slot(&reader->index->geo, BufferGetPage(buffer),
											 place.slot);
	rvi_hnsw_prefetch_slot(&reader->index->geo, slot);
	if (reader->peek)
		rvi_hnsw_peek_remember(reader, place.block, buffer);
	return buffer;
}

RvHnswSlot
rvi_hnsw_lock_slot(RvHnswReader *reader, Buffer buffer, RvHnswPlace place, RveNode nid)
{
	Page		page = BufferGetPage(buffer);
	RvHnswSlot	slot;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	slot = rvi_hnsw_page_slot(&reader->index->geo, page, place.slot);
	if (likely(slot->nid == nid && slot->magic == reader->index->magic))
		return slot;
	if (!PageIsNew(page))
		rvi_hnsw_check_page(reader->rel, reader->index, place.block, page, RV_HNSW_PAGE_GRAPH);
	return NULL;
}

bool
rvi_hnsw_lock_page(RvHnswReader *reader, BlockNumber block, RvHnswPageKind kind, Buffer *buffer,
				   Page *page)
{
	if (!page_exists(reader, block))
		return false;
	*buffer = ReleaseAndReadBuffer(*buffer, reader->rel, block);
	LockBuffer(*buffer, BUFFER_LOCK_SHARE);
	*page = BufferGetPage(*buffer);
	if (PageIsNew(*page))
	{
		LockBuffer(*buffer, BUFFER_LOCK_UNLOCK);
		return false;
	}
	rvi_hnsw_check_page(reader->rel, reader->index, block, *page, kind);
	return true;
}

/* ---- slots ---- */

void
rvi_hnsw_check_slot(const RvHnswReader *reader, RvHnswSlot slot, BlockNumber block)
{
	const RvHnswGeometry *geo = &reader->index->geo;

	if (slot->magic != reader->index->magic || slot->degree > 2 * geo->m ||
		slot->level > RVE_HNSW_MAX_LEVEL || slot->state > RV_HNSW_DOOMED_DUPLICATE)
		rvi_am_corrupted(reader->rel, block, "HNSW-2: a graph slot holds values no insert writes.");
}

RvHnswSlot
rvi_hnsw_page_node(const RvHnswReader *reader, Page page, uint32 slot_number, RveNode nid)
{
	RvHnswSlot	slot = rvi_hnsw_page_slot(&reader->index->geo, page, slot_number);

	if (slot->nid != nid || (slot->state != RV_HNSW_LIVE && slot->state != RV_HNSW_DOOMED))
		return NULL;
	return slot;
}

RvHnswUpper
rvi_hnsw_find_upper(const RvHnswGeometry *geo, Page page, RveNode nid, int level)
{
	uint32		i;

	for (i = 0; i < geo->uppers_per_page; i++)
	{
		RvHnswUpper upper = rvi_hnsw_page_upper(geo, page, i);

		if (upper->nid == nid && upper->level == level && level > 0)
			return upper->count <= geo->m ? upper : NULL;
	}
	return NULL;
}

/* Copies a slot's fixed part and, where they are not NULL, code and filter words. */
bool
rvi_hnsw_read_row(RvHnswReader *reader, RveNode nid, RvHnswSlotData *copy, uint8 *code,
				  uint32 *filters)
{
	RvHnswPlace place = rvi_hnsw_slot_place(&reader->index->geo, nid);
	Buffer		buffer = InvalidBuffer;
	Page		page;
	bool		found = false;

	if (rvi_hnsw_lock_page(reader, place.block, RV_HNSW_PAGE_GRAPH, &buffer, &page))
	{
		RvHnswSlot	slot = rvi_hnsw_page_slot(&reader->index->geo, page, place.slot);

		if (slot->state != RV_HNSW_EMPTY && slot->nid == nid)
		{
			rvi_hnsw_check_slot(reader, slot, place.block);
			memcpy(copy, slot, offsetof(RvHnswSlotData, filters));
			if (code != NULL)
				memcpy(code, rvi_hnsw_slot_code(&reader->index->geo, slot),
					   reader->index->geo.code_bytes);
			if (filters != NULL)
				memcpy(filters, slot->filters,
					   reader->index->geo.filter_words * sizeof(uint32));
			found = true;
		}
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
	return found;
}

bool
rvi_hnsw_read_code(RvHnswReader *reader, RveNode nid, RvHnswSlotData *copy, uint8 *code)
{
	return rvi_hnsw_read_row(reader, nid, copy, code, NULL);
}

bool
rvi_hnsw_read_slot(RvHnswReader *reader, RveNode nid, RvHnswSlotData *copy)
{
	return rvi_hnsw_read_row(reader, nid, copy, NULL, NULL);
}

int
rvi_hnsw_read_list(RvHnswReader *reader, BlockNumber block, RveNode nid, int level, RveNode *edges)
{
	const RvHnswGeometry *geo = &reader->index->geo;
	Buffer		buffer = InvalidBuffer;
	Page		page;
	int			count = -1;

	if (!rvi_hnsw_lock_page(reader, block, level == 0 ? RV_HNSW_PAGE_GRAPH : RV_HNSW_PAGE_UPPER,
							&buffer, &page))
	{
		rvi_am_release(buffer);
		return -1;
	}
	if (level == 0)
	{
		RvHnswSlot	slot = rvi_hnsw_page_node(reader, page, nid % geo->slots_per_page, nid);

		if (slot != NULL)
		{
			rvi_hnsw_check_slot(reader, slot, block);
			count = slot->degree;
			memcpy(edges, rvi_hnsw_slot_edges(geo, slot), count * sizeof(RveNode));
		}
	}
	else
	{
		RvHnswUpper upper = rvi_hnsw_find_upper(geo, page, nid, level);

		if (upper != NULL)
		{
			count = upper->count;
			memcpy(edges, upper->edges, count * sizeof(RveNode));
		}
	}
	rvi_am_unlock_page(buffer);
	rvi_am_release(buffer);
	return count;
}

bool
rvi_hnsw_read_vector(RvHnswReader *reader, RveNode nid, uint16 *seq, uint8 *out)
{
	const RvHnswGeometry *geo = &reader->index->geo;
	RvHnswPlace place = rvi_hnsw_vector_place(geo, nid);
	Buffer		buffer = InvalidBuffer;
	Page		page;
	uint32		part;
	bool		found = true;

	for (part = 0; part < geo->pages_per_vector && found; part++)
	{
		uint32		first = part * geo->part_bytes;

		found = rvi_hnsw_lock_page(reader, place.block + part, RV_HNSW_PAGE_VECTOR, &buffer, &page);
		if (found)
		{
			RvHnswVectorSlot slot = rvi_hnsw_page_vector(geo, page, place.slot);

			found = slot->nid == nid && slot->part == part && (part == 0 || slot->seq == *seq);
			*seq = slot->seq;
			if (found)
				memcpy(out + first, slot->payload, Min(geo->part_bytes, geo->payload_bytes - first));
			rvi_am_unlock_page(buffer);
		}
	}
	rvi_am_release(buffer);
	return found;
}

/* ---- meta page and open indexes ---- */

/* HNSW-3: values that sizes and loops depend on. */
static bool
page_meta_is_sound(const RvHnswMetaPageData *meta)
{
	RvHnswMetaPageData fit = *meta;

	if (meta->kind < RVE_CODE_RABITQ || meta->kind > RVE_CODE_SPARSE ||
		meta->dim < 1 || meta->dim > page_max_dim[meta->kind] ||
		meta->m < RVE_HNSW_MIN_M || meta->m > RVE_HNSW_MAX_M ||
		meta->ef_construction < 4 || meta->ef_construction > RVE_HNSW_MAX_EF ||
		meta->entry_level > RVE_HNSW_MAX_LEVEL || meta->filter_words > RV_HNSW_MAX_FILTERS)
		return false;
	if (meta->kind == RVE_CODE_RABITQ && meta->bits != 4 && meta->bits != 8)
		return false;
	if (meta->kind == RVE_CODE_SPARSE && (meta->capacity < 1 || meta->capacity > RV_SPARSEVEC_MAX_INDEXED_NNZ))
		return false;
	rvi_hnsw_fit_code(&fit);
	return fit.coded_dim == meta->coded_dim && fit.capacity == meta->capacity &&
		fit.mean_pages == meta->mean_pages;
}

void
rvi_hnsw_read_meta(Relation rel, RvHnswMetaPageData *meta)
{
	Buffer		buffer = ReadBuffer(rel, RV_HNSW_META_BLOCK);
	Page		page = BufferGetPage(buffer);
	RvHnswOpaqueData *opaque;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	opaque = page_opaque(page);
	memcpy(meta, PageGetContents(page), sizeof(*meta));
	if (opaque == NULL || meta->magic != RV_HNSW_MAGIC || opaque->kind != RV_HNSW_PAGE_META ||
		opaque->magic != meta->index_magic)
		rvi_am_corrupted(rel, RV_HNSW_META_BLOCK, "HNSW-1: this is not an hnsw meta page.");
	UnlockReleaseBuffer(buffer);
	if (meta->version != RV_HNSW_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has hnsw format version %u, this library reads version %d",
						RelationGetRelationName(rel), meta->version, RV_HNSW_VERSION),
				 errhint("REINDEX the index.")));
	if (!page_meta_is_sound(meta))
		rvi_am_corrupted(rel, RV_HNSW_META_BLOCK, "HNSW-3: the meta page holds values out of range.");
}

static float *
page_read_mean(Relation rel, RvHnswIndex *index)
{
	RvHnswReader reader;
	float	   *mean = palloc(index->geo.mean_pages > 0 ? index->geo.dim * sizeof(float) : 1);
	uint32		per_page = RV_HNSW_PAGE_ROOM / sizeof(float);
	uint32		i;

	rvi_hnsw_reader_init(&reader, rel, index);
	for (i = 0; i < index->geo.mean_pages; i++)
	{
		uint32		first = i * per_page;
		Buffer		buffer = InvalidBuffer;
		Page		page;

		if (!rvi_hnsw_lock_page(&reader, RV_HNSW_MEAN_BLOCK + i, RV_HNSW_PAGE_MEAN, &buffer, &page))
			rvi_am_corrupted(rel, RV_HNSW_MEAN_BLOCK + i, "HNSW-3: a page of the mean is missing.");
		memcpy(mean + first, PageGetContents(page),
			   Min(per_page, index->geo.dim - first) * sizeof(float));
		rvi_am_unlock_page(buffer);
		rvi_am_release(buffer);
	}
	return mean;
}

/* The index's filter columns, which must be those it was built with. */
static void
page_check_filters(Relation rel, const RvHnswMetaPageData *meta, RvHnswFilterColumns *columns)
{
	uint8		kinds[RV_HNSW_MAX_FILTERS];

	rvi_hnsw_filter_columns(rel, columns);
	rvi_hnsw_filter_kinds(columns, kinds);
	if (columns->words != meta->filter_words ||
		memcmp(kinds, meta->filters, sizeof(kinds)) != 0)
		rvi_am_corrupted(rel, RV_HNSW_META_BLOCK,
						 "HNSW-3: the index was built with other filter columns.");
}

/* Reads what does not change in the life of an index. */
static RvAmCached *
page_load_index(Relation rel, void *arg)
{
	const RvHnswMetaPageData *meta = arg;
	RvHnswIndex *index = palloc0(sizeof(RvHnswIndex));
	RveCodecParams params;
	RveStatus	status;
	float	   *mean;

	index->cached.version = meta->index_magic;
	index->magic = meta->index_magic;
	rvi_am_lookup(rel, &index->type, &index->metric);
	if (index->metric != (RveMetric) meta->metric)
		rvi_am_corrupted(rel, RV_HNSW_META_BLOCK,
						 "HNSW-3: the index was built for another distance.");
	page_check_filters(rel, meta, &index->filters);
	rvi_hnsw_geometry_init(&index->geo, meta);
	index->raw_payload = rvi_hnsw_payload_is_raw(meta);
	memcpy(index->stop_ratio, meta->stop_ratio, sizeof(index->stop_ratio));
	rvi_hnsw_codec_params(meta, &params);
	mean = page_read_mean(rel, index);
	params.mean = index->geo.mean_pages > 0 ? mean : NULL;
	status = rve_quant_codec_create(&params, &index->codec);
	if (status == RVE_INVALID_ARGUMENT)
		rvi_am_corrupted(rel, RV_HNSW_META_BLOCK,
						 "HNSW-3: the meta page or the mean holds values that no codec takes.");
	rv_runtime_check_status(status, "hnsw codec");
	pfree(mean);
	return &index->cached;
}

RvHnswIndex *
rvi_hnsw_open(Relation rel, RvHnswMetaPageData *meta)
{
	static RvAmCache cache = {"hnsw indexes", "hnsw index", PAGE_CACHE_LIMIT, page_load_index};

	rvi_hnsw_read_meta(rel, meta);
	return (RvHnswIndex *) rvi_am_cache_open(&cache, rel, meta->index_magic, meta);
}
