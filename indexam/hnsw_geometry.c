/*-------------------------------------------------------------------------
 *
 * hnsw_geometry.c
 *	  Where a node's slots are: nid -> block and slot by arithmetic alone.
 *
 * The relation is: meta page, mean pages, segments. A segment is G graph
 * pages, then U upper, V vector and F filter pages for the nodes of its graph
 * pages. The first segments have 1, 1, 2, 4, ... 64 graph pages, so that a
 * small index stays small; all further ones have 64. No map is stored, and
 * no page is needed to find another. Pure functions; no locks, no I/O.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

/* Graph pages of the growing segments together. */
#define GEO_GROWING_PAGES (2 * RV_HNSW_SEGMENT_PAGES)

/* Upper lists expected per node are 1/(m - 1); a quarter more is kept. */
#define GEO_UPPER_SLACK_PERCENT 125

/* Codes of fewer coordinates than the vector has come in such steps. */
#define GEO_CODED_UNIT 128

/* What a page leaves for a code beside the slot's fixed part and its edges. */
static Size
geo_code_room(const RvHnswMetaPageData *meta)
{
	return RV_HNSW_PAGE_ROOM - offsetof(RvHnswSlotData, filters) -
		sizeof(uint32) * (meta->filter_words + 2 * meta->m);
}

void
rvi_hnsw_codec_params(const RvHnswMetaPageData *meta, RveCodecParams *params)
{
	memset(params, 0, sizeof(*params));
	params->kind = meta->kind;
	params->metric = meta->metric;
	params->dim = meta->dim;
	params->bits = meta->bits;
	params->coded_dim = meta->coded_dim;
	params->capacity = meta->capacity;
	params->seed = meta->seed;
	params->low = meta->low;
	params->high = meta->high;
}

/*
 * A vector too long for a slot is coded by as many of its (rotated)
 * coordinates as there is room for; the rest counts when rows are measured.
 */
void
rvi_hnsw_fit_code(RvHnswMetaPageData *meta)
{
	RveCodecParams params;
	Size		room = geo_code_room(meta);

	meta->coded_dim = 0;
	rvi_hnsw_codec_params(meta, &params);
	if (meta->kind == RVE_CODE_SPARSE)
	{
		while (meta->capacity > 1 && rve_quant_code_bytes_for(&params) > room)
			params.capacity = --meta->capacity;
	}
	else if (rve_quant_code_bytes_for(&params) > room)
	{
		params.coded_dim = meta->dim;
		do
		{
			params.coded_dim = (params.coded_dim - 1) / GEO_CODED_UNIT * GEO_CODED_UNIT;
		} while (params.coded_dim > GEO_CODED_UNIT && rve_quant_code_bytes_for(&params) > room);
		meta->coded_dim = params.coded_dim;
	}
	meta->mean_pages = meta->kind != RVE_CODE_RABITQ ? 0 :
		(meta->dim * sizeof(float) + RV_HNSW_PAGE_ROOM - 1) / RV_HNSW_PAGE_ROOM;
}

bool
rvi_hnsw_payload_is_raw(const RvHnswMetaPageData *meta)
{
	return meta->kind == RVE_CODE_L1 || (meta->kind == RVE_CODE_BITS && meta->coded_dim != 0);
}

static Size
geo_payload_bytes(const RvHnswMetaPageData *meta, const RveCodecParams *params)
{
	if (!rvi_hnsw_payload_is_raw(meta))
		return rve_quant_residual_bytes_for(params);
	return meta->kind == RVE_CODE_BITS ? (meta->dim + 7) / 8 : meta->dim * sizeof(float);
}

static void
geo_segment_init(const RvHnswGeometry *geo, RvHnswSegment *segment, uint64 first_block,
				 uint32 graph_pages)
{
	uint64		nodes = (uint64) graph_pages * geo->slots_per_page;
	uint64		uppers = nodes * GEO_UPPER_SLACK_PERCENT / 100 / (geo->m - 1);

	segment->first_block = first_block;
	segment->graph_pages = graph_pages;
	segment->upper_pages = uppers / geo->uppers_per_page + 1;
	segment->vector_pages = geo->payload_bytes == 0 ? 0 :
		(nodes + geo->vectors_per_page - 1) / geo->vectors_per_page * geo->pages_per_vector;
	segment->filter_pages = geo->filter_words == 0 ? 0 :
		(nodes + geo->filters_per_page - 1) / geo->filters_per_page;
}

static uint64
geo_segment_blocks(const RvHnswSegment *segment)
{
	return (uint64) segment->graph_pages + segment->upper_pages + segment->vector_pages +
		segment->filter_pages;
}

/* How payloads lie on vector pages. */
static void
geo_vector_init(RvHnswGeometry *geo)
{
	Size		room = RV_HNSW_PAGE_ROOM - offsetof(RvHnswVectorSlotData, payload);

	geo->part_bytes = Min(geo->payload_bytes, room);
	geo->pages_per_vector = 1;
	if (geo->payload_bytes > room)
		geo->pages_per_vector = (geo->payload_bytes + room - 1) / room;
	geo->vector_bytes = TYPEALIGN(sizeof(uint32),
								  offsetof(RvHnswVectorSlotData, payload) + geo->part_bytes);
	geo->vectors_per_page = RV_HNSW_PAGE_ROOM / geo->vector_bytes;
}

void
rvi_hnsw_geometry_init(RvHnswGeometry *geo, const RvHnswMetaPageData *meta)
{
	RveCodecParams params;
	uint64		block;
	int			i;

	rvi_hnsw_codec_params(meta, &params);
	memset(geo, 0, sizeof(*geo));
	geo->dim = meta->dim;
	geo->m = meta->m;
	geo->filter_words = meta->filter_words;
	geo->code_offset = offsetof(RvHnswSlotData, filters) + sizeof(uint32) * meta->filter_words;
	geo->code_bytes = rve_quant_code_bytes_for(&params);
	geo->edges_offset = TYPEALIGN(sizeof(uint32), geo->code_offset + geo->code_bytes);
	geo->slot_bytes = geo->edges_offset + sizeof(uint32) * 2 * meta->m;
	geo->slots_per_page = RV_HNSW_PAGE_ROOM / geo->slot_bytes;
	geo->upper_bytes = offsetof(RvHnswUpperData, edges) + sizeof(uint32) * meta->m;
	geo->uppers_per_page = RV_HNSW_PAGE_ROOM / geo->upper_bytes;
	geo->payload_bytes = geo_payload_bytes(meta, &params);
	geo_vector_init(geo);
	if (geo->filter_words > 0)
		geo->filters_per_page = RV_HNSW_PAGE_ROOM / (sizeof(uint32) * geo->filter_words);
	geo->mean_pages = meta->mean_pages;
	block = RV_HNSW_MEAN_BLOCK + geo->mean_pages;
	for (i = 0; i < RV_HNSW_SEGMENTS; i++)
	{
		geo_segment_init(geo, &geo->growing[i], block, i == 0 ? 1 : 1 << (i - 1));
		block += geo_segment_blocks(&geo->growing[i]);
	}
	geo_segment_init(geo, &geo->capped, block, RV_HNSW_SEGMENT_PAGES);
	geo->capped_blocks = geo_segment_blocks(&geo->capped);
}

/* The segment of the page-th graph page; *within = the page's number in it. */
static RvHnswSegment
geo_segment_of(const RvHnswGeometry *geo, uint32 page, uint32 *within)
{
	RvHnswSegment segment;
	if (page == 0)
	{
		*within = 0;
		return geo->growing[0];
	}
	if (page < GEO_GROWING_PAGES)
	{
		int			number = pg_leftmost_one_pos32(page) + 1;

		*within = page - (1 << (number - 1));
		return geo->growing[number];
	}
	segment = geo->capped;
	segment.first_block += (uint64) ((page - GEO_GROWING_PAGES) / RV_HNSW_SEGMENT_PAGES) *
		geo->capped_blocks;
	*within = (page - GEO_GROWING_PAGES) % RV_HNSW_SEGMENT_PAGES;
	return segment;
}

/* A block number beyond what a relation can have becomes one that never exists. */
static BlockNumber
geo_block(uint64 block)
{
	return block <= MaxBlockNumber ? (BlockNumber) block : InvalidBlockNumber;
}

RvHnswPlace
rvi_hnsw_slot_place(const RvHnswGeometry *geo, RveNode nid)
{
	uint32		page = nid / geo->slots_per_page;
	uint32		within;
	RvHnswPlace place;

	place.slot = nid - page * geo->slots_per_page;
	if (likely(page >= GEO_GROWING_PAGES))
	{
		/* what nearly every step of a search asks for */
		page -= GEO_GROWING_PAGES;
		place.block = geo_block(geo->capped.first_block +
								page / RV_HNSW_SEGMENT_PAGES * geo->capped_blocks +
								page % RV_HNSW_SEGMENT_PAGES);
		return place;
	}
	place.block = geo_block(geo_segment_of(geo, page, &within).first_block);
	place.block += within;
	return place;
}

RvHnswPlace
rvi_hnsw_vector_place(const RvHnswGeometry *geo, RveNode nid)
{
	uint32		within;
	RvHnswSegment segment = geo_segment_of(geo, nid / geo->slots_per_page, &within);
	uint64		number = (uint64) within * geo->slots_per_page + nid % geo->slots_per_page;
	RvHnswPlace place;

	place.block = geo_block(segment.first_block + segment.graph_pages + segment.upper_pages +
							number / geo->vectors_per_page * geo->pages_per_vector);
	place.slot = number % geo->vectors_per_page;
	return place;
}

RvHnswPlace
rvi_hnsw_filter_place(const RvHnswGeometry *geo, RveNode nid, uint32 *run)
{
	uint32		within;
	RvHnswSegment segment = geo_segment_of(geo, nid / geo->slots_per_page, &within);
	uint64		number = (uint64) within * geo->slots_per_page + nid % geo->slots_per_page;
	uint64		nodes = (uint64) segment.graph_pages * geo->slots_per_page;
	RvHnswPlace place;

	place.block = geo_block(segment.first_block + segment.graph_pages + segment.upper_pages +
							segment.vector_pages + number / geo->filters_per_page);
	place.slot = number % geo->filters_per_page;
	*run = Min(geo->filters_per_page - place.slot, nodes - number);
	return place;
}

BlockNumber
rvi_hnsw_upper_blocks(const RvHnswGeometry *geo, RveNode nid, uint32 *count)
{
	uint32		within;
	RvHnswSegment segment = geo_segment_of(geo, nid / geo->slots_per_page, &within);

	*count = segment.upper_pages;
	return geo_block(segment.first_block + segment.graph_pages);
}

RvHnswPageKind
rvi_hnsw_block_kind(const RvHnswGeometry *geo, BlockNumber block, RveNode *first_nid)
{
	RvHnswSegment segment;
	uint64		graph_pages = 0;	/* before the segment */
	uint64		nid;
	uint64		offset;
	int			i;

	*first_nid = RVE_NODE_NONE;
	if (block == RV_HNSW_META_BLOCK)
		return RV_HNSW_PAGE_META;
	if (block < RV_HNSW_MEAN_BLOCK + geo->mean_pages)
		return RV_HNSW_PAGE_MEAN;
	if (block >= geo->capped.first_block)
	{
		uint64		number;

		segment = geo->capped;
		number = (block - segment.first_block) / geo_segment_blocks(&segment);
		segment.first_block += number * geo_segment_blocks(&segment);
		graph_pages = (uint64) (2 + number) * RV_HNSW_SEGMENT_PAGES;
	}
	else
	{
		for (i = 0; i < RV_HNSW_SEGMENTS - 1 && block >= geo->growing[i + 1].first_block; i++)
			graph_pages += geo->growing[i].graph_pages;
		segment = geo->growing[i];
	}
	offset = block - segment.first_block;
	nid = graph_pages * geo->slots_per_page;
	if (offset < segment.graph_pages)
	{
		nid += offset * geo->slots_per_page;
		*first_nid = nid < RVE_NODE_NONE ? nid : RVE_NODE_NONE;
		return RV_HNSW_PAGE_GRAPH;
	}
	offset -= segment.graph_pages;
	if (offset < segment.upper_pages)
	{
		*first_nid = nid < RVE_NODE_NONE ? nid : RVE_NODE_NONE;
		return RV_HNSW_PAGE_UPPER;
	}
	offset -= segment.upper_pages;
	if (offset >= segment.vector_pages)
	{
		nid += (offset - segment.vector_pages) * geo->filters_per_page;
		*first_nid = nid < RVE_NODE_NONE ? nid : RVE_NODE_NONE;
		return RV_HNSW_PAGE_FILTER;
	}
	nid += offset / geo->pages_per_vector * geo->vectors_per_page;
	*first_nid = nid < RVE_NODE_NONE ? nid : RVE_NODE_NONE;
	return RV_HNSW_PAGE_VECTOR;
}

Size
rvi_hnsw_array_bytes(const RvHnswGeometry *geo, RvHnswPageKind kind)
{
	switch (kind)
	{
		case RV_HNSW_PAGE_GRAPH:
			return (Size) geo->slots_per_page * geo->slot_bytes;
		case RV_HNSW_PAGE_UPPER:
			return (Size) geo->uppers_per_page * geo->upper_bytes;
		case RV_HNSW_PAGE_VECTOR:
			return (Size) geo->vectors_per_page * geo->vector_bytes;
		case RV_HNSW_PAGE_FILTER:
			return (Size) geo->filters_per_page * geo->filter_words * sizeof(uint32);
		case RV_HNSW_PAGE_META:
			return sizeof(RvHnswMetaPageData);
		case RV_HNSW_PAGE_MEAN:
			break;
	}
	return RV_HNSW_PAGE_ROOM;
}
