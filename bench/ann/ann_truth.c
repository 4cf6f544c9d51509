/*-------------------------------------------------------------------------
 *
 * ann_truth.c
 *	  Exact neighbours by FAISS IndexFlat, through its C API (tests/oracle).
 *
 * With a column, a query's neighbours are sought among the rows that have the
 * query's value in it: one flat index for each value.
 *
 *-------------------------------------------------------------------------
 */
#include "ann.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>

#define TRUTH_SPARE 16			/* FAISS ranks in float32: candidates beyond the k */
#define TRUTH_BLOCK 16384		/* rows handed to FAISS at once */
#define TRUTH_BATCH 100			/* queries searched at once */

typedef struct TruthCandidate
{
	double		distance;
	int32_t		id;
} TruthCandidate;

/* The rows and queries of one value of the column. */
typedef struct TruthGroup
{
	size_t		nrows;
	size_t		nqueries;
	const uint32_t *rows;
	const uint32_t *queries;
} TruthGroup;

static void
truth_check(int code)
{
	if (code != 0)
		ann_fail("FAISS: %s", faiss_get_last_error() ? faiss_get_last_error() : "no message");
}

static int
truth_compare(const void *a, const void *b)
{
	const TruthCandidate *x = a,
			   *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* A flat index of the group's rows. */
static FaissIndexFlat *
truth_index(AnnMetric metric, const AnnSet *base, const TruthGroup *group)
{
	FaissIndexFlat *index = NULL;
	float	   *block = ann_alloc((size_t) TRUTH_BLOCK * base->dim, sizeof(float));

	truth_check(faiss_IndexFlat_new_with(&index, base->dim,
										 metric == ANN_L2 ? METRIC_L2 : METRIC_INNER_PRODUCT));
	for (size_t first = 0; first < group->nrows; first += TRUTH_BLOCK)
	{
		size_t		n = group->nrows - first < TRUTH_BLOCK ? group->nrows - first : TRUTH_BLOCK;
		AnnSet		part = {n, base->dim, block};
		float	   *unit;

		for (size_t i = 0; i < n; i++)
			memcpy(block + i * base->dim, base->rows + (size_t) group->rows[first + i] * base->dim,
				   base->dim * sizeof(float));
		unit = ann_unit_rows(metric, &part, 0, n);
		truth_check(faiss_Index_add(index, n, unit));
		free(unit);
	}
	free(block);
	return index;
}

/* Ranks FAISS's candidates by exact distance and stores the k best. */
static void
truth_store(AnnMetric metric, const AnnSet *base, const float *query, const idx_t *labels,
			const TruthGroup *group, AnnTruth *truth, size_t q)
{
	int			n = truth->k + TRUTH_SPARE;
	TruthCandidate *best = ann_alloc(n, sizeof(TruthCandidate));
	int			found = 0;

	for (int i = 0; i < n; i++)
	{
		if (labels[i] < 0)
			continue;
		best[found].id = (int32_t) group->rows[labels[i]];
		best[found].distance = ann_distance(metric, query, base->rows + (size_t) best[found].id * base->dim,
											base->dim);
		found++;
	}
	qsort(best, found, sizeof(TruthCandidate), truth_compare);
	for (int i = 0; i < truth->k; i++)
	{
		((int32_t *) truth->ids)[q * truth->k + i] = i < found ? best[i].id : -1;
		((double *) truth->distances)[q * truth->k + i] = i < found ? best[i].distance : INFINITY;
	}
	free(best);
}

static void
truth_search_group(AnnMetric metric, const AnnSet *base, const AnnSet *queries,
				   const TruthGroup *group, AnnTruth *truth)
{
	FaissIndexFlat *index = truth_index(metric, base, group);
	size_t		wanted = (size_t) truth->k + TRUTH_SPARE;
	float	   *distances = ann_alloc(TRUTH_BATCH * wanted, sizeof(float));
	idx_t	   *labels = ann_alloc(TRUTH_BATCH * wanted, sizeof(idx_t));
	float	   *block = ann_alloc((size_t) TRUTH_BATCH * base->dim, sizeof(float));

	for (size_t first = 0; first < group->nqueries; first += TRUTH_BATCH)
	{
		size_t		n = group->nqueries - first < TRUTH_BATCH ? group->nqueries - first : TRUTH_BATCH;
		AnnSet		part = {n, base->dim, block};
		float	   *unit;

		for (size_t i = 0; i < n; i++)
			memcpy(block + i * base->dim, queries->rows + (size_t) group->queries[first + i] * base->dim,
				   base->dim * sizeof(float));
		unit = ann_unit_rows(metric, &part, 0, n);
		truth_check(faiss_Index_search(index, n, unit, wanted, distances, labels));
		free(unit);
		for (size_t i = 0; i < n; i++)
			truth_store(metric, base, block + i * base->dim, labels + i * wanted, group, truth,
						group->queries[first + i]);
	}
	free(block);
	free(distances);
	free(labels);
	faiss_Index_free(index);
}

/* The numbers of all entries that have the value; values NULL takes all. */
static uint32_t *
truth_members(const int32_t *values, size_t count, int32_t value, size_t *n)
{
	uint32_t   *out = ann_alloc(count, sizeof(uint32_t));

	*n = 0;
	for (size_t i = 0; i < count; i++)
		if (values == NULL || values[i] == value)
			out[(*n)++] = (uint32_t) i;
	return out;
}

/*
 * Two queries by comparing every row in double precision: what FAISS and the
 * ranking above must have found.
 */
static void
truth_test_itself(AnnMetric metric, const AnnSet *base, const AnnSet *queries, const int32_t *of_rows,
				  const int32_t *of_queries, const AnnTruth *truth)
{
	double	   *all = ann_alloc(base->count, sizeof(double));

	for (size_t turn = 0; turn < 2; turn++)
	{
		size_t		q = turn * (truth->count - 1),
					n = 0;

		for (size_t i = 0; i < base->count; i++)
			if (of_rows == NULL || of_rows[i] == of_queries[q])
				all[n++] = ann_distance(metric, queries->rows + q * base->dim, base->rows + i * base->dim,
										base->dim);
		ann_sort(all, n);
		for (size_t i = 0; i < (size_t) truth->k; i++)
		{
			double		mine = i < n ? all[i] : INFINITY,
						theirs = truth->distances[q * truth->k + i];

			if (mine != theirs && !(fabs(mine - theirs) <= 1e-9 + 1e-7 * mine))
				ann_fail("exact neighbour %zu of query %zu is at %.9g, FAISS's at %.9g", i, q, mine, theirs);
		}
	}
	free(all);
}

/* truth --metric --base --rows --query --queries --k [--columns --query-columns --column] --out */
void
ann_make_truth(void)
{
	AnnMetric	metric = ann_metric();
	AnnSet		base = ann_open_set(ann_option("base", NULL), ann_option_number("rows", 0));
	AnnSet		queries = ann_open_set(ann_option("query", NULL), ann_option_number("queries", 0));
	int			column = (int) ann_option_number("column", ANN_NOBODY);
	AnnTruth	truth = {.count = queries.count, .k = (int) ann_option_number("k", 100)};
	const int32_t *of_rows = NULL,
			   *of_queries = NULL;
	int			values = 1;
	size_t		done = 0;

	truth.ids = ann_alloc(truth.count * truth.k, sizeof(int32_t));
	truth.distances = ann_alloc(truth.count * truth.k, sizeof(double));
	if (column != ANN_NOBODY)
	{
		AnnColumns	rows = ann_open_columns(ann_option("columns", NULL));
		AnnColumns	wanted = ann_open_columns(ann_option("query-columns", NULL));

		of_rows = ann_column(&rows, column);
		of_queries = ann_column(&wanted, column);
		values = 100;
	}
	for (int value = 0; value < values; value++)
	{
		TruthGroup	group;

		group.queries = truth_members(of_queries, queries.count, value, &group.nqueries);
		group.rows = truth_members(of_rows, base.count, value, &group.nrows);
		if (group.nqueries > 0)
			truth_search_group(metric, &base, &queries, &group, &truth);
		done += group.nqueries;
		free((void *) group.rows);
		free((void *) group.queries);
		ann_progress("exact neighbours", done, queries.count);
	}
	if (done != queries.count)
		ann_fail("%zu of %zu queries have a value below %d", done, queries.count, values);
	truth_test_itself(metric, &base, &queries, of_rows, of_queries, &truth);
	ann_write_truth(ann_option("out", NULL), &truth);
}
