/*-------------------------------------------------------------------------
 *
 * fdw_int.h
 *	  What the files of fdw/ share.
 *
 * A clause of the query that the store can answer becomes an RviFdwCond: a
 * field of the table, an operation, and an expression that does not depend on
 * the row. The scan applies every pushed condition exactly, so none is
 * evaluated again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FDW_INT_H
#define FDW_INT_H

#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"

#include "engine/graph/rv_graph.h"
#include "engine/runtime/rv_runtime.h"

typedef enum RviFdwKind
{
	RVI_FDW_NODES,
	RVI_FDW_EDGES
} RviFdwKind;

/* What a column holds, told by its name. */
typedef enum RviFdwField
{
	RVI_FIELD_NONE,
	RVI_FIELD_GRAPH,
	RVI_FIELD_ID,
	RVI_FIELD_LABELS,			/* nodes only */
	RVI_FIELD_TYPE,				/* this and the next two: edges only */
	RVI_FIELD_START,
	RVI_FIELD_END,
	RVI_FIELD_PROPERTIES
} RviFdwField;

typedef struct RviFdwTable
{
	RviFdwKind	kind;
	char	   *graph;			/* table option, or NULL */
	int			natts;
	RviFdwField *fields;		/* by attribute number - 1 */
} RviFdwTable;

typedef enum RviFdwOp
{
	RVI_OP_EQ,					/* field = value */
	RVI_OP_ANY,					/* field = ANY (value) */
	RVI_OP_CONTAINS,			/* labels @> value */
	RVI_OP_HAS					/* value = ANY (labels) */
} RviFdwOp;

typedef struct RviFdwCond
{
	RviFdwField field;
	RviFdwOp	op;
	Expr	   *value;			/* free of this table's columns, not volatile */
	Expr	   *clause;			/* the whole of it */
} RviFdwCond;

/* How the store finds the rows. */
typedef enum RviFdwAccess
{
	RVI_ACCESS_ALL,
	RVI_ACCESS_ID,
	RVI_ACCESS_LABEL,
	RVI_ACCESS_TYPE,
	RVI_ACCESS_START,
	RVI_ACCESS_END,
	RVI_ACCESS_BOTH
} RviFdwAccess;

/* fdw_option.c */
extern RviFdwTable *rvi_fdw_table(Oid relid);

/* fdw_shippable.c */
extern bool rvi_fdw_match_clause(PlannerInfo *root, const RviFdwTable *table, Index relid,
								 Expr *clause, RviFdwCond *cond);
extern bool rvi_fdw_match_column(const RviFdwTable *table, Index relid, Expr *expr,
								 RviFdwField *field);
extern RviFdwAccess rvi_fdw_choose_access(RviFdwKind kind, const bool *given);

/* Sizes of what the query's labels and types select; all graphs together. */
typedef struct RviFdwSizes
{
	double		rows;			/* of the whole table */
	double		pages;
	double		selected;		/* rows with the labels or types asked for */
	double		out_degree;		/* edges: with the types asked for */
	double		in_degree;
	int			ngraphs;
	Oid			biggest;		/* node or edge table of the biggest graph */
	double		biggest_rows;
} RviFdwSizes;

/* RelOptInfo.fdw_private */
typedef struct RviFdwRel
{
	RviFdwTable *table;
	RviFdwSizes sizes;
	bool		want_props;
	List	   *params;			/* ParamPathInfo */
} RviFdwRel;

/* fdw_plan.c */
extern void rvi_fdw_get_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern void rvi_fdw_get_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern ForeignScan *rvi_fdw_get_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid,
									 ForeignPath *path, List *tlist, List *clauses,
									 Plan *outer_plan);
extern List *rvi_fdw_plan_modify(PlannerInfo *root, ModifyTable *plan, Index relid, int subplan);

/* members of ForeignScan.fdw_private */
enum
{
	RVI_PRIVATE_FIELDS,			/* of the conditions, in the order of fdw_exprs */
	RVI_PRIVATE_OPS,
	RVI_PRIVATE_COLUMNS			/* attribute numbers that the query reads */
};

/* fdw_scan.c */
extern void rvi_fdw_begin_scan(ForeignScanState *node, int eflags);
extern TupleTableSlot *rvi_fdw_iterate_scan(ForeignScanState *node);
extern void rvi_fdw_rescan(ForeignScanState *node);
extern void rvi_fdw_end_scan(ForeignScanState *node);

/* fdw_explain.c */
extern void rvi_fdw_explain(ForeignScanState *node, struct ExplainState *es);

/* fdw_cond.c: the values of the conditions in one execution */
typedef struct RviFdwIdSet
{
	bool		given;
	int64	   *ids;			/* ascending, distinct */
	int			n;
} RviFdwIdSet;

typedef struct RviFdwNames
{
	bool		given;
	List	   *names;			/* C strings, distinct */
} RviFdwNames;

typedef struct RviFdwBound
{
	bool		no_rows;		/* some condition cannot hold */
	RviFdwIdSet id;
	RviFdwIdSet start;
	RviFdwIdSet end;
	RviFdwNames graph;			/* at most one name */
	RviFdwNames type;			/* one of these */
	RviFdwNames labels;			/* all of these */
} RviFdwBound;

extern void rvi_fdw_bind(RviFdwBound *bound, List *conds, List *states, ExprContext *econtext);
extern bool rvi_fdw_id_allowed(const RviFdwIdSet *set, int64 id);

#endif							/* FDW_INT_H */
