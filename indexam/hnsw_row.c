/*-------------------------------------------------------------------------
 *
 * hnsw_row.c
 *	  From a datum to what the index keeps of it: code, factors, payload.
 *
 * No pages and no locks here; builds, inserts and scans all read values
 * through these functions, so that a row and a query are treated alike.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

void
rvi_hnsw_row_init(RvHnswRow *row, const RvHnswGeometry *geo)
{
	row->code = palloc0(geo->code_bytes);
	row->payload = palloc0(Max(geo->payload_bytes, 1));
}

bool
rvi_hnsw_read_value(const RvTypeDesc *type, RveMetric metric, int dim, Datum value,
					RveVectorView *view)
{
	float	   *scaled;
	int			count;

	type->view(value, view);
	if (view->dim != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", dim, view->dim)));
	if (view->elements == RVE_SPARSE && view->count > RV_SPARSEVEC_MAX_INDEXED_NNZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s cannot have more than %d non-zero elements for hnsw index",
						type->name, RV_SPARSEVEC_MAX_INDEXED_NNZ)));
	if (metric != RVE_METRIC_COSINE)
		return true;
	count = view->elements == RVE_SPARSE ? view->count : view->dim;
	scaled = palloc(Max(count, 1) * sizeof(float));
	memcpy(scaled, view->x, count * sizeof(float));
	view->x = scaled;
	return rvi_am_normalize(scaled, count);
}

void
rvi_hnsw_encode_row(RvHnswIndex *index, const RveVectorView *view, RvHnswRow *row)
{
	rve_quant_encode(index->codec, view, row->code, &row->factors,
					 index->raw_payload ? NULL : row->payload);
	if (index->raw_payload)
		memcpy(row->payload, view->elements == RVE_BITS ? (const void *) view->bits : view->x,
			   index->geo.payload_bytes);
}
