/*-------------------------------------------------------------------------
 *
 * ann_faiss.c
 *	  FAISS IndexHNSWFlat in this process: build, recall, time, throughput.
 *
 * Built with --build-threads OpenMP threads, searched with one: a search is
 * one call for one query, as a server answers them.
 *
 *-------------------------------------------------------------------------
 */
#include "ann.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ann_faiss.h"

#define FAISS_MAX_EF 32
#define FAISS_MAX_CLIENTS 64

/* One thread of a throughput measurement. */
typedef struct FaissClient
{
	pthread_t	thread;
	const FaissGraph *graph;
	const float *queries;
	size_t		count;
	int			dim;
	size_t		first;
	double		until;
	size_t		searches;
} FaissClient;

static double
faiss_peak_mb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024.0;
}

/* Processor seconds of all threads. */
static double
faiss_cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Builds the index, or takes the one that --cache names; prints the figures of the build. */
static FaissGraph *
faiss_build(const AnnJudge *judge, int m, int ef_construction, int threads)
{
	const char *cache = ann_option("cache", "");
	char		note[4200];
	double		seconds,
				cpu,
				peak;
	int			cached = 0;
	FILE	   *stamp;
	FaissGraph *graph;

	snprintf(note, sizeof(note), "%s.seconds", cache);
	stamp = *cache ? fopen(note, "r") : NULL;
	if (stamp != NULL && fscanf(stamp, "%lf %lf %lf", &seconds, &cpu, &peak) == 3)
	{
		fclose(stamp);
		graph = faiss_graph_load(cache);
		cached = 1;
	}
	else
	{
		float	   *rows = ann_unit_rows(judge->metric, &judge->base, 0, judge->base.count);

		graph = faiss_graph_new(judge->base.dim, m, ef_construction);
		faiss_set_threads(threads);
		cpu = faiss_cpu_seconds();
		seconds = ann_now();
		faiss_graph_add(graph, rows, judge->base.count);
		seconds = ann_now() - seconds;
		cpu = faiss_cpu_seconds() - cpu;
		free(rows);
		peak = faiss_peak_mb();
		if (*cache)
		{
			faiss_graph_save(graph, cache);
			stamp = fopen(note, "w");
			if (stamp == NULL || fprintf(stamp, "%.3f %.3f %.1f\n", seconds, cpu, peak) < 0 || fclose(stamp) != 0)
				ann_fail("cannot write %s", note);
		}
	}
	printf("{\"kind\": \"build\", \"threads\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
		   "\"peak_mb\": %.1f, \"index_bytes\": %zu, \"cached\": %s}\n", threads, seconds, cpu, peak, faiss_graph_bytes(graph),
		   cached ? "true" : "false");
	fflush(stdout);
	return graph;
}

/* Recall at 1 and 10, or at 100, by the ids of one search of each query. */
static void
faiss_recall(const AnnJudge *judge, const FaissGraph *graph, const float *queries, int k)
{
	size_t		count = judge->truth.count;
	float	   *distances = ann_alloc(count * k, sizeof(float));
	int64_t    *labels = ann_alloc(count * k, sizeof(int64_t));
	int32_t    *ids = ann_alloc(count * k, sizeof(int32_t));

	faiss_graph_search(graph, queries, count, k, distances, labels);
	for (size_t i = 0; i < count * k; i++)
		ids[i] = (int32_t) labels[i];
	for (int at = k == 10 ? 1 : k; at <= k; at *= 10)
	{
		AnnRecall	recall = ann_judge_answers(judge, ids, k, at);

		printf(", \"recall_%d\": %.5f, \"recall_%d_p5\": %.5f", at, recall.mean, at, recall.low);
	}
	free(distances);
	free(labels);
	free(ids);
}

/* Times of single searches: one round that does not count, then the rounds. */
static void
faiss_time(const AnnJudge *judge, const FaissGraph *graph, const float *queries, int rounds)
{
	size_t		count = judge->truth.count,
				n = 0;
	double	   *times = ann_alloc(count * rounds, sizeof(double));
	double		sum = 0,
				cpu = 0;
	float		distances[10];
	int64_t		labels[10];

	for (int round = -1; round < rounds; round++)
	{
		double		cpu_start = ann_cpu_now();

		for (size_t q = 0; q < count; q++)
		{
			double		start = ann_now();

			faiss_graph_search(graph, queries + q * judge->base.dim, 1, 10, distances, labels);
			if (round >= 0)
				times[n++] = ann_now() - start;
		}
		if (round >= 0)
			cpu += ann_cpu_now() - cpu_start;
	}
	for (size_t i = 0; i < n; i++)
		sum += times[i];
	ann_sort(times, n);
	printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"mean_us\": %.1f, \"cpu_us\": %.1f",
		   ann_percentile(times, n, 0.5) * 1e6, ann_percentile(times, n, 0.99) * 1e6, sum / n * 1e6,
		   cpu / n * 1e6);
	free(times);
}

static void *
faiss_client(void *argument)
{
	FaissClient *client = argument;
	float		distances[10];
	int64_t		labels[10];

	faiss_set_threads(1);
	for (size_t q = client->first; ann_now() < client->until; q++)
	{
		faiss_graph_search(client->graph, client->queries + q % client->count * client->dim, 1, 10,
						   distances, labels);
		client->searches++;
	}
	return NULL;
}

static void
faiss_throughput(const AnnJudge *judge, const FaissGraph *graph, const float *queries, double seconds)
{
	FaissClient clients[FAISS_MAX_CLIENTS];
	int			numbers[8];
	int			n = ann_option_list("clients", "1,2,8,32", numbers, 8);

	printf(", \"qps\": {");
	for (int i = 0; i < n; i++)
	{
		double		start = ann_now();
		size_t		searches = 0;

		if (numbers[i] > FAISS_MAX_CLIENTS)
			ann_fail("at most %d clients", FAISS_MAX_CLIENTS);
		for (int c = 0; c < numbers[i]; c++)
		{
			clients[c] = (FaissClient) {
				.graph = graph, .queries = queries, .count = judge->truth.count, .dim = judge->base.dim,
				.first = c * judge->truth.count / numbers[i], .until = start + seconds
			};
			if (pthread_create(&clients[c].thread, NULL, faiss_client, &clients[c]) != 0)
				ann_fail("no more threads");
		}
		for (int c = 0; c < numbers[i]; c++)
		{
			pthread_join(clients[c].thread, NULL);
			searches += clients[c].searches;
		}
		printf("%s\"%d\": %.1f", i > 0 ? ", " : "", numbers[i], searches / (ann_now() - start));
	}
	printf("}");
}

/* faiss <judge> --kernels --m --ef-construction --build-threads --ef --rounds --qps-ms --clients */
void
ann_faiss(void)
{
	AnnJudge	judge = ann_judge();
	int			efs[FAISS_MAX_EF];
	int			n = ann_option_list("ef", "10,20,40,80,160", efs, FAISS_MAX_EF);
	double		qps_seconds = ann_option_number("qps-ms", 1000) / 1e3;
	float	   *queries = ann_unit_rows(judge.metric, &judge.queries, 0, judge.queries.count);
	FaissGraph *graph;

	if (!faiss_use_fast_kernels(strcmp(ann_option("kernels", "packaged"), "avx2") == 0))
		ann_fail("this machine has no AVX2");
	graph = faiss_build(&judge, (int) ann_option_number("m", 16),
						(int) ann_option_number("ef-construction", 200),
						(int) ann_option_number("build-threads", 2));
	for (int i = 0; i < n; i++)
	{
		faiss_graph_set_ef(graph, efs[i]);
		printf("{\"kind\": \"search\", \"ef\": %d, \"queries\": %zu", efs[i], judge.truth.count);
		faiss_set_threads(2);
		faiss_recall(&judge, graph, queries, 10);
		faiss_recall(&judge, graph, queries, 100);
		faiss_set_threads(1);
		faiss_time(&judge, graph, queries, (int) ann_option_number("rounds", 3));
		if (qps_seconds > 0)
			faiss_throughput(&judge, graph, queries, qps_seconds);
		printf("}\n");
		fflush(stdout);
		ann_progress("FAISS searches", i + 1, n);
	}
}
