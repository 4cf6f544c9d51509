/*-------------------------------------------------------------------------
 *
 * advice_find.c
 *	  Finds where a query orders by a distance or compares one.
 *
 * Looks through what the planner flattens: join aliases, and subqueries and
 * WITH queries that only compute columns. The table's side of a distance is
 * brought to the form in which index expressions are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "indexam/advice_int.h"

/* A finite signed number known when the query is read: -1, 1; 0 for anything else. */
static int
find_sign(Node *node)
{
	Node	   *value = eval_const_expressions(NULL, copyObject(node));
	Oid			output;
	bool		is_varlena;
	double		number;

	if (!IsA(value, Const) || ((Const *) value)->constisnull ||
		TypeCategory(((Const *) value)->consttype) != TYPCATEGORY_NUMERIC)
		return 0;
	getTypeOutputInfo(((Const *) value)->consttype, &output, &is_varlena);
	number = strtod(OidOutputFunctionCall(output, ((Const *) value)->constvalue), NULL);
	return number > 0 ? 1 : number < 0 ? -1 : 0;
}

/* How an operator's result moves with its argument number side (0, 1): 1, -1, or 0 for unknown. */
static int
find_operator_direction(const OpExpr *op, int side)
{
	const char *name = get_opname(op->opno);
	bool		unary = list_length(op->args) == 1;
	Node	   *other = unary ? NULL : list_nth(op->args, 1 - side);

	if (name == NULL || TypeCategory(op->opresulttype) != TYPCATEGORY_NUMERIC)
		return 0;
	if (strcmp(name, "+") == 0)
		return 1;
	if (strcmp(name, "-") == 0)
		return unary || side == 1 ? -1 : 1;
	if (unary)
		return 0;
	if (strcmp(name, "*") == 0)
		return find_sign(other);
	if (strcmp(name, "/") == 0)
		return side == 0 ? find_sign(other) : -find_sign(other);
	return 0;
}

/* The same for a function of one argument. */
static int
find_function_direction(const FuncExpr *func)
{
	static const char *const rising[] = {
		"sqrt", "cbrt", "exp", "ln", "log", "log10", "round", "trunc", "floor", "ceil", "ceiling",
		"float4", "float8", "numeric", "int2", "int4", "int8"
	};
	const char *name = get_func_name(func->funcid);
	int			i;

	for (i = 0; name != NULL && i < lengthof(rising); i++)
	{
		if (strcmp(name, rising[i]) == 0)
			return 1;
	}
	return 0;
}

/* ---- looking through subqueries ---- */

/* Whether a subquery only computes columns, so that an ORDER BY outside may use an index inside. */
static bool
find_is_flat(const Query *query)
{
	return query->commandType == CMD_SELECT && query->setOperations == NULL &&
		!query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
		query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == NULL &&
		query->sortClause == NIL && query->distinctClause == NIL &&
		query->limitCount == NULL && query->limitOffset == NULL && query->rowMarks == NIL;
}

/* The flat query behind a range table entry, or NULL. */
static Query *
find_subquery(const Query *query, const RangeTblEntry *rte)
{
	ListCell   *cell;

	if (rte->rtekind == RTE_SUBQUERY)
		return find_is_flat(rte->subquery) ? rte->subquery : NULL;
	if (rte->rtekind != RTE_CTE || rte->ctelevelsup != 0)
		return NULL;
	foreach(cell, query->cteList)
	{
		CommonTableExpr *cte = lfirst(cell);

		if (strcmp(cte->ctename, rte->ctename) == 0 && !cte->cterecursive &&
			cte->cterefcount == 1 && cte->ctematerialized != CTEMaterializeAlways &&
			find_is_flat((Query *) cte->ctequery))
			return (Query *) cte->ctequery;
	}
	return NULL;
}

/* The one range table entry whose columns an expression has, or 0. */
static int
find_varno(Node *node)
{
	List	   *vars = pull_vars_of_level(node, 0);
	int			varno = 0;
	ListCell   *cell;

	foreach(cell, vars)
	{
		Node	   *item = lfirst(cell);

		if (!IsA(item, Var) || (varno != 0 && ((Var *) item)->varno != varno))
			return 0;
		varno = ((Var *) item)->varno;
	}
	return varno;
}

/*
 * Replaces an expression over a flat subquery's columns, as often as it goes,
 * by what they are in it; *query becomes that subquery.
 */
static Node *
find_look_through(const Query **query, Node *node)
{
	for (;;)
	{
		RangeTblEntry *rte;
		Query	   *subquery;
		int			varno;

		node = flatten_join_alias_vars((Query *) *query, node);
		varno = find_varno(node);
		if (varno == 0)
			return node;
		rte = rt_fetch(varno, (*query)->rtable);
		subquery = find_subquery(*query, rte);
		if (subquery == NULL)
			return node;
		node = ReplaceVarsFromTargetList(node, varno, 0, rte, subquery->targetList,
										 REPLACEVARS_REPORT_ERROR, 0, NULL);
		*query = subquery;
	}
}

/* ---- distances ---- */

/* Whether side is made of one table's columns; fills the distance in if so. */
static bool
find_take_column(const Query *query, Node *side, AdviceDistance *distance)
{
	RangeTblEntry *rte;
	int			varno;

	side = find_look_through(&query, side);
	varno = find_varno(side);
	if (varno == 0)
		return false;
	rte = rt_fetch(varno, query->rtable);
	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_FOREIGN_TABLE ||
		rte->relkind == RELKIND_VIEW)
		return false;
	side = copyObject(side);
	ChangeVarNodes(side, varno, 1, 0);
	distance->relid = rte->relid;
	distance->alias = rte->eref->aliasname;
	distance->column = eval_const_expressions(NULL, side);
	return true;
}

/*
 * The operator of a distance called by its function's name, or InvalidOid.
 * The inner product is the falling counterpart of its negative, <#>.
 */
static Oid
find_operator_of(List *classes, const FuncExpr *func, int *direction)
{
	bool		product = false;
	ListCell   *cell;

	if (list_length(func->args) == 2 && func->funcresulttype == FLOAT8OID)
		product = strcmp(get_func_name(func->funcid), "inner_product") == 0;
	foreach(cell, classes)
	{
		const AdviceClass *class = lfirst(cell);

		*direction = class->function == func->funcid ? 1 : -1;
		if (*direction > 0 || (product && exprType(linitial(func->args)) == class->type &&
							   strcmp(get_opname(class->op), "<#>") == 0))
			return class->op;
	}
	return InvalidOid;
}

/* An operator between vectors of a type that indexes exist for, even if none orders by it. */
static bool
find_is_distance(List *classes, const OpExpr *op)
{
	ListCell   *cell;

	if (list_length(op->args) != 2 || op->opresulttype != FLOAT8OID)
		return false;
	foreach(cell, classes)
	{
		const AdviceClass *class = lfirst(cell);

		if (exprType(linitial(op->args)) == class->type &&
			exprType(lsecond(op->args)) == class->type)
			return true;
	}
	return false;
}

static bool
find_take_distance(AdviceContext *context, const Query *query, Node *node,
				   AdviceDistance *distance)
{
	bool		is_op = IsA(node, OpExpr);
	List	   *args = is_op ? ((OpExpr *) node)->args : ((FuncExpr *) node)->args;
	int			varno;

	memset(distance, 0, sizeof(*distance));
	distance->direction = 1;
	distance->by_function = !is_op;
	if (!is_op)
		distance->op = find_operator_of(context->classes, (FuncExpr *) node,
										&distance->direction);
	else if (find_is_distance(context->classes, (OpExpr *) node))
		distance->op = ((OpExpr *) node)->opno;
	if (!OidIsValid(distance->op))
		return false;
	distance->wrapped = distance->direction < 0;
	distance->opclass = rvi_advice_class_for(context->classes, distance->op);
	distance->vector = lsecond(args);
	if (!find_take_column(query, linitial(args), distance))
	{
		distance->vector = linitial(args);
		if (!find_take_column(query, lsecond(args), distance))
			return false;
	}
	varno = find_varno(distance->vector);
	distance->from_sibling = pull_vars_of_level(distance->vector, 0) != NIL;
	distance->same_row = distance->from_sibling && varno == find_varno(linitial(args)) &&
		varno == find_varno(lsecond(args));
	return true;
}

typedef struct FindNested
{
	AdviceContext *context;
	const Query *query;
	AdviceDistance *distance;
} FindNested;

static bool find_distance(AdviceContext *context, const Query *query, Node *node,
						  AdviceDistance *distance);

static bool
find_nested_walker(Node *node, FindNested *nested)
{
	if (node == NULL || IsA(node, SubLink))
		return false;
	if (IsA(node, OpExpr) || IsA(node, FuncExpr) || IsA(node, RelabelType) || IsA(node, Var))
		return find_distance(nested->context, nested->query, node, nested->distance);
	return expression_tree_walker(node, find_nested_walker, nested);
}

/* A distance in one of an expression's arguments. */
static bool
find_in_arguments(AdviceContext *context, const Query *query, Node *node, AdviceDistance *distance)
{
	FindNested	nested = {context, query, distance};
	List	   *args = IsA(node, OpExpr) ? ((OpExpr *) node)->args : ((FuncExpr *) node)->args;
	int			direction;
	int			i;

	for (i = 0; i < list_length(args); i++)
	{
		if (!find_nested_walker(list_nth(args, i), &nested))
			continue;
		direction = IsA(node, OpExpr) ? find_operator_direction((OpExpr *) node, i) :
			i == 0 ? find_function_direction((FuncExpr *) node) : 0;
		distance->direction *= direction;
		distance->wrapped = true;
		return true;
	}
	return false;
}

/* Finds the (first) distance in an expression of query. */
static bool
find_distance(AdviceContext *context, const Query *query, Node *node, AdviceDistance *distance)
{
	FindNested	nested = {context, query, distance};

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (IsA(node, SubLink))
		return false;
	if (IsA(node, Var))
	{
		node = find_look_through(&query, node);
		if (IsA(node, Var))
			return false;
		return find_distance(context, query, node, distance);
	}
	if (IsA(node, OpExpr) || IsA(node, FuncExpr))
		return find_take_distance(context, query, node, distance) ||
			find_in_arguments(context, query, node, distance);

	/* CASE, COALESCE, aggregates: nothing is known of the order */
	if (!expression_tree_walker(node, find_nested_walker, &nested))
		return false;
	distance->wrapped = true;
	distance->direction = 0;
	return true;
}

/* ---- sites ---- */

static void
find_add_site(AdviceContext *context, const AdviceSite *site)
{
	AdviceSite *copy = palloc(sizeof(AdviceSite));

	*copy = *site;
	context->sites = lappend(context->sites, copy);
}

static void
find_in_order(AdviceContext *context, const Query *query, List *clauses, bool is_window)
{
	ListCell   *cell;

	foreach(cell, clauses)
	{
		SortGroupClause *clause = lfirst(cell);
		AdviceSite	site = {.query = query, .is_order = true, .is_window = is_window};
		Oid			family;
		Oid			type;
		int16		strategy;

		if (!find_distance(context, query, get_sortgroupclause_expr(clause, query->targetList),
						   &site.distance))
			continue;
		site.keys = list_length(clauses);
		site.nulls_first = clause->nulls_first;
		site.descending = get_ordering_op_properties(clause->sortop, &family, &type, &strategy) &&
			strategy == BTGreaterStrategyNumber;

		/* NULLS FIRST is what DESC means unless told otherwise */
		if (site.descending)
			site.nulls_first = false;
		find_add_site(context, &site);
		return;
	}
}

typedef struct FindConditions
{
	AdviceContext *context;
	const Query *query;
} FindConditions;

/* Comparisons of a distance; conditions inside of subqueries are theirs. */
static bool
find_condition_walker(Node *node, FindConditions *conditions)
{
	AdviceSite	site = {.query = conditions->query};
	ListCell   *cell;

	if (node == NULL || IsA(node, SubLink))
		return false;
	if (IsA(node, OpExpr) && ((OpExpr *) node)->opresulttype == BOOLOID &&
		find_distance(conditions->context, conditions->query, node, &site.distance))
	{
		/* where the query also orders by it, the comparison is a mere filter */
		foreach(cell, conditions->context->sites)
		{
			if (((AdviceSite *) lfirst(cell))->distance.relid == site.distance.relid)
				return false;
		}
		find_add_site(conditions->context, &site);
		return false;
	}
	return expression_tree_walker(node, find_condition_walker, conditions);
}

typedef struct FindWalk
{
	AdviceContext *context;
	bool		conditions;
} FindWalk;

static bool
find_query_walker(Node *node, FindWalk *walk)
{
	Query	   *query = (Query *) node;
	ListCell   *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_query_walker, walk);
	if (walk->conditions)
	{
		FindConditions conditions = {walk->context, query};

		find_condition_walker((Node *) query->jointree, &conditions);
	}
	else
	{
		find_in_order(walk->context, query, query->sortClause, false);
		foreach(cell, query->windowClause)
			find_in_order(walk->context, query, ((WindowClause *) lfirst(cell))->orderClause,
						  true);
	}
	return query_tree_walker(query, find_query_walker, walk, 0);
}

void
rvi_advice_find(AdviceContext *context)
{
	FindWalk	walk = {context, false};

	find_query_walker((Node *) context->query, &walk);
	walk.conditions = true;
	find_query_walker((Node *) context->query, &walk);
}
