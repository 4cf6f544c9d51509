/*-------------------------------------------------------------------------
 *
 * fdw_scan.c
 *	  Execution: conditions to store calls, store rows to tuples.
 *
 * A scan walks over graphs (one, or all that the user may read); in each it
 * chooses the way by the conditions at hand, and checks the remaining ones on
 * every row. A graph stays open over rescans, so a nested loop pays for the
 * opening once. All reads are under es_snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "fdw/fdw_int.h"

typedef struct FdwScan
{
	RviFdwTable *table;
	Oid			userid;			/* whose rights count */
	Snapshot	snapshot;
	List	   *conds;			/* RviFdwCond, without clause */
	List	   *states;			/* their values' ExprStates */
	bool	   *wanted;			/* columns that the query reads */
	bool		want_props;
	MemoryContext mcxt;			/* as long as the scan */
	MemoryContext bind_mcxt;	/* as long as one set of values */

	bool		started;
	RviFdwBound bound;
	List	   *graphs;			/* names to visit */
	int			next_graph;
	bool		named;			/* the graph was asked for by name */
	List	   *readable;		/* cache of all names */

	/* the graph being read */
	RvGraph		graph;			/* may be open before it is entered */
	bool		entered;
	Datum		graph_datum;
	int32	   *tokens;			/* labels or types in this graph */
	int			ntokens;
	RviFdwAccess access;
	int			pos;			/* next value of the leading id set */
	bool		expanding;
	RvNodeScan	node_scan;
	RvEdgeScan	edge_scan;
	RvExpand	expand;
	RvDirection expand_direction;
	int32	   *expand_types;
	int			expand_ntypes;
	int32		last_lset;		/* labels_datum is of this one; 0 = none */
	Datum		labels_datum;
} FdwScan;

/* ---- begin and end ---- */

void
rvi_fdw_begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EState	   *estate = node->ss.ps.state;
	RangeTblEntry *rte = exec_rt_fetch(plan->scan.scanrelid, estate);
	FdwScan    *scan;
	ListCell   *field;
	ListCell   *op;
	ListCell   *value;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan = palloc0(sizeof(FdwScan));
	node->fdw_state = scan;
	scan->mcxt = CurrentMemoryContext;
	scan->bind_mcxt = AllocSetContextCreate(scan->mcxt, "ruvector foreign scan",
											ALLOCSET_SMALL_SIZES);
	scan->table = rvi_fdw_table(RelationGetRelid(node->ss.ss_currentRelation));
	scan->userid = OidIsValid(rte->checkAsUser) ? rte->checkAsUser : GetUserId();
	scan->snapshot = estate->es_snapshot;
	scan->states = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	forthree(field, list_nth(plan->fdw_private, RVI_PRIVATE_FIELDS),
			 op, list_nth(plan->fdw_private, RVI_PRIVATE_OPS), value, plan->fdw_exprs)
	{
		RviFdwCond *cond = palloc0(sizeof(RviFdwCond));

		cond->field = lfirst_int(field);
		cond->op = lfirst_int(op);
		cond->value = lfirst(value);
		scan->conds = lappend(scan->conds, cond);
	}
	scan->wanted = palloc0(sizeof(bool) * Max(scan->table->natts, 1));
	foreach(value, list_nth(plan->fdw_private, RVI_PRIVATE_COLUMNS))
	{
		scan->wanted[lfirst_int(value) - 1] = true;
		if (scan->table->fields[lfirst_int(value) - 1] == RVI_FIELD_PROPERTIES)
			scan->want_props = true;
	}
}

/* Ends the reading of the current graph; the graph itself stays open. */
static void
fdw_scan_leave(FdwScan *scan)
{
	if (scan->node_scan != NULL)
		rv_graph_node_scan_end(scan->node_scan);
	if (scan->edge_scan != NULL)
		rv_graph_edge_scan_end(scan->edge_scan);
	scan->node_scan = NULL;
	scan->edge_scan = NULL;
	scan->expanding = false;
	scan->entered = false;
	scan->pos = 0;
}

static void
fdw_scan_end_expand(FdwScan *scan)
{
	if (scan->expand == NULL)
		return;
	rv_graph_expand_end(scan->expand);
	if (scan->expand_types != NULL)
		pfree(scan->expand_types);
	scan->expand_types = NULL;
	scan->expand = NULL;
}

static void
fdw_scan_close_graph(FdwScan *scan)
{
	if (scan->graph == NULL)
		return;
	fdw_scan_leave(scan);
	fdw_scan_end_expand(scan);
	if (scan->last_lset != 0)
		pfree(DatumGetPointer(scan->labels_datum));
	scan->last_lset = 0;
	pfree(DatumGetPointer(scan->graph_datum));
	rv_graph_close(scan->graph);
	scan->graph = NULL;
}

void
rvi_fdw_rescan(ForeignScanState *node)
{
	FdwScan    *scan = node->fdw_state;

	if (scan == NULL)
		return;
	if (scan->graph != NULL)
		fdw_scan_leave(scan);
	scan->started = false;
}

void
rvi_fdw_end_scan(ForeignScanState *node)
{
	FdwScan    *scan = node->fdw_state;

	if (scan != NULL)
		fdw_scan_close_graph(scan);
}

/* ---- the way to the rows ---- */

/* Names of the graphs to visit, in scan->graphs. */
static void
fdw_scan_list_graphs(FdwScan *scan)
{
	RviFdwBound *bound = &scan->bound;

	scan->named = true;
	scan->next_graph = 0;
	if (scan->table->graph != NULL)
	{
		/* a further condition can only agree or rule everything out */
		if (bound->graph.given && strcmp(linitial(bound->graph.names), scan->table->graph) != 0)
			bound->no_rows = true;
		scan->graphs = list_make1(scan->table->graph);
	}
	else if (bound->graph.given)
		scan->graphs = bound->graph.names;
	else
	{
		scan->named = false;
		if (scan->readable == NIL)
		{
			MemoryContext old = MemoryContextSwitchTo(scan->mcxt);

			scan->readable = rv_graph_names_as(scan->userid);
			MemoryContextSwitchTo(old);
		}
		scan->graphs = scan->readable;
	}
}

static void
fdw_scan_start(ForeignScanState *node, FdwScan *scan)
{
	MemoryContext old;

	MemoryContextReset(scan->bind_mcxt);
	old = MemoryContextSwitchTo(scan->bind_mcxt);
	rvi_fdw_bind(&scan->bound, scan->conds, scan->states, node->ss.ps.ps_ExprContext);
	if (!scan->bound.no_rows)
		fdw_scan_list_graphs(scan);
	MemoryContextSwitchTo(old);
	scan->started = true;
}

/* Opens a graph, unless it is the one that is open; false when it is to be skipped. */
static bool
fdw_scan_open_graph(FdwScan *scan, const char *name)
{
	MemoryContext old;

	if (scan->graph != NULL && strcmp(rv_graph_name(scan->graph), name) == 0)
		return true;
	fdw_scan_close_graph(scan);
	old = MemoryContextSwitchTo(scan->mcxt);
	scan->graph = rv_graph_open_as(name, RV_GRAPH_READ, scan->userid,
								   scan->named ? 0 : RV_GRAPH_MISSING_OK | RV_GRAPH_DENIED_OK);
	if (scan->graph != NULL)
		scan->graph_datum = CStringGetTextDatum(name);
	MemoryContextSwitchTo(old);
	return scan->graph != NULL;
}

/*
 * Looks the labels or types up in the graph. False when no row can match: a
 * label is unknown, or all types are.
 */
static bool
fdw_scan_find_tokens(FdwScan *scan)
{
	bool		nodes = scan->table->kind == RVI_FDW_NODES;
	RviFdwNames *wanted = nodes ? &scan->bound.labels : &scan->bound.type;
	ListCell   *cell;

	scan->ntokens = 0;
	if (!wanted->given)
		return true;
	scan->tokens = MemoryContextAlloc(scan->bind_mcxt,
									  sizeof(int32) * Max(list_length(wanted->names), 1));
	foreach(cell, wanted->names)
	{
		int32		token = rv_graph_token_find(scan->graph, nodes ? RV_TOKEN_LABEL :
												RV_TOKEN_RELTYPE, lfirst(cell));

		if (token != RV_TOKEN_NONE)
			scan->tokens[scan->ntokens++] = token;
		else if (nodes)
			return false;
	}
	return nodes || scan->ntokens > 0;
}

/* Prepares an expansion for this graph, keeping the one of the last rescan if it fits. */
static void
fdw_scan_begin_expand(FdwScan *scan, RvDirection direction)
{
	MemoryContext old;

	if (scan->expand != NULL && scan->expand_direction == direction &&
		scan->expand_ntypes == scan->ntokens &&
		(scan->ntokens == 0 ||
		 memcmp(scan->expand_types, scan->tokens, sizeof(int32) * scan->ntokens) == 0))
		return;
	fdw_scan_end_expand(scan);
	old = MemoryContextSwitchTo(scan->mcxt);
	scan->expand = rv_graph_expand_begin(scan->graph, scan->snapshot, direction,
										 scan->tokens, scan->ntokens);
	if (scan->want_props)
		rv_graph_expand_want_props(scan->expand);
	scan->expand_direction = direction;
	scan->expand_ntypes = scan->ntokens;
	if (scan->ntokens > 0)
	{
		scan->expand_types = palloc(sizeof(int32) * scan->ntokens);
		memcpy(scan->expand_types, scan->tokens, sizeof(int32) * scan->ntokens);
	}
	MemoryContextSwitchTo(old);
}

/* Enters the next graph that can have rows; false when there is none. */
static bool
fdw_scan_enter(FdwScan *scan)
{
	RviFdwBound *bound = &scan->bound;
	bool		given[RVI_FIELD_PROPERTIES + 1] = {false};
	MemoryContext old;

	for (;;)
	{
		if (bound->no_rows || scan->next_graph >= list_length(scan->graphs))
			return false;
		if (fdw_scan_open_graph(scan, list_nth(scan->graphs, scan->next_graph++)) &&
			fdw_scan_find_tokens(scan))
			break;
	}
	given[RVI_FIELD_ID] = bound->id.given;
	given[RVI_FIELD_LABELS] = bound->labels.given;
	given[RVI_FIELD_TYPE] = bound->type.given;
	given[RVI_FIELD_START] = bound->start.given;
	given[RVI_FIELD_END] = bound->end.given;
	scan->access = rvi_fdw_choose_access(scan->table->kind, given);
	/* between two sets, walk from the smaller one */
	if (scan->access == RVI_ACCESS_BOTH)
		scan->access = bound->start.n <= bound->end.n ? RVI_ACCESS_START : RVI_ACCESS_END;

	old = MemoryContextSwitchTo(scan->mcxt);
	if (scan->access == RVI_ACCESS_START || scan->access == RVI_ACCESS_END)
		fdw_scan_begin_expand(scan, scan->access == RVI_ACCESS_START ? RV_DIR_OUT : RV_DIR_IN);
	else if (scan->access == RVI_ACCESS_ID)
		scan->pos = 0;
	else if (scan->table->kind == RVI_FDW_NODES)
		scan->node_scan = rv_graph_node_scan_begin(scan->graph, scan->snapshot, scan->tokens,
												   scan->ntokens, scan->want_props);
	else
		scan->edge_scan = rv_graph_edge_scan_begin(scan->graph, scan->snapshot, scan->tokens,
												   scan->ntokens, scan->want_props);
	MemoryContextSwitchTo(old);
	scan->entered = true;
	scan->pos = 0;
	return true;
}

/* ---- rows ---- */

static bool
fdw_scan_node_allowed(FdwScan *scan, const RvNode *node)
{
	const int32 *labels;
	int			nlabels;

	labels = scan->ntokens > 0 ? rv_graph_labelset(scan->graph, node->lset, &nlabels) : NULL;
	for (int i = 0; i < scan->ntokens; i++)
	{
		int			j = 0;

		while (j < nlabels && labels[j] != scan->tokens[i])
			j++;
		if (j == nlabels)
			return false;
	}
	return true;
}

/* Next node of the current graph. */
static bool
fdw_scan_next_node(FdwScan *scan, RvNode *node)
{
	if (scan->access != RVI_ACCESS_ID)
		return rv_graph_node_scan_next(scan->node_scan, node);
	while (scan->pos < scan->bound.id.n)
	{
		CHECK_FOR_INTERRUPTS();
		if (!rv_graph_node_get(scan->graph, scan->snapshot, scan->bound.id.ids[scan->pos++],
							   scan->want_props, node))
			continue;
		if (fdw_scan_node_allowed(scan, node))
			return true;
		if (node->props != NULL)
			pfree(node->props);
	}
	return false;
}

static bool
fdw_scan_edge_allowed(FdwScan *scan, const RvEdge *edge)
{
	int			i = 0;

	while (i < scan->ntokens && scan->tokens[i] != edge->type)
		i++;
	return (scan->ntokens == 0 || i < scan->ntokens) &&
		rvi_fdw_id_allowed(&scan->bound.start, edge->src) &&
		rvi_fdw_id_allowed(&scan->bound.end, edge->dst);
}

/* Next edge of the current graph by the chosen way, before further conditions. */
static bool
fdw_scan_fetch_edge(FdwScan *scan, RvEdge *edge)
{
	RviFdwIdSet *from = scan->access == RVI_ACCESS_START ? &scan->bound.start : &scan->bound.end;
	RviFdwIdSet *to = scan->access == RVI_ACCESS_START ? &scan->bound.end : &scan->bound.start;
	int64		neighbour;

	if (scan->edge_scan != NULL)
		return rv_graph_edge_scan_next(scan->edge_scan, edge);
	if (scan->access == RVI_ACCESS_ID)
	{
		while (scan->pos < scan->bound.id.n)
		{
			CHECK_FOR_INTERRUPTS();
			if (rv_graph_edge_get(scan->graph, scan->snapshot, scan->bound.id.ids[scan->pos++],
								  scan->want_props, edge))
				return true;
		}
		return false;
	}
	for (;;)
	{
		if (scan->expanding && rv_graph_expand_next(scan->expand, edge, &neighbour))
			return true;
		if (scan->pos >= from->n)
			return false;
		/* a single other end is worth a search key of its own; negative ids do not exist */
		rv_graph_expand_start(scan->expand, from->ids[scan->pos++],
							  to->given && to->n == 1 ? to->ids[0] : -1);
		scan->expanding = true;
	}
}

static bool
fdw_scan_next_edge(FdwScan *scan, RvEdge *edge)
{
	while (fdw_scan_fetch_edge(scan, edge))
	{
		if (fdw_scan_edge_allowed(scan, edge))
			return true;
		if (edge->props != NULL)
			pfree(edge->props);
	}
	return false;
}

/* ---- tuples ---- */

static int
fdw_scan_compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* text[] of a label set, in the order of the names; that of the last row is kept. */
static Datum
fdw_scan_labels(FdwScan *scan, int32 lset)
{
	MemoryContext old;
	const int32 *labels;
	int			n;
	const char **names;
	Datum	   *datums;

	if (lset == scan->last_lset)
		return scan->labels_datum;
	labels = rv_graph_labelset(scan->graph, lset, &n);
	names = palloc(sizeof(char *) * Max(n, 1));
	datums = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
		names[i] = rv_graph_token_name(scan->graph, RV_TOKEN_LABEL, labels[i]);
	qsort(names, n, sizeof(char *), fdw_scan_compare_names);
	for (int i = 0; i < n; i++)
		datums[i] = CStringGetTextDatum(names[i]);

	if (scan->last_lset != 0)
		pfree(DatumGetPointer(scan->labels_datum));
	old = MemoryContextSwitchTo(scan->mcxt);
	scan->labels_datum = PointerGetDatum(construct_array(datums, n, TEXTOID, -1, false,
														 TYPALIGN_INT));
	MemoryContextSwitchTo(old);
	scan->last_lset = lset;
	return scan->labels_datum;
}

/* Fills the columns that the query reads; the others are null. */
static void
fdw_scan_store(FdwScan *scan, TupleTableSlot *slot, const RvNode *node, const RvEdge *edge)
{
	RvProps    *props = node != NULL ? node->props : edge->props;

	for (int i = 0; i < scan->table->natts; i++)
	{
		Datum		value = (Datum) 0;

		slot->tts_isnull[i] = !scan->wanted[i] || scan->table->fields[i] == RVI_FIELD_NONE;
		if (slot->tts_isnull[i])
			continue;
		switch (scan->table->fields[i])
		{
			case RVI_FIELD_GRAPH:
				value = scan->graph_datum;
				break;
			case RVI_FIELD_ID:
				value = Int64GetDatum(node != NULL ? node->id : edge->id);
				break;
			case RVI_FIELD_LABELS:
				value = fdw_scan_labels(scan, node->lset);
				break;
			case RVI_FIELD_TYPE:
				value = CStringGetTextDatum(rv_graph_token_name(scan->graph, RV_TOKEN_RELTYPE,
																edge->type));
				break;
			case RVI_FIELD_START:
				value = Int64GetDatum(edge->src);
				break;
			case RVI_FIELD_END:
				value = Int64GetDatum(edge->dst);
				break;
			case RVI_FIELD_PROPERTIES:
				value = JsonbPGetDatum(rv_graph_props_to_jsonb(scan->graph, props));
				break;
			case RVI_FIELD_NONE:
				break;
		}
		slot->tts_values[i] = value;
	}
	ExecStoreVirtualTuple(slot);
}

/* Called in the per-tuple context, which the tuple's values live in. */
TupleTableSlot *
rvi_fdw_iterate_scan(ForeignScanState *node)
{
	FdwScan    *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (!scan->started)
		fdw_scan_start(node, scan);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->entered || fdw_scan_enter(scan))
		{
			RvNode		found_node;
			RvEdge		found_edge;

			if (scan->table->kind == RVI_FDW_NODES && fdw_scan_next_node(scan, &found_node))
			{
				fdw_scan_store(scan, slot, &found_node, NULL);
				return slot;
			}
			if (scan->table->kind == RVI_FDW_EDGES && fdw_scan_next_edge(scan, &found_edge))
			{
				fdw_scan_store(scan, slot, NULL, &found_edge);
				return slot;
			}
			fdw_scan_leave(scan);
		}
		else
			return slot;
	}
}
