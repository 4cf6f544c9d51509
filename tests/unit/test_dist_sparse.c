/*-------------------------------------------------------------------------
 *
 * test_dist_sparse.c
 *	  Unit tests of engine/core/dist: sparse vectors by every table this CPU
 *	  can run, and rve_dist_exact over every kind of vector.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/dist/rve_dist.h"

static uint64_t sparse_seed = 20261128;

/* |got - want| within the rounding of a float32 sum of n terms whose magnitudes add up to mass. */
static void
test_sparse_near(const char *what, const char *table, size_t n, float got, double want, double mass)
{
	double		bound = ((double) n + 4.0) * FLT_EPSILON * mass + FLT_MIN;

	ck_assert_msg(fabs(got - want) <= bound, "%s %s n=%zu: %.9g, expected %.9g (+- %.3g)",
				  table, what, n, got, want, bound);
}

/* A random sparse vector of count of dim elements, in blocks of exactly their size. */
static RveVectorView
test_sparse_new(int count, int dim)
{
	int32_t    *index = malloc((size_t) count * sizeof(int32_t));
	float	   *x = malloc((size_t) count * sizeof(float));
	int			found = 0;

	for (int i = 0; i < dim; i++)
	{
		if (rve_base_random_unit(&sparse_seed) * (dim - i) > count - found)
			continue;
		index[found] = i;
		x[found++] = (float) (rve_base_random_unit(&sparse_seed) * 8.0 - 4.0);
	}
	ck_assert_int_eq(found, count);
	return (RveVectorView) {.elements = RVE_SPARSE, .dim = dim, .count = count,
	.x = x, .index = index};
}

/* Every table's three distances against the vectors written out. */
static void
test_sparse_check(int count_a, int count_b, int dim)
{
	RveVectorView a = test_sparse_new(count_a, dim);
	RveVectorView b = test_sparse_new(count_b, dim);
	float	   *full = calloc((size_t) dim * 2, sizeof(float));
	const RveDistTable *t;
	double		l2 = 0,
				l1 = 0,
				ip = 0;

	for (int i = 0; i < count_a; i++)
		full[a.index[i]] = a.x[i];
	for (int i = 0; i < count_b; i++)
		full[dim + b.index[i]] = b.x[i];
	for (int i = 0; i < dim; i++)
	{
		double		x = full[i];
		double		y = full[dim + i];

		l2 += (x - y) * (x - y);
		l1 += fabs(x - y);
		ip += x * y;
	}
	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		size_t		n = (size_t) (count_a + count_b);

		test_sparse_near("l2sq_sparse", t->name, n, t->l2sq_sparse(&a, &b), l2, l2);
		test_sparse_near("l1_sparse", t->name, n, t->l1_sparse(&a, &b), l1, l1);
		test_sparse_near("ip_sparse", t->name, n, t->ip_sparse(&a, &b), ip, 16.0 * (double) n);
	}
	free((void *) a.index);
	free((void *) a.x);
	free((void *) b.index);
	free((void *) b.x);
	free(full);
}

START_TEST(sparse_kernels_agree)
{
	for (int count_a = 0; count_a <= 40; count_a++)
	{
		for (int count_b = 0; count_b <= 40; count_b++)
		{
			test_sparse_check(count_a, count_b, 40);
			test_sparse_check(count_a, count_b, 70);
			test_sparse_check(count_a, count_b, 1000);
		}
	}
	test_sparse_check(16000, 16000, 16000);
	test_sparse_check(16000, 15999, 30000);
	test_sparse_check(3, 5000, 5000);
}
END_TEST

/* One element each, at every place of the blocks a kernel may work in. */
START_TEST(sparse_kernels_read_every_element_once)
{
	const RveDistTable *t;
	int32_t		index[100];
	float		zeros[100] = {0};
	float		x[100] = {0};

	for (int i = 0; i < 100; i++)
		index[i] = i;
	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (int n = 1; n <= 100; n++)
		{
			RveVectorView a = {.elements = RVE_SPARSE, .dim = 100, .count = n, .x = x, .index = index};
			RveVectorView b = {.elements = RVE_SPARSE, .dim = 100, .count = n, .x = zeros, .index = index};

			for (int i = 0; i < n; i++)
			{
				RveVectorView one = {.elements = RVE_SPARSE, .dim = 100, .count = 1, .x = &x[i], .index = &index[i]};

				x[i] = 3.0f;
				ck_assert(t->l2sq_sparse(&a, &b) == 9.0f && t->l2sq_sparse(&b, &one) == 9.0f);
				ck_assert(t->l2sq_sparse(&a, &one) == 0.0f && t->l1_sparse(&one, &a) == 0.0f);
				ck_assert(t->l1_sparse(&a, &b) == 3.0f && t->l1_sparse(&one, &b) == 3.0f);
				ck_assert(t->ip_sparse(&a, &one) == 9.0f && t->ip_sparse(&one, &a) == 9.0f);
				ck_assert(t->ip_sparse(&a, &a) == 9.0f && t->ip_sparse(&a, &b) == 0.0f);
				x[i] = 0.0f;
			}
		}
	}
}
END_TEST

START_TEST(exact_distances_by_hand)
{
	static const float a[] = {1, 2, 3};
	static const float b[] = {4, -2, 3};
	static const uint8_t p[] = {0xB0, 0x80};
	static const uint8_t q[] = {0x90, 0x00};
	static const uint8_t none[] = {0, 0};
	RveVectorView x = {.elements = RVE_DENSE, .dim = 3, .x = a};
	RveVectorView y = {.elements = RVE_DENSE, .dim = 3, .x = b};
	RveVectorView s = {.elements = RVE_BITS, .dim = 9, .bits = p};
	RveVectorView t = {.elements = RVE_BITS, .dim = 9, .bits = q};
	RveVectorView z = {.elements = RVE_BITS, .dim = 9, .bits = none};
	static const int32_t at[] = {0, 5, 9};
	RveVectorView u = {.elements = RVE_SPARSE, .dim = 10, .count = 3, .x = a, .index = at};
	RveVectorView w = {.elements = RVE_SPARSE, .dim = 10, .count = 2, .x = b, .index = at + 1};

	ck_assert(rve_dist_exact(RVE_METRIC_L2, &x, &y) == 25.0);
	ck_assert(rve_dist_exact(RVE_METRIC_COSINE, &x, &y) == 25.0);
	ck_assert(rve_dist_exact(RVE_METRIC_IP, &x, &y) == -9.0);
	ck_assert(rve_dist_exact(RVE_METRIC_L1, &x, &y) == 7.0);
	ck_assert(rve_dist_exact(RVE_METRIC_L2, &u, &w) == 30.0);
	ck_assert(rve_dist_exact(RVE_METRIC_COSINE, &u, &w) == 30.0);
	ck_assert(rve_dist_exact(RVE_METRIC_IP, &u, &w) == -2.0);
	ck_assert(rve_dist_exact(RVE_METRIC_L1, &u, &w) == 8.0);
	ck_assert(rve_dist_exact(RVE_METRIC_HAMMING, &s, &t) == 2.0);
	ck_assert(rve_dist_exact(RVE_METRIC_JACCARD, &s, &t) == 0.5);
	ck_assert(rve_dist_exact(RVE_METRIC_JACCARD, &s, &s) == 0.0);
	ck_assert(rve_dist_exact(RVE_METRIC_JACCARD, &s, &z) == 1.0);
	ck_assert(rve_dist_exact(RVE_METRIC_JACCARD, &z, &z) == 1.0);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("dist_sparse");
	TCase	   *tcase = tcase_create("dist_sparse");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, sparse_kernels_agree);
	tcase_add_test(tcase, sparse_kernels_read_every_element_once);
	tcase_add_test(tcase, exact_distances_by_hand);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
