/*-------------------------------------------------------------------------
 *
 * hnsw_int.h
 *	  The hnsw access method's own header: page formats, geometry, and what
 *	  its files offer each other. README-hnsw.md explains the protocol.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_INT_H
#define HNSW_INT_H

#include "access/amapi.h"
#include "access/genam.h"
#include "storage/block.h"
#include "storage/buf.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
#include "port/atomics.h"
#include "utils/relcache.h"

#include "engine/core/hnsw/rve_hnsw.h"
#include "engine/types/rv_types.h"
#include "indexam/am_int.h"
#include "indexam/hnsw_filter_int.h"

/* ---- on disk; docs/hnsw-format.md has the tables ---- */

#define RV_HNSW_MAGIC			0x48575652	/* "RVWH" */
#define RV_HNSW_VERSION			2
#define RV_HNSW_META_BLOCK		0
#define RV_HNSW_MEAN_BLOCK		1

/* Special space of every page. */
typedef struct RvHnswOpaqueData
{
	uint32		magic;			/* of the index, random: RvHnswMetaPageData.index_magic */
	uint16		kind;			/* RvHnswPageKind */
	uint16		version;
} RvHnswOpaqueData;

StaticAssertDecl(sizeof(RvHnswOpaqueData) == 8, "page format");

typedef enum RvHnswPageKind
{
	RV_HNSW_PAGE_META = 1,
	RV_HNSW_PAGE_MEAN,
	RV_HNSW_PAGE_GRAPH,
	RV_HNSW_PAGE_UPPER,
	RV_HNSW_PAGE_VECTOR,
	RV_HNSW_PAGE_FILTER
} RvHnswPageKind;

#define RV_HNSW_PAGE_ROOM (BLCKSZ - SizeOfPageHeaderData - sizeof(RvHnswOpaqueData))

#define RV_HNSW_STOP_STEPS		8	/* of RvHnswMetaPageData.stop_ratio */

typedef struct RvHnswMetaPageData
{
	uint32		magic;			/* RV_HNSW_MAGIC */
	uint32		version;
	uint32		index_magic;
	uint32		dim;
	uint16		m;
	uint16		ef_construction;
	uint8		metric;			/* RveMetric */
	uint8		kind;			/* RveCodeKind */
	uint8		bits;			/* RABITQ: of a coordinate */
	uint8		filter_words;	/* of a slot */
	uint64		seed;			/* of the rotation */
	uint32		mean_pages;		/* from block 1 */
	uint32		coded_dim;		/* 0, or so many coordinates have a code (RveCodecParams) */
	uint16		capacity;		/* SPARSE: elements of a code */
	uint16		entry_level;
	float		low;			/* L1: the scale's ends */
	float		high;
	uint32		entry;			/* nid or RVE_NODE_NONE */
	uint32		next_nid;		/* nids below were handed out at least once */
	uint32		free_head;		/* chain of free slots, or RVE_NODE_NONE */
	uint32		free_count;
	uint32		reconnect;		/* 1: a vacuum has cut edges and not yet reconnected */
	float		stop_ratio[RV_HNSW_STOP_STEPS]; /* when searches stop; 0: not calibrated */
	uint8		filters[RV_HNSW_MAX_FILTERS];	/* RvHnswFilterKind of each filter word */
} RvHnswMetaPageData;

StaticAssertDecl(sizeof(RvHnswMetaPageData) == 120, "page format");

typedef RvHnswMetaPageData *RvHnswMetaPage;

typedef enum RvHnswSlotState
{
	RV_HNSW_EMPTY = 0,			/* never used: all bytes zero */
	RV_HNSW_FREE = 1,			/* in the chain of free slots */
	RV_HNSW_RESERVED = 2,		/* an insert is about to fill it */
	RV_HNSW_LIVE = 3,			/* a node of the graph */
	RV_HNSW_DUPLICATE = 4,		/* in the chain of the live node with the same vector */
	RV_HNSW_DOOMED = 5,			/* a node vacuum is removing: a way through, never a result */
	RV_HNSW_DOOMED_DUPLICATE = 6	/* a duplicate vacuum is removing */
} RvHnswSlotState;

/*
 * Graph slot: what a search reads of a node. Behind the fixed part: filter
 * words, the code, then the 2m edges, so that scoring reads one run of bytes.
 */
typedef struct RvHnswSlotData
{
	uint32		nid;
	uint16		seq;			/* counts reservations of this slot */
	uint8		level;
	uint8		state;			/* RvHnswSlotState */
	ItemPointerData tid;		/* invalid: kept for its duplicates only */
	uint8		degree;
	uint8		hardness;		/* 0 */
	uint32		magic;			/* of the index */
	RveCodeFactors factors;
	uint32		link;			/* block of the upper lists; primary of a duplicate; next free */
	uint32		dup_next;		/* next duplicate or RVE_NODE_NONE; reserving xid */
	uint32		filters[FLEXIBLE_ARRAY_MEMBER];
} RvHnswSlotData;

StaticAssertDecl(offsetof(RvHnswSlotData, filters) == 40, "page format");

typedef RvHnswSlotData *RvHnswSlot;

/* Upper slot: one list of one node on one level >= 1. nid = RVE_NODE_NONE or seq 0, nid 0: unused. */
typedef struct RvHnswUpperData
{
	uint32		nid;
	uint16		seq;
	uint8		level;			/* 0: this upper slot is unused */
	uint8		count;
	uint32		edges[FLEXIBLE_ARRAY_MEMBER];
} RvHnswUpperData;

StaticAssertDecl(offsetof(RvHnswUpperData, edges) == 8, "page format");

typedef RvHnswUpperData *RvHnswUpper;

/* Vector slot: what refines a distance beyond the code, or one page's part of it. */
typedef struct RvHnswVectorSlotData
{
	uint32		nid;
	uint16		seq;
	uint16		part;			/* 0 unless a payload spans pages */
	uint8		payload[FLEXIBLE_ARRAY_MEMBER];
} RvHnswVectorSlotData;

StaticAssertDecl(offsetof(RvHnswVectorSlotData, payload) == 8, "page format");

typedef RvHnswVectorSlotData *RvHnswVectorSlot;

#define RV_HNSW_CACHE_LINE 64
#define RV_HNSW_PREFETCH_BYTES 512	/* of a slot; the processor's own prefetcher does the rest */

/* ---- geometry: nid -> (block, slot), pure arithmetic (hnsw_geometry.c) ---- */

#define RV_HNSW_SEGMENTS 8		/* of growing size: 1, 1, 2, 4, ... graph pages */
#define RV_HNSW_SEGMENT_PAGES (1 << (RV_HNSW_SEGMENTS - 2))	/* graph pages of all others */

typedef struct RvHnswSegment
{
	uint64		first_block;
	uint32		graph_pages;
	uint32		upper_pages;	/* follow the graph pages */
	uint32		vector_pages;	/* follow the upper pages */
	uint32		filter_pages;	/* follow the vector pages */
} RvHnswSegment;

typedef struct RvHnswGeometry
{
	int			dim;
	int			m;
	int			filter_words;
	uint32		code_offset;	/* in a slot */
	uint32		code_bytes;
	uint32		edges_offset;
	uint32		slot_bytes;
	uint32		slots_per_page;
	uint32		upper_bytes;
	uint32		uppers_per_page;
	uint32		payload_bytes;	/* of a vector slot; 0: the index has none */
	uint32		vector_bytes;	/* of a vector slot on one page */
	uint32		vectors_per_page;	/* 1 when a payload spans pages */
	uint32		pages_per_vector;
	uint32		part_bytes;		/* of the payload on one page */
	uint32		filters_per_page;	/* nodes with their filter words; 0: the index has none */
	uint32		mean_pages;
	RvHnswSegment growing[RV_HNSW_SEGMENTS];
	RvHnswSegment capped;		/* the first of the equal ones */
	uint64		capped_blocks;	/* of each of them */
} RvHnswGeometry;

typedef struct RvHnswPlace
{
	BlockNumber block;
	uint32		slot;
} RvHnswPlace;

/* Sets meta's coded_dim to what a slot has room for, and mean_pages. */
extern void rvi_hnsw_fit_code(RvHnswMetaPageData *meta);
extern void rvi_hnsw_codec_params(const RvHnswMetaPageData *meta, RveCodecParams *params);

/* Whether vector slots hold the vector itself, not a codec's residual. */
extern bool rvi_hnsw_payload_is_raw(const RvHnswMetaPageData *meta);
extern void rvi_hnsw_geometry_init(RvHnswGeometry *geo, const RvHnswMetaPageData *meta);
extern RvHnswPlace rvi_hnsw_slot_place(const RvHnswGeometry *geo, RveNode nid);
extern RvHnswPlace rvi_hnsw_vector_place(const RvHnswGeometry *geo, RveNode nid);

/*
 * Where nid's filter words are: word w of the node at (block, slot) is the
 * page's uint32 w * filters_per_page + slot. *run = number of nodes from nid on
 * that have theirs behind each other there.
 */
extern RvHnswPlace rvi_hnsw_filter_place(const RvHnswGeometry *geo, RveNode nid, uint32 *run);

/* The upper pages of the segment that holds nid: first block and their number. */
extern BlockNumber rvi_hnsw_upper_blocks(const RvHnswGeometry *geo, RveNode nid, uint32 *count);

/* What belongs on a block. *first_nid: first node of a graph or vector page. */
extern RvHnswPageKind rvi_hnsw_block_kind(const RvHnswGeometry *geo, BlockNumber block,
										  RveNode *first_nid);

/* ---- an open index (hnsw_page.c) ---- */

typedef struct RvHnswIndex
{
	RvAmCached	cached;			/* first; its version is the magic */
	uint32		magic;
	const RvTypeDesc *type;
	RveMetric	metric;
	RvHnswGeometry geo;
	RveCodec   *codec;
	bool		raw_payload;	/* rvi_hnsw_payload_is_raw */
	float		stop_ratio[RV_HNSW_STOP_STEPS];
	RvHnswFilterColumns filters;

	RveHnswSearch *insert_search;	/* scratch space of inserts, kept from one to the next */

	/* hnsw_peek_page.c: where blocks were last seen in the buffer pool; 0: nowhere */
	Buffer	   *seen;
	BlockNumber seen_blocks;
} RvHnswIndex;

/*
 * The index's constants and codec, cached for the session; held until
 * CurrentMemoryContext is reset. *meta gets a copy of the meta page.
 */
extern RvHnswIndex *rvi_hnsw_open(Relation rel, RvHnswMetaPageData *meta);
extern void rvi_hnsw_read_meta(Relation rel, RvHnswMetaPageData *meta);

/* Reads for searches: share lock one page at a time, never beyond the relation's end. */
typedef struct RvHnswReader
{
	Relation	rel;
	RvHnswIndex *index;
	BlockNumber blocks;			/* known length of the relation */
	bool		peek;			/* unpinned reads are allowed (hnsw_peek_page.c) */
	uint32		peeks;			/* counts them */
	uint32		page_peeks;
} RvHnswReader;

extern void rvi_hnsw_reader_init(RvHnswReader *reader, Relation rel, RvHnswIndex *index);

/*
 * Pins and share-locks the page when it exists, is initialised and of that
 * kind; false otherwise. A page of another kind is an error. *buffer is a pin
 * to reuse or InvalidBuffer, and is replaced.
 */
extern bool rvi_hnsw_lock_page(RvHnswReader *reader, BlockNumber block, RvHnswPageKind kind,
							   Buffer *buffer, Page *page);

/* What is wrong with a page's header and special space, or NULL. */
extern const char *rvi_hnsw_page_problem(const RvHnswIndex *index, Page page, RvHnswPageKind kind);

/* Bytes of the slot array that a page of this kind holds. */
extern Size rvi_hnsw_array_bytes(const RvHnswGeometry *geo, RvHnswPageKind kind);
extern void rvi_hnsw_check_page(Relation rel, const RvHnswIndex *index, BlockNumber block, Page page,
								RvHnswPageKind kind);

static inline RvHnswSlot
rvi_hnsw_page_slot(const RvHnswGeometry *geo, Page page, uint32 slot)
{
	return (RvHnswSlot) (PageGetContents(page) + (Size) slot * geo->slot_bytes);
}

static inline uint8 *
rvi_hnsw_slot_code(const RvHnswGeometry *geo, RvHnswSlot slot)
{
	return (uint8 *) slot + geo->code_offset;
}

static inline uint32 *
rvi_hnsw_slot_edges(const RvHnswGeometry *geo, RvHnswSlot slot)
{
	return (uint32 *) ((char *) slot + geo->edges_offset);
}

static inline RvHnswUpper
rvi_hnsw_page_upper(const RvHnswGeometry *geo, Page page, uint32 slot)
{
	return (RvHnswUpper) (PageGetContents(page) + (Size) slot * geo->upper_bytes);
}

static inline RvHnswVectorSlot
rvi_hnsw_page_vector(const RvHnswGeometry *geo, Page page, uint32 slot)
{
	return (RvHnswVectorSlot) (PageGetContents(page) + (Size) slot * geo->vector_bytes);
}

/*
 * The hot path of searches, in two steps so that the misses of several slots
 * overlap: pin_slot pins the page, if there is one, and prefetches the slot;
 * lock_slot share-locks it and returns the slot if it is nid's in whatever
 * state, else NULL (the page is locked all the same). The slot vouches for its page by nid and
 * magic; only where it does not is the page looked at, and an error raised
 * if it is of another kind.
 */
extern Buffer rvi_hnsw_pin_slot(RvHnswReader *reader, RvHnswPlace place);
extern RvHnswSlot rvi_hnsw_lock_slot(RvHnswReader *reader, Buffer buffer, RvHnswPlace place,
									 RveNode nid);

/* Has the processor fetch what scoring reads of a slot, and where its edges begin. */
static inline void
rvi_hnsw_prefetch_slot(const RvHnswGeometry *geo, const void *slot)
{
	const char *at = slot;
	const char *end = at + Min(geo->edges_offset, RV_HNSW_PREFETCH_BYTES);

	for (; at < end; at += RV_HNSW_CACHE_LINE)
		__builtin_prefetch(at);
}

/*
 * hnsw_peek_page.c: reads without pin and lock. peek_slot says where nid's
 * slot was last seen in the buffer pool, or NULL; what is read there counts
 * only if peek_holds says so, before (with the seq it returns) and after.
 */
extern void rvi_hnsw_peek_init(RvHnswReader *reader);

/*
 * A page by its block: valid until it is evicted, which peek_page_holds tells
 * after the fact. NULL: it has to be read with pin and lock, and remembered.
 */
extern Page rvi_hnsw_peek_page(RvHnswReader *reader, BlockNumber block);
extern bool rvi_hnsw_peek_page_holds(RvHnswReader *reader, BlockNumber block);
extern void rvi_hnsw_peek_remember(RvHnswReader *reader, BlockNumber block, Buffer buffer);

#define RV_HNSW_PEEK_SAMPLE 64	/* one in so many takes the pinned way all the same */
#define RV_HNSW_PEEK_PAGE_SAMPLE 1024	/* of filter pages: they are few and seen often */

static inline RvHnswSlot
rvi_hnsw_peek_slot(RvHnswReader *reader, RvHnswPlace place)
{
	const RvHnswIndex *index = reader->index;
	Buffer		buffer;

	if (!reader->peek || place.block >= index->seen_blocks ||
		++reader->peeks % RV_HNSW_PEEK_SAMPLE == 0)
		return NULL;
	buffer = index->seen[place.block];
	return buffer == InvalidBuffer ? NULL :
		rvi_hnsw_page_slot(&index->geo, BufferGetPage(buffer), place.slot);
}

/* Whether bytes at slot are nid's; *seq: 0 asks for any, and gets it. */
static inline bool
rvi_hnsw_peek_holds(const RvHnswReader *reader, RvHnswSlot slot, RveNode nid, uint16 *seq)
{
	volatile RvHnswSlotData *seen = slot;
	uint16		now;

	pg_read_barrier();
	now = seen->seq;
	if (seen->nid != nid || seen->magic != reader->index->magic || (*seq != 0 && now != *seq))
		return false;
	*seq = now;
	pg_read_barrier();
	return true;
}

/* The slot on a locked graph page if it holds a node of the graph (live or doomed), else NULL. */
extern RvHnswSlot rvi_hnsw_page_node(const RvHnswReader *reader, Page page, uint32 slot, RveNode nid);

/* Whether a byte pattern on disk makes sense as this slot; raises INDEX_CORRUPTED with the block. */
extern void rvi_hnsw_check_slot(const RvHnswReader *reader, RvHnswSlot slot, BlockNumber block);

/* The upper list of nid on a level, or NULL. */
extern RvHnswUpper rvi_hnsw_find_upper(const RvHnswGeometry *geo, Page page, RveNode nid, int level);

/* Fixed part of a slot, copied; false when there is none. */
extern bool rvi_hnsw_read_slot(RvHnswReader *reader, RveNode nid, RvHnswSlotData *copy);
extern bool rvi_hnsw_read_code(RvHnswReader *reader, RveNode nid, RvHnswSlotData *copy, uint8 *code);

/* The same with the filter words, too; code and filters may be NULL. */
extern bool rvi_hnsw_read_row(RvHnswReader *reader, RveNode nid, RvHnswSlotData *copy, uint8 *code,
							  uint32 *filters);

/*
 * A node's list on a level, as stored on the given block: edges has room for
 * the level's maximal degree. Returns the number of edges, -1 without such a list.
 */
extern int	rvi_hnsw_read_list(RvHnswReader *reader, BlockNumber block, RveNode nid, int level,
							   RveNode *edges);

/* The payload (payload_bytes) with the seq it was written under; false when it is not there. */
extern bool rvi_hnsw_read_vector(RvHnswReader *reader, RveNode nid, uint16 *seq, uint8 *out);

/* ---- the graph on pages as the algorithm sees it (hnsw_graph_page.c) ---- */

typedef struct RvHnswPageGraph
{
	RvHnswReader reader;
	RveGraph	graph;			/* graph.host = this */

	/* the query: either prepared for asymmetric distances, or a code */
	RveCodecQuery *query;
	const uint8 *code;
	RveCodeFactors factors;
	const uint8 *payload;		/* the code's; for finding duplicates */
	uint8	   *scratch;		/* payload_bytes */
	uint16		same_seq;		/* out: seq of the duplicate found */
	const RvHnswFilter *filter; /* of score_filtered and rvi_hnsw_score_rows */

	/* loaded codes */
	uint8	   *loaded;
	int			loaded_room;
} RvHnswPageGraph;

extern RvHnswPageGraph *rvi_hnsw_graph_create(Relation rel, RvHnswIndex *index,
											  const RvHnswMetaPageData *meta);

/* A node's edges on level 0 with their flags; 0 when it is no node. */
extern int	rvi_hnsw_graph_edges(RvHnswPageGraph *graph, RveNode node, RveNode *out);

/* Whether one of the duplicates of primary, from next on, passes graph->filter; true: perhaps. */
extern bool rvi_hnsw_chain_passes(RvHnswPageGraph *graph, RveNode primary, RveNode next);

/*
 * Distances of n rows, at most RVE_HNSW_MAX_DEGREE, each for itself, duplicates
 * too; NaN for what is no row or does not pass graph->filter.
 */
extern void rvi_hnsw_score_rows(RvHnswPageGraph *graph, const RveNode *nodes, int n, float *dist);

/* Takes over entry and bound of a newly read meta page. */
extern void rvi_hnsw_graph_refresh(RvHnswPageGraph *graph, const RvHnswMetaPageData *meta);

/* ---- scans with conditions (hnsw_scan_filter.c) ---- */

/* What things cost, in distances computed on a walk; measured on word vectors. */
#define RV_HNSW_COST_PASSING	0.5		/* one more row among all that pass */
#define RV_HNSW_COST_TEST		0.004	/* testing a row's words */
#define RV_HNSW_COST_LEAST		200.0
#define RV_HNSW_COST_RANK		0.6		/* times m: walking over one more of the nearest */

typedef struct RvHnswFiltered
{
	RvHnswPageGraph *graph;		/* with its filter */
	RveHnswSearch *search;
	RveNode		bound;
	double		share;			/* of rows that pass */
	double		all_cost;		/* of finding all that pass */
	bool		reluctant;		/* RveHnswEffort */
	int			pool;			/* RveHnswEffort.ef */
	bool		exhaustive;		/* all were found: heap has them */
	RveCandidateHeap heap;
	uint64		taken;			/* nodes given out */
	RveNode    *given;			/* by the walk */
	int			given_count;
	int			given_room;
} RvHnswFiltered;

extern double rvi_hnsw_calibrated(const RvHnswIndex *index, double rank);
extern double rvi_hnsw_passing_cost(double rows, double share);
extern double rvi_hnsw_walk_cost(int m, int ef, double k, double share);

/* Begins a scan's search: measures how many rows pass. */
extern void rvi_hnsw_filtered_begin(RvHnswFiltered *filtered, RveNode bound, int ef);

/* Whether finding all rows that pass is cheaper than walking to the k nearest. */
extern bool rvi_hnsw_filtered_prefers_all(const RvHnswFiltered *filtered, int ef, int k);

/* The stop rule (RveHnswEffort) of a walk for k rows; stop_k 0: none. */
extern void rvi_hnsw_filtered_stop(const RvHnswFiltered *filtered, int ef, int k, int *stop_k,
								   float *ratio);

/* Remembers a node that the walk gave out. */
extern void rvi_hnsw_filtered_give(RvHnswFiltered *filtered, RveNode node);

/* Puts all rows that pass and were not given out into the heap. */
extern void rvi_hnsw_filtered_find_all(RvHnswFiltered *filtered);

/* ---- writing (hnsw_write_page.c) ---- */

/* Up to four pages changed in one WAL record, or without WAL in a build. */
typedef struct RvHnswWriter
{
	Relation	rel;
	const RvHnswIndex *index;	/* magic and geometry */
	bool		unlogged;		/* a build: no WAL now, the whole index is logged at its end */
	RvAmRecord	record;
} RvHnswWriter;

/* A node as written: the slot without edges, code and vector come along. */
typedef struct RvHnswNodeImage
{
	RveNode		nid;
	uint16		seq;
	uint8		state;
	uint8		level;
	ItemPointerData tid;
	uint32		link;
	uint32		dup_next;
	RveCodeFactors factors;
	const uint8 *code;
	const uint32 *filters;		/* filter_words; NULL when the index has none */
	const RveNode *edges;
	int			degree;
} RvHnswNodeImage;

/* A list to be replaced if it still is what it was. */
typedef struct RvHnswEdgeChange
{
	BlockNumber block;			/* of the slot (level 0) or of the upper list */
	RveNode		nid;
	uint16		seq;
	uint8		level;
	bool		applied;		/* out */
	int			old_count;
	int			new_count;
	RveNode	   *old_edges;
	RveNode	   *new_edges;
} RvHnswEdgeChange;

extern void rvi_hnsw_writer_init(RvHnswWriter *writer, Relation rel, const RvHnswIndex *index,
								 bool unlogged);

/*
 * One record: start, then each page in lock order (meta first, then blocks
 * ascending), then finish or abandon. page returns the image to change;
 * a page that was all zero is initialised as kind.
 */
extern void rvi_hnsw_write_start(RvHnswWriter *writer);
extern Page rvi_hnsw_write_page(RvHnswWriter *writer, BlockNumber block, RvHnswPageKind kind);
extern void rvi_hnsw_write_finish(RvHnswWriter *writer);
extern void rvi_hnsw_write_abandon(RvHnswWriter *writer);
extern RvHnswMetaPage rvi_hnsw_write_meta(RvHnswWriter *writer);

extern void rvi_hnsw_extend(Relation rel, BlockNumber block);
extern void rvi_hnsw_create_meta(Relation rel, int forknum, const RvHnswMetaPageData *meta,
								 const float *mean);
extern void rvi_hnsw_log_all(Relation rel);

/* A nid for a new node, from the free chain or the end; its slot is RESERVED. */
extern RveNode rvi_hnsw_reserve(RvHnswWriter *writer, uint16 *seq);
extern void rvi_hnsw_write_vector(RvHnswWriter *writer, RveNode nid, uint16 seq,
								  const uint8 *payload);

/*
 * Makes room for nid's lists on levels 1 .. *level on one upper page near it,
 * lowering *level to what fits. Returns the block (undefined for level 0).
 */
extern BlockNumber rvi_hnsw_reserve_upper(RvHnswWriter *writer, RveNode nid, uint16 seq, int *level);
extern void rvi_hnsw_write_upper(RvHnswWriter *writer, BlockNumber block,
								 const RvHnswEdgeChange *lists, int n);
extern void rvi_hnsw_write_node(RvHnswWriter *writer, const RvHnswNodeImage *image);

/* Applies n changes, all on one block; sets applied of each. */
extern void rvi_hnsw_change_edges(RvHnswWriter *writer, RvHnswEdgeChange *changes, int n);

/*
 * Writes image as a duplicate at the head of primary's chain. False when
 * primary is no longer the live node it was under primary_seq.
 */
extern bool rvi_hnsw_push_duplicate(RvHnswWriter *writer, RveNode primary, uint16 primary_seq,
									RvHnswNodeImage *image);

/* Makes nid the entry if the graph has none or its entry's level is lower. */
extern void rvi_hnsw_offer_entry(RvHnswWriter *writer, RveNode nid, int level);

/* Replaces the entry (NONE included) if it still is old. */
extern bool rvi_hnsw_replace_entry(RvHnswWriter *writer, RveNode old, RveNode entry, int level);
extern void rvi_hnsw_set_reconnect(RvHnswWriter *writer, bool reconnect);
extern void rvi_hnsw_set_stop_ratio(RvHnswWriter *writer, const float *ratio);
extern void rvi_hnsw_set_meta(RvHnswWriter *writer, RveNode entry, int entry_level, RveNode next_nid);

/* ---- filter pages (hnsw_filter_page.c) ---- */

#define RV_HNSW_FILTER_RUN (RV_HNSW_PAGE_ROOM / sizeof(uint32))	/* nodes of a page at most */

typedef void (*RvHnswFilterVisit) (void *arg, const RveNode *nodes, int n);

/* A node's words on its filter page; nothing when the index has none. */
extern void rvi_hnsw_write_filters(RvHnswWriter *writer, RveNode nid, const uint32 *words);
extern bool rvi_hnsw_read_filters(RvHnswReader *reader, RveNode nid, uint32 *words);

/* Whether each of n nodes passes, by what their filter pages seem to hold: a hint. */
extern void rvi_hnsw_filter_guess(RvHnswReader *reader, const RvHnswFilter *filter,
								  const RveNode *nodes, int n, bool *passes);

/* Share of the nodes below bound that pass, by so many pages evenly spread. */
extern double rvi_hnsw_filter_sample(RvHnswReader *reader, const RvHnswFilter *filter,
									 RveNode bound, int pages);

/* Shows all nodes below bound that pass, at most RV_HNSW_FILTER_RUN at a time. */
extern void rvi_hnsw_filter_scan(RvHnswReader *reader, const RvHnswFilter *filter, RveNode bound,
								 RvHnswFilterVisit visit, void *arg);

typedef bool (*RvHnswGone) (void *arg, RveNode nid);

/* ---- choosing edges (hnsw_link.c) ---- */

/* How a list is chosen anew. */
typedef struct RvHnswChoose
{
	RvHnswPageGraph *graph;
	RveHnswSearch *search;
	RvHnswGone	gone;			/* nodes to leave out, or NULL */
	void	   *gone_arg;
	const RveNode *extra;		/* candidates beside the present edges */
	int			extra_count;
	bool		preserve;		/* present edges stay; extra ones only fill the room there is */
	const RveNode *holds;		/* get kept edges if there is room for them */
	int			hold_count;
	RveNode		release;		/* its edge is no longer a kept one, or RVE_NODE_NONE */
} RvHnswChoose;

/* Reads the list that change names by nid and level; false: the node is not live. */
extern bool rvi_hnsw_link_read(RvHnswReader *reader, RvHnswEdgeChange *change);

/* Fills change's new edges from its old ones; false: hold finds no room. */
extern bool rvi_hnsw_link_choose(const RvHnswChoose *choose, RvHnswEdgeChange *change);
extern bool rvi_hnsw_link_has(const RveNode *edges, int count, RveNode node, bool held);

/* Number of kept edges in a list. */
extern int	rvi_hnsw_link_kept(const RveNode *edges, int count);

/* Whether a live node may take on another kept edge. */
extern bool rvi_hnsw_link_can_keep(RvHnswReader *reader, RveNode nid);

/* Gives from a kept edge to to. False: from is not live, has no room, or others kept interfering. */
extern bool rvi_hnsw_link_keep_edge(RvHnswWriter *writer, RvHnswPageGraph *graph,
									RveHnswSearch *search, RveNode from, RveNode to);

/* ---- writing for vacuum (hnsw_vacuum_page.c) ---- */

/* Sees a slot of a graph page under the exclusive lock; true: it changed it. */
typedef bool (*RvHnswSlotVisit) (void *arg, RvHnswSlot slot, RveNode nid);

/* Shows all used slots of a graph page to visit; one record if it changed any. */
extern void rvi_hnsw_visit_page(RvHnswWriter *writer, BlockNumber block, RvHnswSlotVisit visit,
								void *arg);

/* Makes next_next follow nid in its chain in place of next. False: next does not follow it. */
extern bool rvi_hnsw_unlink_duplicate(RvHnswWriter *writer, RveNode nid, RveNode next,
									  RveNode next_next);

/* Clears the upper lists of nodes that are gone. */
extern void rvi_hnsw_clear_uppers(RvHnswWriter *writer, BlockNumber block, RvHnswGone gone,
								  void *arg);

/* Puts a graph page's slots that are gone into the free chain; returns how many. */
extern uint32 rvi_hnsw_free_slots(RvHnswWriter *writer, BlockNumber block, RvHnswGone gone,
								  void *arg);

/* ---- rows in and out ---- */

/* A row as the index keeps it; the buffers belong to whoever holds it. */
typedef struct RvHnswRow
{
	RveCodeFactors factors;
	uint8	   *code;			/* code_bytes */
	uint8	   *payload;		/* payload_bytes */
	uint32		filters[RV_HNSW_MAX_FILTERS];
} RvHnswRow;

/* hnsw_row.c */
extern void rvi_hnsw_row_init(RvHnswRow *row, const RvHnswGeometry *geo);

/*
 * A datum as the engine takes it, scaled to length 1 for cosine, in
 * CurrentMemoryContext. False: rows like it are not indexed. Raises 22000 on
 * other dimensions, 54000 on more elements than an index takes.
 */
extern bool rvi_hnsw_read_value(const RvTypeDesc *type, RveMetric metric, int dim, Datum value,
								RveVectorView *view);

/* Encodes a vector into row; uses CurrentMemoryContext for nothing that stays. */
extern void rvi_hnsw_encode_row(RvHnswIndex *index, const RveVectorView *view, RvHnswRow *row);
extern void rvi_hnsw_insert(RvHnswWriter *writer, RvHnswIndex *index, const RvHnswRow *row,
							ItemPointer tid);

/* ---- a new index (hnsw_params.c) ---- */

/* What is learned of the rows before the first is encoded. */
typedef struct RvHnswSample
{
	RveCodeKind kind;
	int			dim;
	double		rows;
	double	   *sum;			/* of each coordinate */
	double		element_sum;	/* of all coordinates, and of their squares */
	double		element_squares;
	int			max_count;		/* non-zero elements */
	float	   *vectors;		/* some of the rows */
	uint32		keep;			/* so many at most */
	uint64		random;
} RvHnswSample;

/* Fills the meta page of an empty index from the index's definition. */
extern void rvi_hnsw_meta_init(Relation rel, const RvTypeDesc *type, RveMetric metric,
							   RvHnswMetaPageData *meta);
extern RvHnswSample *rvi_hnsw_sample_create(const RvHnswMetaPageData *meta);
extern void rvi_hnsw_sample_reset(RvHnswSample *sample);

/* Adds a row as rvi_hnsw_read_value gave it. */
extern void rvi_hnsw_sample_add(RvHnswSample *sample, const RveVectorView *view);

/* Decides what depends on the rows; returns the mean (dim floats). */
extern float *rvi_hnsw_sample_finish(const RvHnswSample *sample, RvHnswMetaPageData *meta);

/*
 * Searches for sampled rows in the finished graph and writes to the meta page
 * how much farther the candidate list reaches than the nearest rows: what
 * scans stop by.
 */
extern void rvi_hnsw_calibrate(RvHnswWriter *writer, RvHnswIndex *index,
							   const RvHnswSample *sample);

/* RveHnswEffort.stop_ratio of a search for the k nearest with the work of ef; 0: no stop rule. */
extern float rvi_hnsw_stop_ratio(const RvHnswIndex *index, int k, int ef);

/*
 * Finds neighbours anew for a live node and holds it by a kept edge from a
 * node that may() allows. False: it is not live, or others kept undoing it.
 */
extern bool rvi_hnsw_relink_node(RvHnswWriter *writer, RvHnswIndex *index, RveNode nid,
								 RvHnswGone may, void *may_arg);

/* hnsw_scan.c, hnsw_vacuum.c, hnsw_cost.c, hnsw_build.c: PostgreSQL's callbacks */
extern IndexBuildResult *hnswbuild(Relation heap, Relation index, struct IndexInfo *info);
extern void hnswbuildempty(Relation index);
extern bool hnswinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
					   IndexUniqueCheck check_unique, bool index_unchanged, struct IndexInfo *info);
extern IndexBulkDeleteResult *hnswbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											 IndexBulkDeleteCallback callback, void *callback_state);
extern IndexBulkDeleteResult *hnswvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
extern void hnswcostestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
							 Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
							 double *correlation, double *pages);
extern IndexScanDesc hnswbeginscan(Relation index, int nkeys, int norderbys);
extern void hnswrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool hnswgettuple(IndexScanDesc scan, ScanDirection direction);
extern void hnswendscan(IndexScanDesc scan);

/* hnsw_inspect.c: opens an hnsw index for a function its caller may use; raises otherwise */
extern Relation rvi_hnsw_open_checked(Oid relid, int lockmode);

/* hnsw.c */
typedef struct RvHnswOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			m;
	int			ef_construction;
} RvHnswOptions;

#define RV_HNSW_DEFAULT_M 16
#define RV_HNSW_DEFAULT_EF_CONSTRUCTION 64

extern int	rvi_hnsw_option_m(Relation rel);
extern int	rvi_hnsw_option_ef_construction(Relation rel);

#endif							/* HNSW_INT_H */
