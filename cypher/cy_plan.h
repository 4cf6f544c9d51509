/*-------------------------------------------------------------------------
 *
 * cy_plan.h
 *	  Plans and the operators that run them.
 *
 * A plan is a chain: each step takes the rows of its input, in order, and
 * adds what it binds to the row's slots. There is one row, exec->row; a step
 * that has bound its slots returns true, and whoever is above reads them. A
 * step that must see all of its input first (sort, aggregate, create) puts
 * the slots that are still needed into a store and takes them out again.
 *
 * Memory: a step's values live in its own context, reset when it moves to its
 * next row, so that they stay while steps above it run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CY_PLAN_H
#define CY_PLAN_H

#include "executor/tuptable.h"
#include "nodes/bitmapset.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

#include "cypher/cy_int.h"

typedef enum CyPlanKind
{
	CY_PLAN_START,				/* one row with nothing bound */
	CY_PLAN_ARGUMENT,			/* the row of the enclosing CY_PLAN_OPTIONAL */
	CY_PLAN_NODE_SCAN,			/* slot: all nodes, or those with labels */
	CY_PLAN_NODE_SEEK,			/* slot: the node whose id is expr */
	CY_PLAN_NODE_CHECK,			/* slot, bound before: a node, else no row */
	CY_PLAN_EXPAND,				/* rel_slot, to_slot: relationships at from_slot */
	CY_PLAN_REL_ENDS,			/* from_slot, to_slot: the ends of rel_slot, bound before */
	CY_PLAN_PATH,				/* slot: the path over slots */
	CY_PLAN_FILTER,				/* exprs, all of them true */
	CY_PLAN_OPTIONAL,			/* inner, or one row with slots null */
	CY_PLAN_UNWIND,				/* slot: each element of expr */
	CY_PLAN_PROJECT,			/* items: their slots from their expressions */
	CY_PLAN_AGGREGATE,			/* slots: grouping keys; aggregates */
	CY_PLAN_DISTINCT,			/* slots that make a row */
	CY_PLAN_SORT,				/* order; slots are kept */
	CY_PLAN_LIMIT,				/* skip, limit; NULL for none */
	CY_PLAN_CREATE,				/* patterns; slots are kept */
	CY_PLAN_UNION				/* parts; slots are the columns */
} CyPlanKind;

/* One part of a UNION: its plan, and its columns' slots in order. */
typedef struct CyUnionPart
{
	struct CyPlan *plan;
	List	   *slots;
} CyUnionPart;

typedef struct CyPlan
{
	CyPlanKind	kind;
	struct CyPlan *input;		/* NULL for leaves */
	struct CyPlan *inner;		/* OPTIONAL */
	double		rows;			/* estimate */
	const char *name;			/* for EXPLAIN: the variable, or NULL */
	int			slot;
	List	   *slots;			/* integer list */
	List	   *labels;			/* NODE_SCAN: char * */
	List	   *types;			/* EXPAND, REL_ENDS: char * */
	RvDirection direction;		/* EXPAND, REL_ENDS: seen from from_slot */
	int			from_slot;
	int			rel_slot;
	int			to_slot;
	bool		into;			/* EXPAND: to_slot is bound */
	bool		from_bound;		/* REL_ENDS */
	bool		to_bound;		/* REL_ENDS */
	bool		want_props;		/* scans: somebody will read properties of slot or rel_slot */
	List	   *unique;			/* slots of relationships that rel_slot must differ from */
	CyNode	   *expr;
	List	   *exprs;
	List	   *items;			/* CyItem */
	List	   *aggregates;		/* CyAggregate */
	List	   *order;			/* CySortKey */
	CyNode	   *skip;
	CyNode	   *limit;
	bool		writes_below;	/* LIMIT: a step below writes, and must run whatever the limit is */
	int64		bound_hint;		/* SORT: constant rows wanted, or -1 (a literal LIMIT above) */
	List	   *patterns;		/* CREATE: CyPathPattern */
	List	   *parts;			/* UNION: CyUnionPart */
} CyPlan;

/* cy_plan.c */
typedef struct CyPlanned
{
	CyPlan	   *plan;
	List	   *names;			/* of the columns, NIL when nothing is returned */
	List	   *slots;			/* of the columns */
	int			nslots;
} CyPlanned;

extern void rvi_cy_plan(CyQuery *query, RvGraph graph, CyPlanned *planned);

/* State while planning. */
typedef struct CyPlanner
{
	RvGraph		graph;
	CyPlan	   *plan;			/* top of the chain so far */
	Bitmapset  *bound;			/* slots bound by it */
	Bitmapset  *read;			/* slots whose entity is looked into, anywhere in the query */
	int			nslots;
} CyPlanner;

extern CyPlan *rvi_cy_plan_step(CyPlanner *planner, CyPlanKind kind, double rows);

/* Adds a filter, merged into one that is already on top. */
extern void rvi_cy_plan_filter(CyPlanner *planner, CyNode *expr, double selectivity);

/* Token ids of names; false when one was never used, so that nothing can match. */
extern bool rvi_cy_tokens(RvGraph graph, RvTokenKind kind, List *names, int32 *ids, int *n,
						  bool all);

/* cy_plan_match.c */
extern void rvi_cy_plan_match(CyPlanner *planner, CyMatch *match);

/* cy_explain.c: one line per step, the last step first */
extern List *rvi_cy_explain(const CyPlanned *planned, const char *text);

/* ---- execution ---- */

typedef struct CyStep CyStep;

struct CyStep
{
	const CyPlan *plan;
	CyExec	   *exec;
	CyStep	   *input;
	MemoryContext context;		/* values of the step's current row */
	bool		(*next) (CyStep *step);
	void		(*end) (CyStep *step);	/* or NULL */
	void	   *state;			/* of the kind */
};

/* cy_exec.c */
extern CyStep *rvi_cy_step_make(CyExec *exec, const CyPlan *plan);
extern bool rvi_cy_step_next(CyStep *step);
extern void rvi_cy_step_end(CyStep *step);

/* Makes this transaction's writes visible to what the query reads from now on. */
extern void rvi_cy_exec_advance(CyExec *exec);

/* Runs a plan; calls emit for every row. Snapshot and graph are the caller's. */
typedef void (*CyEmit) (CyExec *exec, void *arg);
extern void rvi_cy_exec_run(CyExec *exec, const CyPlanned *planned, CyEmit emit, void *arg);

/* initialisers by kind: set next, end and state */
extern void rvi_cy_init_node_scan(CyStep *step);
extern void rvi_cy_init_node_seek(CyStep *step);
extern void rvi_cy_init_node_check(CyStep *step);
extern void rvi_cy_init_expand(CyStep *step);
extern void rvi_cy_init_rel_ends(CyStep *step);
extern void rvi_cy_init_path(CyStep *step);
extern void rvi_cy_init_aggregate(CyStep *step);
extern void rvi_cy_init_distinct(CyStep *step);
extern void rvi_cy_init_sort(CyStep *step);
extern void rvi_cy_init_create(CyStep *step);

/* ---- rows put aside (cy_exec_row.c) ---- */

/* The given slots of the current row in flat form, and back (palloc'd). */
extern void rvi_cy_row_write(CyExec *exec, List *slots, StringInfo out);
extern void rvi_cy_row_read(CyExec *exec, List *slots, const char *flat);

/* Rows in order, on disk beyond work_mem. */
typedef struct CyRowStore
{
	MemoryContext context;
	Tuplestorestate *store;
	TupleTableSlot *slot;
	StringInfoData buffer;
} CyRowStore;

extern CyRowStore *rvi_cy_rowstore_make(void);
extern void rvi_cy_rowstore_put(CyRowStore *store, CyExec *exec, List *slots);
extern bool rvi_cy_rowstore_get(CyRowStore *store, CyExec *exec, List *slots);
extern void rvi_cy_rowstore_end(CyRowStore *store);

/* Rows in the order of a key's bytes, on disk beyond work_mem. */
typedef struct CyRowSort
{
	Tuplesortstate *sort;
	TupleTableSlot *slot;
} CyRowSort;

extern CyRowSort *rvi_cy_rowsort_make(int64 bound);
extern void rvi_cy_rowsort_put(CyRowSort *sort, const char *key, int keylen, const char *row,
							   int rowlen);
extern void rvi_cy_rowsort_perform(CyRowSort *sort);

/* Pointers are valid until the next call. */
extern bool rvi_cy_rowsort_get(CyRowSort *sort, const char **key, int *keylen, const char **row);
extern void rvi_cy_rowsort_end(CyRowSort *sort);

/* A set of byte strings in memory, with room for extra bytes at each. */
typedef struct CyKeySet CyKeySet;

/* Bytes that hashing may take: work_mem * hash_mem_multiplier. */
extern CyKeySet *rvi_cy_keyset_make(Size entry_extra);

/* Finds a key, or adds it unless the set is full; NULL when full and not there. */
extern void *rvi_cy_keyset_enter(CyKeySet *set, const char *key, int keylen, bool *found);
extern MemoryContext rvi_cy_keyset_context(CyKeySet *set);
extern bool rvi_cy_keyset_full(CyKeySet *set);
extern void *rvi_cy_keyset_first(CyKeySet *set);
extern void *rvi_cy_keyset_next(CyKeySet *set);
extern void rvi_cy_keyset_reset(CyKeySet *set);
extern void rvi_cy_keyset_end(CyKeySet *set);

#endif							/* CY_PLAN_H */
