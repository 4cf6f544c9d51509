/*-------------------------------------------------------------------------
 *
 * hnsw_geometry.c
 *	  Where a node's slots are: nid -> block and slot by arithmetic alone.
 *
 * The relation is: meta page, mean pages, segments. A segment is G graph
 * pages, then U upper pages, then V vector pages for the nodes of its graph
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

/* Upper lists expected per node are 1/(m - 1); a quarter more is kept. */
#define GEO_UPPER_SLACK_PERCENT 125

int
rvi_hnsw_bits_for(int dim)
{
	return dim < 200 ? 8 : 4;
}

static uint32
geo_code_bytes(int dim, int bits)
{
	RveCodecParams params = {.kind = RVE_CODE_RABITQ, .dim = dim, .bits = bits};

	return rve_quant_code_bytes_for(&params);
}

static uint32
geo_slot_bytes(int dim, int m, int bits)
{
	Size		bytes = offsetof(RvHnswSlotData, edges) + sizeof(uint32) * 2 * m +
		geo_code_bytes(dim, bits);

	return TYPEALIGN(sizeof(uint32), bytes);
}

int
rvi_hnsw_max_dim(int m)
{
	int			dim = RV_VECTOR_MAX_DIM;

	while (dim > 1 && geo_slot_bytes(dim, m, rvi_hnsw_bits_for(dim)) > RV_HNSW_PAGE_ROOM)
		dim--;
	return dim;
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
	segment->vector_pages = (nodes + geo->vectors_per_page - 1) / geo->vectors_per_page *
		geo->pages_per_vector;
}

static uint64
geo_segment_blocks(const RvHnswSegment *segment)
{
	return (uint64) segment->graph_pages + segment->upper_pages + segment->vector_pages;
}

void
rvi_hnsw_geometry_init(RvHnswGeometry *geo, int dim, int m, int bits)
{
	Size		vector_bytes = offsetof(RvHnswVectorSlotData, x) + sizeof(float) * dim;
	uint64		block;
	int			i;

	memset(geo, 0, sizeof(*geo));
	geo->dim = dim;
	geo->m = m;
	geo->bits = bits;
	geo->code_bytes = geo_code_bytes(dim, bits);
	geo->slot_bytes = geo_slot_bytes(dim, m, bits);
	geo->slots_per_page = RV_HNSW_PAGE_ROOM / geo->slot_bytes;
	geo->upper_bytes = offsetof(RvHnswUpperData, edges) + sizeof(uint32) * m;
	geo->uppers_per_page = RV_HNSW_PAGE_ROOM / geo->upper_bytes;
	geo->floats_per_part = (RV_HNSW_PAGE_ROOM - offsetof(RvHnswVectorSlotData, x)) / sizeof(float);
	geo->mean_pages = (dim * sizeof(float) + RV_HNSW_PAGE_ROOM - 1) / RV_HNSW_PAGE_ROOM;
	if (vector_bytes <= RV_HNSW_PAGE_ROOM)
	{
		geo->vector_bytes = vector_bytes;
		geo->vectors_per_page = RV_HNSW_PAGE_ROOM / vector_bytes;
		geo->pages_per_vector = 1;
	}
	else
	{
		geo->vector_bytes = RV_HNSW_PAGE_ROOM;
		geo->vectors_per_page = 1;
		geo->pages_per_vector = (dim + geo->floats_per_part - 1) / geo->floats_per_part;
	}
	block = RV_HNSW_MEAN_BLOCK + geo->mean_pages;
	for (i = 0; i < RV_HNSW_SEGMENTS; i++)
	{
		geo_segment_init(geo, &geo->growing[i], block, i == 0 ? 1 : 1 << (i - 1));
		block += geo_segment_blocks(&geo->growing[i]);
	}
	geo_segment_init(geo, &geo->capped, block, RV_HNSW_SEGMENT_PAGES);
}

/* The segment of the page-th graph page; *within = the page's number in it. */
static RvHnswSegment
geo_segment_of(const RvHnswGeometry *geo, uint32 page, uint32 *within)
{
	RvHnswSegment segment;
	uint32		growing_pages = 2 * RV_HNSW_SEGMENT_PAGES;

	if (page == 0)
	{
		*within = 0;
		return geo->growing[0];
	}
	if (page < growing_pages)
	{
		int			number = pg_leftmost_one_pos32(page) + 1;

		*within = page - (1 << (number - 1));
		return geo->growing[number];
	}
	segment = geo->capped;
	segment.first_block += (uint64) ((page - growing_pages) / RV_HNSW_SEGMENT_PAGES) *
		geo_segment_blocks(&segment);
	*within = (page - growing_pages) % RV_HNSW_SEGMENT_PAGES;
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
	uint32		within;
	RvHnswSegment segment = geo_segment_of(geo, nid / geo->slots_per_page, &within);
	RvHnswPlace place;

	place.block = geo_block(segment.first_block + within);
	place.slot = nid % geo->slots_per_page;
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
		case RV_HNSW_PAGE_META:
			return sizeof(RvHnswMetaPageData);
		case RV_HNSW_PAGE_MEAN:
			break;
	}
	return RV_HNSW_PAGE_ROOM;
}
