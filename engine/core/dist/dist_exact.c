/*-------------------------------------------------------------------------
 *
 * dist_exact.c
 *	  Exact distance of two vectors of any kind of elements.
 *
 * Dense vectors and bits go to the kernel table in use. Sparse vectors are
 * merged by index here: a branch per element, so no instruction set helps.
 * Like the kernels, sums are accumulated in float32.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

#include <math.h>

/* One coordinate of a pair of sparse vectors; the value of a vector that lacks it is 0. */
static inline float
dist_exact_term(RveMetric metric, float x, float y)
{
	switch (metric)
	{
		case RVE_METRIC_IP:
			return x * y;
		case RVE_METRIC_L1:
			return fabsf(x - y);
		default:
			return (x - y) * (x - y);
	}
}

static float
dist_exact_sparse(RveMetric metric, const RveVectorView *a, const RveVectorView *b)
{
	float		sum = 0.0f;
	int			i = 0;
	int			j = 0;

	while (i < a->count && j < b->count)
	{
		if (a->index[i] == b->index[j])
			sum += dist_exact_term(metric, a->x[i++], b->x[j++]);
		else if (a->index[i] < b->index[j])
			sum += dist_exact_term(metric, a->x[i++], 0.0f);
		else
			sum += dist_exact_term(metric, 0.0f, b->x[j++]);
	}
	for (; i < a->count; i++)
		sum += dist_exact_term(metric, a->x[i], 0.0f);
	for (; j < b->count; j++)
		sum += dist_exact_term(metric, 0.0f, b->x[j]);
	return metric == RVE_METRIC_IP ? -sum : sum;
}

static double
dist_exact_bits(RveMetric metric, const RveVectorView *a, const RveVectorView *b)
{
	size_t		bytes = ((size_t) a->dim + 7) / 8;
	uint64_t	both;
	uint64_t	either;

	if (metric == RVE_METRIC_HAMMING)
		return (double) rve_dist_get()->hamming(a->bits, b->bits, bytes);
	rve_dist_get()->bits_common(a->bits, b->bits, bytes, &both, &either);
	return both == 0 ? 1.0 : 1.0 - (double) both / (double) either;
}

double
rve_dist_exact(RveMetric metric, const RveVectorView *a, const RveVectorView *b)
{
	const RveDistTable *kernels = rve_dist_get();
	size_t		n = (size_t) a->dim;

	switch (a->elements)
	{
		case RVE_SPARSE:
			return dist_exact_sparse(metric, a, b);
		case RVE_BITS:
			return dist_exact_bits(metric, a, b);
		case RVE_DENSE:
			break;
	}
	switch (metric)
	{
		case RVE_METRIC_IP:
			return -kernels->ip_f32(a->x, b->x, n);
		case RVE_METRIC_L1:
			return kernels->l1_f32(a->x, b->x, n);
		default:				/* cosine: of normalised vectors */
			return kernels->l2sq_f32(a->x, b->x, n);
	}
}
