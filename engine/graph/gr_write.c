/*-------------------------------------------------------------------------
 *
 * gr_write.c
 *	  Adding rows: nodes, edges, and the plumbing for any table of a graph.
 *
 * A row goes to the heap and to every index of its table, also to those that
 * the owner has added; constraints are checked; triggers are not fired (the
 * guard trigger would refuse). An end of a new edge is locked FOR KEY SHARE,
 * as a foreign key does, unless this transaction created it: then nobody else
 * can see it, let alone delete it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/graph/gr_int.h"

/* ---- rows of any table ---- */

/* Opens the indexes of a table for insertion; memory in CurrentMemoryContext. */
RviWriter *
rvi_graph_writer_open(Relation rel)
{
	RviWriter  *writer = palloc0(sizeof(RviWriter));
	List	   *oids = RelationGetIndexList(rel);
	ListCell   *cell;

	writer->rel = rel;
	writer->mcxt = CurrentMemoryContext;
	writer->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	writer->indexes = palloc(sizeof(Relation) * Max(list_length(oids), 1));
	writer->infos = palloc(sizeof(IndexInfo *) * Max(list_length(oids), 1));
	foreach(cell, oids)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		IndexInfo  *info;

		if (!index->rd_index->indisready)
		{
			index_close(index, NoLock);
			continue;
		}
		info = BuildIndexInfo(index);
		if (info->ii_ExclusionOps != NULL || !index->rd_index->indimmediate)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("graph tables cannot have exclusion or deferrable constraints"),
					 errdetail("Index \"%s\" on table \"%s\".",
							   RelationGetRelationName(index), RelationGetRelationName(rel))));
		writer->indexes[writer->nindexes] = index;
		writer->infos[writer->nindexes++] = info;
	}
	list_free(oids);
	return writer;
}

void
rvi_graph_writer_close(RviWriter *writer)
{
	for (int i = 0; i < writer->nindexes; i++)
		index_close(writer->indexes[i], NoLock);
	ExecDropSingleTupleTableSlot(writer->slot);
	if (writer->estate != NULL)
		FreeExecutorState(writer->estate);
	pfree(writer->infos);
	pfree(writer->indexes);
	pfree(writer);
}

/* Executor state for those who need expressions evaluated. */
static EState *
write_estate(RviWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(writer->mcxt);

	if (writer->estate == NULL)
		writer->estate = CreateExecutorState();
	MemoryContextSwitchTo(old);
	GetPerTupleExprContext(writer->estate)->ecxt_scantuple = writer->slot;
	return writer->estate;
}

/* NOT NULL is all that our own tables have; what the owner added is honoured too. */
static void
write_check_constraints(RviWriter *writer)
{
	TupleConstr *constr = RelationGetDescr(writer->rel)->constr;
	EState	   *estate;

	if (constr == NULL || (constr->num_check == 0 && !constr->has_generated_stored))
		return;
	if (constr->has_generated_stored)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("graph tables cannot have generated columns")));
	estate = write_estate(writer);
	if (writer->target == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);

		writer->target = makeNode(ResultRelInfo);
		InitResultRelInfo(writer->target, writer->rel, 0, NULL, 0);
		MemoryContextSwitchTo(old);
	}
	ExecConstraints(writer->target, writer->slot, estate);
	ResetPerTupleExprContext(estate);
}

static void
write_index_entry(RviWriter *writer, int i)
{
	IndexInfo  *info = writer->infos[i];
	Relation	index = writer->indexes[i];
	EState	   *estate = NULL;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (info->ii_Predicate != NIL || info->ii_Expressions != NIL)
		estate = write_estate(writer);
	if (info->ii_Predicate != NIL)
	{
		if (info->ii_PredicateState == NULL)
			info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, estate);
		if (!ExecQual(info->ii_PredicateState, GetPerTupleExprContext(estate)))
			return;
	}
	FormIndexDatum(info, writer->slot, estate, values, nulls);
	index_insert(index, values, nulls, &writer->slot->tts_tid, writer->rel,
				 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
	if (estate != NULL)
		ResetPerTupleExprContext(estate);
}

/*
 * Adds the row whose values are in writer->slot, then clears the slot. The
 * caller has set tts_values and, for nulls, tts_isnull.
 */
void
rvi_graph_writer_insert(RviWriter *writer)
{
	ExecStoreVirtualTuple(writer->slot);
	writer->slot->tts_tableOid = RelationGetRelid(writer->rel);
	write_check_constraints(writer);
	table_tuple_insert(writer->rel, writer->slot, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < writer->nindexes; i++)
		write_index_entry(writer, i);
	ExecClearTuple(writer->slot);
	memset(writer->slot->tts_isnull, 0, writer->slot->tts_tupleDescriptor->natts);
}

/* ---- nodes and edges ---- */

static RviWriter *
write_writer(RvGraph graph, RviWriter **writer, Relation rel)
{
	RV_ENSURE(graph->mode == RV_GRAPH_WRITE, "graph is not open for writing");
	if (*writer == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(graph->mcxt);

		*writer = rvi_graph_writer_open(rel);
		MemoryContextSwitchTo(old);
	}
	return *writer;
}

/* An empty map is stored as null. */
static void
write_set_props(TupleTableSlot *slot, int column, const RvProps *props)
{
	if (props == NULL || rv_graph_props_count(props) == 0)
		slot->tts_isnull[column] = true;
	else
		slot->tts_values[column] = PointerGetDatum(props);
}

int64
rv_graph_node_create(RvGraph graph, const int32 *labels, int nlabels, const RvProps *props)
{
	RviWriter  *writer = write_writer(graph, &graph->node_writer, graph->node);
	int32		lset = rvi_graph_labelset_intern(graph, labels, nlabels);
	int64		id = nextval_internal(graph->entry->seq[RVI_SEQ_NODE], false);
	Datum	   *values = writer->slot->tts_values;

	values[RVI_NODE_ATT_ID - 1] = Int64GetDatum(id);
	values[RVI_NODE_ATT_LSET - 1] = Int32GetDatum(lset);
	write_set_props(writer->slot, RVI_NODE_ATT_PROPS - 1, props);
	rvi_graph_writer_insert(writer);
	return id;
}

static void
write_no_such_node(RvGraph graph, int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("node " INT64_FORMAT " does not exist in graph \"%s\"",
					id, graph->entry->name)));
}

/*
 * Makes sure that a node exists and stays to the end of the transaction. A
 * concurrent deletion is waited for.
 */
static void
write_lock_node(RvGraph graph, int64 id)
{
	RviPointGet *get = &graph->node_get;

	for (;;)
	{
		TM_FailureData failure;
		TM_Result	result;
		ItemPointerData tid;
		TransactionId xmin;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		/* SnapshotSelf: also what this very command has added */
		if (!rvi_graph_point_find(graph, get, graph->node, RVI_IDX_NODE_ID, SnapshotSelf, id))
			write_no_such_node(graph, id);
		xmin = DatumGetTransactionId(slot_getsysattr(get->slot, MinTransactionIdAttributeNumber,
													 &isnull));
		tid = get->slot->tts_tid;
		if (TransactionIdIsCurrentTransactionId(xmin))
			break;
		result = table_tuple_lock(graph->node, &tid, SnapshotSelf, get->slot,
								  GetCurrentCommandId(true), LockTupleKeyShare, LockWaitBlock,
								  0, &failure);
		if (result == TM_Ok)
			break;
		if (result == TM_Deleted && IsolationUsesXactSnapshot())
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent delete")));
		if (result != TM_Updated && result != TM_Deleted)
			write_no_such_node(graph, id);
		/* changed under our eyes: look for the row as it is now */
	}
	ExecClearTuple(get->slot);
}

int64
rv_graph_edge_create(RvGraph graph, int64 src, int64 dst, int32 type, const RvProps *props)
{
	RviWriter  *writer = write_writer(graph, &graph->edge_writer, graph->edge);
	Datum	   *values = writer->slot->tts_values;
	int64		id;

	/* in the order of ids: two sessions linking the same pair cannot block each other */
	write_lock_node(graph, Min(src, dst));
	if (src != dst)
		write_lock_node(graph, Max(src, dst));

	id = nextval_internal(graph->entry->seq[RVI_SEQ_EDGE], false);
	values[RVI_EDGE_ATT_ID - 1] = Int64GetDatum(id);
	values[RVI_EDGE_ATT_SRC - 1] = Int64GetDatum(src);
	values[RVI_EDGE_ATT_DST - 1] = Int64GetDatum(dst);
	values[RVI_EDGE_ATT_TYP - 1] = Int32GetDatum(type);
	write_set_props(writer->slot, RVI_EDGE_ATT_PROPS - 1, props);
	rvi_graph_writer_insert(writer);
	return id;
}
