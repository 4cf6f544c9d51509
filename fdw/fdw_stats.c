/*-------------------------------------------------------------------------
 *
 * fdw_stats.c
 *	  Column statistics of the foreign tables, for PostgreSQL's estimates of joins.
 *
 * The ids in a foreign table are the int8 columns of a graph's own tables, so
 * the rows that ANALYZE has written for those serve as they are. They are
 * handed out through get_relation_stats_hook. Where several graphs are read,
 * those of the biggest stand for all. Before the first ANALYZE, and for the
 * column graph, a row with nothing but the number of distinct values is made
 * up: an id is unique, an edge's end is any of so many nodes.
 *
 * Without this, PostgreSQL takes every column to have 200 values, and a walk
 * over three relationships is planned as a product of whole tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "fdw/fdw_int.h"
#include "fdw/rv_fdw.h"

static get_relation_stats_hook_type stats_previous_hook = NULL;

static void
stats_release(HeapTuple tuple)
{
	ReleaseSysCache(tuple);
}

/* A pg_statistic row that says how many distinct values there are, and no more. */
static HeapTuple
stats_make(double distinct, int width)
{
	Relation	rel = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {false};
	HeapTuple	tuple;

	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum((float4) distinct);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(width);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = true;
		nulls[Anum_pg_statistic_stavalues1 - 1 + i] = true;
	}
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	table_close(rel, AccessShareLock);
	return tuple;
}

/* The statistics of a column in which the ids of a graph are, or NULL. */
static HeapTuple
stats_of_graph(const RviFdwRel *plan, RviFdwField field)
{
	bool		nodes = plan->table->kind == RVI_FDW_NODES;

	if (!OidIsValid(plan->sizes.biggest))
		return NULL;
	switch (field)
	{
		case RVI_FIELD_ID:
			return rv_graph_column_stats(plan->sizes.biggest,
										 nodes ? RV_COLUMN_NODE_ID : RV_COLUMN_EDGE_ID);
		case RVI_FIELD_START:
			return rv_graph_column_stats(plan->sizes.biggest, RV_COLUMN_EDGE_START);
		case RVI_FIELD_END:
			return rv_graph_column_stats(plan->sizes.biggest, RV_COLUMN_EDGE_END);
		default:
			return NULL;
	}
}

/* What is known without ANALYZE. */
static HeapTuple
stats_guess(const RviFdwRel *plan, RviFdwField field)
{
	const RviFdwSizes *sizes = &plan->sizes;

	switch (field)
	{
		case RVI_FIELD_ID:
			return stats_make(-1, sizeof(int64));
		case RVI_FIELD_START:
			return stats_make(ceil(sizes->selected / sizes->out_degree), sizeof(int64));
		case RVI_FIELD_END:
			return stats_make(ceil(sizes->selected / sizes->in_degree), sizeof(int64));
		case RVI_FIELD_GRAPH:
			return stats_make(Max(sizes->ngraphs, 1), NAMEDATALEN / 4);
		default:
			return NULL;
	}
}

/* Our planning data of a range table entry, or NULL where it is not ours. */
static RviFdwRel *
stats_find_rel(PlannerInfo *root, RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_FOREIGN_TABLE)
		return NULL;
	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		RelOptInfo *rel = root->simple_rel_array[i];

		if (root->simple_rte_array[i] == rte && rel != NULL && rel->fdwroutine != NULL &&
			rel->fdwroutine->GetForeignRelSize == rvi_fdw_get_rel_size)
			return rel->fdw_private;
	}
	return NULL;
}

/* PostgreSQL callback: get_relation_stats_hook */
static bool
stats_hook(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum, VariableStatData *vardata)
{
	RviFdwRel  *plan = stats_find_rel(root, rte);
	RviFdwField field;

	if (plan == NULL || attnum <= 0 || attnum > plan->table->natts)
		return stats_previous_hook != NULL && stats_previous_hook(root, rte, attnum, vardata);

	field = plan->table->fields[attnum - 1];
	vardata->statsTuple = stats_of_graph(plan, field);
	vardata->freefunc = stats_release;
	if (vardata->statsTuple == NULL)
	{
		vardata->statsTuple = stats_guess(plan, field);
		vardata->freefunc = heap_freetuple;
	}
	/* plan_sizes looks only at graphs that the user may read */
	vardata->acl_ok = true;
	return true;
}

void
rv_fdw_init(void)
{
	stats_previous_hook = get_relation_stats_hook;
	get_relation_stats_hook = stats_hook;
}
