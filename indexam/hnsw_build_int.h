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
#include "storage/barrier.h"
#include "storage/buffile.h"
#include "storage/sharedfileset.h"

#include "indexam/hnsw_int.h"

#define BUILD_FIRST_SEQ 1		/* of every slot a build writes */

/* What all processes of a build count together. */
typedef struct HnswBuildCounts
{
	pg_atomic_uint64 indexed;	/* rows in the graph */
	pg_atomic_uint64 seen;		/* rows that belong into the index */
	pg_atomic_uint32 overflow;	/* 1: the graph has outgrown its memory, the build is in vain */
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
	double		memory_limit;	/* bytes */
	double		indexed;		/* out: rows in the index */
	const RveNode *top_nids;	/* of the nodes of the graph of upper levels */
	int			level_shift;
	bool		overflow;		/* out: nothing was built; expected is known now */
} HnswBuild;

/* hnsw_build.c */
extern void rvi_hnsw_build_init(HnswBuild *build, Relation heap, Relation rel,
								struct IndexInfo *info);

/* Opens the index whose meta page is there, for encoding rows and writing vectors. */
extern void rvi_hnsw_build_open(HnswBuild *build);
extern void rvi_hnsw_build_params(HnswBuild *build, RveHnswMemParams *params);

/*
 * Scans evenly spread ranges of blocks of a large table; false: the table is
 * small, scan it all.
 */
extern bool rvi_hnsw_build_scan_ranges(HnswBuild *build, IndexBuildCallback callback, void *state);

/* PostgreSQL callback: one row of the table. */
extern void rvi_hnsw_build_row(Relation rel, ItemPointer tid, Datum *values, bool *isnull,
							   bool alive, void *state);

/*
 * Reads a value into build->row, in the end resetting row_context; false:
 * such rows are not indexed.
 */
extern bool rvi_hnsw_build_encode(HnswBuild *build, Datum value);

/* The row's filter words, to row.filters. */
extern void rvi_hnsw_build_encode_filters(HnswBuild *build, const Datum *values,
										  const bool *isnull);
extern void rvi_hnsw_build_encode_view(HnswBuild *build, const RveVectorView *view);
extern uint64 rvi_hnsw_build_tag(ItemPointer tid);

/* Writes the graph out; the caller frees it. */
extern void rvi_hnsw_build_write(HnswBuild *build);

/* Writes one node; edges and count are of levels 0 .. node->level. */
typedef struct HnswBuildLists
{
	const RveNode *edges[RVE_HNSW_MAX_LEVEL + 1];
	int			count[RVE_HNSW_MAX_LEVEL + 1];
} HnswBuildLists;

extern void rvi_hnsw_build_write_node(HnswBuild *build, RveNode nid, const RveHnswMemNode *node,
									  const HnswBuildLists *lists);
extern void rvi_hnsw_build_warn_unreachable(HnswBuild *build, uint32 unreachable);

extern void rvi_hnsw_build_init_counts(HnswBuildCounts *counts);

/* Sets what is "out" in build; all processes are done. */
extern void rvi_hnsw_build_take_counts(HnswBuild *build, HnswBuildCounts *counts);

/* Memory that a graph of so many rows needs. */
extern double rvi_hnsw_build_estimate(const HnswBuild *build, double rows);

/* hnsw_build_parallel.c */

/*
 * Builds with worker processes, up to and including the writing of the graph:
 * in shared memory or, when cells > 0, in so many parts. False, with nothing
 * done, when there are no workers to be had.
 */
extern bool rvi_hnsw_build_parallel(HnswBuild *build, int workers, int cells, double *heap_tuples);

/* ---- builds in parts, when the graph is larger than its memory ---- */

#define CELLS_OVERLAP 3			/* cells a row is in, where there is room */
#define CELLS_NONE UINT32_MAX
#define CELLS_JOINS 2			/* kept edges of a cell's first node to other cells' */

typedef struct HnswCell
{
	pg_atomic_uint32 rows;		/* whose first cell it is */
	pg_atomic_uint32 load;		/* these, and those it is another cell of */
} HnswCell;

/* The phases, one after the other for all processes. */
typedef enum HnswCellsPhase
{
	CELLS_SCAN = 0,				/* rows to their cells */
	CELLS_NUMBER,				/* each cell's rows get their numbers, vectors are written */
	CELLS_LINK,					/* each cell's graph, and that of the upper levels */
	CELLS_WRITE,				/* each cell's nodes, still without edges on level 0 */
	CELLS_MERGE,				/* these */
	CELLS_DONE
} HnswCellsPhase;

/* What the processes share; the pivots follow. */
typedef struct HnswCells
{
	Barrier		barrier;
	SharedFileSet files;
	uint32		count;
	uint32		room;			/* for so many cells */
	uint32		processes;
	uint32		capacity;		/* rows of a cell that fit into a process's memory */
	int			level_shift;	/* so many of the lowest upper levels are left out */
	pg_atomic_uint32 next[CELLS_DONE];	/* task of each phase */
	pg_atomic_uint32 unreachable;
	RveNode		entry;			/* of the upper levels; set in CELLS_LINK */
	int			entry_level;
	HnswCell	cells[FLEXIBLE_ARRAY_MEMBER];
} HnswCells;

/* The temporary files: of a cell, by a participant. */
typedef enum HnswCellsFile
{
	CELLS_ROWS = 0,				/* HnswCellsRow, item, payload, filter words */
	CELLS_NODES,				/* HnswCellsNode, item: all rows in the order of their numbers */
	CELLS_INBOX,				/* nid, item: nodes whose second or third cell it is */
	CELLS_TOP,					/* nid, item: nodes with upper levels; of cell 0 only */
	CELLS_LISTS,				/* lists of its own nodes, in the order of their numbers */
	CELLS_MAIL,					/* nid, list: lists of its own nodes out of other cells */
	CELLS_UPPER,				/* nid, level, list without distances */
	CELLS_FILES
} HnswCellsFile;

typedef struct HnswCellsRow
{
	uint64		tag;
	uint32		cells[CELLS_OVERLAP];	/* nearest first; CELLS_NONE */
} HnswCellsRow;

typedef struct HnswCellsNode
{
	uint64		tag;
	RveNode		duplicate_of;
	RveNode		next_duplicate;
} HnswCellsNode;

/* One process's part. */
typedef struct HnswCellsWork
{
	HnswBuild  *build;
	HnswCells  *cells;
	uint32		participant;
	MemoryContext context;		/* of the phase */
	BufFile   **out[CELLS_FILES];
	const void **pivots;
	float	   *dist;			/* to each of them */
	RveNode    *start;			/* first nid of each cell, and the end */
	Size		list_bytes;		/* of a list in a file: count, 2m edges, 2m distances */
} HnswCellsWork;

/* hnsw_build_cells.c */

/* How many parts, for that many processes with memory_limit between them. */
extern int	rvi_hnsw_cells_count(const HnswBuild *build, int processes);
extern Size rvi_hnsw_cells_bytes(const HnswBuild *build, int count);

/* Bytes from item to item, and a cell's pivot. */
static inline Size
rvi_hnsw_cells_stride(const HnswBuild *build)
{
	return TYPEALIGN(64, build->item_bytes);
}

extern uint8 *rvi_hnsw_cells_pivot(const HnswBuild *build, const HnswCells *cells, uint32 i);

/* hnsw_build_pivots.c: sets the pivots and cells->count, which had the number planned */
extern void rvi_hnsw_cells_choose_pivots(HnswBuild *build, HnswCells *cells);

/* By the leader: cells has rvi_hnsw_cells_bytes bytes in the segment, with which its files go. */
extern void rvi_hnsw_cells_init(HnswBuild *build, HnswCells *cells, int count, int processes,
								dsm_segment *segment);

/*
 * A process's part in the build; participant is its number from 0. scan: its
 * scan of the table, NULL when it is alone. Returns the tuples it has read.
 */
extern double rvi_hnsw_cells_work(HnswBuild *build, HnswCells *cells, int participant,
								  TableScanDesc scan);

/* By the leader, when all have done their part. */
extern void rvi_hnsw_cells_finish(HnswBuild *build, HnswCells *cells);

/* Writes to a file of the phase, and reads; false at the end of the file. */
extern void rvi_hnsw_cells_put(HnswCellsWork *work, HnswCellsFile kind, uint32 cell,
							   const void *data, Size size);
extern BufFile *rvi_hnsw_cells_open(HnswCellsWork *work, HnswCellsFile kind, uint32 cell,
									uint32 participant);
extern bool rvi_hnsw_cells_get(BufFile *file, void *data, Size size);
extern int	rvi_hnsw_cells_level(const HnswCellsWork *work, RveNode nid);

/* hnsw_build_parts.c: what CELLS_NUMBER and CELLS_LINK do */
extern void rvi_hnsw_cells_number(HnswCellsWork *work, uint32 cell);
extern void rvi_hnsw_cells_link(HnswCellsWork *work, uint32 cell);
extern void rvi_hnsw_cells_link_top(HnswCellsWork *work);

/* Memory of a cell: zeroed, in work->context; and an error that says what a file lacks. */
extern void *rvi_hnsw_cells_alloc(HnswCellsWork *work, Size count, Size size);
extern void rvi_hnsw_cells_missing(const char *what) pg_attribute_noreturn();

/* The one file of its kind that a cell has, whoever wrote it; NULL: none. */
extern BufFile *rvi_hnsw_cells_open_only(HnswCellsWork *work, HnswCellsFile kind, uint32 cell);

/* The cell whose numbers nid is among. */
extern uint32 rvi_hnsw_cells_of(const HnswCellsWork *work, RveNode nid);

/* hnsw_build_merge.c: what CELLS_WRITE and CELLS_MERGE do */
extern void rvi_hnsw_cells_write(HnswCellsWork *work, uint32 cell);
extern void rvi_hnsw_cells_merge(HnswCellsWork *work, uint32 cell);

#endif							/* HNSW_BUILD_INT_H */
