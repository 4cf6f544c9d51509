/*-------------------------------------------------------------------------
 *
 * search_batch.c
 *	  ruvector_search_batch: the nearest rows of many queries in one call.
 *
 * Bypasses the planner, so it does itself what planner and executor would:
 * it checks that the caller may read the columns the index is made of,
 * refuses tables whose row security applies to the caller, and leaves out
 * indexes the planner would not use either. An index over an expression is
 * evaluated as the table's owner in a security-restricted operation, as
 * REINDEX does: whoever searches another's table does not run its owner's
 * functions with their own privileges.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"
#include "indexam/search_int.h"

#define BATCH_COLUMNS 4
#define BATCH_DISTANCE_PROC 1
#define BATCH_MAX_K 1000000		/* 16 MB of rows per query in memory */

/* ---- may the caller, and does the index serve ---- */

/* The columns of the table that the index is made of. */
static Bitmapset *
batch_index_columns(Relation index)
{
	Bitmapset  *columns = NULL;

	if (index->rd_index->indkey.values[0] != 0)
		columns = bms_make_singleton(index->rd_index->indkey.values[0] -
									 FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &columns);
	return columns;
}

static void
batch_check_privileges(Relation heap, Relation index)
{
	Oid			user = GetUserId();
	Oid			function = rvi_search_distance_function(index);
	Bitmapset  *columns = batch_index_columns(index);
	int			column = -1;

	if (pg_class_aclcheck(RelationGetRelid(heap), user, ACL_SELECT) != ACLCHECK_OK)
	{
		while ((column = bms_next_member(columns, column)) >= 0)
		{
			AttrNumber	attno = column + FirstLowInvalidHeapAttributeNumber;

			/* an expression over the whole row needs the whole table */
			if (attno == InvalidAttrNumber ||
				pg_attribute_aclcheck(RelationGetRelid(heap), attno, user,
									  ACL_SELECT) != ACLCHECK_OK)
				aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(heap));
		}
	}
	if (pg_proc_aclcheck(function, user, ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
	if (check_enable_rls(RelationGetRelid(heap), InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot search an index of table \"%s\", whose row security applies to you",
						RelationGetRelationName(heap)),
				 errhint("Query the table itself with ORDER BY and LIMIT: policies apply there.")));
}

/* As the planner judges: valid, and not newer than what this transaction may see. */
static void
batch_check_usable(Relation index)
{
	if (!index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errhint("Build it anew with REINDEX INDEX.")));
	if (index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   TransactionXmin))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is newer than this transaction's snapshot",
						RelationGetRelationName(index)),
				 errhint("Repeat the search in a new transaction.")));
}

/* The type descriptor of a vector index's opclass; raises 42809 for any other index. */
static const RvTypeDesc *
batch_index_type(Relation index)
{
	const RvTypeDesc *type;
	RveMetric	metric;
	FmgrInfo	distance;

	if (index->rd_indam->amcanorderbyop && index->rd_indam->amgettuple != NULL &&
		OidIsValid(index_getprocid(index, 1, BATCH_DISTANCE_PROC)) &&
		OidIsValid(rvi_search_distance_function(index)))
	{
		fmgr_info(index_getprocid(index, 1, BATCH_DISTANCE_PROC), &distance);
		if (rv_types_lookup_distance(distance.fn_addr, false, &type, &metric))
			return type;
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a vector index", RelationGetRelationName(index)),
			 errhint("Give the name of an index by an operator class of vectors, not of the table.")));
}

/* Locks and opens table and index as a query does: to the end of the transaction. */
static void
batch_open(Oid relid, Relation *heap, Relation *index)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with OID %u", relid)));
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partitioned index", name),
				 errhint("Search the indexes of its partitions one by one.")));
	if (get_rel_relkind(relid) != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", name)));
	*heap = table_open(IndexGetRelation(relid, false), AccessShareLock);
	*index = index_open(relid, AccessShareLock);
	if (RELATION_IS_OTHER_TEMP(*index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
}

/* ---- the queries ---- */

/*
 * Converts the queries as the operator would: vector to halfvec, say. Raises
 * 42804 where there is no implicit cast.
 */
static void
batch_cast_queries(RvSearchBatch *batch, Datum *values, Oid element)
{
	Oid			type = batch->index->rd_opcintype[0];
	Oid			function;
	int			i;

	if (IsBinaryCoercible(element, type))
		return;
	if (find_coercion_pathway(type, element, COERCION_IMPLICIT, &function) != COERCION_PATH_FUNC ||
		get_func_nargs(function) != 3)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("queries are of type %s, but index \"%s\" is over type %s",
						format_type_be(element), RelationGetRelationName(batch->index),
						format_type_be(type)),
				 errhint("Cast the queries to %s[].", format_type_be(type))));
	for (i = 0; i < batch->count; i++)
		values[i] = OidFunctionCall3(function, values[i], Int32GetDatum(-1), BoolGetDatum(false));
}

/* The array's elements into batch, each checked to be a query for the index. */
static void
batch_read_queries(RvSearchBatch *batch, ArrayType *array, const RvTypeDesc *type)
{
	Oid			element = ARR_ELEMTYPE(array);
	int32		dims = TupleDescAttr(RelationGetDescr(batch->index), 0)->atttypmod;
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			i;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("queries must be a one-dimensional array")));
	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(array, element, length, by_value, align, &values, &nulls, &batch->count);
	for (i = 0; i < batch->count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("query %d is null", i + 1)));
	}
	batch_cast_queries(batch, values, element);
	for (i = 0; i < batch->count; i++)
	{
		if (dims > 0 && type->dim(values[i]) != dims)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("query %d has %d dimensions, not %d as index \"%s\"", i + 1,
							type->dim(values[i]), dims, RelationGetRelationName(batch->index))));
	}
	batch->queries = values;
}

/*
 * An hnsw search finds as many rows as hnsw.ef_search: at least the k that
 * are wanted. In force to the caller's AtEOXact_GUC, in workers too.
 */
static void
batch_raise_ef(const RvSearchBatch *batch)
{
	char		value[16];

	if (batch->index->rd_indam->ambuild != hnswbuild || rv_hnsw_ef_search >= batch->k)
		return;
	snprintf(value, sizeof(value), "%d", Min(batch->k, RVE_HNSW_MAX_EF));
	(void) set_config_option("hnsw.ef_search", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* ---- results ---- */

static void
batch_receive(void *arg, int query, const RvSearchHit *hits, int n)
{
	ReturnSetInfo *result = arg;
	Datum		values[BATCH_COLUMNS];
	bool		nulls[BATCH_COLUMNS] = {false};
	int			i;

	for (i = 0; i < n; i++)
	{
		values[0] = Int32GetDatum(query + 1);
		values[1] = Int32GetDatum(i + 1);
		values[2] = PointerGetDatum(&hits[i].tid);
		values[3] = Float8GetDatum(hits[i].distance);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static void
batch_run(const RvSearchBatch *batch, ReturnSetInfo *result)
{
	int			workers = rvi_search_workers(batch);
	RvSearch	search;

	rvi_search_begin(&search, batch->heap, batch->index, GetActiveSnapshot());
	if (workers > 0)
		rvi_search_parallel(batch, workers, &search, batch_receive, result);
	else
	{
		RvSearchHit *hits = palloc(sizeof(RvSearchHit) * batch->k);
		int			i;

		for (i = 0; i < batch->count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			batch_receive(result, i, hits,
						  rvi_search_run(&search, batch->queries[i], batch->k, hits));
		}
		pfree(hits);
	}
	rvi_search_end(&search);
}

/* What both SQL functions do; k is checked here. */
static void
batch_search(FunctionCallInfo fcinfo, int64 k)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	RvSearchBatch batch = {.k = (int) k};
	const RvTypeDesc *type;
	Oid			user;
	int			security;
	int			guc_level;

	if (k < 1 || k > BATCH_MAX_K)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be between 1 and %d", BATCH_MAX_K)));
	InitMaterializedSRF(fcinfo, 0);
	batch_open(PG_GETARG_OID(0), &batch.heap, &batch.index);
	type = batch_index_type(batch.index);
	batch_check_privileges(batch.heap, batch.index);
	batch_check_usable(batch.index);
	batch_read_queries(&batch, array, type);
	if (batch.count > 0)
	{
		guc_level = NewGUCNestLevel();
		GetUserIdAndSecContext(&user, &security);
		batch_raise_ef(&batch);
		if (RelationGetIndexExpressions(batch.index) != NIL)
			SetUserIdAndSecContext(batch.heap->rd_rel->relowner,
								   security | SECURITY_RESTRICTED_OPERATION);
		batch_run(&batch, (ReturnSetInfo *) fcinfo->resultinfo);
		SetUserIdAndSecContext(user, security);
		AtEOXact_GUC(true, guc_level);
	}
	index_close(batch.index, NoLock);
	table_close(batch.heap, NoLock);
}

RV_FUNCTION_INFO_V1(ruvector_search_batch);

Datum
ruvector_search_batch(PG_FUNCTION_ARGS)
{
	batch_search(fcinfo, PG_GETARG_INT32(2));
	PG_RETURN_NULL();
}

RV_FUNCTION_INFO_V1(ruvector_search_batch_any);

Datum
ruvector_search_batch_any(PG_FUNCTION_ARGS)
{
	batch_search(fcinfo, PG_GETARG_INT64(2));
	PG_RETURN_NULL();
}
