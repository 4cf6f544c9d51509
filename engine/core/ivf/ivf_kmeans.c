/*-------------------------------------------------------------------------
 *
 * ivf_kmeans.c
 *	  k-means: k-means++ on a part of the samples, then Lloyd's iterations.
 *
 * Arthur and Vassilvitskii (2007); Lloyd (1982). The first iterations run on
 * a part of the samples, the last ones on all: samples come in random order.
 * A list left without samples takes one of the fullest list's. With
 * spherical, vectors take part as directions.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/ivf/rve_ivf.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define KMEANS_ITERATIONS 10
#define KMEANS_FULL_ITERATIONS 3	/* the last ones, on all samples */
#define KMEANS_PART 24			/* samples a list in the iterations before */
#define KMEANS_SEED_PART 12		/* samples a list that k-means++ looks at */
#define KMEANS_SEED_LISTS 4096	/* more lists start from random samples */
#define KMEANS_TILE 8			/* vectors that share one pass over the centroids */
#define KMEANS_SETTLED 0.002	/* share of samples that still move when it stops */

typedef struct Kmeans
{
	const RveKmeansParams *params;
	const float *samples;
	size_t		n;
	int			lists;			/* centroids so far */
	float	   *centroids;
	float	   *inverse_norms;	/* of the centroids; spherical */
	float	   *sample_norms;	/* inverse, 0 = ignored; spherical */
	uint32_t   *nearest;		/* of each sample */
	uint32_t   *counts;			/* samples of each list */
	uint64_t	random;
} Kmeans;

/* ---- distances ---- */

static float
kmeans_inverse_norm(const float *v, int dim)
{
	double		norm2 = 0.0;

	for (int i = 0; i < dim; i++)
		norm2 += (double) v[i] * v[i];
	return norm2 > 0.0 && isfinite(1.0 / sqrt(norm2)) ? (float) (1.0 / sqrt(norm2)) : 0.0f;
}

void
rve_kmeans_inverse_norms(const float *centroids, size_t lists, int dim, float *inverse_norms)
{
	for (size_t i = 0; i < lists; i++)
		inverse_norms[i] = kmeans_inverse_norm(centroids + i * (size_t) dim, dim);
}

static inline float
kmeans_rank_one(const RveCentroids *centroids, const RveDistTable *kernels, size_t i,
				const float *v)
{
	size_t		dim = (size_t) centroids->dim;
	const float *c = centroids->x + i * dim;

	if (centroids->inverse_norms != NULL)
		return -kernels->ip_f32(v, c, dim) * centroids->inverse_norms[i];
	return kernels->l2sq_f32(v, c, dim);
}

void
rve_kmeans_rank(const RveCentroids *centroids, const float *v, float *rank)
{
	const RveDistTable *kernels = rve_dist_get();

	for (size_t i = 0; i < centroids->count; i++)
		rank[i] = kmeans_rank_one(centroids, kernels, i, v);
}

/* The nearest centroid of at most KMEANS_TILE vectors. */
static void
kmeans_assign_tile(const RveCentroids *centroids, const float *vectors, size_t n,
				   uint32_t *nearest, float *best)
{
	const RveDistTable *kernels = rve_dist_get();

	for (size_t j = 0; j < n; j++)
	{
		best[j] = INFINITY;
		nearest[j] = 0;
	}
	for (size_t i = 0; i < centroids->count; i++)
	{
		for (size_t j = 0; j < n; j++)
		{
			float		rank = kmeans_rank_one(centroids, kernels, i,
											   vectors + j * (size_t) centroids->dim);

			if (rank < best[j])
			{
				best[j] = rank;
				nearest[j] = (uint32_t) i;
			}
		}
	}
}

void
rve_kmeans_assign(const RveCentroids *centroids, const float *vectors, size_t n,
				  uint32_t *nearest, float *ranks)
{
	float		best[KMEANS_TILE];

	for (size_t start = 0; start < n; start += KMEANS_TILE)
	{
		size_t		tile = n - start < KMEANS_TILE ? n - start : KMEANS_TILE;

		kmeans_assign_tile(centroids, vectors + start * (size_t) centroids->dim, tile,
						   nearest + start, best);
		if (ranks != NULL)
			memcpy(ranks + start, best, tile * sizeof(float));
	}
}

double
rve_kmeans_error(const RveCentroids *centroids, const float *vectors, size_t n)
{
	uint32_t	nearest[KMEANS_TILE];
	float		ranks[KMEANS_TILE];
	double		sum = 0.0;

	for (size_t start = 0; start < n; start += KMEANS_TILE)
	{
		size_t		tile = n - start < KMEANS_TILE ? n - start : KMEANS_TILE;
		const float *first = vectors + start * (size_t) centroids->dim;

		if (rve_base_interrupted())
			return 0.0;
		kmeans_assign_tile(centroids, first, tile, nearest, ranks);
		for (size_t i = 0; i < tile; i++)
		{
			double		error = ranks[i];

			if (centroids->inverse_norms != NULL)
				error = 1.0 + error * kmeans_inverse_norm(first + i * (size_t) centroids->dim,
														  centroids->dim);
			sum += error < FLT_MAX ? error : FLT_MAX;
		}
	}
	return n > 0 ? sum / (double) n : 0.0;
}

/* ---- the start ---- */

static const float *
kmeans_sample(const Kmeans *k, size_t i)
{
	return k->samples + i * (size_t) k->params->dim;
}

static bool
kmeans_counts(const Kmeans *k, size_t i)
{
	return !k->params->spherical || k->sample_norms[i] > 0.0f;
}

static void
kmeans_add_centroid(Kmeans *k, size_t sample)
{
	memcpy(k->centroids + (size_t) k->lists * (size_t) k->params->dim, kmeans_sample(k, sample),
		   (size_t) k->params->dim * sizeof(float));
	k->lists++;
}

/* How far a sample is from a centroid, never below zero: 0 = the same point or direction. */
static float
kmeans_gap(const Kmeans *k, size_t i, const float *c, float inverse_norm)
{
	const RveDistTable *kernels = rve_dist_get();
	size_t		dim = (size_t) k->params->dim;
	float		gap;

	if (!k->params->spherical)
		return kernels->l2sq_f32(kmeans_sample(k, i), c, dim);
	gap = 1.0f - kernels->ip_f32(kmeans_sample(k, i), c, dim) * inverse_norm * k->sample_norms[i];
	return gap > 1e-6f ? gap : 0.0f;	/* rounding keeps equal directions apart otherwise */
}

/* A sample drawn with probability proportional to gaps[i]; n when all are zero. */
static size_t
kmeans_draw(Kmeans *k, const float *gaps, size_t n)
{
	double		total = 0.0;
	double		at;
	size_t		last = n;

	for (size_t i = 0; i < n; i++)
		total += gaps[i];
	if (!(total > 0.0) || !isfinite(total))
		return n;
	at = rve_base_random_unit(&k->random) * total;
	for (size_t i = 0; i < n; i++)
	{
		if (gaps[i] <= 0.0f)
			continue;
		last = i;
		at -= gaps[i];
		if (at <= 0.0)
			break;
	}
	return last;
}

/* k-means++ over the first n samples. */
static RveStatus
kmeans_seed(Kmeans *k, size_t n)
{
	float	   *gaps = rve_base_alloc_array(n, sizeof(float));
	size_t		chosen;

	if (gaps == NULL)
		return RVE_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		gaps[i] = kmeans_counts(k, i) ? FLT_MAX / 4.0f / (float) n : 0.0f;
	while (k->lists < k->params->lists && (chosen = kmeans_draw(k, gaps, n)) < n)
	{
		const float *c = k->centroids + (size_t) k->lists * (size_t) k->params->dim;
		float		inverse_norm;

		if (rve_base_interrupted())
		{
			rve_base_free(gaps);
			return RVE_INTERRUPTED;
		}
		kmeans_add_centroid(k, chosen);
		inverse_norm = k->params->spherical ? kmeans_inverse_norm(c, k->params->dim) : 1.0f;
		for (size_t i = 0; i < n; i++)
		{
			float		gap = gaps[i] > 0.0f ? kmeans_gap(k, i, c, inverse_norm) : 0.0f;

			gaps[i] = gap < gaps[i] ? gap : gaps[i];
		}
		gaps[chosen] = 0.0f;
	}
	rve_base_free(gaps);
	return RVE_OK;
}

/* Random samples, as samples come in random order: equal ones leave lists empty, which Lloyd refills. */
static void
kmeans_seed_random(Kmeans *k)
{
	for (size_t i = 0; i < k->n && k->lists < k->params->lists; i++)
		if (kmeans_counts(k, i))
			kmeans_add_centroid(k, i);
}

/* ---- iterations ---- */

static void
kmeans_view(const Kmeans *k, RveCentroids *centroids)
{
	centroids->x = k->centroids;
	centroids->inverse_norms = k->params->spherical ? k->inverse_norms : NULL;
	centroids->count = (size_t) k->lists;
	centroids->dim = k->params->dim;
	if (k->params->spherical)
		rve_kmeans_inverse_norms(k->centroids, (size_t) k->lists, k->params->dim,
								 k->inverse_norms);
}

static RveStatus
kmeans_assign_samples(Kmeans *k, size_t n, size_t *moved)
{
	uint32_t	nearest[KMEANS_TILE * 8];
	const size_t step = sizeof(nearest) / sizeof(nearest[0]);
	RveCentroids centroids;

	*moved = 0;
	kmeans_view(k, &centroids);
	for (size_t start = 0; start < n; start += step)
	{
		size_t		count = n - start < step ? n - start : step;

		if (rve_base_interrupted())
			return RVE_INTERRUPTED;
		rve_kmeans_assign(&centroids, kmeans_sample(k, start), count, nearest, NULL);
		for (size_t i = 0; i < count; i++)
		{
			*moved += k->nearest[start + i] != nearest[i];
			k->nearest[start + i] = nearest[i];
		}
	}
	return RVE_OK;
}

/* Centroids become the means of the first n samples' lists; `raw` ignores that they are directions. */
static void
kmeans_update(Kmeans *k, size_t n, bool raw)
{
	size_t		dim = (size_t) k->params->dim;
	float	   *sums = k->centroids;

	/* an empty list keeps its centroid, all others are summed up anew */
	memset(k->counts, 0, (size_t) k->lists * sizeof(uint32_t));
	for (size_t i = 0; i < n; i++)
		if (kmeans_counts(k, i))
			k->counts[k->nearest[i]]++;
	for (int l = 0; l < k->lists; l++)
		if (k->counts[l] > 0)
			memset(sums + (size_t) l * dim, 0, dim * sizeof(float));
	for (size_t i = 0; i < n; i++)
	{
		float	   *sum = sums + k->nearest[i] * dim;
		const float *v = kmeans_sample(k, i);
		float		weight;

		if (!kmeans_counts(k, i))
			continue;

		/* divided first: sums of huge numbers stay finite */
		weight = (k->params->spherical && !raw ? k->sample_norms[i] : 1.0f) /
			(float) k->counts[k->nearest[i]];
		for (size_t d = 0; d < dim; d++)
			sum[d] += v[d] * weight;
	}
}

/* Gives each empty list a sample of the fullest one. */
static void
kmeans_refill(Kmeans *k, size_t n)
{
	for (int l = 0; l < k->lists; l++)
	{
		int			fullest = 0;
		size_t		start;

		if (k->counts[l] > 0)
			continue;
		for (int i = 1; i < k->lists; i++)
			if (k->counts[i] > k->counts[fullest])
				fullest = i;
		if (k->counts[fullest] < 2)
			return;
		start = (size_t) (rve_base_random_next(&k->random) % n);
		for (size_t i = 0; i < n; i++)
		{
			size_t		sample = (start + i) % n;

			if (k->nearest[sample] != (uint32_t) fullest || !kmeans_counts(k, sample))
				continue;
			memcpy(k->centroids + (size_t) l * (size_t) k->params->dim, kmeans_sample(k, sample),
				   (size_t) k->params->dim * sizeof(float));
			k->nearest[sample] = (uint32_t) l;
			break;
		}
		k->counts[fullest]--;
		k->counts[l] = 1;
	}
}

/* Lists that no sample is nearest to leave. */
static void
kmeans_drop_empty(Kmeans *k)
{
	size_t		dim = (size_t) k->params->dim;
	int			kept = 0;

	for (int l = 0; l < k->lists; l++)
	{
		if (k->counts[l] == 0)
			continue;
		if (kept != l)
			memmove(k->centroids + (size_t) kept * dim, k->centroids + (size_t) l * dim,
					dim * sizeof(float));
		kept++;
	}
	k->lists = kept;
}

static RveStatus
kmeans_iterate(Kmeans *k)
{
	int			iterations = k->params->iterations > 0 ? k->params->iterations : KMEANS_ITERATIONS;
	size_t		part = (size_t) k->lists * KMEANS_PART;
	RveStatus	status;
	size_t		moved;
	int			full = iterations - KMEANS_FULL_ITERATIONS;

	if (part > k->n)
		part = k->n;
	memset(k->nearest, 0xFF, k->n * sizeof(uint32_t));
	for (int i = 0; i < iterations; i++)
	{
		size_t		n = i >= full ? k->n : part;

		status = kmeans_assign_samples(k, n, &moved);
		if (status != RVE_OK)
			return status;
		kmeans_update(k, n, false);
		if (i < iterations - 1)
			kmeans_refill(k, n);
		if ((double) moved <= KMEANS_SETTLED * (double) n)
		{
			if (n == k->n)
				break;
			i = i < full ? full - 1 : i;
		}
	}
	status = kmeans_assign_samples(k, k->n, &moved);
	if (status != RVE_OK)
		return status;
	kmeans_update(k, k->n, true);
	kmeans_drop_empty(k);
	return RVE_OK;
}

/* ---- entry ---- */

static RveStatus
kmeans_allocate(Kmeans *k)
{
	size_t		lists = (size_t) k->params->lists;

	k->nearest = rve_base_alloc_array(k->n, sizeof(uint32_t));
	k->counts = rve_base_alloc_array(lists, sizeof(uint32_t));
	k->inverse_norms = rve_base_alloc_array(lists, sizeof(float));
	if (k->nearest == NULL || k->counts == NULL || k->inverse_norms == NULL)
		return RVE_NO_MEMORY;
	if (!k->params->spherical)
		return RVE_OK;
	k->sample_norms = rve_base_alloc_array(k->n, sizeof(float));
	if (k->sample_norms == NULL)
		return RVE_NO_MEMORY;
	rve_kmeans_inverse_norms(k->samples, k->n, k->params->dim, k->sample_norms);
	return RVE_OK;
}

RveStatus
rve_kmeans_train(const RveKmeansParams *params, const float *samples, size_t n,
				 float *centroids, int *found, double *error)
{
	Kmeans		k = {0};
	RveCentroids view;
	RveStatus	status;

	*found = 0;
	*error = 0.0;
	if (params->dim < 1 || params->dim > RVE_IVF_MAX_DIM || params->lists < 1 ||
		n > UINT32_MAX)
		return RVE_INVALID_ARGUMENT;
	if (n == 0)
		return RVE_OK;
	k.params = params;
	k.samples = samples;
	k.n = n;
	k.centroids = centroids;
	k.random = params->seed;
	status = kmeans_allocate(&k);
	if (status == RVE_OK)
	{
		size_t		part = (size_t) params->lists * KMEANS_SEED_PART;

		if (params->random_start || params->lists > KMEANS_SEED_LISTS)
			kmeans_seed_random(&k);
		else
			status = kmeans_seed(&k, part < n ? part : n);
	}
	if (status == RVE_OK && k.lists > 0)
		status = kmeans_iterate(&k);
	if (status == RVE_OK)
	{
		*found = k.lists;
		kmeans_view(&k, &view);
		if (k.lists > 0)
			*error = rve_kmeans_error(&view, samples, n);
	}
	rve_base_free(k.nearest);
	rve_base_free(k.counts);
	rve_base_free(k.inverse_norms);
	rve_base_free(k.sample_norms);
	return status;
}
