/*-------------------------------------------------------------------------
 *
 * advice_rules.c
 *	  What keeps an ORDER BY over a distance from an index, rule by rule.
 *
 * First the query's form, then the table's indexes, then the planner's
 * choice; a rule speaks only where it knows that an index is missed, or
 * that an index scan will not bring what is asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/advice_int.h"

#define RULES_TEXT 60			/* a longer query vector is not repeated */
#define RULES_SMALL 1000		/* rows that are sorted as fast as searched */
#define RULES_UNKNOWN -1		/* LIMIT that is no constant */

/* One site with what was found out about it. */
typedef struct Rules
{
	AdviceContext *context;
	const AdviceSite *site;
	const AdviceDistance *distance;
	const char *table;			/* qualified as the search path demands */
	const char *from;			/* the same with the query's alias */
	const char *column;			/* SQL of the table's side */
	const char *vector;			/* SQL of the other side */
	const char *order;			/* column op vector */
	double		limit;			/* 0: none */
	double		tuples;			/* of the table, as last counted */
	List	   *indexes;		/* of AdviceIndex */
} Rules;

/* ---- SQL ---- */

static bool
rules_has_source_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	return IsA(node, Var) || IsA(node, SubLink) || IsA(node, Query) || IsA(node, Aggref) ||
		expression_tree_walker(node, rules_has_source_walker, arg);
}

/* The query vector as SQL, or a word for it. */
static const char *
rules_vector_sql(Node *vector)
{
	const char *text;

	if (rules_has_source_walker(vector, NULL))
		return "query_vector";
	text = deparse_expression(vector, NIL, false, false);
	return strlen(text) <= RULES_TEXT ? text : "query_vector";
}

static const char *
rules_column_sql(const Rules *rules, Node *column)
{
	return deparse_expression(column, deparse_context_for(rules->distance->alias,
														  rules->distance->relid),
							  list_length(rules->site->query->rtable) > 1, false);
}

static const char *
rules_order_sql(const char *column, Oid op, const char *vector)
{
	return psprintf("%s %s %s", column, get_opname(op), vector);
}

/* ORDER BY in its plain form, with the query's LIMIT. */
static const char *
rules_plain_order(const Rules *rules)
{
	if (rules->limit > 0)
		return psprintf("ORDER BY %s LIMIT %.0f", rules->order, rules->limit);
	return psprintf("ORDER BY %s LIMIT k", rules->order);
}

static const char *
rules_table_sql(Oid relid)
{
	if (RelationIsVisible(relid))
		return quote_identifier(get_rel_name(relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* CREATE INDEX for the site's operator over the given key. */
static const char *
rules_create_index(const Rules *rules, const char *key, bool is_column)
{
	const AdviceClass *opclass = rules->distance->opclass;

	return psprintf(is_column ? "CREATE INDEX ON %s USING %s (%s %s)" :
					"CREATE INDEX ON %s USING %s ((%s) %s)",
					rules->table, opclass->method, key, opclass->name);
}

/* ---- numbers ---- */

static double
rules_limit(const Query *query)
{
	Node	   *limit = query->limitCount;

	if (limit == NULL)
		return 0;
	limit = eval_const_expressions(NULL, copyObject(limit));
	if (!IsA(limit, Const))
		return RULES_UNKNOWN;
	return ((Const *) limit)->constisnull ? 0 : DatumGetInt64(((Const *) limit)->constvalue);
}

/* Rows of a table or index as pg_class has them; -1: never counted. */
static double
rules_tuples(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		result = -1;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* ---- the query's form ---- */

/* Something must be sorted or grouped between the scan and the ORDER BY. */
static bool
rules_judge_level(Rules *rules)
{
	const Query *query = rules->site->query;

	if (rules->site->is_window)
		rvi_advice_emit(rules->context, "warning", rules_plain_order(rules),
						"a window is ordered by %s: a window function reads every row",
						rules->order);
	else if (query->hasAggs || query->groupClause != NIL || query->groupingSets != NIL ||
			 query->distinctClause != NIL || query->hasWindowFuncs || query->setOperations != NULL)
		rvi_advice_emit(rules->context, "warning",
						psprintf("SELECT ... FROM (SELECT * FROM %s %s) nearest ...",
								 rules->from, rules_plain_order(rules)),
						"the rows are grouped, made distinct or combined before they are ordered by %s",
						rules->order);
	else
		return false;
	return true;
}

/* Expressions, functions and directions. */
static bool
rules_judge_key(Rules *rules)
{
	const AdviceSite *site = rules->site;
	const AdviceDistance *distance = rules->distance;
	int			direction = distance->direction * (site->descending ? -1 : 1);
	bool		found = true;

	if (distance->wrapped && direction > 0)
		rvi_advice_emit(rules->context, "warning", rules_plain_order(rules),
						"the ORDER BY key is an expression around %s; the distance alone, ascending, is the same order",
						rules->order);
	else if (distance->wrapped && direction == 0)
		rvi_advice_emit(rules->context, "warning",
						psprintf("SELECT * FROM (SELECT * FROM %s %s) nearest ORDER BY ...",
								 rules->from, rules_plain_order(rules)),
						"the ORDER BY key is an expression around %s: take the nearest rows first, then order them by it",
						rules->order);
	else if (direction < 0)
		rvi_advice_emit(rules->context, "warning", rules_plain_order(rules),
						"farthest rows first: an index returns the nearest first, by %s ascending",
						rules->order);
	else if (distance->by_function)
		rvi_advice_emit(rules->context, "warning", rules_plain_order(rules),
						"an index orders by the operator %s, not by calls of its function",
						get_opname(distance->op));
	else if (site->nulls_first)
		rvi_advice_emit(rules->context, "warning", rules_plain_order(rules),
						"NULLS FIRST: an index has no rows without a vector");
	else
		found = false;
	return found;
}

/* The query vector must be there before the scan starts. */
static bool
rules_judge_vector(Rules *rules)
{
	if (rules->distance->same_row)
		rvi_advice_emit(rules->context, "warning", NULL,
						"both sides of %s come from the same row: no index can order by it",
						get_opname(rules->distance->op));
	else if (rules->distance->from_sibling)
		rvi_advice_emit(rules->context, "warning",
						psprintf("... CROSS JOIN LATERAL (SELECT * FROM %s %s) nearest",
								 rules->from, rules_plain_order(rules)),
						"both sides of %s come from the same FROM list: an index needs a query vector that is known when its scan starts",
						get_opname(rules->distance->op));
	else if (contain_volatile_functions(rules->distance->vector))
		rvi_advice_emit(rules->context, "warning",
						psprintf("ORDER BY %s", rules_order_sql(rules->column, rules->distance->op,
																psprintf("(SELECT %s)", rules->vector))),
						"the query vector is made by a volatile function, which may differ for every row: compute it once, in a subquery, or declare the function STABLE");
	else
		return false;
	return true;
}

static bool
rules_judge_form(Rules *rules)
{
	bool		found = rules_judge_level(rules) || rules_judge_key(rules);

	found |= rules_judge_vector(rules);
	if (rules->site->keys > 1 && !rules->site->is_window)
	{
		rvi_advice_emit(rules->context, "warning",
						psprintf("SELECT * FROM (SELECT * FROM %s %s) nearest ORDER BY ...",
								 rules->from, rules_plain_order(rules)),
						"ORDER BY has %d keys: an index orders by the distance alone",
						rules->site->keys);
		found = true;
	}
	if (rules->limit == 0 && !rules->site->is_window)
	{
		rvi_advice_emit(rules->context, "warning", rules_plain_order(rules),
						"there is no LIMIT: all rows are wanted, and sorting them is cheaper than an index");
		found = true;
	}
	return found;
}

/* ---- the table's indexes ---- */

/* An expression without the casts around it. */
static Node *
rules_strip_casts(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->args != NIL &&
				 (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CAST ||
				  ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST))
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

static void
rules_advise_creation(Rules *rules)
{
	const AdviceDistance *distance = rules->distance;
	const AdviceClass *opclass = distance->opclass;
	const char *dims = "N";
	const char *column = deparse_expression(distance->column,
											deparse_context_for("", distance->relid), false, false);
	bool		is_column = IsA(distance->column, Var);
	const char *severity = rules->tuples >= 0 && rules->tuples < RULES_SMALL ? "info" : "warning";

	if (exprTypmod(distance->column) >= 0)
	{
		rvi_advice_emit(rules->context, severity, rules_create_index(rules, column, is_column),
						"table %s has no index on %s", rules->table, column);
		return;
	}
	if (IsA(distance->vector, Const) && !((Const *) distance->vector)->constisnull &&
		exprType(distance->vector) == opclass->type)
		dims = psprintf("%d", opclass->desc->dim(((Const *) distance->vector)->constvalue));
	rvi_advice_emit(rules->context, severity,
					is_column ?
					psprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s(%s); %s", rules->table, column,
							 format_type_be(opclass->type), dims,
							 rules_create_index(rules, column, true)) :
					rules_create_index(rules, psprintf("%s::%s(%s)", column,
													   format_type_be(opclass->type), dims), false),
					"table %s has no index on %s, whose dimensions an index must be told",
					rules->table, column);
}

/* An index of the column under another cast than the query's. */
static void
rules_advise_cast(Rules *rules, const AdviceIndex *index)
{
	const AdviceDistance *distance = rules->distance;
	const AdviceClass *opclass = index->opclass;
	const char *key = rules_column_sql(rules, index->key);
	const char *vector = rules->vector;

	if (exprType(distance->vector) != opclass->type)
		vector = psprintf("(%s)::%s", vector, format_type_be(opclass->type));
	rvi_advice_emit(rules->context, "warning",
					psprintf("ORDER BY %s",
							 rules_order_sql(IsA(index->key, Var) ? key : psprintf("(%s)", key),
											 opclass->op, vector)),
					"index %s is over %s, the query orders by %s of type %s",
					get_rel_name(index->relid), key, rules->column,
					format_type_be(exprType(distance->column)));
}

/* Indexes that are made of the column, but not for this ORDER BY. */
static void
rules_advise_others(Rules *rules)
{
	const AdviceIndex *same_key = NULL;
	const AdviceIndex *same_column = NULL;
	ListCell   *cell;

	foreach(cell, rules->indexes)
	{
		const AdviceIndex *index = lfirst(cell);

		if (equal(index->key, rules->distance->column))
			same_key = index;
		else if (strcmp(get_opname(index->opclass->op), get_opname(rules->distance->op)) == 0 &&
				 equal(rules_strip_casts(index->key), rules_strip_casts(rules->distance->column)))
			same_column = index;
	}
	if (same_key != NULL)
		rvi_advice_emit(rules->context, "warning",
						psprintf("%s; or ORDER BY %s",
								 rules_create_index(rules, rules->column,
													IsA(rules->distance->column, Var)),
								 rules_order_sql(rules->column, same_key->opclass->op,
												 rules->vector)),
						"index %s (%s) orders by %s, the query by %s",
						get_rel_name(same_key->relid), same_key->opclass->name,
						get_opname(same_key->opclass->op), get_opname(rules->distance->op));
	else if (same_column != NULL)
		rules_advise_cast(rules, same_column);
	else
		rules_advise_creation(rules);
}

/* Says why an index that fits is not used as it is; false: it may be used. */
static bool
rules_judge_state(Rules *rules, const AdviceIndex *index)
{
	const char *name = get_rel_name(index->relid);

	if (!index->valid || !index->ready)
		rvi_advice_emit(rules->context, "warning",
						psprintf("REINDEX INDEX CONCURRENTLY %s", quote_identifier(name)),
						"index %s is not %s: its build failed or has not ended", name,
						index->ready ? "valid" : "ready");
	else if (index->too_new)
		rvi_advice_emit(rules->context, "info", NULL,
						"index %s is newer than this transaction's snapshot; later transactions can use it",
						name);
	else
		return false;
	return true;
}

/* Whether an index that fits is there and usable; says why not. *partial: a partial one, or NULL. */
static bool
rules_judge_indexes(Rules *rules, const AdviceIndex **partial)
{
	bool		usable = false;
	bool		fitting = false;
	ListCell   *cell;

	*partial = NULL;
	if (rules->distance->opclass == NULL)
	{
		rvi_advice_emit(rules->context, "warning", NULL,
						"no index method has an operator class for %s of type %s",
						get_opname(rules->distance->op),
						format_type_be(exprType(rules->distance->column)));
		return false;
	}
	foreach(cell, rules->indexes)
	{
		const AdviceIndex *index = lfirst(cell);

		if (index->opclass->op != rules->distance->op ||
			!equal(index->key, rules->distance->column))
			continue;
		fitting = true;
		if (!rules_judge_state(rules, index))
		{
			usable = true;
			if (index->predicate != NULL)
				*partial = index;
		}
	}
	if (!fitting)
		rules_advise_others(rules);
	return usable;
}

/* ---- the planner's choice ---- */

/* The query is well formed and an index fits, yet the plan does without. */
static void
rules_judge_choice(Rules *rules, const AdviceIndex *partial)
{
	PlannedStmt *forced;

	if (!enable_indexscan)
	{
		rvi_advice_emit(rules->context, "warning", "SET enable_indexscan = on",
						"enable_indexscan is off");
		return;
	}
	forced = rvi_advice_forced_plan(rules->context);
	if (rvi_advice_scan_of(rvi_advice_scans(forced), rules->site) != NULL)
		rvi_advice_emit(rules->context,
						rules->tuples >= 0 && rules->tuples < RULES_SMALL ? "info" : "warning",
						"SET enable_seqscan = off; SET enable_sort = off -- in a test, to compare",
						"the planner expects the index to cost more (%.0f) than doing without (%.0f): the table is small (%.0f rows), LIMIT large, or a condition leaves few rows; ANALYZE if these figures are wrong",
						forced->planTree->total_cost,
						rules->context->plan->planTree->total_cost, Max(rules->tuples, 0));
	else if (partial != NULL)
		rvi_advice_emit(rules->context, "warning",
						psprintf("WHERE %s; or %s", rules_column_sql(rules, partial->predicate),
								 rules_create_index(rules, rules->column,
													IsA(rules->distance->column, Var))),
						"index %s is partial, and the query's conditions do not imply its predicate",
						get_rel_name(partial->relid));
	else
		rvi_advice_emit(rules->context, "info", NULL,
						"an index fits, but this plan has no place for an ordered scan of it");
}

/* ---- what an index scan will bring ---- */

/* An hnsw scan that is used may still end before the query has its rows. */
static void
rules_judge_hnsw_scan(Rules *rules, const AdviceScan *scan)
{
	bool		off = rv_hnsw_iterative_scan == RV_HNSW_ITERATIVE_OFF;
	double		tuples = rules_tuples(scan->index);
	double		share = scan->filtered && tuples > 0 ? Min(scan->rows / tuples, 1) : 1;
	double		reach = off ? rv_hnsw_ef_search : rv_hnsw_max_scan_tuples;
	const char *suggestion;
	const char *setting;

	if (rules->limit == RULES_UNKNOWN || tuples <= 0 || tuples <= reach)
		return;
	if (off)
		suggestion = share < 1 ? "SET hnsw.iterative_scan = strict_order" :
			"SET hnsw.iterative_scan = strict_order; or SET hnsw.ef_search to the LIMIT";
	else
		suggestion = share < 1 ? "SET hnsw.max_scan_tuples higher; or CREATE INDEX ... WHERE the condition" :
			"SET hnsw.max_scan_tuples higher";
	setting = off ? "hnsw.iterative_scan is off, hnsw.ef_search ends it" :
		"hnsw.max_scan_tuples";
	if (rules->limit > 0 && reach * share >= rules->limit)
		return;
	if (share < 1)
		rvi_advice_emit(rules->context, "warning", suggestion,
						"a condition lets about %.2g of the rows pass, and the scan ends after %.0f (%s): about %.2g are returned",
						share, reach, setting, reach * share);
	else
		rvi_advice_emit(rules->context, "warning", suggestion,
						"the scan ends after %.0f rows (%s)", reach, setting);
}

static void
rules_judge_scan(Rules *rules, const AdviceScan *scan)
{
	ListCell   *cell;

	/* an index of a partition is not among the table's own */
	foreach(cell, scan->relid == rules->distance->relid ? rules->indexes :
			rvi_advice_indexes(rules->context->classes, scan->relid))
	{
		const AdviceIndex *index = lfirst(cell);

		if (index->relid == scan->index && index->is_hnsw)
			rules_judge_hnsw_scan(rules, scan);
	}
}

void
rvi_advice_judge(AdviceContext *context, const AdviceSite *site)
{
	Rules		rules = {context, site, &site->distance};
	const AdviceScan *scan;
	const AdviceIndex *partial;
	bool		formed;

	rules.table = rules_table_sql(site->distance.relid);
	rules.from = strcmp(site->distance.alias, get_rel_name(site->distance.relid)) == 0 ?
		rules.table : psprintf("%s %s", rules.table, quote_identifier(site->distance.alias));
	rules.column = rules_column_sql(&rules, site->distance.column);
	rules.vector = rules_vector_sql(site->distance.vector);
	rules.order = rules_order_sql(rules.column, site->distance.op, rules.vector);
	rules.limit = rules_limit(site->query);
	rules.tuples = rules_tuples(site->distance.relid);
	rules.indexes = rvi_advice_indexes(context->classes, site->distance.relid);
	scan = rvi_advice_scan_of(context->scans, site);
	if (!site->is_order)
	{
		rvi_advice_emit(context, "warning", rules_plain_order(&rules),
						"%s is compared in a condition: no index finds rows by a distance's size, only in its order; order by it and stop at a LIMIT",
						rules.order);
		return;
	}
	if (scan != NULL)
	{
		rules_judge_scan(&rules, scan);
		return;
	}
	formed = !rules_judge_form(&rules);
	if (rules_judge_indexes(&rules, &partial) && formed)
		rules_judge_choice(&rules, partial);
}
