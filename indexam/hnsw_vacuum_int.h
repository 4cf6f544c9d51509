/*-------------------------------------------------------------------------
 *
 * hnsw_vacuum_int.h
 *	  The state of one vacuum, shared by hnsw_vacuum.c and hnsw_reconnect.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_VACUUM_INT_H
#define HNSW_VACUUM_INT_H

#include "indexam/hnsw_int.h"

typedef struct HnswVacuum
{
	RvHnswWriter writer;
	RvHnswIndex *index;
	RvHnswPageGraph *graph;
	RveHnswSearch *search;
	MemoryContext page_context; /* reset after each page */
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	BlockNumber blocks;
	RveNode		bound;			/* nids handed out when vacuum began */
	uint8	   *gone;			/* bit per nid: slot to be freed */
	uint8	   *chains;			/* bit per nid: its chain has dead members */
	bool		any_gone;
	bool		any_chains;
	bool		reconnect;		/* an earlier vacuum did not get to its end */
	RveNode		best;			/* for the entry: live node of the highest level */
	int			best_level;
} HnswVacuum;

/* Whether nid's bit is set in bits, of which there are bound. */
static inline bool
rvi_hnsw_bit(const uint8 *bits, RveNode bound, RveNode nid)
{
	return nid < bound && (bits[nid / 8] & (1 << (nid % 8))) != 0;
}

/* Ties the parts that kept edges from the entry no longer reach to what they do reach. */
extern void rvi_hnsw_reconnect(HnswVacuum *vacuum);

#endif							/* HNSW_VACUUM_INT_H */
