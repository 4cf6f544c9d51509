/*-------------------------------------------------------------------------
 *
 * dist_exact.c
 *	  Exact distance of two vectors of any kind of elements, by the kernel
 *	  table in use.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/dist_int.h"

static double
dist_exact_sparse(RveMetric metric, const RveVectorView *a, const RveVectorView *b)
{
	const RveDistTable *kernels = rve_dist_get();

	switch (metric)
	{
		case RVE_METRIC_IP:
			return -kernels->ip_sparse(a, b);
		case RVE_METRIC_L1:
			return kernels->l1_sparse(a, b);
		default:				/* cosine: of normalised vectors */
			return kernels->l2sq_sparse(a, b);
	}
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
