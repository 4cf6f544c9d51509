/*-------------------------------------------------------------------------
 *
 * ivf_pool.h
 *	  The rows of an ivfflat scan that wait to be measured, and those that were.
 *
 * Memory comes from the context that is current when a pool grows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef IVF_POOL_H
#define IVF_POOL_H

#include "indexam/ivf_int.h"

/* A row with the bounds of its distance. */
typedef struct IvfCandidate
{
	float		lower;			/* and the order of measuring */
	float		upper;
	RvIvfPlace	place;			/* of its vector */
	ItemPointerData tid;
} IvfCandidate;

/*
 * Candidates. While it is filled, those whose lower bound exceeds `limit`, the upper
 * bound of `want` others, are dropped; afterwards it is a heap by lower bound.
 */
typedef struct IvfPool
{
	IvfCandidate *all;
	int			count;
	int			room;
	int			want;
	float		limit;			/* complete up to this distance */
	bool		dropped;
} IvfPool;

extern void rvi_ivf_pool_start(IvfPool *pool, int want);
extern void rvi_ivf_pool_add(IvfPool *pool, const IvfCandidate *candidate);
extern void rvi_ivf_pool_finish(IvfPool *pool);
extern IvfCandidate rvi_ivf_pool_pop(IvfPool *pool);

typedef struct IvfResult
{
	double		dist;
	ItemPointerData tid;
} IvfResult;

/* Measured rows: a heap by distance, NaN last, then TID. */
typedef struct IvfResults
{
	IvfResult  *all;
	int			count;
	int			room;
} IvfResults;

extern void rvi_ivf_results_start(IvfResults *results);
extern void rvi_ivf_results_add(IvfResults *results, double dist, ItemPointer tid);
extern ItemPointerData rvi_ivf_results_pop(IvfResults *results);

#endif							/* IVF_POOL_H */
