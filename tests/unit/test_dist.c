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

/* ---- half floats ---- */

/* The value of a half float by the definition of binary16. */
static double
test_dist_half_value(uint16_t half)
{
	int			exponent = (half >> 10) & 31;
	int			fraction = half & 0x3FF;
	double		value;

	if (exponent == 31)
		value = fraction != 0 ? NAN : INFINITY;
	else if (exponent == 0)
		value = ldexp(fraction, -24);
	else
		value = ldexp(1024 + fraction, exponent - 25);
	return half & 0x8000 ? -value : value;
}

static uint32_t
test_dist_float_bits(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float
test_dist_float_of(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The nearest half float to a finite value, ties to even, found among its neighbours. */
static uint16_t
test_dist_nearest_half(double value)
{
	uint16_t	below = 0;
	uint16_t	sign = signbit(value) ? 0x8000 : 0;
	double		down,
				up;

	value = fabs(value);
	for (uint16_t bit = 0x4000; bit != 0; bit >>= 1)
	{
		if ((below | bit) <= 0x7BFF && test_dist_half_value(below | bit) <= value)
			below |= bit;
	}
	if (value < test_dist_half_value(below))
		below = 0;
	down = value - test_dist_half_value(below);
	/* the step after the largest half would be 65,536 */
	up = (below == 0x7BFF ? 65536.0 : test_dist_half_value(below + 1)) - value;
	if (up < down || (up == down && (below & 1)))
		below++;
	return sign | below;
}

START_TEST(half_conversion_is_exact)
{
	for (uint32_t h = 0; h <= 0xFFFF; h++)
	{
		float		f = rve_dist_half_to_f32((uint16_t) h);
		double		want = test_dist_half_value((uint16_t) h);

		if (isnan(want))
		{
			ck_assert(isnan(f) && !signbit(f) == (h < 0x8000));
			ck_assert(test_dist_float_bits(f) & 0x00400000);
			ck_assert_int_eq(rve_dist_half_from_f32(f), h | 0x0200);
			continue;
		}
		ck_assert(f == want && !signbit(f) == !signbit(want));
		ck_assert_int_eq(rve_dist_half_from_f32(f), h);
	}
}
END_TEST

START_TEST(half_rounding_is_to_nearest_even)
{
	/* around the middle between every two neighbours, and their values themselves */
	for (uint32_t h = 0; h <= 0x7BFF; h++)
	{
		double		low = test_dist_half_value((uint16_t) h);
		double		high = h == 0x7BFF ? 65536.0 : test_dist_half_value((uint16_t) (h + 1));
		float		middle = (float) ((low + high) / 2);

		for (int step = -2; step <= 2; step++)
		{
			float		f = test_dist_float_of(test_dist_float_bits(middle) + (uint32_t) step);

			ck_assert_msg(rve_dist_half_from_f32(f) == test_dist_nearest_half(f),
						  "%.9g became %04x", f, rve_dist_half_from_f32(f));
			ck_assert_int_eq(rve_dist_half_from_f32(-f), test_dist_nearest_half(-f));
		}
	}
	for (int i = 0; i < 100000; i++)
	{
		uint32_t	bits = (uint32_t) rve_base_random_next(&dist_seed);
		float		f = test_dist_float_of(bits);

		if (isfinite(f) && fabsf(f) < 65536.0f)
			ck_assert_int_eq(rve_dist_half_from_f32(f), test_dist_nearest_half(f));
	}
	ck_assert_int_eq(rve_dist_half_from_f32(65519.996f), 0x7BFF);
	ck_assert_int_eq(rve_dist_half_from_f32(65520.0f), 0x7C00);
	ck_assert_int_eq(rve_dist_half_from_f32(-3e38f), 0xFC00);
	ck_assert_int_eq(rve_dist_half_from_f32(INFINITY), 0x7C00);
	ck_assert_int_eq(rve_dist_half_from_f32(1e-45f), 0);
	ck_assert_int_eq(rve_dist_half_from_f32(-0.0f), 0x8000);
}
END_TEST

/* Every table's conversions give the bits of the scalar functions, at every length. */
START_TEST(half_conversions_agree)
{
	const RveDistTable *t;
	uint16_t   *all = malloc(0x10000 * sizeof(uint16_t));
	float	   *floats = malloc(0x10000 * sizeof(float));
	uint16_t   *back = malloc(0x10000 * sizeof(uint16_t));

	for (uint32_t h = 0; h <= 0xFFFF; h++)
		all[h] = (uint16_t) h;
	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		t->f16_to_f32(all, floats, 0x10000);
		for (uint32_t h = 0; h <= 0xFFFF; h++)
			ck_assert_msg(test_dist_float_bits(floats[h]) ==
						  test_dist_float_bits(rve_dist_half_to_f32((uint16_t) h)),
						  "%s: %04x", t->name, h);
		for (int i = 0; i < 0x10000; i++)
			floats[i] = test_dist_float_of((uint32_t) rve_base_random_next(&dist_seed) & 0xC7FFFFFF);
		for (uint32_t h = 0; h < 0x7BFF; h++)
			floats[h] = (float) ((test_dist_half_value((uint16_t) h) +
								  test_dist_half_value((uint16_t) (h + 1))) / 2);
		floats[0xFFFF] = NAN;
		floats[0xFFFE] = test_dist_float_of(0xFF812345);
		floats[0xFFFD] = INFINITY;
		floats[0xFFFC] = -3e38f;
		t->f32_to_f16(floats, back, 0x10000);
		for (int i = 0; i < 0x10000; i++)
			ck_assert_msg(back[i] == rve_dist_half_from_f32(floats[i]), "%s: %.9g became %04x",
						  t->name, floats[i], back[i]);
		for (size_t n = 0; n <= 70; n++)
		{
			uint16_t   *in = malloc(n * sizeof(uint16_t));
			float	   *out = malloc(n * sizeof(float));

			memcpy(in, all + 0x3C00, n * sizeof(uint16_t));
			t->f16_to_f32(in, out, n);
			memset(in, 0, n * sizeof(uint16_t));
			t->f32_to_f16(out, in, n);
			ck_assert(memcmp(in, all + 0x3C00, n * sizeof(uint16_t)) == 0);
			free(in);
			free(out);
		}
	}
	free(all);
	free(floats);
	free(back);
}
END_TEST

/* n half floats at the very end of a heap block, with their float32 values. */
static uint16_t *
test_dist_halves(size_t n, size_t offset, float scale, uint16_t **block, float **values)
{
	uint16_t   *v;

	*block = malloc((n + offset) * sizeof(uint16_t));
	*values = malloc(n * sizeof(float));
	v = *block + offset;
	for (size_t i = 0; i < n; i++)
	{
		v[i] = rve_dist_half_from_f32(test_dist_random(scale));
		(*values)[i] = rve_dist_half_to_f32(v[i]);
	}
	return v;
}

static void
test_dist_check_halves(const RveDistTable *t, size_t n, size_t offset, float scale)
{
	const RveDistTable *scalar = rve_dist_supported(0);
	uint16_t   *block_a;
	uint16_t   *block_b;
	float	   *x;
	float	   *y;
	uint16_t   *a = test_dist_halves(n, offset, scale, &block_a, &x);
	uint16_t   *b = test_dist_halves(n, offset + 1, scale, &block_b, &y);
	float		aa = scalar->ip_f32(x, x, n);
	float		bb = scalar->ip_f32(y, y, n);
	float		mass = (aa + bb) / 2;
	float		got_ab,
				got_aa,
				got_bb;

	test_dist_near("l2sq_f16", t->name, n, t->l2sq_f16(a, b, n), scalar->l2sq_f32(x, y, n),
				   2 * (double) scalar->l2sq_f32(x, y, n));
	test_dist_near("l1_f16", t->name, n, t->l1_f16(a, b, n), scalar->l1_f32(x, y, n),
				   2 * (double) scalar->l1_f32(x, y, n));
	test_dist_near("ip_f16", t->name, n, t->ip_f16(a, b, n), scalar->ip_f32(x, y, n), 2 * mass);
	t->cos_f16(a, b, n, &got_ab, &got_aa, &got_bb);
	test_dist_near("cos_f16 ip", t->name, n, got_ab, scalar->ip_f32(x, y, n), 2 * mass);
	test_dist_near("cos_f16 aa", t->name, n, got_aa, aa, 2 * aa);
	test_dist_near("cos_f16 bb", t->name, n, got_bb, bb, 2 * bb);
	free(block_a);
	free(block_b);
	free(x);
	free(y);
}

START_TEST(half_kernels_agree_at_every_length)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 0; n <= 300; n++)
			test_dist_check_halves(t, n, 1 + n % 7, 1.0f);
		test_dist_check_halves(t, 768, 3, 1.0f);
		test_dist_check_halves(t, MAX_LENGTH, 3, 1.0f);
		test_dist_check_halves(t, MAX_LENGTH - 1, 11, 60000.0f);
		test_dist_check_halves(t, 333, 3, 1e-6f);
	}
}
END_TEST

START_TEST(half_kernels_read_every_element_once)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 1; n <= 150; n++)
		{
			uint16_t   *zero = calloc(n, sizeof(uint16_t));
			uint16_t   *one = calloc(n, sizeof(uint16_t));

			for (size_t i = 0; i < n; i++)
			{
				float		ab,
							aa,
							bb;

				one[i] = 0x4200;	/* 3 */
				ck_assert(t->l2sq_f16(zero, one, n) == 9.0f);
				ck_assert(t->l1_f16(zero, one, n) == 3.0f);
				ck_assert(t->ip_f16(one, one, n) == 9.0f);
				t->cos_f16(one, zero, n, &ab, &aa, &bb);
				ck_assert(ab == 0.0f && aa == 9.0f && bb == 0.0f);
				one[i] = 0;
			}
			free(zero);
			free(one);
		}
	}
}
END_TEST

/* ---- bits ---- */

static void
test_dist_check_bits(const RveDistTable *t, size_t n, uint8_t mask)
{
	uint8_t    *block_a;
	uint8_t    *block_b;
	uint8_t    *a = test_dist_bytes(n, BYTES_RANDOM, 0, 0, &block_a);
	uint8_t    *b = test_dist_bytes(n, BYTES_RANDOM, 0, 0, &block_b);
	uint64_t	differ = 0,
				all = 0,
				any = 0,
				both,
				either;

	for (size_t i = 0; i < n; i++)
	{
		a[i] |= mask;
		b[i] |= mask;
		for (int bit = 0; bit < 8; bit++)
		{
			int			x = a[i] >> bit & 1;
			int			y = b[i] >> bit & 1;

			differ += x != y;
			all += x && y;
			any += x || y;
		}
	}
	t->bits_common(a, b, n, &both, &either);
	ck_assert_msg(t->hamming(a, b, n) == differ, "%s hamming n=%zu", t->name, n);
	ck_assert_msg(both == all && either == any, "%s bits_common n=%zu", t->name, n);
	free(block_a);
	free(block_b);
}

START_TEST(bit_kernels_are_exact)
{
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		for (size_t n = 0; n <= 400; n++)
			test_dist_check_bits(t, n, 0);
		test_dist_check_bits(t, 8000, 0);
		test_dist_check_bits(t, 8000, 0xFF);
		test_dist_check_bits(t, 1000003, 0);
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
	tcase_add_test(tcase, half_conversion_is_exact);
	tcase_add_test(tcase, half_rounding_is_to_nearest_even);
	tcase_add_test(tcase, half_conversions_agree);
	tcase_add_test(tcase, half_kernels_agree_at_every_length);
	tcase_add_test(tcase, half_kernels_read_every_element_once);
	tcase_add_test(tcase, bit_kernels_are_exact);
	tcase_add_test(tcase, a_table_is_chosen_by_name);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
