/*-------------------------------------------------------------------------
 *
 * hnsw_inspect.c
 *	  ruvector_hnsw_stats: what an hnsw index consists of;
 *	  ruvector_hnsw_meta, _page_stats, _page_items: what is on its pages.
 *
 * Stats read every graph page once under share locks; concurrent changes may
 * or may not be counted. The others copy one page and show it as it is: they
 * are for looking at what ruvector_index_check complains of, so numbers on a
 * page are bounded before they are used and otherwise shown unjudged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define INSPECT_COLUMNS 15
#define INSPECT_META_COLUMNS 21
#define INSPECT_PAGE_COLUMNS 9
#define INSPECT_ITEM_COLUMNS 13

Relation
rvi_hnsw_open_checked(Oid relid, int lockmode)
{
	Relation	rel = rvi_am_open_index(relid, lockmode, hnswbuild, "hnsw");

	rvi_am_check_select(rel);
	rvi_am_check_usable(rel);
	return rel;
}

typedef struct InspectCounts
{
	int64		states[RV_HNSW_DOOMED_DUPLICATE + 1];
	int64		rows;
	int64		edges;
	int			max_degree;
	int			max_level;
} InspectCounts;

static void
inspect_page(RvHnswReader *reader, BlockNumber block, RveNode first, InspectCounts *counts)
{
	const RvHnswGeometry *geo = &reader->index->geo;
	Buffer		buffer = InvalidBuffer;
	Page		page;
	uint32		i;

	if (rvi_hnsw_lock_page(reader, block, RV_HNSW_PAGE_GRAPH, &buffer, &page))
	{
		for (i = 0; i < geo->slots_per_page; i++)
		{
			RvHnswSlot	slot = rvi_hnsw_page_slot(geo, page, i);

			if (slot->state == RV_HNSW_EMPTY)
				continue;
			rvi_hnsw_check_slot(reader, slot, block);
			counts->states[slot->state]++;
			if (slot->state == RV_HNSW_LIVE || slot->state == RV_HNSW_DUPLICATE)
				counts->rows += ItemPointerIsValid(&slot->tid);
			if (slot->state != RV_HNSW_LIVE)
				continue;
			counts->edges += slot->degree;
			counts->max_degree = Max(counts->max_degree, slot->degree);
			counts->max_level = Max(counts->max_level, slot->level);
		}
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
}

RV_FUNCTION_INFO_V1(ruvector_hnsw_stats);

Datum
ruvector_hnsw_stats(PG_FUNCTION_ARGS)
{
	Relation	rel = rvi_hnsw_open_checked(PG_GETARG_OID(0), AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	InspectCounts counts = {{0}};
	RvHnswMetaPageData meta;
	RvHnswReader reader;
	TupleDesc	desc;
	Datum		values[INSPECT_COLUMNS];
	bool		nulls[INSPECT_COLUMNS] = {false};
	RveNode		first;
	BlockNumber block;
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != INSPECT_COLUMNS)
		elog(ERROR, "ruvector_hnsw_stats is declared with another row type");
	rvi_hnsw_reader_init(&reader, rel, rvi_hnsw_open(rel, &meta));
	for (block = RV_HNSW_MEAN_BLOCK; block < blocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rvi_hnsw_block_kind(&reader.index->geo, block, &first) == RV_HNSW_PAGE_GRAPH)
			inspect_page(&reader, block, first, &counts);
	}
	values[n++] = Int64GetDatum(counts.rows);
	values[n++] = Int64GetDatum(counts.states[RV_HNSW_LIVE]);
	values[n++] = Int64GetDatum(counts.states[RV_HNSW_DUPLICATE]);
	values[n++] = Int64GetDatum(counts.states[RV_HNSW_DOOMED] +
								counts.states[RV_HNSW_DOOMED_DUPLICATE]);
	values[n++] = Int64GetDatum(counts.states[RV_HNSW_FREE]);
	values[n++] = Int64GetDatum(counts.states[RV_HNSW_RESERVED]);
	values[n++] = Int32GetDatum(counts.max_level);
	nulls[n] = counts.states[RV_HNSW_LIVE] == 0;
	values[n] = Float8GetDatum(nulls[n] ? 0 :
							   (double) counts.edges / counts.states[RV_HNSW_LIVE]);
	n++;
	values[n++] = Int32GetDatum(counts.max_degree);
	values[n++] = Int32GetDatum(meta.dim);
	values[n++] = Int32GetDatum(meta.bits);
	values[n++] = Int32GetDatum(meta.m);
	values[n++] = Int32GetDatum(meta.ef_construction);
	values[n++] = Int64GetDatum(blocks);
	values[n++] = Int64GetDatum((int64) blocks * BLCKSZ);
	index_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* ---- one page ---- */

/* An index, one of its pages copied, and what belongs there. */
typedef struct InspectPage
{
	Relation	rel;
	RvHnswIndex *index;
	RvHnswMetaPageData meta;
	BlockNumber block;
	RvHnswPageKind kind;
	RveNode		first;
	PGAlignedBlock page;
} InspectPage;

static void
inspect_open_page(InspectPage *inspect, Oid relid, int64 block)
{
	BlockNumber blocks;

	inspect->rel = rvi_hnsw_open_checked(relid, AccessShareLock);
	inspect->index = rvi_hnsw_open(inspect->rel, &inspect->meta);
	blocks = RelationGetNumberOfBlocks(inspect->rel);
	if (block < 0 || block >= blocks)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("block %lld is out of range", (long long) block),
				 errdetail("Index \"%s\" has %u blocks.",
						   RelationGetRelationName(inspect->rel), blocks)));
	inspect->block = block;
	inspect->kind = rvi_hnsw_block_kind(&inspect->index->geo, inspect->block, &inspect->first);
	rvi_am_copy_page(inspect->rel, inspect->block, inspect->page.data);
}

static const char *
inspect_kind_name(RvHnswPageKind kind)
{
	static const char *const names[] = {NULL, "meta", "mean", "graph", "upper", "vector", "filter"};

	return names[kind];
}

static const char *
inspect_state_name(uint8 state)
{
	static const char *const names[] = {
		"empty", "free", "reserved", "live", "duplicate", "doomed", "doomed duplicate"
	};

	return state < lengthof(names) ? names[state] : psprintf("unknown (%u)", state);
}

/* The numbers of a list that have the kept flag or, among all, without it. */
static Datum
inspect_edges(const uint32 *edges, int count, bool only_kept)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));
	int			n = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		if (!only_kept || (edges[i] & RVE_HNSW_KEPT) != 0)
			values[n++] = Int64GetDatum(edges[i] & ~RVE_HNSW_KEPT);
	}
	return PointerGetDatum(construct_array(values, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/* A nid, block or transaction id in an unsigned field; NULL where it means none. */
static Datum
inspect_number(uint32 value, uint32 none, bool *is_null)
{
	*is_null = value == none;
	return Int64GetDatum(value);
}

RV_FUNCTION_INFO_V1(ruvector_hnsw_meta);

Datum
ruvector_hnsw_meta(PG_FUNCTION_ARGS)
{
	Relation	rel = rvi_hnsw_open_checked(PG_GETARG_OID(0), AccessShareLock);
	RvHnswMetaPageData meta;
	TupleDesc	desc;
	Datum		values[INSPECT_META_COLUMNS];
	bool		nulls[INSPECT_META_COLUMNS] = {false};
	Datum		ratios[RV_HNSW_STOP_STEPS];
	int			n = 0;
	int			i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != INSPECT_META_COLUMNS)
		elog(ERROR, "ruvector_hnsw_meta is declared with another row type");
	(void) rvi_hnsw_open(rel, &meta);
	values[n++] = Int32GetDatum(meta.version);
	values[n++] = Int64GetDatum(meta.index_magic);
	values[n++] = Int64GetDatum(meta.dim);
	values[n++] = Int32GetDatum(meta.m);
	values[n++] = Int32GetDatum(meta.ef_construction);
	values[n++] = Int32GetDatum(meta.metric);
	values[n++] = Int32GetDatum(meta.kind);
	values[n++] = Int32GetDatum(meta.bits);
	values[n++] = Int32GetDatum(meta.filter_words);
	values[n++] = Int64GetDatum(meta.coded_dim);
	values[n++] = Int32GetDatum(meta.capacity);
	values[n++] = Int64GetDatum(meta.mean_pages);
	values[n++] = Float4GetDatum(meta.low);
	values[n++] = Float4GetDatum(meta.high);
	values[n] = inspect_number(meta.entry, RVE_NODE_NONE, &nulls[n]);
	n++;
	values[n++] = Int32GetDatum(meta.entry_level);
	values[n++] = Int64GetDatum(meta.next_nid);
	values[n] = inspect_number(meta.free_head, RVE_NODE_NONE, &nulls[n]);
	n++;
	values[n++] = Int64GetDatum(meta.free_count);
	values[n++] = BoolGetDatum(meta.reconnect != 0);
	for (i = 0; i < RV_HNSW_STOP_STEPS; i++)
		ratios[i] = Float4GetDatum(meta.stop_ratio[i]);
	values[n++] = PointerGetDatum(construct_array(ratios, RV_HNSW_STOP_STEPS, FLOAT4OID,
												  sizeof(float4), true, TYPALIGN_INT));
	index_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* Slots of the page's kind, and how many of them are in use. */
static int
inspect_count_slots(InspectPage *inspect, int *used)
{
	const RvHnswGeometry *geo = &inspect->index->geo;
	Page		page = (Page) inspect->page.data;
	int			slots = 0;
	int			i;

	if (inspect->kind == RV_HNSW_PAGE_GRAPH)
		slots = geo->slots_per_page;
	else if (inspect->kind == RV_HNSW_PAGE_UPPER)
		slots = geo->uppers_per_page;
	else if (inspect->kind == RV_HNSW_PAGE_VECTOR)
		slots = geo->vectors_per_page;
	*used = 0;
	for (i = 0; i < slots; i++)
	{
		if (inspect->kind == RV_HNSW_PAGE_GRAPH)
			*used += rvi_hnsw_page_slot(geo, page, i)->state != RV_HNSW_EMPTY;
		else if (inspect->kind == RV_HNSW_PAGE_UPPER)
			*used += rvi_hnsw_page_upper(geo, page, i)->level != 0;
		else
			*used += rvi_hnsw_page_vector(geo, page, i)->seq != 0;
	}
	return slots;
}

RV_FUNCTION_INFO_V1(ruvector_hnsw_page_stats);

Datum
ruvector_hnsw_page_stats(PG_FUNCTION_ARGS)
{
	InspectPage inspect;
	PageHeader	header = (PageHeader) inspect.page.data;
	bool		is_new;
	const char *problem = NULL;
	TupleDesc	desc;
	Datum		values[INSPECT_PAGE_COLUMNS];
	bool		nulls[INSPECT_PAGE_COLUMNS] = {false};
	int			used = 0;
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != INSPECT_PAGE_COLUMNS)
		elog(ERROR, "ruvector_hnsw_page_stats is declared with another row type");
	inspect_open_page(&inspect, PG_GETARG_OID(0), PG_GETARG_INT64(1));
	is_new = PageIsNew((Page) inspect.page.data);
	if (!is_new)
		problem = rvi_hnsw_page_problem(inspect.index, (Page) inspect.page.data, inspect.kind);
	values[n++] = CStringGetTextDatum(inspect_kind_name(inspect.kind));
	values[n++] = BoolGetDatum(!is_new);
	values[n] = inspect_number(inspect.first, RVE_NODE_NONE, &nulls[n]);
	n++;
	values[n++] = Int32GetDatum(inspect_count_slots(&inspect, &used));
	values[n++] = Int32GetDatum(problem == NULL ? used : 0);
	values[n++] = LSNGetDatum(PageXLogRecPtrGet(header->pd_lsn));
	values[n++] = Int32GetDatum(header->pd_lower);
	values[n++] = Int32GetDatum(header->pd_upper);
	nulls[n] = problem == NULL;
	values[n++] = problem == NULL ? (Datum) 0 : CStringGetTextDatum(problem);
	index_close(inspect.rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* ---- the slots of a page: column numbers of ruvector_hnsw_page_items ---- */

typedef enum InspectItem
{
	ITEM_SLOT,
	ITEM_NID,
	ITEM_SEQ,
	ITEM_STATE,
	ITEM_LEVEL,
	ITEM_TID,
	ITEM_DEGREE,
	ITEM_LINK,
	ITEM_NEXT,
	ITEM_PART,
	ITEM_EDGES,
	ITEM_KEPT,
	ITEM_FILTERS
} InspectItem;

typedef struct InspectRow
{
	Datum		values[INSPECT_ITEM_COLUMNS];
	bool		nulls[INSPECT_ITEM_COLUMNS];
} InspectRow;

static void
inspect_set(InspectRow *row, InspectItem column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

/* Link and next mean another thing in every state (docs/hnsw-format.md). */
static void
inspect_graph_links(const RvHnswSlotData *slot, InspectRow *row)
{
	if (slot->state == RV_HNSW_FREE || slot->state == RV_HNSW_DUPLICATE ||
		slot->state == RV_HNSW_DOOMED_DUPLICATE || slot->level > 0)
		row->values[ITEM_LINK] = inspect_number(slot->link, RVE_NODE_NONE, &row->nulls[ITEM_LINK]);
	if (slot->state != RV_HNSW_FREE)
		row->values[ITEM_NEXT] = inspect_number(slot->dup_next, RVE_NODE_NONE,
												&row->nulls[ITEM_NEXT]);
}

static void
inspect_graph_item(InspectPage *inspect, int i, InspectRow *row)
{
	const RvHnswGeometry *geo = &inspect->index->geo;
	RvHnswSlot	slot = rvi_hnsw_page_slot(geo, (Page) inspect->page.data, i);
	int			degree = Min(slot->degree, 2 * geo->m);

	inspect_set(row, ITEM_STATE, CStringGetTextDatum(inspect_state_name(slot->state)));
	if (slot->state == RV_HNSW_EMPTY)
		return;
	inspect_set(row, ITEM_NID, Int64GetDatum(slot->nid));
	inspect_set(row, ITEM_SEQ, Int32GetDatum(slot->seq));
	inspect_set(row, ITEM_LEVEL, Int32GetDatum(slot->level));
	if (ItemPointerIsValid(&slot->tid))
		inspect_set(row, ITEM_TID, PointerGetDatum(&slot->tid));
	inspect_set(row, ITEM_DEGREE, Int32GetDatum(slot->degree));
	inspect_graph_links(slot, row);
	inspect_set(row, ITEM_EDGES, inspect_edges(rvi_hnsw_slot_edges(geo, slot), degree, false));
	inspect_set(row, ITEM_KEPT, inspect_edges(rvi_hnsw_slot_edges(geo, slot), degree, true));
	if (geo->filter_words > 0)
	{
		Datum		words[RV_HNSW_MAX_FILTERS];
		int			w;

		for (w = 0; w < geo->filter_words; w++)
			words[w] = Int64GetDatum(slot->filters[w]);
		inspect_set(row, ITEM_FILTERS,
					PointerGetDatum(construct_array(words, geo->filter_words, INT8OID,
													sizeof(int64), FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE)));
	}
}

static void
inspect_upper_item(InspectPage *inspect, int i, InspectRow *row)
{
	const RvHnswGeometry *geo = &inspect->index->geo;
	RvHnswUpper upper = rvi_hnsw_page_upper(geo, (Page) inspect->page.data, i);

	inspect_set(row, ITEM_LEVEL, Int32GetDatum(upper->level));
	if (upper->level == 0)
		return;
	inspect_set(row, ITEM_NID, Int64GetDatum(upper->nid));
	inspect_set(row, ITEM_SEQ, Int32GetDatum(upper->seq));
	inspect_set(row, ITEM_DEGREE, Int32GetDatum(upper->count));
	inspect_set(row, ITEM_EDGES, inspect_edges(upper->edges, Min(upper->count, geo->m), false));
}

static void
inspect_vector_item(InspectPage *inspect, int i, InspectRow *row)
{
	RvHnswVectorSlot vector = rvi_hnsw_page_vector(&inspect->index->geo,
												   (Page) inspect->page.data, i);

	inspect_set(row, ITEM_SEQ, Int32GetDatum(vector->seq));
	if (vector->seq == 0)
		return;
	inspect_set(row, ITEM_NID, Int64GetDatum(vector->nid));
	inspect_set(row, ITEM_PART, Int32GetDatum(vector->part));
}

RV_FUNCTION_INFO_V1(ruvector_hnsw_page_items);

Datum
ruvector_hnsw_page_items(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	InspectPage inspect;
	InspectRow	row;
	int			slots;
	int			used;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	if (result->setDesc->natts != INSPECT_ITEM_COLUMNS)
		elog(ERROR, "ruvector_hnsw_page_items is declared with another row type");
	inspect_open_page(&inspect, PG_GETARG_OID(0), PG_GETARG_INT64(1));
	if (!PageIsNew((Page) inspect.page.data))
		rvi_hnsw_check_page(inspect.rel, inspect.index, inspect.block, (Page) inspect.page.data,
							inspect.kind);
	slots = PageIsNew((Page) inspect.page.data) ? 0 : inspect_count_slots(&inspect, &used);
	for (i = 0; i < slots; i++)
	{
		memset(row.nulls, true, sizeof(row.nulls));
		inspect_set(&row, ITEM_SLOT, Int32GetDatum(i));
		if (inspect.kind == RV_HNSW_PAGE_GRAPH)
			inspect_graph_item(&inspect, i, &row);
		else if (inspect.kind == RV_HNSW_PAGE_UPPER)
			inspect_upper_item(&inspect, i, &row);
		else
			inspect_vector_item(&inspect, i, &row);
		tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
	}
	index_close(inspect.rel, NoLock);
	PG_RETURN_NULL();
}
