/*-------------------------------------------------------------------------
 *
 * hnsw_scan_int.h
 *	  What the files of hnsw scans share: the state of one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_SCAN_INT_H
#define HNSW_SCAN_INT_H

#include "indexam/hnsw_int.h"

/* A row to return; with duplicates, the chain that follows it at the same distance. */
typedef struct ScanRow
{
	double		key;			/* rows leave in its order, in engine units */
	double		bound;			/* at most key: what the executor is told */
	double		upper;			/* what it is at most away */
	ItemPointerData tid;
	uint16		seq;			/* of primary */
	bool		exact;			/* key is its distance */
	bool		chained;		/* stands for duplicates, too */
	bool		recheck;		/* words did not decide whether it passes */
	RveNode		primary;
	RveNode		chain;			/* next duplicate or RVE_NODE_NONE */
} ScanRow;

typedef struct HnswScan
{
	MemoryContext context;
	MemoryContext query_context;	/* reset by rescans */
	RvHnswIndex *index;
	RvHnswPageGraph *graph;
	RveHnswSearch *search;
	RveVectorView query;
	uint8	   *code;			/* of the row being measured */
	uint8	   *payload;
	bool		started;
	bool		exhausted;		/* the search has nothing more */
	bool		exact_order;	/* settings as the scan started */
	RvHnswFilter *filter;		/* conditions on filter columns, or NULL */
	RvHnswFiltered filtered;	/* how they are met */
	int			mode;
	int			ef;
	int			stage;			/* rows the search has gone for so far; ef: for all */
	double		last;			/* largest bound of the rows returned */
	double		last_upper;		/* largest upper */
	double		returned;

	/* how far measured distances are from the codes' */
	double		spread;			/* sum of squares */
	double		worst;			/* largest */
	int			measured;

	RveCandidate *found;		/* [found_next, found_count) are to be measured, sorted */
	int			found_next;
	int			found_count;
	int			found_room;
	ScanRow    *rows;			/* [next, count) are measured and wait, sorted */
	int			next;
	int			count;
	int			room;
} HnswScan;

/* hnsw_scan_search.c: what they find goes to found */

/* Begins a search; effort gets what it goes by. */
extern void rvi_hnsw_scan_search_from(HnswScan *state, RveHnswEffort *effort);

/* Begins a search for rows that pass the filter. */
extern void rvi_hnsw_scan_filtered_start(HnswScan *state);

/* Takes over what the search found; returns how many. */
extern int	rvi_hnsw_scan_take_found(HnswScan *state);

/* Goes on with the search by a stage or a batch, if it makes sense to; false: it does not. */
extern bool rvi_hnsw_scan_search_on(HnswScan *state);

#endif							/* HNSW_SCAN_INT_H */
