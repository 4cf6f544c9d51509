/*-------------------------------------------------------------------------
 *
 * cy_plan_match.c
 *	  Order of work inside a MATCH.
 *
 * The pattern is a graph of nodes and relationships. Beginning with what is
 * bound already, the cheapest next step is taken until everything is bound:
 * the ends of a bound relationship, relationships between two bound nodes,
 * relationships at one bound node (by average degree), else a new start: the
 * node with the fewest candidates. Predicates (WHERE split at its ANDs, and
 * the labels and properties written inside the pattern) are attached as soon
 * as what they use is bound.
 *
 * A relationship stands for one match only in a MATCH clause: each step is
 * told the relationships bound before it in the clause.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_plan.h"

#define CY_EQ_SELECTIVITY		0.1
#define CY_PREDICATE_SELECTIVITY 0.5

/* A relationship of the pattern with the slots of its ends. */
typedef struct CyMatchRel
{
	CyRelPattern *rel;
	int			left;
	int			right;
	bool		done;
} CyMatchRel;

/* A node of the pattern: all places where its variable stands. */
typedef struct CyMatchNode
{
	int			slot;
	const char *name;
	List	   *labels;			/* those written at any of its places */
	CyNode	   *seek;			/* id(n) = this, or NULL */
	Bitmapset  *seek_uses;
	double		rows;			/* estimate of a scan */
	double		selectivity;	/* of the property predicates */
} CyMatchNode;

typedef struct CyMatchPredicate
{
	CyNode	   *expr;
	Bitmapset  *uses;			/* slots of this pattern that it needs */
	double		selectivity;
	int			label_slot;		/* a label test of this slot, or -1 */
	bool		done;
} CyMatchPredicate;

typedef struct CyMatchPlan
{
	CyPlanner  *planner;
	List	   *nodes;			/* CyMatchNode */
	List	   *rels;			/* CyMatchRel */
	List	   *predicates;		/* CyMatchPredicate */
	List	   *paths;			/* CyPathPattern with a variable, not built yet */
	Bitmapset  *fresh;			/* slots that the clause binds */
	List	   *bound_rels;		/* slots of relationships bound so far in the clause */
} CyMatchPlan;

/* A reference to an element of the pattern, which may have no name. */
static CyNode *
cy_match_variable(int slot, const char *name, CyLoc loc)
{
	CyVariable *variable = cy_make(CyVariable, CY_VARIABLE, loc);

	variable->name = name == NULL ? "_" : name;
	variable->slot = slot;
	variable->types = CY_T_ANY;
	return CY_NODE(variable);
}

static void
cy_match_collect_uses(CyNode **child, void *arg)
{
	Bitmapset **uses = arg;

	if ((*child)->tag == CY_VARIABLE)
		*uses = bms_add_member(*uses, ((CyVariable *) *child)->slot);
	else
		rvi_cy_visit_children(*child, cy_match_collect_uses, arg);
}

/* Slots of the clause that an expression needs; variables of its own do not count. */
static Bitmapset *
cy_match_uses(CyMatchPlan *match, CyNode *expr)
{
	Bitmapset  *uses = NULL;

	cy_match_collect_uses(&expr, &uses);
	return bms_int_members(uses, match->fresh);
}

static CyMatchPredicate *
cy_match_add_predicate(CyMatchPlan *match, CyNode *expr, double selectivity)
{
	CyMatchPredicate *predicate = palloc0(sizeof(CyMatchPredicate));

	predicate->expr = expr;
	predicate->uses = cy_match_uses(match, expr);
	predicate->selectivity = selectivity;
	predicate->label_slot = -1;
	match->predicates = lappend(match->predicates, predicate);
	return predicate;
}

/* {key: value, ..} at a slot: one equality each. */
static void
cy_match_add_properties(CyMatchPlan *match, int slot, CyVariable *variable, CyNode *properties)
{
	CyMapExpr  *map = (CyMapExpr *) properties;
	const char *name = variable == NULL ? NULL : variable->name;
	ListCell   *key;
	ListCell   *value;

	if (properties == NULL)
		return;
	forboth(key, map->keys, value, map->values)
	{
		CyNode	   *expr = lfirst(value);
		CyProperty *property = cy_make(CyProperty, CY_PROPERTY, expr->loc);
		CyCompare  *compare = cy_make(CyCompare, CY_COMPARE, expr->loc);

		property->object = cy_match_variable(slot, name, expr->loc);
		property->node.loc.end = property->node.loc.start;	/* not in the text */
		property->key = lfirst(key);
		compare->operands = list_make2(property, expr);
		compare->ops = list_make1_int(CY_OP_EQ);
		cy_match_add_predicate(match, CY_NODE(compare), CY_EQ_SELECTIVITY);
	}
}

static CyMatchNode *
cy_match_find_node(CyMatchPlan *match, int slot)
{
	ListCell   *cell;

	foreach(cell, match->nodes)
	{
		if (((CyMatchNode *) lfirst(cell))->slot == slot)
			return lfirst(cell);
	}
	return NULL;
}

static void
cy_match_add_node(CyMatchPlan *match, CyNodePattern *pattern)
{
	CyMatchNode *node = cy_match_find_node(match, pattern->slot);

	if (node == NULL)
	{
		node = palloc0(sizeof(CyMatchNode));
		node->slot = pattern->slot;
		node->selectivity = 1;
		match->nodes = lappend(match->nodes, node);
	}
	if (pattern->variable != NULL)
		node->name = pattern->variable->name;
	if (pattern->labels != NIL)
	{
		CyHasLabels *test = cy_make(CyHasLabels, CY_HAS_LABELS, pattern->node.loc);
		CyMatchPredicate *predicate;

		test->object = cy_match_variable(pattern->slot, node->name, pattern->node.loc);
		test->labels = pattern->labels;
		predicate = cy_match_add_predicate(match, CY_NODE(test), CY_PREDICATE_SELECTIVITY);
		predicate->label_slot = pattern->slot;
		node->labels = list_concat_copy(node->labels, pattern->labels);
	}
	cy_match_add_properties(match, pattern->slot, pattern->variable, pattern->properties);
	if (pattern->properties != NULL)
		node->selectivity *= CY_EQ_SELECTIVITY;
}

/* The slots that the clause binds, first of all: predicates are sorted by them. */
static void
cy_match_collect_fresh(CyMatchPlan *match, CyMatch *clause)
{
	ListCell   *cell;

	foreach(cell, clause->patterns)
	{
		CyPathPattern *path = lfirst(cell);
		ListCell   *element;

		foreach(element, path->elements)
		{
			CyNode	   *e = lfirst(element);

			match->fresh = bms_add_member(match->fresh, e->tag == CY_NODE_PATTERN ?
										  ((CyNodePattern *) e)->slot :
										  ((CyRelPattern *) e)->slot);
		}
		if (path->variable != NULL)
		{
			match->fresh = bms_add_member(match->fresh, path->variable->slot);
			match->paths = lappend(match->paths, path);
		}
	}
	match->fresh = bms_difference(match->fresh, match->planner->bound);
}

static void
cy_match_collect_pattern(CyMatchPlan *match, CyMatch *clause)
{
	ListCell   *cell;

	foreach(cell, clause->patterns)
	{
		List	   *elements = ((CyPathPattern *) lfirst(cell))->elements;

		for (int i = 0; i < list_length(elements); i++)
		{
			CyMatchRel *rel;

			if (i % 2 == 0)
			{
				cy_match_add_node(match, list_nth(elements, i));
				continue;
			}
			rel = palloc0(sizeof(CyMatchRel));
			rel->rel = list_nth(elements, i);
			rel->left = ((CyNodePattern *) list_nth(elements, i - 1))->slot;
			rel->right = ((CyNodePattern *) list_nth(elements, i + 1))->slot;
			match->rels = lappend(match->rels, rel);
			cy_match_add_properties(match, rel->rel->slot, rel->rel->variable,
									rel->rel->properties);
		}
	}
}

/* expr is id(n) with n a variable: its slot, else -1. */
static int
cy_match_id_slot(CyNode *expr)
{
	CyFunction *call = (CyFunction *) expr;

	if (expr->tag != CY_FUNCTION || strcmp(call->info->name, "id") != 0 ||
		((CyNode *) linitial(call->args))->tag != CY_VARIABLE)
		return -1;
	return ((CyVariable *) linitial(call->args))->slot;
}

/* Notes id(n) = expression where the expression does not use n itself. */
static void
cy_match_note_seek(CyMatchPlan *match, CyNode *expr)
{
	CyCompare  *compare = (CyCompare *) expr;

	if (expr->tag != CY_COMPARE || list_length(compare->ops) != 1 ||
		linitial_int(compare->ops) != CY_OP_EQ)
		return;
	for (int side = 0; side < 2; side++)
	{
		int			slot = cy_match_id_slot(list_nth(compare->operands, side));
		CyNode	   *other = list_nth(compare->operands, 1 - side);
		CyMatchNode *node = slot < 0 ? NULL : cy_match_find_node(match, slot);

		if (node == NULL || node->seek != NULL ||
			bms_is_member(slot, cy_match_uses(match, other)))
			continue;
		node->seek = other;
		node->seek_uses = cy_match_uses(match, other);
	}
}

/* WHERE, split at its ANDs. */
static void
cy_match_split_where(CyMatchPlan *match, CyNode *expr)
{
	bool		equality;

	check_stack_depth();
	if (expr == NULL)
		return;
	if (expr->tag == CY_BINARY && ((CyBinary *) expr)->op == CY_OP_AND)
	{
		cy_match_split_where(match, ((CyBinary *) expr)->left);
		cy_match_split_where(match, ((CyBinary *) expr)->right);
		return;
	}
	equality = expr->tag == CY_COMPARE && linitial_int(((CyCompare *) expr)->ops) == CY_OP_EQ;
	cy_match_add_predicate(match, expr,
						   equality ? CY_EQ_SELECTIVITY : CY_PREDICATE_SELECTIVITY);
	cy_match_note_seek(match, expr);
}

/* ---- costing ---- */

static double
cy_match_estimate_nodes(CyMatchPlan *match, List *labels)
{
	int32	   *ids = palloc(Max(list_length(labels), 1) * sizeof(int32));
	int			n;

	if (!rvi_cy_tokens(match->planner->graph, RV_TOKEN_LABEL, labels, ids, &n, true))
		return 1;
	return rv_graph_estimate_nodes(match->planner->graph, ids, n);
}

static double
cy_match_estimate_degree(CyMatchPlan *match, CyRelPattern *rel, RvDirection direction)
{
	int32	   *ids = palloc(Max(list_length(rel->types), 1) * sizeof(int32));
	int			n;

	if (!rvi_cy_tokens(match->planner->graph, RV_TOKEN_RELTYPE, rel->types, ids, &n, false))
		return 0;
	return rv_graph_estimate_degree(match->planner->graph, direction, ids, n);
}

static RvDirection
cy_match_reverse(RvDirection direction)
{
	return direction == RV_DIR_OUT ? RV_DIR_IN :
		direction == RV_DIR_IN ? RV_DIR_OUT : RV_DIR_BOTH;
}

static bool
cy_match_is_bound(CyMatchPlan *match, int slot)
{
	return bms_is_member(slot, match->planner->bound);
}

/* ---- steps ---- */

static void
cy_match_bind(CyMatchPlan *match, int slot)
{
	match->planner->bound = bms_add_member(match->planner->bound, slot);
}

/* Paths whose elements are all bound. */
static void
cy_match_build_paths(CyMatchPlan *match)
{
	ListCell   *cell;

	foreach(cell, match->paths)
	{
		CyPathPattern *path = lfirst(cell);
		List	   *slots = NIL;
		bool		complete = true;
		ListCell   *element;
		CyPlan	   *plan;

		foreach(element, path->elements)
		{
			CyNode	   *e = lfirst(element);
			int			slot = e->tag == CY_NODE_PATTERN ? ((CyNodePattern *) e)->slot :
				((CyRelPattern *) e)->slot;

			complete = complete && cy_match_is_bound(match, slot);
			slots = lappend_int(slots, slot);
		}
		if (!complete)
			continue;
		plan = rvi_cy_plan_step(match->planner, CY_PLAN_PATH, match->planner->plan->rows);
		plan->slot = path->variable->slot;
		plan->name = path->variable->name;
		plan->slots = slots;
		cy_match_bind(match, plan->slot);
		match->paths = foreach_delete_current(match->paths, cell);
	}
}

/* Predicates whose slots are bound by now; tests of labels first, they are cheap. */
static void
cy_match_apply_predicates(CyMatchPlan *match)
{
	cy_match_build_paths(match);
	for (int labels = 1; labels >= 0; labels--)
	{
		ListCell   *cell;

		foreach(cell, match->predicates)
		{
			CyMatchPredicate *predicate = lfirst(cell);

			if (predicate->done || (predicate->label_slot >= 0) != labels ||
				!bms_is_subset(predicate->uses, match->planner->bound))
				continue;
			predicate->done = true;
			rvi_cy_plan_filter(match->planner, predicate->expr, predicate->selectivity);
		}
	}
}

/* What the scan of a node tests itself. */
static void
cy_match_labels_done(CyMatchPlan *match, int slot)
{
	ListCell   *cell;

	foreach(cell, match->predicates)
	{
		CyMatchPredicate *predicate = lfirst(cell);

		if (predicate->label_slot == slot)
			predicate->done = true;
	}
}

/* A new start: the seek or scan with the fewest rows. */
static void
cy_match_start(CyMatchPlan *match)
{
	CyPlanner  *planner = match->planner;
	CyMatchNode *best = NULL;
	double		best_rows = 0;
	ListCell   *cell;
	CyPlan	   *plan;
	bool		seek;

	foreach(cell, match->nodes)
	{
		CyMatchNode *node = lfirst(cell);
		double		rows;

		if (cy_match_is_bound(match, node->slot))
			continue;
		if (node->rows == 0)
			node->rows = Max(cy_match_estimate_nodes(match, node->labels), 1);
		rows = node->rows * node->selectivity;
		if (node->seek != NULL && bms_is_subset(node->seek_uses, planner->bound))
			rows = 0;
		if (best == NULL || rows < best_rows)
		{
			best = node;
			best_rows = rows;
		}
	}
	seek = best_rows == 0;
	plan = rvi_cy_plan_step(planner, seek ? CY_PLAN_NODE_SEEK : CY_PLAN_NODE_SCAN,
							planner->plan->rows * (seek ? 1 : best->rows));
	plan->slot = best->slot;
	plan->name = best->name;
	plan->want_props = bms_is_member(best->slot, planner->read);
	if (seek)
		plan->expr = best->seek;
	else
	{
		plan->labels = best->labels;
		cy_match_labels_done(match, best->slot);
	}
	cy_match_bind(match, best->slot);
}

/* Cost of doing a relationship next; less than 0 when none of its ends is bound. */
static double
cy_match_rel_cost(CyMatchPlan *match, CyMatchRel *rel)
{
	bool		left = cy_match_is_bound(match, rel->left);
	bool		right = cy_match_is_bound(match, rel->right);

	if (cy_match_is_bound(match, rel->rel->slot))
		return 0;
	if (left && right)
		return 0.5;
	if (left)
		return 1 + cy_match_estimate_degree(match, rel->rel, rel->rel->direction);
	if (right)
		return 1 + cy_match_estimate_degree(match, rel->rel,
											cy_match_reverse(rel->rel->direction));
	return -1;
}

static void
cy_match_rel_step(CyMatchPlan *match, CyMatchRel *rel, double cost)
{
	CyPlanner  *planner = match->planner;
	bool		left = cy_match_is_bound(match, rel->left);
	bool		right = cy_match_is_bound(match, rel->right);
	bool		known = cy_match_is_bound(match, rel->rel->slot);
	double		rows = planner->plan->rows * (cost >= 1 ? cost - 1 : cost == 0 ? 1 : cost);
	CyPlan	   *plan = rvi_cy_plan_step(planner, known ? CY_PLAN_REL_ENDS : CY_PLAN_EXPAND, rows);

	plan->types = rel->rel->types;
	plan->rel_slot = rel->rel->slot;
	plan->name = rel->rel->variable == NULL ? NULL : rel->rel->variable->name;
	plan->want_props = bms_is_member(rel->rel->slot, planner->read);
	plan->unique = list_copy(match->bound_rels);
	if (left || known)
	{
		plan->from_slot = rel->left;
		plan->to_slot = rel->right;
		plan->direction = rel->rel->direction;
	}
	else
	{
		plan->from_slot = rel->right;
		plan->to_slot = rel->left;
		plan->direction = cy_match_reverse(rel->rel->direction);
	}
	plan->from_bound = left;
	plan->to_bound = right;
	/* a loop in the pattern binds both ends at once when it is known from the relationship */
	plan->into = left && right;
	cy_match_bind(match, rel->left);
	cy_match_bind(match, rel->right);
	cy_match_bind(match, rel->rel->slot);
	match->bound_rels = lappend_int(match->bound_rels, rel->rel->slot);
	rel->done = true;
}

/* The next relationship, or false when none can be done from what is bound. */
static bool
cy_match_next_rel(CyMatchPlan *match)
{
	CyMatchRel *best = NULL;
	double		best_cost = 0;
	ListCell   *cell;

	foreach(cell, match->rels)
	{
		CyMatchRel *rel = lfirst(cell);
		double		cost;

		if (rel->done)
			continue;
		cost = cy_match_rel_cost(match, rel);
		if (cost >= 0 && (best == NULL || cost < best_cost))
		{
			best = rel;
			best_cost = cost;
		}
		if (best != NULL && best_cost == 0)
			break;
	}
	if (best == NULL)
		return false;
	cy_match_rel_step(match, best, best_cost);
	return true;
}

static bool
cy_match_complete(CyMatchPlan *match)
{
	ListCell   *cell;

	foreach(cell, match->nodes)
	{
		if (!cy_match_is_bound(match, ((CyMatchNode *) lfirst(cell))->slot))
			return false;
	}
	return true;
}

/* Variables from before that stand for nodes here must hold nodes. */
static void
cy_match_check_bound(CyMatchPlan *match)
{
	ListCell   *cell;

	foreach(cell, match->nodes)
	{
		CyMatchNode *node = lfirst(cell);
		CyPlan	   *plan;

		if (!cy_match_is_bound(match, node->slot))
			continue;
		plan = rvi_cy_plan_step(match->planner, CY_PLAN_NODE_CHECK, match->planner->plan->rows);
		plan->slot = node->slot;
		plan->name = node->name;
	}
}

void
rvi_cy_plan_match(CyPlanner *planner, CyMatch *clause)
{
	CyMatchPlan match = {.planner = planner};
	CyPlan	   *outer = planner->plan;

	if (clause->optional)
	{
		planner->plan = NULL;
		rvi_cy_plan_step(planner, CY_PLAN_ARGUMENT, outer->rows);
	}
	cy_match_collect_fresh(&match, clause);
	cy_match_collect_pattern(&match, clause);
	cy_match_split_where(&match, clause->where);
	cy_match_check_bound(&match);
	cy_match_apply_predicates(&match);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (!cy_match_next_rel(&match))
		{
			if (cy_match_complete(&match))
				break;
			cy_match_start(&match);
		}
		cy_match_apply_predicates(&match);
	}
	if (clause->optional)
	{
		CyPlan	   *inner = planner->plan;
		CyPlan	   *plan;
		int			slot = -1;

		planner->plan = outer;
		plan = rvi_cy_plan_step(planner, CY_PLAN_OPTIONAL, Max(inner->rows, outer->rows));
		plan->inner = inner;
		while ((slot = bms_next_member(match.fresh, slot)) >= 0)
			plan->slots = lappend_int(plan->slots, slot);
	}
}
