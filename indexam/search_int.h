/*-------------------------------------------------------------------------
 *
 * search_int.h
 *	  What the files of ruvector_search_batch offer each other.
 *
 * search_scan.c runs one query after the other on one open index;
 * search_parallel.c shares many among workers; search_batch.c is the SQL
 * function. They reach the index through PostgreSQL's scan interface only,
 * so any vector index method will do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEARCH_INT_H
#define SEARCH_INT_H

#include "access/genam.h"
#include "access/skey.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* A row found: in backend memory and, between processes, in shared memory. */
typedef struct RvSearchHit
{
	double		distance;
	ItemPointerData tid;
} RvSearchHit;

/* An open index on which queries are run; lives in the context it was opened in. */
typedef struct RvSearch
{
	Relation	heap;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	IndexInfo  *info;
	EState	   *estate;			/* for the index's expression */
	FmgrInfo	distance;		/* of the ordering operator */
	Oid			collation;
	ScanKeyData key;
} RvSearch;

/* The function of the operator that the index's first column is ordered by, or InvalidOid. */
extern Oid	rvi_search_distance_function(Relation index);

/*
 * Prepares scans of an index that the caller has opened and checked, with its
 * table, under a snapshot that outlives the search.
 */
extern void rvi_search_begin(RvSearch *search, Relation heap, Relation index, Snapshot snapshot);

/* Up to k rows nearest to query, in order of the operator's distance; returns how many. */
extern int	rvi_search_run(RvSearch *search, Datum query, int k, RvSearchHit *hits);
extern void rvi_search_end(RvSearch *search);

/* Many queries against one index. */
typedef struct RvSearchBatch
{
	Relation	heap;
	Relation	index;
	const Datum *queries;		/* varlena values */
	int			count;
	int			k;
} RvSearchBatch;

/* Receives the rows of one query, in order; hits are gone when it returns. */
typedef void (*RvSearchReceive) (void *arg, int query, const RvSearchHit *hits, int n);

/* Number of workers to ask for; 0: run the batch in this process. */
extern int	rvi_search_workers(const RvSearchBatch *batch);

/* Runs the batch with up to that many workers beside this process. */
extern void rvi_search_parallel(const RvSearchBatch *batch, int workers, RvSearch *search,
								RvSearchReceive receive, void *arg);

#endif							/* SEARCH_INT_H */
