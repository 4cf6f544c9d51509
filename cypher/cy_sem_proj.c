/*-------------------------------------------------------------------------
 *
 * cy_sem_proj.c
 *	  Semantic pass over WITH and RETURN: columns, aggregation, ORDER BY,
 *	  SKIP, LIMIT, WHERE.
 *
 * An item that is a bare variable keeps its slot; any other gets a new one.
 * In an aggregating projection the items without aggregates are the grouping
 * keys; inside the others each aggregate is replaced by a variable for its
 * result, and what remains may use grouping keys that are variables or
 * properties of variables, nothing else (CIP2021-07-07).
 *
 * ORDER BY and WHERE see the columns and, as long as rows stay what they
 * were, the variables from before. After aggregation or DISTINCT they see
 * columns only, by name or by the expression that makes them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_sem.h"

/* Working state of rewriting an expression over the columns. */
typedef struct CyRewrite
{
	CySem	   *sem;
	CyProjection *projection;
	List	   *locals;			/* names bound inside the expression */
	bool		split;			/* in an item: aggregates become slots */
	bool		simple_only;	/* of the keys only those that are simple may be used */
} CyRewrite;

static bool
cy_sem_is_simple_key(const CyNode *expr)
{
	if (expr->tag == CY_PROPERTY)
		expr = ((const CyProperty *) expr)->object;
	return expr->tag == CY_VARIABLE;
}

static CyNode *
cy_sem_slot_variable(const CyNode *expr, const char *name, int slot, CyTypes types)
{
	CyVariable *variable = cy_make(CyVariable, CY_VARIABLE, expr->loc);

	variable->name = name;
	variable->slot = slot;
	variable->types = types;
	return CY_NODE(variable);
}

/* RETURN *, WITH *: the variables of the scope, in front of other items. */
static void
cy_sem_expand_star(CySem *sem, CyProjection *projection)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, sem->scope->vars)
	{
		CyVar	   *var = lfirst(cell);
		CyItem	   *item = cy_make(CyItem, CY_ITEM, projection->node.loc);
		CyVariable *variable = cy_make(CyVariable, CY_VARIABLE, projection->node.loc);

		variable->name = var->name;
		variable->slot = -1;
		item->expr = CY_NODE(variable);
		item->name = var->name;
		items = lappend(items, item);
	}
	if (items == NIL && projection->is_return)
		rvi_cy_error(CY_ERR_SYNTAX, "NoVariablesInScope", projection->node.loc,
					 "RETURN * needs at least one variable");
	projection->items = list_concat(items, projection->items);
}

static void
cy_sem_check_items(CyProjection *projection)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (!projection->is_return && !item->aliased && item->expr->tag != CY_VARIABLE)
			rvi_cy_error(CY_ERR_SYNTAX, "NoExpressionAlias", item->node.loc,
						 "an expression in WITH needs an alias");
		CHECK_FOR_INTERRUPTS();
		foreach(other, projection->items)
		{
			if (lfirst(other) == item)
				break;
			if (strcmp(item->name, ((CyItem *) lfirst(other))->name) == 0)
				rvi_cy_error(CY_ERR_SYNTAX, "ColumnNameConflict", item->node.loc,
							 "column \"%s\" occurs twice", item->name);
		}
	}
}

/* Replaces an aggregate by a variable that holds its result. */
static void
cy_sem_split_aggregate(CyRewrite *rewrite, CyNode **expr)
{
	CySem	   *sem = rewrite->sem;
	CyFunction *call = (CyFunction *) *expr;
	const CyFunctionInfo *info = rvi_cy_function_find(call->name);
	CyAggregate *aggregate = palloc0(sizeof(CyAggregate));
	int			nargs = list_length(call->args);

	if (rewrite->locals != NIL)
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidAggregation", call->node.loc,
					 "aggregate function \"%s\" cannot be used here", call->name);
	if (call->star ? info->aggregate != CY_AGG_COUNT : nargs != 1)
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidNumberOfArguments", call->node.loc,
					 "wrong number of arguments of function \"%s\"", call->name);
	aggregate->info = info;
	aggregate->distinct = call->distinct;
	if (!call->star)
	{
		aggregate->arg = linitial(call->args);
		sem->aggregation = CY_AGG_INSIDE;
		rvi_cy_sem_expr(sem, aggregate->arg);
		sem->aggregation = CY_AGG_FORBIDDEN;
	}
	aggregate->slot = sem->nslots++;
	rewrite->projection->aggregates = lappend(rewrite->projection->aggregates, aggregate);
	*expr = cy_sem_slot_variable(*expr, call->name, aggregate->slot, info->result);
}

/* Is a name of expr also a column that means something else? */
static void
cy_sem_find_shadowed(CyNode **child, void *arg)
{
	CyRewrite  *rewrite = arg;
	ListCell   *cell;

	if ((*child)->tag == CY_VARIABLE)
	{
		foreach(cell, rewrite->projection->items)
		{
			CyItem	   *item = lfirst(cell);

			if (strcmp(item->name, ((CyVariable *) *child)->name) == 0 &&
				!rvi_cy_equal(item->expr, *child))
				rewrite->simple_only = true;	/* used as the answer here */
		}
	}
	rvi_cy_visit_children(*child, cy_sem_find_shadowed, arg);
}

static bool
cy_sem_is_shadowed(CyRewrite *rewrite, CyNode *expr)
{
	CyRewrite	probe = {.projection = rewrite->projection};

	cy_sem_find_shadowed(&expr, &probe);
	return probe.simple_only;
}

/* The item whose expression this is, or NULL. */
static CyItem *
cy_sem_matching_item(CyRewrite *rewrite, CyNode *expr)
{
	ListCell   *cell;

	if (expr->tag == CY_LITERAL || expr->tag == CY_PARAM)
		return NULL;
	foreach(cell, rewrite->projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (rewrite->split && item->aggregated)
			continue;
		if (rewrite->simple_only && !item->aggregated && !cy_sem_is_simple_key(item->expr))
			continue;
		if (rvi_cy_equal(item->expr, expr) &&
			(rewrite->split || !cy_sem_is_shadowed(rewrite, expr)))
			return item;
	}
	return NULL;
}

static bool
cy_sem_is_local(CyRewrite *rewrite, const char *name)
{
	ListCell   *cell;

	foreach(cell, rewrite->locals)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

static void cy_sem_rewrite(CyNode **expr, void *arg);

static void
cy_sem_rewrite_one(CyRewrite *rewrite, CyNode **expr)
{
	if (*expr != NULL)
		cy_sem_rewrite(expr, rewrite);
}

/*
 * Children of an expression. One that binds a variable: its list is outside,
 * and may hold aggregates; the rest sees the variable, and may not.
 */
static void
cy_sem_rewrite_children(CyRewrite *rewrite, CyNode *expr)
{
	List	   *outside = rewrite->locals;

	switch (expr->tag)
	{
		case CY_LIST_COMP:
			cy_sem_rewrite_one(rewrite, &((CyListComp *) expr)->list);
			rewrite->locals = lcons((void *) ((CyListComp *) expr)->variable->name,
									list_copy(outside));
			cy_sem_rewrite_one(rewrite, &((CyListComp *) expr)->filter);
			cy_sem_rewrite_one(rewrite, &((CyListComp *) expr)->result);
			break;
		case CY_QUANTIFIER:
			cy_sem_rewrite_one(rewrite, &((CyQuantifier *) expr)->list);
			rewrite->locals = lcons((void *) ((CyQuantifier *) expr)->variable->name,
									list_copy(outside));
			cy_sem_rewrite_one(rewrite, &((CyQuantifier *) expr)->filter);
			break;
		case CY_REDUCE:
			cy_sem_rewrite_one(rewrite, &((CyReduce *) expr)->initial);
			cy_sem_rewrite_one(rewrite, &((CyReduce *) expr)->list);
			rewrite->locals = lcons((void *) ((CyReduce *) expr)->variable->name,
									lcons((void *) ((CyReduce *) expr)->accumulator->name,
										  list_copy(outside)));
			cy_sem_rewrite_one(rewrite, &((CyReduce *) expr)->result);
			break;
		default:
			rvi_cy_visit_children(expr, cy_sem_rewrite, rewrite);
	}
	rewrite->locals = outside;
}

static void
cy_sem_rewrite(CyNode **expr, void *arg)
{
	CyRewrite  *rewrite = arg;
	CyItem	   *item;

	check_stack_depth();
	if (rewrite->split && (*expr)->tag == CY_FUNCTION)
	{
		const CyFunctionInfo *info = rvi_cy_function_find(((CyFunction *) *expr)->name);

		if (info != NULL && info->aggregate != CY_AGG_NONE)
		{
			cy_sem_split_aggregate(rewrite, expr);
			return;
		}
	}
	item = cy_sem_matching_item(rewrite, *expr);
	if (item != NULL)
	{
		*expr = cy_sem_slot_variable(*expr, item->name, item->slot, CY_T_ANY);
		return;
	}
	if ((*expr)->tag == CY_VARIABLE && rewrite->split)
	{
		CyVariable *variable = (CyVariable *) *expr;

		if (cy_sem_is_local(rewrite, variable->name))
			return;
		rvi_cy_error(CY_ERR_SYNTAX,
					 rvi_cy_sem_lookup(rewrite->sem, variable->name) == NULL ?
					 "UndefinedVariable" : "AmbiguousAggregationExpression",
					 variable->node.loc,
					 "\"%s\" is neither aggregated nor a grouping key", variable->name);
	}
	cy_sem_rewrite_children(rewrite, *expr);
}

/* Grouping keys and plain items: in the scope before the projection. */
static void
cy_sem_plain_items(CySem *sem, CyProjection *projection)
{
	ListCell   *cell;

	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (item->aggregated)
			continue;
		item->types = rvi_cy_sem_expr(sem, item->expr);
		if (item->expr->tag == CY_VARIABLE)
			item->slot = ((CyVariable *) item->expr)->slot;
		else
			item->computed = true;
	}
}

typedef struct CySemSearch
{
	CyNode	   *wanted;
	bool		found;
} CySemSearch;

static void
cy_sem_search(CyNode **child, void *arg)
{
	CySemSearch *search = arg;

	if ((*child)->tag == CY_VARIABLE)
		search->found |= rvi_cy_equal(*child, search->wanted);
	else
		rvi_cy_visit_children(*child, cy_sem_search, arg);
}

/* Does a grouping key use the variable? */
static bool
cy_sem_in_keys(CyRewrite *rewrite, CyNode *variable)
{
	CySemSearch search = {variable, false};
	ListCell   *cell;

	foreach(cell, rewrite->projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (!item->aggregated)
			cy_sem_search(&item->expr, &search);
	}
	return search.found;
}

/*
 * In an expression with aggregates, what is neither a column nor inside an
 * aggregate but part of a grouping key.
 */
static void
cy_sem_check_ambiguous(CyNode **child, void *arg)
{
	CyRewrite  *rewrite = arg;
	ListCell   *cell;

	if ((*child)->tag == CY_FUNCTION && rvi_cy_sem_has_aggregate(*child))
		return;
	if ((*child)->tag == CY_VARIABLE && ((CyVariable *) *child)->slot < 0)
	{
		const char *name = ((CyVariable *) *child)->name;

		foreach(cell, rewrite->projection->items)
		{
			if (strcmp(((CyItem *) lfirst(cell))->name, name) == 0)
				return;
		}
		if (cy_sem_in_keys(rewrite, *child))
			rvi_cy_error(CY_ERR_SYNTAX, "AmbiguousAggregationExpression", (*child)->loc,
						 "\"%s\" is neither aggregated nor a column", name);
	}
	rvi_cy_visit_children(*child, cy_sem_check_ambiguous, arg);
}

/* An ORDER BY key or WHERE of a projection that aggregates or is DISTINCT. */
static void
cy_sem_rewrite_over_columns(CySem *sem, CyProjection *projection, CyNode **expr)
{
	CyRewrite	rewrite = {.sem = sem, .projection = projection};

	if (cy_sem_matching_item(&rewrite, *expr) == NULL && rvi_cy_sem_has_aggregate(*expr))
		rewrite.simple_only = true;
	cy_sem_rewrite(expr, &rewrite);
	if (rewrite.simple_only)
		cy_sem_check_ambiguous(expr, &rewrite);
}

static void
cy_sem_check_unaggregated(CyNode **child, void *arg)
{
	CySem	   *before = arg;

	if ((*child)->tag == CY_FUNCTION &&
		rvi_cy_function_find(((CyFunction *) *child)->name) != NULL &&
		rvi_cy_function_find(((CyFunction *) *child)->name)->aggregate != CY_AGG_NONE)
	{
		CyFunction *call = (CyFunction *) *child;
		ListCell   *cell;

		/* an argument out of sight is the better message */
		foreach(cell, call->args)
			cy_sem_check_unaggregated((CyNode **) &lfirst(cell), arg);
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidAggregation", call->node.loc,
					 "aggregate function \"%s\" cannot be used here", call->name);
	}
	if ((*child)->tag == CY_VARIABLE && ((CyVariable *) *child)->slot < 0 &&
		rvi_cy_sem_lookup(before, ((CyVariable *) *child)->name) == NULL)
		rvi_cy_error(CY_ERR_SYNTAX, "UndefinedVariable", (*child)->loc,
					 "variable \"%s\" is not defined", ((CyVariable *) *child)->name);
	rvi_cy_visit_children(*child, cy_sem_check_unaggregated, arg);
}

/* SKIP and LIMIT: no variables; the value of a literal is checked here, others when executed. */
static void
cy_sem_count(CySem *sem, CyNode *expr, const char *clause)
{
	CyTypes		types;

	if (expr == NULL)
		return;
	sem->constant = true;
	types = rvi_cy_sem_expr(sem, expr);
	sem->constant = false;
	if ((types & CY_T_INT) == 0)
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidArgumentType", expr->loc,
					 "%s needs an integer", clause);
	if (expr->tag == CY_LITERAL && ((CyLiteral *) expr)->value.u.integer < 0)
		rvi_cy_error(CY_ERR_SYNTAX, "NegativeIntegerArgument", expr->loc,
					 "%s needs an integer that is not negative", clause);
}

/* Sort keys and WHERE, in the scope of the columns with or without the old one behind it. */
static void
cy_sem_after_items(CySem *sem, CyProjection *projection, CyScope *columns)
{
	bool		fresh = projection->aggregating || projection->distinct;
	CyScope    *before = sem->scope;
	ListCell   *cell;

	columns->outer = fresh ? NULL : before;
	sem->scope = columns;
	foreach(cell, projection->order)
	{
		CySortKey  *key = lfirst(cell);

		if (rvi_cy_sem_has_aggregate(key->expr))
			cy_sem_check_unaggregated(&key->expr, sem);
		rvi_cy_sem_expr(sem, key->expr);
	}
	sem->clause++;
	cy_sem_count(sem, projection->skip, "SKIP");
	cy_sem_count(sem, projection->limit, "LIMIT");
	if (projection->where != NULL)
		rvi_cy_sem_predicate(sem, projection->where);
	columns->outer = NULL;
}

/* The scope that the projection leaves behind. */
static CyScope *
cy_sem_column_scope(CySem *sem, CyProjection *projection)
{
	CyScope    *columns = palloc0(sizeof(CyScope));
	CyScope    *before = sem->scope;
	ListCell   *cell;

	sem->scope = columns;
	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		rvi_cy_sem_declare_slot(sem, item->name, item->slot, item->types);
	}
	sem->scope = before;
	return columns;
}

void
rvi_cy_sem_projection(CySem *sem, CyProjection *projection)
{
	CyRewrite	split = {.sem = sem, .projection = projection, .split = true,
		.simple_only = true};
	CyScope    *columns;
	ListCell   *cell;

	if (projection->star)
		cy_sem_expand_star(sem, projection);
	cy_sem_check_items(projection);
	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		item->slot = sem->nslots++;
		item->aggregated = rvi_cy_sem_has_aggregate(item->expr);
		projection->aggregating |= item->aggregated;
	}
	cy_sem_plain_items(sem, projection);
	if (projection->aggregating || projection->distinct)
	{
		foreach(cell, projection->order)
			cy_sem_rewrite_over_columns(sem, projection, &((CySortKey *) lfirst(cell))->expr);
		if (projection->where != NULL && !rvi_cy_sem_has_aggregate(projection->where))
			cy_sem_rewrite_over_columns(sem, projection, &projection->where);
	}
	foreach(cell, projection->items)
	{
		CyItem	   *item = lfirst(cell);

		if (item->aggregated)
		{
			cy_sem_rewrite(&item->expr, &split);
			item->types = rvi_cy_sem_expr(sem, item->expr);
			item->computed = true;
		}
	}
	columns = cy_sem_column_scope(sem, projection);
	cy_sem_after_items(sem, projection, columns);
	sem->scope = columns;
}
