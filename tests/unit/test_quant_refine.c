/*-------------------------------------------------------------------------
 *
 * test_quant_refine.c
 *	  Unit tests of RaBitQ's residuals (engine/core/quant): the error bound
 *	  holds whatever the input, refined distances rank as exact ones do, and
 *	  bytes that no encoder made do no harm. Also codes of a share of the
 *	  rotated dimensions.
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

#include "engine/core/quant/rve_quant.h"

#define REFINE_MAX_DIM 2048

static const RveMetric refine_metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE};

static uint64_t refine_seed = 20261128;

static double
refine_normal(void)
{
	return sqrt(-2.0 * log(rve_base_random_unit(&refine_seed))) *
		cos(6.283185307179586 * rve_base_random_unit(&refine_seed));
}

static RveVectorView
refine_view(const float *x, int dim)
{
	RveVectorView view = {.elements = RVE_DENSE, .dim = dim, .x = x};

	return view;
}

static long double
refine_exact(RveMetric metric, const float *a, const float *b, int dim)
{
	long double sum = 0.0L;

	for (int j = 0; j < dim; j++)
	{
		if (metric == RVE_METRIC_IP)
			sum -= (long double) a[j] * b[j];
		else
			sum += ((long double) a[j] - b[j]) * ((long double) a[j] - b[j]);
	}
	return sum;
}

/* A code with its residual, in blocks of exactly their sizes. */
typedef struct Refined
{
	uint8_t    *code;
	uint8_t    *residual;
	RveCodeFactors factors;
} Refined;

static Refined
refine_encode(RveCodec *codec, const float *x, int dim)
{
	RveVectorView view = refine_view(x, dim);
	Refined		r = {malloc(rve_quant_code_bytes(codec)), malloc(rve_quant_residual_bytes(codec)),
	{0.0f, 0.0f, 0}};
	RveCodeFactors again;
	uint8_t    *code = malloc(rve_quant_code_bytes(codec));

	rve_quant_encode(codec, &view, r.code, &r.factors, r.residual);
	/* the residual takes nothing from the code */
	rve_quant_encode(codec, &view, code, &again, NULL);
	ck_assert_mem_eq(code, r.code, rve_quant_code_bytes(codec));
	ck_assert_mem_eq(&again, &r.factors, sizeof(again));
	free(code);
	return r;
}

static void
refine_free(Refined *r)
{
	free(r->code);
	free(r->residual);
}

/* How the coordinates of a test's vectors come about. */
typedef enum RefineShape
{
	SHAPE_NORMAL,
	SHAPE_FAR,					/* a small cloud far from the mean */
	SHAPE_SKEWED,				/* few coordinates carry nearly everything */
	SHAPE_MIXED,				/* magnitudes from 1e-20 to 1e20 in one vector */
	SHAPE_SPIKE,				/* one coordinate */
	SHAPE_CONSTANT,
	SHAPE_TINY,					/* around the least floats */
	SHAPE_HUGE,					/* up to the largest */
	SHAPE_ZERO
} RefineShape;

#define NSHAPES 9

static void
refine_fill(float *v, int dim, RefineShape shape)
{
	memset(v, 0, sizeof(float) * (size_t) dim);
	for (int j = 0; j < dim; j++)
	{
		double		x = refine_normal();

		switch (shape)
		{
			case SHAPE_NORMAL:
				v[j] = (float) x;
				break;
			case SHAPE_FAR:
				v[j] = (float) (1000.0 + 0.01 * x);
				break;
			case SHAPE_SKEWED:
				v[j] = (float) (x / (1.0 + j * j));
				break;
			case SHAPE_MIXED:
				v[j] = (float) (x * pow(10.0, 40.0 * rve_base_random_unit(&refine_seed) - 20.0));
				break;
			case SHAPE_CONSTANT:
				v[j] = 0.1f;
				break;
			case SHAPE_TINY:
				v[j] = (float) (x * 1e-43);
				break;
			case SHAPE_HUGE:
				v[j] = x > 0 ? 0.9f * FLT_MAX : -FLT_MAX;
				break;
			default:
				break;
		}
	}
	if (shape == SHAPE_SPIKE)
		v[rve_base_random_next(&refine_seed) % (uint64_t) dim] = (float) refine_normal();
}

/*
 * Whether |refined - exact| <= error. Exact sums are in long double, whose
 * own rounding, relative to the terms, is granted; an error of DBL_MAX claims
 * nothing.
 */
static double
refine_check_pair(RveCodec *codec, const RveCodecParams *params, RveCodecQuery *query,
				  const float *v, const float *q)
{
	Refined		r = refine_encode(codec, v, params->dim);
	long double want = refine_exact(params->metric, v, q, params->dim);
	double		error = NAN;
	double		got = rve_quant_refine(codec, query, r.code, &r.factors, r.residual, &error);

	ck_assert(isfinite(got) && isfinite(error) && error >= 0.0);
	ck_assert_msg(fabsl(got - want) <= error,
				  "dim %d coded %d bits %d metric %d: %.9g, exact %.9Lg, off by %.3Lg, bound %.3g",
				  params->dim, params->coded_dim, params->bits, params->metric, got, want,
				  fabsl(got - want), error);
	refine_free(&r);
	return error;
}

/* One mean, one query, some vectors; all pairs of shapes of which come around. */
static void
refine_check_shapes(int dim, int coded_dim, int bits, RefineShape a, RefineShape b)
{
	static float mean[REFINE_MAX_DIM],
				v[REFINE_MAX_DIM],
				q[REFINE_MAX_DIM];

	for (int m = 0; m < 3; m++)
	{
		RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = refine_metrics[m], .dim = dim,
		.bits = bits, .coded_dim = coded_dim, .seed = rve_base_random_next(&refine_seed)};
		RveVectorView view = refine_view(q, dim);
		RveCodec   *codec;
		RveCodecQuery *query = NULL;

		refine_fill(mean, dim, a);
		if (rve_base_random_next(&refine_seed) % 2 == 0)
			params.mean = mean;
		ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
		refine_fill(q, dim, b);
		ck_assert_int_eq(rve_quant_query_prepare(codec, &view, &query), RVE_OK);
		refine_fill(v, dim, a);
		refine_check_pair(codec, &params, query, v, q);
		refine_check_pair(codec, &params, query, q, q);
		refine_check_pair(codec, &params, query, mean, q);
		for (int j = 0; j < dim; j++)	/* near the query */
			v[j] = q[j] * (1.0f - FLT_EPSILON * (float) (j % 3));
		refine_check_pair(codec, &params, query, v, q);
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
	}
}

START_TEST(the_error_bound_always_holds)
{
	static const int dims[] = {1, 2, 3, 8, 9, 16, 100, 200, 384, 2048};
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		ck_assert_int_eq(rve_dist_select(t->name), RVE_OK);
		for (int d = 0; d < 10; d++)
		{
			for (int pair = 0; pair < NSHAPES * NSHAPES; pair++)
			{
				RefineShape a = (RefineShape) (pair / NSHAPES);
				RefineShape b = (RefineShape) (pair % NSHAPES);

				/* all of them with one table, a quarter with each of the others */
				if (k > 0 && (pair + d) % 4 != k % 4)
					continue;
				if (dims[d] > 200 && a != b && b != SHAPE_NORMAL)
					continue;
				refine_check_shapes(dims[d], 0, 4, a, b);
				refine_check_shapes(dims[d], 0, 8, a, b);
				refine_check_shapes(dims[d], (dims[d] + 1) / 2, 4 + 4 * (pair % 2), a, b);
			}
		}
	}
	ck_assert_int_eq(rve_dist_select("auto"), RVE_OK);
}
END_TEST

/* A set of vectors around 30 centres, encoded, with some queries. */
typedef struct RefineSet
{
	RveCodecParams params;
	RveCodec   *codec;
	int			n;
	float	   *data;			/* n + REFINE_QUERIES vectors */
	Refined    *rows;
} RefineSet;

#define REFINE_QUERIES 25
#define REFINE_NEAREST 10

static RefineSet
refine_set(int n, int dim, int bits, RveMetric metric)
{
	RefineSet	set = {.n = n};
	float	   *centres = malloc(sizeof(float) * 30 * (size_t) dim);
	float	   *mean = calloc((size_t) dim, sizeof(float));

	set.data = malloc(sizeof(float) * (size_t) (n + REFINE_QUERIES) * (size_t) dim);
	set.rows = malloc(sizeof(Refined) * (size_t) n);
	for (int i = 0; i < 30 * dim; i++)
		centres[i] = (float) (refine_normal() / sqrt(1.0 + i % dim));
	for (int i = 0; i < n + REFINE_QUERIES; i++)
	{
		const float *centre = centres + (size_t) (rve_base_random_next(&refine_seed) % 30) *
			(size_t) dim;
		float	   *v = set.data + (size_t) i * (size_t) dim;
		double		norm = 0.0;

		for (int j = 0; j < dim; j++)
		{
			v[j] = centre[j] + (float) (0.5 * refine_normal() / sqrt(1.0 + j)) + 0.25f;
			norm += (double) v[j] * v[j];
		}
		for (int j = 0; j < dim; j++)
		{
			if (metric == RVE_METRIC_COSINE)
				v[j] = (float) (v[j] / sqrt(norm));
			mean[j] += v[j] / (float) (n + REFINE_QUERIES);
		}
	}
	set.params = (RveCodecParams) {.kind = RVE_CODE_RABITQ, .metric = metric, .dim = dim,
		.bits = bits, .seed = 3, .mean = mean};
	ck_assert_int_eq(rve_quant_codec_create(&set.params, &set.codec), RVE_OK);
	for (int i = 0; i < n; i++)
		set.rows[i] = refine_encode(set.codec, set.data + (size_t) i * (size_t) dim, dim);
	free(centres);
	free(mean);
	return set;
}

static void
refine_set_free(RefineSet *set)
{
	for (int i = 0; i < set->n; i++)
		refine_free(&set->rows[i]);
	rve_quant_codec_free(set->codec);
	free(set->data);
	free(set->rows);
}

typedef struct RefineHit
{
	double		distance;
	int			id;
} RefineHit;

static int
refine_hit_cmp(const void *a, const void *b)
{
	const RefineHit *x = a;
	const RefineHit *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->id - y->id;
}

/*
 * Share of the exact nearest among the nearest by refined distance; mean bound
 * and mean error by mean |exact|.
 */
static double
refine_recall(const RefineSet *set, double *relative, double *actual)
{
	RefineHit  *exact = malloc(sizeof(RefineHit) * (size_t) set->n);
	RefineHit  *refined = malloc(sizeof(RefineHit) * (size_t) set->n);
	RveCodecQuery *query = NULL;
	double		errors = 0.0,
				off = 0.0,
				size = 0.0;
	int			dim = set->params.dim;
	int			found = 0;

	for (int k = 0; k < REFINE_QUERIES; k++)
	{
		const float *q = set->data + (size_t) (set->n + k) * (size_t) dim;
		RveVectorView view = refine_view(q, dim);

		ck_assert_int_eq(rve_quant_query_prepare(set->codec, &view, &query), RVE_OK);
		for (int i = 0; i < set->n; i++)
		{
			const Refined *row = &set->rows[i];
			double		error;

			exact[i].id = refined[i].id = i;
			exact[i].distance = (double) refine_exact(set->params.metric, q, set->data +
													  (size_t) i * (size_t) dim, dim);
			refined[i].distance = rve_quant_refine(set->codec, query, row->code, &row->factors,
												   row->residual, &error);
			ck_assert(fabs(exact[i].distance - refined[i].distance) <= error);
			errors += error;
			off += fabs(exact[i].distance - refined[i].distance);
			size += fabs(exact[i].distance);
		}
		qsort(exact, (size_t) set->n, sizeof(RefineHit), refine_hit_cmp);
		qsort(refined, (size_t) set->n, sizeof(RefineHit), refine_hit_cmp);
		for (int i = 0; i < REFINE_NEAREST; i++)
		{
			for (int j = 0; j < REFINE_NEAREST; j++)
				found += exact[i].id == refined[j].id;
		}
	}
	*relative = errors / size;
	*actual = off / size;
	rve_quant_query_free(query);
	free(exact);
	free(refined);
	return (double) found / (REFINE_NEAREST * REFINE_QUERIES);
}

START_TEST(refined_distances_rank_as_exact_ones)
{
	static const int dims[] = {3, 100, 384, 768};

	for (int d = 0; d < 4; d++)
	{
		for (int bits = 4; bits <= 8; bits += 4)
		{
			for (int m = 0; m < 3; m++)
			{
				RefineSet	set = refine_set(1000, dims[d], bits, refine_metrics[m]);
				double		relative,
							actual;
				double		recall = refine_recall(&set, &relative, &actual);

				if (getenv("RV_TEST_VERBOSE"))
					printf("dim %d bits %d metric %d: refined recall %.3f, bound %.6f, error %.8f\n",
						   dims[d], bits, refine_metrics[m], recall, relative, actual);
				ck_assert_msg(recall >= (dims[d] == 3 ? 0.98 : 0.995), "dim %d bits %d metric %d: recall %.3f",
							  dims[d], bits, refine_metrics[m], recall);
				ck_assert_msg(relative < (bits == 4 ? 1.5e-3 : 1e-4), "dim %d bits %d metric %d: %g",
							  dims[d], bits, refine_metrics[m], relative);
				refine_set_free(&set);
			}
		}
	}
}
END_TEST

/*
 * Over many rotations the mean of the estimates of one pair is the pair's
 * distance: within four standard errors of that mean, which are small
 * themselves.
 */
static void
refine_check_bias(int dim, int coded_dim, int bits, RveMetric metric)
{
	static float mean[REFINE_MAX_DIM],
				a[REFINE_MAX_DIM],
				b[REFINE_MAX_DIM];
	const int	rotations = 600;
	double		sum[2] = {0.0, 0.0},
				sum2[2] = {0.0, 0.0};
	double		want,
				size;

	for (int j = 0; j < dim; j++)
	{
		mean[j] = (float) (0.3 * refine_normal());
		a[j] = mean[j] + (float) (refine_normal() / sqrt(1.0 + j));
		b[j] = mean[j] + 0.8f * (a[j] - mean[j]) + (float) (0.4 * refine_normal() / sqrt(1.0 + j));
	}
	want = (double) refine_exact(metric, a, b, dim);
	size = sqrt((double) refine_exact(RVE_METRIC_L2, a, mean, dim) *
				(double) refine_exact(RVE_METRIC_L2, b, mean, dim));
	for (int seed = 0; seed < rotations; seed++)
	{
		RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = metric, .dim = dim,
		.bits = bits, .coded_dim = coded_dim, .seed = (uint64_t) seed, .mean = mean};
		RveVectorView view = refine_view(a, dim);
		RveCodec   *codec;
		RveCodecQuery *query = NULL;
		Refined		ra,
					rb;
		double		error[2];

		ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
		ra = refine_encode(codec, a, dim);
		rb = refine_encode(codec, b, dim);
		ck_assert_int_eq(rve_quant_query_prepare(codec, &view, &query), RVE_OK);
		error[0] = rve_quant_distance(codec, query, rb.code, &rb.factors) - want;
		error[1] = rve_quant_symmetric(codec, ra.code, &ra.factors, rb.code, &rb.factors) - want;
		for (int k = 0; k < 2; k++)
		{
			sum[k] += error[k];
			sum2[k] += error[k] * error[k];
		}
		refine_free(&ra);
		refine_free(&rb);
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
	}
	for (int k = 0; k < 2; k++)
	{
		double		bias = sum[k] / rotations;
		double		deviation = sqrt(sum2[k] / rotations - bias * bias);
		double		slack;

		if (getenv("RV_TEST_VERBOSE"))
			printf("dim %d coded %d bits %d metric %d symmetric %d: bias %.5f deviation %.5f\n",
				   dim, coded_dim, bits, metric, k, bias / size, deviation / size);
		/* codes of near vectors are rounded alike, which symmetric distances do not know */
		slack = k == 0 ? 2e-4 : bits == 8 ? 4e-4 : 5e-3;
		/* nor how the shares of the two vectors that the coded dimensions hold vary together */
		if (k == 1 && coded_dim > 0)
			slack += 2.0 / coded_dim;
		ck_assert_msg(fabs(bias) < 4.0 * deviation / sqrt(rotations) + slack * size,
					  "dim %d coded %d bits %d metric %d symmetric %d: bias %g, deviation %g of %g",
					  dim, coded_dim, bits, metric, k, bias, deviation, size);
		ck_assert(deviation < 0.3 * size);
	}
}

START_TEST(estimates_from_a_share_of_the_dimensions_are_unbiased)
{
	for (int m = 0; m < 2; m++)
	{
		for (int bits = 4; bits <= 8; bits += 4)
		{
			refine_check_bias(200, 0, bits, refine_metrics[m]);
			refine_check_bias(200, 96, bits, refine_metrics[m]);
			refine_check_bias(600, 304, bits, refine_metrics[m]);
			refine_check_bias(600, 64, bits, refine_metrics[m]);
		}
	}
}
END_TEST

START_TEST(sizes_are_those_of_the_format)
{
	static const int want[][4] = {	/* dim, bits, code, residual */
		{1, 8, 8, 20}, {100, 8, 104, 116}, {100, 4, 56, 124}, {768, 4, 384, 780},
		{768, 8, 768, 780}, {200, 4, 104, 220}, {16000, 4, 8000, 16012},
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
	{
		RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = RVE_METRIC_L2,
		.dim = want[i][0], .bits = want[i][1]};
		RveCodec   *codec;

		ck_assert_int_eq((int) rve_quant_code_bytes_for(&params), want[i][2]);
		ck_assert_int_eq((int) rve_quant_residual_bytes_for(&params), want[i][3]);
		ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
		ck_assert_int_eq((int) rve_quant_code_bytes(codec), want[i][2]);
		ck_assert_int_eq((int) rve_quant_residual_bytes(codec), want[i][3]);
		rve_quant_codec_free(codec);
	}
}
END_TEST

static void
refine_random_bytes(void *p, size_t n)
{
	uint8_t    *bytes = p;
	uint64_t	kind = rve_base_random_next(&refine_seed) % 4;

	for (size_t i = 0; i < n; i++)
		bytes[i] = kind == 0 ? 0xFF : kind == 1 ? 0x7F : (uint8_t) rve_base_random_next(&refine_seed);
}

/* What a damaged page can hold: any bits in code, factors and residual. */
START_TEST(random_bytes_give_finite_distances)
{
	static const int dims[] = {1, 24, 100, 768, 2048};
	static float q[REFINE_MAX_DIM];

	for (int round = 0; round < 3000; round++)
	{
		int			dim = dims[round % 5];
		RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = refine_metrics[round % 3],
		.dim = dim, .bits = round % 2 == 0 ? 4 : 8, .coded_dim = round % 7 == 0 ? (dim + 1) / 2 : 0,
		.seed = 9};
		RveVectorView view = refine_view(q, dim);
		RveCodec   *codec;
		RveCodecQuery *query = NULL;
		Refined		a,
					b;
		double		error;

		ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
		refine_fill(q, dim, (RefineShape) (round % NSHAPES));
		a = refine_encode(codec, q, dim);
		b = refine_encode(codec, q, dim);
		refine_random_bytes(b.code, rve_quant_code_bytes(codec));
		refine_random_bytes(b.residual, rve_quant_residual_bytes(codec));
		refine_random_bytes(&b.factors, sizeof(b.factors));
		ck_assert_int_eq(rve_quant_query_prepare(codec, &view, &query), RVE_OK);
		ck_assert(isfinite(rve_quant_distance(codec, query, b.code, &b.factors)));
		ck_assert(isfinite(rve_quant_symmetric(codec, b.code, &b.factors, a.code, &a.factors)));
		ck_assert(isfinite(rve_quant_symmetric(codec, b.code, &b.factors, b.code, &b.factors)));
		ck_assert(isfinite(rve_quant_refine(codec, query, b.code, &b.factors, b.residual, &error)));
		ck_assert(isfinite(error));
		ck_assert(!rve_quant_code_complete(codec, b.code, &b.factors));
		refine_free(&a);
		refine_free(&b);
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
	}
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("quant_refine");
	TCase	   *tcase = tcase_create("quant_refine");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, the_error_bound_always_holds);
	tcase_add_test(tcase, refined_distances_rank_as_exact_ones);
	tcase_add_test(tcase, estimates_from_a_share_of_the_dimensions_are_unbiased);
	tcase_add_test(tcase, sizes_are_those_of_the_format);
	tcase_add_test(tcase, random_bytes_give_finite_distances);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
