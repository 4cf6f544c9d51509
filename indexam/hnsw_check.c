/*-------------------------------------------------------------------------
 *
 * hnsw_check.c
 *	  ruvector_index_check: verifies README-hnsw.md's invariants on all pages.
 *
 * Takes a share lock on the table, so nothing moves; on a standby, where it
 * cannot, the answer holds when replay stands still. Reports each breach as a
 * row instead of stopping at the first. Pages are copied and every number on
 * them is taken as hostile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"
#include "indexam/ivf_int.h"

/* What a slot says, kept for the checks across slots. */
typedef struct CheckNode
{
	uint32		link;
	uint32		dup_next;
	uint16		seq;
	uint8		state;
	uint8		level;
	uint8		upper_lists;	/* found so far */
	bool		seen;			/* in a chain, or reached */
} CheckNode;

typedef struct HnswCheck
{
	ReturnSetInfo *result;
	Relation	rel;
	RvHnswIndex *index;
	RvHnswMetaPageData meta;
	RvHnswReader reader;
	BlockNumber blocks;
	CheckNode  *nodes;
	uint64		bound;			/* nids the relation has room for, at most next_nid */
	uint64		live;
	uint64		breaches;
	char	   *page;			/* copy of the current page */
} HnswCheck;

static void check_report(HnswCheck *check, const char *severity, int invariant, BlockNumber block,
						 const char *format,...) pg_attribute_printf(5, 6);

static void
check_report(HnswCheck *check, const char *severity, int invariant, BlockNumber block,
			 const char *format,...)
{
	va_list		args;

	va_start(args, format);
	rvi_am_report(check->result, severity, "HNSW", invariant, block, format, args);
	va_end(args);
	check->breaches++;
}

static BlockNumber
check_block_of(HnswCheck *check, RveNode nid)
{
	return rvi_hnsw_slot_place(&check->index->geo, nid).block;
}

/* ---- HNSW-1, 3: pages and the meta page ---- */

/* Copies a page to check->page; false when it is new or not what it should be. */
static bool
check_page(HnswCheck *check, BlockNumber block, RvHnswPageKind kind)
{
	Size		lower = SizeOfPageHeaderData;
	const char *problem;

	rvi_am_copy_page(check->rel, block, check->page);
	if (PageIsNew((Page) check->page))
		return false;
	problem = rvi_hnsw_page_problem(check->index, (Page) check->page, kind);
	if (problem != NULL)
	{
		check_report(check, "error", 1, block, "%s", problem + strlen("HNSW-1: "));
		return false;
	}
	if (kind != RV_HNSW_PAGE_MEAN)
		lower += rvi_hnsw_array_bytes(&check->index->geo, kind);
	if (((PageHeader) check->page)->pd_lower < lower ||
		((PageHeader) check->page)->pd_lower > BLCKSZ - sizeof(RvHnswOpaqueData))
		check_report(check, "error", 1, block, "pd_lower %u does not cover the slots.",
					 ((PageHeader) check->page)->pd_lower);
	return true;
}

static void
check_meta(HnswCheck *check)
{
	const RvHnswMetaPageData *meta = &check->meta;
	uint64		room = (uint64) check->blocks * check->index->geo.slots_per_page;

	if (meta->next_nid > room)
		check_report(check, "error", 3, RV_HNSW_META_BLOCK,
					 "next_nid %u is more than %u blocks can hold.", meta->next_nid, check->blocks);
	if (meta->free_count > meta->next_nid)
		check_report(check, "error", 3, RV_HNSW_META_BLOCK, "free_count %u exceeds next_nid %u.",
					 meta->free_count, meta->next_nid);
	if (meta->mean_pages != check->index->geo.mean_pages)
		check_report(check, "error", 3, RV_HNSW_META_BLOCK, "mean_pages is %u, not %u.",
					 meta->mean_pages, check->index->geo.mean_pages);
}

/* Pages whose slots are looked at one by one later, if at all. */
static void
check_other_pages(HnswCheck *check)
{
	BlockNumber block;
	RveNode		first;

	for (block = RV_HNSW_MEAN_BLOCK; block < check->blocks; block++)
	{
		RvHnswPageKind kind = rvi_hnsw_block_kind(&check->index->geo, block, &first);

		CHECK_FOR_INTERRUPTS();
		if (kind == RV_HNSW_PAGE_MEAN || kind == RV_HNSW_PAGE_VECTOR ||
			kind == RV_HNSW_PAGE_FILTER)
			(void) check_page(check, block, kind);
	}
}

/* ---- HNSW-2, 5, 11: graph slots ---- */

static void
check_edges(HnswCheck *check, BlockNumber block, RveNode nid, const uint32 *edges, int count)
{
	int			i;
	int			j;

	for (i = 0; i < count; i++)
	{
		RveNode		node = RVE_HNSW_NODE(edges[i]);

		if (node == nid)
			check_report(check, "error", 5, block, "node %u has an edge to itself.", nid);
		if (node >= check->meta.next_nid)
			check_report(check, "error", 5, block, "node %u has an edge to %u, which never was.",
						 nid, node);
		for (j = 0; j < i; j++)
			if (node == RVE_HNSW_NODE(edges[j]))
				check_report(check, "error", 5, block, "node %u has two edges to %u.", nid, node);
	}
}

static void
check_slot(HnswCheck *check, BlockNumber block, RvHnswSlot slot, RveNode nid)
{
	CheckNode  *node;

	if (slot->state == RV_HNSW_EMPTY)
		return;
	if (nid >= check->meta.next_nid || nid >= check->bound)
	{
		check_report(check, "error", 11, block, "slot %u is used but next_nid is %u.", nid,
					 check->meta.next_nid);
		return;
	}
	if (slot->nid != nid || slot->magic != check->index->magic ||
		slot->state > RV_HNSW_DOOMED_DUPLICATE || slot->level > RVE_HNSW_MAX_LEVEL ||
		slot->degree > 2 * check->index->geo.m ||
		(slot->state != RV_HNSW_LIVE && slot->state != RV_HNSW_DOOMED &&
		 (slot->level != 0 || slot->degree != 0)))
	{
		check_report(check, "error", 2, block,
					 "slot %u says nid %u, state %u, level %u, degree %u, magic %08X.", nid,
					 slot->nid, slot->state, slot->level, slot->degree, slot->magic);
		return;
	}
	node = &check->nodes[nid];
	node->state = slot->state;
	node->level = slot->level;
	node->seq = slot->seq;
	node->link = slot->link;
	node->dup_next = slot->dup_next;
	if (slot->state == RV_HNSW_LIVE)
	{
		check->live++;
		if (!ItemPointerIsValid(&slot->tid) && slot->dup_next == RVE_NODE_NONE)
			check_report(check, "warning", 2, block, "node %u has neither row nor duplicates.", nid);
	}
	else if (slot->state == RV_HNSW_DUPLICATE && !ItemPointerIsValid(&slot->tid))
		check_report(check, "error", 2, block, "duplicate %u has no row.", nid);
	check_edges(check, block, nid, rvi_hnsw_slot_edges(&check->index->geo, slot), slot->degree);
}

static void
check_graph_pages(HnswCheck *check)
{
	const RvHnswGeometry *geo = &check->index->geo;
	BlockNumber block;
	RveNode		first;
	uint32		i;

	for (block = RV_HNSW_MEAN_BLOCK; block < check->blocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rvi_hnsw_block_kind(geo, block, &first) != RV_HNSW_PAGE_GRAPH ||
			!check_page(check, block, RV_HNSW_PAGE_GRAPH))
			continue;
		for (i = 0; i < geo->slots_per_page; i++)
			check_slot(check, block, rvi_hnsw_page_slot(geo, (Page) check->page, i), first + i);
	}
}

/* ---- HNSW-6: upper lists ---- */

static void
check_upper(HnswCheck *check, BlockNumber block, RvHnswUpper upper)
{
	CheckNode  *node;

	if (upper->level == 0)
		return;
	if (upper->nid >= check->bound || upper->level > RVE_HNSW_MAX_LEVEL ||
		upper->count > check->index->geo.m)
	{
		check_report(check, "error", 6, block, "an upper list says nid %u, level %u, count %u.",
					 upper->nid, upper->level, upper->count);
		return;
	}
	node = &check->nodes[upper->nid];
	if (node->state == RV_HNSW_RESERVED)
		return;
	if ((node->state != RV_HNSW_LIVE && node->state != RV_HNSW_DOOMED) || node->link != block ||
		node->seq != upper->seq || upper->level > node->level)
	{
		check_report(check, "error", 6, block, "a list of level %u belongs to no node %u.",
					 upper->level, upper->nid);
		return;
	}
	node->upper_lists++;
	check_edges(check, block, upper->nid, upper->edges, upper->count);
}

static void
check_upper_pages(HnswCheck *check)
{
	const RvHnswGeometry *geo = &check->index->geo;
	BlockNumber block;
	RveNode		nid;
	uint32		i;

	for (block = RV_HNSW_MEAN_BLOCK; block < check->blocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rvi_hnsw_block_kind(geo, block, &nid) != RV_HNSW_PAGE_UPPER ||
			!check_page(check, block, RV_HNSW_PAGE_UPPER))
			continue;
		for (i = 0; i < geo->uppers_per_page; i++)
			check_upper(check, block, rvi_hnsw_page_upper(geo, (Page) check->page, i));
	}
	for (nid = 0; nid < check->bound; nid++)
	{
		CheckNode  *node = &check->nodes[nid];

		if (node->state == RV_HNSW_LIVE && node->upper_lists != node->level)
			check_report(check, "error", 6, check_block_of(check, nid),
						 "node %u of level %u has %u upper lists.", nid, node->level,
						 node->upper_lists);
	}
}

/* ---- HNSW-7, 8: chains ---- */

/* Walks the duplicates of one node; marks them seen. */
static void
check_duplicates(HnswCheck *check, RveNode primary)
{
	RveNode		at = check->nodes[primary].dup_next;

	while (at != RVE_NODE_NONE)
	{
		if (at >= check->bound || check->nodes[at].link != primary || check->nodes[at].seen ||
			(check->nodes[at].state != RV_HNSW_DUPLICATE &&
			 check->nodes[at].state != RV_HNSW_DOOMED_DUPLICATE))
		{
			check_report(check, "error", 7, check_block_of(check, primary),
						 "the chain of duplicates of node %u leads to %u.", primary, at);
			return;
		}
		check->nodes[at].seen = true;
		at = check->nodes[at].dup_next;
	}
}

static void
check_free_chain(HnswCheck *check)
{
	RveNode		at = check->meta.free_head;
	uint64		count = 0;

	while (at != RVE_NODE_NONE)
	{
		if (at >= check->bound || check->nodes[at].state != RV_HNSW_FREE || check->nodes[at].seen)
		{
			check_report(check, "error", 8, RV_HNSW_META_BLOCK,
						 "the chain of free slots leads to %u.", at);
			return;
		}
		check->nodes[at].seen = true;
		at = check->nodes[at].link;
		count++;
	}
	if (count != check->meta.free_count)
		check_report(check, "error", 8, RV_HNSW_META_BLOCK,
					 "the chain of free slots has %llu members, the meta page says %u.",
					 (unsigned long long) count, check->meta.free_count);
}

static void
check_chains(HnswCheck *check)
{
	RveNode		nid;

	for (nid = 0; nid < check->bound; nid++)
		if (check->nodes[nid].state == RV_HNSW_LIVE)
			check_duplicates(check, nid);
	check_free_chain(check);
	for (nid = 0; nid < check->bound; nid++)
	{
		CHECK_FOR_INTERRUPTS();
		if (check->nodes[nid].seen)
			continue;
		if (check->nodes[nid].state == RV_HNSW_DUPLICATE)
			check_report(check, "error", 7, check_block_of(check, nid),
						 "duplicate %u is in no chain.", nid);
		if (check->nodes[nid].state == RV_HNSW_FREE)
			check_report(check, "error", 8, check_block_of(check, nid),
						 "free slot %u is not in the chain.", nid);
	}
}

/* ---- HNSW-9: vectors and codes ---- */

/* Whether code and payload are what an encoder could have made. */
static bool
check_measurable(const HnswCheck *check, const RveCodecQuery *origin, const RvHnswSlotData *slot,
				 const uint8 *code, const uint8 *payload)
{
	const RvHnswIndex *index = check->index;
	const float *x = (const float *) payload;
	double		error;
	int			i;

	if (!isfinite(slot->factors.add) || !isfinite(slot->factors.resc))
		return false;
	if (index->geo.payload_bytes == 0)
		return true;
	if (!index->raw_payload)
	{
		(void) rve_quant_refine(index->codec, origin, code, &slot->factors, payload, &error);
		return error < DBL_MAX;
	}
	for (i = 0; index->type->elements == RVE_DENSE && i < index->geo.dim; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

/* The zero vector, prepared as a query. */
static RveCodecQuery *
check_origin(const HnswCheck *check)
{
	RveVectorView view = {0};
	RveCodecQuery *query = NULL;

	view.elements = check->index->type->elements;
	view.dim = check->index->geo.dim;
	if (view.elements == RVE_DENSE)
		view.x = palloc0(view.dim * sizeof(float));
	else if (view.elements == RVE_BITS)
		view.bits = palloc0((view.dim + 7) / 8);
	rv_runtime_check_status(rve_quant_query_prepare(check->index->codec, &view, &query),
							"hnsw check");
	return query;
}

static void
check_vectors(HnswCheck *check)
{
	const RvHnswGeometry *geo = &check->index->geo;
	RveCodecQuery *origin = check_origin(check);
	uint8	   *payload = palloc(Max(geo->payload_bytes, 1));
	uint8	   *code = palloc(geo->code_bytes);
	RvHnswSlotData slot;
	uint16		seq;
	RveNode		nid;

	for (nid = 0; nid < check->bound; nid++)
	{
		CheckNode  *node = &check->nodes[nid];

		CHECK_FOR_INTERRUPTS();
		if (node->state != RV_HNSW_LIVE && node->state != RV_HNSW_DUPLICATE)
			continue;
		if (!rvi_hnsw_read_code(&check->reader, nid, &slot, code))
			check_report(check, "error", 9, check_block_of(check, nid), "node %u has no code.", nid);
		else if (geo->payload_bytes > 0 &&
				 (!rvi_hnsw_read_vector(&check->reader, nid, &seq, payload) || seq != node->seq))
			check_report(check, "error", 9, rvi_hnsw_vector_place(geo, nid).block,
						 "node %u has no vector.", nid);
		else if (!check_measurable(check, origin, &slot, code, payload))
			check_report(check, "error", 9, check_block_of(check, nid),
						 "code and vector of node %u are none.", nid);
	}
}

/* ---- HNSW-12: filter words ---- */

static void
check_filters(HnswCheck *check)
{
	const RvHnswGeometry *geo = &check->index->geo;
	uint32		in_slot[RV_HNSW_MAX_FILTERS];
	uint32		on_page[RV_HNSW_MAX_FILTERS];
	RvHnswSlotData slot;
	uint32		run;
	RveNode		nid;

	for (nid = 0; nid < check->bound && geo->filter_words > 0; nid++)
	{
		CheckNode  *node = &check->nodes[nid];

		CHECK_FOR_INTERRUPTS();
		if (node->state != RV_HNSW_LIVE && node->state != RV_HNSW_DUPLICATE)
			continue;
		if (!rvi_hnsw_read_row(&check->reader, nid, &slot, NULL, in_slot) ||
			!rvi_hnsw_read_filters(&check->reader, nid, on_page) ||
			memcmp(in_slot, on_page, geo->filter_words * sizeof(uint32)) != 0)
			check_report(check, "error", 12, rvi_hnsw_filter_place(geo, nid, &run).block,
						 "the filter page has other words than node %u.", nid);
	}
}

/* ---- HNSW-4, 10: entry and reachability ---- */

/* Whether the meta page's entry can be searched from. */
static bool
check_entry(HnswCheck *check)
{
	const RvHnswMetaPageData *meta = &check->meta;

	if (meta->entry == RVE_NODE_NONE)
	{
		if (check->live > 0)
			check_report(check, "error", 4, RV_HNSW_META_BLOCK,
						 "there is no entry but %llu nodes.", (unsigned long long) check->live);
		return false;
	}
	if (meta->entry >= check->bound || (check->nodes[meta->entry].state != RV_HNSW_LIVE &&
										check->nodes[meta->entry].state != RV_HNSW_DOOMED))
	{
		check_report(check, "error", 4, RV_HNSW_META_BLOCK, "the entry %u is no node.", meta->entry);
		return false;
	}
	if (meta->entry_level > check->nodes[meta->entry].level)
		check_report(check, "error", 4, RV_HNSW_META_BLOCK,
					 "the entry %u has level %u, the meta page says %u.", meta->entry,
					 check->nodes[meta->entry].level, meta->entry_level);
	return true;
}

/* Marks as seen what is reachable from the entry on level 0, by all edges or by kept ones. */
static void
check_reach(HnswCheck *check, RveNode *stack, bool kept_only)
{
	RveNode		edges[RVE_HNSW_MAX_DEGREE];
	Size		depth = 0;
	RveNode		nid;
	int			n;
	int			i;

	for (nid = 0; nid < check->bound; nid++)
		check->nodes[nid].seen = false;
	check->nodes[check->meta.entry].seen = true;
	stack[depth++] = check->meta.entry;
	while (depth > 0)
	{
		CHECK_FOR_INTERRUPTS();
		nid = stack[--depth];
		n = rvi_hnsw_read_list(&check->reader, check_block_of(check, nid), nid, 0, edges);
		for (i = 0; i < n; i++)
		{
			RveNode		node = RVE_HNSW_NODE(edges[i]);

			if ((kept_only && (edges[i] & RVE_HNSW_KEPT) == 0) || node >= check->bound ||
				check->nodes[node].seen)
				continue;
			check->nodes[node].seen = true;
			stack[depth++] = node;
		}
	}
}

static void
check_reachable(HnswCheck *check)
{
	RveNode    *stack = MemoryContextAllocHuge(CurrentMemoryContext,
											   (check->bound + 1) * sizeof(RveNode));
	int			kept;
	RveNode		nid;

	for (kept = 0; kept <= 1; kept++)
	{
		check_reach(check, stack, kept == 1);
		for (nid = 0; nid < check->bound; nid++)
			if (check->nodes[nid].state == RV_HNSW_LIVE && !check->nodes[nid].seen)
				check_report(check, "warning", 10, check_block_of(check, nid),
							 kept ? "no kept edges lead from the entry to node %u." :
							 "no path leads from the entry to node %u.", nid);
	}
}

RV_FUNCTION_INFO_V1(ruvector_index_check);

Datum
ruvector_index_check(PG_FUNCTION_ARGS)
{
	HnswCheck	check = {0};

	if (rvi_ivf_is_index(PG_GETARG_OID(0)))
		return rvi_ivf_check(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;

	/* a standby grants no share lock; its only writer is replay, which the caller lets catch up */
	check.rel = rvi_hnsw_open_checked(PG_GETARG_OID(0),
									  RecoveryInProgress() ? AccessShareLock : ShareLock);
	check.index = rvi_hnsw_open(check.rel, &check.meta);
	check.blocks = RelationGetNumberOfBlocks(check.rel);
	check.bound = Min(check.meta.next_nid,
					  (uint64) check.blocks * check.index->geo.slots_per_page);
	check.nodes = MemoryContextAllocExtended(CurrentMemoryContext,
											 (check.bound + 1) * sizeof(CheckNode),
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check.page = palloc(BLCKSZ);
	rvi_hnsw_reader_init(&check.reader, check.rel, check.index);
	check_meta(&check);
	check_other_pages(&check);
	check_graph_pages(&check);
	check_upper_pages(&check);
	check_chains(&check);

	/* what follows reads through the index's own functions, which raise what is reported above */
	if (check_entry(&check) && check.breaches == 0)
	{
		check_vectors(&check);
		check_filters(&check);
		check_reachable(&check);
	}
	index_close(check.rel, NoLock);
	return (Datum) 0;
}
