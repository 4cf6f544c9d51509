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

/* Can the variable stand for that? One that is always null can: nothing will match. */
static bool
cy_sem_may_be(const CyVar *var, CyTypes types)
{
	return (var->types & types) != 0 || var->types == CY_T_NULL;
}

/* Finds or makes the slot of a node of MATCH; nullable: CY_T_NULL in OPTIONAL MATCH. */
static void
cy_sem_match_node(CySem *sem, CyNodePattern *node, CyTypes nullable)
{
	CyVar	   *var;

	if (node->variable == NULL)
	{
		node->slot = sem->nslots++;
		return;
	}
	var = rvi_cy_sem_lookup(sem, node->variable->name);
	if (var == NULL)
		var = rvi_cy_sem_declare(sem, node->variable->name, CY_T_NODE | nullable);
	else
	{
		if (!cy_sem_may_be(var, CY_T_NODE))
			cy_sem_conflict(node->variable, "node");
		node->bound = true;
	}
	node->slot = node->variable->slot = var->slot;
}

static void
cy_sem_match_rel(CySem *sem, CyRelPattern *rel, CyTypes nullable)
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
		var = rvi_cy_sem_declare(sem, rel->variable->name, types | nullable);
	else
	{
		if (!cy_sem_may_be(var, types))
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
cy_sem_match_path(CySem *sem, CyPathPattern *path, CyTypes nullable)
{
	ListCell   *cell;

	if (path->kind != CY_PATH_PLAIN)
		rvi_cy_sem_unsupported(sem, path->node.loc, "shortestPath");
	foreach(cell, path->elements)
	{
		CyNode	   *element = lfirst(cell);

		if (element->tag == CY_NODE_PATTERN)
			cy_sem_match_node(sem, (CyNodePattern *) element, nullable);
		else
			cy_sem_match_rel(sem, (CyRelPattern *) element, nullable);
	}
	if (path->variable == NULL)
		return;
	if (rvi_cy_sem_lookup(sem, path->variable->name) != NULL)
		cy_sem_already_bound(path->variable);
	path->variable->slot = rvi_cy_sem_declare(sem, path->variable->name,
											  CY_T_PATH | nullable)->slot;
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
		cy_sem_match_path(sem, lfirst(cell), match->optional ? CY_T_NULL : 0);
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

typedef struct CySemOwn
{
	CySem	   *sem;
	bool	   *uses_own;
} CySemOwn;

/* Does the expression use a variable that this clause declares? */
static void
cy_sem_find_own(CyNode **child, void *arg)
{
	CySemOwn   *own = arg;

	if ((*child)->tag == CY_VARIABLE)
	{
		CyVar	   *var = rvi_cy_sem_lookup(own->sem, ((CyVariable *) *child)->name);

		if (var != NULL && var->clause == own->sem->clause)
			*own->uses_own = true;
	}
	else
		rvi_cy_visit_children(*child, cy_sem_find_own, arg);
}

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
	if (!cy_sem_may_be(var, CY_T_NODE))
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

/*
 * Properties see what was there before the clause and what stands before
 * them in it, of which *uses_own tells.
 */
static void
cy_sem_create_properties(CySem *sem, CyNode *properties, bool *uses_own)
{
	if (properties == NULL)
		return;
	rvi_cy_sem_expr(sem, properties);
	cy_sem_find_own(&properties, &(CySemOwn) {sem, uses_own});
}

static void
cy_sem_create_path_variable(CySem *sem, CyPathPattern *path)
{
	if (path->kind != CY_PATH_PLAIN)
		rvi_cy_error(CY_ERR_SYNTAX, "UnexpectedSyntax", path->node.loc,
					 "shortestPath cannot be created");
	if (path->variable == NULL)
		return;
	if (rvi_cy_sem_lookup(sem, path->variable->name) != NULL)
		cy_sem_already_bound(path->variable);
	path->variable->slot = rvi_cy_sem_declare(sem, path->variable->name, CY_T_PATH)->slot;
}

/* In the order of execution: the nodes of all paths, their relationships, the paths. */
void
rvi_cy_sem_create(CySem *sem, CyCreate *create)
{
	ListCell   *cell;

	foreach(cell, create->patterns)
	{
		List	   *elements = ((CyPathPattern *) lfirst(cell))->elements;

		for (int i = 0; i < list_length(elements); i += 2)
		{
			CyNodePattern *node = list_nth(elements, i);

			cy_sem_create_properties(sem, node->properties, &node->uses_own);
			cy_sem_create_node(sem, node, list_length(elements) == 1);
		}
	}
	foreach(cell, create->patterns)
	{
		List	   *elements = ((CyPathPattern *) lfirst(cell))->elements;

		for (int i = 1; i < list_length(elements); i += 2)
		{
			CyRelPattern *rel = list_nth(elements, i);

			cy_sem_create_properties(sem, rel->properties, &rel->uses_own);
			cy_sem_create_rel(sem, rel);
		}
		cy_sem_create_path_variable(sem, lfirst(cell));
	}
	foreach(cell, sem->scope->vars)
		create->live = lappend_int(create->live, ((CyVar *) lfirst(cell))->slot);
}
