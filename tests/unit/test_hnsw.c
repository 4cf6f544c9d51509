/*-------------------------------------------------------------------------
 *
 * test_hnsw.c
 *	  Unit tests of engine/core/hnsw against brute force.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/hnsw/rve_hnsw.h"

#define DIM 16
#define ROWS 3000
#define K 10

/* A search without a stop rule. */
static RveStatus
start(RveHnswSearch *search, const RveGraph *graph, int ef, bool resumable)
{
	RveHnswEffort effort = {.ef = ef, .resumable = resumable};

	return rve_hnsw_search_start(search, graph, &effort);
}

static float rows[ROWS][DIM];

static float
gauss(uint64_t *state)
{
	double		u = rve_base_random_unit(state);
	double		v = rve_base_random_unit(state);

	return (float) (sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

/* Clustered data: 50 centres, spread .3 */
static void
make_rows(uint64_t seed)
{
	static float centres[50][DIM];
	uint64_t	state = seed;

	for (int c = 0; c < 50; c++)
		for (int d = 0; d < DIM; d++)
			centres[c][d] = gauss(&state);
	for (int i = 0; i < ROWS; i++)
		for (int d = 0; d < DIM; d++)
			rows[i][d] = centres[i % 50][d] + 0.3f * gauss(&state);
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

static RveHnswMem *
build(int n, int m, int ef)
{
	RveHnswMemParams params = {0};
	RveHnswMem *mem;

	params.m = m;
	params.ef_construction = ef;
	params.seed = 7;
	params.item_bytes = sizeof(rows[0]);
	params.distance = l2;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(rve_hnsw_mem_add(mem, rows[i], 1000 + i), RVE_OK);
	ck_assert_uint_eq(rve_hnsw_mem_count(mem), n);
	return mem;
}

/* True when row is among the K nearest of n rows to query. */
static bool
is_near(const float *query, int row, int n)
{
	int			nearer = 0;
	float		dist = l2(NULL, query, rows[row]);

	for (int i = 0; i < n; i++)
		nearer += l2(NULL, query, rows[i]) < dist;
	return nearer < K;
}

static double
recall(RveHnswMem *mem, int n, int ef)
{
	RveHnswSearch *search;
	RveGraph	graph;
	uint64_t	state = 99;
	int			hits = 0;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	for (int q = 0; q < 100; q++)
	{
		float		query[DIM];
		const RveCandidate *found;
		int			count;

		for (int d = 0; d < DIM; d++)
			query[d] = rows[(q * 37) % n][d] + 0.2f * gauss(&state);
		rve_hnsw_mem_set_query(mem, query);
		ck_assert_int_eq(start(search, &graph, ef, false), RVE_OK);
		found = rve_hnsw_search_results(search, &count);
		ck_assert_int_eq(count, ef);
		for (int i = 0; i < K; i++)
			hits += is_near(query, found[i].node, n);
		for (int i = 1; i < count; i++)
			ck_assert(found[i - 1].dist <= found[i].dist);
	}
	rve_hnsw_search_free(search);
	return hits / (100.0 * K);
}

START_TEST(finds_what_brute_force_finds)
{
	RveHnswMem *mem;

	make_rows(1);
	mem = build(ROWS, 8, 64);
	ck_assert_double_ge(recall(mem, ROWS, 40), 0.95);
	ck_assert_double_ge(recall(mem, ROWS, 200), 0.99);
	rve_hnsw_mem_free(mem);
}
END_TEST

/* Degrees, targets, levels, no self-loops, no double edges. */
START_TEST(graph_keeps_its_invariants)
{
	RveHnswMem *mem;
	RveGraph	graph;
	int			upper = 0;

	make_rows(2);
	mem = build(ROWS, 4, 32);
	rve_hnsw_mem_graph(mem, &graph);
	for (RveNode node = 0; node < ROWS; node++)
	{
		RveHnswMemNode info;

		rve_hnsw_mem_node(mem, node, &info);
		ck_assert_uint_eq(info.tag, 1000 + node);
		ck_assert_int_eq(memcmp(info.item, rows[node], sizeof(rows[0])), 0);
		ck_assert_int_le(info.level, graph.entry_level);
		upper += info.level > 0;
		for (int level = 0; level <= info.level; level++)
		{
			int			count;
			const RveNode *edges = rve_hnsw_mem_edges(mem, node, level, &count);

			ck_assert_int_le(count, rve_hnsw_max_degree(4, level));
			ck_assert(count > 0 || level > 0);
			for (int i = 0; i < count; i++)
			{
				RveHnswMemNode target;

				ck_assert_uint_lt(RVE_HNSW_NODE(edges[i]), ROWS);
				ck_assert_uint_ne(RVE_HNSW_NODE(edges[i]), node);
				rve_hnsw_mem_node(mem, RVE_HNSW_NODE(edges[i]), &target);
				ck_assert_int_ge(target.level, level);
				for (int j = 0; j < i; j++)
					ck_assert_uint_ne(RVE_HNSW_NODE(edges[i]), RVE_HNSW_NODE(edges[j]));
			}
		}
	}

	/* one in m nodes: 750 expected, standard deviation 24 */
	ck_assert_int_gt(upper, 600);
	ck_assert_int_lt(upper, 900);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(resume_returns_every_node_once)
{
	static bool seen[ROWS];
	RveHnswMem *mem;
	RveHnswSearch *search;
	RveGraph	graph;
	uint32_t	unreachable;
	int			total = 0;
	int			count;
	const RveCandidate *found;

	make_rows(3);
	mem = build(ROWS, 6, 40);
	ck_assert_int_eq(rve_hnsw_mem_connect(mem, &unreachable), RVE_OK);
	ck_assert_uint_eq(unreachable, 0);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	for (int round = 0; round < 2; round++)
	{
		memset(seen, 0, sizeof(seen));
		total = 0;
		rve_hnsw_mem_graph(mem, &graph);
		rve_hnsw_mem_set_query(mem, rows[round]);
		ck_assert_int_eq(start(search, &graph, 50, true), RVE_OK);
		while (found = rve_hnsw_search_results(search, &count), count > 0)
		{
			for (int i = 0; i < count; i++)
			{
				ck_assert(!seen[found[i].node]);
				seen[found[i].node] = true;
			}
			total += count;
			ck_assert_int_eq(rve_hnsw_search_resume(search, &graph), RVE_OK);
		}
		ck_assert_int_eq(total, ROWS);
	}
	rve_hnsw_search_free(search);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(duplicates_hang_on_the_first)
{
	RveHnswMem *mem;
	RveHnswMemNode info;
	int			in_chain = 0;

	make_rows(4);
	for (int i = 0; i < 500; i++)
		memcpy(rows[i * 2 + 1], rows[1], sizeof(rows[0]));
	mem = build(1000, 5, 30);
	rve_hnsw_mem_node(mem, 1, &info);
	ck_assert_uint_eq(info.duplicate_of, RVE_NODE_NONE);
	for (RveNode at = info.next_duplicate; at != RVE_NODE_NONE; at = info.next_duplicate)
	{
		int			count;

		rve_hnsw_mem_node(mem, at, &info);
		ck_assert_uint_eq(info.duplicate_of, 1);
		ck_assert_int_eq(info.level, 0);
		rve_hnsw_mem_edges(mem, at, 0, &count);
		ck_assert_int_eq(count, 0);
		in_chain++;
	}
	ck_assert_int_eq(in_chain, 499);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(empty_and_tiny_graphs)
{
	RveHnswMem *mem = build(0, 4, 20);
	RveHnswSearch *search;
	RveGraph	graph;
	uint32_t	unreachable;
	int			count;

	make_rows(5);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	rve_hnsw_mem_set_query(mem, rows[0]);
	ck_assert_int_eq(start(search, &graph, 10, true), RVE_OK);
	rve_hnsw_search_results(search, &count);
	ck_assert_int_eq(count, 0);
	ck_assert_int_eq(rve_hnsw_search_resume(search, &graph), RVE_OK);
	rve_hnsw_search_results(search, &count);
	ck_assert_int_eq(count, 0);
	ck_assert_int_eq(rve_hnsw_mem_connect(mem, &unreachable), RVE_OK);
	ck_assert_int_eq(rve_hnsw_mem_add(mem, rows[0], 0), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	ck_assert_int_eq(start(search, &graph, 10, false), RVE_OK);
	rve_hnsw_search_results(search, &count);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(start(search, &graph, 0, false), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(start(search, &graph, RVE_HNSW_MAX_EF + 1, false),
					 RVE_INVALID_ARGUMENT);
	rve_hnsw_search_free(search);
	rve_hnsw_mem_free(mem);
}
END_TEST

/* A node made unreachable on purpose is found again after connect. */
START_TEST(connect_repairs_a_cut_off_node)
{
	RveHnswMem *mem;
	RveGraph	graph;
	uint32_t	unreachable;
	RveNode		victim = 77;
	int			leading = 0;

	make_rows(6);
	mem = build(500, 4, 30);
	rve_hnsw_mem_graph(mem, &graph);
	if (graph.entry == victim)
		victim++;
	for (RveNode node = 0; node < 500; node++)
	{
		int			count;
		RveNode    *edges = (RveNode *) rve_hnsw_mem_edges(mem, node, 0, &count);

		for (int i = 0; i < count; i++)
			if (edges[i] == victim)
				edges[i] = edges[(i + 1) % count];
	}
	ck_assert_int_eq(rve_hnsw_mem_connect(mem, &unreachable), RVE_OK);
	ck_assert_uint_eq(unreachable, 0);
	for (RveNode node = 0; node < 500; node++)
	{
		int			count;
		const RveNode *edges = rve_hnsw_mem_edges(mem, node, 0, &count);

		for (int i = 0; i < count; i++)
			leading += RVE_HNSW_NODE(edges[i]) == victim;
	}
	ck_assert_int_gt(leading, 0);
	rve_hnsw_mem_free(mem);
}
END_TEST

static float
negative_product(void *context, const void *a, const void *b)
{
	const float *x = a;
	const float *y = b;
	float		sum = 0;

	for (int d = 0; d < DIM; d++)
		sum -= x[d] * y[d];
	return sum;
}

/*
 * Inner products make hubs: long vectors are everybody's nearest, and short
 * ones lose all edges that lead to them. Kept edges are mutual, span all
 * nodes, and are no more than a tree needs.
 */
START_TEST(kept_edges_are_a_tree)
{
	RveHnswMemParams params = {0};
	RveHnswMem *mem;
	static bool reached[ROWS];
	static RveNode stack[ROWS];
	uint32_t	unreachable;
	int			total = 0;
	int			depth = 0;
	int			seen = 1;

	make_rows(11);
	params.m = 2;
	params.ef_construction = 16;
	params.item_bytes = sizeof(rows[0]);
	params.distance = negative_product;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	for (int i = 0; i < ROWS; i++)
		ck_assert_int_eq(rve_hnsw_mem_add(mem, rows[i], i), RVE_OK);
	ck_assert_int_eq(rve_hnsw_mem_connect(mem, &unreachable), RVE_OK);
	ck_assert_uint_eq(unreachable, 0);
	memset(reached, 0, sizeof(reached));
	reached[5] = true;
	stack[depth++] = 5;
	while (depth > 0)
	{
		int			count;
		RveNode		node = stack[--depth];
		const RveNode *edges = rve_hnsw_mem_edges(mem, node, 0, &count);

		ck_assert_int_le(count, 4);
		for (int i = 0; i < count; i++)
		{
			RveNode		target = RVE_HNSW_NODE(edges[i]);
			bool		mutual = false;
			int			back_count;
			const RveNode *back = rve_hnsw_mem_edges(mem, target, 0, &back_count);

			if (edges[i] == target)
				continue;
			total++;
			for (int j = 0; j < back_count; j++)
				mutual |= back[j] == (node | RVE_HNSW_KEPT);
			ck_assert(mutual);
			if (!reached[target])
			{
				reached[target] = true;
				seen++;
				stack[depth++] = target;
			}
		}
	}
	ck_assert_int_eq(seen, ROWS);
	ck_assert_int_eq(total, 2 * (ROWS - 1));
	rve_hnsw_mem_free(mem);
}
END_TEST

/* Relinking never drops a kept candidate, however far it is. */
START_TEST(relink_keeps_what_is_kept)
{
	RveHnswMem *mem;
	RveHnswSearch *search;
	RveGraph	graph;
	RveNode		candidates[40];
	RveNode		out[8];

	make_rows(12);
	mem = build(200, 4, 30);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	for (int kept = 0; kept <= 9; kept++)
	{
		RveHnswRelink relink = {0};

		for (int i = 0; i < 40; i++)
			candidates[i] = 10 + 3 * i;
		relink.node = 0;
		relink.candidates = candidates;
		relink.n = 40;
		relink.kept = kept;
		relink.max = 8;
		relink.out = out;
		ck_assert_int_eq(rve_hnsw_relink(search, &graph, &relink), RVE_OK);
		ck_assert_int_eq(relink.count, 8);
		for (int k = 0; k < kept && k < 8; k++)
		{
			bool		found = false;

			for (int i = 0; i < relink.count; i++)
				found |= out[i] == candidates[k];
			ck_assert(found);
		}
		for (int i = 0; i < relink.count; i++)
			for (int j = 0; j < i; j++)
				ck_assert_uint_ne(out[i], out[j]);
	}
	rve_hnsw_search_free(search);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(levels_follow_the_distribution)
{
	ck_assert_int_eq(rve_hnsw_random_level(16, 1.0), 0);
	ck_assert_int_eq(rve_hnsw_random_level(16, 0.07), 0);
	ck_assert_int_eq(rve_hnsw_random_level(16, 0.06), 1);
	ck_assert_int_eq(rve_hnsw_random_level(16, 0.003), 2);
	ck_assert_int_eq(rve_hnsw_random_level(2, 0x1.0p-53), RVE_HNSW_MAX_LEVEL);
}
END_TEST

START_TEST(parameters_are_checked)
{
	RveHnswMemParams params = {0};
	RveHnswMem *mem;

	params.distance = l2;
	params.item_bytes = sizeof(rows[0]);
	params.ef_construction = 10;
	params.m = 1;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_INVALID_ARGUMENT);
	params.m = 101;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_INVALID_ARGUMENT);
	params.m = 16;
	params.ef_construction = 1001;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_INVALID_ARGUMENT);
	params.ef_construction = 64;
	params.item_bytes = 0;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_INVALID_ARGUMENT);
}
END_TEST

/* ---- hosts that refuse ---- */

static int	allocations_left;
static int	interrupts_left;

static void *
scarce_alloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

static bool
impatient(void)
{
	return interrupts_left-- <= 0;
}

static bool
patient(void)
{
	return false;
}

static void
use_handlers(void *(*alloc) (size_t), bool (*interrupted) (void))
{
	RveHandlers handlers = {alloc, free, interrupted};

	rve_base_set_handlers(&handlers);
}

/* Every allocation fails once; nothing leaks (ASan) and the status says why. */
START_TEST(memory_shortage_is_reported)
{
	RveHnswMemParams params = {0};
	int			failures = 0;

	make_rows(8);
	params.m = 2;
	params.ef_construction = 8;
	params.item_bytes = sizeof(rows[0]);
	params.distance = l2;
	for (int budget = 0; budget < 200; budget++)
	{
		RveHnswMem *mem = NULL;
		RveStatus	status;

		allocations_left = budget;
		use_handlers(scarce_alloc, patient);
		status = rve_hnsw_mem_create(&params, &mem);
		for (int i = 0; i < 100 && status == RVE_OK; i++)
			status = rve_hnsw_mem_add(mem, rows[i], i);
		ck_assert(status == RVE_OK || status == RVE_NO_MEMORY);
		failures += status == RVE_NO_MEMORY;
		rve_hnsw_mem_free(mem);
		use_handlers(malloc, patient);
	}
	ck_assert_int_gt(failures, 4);
	ck_assert_int_lt(failures, 200);
}
END_TEST

START_TEST(interrupt_stops_a_search)
{
	RveHnswMem *mem;
	RveHnswSearch *search;
	RveGraph	graph;

	make_rows(9);
	mem = build(ROWS, 4, 32);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	rve_hnsw_mem_set_query(mem, rows[5]);
	interrupts_left = 0;
	use_handlers(malloc, impatient);
	ck_assert_int_eq(start(search, &graph, 1000, true), RVE_INTERRUPTED);
	use_handlers(malloc, patient);
	ck_assert_int_eq(start(search, &graph, 1000, true), RVE_OK);
	rve_hnsw_search_free(search);
	rve_hnsw_mem_free(mem);
}
END_TEST

/* A node being linked anew never becomes its own neighbour. */
START_TEST(relinking_excludes_the_node_itself)
{
	RveHnswMem *mem;
	RveHnswSearch *search;
	RveGraph	graph;
	RveHnswEffort effort = {.ef = 40};
	RveHnswLinks links;

	make_rows(10);
	mem = build(1000, 6, 40);
	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	graph.ops = &(RveGraphOps)
	{
		.neighbors = graph.ops->neighbors,
		.score = graph.ops->score,
		.load = graph.ops->load,
		.pair = graph.ops->pair
	};
	for (RveNode node = 0; node < 1000; node += 50)
	{
		rve_hnsw_mem_set_query(mem, rows[node]);
		links.level = 1;
		links.self = node;
		ck_assert_int_eq(rve_hnsw_insert_search(search, &graph, &effort, &links), RVE_OK);
		ck_assert_uint_eq(links.duplicate_of, RVE_NODE_NONE);
		ck_assert_int_gt(links.count[0], 0);
		for (int level = 0; level <= 1; level++)
			for (int i = 0; i < links.count[level]; i++)
				ck_assert_uint_ne(links.edges[level][i].node, node);
	}
	rve_hnsw_search_free(search);
	rve_hnsw_mem_free(mem);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("hnsw");
	TCase	   *tcase = tcase_create("hnsw");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, finds_what_brute_force_finds);
	tcase_add_test(tcase, graph_keeps_its_invariants);
	tcase_add_test(tcase, resume_returns_every_node_once);
	tcase_add_test(tcase, duplicates_hang_on_the_first);
	tcase_add_test(tcase, empty_and_tiny_graphs);
	tcase_add_test(tcase, connect_repairs_a_cut_off_node);
	tcase_add_test(tcase, kept_edges_are_a_tree);
	tcase_add_test(tcase, relink_keeps_what_is_kept);
	tcase_add_test(tcase, levels_follow_the_distribution);
	tcase_add_test(tcase, parameters_are_checked);
	tcase_add_test(tcase, memory_shortage_is_reported);
	tcase_add_test(tcase, interrupt_stops_a_search);
	tcase_add_test(tcase, relinking_excludes_the_node_itself);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
