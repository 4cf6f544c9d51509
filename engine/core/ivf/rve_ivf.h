/*-------------------------------------------------------------------------
 *
 * rve_ivf.h
 *	  Inverted lists: k-means, and 1-bit codes scanned 32 at a time.
 *
 * k-means clusters a sample; a list is what is nearest to one centroid.
 *
 * Codes are RaBitQ with one bit a coordinate (vector-search.md section 5).
 * With r = P(o - c), c the list's centroid, x = u - 1/2 on the coded
 * coordinates and 0 on the others, n2 = |r|^2, shrink = n2 / <r,x>,
 * q' = P(q - origin), c' = P(c - origin):
 *	  L2 (squared)	 est = add + |q-c|^2 + resc * <x,q'>
 *					 add = n2 + 2 shrink <x,c'>, resc = -2 shrink
 *	  inner product  (negated)
 *					 est = add - <q,c> + resc * <x,q'>
 *					 add = -<o-c,c> + shrink <x,c'>, resc = -shrink
 * so that one table of <x,q'> serves all lists of a query. The estimate is
 * off by more than err * |q-c| in about 6 % of the cases, both signs together
 * (RVE_IVF_EPS0); lower bounds are RVE_IVF_MARGIN times as wide. Cosine is L2 over vectors the caller has normalised, Hamming is
 * L2 over bits taken as 0 and 1.
 *
 * At most RVE_IVF_MAX_CODED coordinates of the rotated vector get a bit, so
 * that a block fits on a page: the estimate of a longer vector is as good as
 * one of that many dimensions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RVE_IVF_H
#define RVE_IVF_H

#include "engine/core/quant/rve_quant.h"

#define RVE_IVF_BLOCK 32		/* codes in a block */
#define RVE_IVF_MAX_CODED 1792	/* coordinates of a code; a multiple of 64 */
#define RVE_IVF_MAX_DIM 64000
#define RVE_IVF_EPS0 1.9		/* width of the error interval in standard deviations */

/*
 * Lower bounds are five standard deviations below the estimate: wrong for one
 * row in some millions. They cost little: on 50,000 vectors of 768 dimensions 60 rows are
 * measured for the 10 nearest, 23 with the interval itself.
 */
#define RVE_IVF_MARGIN 2.6

/* ---- k-means ---- */

typedef struct RveKmeansParams
{
	int			dim;
	int			lists;			/* centroids wanted */
	bool		spherical;		/* vectors count by direction (inner product, cosine) */
	bool		random_start;	/* from random samples: lists follow density, not outliers */
	int			iterations;		/* at most; 0 = the default */
	uint64_t	seed;
} RveKmeansParams;

/*
 * Clusters n samples (n * dim floats) into *found <= lists centroids (lists *
 * dim floats): fewer when there are fewer different samples, none when n = 0.
 * With spherical, samples of length zero are ignored, and centroids are the
 * means of the samples as given. *error becomes rve_kmeans_error of the
 * samples. Needs O(lists * dim + n) memory. Errors: RVE_NO_MEMORY, RVE_INTERRUPTED,
 * RVE_INVALID_ARGUMENT.
 */
extern RveStatus rve_kmeans_train(const RveKmeansParams *params, const float *samples, size_t n,
								  float *centroids, int *found, double *error);

/* Centroids to rank: count * dim floats. */
typedef struct RveCentroids
{
	const float *x;
	const float *inverse_norms; /* inverse lengths when directions count; else NULL */
	size_t		count;
	int			dim;
} RveCentroids;

/*
 * What lists are ranked by, smaller is nearer: squared distance or, with
 * inverse_norms, the negated inner product with the centroid's direction.
 */
extern void rve_kmeans_rank(const RveCentroids *centroids, const float *v, float *rank);
extern void rve_kmeans_inverse_norms(const float *centroids, size_t lists, int dim,
									 float *inverse_norms);

/*
 * The nearest centroid of each of n vectors; centroids pass through the
 * processor's cache once for several vectors. ranks may be NULL.
 */
extern void rve_kmeans_assign(const RveCentroids *centroids, const float *vectors, size_t n,
							  uint32_t *nearest, float *ranks);

/*
 * How far n vectors are from their nearest centroids: the mean of the squared
 * distances or, where directions count, of 1 - cosine. 0 when interrupted.
 */
extern double rve_kmeans_error(const RveCentroids *centroids, const float *vectors, size_t n);

/* ---- codes ---- */

typedef struct RveIvfCodec RveIvfCodec;
typedef struct RveIvfQuery RveIvfQuery;

/* What is stored beside a code. */
typedef struct RveIvfFactors
{
	float		add;
	float		resc;
	float		err;
} RveIvfFactors;

/* A block's factors, one of each per code. */
typedef struct RveIvfBlockFactors
{
	float		add[RVE_IVF_BLOCK];
	float		resc[RVE_IVF_BLOCK];
	float		err[RVE_IVF_BLOCK];
} RveIvfBlockFactors;

/* Coordinates that get a bit, and bytes of a block's codes and of a single code. */
extern int	rve_ivf_coded_dim(int dim);
extern size_t rve_ivf_block_bytes(int dim);
extern size_t rve_ivf_code_bytes(int dim);

/*
 * A codec of dim dimensions (1 .. RVE_IVF_MAX_DIM); metric L2, IP, COSINE or
 * HAMMING; seed of the rotation. Immutable but for its scratch space. Errors:
 * RVE_INVALID_ARGUMENT, RVE_NO_MEMORY.
 */
extern RveStatus rve_ivf_codec_create(int dim, RveMetric metric, uint64_t seed,
									  RveIvfCodec **codec);
extern void rve_ivf_codec_free(RveIvfCodec *codec);

/* Floats that rve_ivf_rotate_centroid fills. */
extern size_t rve_ivf_rotated_dim(const RveIvfCodec *codec);

/* c' = P(centroid - origin); origin NULL = zero. */
extern void rve_ivf_rotate_centroid(const RveIvfCodec *codec, const float *centroid,
									const float *origin, float *rotated);

/*
 * Encodes v against a centroid; code has rve_ivf_code_bytes, bit i of byte
 * i / 8 is coordinate i. The factors are finite whatever v is.
 */
extern void rve_ivf_encode(RveIvfCodec *codec, const float *v, const float *centroid,
						   const float *rotated, uint8_t *code, RveIvfFactors *factors);

/* Puts a code at place i of a block, takes it from there. */
extern void rve_ivf_block_put(uint8_t *block, int coded_dim, int i, const uint8_t *code);
extern void rve_ivf_block_get(const uint8_t *block, int coded_dim, int i, uint8_t *code);

/* Prepares q; reuses *query unless it is NULL. Free with rve_ivf_query_free. */
extern RveStatus rve_ivf_query_prepare(RveIvfCodec *codec, const float *q, const float *origin,
									   RveIvfQuery **query);
extern void rve_ivf_query_free(RveIvfQuery *query);

/*
 * Lower bounds of 32 distances, and upper ones (by the interval). base: |q-c|^2 or -<q,c>; reach:
 * |q-c|. A bound that is not a number (overflow) comes out as -FLT_MAX.
 */
extern void rve_ivf_scan_block(const RveIvfQuery *query, const uint8_t *block,
							   const RveIvfBlockFactors *factors, float base, float reach,
							   float *lower, float *upper);

/* The sums of table entries that the above starts from, by the table in use; for tests. */
extern void rve_ivf_block_sums(const uint8_t *block, const uint8_t *table, int coded_dim,
							   uint32_t *sums);

#endif							/* RVE_IVF_H */
