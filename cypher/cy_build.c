/*-------------------------------------------------------------------------
 *
 * cy_build.c
 *	  Builds the nodes of the syntax tree that need more than their parts.
 *
 * Called by the grammar's actions; everything is palloc'd in the parser's
 * context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cypher/cy_int.h"
#include "cypher/cy_gram.h"
#include "cypher/cy_parse.h"

CyVariable *
rvi_cy_parse_variable(const char *name, CyLoc loc)
{
	CyVariable *n = cy_make(CyVariable, CY_VARIABLE, loc);

	n->name = name;
	n->slot = -1;
	return n;
}

CyNode *
rvi_cy_parse_boolean(bool value, CyLoc loc)
{
	CyLiteral  *n = cy_make(CyLiteral, CY_LITERAL, loc);

	n->value.type = RV_VAL_BOOL;
	n->value.u.boolean = value;
	return CY_NODE(n);
}

/* Folds the sign of a number, so that the lowest integer can be written. */
CyNode *
rvi_cy_parse_unary(CyOp op, CyNode *arg, CyLoc loc)
{
	CyUnary    *n;

	if (op == CY_OP_MINUS && arg->tag == CY_LITERAL)
	{
		CyLiteral  *literal = (CyLiteral *) arg;

		if (literal->value.type == RV_VAL_INT)
		{
			if (literal->int_min)
				literal->int_min = false;
			else if (literal->value.u.integer == PG_INT64_MIN)
				literal->int_min = true;	/* its negation again */
			else
				literal->value.u.integer = -literal->value.u.integer;
			literal->node.loc = loc;
			return arg;
		}
		if (literal->value.type == RV_VAL_FLOAT)
		{
			literal->value.u.real = -literal->value.u.real;
			literal->node.loc = loc;
			return arg;
		}
	}
	n = cy_make(CyUnary, CY_UNARY, loc);
	n->op = op;
	n->arg = arg;
	return CY_NODE(n);
}

CyNode *
rvi_cy_parse_binary(CyOp op, CyNode *left, CyNode *right, CyLoc loc)
{
	CyBinary   *n = cy_make(CyBinary, CY_BINARY, loc);

	n->op = op;
	n->left = left;
	n->right = right;
	return CY_NODE(n);
}

/*
 * a < b < c is one chain, (a < b) < c is not: a parenthesised left side has
 * its own, shorter range.
 */
CyNode *
rvi_cy_parse_compare(CyNode *left, CyOp op, CyNode *right, CyLoc loc)
{
	CyCompare  *n;

	if (left->tag == CY_COMPARE && left->loc.start == loc.start)
	{
		n = (CyCompare *) left;
		n->operands = lappend(n->operands, right);
		n->ops = lappend_int(n->ops, op);
		n->node.loc = loc;
		return left;
	}
	n = cy_make(CyCompare, CY_COMPARE, loc);
	n->operands = list_make2(left, right);
	n->ops = list_make1_int(op);
	return CY_NODE(n);
}

/* object:Label, where n:A:B collects its labels; (n:A):B does not. */
CyNode *
rvi_cy_parse_label(CyNode *object, const char *label, CyLoc object_loc, CyLoc loc)
{
	CyHasLabels *n;

	if (object->tag == CY_HAS_LABELS && object->loc.start == object_loc.start)
	{
		n = (CyHasLabels *) object;
		n->labels = lappend(n->labels, (void *) label);
		n->node.loc = loc;
		return object;
	}
	n = cy_make(CyHasLabels, CY_HAS_LABELS, loc);
	n->object = object;
	n->labels = list_make1((void *) label);
	return CY_NODE(n);
}

/* Dotted name of a variable or of properties of one; NULL for anything else. */
static const char *
cy_build_dotted_name(CyNode *name)
{
	if (name->tag == CY_VARIABLE)
		return ((CyVariable *) name)->name;
	if (name->tag == CY_PROPERTY)
	{
		CyProperty *property = (CyProperty *) name;
		const char *prefix;

		check_stack_depth();
		prefix = cy_build_dotted_name(property->object);
		return prefix == NULL ? NULL : psprintf("%s.%s", prefix, property->key);
	}
	return NULL;
}

CyNode *
rvi_cy_parse_call(CyNode *name, bool distinct, List *args, CyLoc loc)
{
	CyFunction *n = cy_make(CyFunction, CY_FUNCTION, loc);

	n->name = cy_build_dotted_name(name);
	if (n->name == NULL)
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", loc, "a function needs a name");
	n->distinct = distinct;
	n->args = args;
	return CY_NODE(n);
}

/* Conditions and results alternate in the list. */
CyNode *
rvi_cy_parse_case(CyNode *test, List *alternatives, CyNode *otherwise, CyLoc loc)
{
	CyCase	   *n = cy_make(CyCase, CY_CASE, loc);

	n->test = test;
	n->otherwise = otherwise;
	for (int i = 0; i < list_length(alternatives); i += 2)
	{
		n->whens = lappend(n->whens, list_nth(alternatives, i));
		n->thens = lappend(n->thens, list_nth(alternatives, i + 1));
	}
	return CY_NODE(n);
}

CyMapItem *
rvi_cy_parse_map_item(const char *key, CyNode *value)
{
	CyMapItem  *item = palloc(sizeof(CyMapItem));

	item->key = key;
	item->value = value;
	return item;
}

CyNode *
rvi_cy_parse_map(List *entries, CyLoc loc)
{
	CyMapExpr  *n = cy_make(CyMapExpr, CY_MAP, loc);
	ListCell   *cell;

	foreach(cell, entries)
	{
		CyMapItem  *item = lfirst(cell);

		n->keys = lappend(n->keys, (void *) item->key);
		n->values = lappend(n->values, item->value);
	}
	return CY_NODE(n);
}

CyNode *
rvi_cy_parse_map_projection(CyVariable *variable, List *entries, CyLoc loc)
{
	CyMapProjection *n = cy_make(CyMapProjection, CY_MAP_PROJECTION, loc);
	ListCell   *cell;

	n->variable = variable;
	foreach(cell, entries)
	{
		CyMapItem  *item = lfirst(cell);

		if (item->key == NULL)
			n->all_properties = true;
		else
		{
			n->keys = lappend(n->keys, (void *) item->key);
			n->values = lappend(n->values, item->value);
		}
	}
	return CY_NODE(n);
}

CyNode *
rvi_cy_parse_pattern(List *elements, CyLoc loc)
{
	CyPatternExpr *n = cy_make(CyPatternExpr, CY_PATTERN_EXPR, loc);

	n->pattern = cy_make(CyPathPattern, CY_PATH_PATTERN, loc);
	n->pattern->elements = elements;
	return CY_NODE(n);
}

CyNode *
rvi_cy_parse_pattern_comp(CyVariable *variable, CyNode *pattern, CyNode *filter,
						  CyNode *result, CyLoc loc)
{
	CyPatternComp *n = cy_make(CyPatternComp, CY_PATTERN_COMP, loc);

	n->pattern = ((CyPatternExpr *) pattern)->pattern;
	n->pattern->variable = variable;
	n->filter = filter;
	n->result = result;
	return CY_NODE(n);
}

CyNode *
rvi_cy_parse_direction(CyNode *rel, RvDirection direction, CyLoc loc)
{
	((CyRelPattern *) rel)->direction = direction;
	rel->loc = loc;
	return rel;
}

/* A bound of a variable-length relationship. */
int64
rvi_cy_parse_hops(CyLiteral *literal)
{
	if (literal->int_min)
		rvi_cy_error(CY_ERR_SYNTAX, "IntegerOverflow", literal->node.loc, "integer out of range");
	return literal->value.u.integer;
}

/* op: '=', PLUS_EQUAL, or 0 for labels. */
CyNode *
rvi_cy_parse_set_item(CyNode *target, int op, CyNode *value, CyLoc loc)
{
	CySetItem  *n = cy_make(CySetItem, CY_SET_ITEM, loc);

	n->target = target;
	n->value = value;
	if (op == '=' && target->tag == CY_PROPERTY)
		n->kind = CY_SET_PROPERTY;
	else if (op == '=' && target->tag == CY_VARIABLE)
		n->kind = CY_SET_REPLACE;
	else if (op == PLUS_EQUAL && target->tag == CY_VARIABLE)
		n->kind = CY_SET_MERGE;
	else if (op == 0 && target->tag == CY_HAS_LABELS)
		n->kind = CY_SET_LABELS;
	else
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", loc, "this cannot be set");
	return CY_NODE(n);
}

CyNode *
rvi_cy_parse_remove_item(CyNode *target)
{
	if (target->tag != CY_PROPERTY && target->tag != CY_HAS_LABELS)
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", target->loc,
					 "only properties and labels can be removed");
	return target;
}
