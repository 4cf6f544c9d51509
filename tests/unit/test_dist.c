/*-------------------------------------------------------------------------
 *
 * test_dist.c
 *	  Unit tests of engine/core/dist: every table this CPU can run, against
 *	  plain loops in double and 64-bit arithmetic.
 *
 * Buffers have exactly the size a kernel may read, so that ASan sees a read
 * past the end; offsets move them off every natural alignment.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/dist/rve_dist.h"

#define MAX_LENGTH 16000


static uint64_t dist_seed = 20260727;

static float
test_dist_random(float scale)
{
	return (float) ((rve_base_random_unit(&dist_seed) * 2.0 - 1.0) * scale);
}

/* n floats at the very end of a heap block, offset floats behind its aligned start. */
static float *
test_dist_floats(size_t n, size_t offset, float scale, float **block)
{
	float	   *v;

	*block = malloc((n + offset) * sizeof(float));
	v = *block + offset;
	for (size_t i = 0; i < n; i++)
		v[i] = test_dist_random(scale);
	return v;
}

/* |got - want| within the rounding of a float32 sum of n terms whose magnitudes add up to mass. */
static void
test_dist_near(const char *what, const char *table, size_t n, float got, double want, double mass)
{
	double		bound = ((double) n + 4.0) * FLT_EPSILON * mass + FLT_MIN;

	ck_assert_msg(fabs(got - want) <= bound, "%s %s n=%zu: %.9g, expected %.9g (+- %.3g)",
				  table, what, n, got, want, bound);
}

static void
test_dist_check_floats(const RveDistTable *t, size_t n, size_t offset, float scale)
{
	float	   *block_a;
	float	   *block_b;
	float	   *a = test_dist_floats(n, offset, scale, &block_a);
	float	   *b = test_dist_floats(n, offset + 1, scale, &block_b);
	double		l2 = 0,
				l1 = 0,
				ab = 0,
				aa = 0,
				bb = 0,
				mass = 0;
	float		got_ab,
				got_aa,
				got_bb;

	for (size_t i = 0; i < n; i++)
	{
		double		x = a[i];
		double		y = b[i];

		l2 += (x - y) * (x - y);
		l1 += fabs(x - y);
		ab += x * y;
		aa += x * x;
		bb += y * y;
		mass += fabs(x * y);
	}
	test_dist_near("l2sq", t->name, n, t->l2sq_f32(a, b, n), l2, l2);
	test_dist_near("l1", t->name, n, t->l1_f32(a, b, n), l1, l1);
	test_dist_near("ip", t->name, n, t->ip_f32(a, b, n), ab, mass);
	t->cos_f32(a, b, n, &got_ab, &got_aa, &got_bb);
	test_dist_near("cos ip", t->name, n, got_ab, ab, mass);
	test_dist_near("cos aa", t->name, n, got_aa, aa, aa);
	test_dist_near("cos bb", t->name, n, got_bb, bb, bb);
	free(block_a);
	free(block_b);
}

START_TEST(float_kernels_agree_at_every_length)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 0; n <= 300; n++)
			test_dist_check_floats(t, n, 1 + n % 7, 1.0f);
		test_dist_check_floats(t, 768, 3, 1.0f);
		test_dist_check_floats(t, 1536, 7, 1.0f);
		test_dist_check_floats(t, MAX_LENGTH, 3, 1.0f);
		test_dist_check_floats(t, MAX_LENGTH - 1, 11, 1.0f);
		test_dist_check_floats(t, 333, 3, 1e15f);
		test_dist_check_floats(t, 333, 3, 1e-15f);
	}
}
END_TEST

START_TEST(float_kernels_read_every_element_once)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 1; n <= 150; n++)
		{
			float	   *zero = calloc(n, sizeof(float));
			float	   *one = calloc(n, sizeof(float));

			for (size_t i = 0; i < n; i++)
			{
				float		ab,
							aa,
							bb;

				one[i] = 3.0f;
				ck_assert(t->l2sq_f32(zero, one, n) == 9.0f);
				ck_assert(t->l1_f32(zero, one, n) == 3.0f);
				ck_assert(t->ip_f32(one, one, n) == 9.0f);
				t->cos_f32(one, zero, n, &ab, &aa, &bb);
				ck_assert(ab == 0.0f && aa == 9.0f && bb == 0.0f);
				one[i] = 0.0f;
			}
			free(zero);
			free(one);
		}
	}
}
END_TEST

START_TEST(float_kernels_overflow_to_infinity)
{
	const RveDistTable *t;
	float		big[67];
	float		neg[67];

	for (int i = 0; i < 67; i++)
	{
		big[i] = 3e38f;
		neg[i] = -3e38f;
	}
	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		ck_assert(isinf(t->l2sq_f32(big, neg, 67)));
		ck_assert(isinf(t->l1_f32(big, neg, 67)));
		ck_assert(isinf(t->ip_f32(big, neg, 67)) && t->ip_f32(big, neg, 67) < 0);
	}
}
END_TEST

/* How the bytes of an integer test are chosen. */
typedef enum BytePattern
{
	BYTES_RANDOM,
	BYTES_MOST_NEGATIVE,		/* 255 * -128 (15 * -128) everywhere */
	BYTES_MOST_POSITIVE,		/* 255 * 127 (15 * 127), 255 * 255 (15 * 15) */
	BYTES_ALTERNATING
} BytePattern;

#define NPATTERNS 4

/* A buffer of exactly n bytes, 1 byte off the allocation's start. */
static uint8_t *
test_dist_bytes(size_t n, BytePattern pattern, uint8_t low, uint8_t high, uint8_t **block)
{
	uint8_t    *v;

	*block = malloc(n + 1);
	v = *block + 1;
	for (size_t i = 0; i < n; i++)
	{
		switch (pattern)
		{
			case BYTES_RANDOM:
				v[i] = (uint8_t) rve_base_random_next(&dist_seed);
				break;
			case BYTES_MOST_NEGATIVE:
				v[i] = low;
				break;
			case BYTES_MOST_POSITIVE:
				v[i] = high;
				break;
			case BYTES_ALTERNATING:
				v[i] = i % 2 == 0 ? low : high;
				break;
		}
	}
	return v;
}

static void
test_dist_check_u8(const RveDistTable *t, size_t n, BytePattern pattern)
{
	uint8_t    *block_a,
			   *block_b,
			   *block_c;
	uint8_t    *a = test_dist_bytes(n, pattern, 255, 255, &block_a);
	int8_t	   *b = (int8_t *) test_dist_bytes(n, pattern, 0x80, 0x7F, &block_b);
	uint8_t    *c = test_dist_bytes(n, pattern, 255, 255, &block_c);
	int64_t		mixed = 0,
				both = 0;

	for (size_t i = 0; i < n; i++)
	{
		mixed += (int64_t) a[i] * b[i];
		both += (int64_t) a[i] * c[i];
	}
	ck_assert_msg(t->dot_u8s8(a, b, n) == mixed, "%s u8s8 n=%zu pattern %d", t->name, n, pattern);
	ck_assert_msg(t->dot_u8u8(a, c, n) == both, "%s u8u8 n=%zu pattern %d", t->name, n, pattern);
	free(block_a);
	free(block_b);
	free(block_c);
}

/* Dimension i of a nibble code of n dimensions, by the layout in rve_dist.h. */
static int
test_dist_nibble(const uint8_t *code, size_t n, size_t i)
{
	size_t		group = i / 128 * 128;
	size_t		half = n - group < 128 ? (n - group) / 2 : 64;

	i -= group;
	code += group / 2;
	return i < half ? code[i] & 15 : code[i - half] >> 4;
}

static void
test_dist_check_u4(const RveDistTable *t, size_t n, BytePattern pattern)
{
	uint8_t    *block_a,
			   *block_b,
			   *block_c;
	uint8_t    *a = test_dist_bytes(n / 2, pattern, 255, 255, &block_a);
	int8_t	   *b = (int8_t *) test_dist_bytes(n, pattern, 0x80, 0x7F, &block_b);
	uint8_t    *c = test_dist_bytes(n / 2, pattern, 0xF0, 0xFF, &block_c);
	int64_t		mixed = 0,
				both = 0;

	for (size_t i = 0; i < n; i++)
	{
		mixed += (int64_t) test_dist_nibble(a, n, i) * b[i];
		both += (int64_t) test_dist_nibble(a, n, i) * test_dist_nibble(c, n, i);
	}
	ck_assert_msg(t->dot_u4s8(a, b, n) == mixed, "%s u4s8 n=%zu pattern %d", t->name, n, pattern);
	ck_assert_msg(t->dot_u4u4(a, c, n) == both, "%s u4u4 n=%zu pattern %d", t->name, n, pattern);
	free(block_a);
	free(block_b);
	free(block_c);
}

/* One code of n dimensions, its residual and a query, in blocks of exactly their sizes. */
static void
test_dist_check_refine(const RveDistTable *t, size_t n, int bits)
{
	uint8_t    *block_a,
			   *block_e;
	float	   *block_q;
	uint8_t    *a = test_dist_bytes(n * (size_t) bits / 8, BYTES_RANDOM, 0, 0, &block_a);
	int8_t	   *e = (int8_t *) test_dist_bytes(n, BYTES_RANDOM, 0, 0, &block_e);
	float	   *q = test_dist_floats(n, 1, 1.0f, &block_q);
	double		bound = ((double) n / 8.0 + 16.0) * 0x1.0p-24;
	double		aq = 0,
				eq = 0,
				mass_a = 0,
				mass_e = 0;
	float		got_aq = NAN,
				got_eq = NAN;

	for (size_t i = 0; i < n; i++)
	{
		double		x = bits == 8 ? a[i] - 128.0 : test_dist_nibble(a, n, i) - 8.0;

		aq += x * q[i];
		eq += (double) e[i] * q[i];
		mass_a += fabs(x * q[i]);
		mass_e += fabs((double) e[i] * q[i]);
	}
	(bits == 8 ? t->refine_u8 : t->refine_u4) (a, e, q, n, &got_aq, &got_eq);
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
			test_dist_check_refine(t, n, 8);
		for (size_t n = 0; n <= 1024; n += 2 * RVE_DIST_PAD)
			test_dist_check_refine(t, n, 4);
		test_dist_check_refine(t, MAX_LENGTH, 8);
		test_dist_check_refine(t, MAX_LENGTH, 4);
	}
}
END_TEST

START_TEST(integer_kernels_are_exact)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (int pattern = 0; pattern < NPATTERNS; pattern++)
		{
			for (size_t n = 0; n <= 1024; n += RVE_DIST_PAD)
				test_dist_check_u8(t, n, (BytePattern) pattern);
			test_dist_check_u8(t, MAX_LENGTH, (BytePattern) pattern);
			test_dist_check_u8(t, 32768, (BytePattern) pattern);
			for (size_t n = 0; n <= 2048; n += 2 * RVE_DIST_PAD)
				test_dist_check_u4(t, n, (BytePattern) pattern);
			test_dist_check_u4(t, MAX_LENGTH, (BytePattern) pattern);
			test_dist_check_u4(t, 32768, (BytePattern) pattern);
		}
	}
}
END_TEST

START_TEST(integer_kernels_read_every_element_once)
{
	const RveDistTable *t;
	uint8_t		code[192];
	uint8_t		nibbles[128];
	int8_t		query[256];

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		memset(query, 0, sizeof(query));
		memset(code, 1, sizeof(code));
		for (int i = 0; i < 192; i++)
		{
			query[i] = -3;
			code[i] = (uint8_t) (i + 1);
			ck_assert_int_eq(t->dot_u8s8(code, query, 192), -3 * (i + 1));
			query[i] = 0;
		}
		memset(nibbles, 0, sizeof(nibbles));
		for (int i = 0; i < 256; i++)
		{
			uint8_t    *byte = &nibbles[i / 128 * 64 + i % 64];
			uint8_t		saved = *byte;

			*byte = i % 128 < 64 ? 13 : 13 << 4;
			query[i] = -7;
			ck_assert_int_eq(t->dot_u4s8(nibbles, query, 256), -91);
			ck_assert_int_eq(t->dot_u4u4(nibbles, nibbles, 256), 169);
			query[i] = 0;
			*byte = saved;
		}
	}
}
END_TEST

START_TEST(a_table_is_chosen_by_name)
{
	const RveDistTable *best = NULL;
	const RveDistTable *t;
	int			k;

	for (k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		ck_assert_int_eq(rve_dist_select(t->name), RVE_OK);
		ck_assert_ptr_eq(rve_dist_get(), t);
		best = t;
	}
	ck_assert_int_ge(k, 1);
	ck_assert_str_eq(rve_dist_supported(0)->name, "scalar");
	ck_assert_ptr_null(rve_dist_supported(k + 1));

	ck_assert_int_eq(rve_dist_select("scalar"), RVE_OK);
	ck_assert_int_eq(rve_dist_select("sse9"), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_dist_select(""), RVE_INVALID_ARGUMENT);
	ck_assert_str_eq(rve_dist_get()->name, "scalar");
	ck_assert_int_eq(rve_dist_select("auto"), RVE_OK);
	ck_assert_ptr_eq(rve_dist_get(), best);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("dist");
	TCase	   *tcase = tcase_create("dist");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, float_kernels_agree_at_every_length);
	tcase_add_test(tcase, float_kernels_read_every_element_once);
	tcase_add_test(tcase, float_kernels_overflow_to_infinity);
	tcase_add_test(tcase, integer_kernels_are_exact);
	tcase_add_test(tcase, integer_kernels_read_every_element_once);
	tcase_add_test(tcase, refining_kernels_keep_their_error_bound);
	tcase_add_test(tcase, a_table_is_chosen_by_name);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
