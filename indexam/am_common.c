/*-------------------------------------------------------------------------
 *
 * am_common.c
 *	  What all vector index methods need of opclasses, vectors and scans.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/relscan.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/am_int.h"

/*
 * The element type and the metric that the index's opclass stands for.
 * Raises an error for an opclass whose distance is not one of ours.
 */
void
rvi_am_lookup(Relation rel, const RvTypeDesc **type, RveMetric *metric)
{
	FmgrInfo   *distance;
	bool		normalized = OidIsValid(index_getprocid(rel, 1, RV_AM_NORM_PROC));

	if (!OidIsValid(index_getprocid(rel, 1, RV_AM_DISTANCE_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of index \"%s\" is not a vector",
						RelationGetRelationName(rel)),
				 errhint("Name the vector column first; further columns are for filtering.")));
	distance = index_getprocinfo(rel, 1, RV_AM_DISTANCE_PROC);
	if (!rv_types_lookup_distance(distance->fn_addr, normalized, type, metric))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("operator class of index \"%s\" uses an unknown distance function",
						RelationGetRelationName(rel)),
				 errhint("Use an operator class of this extension, such as vector_l2_ops.")));
}

int
rvi_am_column_dim(Relation rel, const RvTypeDesc *type, int max, const char *am)
{
	int			dim = TupleDescAttr(RelationGetDescr(rel), 0)->atttypmod;

	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column does not have dimensions"),
				 errhint("Declare them, for example %s(768), or index a cast to such a type.",
						 type->name)));
	if (dim > max)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column cannot have more than %d dimensions for %s index", max, am)));
	return dim;
}

/* Scales x to unit length; false (x untouched) when its length is zero. */
bool
rvi_am_normalize(float *x, int dim)
{
	double		sum = 0;
	double		norm;
	int			i;

	for (i = 0; i < dim; i++)
		sum += (double) x[i] * x[i];
	if (sum == 0)
		return false;
	norm = sqrt(sum);
	for (i = 0; i < dim; i++)
		x[i] = (float) (x[i] / norm);
	return true;
}

void
rvi_am_take_keys(IndexScanDesc scan, ScanKey keys, ScanKey orderbys)
{
	if (keys != NULL && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orderbys != NULL && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}
