/*-------------------------------------------------------------------------
 *
 * test_hnsw_filtered.c
 *	  Unit tests of filtered searches in engine/core/hnsw, against brute force.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/hnsw/rve_hnsw.h"

#define DIM 12
#define ROWS 6000
#define K 10
#define QUERIES 60

static float rows[ROWS][DIM];
static bool passing[ROWS];
static RveHnswMem *mem;
static RveGraph inner;			/* mem's own */
static RveGraphOps ops;			/* with a filter */

static float
gauss(uint64_t *state)
{
	double		u = rve_base_random_unit(state);
	double		v = rve_base_random_unit(state);

	return (float) (sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

static float
l2(void *context, const void *a, const void *b)
{
	const float *x = a;
	const float *y = b;
	float		sum = 0;

	for (int d = 0; d < DIM; d++)
		sum += (x[d] - y[d]) * (x[d] - y[d]);
	return sum;
}

/* ---- a host with a filter over the graph in memory ---- */

static int
neighbors(void *host, RveNode node, int level, RveNode *out)
{
	return inner.ops->neighbors(inner.host, node, level, out);
}

static void
score(void *host, const RveNode *nodes, int n, float *dist)
{
	inner.ops->score(inner.host, nodes, n, dist);
}

static void
score_filtered(void *host, const RveNode *nodes, int n, float *dist, bool *pass)
{
	inner.ops->score(inner.host, nodes, n, dist);
	for (int i = 0; i < n; i++)
		pass[i] = passing[nodes[i]];
}

static int	guesses;

/* Wrong for one in 16. */
static void
guess(void *host, const RveNode *nodes, int n, bool *worth)
{
	guesses += n;
	for (int i = 0; i < n; i++)
		worth[i] = passing[nodes[i]] != (nodes[i] % 16 == 5);
}

/* 40 clusters; row i is of cluster i % 40 */
static void
setup(void)
{
	static float centres[40][DIM];
	RveHnswMemParams params = {0};
	uint64_t	state = 11;
	uint32_t	unreachable;

	for (int c = 0; c < 40; c++)
		for (int d = 0; d < DIM; d++)
			centres[c][d] = gauss(&state);
	for (int i = 0; i < ROWS; i++)
		for (int d = 0; d < DIM; d++)
			rows[i][d] = centres[i % 40][d] + 0.4f * gauss(&state);
	params.m = 12;
	params.ef_construction = 80;
	params.seed = 5;
	params.item_bytes = sizeof(rows[0]);
	params.distance = l2;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	for (int i = 0; i < ROWS; i++)
		ck_assert_int_eq(rve_hnsw_mem_add(mem, rows[i], i), RVE_OK);
	ck_assert_int_eq(rve_hnsw_mem_connect(mem, &unreachable), RVE_OK);
	ck_assert_uint_eq(unreachable, 0);
	rve_hnsw_mem_graph(mem, &inner);
	ops.neighbors = neighbors;
	ops.score = score;
	ops.score_filtered = score_filtered;
	ops.guess = guess;
}

static void
teardown(void)
{
	rve_hnsw_mem_free(mem);
}

static RveGraph
filtered_graph(void)
{
	RveGraph	graph = inner;

	graph.ops = &ops;
	return graph;
}

static int
set_random_filter(double share, uint64_t seed)
{
	int			n = 0;

	for (int i = 0; i < ROWS; i++)
	{
		passing[i] = rve_base_random_unit(&seed) <= share;
		n += passing[i];
	}
	return n;
}

/* Rows of a few clusters pass: mostly not those the query is near to. */
static int
set_cluster_filter(int clusters)
{
	int			n = 0;

	for (int i = 0; i < ROWS; i++)
	{
		passing[i] = i % 40 < clusters;
		n += passing[i];
	}
	return n;
}

static void
make_query(int q, float *query)
{
	uint64_t	state = 900 + q;

	for (int d = 0; d < DIM; d++)
		query[d] = rows[(q * 97) % ROWS][d] + 0.3f * gauss(&state);
}

/* True when row passes and is among the K nearest that do. */
static bool
is_near(const float *query, RveNode row)
{
	int			nearer = 0;
	float		dist = l2(NULL, query, rows[row]);

	for (int i = 0; i < ROWS; i++)
		nearer += passing[i] && l2(NULL, query, rows[i]) < dist;
	return passing[row] && nearer < K;
}

static bool is_reluctant;
static uint64_t recall_scored;	/* by its last query */

/* Mean recall@K of the first results; checks that all results pass and are in order. */
static double
recall(int ef, int stop_k, int expected)
{
	RveHnswEffort effort = {.ef = ef, .filtered = true, .stop_k = stop_k, .stop_ratio = 1,
	.reluctant = is_reluctant};
	RveHnswSearch *search;
	RveGraph	graph = filtered_graph();
	int			hits = 0;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	for (int q = 0; q < QUERIES; q++)
	{
		float		query[DIM];
		const RveCandidate *found;
		int			count;

		make_query(q, query);
		rve_hnsw_mem_set_query(mem, query);
		ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
		found = rve_hnsw_search_results(search, &count);
		ck_assert_int_le(count, ef);
		ck_assert_int_ge(count, expected < K ? expected : K);
		for (int i = 0; i < count; i++)
		{
			ck_assert(passing[found[i].node]);
			ck_assert(i == 0 || found[i - 1].dist <= found[i].dist);
		}
		for (int i = 0; i < K && i < count; i++)
			hits += is_near(query, found[i].node);
	}
	recall_scored = rve_hnsw_search_scored(search);
	rve_hnsw_search_free(search);
	return hits / ((double) QUERIES * (expected < K ? expected : K));
}

START_TEST(random_filters_are_met)
{
	int			n;

	n = set_random_filter(1, 1);
	ck_assert_double_ge(recall(40, 0, n), 0.97);
	n = set_random_filter(.5, 2);
	ck_assert_double_ge(recall(40, 0, n), 0.97);
	n = set_random_filter(.1, 3);
	ck_assert_double_ge(recall(40, 0, n), 0.99);
	ck_assert_double_ge(recall(40, 16, n), 0.95);
	n = set_random_filter(.01, 4);
	ck_assert_double_ge(recall(40, 0, n), 0.99);
	n = set_random_filter(.001, 5);
	ck_assert_int_gt(n, 0);
	ck_assert_double_eq(recall(40, 0, n), 1);
}
END_TEST

/* Fewer distances for nearly the same; all that pass are found all the same. */
START_TEST(reluctant_searches_score_less)
{
	int			n = set_random_filter(.1, 3);
	uint64_t	eager;

	ck_assert_double_ge(recall(40, 24, n), 0.97);
	eager = recall_scored;
	is_reluctant = true;
	guesses = 0;
	ck_assert_double_ge(recall(40, 24, n), 0.9);
	ck_assert_int_gt(guesses, 0);
	ck_assert_uint_lt(recall_scored, eager * 3 / 4);
	n = set_random_filter(.005, 9);
	ck_assert_double_ge(recall(100, 0, n), 0.99);
	is_reluctant = false;
}
END_TEST

START_TEST(correlated_filters_are_met)
{
	int			n = set_cluster_filter(4);

	ck_assert_double_ge(recall(40, 0, n), 0.95);
	n = set_cluster_filter(1);
	ck_assert_double_ge(recall(40, 0, n), 0.95);
}
END_TEST

START_TEST(nothing_passes)
{
	RveHnswEffort effort = {.ef = 20, .filtered = true, .resumable = true};
	RveHnswSearch *search;
	RveGraph	graph = filtered_graph();
	int			count;

	memset(passing, 0, sizeof(passing));
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_set_query(mem, rows[3]);
	ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
	rve_hnsw_search_results(search, &count);
	ck_assert_int_eq(count, 0);
	ck_assert(rve_hnsw_search_complete(search));
	ck_assert_int_eq(rve_hnsw_search_resume(search, &graph), RVE_OK);
	rve_hnsw_search_results(search, &count);
	ck_assert_int_eq(count, 0);
	rve_hnsw_search_free(search);
}
END_TEST

/* Resumed to the end, a search returns each node that passes once, and no other. */
static void
check_resume(bool reluctant)
{
	static bool seen[ROWS];
	RveHnswEffort effort = {.ef = 30, .filtered = true, .resumable = true, .stop_k = 8,
	.stop_ratio = 1, .reluctant = reluctant};
	RveHnswSearch *search;
	RveGraph	graph = filtered_graph();
	int			expected = set_random_filter(.2, 6);
	int			total = 0;
	int			count;

	memset(seen, 0, sizeof(seen));
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_set_query(mem, rows[100]);
	ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
	for (;;)
	{
		const RveCandidate *found = rve_hnsw_search_results(search, &count);

		for (int i = 0; i < count; i++)
		{
			ck_assert(passing[found[i].node]);
			ck_assert(!seen[found[i].node]);
			seen[found[i].node] = true;
		}
		total += count;
		if (!rve_hnsw_search_complete(search))
			ck_assert_int_eq(rve_hnsw_search_extend(search, &graph, 0, 1), RVE_OK);
		else if (count == 0 && total == expected)
			break;
		else
			ck_assert_int_eq(rve_hnsw_search_resume(search, &graph), RVE_OK);
	}
	ck_assert_int_eq(total, expected);
	rve_hnsw_search_free(search);
}

START_TEST(resume_returns_all_that_pass)
{
	check_resume(false);
	check_resume(true);
}
END_TEST

START_TEST(budget_ends_a_search)
{
	RveHnswEffort effort = {.ef = 40, .filtered = true, .resumable = true, .budget = 300};
	RveHnswSearch *search;
	RveGraph	graph = filtered_graph();
	uint64_t	scored;
	int			count;

	set_random_filter(.002, 7);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_set_query(mem, rows[0]);
	ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
	ck_assert(rve_hnsw_search_spent(search));
	ck_assert(!rve_hnsw_search_complete(search));
	scored = rve_hnsw_search_scored(search);
	ck_assert_uint_ge(scored, 300);
	ck_assert_uint_lt(scored, 300 + 2 * RVE_HNSW_MAX_DEGREE);

	/* with more to spend it comes to its end */
	rve_hnsw_search_set_budget(search, 2 * ROWS);
	ck_assert_int_eq(rve_hnsw_search_extend(search, &graph, 0, 1), RVE_OK);
	ck_assert(!rve_hnsw_search_spent(search));
	ck_assert(rve_hnsw_search_complete(search));
	rve_hnsw_search_results(search, &count);

	/* and the next one does not remember it */
	ck_assert_int_eq(rve_hnsw_search_clear(search, ROWS), RVE_OK);
	effort.budget = 0;
	set_random_filter(.5, 8);
	ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
	ck_assert(!rve_hnsw_search_spent(search));
	rve_hnsw_search_results(search, &count);
	ck_assert_int_eq(count, 40);
	rve_hnsw_search_free(search);
}
END_TEST

START_TEST(hosts_without_filter_are_refused)
{
	RveHnswEffort effort = {.ef = 40, .filtered = true};
	RveHnswSearch *search;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_set_query(mem, rows[0]);
	ck_assert_int_eq(rve_hnsw_search_start(search, &inner, &effort), RVE_INVALID_ARGUMENT);
	rve_hnsw_search_free(search);
}
END_TEST

START_TEST(heap_pops_in_order)
{
	RveCandidateHeap heap = {0};
	uint64_t	state = 3;
	RveCandidate last = {-1, 0};

	for (RveNode i = 0; i < 5000; i++)
	{
		RveCandidate entry = {(float) (rve_base_random_next(&state) % 1000), i};

		ck_assert_int_eq(rve_hnsw_heap_push(&heap, entry), RVE_OK);
		if (i % 5 == 4)
			rve_hnsw_heap_pop(&heap);
	}
	ck_assert_uint_eq(heap.count, 4000);
	while (heap.count > 0)
	{
		RveCandidate next = rve_hnsw_heap_pop(&heap);

		ck_assert(last.dist < next.dist || (last.dist == next.dist && last.node < next.node));
		last = next;
	}
	rve_hnsw_heap_free(&heap);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("hnsw_filtered");
	TCase	   *tcase = tcase_create("hnsw_filtered");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, random_filters_are_met);
	tcase_add_test(tcase, reluctant_searches_score_less);
	tcase_add_test(tcase, correlated_filters_are_met);
	tcase_add_test(tcase, nothing_passes);
	tcase_add_test(tcase, resume_returns_all_that_pass);
	tcase_add_test(tcase, budget_ends_a_search);
	tcase_add_test(tcase, hosts_without_filter_are_refused);
	tcase_add_test(tcase, heap_pops_in_order);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
