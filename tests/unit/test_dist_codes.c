/*-------------------------------------------------------------------------
 *
 * test_dist_codes.c
 *	  Unit tests of the kernels that refine codes and of the sum of absolute
 *	  differences (engine/core/dist): every table this CPU can run.
 *
 * Buffers have exactly the size a kernel may read, so that ASan sees a read
 * past the end, and start off every natural alignment.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/core/dist/rve_dist.h"

#define CODES_MAX_LENGTH 16000

static uint64_t codes_seed = 20261128;

/* n random bytes, 1 byte off the start of *block. */
static uint8_t *
codes_bytes(size_t n, uint8_t **block)
{
	*block = malloc(n + 1);
	for (size_t i = 0; i < n; i++)
		(*block)[i + 1] = (uint8_t) rve_base_random_next(&codes_seed);
	return *block + 1;
}

/* Dimension i of a nibble code of n dimensions, by the layout in rve_dist.h. */
static int
codes_nibble(const uint8_t *code, size_t n, size_t i)
{
	size_t		group = i / 128 * 128;
	size_t		half = n - group < 128 ? (n - group) / 2 : 64;

	i -= group;
	code += group / 2;
	return i < half ? code[i] & 15 : code[i - half] >> 4;
}

/* One code of n dimensions, its residual and a query. */
static void
codes_check_refine(const RveDistTable *t, size_t n, int bits)
{
	uint8_t    *block_a,
			   *block_e;
	float	   *block_q = malloc((n + 1) * sizeof(float));
	uint8_t    *a = codes_bytes(n * (size_t) bits / 8, &block_a);
	int8_t	   *e = (int8_t *) codes_bytes(n, &block_e);
	float	   *q = block_q + 1;
	const float ends = 5.7f;
	double		bound = ((double) n / 8.0 + 16.0) * 0x1.0p-24;
	double		aq = 0,
				eq = 0,
				mass_a = 0,
				mass_e = 0;
	float		got_aq = NAN,
				got_eq = NAN;

	for (size_t i = 0; i < n; i++)
	{
		double		x = bits == 8 ? a[i] - 128.0 : codes_nibble(a, n, i) - 8.0;
		double		weight = bits == 4 && (x == -8.0 || x == 7.0) ? (double) ends : 1.0;

		q[i] = (float) (rve_base_random_unit(&codes_seed) * 2.0 - 1.0);
		aq += x * q[i];
		eq += weight * e[i] * q[i];
		mass_a += fabs(x * q[i]);
		mass_e += fabs(weight * e[i] * q[i]);
	}
	if (bits == 8)
		t->refine_u8(a, e, q, n, &got_aq, &got_eq);
	else
		t->refine_u4(a, e, q, n, ends, &got_aq, &got_eq);
	ck_assert_msg(fabs(got_aq - aq) <= bound * mass_a, "%s refine_u%d n=%zu: %.9g, expected %.9g",
				  t->name, bits, n, got_aq, aq);
	ck_assert_msg(fabs(got_eq - eq) <= bound * mass_e, "%s refine_u%d n=%zu: rest %.9g, expected %.9g",
				  t->name, bits, n, got_eq, eq);
	free(block_a);
	free(block_e);
	free(block_q);
}

START_TEST(refining_kernels_keep_their_error_bound)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 0; n <= 1024; n += RVE_DIST_PAD)
			codes_check_refine(t, n, 8);
		for (size_t n = 0; n <= 1024; n += 2 * RVE_DIST_PAD)
			codes_check_refine(t, n, 4);
		codes_check_refine(t, CODES_MAX_LENGTH, 8);
		codes_check_refine(t, CODES_MAX_LENGTH, 4);
	}
}
END_TEST

/* Each dimension takes part once: all others are zero in the query. */
START_TEST(refining_kernels_read_every_element_once)
{
	const RveDistTable *t;
	uint8_t		code[272];
	int8_t		rest[272];
	float		q[272] = {0.0f};

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t i = 0; i < 272; i++)
		{
			code[i] = (uint8_t) rve_base_random_next(&codes_seed);
			rest[i] = (int8_t) rve_base_random_next(&codes_seed);
		}
		for (size_t i = 0; i < 272; i++)
		{
			float		aq,
						eq;

			q[i] = 2.0f;
			t->refine_u8(code, rest, q, 272, &aq, &eq);
			ck_assert(aq == 2.0f * (float) (code[i] - 128) && eq == 2.0f * (float) rest[i]);
			t->refine_u4(code, rest, q, 272, 3.0f, &aq, &eq);
			ck_assert(aq == 2.0f * (float) (codes_nibble(code, 272, i) - 8));
			ck_assert(eq == (aq == -16.0f || aq == 14.0f ? 6.0f : 2.0f) * (float) rest[i]);
			q[i] = 0.0f;
		}
	}
}
END_TEST

static void
codes_check_sad(const RveDistTable *t, size_t n, bool extreme)
{
	uint8_t    *block_a,
			   *block_b;
	uint8_t    *a = codes_bytes(n, &block_a);
	uint8_t    *b = codes_bytes(n, &block_b);
	int64_t		want = 0;

	for (size_t i = 0; i < n; i++)
	{
		if (extreme)
		{
			a[i] = i % 2 == 0 ? 255 : 0;
			b[i] = i % 2 == 0 ? 0 : 255;
		}
		want += abs((int) a[i] - (int) b[i]);
	}
	ck_assert_msg(t->sad_u8(a, b, n) == want, "%s sad_u8 n=%zu", t->name, n);
	ck_assert_int_eq(t->sad_u8(a, a, n), 0);
	free(block_a);
	free(block_b);
}

START_TEST(absolute_differences_are_exact)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 0; n <= 1024; n += RVE_DIST_PAD)
		{
			codes_check_sad(t, n, false);
			codes_check_sad(t, n, true);
		}
		codes_check_sad(t, 32768, true);
	}
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("dist_codes");
	TCase	   *tcase = tcase_create("dist_codes");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, refining_kernels_keep_their_error_bound);
	tcase_add_test(tcase, refining_kernels_read_every_element_once);
	tcase_add_test(tcase, absolute_differences_are_exact);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
