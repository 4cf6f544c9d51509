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

#include "engine/core/dist/rve_dist.h"
#include "engine/types/types_int.h"

/* support functions 1 of the operator classes */
PGDLLEXPORT Datum vector_l2_squared_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum vector_negative_inner_product(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum vector_l1_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum halfvec_l2_squared_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum halfvec_negative_inner_product(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum halfvec_l1_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum sparsevec_l2_squared_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum sparsevec_negative_inner_product(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum sparsevec_l1_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum hamming_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum jaccard_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum binaryvec_hamming_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum binaryvec_jaccard_distance(PG_FUNCTION_ARGS);

/* Reads the first bytes of a value alone: a toasted vector's elements are not fetched. */
static void
typedesc_read_head(Datum value, void *head, int size)
{
	struct varlena *start = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTENDED(start))
		start = PG_DETOAST_DATUM_SLICE(value, 0, size);
	memcpy(head, VARDATA_ANY(start), size);
	if ((Pointer) start != DatumGetPointer(value))
		pfree(start);
}

/* vector and halfvec */
static int
typedesc_dense_dim(Datum value)
{
	int16		dim;

	typedesc_read_head(value, &dim, sizeof(dim));
	return dim;
}

/* sparsevec, binaryvec and bit */
static int
typedesc_other_dim(Datum value)
{
	int32		dim;

	typedesc_read_head(value, &dim, sizeof(dim));
	return dim;
}

/* ---- vector ---- */

static void
typedesc_vector_view(Datum value, RveVectorView *view)
{
	RvVector	v = DatumGetRvVector(value);

	*view = (RveVectorView) {.elements = RVE_DENSE, .dim = v->dim, .x = v->x};
}

static const RvTypeDesc typedesc_vector = {
	.name = "vector",
	.elements = RVE_DENSE,
	.max_dim = RV_VECTOR_MAX_DIM,
	.dim = typedesc_dense_dim,
	.view = typedesc_vector_view,
};

/* ---- halfvec: float32 as soon as an engine sees it ---- */

static void
typedesc_halfvec_view(Datum value, RveVectorView *view)
{
	RvHalfvec	v = DatumGetRvHalfvec(value);
	float	   *x = palloc(sizeof(float) * v->dim);

	rve_dist_get()->f16_to_f32(v->x, x, v->dim);
	*view = (RveVectorView) {.elements = RVE_DENSE, .dim = v->dim, .x = x};
	if ((Pointer) v != DatumGetPointer(value))
		pfree(v);
}

static const RvTypeDesc typedesc_halfvec = {
	.name = "halfvec",
	.elements = RVE_DENSE,
	.max_dim = RV_HALFVEC_MAX_DIM,
	.dim = typedesc_dense_dim,
	.view = typedesc_halfvec_view,
};

/* ---- sparsevec ---- */

static void
typedesc_sparsevec_view(Datum value, RveVectorView *view)
{
	RvSparsevec v = DatumGetRvSparsevec(value);

	*view = (RveVectorView) {.elements = RVE_SPARSE, .dim = v->dim, .count = v->nnz,
	.x = RV_SPARSEVEC_VALUES(v), .index = v->index};
}

static const RvTypeDesc typedesc_sparsevec = {
	.name = "sparsevec",
	.elements = RVE_SPARSE,
	.max_dim = RV_SPARSEVEC_MAX_DIM,
	.dim = typedesc_other_dim,
	.view = typedesc_sparsevec_view,
};

/* ---- bits ---- */

static void
typedesc_bit_view(Datum value, RveVectorView *view)
{
	VarBit	   *v = DatumGetVarBitP(value);

	*view = (RveVectorView) {.elements = RVE_BITS, .dim = VARBITLEN(v), .bits = VARBITS(v)};
}

static const RvTypeDesc typedesc_bit = {
	.name = "bit",
	.elements = RVE_BITS,
	.max_dim = RV_BIT_MAX_INDEXED_DIM,
	.dim = typedesc_other_dim,
	.view = typedesc_bit_view,
};

static void
typedesc_binaryvec_view(Datum value, RveVectorView *view)
{
	RvBinaryvec v = DatumGetRvBinaryvec(value);

	*view = (RveVectorView) {.elements = RVE_BITS, .dim = v->dim, .bits = v->bits};
}

static const RvTypeDesc typedesc_binaryvec = {
	.name = "binaryvec",
	.elements = RVE_BITS,
	.max_dim = RV_BINARYVEC_MAX_DIM,
	.dim = typedesc_other_dim,
	.view = typedesc_binaryvec_view,
};

/* ---- what distance functions mean ---- */

typedef struct TypedescDistance
{
	PGFunction	fn;
	const RvTypeDesc *type;
	RveMetric	metric;
} TypedescDistance;

static const TypedescDistance typedesc_distances[] = {
	{vector_l2_squared_distance, &typedesc_vector, RVE_METRIC_L2},
	{vector_negative_inner_product, &typedesc_vector, RVE_METRIC_IP},
	{vector_l1_distance, &typedesc_vector, RVE_METRIC_L1},
	{halfvec_l2_squared_distance, &typedesc_halfvec, RVE_METRIC_L2},
	{halfvec_negative_inner_product, &typedesc_halfvec, RVE_METRIC_IP},
	{halfvec_l1_distance, &typedesc_halfvec, RVE_METRIC_L1},
	{sparsevec_l2_squared_distance, &typedesc_sparsevec, RVE_METRIC_L2},
	{sparsevec_negative_inner_product, &typedesc_sparsevec, RVE_METRIC_IP},
	{sparsevec_l1_distance, &typedesc_sparsevec, RVE_METRIC_L1},
	{hamming_distance, &typedesc_bit, RVE_METRIC_HAMMING},
	{jaccard_distance, &typedesc_bit, RVE_METRIC_JACCARD},
	{binaryvec_hamming_distance, &typedesc_binaryvec, RVE_METRIC_HAMMING},
	{binaryvec_jaccard_distance, &typedesc_binaryvec, RVE_METRIC_JACCARD},
};

bool
rv_types_lookup_distance(PGFunction fn, bool normalized,
						 const RvTypeDesc **type, RveMetric *metric)
{
	for (int i = 0; i < lengthof(typedesc_distances); i++)
	{
		const TypedescDistance *known = &typedesc_distances[i];

		if (known->fn == fn)
		{
			*type = known->type;
			*metric = normalized && known->metric == RVE_METRIC_IP ?
				RVE_METRIC_COSINE : known->metric;
			return true;
		}
	}
	return false;
}
