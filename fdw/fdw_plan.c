/*-------------------------------------------------------------------------
 *
 * fdw_plan.c
 *	  Planning: estimates, paths, the scan's plan node.
 *
 * Besides the plain path, one path is offered per set of relations that
 * conditions on graph, id, type, start_id or end_id can take values from, so
 * that a join runs as a nested loop of look-ups. Sizes come from the
 * statistics of the graph named in the query, or of all readable ones where
 * none is; those of columns see fdw_stats.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"

#include "fdw/fdw_int.h"

/* graphs looked at where the query names none */
#define PLAN_MAX_GRAPHS 16

/* sets of outer relations tried, and pairs of them */
#define PLAN_MAX_PARAMS 8

typedef struct PlanEstimate
{
	double		rows;
	Cost		startup;
	Cost		total;
} PlanEstimate;

/* ---- conditions ---- */

/* RviFdwConds of those RestrictInfos or clauses that can be pushed; the others go to *local. */
static List *
plan_classify(PlannerInfo *root, const RviFdwTable *table, Index relid, List *clauses,
			  List **local)
{
	List	   *conds = NIL;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		Expr	   *clause = lfirst(cell);
		RviFdwCond	cond;

		if (IsA(clause, RestrictInfo))
		{
			if (((RestrictInfo *) clause)->pseudoconstant)
				continue;
			clause = ((RestrictInfo *) clause)->clause;
		}
		if (rvi_fdw_match_clause(root, table, relid, clause, &cond))
			conds = lappend(conds, memcpy(palloc(sizeof(cond)), &cond, sizeof(cond)));
		else if (local != NULL)
			*local = lappend(*local, lfirst(cell));
	}
	return conds;
}

/* Value of a condition where it is known at planning; null constants count as unknown. */
static Const *
plan_known_value(PlannerInfo *root, const RviFdwCond *cond)
{
	Node	   *value = estimate_expression_value(root, (Node *) cond->value);

	if (!IsA(value, Const) || ((Const *) value)->constisnull)
		return NULL;
	return (Const *) value;
}

/* Names in the conditions on a field: C strings, NIL where any is unknown. */
static List *
plan_known_names(PlannerInfo *root, List *conds, RviFdwField field)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, conds)
	{
		RviFdwCond *cond = lfirst(cell);
		Const	   *value;

		if (cond->field != field)
			continue;
		value = plan_known_value(root, cond);
		if (value == NULL)
			return NIL;
		if (value->consttype == TEXTOID)
			names = lappend(names, TextDatumGetCString(value->constvalue));
		else if (value->consttype == TEXTARRAYOID)
		{
			Datum	   *elements;
			bool	   *nulls;
			int			n;

			deconstruct_array(DatumGetArrayTypeP(value->constvalue), TEXTOID, -1, false,
							  TYPALIGN_INT, &elements, &nulls, &n);
			for (int i = 0; i < n; i++)
			{
				if (!nulls[i])
					names = lappend(names, TextDatumGetCString(elements[i]));
			}
		}
	}
	return names;
}

/* ---- sizes ---- */

/* Ids of names; *missing counts those that no row of the graph can have. */
static int32 *
plan_tokens(RvGraph graph, RvTokenKind kind, List *names, int *n, int *missing)
{
	int32	   *tokens = palloc(sizeof(int32) * Max(list_length(names), 1));
	ListCell   *cell;

	*n = 0;
	*missing = 0;
	foreach(cell, names)
	{
		int32		token = rv_graph_token_find(graph, kind, lfirst(cell));

		if (token == RV_TOKEN_NONE)
			(*missing)++;
		else
			tokens[(*n)++] = token;
	}
	return tokens;
}

static void
plan_add_graph(RviFdwSizes *sizes, RvGraph graph, RviFdwKind kind, List *names)
{
	int			n;
	int			missing;
	int32	   *tokens;
	double		rows = kind == RVI_FDW_NODES ? rv_graph_estimate_nodes(graph, NULL, 0) :
		rv_graph_estimate_edges(graph, NULL, 0);

	sizes->ngraphs++;
	sizes->rows += rows;
	if (rows > sizes->biggest_rows)
	{
		sizes->biggest_rows = rows;
		sizes->biggest = kind == RVI_FDW_NODES ? rv_graph_node_relid(graph) :
			rv_graph_edge_relid(graph);
	}
	if (kind == RVI_FDW_NODES)
	{
		tokens = plan_tokens(graph, RV_TOKEN_LABEL, names, &n, &missing);
		sizes->pages += rv_graph_estimate_node_pages(graph);
		if (missing == 0)
			sizes->selected += rv_graph_estimate_nodes(graph, tokens, n);
	}
	else
	{
		tokens = plan_tokens(graph, RV_TOKEN_RELTYPE, names, &n, &missing);
		sizes->pages += rv_graph_estimate_edge_pages(graph);
		if (n > 0 || missing == 0)
		{
			sizes->selected += rv_graph_estimate_edges(graph, tokens, n);
			sizes->out_degree += rv_graph_estimate_degree(graph, RV_DIR_OUT, tokens, n);
			sizes->in_degree += rv_graph_estimate_degree(graph, RV_DIR_IN, tokens, n);
		}
	}
}

/*
 * Sizes for the graph the query names, or for all that the user may read. A
 * graph that is missing or forbidden counts as empty here; execution complains.
 */
static void
plan_sizes(PlannerInfo *root, RviFdwRel *plan, List *conds, Oid userid)
{
	RviFdwSizes *sizes = &plan->sizes;
	RviFdwField field = plan->table->kind == RVI_FDW_NODES ? RVI_FIELD_LABELS : RVI_FIELD_TYPE;
	List	   *names = plan_known_names(root, conds, field);
	List	   *graphs = plan_known_names(root, conds, RVI_FIELD_GRAPH);
	ListCell   *cell;

	if (plan->table->graph != NULL)
		graphs = list_make1(plan->table->graph);
	else if (graphs == NIL)
		graphs = rv_graph_names_as(userid);

	foreach(cell, graphs)
	{
		RvGraph		graph;

		if (foreach_current_index(cell) >= PLAN_MAX_GRAPHS)
			break;
		graph = rv_graph_open_as(lfirst(cell), RV_GRAPH_READ, userid,
								 RV_GRAPH_MISSING_OK | RV_GRAPH_DENIED_OK);
		if (graph == NULL)
			continue;
		plan_add_graph(sizes, graph, plan->table->kind, names);
		rv_graph_close(graph);
	}
	sizes->rows = Max(sizes->rows, 1);
	sizes->selected = Max(sizes->selected, 1);
	sizes->out_degree = Max(sizes->out_degree, 1);
	sizes->in_degree = Max(sizes->in_degree, 1);
}

/* ---- costs ---- */

/* Number of values that a field is compared with: the least of its conditions. */
static double
plan_values(List *conds, RviFdwField field)
{
	double		result = 0;
	ListCell   *cell;

	foreach(cell, conds)
	{
		RviFdwCond *cond = lfirst(cell);
		double		n = cond->op == RVI_OP_ANY ?
			estimate_array_length((Node *) cond->value) : 1;

		if (cond->field == field && (result == 0 || n < result))
			result = n;
	}
	return result;
}

/* Rows that the conditions select, and what it takes to find them. */
static void
plan_access(RviFdwRel *plan, List *conds, PlanEstimate *estimate)
{
	RviFdwSizes *sizes = &plan->sizes;
	bool		given[RVI_FIELD_PROPERTIES + 1] = {false};
	double		starts = plan_values(conds, RVI_FIELD_START);
	double		ends = plan_values(conds, RVI_FIELD_END);
	double		lookups = 0;
	ListCell   *cell;

	foreach(cell, conds)
		given[((RviFdwCond *) lfirst(cell))->field] = true;

	switch (rvi_fdw_choose_access(plan->table->kind, given))
	{
		case RVI_ACCESS_ID:
			lookups = estimate->rows = plan_values(conds, RVI_FIELD_ID);
			break;
		case RVI_ACCESS_START:
			lookups = starts;
			estimate->rows = starts * sizes->out_degree;
			break;
		case RVI_ACCESS_END:
			lookups = ends;
			estimate->rows = ends * sizes->in_degree;
			break;
		case RVI_ACCESS_BOTH:
			lookups = Min(starts, ends);
			estimate->rows = starts * ends * sizes->out_degree * sizes->in_degree / sizes->selected;
			break;
		default:
			estimate->rows = sizes->selected;
			break;
	}
	estimate->rows = clamp_row_est(Min(estimate->rows, sizes->rows));
	if (lookups > 0)
	{
		/* a descent per value; then the edges' own rows, if those are read */
		estimate->total = lookups * Max(plan->sizes.ngraphs, 1) *
			(random_page_cost + 20 * cpu_operator_cost);
		if (plan->want_props && plan->table->kind == RVI_FDW_EDGES)
			estimate->total += estimate->rows * random_page_cost * 0.5;
	}
	else
		estimate->total = sizes->pages * seq_page_cost + sizes->rows * cpu_tuple_cost;
}

/*
 * Rows and costs of a scan with these clauses (RestrictInfos). The pushed ones
 * have our own estimate, the others that of PostgreSQL.
 */
static void
plan_estimate(PlannerInfo *root, RelOptInfo *rel, List *clauses, PlanEstimate *estimate)
{
	RviFdwRel  *plan = rel->fdw_private;
	List	   *local = NIL;
	List	   *conds = plan_classify(root, plan->table, rel->relid, clauses, &local);
	QualCost	qual;
	double		fetched;

	plan_access(plan, conds, estimate);
	fetched = estimate->rows;
	cost_qual_eval(&qual, local, root);
	estimate->rows = clamp_row_est(fetched * clauselist_selectivity(root, local, rel->relid,
																	JOIN_INNER, NULL));
	estimate->startup = qual.startup + rel->reltarget->cost.startup;
	estimate->total += estimate->startup +
		fetched * (cpu_tuple_cost + qual.per_tuple + (plan->want_props ? 10 : 2) * cpu_operator_cost) +
		estimate->rows * rel->reltarget->cost.per_tuple;
}

/* ---- callbacks: size and paths ---- */

/* Attribute numbers that the query reads outside of pushed conditions; IntList. */
static List *
plan_columns(RelOptInfo *rel, const RviFdwTable *table, List *local)
{
	Bitmapset  *attrs = NULL;
	List	   *result = NIL;
	ListCell   *cell;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &attrs);
	foreach(cell, local)
	{
		Node	   *clause = lfirst(cell);

		if (IsA(clause, RestrictInfo))
			clause = (Node *) ((RestrictInfo *) clause)->clause;
		pull_varattnos(clause, rel->relid, &attrs);
	}
	for (int i = 1; i <= table->natts; i++)
	{
		if (bms_is_member(i - FirstLowInvalidHeapAttributeNumber, attrs) ||
			bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, attrs))
			result = lappend_int(result, i);
	}
	return result;
}

/* PostgreSQL callback */
void
rvi_fdw_get_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	RviFdwRel  *plan = palloc0(sizeof(RviFdwRel));
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	List	   *local = NIL;
	List	   *conds;
	PlanEstimate estimate;
	ListCell   *cell;

	rel->fdw_private = plan;
	plan->table = rvi_fdw_table(relid);
	conds = plan_classify(root, plan->table, rel->relid, rel->baserestrictinfo, &local);
	foreach(cell, plan_columns(rel, plan->table, local))
		plan->want_props |= plan->table->fields[lfirst_int(cell) - 1] == RVI_FIELD_PROPERTIES;
	plan_sizes(root, plan, conds, OidIsValid(rte->checkAsUser) ? rte->checkAsUser : GetUserId());
	plan_estimate(root, rel, rel->baserestrictinfo, &estimate);
	rel->tuples = plan->sizes.rows;
	rel->pages = plan->sizes.pages;
	rel->rows = estimate.rows;
}

/* Remembers the relations that a pushed join clause would need. */
static void
plan_add_param(PlannerInfo *root, RelOptInfo *rel, Relids outer)
{
	RviFdwRel  *plan = rel->fdw_private;

	outer = bms_del_member(bms_union(outer, rel->lateral_relids), rel->relid);
	if (bms_is_empty(outer) || list_length(plan->params) >= PLAN_MAX_PARAMS)
		return;
	plan->params = list_append_unique_ptr(plan->params,
										  get_baserel_parampathinfo(root, rel, outer));
}

static void
plan_add_params(PlannerInfo *root, RelOptInfo *rel, List *rinfos)
{
	RviFdwRel  *plan = rel->fdw_private;
	ListCell   *cell;

	foreach(cell, rinfos)
	{
		RestrictInfo *rinfo = lfirst(cell);
		RviFdwCond	cond;

		if (join_clause_is_movable_to(rinfo, rel) &&
			rvi_fdw_match_clause(root, plan->table, rel->relid, rinfo->clause, &cond))
			plan_add_param(root, rel, rinfo->clause_relids);
	}
}

typedef struct PlanColumn
{
	const RviFdwTable *table;
	RviFdwField field;
} PlanColumn;

/* PostgreSQL callback of generate_implied_equalities_for_column */
static bool
plan_column_matches(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
					EquivalenceMember *em, void *arg)
{
	PlanColumn *column = arg;
	RviFdwField field;

	return rvi_fdw_match_column(column->table, rel->relid, em->em_expr, &field) &&
		field == column->field;
}

/* Join clauses that follow from equivalence classes. */
static void
plan_add_implied_params(PlannerInfo *root, RelOptInfo *rel)
{
	static const RviFdwField fields[] = {
		RVI_FIELD_ID, RVI_FIELD_START, RVI_FIELD_END, RVI_FIELD_TYPE, RVI_FIELD_GRAPH
	};
	RviFdwRel  *plan = rel->fdw_private;

	for (int i = 0; i < lengthof(fields); i++)
	{
		PlanColumn	column = {plan->table, fields[i]};

		plan_add_params(root, rel,
						generate_implied_equalities_for_column(root, rel, plan_column_matches,
															   &column, rel->lateral_referencers));
	}
}

/* Pairs of the sets found: an edge between two given nodes, for one. */
static void
plan_add_param_pairs(PlannerInfo *root, RelOptInfo *rel)
{
	RviFdwRel  *plan = rel->fdw_private;
	List	   *single = list_copy(plan->params);

	for (int i = 0; i < list_length(single); i++)
	{
		for (int j = i + 1; j < list_length(single); j++)
			plan_add_param(root, rel,
						   bms_union(((ParamPathInfo *) list_nth(single, i))->ppi_req_outer,
									 ((ParamPathInfo *) list_nth(single, j))->ppi_req_outer));
	}
}

/* PostgreSQL callback */
void
rvi_fdw_get_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	RviFdwRel  *plan = rel->fdw_private;
	PlanEstimate estimate;
	ListCell   *cell;

	plan_estimate(root, rel, rel->baserestrictinfo, &estimate);
	add_path(rel, (Path *) create_foreignscan_path(root, rel, NULL, estimate.rows,
												   estimate.startup, estimate.total, NIL,
												   rel->lateral_relids, NULL, NIL));

	plan_add_params(root, rel, rel->joininfo);
	if (rel->has_eclass_joins)
		plan_add_implied_params(root, rel);
	plan_add_param_pairs(root, rel);
	foreach(cell, plan->params)
	{
		ParamPathInfo *param = lfirst(cell);

		plan_estimate(root, rel, list_concat_copy(rel->baserestrictinfo, param->ppi_clauses),
					  &estimate);
		param->ppi_rows = estimate.rows;
		add_path(rel, (Path *) create_foreignscan_path(root, rel, NULL, estimate.rows,
													   estimate.startup, estimate.total, NIL,
													   param->ppi_req_outer, NULL, NIL));
	}
}

/* ---- callbacks: plan ---- */

/* PostgreSQL callback */
ForeignScan *
rvi_fdw_get_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path, List *tlist,
				 List *clauses, Plan *outer_plan)
{
	RviFdwRel  *plan = rel->fdw_private;
	List	   *local = NIL;
	List	   *conds;
	List	   *fields = NIL;
	List	   *ops = NIL;
	List	   *values = NIL;
	List	   *recheck = NIL;
	ListCell   *cell;

	clauses = extract_actual_clauses(clauses, false);
	conds = plan_classify(root, plan->table, rel->relid, clauses, &local);
	foreach(cell, conds)
	{
		RviFdwCond *cond = lfirst(cell);

		fields = lappend_int(fields, cond->field);
		ops = lappend_int(ops, cond->op);
		values = lappend(values, cond->value);
		recheck = lappend(recheck, cond->clause);
	}
	return make_foreignscan(tlist, local, rel->relid, values,
							list_make3(fields, ops, plan_columns(rel, plan->table, local)),
							NIL, recheck, outer_plan);
}

/* PostgreSQL callback: writing through the tables is refused with the way to do it */
List *
rvi_fdw_plan_modify(PlannerInfo *root, ModifyTable *plan, Index relid, int subplan)
{
	RangeTblEntry *rte = planner_rt_fetch(relid, root);

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("foreign table \"%s\" is read-only", get_rel_name(rte->relid)),
			 errhint("Use ruvector_node_add, ruvector_edge_add or ruvector_cypher.")));
	return NIL;
}
