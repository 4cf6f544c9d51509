/*-------------------------------------------------------------------------
 *
 * cy_semantic.c
 *	  Semantic pass: scopes and the order of clauses.
 *
 * Everything that openCypher reports at compile time is found here and in
 * cy_sem_*.c, before anything is executed. Constructs that the executor
 * cannot do yet are remembered and refused at the end, so that an invalid
 * query is reported as invalid.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "cypher/cy_sem.h"

/* Variables of a long scope by name: scripts of CREATE have thousands. */
typedef struct CyVarEntry
{
	const char *name;
	CyVar	   *var;
	uint32		hash;
	char		status;			/* of simplehash */
} CyVarEntry;

#define SH_PREFIX cy_varhash
#define SH_ELEMENT_TYPE CyVarEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, k) hash_bytes((const unsigned char *) (k), strlen(k))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define CY_SHORT_SCOPE	32

/* The first of a name counts, as in the list. */
static void
cy_sem_index_var(CyScope *scope, CyVar *var)
{
	bool		found;
	CyVarEntry *entry = cy_varhash_insert(scope->by_name, var->name, &found);

	if (!found)
		entry->var = var;
}

static void
cy_sem_index_scope(CyScope *scope)
{
	ListCell   *cell;

	scope->by_name = cy_varhash_create(CurrentMemoryContext, 4 * CY_SHORT_SCOPE, NULL);
	foreach(cell, scope->vars)
		cy_sem_index_var(scope, lfirst(cell));
}

static CyVar *
cy_sem_lookup_in(CyScope *scope, const char *name)
{
	ListCell   *cell;

	if (scope->by_name != NULL)
	{
		CyVarEntry *entry = cy_varhash_lookup(scope->by_name, name);

		return entry == NULL ? NULL : entry->var;
	}
	foreach(cell, scope->vars)
	{
		CyVar	   *var = lfirst(cell);

		if (strcmp(var->name, name) == 0)
			return var;
	}
	return NULL;
}

CyVar *
rvi_cy_sem_lookup(CySem *sem, const char *name)
{
	for (CyScope *scope = sem->scope; scope != NULL; scope = scope->outer)
	{
		CyVar	   *var = cy_sem_lookup_in(scope, name);

		if (var != NULL)
			return var;
	}
	return NULL;
}

CyVar *
rvi_cy_sem_declare_slot(CySem *sem, const char *name, int slot, CyTypes types)
{
	CyVar	   *var = palloc(sizeof(CyVar));

	var->name = name;
	var->slot = slot;
	var->types = types;
	var->clause = sem->clause;
	sem->scope->vars = lappend(sem->scope->vars, var);
	if (sem->scope->by_name != NULL)
		cy_sem_index_var(sem->scope, var);
	else if (list_length(sem->scope->vars) > CY_SHORT_SCOPE)
		cy_sem_index_scope(sem->scope);
	return var;
}

CyVar *
rvi_cy_sem_declare(CySem *sem, const char *name, CyTypes types)
{
	return rvi_cy_sem_declare_slot(sem, name, sem->nslots++, types);
}

void
rvi_cy_sem_unsupported(CySem *sem, CyLoc loc, const char *construct)
{
	if (sem->unsupported == NULL)
	{
		sem->unsupported = construct;
		sem->unsupported_loc = loc;
	}
}

static void
cy_sem_unwind(CySem *sem, CyUnwind *unwind)
{
	CyTypes		types = rvi_cy_sem_expr(sem, unwind->list);

	if ((types & (CY_T_LIST | CY_T_NULL)) == 0)
		rvi_cy_error(CY_ERR_TYPE, "InvalidArgumentType", unwind->list->loc,
					 "UNWIND needs a list");
	if (rvi_cy_sem_lookup(sem, unwind->variable->name) != NULL)
		rvi_cy_error(CY_ERR_SYNTAX, "VariableAlreadyBound", unwind->variable->node.loc,
					 "variable \"%s\" is already defined", unwind->variable->name);
	unwind->variable->slot = rvi_cy_sem_declare(sem, unwind->variable->name, CY_T_ANY)->slot;
}

static const char *
cy_sem_clause_name(CyNode *clause)
{
	switch (clause->tag)
	{
		case CY_MERGE:
			return "MERGE";
		case CY_SET:
			return "SET";
		case CY_REMOVE:
			return "REMOVE";
		case CY_DELETE:
			return "DELETE";
		case CY_CALL:
			return "CALL";
		case CY_SUBQUERY:
			return "CALL { }";
		case CY_FOREACH:
			return "FOREACH";
		default:
			return "this clause";
	}
}

static bool
cy_sem_is_updating(CyNode *clause)
{
	switch (clause->tag)
	{
		case CY_CREATE:
		case CY_MERGE:
		case CY_SET:
		case CY_REMOVE:
		case CY_DELETE:
		case CY_FOREACH:
			return true;
		default:
			return false;
	}
}

/*
 * The shape of a single query: RETURN only at the end, reading clauses after
 * an update only behind a WITH, and something to do at the end.
 */
static void
cy_sem_check_composition(CySingleQuery *single)
{
	bool		updated = false;
	CyNode	   *last = llast(single->clauses);
	ListCell   *cell;

	foreach(cell, single->clauses)
	{
		CyNode	   *clause = lfirst(cell);
		bool		reading = clause->tag == CY_MATCH || clause->tag == CY_UNWIND;

		if (reading && updated)
			rvi_cy_error(CY_ERR_SYNTAX, "InvalidClauseComposition", clause->loc,
						 "WITH is required between an updating clause and %s",
						 clause->tag == CY_MATCH ? "MATCH" : "UNWIND");
		if (cy_sem_is_updating(clause))
			updated = true;
		if (clause->tag == CY_PROJECTION)
		{
			updated = false;
			if (((CyProjection *) clause)->is_return && clause != last)
				rvi_cy_error(CY_ERR_SYNTAX, "InvalidClauseComposition", clause->loc,
							 "RETURN can only be the last clause");
		}
	}
	if (!cy_sem_is_updating(last) && last->tag != CY_CALL && last->tag != CY_SUBQUERY &&
		!(last->tag == CY_PROJECTION && ((CyProjection *) last)->is_return))
		rvi_cy_error(CY_ERR_SYNTAX, "InvalidClauseComposition", last->loc,
					 "a query must end with RETURN or an updating clause");
}

static void
cy_sem_clause(CySem *sem, CyNode *clause)
{
	sem->clause++;
	switch (clause->tag)
	{
		case CY_MATCH:
			rvi_cy_sem_match(sem, (CyMatch *) clause);
			break;
		case CY_UNWIND:
			cy_sem_unwind(sem, (CyUnwind *) clause);
			break;
		case CY_PROJECTION:
			rvi_cy_sem_projection(sem, (CyProjection *) clause);
			break;
		case CY_CREATE:
			rvi_cy_sem_create(sem, (CyCreate *) clause);
			sem->query->writes = true;
			break;
		default:
			/* what follows depends on it, so this cannot wait */
			if (sem->unsupported != NULL)
				rvi_cy_unsupported(sem->unsupported_loc, sem->unsupported);
			rvi_cy_unsupported(clause->loc, cy_sem_clause_name(clause));
	}
}

/* Names of the columns that a part returns; NIL when it returns nothing. */
static List *
cy_sem_columns(CySingleQuery *single)
{
	CyNode	   *last = llast(single->clauses);
	List	   *columns = NIL;
	ListCell   *cell;

	if (last->tag != CY_PROJECTION)
		return NIL;
	foreach(cell, ((CyProjection *) last)->items)
		columns = lappend(columns, (void *) ((CyItem *) lfirst(cell))->name);
	return columns;
}

static void
cy_sem_check_union(CyQuery *query, CySingleQuery *single, List *columns)
{
	ListCell   *a;
	ListCell   *b;

	if (columns == NIL || list_length(columns) != list_length(query->columns))
		rvi_cy_error(CY_ERR_SYNTAX, "DifferentColumnsInUnion", single->node.loc,
					 "all parts of a UNION must return the same columns");
	forboth(a, columns, b, query->columns)
	{
		if (strcmp(lfirst(a), lfirst(b)) != 0)
			rvi_cy_error(CY_ERR_SYNTAX, "DifferentColumnsInUnion", single->node.loc,
						 "all parts of a UNION must return the same columns");
	}
}

void
rvi_cy_analyze(CyQuery *query)
{
	CySem		sem = {.query = query};
	ListCell   *cell;

	foreach(cell, query->union_all)
	{
		if (lfirst_int(cell) != linitial_int(query->union_all))
			rvi_cy_error(CY_ERR_SYNTAX, "InvalidClauseComposition", query->node.loc,
						 "UNION and UNION ALL cannot be mixed");
	}
	foreach(cell, query->parts)
	{
		CySingleQuery *single = lfirst(cell);
		CyScope		scope = {NIL};
		ListCell   *clause;

		cy_sem_check_composition(single);
		sem.scope = &scope;
		foreach(clause, single->clauses)
			cy_sem_clause(&sem, lfirst(clause));
		if (cell == list_head(query->parts))
			query->columns = cy_sem_columns(single);
		else
			cy_sem_check_union(query, single, cy_sem_columns(single));
	}
	if (list_length(query->parts) > 1 && query->columns == NIL)
		cy_sem_check_union(query, linitial(query->parts), NIL);
	if (sem.unsupported != NULL)
		rvi_cy_unsupported(sem.unsupported_loc, sem.unsupported);
	query->nslots = sem.nslots;
}
