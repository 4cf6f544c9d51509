/*-------------------------------------------------------------------------
 *
 * bench_kernels.c
 *	  Times the engine's kernels and codecs: nanoseconds per call.
 *
 * Usage: bench_kernels [seed]. Every figure is the best of ROUNDS rounds of
 * at least ROUND_NS each, over operands that stay in the nearest caches (4
 * vectors in turn): the cost of arithmetic, not of memory. Codecs are created
 * after the first time, when t_B is known.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/core/quant/rve_quant.h"

#define ROUNDS 7
#define ROUND_NS 3e6
#define VECTORS 4
#define MAX_N 1536
#define SPARSE_DIM 30000
#define SPARSE_ELEMENTS 120

/* Operands of every kernel, and where results go so that calls are not optimised away. */
typedef struct Bench
{
	const RveDistTable *table;
	size_t		n;
	float		f32[VECTORS + 1][MAX_N];
	int32_t		index[VECTORS + 1][MAX_N];
	uint16_t	f16[VECTORS + 1][MAX_N];
	uint8_t		u8[VECTORS + 1][MAX_N];
	int8_t		s8[MAX_N];
	uint8_t		residual[VECTORS][MAX_N + 64];
	RveCodecParams params;
	RveCodec   *codec;
	RveCodecQuery *query;
	RveCodeFactors factors[VECTORS + 1];
	volatile double sink;
} Bench;

typedef void (*BenchBody) (Bench *bench, int i);

static double
bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + (double) now.tv_nsec;
}

/* Best time of one call of body, in nanoseconds. */
static double
bench_time(Bench *bench, BenchBody body)
{
	double		best = 1e300;
	long		calls = VECTORS;

	for (int round = 0; round < ROUNDS;)
	{
		double		start = bench_now_ns();
		double		elapsed;

		for (long i = 0; i < calls; i++)
			body(bench, (int) (i % VECTORS));
		elapsed = bench_now_ns() - start;
		if (elapsed < ROUND_NS)
		{
			calls *= 2;			/* not a round yet */
			continue;
		}
		if (elapsed / (double) calls < best)
			best = elapsed / (double) calls;
		round++;
	}
	return best;
}

static void
bench_l2sq_f32(Bench *b, int i)
{
	b->sink = b->table->l2sq_f32(b->f32[i], b->f32[VECTORS], b->n);
}

static void
bench_ip_f32(Bench *b, int i)
{
	b->sink = b->table->ip_f32(b->f32[i], b->f32[VECTORS], b->n);
}

static void
bench_l1_f32(Bench *b, int i)
{
	b->sink = b->table->l1_f32(b->f32[i], b->f32[VECTORS], b->n);
}

static void
bench_cos_f32(Bench *b, int i)
{
	float		ip,
				aa,
				bb;

	b->table->cos_f32(b->f32[i], b->f32[VECTORS], b->n, &ip, &aa, &bb);
	b->sink = ip + aa + bb;
}

static void
bench_l2sq_f16(Bench *b, int i)
{
	b->sink = b->table->l2sq_f16(b->f16[i], b->f16[VECTORS], b->n);
}

static void
bench_ip_f16(Bench *b, int i)
{
	b->sink = b->table->ip_f16(b->f16[i], b->f16[VECTORS], b->n);
}

static void
bench_l1_f16(Bench *b, int i)
{
	b->sink = b->table->l1_f16(b->f16[i], b->f16[VECTORS], b->n);
}

static void
bench_cos_f16(Bench *b, int i)
{
	float		ip,
				aa,
				bb;

	b->table->cos_f16(b->f16[i], b->f16[VECTORS], b->n, &ip, &aa, &bb);
	b->sink = ip + aa + bb;
}

/* A dimension is a bit here. */
static void
bench_hamming(Bench *b, int i)
{
	b->sink = (double) b->table->hamming(b->u8[i], b->u8[VECTORS], b->n / 8);
}

static void
bench_bits_common(Bench *b, int i)
{
	uint64_t	both,
				either;

	b->table->bits_common(b->u8[i], b->u8[VECTORS], b->n / 8, &both, &either);
	b->sink = (double) (both + either);
}

static void
bench_dot_u8s8(Bench *b, int i)
{
	b->sink = b->table->dot_u8s8(b->u8[i], b->s8, b->n);
}

static void
bench_dot_u8u8(Bench *b, int i)
{
	b->sink = b->table->dot_u8u8(b->u8[i], b->u8[VECTORS], b->n);
}

static void
bench_sad_u8(Bench *b, int i)
{
	b->sink = b->table->sad_u8(b->u8[i], b->u8[VECTORS], b->n);
}

static void
bench_refine_u8(Bench *b, int i)
{
	float		aq,
				eq;

	b->table->refine_u8(b->u8[i], b->s8, b->f32[VECTORS], b->n, &aq, &eq);
	b->sink = aq + eq;
}

static void
bench_refine_u4(Bench *b, int i)
{
	float		aq,
				eq;

	b->table->refine_u4(b->u8[i], b->s8, b->f32[VECTORS], b->n, 5.0f, &aq, &eq);
	b->sink = aq + eq;
}

static void
bench_dot_u4s8(Bench *b, int i)
{
	b->sink = b->table->dot_u4s8(b->u8[i], b->s8, b->n);
}

static void
bench_dot_u4u4(Bench *b, int i)
{
	b->sink = b->table->dot_u4u4(b->u8[i], b->u8[VECTORS], b->n);
}

/* Vector i as the codec takes it; a sparse one has n elements. */
static RveVectorView
bench_view(const Bench *b, int i)
{
	RveVectorView view = {.elements = RVE_DENSE, .dim = b->params.dim, .count = (int) b->n,
	.x = b->f32[i], .index = b->index[i], .bits = b->u8[VECTORS]};

	if (b->params.kind == RVE_CODE_SPARSE)
		view.elements = RVE_SPARSE;
	else if (b->params.kind == RVE_CODE_BITS)
		view.elements = RVE_BITS;
	return view;
}

static void
bench_encode(Bench *b, int i)
{
	RveVectorView view = bench_view(b, i);

	rve_quant_encode(b->codec, &view, b->u8[i], &b->factors[i],
					 rve_quant_residual_bytes(b->codec) > 0 ? b->residual[i] : NULL);
}

static void
bench_prepare(Bench *b, int i)
{
	RveVectorView view = bench_view(b, i);

	if (rve_quant_query_prepare(b->codec, &view, &b->query) != RVE_OK)
		abort();
}

static void
bench_distance(Bench *b, int i)
{
	b->sink = rve_quant_distance(b->codec, b->query, b->u8[i], &b->factors[i]);
}

static void
bench_symmetric(Bench *b, int i)
{
	b->sink = rve_quant_symmetric(b->codec, b->u8[i], &b->factors[i],
								  b->u8[(i + 1) % VECTORS], &b->factors[(i + 1) % VECTORS]);
}

static void
bench_refine(Bench *b, int i)
{
	double		error;

	b->sink = rve_quant_refine(b->codec, b->query, b->u8[i], &b->factors[i], b->residual[i],
							   &error);
}

static void
bench_create(Bench *b, int i)
{
	RveCodec   *codec;

	if (rve_quant_codec_create(&b->params, &codec) != RVE_OK)
		abort();
	rve_quant_codec_free(codec);
}

static void
bench_kernel_table(Bench *bench)
{
	static const struct
	{
		const char *name;
		BenchBody	body;
	}			kernels[] =
	{
		{"l2sq_f32", bench_l2sq_f32}, {"ip_f32", bench_ip_f32}, {"l1_f32", bench_l1_f32},
		{"cos_f32", bench_cos_f32},
		{"l2sq_f16", bench_l2sq_f16}, {"ip_f16", bench_ip_f16}, {"l1_f16", bench_l1_f16},
		{"cos_f16", bench_cos_f16}, {"hamming", bench_hamming}, {"bits_common", bench_bits_common},
		{"dot_u8s8", bench_dot_u8s8}, {"dot_u8u8", bench_dot_u8u8},
		{"dot_u4s8", bench_dot_u4s8}, {"dot_u4u4", bench_dot_u4u4},
		{"sad_u8", bench_sad_u8}, {"refine_u8", bench_refine_u8}, {"refine_u4", bench_refine_u4},
	};
	static const size_t lengths[] = {128, 384, 768, 1536};

	printf("table\tkernel\tdim\tns\n");
	for (int t = 0; (bench->table = rve_dist_supported(t)) != NULL; t++)
	{
		for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
		{
			for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
			{
				bench->n = lengths[l];
				printf("%s\t%s\t%zu\t%.1f\n", bench->table->name, kernels[k].name, bench->n,
					   bench_time(bench, kernels[k].body));
			}
		}
	}
}

static void
bench_codec(Bench *bench, const char *name, RveCodecParams params)
{
	double		create,
				encode,
				prepare,
				distance,
				symmetric;

	if (rve_quant_codec_create(&params, &bench->codec) != RVE_OK)
		abort();
	bench->query = NULL;
	bench->n = params.kind == RVE_CODE_SPARSE ? SPARSE_ELEMENTS : (size_t) params.dim;
	bench->params = params;
	create = bench_time(bench, bench_create);
	encode = bench_time(bench, bench_encode);
	prepare = bench_time(bench, bench_prepare);
	distance = bench_time(bench, bench_distance);
	symmetric = bench_time(bench, bench_symmetric);
	printf("%s\t%s\t%d\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\n", rve_dist_get()->name, name,
		   params.dim, create, encode, prepare, distance, symmetric,
		   bench_time(bench, bench_refine));
	rve_quant_query_free(bench->query);
	rve_quant_codec_free(bench->codec);
}

static void
bench_codecs(Bench *bench)
{
	static const int dims[] = {100, 128, 384, 768, 1536};
	const RveDistTable *t;

	printf("table\tcodec\tdim\tcreate ns\tencode ns\tprepare ns\tdistance ns\tsymmetric ns\t"
		   "refine ns\n");
	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		if (rve_dist_select(t->name) != RVE_OK)
			abort();
		for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
		{
			RveCodecParams params = {.kind = RVE_CODE_RABITQ, .metric = RVE_METRIC_L2,
			.dim = dims[d], .bits = 4, .seed = 1};

			bench_codec(bench, "rabitq4", params);
			params.bits = 8;
			bench_codec(bench, "rabitq8", params);
			params.kind = RVE_CODE_L1;
			params.metric = RVE_METRIC_L1;
			params.high = 1.0f;
			bench_codec(bench, "l1", params);
			params.kind = RVE_CODE_BITS;
			params.metric = RVE_METRIC_HAMMING;
			bench_codec(bench, "hamming", params);
		}
		bench_codec(bench, "sparse", (RveCodecParams) {.kind = RVE_CODE_SPARSE,
			.metric = RVE_METRIC_IP, .dim = SPARSE_DIM, .capacity = 128});
	}
}

int
main(int argc, char **argv)
{
	static Bench bench;
	uint64_t	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

	printf("# seed %llu, table in use %s\n", (unsigned long long) seed, rve_dist_get()->name);
	for (int v = 0; v <= VECTORS; v++)
	{
		for (int i = 0; i < MAX_N; i++)
		{
			bench.f32[v][i] = (float) (rve_base_random_unit(&seed) - 0.5);
			bench.f16[v][i] = rve_dist_half_from_f32(bench.f32[v][i]);
			bench.u8[v][i] = (uint8_t) rve_base_random_next(&seed);
			bench.s8[i] = (int8_t) rve_base_random_next(&seed);
			bench.index[v][i] = i * (SPARSE_DIM / SPARSE_ELEMENTS) +
				(int32_t) (rve_base_random_next(&seed) % (SPARSE_DIM / SPARSE_ELEMENTS));
		}
	}
	bench_kernel_table(&bench);
	bench_codecs(&bench);
	return 0;
}
