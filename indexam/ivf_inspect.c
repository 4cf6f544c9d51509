/*-------------------------------------------------------------------------
 *
 * ivf_inspect.c
 *	  ruvector_ivfflat_stats, and ruvector_index_maintenance.
 *
 * Statistics read every list's first page under share locks; concurrent
 * changes may or may not be counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define IVF_STATS_COLUMNS 13
#define IVF_MAINTENANCE_COLUMNS 7

static Relation
ivf_open_index(Oid relid, int lockmode)
{
	Relation	rel = rvi_am_open_index(relid, lockmode, ivfbuild, "ivfflat");

	rvi_am_check_usable(rel);
	return rel;
}

Relation
rvi_ivf_open_checked(Oid relid, int lockmode)
{
	Relation	rel = ivf_open_index(relid, lockmode);

	rvi_am_check_select(rel);
	return rel;
}

bool
rvi_ivf_is_index(Oid relid)
{
	Relation	rel;
	bool		result;

	if (get_rel_relkind(relid) != RELKIND_INDEX)
		return false;
	rel = index_open(relid, AccessShareLock);
	result = rel->rd_indam->ambuild == ivfbuild;
	index_close(rel, AccessShareLock);
	return result;
}

/* ---- statistics ---- */

typedef struct IvfCounts
{
	int64		rows;
	int64		smallest;
	int64		largest;
	double		squares;
	int64		code_pages;
} IvfCounts;

static void
ivf_count_lists(Relation rel, const RvIvfIndex *index, IvfCounts *counts)
{
	RvIvfReader reader = {rel, 0};
	RvIvfPageRows rows;
	Size		i;

	rvi_ivf_page_rows_init(&rows, &index->geo);
	counts->smallest = PG_INT64_MAX;
	for (i = 0; i < index->centroids.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!rvi_ivf_read_rows(&reader, index, &index->lists[i], index->lists[i].first, false,
							   &rows))
			rvi_am_corrupted(rel, index->lists[i].first,
							 "IVF-4: the directory names a page that is not its list's first.");
		counts->rows += rows.head.rows;
		counts->smallest = Min(counts->smallest, rows.head.rows);
		counts->largest = Max(counts->largest, rows.head.rows);
		counts->squares += (double) rows.head.rows * rows.head.rows;
		counts->code_pages += rows.head.pages;
	}
}

RV_FUNCTION_INFO_V1(ruvector_ivfflat_stats);

Datum
ruvector_ivfflat_stats(PG_FUNCTION_ARGS)
{
	Relation	rel = rvi_ivf_open_checked(PG_GETARG_OID(0), AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	RvIvfMetaPageData meta;
	RvIvfIndex *index;
	IvfCounts	counts = {0};
	TupleDesc	desc;
	Datum		values[IVF_STATS_COLUMNS];
	bool		nulls[IVF_STATS_COLUMNS] = {false};
	double		mean;
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != IVF_STATS_COLUMNS)
		elog(ERROR, "ruvector_ivfflat_stats is declared with another row type");
	index = rvi_ivf_open(rel, &meta);
	ivf_count_lists(rel, index, &counts);
	mean = (double) counts.rows / index->centroids.count;
	values[n++] = Int64GetDatum(counts.rows);
	values[n++] = Int64GetDatum(index->centroids.count);
	values[n++] = Int64GetDatum(meta.lists);
	values[n++] = Int64GetDatum(counts.smallest);
	values[n++] = Int64GetDatum(counts.largest);
	values[n++] = Float8GetDatum(sqrt(Max(counts.squares / index->centroids.count - mean * mean,
										  0.0)));
	values[n++] = Int32GetDatum(index->geo.dim);
	values[n++] = Int32GetDatum(index->geo.coded);
	values[n++] = Int64GetDatum(meta.generation);
	values[n++] = Int64GetDatum(counts.code_pages);
	values[n++] = Int64GetDatum(meta.free_count);
	values[n++] = Int64GetDatum(blocks);
	values[n++] = Int64GetDatum((int64) blocks * BLCKSZ);
	index_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* ---- maintenance ---- */

RV_FUNCTION_INFO_V1(ruvector_index_maintenance);

Datum
ruvector_index_maintenance(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	rel;
	RvIvfMaintenance done;
	TupleDesc	desc;
	Datum		values[IVF_MAINTENANCE_COLUMNS];
	bool		nulls[IVF_MAINTENANCE_COLUMNS] = {false};
	int			n = 0;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recovery is in progress"),
				 errhint("Index maintenance runs on the primary.")));
	if (get_rel_name(relid) != NULL && !pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(relid));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != IVF_MAINTENANCE_COLUMNS)
		elog(ERROR, "ruvector_index_maintenance is declared with another row type");

	/* excludes VACUUM, which alone takes rows out */
	rel = ivf_open_index(relid, ShareUpdateExclusiveLock);
	rvi_ivf_maintain(rel, &done);
	values[n++] = Int64GetDatum(done.lists_before);
	values[n++] = Int64GetDatum(done.lists_after);
	values[n++] = Int64GetDatum(done.split);
	values[n++] = Int64GetDatum(done.merged);
	values[n++] = Int64GetDatum(done.created);
	values[n++] = Int64GetDatum(done.moved);
	values[n++] = Int64GetDatum(done.freed);
	index_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
