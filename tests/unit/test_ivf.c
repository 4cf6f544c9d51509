/*-------------------------------------------------------------------------
 *
 * test_ivf.c
 *	  Unit tests of engine/core/ivf: k-means, blocks of 32 codes, kernels
 *	  against the scalar one, bounds against exact distances.
 *
 * Everything is seeded: a failure repeats.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/ivf/rve_ivf.h"

static double
test_ivf_normal(uint64_t *state)
{
	return sqrt(-2.0 * log(rve_base_random_unit(state))) *
		cos(6.283185307179586 * rve_base_random_unit(state));
}

/* n points around `centres` centres far from each other; point i belongs to centre i % centres. */
static float *
test_ivf_clusters(size_t n, int dim, int centres, uint64_t seed)
{
	float	   *centre = malloc(sizeof(float) * (size_t) (centres * dim));
	float	   *data = malloc(sizeof(float) * n * (size_t) dim);

	for (int i = 0; i < centres * dim; i++)
		centre[i] = (float) (4.0 * test_ivf_normal(&seed));
	for (size_t i = 0; i < n; i++)
		for (int d = 0; d < dim; d++)
			data[i * (size_t) dim + (size_t) d] =
				centre[(int) (i % (size_t) centres) * dim + d] + (float) test_ivf_normal(&seed);
	free(centre);
	return data;
}

static double
test_ivf_l2(const float *a, const float *b, int dim)
{
	double		sum = 0.0;

	for (int i = 0; i < dim; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}

static double
test_ivf_ip(const float *a, const float *b, int dim)
{
	double		sum = 0.0;

	for (int i = 0; i < dim; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

/* ---- k-means ---- */

START_TEST(kmeans_finds_clusters)
{
	enum
	{
		N = 3000, DIM = 17, K = 20
	};
	RveKmeansParams params = {DIM, K, _i == 1, false, 0, 3};
	float	   *data = test_ivf_clusters(N, DIM, K, 11);
	float	   *centroids = malloc(sizeof(float) * K * DIM);
	float	   *norms = malloc(sizeof(float) * K);
	uint32_t   *nearest = malloc(sizeof(uint32_t) * N);
	RveCentroids view = {centroids, _i == 1 ? norms : NULL, K, DIM};
	int			found;
	double		error;
	int			split = 0;

	ck_assert_int_eq(rve_kmeans_train(&params, data, N, centroids, &found, &error), RVE_OK);
	ck_assert_int_eq(found, K);
	rve_kmeans_inverse_norms(centroids, K, DIM, norms);
	rve_kmeans_assign(&view, data, N, nearest, NULL);

	ck_assert_double_gt(error, 0.0);
	ck_assert_double_eq_tol(error, rve_kmeans_error(&view, data, N), 1e-6 * error);

	/* points of one true cluster share a centroid; a few clusters may be split or joined */
	for (int i = K; i < N; i++)
		split += nearest[i] != nearest[i % K];
	ck_assert_int_lt(split, N / 4);
	for (int i = 0; i < K; i++)
		for (int d = 0; d < DIM; d++)
			ck_assert(isfinite(centroids[i * DIM + d]));
	free(nearest);
	free(norms);
	free(centroids);
	free(data);
}
END_TEST

START_TEST(kmeans_is_better_than_samples)
{
	enum
	{
		N = 4000, DIM = 24, K = 40
	};
	RveKmeansParams params = {DIM, K, false, _i == 1, 0, 5};
	float	   *data = test_ivf_clusters(N, DIM, 13, 21);
	float	   *centroids = malloc(sizeof(float) * K * DIM);
	uint32_t   *nearest = malloc(sizeof(uint32_t) * N);
	float	   *ranks = malloc(sizeof(float) * N);
	RveCentroids trained = {centroids, NULL, K, DIM};
	RveCentroids samples = {data, NULL, K, DIM};
	double		sum = 0.0;
	double		sample_error = 0.0;
	int			found;
	double		error;

	ck_assert_int_eq(rve_kmeans_train(&params, data, N, centroids, &found, &error), RVE_OK);
	trained.count = (size_t) found;
	rve_kmeans_assign(&trained, data, N, nearest, ranks);
	for (int i = 0; i < N; i++)
	{
		ck_assert_double_eq_tol(ranks[i], test_ivf_l2(data + i * DIM,
													  centroids + nearest[i] * DIM, DIM),
								1e-3 * (1.0 + ranks[i]));
		sum += ranks[i];
	}
	ck_assert_double_eq_tol(error, sum / N, 1e-3 * error);
	rve_kmeans_assign(&samples, data, N, nearest, ranks);
	for (int i = 0; i < N; i++)
		sample_error += ranks[i];
	ck_assert_double_lt(sum, 0.65 * sample_error);
	free(ranks);
	free(nearest);
	free(centroids);
	free(data);
}
END_TEST

START_TEST(kmeans_with_little_data)
{
	RveKmeansParams params = {2, 10, false, _i == 1, 0, 1};
	const float few[] = {1, 1, 5, 5, 1, 1, 5, 5, 1, 1};
	const float zeros[] = {0, 0, 0, 0};
	const float huge[] = {3e38f, 3e38f, -3e38f, -3e38f, 3e38f, -3e38f};
	float		centroids[20];
	int			found;
	double		error;

	ck_assert_int_eq(rve_kmeans_train(&params, NULL, 0, centroids, &found, &error), RVE_OK);
	ck_assert_int_eq(found, 0);
	ck_assert_int_eq(rve_kmeans_train(&params, few, 5, centroids, &found, &error), RVE_OK);
	ck_assert_int_eq(found, 2);
	ck_assert_int_eq(rve_kmeans_train(&params, few, 1, centroids, &found, &error), RVE_OK);
	ck_assert_int_eq(found, 1);
	ck_assert(centroids[0] == 1 && centroids[1] == 1);
	ck_assert_int_eq(rve_kmeans_train(&params, huge, 3, centroids, &found, &error), RVE_OK);
	ck_assert_int_ge(found, 1);
	for (int i = 0; i < 2 * found; i++)
		ck_assert(isfinite(centroids[i]));
	params.spherical = true;
	ck_assert_int_eq(rve_kmeans_train(&params, zeros, 2, centroids, &found, &error), RVE_OK);
	ck_assert_int_eq(found, 0);
	ck_assert_int_eq(rve_kmeans_train(&params, few, 5, centroids, &found, &error), RVE_OK);
	ck_assert_int_eq(found, 1);
	params.lists = 0;
	ck_assert_int_eq(rve_kmeans_train(&params, few, 5, centroids, &found, &error), RVE_INVALID_ARGUMENT);
}
END_TEST

static bool
test_ivf_stop(void)
{
	return true;
}

static bool
test_ivf_go_on(void)
{
	return false;
}

static void *
test_ivf_no_memory(size_t size)
{
	(void) size;
	return NULL;
}

START_TEST(kmeans_stops)
{
	const RveHandlers stopping = {malloc, free, test_ivf_stop};
	const RveHandlers poor = {test_ivf_no_memory, free, test_ivf_go_on};
	const RveHandlers normal = {malloc, free, test_ivf_go_on};
	RveKmeansParams params = {8, 5, false, false, 0, 1};
	float	   *data = test_ivf_clusters(200, 8, 5, 2);
	float		centroids[40];
	int			found;
	double		error;

	rve_base_set_handlers(&stopping);
	ck_assert_int_eq(rve_kmeans_train(&params, data, 200, centroids, &found, &error), RVE_INTERRUPTED);
	rve_base_set_handlers(&poor);
	ck_assert_int_eq(rve_kmeans_train(&params, data, 200, centroids, &found, &error), RVE_NO_MEMORY);
	rve_base_set_handlers(&normal);
	free(data);
}
END_TEST

/* ---- kernels ---- */

START_TEST(kernels_agree)
{
	const RveDistTable *table;
	uint64_t	seed = 99;

	for (int dim = 1; dim <= 20000; dim = dim < 130 ? dim + 43 : dim * 3)
	{
		int			coded = rve_ivf_coded_dim(dim);
		size_t		block_bytes = rve_ivf_block_bytes(dim);
		uint8_t    *block = malloc(block_bytes);
		uint8_t    *entries = malloc((size_t) coded * 4);
		uint32_t	expected[RVE_IVF_BLOCK];
		uint32_t	sums[RVE_IVF_BLOCK];

		for (size_t i = 0; i < block_bytes; i++)
			block[i] = (uint8_t) rve_base_random_next(&seed);
		for (int fill = 0; fill < 2; fill++)
		{
			for (int i = 0; i < coded * 4; i++)
				entries[i] = fill == 0 ? (uint8_t) rve_base_random_next(&seed) : 255;
			ck_assert_int_eq(rve_dist_select("scalar"), RVE_OK);
			rve_ivf_block_sums(block, entries, coded, expected);
			if (fill == 1)
				ck_assert_uint_eq(expected[7], (uint32_t) coded / 4 * 255);
			for (int t = 0; (table = rve_dist_supported(t)) != NULL; t++)
			{
				ck_assert_int_eq(rve_dist_select(table->name), RVE_OK);
				rve_ivf_block_sums(block, entries, coded, sums);
				ck_assert_msg(memcmp(sums, expected, sizeof(sums)) == 0, "%s, %d dimensions",
							  table->name, dim);
			}
		}
		free(entries);
		free(block);
	}
	ck_assert_int_eq(rve_dist_select("auto"), RVE_OK);
}
END_TEST

START_TEST(blocks_keep_codes)
{
	enum
	{
		CODED = 192
	};
	uint8_t		block[RVE_IVF_BLOCK * CODED / 8];
	uint8_t		codes[RVE_IVF_BLOCK][CODED / 8];
	uint8_t		back[CODED / 8];
	uint64_t	seed = 4;

	memset(block, 0xA5, sizeof(block));
	for (int i = 0; i < RVE_IVF_BLOCK; i++)
	{
		for (int k = 0; k < CODED / 8; k++)
			codes[i][k] = (uint8_t) rve_base_random_next(&seed);
		rve_ivf_block_put(block, CODED, i, codes[i]);
	}
	for (int i = 0; i < RVE_IVF_BLOCK; i++)
	{
		rve_ivf_block_get(block, CODED, i, back);
		ck_assert_mem_eq(back, codes[i], sizeof(back));
	}
}
END_TEST

/* ---- estimates ---- */

typedef struct TestIvfCase
{
	int			dim;
	RveMetric	metric;
	double		tolerance;		/* of the mean error, in mean distances */
} TestIvfCase;

static const TestIvfCase test_ivf_cases[] = {
	{3, RVE_METRIC_L2, 0.15}, {100, RVE_METRIC_L2, 0.13}, {100, RVE_METRIC_IP, 0.065},
	{768, RVE_METRIC_L2, 0.055}, {768, RVE_METRIC_IP, 0.0275}, {2500, RVE_METRIC_L2, 0.045}
};

/* Query 0 against vectors 1 .. 32 as one block around the vectors' mean. */
START_TEST(bounds_hold)
{
	const TestIvfCase *c = &test_ivf_cases[_i];
	int			rounds = c->dim > 1000 ? 20 : 100;
	size_t		dim = (size_t) c->dim;
	int			coded = rve_ivf_coded_dim(c->dim);
	uint8_t    *block = calloc(1, rve_ivf_block_bytes(c->dim));
	uint8_t    *code = malloc(rve_ivf_code_bytes(c->dim));
	float	   *centroid = malloc(sizeof(float) * dim);
	float	   *origin = malloc(sizeof(float) * dim);
	RveIvfCodec *codec;
	RveIvfQuery *query = NULL;
	float	   *rotated;
	double		errors = 0.0;
	double		distances = 0.0;
	int			outside = 0;
	int			above = 0;

	ck_assert_int_eq(rve_ivf_codec_create(c->dim, c->metric, 7, &codec), RVE_OK);
	rotated = malloc(sizeof(float) * rve_ivf_rotated_dim(codec));
	for (int round = 0; round < rounds; round++)
	{
		float	   *data = test_ivf_clusters(RVE_IVF_BLOCK + 1, c->dim, 1, (uint64_t) round + 1);
		RveIvfBlockFactors factors;
		float		lower[RVE_IVF_BLOCK];
		float		upper[RVE_IVF_BLOCK];
		double		reach;

		for (size_t d = 0; d < dim; d++)
		{
			centroid[d] = 0.0f;
			for (int i = 0; i < RVE_IVF_BLOCK; i++)
				centroid[d] += data[(size_t) (i + 1) * dim + d] / RVE_IVF_BLOCK;
			origin[d] = 0.9f * centroid[d];
		}
		rve_ivf_rotate_centroid(codec, centroid, origin, rotated);
		for (int i = 0; i < RVE_IVF_BLOCK; i++)
		{
			RveIvfFactors f;

			rve_ivf_encode(codec, data + (size_t) (i + 1) * dim, centroid, rotated, code, &f);
			rve_ivf_block_put(block, coded, i, code);
			factors.add[i] = f.add;
			factors.resc[i] = f.resc;
			factors.err[i] = f.err;
		}
		ck_assert_int_eq(rve_ivf_query_prepare(codec, data, origin, &query), RVE_OK);
		reach = sqrt(test_ivf_l2(data, centroid, c->dim));
		rve_ivf_scan_block(query, block, &factors,
						   (float) (c->metric == RVE_METRIC_IP ?
									-test_ivf_ip(data, centroid, c->dim) : reach * reach),
						   (float) reach, lower, upper);
		for (int i = 0; i < RVE_IVF_BLOCK; i++)
		{
			const float *v = data + (size_t) (i + 1) * dim;
			double		exact = c->metric == RVE_METRIC_IP ? -test_ivf_ip(data, v, c->dim) :
				test_ivf_l2(data, v, c->dim);
			double		width;

			/* the interval's middle is the estimate: both of its ends are known */
			width = (upper[i] - lower[i]) / (1.0 + RVE_IVF_MARGIN);
			errors += fabs(upper[i] - width - exact);
			distances += reach * reach;
			outside += exact < lower[i];
			above += exact > upper[i];
		}
		free(data);
	}
	if (getenv("RV_TEST_VERBOSE") != NULL)
		printf("dim %d metric %d: mean error %.4f of |q-c|^2, %d below the bound, %.4f above\n",
			   c->dim, c->metric, errors / distances, outside, above / (32.0 * rounds));
	ck_assert_double_lt(errors / distances, c->tolerance);
	ck_assert_int_eq(outside, 0);
	ck_assert_double_lt(above / (32.0 * rounds), 0.045);
	rve_ivf_query_free(query);
	rve_ivf_codec_free(codec);
	free(rotated);
	free(origin);
	free(centroid);
	free(code);
	free(block);
}
END_TEST

START_TEST(extreme_vectors)
{
	enum
	{
		DIM = 40
	};
	const float values[] = {0.0f, 1e-38f, 1e-20f, 3e38f, -3e38f};
	uint8_t		code[8];
	uint8_t		block[32 * 8] = {0};
	float		v[DIM];
	float		zero[DIM] = {0};
	float		rotated[64] = {0};
	RveIvfCodec *codec;
	RveIvfQuery *query = NULL;
	RveIvfFactors f;
	RveIvfBlockFactors factors = {{0}, {0}, {0}};
	float		lower[RVE_IVF_BLOCK];
	float		upper[RVE_IVF_BLOCK];

	ck_assert_uint_eq(rve_ivf_code_bytes(DIM), sizeof(code));
	ck_assert_int_eq(rve_ivf_codec_create(DIM, RVE_METRIC_L2, 1, &codec), RVE_OK);
	for (int k = 0; k < 5; k++)
	{
		for (int d = 0; d < DIM; d++)
			v[d] = d % 2 == 0 ? values[k] : -values[k];
		rve_ivf_encode(codec, v, zero, rotated, code, &f);
		ck_assert(isfinite(f.add) && isfinite(f.resc) && isfinite(f.err));
		factors.add[0] = f.add;
		factors.resc[0] = f.resc;
		factors.err[0] = f.err;
		ck_assert_int_eq(rve_ivf_query_prepare(codec, v, NULL, &query), RVE_OK);
		rve_ivf_scan_block(query, block, &factors, INFINITY, INFINITY, lower, upper);
		for (int i = 0; i < RVE_IVF_BLOCK; i++)
			ck_assert(lower[i] >= -FLT_MAX);
	}
	rve_ivf_query_free(query);
	rve_ivf_codec_free(codec);
	ck_assert_int_eq(rve_ivf_codec_create(0, RVE_METRIC_L2, 1, &codec), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_ivf_codec_create(64001, RVE_METRIC_L2, 1, &codec), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_ivf_codec_create(8, RVE_METRIC_L1, 1, &codec), RVE_INVALID_ARGUMENT);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("ivf");
	TCase	   *kmeans = tcase_create("kmeans");
	TCase	   *codes = tcase_create("codes");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(kmeans, 120);
	tcase_set_timeout(codes, 120);
	tcase_add_loop_test(kmeans, kmeans_finds_clusters, 0, 2);
	tcase_add_loop_test(kmeans, kmeans_is_better_than_samples, 0, 2);
	tcase_add_loop_test(kmeans, kmeans_with_little_data, 0, 2);
	tcase_add_test(kmeans, kmeans_stops);
	tcase_add_test(codes, kernels_agree);
	tcase_add_test(codes, blocks_keep_codes);
	tcase_add_loop_test(codes, bounds_hold, 0,
						(int) (sizeof(test_ivf_cases) / sizeof(test_ivf_cases[0])));
	tcase_add_test(codes, extreme_vectors);
	suite_add_tcase(suite, kmeans);
	suite_add_tcase(suite, codes);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
