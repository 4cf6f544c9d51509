/*-------------------------------------------------------------------------
 *
 * cy_int.h
 *	  Declarations shared inside cypher/: errors, parser, semantic pass,
 *	  values, expressions. The plan and its operators are in cy_plan.h.
 *
 * A query lives in one memory context, from the syntax tree to the last row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CY_INT_H
#define CY_INT_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "cypher/cy_ast.h"
#include "engine/runtime/rv_runtime.h"

/* ---- errors (cy_error.c) ---- */

/* Error types of openCypher; each has an SQLSTATE, some details have their own. */
typedef enum CyErrorType
{
	CY_ERR_SYNTAX,
	CY_ERR_TYPE,
	CY_ERR_ARGUMENT,
	CY_ERR_ARITHMETIC,
	CY_ERR_PARAMETER_MISSING,
	CY_ERR_PROCEDURE,
	CY_ERR_ENTITY_NOT_FOUND
} CyErrorType;

/* Where no place in the text is to blame. */
#define CY_NO_LOC	((CyLoc) {-1, -1})

extern void rvi_cy_error(CyErrorType type, const char *detail, CyLoc loc, const char *format,...)
			pg_attribute_printf(4, 5) pg_attribute_noreturn();

/* The one way to refuse what is not there yet. */
extern void rvi_cy_unsupported(CyLoc loc, const char *construct) pg_attribute_noreturn();

/* For ereport: the position of a byte of the query text. */
extern int	rvi_cy_errposition(int byte);

/*
 * Error context callback, arg = the query's text: adds the text to errors
 * that carry a position and turns that into characters. It is pushed onto
 * error_context_stack for as long as the query is worked on.
 */
extern void rvi_cy_error_callback(void *arg);

/* ---- front end ---- */

/* cy_parse.c */
extern CyQuery *rvi_cy_parse(const char *text);

/* cy_semantic.c: checks and annotates; raises what is wrong or unsupported */
extern void rvi_cy_analyze(CyQuery *query);

/* ---- functions (cy_fn.c) ---- */

typedef struct CyExec CyExec;

typedef RvValue (*CyFunctionCall) (CyExec *exec, const CyFunction *call, const RvValue *args);

typedef enum CyAggregateKind
{
	CY_AGG_NONE,
	CY_AGG_COUNT,
	CY_AGG_SUM,
	CY_AGG_AVG,
	CY_AGG_MIN,
	CY_AGG_MAX,
	CY_AGG_COLLECT
} CyAggregateKind;

typedef struct CyFunctionInfo
{
	const char *name;			/* lower case */
	int			min_args;
	int			max_args;		/* -1: any number */
	CyTypes		args;			/* static: what each argument may be, NULL aside */
	CyTypes		result;
	bool		null_in_null_out;	/* any NULL argument makes NULL, call is not reached */
	CyFunctionCall call;		/* NULL for aggregates and coalesce, which stops early */
	CyAggregateKind aggregate;
} CyFunctionInfo;

/* By name, case-insensitively; NULL when there is none. */
extern const CyFunctionInfo *rvi_cy_function_find(const char *name);

/* ---- values (cy_value.c) ---- */

extern RvValue rvi_cy_null(void);
extern RvValue rvi_cy_bool(bool value);
extern RvValue rvi_cy_int(int64 value);
extern RvValue rvi_cy_float(double value);
extern RvValue rvi_cy_string(const char *bytes, int length);
extern const char *rvi_cy_type_name(RvValueType type);
extern const char *rvi_cy_type_noun(RvValueType type);

/* Deep copy into CurrentMemoryContext. */
extern RvValue rvi_cy_value_copy(const RvValue *value);

/* Flat form, for tuple stores: write appends, read advances the cursor (results are palloc'd). */
extern void rvi_cy_value_write(StringInfo out, const RvValue *value);
extern RvValue rvi_cy_value_read(const char **cursor);

/* A slot's value, or any, as jsonb, under the snapshot and graph of exec. */
extern void rvi_cy_slot_to_jsonb(CyExec *exec, JsonbParseState **state, int slot);
extern void rvi_cy_value_to_jsonb(CyExec *exec, JsonbParseState **state, JsonbIteratorToken kind,
								  const RvValue *value);

/* ---- order (cy_order.c) ---- */

/* Three-valued results. */
typedef enum CyTruth
{
	CY_FALSE = 0,
	CY_TRUE = 1,
	CY_UNKNOWN = 2
} CyTruth;

extern CyTruth rvi_cy_value_equals(const RvValue *a, const RvValue *b);

/* a op b for <, <=, >, >= */
extern CyTruth rvi_cy_value_compare(CyOp op, const RvValue *a, const RvValue *b);

/* int64 against double, exactly; b is not NaN. */
extern int	rvi_cy_compare_numbers(const RvValue *a, const RvValue *b);

/*
 * Appends bytes whose memcmp order is Cypher's orderability and whose
 * equality is its equivalence. No key is a prefix of another.
 */
extern void rvi_cy_order_key(StringInfo out, const RvValue *value, bool descending);

/* ---- evaluation (cy_expr.c) ---- */

/*
 * What a slot's node or relationship looks like in the graph, kept while the
 * slot holds the same id. The row's memory is the cache's own.
 */
typedef struct CyEntity
{
	MemoryContext context;		/* NULL until first used */
	RvValueType type;			/* RV_VAL_NULL: nothing kept */
	int64		id;
	bool		found;
	bool		has_props;
	RvNode		node;
	RvEdge		edge;
} CyEntity;

typedef struct CyParamValue
{
	const char *name;
	RvValue		value;
} CyParamValue;

/* State of one execution. */
struct CyExec
{
	MemoryContext context;		/* lives as long as the execution */
	RvGraph		graph;
	Snapshot	snapshot;		/* for reads of the current clause; on the active stack */
	int			npushed;		/* snapshots that this execution pushed */
	int			nslots;
	RvValue    *row;			/* the current row, by slot */
	CyEntity   *entities;		/* by slot */
	CyParamValue *params;
	int			nparams;
};

/* Value of an expression over exec->row; in CurrentMemoryContext or owned by the row. */
extern RvValue rvi_cy_eval(CyExec *exec, const CyNode *expr);

/* Truth of a predicate; raises when the value is neither boolean nor null. */
extern CyTruth rvi_cy_eval_predicate(CyExec *exec, const CyNode *expr);

/* The node or relationship in a slot, or that expr's value is, read if need be. */
extern const CyEntity *rvi_cy_entity_at(CyExec *exec, int slot, bool want_props);
extern const CyEntity *rvi_cy_entity(CyExec *exec, const CyNode *expr, const RvValue *value,
									 bool want_props);

/* Reads it, whatever is kept; raises DeletedEntityAccess when it is gone. */
extern void rvi_cy_entity_read(CyExec *exec, const RvValue *value, bool want_props,
							   CyEntity *entity);

extern const CyParamValue *rvi_cy_param_find(const CyExec *exec, const char *name);

/* All properties as a map, keys in the order of their names. */
extern RvValue rvi_cy_properties(CyExec *exec, const RvProps *props);

/* Arithmetic (cy_number.c); loc is for errors. */
extern RvValue rvi_cy_arithmetic(CyOp op, const RvValue *a, const RvValue *b, CyLoc loc);

#endif							/* CY_INT_H */
