/*-------------------------------------------------------------------------
 *
 * rv_types.h
 *	  Vector datum layouts and the one type descriptor for all users of them.
 *
 * An index method never knows a type by name: it asks
 * rv_types_lookup_distance what the opclass's distance procedure means and
 * reads vectors through the RvTypeDesc it gets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RV_TYPES_H
#define RV_TYPES_H

#include "fmgr.h"

#include "engine/core/quant/rve_quant.h"

#define RV_VECTOR_MAX_DIM 16000
#define RV_BITS_MAX_DIM 64000	/* of an indexed bit string, and of binaryvec */
#define RV_SPARSE_MAX_DIM 1000000000
#define RV_SPARSE_MAX_NNZ 16000
#define RV_SPARSE_INDEX_MAX 1000	/* non-zero elements of an indexed sparsevec */

/* type "vector": the same bytes as pgvector's */
typedef struct RvVectorData
{
	int32		vl_len_;		/* varlena header; do not touch directly */
	int16		dim;
	int16		unused;			/* always zero */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} RvVectorData;

typedef RvVectorData *RvVector;

#define RV_VECTOR_SIZE(dim) (offsetof(RvVectorData, x) + sizeof(float) * (dim))
#define DatumGetRvVector(d) ((RvVector) PG_DETOAST_DATUM(d))
#define PG_GETARG_RVVECTOR_P(n) DatumGetRvVector(PG_GETARG_DATUM(n))
#define PG_RETURN_RVVECTOR_P(v) PG_RETURN_POINTER(v)

/* What an index method needs to know of an element type. */
typedef struct RvTypeDesc
{
	const char *name;			/* SQL name, for messages */
	RveElements elements;
	int			max_dim;

	/*
	 * Dimensions of a (possibly toasted) datum, and its elements as float32
	 * into out[dim] (dense types; NULL for others). to_f32 detoasts and frees what it detoasted.
	 */
	int			(*dim) (Datum value);
	void		(*to_f32) (Datum value, float *out, int dim);

	/*
	 * Any type's value as the engine takes it, for the life of
	 * CurrentMemoryContext and of value.
	 */
	void		(*view) (Datum value, RveVectorView *view);
} RvTypeDesc;

/*
 * What a distance function of ours means: fn is FmgrInfo.fn_addr of an
 * opclass's support procedure 1. normalized = the opclass also has a norm
 * procedure (cosine classes pass negative inner product over normalised
 * vectors). Returns false for a function that is not ours.
 */
extern bool rv_types_lookup_distance(PGFunction fn, bool normalized,
									 const RvTypeDesc **type, RveMetric *metric);

/*
 * A new zeroed vector of dim dimensions in CurrentMemoryContext; raises 22000
 * or 54000 when dim is out of range.
 */
extern RvVector rv_types_new_vector(int dim);

#endif							/* RV_TYPES_H */
