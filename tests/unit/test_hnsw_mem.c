/*-------------------------------------------------------------------------
 *
 * test_hnsw_mem.c
 *	  The graph in memory built by several threads and by several processes.
 *
 * Under ThreadSanitizer (tools/private tsan) the threads show that there are
 * no data races but those that are atomic.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core/hnsw/rve_hnsw.h"

#define DIM 16
#define ROWS 4000
#define THREADS 4
#define K 10

static float rows[ROWS][DIM];

static float
gauss(uint64_t *state)
{
	double		u = rve_base_random_unit(state);
	double		v = rve_base_random_unit(state);

	return (float) (sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

/* Clustered data; with copies > 1, each vector that often. */
static void
make_rows(uint64_t seed, int copies)
{
	static float centres[50][DIM];
	uint64_t	state = seed;

	for (int c = 0; c < 50; c++)
		for (int d = 0; d < DIM; d++)
			centres[c][d] = gauss(&state);
	for (int i = 0; i < ROWS; i++)
	{
		for (int d = 0; d < DIM; d++)
			rows[i][d] = centres[i % 50][d] + 0.3f * gauss(&state);
		if (i % copies != 0)
			memcpy(rows[i], rows[i / copies * copies], sizeof(rows[0]));
	}
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

static void
l2_many(void *context, const void *item, const void *const *others, int n, float *out)
{
	for (int i = 0; i < n; i++)
		out[i] = l2(context, item, others[i]);
}

static RveHnswMemParams
make_params(int m, int ef, uint32_t expected)
{
	RveHnswMemParams params = {0};

	params.m = m;
	params.ef_construction = ef;
	params.seed = 7;
	params.item_bytes = sizeof(rows[0]);
	params.expected = expected;
	params.distance = l2;
	params.distances = l2_many;
	return params;
}

/* ---- what must hold of any finished graph ---- */

static int
check_list(RveHnswMem *mem, RveNode node, int level, int m)
{
	int			count;
	const RveNode *edges = rve_hnsw_mem_edges(mem, node, level, &count);

	ck_assert_int_le(count, rve_hnsw_max_degree(m, level));
	for (int i = 0; i < count; i++)
	{
		RveNode		target = RVE_HNSW_NODE(edges[i]);
		RveHnswMemNode info;

		ck_assert_uint_lt(target, rve_hnsw_mem_count(mem));
		ck_assert_uint_ne(target, node);
		rve_hnsw_mem_node(mem, target, &info);
		ck_assert_int_ge(info.level, level);
		ck_assert_uint_eq(info.duplicate_of, RVE_NODE_NONE);
		for (int j = 0; j < i; j++)
			ck_assert_uint_ne(target, RVE_HNSW_NODE(edges[j]));
	}
	return count;
}

/* Every row is in the graph once: as a node that a walk over kept edges meets, or in a chain. */
static void
check_graph(RveHnswMem *mem, int n, int m)
{
	static bool row_seen[ROWS];
	static bool reached[ROWS];
	static RveNode stack[ROWS];
	RveGraph	graph;
	uint32_t	unreachable;
	int			depth = 0;
	int			seen = 0;

	ck_assert_uint_eq(rve_hnsw_mem_count(mem), n);
	ck_assert_int_eq(rve_hnsw_mem_connect(mem, &unreachable), RVE_OK);
	ck_assert_uint_eq(unreachable, 0);
	rve_hnsw_mem_graph(mem, &graph);
	memset(row_seen, 0, sizeof(row_seen));
	memset(reached, 0, sizeof(reached));
	reached[graph.entry] = true;
	stack[depth++] = graph.entry;
	while (depth > 0)
	{
		RveNode		node = stack[--depth];
		RveHnswMemNode info;
		int			count;
		const RveNode *edges = rve_hnsw_mem_edges(mem, node, 0, &count);

		rve_hnsw_mem_node(mem, node, &info);
		ck_assert_uint_eq(info.duplicate_of, RVE_NODE_NONE);
		ck_assert_int_le(info.level, graph.entry_level);
		for (int level = 0; level <= info.level; level++)
			check_list(mem, node, level, m);
		for (RveNode at = node; at != RVE_NODE_NONE; at = info.next_duplicate)
		{
			rve_hnsw_mem_node(mem, at, &info);
			ck_assert(at == node || info.duplicate_of == node);
			ck_assert(!row_seen[info.tag]);
			ck_assert_int_eq(memcmp(info.item, rows[info.tag], sizeof(rows[0])), 0);
			row_seen[info.tag] = true;
			seen++;
		}
		for (int i = 0; i < count; i++)
		{
			RveNode		target = RVE_HNSW_NODE(edges[i]);

			if (edges[i] != target && !reached[target])
			{
				reached[target] = true;
				stack[depth++] = target;
			}
		}
	}
	ck_assert_int_eq(seen, n);
}

static double
recall(RveHnswMem *mem, int n, int ef)
{
	RveHnswEffort effort = {.ef = ef};
	RveHnswSearch *search;
	RveGraph	graph;
	uint64_t	state = 99;
	int			hits = 0;

	ck_assert_int_eq(rve_hnsw_search_create(&search), RVE_OK);
	rve_hnsw_mem_graph(mem, &graph);
	for (int q = 0; q < 100; q++)
	{
		float		query[DIM];
		float		kth;
		float		dist[ROWS];
		const RveCandidate *found;
		int			count;

		for (int d = 0; d < DIM; d++)
			query[d] = rows[(q * 37) % n][d] + 0.2f * gauss(&state);
		for (int i = 0; i < n; i++)
			dist[i] = l2(NULL, query, rows[i]);
		for (int k = 0; k < K; k++)	/* selection: dist[0 .. K) are the smallest */
			for (int i = k + 1; i < n; i++)
				if (dist[i] < dist[k])
				{
					float		swap = dist[k];

					dist[k] = dist[i];
					dist[i] = swap;
				}
		kth = dist[K - 1];
		rve_hnsw_mem_set_query(mem, query);
		ck_assert_int_eq(rve_hnsw_search_start(search, &graph, &effort), RVE_OK);
		found = rve_hnsw_search_results(search, &count);
		for (int i = 0; i < K && i < count; i++)
			hits += found[i].dist <= kth;
	}
	rve_hnsw_search_free(search);
	return hits / (100.0 * K);
}

/* ---- threads ---- */

typedef struct Team
{
	RveHnswMemParams params;
	uint64_t	root;
	int			n;
	_Atomic int next;
	_Atomic int failures;
} Team;

static void *
team_member(void *arg)
{
	Team	   *team = arg;
	RveHnswMem *mem;
	int			row;

	if (rve_hnsw_mem_attach(&team->params, team->root, &mem) != RVE_OK)
	{
		team->failures++;
		return NULL;
	}
	while ((row = team->next++) < team->n)
		if (rve_hnsw_mem_add(mem, rows[row], (uint64_t) row) != RVE_OK)
			team->failures++;
	rve_hnsw_mem_free(mem);
	return NULL;
}

static RveHnswMem *
build_by_threads(int n, RveHnswMemParams params)
{
	Team		team = {.params = params, .n = n};
	pthread_t	threads[THREADS];
	RveHnswMem *mem;

	ck_assert_int_eq(rve_hnsw_mem_create(&team.params, &mem), RVE_OK);
	team.root = rve_hnsw_mem_root(mem);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, team_member, &team), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(team.failures, 0);
	return mem;
}

START_TEST(threads_build_as_good_a_graph)
{
	RveHnswMem *mem;

	make_rows(1, 1);
	mem = build_by_threads(ROWS, make_params(8, 64, ROWS));
	check_graph(mem, ROWS, 8);
	ck_assert_double_ge(recall(mem, ROWS, 40), 0.95);
	ck_assert_double_ge(recall(mem, ROWS, 200), 0.99);
	rve_hnsw_mem_free(mem);
}
END_TEST

/* Nothing was expected: all threads run into each new chunk together. */
START_TEST(threads_grow_the_graph)
{
	RveHnswMem *mem;

	make_rows(2, 1);
	mem = build_by_threads(ROWS, make_params(2, 16, 0));
	check_graph(mem, ROWS, 2);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(threads_chain_duplicates)
{
	RveHnswMem *mem;
	int			nodes = 0;

	make_rows(3, 100);
	mem = build_by_threads(ROWS, make_params(5, 30, ROWS));
	check_graph(mem, ROWS, 5);
	for (RveNode node = 0; node < ROWS; node++)
	{
		RveHnswMemNode info;

		rve_hnsw_mem_node(mem, node, &info);
		nodes += info.duplicate_of == RVE_NODE_NONE;
	}

	/* 40 vectors; threads that add an equal one at the same instant make a node each */
	ck_assert_int_ge(nodes, ROWS / 100);
	ck_assert_int_le(nodes, ROWS / 100 * THREADS);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(few_rows_for_many_threads)
{
	make_rows(4, 1);
	for (int n = 1; n <= 5; n++)
	{
		for (int round = 0; round < 20; round++)
		{
			RveHnswMem *mem = build_by_threads(n, make_params(4, 20, 0));

			check_graph(mem, n, 4);
			rve_hnsw_mem_free(mem);
		}
	}
}
END_TEST

START_TEST(one_process_builds_the_same_graph_twice)
{
	RveHnswMem *mem[2];
	RveHnswMemParams params = make_params(6, 40, 0);

	make_rows(5, 1);
	for (int i = 0; i < 2; i++)
	{
		ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem[i]), RVE_OK);
		for (int row = 0; row < 2000; row++)
			ck_assert_int_eq(rve_hnsw_mem_add(mem[i], rows[row], row), RVE_OK);
		params.expected = 2000;	/* where memory comes from makes no difference */
	}
	for (RveNode node = 0; node < 2000; node++)
	{
		int			count[2];
		const RveNode *edges[2];

		for (int i = 0; i < 2; i++)
			edges[i] = rve_hnsw_mem_edges(mem[i], node, 0, &count[i]);
		ck_assert_int_eq(count[0], count[1]);
		ck_assert_int_eq(memcmp(edges[0], edges[1], count[0] * sizeof(RveNode)), 0);
	}
	rve_hnsw_mem_free(mem[0]);
	rve_hnsw_mem_free(mem[1]);
}
END_TEST

/* ---- processes ---- */

#define ARENA_BYTES ((size_t) 16 << 20)

/* A bump allocator in a mapping that each process has at an address of its own. */
typedef struct Arena
{
	_Atomic uint64_t used;
	_Atomic int next;
	_Atomic int failures;
} Arena;

static uint64_t
arena_alloc(void *host, size_t size)
{
	Arena	   *arena = host;
	uint64_t	at = atomic_fetch_add(&arena->used, (size + 63) / 64 * 64);

	return at + size <= ARENA_BYTES ? at : 0;
}

static void *
arena_address(void *host, uint64_t reference)
{
	return (char *) host + reference;
}

static void
arena_free(void *host, uint64_t reference)
{
}

static void
add_rows(Arena *arena, RveHnswMem *mem)
{
	int			row;

	while ((row = arena->next++) < ROWS)
		if (rve_hnsw_mem_add(mem, rows[row], (uint64_t) row) != RVE_OK)
			arena->failures++;
}

START_TEST(processes_map_the_graph_at_different_addresses)
{
	FILE	   *file = tmpfile();
	int			fd = fileno(file);
	Arena	   *arena;
	RveHnswMemory memory = {NULL, arena_alloc, arena_address, arena_free};
	RveHnswMemParams params = make_params(8, 64, 1500);
	RveHnswMem *mem;
	pid_t		child;
	int			status;

	make_rows(6, 1);
	ck_assert_int_eq(ftruncate(fd, ARENA_BYTES), 0);
	arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(arena != MAP_FAILED);
	arena->used = 4096;
	memory.host = arena;
	params.memory = &memory;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
	{
		Arena	   *other = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		RveHnswMem *view;

		if (other == MAP_FAILED || other == arena)
			_exit(2);
		munmap(arena, ARENA_BYTES);
		memory.host = other;
		if (rve_hnsw_mem_attach(&params, rve_hnsw_mem_root(mem), &view) != RVE_OK)
			_exit(3);
		add_rows(other, view);
		_exit(0);
	}
	add_rows(arena, mem);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(arena->failures, 0);
	check_graph(mem, ROWS, 8);
	ck_assert_double_ge(recall(mem, ROWS, 40), 0.95);
	rve_hnsw_mem_free(mem);
	munmap(arena, ARENA_BYTES);
	fclose(file);
}
END_TEST

/* ---- parts ---- */

/* A graph of rows first .. first + n - 1. */
static RveHnswMem *
build_part(int first, int n, RveHnswMemParams params)
{
	RveHnswMem *mem;

	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	for (int row = first; row < first + n; row++)
		ck_assert_int_eq(rve_hnsw_mem_add(mem, rows[row], (uint64_t) row), RVE_OK);
	return mem;
}

START_TEST(a_part_keeps_a_tree_of_its_own)
{
	static bool reached[ROWS];
	static RveNode stack[ROWS];
	RveHnswMem *mem;
	uint32_t	unreachable;
	int			total = 0;
	int			seen = 1;
	int			depth = 0;

	make_rows(8, 1);
	mem = build_part(0, 1000, make_params(4, 32, 1000));
	ck_assert_int_eq(rve_hnsw_mem_connect_part(mem, 600, 2, &unreachable), RVE_OK);
	ck_assert_uint_eq(unreachable, 0);
	memset(reached, 0, sizeof(reached));
	reached[0] = true;
	stack[depth++] = 0;
	while (depth > 0)
	{
		RveNode		node = stack[--depth];
		int			kept = 0;
		int			count;
		const RveNode *edges = rve_hnsw_mem_edges(mem, node, 0, &count);

		for (int i = 0; i < count; i++)
		{
			RveNode		target = RVE_HNSW_NODE(edges[i]);

			if (edges[i] == target)
				continue;
			ck_assert_uint_lt(target, 600);
			kept++;
			if (!reached[target])
			{
				reached[target] = true;
				stack[depth++] = target;
				seen++;
			}
		}
		ck_assert_int_le(kept, node == 0 ? rve_hnsw_max_kept(4) - 2 : rve_hnsw_max_kept(4));
		total += kept;
	}
	ck_assert_int_eq(seen, 600);
	ck_assert_int_eq(total, 2 * 599);
	for (RveNode node = 600; node < 1000; node++)
	{
		int			count;
		const RveNode *edges = rve_hnsw_mem_edges(mem, node, 0, &count);

		for (int i = 0; i < count; i++)
			ck_assert_uint_eq(edges[i], RVE_HNSW_NODE(edges[i]));
	}
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(parts_check_their_arguments)
{
	RveHnswMem *mem;
	uint32_t	unreachable;

	make_rows(9, 1);
	mem = build_part(0, 10, make_params(4, 32, 0));
	ck_assert_int_eq(rve_hnsw_mem_connect_part(mem, 11, 0, &unreachable), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_hnsw_mem_connect_part(mem, 10, 4, &unreachable), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_hnsw_mem_connect_part(mem, 10, -1, &unreachable), RVE_INVALID_ARGUMENT);
	ck_assert_int_eq(rve_hnsw_mem_connect_part(mem, 0, 0, &unreachable), RVE_OK);
	rve_hnsw_mem_free(mem);
}
END_TEST

static int
two_or_none(void *context, RveNode node)
{
	return node % 10 == 0 ? 2 : 0;
}

START_TEST(levels_and_degrees_are_the_hosts)
{
	RveHnswMemParams params = make_params(6, 40, 0);
	RveHnswMem *mem;

	make_rows(10, 1);
	params.level = two_or_none;
	params.base_degree = 6;
	mem = build_part(0, 1000, params);
	for (RveNode node = 0; node < 1000; node++)
	{
		RveHnswMemNode info;
		int			count;

		rve_hnsw_mem_node(mem, node, &info);
		ck_assert_int_eq(info.level, two_or_none(NULL, node));
		for (int level = 0; level <= info.level; level++)
		{
			rve_hnsw_mem_edges(mem, node, level, &count);
			ck_assert_int_le(count, 6);
		}
	}
	rve_hnsw_mem_free(mem);
	params.base_degree = 5;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_INVALID_ARGUMENT);
	params.base_degree = 13;
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_INVALID_ARGUMENT);
}
END_TEST

static RveNode loaded[RVE_HNSW_MERGE_EDGES];

static void
load_rows(void *context, const RveNode *nodes, int n, bool *usable)
{
	for (int i = 0; i < n; i++)
	{
		loaded[i] = nodes[i];
		usable[i] = nodes[i] % 7 != 0;	/* some are not to be had */
	}
}

static float
row_pair(void *context, int i, int j)
{
	ck_assert_uint_ne(loaded[i] % 7, 0);
	ck_assert_uint_ne(loaded[j] % 7, 0);
	return l2(NULL, rows[loaded[i]], rows[loaded[j]]);
}

static bool
list_has(const RveHnswList *list, RveNode edge)
{
	for (int i = 0; i < list->count; i++)
		if (list->edges[i] == edge)
			return true;
	return false;
}

/* Lists of row 0 out of random neighbours; the first has kept edges. */
START_TEST(lists_are_merged)
{
	static RveNode edges[3][16];
	static float dist[3][16];
	RveNode		out[16];
	uint64_t	state = 5;

	make_rows(11, 1);
	for (int round = 0; round < 200; round++)
	{
		RveHnswMerge merge = {.max = 16, .load = load_rows, .pair = row_pair, .out = out};
		int			kept = round % 9;
		int			n;

		for (int k = 0; k < 3; k++)
		{
			merge.lists[k] = (RveHnswList) {edges[k], dist[k], round == 0 ? 5 : 16};
			for (int i = 0; i < 16; i++)
			{
				/* lists overlap; within one, each node is there once */
				edges[k][i] = 1 + (RveNode) i * 3 + rve_base_random_next(&state) % 3;
				dist[k][i] = l2(NULL, rows[0], rows[edges[k][i]]);
				if (k == 0 && i < kept)
					edges[k][i] |= RVE_HNSW_KEPT;
			}
		}
		n = rve_hnsw_merge_lists(&merge);
		ck_assert_int_le(n, 16);
		ck_assert(n == 16 || round == 0);
		for (int i = 0; i < n; i++)
		{
			ck_assert_int_eq((out[i] & RVE_HNSW_KEPT) != 0, i < kept && i < 16);
			ck_assert(list_has(&merge.lists[0], out[i]) || list_has(&merge.lists[1], out[i]) ||
					  list_has(&merge.lists[2], out[i]));
			for (int j = 0; j < i; j++)
				ck_assert_uint_ne(RVE_HNSW_NODE(out[i]), RVE_HNSW_NODE(out[j]));
		}
	}
}
END_TEST

/* ---- memory ---- */

START_TEST(estimates_are_right)
{
	RveHnswMemParams params = make_params(8, 16, ROWS);
	RveHnswMem *mem;
	double		estimate = rve_hnsw_mem_estimate(8, sizeof(rows[0]), ROWS);

	make_rows(7, 1);
	ck_assert_int_eq(rve_hnsw_mem_create(&params, &mem), RVE_OK);
	ck_assert_uint_eq(rve_hnsw_mem_bytes(mem), 0);
	for (int i = 0; i < ROWS; i++)
		ck_assert_int_eq(rve_hnsw_mem_add(mem, rows[i], i), RVE_OK);
	ck_assert_double_ge(rve_hnsw_mem_bytes(mem), 0.95 * estimate);
	ck_assert_double_le(rve_hnsw_mem_bytes(mem), 1.05 * estimate);
	rve_hnsw_mem_free(mem);
}
END_TEST

START_TEST(attaching_is_checked)
{
	RveHnswMemParams params = make_params(8, 16, 0);
	RveHnswMem *mem;

	ck_assert_int_eq(rve_hnsw_mem_attach(&params, 0, &mem), RVE_INVALID_ARGUMENT);
	params.m = 1;
	ck_assert_int_eq(rve_hnsw_mem_attach(&params, 64, &mem), RVE_INVALID_ARGUMENT);
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("hnsw_mem");
	TCase	   *tcase = tcase_create("hnsw_mem");
	SRunner    *runner;
	int			failed;

	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, threads_build_as_good_a_graph);
	tcase_add_test(tcase, threads_grow_the_graph);
	tcase_add_test(tcase, threads_chain_duplicates);
	tcase_add_test(tcase, few_rows_for_many_threads);
	tcase_add_test(tcase, one_process_builds_the_same_graph_twice);
	tcase_add_test(tcase, processes_map_the_graph_at_different_addresses);
	tcase_add_test(tcase, a_part_keeps_a_tree_of_its_own);
	tcase_add_test(tcase, parts_check_their_arguments);
	tcase_add_test(tcase, levels_and_degrees_are_the_hosts);
	tcase_add_test(tcase, lists_are_merged);
	tcase_add_test(tcase, estimates_are_right);
	tcase_add_test(tcase, attaching_is_checked);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
