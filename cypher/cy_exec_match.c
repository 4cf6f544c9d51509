/*-------------------------------------------------------------------------
 *
 * cy_exec_match.c
 *	  Steps that read the graph: scans, seeks, expansion, paths.
 *
 * Each takes the input's rows one by one and, for every row, goes through
 * what it finds (a nested loop). Scans read with exec->snapshot as it is when
 * they begin. The node or relationship read becomes what is kept for its
 * slot, so that a property needs no second look.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "cypher/cy_plan.h"

/* Puts a node into a slot together with what is known of it. */
static void
cy_match_put_node(CyStep *step, int slot, const RvNode *node, bool has_props)
{
	CyEntity   *entity = &step->exec->entities[slot];

	step->exec->row[slot] = (RvValue) {.type = RV_VAL_NODE, .u.id = node->id};
	entity->type = RV_VAL_NODE;
	entity->id = node->id;
	entity->found = true;
	entity->has_props = has_props;
	entity->node = *node;
}

static void
cy_match_put_edge(CyStep *step, int slot, const RvEdge *edge, bool has_props)
{
	CyEntity   *entity = &step->exec->entities[slot];

	step->exec->row[slot] = (RvValue) {.type = RV_VAL_EDGE, .u.id = edge->id};
	entity->type = RV_VAL_EDGE;
	entity->id = edge->id;
	entity->found = true;
	entity->has_props = has_props;
	entity->edge = *edge;
}

/* What the step kept of a slot is about to lose its memory. */
static void
cy_match_forget(CyStep *step, int slot)
{
	step->exec->entities[slot].type = RV_VAL_NULL;
	MemoryContextReset(step->context);
}

/* A variable from before used as a node or relationship: false when it is null. */
static bool
cy_match_require(CyStep *step, int slot, RvValueType type)
{
	const RvValue *value = &step->exec->row[slot];

	if (value->type == RV_VAL_NULL)
		return false;
	if (value->type != type)
		rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", CY_NO_LOC,
					 "variable \"%s\" holds %s where %s is matched",
					 step->plan->name ? step->plan->name : "", rvi_cy_type_noun(value->type),
					 rvi_cy_type_noun(type));
	return true;
}

/* ---- nodes ---- */

typedef struct CyNodeScanState
{
	RvNodeScan	scan;			/* NULL: the input's next row comes first */
} CyNodeScanState;

static bool
cy_node_scan_begin(CyStep *step)
{
	CyNodeScanState *state = step->state;
	List	   *names = step->plan->labels;
	int32	   *labels;
	int			n;
	MemoryContext old = MemoryContextSwitchTo(step->exec->context);
	bool		known;

	labels = palloc(Max(list_length(names), 1) * sizeof(int32));
	known = rvi_cy_tokens(step->exec->graph, RV_TOKEN_LABEL, names, labels, &n, true);
	if (known)
		state->scan = rv_graph_node_scan_begin(step->exec->graph, step->exec->snapshot, labels,
											   n, step->plan->want_props);
	pfree(labels);
	MemoryContextSwitchTo(old);
	return known;
}

static bool
cy_step_node_scan(CyStep *step)
{
	CyNodeScanState *state = step->state;

	for (;;)
	{
		MemoryContext old;
		RvNode		node;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		if (state->scan == NULL)
		{
			if (!rvi_cy_step_next(step->input))
				return false;
			if (!cy_node_scan_begin(step))
				continue;
		}
		cy_match_forget(step, step->plan->slot);
		old = MemoryContextSwitchTo(step->context);
		found = rv_graph_node_scan_next(state->scan, &node);
		MemoryContextSwitchTo(old);
		if (found)
		{
			cy_match_put_node(step, step->plan->slot, &node, step->plan->want_props);
			return true;
		}
		rv_graph_node_scan_end(state->scan);
		state->scan = NULL;
	}
}

static void
cy_end_node_scan(CyStep *step)
{
	CyNodeScanState *state = step->state;

	if (state->scan != NULL)
		rv_graph_node_scan_end(state->scan);
}

void
rvi_cy_init_node_scan(CyStep *step)
{
	step->next = cy_step_node_scan;
	step->end = cy_end_node_scan;
	step->state = palloc0(sizeof(CyNodeScanState));
}

/* The id that a value equals, if any: the predicate id(n) = value is tested again above. */
static bool
cy_node_seek_id(const RvValue *value, int64 *id)
{
	if (value->type == RV_VAL_INT)
		*id = value->u.integer;
	else if (value->type == RV_VAL_FLOAT && value->u.real == floor(value->u.real) &&
			 fabs(value->u.real) < 9007199254740992.0)
		*id = (int64) value->u.real;
	else
		return false;
	return *id >= 0;
}

static bool
cy_step_node_seek(CyStep *step)
{
	while (rvi_cy_step_next(step->input))
	{
		MemoryContext old;
		RvValue		value;
		RvNode		node;
		int64		id;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		cy_match_forget(step, step->plan->slot);
		old = MemoryContextSwitchTo(step->context);
		value = rvi_cy_eval(step->exec, step->plan->expr);
		found = cy_node_seek_id(&value, &id) &&
			rv_graph_node_get(step->exec->graph, step->exec->snapshot, id,
							  step->plan->want_props, &node);
		MemoryContextSwitchTo(old);
		if (found)
		{
			cy_match_put_node(step, step->plan->slot, &node, step->plan->want_props);
			return true;
		}
	}
	return false;
}

void
rvi_cy_init_node_seek(CyStep *step)
{
	step->next = cy_step_node_seek;
}

static bool
cy_step_node_check(CyStep *step)
{
	while (rvi_cy_step_next(step->input))
	{
		if (cy_match_require(step, step->plan->slot, RV_VAL_NODE))
			return true;
	}
	return false;
}

void
rvi_cy_init_node_check(CyStep *step)
{
	step->next = cy_step_node_check;
}

/* ---- relationships ---- */

/* Is the relationship one that the clause has matched already? */
static bool
cy_match_is_used(CyStep *step, int64 id)
{
	ListCell   *cell;

	foreach(cell, step->plan->unique)
	{
		if (step->exec->row[lfirst_int(cell)].u.id == id)
			return true;
	}
	return false;
}

typedef struct CyExpandState
{
	RvExpand	expand;			/* begun once per snapshot, restarted per node */
	Snapshot	snapshot;
	bool		active;
	bool		none;			/* no relationship can have one of the types */
} CyExpandState;

static void
cy_expand_begin(CyStep *step)
{
	CyExpandState *state = step->state;
	const CyPlan *plan = step->plan;
	int32	   *types;
	int			n;
	MemoryContext old;

	if (state->expand != NULL || state->none)
	{
		if (state->snapshot == step->exec->snapshot)
			return;
		if (state->expand != NULL)
			rv_graph_expand_end(state->expand);
		state->expand = NULL;
	}
	old = MemoryContextSwitchTo(step->exec->context);
	types = palloc(Max(list_length(plan->types), 1) * sizeof(int32));
	state->none = !rvi_cy_tokens(step->exec->graph, RV_TOKEN_RELTYPE, plan->types, types, &n,
								 false);
	if (!state->none)
	{
		state->expand = rv_graph_expand_begin(step->exec->graph, step->exec->snapshot,
											  plan->direction, types, n);
		if (plan->want_props)
			rv_graph_expand_want_props(state->expand);
	}
	state->snapshot = step->exec->snapshot;
	pfree(types);
	MemoryContextSwitchTo(old);
}

/* Moves to the input's next row that has something to expand from. */
static bool
cy_expand_start(CyStep *step)
{
	CyExpandState *state = step->state;
	const CyPlan *plan = step->plan;

	while (rvi_cy_step_next(step->input))
	{
		CHECK_FOR_INTERRUPTS();
		if (!cy_match_require(step, plan->from_slot, RV_VAL_NODE) ||
			(plan->into && !cy_match_require(step, plan->to_slot, RV_VAL_NODE)))
			continue;
		cy_expand_begin(step);
		if (state->none)
			continue;
		rv_graph_expand_start(state->expand, step->exec->row[plan->from_slot].u.id,
							  plan->into ? step->exec->row[plan->to_slot].u.id : -1);
		return true;
	}
	return false;
}

static bool
cy_step_expand(CyStep *step)
{
	CyExpandState *state = step->state;
	const CyPlan *plan = step->plan;

	for (;;)
	{
		MemoryContext old;
		RvEdge		edge;
		int64		neighbour;
		bool		found;

		if (!state->active)
		{
			if (!cy_expand_start(step))
				return false;
			state->active = true;
		}
		CHECK_FOR_INTERRUPTS();
		cy_match_forget(step, plan->rel_slot);
		old = MemoryContextSwitchTo(step->context);
		found = rv_graph_expand_next(state->expand, &edge, &neighbour);
		MemoryContextSwitchTo(old);
		if (!found)
		{
			state->active = false;
			continue;
		}
		if (cy_match_is_used(step, edge.id))
			continue;
		cy_match_put_edge(step, plan->rel_slot, &edge, plan->want_props);
		if (!plan->into)
			step->exec->row[plan->to_slot] = (RvValue) {.type = RV_VAL_NODE, .u.id = neighbour};
		return true;
	}
}

static void
cy_end_expand(CyStep *step)
{
	CyExpandState *state = step->state;

	if (state->expand != NULL)
		rv_graph_expand_end(state->expand);
}

void
rvi_cy_init_expand(CyStep *step)
{
	step->next = cy_step_expand;
	step->end = cy_end_expand;
	step->state = palloc0(sizeof(CyExpandState));
}

/* ---- a relationship that is known: its ends ---- */

typedef struct CyRelEndsState
{
	RvEdge		edge;
	int			turn;			/* 0, 1: the edge forwards, backwards; 2: next row */
} CyRelEndsState;

/* Binds or compares one end. */
static bool
cy_rel_end(CyStep *step, int slot, bool bound, int64 id)
{
	RvValue    *value = &step->exec->row[slot];

	if (bound)
		return value->type == RV_VAL_NODE && value->u.id == id;
	*value = (RvValue) {.type = RV_VAL_NODE, .u.id = id};
	return true;
}

static bool
cy_rel_has_type(CyStep *step, int32 type)
{
	ListCell   *cell;

	foreach(cell, step->plan->types)
	{
		if (rv_graph_token_find(step->exec->graph, RV_TOKEN_RELTYPE, lfirst(cell)) == type)
			return true;
	}
	return step->plan->types == NIL;
}

static bool
cy_rel_ends_start(CyStep *step)
{
	CyRelEndsState *state = step->state;
	const CyPlan *plan = step->plan;

	while (rvi_cy_step_next(step->input))
	{
		RvValue    *value = &step->exec->row[plan->rel_slot];
		CyEntity	entity = {0};

		CHECK_FOR_INTERRUPTS();
		if (!cy_match_require(step, plan->rel_slot, RV_VAL_EDGE) ||
			cy_match_is_used(step, value->u.id))
			continue;
		MemoryContextReset(step->context);
		rvi_cy_entity_read(step->exec, value, false, &entity);
		if (!cy_rel_has_type(step, entity.edge.type))
			continue;
		state->edge = entity.edge;
		state->turn = plan->direction == RV_DIR_IN ? 1 : 0;
		return true;
	}
	return false;
}

static bool
cy_step_rel_ends(CyStep *step)
{
	CyRelEndsState *state = step->state;
	const CyPlan *plan = step->plan;

	for (;;)
	{
		int64		from;
		int64		to;
		bool		last;

		if (state->turn == 2 && !cy_rel_ends_start(step))
			return false;
		from = state->turn == 0 ? state->edge.src : state->edge.dst;
		to = state->turn == 0 ? state->edge.dst : state->edge.src;
		last = state->turn == 1 || plan->direction != RV_DIR_BOTH || from == to;
		state->turn = last ? 2 : 1;
		if (plan->from_slot == plan->to_slot && from != to)
			continue;
		if (cy_rel_end(step, plan->from_slot, plan->from_bound, from) &&
			cy_rel_end(step, plan->to_slot, plan->to_bound, to))
			return true;
	}
}

void
rvi_cy_init_rel_ends(CyStep *step)
{
	CyRelEndsState *state = palloc0(sizeof(CyRelEndsState));

	state->turn = 2;
	step->next = cy_step_rel_ends;
	step->state = state;
}

/* ---- paths ---- */

static bool
cy_step_path(CyStep *step)
{
	RvValue		path = {.type = RV_VAL_PATH};
	List	   *slots = step->plan->slots;
	ListCell   *cell;

	if (!rvi_cy_step_next(step->input))
		return false;
	MemoryContextReset(step->context);
	path.len = list_length(slots) / 2;
	path.u.items = MemoryContextAlloc(step->context, list_length(slots) * sizeof(RvValue));
	foreach(cell, slots)
		path.u.items[foreach_current_index(cell)] = step->exec->row[lfirst_int(cell)];
	step->exec->row[step->plan->slot] = path;
	return true;
}

void
rvi_cy_init_path(CyStep *step)
{
	step->next = cy_step_path;
}
