/*-------------------------------------------------------------------------
 *
 * gr_stats.c
 *	  Row estimates, from the statistics that ANALYZE keeps of the tables.
 *
 * Nothing of our own is stored: pg_class has sizes, pg_statistic has the most
 * common label sets and types and the number of distinct ends. Without
 * statistics the guesses are PostgreSQL's kind: a tenth of the table per value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/pg_statistic.h"
#include "optimizer/plancat.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "engine/graph/gr_int.h"

#define STATS_DEFAULT_FRACTION 0.1
#define STATS_COUNT_PAGES 128

static double
stats_rows(Relation rel, double *pages)
{
	BlockNumber blocks;
	double		tuples;
	double		allvisible;

	estimate_rel_size(rel, NULL, &blocks, &tuples, &allvisible);
	if (pages != NULL)
		*pages = blocks;
	return tuples;
}

static HeapTuple
stats_column(Relation rel, AttrNumber attno)
{
	return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(RelationGetRelid(rel)),
						   Int16GetDatum(attno), BoolGetDatum(false));
}

/* Number of distinct values of a column, or 0 where it is not known. */
static double
stats_ndistinct(Relation rel, AttrNumber attno, double rows)
{
	HeapTuple	tuple = stats_column(rel, attno);
	double		result;

	if (!HeapTupleIsValid(tuple))
		return 0;
	result = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
	ReleaseSysCache(tuple);
	return result < 0 ? -result * rows : result;
}

/* Share of the rows whose int4 column is one of values[]. */
static double
stats_fraction(Relation rel, AttrNumber attno, const int32 *values, int nvalues)
{
	HeapTuple	tuple = stats_column(rel, attno);
	AttStatsSlot slot;
	double		distinct = stats_ndistinct(rel, attno, stats_rows(rel, NULL));
	double		common = 0;
	double		result = 0;
	int			others = nvalues;

	if (!HeapTupleIsValid(tuple))
		return Min(1.0, STATS_DEFAULT_FRACTION * nvalues);
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < slot.nnumbers; i++)
		{
			common += slot.numbers[i];
			for (int j = 0; j < nvalues; j++)
			{
				if (values[j] == DatumGetInt32(slot.values[i]))
				{
					result += slot.numbers[i];
					others--;
				}
			}
		}
		distinct -= slot.nvalues;
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	if (others > 0 && common < 1)
		result += others * (1 - common) / Max(distinct, 10);
	return Min(result, 1.0);
}

double
rvi_graph_lsets_fraction(RvGraph graph, const int32 *lsets, int nlsets)
{
	return stats_fraction(graph->node, RVI_NODE_ATT_LSET, lsets, nlsets);
}

/*
 * Number of rows of a table: counted while it is small, estimated once it has
 * more than STATS_COUNT_PAGES pages.
 */
int64
rvi_graph_rows(Relation rel, Snapshot snapshot)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		rows = 0;

	if (RelationGetNumberOfBlocks(rel) > STATS_COUNT_PAGES)
		return (int64) stats_rows(rel, NULL);
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		rows++;
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return rows;
}

double
rv_graph_estimate_nodes(RvGraph graph, const int32 *labels, int nlabels)
{
	double		rows = stats_rows(graph->node, NULL);

	if (nlabels > 0)
	{
		int			nlsets;
		int32	   *lsets = rvi_graph_labelsets_with(graph, labels, nlabels, &nlsets);

		rows *= nlsets == 0 ? 0 : rvi_graph_lsets_fraction(graph, lsets, nlsets);
		pfree(lsets);
	}
	return Max(rows, 1.0);
}

double
rv_graph_estimate_edges(RvGraph graph, const int32 *types, int ntypes)
{
	double		rows = stats_rows(graph->edge, NULL);

	if (ntypes > 0)
		rows *= stats_fraction(graph->edge, RVI_EDGE_ATT_TYP, types, ntypes);
	return Max(rows, 1.0);
}

double
rv_graph_estimate_degree(RvGraph graph, RvDirection direction, const int32 *types, int ntypes)
{
	double		edges = stats_rows(graph->edge, NULL);
	double		wanted = rv_graph_estimate_edges(graph, types, ntypes);
	double		result = 0;

	for (int side = 0; side < 2; side++)
	{
		double		ends;

		if ((direction & (side == 0 ? RV_DIR_OUT : RV_DIR_IN)) == 0)
			continue;
		ends = stats_ndistinct(graph->edge, side == 0 ? RVI_EDGE_ATT_SRC : RVI_EDGE_ATT_DST, edges);
		if (ends <= 0)
			ends = stats_rows(graph->node, NULL);
		result += wanted / Max(ends, 1.0);
	}
	return Max(result, 1.0);
}

double
rv_graph_estimate_node_pages(RvGraph graph)
{
	double		pages;

	(void) stats_rows(graph->node, &pages);
	return pages;
}

double
rv_graph_estimate_edge_pages(RvGraph graph)
{
	double		pages;

	(void) stats_rows(graph->edge, &pages);
	return pages;
}

Oid
rv_graph_node_relid(RvGraph graph)
{
	return RelationGetRelid(graph->node);
}

Oid
rv_graph_edge_relid(RvGraph graph)
{
	return RelationGetRelid(graph->edge);
}

HeapTuple
rv_graph_column_stats(Oid relid, RvGraphColumn column)
{
	static const AttrNumber attnos[] = {
		[RV_COLUMN_NODE_ID] = RVI_NODE_ATT_ID,
		[RV_COLUMN_EDGE_ID] = RVI_EDGE_ATT_ID,
		[RV_COLUMN_EDGE_START] = RVI_EDGE_ATT_SRC,
		[RV_COLUMN_EDGE_END] = RVI_EDGE_ATT_DST,
	};

	return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
						   Int16GetDatum(attnos[column]), BoolGetDatum(false));
}
