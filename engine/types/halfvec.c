/*-------------------------------------------------------------------------
 *
 * halfvec.c
 *	  Type "halfvec": binary16 elements, the same bytes as pgvector's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "engine/types/types_int.h"

/* what is stored, dumped in binary and sent over the wire depends on these */
StaticAssertDecl(offsetof(RvHalfvecData, dim) == 4, "halfvec: dim follows the varlena header");
StaticAssertDecl(offsetof(RvHalfvecData, x) == 8, "halfvec: elements begin at byte 8");

#define DENSEVEC_NAME halfvec
#define DENSEVEC_DATA RvHalfvecData
#define DENSEVEC_ELEMENT uint16
#define DENSEVEC_MAX_DIM RV_HALFVEC_MAX_DIM
#define DENSEVEC_LIMIT 65520.0f
#define DENSEVEC_TO_F32(x) rve_dist_half_to_f32(x)
#define DENSEVEC_FROM_F32(f) rve_dist_half_from_f32(f)
#define DENSEVEC_SEND(buf, x) pq_sendint16(buf, x)
#define DENSEVEC_RECV(buf) ((uint16) pq_getmsgint(buf, sizeof(uint16)))
#define DENSEVEC_KERNEL(verb) (rve_dist_get()->verb##_f16)
#include "engine/types/densevec_tmpl.h"

RvHalfvec
rvi_types_new_halfvec(int dim)
{
	return halfvec_new(dim);
}

uint16
rvi_types_half_element(float value)
{
	return halfvec_element(value);
}
