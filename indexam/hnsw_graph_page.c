/*-------------------------------------------------------------------------
 *
 * hnsw_graph_page.c
 *	  RveGraphOps over index pages: what engine/core/hnsw sees of an index.
 *
 * Every operation locks one page at a time, pins a few, and leaves none so.
 * An edge may lead to a slot that is free, reused or not there yet (README,
 * "Dangling edges"): such a node has no distance and no edges.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define GPAGE_PINS 8			/* pages held at a time: no burden to a small buffer pool */
#define GPAGE_LOAD_AHEAD 8		/* the same, before they are copied */
#define GPAGE_AHEAD 6			/* slots the processor is told to fetch before they are scored */
#define GPAGE_CHAIN_STEPS 64	/* duplicates looked at for one that passes a filter */

/* The core takes NaN as "no such node" and wants all others finite. */
static inline float
gpage_finite(float dist)
{
	if (isnan(dist) || dist > FLT_MAX)
		return FLT_MAX;
	return dist < -FLT_MAX ? -FLT_MAX : dist;
}

/* Copies edges, with their flags, but none to self. */
static int
gpage_copy_edges(const uint32 *edges, int count, RveNode self, RveNode *out)
{
	int			i;
	int			n = 0;

	for (i = 0; i < count; i++)
		if (RVE_HNSW_NODE(edges[i]) != self)
			out[n++] = edges[i];
	return n;
}

static int
gpage_upper_neighbors(RvHnswReader *reader, BlockNumber block, RveNode node, int level, RveNode *out)
{
	Buffer		buffer = InvalidBuffer;
	Page		page;
	RvHnswUpper upper;
	int			n = 0;

	if (rvi_hnsw_lock_page(reader, block, RV_HNSW_PAGE_UPPER, &buffer, &page))
	{
		upper = rvi_hnsw_find_upper(&reader->index->geo, page, node, level);
		if (upper != NULL)
			n = gpage_copy_edges(upper->edges, upper->count, node, out);
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
	return n;
}

/* A node's edges on level 0 without pin or lock; -1: they have to be read with them. */
static int
gpage_peek_neighbors(RvHnswReader *reader, RvHnswPlace place, RveNode node, RveNode *out)
{
	const RvHnswGeometry *geo = &reader->index->geo;
	RvHnswSlot	slot = rvi_hnsw_peek_slot(reader, place);
	uint16		seq = 0;
	uint8		state;
	int			degree;
	int			n;

	if (slot == NULL || !rvi_hnsw_peek_holds(reader, slot, node, &seq))
		return -1;
	state = slot->state;

	/* read once: the page may change between a test of it and its use */
	degree = ((volatile RvHnswSlotData *) slot)->degree;
	degree = Min(degree, 2 * geo->m);
	n = gpage_copy_edges(rvi_hnsw_slot_edges(geo, slot), degree, node, out);
	if (!rvi_hnsw_peek_holds(reader, slot, node, &seq))
		return -1;
	return state == RV_HNSW_LIVE || state == RV_HNSW_DOOMED ? n : 0;
}

/*
 * A node's edges on level 0, with flags, under pin and lock; 0 when it is no
 * node. *upper_block: where its lists of the other levels are, if it has that.
 */
static int
gpage_locked_edges(RvHnswReader *reader, RvHnswPlace place, RveNode node, int level,
				   BlockNumber *upper_block, RveNode *out)
{
	Buffer		buffer = InvalidBuffer;
	Page		page;
	int			n = 0;

	*upper_block = InvalidBlockNumber;
	if (rvi_hnsw_lock_page(reader, place.block, RV_HNSW_PAGE_GRAPH, &buffer, &page))
	{
		RvHnswSlot	slot = rvi_hnsw_page_node(reader, page, place.slot, node);

		if (slot != NULL)
		{
			rvi_hnsw_check_slot(reader, slot, place.block);
			if (level == 0)
				n = gpage_copy_edges(rvi_hnsw_slot_edges(&reader->index->geo, slot),
									 slot->degree, node, out);
			else if (level <= slot->level)
				*upper_block = slot->link;
		}
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
	return n;
}

int
rvi_hnsw_graph_edges(RvHnswPageGraph *graph, RveNode node, RveNode *out)
{
	RvHnswReader *reader = &graph->reader;
	RvHnswPlace place = rvi_hnsw_slot_place(&reader->index->geo, node);
	BlockNumber upper_block;
	int			n = gpage_peek_neighbors(reader, place, node, out);

	return n >= 0 ? n : gpage_locked_edges(reader, place, node, 0, &upper_block, out);
}

static int
gpage_neighbors(void *host, RveNode node, int level, RveNode *out)
{
	RvHnswPageGraph *graph = host;
	RvHnswReader *reader = &graph->reader;
	BlockNumber upper_block;
	int			n;
	int			i;

	if (level > 0)
	{
		(void) gpage_locked_edges(reader, rvi_hnsw_slot_place(&reader->index->geo, node), node,
								  level, &upper_block, out);
		return upper_block == InvalidBlockNumber ? 0 :
			gpage_upper_neighbors(reader, upper_block, node, level, out);
	}
	n = rvi_hnsw_graph_edges(graph, node, out);
	for (i = 0; i < n; i++)
		out[i] = RVE_HNSW_NODE(out[i]);
	return n;
}

/* Distance of a node's code to the query. */
static inline float
gpage_distance(RvHnswPageGraph *graph, RvHnswSlot slot)
{
	const RvHnswIndex *index = graph->reader.index;
	const uint8 *code = rvi_hnsw_slot_code(&index->geo, slot);

	if (graph->code != NULL)
		return gpage_finite(rve_quant_symmetric(index->codec, graph->code, &graph->factors,
												code, &slot->factors));
	return gpage_finite(rve_quant_distance(index->codec, graph->query, code, &slot->factors));
}

/* How the nodes of a call are scored. */
typedef enum GpageMode
{
	GPAGE_NODES,				/* nodes of the graph */
	GPAGE_FILTERED,				/* the same, and whether a row of theirs passes the filter */
	GPAGE_ROWS					/* rows that pass the filter, each for itself */
} GpageMode;

/* What is read of a slot to judge it by the filter. */
typedef struct GpageSeen
{
	uint8		state;
	bool		has_row;
	RveNode		dup_next;
	uint32		words[RV_HNSW_MAX_FILTERS];
} GpageSeen;

static inline void
gpage_see(const RvHnswPageGraph *graph, GpageMode mode, RvHnswSlot slot, GpageSeen *seen)
{
	int			w;

	seen->state = slot->state;
	if (mode == GPAGE_NODES)
		return;
	seen->has_row = ItemPointerIsValid(&slot->tid);
	seen->dup_next = slot->dup_next;
	for (w = 0; w < graph->filter->words; w++)
		seen->words[w] = slot->filters[w];
}

/* Whether a slot is of those that are scored. */
static inline bool
gpage_counts(const RvHnswPageGraph *graph, GpageMode mode, const GpageSeen *seen)
{
	if (mode != GPAGE_ROWS)
		return seen->state == RV_HNSW_LIVE || seen->state == RV_HNSW_DOOMED;
	return (seen->state == RV_HNSW_LIVE || seen->state == RV_HNSW_DUPLICATE) &&
		seen->has_row && rvi_hnsw_filter_passes(graph->filter, seen->words);
}

/* Whether a node that counts has a row that passes. Nothing may be locked. */
static inline bool
gpage_passes(RvHnswPageGraph *graph, RveNode node, const GpageSeen *seen)
{
	if (seen->state != RV_HNSW_LIVE)
		return false;
	if (seen->has_row && rvi_hnsw_filter_passes(graph->filter, seen->words))
		return true;
	return seen->dup_next != RVE_NODE_NONE &&
		rvi_hnsw_chain_passes(graph, node, seen->dup_next);
}

/*
 * A chain that is long is taken to have a row that passes: its rows are tested
 * one by one when they are returned.
 */
bool
rvi_hnsw_chain_passes(RvHnswPageGraph *graph, RveNode primary, RveNode next)
{
	RvHnswSlotData slot;
	uint32		words[RV_HNSW_MAX_FILTERS];
	int			steps;

	for (steps = 0; steps < GPAGE_CHAIN_STEPS && next != RVE_NODE_NONE; steps++)
	{
		if (!rvi_hnsw_read_row(&graph->reader, next, &slot, NULL, words) ||
			slot.link != primary ||
			(slot.state != RV_HNSW_DUPLICATE && slot.state != RV_HNSW_DOOMED_DUPLICATE))
			return true;
		if (slot.state == RV_HNSW_DUPLICATE && rvi_hnsw_filter_passes(graph->filter, words))
			return true;
		next = slot.dup_next;
	}
	return next != RVE_NODE_NONE;
}

/* Scores n nodes with pins and share locks. */
static void
gpage_score_pinned(RvHnswPageGraph *graph, GpageMode mode, const RveNode *nodes, int n,
				   float *dist, bool *pass)
{
	RvHnswReader *reader = &graph->reader;
	RvHnswPlace places[GPAGE_PINS];
	Buffer		buffers[GPAGE_PINS];
	int			from;
	int			i;

	for (from = 0; from < n; from += GPAGE_PINS)
	{
		int			count = Min(n - from, GPAGE_PINS);

		for (i = 0; i < count; i++)
		{
			places[i] = rvi_hnsw_slot_place(&reader->index->geo, nodes[from + i]);
			buffers[i] = rvi_hnsw_pin_slot(reader, places[i]);
		}
		for (i = 0; i < count; i++)
		{
			RvHnswSlot	slot;
			GpageSeen	seen = {RV_HNSW_EMPTY};

			dist[from + i] = NAN;
			if (!BufferIsValid(buffers[i]))
				continue;
			slot = rvi_hnsw_lock_slot(reader, buffers[i], places[i], nodes[from + i]);
			if (slot != NULL)
			{
				gpage_see(graph, mode, slot, &seen);
				if (gpage_counts(graph, mode, &seen))
					dist[from + i] = gpage_distance(graph, slot);
			}
			rvi_am_unlock_page(buffers[i]);
			rvi_am_release(buffers[i]);
			if (mode == GPAGE_FILTERED)
				pass[from + i] = gpage_passes(graph, nodes[from + i], &seen);
		}
	}
}

/* Scores one node without pin or lock; false: it has to be read with them. */
static inline bool
gpage_peek_score(RvHnswPageGraph *graph, GpageMode mode, RvHnswSlot slot, RveNode node,
				 float *dist, bool *pass)
{
	GpageSeen	seen;
	uint16		seq = 0;

	if (slot == NULL || !rvi_hnsw_peek_holds(&graph->reader, slot, node, &seq))
		return false;
	gpage_see(graph, mode, slot, &seen);
	*dist = gpage_counts(graph, mode, &seen) ? gpage_distance(graph, slot) : NAN;
	if (!rvi_hnsw_peek_holds(&graph->reader, slot, node, &seq))
		return false;
	if (mode == GPAGE_FILTERED)
		*pass = gpage_passes(graph, node, &seen);
	return true;
}

/* pass is for GPAGE_FILTERED. Inlined for each mode. */
static pg_attribute_always_inline void
gpage_score_nodes(RvHnswPageGraph *graph, GpageMode mode, const RveNode *nodes, int n,
				  float *dist, bool *pass)
{
	RvHnswReader *reader = &graph->reader;
	RvHnswSlot	slots[RVE_HNSW_MAX_DEGREE];
	RveNode		missed[RVE_HNSW_MAX_DEGREE];
	float		missed_dist[RVE_HNSW_MAX_DEGREE];
	bool		missed_pass[RVE_HNSW_MAX_DEGREE];
	int			positions[RVE_HNSW_MAX_DEGREE];
	int			count = 0;
	int			i;

	CHECK_FOR_INTERRUPTS();
	if (!reader->peek || n > RVE_HNSW_MAX_DEGREE)
	{
		gpage_score_pinned(graph, mode, nodes, n, dist, pass);
		return;
	}
	for (i = 0; i < n; i++)
	{
		slots[i] = rvi_hnsw_peek_slot(reader, rvi_hnsw_slot_place(&reader->index->geo, nodes[i]));
		if (slots[i] != NULL && i < GPAGE_AHEAD)
			rvi_hnsw_prefetch_slot(&reader->index->geo, slots[i]);
	}
	for (i = 0; i < n; i++)
	{
		if (i + GPAGE_AHEAD < n && slots[i + GPAGE_AHEAD] != NULL)
			rvi_hnsw_prefetch_slot(&reader->index->geo, slots[i + GPAGE_AHEAD]);
		if (gpage_peek_score(graph, mode, slots[i], nodes[i], &dist[i],
							 mode == GPAGE_FILTERED ? &pass[i] : NULL))
			continue;
		positions[count] = i;
		missed[count++] = nodes[i];
	}
	if (count == 0)
		return;
	gpage_score_pinned(graph, mode, missed, count, missed_dist, missed_pass);
	for (i = 0; i < count; i++)
	{
		dist[positions[i]] = missed_dist[i];
		if (mode == GPAGE_FILTERED)
			pass[positions[i]] = missed_pass[i];
	}
}

static void
gpage_score(void *host, const RveNode *nodes, int n, float *dist)
{
	gpage_score_nodes(host, GPAGE_NODES, nodes, n, dist, NULL);
}

static void
gpage_score_filtered(void *host, const RveNode *nodes, int n, float *dist, bool *pass)
{
	gpage_score_nodes(host, GPAGE_FILTERED, nodes, n, dist, pass);
}

static void
gpage_guess(void *host, const RveNode *nodes, int n, bool *worth)
{
	RvHnswPageGraph *graph = host;

	rvi_hnsw_filter_guess(&graph->reader, graph->filter, nodes, n, worth);
}

void
rvi_hnsw_score_rows(RvHnswPageGraph *graph, const RveNode *nodes, int n, float *dist)
{
	gpage_score_nodes(graph, GPAGE_ROWS, nodes, n, dist, NULL);
}

/* Edges that a search will soon follow. */
static void
gpage_hint(void *host, RveNode node)
{
	RvHnswPageGraph *graph = host;
	const RvHnswGeometry *geo = &graph->reader.index->geo;
	RvHnswSlot	slot = rvi_hnsw_peek_slot(&graph->reader, rvi_hnsw_slot_place(geo, node));
	const char *at;

	if (slot == NULL)
		return;
	__builtin_prefetch(slot);
	for (at = (const char *) rvi_hnsw_slot_edges(geo, slot);
		 at < (const char *) slot + geo->slot_bytes; at += RV_HNSW_CACHE_LINE)
		__builtin_prefetch(at);
}

/* Bytes of one loaded position: factors, then the code. */
static inline uint8 *
gpage_loaded(const RvHnswPageGraph *graph, int i)
{
	return graph->loaded + (Size) i * (sizeof(RveCodeFactors) + graph->reader.index->geo.code_bytes);
}

/* Copies a node's code to a loaded position without pin or lock; false: needs them. */
static bool
gpage_peek_load(RvHnswPageGraph *graph, RvHnswSlot slot, RveNode node, int i, bool *usable)
{
	const RvHnswGeometry *geo = &graph->reader.index->geo;
	uint16		seq = 0;

	if (slot == NULL || !rvi_hnsw_peek_holds(&graph->reader, slot, node, &seq))
		return false;
	memcpy(gpage_loaded(graph, i), &slot->factors, sizeof(RveCodeFactors));
	memcpy(gpage_loaded(graph, i) + sizeof(RveCodeFactors), rvi_hnsw_slot_code(geo, slot),
		   geo->code_bytes);
	*usable = slot->state == RV_HNSW_LIVE;
	return rvi_hnsw_peek_holds(&graph->reader, slot, node, &seq);
}

static void
gpage_load_locked(RvHnswPageGraph *graph, RveNode node, int i, bool *usable, Buffer *buffer)
{
	RvHnswReader *reader = &graph->reader;
	const RvHnswGeometry *geo = &reader->index->geo;
	RvHnswPlace place = rvi_hnsw_slot_place(geo, node);
	RvHnswSlot	slot;
	Page		page;

	/* pair() may be asked about a kept edge's target that is gone: no stale bytes then */
	*usable = false;
	memset(gpage_loaded(graph, i), 0, sizeof(RveCodeFactors) + geo->code_bytes);
	if (!rvi_hnsw_lock_page(reader, place.block, RV_HNSW_PAGE_GRAPH, buffer, &page))
		return;
	if (reader->peek)
		rvi_hnsw_peek_remember(reader, place.block, *buffer);
	slot = rvi_hnsw_page_node(reader, page, place.slot, node);
	if (slot != NULL)
	{
		memcpy(gpage_loaded(graph, i), &slot->factors, sizeof(RveCodeFactors));
		memcpy(gpage_loaded(graph, i) + sizeof(RveCodeFactors), rvi_hnsw_slot_code(geo, slot),
			   geo->code_bytes);
		*usable = slot->state == RV_HNSW_LIVE;
	}
	rvi_am_unlock_page(*buffer);
}

static void
gpage_load(void *host, const RveNode *nodes, int n, bool *usable)
{
	RvHnswPageGraph *graph = host;
	RvHnswReader *reader = &graph->reader;
	const RvHnswGeometry *geo = &reader->index->geo;
	RvHnswSlot	slots[GPAGE_LOAD_AHEAD];
	Buffer		buffer = InvalidBuffer;
	int			i;

	if (n > graph->loaded_room)
	{
		if (graph->loaded != NULL)
			pfree(graph->loaded);
		graph->loaded_room = Max(n, 256);
		graph->loaded = MemoryContextAllocHuge(GetMemoryChunkContext(graph),
											   (Size) graph->loaded_room *
											   (sizeof(RveCodeFactors) + geo->code_bytes));
	}

	/* slots are looked up a round ahead of being copied, so that their misses overlap */
	for (i = 0; i < n + GPAGE_LOAD_AHEAD; i++)
	{
		int			at = i - GPAGE_LOAD_AHEAD;

		if (at >= 0 && !gpage_peek_load(graph, slots[at % GPAGE_LOAD_AHEAD], nodes[at], at,
										&usable[at]))
			gpage_load_locked(graph, nodes[at], at, &usable[at], &buffer);
		if (i < n)
		{
			slots[i % GPAGE_LOAD_AHEAD] =
				rvi_hnsw_peek_slot(reader, rvi_hnsw_slot_place(geo, nodes[i]));
			if (slots[i % GPAGE_LOAD_AHEAD] != NULL)
				rvi_hnsw_prefetch_slot(geo, slots[i % GPAGE_LOAD_AHEAD]);
		}
	}
	rvi_am_release(buffer);
}

static float
gpage_pair(void *host, int i, int j)
{
	RvHnswPageGraph *graph = host;
	const uint8 *a = gpage_loaded(graph, i);
	const uint8 *b = gpage_loaded(graph, j);

	return gpage_finite(rve_quant_symmetric(graph->reader.index->codec,
											a + sizeof(RveCodeFactors), (const RveCodeFactors *) a,
											b + sizeof(RveCodeFactors), (const RveCodeFactors *) b));
}

/* Whether a live node has the query's code; *seq = its slot's. */
static bool
gpage_same_code(RvHnswPageGraph *graph, RveNode node, uint16 *seq)
{
	RvHnswReader *reader = &graph->reader;
	const RvHnswGeometry *geo = &reader->index->geo;
	RvHnswPlace place = rvi_hnsw_slot_place(geo, node);
	Buffer		buffer = InvalidBuffer;
	Page		page;
	bool		same = false;

	if (rvi_hnsw_lock_page(reader, place.block, RV_HNSW_PAGE_GRAPH, &buffer, &page))
	{
		RvHnswSlot	slot = rvi_hnsw_page_node(reader, page, place.slot, node);

		same = slot != NULL && slot->state == RV_HNSW_LIVE &&
			memcmp(&slot->factors, &graph->factors, sizeof(RveCodeFactors)) == 0 &&
			memcmp(rvi_hnsw_slot_code(geo, slot), graph->code, geo->code_bytes) == 0;
		if (same)
			*seq = slot->seq;
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
	return same;
}

/* Whether the payload under the slot seen last is the query's, too. */
static bool
gpage_same_payload(RvHnswPageGraph *graph, RveNode node)
{
	const RvHnswIndex *index = graph->reader.index;
	uint16		seq;

	if (index->geo.payload_bytes == 0)
		return rve_quant_code_complete(index->codec, graph->code, &graph->factors);
	return rvi_hnsw_read_vector(&graph->reader, node, &seq, graph->scratch) &&
		seq == graph->same_seq &&
		memcmp(graph->scratch, graph->payload, index->geo.payload_bytes) == 0;
}

static RveNode
gpage_same(void *host, const RveCandidate *candidates, int n)
{
	RvHnswPageGraph *graph = host;
	int			i;
	float		self = gpage_finite(rve_quant_symmetric(graph->reader.index->codec,
														graph->code, &graph->factors,
														graph->code, &graph->factors));

	/*
	 * An equal vector has an equal code and therefore the distance that the
	 * code has to itself; nothing farther need be looked at.
	 */
	for (i = 0; i < n && candidates[i].dist <= self; i++)
		if (gpage_same_code(graph, candidates[i].node, &graph->same_seq) &&
			gpage_same_payload(graph, candidates[i].node))
			return candidates[i].node;
	return RVE_NODE_NONE;
}

static const RveGraphOps gpage_ops = {
	.neighbors = gpage_neighbors,
	.score = gpage_score,
	.score_filtered = gpage_score_filtered,
	.guess = gpage_guess,
	.load = gpage_load,
	.hint = gpage_hint,
	.pair = gpage_pair,
	.same = gpage_same
};

RvHnswPageGraph *
rvi_hnsw_graph_create(Relation rel, RvHnswIndex *index, const RvHnswMetaPageData *meta)
{
	RvHnswPageGraph *graph = palloc0(sizeof(RvHnswPageGraph));

	rvi_hnsw_reader_init(&graph->reader, rel, index);
	graph->scratch = palloc(Max(index->geo.payload_bytes, 1));
	graph->graph.ops = &gpage_ops;
	graph->graph.host = graph;
	graph->graph.m = index->geo.m;
	rvi_hnsw_graph_refresh(graph, meta);
	return graph;
}

void
rvi_hnsw_graph_refresh(RvHnswPageGraph *graph, const RvHnswMetaPageData *meta)
{
	graph->graph.entry = meta->entry;
	graph->graph.entry_level = meta->entry_level;

	/* a hostile next_nid must not size memory: no more nodes than the relation has room for */
	graph->reader.blocks = RelationGetNumberOfBlocks(graph->reader.rel);
	graph->graph.bound = Min(meta->next_nid,
							 (uint64) graph->reader.blocks * graph->reader.index->geo.slots_per_page);
	rvi_hnsw_peek_init(&graph->reader);
}
