/*-------------------------------------------------------------------------
 *
 * hnsw_path.c
 *	  What PostgreSQL's planner does not see of filter columns by itself.
 *
 * It matches a bare boolean column only to operator families it knows, and it
 * makes no ordered path with "column = ANY (array)" on another column than the
 * first. Both are for btree's sake and no matter here: two hooks help out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"

#include "indexam/hnsw_int.h"

static get_relation_info_hook_type path_next_relation_info;
static set_rel_pathlist_hook_type path_next_pathlist;

/*
 * "flag = true" is a bare column to the planner. For planning alone our boolean
 * filter columns pass for members of btree's family, whose operators theirs
 * has too; the executor asks the catalog.
 */
static void
path_relation_info(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	ListCell   *cell;
	int			i;

	if (path_next_relation_info != NULL)
		path_next_relation_info(root, relation, inhparent, rel);
	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(cell);

		for (i = 1; index->amcostestimate == hnswcostestimate && i < index->nkeycolumns; i++)
			if (index->opcintype[i] == BOOLOID)
				index->opfamily[i] = BOOL_BTREE_FAM_OID;
	}
}

/* The filter column that "column <operator> ANY (array)" is a condition on; 0: none. */
static int
path_array_column(PlannerInfo *root, IndexOptInfo *index, RestrictInfo *restriction)
{
	ScalarArrayOpExpr *clause = (ScalarArrayOpExpr *) restriction->clause;
	Node	   *array;
	int			i;

	if (restriction->pseudoconstant || !IsA(clause, ScalarArrayOpExpr) || !clause->useOr)
		return 0;
	array = lsecond(clause->args);
	if (bms_is_member(index->rel->relid, pull_varnos(root, array)) ||
		contain_volatile_functions(array))
		return 0;
	for (i = 1; i < index->nkeycolumns; i++)
		if (match_index_to_operand(linitial(clause->args), i, index) &&
			(!OidIsValid(index->indexcollations[i]) ||
			 index->indexcollations[i] == clause->inputcollid) &&
			op_in_opfamily(clause->opno, index->opfamily[i]))
			return i;
	return 0;
}

/* Adds a clause to a list in the order of index columns. */
static List *
path_add_clause(List *clauses, RestrictInfo *restriction, int column)
{
	IndexClause *clause = makeNode(IndexClause);
	int			at = 0;

	clause->rinfo = restriction;
	clause->indexquals = list_make1(restriction);
	clause->indexcol = column;
	while (at < list_length(clauses) &&
		   ((IndexClause *) list_nth(clauses, at))->indexcol <= column)
		at++;
	return list_insert_nth(clauses, at, clause);
}

/* The same path with the conditions on arrays that its index can test; NULL: there are none. */
static Path *
path_with_arrays(PlannerInfo *root, IndexPath *path)
{
	IndexOptInfo *index = path->indexinfo;
	List	   *clauses = list_copy(path->indexclauses);
	ListCell   *cell;

	foreach(cell, index->indrestrictinfo)
	{
		RestrictInfo *restriction = lfirst(cell);
		int			column = path_array_column(root, index, restriction);

		if (column > 0)
			clauses = path_add_clause(clauses, restriction, column);
	}
	if (list_length(clauses) == list_length(path->indexclauses))
		return NULL;
	return (Path *) create_index_path(root, index, clauses, path->indexorderbys,
									  path->indexorderbycols, path->path.pathkeys,
									  path->indexscandir, false, PATH_REQ_OUTER(&path->path),
									  1.0, false);
}

static void
path_set_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List	   *less = NIL;
	List	   *more = NIL;
	ListCell   *cell;

	if (path_next_pathlist != NULL)
		path_next_pathlist(root, rel, rti, rte);
	foreach(cell, rel->pathlist)
	{
		IndexPath  *path = lfirst(cell);

		if (IsA(path, IndexPath) && path->indexorderbys != NIL &&
			path->indexinfo->amcostestimate == hnswcostestimate)
		{
			Path	   *better = path_with_arrays(root, path);

			if (better != NULL)
			{
				less = lappend(less, path);
				more = lappend(more, better);
			}
		}
	}

	/* not by cost: a condition that only the executor tests takes rows away from a scan's few */
	rel->pathlist = list_difference_ptr(rel->pathlist, less);
	foreach(cell, more)
		add_path(rel, lfirst(cell));
}

void
rvi_hnsw_path_init(void)
{
	path_next_relation_info = get_relation_info_hook;
	get_relation_info_hook = path_relation_info;
	path_next_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = path_set_pathlist;
}
