/*-------------------------------------------------------------------------
 *
 * cy_plan.c
 *	  From the analysed clauses to a chain of steps.
 *
 * Clauses are planned in the order they are written; cy_plan_match.c chooses
 * the order inside a MATCH.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"

#include "cypher/cy_plan.h"

#define CY_DEFAULT_UNWIND_ROWS	10
#define CY_DEFAULT_GROUPS		0.1

CyPlan *
rvi_cy_plan_step(CyPlanner *planner, CyPlanKind kind, double rows)
{
	CyPlan	   *plan = palloc0(sizeof(CyPlan));

	plan->kind = kind;
	plan->input = planner->plan;
	plan->rows = Max(rows, 1);
	plan->bound_hint = -1;
	planner->plan = plan;
	return plan;
}

void
rvi_cy_plan_filter(CyPlanner *planner, CyNode *expr, double selectivity)
{
	CyPlan	   *plan = planner->plan;

	if (plan->kind != CY_PLAN_FILTER)
		plan = rvi_cy_plan_step(planner, CY_PLAN_FILTER, plan->rows);
	plan->exprs = lappend(plan->exprs, expr);
	plan->rows = Max(plan->rows * selectivity, 1);
}

/*
 * With all, false as soon as a name is unknown; without, false when all are.
 * ids has room for every name; a name that occurs twice gives one id.
 */
bool
rvi_cy_tokens(RvGraph graph, RvTokenKind kind, List *names, int32 *ids, int *n, bool all)
{
	ListCell   *cell;

	*n = 0;
	foreach(cell, names)
	{
		int32		id = rv_graph_token_find(graph, kind, lfirst(cell));
		int			i = 0;

		if (id == RV_TOKEN_NONE)
		{
			if (all)
				return false;
			continue;
		}
		while (i < *n && ids[i] != id)
			i++;
		if (i == *n)
			ids[(*n)++] = id;
	}
	return names == NIL || *n > 0;
}

/* ---- which slots are looked into ---- */

static void
cy_plan_collect_read(CyNode **child, void *arg)
{
	CyPlanner  *planner = arg;

	if ((*child)->tag == CY_VARIABLE)
	{
		int			slot = ((CyVariable *) *child)->slot;

		if (slot >= 0)
			planner->read = bms_add_member(planner->read, slot);
		return;
	}
	/* an id is known without looking */
	if ((*child)->tag == CY_FUNCTION)
	{
		CyFunction *call = (CyFunction *) *child;

		if (call->info != NULL && strcmp(call->info->name, "id") == 0 &&
			((CyNode *) linitial(call->args))->tag == CY_VARIABLE)
			return;
	}
	rvi_cy_visit_children(*child, cy_plan_collect_read, arg);
}

static void
cy_plan_collect_one(CyPlanner *planner, CyNode *expr)
{
	if (expr != NULL)
		cy_plan_collect_read(&expr, planner);
}

static void
cy_plan_collect_path(CyPlanner *planner, CyPathPattern *path)
{
	ListCell   *cell;

	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);

		if (element->tag == CY_NODE_PATTERN)
		{
			CyNodePattern *node = (CyNodePattern *) element;

			cy_plan_collect_one(planner, node->properties);
			if (node->properties != NULL)
				planner->read = bms_add_member(planner->read, node->slot);
		}
		else
		{
			CyRelPattern *rel = (CyRelPattern *) element;

			cy_plan_collect_one(planner, rel->properties);
			if (rel->properties != NULL)
				planner->read = bms_add_member(planner->read, rel->slot);
		}
	}
}

static void
cy_plan_collect_projection(CyPlanner *planner, CyProjection *projection)
{
	ListCell   *cell;

	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		/* a variable handed on is not looked into, one returned is */
		if (item->computed || projection->is_return)
			cy_plan_collect_one(planner, item->expr);
	}
	foreach(cell, projection->aggregates)
	{
		CyAggregate *aggregate = lfirst(cell);

		if (aggregate->arg != NULL && aggregate->arg->tag != CY_VARIABLE)
			cy_plan_collect_one(planner, aggregate->arg);
	}
	foreach(cell, projection->order)
		cy_plan_collect_one(planner, ((CySortKey *) lfirst(cell))->expr);
	cy_plan_collect_one(planner, projection->where);
}

static void
cy_plan_collect_clause(CyPlanner *planner, CyNode *clause)
{
	List	   *patterns = NIL;
	ListCell   *cell;

	switch (clause->tag)
	{
		case CY_MATCH:
			patterns = ((CyMatch *) clause)->patterns;
			cy_plan_collect_one(planner, ((CyMatch *) clause)->where);
			break;
		case CY_CREATE:
			patterns = ((CyCreate *) clause)->patterns;
			break;
		case CY_UNWIND:
			cy_plan_collect_one(planner, ((CyUnwind *) clause)->list);
			break;
		default:
			cy_plan_collect_projection(planner, (CyProjection *) clause);
	}
	foreach(cell, patterns)
		cy_plan_collect_path(planner, lfirst(cell));
}

/* ---- clauses ---- */

static bool
cy_plan_writes(const CyPlan *plan)
{
	for (; plan != NULL; plan = plan->input)
	{
		if (plan->kind == CY_PLAN_CREATE)
			return true;
	}
	return false;
}

/* Slots of expressions that were there before the projection and are needed after it. */
static void
cy_plan_used_slots(CyNode **child, void *arg)
{
	Bitmapset **slots = arg;

	if ((*child)->tag == CY_VARIABLE)
		*slots = bms_add_member(*slots, ((CyVariable *) *child)->slot);
	else
		rvi_cy_visit_children(*child, cy_plan_used_slots, arg);
}

static List *
cy_plan_slot_list(Bitmapset *slots)
{
	List	   *list = NIL;
	int			slot = -1;

	while ((slot = bms_next_member(slots, slot)) >= 0)
		list = lappend_int(list, slot);
	return list;
}

/* Columns, and what WHERE needs of the variables before. */
static List *
cy_plan_kept_slots(CyPlanner *planner, CyProjection *projection)
{
	Bitmapset  *kept = NULL;
	Bitmapset  *used = NULL;
	ListCell   *cell;

	foreach(cell, projection->items)
		kept = bms_add_member(kept, ((CyItem *) lfirst(cell))->slot);
	if (projection->where != NULL)
		cy_plan_used_slots(&projection->where, &used);
	kept = bms_add_members(kept, bms_intersect(used, planner->bound));
	return cy_plan_slot_list(kept);
}

static void
cy_plan_aggregate(CyPlanner *planner, CyProjection *projection)
{
	double		rows = planner->plan->rows;
	List	   *keys = NIL;
	List	   *computed = NIL;
	CyPlan	   *plan;
	ListCell   *cell;

	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (item->aggregated)
			continue;
		keys = lappend_int(keys, item->slot);
		if (item->computed)
			computed = lappend(computed, item);
	}
	if (computed != NIL)
		rvi_cy_plan_step(planner, CY_PLAN_PROJECT, rows)->items = computed;
	plan = rvi_cy_plan_step(planner, CY_PLAN_AGGREGATE,
							keys == NIL ? 1 : rows * CY_DEFAULT_GROUPS);
	plan->slots = keys;
	plan->aggregates = projection->aggregates;
}

/* Items that remain to be computed: all, or after an aggregation those that use its results. */
static void
cy_plan_project(CyPlanner *planner, CyProjection *projection)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (item->computed && (item->aggregated || !projection->aggregating))
			items = lappend(items, item);
	}
	if (items != NIL)
		rvi_cy_plan_step(planner, CY_PLAN_PROJECT, planner->plan->rows)->items = items;
}

/* Rows that a literal SKIP and LIMIT let through at most; -1 when not known. */
static int64
cy_plan_limit_bound(CyProjection *projection)
{
	int64		skip = 0;

	if (projection->limit == NULL || projection->limit->tag != CY_LITERAL)
		return -1;
	if (projection->skip != NULL)
	{
		if (projection->skip->tag != CY_LITERAL)
			return -1;
		skip = ((CyLiteral *) projection->skip)->value.u.integer;
	}
	return pg_add_s64_overflow(skip, ((CyLiteral *) projection->limit)->value.u.integer,
							   &skip) ? -1 : skip;
}

static void
cy_plan_projection(CyPlanner *planner, CyProjection *projection)
{
	CyPlan	   *plan;
	Bitmapset  *bound = NULL;
	List	   *columns = NIL;
	ListCell   *cell;

	if (projection->aggregating)
		cy_plan_aggregate(planner, projection);
	cy_plan_project(planner, projection);
	foreach(cell, projection->items)
	{
		columns = lappend_int(columns, ((CyItem *) lfirst(cell))->slot);
		bound = bms_add_member(bound, ((CyItem *) lfirst(cell))->slot);
	}
	if (projection->distinct)
		rvi_cy_plan_step(planner, CY_PLAN_DISTINCT, planner->plan->rows)->slots = columns;
	if (projection->order != NIL)
	{
		plan = rvi_cy_plan_step(planner, CY_PLAN_SORT, planner->plan->rows);
		plan->order = projection->order;
		plan->slots = cy_plan_kept_slots(planner, projection);
		plan->bound_hint = cy_plan_limit_bound(projection);
	}
	if (projection->skip != NULL || projection->limit != NULL)
	{
		CyLiteral  *limit = (CyLiteral *) projection->limit;
		double		rows = planner->plan->rows;

		if (limit != NULL && limit->node.tag == CY_LITERAL)
			rows = Min(rows, (double) limit->value.u.integer);
		plan = rvi_cy_plan_step(planner, CY_PLAN_LIMIT, rows);
		plan->skip = projection->skip;
		plan->limit = projection->limit;
		plan->writes_below = cy_plan_writes(plan);
	}
	if (projection->where != NULL)
		rvi_cy_plan_filter(planner, projection->where, 0.5);
	planner->bound = bound;
}

static void
cy_plan_create(CyPlanner *planner, CyCreate *create)
{
	CyPlan	   *plan = rvi_cy_plan_step(planner, CY_PLAN_CREATE, planner->plan->rows);
	ListCell   *cell;

	plan->patterns = create->patterns;
	plan->slots = create->live;
	foreach(cell, create->live)
		planner->bound = bms_add_member(planner->bound, lfirst_int(cell));
}

static void
cy_plan_clause(CyPlanner *planner, CyNode *clause)
{
	CyPlan	   *plan;

	switch (clause->tag)
	{
		case CY_MATCH:
			rvi_cy_plan_match(planner, (CyMatch *) clause);
			break;
		case CY_UNWIND:
			plan = rvi_cy_plan_step(planner, CY_PLAN_UNWIND,
									planner->plan->rows * CY_DEFAULT_UNWIND_ROWS);
			plan->expr = ((CyUnwind *) clause)->list;
			plan->slot = ((CyUnwind *) clause)->variable->slot;
			plan->name = ((CyUnwind *) clause)->variable->name;
			planner->bound = bms_add_member(planner->bound, plan->slot);
			break;
		case CY_PROJECTION:
			cy_plan_projection(planner, (CyProjection *) clause);
			break;
		case CY_CREATE:
			cy_plan_create(planner, (CyCreate *) clause);
			break;
		default:
			elog(ERROR, "cypher clause of kind %d cannot be planned", (int) clause->tag);
	}
}

/* Slots of what a part returns. */
static List *
cy_plan_columns(CySingleQuery *single)
{
	CyNode	   *last = llast(single->clauses);
	List	   *slots = NIL;
	ListCell   *cell;

	if (last->tag != CY_PROJECTION)
		return NIL;
	foreach(cell, ((CyProjection *) last)->items)
		slots = lappend_int(slots, ((CyItem *) lfirst(cell))->slot);
	return slots;
}

/* The parts one after the other, their columns moved to slots of their own. */
static void
cy_plan_union(CyPlanner *planner, CyQuery *query, List *parts)
{
	CyPlan	   *plan;
	double		rows = 0;
	ListCell   *cell;

	foreach(cell, parts)
		rows += ((CyUnionPart *) lfirst(cell))->plan->rows;
	planner->plan = NULL;
	plan = rvi_cy_plan_step(planner, CY_PLAN_UNION, rows);
	plan->parts = parts;
	for (int i = 0; i < list_length(query->columns); i++)
		plan->slots = lappend_int(plan->slots, planner->nslots++);
	if (!linitial_int(query->union_all))
		rvi_cy_plan_step(planner, CY_PLAN_DISTINCT, rows)->slots = plan->slots;
}

void
rvi_cy_plan(CyQuery *query, RvGraph graph, CyPlanned *planned)
{
	CyPlanner	planner = {.graph = graph, .nslots = query->nslots};
	List	   *parts = NIL;
	ListCell   *cell;

	foreach(cell, query->parts)
	{
		CySingleQuery *single = lfirst(cell);
		CyUnionPart *part = palloc(sizeof(CyUnionPart));
		ListCell   *clause;

		planner.plan = NULL;
		planner.bound = NULL;
		planner.read = NULL;
		foreach(clause, single->clauses)
			cy_plan_collect_clause(&planner, lfirst(clause));
		rvi_cy_plan_step(&planner, CY_PLAN_START, 1);
		foreach(clause, single->clauses)
			cy_plan_clause(&planner, lfirst(clause));
		part->plan = planner.plan;
		part->slots = cy_plan_columns(single);
		parts = lappend(parts, part);
	}
	planned->names = query->columns;
	if (list_length(parts) > 1)
	{
		cy_plan_union(&planner, query, parts);
		planned->slots = planner.plan->slots;
	}
	else
		planned->slots = ((CyUnionPart *) linitial(parts))->slots;
	planned->plan = planner.plan;
	planned->nslots = planner.nslots;
}
