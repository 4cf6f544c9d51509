/*-------------------------------------------------------------------------
 *
 * cy_expr.c
 *	  Evaluates expressions over the current row.
 *
 * Results are made in CurrentMemoryContext, which the operators reset row by
 * row; strings of a property may point into the entity kept for its slot, so
 * a result is good until the row changes. What outlives a row is copied by
 * the operator that keeps it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "cypher/cy_fn.h"

static RvValue
cy_eval_truth_value(CyTruth truth)
{
	return truth == CY_UNKNOWN ? rvi_cy_null() : rvi_cy_bool(truth == CY_TRUE);
}

static void
cy_eval_type_error(CyLoc loc, const char *wanted, const RvValue *value)
{
	rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", loc, "expected %s, found %s", wanted,
				 rvi_cy_type_noun(value->type));
}

static CyTruth
cy_eval_truth(CyExec *exec, const CyNode *expr)
{
	RvValue		value = rvi_cy_eval(exec, expr);

	if (value.type == RV_VAL_NULL)
		return CY_UNKNOWN;
	if (value.type != RV_VAL_BOOL)
		cy_eval_type_error(expr->loc, "a boolean", &value);
	return value.u.boolean ? CY_TRUE : CY_FALSE;
}

CyTruth
rvi_cy_eval_predicate(CyExec *exec, const CyNode *expr)
{
	return cy_eval_truth(exec, expr);
}

/* ---- nodes and relationships ---- */

void
rvi_cy_entity_read(CyExec *exec, const RvValue *value, bool want_props, CyEntity *entity)
{
	entity->type = value->type;
	entity->id = value->u.id;
	entity->has_props = want_props;
	if (value->type == RV_VAL_NODE)
		entity->found = rv_graph_node_get(exec->graph, exec->snapshot, value->u.id, want_props,
										  &entity->node);
	else
		entity->found = rv_graph_edge_get(exec->graph, exec->snapshot, value->u.id, want_props,
										  &entity->edge);
	if (!entity->found)
		rvi_cy_error(CY_ERR_ENTITY_NOT_FOUND, "DeletedEntityAccess", CY_NO_LOC,
					 "%s " INT64_FORMAT " does not exist any more",
					 rvi_cy_type_name(value->type), value->u.id);
}

/* What is known of a slot's node or relationship, kept until the slot holds another. */
const CyEntity *
rvi_cy_entity_at(CyExec *exec, int slot, bool want_props)
{
	const RvValue *value = &exec->row[slot];
	CyEntity   *entity = &exec->entities[slot];
	MemoryContext old;

	if (entity->type == value->type && entity->id == value->u.id &&
		(entity->has_props || !want_props))
		return entity;
	if (entity->context == NULL)
		entity->context = AllocSetContextCreate(exec->context, "cypher entity",
												ALLOCSET_SMALL_SIZES);
	entity->type = RV_VAL_NULL;
	MemoryContextReset(entity->context);
	old = MemoryContextSwitchTo(entity->context);
	rvi_cy_entity_read(exec, value, true, entity);
	MemoryContextSwitchTo(old);
	return entity;
}

/* The same of any expression's value. */
const CyEntity *
rvi_cy_entity(CyExec *exec, const CyNode *expr, const RvValue *value, bool want_props)
{
	CyEntity   *entity;

	if (expr->tag == CY_VARIABLE)
		return rvi_cy_entity_at(exec, ((const CyVariable *) expr)->slot, want_props);
	entity = palloc0(sizeof(CyEntity));
	rvi_cy_entity_read(exec, value, want_props, entity);
	return entity;
}

static const RvProps *
cy_eval_entity_props(const CyEntity *entity)
{
	return entity->type == RV_VAL_NODE ? entity->node.props : entity->edge.props;
}

static RvValue
cy_eval_map_get(const RvValue *map, const char *key, int length)
{
	for (uint32 i = 0; i < map->len; i++)
	{
		const RvValue *name = &map->u.entries[i].key;

		if (name->len == length && memcmp(name->u.string, key, length) == 0)
			return map->u.entries[i].value;
	}
	return rvi_cy_null();
}

static RvValue
cy_eval_property(CyExec *exec, CyProperty *property)
{
	RvValue		object = rvi_cy_eval(exec, property->object);
	RvValue		result;

	switch (object.type)
	{
		case RV_VAL_NULL:
			return rvi_cy_null();
		case RV_VAL_MAP:
			return cy_eval_map_get(&object, property->key, strlen(property->key));
		case RV_VAL_NODE:
		case RV_VAL_EDGE:
			break;
		default:
			cy_eval_type_error(property->object->loc, "a node, relationship or map", &object);
	}
	if (property->token == RV_TOKEN_NONE)
		property->token = rv_graph_token_find(exec->graph, RV_TOKEN_PROPKEY, property->key);
	if (property->token == RV_TOKEN_NONE ||
		!rv_graph_props_get(cy_eval_entity_props(rvi_cy_entity(exec, property->object, &object,
															   true)),
							property->token, &result))
		return rvi_cy_null();
	return result;
}

RvValue
rvi_cy_properties(CyExec *exec, const RvProps *props)
{
	int			n = rv_graph_props_count(props);
	RvValue		map = {.type = RV_VAL_MAP, .len = n};

	map.u.entries = palloc(Max(n, 1) * sizeof(RvMapEntry));
	for (int i = 0; i < n; i++)
	{
		int32		key;
		const char *name;

		rv_graph_props_entry(props, i, &key, &map.u.entries[i].value);
		name = rv_graph_token_name(exec->graph, RV_TOKEN_PROPKEY, key);
		map.u.entries[i].key = rvi_cy_string(name, strlen(name));
	}
	return map;
}

/* n:A:B is true when the node has all of the labels; r:T when T is its type. */
static RvValue
cy_eval_has_labels(CyExec *exec, const CyHasLabels *node)
{
	RvValue		object = rvi_cy_eval(exec, node->object);
	const CyEntity *entity;
	const int32 *labels;
	int			nlabels;
	ListCell   *cell;

	if (object.type == RV_VAL_NULL)
		return rvi_cy_null();
	if (object.type != RV_VAL_NODE && object.type != RV_VAL_EDGE)
		cy_eval_type_error(node->object->loc, "a node or relationship", &object);
	entity = rvi_cy_entity(exec, node->object, &object, false);
	if (object.type == RV_VAL_NODE)
		labels = rv_graph_labelset(exec->graph, entity->node.lset, &nlabels);
	else
	{
		labels = &entity->edge.type;
		nlabels = 1;
	}
	foreach(cell, node->labels)
	{
		int32		label = rv_graph_token_find(exec->graph, object.type == RV_VAL_NODE ?
												RV_TOKEN_LABEL : RV_TOKEN_RELTYPE, lfirst(cell));
		int			i = 0;

		while (i < nlabels && labels[i] != label)
			i++;
		if (label == RV_TOKEN_NONE || i == nlabels)
			return rvi_cy_bool(false);
	}
	return rvi_cy_bool(true);
}

/* ---- operators ---- */

static RvValue
cy_eval_in(CyExec *exec, const CyBinary *node)
{
	RvValue		element = rvi_cy_eval(exec, node->left);
	RvValue		list = rvi_cy_eval(exec, node->right);
	CyTruth		result = CY_FALSE;

	if (list.type == RV_VAL_NULL)
		return rvi_cy_null();
	if (list.type != RV_VAL_LIST)
		cy_eval_type_error(node->right->loc, "a list", &list);
	for (uint32 i = 0; i < list.len; i++)
	{
		CyTruth		equal = rvi_cy_value_equals(&element, &list.u.items[i]);

		if (equal == CY_TRUE)
			return rvi_cy_bool(true);
		if (equal == CY_UNKNOWN)
			result = CY_UNKNOWN;
	}
	return cy_eval_truth_value(result);
}

/* Anything but two strings gives null. */
static RvValue
cy_eval_string_predicate(CyExec *exec, const CyBinary *node)
{
	RvValue		text = rvi_cy_eval(exec, node->left);
	RvValue		part = rvi_cy_eval(exec, node->right);

	if (text.type != RV_VAL_STRING || part.type != RV_VAL_STRING)
		return rvi_cy_null();
	if (part.len > text.len)
		return rvi_cy_bool(false);
	if (node->op == CY_OP_STARTS_WITH)
		return rvi_cy_bool(memcmp(text.u.string, part.u.string, part.len) == 0);
	if (node->op == CY_OP_ENDS_WITH)
		return rvi_cy_bool(memcmp(text.u.string + text.len - part.len, part.u.string,
								  part.len) == 0);
	return rvi_cy_bool(part.len == 0 ||
					   memmem(text.u.string, text.len, part.u.string, part.len) != NULL);
}

static RvValue
cy_eval_binary(CyExec *exec, const CyBinary *node)
{
	RvValue		left;
	RvValue		right;
	CyTruth		a;
	CyTruth		b;

	switch (node->op)
	{
		case CY_OP_AND:
			a = cy_eval_truth(exec, node->left);
			if (a == CY_FALSE)
				return rvi_cy_bool(false);
			b = cy_eval_truth(exec, node->right);
			return b == CY_FALSE ? rvi_cy_bool(false) :
				cy_eval_truth_value(a == CY_UNKNOWN ? CY_UNKNOWN : b);
		case CY_OP_OR:
			a = cy_eval_truth(exec, node->left);
			if (a == CY_TRUE)
				return rvi_cy_bool(true);
			b = cy_eval_truth(exec, node->right);
			return b == CY_TRUE ? rvi_cy_bool(true) :
				cy_eval_truth_value(a == CY_UNKNOWN ? CY_UNKNOWN : b);
		case CY_OP_XOR:
			a = cy_eval_truth(exec, node->left);
			b = cy_eval_truth(exec, node->right);
			return a == CY_UNKNOWN || b == CY_UNKNOWN ? rvi_cy_null() : rvi_cy_bool(a != b);
		case CY_OP_IN:
			return cy_eval_in(exec, node);
		case CY_OP_STARTS_WITH:
		case CY_OP_ENDS_WITH:
		case CY_OP_CONTAINS:
			return cy_eval_string_predicate(exec, node);
		default:
			left = rvi_cy_eval(exec, node->left);
			right = rvi_cy_eval(exec, node->right);
			return rvi_cy_arithmetic(node->op, &left, &right, node->node.loc);
	}
}

static RvValue
cy_eval_unary(CyExec *exec, const CyUnary *node)
{
	RvValue		value;
	RvValue		zero = rvi_cy_int(0);
	CyTruth		truth;

	switch (node->op)
	{
		case CY_OP_NOT:
			truth = cy_eval_truth(exec, node->arg);
			return truth == CY_UNKNOWN ? rvi_cy_null() : rvi_cy_bool(truth == CY_FALSE);
		case CY_OP_IS_NULL:
			return rvi_cy_bool(rvi_cy_eval(exec, node->arg).type == RV_VAL_NULL);
		case CY_OP_IS_NOT_NULL:
			return rvi_cy_bool(rvi_cy_eval(exec, node->arg).type != RV_VAL_NULL);
		default:
			break;
	}
	value = rvi_cy_eval(exec, node->arg);
	if (value.type != RV_VAL_NULL && !CY_IS_NUMBER(&value))
		cy_eval_type_error(node->arg->loc, "a number", &value);
	if (node->op == CY_OP_PLUS || value.type == RV_VAL_NULL)
		return value;
	if (value.type == RV_VAL_FLOAT)
		return rvi_cy_float(-value.u.real);
	return rvi_cy_arithmetic(CY_OP_SUB, &zero, &value, node->node.loc);
}

/* a < b <= c: the conjunction of the comparisons of neighbours. */
static RvValue
cy_eval_compare(CyExec *exec, const CyCompare *node)
{
	RvValue		left = rvi_cy_eval(exec, linitial(node->operands));
	CyTruth		result = CY_TRUE;
	int			i = 1;
	ListCell   *cell;

	foreach(cell, node->ops)
	{
		RvValue		right = rvi_cy_eval(exec, list_nth(node->operands, i++));
		CyOp		op = lfirst_int(cell);
		CyTruth		truth;

		if (op == CY_OP_EQ || op == CY_OP_NE)
		{
			truth = rvi_cy_value_equals(&left, &right);
			if (op == CY_OP_NE && truth != CY_UNKNOWN)
				truth = truth == CY_FALSE;
		}
		else
			truth = rvi_cy_value_compare(op, &left, &right);
		if (truth == CY_FALSE)
			return rvi_cy_bool(false);
		if (truth == CY_UNKNOWN)
			result = CY_UNKNOWN;
		left = right;
	}
	return cy_eval_truth_value(result);
}

/* ---- lists and maps ---- */

static RvValue
cy_eval_index(CyExec *exec, const CyIndex *node)
{
	RvValue		object = rvi_cy_eval(exec, node->object);
	RvValue		index = rvi_cy_eval(exec, node->index);
	RvValue		map;
	int64		i;

	if (object.type != RV_VAL_NULL && object.type != RV_VAL_LIST && object.type != RV_VAL_MAP &&
		object.type != RV_VAL_NODE && object.type != RV_VAL_EDGE)
		cy_eval_type_error(node->object->loc, "a list or map", &object);
	if (object.type == RV_VAL_NULL || index.type == RV_VAL_NULL)
		return rvi_cy_null();
	if (object.type != RV_VAL_LIST)
	{
		if (index.type != RV_VAL_STRING)
			rvi_cy_error(CY_ERR_TYPE, "MapElementAccessByNonString", node->index->loc,
						 "the key of a map must be a string");
		if (object.type == RV_VAL_MAP)
			return cy_eval_map_get(&object, index.u.string, index.len);
		map = rvi_cy_properties(exec, cy_eval_entity_props(rvi_cy_entity(exec, node->object,
																		 &object, true)));
		return cy_eval_map_get(&map, index.u.string, index.len);
	}
	if (index.type != RV_VAL_INT)
		rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", node->index->loc,
					 "the index of a list must be an integer");
	i = index.u.integer < 0 ? index.u.integer + object.len : index.u.integer;
	if (i < 0 || i >= object.len)
		return rvi_cy_null();
	return object.u.items[i];
}

/* A bound of a slice, from the end when negative, clamped to the list; -1 for null. */
static int64
cy_eval_slice_bound(CyExec *exec, const CyNode *expr, int64 missing, int64 length)
{
	RvValue		value;

	if (expr == NULL)
		return missing;
	value = rvi_cy_eval(exec, expr);
	if (value.type == RV_VAL_NULL)
		return -1;
	if (value.type != RV_VAL_INT)
		cy_eval_type_error(expr->loc, "an integer", &value);
	if (value.u.integer < 0)
		return Max(value.u.integer + length, 0);
	return Min(value.u.integer, length);
}

static RvValue
cy_eval_slice(CyExec *exec, const CySlice *node)
{
	RvValue		list = rvi_cy_eval(exec, node->object);
	int64		from;
	int64		to;
	RvValue		result;

	if (list.type == RV_VAL_NULL)
		return list;
	if (list.type != RV_VAL_LIST)
		cy_eval_type_error(node->object->loc, "a list", &list);
	from = cy_eval_slice_bound(exec, node->from, 0, list.len);
	to = cy_eval_slice_bound(exec, node->to, list.len, list.len);
	if (from < 0 || to < 0)
		return rvi_cy_null();
	result = rvi_cy_list_make(Max(to - from, 0));
	if (result.len > 0)
		memcpy(result.u.items, list.u.items + from, result.len * sizeof(RvValue));
	return result;
}

static RvValue
cy_eval_list(CyExec *exec, const CyListExpr *node)
{
	RvValue		list = rvi_cy_list_make(list_length(node->items));
	ListCell   *cell;

	foreach(cell, node->items)
		list.u.items[foreach_current_index(cell)] = rvi_cy_eval(exec, lfirst(cell));
	return list;
}

/* Of equal keys the last one counts. */
static RvValue
cy_eval_map(CyExec *exec, const CyMapExpr *node)
{
	RvValue		map = {.type = RV_VAL_MAP};
	ListCell   *key;
	ListCell   *value;

	map.u.entries = palloc(Max(list_length(node->keys), 1) * sizeof(RvMapEntry));
	forboth(key, node->keys, value, node->values)
	{
		RvValue		name = rvi_cy_string(lfirst(key), strlen(lfirst(key)));
		uint32		i = 0;

		while (i < map.len && rvi_cy_value_equals(&map.u.entries[i].key, &name) != CY_TRUE)
			i++;
		if (i == map.len)
			map.len++;
		map.u.entries[i].key = name;
		map.u.entries[i].value = rvi_cy_eval(exec, lfirst(value));
	}
	return map;
}

static RvValue
cy_eval_case(CyExec *exec, const CyCase *node)
{
	RvValue		test = node->test == NULL ? rvi_cy_null() : rvi_cy_eval(exec, node->test);
	ListCell   *when;
	ListCell   *then;

	forboth(when, node->whens, then, node->thens)
	{
		CyTruth		truth;

		if (node->test == NULL)
			truth = cy_eval_truth(exec, lfirst(when));
		else
		{
			RvValue		value = rvi_cy_eval(exec, lfirst(when));

			truth = rvi_cy_value_equals(&test, &value);
		}
		if (truth == CY_TRUE)
			return rvi_cy_eval(exec, lfirst(then));
	}
	return node->otherwise == NULL ? rvi_cy_null() : rvi_cy_eval(exec, node->otherwise);
}

/* The list of a comprehension or quantifier; false when it is null. */
static bool
cy_eval_source(CyExec *exec, const CyNode *expr, RvValue *list)
{
	*list = rvi_cy_eval(exec, expr);
	if (list->type == RV_VAL_NULL)
		return false;
	if (list->type != RV_VAL_LIST)
		cy_eval_type_error(expr->loc, "a list", list);
	return true;
}

/*
 * A value computed for an element of a list, which lives on when the
 * variable moves to the next element: a property's string points into what
 * is kept for the variable's slot, so it is copied.
 */
static RvValue
cy_eval_kept(CyExec *exec, const CyNode *expr)
{
	RvValue		value = rvi_cy_eval(exec, expr);

	return rvi_cy_value_copy(&value);
}

static RvValue
cy_eval_list_comp(CyExec *exec, const CyListComp *node)
{
	RvValue		source;
	RvValue		result;
	uint32		n = 0;

	if (!cy_eval_source(exec, node->list, &source))
		return rvi_cy_null();
	result = rvi_cy_list_make(source.len);
	for (uint32 i = 0; i < source.len; i++)
	{
		CHECK_FOR_INTERRUPTS();
		exec->row[node->variable->slot] = source.u.items[i];
		if (node->filter != NULL && cy_eval_truth(exec, node->filter) != CY_TRUE)
			continue;
		result.u.items[n++] = node->result == NULL ? source.u.items[i] :
			cy_eval_kept(exec, node->result);
	}
	result.len = n;
	return result;
}

/* all, any, none, single in three-valued logic. */
static RvValue
cy_eval_quantifier(CyExec *exec, const CyQuantifier *node)
{
	RvValue		source;
	uint32		yes = 0;
	uint32		unknown = 0;

	if (!cy_eval_source(exec, node->list, &source))
		return rvi_cy_null();
	for (uint32 i = 0; i < source.len; i++)
	{
		CyTruth		truth;

		CHECK_FOR_INTERRUPTS();
		exec->row[node->variable->slot] = source.u.items[i];
		truth = cy_eval_truth(exec, node->filter);
		yes += truth == CY_TRUE;
		unknown += truth == CY_UNKNOWN;
	}
	switch (node->kind)
	{
		case CY_ALL:
			if (yes + unknown < source.len)
				return rvi_cy_bool(false);
			return unknown > 0 ? rvi_cy_null() : rvi_cy_bool(true);
		case CY_ANY:
			if (yes > 0)
				return rvi_cy_bool(true);
			return unknown > 0 ? rvi_cy_null() : rvi_cy_bool(false);
		case CY_NONE:
			if (yes > 0)
				return rvi_cy_bool(false);
			return unknown > 0 ? rvi_cy_null() : rvi_cy_bool(true);
		default:
			if (yes > 1)
				return rvi_cy_bool(false);
			return unknown > 0 ? rvi_cy_null() : rvi_cy_bool(yes == 1);
	}
}

static RvValue
cy_eval_reduce(CyExec *exec, const CyReduce *node)
{
	RvValue		accumulator = rvi_cy_eval(exec, node->initial);
	RvValue		source;

	if (!cy_eval_source(exec, node->list, &source))
		return rvi_cy_null();
	for (uint32 i = 0; i < source.len; i++)
	{
		CHECK_FOR_INTERRUPTS();
		exec->row[node->accumulator->slot] = accumulator;
		exec->row[node->variable->slot] = source.u.items[i];
		accumulator = cy_eval_kept(exec, node->result);
	}
	return accumulator;
}

/* The first argument that is not null; those after it are not evaluated. */
static RvValue
cy_eval_coalesce(CyExec *exec, const CyFunction *call)
{
	ListCell   *cell;

	foreach(cell, call->args)
	{
		RvValue		value = rvi_cy_eval(exec, lfirst(cell));

		if (value.type != RV_VAL_NULL)
			return value;
	}
	return rvi_cy_null();
}

static RvValue
cy_eval_function(CyExec *exec, const CyFunction *call)
{
	int			nargs = list_length(call->args);
	RvValue	   *args;
	ListCell   *cell;

	if (call->info->call == NULL)
		return cy_eval_coalesce(exec, call);
	args = palloc(Max(nargs, 1) * sizeof(RvValue));
	foreach(cell, call->args)
	{
		RvValue    *arg = &args[foreach_current_index(cell)];

		*arg = rvi_cy_eval(exec, lfirst(cell));
		if (call->info->null_in_null_out && arg->type == RV_VAL_NULL)
			return rvi_cy_null();
	}
	return call->info->call(exec, call, args);
}

const CyParamValue *
rvi_cy_param_find(const CyExec *exec, const char *name)
{
	for (int i = 0; i < exec->nparams; i++)
	{
		if (strcmp(exec->params[i].name, name) == 0)
			return &exec->params[i];
	}
	return NULL;
}

static RvValue
cy_eval_param(CyExec *exec, const CyParam *param)
{
	const CyParamValue *value = rvi_cy_param_find(exec, param->name);

	if (value == NULL)
		rvi_cy_error(CY_ERR_PARAMETER_MISSING, "MissingParameter", param->node.loc,
					 "parameter \"%s\" is missing", param->name);
	return value->value;
}

RvValue
rvi_cy_eval(CyExec *exec, const CyNode *expr)
{
	check_stack_depth();
	switch (expr->tag)
	{
		case CY_LITERAL:
			return ((const CyLiteral *) expr)->value;
		case CY_PARAM:
			return cy_eval_param(exec, (const CyParam *) expr);
		case CY_VARIABLE:
			return exec->row[((const CyVariable *) expr)->slot];
		case CY_PROPERTY:
			return cy_eval_property(exec, (CyProperty *) expr);
		case CY_INDEX:
			return cy_eval_index(exec, (const CyIndex *) expr);
		case CY_SLICE:
			return cy_eval_slice(exec, (const CySlice *) expr);
		case CY_HAS_LABELS:
			return cy_eval_has_labels(exec, (const CyHasLabels *) expr);
		case CY_UNARY:
			return cy_eval_unary(exec, (const CyUnary *) expr);
		case CY_BINARY:
			return cy_eval_binary(exec, (const CyBinary *) expr);
		case CY_COMPARE:
			return cy_eval_compare(exec, (const CyCompare *) expr);
		case CY_FUNCTION:
			return cy_eval_function(exec, (const CyFunction *) expr);
		case CY_CASE:
			return cy_eval_case(exec, (const CyCase *) expr);
		case CY_LIST:
			return cy_eval_list(exec, (const CyListExpr *) expr);
		case CY_MAP:
			return cy_eval_map(exec, (const CyMapExpr *) expr);
		case CY_LIST_COMP:
			return cy_eval_list_comp(exec, (const CyListComp *) expr);
		case CY_QUANTIFIER:
			return cy_eval_quantifier(exec, (const CyQuantifier *) expr);
		case CY_REDUCE:
			return cy_eval_reduce(exec, (const CyReduce *) expr);
		default:
			elog(ERROR, "cypher expression of kind %d cannot be evaluated", (int) expr->tag);
	}
}
