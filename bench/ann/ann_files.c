/*-------------------------------------------------------------------------
 *
 * ann_files.c
 *	  Files of vectors, columns and exact neighbours, and the judging of answers.
 *
 * What counts as found is tests/oracle's rule: a row at most as far as the
 * k-th nearest times 1 + 1e-6, distances computed here in double precision.
 * An id twice, from nowhere, or of a row that the condition excludes is an
 * error of the system under test and ends the program.
 *
 *-------------------------------------------------------------------------
 */
#include "ann.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_TOLERANCE 1e-6

typedef struct FileHead
{
	char		magic[8];
	uint32_t	rows;
	uint32_t	width;
} FileHead;

/* Maps a whole file after checking its head and that its length is what the head says. */
static const char *
file_map(const char *path, const char *magic, size_t cell, FileHead *head)
{
	int			file = open(path, O_RDONLY);
	struct stat status;
	char	   *at;

	if (file < 0 || fstat(file, &status) != 0)
		ann_fail("cannot open %s", path);
	if (read(file, head, sizeof(*head)) != sizeof(*head) || strcmp(head->magic, magic) != 0)
		ann_fail("%s is not a file of this benchmark", path);
	if ((size_t) status.st_size != sizeof(*head) + (size_t) head->rows * head->width * cell)
		ann_fail("%s is cut short: remove it", path);
	at = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, file, 0);
	if (at == MAP_FAILED)
		ann_fail("cannot map %s", path);
	close(file);
	return at + sizeof(*head);
}

/* The first rows of a file of vectors; 0 = all. */
AnnSet
ann_open_set(const char *path, size_t rows)
{
	FileHead	head;
	const char *at = file_map(path, "rvann1", sizeof(float), &head);
	AnnSet		set = {.count = head.rows, .dim = head.width, .rows = (const float *) at};

	if (rows > set.count)
		ann_fail("%s has %zu rows, %zu are wanted", path, set.count, rows);
	if (rows > 0)
		set.count = rows;
	return set;
}

AnnColumns
ann_open_columns(const char *path)
{
	FileHead	head;
	const char *at = file_map(path, "rvcol1", sizeof(int32_t), &head);

	return (AnnColumns)
	{
		.count = head.rows,.ncolumns = head.width,.values = (const int32_t *) at
	};
}

const int32_t *
ann_column(const AnnColumns *columns, int column)
{
	if (column < 0 || column >= columns->ncolumns)
		ann_fail("there is no column %d", column);
	return columns->values + (size_t) column * columns->count;
}

AnnTruth
ann_open_truth(const char *path)
{
	FileHead	head;
	const char *at = file_map(path, "rvtru1", sizeof(int32_t) + sizeof(double), &head);
	AnnTruth	truth = {.count = head.rows, .k = head.width};

	truth.distances = (const double *) at;
	truth.ids = (const int32_t *) (truth.distances + truth.count * truth.k);
	return truth;
}

/* Writes head and parts beside the path and renames: a file that is there is whole. */
static void
file_write(const char *path, FileHead head, const void *part[2], const size_t length[2])
{
	char		name[4096];
	FILE	   *out;

	snprintf(name, sizeof(name), "%s.part", path);
	out = fopen(name, "wb");
	if (out == NULL ||
		fwrite(&head, sizeof(head), 1, out) != 1 ||
		fwrite(part[0], 1, length[0], out) != length[0] ||
		fwrite(part[1], 1, length[1], out) != length[1] ||
		fclose(out) != 0 || rename(name, path) != 0)
		ann_fail("cannot write %s", path);
}

void
ann_write_truth(const char *path, const AnnTruth *truth)
{
	FileHead	head = {"rvtru1", (uint32_t) truth->count, (uint32_t) truth->k};
	size_t		cells = truth->count * truth->k;

	file_write(path, head, (const void *[2]) {truth->distances, truth->ids},
			   (size_t[2]) {cells * sizeof(double), cells * sizeof(int32_t)});
}

void
ann_write_columns(const char *path, const AnnColumns *columns)
{
	FileHead	head = {"rvcol1", (uint32_t) columns->count, (uint32_t) columns->ncolumns};

	file_write(path, head, (const void *[2]) {columns->values, ""},
			   (size_t[2]) {columns->count * columns->ncolumns * sizeof(int32_t), 0});
}

/* The option --metric. */
AnnMetric
ann_metric(void)
{
	const char *name = ann_option("metric", NULL);

	if (strcmp(name, "l2") == 0)
		return ANN_L2;
	if (strcmp(name, "cosine") == 0)
		return ANN_COSINE;
	ann_fail("--metric is l2 or cosine");
}

/* The distance that decides, as the operators <-> and <=> define it. */
double
ann_distance(AnnMetric metric, const float *a, const float *b, int dim)
{
	double		dot = 0,
				aa = 0,
				bb = 0,
				square = 0;

	for (int i = 0; i < dim; i++)
	{
		double		x = a[i],
					y = b[i];

		dot += x * y;
		aa += x * x;
		bb += y * y;
		square += (x - y) * (x - y);
	}
	return metric == ANN_L2 ? sqrt(square) : 1.0 - dot / sqrt(aa * bb);
}

/* A copy of some rows as FAISS is to see them: of length 1 for cosine. The caller frees it. */
float *
ann_unit_rows(AnnMetric metric, const AnnSet *set, size_t first, size_t count)
{
	float	   *out = malloc(count * set->dim * sizeof(float) + 1);

	if (out == NULL)
		ann_fail("out of memory");
	memcpy(out, set->rows + first * set->dim, count * set->dim * sizeof(float));
	for (size_t i = 0; metric == ANN_COSINE && i < count; i++)
	{
		float	   *row = out + i * set->dim;
		double		norm = 0;

		for (int d = 0; d < set->dim; d++)
			norm += (double) row[d] * row[d];
		if (norm == 0)
			ann_fail("row %zu has no direction", first + i);
		for (int d = 0; d < set->dim; d++)
			row[d] = (float) (row[d] / sqrt(norm));
	}
	return out;
}

/* The options --metric, --base, --rows, --query, --truth, --columns, --query-columns, --column. */
AnnJudge
ann_judge(void)
{
	AnnJudge	judge = {.metric = ann_metric(), .column = (int) ann_option_number("column", ANN_NOBODY)};

	judge.base = ann_open_set(ann_option("base", NULL), ann_option_number("rows", 0));
	judge.queries = ann_open_set(ann_option("query", NULL), 0);
	judge.truth = ann_open_truth(ann_option("truth", NULL));
	if (judge.truth.count > judge.queries.count)
		ann_fail("the truth is of %zu queries, there are %zu", judge.truth.count, judge.queries.count);
	judge.queries.count = judge.truth.count;
	if (judge.column != ANN_NOBODY)
	{
		judge.base_columns = ann_open_columns(ann_option("columns", NULL));
		judge.query_columns = ann_open_columns(ann_option("query-columns", NULL));
		if (judge.base_columns.count < judge.base.count)
			ann_fail("there are columns for %zu rows, %zu are needed", judge.base_columns.count, judge.base.count);
	}
	return judge;
}

/* The rows of one answer that are due. */
static int
judge_hits(const AnnJudge *judge, size_t query, const int32_t *ids, int n, double limit)
{
	int			hits = 0;

	for (int i = 0; i < n; i++)
	{
		if (ids[i] < 0 || (size_t) ids[i] >= judge->base.count)
			ann_fail("an answer to query %zu holds row %d, which there is not", query, ids[i]);
		for (int j = 0; j < i; j++)
			if (ids[i] == ids[j])
				ann_fail("an answer to query %zu holds row %d twice", query, ids[i]);
		if (judge->column != ANN_NOBODY &&
			ann_column(&judge->base_columns, judge->column)[ids[i]] !=
			ann_column(&judge->query_columns, judge->column)[query])
			ann_fail("an answer to query %zu holds row %d, which its condition excludes", query, ids[i]);
		if (ann_distance(judge->metric, judge->queries.rows + query * judge->base.dim,
						 judge->base.rows + (size_t) ids[i] * judge->base.dim, judge->base.dim)
			<= limit + fabs(limit) * FILE_TOLERANCE)
			hits++;
	}
	return hits;
}

/*
 * Recall at k of answers that hold up to returned_k ids each, -1 after the
 * last. The first k ids are looked at.
 */
AnnRecall
ann_judge_answers(const AnnJudge *judge, const int32_t *ids, int returned_k, int k)
{
	const AnnTruth *truth = &judge->truth;
	double	   *each = ann_alloc(truth->count, sizeof(double));
	AnnRecall	recall = {0};
	size_t		counted = 0;
	double		rows = 0,
				rows_due = 0;

	for (size_t q = 0; q < truth->count; q++)
	{
		int			due = 0,
					n = 0;

		while (due < k && due < truth->k && truth->ids[q * truth->k + due] >= 0)
			due++;
		while (n < k && n < returned_k && ids[q * returned_k + n] >= 0)
			n++;
		if (due == 0)
			continue;
		each[counted] = (double) judge_hits(judge, q, ids + q * returned_k, n,
											truth->distances[q * truth->k + due - 1]) / due;
		recall.mean += each[counted++];
		rows += n;
		rows_due += due;
	}
	ann_sort(each, counted);
	recall.mean /= counted > 0 ? counted : 1;
	recall.low = ann_percentile(each, counted, 0.05);
	recall.returned = rows_due > 0 ? rows / rows_due : 0;
	free(each);
	return recall;
}
