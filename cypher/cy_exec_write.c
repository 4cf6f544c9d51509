/*-------------------------------------------------------------------------
 *
 * cy_exec_write.c
 *	  CREATE.
 *
 * The step reads all of its input before it returns a row: first whatever
 * stands below it is done, then everything it has made becomes visible at
 * once to what stands above (graph.md 4.6). Reading while it writes is safe,
 * because the snapshot of the steps below does not see its own transaction's
 * later commands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "cypher/cy_fn.h"
#include "cypher/cy_plan.h"

typedef struct CyCreateState
{
	CyRowStore *rows;			/* NULL until the input has been read */
} CyCreateState;

static bool
cy_create_is_storable(const RvValue *value)
{
	check_stack_depth();
	switch (value->type)
	{
		case RV_VAL_NULL:
		case RV_VAL_BOOL:
		case RV_VAL_INT:
		case RV_VAL_FLOAT:
		case RV_VAL_STRING:
			return true;
		case RV_VAL_LIST:
			for (uint32 i = 0; i < value->len; i++)
			{
				if (value->u.items[i].type == RV_VAL_NULL ||
					!cy_create_is_storable(&value->u.items[i]))
					return false;
			}
			return true;
		default:
			return false;
	}
}

/* The encoded properties of a new node or relationship, or NULL when it has none. */
static RvProps *
cy_create_properties(CyExec *exec, CyNode *expr)
{
	RvValue		map;
	int32	   *keys;
	RvValue    *values;
	int			n = 0;

	if (expr == NULL)
		return NULL;
	map = rvi_cy_eval(exec, expr);
	if (map.type == RV_VAL_NULL)
		return NULL;
	if (map.type != RV_VAL_MAP)
		rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", expr->loc,
					 "properties must be a map, not %s", rvi_cy_type_noun(map.type));
	keys = palloc(Max(map.len, 1) * sizeof(int32));
	values = palloc(Max(map.len, 1) * sizeof(RvValue));
	for (uint32 i = 0; i < map.len; i++)
	{
		const RvMapEntry *entry = &map.u.entries[i];
		char	   *name = pnstrdup(entry->key.u.string, entry->key.len);

		if (entry->value.type == RV_VAL_NULL)
			continue;			/* no property, and its key need not be known */
		if (!cy_create_is_storable(&entry->value))
			rvi_cy_error(CY_ERR_TYPE, "InvalidPropertyType", expr->loc,
						 "property \"%s\" cannot hold %s%s", name,
						 rvi_cy_type_noun(entry->value.type),
						 entry->value.type == RV_VAL_LIST ? " with such elements" : "");
		keys[n] = rv_graph_token_intern(exec->graph, RV_TOKEN_PROPKEY, name);
		values[n++] = entry->value;
	}
	return rv_graph_props_build(n, keys, values);
}

/*
 * Properties that read what the clause has just made: with a snapshot of
 * their own, which the steps below must not come to use.
 */
static RvProps *
cy_create_own_properties(CyExec *exec, CyNode *expr)
{
	Snapshot	snapshot = exec->snapshot;
	int			npushed = exec->npushed;
	RvProps    *props;

	rvi_cy_exec_advance(exec);
	props = cy_create_properties(exec, expr);
	PopActiveSnapshot();
	exec->snapshot = snapshot;
	exec->npushed = npushed;
	return props;
}

static void
cy_create_node(CyExec *exec, CyNodePattern *node)
{
	int32	   *labels = palloc(Max(list_length(node->labels), 1) * sizeof(int32));
	int			n = 0;
	ListCell   *cell;
	RvProps    *props = node->uses_own ? cy_create_own_properties(exec, node->properties) :
		cy_create_properties(exec, node->properties);

	foreach(cell, node->labels)
		labels[n++] = rv_graph_token_intern(exec->graph, RV_TOKEN_LABEL, lfirst(cell));
	exec->row[node->slot] = (RvValue) {.type = RV_VAL_NODE,
		.u.id = rv_graph_node_create(exec->graph, labels, n, props)};
}

/* The end of a relationship to be created: a node, not null. */
static int64
cy_create_end(CyExec *exec, CyNodePattern *node)
{
	const RvValue *value = &exec->row[node->slot];

	if (value->type != RV_VAL_NODE)
		rvi_cy_error(value->type == RV_VAL_NULL ? CY_ERR_ENTITY_NOT_FOUND : CY_ERR_TYPE,
					 value->type == RV_VAL_NULL ? "MissingNode" : "InvalidArgumentType",
					 node->node.loc, "a relationship cannot end at %s",
					 rvi_cy_type_noun(value->type));
	return value->u.id;
}

static void
cy_create_rel(CyExec *exec, CyRelPattern *rel, CyNodePattern *left, CyNodePattern *right)
{
	int64		from = cy_create_end(exec, rel->direction == RV_DIR_OUT ? left : right);
	int64		to = cy_create_end(exec, rel->direction == RV_DIR_OUT ? right : left);
	RvProps    *props = rel->uses_own ? cy_create_own_properties(exec, rel->properties) :
		cy_create_properties(exec, rel->properties);
	int32		type = rv_graph_token_intern(exec->graph, RV_TOKEN_RELTYPE,
											 linitial(rel->types));

	exec->row[rel->slot] = (RvValue) {.type = RV_VAL_EDGE,
		.u.id = rv_graph_edge_create(exec->graph, from, to, type, props)};
}

static void
cy_create_path_value(CyExec *exec, CyPathPattern *path)
{
	RvValue		value = {.type = RV_VAL_PATH, .len = list_length(path->elements) / 2};
	ListCell   *cell;

	value.u.items = palloc(list_length(path->elements) * sizeof(RvValue));
	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);

		value.u.items[foreach_current_index(cell)] =
			exec->row[element->tag == CY_NODE_PATTERN ? ((CyNodePattern *) element)->slot :
					  ((CyRelPattern *) element)->slot];
	}
	exec->row[path->variable->slot] = value;
}

/* All nodes of the clause first: a path may use what a later one makes. */
static void
cy_create_row(CyStep *step)
{
	ListCell   *cell;

	foreach(cell, step->plan->patterns)
	{
		List	   *elements = ((CyPathPattern *) lfirst(cell))->elements;

		for (int i = 0; i < list_length(elements); i += 2)
		{
			CyNodePattern *node = list_nth(elements, i);

			if (!node->bound)
				cy_create_node(step->exec, node);
		}
	}
	foreach(cell, step->plan->patterns)
	{
		CyPathPattern *path = lfirst(cell);

		for (int i = 1; i < list_length(path->elements); i += 2)
			cy_create_rel(step->exec, list_nth(path->elements, i),
						  list_nth(path->elements, i - 1), list_nth(path->elements, i + 1));
		if (path->variable != NULL)
			cy_create_path_value(step->exec, path);
	}
}

static void
cy_create_read_input(CyStep *step)
{
	CyCreateState *state = step->state;
	MemoryContext old = MemoryContextSwitchTo(step->exec->context);

	state->rows = rvi_cy_rowstore_make();
	while (rvi_cy_step_next(step->input))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(step->context);
		MemoryContextSwitchTo(step->context);
		cy_create_row(step);
		rvi_cy_rowstore_put(state->rows, step->exec, step->plan->slots);
	}
	MemoryContextSwitchTo(old);
	rvi_cy_exec_advance(step->exec);
}

static bool
cy_step_create(CyStep *step)
{
	CyCreateState *state = step->state;
	MemoryContext old;
	bool		found;

	if (state->rows == NULL)
		cy_create_read_input(step);
	MemoryContextReset(step->context);
	old = MemoryContextSwitchTo(step->context);
	found = rvi_cy_rowstore_get(state->rows, step->exec, step->plan->slots);
	MemoryContextSwitchTo(old);
	return found;
}

static void
cy_end_create(CyStep *step)
{
	CyCreateState *state = step->state;

	if (state->rows != NULL)
		rvi_cy_rowstore_end(state->rows);
}

void
rvi_cy_init_create(CyStep *step)
{
	step->next = cy_step_create;
	step->end = cy_end_create;
	step->state = palloc0(sizeof(CyCreateState));
}
