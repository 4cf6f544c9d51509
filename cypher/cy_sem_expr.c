/*-------------------------------------------------------------------------
 *
 * cy_sem_expr.c
 *	  Semantic pass over expressions: names, functions and static types.
 *
 * A type is a set: an error is raised only where no value the expression can
 * have would be accepted; NULL is accepted everywhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_sem.h"

/* What a property of a node or relationship can be. */
#define CY_T_STORED \
	(CY_T_NULL | CY_T_BOOL | CY_T_NUMBER | CY_T_STRING | CY_T_LIST)

/* "boolean", "integer or float", .. */
static const char *
cy_sem_type_names(CyTypes types)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int type = RV_VAL_BOOL; type <= RV_VAL_PATH; type++)
	{
		if ((types & CY_T(type)) == 0)
			continue;
		types &= ~CY_T(type);
		appendStringInfo(&out, "%s%s", out.len == 0 ? "" : (types & ~CY_T_NULL) ? ", " : " or ",
						 rvi_cy_type_name(type));
	}
	return out.data;
}

static void
cy_sem_require(CyNode *expr, CyTypes types, CyTypes allowed, CyErrorType error)
{
	if ((types & (allowed | CY_T_NULL)) == 0)
		rvi_cy_error(error, "InvalidArgumentType", expr->loc, "expected %s, found %s",
					 cy_sem_type_names(allowed), cy_sem_type_names(types));
}

static CyTypes
cy_sem_literal(CyLiteral *literal)
{
	if (literal->int_min)
		rvi_cy_error(CY_ERR_SYNTAX, "IntegerOverflow", literal->node.loc,
					 "integer out of range");
	return CY_T(literal->value.type);
}

static CyTypes
cy_sem_variable(CySem *sem, CyVariable *variable)
{
	CyVar	   *var;

	if (variable->slot >= 0)	/* put there by the projection */
		return variable->types;
	var = rvi_cy_sem_lookup(sem, variable->name);
	if (var != NULL && sem->constant && var->clause >= 0)
		rvi_cy_error(CY_ERR_SYNTAX, "NonConstantExpression", variable->node.loc,
					 "variable \"%s\" cannot be used in a constant expression", variable->name);
	if (var == NULL)
		rvi_cy_error(CY_ERR_SYNTAX, "UndefinedVariable", variable->node.loc,
					 "variable \"%s\" is not defined", variable->name);
	variable->slot = var->slot;
	variable->types = var->types;
	return var->types;
}

static CyTypes
cy_sem_property(CySem *sem, CyProperty *property)
{
	CyTypes		types = rvi_cy_sem_expr(sem, property->object);

	cy_sem_require(property->object, types, CY_T_ENTITY | CY_T_MAP,
				   (types & CY_T_PATH) ? CY_ERR_SYNTAX : CY_ERR_TYPE);
	return (types & CY_T_MAP) ? CY_T_ANY : CY_T_STORED;
}

static CyTypes
cy_sem_unary(CySem *sem, CyUnary *unary)
{
	CyTypes		types;

	if (unary->op == CY_OP_NOT)
	{
		rvi_cy_sem_predicate(sem, unary->arg);
		return CY_T_BOOL | CY_T_NULL;
	}
	types = rvi_cy_sem_expr(sem, unary->arg);
	if (unary->op == CY_OP_IS_NULL || unary->op == CY_OP_IS_NOT_NULL)
		return CY_T_BOOL;
	cy_sem_require(unary->arg, types, CY_T_NUMBER, CY_ERR_SYNTAX);
	return types & (CY_T_NUMBER | CY_T_NULL);
}

static CyTypes
cy_sem_add(CyBinary *binary, CyTypes left, CyTypes right)
{
	CyTypes		result = (left | right) & CY_T_NULL;

	if ((left | right) & CY_T_LIST)
		return CY_T_ANY;
	cy_sem_require(binary->left, left, CY_T_NUMBER | CY_T_STRING, CY_ERR_SYNTAX);
	cy_sem_require(binary->right, right, CY_T_NUMBER | CY_T_STRING, CY_ERR_SYNTAX);
	result |= (left | right) & (CY_T_STRING | CY_T_FLOAT);
	if (left & right & CY_T_INT)
		result |= CY_T_INT;
	return result;
}

static CyTypes
cy_sem_binary(CySem *sem, CyBinary *binary)
{
	CyTypes		left;
	CyTypes		right;

	switch (binary->op)
	{
		case CY_OP_OR:
		case CY_OP_XOR:
		case CY_OP_AND:
			rvi_cy_sem_predicate(sem, binary->left);
			rvi_cy_sem_predicate(sem, binary->right);
			return CY_T_BOOL | CY_T_NULL;
		default:
			break;
	}
	left = rvi_cy_sem_expr(sem, binary->left);
	right = rvi_cy_sem_expr(sem, binary->right);
	switch (binary->op)
	{
		case CY_OP_ADD:
			return cy_sem_add(binary, left, right);
		case CY_OP_SUB:
		case CY_OP_MUL:
		case CY_OP_DIV:
		case CY_OP_MOD:
		case CY_OP_POW:
			cy_sem_require(binary->left, left, CY_T_NUMBER, CY_ERR_SYNTAX);
			cy_sem_require(binary->right, right, CY_T_NUMBER, CY_ERR_SYNTAX);
			return CY_T_NUMBER | CY_T_NULL;
		case CY_OP_IN:
			cy_sem_require(binary->right, right, CY_T_LIST, CY_ERR_SYNTAX);
			return CY_T_BOOL | CY_T_NULL;
		case CY_OP_REGEX:
			rvi_cy_sem_unsupported(sem, binary->node.loc, "the operator =~");
			return CY_T_BOOL | CY_T_NULL;
		default:
			/* STARTS WITH and the like: anything but strings gives null */
			return CY_T_BOOL | CY_T_NULL;
	}
}

static CyTypes
cy_sem_function(CySem *sem, CyFunction *call)
{
	const CyFunctionInfo *info = rvi_cy_function_find(call->name);
	CyAggregation saved = sem->aggregation;
	int			nargs = list_length(call->args);
	ListCell   *cell;

	if (info == NULL)
		rvi_cy_error(CY_ERR_SYNTAX, "UnknownFunction", call->node.loc,
					 "unknown function \"%s\"", call->name);
	call->info = info;
	if (info->aggregate != CY_AGG_NONE)
		rvi_cy_error(CY_ERR_SYNTAX,
					 saved == CY_AGG_INSIDE ? "NestedAggregation" : "InvalidAggregation",
					 call->node.loc, "aggregate function \"%s\" cannot be used here", call->name);
	if (call->star || call->distinct)
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", call->node.loc,
					 "\"%s\" is not an aggregate function", call->name);
	if (nargs < info->min_args || (info->max_args >= 0 && nargs > info->max_args))
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidNumberOfArguments", call->node.loc,
					 "wrong number of arguments of function \"%s\"", call->name);
	if (saved == CY_AGG_INSIDE && strcmp(info->name, "rand") == 0)
		rvi_cy_error(CY_ERR_SYNTAX, "NonConstantExpression", call->node.loc,
					 "rand() cannot be used in an aggregate");
	foreach(cell, call->args)
	{
		CyNode	   *arg = lfirst(cell);
		CyTypes		types;

		if (arg->tag == CY_PATTERN_EXPR && strcmp(info->name, "exists") != 0)
			rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", arg->loc,
						 "a pattern cannot be an argument of \"%s\"", call->name);
		types = arg->tag == CY_PATTERN_EXPR ?
			(rvi_cy_sem_predicate(sem, arg), CY_T_BOOL) : rvi_cy_sem_expr(sem, arg);
		/* the types are those of the first argument; others are checked by the function */
		if (foreach_current_index(cell) == 0)
			cy_sem_require(arg, types, info->args, CY_ERR_SYNTAX);
	}
	return info->result | (info->null_in_null_out ? CY_T_NULL : 0);
}

static CyTypes
cy_sem_case(CySem *sem, CyCase *node)
{
	CyTypes		result = node->otherwise == NULL ? CY_T_NULL : 0;
	ListCell   *cell;

	if (node->test != NULL)
		rvi_cy_sem_expr(sem, node->test);
	foreach(cell, node->whens)
	{
		if (node->test != NULL)
			rvi_cy_sem_expr(sem, lfirst(cell));
		else
			rvi_cy_sem_predicate(sem, lfirst(cell));
	}
	foreach(cell, node->thens)
		result |= rvi_cy_sem_expr(sem, lfirst(cell));
	if (node->otherwise != NULL)
		result |= rvi_cy_sem_expr(sem, node->otherwise);
	return result;
}

/*
 * What the elements of a list can be, where it can be told: the quantifiers'
 * predicates are checked against it.
 */
static CyTypes
cy_sem_element_types(CyNode *list)
{
	CyTypes		types = 0;
	ListCell   *cell;

	if (list->tag != CY_LIST)
		return CY_T_ANY;
	foreach(cell, ((CyListExpr *) list)->items)
	{
		CyNode	   *item = lfirst(cell);

		switch (item->tag)
		{
			case CY_LITERAL:
				types |= CY_T(((CyLiteral *) item)->value.type);
				break;
			case CY_MAP:
				types |= CY_T_MAP;
				break;
			case CY_LIST:
				types |= CY_T_LIST;
				break;
			case CY_VARIABLE:
				types |= ((CyVariable *) item)->types;
				break;
			default:
				types = CY_T_ANY;
		}
	}
	return types == 0 ? CY_T_ANY : types;
}

/* Expressions with a variable of their own: a scope within the scope. */
static CyTypes
cy_sem_scoped(CySem *sem, CyNode *node)
{
	CyScope		inner = {NIL, sem->scope};
	CyTypes		result = CY_T_LIST | CY_T_NULL;
	CyVariable *variable;
	CyNode	   *list;
	CyTypes		types;

	if (node->tag == CY_LIST_COMP)
	{
		variable = ((CyListComp *) node)->variable;
		list = ((CyListComp *) node)->list;
	}
	else if (node->tag == CY_QUANTIFIER)
	{
		variable = ((CyQuantifier *) node)->variable;
		list = ((CyQuantifier *) node)->list;
	}
	else
	{
		variable = ((CyReduce *) node)->variable;
		list = ((CyReduce *) node)->list;
		rvi_cy_sem_expr(sem, ((CyReduce *) node)->initial);
	}
	types = rvi_cy_sem_expr(sem, list);
	cy_sem_require(list, types, CY_T_LIST, CY_ERR_SYNTAX);
	sem->scope = &inner;
	variable->slot = rvi_cy_sem_declare(sem, variable->name, cy_sem_element_types(list))->slot;
	((CyVar *) linitial(inner.vars))->clause = -1;	/* usable in constant expressions */
	if (node->tag == CY_LIST_COMP)
	{
		if (((CyListComp *) node)->filter != NULL)
			rvi_cy_sem_predicate(sem, ((CyListComp *) node)->filter);
		if (((CyListComp *) node)->result != NULL)
			rvi_cy_sem_expr(sem, ((CyListComp *) node)->result);
	}
	else if (node->tag == CY_QUANTIFIER)
	{
		result = CY_T_BOOL | CY_T_NULL;
		if (((CyQuantifier *) node)->filter == NULL)
			rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", node->loc,
						 "all, any, none and single need a WHERE");
		rvi_cy_sem_predicate(sem, ((CyQuantifier *) node)->filter);
	}
	else
	{
		CyReduce   *reduce = (CyReduce *) node;
		CyVar	   *var = rvi_cy_sem_declare(sem, reduce->accumulator->name, CY_T_ANY);

		var->clause = -1;
		reduce->accumulator->slot = var->slot;
		rvi_cy_sem_expr(sem, reduce->result);
		result = CY_T_ANY;
	}
	sem->scope = inner.outer;
	return result;
}

static CyTypes
cy_sem_list_access(CySem *sem, CyNode *node)
{
	CyTypes		types;

	if (node->tag == CY_INDEX)
	{
		CyIndex    *index = (CyIndex *) node;

		types = rvi_cy_sem_expr(sem, index->object);
		cy_sem_require(index->object, types, CY_T_LIST | CY_T_MAP | CY_T_ENTITY, CY_ERR_TYPE);
		rvi_cy_sem_expr(sem, index->index);
		return CY_T_ANY;
	}
	types = rvi_cy_sem_expr(sem, ((CySlice *) node)->object);
	cy_sem_require(((CySlice *) node)->object, types, CY_T_LIST, CY_ERR_TYPE);
	if (((CySlice *) node)->from != NULL)
		rvi_cy_sem_expr(sem, ((CySlice *) node)->from);
	if (((CySlice *) node)->to != NULL)
		rvi_cy_sem_expr(sem, ((CySlice *) node)->to);
	return CY_T_LIST | CY_T_NULL;
}

static void
cy_sem_visit(CyNode **child, void *arg)
{
	rvi_cy_sem_expr(arg, *child);
}

/* Patterns and nested queries inside expressions: checked as far as it goes, then refused. */
static CyTypes
cy_sem_nested(CySem *sem, CyNode *node, bool predicate)
{
	switch (node->tag)
	{
		case CY_PATTERN_EXPR:
			if (!predicate)
				rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", node->loc,
							 "a pattern can only stand where a truth value is expected");
			rvi_cy_sem_pattern_expr(sem, ((CyPatternExpr *) node)->pattern, false);
			rvi_cy_sem_unsupported(sem, node->loc, "a pattern in an expression");
			return CY_T_BOOL;
		case CY_PATTERN_COMP:
			rvi_cy_sem_unsupported(sem, node->loc, "pattern comprehension");
			return CY_T_LIST;
		case CY_EXISTS:
			rvi_cy_sem_unsupported(sem, node->loc, "EXISTS { }");
			return CY_T_BOOL;
		default:
			rvi_cy_sem_unsupported(sem, node->loc, "map projection");
			return CY_T_MAP | CY_T_NULL;
	}
}

CyTypes
rvi_cy_sem_expr(CySem *sem, CyNode *expr)
{
	bool		predicate = sem->predicate;

	check_stack_depth();
	sem->predicate = false;
	switch (expr->tag)
	{
		case CY_LITERAL:
			return cy_sem_literal((CyLiteral *) expr);
		case CY_PARAM:
			sem->query->params = lappend(sem->query->params, expr);
			return CY_T_ANY;
		case CY_VARIABLE:
			return cy_sem_variable(sem, (CyVariable *) expr);
		case CY_PROPERTY:
			return cy_sem_property(sem, (CyProperty *) expr);
		case CY_INDEX:
		case CY_SLICE:
			return cy_sem_list_access(sem, expr);
		case CY_HAS_LABELS:
			cy_sem_require(expr, rvi_cy_sem_expr(sem, ((CyHasLabels *) expr)->object),
						   CY_T_ENTITY, CY_ERR_SYNTAX);
			return CY_T_BOOL | CY_T_NULL;
		case CY_UNARY:
			return cy_sem_unary(sem, (CyUnary *) expr);
		case CY_BINARY:
			return cy_sem_binary(sem, (CyBinary *) expr);
		case CY_COMPARE:
			rvi_cy_visit_children(expr, cy_sem_visit, sem);
			return CY_T_BOOL | CY_T_NULL;
		case CY_FUNCTION:
			return cy_sem_function(sem, (CyFunction *) expr);
		case CY_CASE:
			return cy_sem_case(sem, (CyCase *) expr);
		case CY_LIST:
			rvi_cy_visit_children(expr, cy_sem_visit, sem);
			return CY_T_LIST;
		case CY_MAP:
			rvi_cy_visit_children(expr, cy_sem_visit, sem);
			return CY_T_MAP;
		case CY_LIST_COMP:
		case CY_QUANTIFIER:
		case CY_REDUCE:
			return cy_sem_scoped(sem, expr);
		default:
			return cy_sem_nested(sem, expr, predicate);
	}
}

/* An expression whose truth is asked for. */
void
rvi_cy_sem_predicate(CySem *sem, CyNode *expr)
{
	CyTypes		types;

	sem->predicate = true;
	types = rvi_cy_sem_expr(sem, expr);
	sem->predicate = false;
	cy_sem_require(expr, types, CY_T_BOOL, CY_ERR_SYNTAX);
}

static void
cy_sem_find_aggregate(CyNode **child, void *arg)
{
	bool	   *found = arg;

	if (!*found)
		*found = rvi_cy_sem_has_aggregate(*child);
}

bool
rvi_cy_sem_has_aggregate(CyNode *expr)
{
	bool		found = false;

	if (expr->tag == CY_FUNCTION)
	{
		const CyFunctionInfo *info = rvi_cy_function_find(((CyFunction *) expr)->name);

		if (info != NULL && info->aggregate != CY_AGG_NONE)
			return true;
	}
	rvi_cy_visit_children(expr, cy_sem_find_aggregate, &found);
	return found;
}
