/*-------------------------------------------------------------------------
 *
 * hnsw_params.c
 *	  What a new index is like: from its definition and a sample of its rows.
 *
 * The meta page's constants are decided here, once: the kind of code by type
 * and distance, its bits by dimension and self-recall, the mean that codes are
 * centred on, the scale of L1 codes, the room of sparse ones. And, when the
 * graph is there, how far a search has to look (rvi_hnsw_calibrate).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define PARAMS_SEED UINT64CONST(0x52754865637430)	/* any constant: builds are reproducible */
#define PARAMS_KEEP_BYTES (16 * 1024 * 1024)	/* of sampled vectors */
#define PARAMS_KEEP_MAX 1024
#define PARAMS_SHORT_DIM 200	/* below, 8 bits: coordinates are few and each counts */
#define PARAMS_RECALL_QUERIES 64
#define PARAMS_RECALL_ROWS 256	/* fewer sampled rows say nothing */
#define PARAMS_RECALL_MIN 0.95	/* of the 10 nearest among the 20 nearest by 4-bit codes */
#define PARAMS_SPARSE_CAPACITY 64	/* when there is no row to learn from */
#define PARAMS_L1_SIGMA 4.0		/* standard deviations within an L1 code's scale */
#define PARAMS_CALIBRATE_QUERIES 200
#define PARAMS_CALIBRATE_NODES 4096 /* a smaller graph is searched to the end */
#define PARAMS_CALIBRATE_K 16
#define PARAMS_REACH 0.8		/* of the calibrated reach of ef: hard queries use more, easy ones less */

/* ---- the definition ---- */

static RveCodeKind
params_kind(const RvTypeDesc *type, RveMetric metric)
{
	if (type->elements == RVE_BITS)
		return RVE_CODE_BITS;
	if (type->elements == RVE_SPARSE)
		return RVE_CODE_SPARSE;
	return metric == RVE_METRIC_L1 ? RVE_CODE_L1 : RVE_CODE_RABITQ;
}

void
rvi_hnsw_meta_init(Relation rel, const RvTypeDesc *type, RveMetric metric,
				   RvHnswMetaPageData *meta)
{
	RvHnswFilterColumns columns;

	memset(meta, 0, sizeof(*meta));
	meta->m = rvi_hnsw_option_m(rel);
	meta->ef_construction = rvi_hnsw_option_ef_construction(rel);
	if (meta->ef_construction < 2 * meta->m)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ef_construction must be greater than or equal to 2 * m"),
				 errdetail("ef_construction is %d, m is %d.", meta->ef_construction, meta->m)));
	meta->magic = RV_HNSW_MAGIC;
	meta->version = RV_HNSW_VERSION;
	meta->index_magic = pg_prng_uint32(&pg_global_prng_state) | 1;	/* zero pages never match */
	meta->dim = rvi_am_column_dim(rel, type, type->max_dim, "hnsw");
	meta->metric = metric;
	meta->kind = params_kind(type, metric);
	if (meta->kind == RVE_CODE_RABITQ)
		meta->bits = meta->dim < PARAMS_SHORT_DIM ? 8 : 4;
	else if (meta->kind == RVE_CODE_L1)
	{
		meta->low = -1;
		meta->high = 1;
	}
	else if (meta->kind == RVE_CODE_SPARSE)
		meta->capacity = PARAMS_SPARSE_CAPACITY;
	meta->seed = PARAMS_SEED;
	meta->entry = RVE_NODE_NONE;
	meta->free_head = RVE_NODE_NONE;
	rvi_hnsw_filter_columns(rel, &columns);
	meta->filter_words = columns.words;
	rvi_hnsw_filter_kinds(&columns, meta->filters);
	rvi_hnsw_fit_code(meta);
}

/* ---- the sample ---- */

RvHnswSample *
rvi_hnsw_sample_create(const RvHnswMetaPageData *meta)
{
	RvHnswSample *sample = palloc0(sizeof(RvHnswSample));

	sample->kind = meta->kind;
	sample->dim = meta->dim;
	sample->random = PARAMS_SEED;
	if (sample->kind == RVE_CODE_BITS || sample->kind == RVE_CODE_SPARSE)
		return sample;
	sample->keep = Min(PARAMS_KEEP_MAX, PARAMS_KEEP_BYTES / (meta->dim * sizeof(float)));
	sample->vectors = palloc(sample->keep * meta->dim * sizeof(float));
	sample->sum = palloc0(meta->dim * sizeof(double));
	return sample;
}

/* Forgets what was added. */
void
rvi_hnsw_sample_reset(RvHnswSample *sample)
{
	sample->rows = 0;
	sample->element_sum = sample->element_squares = 0;
	sample->max_count = 0;
	if (sample->sum != NULL)
		memset(sample->sum, 0, sample->dim * sizeof(double));
}

/* Vitter's algorithm R: every row is kept with the same probability. */
static void
sample_keep(RvHnswSample *sample, const float *x)
{
	uint64		at = (uint64) sample->rows;

	if (at >= sample->keep)
		at = rve_base_random_next(&sample->random) % (at + 1);
	if (at < sample->keep)
		memcpy(sample->vectors + at * sample->dim, x, sample->dim * sizeof(float));
}

void
rvi_hnsw_sample_add(RvHnswSample *sample, const RveVectorView *view)
{
	int			i;

	if (view->elements == RVE_SPARSE)
		sample->max_count = Max(sample->max_count, view->count);
	else if (view->elements == RVE_DENSE)
	{
		for (i = 0; i < sample->dim; i++)
		{
			sample->sum[i] += view->x[i];
			sample->element_sum += view->x[i];
			sample->element_squares += (double) view->x[i] * view->x[i];
		}
		sample_keep(sample, view->x);
	}
	sample->rows++;
}

static int
sample_kept(const RvHnswSample *sample)
{
	return (int) Min(sample->rows, (double) sample->keep);
}

static void
sample_view(const RvHnswSample *sample, int i, RveVectorView *view)
{
	memset(view, 0, sizeof(*view));
	view->elements = RVE_DENSE;
	view->dim = sample->dim;
	view->x = sample->vectors + (Size) i * sample->dim;
}

static int
sample_compare(const void *a, const void *b)
{
	const RveCandidate *left = a;
	const RveCandidate *right = b;

	return (left->dist > right->dist) - (left->dist < right->dist);
}

/* How many of a query's 10 nearest sampled rows are among its 20 nearest by code. */
static int
sample_recall(const RvHnswSample *sample, RveCodec *codec, RveCodecQuery **query, int at,
			  const uint8 *codes, const RveCodeFactors *factors, RveCandidate *scratch)
{
	int			n = sample_kept(sample);
	Size		bytes = rve_quant_code_bytes(codec);
	RveCandidate *exact = scratch;
	RveCandidate *coded = scratch + n;
	RveVectorView view;
	RveVectorView other;
	int			hits = 0;
	int			i;
	int			j;

	sample_view(sample, at, &view);
	rv_runtime_check_status(rve_quant_query_prepare(codec, &view, query), "hnsw codec");
	for (i = 0; i < n; i++)
	{
		sample_view(sample, i, &other);
		exact[i].node = coded[i].node = i;
		exact[i].dist = rve_dist_exact(RVE_METRIC_L2, &view, &other);
		coded[i].dist = rve_quant_distance(codec, *query, codes + i * bytes, &factors[i]);
	}
	qsort(exact, n, sizeof(RveCandidate), sample_compare);
	qsort(coded, n, sizeof(RveCandidate), sample_compare);
	for (i = 0; i < 10; i++)
		for (j = 0; j < 20; j++)
			hits += exact[i].node == coded[j].node;
	return hits;
}

/* Whether 4-bit codes tell the sampled rows apart well enough. */
static bool
sample_four_bits_suffice(const RvHnswSample *sample, const RvHnswMetaPageData *meta,
						 const float *mean)
{
	int			n = sample_kept(sample);
	RveCodecParams params;
	RveCodec   *codec;
	RveCodecQuery *query = NULL;
	RveVectorView view;
	RveCandidate *scratch;
	RveCodeFactors *factors;
	uint8	   *codes;
	int			hits = 0;
	int			i;

	if (n < PARAMS_RECALL_ROWS)
		return true;
	rvi_hnsw_codec_params(meta, &params);
	params.bits = 4;
	params.coded_dim = 0;
	params.metric = RVE_METRIC_L2;	/* what the codes are good at; the metric adds nothing */
	params.mean = mean;
	rv_runtime_check_status(rve_quant_codec_create(&params, &codec), "hnsw codec");
	codes = palloc(n * rve_quant_code_bytes(codec));
	factors = palloc(n * sizeof(RveCodeFactors));
	scratch = palloc(2 * n * sizeof(RveCandidate));
	for (i = 0; i < n; i++)
	{
		sample_view(sample, i, &view);
		rve_quant_encode(codec, &view, codes + i * rve_quant_code_bytes(codec), &factors[i], NULL);
	}
	for (i = 0; i < PARAMS_RECALL_QUERIES; i++)
		hits += sample_recall(sample, codec, &query, i, codes, factors, scratch);
	rve_quant_query_free(query);
	rve_quant_codec_free(codec);
	return hits >= PARAMS_RECALL_MIN * 10 * PARAMS_RECALL_QUERIES;
}

static void
sample_set_scale(const RvHnswSample *sample, RvHnswMetaPageData *meta)
{
	double		n = sample->rows * sample->dim;
	double		mean = sample->element_sum / n;
	double		sigma = sqrt(Max(sample->element_squares / n - mean * mean, 0));
	float		spread = (float) (PARAMS_L1_SIGMA * sigma);

	if (!isfinite(spread) || spread <= 0)
		spread = 1;
	meta->low = (float) mean - spread;
	meta->high = (float) mean + spread;
}

float *
rvi_hnsw_sample_finish(const RvHnswSample *sample, RvHnswMetaPageData *meta)
{
	float	   *mean = palloc0(meta->dim * sizeof(float));
	uint32		i;

	if (sample->rows == 0)
		return mean;
	if (meta->kind == RVE_CODE_SPARSE)
		meta->capacity = Min(RV_SPARSEVEC_MAX_INDEXED_NNZ, Max(8, (sample->max_count + 7) / 8 * 8));
	else if (meta->kind == RVE_CODE_L1)
		sample_set_scale(sample, meta);
	else if (meta->kind == RVE_CODE_RABITQ)
	{
		for (i = 0; i < meta->dim; i++)
			mean[i] = (float) (sample->sum[i] / sample->rows);
		if (meta->bits == 4 && !sample_four_bits_suffice(sample, meta, mean))
		{
			meta->bits = 8;
			ereport(NOTICE,
					(errmsg("hnsw codes have 8 bits a dimension: 4 do not tell these vectors apart")));
		}
	}
	rvi_hnsw_fit_code(meta);
	return mean;
}

/* ---- how far a search looks ---- */

/* Adds one query's ratios to sums; false: its neighbours say nothing. */
static bool
calibrate_query(RvHnswPageGraph *graph, RveHnswSearch *search, double *sums)
{
	RveHnswEffort effort = {.ef = RVE_HNSW_MAX_EF};
	const RveCandidate *found;
	int			n;
	int			i;

	rv_runtime_check_status(rve_hnsw_search_start(search, &graph->graph, &effort), "hnsw build");
	found = rve_hnsw_search_results(search, &n);

	/* found[0] is the query itself, which is a row */
	if (n < RVE_HNSW_MAX_EF || found[PARAMS_CALIBRATE_K].dist <= 0)
		return false;
	for (i = 0; i < RV_HNSW_STOP_STEPS; i++)
		sums[i] += found[Min(8 << i, n - 1)].dist / found[PARAMS_CALIBRATE_K].dist;
	return true;
}

void
rvi_hnsw_calibrate(RvHnswWriter *writer, RvHnswIndex *index, const RvHnswSample *sample)
{
	RvHnswMetaPageData meta;
	RvHnswPageGraph *graph;
	RveHnswSearch *search;
	RveVectorView view;
	double		sums[RV_HNSW_STOP_STEPS] = {0};
	int			queries = 0;
	int			i;

	rvi_hnsw_read_meta(writer->rel, &meta);
	if (meta.kind != RVE_CODE_RABITQ || meta.metric == RVE_METRIC_IP ||
		meta.next_nid < PARAMS_CALIBRATE_NODES)
		return;
	graph = rvi_hnsw_graph_create(writer->rel, index, &meta);
	rv_runtime_check_status(rve_hnsw_search_create(&search), "hnsw build");
	for (i = 0; i < Min(sample_kept(sample), PARAMS_CALIBRATE_QUERIES); i++)
	{
		CHECK_FOR_INTERRUPTS();
		sample_view(sample, i, &view);
		rv_runtime_check_status(rve_quant_query_prepare(index->codec, &view, &graph->query),
								"hnsw build");
		queries += calibrate_query(graph, search, sums);
	}
	rve_hnsw_search_free(search);
	for (i = 0; i < RV_HNSW_STOP_STEPS && queries > 0; i++)
		index->stop_ratio[i] = (float) (sums[i] / queries);
	rvi_hnsw_set_stop_ratio(writer, index->stop_ratio);
}

/*
 * What the engine distance of the rank-th nearest is times that of a nearer
 * one, as calibrated; 0: not known. Between the steps 8, 16, 32 ... and beyond
 * the last by logarithms.
 */
double
rvi_hnsw_calibrated(const RvHnswIndex *index, double rank)
{
	double		at = Max(0.0, log2(rank) - 3.0);
	int			step = Min((int) at, RV_HNSW_STOP_STEPS - 2);

	return index->stop_ratio[step] +
		(index->stop_ratio[step + 1] - index->stop_ratio[step]) * (at - step);
}

float
rvi_hnsw_stop_ratio(const RvHnswIndex *index, int k, int ef)
{
	double		near = rvi_hnsw_calibrated(index, k);

	if (k >= ef || near <= 0 || index->metric == RVE_METRIC_IP)
		return 0;
	return (float) (1 + PARAMS_REACH * (rvi_hnsw_calibrated(index, ef) / near - 1));
}
