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
#define RV_HALFVEC_MAX_DIM 16000
#define RV_SPARSEVEC_MAX_DIM 1000000000
#define RV_SPARSEVEC_MAX_NNZ 16000
#define RV_SPARSEVEC_MAX_INDEXED_NNZ 1000	/* an index takes no more, as in pgvector */
#define RV_BINARYVEC_MAX_DIM 64000
#define RV_BIT_MAX_INDEXED_DIM 64000

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

/* type "halfvec": the same bytes as pgvector's; x holds IEEE 754 binary16 */
typedef struct RvHalfvecData
{
	int32		vl_len_;		/* varlena header; do not touch directly */
	int16		dim;
	int16		unused;			/* always zero */
	uint16		x[FLEXIBLE_ARRAY_MEMBER];
} RvHalfvecData;

typedef RvHalfvecData *RvHalfvec;

#define DatumGetRvHalfvec(d) ((RvHalfvec) PG_DETOAST_DATUM(d))

/* type "sparsevec": the same bytes as pgvector's */
typedef struct RvSparsevecData
{
	int32		vl_len_;		/* varlena header; do not touch directly */
	int32		dim;
	int32		nnz;			/* number of elements that are stored */
	int32		unused;			/* always zero */
	int32		index[FLEXIBLE_ARRAY_MEMBER];	/* zero-based, ascending; then float x[nnz] */
} RvSparsevecData;

typedef RvSparsevecData *RvSparsevec;

#define RV_SPARSEVEC_VALUES(v) ((float *) ((v)->index + (v)->nnz))
#define DatumGetRvSparsevec(d) ((RvSparsevec) PG_DETOAST_DATUM(d))

/* type "binaryvec": dim bits, the first in the top of bits[0], the rest of the last byte zero */
typedef struct RvBinaryvecData
{
	int32		vl_len_;		/* varlena header; do not touch directly */
	int32		dim;
	uint8		bits[FLEXIBLE_ARRAY_MEMBER];
} RvBinaryvecData;

typedef RvBinaryvecData *RvBinaryvec;

#define RV_BINARYVEC_BYTES(dim) (((dim) + 7) / 8)
#define DatumGetRvBinaryvec(d) ((RvBinaryvec) PG_DETOAST_DATUM(d))

/* What an index method needs to know of an element type. */
typedef struct RvTypeDesc
{
	const char *name;			/* SQL name, for messages */
	RveElements elements;
	int			max_dim;		/* largest an index takes; the type's own limit for all but bit */

	/* Dimensions of a (possibly toasted) datum; its elements are not fetched. */
	int			(*dim) (Datum value);

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
