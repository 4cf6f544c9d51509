/*-------------------------------------------------------------------------
 *
 * ann.h
 *	  What the files of the vector search benchmark share.
 *
 * A program of a few commands (ann_main.c), each of which does one measurement
 * and prints its figures as one JSON object a line; ann.py decides what runs.
 * An error ends the program with a message and status 2. Nothing is freed that
 * lives as long as the program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ANN_H
#define ANN_H

#include <stddef.h>
#include <stdint.h>

#define ANN_NOBODY (-1)			/* no column: every row is searched */

/* Vectors of a file, mapped: "rvann1", rows, dimensions, float4 rows (host byte order). */
typedef struct AnnSet
{
	size_t		count;
	int			dim;
	const float *rows;
} AnnSet;

/* Integer columns of a file, mapped: "rvcol1", rows, columns, then column after column. */
typedef struct AnnColumns
{
	size_t		count;
	int			ncolumns;
	const int32_t *values;
} AnnColumns;

/* The exact neighbours of each query, nearest first; id -1 where there are fewer rows. */
typedef struct AnnTruth
{
	size_t		count;
	int			k;
	const int32_t *ids;			/* count * k */
	const double *distances;	/* count * k */
} AnnTruth;

typedef enum AnnMetric
{
	ANN_L2,
	ANN_COSINE
} AnnMetric;

/* Recall of one query set at one k. */
typedef struct AnnRecall
{
	double		mean;
	double		low;			/* 5th percentile over the queries */
	double		returned;		/* rows returned of those due */
} AnnRecall;

/* What it takes to judge an answer. */
typedef struct AnnJudge
{
	AnnMetric	metric;
	AnnSet		base;
	AnnSet		queries;
	AnnTruth	truth;
	int			column;			/* of both below, or ANN_NOBODY */
	AnnColumns	base_columns;
	AnnColumns	query_columns;
} AnnJudge;

/* ann_util.c */
extern void ann_fail(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));
extern void *ann_alloc(size_t count, size_t size);
extern double ann_now(void);
extern double ann_cpu_now(void);
extern double ann_process_cpu(int pid);
extern void ann_options(int argc, char **argv);
extern const char *ann_option(const char *name, const char *otherwise);
extern long ann_option_number(const char *name, long otherwise);
extern int	ann_option_list(const char *name, const char *otherwise, int *out, int room);
extern uint64_t ann_random(uint64_t *state);
extern double ann_random_unit(uint64_t *state);
extern uint64_t ann_mix(uint64_t a, uint64_t b);
extern void ann_sort(double *values, size_t count);
extern double ann_percentile(const double *sorted, size_t count, double share);
extern void ann_progress(const char *what, double done, double total);
extern void ann_json_string(const char *name, const char *value);

/* ann_files.c */
extern AnnSet ann_open_set(const char *path, size_t rows);
extern AnnColumns ann_open_columns(const char *path);
extern const int32_t *ann_column(const AnnColumns *columns, int column);
extern AnnTruth ann_open_truth(const char *path);
extern void ann_write_truth(const char *path, const AnnTruth *truth);
extern void ann_write_columns(const char *path, const AnnColumns *columns);
extern AnnMetric ann_metric(void);
extern double ann_distance(AnnMetric metric, const float *a, const float *b, int dim);
extern float *ann_unit_rows(AnnMetric metric, const AnnSet *set, size_t first, size_t count);
extern AnnJudge ann_judge(void);
extern AnnRecall ann_judge_answers(const AnnJudge *judge, const int32_t *ids, int returned_k, int k);

/* the commands */
extern void ann_generate(void);
extern void ann_make_columns(void);
extern void ann_make_truth(void);
extern void ann_faiss(void);
extern void ann_load(void);
extern void ann_statement(void);
extern void ann_search(void);
extern void ann_insert(void);

#endif							/* ANN_H */
