/*-------------------------------------------------------------------------
 *
 * cy_ast.h
 *	  Syntax tree of a Cypher query.
 *
 * The grammar builds it, the semantic pass annotates it in place (members
 * marked "semantic"), the planner and the evaluator read it. Every node is
 * palloc'd in the query's context and carries the byte range of its source
 * text, from which error positions and the names of unaliased columns come.
 * Lists are PostgreSQL Lists of node pointers; names are C strings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CY_AST_H
#define CY_AST_H

#include "nodes/pg_list.h"

#include "engine/graph/rv_graph.h"

/* Byte range [start, end) of the query text; bison's location type. */
typedef struct CyLoc
{
	int			start;
	int			end;
} CyLoc;

typedef enum CyTag
{
	/* expressions */
	CY_LITERAL,
	CY_PARAM,
	CY_VARIABLE,
	CY_PROPERTY,
	CY_INDEX,
	CY_SLICE,
	CY_HAS_LABELS,
	CY_UNARY,
	CY_BINARY,
	CY_COMPARE,
	CY_FUNCTION,
	CY_CASE,
	CY_LIST,
	CY_MAP,
	CY_LIST_COMP,
	CY_PATTERN_COMP,
	CY_QUANTIFIER,
	CY_REDUCE,
	CY_PATTERN_EXPR,
	CY_EXISTS,
	CY_MAP_PROJECTION,

	/* patterns */
	CY_NODE_PATTERN,
	CY_REL_PATTERN,
	CY_PATH_PATTERN,

	/* clauses and their parts */
	CY_MATCH,
	CY_UNWIND,
	CY_PROJECTION,
	CY_ITEM,
	CY_SORT_KEY,
	CY_CREATE,
	CY_MERGE,
	CY_MERGE_ACTION,
	CY_SET,
	CY_SET_ITEM,
	CY_REMOVE,
	CY_DELETE,
	CY_CALL,
	CY_SUBQUERY,
	CY_FOREACH,
	CY_SINGLE_QUERY,
	CY_QUERY
} CyTag;

/* What every node begins with. */
typedef struct CyNode
{
	CyTag		tag;
	CyLoc		loc;
} CyNode;

/* Sets of value types, for static checks: a bit per RvValueType. */
typedef uint32 CyTypes;

#define CY_T(type)		((CyTypes) 1 << (type))
#define CY_T_NULL		CY_T(RV_VAL_NULL)
#define CY_T_BOOL		CY_T(RV_VAL_BOOL)
#define CY_T_INT		CY_T(RV_VAL_INT)
#define CY_T_FLOAT		CY_T(RV_VAL_FLOAT)
#define CY_T_STRING		CY_T(RV_VAL_STRING)
#define CY_T_LIST		CY_T(RV_VAL_LIST)
#define CY_T_MAP		CY_T(RV_VAL_MAP)
#define CY_T_NODE		CY_T(RV_VAL_NODE)
#define CY_T_EDGE		CY_T(RV_VAL_EDGE)
#define CY_T_PATH		CY_T(RV_VAL_PATH)
#define CY_T_NUMBER		(CY_T_INT | CY_T_FLOAT)
#define CY_T_ENTITY		(CY_T_NODE | CY_T_EDGE)
#define CY_T_ANY		(CY_T(RV_VAL_PATH + 1) - 1)

/* ---- expressions ---- */

typedef struct CyLiteral
{
	CyNode		node;
	RvValue		value;
	bool		int_min;		/* 9223372036854775808, legal only under unary minus */
} CyLiteral;

typedef struct CyParam
{
	CyNode		node;
	const char *name;
} CyParam;

typedef struct CyVariable
{
	CyNode		node;
	const char *name;
	int			slot;			/* semantic */
	CyTypes		types;			/* semantic: what it can hold */
} CyVariable;

typedef struct CyProperty
{
	CyNode		node;
	CyNode	   *object;
	const char *key;
	int32		token;			/* evaluator's cache: the key's id in the graph once known */
} CyProperty;

typedef struct CyIndex
{
	CyNode		node;
	CyNode	   *object;
	CyNode	   *index;
} CyIndex;

typedef struct CySlice
{
	CyNode		node;
	CyNode	   *object;
	CyNode	   *from;			/* or NULL */
	CyNode	   *to;				/* or NULL */
} CySlice;

/* n:A:B; on a relationship, its type */
typedef struct CyHasLabels
{
	CyNode		node;
	CyNode	   *object;
	List	   *labels;			/* char * */
} CyHasLabels;

typedef enum CyOp
{
	/* unary */
	CY_OP_NOT,
	CY_OP_PLUS,
	CY_OP_MINUS,
	CY_OP_IS_NULL,
	CY_OP_IS_NOT_NULL,
	/* binary */
	CY_OP_OR,
	CY_OP_XOR,
	CY_OP_AND,
	CY_OP_ADD,
	CY_OP_SUB,
	CY_OP_MUL,
	CY_OP_DIV,
	CY_OP_MOD,
	CY_OP_POW,
	CY_OP_IN,
	CY_OP_STARTS_WITH,
	CY_OP_ENDS_WITH,
	CY_OP_CONTAINS,
	CY_OP_REGEX,
	/* comparisons */
	CY_OP_EQ,
	CY_OP_NE,
	CY_OP_LT,
	CY_OP_LE,
	CY_OP_GT,
	CY_OP_GE
} CyOp;

typedef struct CyUnary
{
	CyNode		node;
	CyOp		op;
	CyNode	   *arg;
} CyUnary;

typedef struct CyBinary
{
	CyNode		node;
	CyOp		op;
	CyNode	   *left;
	CyNode	   *right;
} CyBinary;

/* a < b <= c: operands a, b, c; ops <, <=. Means a < b AND b <= c. */
typedef struct CyCompare
{
	CyNode		node;
	List	   *operands;
	List	   *ops;			/* integer list of CyOp */
} CyCompare;

typedef struct CyFunction
{
	CyNode		node;
	const char *name;			/* as written, dots included */
	bool		distinct;
	bool		star;			/* count(*) */
	List	   *args;
	const struct CyFunctionInfo *info;	/* semantic */
} CyFunction;

typedef struct CyCase
{
	CyNode		node;
	CyNode	   *test;			/* or NULL */
	List	   *whens;
	List	   *thens;
	CyNode	   *otherwise;		/* or NULL */
} CyCase;

typedef struct CyListExpr
{
	CyNode		node;
	List	   *items;
} CyListExpr;

typedef struct CyMapExpr
{
	CyNode		node;
	List	   *keys;			/* char * */
	List	   *values;
} CyMapExpr;

/* [variable IN list WHERE filter | result] */
typedef struct CyListComp
{
	CyNode		node;
	CyVariable *variable;
	CyNode	   *list;
	CyNode	   *filter;			/* or NULL */
	CyNode	   *result;			/* or NULL: the element itself */
} CyListComp;

/* [path = pattern WHERE filter | result] */
typedef struct CyPatternComp
{
	CyNode		node;
	struct CyPathPattern *pattern;
	CyNode	   *filter;			/* or NULL */
	CyNode	   *result;
} CyPatternComp;

typedef enum CyQuantifierKind
{
	CY_ALL,
	CY_ANY,
	CY_NONE,
	CY_SINGLE
} CyQuantifierKind;

typedef struct CyQuantifier
{
	CyNode		node;
	CyQuantifierKind kind;
	CyVariable *variable;
	CyNode	   *list;
	CyNode	   *filter;
} CyQuantifier;

typedef struct CyReduce
{
	CyNode		node;
	CyVariable *accumulator;
	CyNode	   *initial;
	CyVariable *variable;
	CyNode	   *list;
	CyNode	   *result;
} CyReduce;

/* A pattern where a boolean is expected. */
typedef struct CyPatternExpr
{
	CyNode		node;
	struct CyPathPattern *pattern;
} CyPatternExpr;

/* EXISTS { patterns WHERE filter } or EXISTS { query } */
typedef struct CyExists
{
	CyNode		node;
	List	   *patterns;
	CyNode	   *filter;
	struct CyQuery *query;		/* or NULL */
} CyExists;

/* variable {.key, .*, key: expression, other} */
typedef struct CyMapProjection
{
	CyNode		node;
	CyVariable *variable;
	bool		all_properties;
	List	   *keys;			/* char * */
	List	   *values;			/* NULL: the property of that name */
} CyMapProjection;

/* ---- patterns ---- */

typedef struct CyNodePattern
{
	CyNode		node;
	CyVariable *variable;		/* or NULL */
	List	   *labels;			/* char * */
	CyNode	   *properties;		/* CyMapExpr, CyParam or NULL */
	int			slot;			/* semantic */
	bool		bound;			/* semantic: bound before this clause or earlier in it */
	bool		uses_own;		/* semantic, CREATE: properties use what the clause makes */
} CyNodePattern;

typedef struct CyRelPattern
{
	CyNode		node;
	CyVariable *variable;		/* or NULL */
	List	   *types;			/* char * */
	CyNode	   *properties;		/* CyMapExpr, CyParam or NULL */
	RvDirection direction;		/* as written, left to right */
	bool		var_length;
	int64		min_hops;		/* -1: not given */
	int64		max_hops;		/* -1: not given */
	int			slot;			/* semantic */
	bool		bound;			/* semantic: bound before this clause */
	bool		uses_own;		/* semantic, CREATE: properties use what the clause makes */
} CyRelPattern;

typedef enum CyPathKind
{
	CY_PATH_PLAIN,
	CY_PATH_SHORTEST,
	CY_PATH_ALL_SHORTEST
} CyPathKind;

typedef struct CyPathPattern
{
	CyNode		node;
	CyPathKind	kind;
	CyVariable *variable;		/* or NULL */
	List	   *elements;		/* node, rel, node, ... */
} CyPathPattern;

/* ---- clauses ---- */

typedef struct CyMatch
{
	CyNode		node;
	bool		optional;
	List	   *patterns;		/* CyPathPattern */
	CyNode	   *where;			/* or NULL */
} CyMatch;

typedef struct CyUnwind
{
	CyNode		node;
	CyNode	   *list;
	CyVariable *variable;
} CyUnwind;

typedef struct CyItem
{
	CyNode		node;
	CyNode	   *expr;
	const char *name;			/* alias, variable name or source text */
	bool		aliased;
	int			slot;			/* semantic: where the value is put */
	bool		computed;		/* semantic: false = already in its slot */
	bool		aggregated;		/* semantic: holds an aggregate */
	CyTypes		types;			/* semantic: what it can be */
} CyItem;

typedef struct CySortKey
{
	CyNode		node;
	CyNode	   *expr;
	bool		descending;
} CySortKey;

/* One aggregate of a projection; made by the semantic pass. */
typedef struct CyAggregate
{
	const struct CyFunctionInfo *info;
	CyNode	   *arg;			/* NULL: count(*) */
	bool		distinct;
	int			slot;			/* of the result */
} CyAggregate;

/* WITH and RETURN */
typedef struct CyProjection
{
	CyNode		node;
	bool		is_return;
	bool		distinct;
	bool		star;
	List	   *items;			/* CyItem; semantic: star expanded, in front */
	List	   *order;			/* CySortKey */
	CyNode	   *skip;			/* or NULL */
	CyNode	   *limit;			/* or NULL */
	CyNode	   *where;			/* or NULL */
	bool		aggregating;	/* semantic */
	List	   *aggregates;		/* semantic: CyAggregate */
} CyProjection;

typedef struct CyCreate
{
	CyNode		node;
	List	   *patterns;		/* CyPathPattern */
	List	   *live;			/* semantic: slots visible after it, integer list */
} CyCreate;

typedef struct CyMerge
{
	CyNode		node;
	CyPathPattern *pattern;
	List	   *actions;		/* CyMergeAction */
} CyMerge;

typedef struct CyMergeAction
{
	CyNode		node;
	bool		on_create;		/* else on match */
	List	   *items;			/* CySetItem */
} CyMergeAction;

typedef struct CySet
{
	CyNode		node;
	List	   *items;
} CySet;

typedef enum CySetKind
{
	CY_SET_PROPERTY,			/* n.key = value */
	CY_SET_REPLACE,				/* n = value */
	CY_SET_MERGE,				/* n += value */
	CY_SET_LABELS				/* n:A:B, target is a CyHasLabels */
} CySetKind;

typedef struct CySetItem
{
	CyNode		node;
	CySetKind	kind;
	CyNode	   *target;
	CyNode	   *value;
} CySetItem;

typedef struct CyRemove
{
	CyNode		node;
	List	   *items;			/* CyProperty or CyHasLabels */
} CyRemove;

typedef struct CyDelete
{
	CyNode		node;
	bool		detach;
	List	   *exprs;
} CyDelete;

typedef struct CyCall
{
	CyNode		node;
	const char *procedure;		/* dots included */
	bool		implicit_args;	/* no parentheses */
	List	   *args;
	bool		yield_star;
	List	   *yield;			/* CyItem: expr is a CyVariable naming the field */
	CyNode	   *where;
} CyCall;

/* CALL { query } */
typedef struct CySubquery
{
	CyNode		node;
	struct CyQuery *query;
} CySubquery;

typedef struct CyForeach
{
	CyNode		node;
	CyVariable *variable;
	CyNode	   *list;
	List	   *clauses;
} CyForeach;

typedef struct CySingleQuery
{
	CyNode		node;
	List	   *clauses;
} CySingleQuery;

typedef struct CyQuery
{
	CyNode		node;
	List	   *parts;			/* CySingleQuery */
	List	   *union_all;		/* integer list: the i-th UNION between parts says ALL */
	int			nslots;			/* semantic */
	bool		writes;			/* semantic */
	List	   *params;			/* semantic: CyParam, every use */
	List	   *columns;		/* semantic: char * names of the result, NIL if none */
} CyQuery;

#define CY_NODE(ptr)	((CyNode *) (ptr))

/* cy_ast.c */
extern void *rvi_cy_make(Size size, CyTag tag, CyLoc loc);
#define cy_make(type, tag, loc) ((type *) rvi_cy_make(sizeof(type), (tag), (loc)))

/*
 * Calls visit for each child expression of an expression; the visitor may
 * replace the child through its pointer. Children of patterns (property maps)
 * count; a nested query's do not.
 */
typedef void (*CyVisitor) (CyNode **child, void *arg);
extern void rvi_cy_visit_children(CyNode *node, CyVisitor visit, void *arg);

/* Same shape, names and constants, whatever the source text looks like. */
extern bool rvi_cy_equal(const CyNode *a, const CyNode *b);

#endif							/* CY_AST_H */
