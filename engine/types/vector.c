/*-------------------------------------------------------------------------
 *
 * vector.c
 *	  Type "vector": float32 elements, the same bytes as pgvector's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/types/types_int.h"

/* what is stored, dumped in binary and sent over the wire depends on these */
StaticAssertDecl(offsetof(RvVectorData, dim) == 4, "vector: dim follows the varlena header");
StaticAssertDecl(offsetof(RvVectorData, x) == 8, "vector: elements begin at byte 8");
StaticAssertDecl(sizeof(float) == 4, "vector: elements are IEEE 754 single precision");

#define DENSEVEC_NAME vector
#define DENSEVEC_DATA RvVectorData
#define DENSEVEC_ELEMENT float
#define DENSEVEC_MAX_DIM RV_VECTOR_MAX_DIM
#define DENSEVEC_LIMIT get_float4_infinity()
#define DENSEVEC_TO_F32(x) (x)
#define DENSEVEC_FROM_F32(f) (f)
#define DENSEVEC_SEND(buf, x) pq_sendfloat4(buf, x)
#define DENSEVEC_RECV(buf) pq_getmsgfloat4(buf)
#define DENSEVEC_KERNEL(verb) (rve_dist_get()->verb##_f32)
#include "engine/types/densevec_tmpl.h"

RvVector
rv_types_new_vector(int dim)
{
	return vector_new(dim);
}
