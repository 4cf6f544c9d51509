/*-------------------------------------------------------------------------
 *
 * cy_sem_pattern.c
 *	  Semantic pass over MATCH and CREATE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "cypher/cy_sem.h"

static void
cy_sem_conflict(CyVariable *variable, const char *wanted)
{
	rvi_cy_error(CY_ERR_SYNTAX, "VariableTypeConflict", variable->node.loc,
				 "variable \"%s\" is not a %s", variable->name, wanted);
}

static void
cy_sem_already_bound(CyVariable *variable)
{
	rvi_cy_error(CY_ERR_SYNTAX, "VariableAlreadyBound", variable->node.loc,
				 "variable \"%s\" is already defined", variable->name);
}

/* Finds or makes the slot of a node of MATCH. */
static void
cy_sem_match_node(CySem *sem, CyNodePattern *node)
{
	CyVar	   *var;

	if (node->variable == NULL)
	{
		node->slot = sem->nslots++;
		return;
	}
	var = rvi_cy_sem_lookup(sem, node->variable->name);
	if (var == NULL)
		var = rvi_cy_sem_declare(sem, node->variable->name, CY_T_NODE | CY_T_NULL);
	else
	{
		if ((var->types & CY_T_NODE) == 0)
			cy_sem_conflict(node->variable, "node");
		node->bound = true;
	}
	node->slot = node->variable->slot = var->slot;
}

static void
cy_sem_match_rel(CySem *sem, CyRelPattern *rel)
{
	CyTypes		types = rel->var_length ? CY_T_LIST : CY_T_EDGE;
	CyVar	   *var;

	if (rel->var_length)
		rvi_cy_sem_unsupported(sem, rel->node.loc, "a variable-length relationship");
	if (rel->variable == NULL)
	{
		rel->slot = sem->nslots++;
		return;
	}
	var = rvi_cy_sem_lookup(sem, rel->variable->name);
	if (var == NULL)
		var = rvi_cy_sem_declare(sem, rel->variable->name, types | CY_T_NULL);
	else
	{
		if ((var->types & types) == 0)
			cy_sem_conflict(rel->variable, "relationship");
		if (var->clause == sem->clause)
			rvi_cy_error(CY_ERR_SYNTAX, "RelationshipUniquenessViolation",
						 rel->variable->node.loc,
						 "relationship variable \"%s\" is used twice in one MATCH",
						 rel->variable->name);
		rel->bound = true;
	}
	rel->slot = rel->variable->slot = var->slot;
}

/* Elements, then the path's own variable. */
static void
cy_sem_match_path(CySem *sem, CyPathPattern *path)
{
	ListCell   *cell;

	if (path->kind != CY_PATH_PLAIN)
		rvi_cy_sem_unsupported(sem, path->node.loc, "shortestPath");
	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);

		if (element->tag == CY_NODE_PATTERN)
			cy_sem_match_node(sem, (CyNodePattern *) element);
		else
			cy_sem_match_rel(sem, (CyRelPattern *) element);
	}
	if (path->variable == NULL)
		return;
	if (rvi_cy_sem_lookup(sem, path->variable->name) != NULL)
		cy_sem_already_bound(path->variable);
	path->variable->slot = rvi_cy_sem_declare(sem, path->variable->name,
											  CY_T_PATH | CY_T_NULL)->slot;
}

static CyNode *
cy_sem_element_properties(CyNode *element)
{
	return element->tag == CY_NODE_PATTERN ?
		((CyNodePattern *) element)->properties : ((CyRelPattern *) element)->properties;
}

/* Property maps of a pattern to be matched: literal maps only. */
static void
cy_sem_match_properties(CySem *sem, CyPathPattern *path)
{
	ListCell   *cell;

	foreach(cell, path->elements)
	{
		CyNode	   *properties = cy_sem_element_properties(lfirst(cell));

		if (properties == NULL)
			continue;
		if (properties->tag == CY_PARAM)
			rvi_cy_error(CY_ERR_SYNTAX, "InvalidParameterUse", properties->loc,
						 "a parameter cannot stand for the properties of a pattern to be matched");
		rvi_cy_sem_expr(sem, properties);
	}
}

void
rvi_cy_sem_match(CySem *sem, CyMatch *match)
{
	ListCell   *cell;

	foreach(cell, match->patterns)
		cy_sem_match_path(sem, lfirst(cell));
	foreach(cell, match->patterns)
		cy_sem_match_properties(sem, lfirst(cell));
	if (match->where != NULL)
		rvi_cy_sem_predicate(sem, match->where);
}

/* A pattern inside an expression; unless may_declare, it only uses variables that exist. */
void
rvi_cy_sem_pattern_expr(CySem *sem, CyPathPattern *path, bool may_declare)
{
	ListCell   *cell;

	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);
		CyVariable *variable = element->tag == CY_NODE_PATTERN ?
			((CyNodePattern *) element)->variable : ((CyRelPattern *) element)->variable;

		if (variable != NULL && !may_declare &&
			rvi_cy_sem_lookup(sem, variable->name) == NULL)
			rvi_cy_error(CY_ERR_SYNTAX, "UndefinedVariable", variable->node.loc,
						 "variable \"%s\" is not defined", variable->name);
	}
}

/* ---- CREATE ---- */

static void
cy_sem_create_node(CySem *sem, CyNodePattern *node, bool alone)
{
	CyVar	   *var = NULL;

	if (node->variable != NULL)
		var = rvi_cy_sem_lookup(sem, node->variable->name);
	if (var == NULL)
	{
		node->slot = node->variable == NULL ? sem->nslots++ :
			rvi_cy_sem_declare(sem, node->variable->name, CY_T_NODE)->slot;
		return;
	}
	if (alone || node->labels != NIL || node->properties != NULL)
		cy_sem_already_bound(node->variable);
	if ((var->types & CY_T_NODE) == 0)
		cy_sem_conflict(node->variable, "node");
	node->bound = true;
	node->slot = var->slot;
}

static void
cy_sem_create_rel(CySem *sem, CyRelPattern *rel)
{
	if (rel->variable != NULL && rvi_cy_sem_lookup(sem, rel->variable->name) != NULL)
		cy_sem_already_bound(rel->variable);
	if (rel->var_length)
		rvi_cy_error(CY_ERR_SYNTAX, "CreatingVarLength", rel->node.loc,
					 "a variable-length relationship cannot be created");
	if (list_length(rel->types) != 1)
		rvi_cy_error(CY_ERR_SYNTAX, "NoSingleRelationshipType", rel->node.loc,
					 "a relationship to be created needs exactly one type");
	if (rel->direction == RV_DIR_BOTH)
		rvi_cy_error(CY_ERR_SYNTAX, "RequiresDirectedRelationship", rel->node.loc,
					 "a relationship to be created needs a direction");
	if (rel->variable == NULL)
		rel->slot = sem->nslots++;
	else
		rel->slot = rvi_cy_sem_declare(sem, rel->variable->name, CY_T_EDGE)->slot;
}

static void
cy_sem_create_path(CySem *sem, CyPathPattern *path)
{
	bool		alone = list_length(path->elements) == 1;
	ListCell   *cell;

	if (path->kind != CY_PATH_PLAIN)
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", path->node.loc,
					 "shortestPath cannot be created");
	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);

		if (element->tag == CY_NODE_PATTERN)
			cy_sem_create_node(sem, (CyNodePattern *) element, alone);
		else
			cy_sem_create_rel(sem, (CyRelPattern *) element);
	}
	if (path->variable == NULL)
		return;
	if (rvi_cy_sem_lookup(sem, path->variable->name) != NULL)
		cy_sem_already_bound(path->variable);
	path->variable->slot = rvi_cy_sem_declare(sem, path->variable->name, CY_T_PATH)->slot;
}

/*
 * Property expressions see what was there before the clause: nothing that
 * the clause itself creates, in whatever order.
 */
void
rvi_cy_sem_create(CySem *sem, CyCreate *create)
{
	CyScope    *scope;
	ListCell   *cell;

	foreach(cell, create->patterns)
	{
		ListCell   *element;

		foreach(element, ((CyPathPattern *) lfirst(cell))->elements)
		{
			CyNode	   *properties = cy_sem_element_properties(lfirst(element));

			if (properties != NULL)
				rvi_cy_sem_expr(sem, properties);
		}
	}
	foreach(cell, create->patterns)
		cy_sem_create_path(sem, lfirst(cell));
	for (scope = sem->scope; scope != NULL; scope = scope->outer)
	{
		foreach(cell, scope->vars)
			create->live = lappend_int(create->live, ((CyVar *) lfirst(cell))->slot);
	}
}
