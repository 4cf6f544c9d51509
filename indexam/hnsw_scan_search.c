/*-------------------------------------------------------------------------
 *
 * hnsw_scan_search.c
 *	  How far a scan searches, and when it goes on.
 *
 * A search begins with a small share of its candidate list and goes on by
 * stages and batches as rows are asked for (hnsw_scan.c). With conditions on
 * filter columns it is a walk among the rows that pass, or all of them are
 * found at once (hnsw_scan_filter.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_scan_int.h"

#define SCAN_PASSING_BATCH 64	/* of all rows that pass, made candidates at a time */
#define SCAN_HELD_BACK 4		/* strict order: 1/4 of a batch */
#define SCAN_FIRST_ROWS 16		/* the first stage of a search is for so many */
#define SCAN_POOL 2				/* times ef candidates are kept when the stop rule bounds the work */

static int
scan_compare_found(const void *a, const void *b)
{
	const RveCandidate *left = a;
	const RveCandidate *right = b;

	if (left->dist != right->dist)
		return left->dist < right->dist ? -1 : 1;
	return (left->node > right->node) - (left->node < right->node);
}

/* Takes over n candidates. */
static void
scan_add_found(HnswScan *state, const RveCandidate *results, int n)
{
	int			left = state->found_count - state->found_next;

	if (left + n > state->found_room)
	{
		RveCandidate *grown;

		state->found_room = Max(left + n, 256);
		grown = palloc(state->found_room * sizeof(RveCandidate));
		if (left > 0)
			memcpy(grown, state->found + state->found_next, left * sizeof(RveCandidate));
		if (state->found != NULL)
			pfree(state->found);
		state->found = grown;
	}
	else if (left > 0)
		memmove(state->found, state->found + state->found_next, left * sizeof(RveCandidate));
	if (n > 0)
		memcpy(state->found + left, results, n * sizeof(RveCandidate));
	if (left > 0 && n > 0)
		qsort(state->found, left + n, sizeof(RveCandidate), scan_compare_found);
	state->found_next = 0;
	state->found_count = left + n;
}

/* Takes over what the search found; returns how many. */
int
rvi_hnsw_scan_take_found(HnswScan *state)
{
	const RveCandidate *results;
	int			n;

	results = rve_hnsw_search_results(state->search, &n);
	scan_add_found(state, results, n);
	return n;
}

/* ---- how far to search ---- */

/* The stop rule for a stage of the search; 0: none. */
static float
scan_stop_ratio(const HnswScan *state, int stage)
{
	return rvi_hnsw_stop_ratio(state->index, stage, state->ef);
}

/* Whether what an iterative scan remembers of the graph has outgrown its share of memory. */
static bool
scan_memory_spent(const HnswScan *state)
{
	return rve_hnsw_search_bytes(state->search) >
		rv_hnsw_scan_mem_multiplier * work_mem * 1024.0;
}

/* ---- searching with a filter ---- */

/* So many candidates at most, where all rows that pass were found. */
static uint64
scan_most_candidates(const HnswScan *state)
{
	return state->mode == RV_HNSW_ITERATIVE_OFF ? state->ef :
		Max(state->ef, rv_hnsw_max_scan_tuples);
}

/* The next of all rows that pass become candidates; false: there are none, or some wait still. */
static bool
scan_passing_on(HnswScan *state)
{
	RvHnswFiltered *filtered = &state->filtered;
	RveCandidate next[SCAN_PASSING_BATCH];
	uint64		most = scan_most_candidates(state);
	int			n;

	if (state->found_next < state->found_count)
		return false;
	for (n = 0; n < SCAN_PASSING_BATCH && filtered->heap.count > 0 && filtered->taken < most; n++)
	{
		next[n] = rve_hnsw_heap_pop(&filtered->heap);
		filtered->taken++;
	}
	scan_add_found(state, next, n);
	state->exhausted = n == 0;
	return n > 0;
}

/* From walking to finding all rows that pass and were not given out. */
static void
scan_find_all(HnswScan *state)
{
	int			i;

	/* what was not measured comes again, and so do duplicates not yet returned */
	state->found_next = state->found_count = 0;
	for (i = state->next; i < state->count; i++)
		state->rows[i].chain = RVE_NODE_NONE;
	rvi_hnsw_filtered_find_all(&state->filtered);
	(void) scan_passing_on(state);
}

/* Begins the search for rows that pass. */
void
rvi_hnsw_scan_filtered_start(HnswScan *state)
{
	RvHnswFiltered *filtered = &state->filtered;
	RveHnswEffort effort = {.filtered = true};
	int			n;

	state->stage = Min(SCAN_FIRST_ROWS, state->ef);
	rvi_hnsw_filtered_begin(filtered, state->graph->graph.bound, state->ef);
	effort.ef = filtered->pool;
	effort.reluctant = filtered->reluctant;
	if (rvi_hnsw_filtered_prefers_all(filtered, state->ef, state->stage))
	{
		scan_find_all(state);
		return;
	}
	effort.resumable = state->mode != RV_HNSW_ITERATIVE_OFF;
	effort.budget = (uint64) filtered->all_cost;
	rvi_hnsw_filtered_stop(filtered, state->ef, state->stage, &effort.stop_k, &effort.stop_ratio);
	if (effort.stop_k == 0 || state->stage == state->ef)
	{
		effort.stop_k = 0;
		state->stage = state->ef;
	}
	rv_runtime_check_status(rve_hnsw_search_start(state->search, &state->graph->graph, &effort),
							"hnsw scan");
	n = rvi_hnsw_scan_take_found(state);

	/* a frontier that ran dry can mean that vacuum took the node where level 0 begins */
	if (rve_hnsw_search_spent(state->search) ||
		(rve_hnsw_search_complete(state->search) && n < filtered->pool))
		scan_find_all(state);
}

/* Goes on with a walk for rows that pass, or the other way; false: that makes no sense. */
static bool
scan_filtered_on(HnswScan *state, int waiting)
{
	RvHnswFiltered *filtered = &state->filtered;
	bool		complete = rve_hnsw_search_complete(state->search);
	double		rows = state->returned + waiting;
	int			stop_k = 0;
	float		ratio = 1;

	CHECK_FOR_INTERRUPTS();
	if (filtered->exhaustive)
		return scan_passing_on(state);
	if (!complete)
	{
		if (state->returned < state->stage && waiting > 0)
			return false;
		state->stage = Min(2 * state->stage, state->ef);
	}
	else if (state->exhausted || state->mode == RV_HNSW_ITERATIVE_OFF ||
			 rows >= rv_hnsw_max_scan_tuples || scan_memory_spent(state) ||
			 waiting > (state->mode == RV_HNSW_ITERATIVE_STRICT ? state->ef / SCAN_HELD_BACK : 0))
		return false;
	if (rve_hnsw_search_spent(state->search) ||
		rvi_hnsw_filtered_prefers_all(filtered, state->ef,
									  complete ? rows + state->ef : state->stage))
	{
		scan_find_all(state);
		return true;
	}
	rve_hnsw_search_set_budget(state->search, rve_hnsw_search_scored(state->search) +
							   (uint64) filtered->all_cost);
	if (complete)
	{
		rv_runtime_check_status(rve_hnsw_search_resume(state->search, &state->graph->graph),
								"hnsw scan");
		state->exhausted = rvi_hnsw_scan_take_found(state) == 0 &&
			rve_hnsw_search_complete(state->search);
		return true;
	}
	/* the last stage is to the end: the search is complete or spent after it */
	if (state->stage < state->ef)
		rvi_hnsw_filtered_stop(filtered, state->ef, state->stage, &stop_k, &ratio);
	rv_runtime_check_status(rve_hnsw_search_extend(state->search, &state->graph->graph, stop_k,
												   ratio), "hnsw scan");
	(void) rvi_hnsw_scan_take_found(state);
	return true;
}

/* ---- searching ---- */

void
rvi_hnsw_scan_search_from(HnswScan *state, RveHnswEffort *effort)
{
	float		ratio = scan_stop_ratio(state, SCAN_FIRST_ROWS);

	memset(effort, 0, sizeof(*effort));
	effort->ef = ratio > 0 ? Min(SCAN_POOL * state->ef, RVE_HNSW_MAX_EF) : state->ef;
	effort->resumable = state->mode != RV_HNSW_ITERATIVE_OFF;
	effort->stop_ratio = ratio;
	effort->stop_k = ratio > 0 ? SCAN_FIRST_ROWS : 0;
	state->stage = ratio > 0 ? SCAN_FIRST_ROWS : state->ef;
	rv_runtime_check_status(rve_hnsw_search_start(state->search, &state->graph->graph, effort),
							"hnsw scan");
}

/* Goes on with the search by a stage or a batch, if it makes sense to; false: it does not. */
bool
rvi_hnsw_scan_search_on(HnswScan *state)
{
	int			waiting = state->count - state->next + state->found_count - state->found_next;
	int			held_back = 0;

	if (state->filter != NULL)
		return scan_filtered_on(state, waiting);
	if (!rve_hnsw_search_complete(state->search))
	{
		float		ratio;

		if (state->returned < state->stage && waiting > 0)
			return false;
		state->stage = Min(2 * state->stage, state->ef);
		ratio = scan_stop_ratio(state, state->stage);
		rv_runtime_check_status(rve_hnsw_search_extend(state->search, &state->graph->graph,
													   ratio > 0 ? state->stage : 0, ratio),
								"hnsw scan");
		(void) rvi_hnsw_scan_take_found(state);
		return true;
	}
	if (state->mode == RV_HNSW_ITERATIVE_STRICT)
		held_back = state->ef / SCAN_HELD_BACK;
	if (state->exhausted || state->mode == RV_HNSW_ITERATIVE_OFF || waiting > held_back ||
		state->returned + waiting >= rv_hnsw_max_scan_tuples || scan_memory_spent(state))
		return false;
	rv_runtime_check_status(rve_hnsw_search_resume(state->search, &state->graph->graph),
							"hnsw scan");
	state->exhausted = rvi_hnsw_scan_take_found(state) == 0;
	return true;
}
