/*-------------------------------------------------------------------------
 *
 * gr_check.c
 *	  ruvector_graph_check: are the invariants of README.md true of a graph?
 *
 * Reads everything under the caller's snapshot and returns a row per breach;
 * no rows means no damage. Takes no lock beyond that of a reader. The cost is
 * a few index look-ups per node and edge.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "engine/graph/gr_int.h"

RV_FUNCTION_INFO_V1(ruvector_graph_check);

typedef struct CheckState
{
	RvGraph		graph;
	Snapshot	snapshot;
	ReturnSetInfo *rsinfo;
	MemoryContext row_mcxt;		/* reset for each row */
	RvExpand	out;
	RvExpand	in;
	int64		last_id[RVI_SEQ_COUNT];
} CheckState;

/* One row of the result: (invariant text, relation text, id bigint, detail text). */
static void
check_report(CheckState *state, int invariant, const char *relation, int64 id, const char *detail)
{
	Datum		values[4];
	bool		nulls[4] = {false};
	MemoryContext old = MemoryContextSwitchTo(state->row_mcxt);

	values[0] = CStringGetTextDatum(psprintf("GR-%d", invariant));
	values[1] = CStringGetTextDatum(relation);
	values[2] = Int64GetDatum(id);
	values[3] = CStringGetTextDatum(detail);
	tuplestore_putvalues(state->rsinfo->setResult, state->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
}

/* ---- dictionaries: GR-5, and GR-4 for the labels of sets ---- */

static void
check_labelset(CheckState *state, int32 id, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	int32		last = 0;
	Datum	   *labels;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &labels, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		int32		label = DatumGetInt32(labels[i]);

		if (nulls[i] || label <= last)
		{
			check_report(state, 5, "labelset", id, "labels are not ascending");
			return;
		}
		last = label;
		if (!rvi_graph_token_exists(state->graph, RVI_REL_LABEL, label))
			check_report(state, 4, "labelset", id, psprintf("no label %d", label));
	}
}

static void
check_dictionary(CheckState *state, RviGraphRel dict)
{
	static const char *const names[RVI_DICT_COUNT] = {"label", "reltype", "propkey", "labelset"};
	Relation	rel = table_open(state->graph->entry->rel[dict], AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, SnapshotSelf, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext old = MemoryContextSwitchTo(state->row_mcxt);
		int32		id;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		id = DatumGetInt32(slot->tts_values[0]);
		if (id <= 0)
			check_report(state, 5, names[dict], id, "the id is not positive");
		if (dict == RVI_REL_LABELSET)
			check_labelset(state, id, slot->tts_values[1]);
		else if (VARSIZE_ANY_EXHDR(DatumGetTextPP(slot->tts_values[1])) == 0)
			check_report(state, 5, names[dict], id, "the name is empty");
		MemoryContextSwitchTo(old);
		MemoryContextReset(state->row_mcxt);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
}

/* ---- properties: GR-4 and GR-6 ---- */

static bool
check_strings_valid(const RvValue *value)
{
	if (value->type == RV_VAL_STRING)
		return pg_verify_mbstr(PG_UTF8, value->u.string, value->len, true);
	for (uint32 i = 0; value->type == RV_VAL_LIST && i < value->len; i++)
	{
		if (!check_strings_valid(&value->u.items[i]))
			return false;
	}
	return true;
}

static void
check_decoded(CheckState *state, const char *relation, int64 id, const RvProps *props)
{
	int			n = rv_graph_props_count(props);

	for (int i = 0; i < n; i++)
	{
		RvValue		value;
		int32		key;

		rv_graph_props_entry(props, i, &key, &value);
		if (!rvi_graph_token_exists(state->graph, RVI_REL_PROPKEY, key))
			check_report(state, 4, relation, id, psprintf("no property key %d", key));
		if (!check_strings_valid(&value))
			check_report(state, 6, relation, id, "a string is not valid UTF-8");
	}
}

/*
 * The decoder raises data_corrupted; it is turned into a row here. Nothing is
 * held while decoding but memory of the row's context, so no subtransaction is
 * needed to recover.
 */
static void
check_props(CheckState *state, const char *relation, int64 id, const RvProps *props)
{
	MemoryContext old = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		check_decoded(state, relation, id, props);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_DATA_CORRUPTED)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error != NULL)
		check_report(state, 6, relation, id, error->message);
}

/* ---- rows ---- */

static void
check_id(CheckState *state, const char *relation, RviGraphSeq seq, int64 id)
{
	if (id < 1 || id > RVI_ID_MAX)
		check_report(state, 7, relation, id, "the id is out of range");
	else if (id > state->last_id[seq])
		check_report(state, 7, relation, id, "the sequence has not reached the id yet");
}

static void
check_nodes(CheckState *state)
{
	RvNodeScan	scan = rv_graph_node_scan_begin(state->graph, state->snapshot, NULL, 0, true);
	MemoryContext old = MemoryContextSwitchTo(state->row_mcxt);
	RvNode		node;

	while (rv_graph_node_scan_next(scan, &node))
	{
		check_id(state, "node", RVI_SEQ_NODE, node.id);
		if (!rvi_graph_token_exists(state->graph, RVI_REL_LABELSET, node.lset))
			check_report(state, 4, "node", node.id, psprintf("no label set %d", node.lset));
		check_props(state, "node", node.id, node.props);
		MemoryContextReset(state->row_mcxt);
	}
	MemoryContextSwitchTo(old);
	rv_graph_node_scan_end(scan);
}

/* GR-2: the edge is found once from this end. */
static void
check_adjacent(CheckState *state, RvExpand expand, const RvEdge *edge, const char *index)
{
	bool		out = expand == state->out;
	RvEdge		found;
	int64		neighbour;
	int			count = 0;

	rv_graph_expand_start(expand, out ? edge->src : edge->dst, out ? edge->dst : edge->src);
	while (rv_graph_expand_next(expand, &found, &neighbour))
		count += found.id == edge->id && found.type == edge->type;
	if (count != 1)
		check_report(state, 2, "edge", edge->id,
					 psprintf("%d entries in index %s", count, index));
}

static void
check_ends(CheckState *state, const RvEdge *edge)
{
	RvNode		node;

	if (!rv_graph_node_get(state->graph, state->snapshot, edge->src, false, &node))
		check_report(state, 1, "edge", edge->id, psprintf("no node " INT64_FORMAT, edge->src));
	if (edge->dst != edge->src &&
		!rv_graph_node_get(state->graph, state->snapshot, edge->dst, false, &node))
		check_report(state, 1, "edge", edge->id, psprintf("no node " INT64_FORMAT, edge->dst));
}

static void
check_edges(CheckState *state)
{
	RvEdgeScan	scan = rv_graph_edge_scan_begin(state->graph, state->snapshot, NULL, 0, true);
	MemoryContext old = MemoryContextSwitchTo(state->row_mcxt);
	RvEdge		edge;

	while (rv_graph_edge_scan_next(scan, &edge))
	{
		check_id(state, "edge", RVI_SEQ_EDGE, edge.id);
		check_ends(state, &edge);
		check_adjacent(state, state->out, &edge, "edge_out");
		check_adjacent(state, state->in, &edge, "edge_in");
		if (!rvi_graph_token_exists(state->graph, RVI_REL_RELTYPE, edge.type))
			check_report(state, 4, "edge", edge.id, psprintf("no relationship type %d", edge.type));
		check_props(state, "edge", edge.id, edge.props);
		MemoryContextReset(state->row_mcxt);
	}
	MemoryContextSwitchTo(old);
	rv_graph_edge_scan_end(scan);
}

/* GR-3: every entry of an adjacency index says what the row says. */
static void
check_index(CheckState *state, RviGraphIndex which, const char *name)
{
	Relation	rel = state->graph->edge;
	Relation	index = rvi_graph_index(state->graph, which);
	IndexScanDesc scan = index_beginscan(rel, index, state->snapshot, 0, 0);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	scan->xs_want_itup = true;
	index_rescan(scan, NULL, 0, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		bool		same = true;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		for (int i = 1; i <= index->rd_index->indnkeyatts; i++)
		{
			AttrNumber	attno = index->rd_index->indkey.values[i - 1];
			Datum		entry = index_getattr(scan->xs_itup, i, RelationGetDescr(index), &isnull);
			Datum		value = slot_getattr(slot, attno, &isnull);

			/* int4 and int8 are by value, and both come from one type */
			same = same && entry == value;
		}
		if (!same)
			check_report(state, 3, "edge", DatumGetInt64(slot_getattr(slot, RVI_EDGE_ATT_ID, &isnull)),
						 psprintf("an entry of index %s differs from the row", name));
	}
	ExecDropSingleTupleTableSlot(slot);
	index_endscan(scan);
}

/* ---- the function ---- */

static int64
check_last_id(Oid sequence)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(sequence);
	fcinfo->args[0].isnull = false;
	result = pg_sequence_last_value(fcinfo);
	return fcinfo->isnull ? 0 : DatumGetInt64(result);
}

/* ruvector_graph_check(graph text) -> (invariant text, relation text, id bigint, detail text) */
Datum
ruvector_graph_check(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CheckState	state = {0};
	RviGraphEntry *entry;

	InitMaterializedSRF(fcinfo, 0);
	state.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	state.graph = rv_graph_open(name, RV_GRAPH_READ);
	entry = state.graph->entry;
	if (!pg_namespace_ownercheck(entry->schema, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of graph \"%s\"", name)));
	state.snapshot = GetActiveSnapshot();
	state.row_mcxt = AllocSetContextCreate(CurrentMemoryContext, "ruvector graph check",
										   ALLOCSET_DEFAULT_SIZES);
	/* what is cached may hide what was removed by hand */
	rvi_graph_tokens_reset(entry);
	for (int i = 0; i < RVI_SEQ_COUNT; i++)
		state.last_id[i] = check_last_id(entry->seq[i]);
	state.out = rv_graph_expand_begin(state.graph, state.snapshot, RV_DIR_OUT, NULL, 0);
	state.in = rv_graph_expand_begin(state.graph, state.snapshot, RV_DIR_IN, NULL, 0);

	for (int i = 0; i < RVI_DICT_COUNT; i++)
		check_dictionary(&state, i);
	check_nodes(&state);
	check_edges(&state);
	check_index(&state, RVI_IDX_EDGE_OUT, "edge_out");
	check_index(&state, RVI_IDX_EDGE_IN, "edge_in");

	rv_graph_expand_end(state.in);
	rv_graph_expand_end(state.out);
	rv_graph_close(state.graph);
	MemoryContextDelete(state.row_mcxt);
	return (Datum) 0;
}
