/*-------------------------------------------------------------------------
 *
 * advice_int.h
 *	  What the files of ruvector_explain_advice offer each other.
 *
 * advice.c parses, plans and reports; advice_class.c knows the vector
 * operator classes and a table's indexes; advice_find.c finds distances in
 * a query; advice_plan.c finds ordered index scans in a plan; advice_rules.c
 * says what keeps the one from becoming the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ADVICE_INT_H
#define ADVICE_INT_H

#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

#include "engine/types/rv_types.h"

/* A vector operator class of an index method. */
typedef struct AdviceClass
{
	Oid			opclass;
	Oid			family;
	Oid			type;
	Oid			op;				/* the operator it orders by */
	Oid			function;		/* the operator's function */
	const char *name;			/* qualified where the search path demands */
	const char *method;
	const RvTypeDesc *desc;
} AdviceClass;

/* An index of the table by a vector operator class. */
typedef struct AdviceIndex
{
	Oid			relid;
	const AdviceClass *opclass;
	Node	   *key;			/* Vars have varno 1 */
	bool		is_hnsw;
	bool		ready;
	bool		valid;
	bool		too_new;		/* for this transaction's snapshot */
	Node	   *predicate;		/* of a partial index, or NULL */
} AdviceIndex;

/* A distance between a table's column and something else. */
typedef struct AdviceDistance
{
	const AdviceClass *opclass; /* any that has the operator, or NULL */
	Oid			op;
	Oid			relid;
	const char *alias;			/* the table's name in the query */
	Node	   *column;			/* the table's side; Vars have varno 1 */
	Node	   *vector;			/* the other side */
	bool		from_sibling;	/* the other side is of the same FROM list */
	bool		same_row;		/* and of the same table in it */
	bool		by_function;	/* called by the function's name */
	bool		wrapped;		/* an expression around it */
	int			direction;		/* the expression rises (1) or falls (-1) with it; 0: unknown */
} AdviceDistance;

/* Where a query orders by a distance, or compares one. */
typedef struct AdviceSite
{
	const Query *query;
	AdviceDistance distance;
	bool		is_order;		/* else a comparison in WHERE */
	bool		is_window;		/* ORDER BY of a window */
	bool		descending;
	bool		nulls_first;
	int			keys;			/* number of ORDER BY keys */
} AdviceSite;

/* An index scan that returns rows by distance. */
typedef struct AdviceScan
{
	Oid			relid;
	Oid			index;
	Oid			op;
	bool		filtered;
	double		rows;			/* estimated to pass the filter */
} AdviceScan;

/* One call. */
typedef struct AdviceContext
{
	ReturnSetInfo *result;
	const char *text;
	Query	   *query;			/* rewritten; planning works on copies */
	List	   *classes;		/* of AdviceClass */
	List	   *sites;			/* of AdviceSite */
	PlannedStmt *plan;
	List	   *scans;			/* of AdviceScan */
} AdviceContext;

/* advice.c */
extern void rvi_advice_emit(AdviceContext *context, const char *severity, const char *suggestion,
							const char *format,...) pg_attribute_printf(4, 5);

/* advice_class.c */
extern List *rvi_advice_classes(void);

/* The class a table's column of that type is to be indexed by for an operator, or NULL. */
extern const AdviceClass *rvi_advice_class_for(List *classes, Oid op);
extern List *rvi_advice_indexes(List *classes, Oid relid);

/* advice_find.c: fills context->sites */
extern void rvi_advice_find(AdviceContext *context);

/* advice_plan.c */
extern List *rvi_advice_scans(PlannedStmt *plan);

/* The plan that results when sorting and reading the whole table are discouraged. */
extern PlannedStmt *rvi_advice_forced_plan(AdviceContext *context);

/* The scan that answers the site's ORDER BY, or NULL. */
extern const AdviceScan *rvi_advice_scan_of(List *scans, const AdviceSite *site);

/* advice_rules.c */
extern void rvi_advice_judge(AdviceContext *context, const AdviceSite *site);

#endif							/* ADVICE_INT_H */
