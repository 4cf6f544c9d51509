/*-------------------------------------------------------------------------
 *
 * cy_ast.c
 *	  Making, walking and comparing syntax trees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_int.h"

void *
rvi_cy_make(Size size, CyTag tag, CyLoc loc)
{
	CyNode	   *node = palloc0(size);

	node->tag = tag;
	node->loc = loc;
	return node;
}

static void
cy_ast_visit_list(List *list, CyVisitor visit, void *arg)
{
	ListCell   *cell;

	foreach(cell, list)
	{
		if (lfirst(cell) != NULL)
			visit((CyNode **) &lfirst(cell), arg);
	}
}

static void
cy_ast_visit_one(CyNode **child, CyVisitor visit, void *arg)
{
	if (*child != NULL)
		visit(child, arg);
}

/* Property maps of a path. */
static void
cy_ast_visit_path(CyPathPattern *path, CyVisitor visit, void *arg)
{
	ListCell   *cell;

	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);

		if (element->tag == CY_NODE_PATTERN)
			cy_ast_visit_one(&((CyNodePattern *) element)->properties, visit, arg);
		else
			cy_ast_visit_one(&((CyRelPattern *) element)->properties, visit, arg);
	}
}

/* The expressions that bind variables of their own. */
static void
cy_ast_visit_scoped(CyNode *node, CyVisitor visit, void *arg)
{
	switch (node->tag)
	{
		case CY_LIST_COMP:
			cy_ast_visit_one(&((CyListComp *) node)->list, visit, arg);
			cy_ast_visit_one(&((CyListComp *) node)->filter, visit, arg);
			cy_ast_visit_one(&((CyListComp *) node)->result, visit, arg);
			break;
		case CY_QUANTIFIER:
			cy_ast_visit_one(&((CyQuantifier *) node)->list, visit, arg);
			cy_ast_visit_one(&((CyQuantifier *) node)->filter, visit, arg);
			break;
		case CY_REDUCE:
			cy_ast_visit_one(&((CyReduce *) node)->initial, visit, arg);
			cy_ast_visit_one(&((CyReduce *) node)->list, visit, arg);
			cy_ast_visit_one(&((CyReduce *) node)->result, visit, arg);
			break;
		case CY_PATTERN_COMP:
			cy_ast_visit_path(((CyPatternComp *) node)->pattern, visit, arg);
			cy_ast_visit_one(&((CyPatternComp *) node)->filter, visit, arg);
			cy_ast_visit_one(&((CyPatternComp *) node)->result, visit, arg);
			break;
		case CY_EXISTS:
			{
				ListCell   *cell;

				foreach(cell, ((CyExists *) node)->patterns)
					cy_ast_visit_path(lfirst(cell), visit, arg);
				cy_ast_visit_one(&((CyExists *) node)->filter, visit, arg);
				break;
			}
		default:
			break;
	}
}

void
rvi_cy_visit_children(CyNode *node, CyVisitor visit, void *arg)
{
	check_stack_depth();
	switch (node->tag)
	{
		case CY_PROPERTY:
			visit(&((CyProperty *) node)->object, arg);
			break;
		case CY_INDEX:
			visit(&((CyIndex *) node)->object, arg);
			visit(&((CyIndex *) node)->index, arg);
			break;
		case CY_SLICE:
			visit(&((CySlice *) node)->object, arg);
			cy_ast_visit_one(&((CySlice *) node)->from, visit, arg);
			cy_ast_visit_one(&((CySlice *) node)->to, visit, arg);
			break;
		case CY_HAS_LABELS:
			visit(&((CyHasLabels *) node)->object, arg);
			break;
		case CY_UNARY:
			visit(&((CyUnary *) node)->arg, arg);
			break;
		case CY_BINARY:
			visit(&((CyBinary *) node)->left, arg);
			visit(&((CyBinary *) node)->right, arg);
			break;
		case CY_COMPARE:
			cy_ast_visit_list(((CyCompare *) node)->operands, visit, arg);
			break;
		case CY_FUNCTION:
			cy_ast_visit_list(((CyFunction *) node)->args, visit, arg);
			break;
		case CY_CASE:
			cy_ast_visit_one(&((CyCase *) node)->test, visit, arg);
			cy_ast_visit_list(((CyCase *) node)->whens, visit, arg);
			cy_ast_visit_list(((CyCase *) node)->thens, visit, arg);
			cy_ast_visit_one(&((CyCase *) node)->otherwise, visit, arg);
			break;
		case CY_LIST:
			cy_ast_visit_list(((CyListExpr *) node)->items, visit, arg);
			break;
		case CY_MAP:
			cy_ast_visit_list(((CyMapExpr *) node)->values, visit, arg);
			break;
		case CY_MAP_PROJECTION:
			cy_ast_visit_list(((CyMapProjection *) node)->values, visit, arg);
			break;
		case CY_PATTERN_EXPR:
			cy_ast_visit_path(((CyPatternExpr *) node)->pattern, visit, arg);
			break;
		default:
			cy_ast_visit_scoped(node, visit, arg);
			break;
	}
}

static bool
cy_ast_lists_equal(const List *a, const List *b)
{
	ListCell   *ca;
	ListCell   *cb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(ca, a, cb, b)
	{
		if (!rvi_cy_equal(lfirst(ca), lfirst(cb)))
			return false;
	}
	return true;
}

static bool
cy_ast_names_equal(const List *a, const List *b)
{
	ListCell   *ca;
	ListCell   *cb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(ca, a, cb, b)
	{
		if (strcmp(lfirst(ca), lfirst(cb)) != 0)
			return false;
	}
	return true;
}

static bool
cy_ast_literals_equal(const RvValue *a, const RvValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case RV_VAL_NULL:
			return true;
		case RV_VAL_BOOL:
			return a->u.boolean == b->u.boolean;
		case RV_VAL_INT:
			return a->u.integer == b->u.integer;
		case RV_VAL_FLOAT:
			return memcmp(&a->u.real, &b->u.real, sizeof(double)) == 0;
		case RV_VAL_STRING:
			return a->len == b->len && memcmp(a->u.string, b->u.string, a->len) == 0;
		default:
			return false;
	}
}

/*
 * Expressions that bind variables of their own or hold patterns are never
 * equal: nothing that is compared (grouping keys, ORDER BY) needs them.
 */
bool
rvi_cy_equal(const CyNode *a, const CyNode *b)
{
	check_stack_depth();
	if (a == NULL || b == NULL)
		return a == b;
	if (a->tag != b->tag)
		return false;
#define FIELD(type, field) (((const type *) a)->field), (((const type *) b)->field)
	switch (a->tag)
	{
		case CY_LITERAL:
			return cy_ast_literals_equal(&((const CyLiteral *) a)->value,
										 &((const CyLiteral *) b)->value);
		case CY_PARAM:
			return strcmp(FIELD(CyParam, name)) == 0;
		case CY_VARIABLE:
			return strcmp(FIELD(CyVariable, name)) == 0;
		case CY_PROPERTY:
			return strcmp(FIELD(CyProperty, key)) == 0 &&
				rvi_cy_equal(FIELD(CyProperty, object));
		case CY_INDEX:
			return rvi_cy_equal(FIELD(CyIndex, object)) && rvi_cy_equal(FIELD(CyIndex, index));
		case CY_SLICE:
			return rvi_cy_equal(FIELD(CySlice, object)) && rvi_cy_equal(FIELD(CySlice, from)) &&
				rvi_cy_equal(FIELD(CySlice, to));
		case CY_HAS_LABELS:
			return rvi_cy_equal(FIELD(CyHasLabels, object)) &&
				cy_ast_names_equal(FIELD(CyHasLabels, labels));
		case CY_UNARY:
			return ((const CyUnary *) a)->op == ((const CyUnary *) b)->op &&
				rvi_cy_equal(FIELD(CyUnary, arg));
		case CY_BINARY:
			return ((const CyBinary *) a)->op == ((const CyBinary *) b)->op &&
				rvi_cy_equal(FIELD(CyBinary, left)) && rvi_cy_equal(FIELD(CyBinary, right));
		case CY_COMPARE:
			return equal(FIELD(CyCompare, ops)) &&
				cy_ast_lists_equal(FIELD(CyCompare, operands));
		case CY_FUNCTION:
			return pg_strcasecmp(FIELD(CyFunction, name)) == 0 &&
				((const CyFunction *) a)->distinct == ((const CyFunction *) b)->distinct &&
				((const CyFunction *) a)->star == ((const CyFunction *) b)->star &&
				cy_ast_lists_equal(FIELD(CyFunction, args));
		case CY_CASE:
			return rvi_cy_equal(FIELD(CyCase, test)) &&
				rvi_cy_equal(FIELD(CyCase, otherwise)) &&
				cy_ast_lists_equal(FIELD(CyCase, whens)) &&
				cy_ast_lists_equal(FIELD(CyCase, thens));
		case CY_LIST:
			return cy_ast_lists_equal(FIELD(CyListExpr, items));
		case CY_MAP:
			return cy_ast_names_equal(FIELD(CyMapExpr, keys)) &&
				cy_ast_lists_equal(FIELD(CyMapExpr, values));
		default:
			return false;
	}
#undef FIELD
}
