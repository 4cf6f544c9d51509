/*-------------------------------------------------------------------------
 *
 * test_quant_kinds.c
 *	  Unit tests of the codes that are not RaBitQ's (engine/core/quant): L1,
 *	  bits and sparse vectors, against plain loops.
 *
 * Everything is seeded: a failure repeats. Codes are in blocks of exactly
 * their size, so that ASan sees a read past the end.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/quant/rve_quant.h"

#define KINDS_MAX_DIM 64000

static uint64_t kinds_seed = 20261128;

static double
kinds_normal(void)
{
	return sqrt(-2.0 * log(rve_base_random_unit(&kinds_seed))) *
		cos(6.283185307179586 * rve_base_random_unit(&kinds_seed));
}

static RveCodec *
kinds_codec(const RveCodecParams *params)
{
	RveCodec   *codec = NULL;

	ck_assert_int_eq(rve_quant_codec_create(params, &codec), RVE_OK);
	ck_assert_uint_eq(rve_quant_code_bytes(codec), rve_quant_code_bytes_for(params));
	ck_assert_uint_eq(rve_quant_residual_bytes(codec), 0);
	ck_assert_uint_eq(rve_quant_residual_bytes_for(params), 0);
	return codec;
}

/* ---- L1 ---- */

static double
kinds_l1(const float *a, const float *b, int dim)
{
	double		sum = 0.0;

	for (int i = 0; i < dim; i++)
		sum += fabs((double) a[i] - b[i]);
	return sum;
}

START_TEST(l1_is_off_by_less_than_a_step_a_coordinate)
{
	static const int dims[] = {1, 7, 8, 100, 768, 16000};
	float	   *a = malloc(sizeof(float) * 16000);
	float	   *b = malloc(sizeof(float) * 16000);

	for (int round = 0; round < 60; round++)
	{
		int			dim = dims[round % 6];
		RveCodecParams params = {.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = dim,
		.low = -2.0f, .high = 3.0f};
		RveVectorView va = {.elements = RVE_DENSE, .dim = dim, .x = a};
		RveVectorView vb = {.elements = RVE_DENSE, .dim = dim, .x = b};
		RveCodec   *codec = kinds_codec(&params);
		uint8_t    *code_a = malloc(rve_quant_code_bytes(codec));
		uint8_t    *code_b = malloc(rve_quant_code_bytes(codec));
		RveCodecQuery *query = NULL;
		RveCodeFactors fa,
					fb;
		double		want,
					slack,
					error;

		for (int i = 0; i < dim; i++)
		{
			a[i] = (float) (5.0 * rve_base_random_unit(&kinds_seed) - 2.0);
			b[i] = (float) (5.0 * rve_base_random_unit(&kinds_seed) - 2.0);
		}
		want = kinds_l1(a, b, dim);
		slack = 5.0 / 255.0 * dim + 1e-5 * want;
		rve_quant_encode(codec, &va, code_a, &fa, NULL);
		rve_quant_encode(codec, &vb, code_b, &fb, NULL);
		ck_assert_int_eq(rve_quant_query_prepare(codec, &va, &query), RVE_OK);
		ck_assert(fabs(rve_quant_distance(codec, query, code_b, &fb) - want) <= slack);
		ck_assert(fabs(rve_quant_symmetric(codec, code_a, &fa, code_b, &fb) - want) <= slack);
		ck_assert(rve_quant_distance(codec, query, code_a, &fa) == 0.0f);
		ck_assert(rve_quant_refine(codec, query, code_b, &fb, NULL, &error) ==
				  rve_quant_distance(codec, query, code_b, &fb) && error == DBL_MAX);
		ck_assert(!rve_quant_code_complete(codec, code_b, &fb));
		/* rounding errors do not add up: they have mean zero */
		if (dim >= 768)
			ck_assert(fabs(rve_quant_distance(codec, query, code_b, &fb) - want) < 0.003 * want);
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
		free(code_a);
		free(code_b);
	}
	free(a);
	free(b);
}
END_TEST

START_TEST(l1_of_a_choice_of_coordinates_stands_for_all)
{
	RveCodecParams params = {.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 12000,
	.coded_dim = 3000, .low = -4.0f, .high = 4.0f};
	RveCodec   *codec = kinds_codec(&params);
	float	   *a = malloc(sizeof(float) * 12000);
	float	   *b = malloc(sizeof(float) * 12000);
	RveVectorView va = {.elements = RVE_DENSE, .dim = 12000, .x = a};
	RveVectorView vb = {.elements = RVE_DENSE, .dim = 12000, .x = b};
	uint8_t    *code = malloc(3000);
	RveCodecQuery *query = NULL;
	RveCodeFactors factors;
	double		bias = 0.0;

	ck_assert_uint_eq(rve_quant_code_bytes(codec), 3000);
	for (int round = 0; round < 40; round++)
	{
		double		want,
					got;

		for (int i = 0; i < 12000; i++)
		{
			/* another spread in each quarter: an even choice sees all of them */
			a[i] = (float) (kinds_normal() * (0.1 + i / 3000 * 0.3));
			b[i] = (float) (kinds_normal() * (0.1 + i / 3000 * 0.3));
		}
		want = kinds_l1(a, b, 12000);
		rve_quant_encode(codec, &vb, code, &factors, NULL);
		ck_assert_int_eq(rve_quant_query_prepare(codec, &va, &query), RVE_OK);
		got = rve_quant_distance(codec, query, code, &factors);
		ck_assert(fabs(got - want) < 0.08 * want);
		bias += got / want - 1.0;
	}
	ck_assert_msg(fabs(bias / 40.0) < 0.01, "bias %g", bias / 40.0);
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
	free(a);
	free(b);
	free(code);
}
END_TEST

START_TEST(l1_survives_any_scale_and_any_bytes)
{
	static const float ends[][2] = {{-FLT_MAX, FLT_MAX}, {0.0f, 1e-45f}, {1.0f, 1.0f + FLT_EPSILON},
	{-1e30f, 1e30f}};
	static const float values[] = {0.0f, -0.0f, 1.0f, FLT_MAX, -FLT_MAX, 1e-45f, -1e-45f, 0.5f};
	uint8_t		garbage[8];

	for (int s = 0; s < 4; s++)
	{
		RveCodecParams params = {.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 8,
		.low = ends[s][0], .high = ends[s][1]};
		RveVectorView view = {.elements = RVE_DENSE, .dim = 8, .x = values};
		RveCodec   *codec = kinds_codec(&params);
		RveCodecQuery *query = NULL;
		RveCodeFactors factors;

		ck_assert_int_eq(rve_quant_query_prepare(codec, &view, &query), RVE_OK);
		rve_quant_encode(codec, &view, garbage, &factors, NULL);
		ck_assert(rve_quant_distance(codec, query, garbage, &factors) == 0.0f);
		for (int round = 0; round < 100; round++)
		{
			for (int i = 0; i < 8; i++)
				garbage[i] = (uint8_t) rve_base_random_next(&kinds_seed);
			ck_assert(isfinite(rve_quant_distance(codec, query, garbage, &factors)));
			ck_assert(isfinite(rve_quant_symmetric(codec, garbage, &factors, garbage, &factors)));
		}
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
	}
}
END_TEST

/* ---- bits ---- */

START_TEST(bits_are_exact)
{
	static const int dims[] = {1, 7, 8, 9, 63, 64, 65, 1000, KINDS_MAX_DIM};
	static const RveMetric metrics[] = {RVE_METRIC_HAMMING, RVE_METRIC_JACCARD};
	uint8_t    *a = malloc(KINDS_MAX_DIM / 8);
	uint8_t    *b = malloc(KINDS_MAX_DIM / 8);

	for (int round = 0; round < 180; round++)
	{
		int			dim = dims[round % 9];
		size_t		bytes = ((size_t) dim + 7) / 8;
		RveCodecParams params = {.kind = RVE_CODE_BITS, .metric = metrics[round / 9 % 2], .dim = dim};
		RveVectorView va = {.elements = RVE_BITS, .dim = dim, .bits = a};
		RveVectorView vb = {.elements = RVE_BITS, .dim = dim, .bits = b};
		RveCodec   *codec = kinds_codec(&params);
		uint8_t    *code_a = malloc(rve_quant_code_bytes(codec));
		uint8_t    *code_b = malloc(rve_quant_code_bytes(codec));
		RveCodecQuery *query = NULL;
		RveCodeFactors fa,
					fb;
		double		want = 0.0,
					error;
		int			both = 0,
					either = 0,
					ones = 0;

		memset(a, 0, bytes);
		memset(b, 0, bytes);
		for (int i = 0; i < dim && round >= 18; i++)
		{
			bool		x = rve_base_random_next(&kinds_seed) % 3 == 0;
			bool		y = rve_base_random_next(&kinds_seed) % 3 == 0;

			a[i / 8] |= (uint8_t) (x << (7 - i % 8));
			b[i / 8] |= (uint8_t) (y << (7 - i % 8));
			both += x && y;
			either += x || y;
			ones += y;
			want += x != y;
		}
		if (params.metric == RVE_METRIC_JACCARD)
			want = both == 0 ? 1.0 : 1.0 - (double) both / either;
		ck_assert_uint_eq(rve_quant_code_bytes(codec), (bytes + 7) / 8 * 8);
		rve_quant_encode(codec, &va, code_a, &fa, NULL);
		rve_quant_encode(codec, &vb, code_b, &fb, NULL);
		ck_assert_int_eq(fb.sum, ones);
		ck_assert_int_eq(rve_quant_query_prepare(codec, &va, &query), RVE_OK);
		ck_assert(rve_quant_distance(codec, query, code_b, &fb) == (float) want);
		ck_assert(rve_quant_symmetric(codec, code_a, &fa, code_b, &fb) == (float) want);
		ck_assert(fabs(rve_quant_refine(codec, query, code_b, &fb, NULL, &error) - want) <= error);
		ck_assert(error < 1e-6 && rve_quant_code_complete(codec, code_b, &fb));
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
		free(code_a);
		free(code_b);
	}
	free(a);
	free(b);
}
END_TEST

START_TEST(some_of_the_bits_stand_for_all)
{
	RveCodecParams params = {.kind = RVE_CODE_BITS, .metric = RVE_METRIC_HAMMING, .dim = 64000,
	.coded_dim = 16003};
	RveCodec   *codec = kinds_codec(&params);
	uint8_t    *a = malloc(8000);
	uint8_t    *b = malloc(8000);
	RveVectorView va = {.elements = RVE_BITS, .dim = 64000, .bits = a};
	RveVectorView vb = {.elements = RVE_BITS, .dim = 64000, .bits = b};
	uint8_t    *code = malloc(rve_quant_code_bytes(codec));
	RveCodecQuery *query = NULL;
	RveCodeFactors factors;
	double		error;
	int			first = 0,
				all = 0;

	ck_assert_uint_eq(rve_quant_code_bytes(codec), 2008);
	for (int i = 0; i < 64000; i++)
	{
		bool		differ = rve_base_random_next(&kinds_seed) % 10 == 0;

		if (i % 8 == 0)
			a[i / 8] = b[i / 8] = (uint8_t) rve_base_random_next(&kinds_seed);
		b[i / 8] ^= (uint8_t) (differ << (7 - i % 8));
		first += differ && i < 16003;
		all += differ;
	}
	rve_quant_encode(codec, &vb, code, &factors, NULL);
	ck_assert_int_eq(rve_quant_query_prepare(codec, &va, &query), RVE_OK);
	ck_assert(fabs(rve_quant_distance(codec, query, code, &factors) - first * 64000.0 / 16003) < 1);
	ck_assert(fabs(rve_quant_distance(codec, query, code, &factors) - all) < 0.1 * all);
	rve_quant_refine(codec, query, code, &factors, NULL, &error);
	ck_assert(error == DBL_MAX && !rve_quant_code_complete(codec, code, &factors));
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
	free(a);
	free(b);
	free(code);
}
END_TEST

/* ---- sparse ---- */

#define SPARSE_DIM 1000

/* A sparse vector, and the same dense. */
typedef struct KindsSparse
{
	RveVectorView view;
	int32_t		index[SPARSE_DIM];
	float		x[SPARSE_DIM];
	float		dense[SPARSE_DIM];
} KindsSparse;

static void
kinds_sparse_fill(KindsSparse *v, int count, double scale)
{
	memset(v, 0, sizeof(*v));
	v->view = (RveVectorView) {.elements = RVE_SPARSE, .dim = SPARSE_DIM, .x = v->x,
		.index = v->index};
	for (int i = 0; i < SPARSE_DIM && v->view.count < count; i++)
	{
		/* keeps count of i: exactly `count` of SPARSE_DIM, evenly likely */
		if ((double) (count - v->view.count) <
			rve_base_random_unit(&kinds_seed) * (SPARSE_DIM - i))
			continue;
		v->index[v->view.count] = i;
		v->dense[i] = v->x[v->view.count++] = (float) (scale * exp(kinds_normal()) *
													   (kinds_normal() > 0 ? 1.0 : -1.0));
	}
}

static double
kinds_sparse_exact(RveMetric metric, const KindsSparse *a, const KindsSparse *b)
{
	double		sum = 0.0;

	for (int i = 0; i < SPARSE_DIM; i++)
	{
		double		x = a->dense[i];
		double		y = b->dense[i];

		sum += metric == RVE_METRIC_IP ? -x * y : metric == RVE_METRIC_L1 ? fabs(x - y) :
			(x - y) * (x - y);
	}
	return sum;
}

static double
kinds_sparse_norm(RveMetric metric, const KindsSparse *a)
{
	double		sum = 0.0;

	for (int i = 0; i < SPARSE_DIM; i++)
		sum += metric == RVE_METRIC_L1 ? fabs((double) a->dense[i]) :
			(double) a->dense[i] * a->dense[i];
	return sum;
}

static void
kinds_check_sparse(RveMetric metric, int capacity, int count_a, int count_b, double scale)
{
	static KindsSparse a,
				b;
	RveCodecParams params = {.kind = RVE_CODE_SPARSE, .metric = metric, .dim = SPARSE_DIM,
	.capacity = capacity};
	RveCodec   *codec = kinds_codec(&params);
	uint8_t    *code_a = malloc(rve_quant_code_bytes(codec));
	uint8_t    *code_b = malloc(rve_quant_code_bytes(codec));
	RveCodecQuery *query = NULL;
	RveCodeFactors fa,
				fb;
	double		want,
				mass,
				error,
				refined;

	kinds_sparse_fill(&a, count_a, scale);
	kinds_sparse_fill(&b, count_b, scale);
	want = kinds_sparse_exact(metric, &a, &b);
	mass = kinds_sparse_norm(metric, &a) + kinds_sparse_norm(metric, &b);
	rve_quant_encode(codec, &a.view, code_a, &fa, NULL);
	rve_quant_encode(codec, &b.view, code_b, &fb, NULL);
	ck_assert_int_eq(rve_quant_query_prepare(codec, &a.view, &query), RVE_OK);
	ck_assert(rve_quant_code_complete(codec, code_b, &fb) == (count_b <= capacity));
	refined = rve_quant_refine(codec, query, code_b, &fb, NULL, &error);
	ck_assert_msg(fabs(refined - want) <= error, "metric %d capacity %d of %d: %g, exact %g +- %g",
				  metric, capacity, count_b, refined, want, error);
	if (count_b <= capacity)
	{
		ck_assert(error <= 1e-11 * mass);
		ck_assert(fabs(rve_quant_distance(codec, query, code_b, &fb) - want) <= 1e-6 * mass + 1e-44);
		if (count_a <= capacity)
			ck_assert(fabs(rve_quant_symmetric(codec, code_a, &fa, code_b, &fb) - want) <=
					  1e-6 * mass + 1e-44);
	}
	ck_assert(rve_quant_symmetric(codec, code_a, &fa, code_b, &fb) ==
			  rve_quant_symmetric(codec, code_b, &fb, code_a, &fa));
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
	free(code_a);
	free(code_b);
}

START_TEST(sparse_is_exact_when_complete_and_bounded_otherwise)
{
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE,
	RVE_METRIC_L1};
	static const int counts[] = {0, 1, 5, 30, 120, 400, SPARSE_DIM};
	static const int capacities[] = {1, 5, 64, 128, 1000};
	static const double scales[] = {1.0, 1e-25, 1e15};

	for (int i = 0; i < 4 * 7 * 7 * 5 * 3; i++)
		kinds_check_sparse(metrics[i % 4], capacities[i / 4 % 5], counts[i / 20 % 7],
						   counts[i / 140 % 7], scales[i / 980 % 3]);
}
END_TEST

/* The elements kept are those of largest magnitude, the first of equals, in order of index. */
START_TEST(sparse_keeps_the_largest)
{
	static KindsSparse v;

	for (int round = 0; round < 300; round++)
	{
		int			capacity = 1 + (int) (rve_base_random_next(&kinds_seed) % 40);
		int			count = (int) (rve_base_random_next(&kinds_seed) % 200);
		RveCodecParams params = {.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2,
		.dim = SPARSE_DIM, .capacity = capacity};
		RveCodec   *codec = kinds_codec(&params);
		uint8_t    *code = malloc(rve_quant_code_bytes(codec));
		RveCodeFactors factors;
		uint32_t	kept;
		uint32_t	at = 0;
		int			n = 0;

		kinds_sparse_fill(&v, count, 1.0);
		for (int i = 0; i < count && round % 2 == 0; i++)
			v.x[i] = (float) (1 + rve_base_random_next(&kinds_seed) % 4);	/* many are equal */
		rve_quant_encode(codec, &v.view, code, &factors, NULL);
		memcpy(&kept, code, 4);
		ck_assert_int_eq((int) kept, count < capacity ? count : capacity);
		ck_assert_int_eq(factors.sum, count - (int) kept);
		for (int i = 0; i < count; i++)
		{
			int			rank = 0;
			int32_t		index;
			float		value;

			for (int j = 0; j < count; j++)
				rank += fabsf(v.x[j]) > fabsf(v.x[i]) || (fabsf(v.x[j]) == fabsf(v.x[i]) && j < i);
			if (rank >= capacity)
				continue;
			memcpy(&index, code + 4 + 4 * at, 4);
			memcpy(&value, code + 4 + 4 * ((size_t) capacity + at), 4);
			ck_assert(index == v.index[i] && value == v.x[i]);
			at++;
			n++;
		}
		ck_assert_int_eq(n, (int) kept);
		rve_quant_codec_free(codec);
		free(code);
	}
}
END_TEST

/* What a damaged page can hold: a count beyond the capacity, indexes in any order, any floats. */
START_TEST(sparse_survives_any_bytes)
{
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE,
	RVE_METRIC_L1};
	static KindsSparse q;
	RveCodecQuery *query = NULL;

	for (int round = 0; round < 4000; round++)
	{
		RveCodecParams params = {.kind = RVE_CODE_SPARSE, .metric = metrics[round % 4],
		.dim = SPARSE_DIM, .capacity = 1 + round % 50};
		RveCodec   *codec = kinds_codec(&params);
		size_t		bytes = rve_quant_code_bytes(codec);
		uint8_t    *code = malloc(bytes + 1);
		uint8_t    *odd = code + 1;	/* at no alignment */
		RveCodeFactors factors;
		double		error;

		kinds_sparse_fill(&q, round % 300, 1.0);
		ck_assert_int_eq(rve_quant_query_prepare(codec, &q.view, &query), RVE_OK);
		for (size_t i = 0; i < bytes; i++)
			odd[i] = round % 5 == 0 ? 0xFF : (uint8_t) rve_base_random_next(&kinds_seed);
		for (size_t i = 0; i < sizeof(factors); i++)
			((uint8_t *) &factors)[i] = round % 3 == 0 ? 0x7F :
				(uint8_t) rve_base_random_next(&kinds_seed);
		ck_assert(isfinite(rve_quant_distance(codec, query, odd, &factors)));
		ck_assert(isfinite(rve_quant_symmetric(codec, odd, &factors, odd, &factors)));
		ck_assert(isfinite(rve_quant_refine(codec, query, odd, &factors, NULL, &error)));
		ck_assert(isfinite(error) && error >= 0.0);
		rve_quant_code_complete(codec, odd, &factors);
		free(code);
		rve_quant_codec_free(codec);
	}
	rve_quant_query_free(query);
}
END_TEST

START_TEST(sparse_survives_the_largest_values)
{
	static KindsSparse a;
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_L1};

	for (int m = 0; m < 3; m++)
	{
		RveCodecParams params = {.kind = RVE_CODE_SPARSE, .metric = metrics[m], .dim = SPARSE_DIM,
		.capacity = 10};
		RveCodec   *codec = kinds_codec(&params);
		RveCodecQuery *query = NULL;
		uint8_t    *code = malloc(rve_quant_code_bytes(codec));
		RveCodeFactors factors;
		double		error;

		kinds_sparse_fill(&a, 20, 1.0);
		for (int i = 0; i < 20; i++)
			a.x[i] = a.dense[a.index[i]] = i % 2 == 0 ? FLT_MAX : -FLT_MAX;
		rve_quant_encode(codec, &a.view, code, &factors, NULL);
		ck_assert(isfinite(factors.add) && isfinite(factors.resc));
		ck_assert_int_eq(rve_quant_query_prepare(codec, &a.view, &query), RVE_OK);
		ck_assert(isfinite(rve_quant_distance(codec, query, code, &factors)));
		ck_assert(isfinite(rve_quant_symmetric(codec, code, &factors, code, &factors)));
		ck_assert(isfinite(rve_quant_refine(codec, query, code, &factors, NULL, &error)));
		ck_assert(error == DBL_MAX);
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
		free(code);
	}
}
END_TEST

/* ---- parameters and memory ---- */

START_TEST(hostile_parameters_of_other_kinds_are_refused)
{
	const RveCodecParams refused[] = {
		{.kind = (RveCodeKind) 5, .metric = RVE_METRIC_L2, .dim = 3, .bits = 8},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L2, .dim = 3, .high = 1.0f},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 0, .high = 1.0f},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 16001, .high = 1.0f},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 3},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 3, .low = 1.0f},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 3, .high = INFINITY},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 3, .low = NAN, .high = 1.0f},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 3, .high = 1.0f, .coded_dim = 4},
		{.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 3, .high = 1.0f, .coded_dim = -1},
		{.kind = RVE_CODE_BITS, .metric = RVE_METRIC_L2, .dim = 3},
		{.kind = RVE_CODE_BITS, .metric = RVE_METRIC_HAMMING, .dim = 0},
		{.kind = RVE_CODE_BITS, .metric = RVE_METRIC_HAMMING, .dim = 64001},
		{.kind = RVE_CODE_BITS, .metric = RVE_METRIC_HAMMING, .dim = 9, .coded_dim = 10},
		{.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2, .dim = 3},
		{.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2, .dim = 3, .capacity = -1},
		{.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2, .dim = 3, .capacity = 1001},
		{.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2, .dim = 0, .capacity = 1},
		{.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2, .dim = 1000000001, .capacity = 1},
		{.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_JACCARD, .dim = 3, .capacity = 1},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		RveCodec   *codec = (RveCodec *) &codec;

		ck_assert_msg(rve_quant_codec_create(&refused[i], &codec) == RVE_INVALID_ARGUMENT,
					  "parameters %zu were accepted", i);
		ck_assert_ptr_null(codec);
	}
}
END_TEST

START_TEST(vectors_of_another_kind_are_refused)
{
	RveCodecParams bits = {.kind = RVE_CODE_BITS, .metric = RVE_METRIC_HAMMING, .dim = 8};
	RveCodecParams l1 = {.kind = RVE_CODE_L1, .metric = RVE_METRIC_L1, .dim = 8, .high = 1.0f};
	RveCodec   *bits_codec = kinds_codec(&bits);
	RveCodec   *l1_codec = kinds_codec(&l1);
	float		x[9] = {0};
	uint8_t		byte = 1;
	RveVectorView dense = {.elements = RVE_DENSE, .dim = 8, .x = x};
	RveVectorView longer = {.elements = RVE_DENSE, .dim = 9, .x = x};
	RveVectorView eight = {.elements = RVE_BITS, .dim = 8, .bits = &byte};
	RveCodecQuery *query = NULL;

	ck_assert_int_eq(rve_quant_query_prepare(bits_codec, &dense, &query), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_quant_query_prepare(l1_codec, &eight, &query), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_quant_query_prepare(l1_codec, &longer, &query), RVE_INVALID_ARGUMENT);
	ck_assert_ptr_null(query);
	ck_assert_int_eq(rve_quant_query_prepare(l1_codec, &dense, &query), RVE_OK);
	ck_assert_int_eq(rve_quant_query_prepare(bits_codec, &eight, &query), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_quant_query_prepare(l1_codec, &dense, &query), RVE_OK);
	rve_quant_query_free(query);
	rve_quant_codec_free(bits_codec);
	rve_quant_codec_free(l1_codec);
}
END_TEST

static int	kinds_allocations_left;
static int	kinds_allocations_live;

static void *
kinds_failing_alloc(size_t size)
{
	if (kinds_allocations_left-- <= 0)
		return NULL;
	kinds_allocations_live++;
	return malloc(size);
}

static void
kinds_counting_free(void *ptr)
{
	kinds_allocations_live--;
	free(ptr);
}

static bool
kinds_never(void)
{
	return false;
}

/* A sparse query that grows: the old one stays usable when there is no memory for the new. */
START_TEST(memory_failure_of_other_kinds_leaks_nothing)
{
	static const RveHandlers failing = {kinds_failing_alloc, kinds_counting_free, kinds_never};
	static const RveHandlers plain = {malloc, free, kinds_never};
	static KindsSparse few,
				many;
	const RveCodecParams params = {.kind = RVE_CODE_SPARSE, .metric = RVE_METRIC_L2,
	.dim = SPARSE_DIM, .capacity = 10};

	kinds_sparse_fill(&few, 5, 1.0);
	kinds_sparse_fill(&many, 500, 1.0);
	rve_base_set_handlers(&failing);
	kinds_allocations_live = 0;
	for (int n = 0; n <= 3; n++)
	{
		RveCodec   *codec = NULL;
		RveCodecQuery *query = NULL;
		RveCodecQuery *small;

		kinds_allocations_left = n;
		ck_assert_int_eq(rve_quant_codec_create(&params, &codec), n >= 1 ? RVE_OK : RVE_NO_MEMORY);
		if (n >= 1)
			ck_assert_int_eq(rve_quant_query_prepare(codec, &few.view, &query),
							 n >= 2 ? RVE_OK : RVE_NO_MEMORY);
		small = query;
		if (n >= 2)
		{
			uint8_t		code[84];
			RveCodeFactors factors;

			ck_assert_int_eq(rve_quant_query_prepare(codec, &many.view, &query),
							 n >= 3 ? RVE_OK : RVE_NO_MEMORY);
			ck_assert(n >= 3 || query == small);
			rve_quant_encode(codec, &few.view, code, &factors, NULL);
			if (n == 2)
				ck_assert(fabsf(rve_quant_distance(codec, query, code, &factors)) <
						  1e-5f * factors.add);
		}
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
		ck_assert_int_eq(kinds_allocations_live, 0);
	}
	rve_base_set_handlers(&plain);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("quant_kinds");
	TCase	   *tcase = tcase_create("quant_kinds");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, l1_is_off_by_less_than_a_step_a_coordinate);
	tcase_add_test(tcase, l1_of_a_choice_of_coordinates_stands_for_all);
	tcase_add_test(tcase, l1_survives_any_scale_and_any_bytes);
	tcase_add_test(tcase, bits_are_exact);
	tcase_add_test(tcase, some_of_the_bits_stand_for_all);
	tcase_add_test(tcase, sparse_is_exact_when_complete_and_bounded_otherwise);
	tcase_add_test(tcase, sparse_keeps_the_largest);
	tcase_add_test(tcase, sparse_survives_any_bytes);
	tcase_add_test(tcase, sparse_survives_the_largest_values);
	tcase_add_test(tcase, hostile_parameters_of_other_kinds_are_refused);
	tcase_add_test(tcase, vectors_of_another_kind_are_refused);
	tcase_add_test(tcase, memory_failure_of_other_kinds_leaks_nothing);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
