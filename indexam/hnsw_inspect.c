/*-------------------------------------------------------------------------
 *
 * hnsw_inspect.c
 *	  ruvector_hnsw_stats: what an hnsw index consists of.
 *
 * Reads every graph page once under share locks; concurrent changes may or
 * may not be counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define INSPECT_COLUMNS 15

Relation
rvi_hnsw_open_checked(Oid relid, int lockmode)
{
	Oid			heap;
	Relation	rel;

	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with OID %u", relid)));
	if (get_rel_relkind(relid) != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", get_rel_name(relid))));

	/* the table first, as everybody else locks them */
	heap = IndexGetRelation(relid, false);
	LockRelationOid(heap, lockmode);
	rel = index_open(relid, lockmode);
	if (rel->rd_indam->ambuild != hnswbuild)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an hnsw index", RelationGetRelationName(rel))));
	if (pg_class_aclcheck(heap, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(heap));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
	if (!rel->rd_index->indisready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not ready", RelationGetRelationName(rel))));
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
		rvi_hnsw_unlock_page(buffer);
	}
	rvi_hnsw_release(buffer);
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
