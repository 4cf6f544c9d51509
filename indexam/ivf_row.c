/*-------------------------------------------------------------------------
 *
 * ivf_row.c
 *	  From a datum to what ivfflat stores: floats to cluster, code and item.
 *
 * An item is the datum itself, detoasted, with its varlena header: the type
 * descriptor reads it back, so no type is known here by name. All items of an
 * index have one size, since its column has one number of dimensions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

bool
rvi_ivf_metric_supported(RveMetric metric, RveElements elements)
{
	if (elements == RVE_DENSE)
		return metric == RVE_METRIC_L2 || metric == RVE_METRIC_IP || metric == RVE_METRIC_COSINE;
	return elements == RVE_BITS && metric == RVE_METRIC_HAMMING;
}

bool
rvi_ivf_counts_direction(RveMetric metric)
{
	return metric == RVE_METRIC_IP || metric == RVE_METRIC_COSINE;
}

void
rvi_ivf_geometry_init(RvIvfGeometry *geo, int dim, uint32 item_bytes)
{
	memset(geo, 0, sizeof(*geo));
	geo->dim = dim;
	geo->coded = rve_ivf_coded_dim(dim);
	geo->block_bytes = offsetof(RvIvfBlockData, codes) + rve_ivf_block_bytes(dim);
	geo->blocks_per_page = (RV_IVF_PAGE_ROOM - sizeof(RvIvfCodeHeadData)) / geo->block_bytes;
	geo->capacity = geo->blocks_per_page * RVE_IVF_BLOCK;
	geo->item_bytes = item_bytes;
	geo->item_stride = MAXALIGN(item_bytes);
	if (item_bytes > 0 && geo->item_stride <= RV_IVF_PAGE_ROOM)
		geo->items_per_page = RV_IVF_PAGE_ROOM / geo->item_stride;
}

/* The floats that stand for a value. */
static void
row_floats(const RveVectorView *view, float *x)
{
	int			i;

	if (view->elements == RVE_DENSE)
	{
		memcpy(x, view->x, view->dim * sizeof(float));
		return;
	}
	for (i = 0; i < view->dim; i++)
		x[i] = (view->bits[i / 8] >> (7 - i % 8)) & 1;
}

bool
rvi_ivf_read_row(const RvTypeDesc *type, RveMetric metric, int dim, Datum value, RvIvfRow *row)
{
	int			value_dim = type->dim(value);
	struct varlena *plain;
	RveVectorView view;

	if (value_dim != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", dim, value_dim)));
	plain = PG_DETOAST_DATUM(value);
	type->view(PointerGetDatum(plain), &view);
	row->item = (const char *) plain;
	row->item_bytes = VARSIZE(plain);
	row->x = palloc(dim * sizeof(float));
	row_floats(&view, row->x);
	return metric != RVE_METRIC_COSINE || rvi_am_normalize(row->x, dim);
}

void
rvi_ivf_item_floats(const RvIvfIndex *index, const char *item, float *x)
{
	RveVectorView view;

	index->type->view(PointerGetDatum(item), &view);
	row_floats(&view, x);
	if (index->metric == RVE_METRIC_COSINE)
		(void) rvi_am_normalize(x, index->geo.dim);
}

/* As the operator does; NaN passes through. */
static double
row_clamp_cosine(double value)
{
	if (value > 1.0)
		return 1.0;
	return value < -1.0 ? -1.0 : value;
}

double
rvi_ivf_exact(RveMetric metric, const RveVectorView *a, const RveVectorView *b)
{
	float		ip;
	float		aa;
	float		bb;

	if (metric != RVE_METRIC_COSINE)
		return rve_dist_exact(metric, a, b);
	rve_dist_get()->cos_f32(a->x, b->x, a->dim, &ip, &aa, &bb);
	return 1.0 - row_clamp_cosine(ip / sqrt((double) aa * bb));
}

/* ---- codes ---- */

void
rvi_ivf_encoder_init(RvIvfEncoder *encoder, const RvIvfIndex *index)
{
	encoder->index = index;
	encoder->centroid = NULL;
	encoder->rotated = palloc(rve_ivf_rotated_dim(index->codec) * sizeof(float));
}

void
rvi_ivf_encoder_use(RvIvfEncoder *encoder, const float *centroid)
{
	if (encoder->centroid == centroid)
		return;
	encoder->centroid = centroid;
	rve_ivf_rotate_centroid(encoder->index->codec, centroid, encoder->index->origin,
							encoder->rotated);
}
