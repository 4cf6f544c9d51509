/*-------------------------------------------------------------------------
 *
 * hnsw_build_int.h
 *	  What the files of hnsw index builds share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HNSW_BUILD_INT_H
#define HNSW_BUILD_INT_H

#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "port/atomics.h"

#include "indexam/hnsw_int.h"

#define BUILD_FIRST_SEQ 1		/* of every slot a build writes */

/* What all processes of a build count together. */
typedef struct HnswBuildCounts
{
	pg_atomic_uint64 indexed;
	bool		serial;
} HnswBuildCounts;

/* One process's part in a build. */
typedef struct HnswBuild
{
	Relation	heap;
	Relation	rel;
	struct IndexInfo *info;
	const RvTypeDesc *type;
	RveMetric	metric;
	RvHnswMetaPageData meta;
	HnswBuildCounts *counts;
	bool		reports;		/* the leader: tells its progress */

	/* the sample */
	RvHnswSample *sample;
	double		seen;			/* rows in the sampled blocks */
	double		range_room;		/* rows the present range may still add to the sample */
	double		expected;		/* rows of the index */

	/* the graph */
	RvHnswIndex *index;
	RvHnswWriter writer;
	RvHnswReader reader;
	RveHnswMem *mem;
	MemoryContext graph_context;
	MemoryContext row_context;
	RvHnswRow	row;
	uint8	   *other;			/* a stored payload, for comparison */
	uint8	   *item;			/* code, RveCodeFactors */
	Size		factors_at;		/* in an item */
	Size		item_bytes;
	Size		memory_limit;
	double		indexed;		/* out: rows in the index */
	bool		flushed;		/* the graph is on pages: the rest is inserted row by row */
} HnswBuild;

/* hnsw_build.c */
extern void rvi_hnsw_build_init(HnswBuild *build, Relation heap, Relation rel,
								struct IndexInfo *info);

/* Opens the index whose meta page is there, for encoding rows and writing vectors. */
extern void rvi_hnsw_build_open(HnswBuild *build);
extern void rvi_hnsw_build_params(HnswBuild *build, RveHnswMemParams *params);

/* PostgreSQL callback: one row of the table. */
extern void rvi_hnsw_build_row(Relation rel, ItemPointer tid, Datum *values, bool *isnull,
							   bool alive, void *state);

/* Writes the graph out; the caller frees it. */
extern void rvi_hnsw_build_write(HnswBuild *build);

/* hnsw_build_parallel.c */

/*
 * Builds with worker processes, the graph in shared memory, up to and
 * including its writing out. False, with nothing done, when there are none.
 */
extern bool rvi_hnsw_build_parallel(HnswBuild *build, int workers, double *heap_tuples);

#endif							/* HNSW_BUILD_INT_H */
