/*-------------------------------------------------------------------------
 *
 * test_quant.c
 *	  Unit tests of engine/core/quant: estimates, bounds, recall, hostile
 *	  parameters and inputs, memory failure.
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

#define NEAREST 10

static RveCodecParams
test_quant_params(int dim, int bits, RveMetric metric, uint64_t seed, const float *mean)
{
	RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = metric, .dim = dim, .bits = bits,
	.seed = seed, .mean = mean};

	return params;
}

static RveVectorView
test_quant_view(const float *x, int dim)
{
	RveVectorView view = {.elements = RVE_DENSE, .dim = dim, .x = x};

	return view;
}

static RveStatus
test_quant_prepare(RveCodec *codec, const float *q, int dim, RveCodecQuery **query)
{
	RveVectorView view = test_quant_view(q, dim);

	return rve_quant_query_prepare(codec, &view, query);
}

static void
test_quant_encode(RveCodec *codec, const float *x, int dim, uint8_t *code, RveCodeFactors *factors)
{
	RveVectorView view = test_quant_view(x, dim);

	rve_quant_encode(codec, &view, code, factors, NULL);
}

/* A set of encoded vectors. */
typedef struct Encoded
{
	RveCodec   *codec;
	int			dim;
	int			n;
	float	   *data;
	uint8_t    *codes;
	RveCodeFactors *factors;
} Encoded;

static double
test_quant_normal(uint64_t *state)
{
	return sqrt(-2.0 * log(rve_base_random_unit(state))) *
		cos(6.283185307179586 * rve_base_random_unit(state));
}

/* n points around 30 centres; coordinates carry less and less variance, as embeddings do. */
static float *
test_quant_clusters(int n, int dim, uint64_t seed)
{
	float	   *centres = malloc(sizeof(float) * 30 * (size_t) dim);
	float	   *data = malloc(sizeof(float) * (size_t) n * (size_t) dim);

	for (int i = 0; i < 30 * dim; i++)
		centres[i] = (float) (test_quant_normal(&seed) / sqrt(1.0 + i % dim));
	for (int i = 0; i < n; i++)
	{
		const float *centre = centres + (size_t) (rve_base_random_next(&seed) % 30) * (size_t) dim;

		for (int j = 0; j < dim; j++)
			data[(size_t) i * dim + j] =
				centre[j] + (float) (0.5 * test_quant_normal(&seed) / sqrt(1.0 + j)) + 0.25f;
	}
	free(centres);
	return data;
}

static void
test_quant_normalise(float *v, int dim)
{
	double		norm = 0.0;

	for (int j = 0; j < dim; j++)
		norm += (double) v[j] * v[j];
	norm = sqrt(norm);
	for (int j = 0; j < dim; j++)
		v[j] = (float) (v[j] / norm);
}

static Encoded
test_quant_encode_all(int n, int dim, int bits, RveMetric metric, uint64_t seed)
{
	Encoded		set = {NULL, dim, n, test_quant_clusters(n, dim, seed), NULL, NULL};
	float	   *mean = calloc((size_t) dim, sizeof(float));
	RveCodecParams params = test_quant_params(dim, bits, metric, 7, mean);
	size_t		bytes;

	for (int i = 0; i < n; i++)
	{
		if (metric == RVE_METRIC_COSINE)
			test_quant_normalise(set.data + (size_t) i * dim, dim);
		for (int j = 0; j < dim; j++)
			mean[j] += set.data[(size_t) i * dim + j] / (float) n;
	}
	ck_assert_int_eq(rve_quant_codec_create(&params, &set.codec), RVE_OK);
	free(mean);
	bytes = rve_quant_code_bytes(set.codec);
	ck_assert_uint_eq(bytes, rve_quant_code_bytes_for(&params));
	set.codes = malloc(bytes * (size_t) n);
	set.factors = malloc(sizeof(RveCodeFactors) * (size_t) n);
	for (int i = 0; i < n; i++)
		test_quant_encode(set.codec, set.data + (size_t) i * dim, dim,
						  set.codes + bytes * (size_t) i, &set.factors[i]);
	return set;
}

static void
test_quant_free(Encoded *set)
{
	rve_quant_codec_free(set->codec);
	free(set->data);
	free(set->codes);
	free(set->factors);
}

static const uint8_t *
test_quant_code(const Encoded *set, int i)
{
	return set->codes + rve_quant_code_bytes(set->codec) * (size_t) i;
}

static const float *
test_quant_vector(const Encoded *set, int i)
{
	return set->data + (size_t) i * set->dim;
}

static double
test_quant_exact(RveMetric metric, const float *a, const float *b, int dim)
{
	double		sum = 0.0;

	for (int j = 0; j < dim; j++)
	{
		if (metric == RVE_METRIC_IP)
			sum -= (double) a[j] * b[j];
		else
			sum += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
	}
	return sum;
}

/* x of dimension i of a code of n dimensions: u + c_B. */
static double
test_quant_code_value(const uint8_t *code, int bits, size_t n, size_t i)
{
	size_t		group = i / 128 * 128;
	size_t		half = n - group < 128 ? (n - group) / 2 : 64;

	if (bits == 8)
		return code[i] - 127.5;
	i -= group;
	code += group / 2;
	return (i < half ? code[i] & 15 : code[i - half] >> 4) - 7.5;
}

/* The published error bound for a query at distance sqrt(g) from the mean (L2). */
static double
test_quant_bound(const Encoded *set, int bits, int i, double g)
{
	const double eps0 = 1.9;
	double		n2 = set->factors[i].add;
	double		ip = -2.0 * n2 / set->factors[i].resc;
	double		xx = 0.0;
	size_t		padded = rve_quant_code_bytes(set->codec) * 8 / (size_t) bits;
	int64_t		sum = 0;

	for (size_t j = 0; j < padded; j++)
	{
		double		x = test_quant_code_value(test_quant_code(set, i), bits, padded, j);

		xx += x * x;
		sum += (int64_t) (x + (bits == 8 ? 127.5 : 7.5));
	}
	ck_assert_int_eq(sum, set->factors[i].sum);
	return 2.0 * eps0 * sqrt(n2) * sqrt((n2 * xx / (ip * ip) - 1.0) / ((double) padded - 1.0)) *
		sqrt(g);
}

/* |q - c|^2, with c the mean of the set. */
static double
test_quant_query_norm(const Encoded *set, const float *q)
{
	double		g = 0.0;

	for (int j = 0; j < set->dim; j++)
	{
		double		mean = 0.0;

		for (int i = 0; i < set->n; i++)
			mean += (double) set->data[(size_t) i * set->dim + j] / set->n;
		g += (q[j] - mean) * (q[j] - mean);
	}
	return g;
}

/*
 * eps0 = 1.9 is a two-sided interval of about 94 %: more misses mean a wrong
 * estimator, far fewer a bound that bounds nothing. With 8 bits the query's
 * own 8-bit rounding is as large as the code's, which the bound leaves out.
 */
START_TEST(estimates_stay_within_the_published_bound)
{
	static const int dims[] = {64, 128, 200, 768};
	static const int bits[] = {4, 8};

	for (int d = 0; d < 4; d++)
	{
		for (int b = 0; b < 2; b++)
		{
			Encoded		set = test_quant_encode_all(400, dims[d], bits[b], RVE_METRIC_L2, 11);
			float	   *queries = test_quant_clusters(20, dims[d], 12);
			RveCodecQuery *query = NULL;
			int			outside = 0;
			double		share;

			for (int q = 0; q < 20; q++)
			{
				const float *v = queries + (size_t) q * dims[d];
				double		g = test_quant_query_norm(&set, v);

				ck_assert_int_eq(test_quant_prepare(set.codec, v, dims[d], &query), RVE_OK);
				for (int i = 0; i < set.n; i++)
				{
					double		want = test_quant_exact(RVE_METRIC_L2, v,
														test_quant_vector(&set, i), dims[d]);
					double		got = rve_quant_distance(set.codec, query,
														 test_quant_code(&set, i), &set.factors[i]);

					outside += fabs(got - want) > test_quant_bound(&set, bits[b], i, g);
				}
			}
			share = outside / (20.0 * set.n);
			if (getenv("RV_TEST_VERBOSE"))
				printf("dim %d bits %d: %.3f outside the bound\n", dims[d], bits[b], share);
			ck_assert_msg(share > 0.02 && share < (bits[b] == 4 ? 0.10 : 0.25),
						  "dim %d bits %d: %.3f outside the bound", dims[d], bits[b], share);
			rve_quant_query_free(query);
			free(queries);
			test_quant_free(&set);
		}
	}
}
END_TEST

/* Mean and standard deviation of (estimate - exact), relative to the mean |exact|. */
static void
test_quant_errors(const Encoded *set, RveMetric metric, bool symmetric, double *bias, double *spread)
{
	RveCodecQuery *query = NULL;
	double		sum = 0.0,
				sum2 = 0.0,
				size = 0.0;
	int			n = 0;

	for (int i = 0; i < 40; i++)
	{
		ck_assert_int_eq(test_quant_prepare(set->codec, test_quant_vector(set, i), set->dim,
											&query), RVE_OK);
		for (int k = i + 1; k < set->n; k++)
		{
			double		want = test_quant_exact(metric, test_quant_vector(set, i),
												test_quant_vector(set, k), set->dim);
			double		got = symmetric ?
				rve_quant_symmetric(set->codec, test_quant_code(set, i), &set->factors[i],
									test_quant_code(set, k), &set->factors[k]) :
				rve_quant_distance(set->codec, query, test_quant_code(set, k), &set->factors[k]);

			sum += got - want;
			sum2 += (got - want) * (got - want);
			size += fabs(want);
			n++;
		}
	}
	*bias = sum / size;
	*spread = sqrt(sum2 / n) / (size / n);
	rve_quant_query_free(query);
}

START_TEST(estimates_are_unbiased_for_every_metric)
{
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE};

	for (int bits = 4; bits <= 8; bits += 4)
	{
		for (int m = 0; m < 3; m++)
		{
			Encoded		set = test_quant_encode_all(300, 200, bits, metrics[m], 21);
			double		limit = bits == 4 ? 0.012 : 0.001;

			for (int symmetric = 0; symmetric < 2; symmetric++)
			{
				double		bias,
							spread;

				test_quant_errors(&set, metrics[m], symmetric, &bias, &spread);
				if (getenv("RV_TEST_VERBOSE"))
					printf("bits %d metric %d symmetric %d: bias %.5f spread %.5f\n",
						   bits, metrics[m], symmetric, bias, spread);
				ck_assert_msg(fabs(bias) < limit / 4.0 && spread < limit,
							  "bits %d metric %d symmetric %d: bias %g, spread %g",
							  bits, metrics[m], symmetric, bias, spread);
			}
			test_quant_free(&set);
		}
	}
}
END_TEST

/* One candidate of a search. */
typedef struct Hit
{
	double		distance;
	int			id;
} Hit;

static int
test_quant_hit_cmp(const void *a, const void *b)
{
	const Hit  *x = a;
	const Hit  *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->id - y->id;
}

/* Share of the exact NEAREST that are among the best `depth` by estimate. */
static double
test_quant_recall(const Encoded *set, RveMetric metric, int depth)
{
	const int	nqueries = 25;
	float	   *queries = test_quant_clusters(nqueries, set->dim, 32);
	Hit		   *exact = malloc(sizeof(Hit) * (size_t) set->n);
	Hit		   *estimate = malloc(sizeof(Hit) * (size_t) set->n);
	RveCodecQuery *query = NULL;
	int			found = 0;

	for (int q = 0; q < nqueries; q++)
	{
		float	   *v = queries + (size_t) q * set->dim;

		if (metric == RVE_METRIC_COSINE)
			test_quant_normalise(v, set->dim);
		ck_assert_int_eq(test_quant_prepare(set->codec, v, set->dim, &query), RVE_OK);
		for (int i = 0; i < set->n; i++)
		{
			exact[i].id = estimate[i].id = i;
			exact[i].distance = test_quant_exact(metric, v, test_quant_vector(set, i), set->dim);
			estimate[i].distance = rve_quant_distance(set->codec, query, test_quant_code(set, i),
													  &set->factors[i]);
		}
		qsort(exact, (size_t) set->n, sizeof(Hit), test_quant_hit_cmp);
		qsort(estimate, (size_t) set->n, sizeof(Hit), test_quant_hit_cmp);
		for (int i = 0; i < NEAREST; i++)
		{
			for (int k = 0; k < depth; k++)
				found += exact[i].id == estimate[k].id;
		}
	}
	rve_quant_query_free(query);
	free(queries);
	free(exact);
	free(estimate);
	return (double) found / (NEAREST * nqueries);
}

/* What a graph over codes lives on: the true neighbours are among the best by estimate. */
START_TEST(true_neighbours_are_near_by_estimate)
{
	static const int dims[] = {3, 100, 200, 384, 768};
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE};

	for (int d = 0; d < 5; d++)
	{
		for (int bits = 4; bits <= 8; bits += 4)
		{
			for (int m = 0; m < 3; m++)
			{
				Encoded		set = test_quant_encode_all(1500, dims[d], bits, metrics[m], 31);
				double		top10 = test_quant_recall(&set, metrics[m], 10);
				double		top100 = test_quant_recall(&set, metrics[m], 100);

				if (getenv("RV_TEST_VERBOSE"))
					printf("dim %d bits %d metric %d: top 10 of 10 %.3f, of 100 %.3f\n",
						   dims[d], bits, metrics[m], top10, top100);
				ck_assert_msg(top100 >= 0.995, "dim %d bits %d metric %d: %.3f of the top 10 in 100",
							  dims[d], bits, metrics[m], top100);
				ck_assert_msg(top10 >= (bits == 4 ? 0.80 : 0.97),
							  "dim %d bits %d metric %d: %.3f of the top 10 in 10",
							  dims[d], bits, metrics[m], top10);
				test_quant_free(&set);
			}
		}
	}
}
END_TEST

START_TEST(rotation_keeps_lengths)
{
	static const int dims[] = {1, 2, 3, 63, 64, 65, 100, 128, 129, 300, 1000, 16000};

	for (int d = 0; d < 12; d++)
	{
		for (int bits = 4; bits <= 8; bits += 4)
		{
			RveCodecParams params = test_quant_params(dims[d], bits, RVE_METRIC_L2, 17, NULL);
			float	   *v = test_quant_clusters(1, dims[d], 8);
			uint8_t    *code = malloc(rve_quant_code_bytes_for(&params));
			RveCodeFactors factors;
			RveCodec   *codec;
			double		norm2 = 0.0;

			for (int j = 0; j < dims[d]; j++)
				norm2 += (double) v[j] * v[j];
			ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
			test_quant_encode(codec, v, dims[d], code, &factors);
			ck_assert_msg(fabs(factors.add - norm2) <= 1e-5 * norm2, "dim %d: %g, expected %g",
						  dims[d], factors.add, norm2);
			rve_quant_codec_free(codec);
			free(v);
			free(code);
		}
	}
}
END_TEST

START_TEST(codes_depend_on_the_seed_alone)
{
	float	   *v = test_quant_clusters(1, 100, 5);
	uint8_t		code[3][104];
	RveCodeFactors factors[3];
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		ck_assert_int_eq(rve_dist_select(t->name), RVE_OK);
		for (int i = 0; i < 3; i++)
		{
			RveCodecParams params = test_quant_params(100, 8, RVE_METRIC_L2, i < 2 ? 99 : 100, NULL);
			RveCodec   *codec;

			/* the first table's first code stays as the reference */
			if (k > 0 && i == 0)
				continue;
			ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
			test_quant_encode(codec, v, 100, code[i], &factors[i]);
			rve_quant_codec_free(codec);
		}
		ck_assert_mem_eq(code[0], code[1], 104);
		ck_assert_mem_eq(&factors[0], &factors[1], sizeof(RveCodeFactors));
		ck_assert_mem_ne(code[0], code[2], 104);
	}
	ck_assert_int_eq(rve_dist_select("auto"), RVE_OK);
	free(v);
}
END_TEST

START_TEST(estimates_are_the_same_in_every_table)
{
	for (int bits = 4; bits <= 8; bits += 4)
	{
		Encoded		set = test_quant_encode_all(50, 300, bits, RVE_METRIC_IP, 61);
		RveCodecQuery *query = NULL;
		const RveDistTable *t;

		for (int i = 0; i < set.n; i++)
		{
			float		distance = 0.0f,
						symmetric = 0.0f;

			for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
			{
				float		d,
							s;

				ck_assert_int_eq(rve_dist_select(t->name), RVE_OK);
				ck_assert_int_eq(test_quant_prepare(set.codec, test_quant_vector(&set, 0), 300,
													&query), RVE_OK);
				d = rve_quant_distance(set.codec, query, test_quant_code(&set, i), &set.factors[i]);
				s = rve_quant_symmetric(set.codec, test_quant_code(&set, 0), &set.factors[0],
										test_quant_code(&set, i), &set.factors[i]);
				ck_assert(k == 0 || (d == distance && s == symmetric));
				distance = d;
				symmetric = s;
			}
		}
		ck_assert_int_eq(rve_dist_select("auto"), RVE_OK);
		rve_quant_query_free(query);
		test_quant_free(&set);
	}
}
END_TEST

/* Encodes v, estimates its distance to itself and to q: everything must be finite. */
static void
test_quant_check_finite(const RveCodecParams *params, const float *v, const float *q)
{
	RveCodec   *codec;
	RveCodecQuery *query = NULL;
	RveCodeFactors f,
				g;
	uint8_t    *code;
	uint8_t    *other;

	ck_assert_int_eq(rve_quant_codec_create(params, &codec), RVE_OK);
	code = malloc(rve_quant_code_bytes(codec));
	other = malloc(rve_quant_code_bytes(codec));
	test_quant_encode(codec, v, params->dim, code, &f);
	test_quant_encode(codec, q, params->dim, other, &g);
	ck_assert(isfinite(f.add) && isfinite(f.resc) && isfinite(g.add) && isfinite(g.resc));
	ck_assert_int_eq(test_quant_prepare(codec, q, params->dim, &query), RVE_OK);
	ck_assert(isfinite(rve_quant_distance(codec, query, code, &f)));
	ck_assert(isfinite(rve_quant_distance(codec, query, other, &g)));
	ck_assert(isfinite(rve_quant_symmetric(codec, code, &f, other, &g)));
	ck_assert(isfinite(rve_quant_symmetric(codec, code, &f, code, &f)));
	free(code);
	free(other);
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
}

START_TEST(degenerate_vectors_give_finite_estimates)
{
	static const int dims[] = {1, 2, 63, 64, 65, 128, 129, 1000};
	static const float values[] = {0.0f, 1.0f, -1.0f, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, 1e19f};
	static const RveMetric metrics[] = {RVE_METRIC_L2, RVE_METRIC_IP, RVE_METRIC_COSINE};
	float	   *v = malloc(sizeof(float) * 1000);
	float	   *q = malloc(sizeof(float) * 1000);
	float	   *mean = malloc(sizeof(float) * 1000);

	for (int d = 0; d < 8; d++)
	{
		for (int a = 0; a < 8; a++)
		{
			for (int b = 0; b < 8; b++)
			{
				RveCodecParams params = test_quant_params(dims[d], 4 + 4 * (b % 2),
														  metrics[(a + b) % 3], 1, mean);

				for (int j = 0; j < dims[d]; j++)
				{
					v[j] = values[a];
					q[j] = values[b];
					mean[j] = values[(a + b + 1) % 8];
				}
				test_quant_check_finite(&params, v, q);
				params.mean = NULL;
				test_quant_check_finite(&params, v, q);
				params.mean = v;	/* zero after centring */
				test_quant_check_finite(&params, v, q);
				memset(v + 1, 0, sizeof(float) * (size_t) (dims[d] - 1));	/* one spike */
				params.mean = mean;
				test_quant_check_finite(&params, v, q);
			}
		}
	}
	free(v);
	free(q);
	free(mean);
}
END_TEST

/* Scaling all vectors scales the estimates: no magnitude loses the order. */
START_TEST(magnitude_does_not_change_the_order)
{
	static const float scales[] = {1e-18f, 1e-12f, 1e6f, 1e12f, 1e17f};
	float	   *data = test_quant_clusters(20, 100, 3);
	float	   *scaled = malloc(sizeof(float) * 2000);

	for (int s = 0; s < 5; s++)
	{
		RveCodecParams params = test_quant_params(100, 8, RVE_METRIC_L2, 4, NULL);
		RveCodec   *codec;
		RveCodecQuery *query = NULL;
		uint8_t		code[104];
		RveCodeFactors factors;

		for (int i = 0; i < 2000; i++)
			scaled[i] = data[i] * scales[s];
		ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
		ck_assert_int_eq(test_quant_prepare(codec, scaled, 100, &query), RVE_OK);
		for (int i = 1; i < 20; i++)
		{
			double		want = test_quant_exact(RVE_METRIC_L2, data, data + 100 * i, 100);
			double		got;

			test_quant_encode(codec, scaled + 100 * i, 100, code, &factors);
			got = rve_quant_distance(codec, query, code, &factors) / scales[s] / scales[s];
			ck_assert_msg(fabs(got - want) < 0.02 * want, "scale %g: %g, expected %g",
						  scales[s], got, want);
		}
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
	}
	free(data);
	free(scaled);
}
END_TEST

START_TEST(hostile_parameters_are_refused)
{
	const float bad_mean[3] = {0.0f, NAN, 0.0f};
	const float infinite_mean[3] = {0.0f, 0.0f, -INFINITY};
	RveCodecParams refused[] = {
		test_quant_params(0, 4, RVE_METRIC_L2, 1, NULL),
		test_quant_params(-1, 4, RVE_METRIC_L2, 1, NULL),
		test_quant_params(INT32_MIN, 8, RVE_METRIC_L2, 1, NULL),
		test_quant_params(16001, 4, RVE_METRIC_L2, 1, NULL),
		test_quant_params(INT32_MAX, 8, RVE_METRIC_L2, 1, NULL),
		test_quant_params(3, 0, RVE_METRIC_L2, 1, NULL),
		test_quant_params(3, 1, RVE_METRIC_L2, 1, NULL),
		test_quant_params(3, 5, RVE_METRIC_L2, 1, NULL),
		test_quant_params(3, 16, RVE_METRIC_L2, 1, NULL),
		test_quant_params(3, -4, RVE_METRIC_L2, 1, NULL),
		test_quant_params(3, 4, RVE_METRIC_L1, 1, NULL),
		test_quant_params(3, 4, RVE_METRIC_HAMMING, 1, NULL),
		test_quant_params(3, 4, (RveMetric) 0, 1, NULL),
		test_quant_params(3, 4, (RveMetric) 99, 1, NULL),
		test_quant_params(3, 4, RVE_METRIC_L2, 1, bad_mean),
		test_quant_params(3, 4, RVE_METRIC_L2, 1, infinite_mean),
		test_quant_params(3, 4, RVE_METRIC_L2, 1, NULL),	/* kind 0, see below */
		test_quant_params(3, 4, RVE_METRIC_L2, 1, NULL),	/* coded_dim -1 */
		test_quant_params(3, 4, RVE_METRIC_L2, 1, NULL),	/* coded_dim 4 */
	};
	RveCodec   *codec;
	RveCodec   *small;
	RveCodecQuery *query = NULL;
	RveCodecParams params = test_quant_params(16000, 4, RVE_METRIC_L2, 1, NULL);
	float	   *zero = calloc(16000, sizeof(float));

	refused[16].kind = (RveCodeKind) 0;
	refused[17].coded_dim = -1;
	refused[18].coded_dim = 4;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		codec = (RveCodec *) &codec;
		ck_assert_msg(rve_quant_codec_create(&refused[i], &codec) == RVE_INVALID_ARGUMENT,
					  "parameters %zu were accepted", i);
		ck_assert_ptr_null(codec);
	}

	/* the largest is fine, and a query of another codec is not taken for its own */
	ck_assert_int_eq(rve_quant_codec_create(&params, &codec), RVE_OK);
	ck_assert_uint_eq(rve_quant_code_bytes(codec), 8000);
	params.dim = 3;
	ck_assert_int_eq(rve_quant_codec_create(&params, &small), RVE_OK);
	ck_assert_int_eq(test_quant_prepare(small, zero, 3, &query), RVE_OK);
	ck_assert_int_eq(test_quant_prepare(codec, zero, 16000, &query), RVE_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(query);
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
	rve_quant_codec_free(small);
	free(zero);
}
END_TEST

static int	allocations_left;
static int	allocations_live;

static void *
test_quant_failing_alloc(size_t size)
{
	if (allocations_left-- <= 0)
		return NULL;
	allocations_live++;
	return malloc(size);
}

static void
test_quant_counting_free(void *ptr)
{
	allocations_live--;
	free(ptr);
}

static bool
test_quant_never(void)
{
	return false;
}

START_TEST(memory_failure_is_reported_and_leaks_nothing)
{
	static const RveHandlers failing = {test_quant_failing_alloc, test_quant_counting_free,
	test_quant_never};
	static const RveHandlers plain = {malloc, free, test_quant_never};
	const RveCodecParams params = test_quant_params(100, 4, RVE_METRIC_L2, 1, NULL);
	float		v[100] = {0};
	bool		succeeded = false;

	rve_base_set_handlers(&failing);
	allocations_live = 0;
	for (int n = 0; !succeeded; n++)
	{
		RveCodec   *codec = NULL;
		RveCodecQuery *query = NULL;
		RveStatus	status;

		allocations_left = n;
		status = rve_quant_codec_create(&params, &codec);
		if (status == RVE_OK)
			status = test_quant_prepare(codec, v, 100, &query);
		succeeded = status == RVE_OK;
		ck_assert(succeeded || status == RVE_NO_MEMORY);
		ck_assert(succeeded == (query != NULL));
		ck_assert_int_eq(n >= 2, succeeded);
		rve_quant_query_free(query);
		rve_quant_codec_free(codec);
		ck_assert_int_eq(allocations_live, 0);
	}
	rve_base_set_handlers(&plain);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("quant");
	TCase	   *tcase = tcase_create("quant");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, estimates_stay_within_the_published_bound);
	tcase_add_test(tcase, estimates_are_unbiased_for_every_metric);
	tcase_add_test(tcase, true_neighbours_are_near_by_estimate);
	tcase_add_test(tcase, rotation_keeps_lengths);
	tcase_add_test(tcase, codes_depend_on_the_seed_alone);
	tcase_add_test(tcase, estimates_are_the_same_in_every_table);
	tcase_add_test(tcase, degenerate_vectors_give_finite_estimates);
	tcase_add_test(tcase, magnitude_does_not_change_the_order);
	tcase_add_test(tcase, hostile_parameters_are_refused);
	tcase_add_test(tcase, memory_failure_is_reported_and_leaks_nothing);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
