/*-------------------------------------------------------------------------
 *
 * cy_exec.c
 *	  Runs a plan: making steps, the simple ones, and the loop.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "cypher/cy_plan.h"

bool
rvi_cy_step_next(CyStep *step)
{
	check_stack_depth();
	return step->next(step);
}

void
rvi_cy_step_end(CyStep *step)
{
	for (; step != NULL; step = step->input)
	{
		if (step->end != NULL)
			step->end(step);
	}
}

/*
 * What upper steps read from now on sees what has been written. The snapshots
 * used so far stay on the stack: scans of finished steps still name them.
 */
void
rvi_cy_exec_advance(CyExec *exec)
{
	CommandCounterIncrement();
	PushCopiedSnapshot(exec->snapshot);
	UpdateActiveSnapshotCommandId();
	exec->snapshot = GetActiveSnapshot();
	exec->npushed++;
	for (int i = 0; i < exec->nslots; i++)
		exec->entities[i].type = RV_VAL_NULL;
}

/* ---- steps without much of their own ---- */

/* START and ARGUMENT: state is whether the row is still to come. */
static bool
cy_step_once(CyStep *step)
{
	bool	   *ready = step->state;
	bool		result = *ready;

	*ready = false;
	return result;
}

static void
cy_init_once(CyStep *step)
{
	bool	   *ready = palloc(sizeof(bool));

	*ready = step->plan->kind == CY_PLAN_START;
	step->next = cy_step_once;
	step->state = ready;
}

static bool
cy_step_filter(CyStep *step)
{
	while (rvi_cy_step_next(step->input))
	{
		MemoryContext old;
		ListCell   *cell;
		bool		pass = true;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(step->context);
		old = MemoryContextSwitchTo(step->context);
		foreach(cell, step->plan->exprs)
		{
			if (rvi_cy_eval_predicate(step->exec, lfirst(cell)) != CY_TRUE)
			{
				pass = false;
				break;
			}
		}
		MemoryContextSwitchTo(old);
		if (pass)
			return true;
	}
	return false;
}

static bool
cy_step_project(CyStep *step)
{
	MemoryContext old;
	ListCell   *cell;

	if (!rvi_cy_step_next(step->input))
		return false;
	MemoryContextReset(step->context);
	old = MemoryContextSwitchTo(step->context);
	foreach(cell, step->plan->items)
	{
		CyItem	   *item = lfirst(cell);

		step->exec->row[item->slot] = rvi_cy_eval(step->exec, item->expr);
	}
	MemoryContextSwitchTo(old);
	return true;
}

typedef struct CyUnwindState
{
	RvValue		list;
	uint32		at;
} CyUnwindState;

static bool
cy_step_unwind(CyStep *step)
{
	CyUnwindState *state = step->state;

	while (state->at >= state->list.len)
	{
		MemoryContext old;

		if (!rvi_cy_step_next(step->input))
			return false;
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(step->context);
		old = MemoryContextSwitchTo(step->context);
		state->list = rvi_cy_eval(step->exec, step->plan->expr);
		MemoryContextSwitchTo(old);
		state->at = 0;
		if (state->list.type == RV_VAL_NULL)
			state->list.len = 0;
		else if (state->list.type != RV_VAL_LIST)
			rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", step->plan->expr->loc,
						 "UNWIND needs a list, found %s",
						 rvi_cy_type_noun(state->list.type));
	}
	step->exec->row[step->plan->slot] = state->list.u.items[state->at++];
	return true;
}

/* ---- SKIP and LIMIT ---- */

typedef struct CyLimitState
{
	bool		started;
	bool		pulled;
	int64		skip;
	int64		limit;			/* rows still to come; -1: no limit */
} CyLimitState;

static int64
cy_limit_count(CyExec *exec, CyNode *expr, const char *clause, int64 missing)
{
	RvValue		value;

	if (expr == NULL)
		return missing;
	value = rvi_cy_eval(exec, expr);
	if (value.type != RV_VAL_INT)
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidArgumentType", expr->loc,
					 "%s needs an integer, found %s", clause, rvi_cy_type_noun(value.type));
	if (value.u.integer < 0)
		rvi_cy_error(CY_ERR_SYNTAX, "NegativeIntegerArgument", expr->loc,
					 "%s needs an integer that is not negative", clause);
	return value.u.integer;
}

static bool
cy_step_limit(CyStep *step)
{
	CyLimitState *state = step->state;

	if (!state->started)
	{
		state->skip = cy_limit_count(step->exec, step->plan->skip, "SKIP", 0);
		state->limit = cy_limit_count(step->exec, step->plan->limit, "LIMIT", -1);
		state->started = true;
		/* writing steps do all they have to do before their first row */
		if (state->limit == 0 && step->plan->writes_below)
			(void) rvi_cy_step_next(step->input);
	}
	while (state->limit != 0 && rvi_cy_step_next(step->input))
	{
		if (state->skip > 0)
		{
			state->skip--;
			continue;
		}
		if (state->limit > 0)
			state->limit--;
		return true;
	}
	return false;
}

/* ---- OPTIONAL ---- */

typedef struct CyOptionalState
{
	CyStep	   *inner;
	bool	   *argument;		/* state of the ARGUMENT step at the bottom of inner */
	bool		active;
	bool		matched;
} CyOptionalState;

static bool
cy_step_optional(CyStep *step)
{
	CyOptionalState *state = step->state;
	ListCell   *cell;

	for (;;)
	{
		if (!state->active)
		{
			if (!rvi_cy_step_next(step->input))
				return false;
			*state->argument = true;
			state->active = true;
			state->matched = false;
		}
		if (rvi_cy_step_next(state->inner))
		{
			state->matched = true;
			return true;
		}
		state->active = false;
		if (state->matched)
			continue;
		foreach(cell, step->plan->slots)
			step->exec->row[lfirst_int(cell)] = rvi_cy_null();
		return true;
	}
}

static void
cy_end_optional(CyStep *step)
{
	rvi_cy_step_end(((CyOptionalState *) step->state)->inner);
}

static void
cy_init_optional(CyStep *step)
{
	CyOptionalState *state = palloc0(sizeof(CyOptionalState));
	CyStep	   *leaf;

	state->inner = rvi_cy_step_make(step->exec, step->plan->inner);
	for (leaf = state->inner; leaf->input != NULL; leaf = leaf->input)
		;
	state->argument = leaf->state;
	step->next = cy_step_optional;
	step->end = cy_end_optional;
	step->state = state;
}

/* ---- UNION ---- */

typedef struct CyUnionState
{
	int			part;			/* index of the one that is running */
	CyStep	   *step;			/* NULL: not made yet */
} CyUnionState;

static bool
cy_step_union(CyStep *step)
{
	CyUnionState *state = step->state;

	while (state->part < list_length(step->plan->parts))
	{
		CyUnionPart *part = list_nth(step->plan->parts, state->part);

		if (state->step == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(step->exec->context);

			state->step = rvi_cy_step_make(step->exec, part->plan);
			MemoryContextSwitchTo(old);
		}
		if (rvi_cy_step_next(state->step))
		{
			ListCell   *from;
			ListCell   *to;

			forboth(from, part->slots, to, step->plan->slots)
				step->exec->row[lfirst_int(to)] = step->exec->row[lfirst_int(from)];
			return true;
		}
		rvi_cy_step_end(state->step);
		state->step = NULL;
		state->part++;
	}
	return false;
}

static void
cy_end_union(CyStep *step)
{
	rvi_cy_step_end(((CyUnionState *) step->state)->step);
}

/* ---- making ---- */

static void
cy_step_init(CyStep *step)
{
	switch (step->plan->kind)
	{
		case CY_PLAN_START:
		case CY_PLAN_ARGUMENT:
			cy_init_once(step);
			break;
		case CY_PLAN_NODE_SCAN:
			rvi_cy_init_node_scan(step);
			break;
		case CY_PLAN_NODE_SEEK:
			rvi_cy_init_node_seek(step);
			break;
		case CY_PLAN_NODE_CHECK:
			rvi_cy_init_node_check(step);
			break;
		case CY_PLAN_EXPAND:
			rvi_cy_init_expand(step);
			break;
		case CY_PLAN_REL_ENDS:
			rvi_cy_init_rel_ends(step);
			break;
		case CY_PLAN_PATH:
			rvi_cy_init_path(step);
			break;
		case CY_PLAN_FILTER:
			step->next = cy_step_filter;
			break;
		case CY_PLAN_OPTIONAL:
			cy_init_optional(step);
			break;
		case CY_PLAN_UNWIND:
			step->next = cy_step_unwind;
			step->state = palloc0(sizeof(CyUnwindState));
			break;
		case CY_PLAN_PROJECT:
			step->next = cy_step_project;
			break;
		case CY_PLAN_AGGREGATE:
			rvi_cy_init_aggregate(step);
			break;
		case CY_PLAN_DISTINCT:
			rvi_cy_init_distinct(step);
			break;
		case CY_PLAN_SORT:
			rvi_cy_init_sort(step);
			break;
		case CY_PLAN_LIMIT:
			step->next = cy_step_limit;
			step->state = palloc0(sizeof(CyLimitState));
			break;
		case CY_PLAN_CREATE:
			rvi_cy_init_create(step);
			break;
		case CY_PLAN_UNION:
			step->next = cy_step_union;
			step->end = cy_end_union;
			step->state = palloc0(sizeof(CyUnionState));
			break;
	}
}

/* The steps of a plan, inputs first; in CurrentMemoryContext. */
CyStep *
rvi_cy_step_make(CyExec *exec, const CyPlan *plan)
{
	CyStep	   *top = NULL;
	List	   *plans = NIL;
	ListCell   *cell;

	for (; plan != NULL; plan = plan->input)
		plans = lappend(plans, (void *) plan);
	for (int i = list_length(plans) - 1; i >= 0; i--)
	{
		CyStep	   *step = palloc0(sizeof(CyStep));

		cell = list_nth_cell(plans, i);
		step->plan = lfirst(cell);
		step->exec = exec;
		step->input = top;
		step->context = AllocSetContextCreate(exec->context, "cypher step",
											  ALLOCSET_SMALL_SIZES);
		cy_step_init(step);
		top = step;
	}
	return top;
}

void
rvi_cy_exec_run(CyExec *exec, const CyPlanned *planned, CyEmit emit, void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(exec->context);
	CyStep	   *top = rvi_cy_step_make(exec, planned->plan);

	while (rvi_cy_step_next(top))
	{
		CHECK_FOR_INTERRUPTS();
		if (planned->names != NIL)
			emit(exec, arg);
	}
	rvi_cy_step_end(top);
	while (exec->npushed > 0)
	{
		PopActiveSnapshot();
		exec->npushed--;
	}
	MemoryContextSwitchTo(old);
}
