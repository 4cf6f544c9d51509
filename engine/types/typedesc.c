/*-------------------------------------------------------------------------
 *
 * typedesc.c
 *	  The type descriptors, and what our distance functions mean.
 *
 * Index methods reach types through here only. The library is linked with
 * -Bsymbolic, so the addresses compared below are our own even when another
 * library with the same function names (pgvector) is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/types/types_int.h"

PGDLLEXPORT Datum vector_l2_squared_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum vector_negative_inner_product(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum vector_l1_distance(PG_FUNCTION_ARGS);

/* Reads the header alone: a toasted vector's elements are not fetched. */
static int
typedesc_vector_dim(Datum value)
{
	struct varlena *head = (struct varlena *) DatumGetPointer(value);
	int16		dim;

	if (VARATT_IS_EXTENDED(head))
		head = PG_DETOAST_DATUM_SLICE(value, 0, sizeof(int16));
	memcpy(&dim, VARDATA_ANY(head), sizeof(int16));
	if ((Pointer) head != DatumGetPointer(value))
		pfree(head);
	return dim;
}

static void
typedesc_vector_to_f32(Datum value, float *out, int dim)
{
	RvVector	v = DatumGetRvVector(value);

	RV_ENSURE(v->dim == dim, "vector of another dimension");
	memcpy(out, v->x, sizeof(float) * dim);
	if ((Pointer) v != DatumGetPointer(value))
		pfree(v);
}

static void
typedesc_vector_view(Datum value, RveVectorView *view)
{
	RvVector	v = DatumGetRvVector(value);

	memset(view, 0, sizeof(*view));
	view->elements = RVE_DENSE;
	view->dim = v->dim;
	view->x = v->x;
}

static const RvTypeDesc typedesc_vector = {
	.name = "vector",
	.elements = RVE_DENSE,
	.max_dim = RV_VECTOR_MAX_DIM,
	.dim = typedesc_vector_dim,
	.to_f32 = typedesc_vector_to_f32,
	.view = typedesc_vector_view,
};

bool
rv_types_lookup_distance(PGFunction fn, bool normalized,
						 const RvTypeDesc **type, RveMetric *metric)
{
	static const struct
	{
		PGFunction	fn;
		const RvTypeDesc *type;
		RveMetric	metric;
		RveMetric	normalized_metric;
	}			known[] =
	{
		{vector_l2_squared_distance, &typedesc_vector, RVE_METRIC_L2, RVE_METRIC_L2},
		{vector_negative_inner_product, &typedesc_vector, RVE_METRIC_IP, RVE_METRIC_COSINE},
		{vector_l1_distance, &typedesc_vector, RVE_METRIC_L1, RVE_METRIC_L1},
	};

	for (int i = 0; i < lengthof(known); i++)
	{
		if (known[i].fn == fn)
		{
			*type = known[i].type;
			*metric = normalized ? known[i].normalized_metric : known[i].metric;
			return true;
		}
	}
	return false;
}
