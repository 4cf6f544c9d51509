/*-------------------------------------------------------------------------
 *
 * test_hnsw_search.c
 *	  Unit tests of staged searches: the stop rule, extend, complete, resume.
 *
 * The graphs are random and directed, of nodes with distances made up for the
 * purpose: what a search must do with them follows from the edges alone. What
 * it can reach is computed here by a plain walk.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/hnsw/rve_hnsw.h"

#define STAGED_NODES 500
#define STAGED_M 5

typedef struct StagedGraph
{
	RveGraph	graph;
	int			count[STAGED_NODES];
	RveNode		edges[STAGED_NODES][2 * STAGED_M];
	RveNode		upper[STAGED_NODES][STAGED_M];	/* level 1, among multiples of 8 */
	float		dist[STAGED_NODES];
	bool		reachable[STAGED_NODES];
	int			reachable_count;
	int			asked[STAGED_NODES];	/* times its distance was asked for */
} StagedGraph;

static uint64_t staged_seed = 20261128;
static StagedGraph staged;

static int
staged_random(int n)
{
	return (int) (rve_base_random_next(&staged_seed) % (uint64_t) n);
}

static int
staged_neighbors(void *host, RveNode node, int level, RveNode *out)
{
	StagedGraph *g = host;
	int			n = level == 0 ? g->count[node] : STAGED_M;

	ck_assert_uint_lt(node, STAGED_NODES);
	memcpy(out, level == 0 ? g->edges[node] : g->upper[node], n * sizeof(RveNode));
	return n;
}

static void
staged_score(void *host, const RveNode *nodes, int n, float *dist)
{
	StagedGraph *g = host;

	for (int i = 0; i < n; i++)
	{
		ck_assert_uint_lt(nodes[i], STAGED_NODES);
		g->asked[nodes[i]]++;
		dist[i] = g->dist[nodes[i]];
	}
}

static const RveGraphOps staged_ops = {.neighbors = staged_neighbors, .score = staged_score};

/* What a walk over level 0 finds from start; a node without a distance is not there. */
static void
staged_walk(StagedGraph *g, RveNode start)
{
	static RveNode stack[STAGED_NODES];
	int			depth = 0;

	memset(g->reachable, 0, sizeof(g->reachable));
	g->reachable_count = 0;
	if (isnan(g->dist[start]))
		return;
	g->reachable[start] = true;
	stack[depth++] = start;
	while (depth > 0)
	{
		RveNode		node = stack[--depth];

		g->reachable_count++;
		for (int i = 0; i < g->count[node]; i++)
		{
			RveNode		to = g->edges[node][i];

			if (g->reachable[to] || isnan(g->dist[to]))
				continue;
			g->reachable[to] = true;
			stack[depth++] = to;
		}
	}
}

typedef enum StagedShape
{
	STAGED_DISTINCT, STAGED_TIES, STAGED_ZERO, STAGED_NEGATIVE, STAGED_MIXED, STAGED_HUGE, STAGED_SHAPES
} StagedShape;

static float
staged_distance(StagedShape shape)
{
	double		unit = rve_base_random_unit(&staged_seed);

	switch (shape)
	{
		case STAGED_TIES:
			return (float) staged_random(4);
		case STAGED_ZERO:
			return 0;
		case STAGED_NEGATIVE:
			return (float) -unit;
		case STAGED_MIXED:
			return (float) (unit - 0.5);
		case STAGED_HUGE:
			return (float) (unit * 3e38) * (staged_random(2) ? 1 : -1);
		default:
			return (float) unit;
	}
}

/* A random graph; missing percent of its nodes have no distance. */
static void
staged_make(StagedGraph *g, StagedShape shape, int missing)
{
	memset(g, 0, sizeof(*g));
	for (int i = 0; i < STAGED_NODES; i++)
	{
		/* few edges: some nodes are out of reach. Double ones and circles come by chance. */
		g->count[i] = staged_random(4);
		for (int j = 0; j < g->count[i]; j++)
			g->edges[i][j] = (RveNode) staged_random(STAGED_NODES);
		for (int j = 0; j < STAGED_M; j++)
			g->upper[i][j] = (RveNode) (8 * staged_random(STAGED_NODES / 8));
		g->dist[i] = staged_random(100) < missing ? NAN : staged_distance(shape);
	}
	g->count[0] = 2 * STAGED_M;
	for (int j = 0; j < 2 * STAGED_M; j++)
		g->edges[0][j] = (RveNode) staged_random(STAGED_NODES);
	g->dist[0] = staged_distance(shape);
	g->graph.ops = &staged_ops;
	g->graph.host = g;
	g->graph.m = STAGED_M;
	g->graph.bound = (RveNode) staged_random(2 * STAGED_NODES);
	staged_walk(g, 0);
}

/* Takes the present results: sorted, right distances, none seen before. Returns how many. */
static int
staged_take(StagedGraph *g, RveHnswSearch *search, bool *seen)
{
	int			n;
	const RveCandidate *found = rve_hnsw_search_results(search, &n);

	for (int i = 0; i < n; i++)
	{
		ck_assert_uint_lt(found[i].node, STAGED_NODES);
		ck_assert(found[i].dist == g->dist[found[i].node]);
		ck_assert(i == 0 || found[i - 1].dist <= found[i].dist);
		ck_assert_msg(!seen[found[i].node], "node %u was given out before", found[i].node);
		seen[found[i].node] = true;
	}
	return n;
}

/* start, random extends, then resumes until there is nothing: every reachable node, once. */
START_TEST(stages_return_every_reachable_node_once)
{
	static const float ratios[] = {0.0f, 0.5f, 1.0f, 1.2f, 3.0f, -1.0f, INFINITY};
	static bool seen[STAGED_NODES];
	RveHnswSearch *search;
	int			paused = 0;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	for (int round = 0; round < 300; round++)
	{
		RveHnswEffort effort = {.ef = 1 + staged_random(40), .resumable = true,
		.stop_k = staged_random(50), .stop_ratio = ratios[staged_random(7)]};
		int			stages = staged_random(6);
		int			total = 0;
		int			n;

		staged_make(&staged, (StagedShape) (round % STAGED_SHAPES), round % 5 == 0 ? 20 : 0);
		memset(seen, 0, sizeof(seen));
		ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
		total = staged_take(&staged, search, seen);
		while (!rve_hnsw_search_complete(search))
		{
			int			stop_k = stages-- > 0 ? 1 + staged_random(60) : 0;

			paused++;
			ck_assert_int_eq(rve_hnsw_search_resume(search, &staged.graph), RVE_INVALID_ARGUMENT);
			ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, stop_k,
													ratios[staged_random(7)]), RVE_OK);
			total += staged_take(&staged, search, seen);
			ck_assert(stop_k > 0 || rve_hnsw_search_complete(search));
		}

		/* there is nothing to extend any more */
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 5, 1.0f), RVE_OK);
		ck_assert_int_eq(staged_take(&staged, search, seen), 0);
		do
		{
			ck_assert_int_eq(rve_hnsw_search_resume(search, &staged.graph), RVE_OK);
			ck_assert(rve_hnsw_search_complete(search));
			n = staged_take(&staged, search, seen);
			ck_assert_int_le(n, effort.ef);
			total += n;
		} while (n > 0);
		ck_assert_int_eq(total, staged.reachable_count);
		for (int i = 0; i < STAGED_NODES; i++)
		{
			ck_assert(seen[i] == staged.reachable[i]);
			/* the entry is scored twice: to descend, and as what level 0 begins with */
			ck_assert_int_le(staged.asked[i], i == 0 ? 2 : 1);
		}
	}
	ck_assert_int_gt(paused, 100);
	rve_hnsw_search_free(search);
}
END_TEST

/* A search that pauses ends with the candidate list of one that does not. */
START_TEST(stages_end_where_one_search_ends)
{
	static bool whole[STAGED_NODES];
	static bool seen[STAGED_NODES];
	RveHnswSearch *search;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	for (int round = 0; round < 200; round++)
	{
		RveHnswEffort effort = {.ef = 1 + staged_random(100), .resumable = round % 2 == 0};
		uint64_t	scored;

		staged_make(&staged, (StagedShape) (round % STAGED_SHAPES), round % 5 == 0 ? 20 : 0);
		memset(whole, 0, sizeof(whole));
		memset(seen, 0, sizeof(seen));
		ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
		ck_assert(rve_hnsw_search_complete(search));
		ck_assert_int_le(staged_take(&staged, search, whole), effort.ef);
		scored = rve_hnsw_search_scored(search);

		effort.stop_k = 1 + staged_random(10);
		effort.stop_ratio = 1.0f;
		ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
		staged_take(&staged, search, seen);
		ck_assert_uint_le(rve_hnsw_search_scored(search), scored);
		for (int stage = 0; stage < 3; stage++)
		{
			ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 10 * (stage + 1), 1.1f),
							 RVE_OK);
			staged_take(&staged, search, seen);
		}
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 0, 0), RVE_OK);
		staged_take(&staged, search, seen);
		ck_assert(rve_hnsw_search_complete(search));
		ck_assert_uint_eq(rve_hnsw_search_scored(search), scored);
		for (int i = 0; i < STAGED_NODES; i++)
			ck_assert(seen[i] || !whole[i]);
	}
	rve_hnsw_search_free(search);
}
END_TEST

/*
 * The rule itself, on a line whose distances are 1, 2, 3 ...: it pauses at the
 * first node that is more than ratio times as far as the stop_k-th.
 */
START_TEST(the_rule_stops_where_it_says)
{
	RveHnswSearch *search;
	bool		seen[STAGED_NODES];

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	for (int stop_k = 1; stop_k <= 20; stop_k++)
	{
		RveHnswEffort effort = {.ef = 200, .resumable = true, .stop_k = stop_k, .stop_ratio = 2.0f};

		staged_make(&staged, STAGED_DISTINCT, 0);
		for (int i = 0; i < STAGED_NODES; i++)
		{
			staged.dist[i] = (float) (i + 1);
			staged.count[i] = i + 1 < STAGED_NODES ? 1 : 0;
			staged.edges[i][0] = (RveNode) (i + 1);
		}
		memset(seen, 0, sizeof(seen));
		ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
		ck_assert(!rve_hnsw_search_complete(search));

		/* the nodes at 1 .. 2 k were expanded, 2 k + 1 is the first that was not */
		ck_assert_int_eq(staged_take(&staged, search, seen), 2 * stop_k + 1);
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, stop_k, 2.0f), RVE_OK);
		ck_assert_int_eq(staged_take(&staged, search, seen), 0);
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, stop_k, 3.0f), RVE_OK);
		ck_assert_int_eq(staged_take(&staged, search, seen), stop_k);
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, stop_k + 1, 3.0f), RVE_OK);
		ck_assert_int_eq(staged_take(&staged, search, seen), 3);
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 0, 3.0f), RVE_OK);
		ck_assert_int_eq(staged_take(&staged, search, seen), 200 - 3 * (stop_k + 1) - 1);
	}

	/* distances of zero never stop it: nothing is farther than any multiple of them */
	for (int i = 0; i < STAGED_NODES; i++)
		staged.dist[i] = 0;
	ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph,
										   &(RveHnswEffort) {.ef = 1000, .stop_k = 1, .stop_ratio = 1}),
					 RVE_OK);
	ck_assert(rve_hnsw_search_complete(search));
	memset(seen, 0, sizeof(seen));
	ck_assert_int_eq(staged_take(&staged, search, seen), STAGED_NODES);

	/* nor does a rule for more rows than the list has room for */
	for (int i = 0; i < STAGED_NODES; i++)
		staged.dist[i] = (float) (i + 1);
	ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph,
										   &(RveHnswEffort) {.ef = 10, .stop_k = 11, .stop_ratio = 1}),
					 RVE_OK);
	ck_assert(rve_hnsw_search_complete(search));
	rve_hnsw_search_free(search);
}
END_TEST

/* Entries that are gone, no entry, an upper level that leads to better places. */
START_TEST(beginnings)
{
	RveHnswSearch *search;
	RveHnswEffort effort = {.ef = 20, .resumable = true, .stop_k = 3, .stop_ratio = 1.5f};
	bool		seen[STAGED_NODES];
	int			n;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	staged_make(&staged, STAGED_DISTINCT, 0);
	staged.dist[0] = NAN;
	ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
	ck_assert(rve_hnsw_search_complete(search));
	rve_hnsw_search_results(search, &n);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(rve_hnsw_search_resume(search, &staged.graph), RVE_OK);
	rve_hnsw_search_results(search, &n);
	ck_assert_int_eq(n, 0);
	staged.graph.entry = RVE_NODE_NONE;
	ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
	ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 0, 0), RVE_OK);
	rve_hnsw_search_results(search, &n);
	ck_assert_int_eq(n, 0);

	/* through level 1 to its nearest node, and every node from there */
	for (int round = 0; round < 200; round++)
	{
		int			total;

		staged_make(&staged, (StagedShape) (round % STAGED_SHAPES), 0);
		staged.graph.entry_level = 1;
		memset(seen, 0, sizeof(seen));
		ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
		total = staged_take(&staged, search, seen);
		ck_assert_int_ge(total, 1);
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 0, 0), RVE_OK);
		do
		{
			total += n = staged_take(&staged, search, seen);
			ck_assert_int_eq(rve_hnsw_search_resume(search, &staged.graph), RVE_OK);
		} while (n > 0 || (rve_hnsw_search_results(search, &n), n > 0));

		/* some multiple of 8 reaches exactly what was found */
		n = 0;
		for (RveNode from = 0; from < STAGED_NODES && n == 0; from += 8)
		{
			staged_walk(&staged, from);
			n = memcmp(staged.reachable, seen, sizeof(seen)) == 0;
		}
		ck_assert_msg(n == 1, "%d nodes found, which no walk from level 1 finds", total);
	}
	rve_hnsw_search_free(search);
}
END_TEST

/* What a host marks as seen is not returned by what follows. */
START_TEST(marked_nodes_are_not_returned)
{
	RveHnswSearch *search;
	RveHnswEffort effort = {.ef = 10, .resumable = true, .stop_k = 2, .stop_ratio = 1.0f};

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	for (int round = 0; round < 100; round++)
	{
		bool		seen[STAGED_NODES] = {false};
		bool		marked[STAGED_NODES] = {false};
		bool		is_new;
		int			n;

		staged_make(&staged, STAGED_DISTINCT, 0);
		ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
		staged_take(&staged, search, seen);
		for (int i = 0; i < STAGED_NODES; i++)
		{
			if (staged_random(3) == 0)
				continue;
			ck_assert_int_eq(rve_hnsw_search_mark(search, i, &is_new), RVE_OK);
			marked[i] = is_new;
			ck_assert(!is_new || !seen[i]);
			ck_assert_int_eq(rve_hnsw_search_mark(search, i, &is_new), RVE_OK);
			ck_assert(!is_new);
		}
		ck_assert_int_eq(rve_hnsw_search_extend(search, &staged.graph, 0, 0), RVE_OK);
		do
		{
			n = staged_take(&staged, search, seen);
			ck_assert_int_eq(rve_hnsw_search_resume(search, &staged.graph), RVE_OK);
		} while (n > 0 || (rve_hnsw_search_results(search, &n), n > 0));
		for (int i = 0; i < STAGED_NODES; i++)
			ck_assert(!(marked[i] && seen[i]));
		/* a mark far beyond all nodes */
		ck_assert_int_eq(rve_hnsw_search_mark(search, 1000000, &is_new), RVE_OK);
		ck_assert(is_new);
	}
	rve_hnsw_search_free(search);
}
END_TEST

START_TEST(misuse_is_refused)
{
	RveHnswSearch *search;
	RveHnswEffort effort = {.ef = 50};

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	staged_make(&staged, STAGED_DISTINCT, 0);
	ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_OK);
	ck_assert_int_eq(rve_hnsw_search_resume(search, &staged.graph), RVE_INVALID_ARGUMENT);
	effort.ef = -1;
	ck_assert_int_eq(rve_hnsw_search_start(search, &staged.graph, &effort), RVE_INVALID_ARGUMENT);
	rve_hnsw_search_free(search);
}
END_TEST

/* ---- easy data: the rule costs nothing and saves something ---- */

#define EASY_ROWS 3000
#define EASY_DIM 12
#define EASY_K 10

static float easy_rows[EASY_ROWS][EASY_DIM];

static float
easy_distance(void *context, const void *a, const void *b)
{
	const float *x = a;
	const float *y = b;
	float		sum = 0;

	for (int d = 0; d < EASY_DIM; d++)
		sum += (x[d] - y[d]) * (x[d] - y[d]);
	return sum;
}

START_TEST(the_rule_finds_the_same_on_easy_data)
{
	RveHnswMemParams params = {.m = 12, .ef_construction = 64, .item_bytes = sizeof(easy_rows[0]),
	.distance = easy_distance};
	RveHnswMem *mem;
	RveHnswSearch *search;
	RveGraph	graph;
	uint64_t	scored[2] = {0, 0};
	int			same = 0;

	/* clusters of 60 far from each other */
	for (int i = 0; i < EASY_ROWS; i++)
		for (int d = 0; d < EASY_DIM; d++)
			easy_rows[i][d] = (float) ((i % 50) * (d + 3) % 17 + 0.5 * rve_base_random_unit(&staged_seed));
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	for (int i = 0; i < EASY_ROWS; i++)
		ck_assert_int_eq(rve_hnsw_mem_add(mem, easy_rows[i], (uint64_t) i), RVE_OK);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	for (int q = 0; q < 100; q++)
	{
		RveCandidate first[2][EASY_K];

		rve_hnsw_mem_set_query(mem, easy_rows[q * 29 % EASY_ROWS]);
		for (int rule = 0; rule < 2; rule++)
		{
			RveHnswEffort effort = {.ef = 200, .stop_k = rule * EASY_K, .stop_ratio = 1.5f};
			int			n;

			ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
			scored[rule] += rve_hnsw_search_scored(search);
			memcpy(first[rule], rve_hnsw_search_results(search, &n), sizeof(first[rule]));
			ck_assert_int_ge(n, EASY_K);
		}
		for (int i = 0; i < EASY_K; i++)
			same += first[0][i].node == first[1][i].node;
	}
	ck_assert_int_ge(same, 100 * EASY_K - 5);
	ck_assert_uint_lt(scored[1], scored[0] * 7 / 10);
	rve_hnsw_search_free(search);
	rve_hnsw_mem_free(mem);
}
END_TEST

/* ---- hosts that refuse ---- */

static int	staged_allocations;
static int	staged_patience;

static void *
staged_alloc(size_t size)
{
	return staged_allocations-- > 0 ? malloc(size) : NULL;
}

static bool
staged_interrupted(void)
{
	return staged_patience-- <= 0;
}

/* Every allocation and every interrupt test fails once, in whatever call it happens. */
START_TEST(refusals_are_reported)
{
	RveHandlers plain = {malloc, free, NULL};
	RveHandlers refusing = {staged_alloc, free, staged_interrupted};
	int			refused[2] = {0, 0};

	for (int round = 0; round < 60; round++)
	{
		RveHnswEffort effort = {.ef = round % 2 == 0 ? 8 : 300, .resumable = true, .stop_k = 2,
		.stop_ratio = 1.0f};
		RveHnswSearch *search = NULL;
		RveStatus	status;
		int			n = 1;

		staged_make(&staged, STAGED_DISTINCT, 0);
		staged_allocations = round % 2 == 0 ? round / 2 : 1000000;
		staged_patience = round % 2 == 1 ? round / 20 : 1000000;
		rve_base_set_handlers(&refusing);
		status = rve_hnsw_search_create(&search);
		if (status == RVE_OK)
			status = rve_hnsw_search_start(search, &staged.graph, &effort);
		if (status == RVE_OK)
			status = rve_hnsw_search_extend(search, &staged.graph, 0, 0);
		while (status == RVE_OK && n > 0)
		{
			status = rve_hnsw_search_resume(search, &staged.graph);
			rve_hnsw_search_results(search, &n);
		}
		ck_assert(status == RVE_OK || status == (round % 2 == 0 ? RVE_NO_MEMORY : RVE_INTERRUPTED));
		refused[round % 2] += status != RVE_OK;
		rve_hnsw_search_free(search);
		rve_base_set_handlers(&plain);
	}
	ck_assert_int_gt(refused[0], 2);
	ck_assert_int_lt(refused[0], 30);
	ck_assert_int_gt(refused[1], 0);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("hnsw_search");
	TCase	   *tcase = tcase_create("hnsw_search");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, stages_return_every_reachable_node_once);
	tcase_add_test(tcase, stages_end_where_one_search_ends);
	tcase_add_test(tcase, the_rule_stops_where_it_says);
	tcase_add_test(tcase, beginnings);
	tcase_add_test(tcase, marked_nodes_are_not_returned);
	tcase_add_test(tcase, misuse_is_refused);
	tcase_add_test(tcase, the_rule_finds_the_same_on_easy_data);
	tcase_add_test(tcase, refusals_are_reported);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
