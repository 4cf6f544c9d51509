/*-------------------------------------------------------------------------
 *
 * cy_sem.h
 *	  Declarations shared by the parts of the semantic pass.
 *
 * A variable is a slot of the row plus the set of types it can hold; a scope
 * is the list of variables that names resolve to. WITH makes a new scope.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CY_SEM_H
#define CY_SEM_H

#include "cypher/cy_int.h"

typedef struct CyVar
{
	const char *name;
	int			slot;
	CyTypes		types;
	int			clause;			/* number of the clause that declared it */
} CyVar;

typedef struct CyScope
{
	List	   *vars;			/* CyVar, in order of declaration */
	struct CyScope *outer;		/* looked at when a name is not here, or NULL */
	struct cy_varhash_hash *by_name;	/* NULL while the list is short */
} CyScope;

/* Where aggregates may stand. */
typedef enum CyAggregation
{
	CY_AGG_FORBIDDEN,
	CY_AGG_INSIDE				/* in an argument of an aggregate */
} CyAggregation;

typedef struct CySem
{
	CyQuery    *query;
	CyScope    *scope;
	int			nslots;
	int			clause;
	CyAggregation aggregation;
	bool		constant;		/* SKIP, LIMIT: no variables */
	bool		predicate;		/* the expression at hand is a predicate: patterns may stand there */
	const char *unsupported;	/* first construct found that cannot be executed, raised last */
	CyLoc		unsupported_loc;
} CySem;

/* cy_semantic.c */
extern CyVar *rvi_cy_sem_lookup(CySem *sem, const char *name);
extern CyVar *rvi_cy_sem_declare(CySem *sem, const char *name, CyTypes types);
extern CyVar *rvi_cy_sem_declare_slot(CySem *sem, const char *name, int slot, CyTypes types);
extern void rvi_cy_sem_unsupported(CySem *sem, CyLoc loc, const char *construct);

/* cy_sem_expr.c: resolves and checks an expression, returns the types it can have */
extern CyTypes rvi_cy_sem_expr(CySem *sem, CyNode *expr);
extern void rvi_cy_sem_predicate(CySem *sem, CyNode *expr);
extern bool rvi_cy_sem_has_aggregate(CyNode *expr);

/* cy_sem_pattern.c */
extern void rvi_cy_sem_match(CySem *sem, CyMatch *match);
extern void rvi_cy_sem_create(CySem *sem, CyCreate *create);
extern void rvi_cy_sem_pattern_expr(CySem *sem, CyPathPattern *path, bool may_declare);

/* cy_sem_proj.c */
extern void rvi_cy_sem_projection(CySem *sem, CyProjection *projection);

#endif							/* CY_SEM_H */
