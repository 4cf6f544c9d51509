/*-------------------------------------------------------------------------
 *
 * hnsw_build_cells.c
 *	  CREATE INDEX in parts, when the graph is larger than its memory.
 *
 * Rows are put into cells around pivots, rows of a sample, each row into the
 * nearest CELLS_OVERLAP cells. A cell is small enough for one process to link
 * its rows in memory; because cells overlap, the lists that a node gets in its
 * cells, merged, lead from cell to cell. So nothing is inserted
 * one by one, and everything is read and written in sequence: rows, items and
 * lists wait in temporary files.
 *
 * Here is the plan, the files and the walk through the phases
 * (HnswCellsPhase), which all processes go through together, taking cell after
 * cell; what is done to a cell is in hnsw_build_parts.c.
 *
 * Nodes are numbered cell by cell: neighbours share pages.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_build_int.h"

#define CELLS_MAX 4096
#define CELLS_SLACK 1.1			/* room of all cells / rows in them: cells are not of one size */
#define CELLS_ROOM 3			/* times as many cells as planned, where pivots lie badly */
#define CELLS_MEMORY 0.9		/* of a process's memory for a cell's graph */

/* ---- the plan ---- */

static double
cells_memory(const HnswBuild *build, int processes)
{
	return CELLS_MEMORY * build->memory_limit / processes;
}

int
rvi_hnsw_cells_count(const HnswBuild *build, int processes)
{
	double		needed = rvi_hnsw_build_estimate(build, build->expected * CELLS_OVERLAP);
	double		count = ceil(CELLS_SLACK * needed / cells_memory(build, processes));

	return (int) Min(Max(count, CELLS_OVERLAP), CELLS_MAX);
}

static uint32
cells_room(int count)
{
	return (uint32) Min(count * CELLS_ROOM + CELLS_OVERLAP, CELLS_MAX);
}

uint8 *
rvi_hnsw_cells_pivot(const HnswBuild *build, const HnswCells *cells, uint32 i)
{
	uint8	   *first = (uint8 *) TYPEALIGN(64, (uintptr_t) &cells->cells[cells->room]);

	return first + i * rvi_hnsw_cells_stride(build);
}

Size
rvi_hnsw_cells_bytes(const HnswBuild *build, int count)
{
	uint32		room = cells_room(count);
	Size		bytes = add_size(offsetof(HnswCells, cells), mul_size(room, sizeof(HnswCell)));

	return add_size(add_size(bytes, 64), mul_size(room, rvi_hnsw_cells_stride(build)));
}

int
rvi_hnsw_cells_level(const HnswCellsWork *work, RveNode nid)
{
	int			level = rve_hnsw_mem_level(work->build->meta.m, work->build->meta.seed, nid);

	return Max(0, level - work->cells->level_shift);
}

/* The graph of upper levels is built in one piece: as high as it takes for it to fit. */
static int
cells_level_shift(const HnswBuild *build, int processes)
{
	double		nodes = build->expected / build->meta.m;
	int			shift = 0;

	while (shift < RVE_HNSW_MAX_LEVEL &&
		   rvi_hnsw_build_estimate(build, nodes) > cells_memory(build, processes))
	{
		nodes /= build->meta.m;
		shift++;
	}
	return shift;
}

void
rvi_hnsw_cells_init(HnswBuild *build, HnswCells *cells, int count, int processes,
					dsm_segment *segment)
{
	int			i;

	BarrierInit(&cells->barrier, 0);
	SharedFileSetInit(&cells->files, segment);
	cells->count = count;
	cells->room = cells_room(count);
	cells->processes = processes;
	cells->capacity = (uint32) Min(cells_memory(build, processes) / rvi_hnsw_build_estimate(build, 1),
								   RVE_HNSW_MAX_NODES);
	cells->level_shift = cells_level_shift(build, processes);
	for (i = 0; i < CELLS_DONE; i++)
		pg_atomic_init_u32(&cells->next[i], 0);
	pg_atomic_init_u32(&cells->unreachable, 0);
	cells->entry = RVE_NODE_NONE;
	cells->entry_level = 0;
	for (i = 0; i < cells->room; i++)
	{
		pg_atomic_init_u32(&cells->cells[i].rows, 0);
		pg_atomic_init_u32(&cells->cells[i].load, 0);
	}
	rvi_hnsw_cells_choose_pivots(build, cells);
}

/* ---- files ---- */

static void
cells_file_name(char *name, HnswCellsFile kind, uint32 cell, uint32 participant)
{
	static const char *const names[CELLS_FILES] = {
		"rows", "nodes", "inbox", "top", "lists", "mail", "upper"
	};

	snprintf(name, MAXPGPATH, "%s.%u.%u", names[kind], cell, participant);
}

void
rvi_hnsw_cells_put(HnswCellsWork *work, HnswCellsFile kind, uint32 cell, const void *data,
				   Size size)
{
	if (work->out[kind] == NULL)
		work->out[kind] = MemoryContextAllocZero(work->context,
												 work->cells->count * sizeof(BufFile *));
	if (work->out[kind][cell] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(work->context);
		char		name[MAXPGPATH];

		cells_file_name(name, kind, cell, work->participant);
		work->out[kind][cell] = BufFileCreateFileSet(&work->cells->files.fs, name);
		MemoryContextSwitchTo(old);
	}
	BufFileWrite(work->out[kind][cell], (void *) data, size);
}

/* NULL: the participant has not written such a file. */
BufFile *
rvi_hnsw_cells_open(HnswCellsWork *work, HnswCellsFile kind, uint32 cell, uint32 participant)
{
	char		name[MAXPGPATH];

	cells_file_name(name, kind, cell, participant);
	return BufFileOpenFileSet(&work->cells->files.fs, name, O_RDONLY, true);
}

bool
rvi_hnsw_cells_get(BufFile *file, void *data, Size size)
{
	Size		got = BufFileRead(file, data, size);

	if (got != size && got != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file of an hnsw build: read only %zu of %zu bytes",
						got, size)));
	return got == size;
}

/* Ends a phase: what it wrote can be read by others, what it used is forgotten. */
static void
cells_end_phase(HnswCellsWork *work)
{
	uint32		kind;
	uint32		cell;

	for (kind = 0; kind < CELLS_FILES; kind++)
	{
		for (cell = 0; work->out[kind] != NULL && cell < work->cells->count; cell++)
		{
			if (work->out[kind][cell] != NULL)
				BufFileClose(work->out[kind][cell]);
		}
		work->out[kind] = NULL;
	}
	MemoryContextReset(work->context);
}

/* ---- the first phase: rows to cells ---- */

/*
 * The nearest cell, not one of n, that has room; NONE when there is none. One
 * without room will do for the first.
 */
static uint32
cells_pick(const HnswCellsWork *work, const uint32 *taken, int n)
{
	HnswCells  *cells = work->cells;
	uint32		nearest = 0;
	uint32		best = CELLS_NONE;
	uint32		i;
	int			j;

	for (i = 0; i < cells->count; i++)
	{
		if (work->dist[i] < work->dist[nearest])
			nearest = i;
		if ((best != CELLS_NONE && work->dist[i] >= work->dist[best]) ||
			pg_atomic_read_u32(&cells->cells[i].load) >= cells->capacity)
			continue;
		for (j = 0; j < n && taken[j] != i; j++)
			;
		if (j == n)
			best = i;
	}
	return best == CELLS_NONE && n == 0 ? nearest : best;
}

/* PostgreSQL callback */
static void
cells_scan_callback(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive,
					void *state)
{
	HnswCellsWork *work = state;
	HnswBuild  *build = work->build;
	HnswCells  *cells = work->cells;
	HnswCellsRow row = {0};
	int			i;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0] || !rvi_hnsw_build_encode(build, values[0]))
		return;
	rvi_hnsw_build_encode_filters(build, values, isnull);
	rve_quant_symmetric_many(build->index->codec, build->item, work->pivots, (int) cells->count,
							 work->dist);
	row.tag = rvi_hnsw_build_tag(tid);
	for (i = 0; i < CELLS_OVERLAP; i++)
	{
		row.cells[i] = cells_pick(work, row.cells, i);
		if (row.cells[i] != CELLS_NONE)
			pg_atomic_fetch_add_u32(&cells->cells[row.cells[i]].load, 1);
	}
	pg_atomic_fetch_add_u32(&cells->cells[row.cells[0]].rows, 1);
	rvi_hnsw_cells_put(work, CELLS_ROWS, row.cells[0], &row, sizeof(row));
	rvi_hnsw_cells_put(work, CELLS_ROWS, row.cells[0], build->item, build->item_bytes);
	rvi_hnsw_cells_put(work, CELLS_ROWS, row.cells[0], build->row.payload,
					   build->index->geo.payload_bytes);
	rvi_hnsw_cells_put(work, CELLS_ROWS, row.cells[0], build->row.filters,
					   build->index->geo.filter_words * sizeof(uint32));
}

static double
cells_scan(HnswCellsWork *work, TableScanDesc scan)
{
	HnswBuild  *build = work->build;

	return table_index_build_scan(build->heap, build->rel, build->info, scan != NULL,
								  build->reports, cells_scan_callback, work, scan);
}

/* ---- the phases ---- */

/* Numbers that the rows of each cell get. */
static void
cells_set_start(HnswCellsWork *work)
{
	uint64		next = 0;
	uint32		i;

	for (i = 0; i <= work->cells->count; i++)
	{
		if (next >= RVE_HNSW_MAX_NODES)
			rv_runtime_check_status(RVE_TOO_LARGE, "hnsw build");
		work->start[i] = (RveNode) next;
		if (i < work->cells->count)
			next += pg_atomic_read_u32(&work->cells->cells[i].rows);
	}
}

/* Takes task after task of a phase. */
static void
cells_do_tasks(HnswCellsWork *work, HnswCellsPhase phase)
{
	uint32		tasks = work->cells->count + (phase == CELLS_LINK);
	uint32		task;

	cells_set_start(work);
	while ((task = pg_atomic_fetch_add_u32(&work->cells->next[phase], 1)) < tasks)
	{
		CHECK_FOR_INTERRUPTS();
		if (phase == CELLS_NUMBER)
			rvi_hnsw_cells_number(work, task);
		else if (phase == CELLS_WRITE)
			rvi_hnsw_cells_write(work, task);
		else if (phase == CELLS_MERGE)
			rvi_hnsw_cells_merge(work, task);
		else if (task == 0)
			rvi_hnsw_cells_link_top(work);
		else
			rvi_hnsw_cells_link(work, task - 1);
	}
}

double
rvi_hnsw_cells_work(HnswBuild *build, HnswCells *cells, int participant, TableScanDesc scan)
{
	HnswCellsWork work = {.build = build, .cells = cells, .participant = participant};
	double		heap_tuples = 0;
	int			phase;
	uint32		i;

	work.context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build cells",
										 ALLOCSET_DEFAULT_SIZES);
	work.pivots = palloc(cells->count * sizeof(void *));
	work.dist = palloc(cells->count * sizeof(float));
	work.start = palloc((cells->count + 1) * sizeof(RveNode));
	work.list_bytes = sizeof(uint32) + 2 * build->meta.m * (sizeof(RveNode) + sizeof(float));
	build->level_shift = cells->level_shift;
	for (i = 0; i < cells->count; i++)
		work.pivots[i] = rvi_hnsw_cells_pivot(build, cells, i);

	/* who starts late begins where the others are */
	for (phase = BarrierAttach(&cells->barrier); phase < CELLS_DONE;
		 phase = BarrierPhase(&cells->barrier))
	{
		if (phase == CELLS_SCAN)
			heap_tuples = cells_scan(&work, scan);
		else
			cells_do_tasks(&work, phase);
		cells_end_phase(&work);
		BarrierArriveAndWait(&cells->barrier, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
	}
	BarrierDetach(&cells->barrier);
	MemoryContextDelete(work.context);
	return heap_tuples;
}

void
rvi_hnsw_cells_finish(HnswBuild *build, HnswCells *cells)
{
	uint32		rows = 0;
	uint32		i;

	for (i = 0; i < cells->count; i++)
		rows += pg_atomic_read_u32(&cells->cells[i].rows);

	/* without upper levels any node will do; the first is no duplicate */
	if (cells->entry == RVE_NODE_NONE && rows > 0)
		cells->entry = 0;
	rvi_hnsw_build_warn_unreachable(build, pg_atomic_read_u32(&cells->unreachable));
	rvi_hnsw_set_meta(&build->writer, cells->entry, cells->entry_level, rows);
}
