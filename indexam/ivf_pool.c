/*-------------------------------------------------------------------------
 *
 * ivf_pool.c
 *	  Heaps of an ivfflat scan: candidates by bound, results by distance.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/memutils.h"

#include "indexam/ivf_pool.h"

#define POOL_FULL 8				/* times `want`: then candidates are dropped */

/* ---- candidates ---- */

void
rvi_ivf_pool_start(IvfPool *pool, int want)
{
	pool->count = 0;
	pool->want = want;
	pool->limit = FLT_MAX;
	pool->dropped = false;
}

/* The k-th smallest of n values (Hoare's selection); changes their order. k from 0. */
static float
pool_select(float *values, int n, int k)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		float		pivot = values[low + (high - low) / 2];
		int			i = low - 1;
		int			j = high + 1;

		for (;;)
		{
			float		swap;

			while (values[++i] < pivot)
				;
			while (values[--j] > pivot)
				;
			if (i >= j)
				break;
			swap = values[i];
			values[i] = values[j];
			values[j] = swap;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[low];
}

/* Lowers the limit to the want-th smallest upper bound and drops what exceeds it. */
static void
pool_drop(IvfPool *pool)
{
	float	   *uppers = palloc(pool->count * sizeof(float));
	int			kept = 0;
	int			i;

	for (i = 0; i < pool->count; i++)
		uppers[i] = pool->all[i].upper < FLT_MAX ? pool->all[i].upper : FLT_MAX;
	pool->limit = Min(pool->limit, pool_select(uppers, pool->count, pool->want - 1));
	pfree(uppers);
	for (i = 0; i < pool->count; i++)
		if (pool->all[i].lower <= pool->limit)
			pool->all[kept++] = pool->all[i];
	pool->count = kept;
	pool->dropped = true;		/* from now on not even all are added */
}

void
rvi_ivf_pool_add(IvfPool *pool, const IvfCandidate *candidate)
{
	if (pool->count == pool->room)
	{
		if (pool->count >= (int64) pool->want * POOL_FULL)
			pool_drop(pool);
		if (pool->all == NULL || pool->count > pool->room / 2)
		{
			pool->room = Max(pool->room * 2, 1024);
			pool->all = pool->all == NULL ?
				MemoryContextAllocHuge(CurrentMemoryContext, pool->room * sizeof(IvfCandidate)) :
				repalloc_huge(pool->all, pool->room * sizeof(IvfCandidate));
		}
	}
	pool->all[pool->count++] = *candidate;
}

static void
pool_sift(IvfPool *pool, int at)
{
	IvfCandidate moving = pool->all[at];
	int			child;

	while ((child = 2 * at + 1) < pool->count)
	{
		if (child + 1 < pool->count && pool->all[child + 1].lower < pool->all[child].lower)
			child++;
		if (!(pool->all[child].lower < moving.lower))
			break;
		pool->all[at] = pool->all[child];
		at = child;
	}
	pool->all[at] = moving;
}

void
rvi_ivf_pool_finish(IvfPool *pool)
{
	int			i;

	if (pool->dropped)
		pool_drop(pool);
	for (i = pool->count / 2 - 1; i >= 0; i--)
		pool_sift(pool, i);
}

IvfCandidate
rvi_ivf_pool_pop(IvfPool *pool)
{
	IvfCandidate first = pool->all[0];

	pool->all[0] = pool->all[--pool->count];
	if (pool->count > 0)
		pool_sift(pool, 0);
	return first;
}

/* ---- results ---- */

static bool
results_before(const IvfResult *a, const IvfResult *b)
{
	bool		a_nan = isnan(a->dist);
	bool		b_nan = isnan(b->dist);

	if (a_nan != b_nan)
		return b_nan;
	if (!a_nan && a->dist != b->dist)
		return a->dist < b->dist;
	return ItemPointerCompare((ItemPointer) &a->tid, (ItemPointer) &b->tid) < 0;
}

void
rvi_ivf_results_start(IvfResults *results)
{
	results->count = 0;
}

void
rvi_ivf_results_add(IvfResults *results, double dist, ItemPointer tid)
{
	IvfResult	added = {dist, *tid};
	int			at;

	if (results->count == results->room)
	{
		results->room = Max(results->room * 2, 64);
		results->all = results->all == NULL ? palloc(results->room * sizeof(IvfResult)) :
			repalloc_huge(results->all, results->room * sizeof(IvfResult));
	}
	at = results->count++;
	while (at > 0 && results_before(&added, &results->all[(at - 1) / 2]))
	{
		results->all[at] = results->all[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	results->all[at] = added;
}

ItemPointerData
rvi_ivf_results_pop(IvfResults *results)
{
	ItemPointerData tid = results->all[0].tid;
	IvfResult	moving = results->all[--results->count];
	int			at = 0;
	int			child;

	while ((child = 2 * at + 1) < results->count)
	{
		if (child + 1 < results->count &&
			results_before(&results->all[child + 1], &results->all[child]))
			child++;
		if (!results_before(&results->all[child], &moving))
			break;
		results->all[at] = results->all[child];
		at = child;
	}
	if (results->count > 0)
		results->all[at] = moving;
	return tid;
}
