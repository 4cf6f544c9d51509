/*-------------------------------------------------------------------------
 *
 * dist_sparse.c
 *	  Distances of sparse vectors in portable C: the reference, and what the
 *	  tables without a better way use.
 *
 * Two ascending lists of positions are merged. Which list has the next
 * position is unpredictable, so it is computed, not branched on.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#include <math.h>

/* value where mask is all ones, 0 where it is 0 */
static inline float
dist_sparse_keep(float value, int32_t mask)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	bits &= (uint32_t) mask;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/*
 * The loop the distances share: TERM(x, y) is what one position adds; the
 * value of a vector that lacks it is 0.
 */
#define DIST_SPARSE_MERGE(TERM) \
	float		sum = 0.0f; \
	int			i = 0; \
	int			j = 0; \
	\
	while (i < a->count && j < b->count) \
	{ \
		int32_t		take_a = -(int32_t) (a->index[i] <= b->index[j]); \
		int32_t		take_b = -(int32_t) (b->index[j] <= a->index[i]); \
		float		x = dist_sparse_keep(a->x[i], take_a); \
		float		y = dist_sparse_keep(b->x[j], take_b); \
	\
		sum += TERM(x, y); \
		i -= take_a; \
		j -= take_b; \
	} \
	for (; i < a->count; i++) \
		sum += TERM(a->x[i], 0.0f); \
	for (; j < b->count; j++) \
		sum += TERM(0.0f, b->x[j]); \
	return sum

#define DIST_SPARSE_L2(x, y) (((x) - (y)) * ((x) - (y)))
#define DIST_SPARSE_L1(x, y) fabsf((x) - (y))

float
rvi_dist_sparse_l2sq(const RveVectorView *a, const RveVectorView *b)
{
	DIST_SPARSE_MERGE(DIST_SPARSE_L2);
}

float
rvi_dist_sparse_l1(const RveVectorView *a, const RveVectorView *b)
{
	DIST_SPARSE_MERGE(DIST_SPARSE_L1);
}

/* Only what both have counts, so there is nothing to do for the rest of one. */
float
rvi_dist_sparse_ip(const RveVectorView *a, const RveVectorView *b)
{
	float		sum = 0.0f;
	int			i = 0;
	int			j = 0;

	while (i < a->count && j < b->count)
	{
		int32_t		take_a = -(int32_t) (a->index[i] <= b->index[j]);
		int32_t		take_b = -(int32_t) (b->index[j] <= a->index[i]);

		sum += dist_sparse_keep(a->x[i], take_b) * dist_sparse_keep(b->x[j], take_a);
		i -= take_a;
		j -= take_b;
	}
	return sum;
}
