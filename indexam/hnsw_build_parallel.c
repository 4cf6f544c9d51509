/*-------------------------------------------------------------------------
 *
 * hnsw_build_parallel.c
 *	  CREATE INDEX by several processes.
 *
 * The leader has made the meta page, with the mean that codes are centred on.
 * Leader and workers share one scan of the table; each encodes the rows it
 * reads, writes their vectors, and adds their codes to one graph in dynamic
 * shared memory (engine/core/hnsw, which says how that is safe). When the
 * table is read the workers leave and the leader writes the graph out.
 *
 * The graph's memory is a DSA area in the parallel context's segment: it goes
 * with the context, however the build ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __linux__
#include <sys/statvfs.h>
#endif

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/dsm_impl.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/dsa.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_build_int.h"

#define BUILD_KEY_SHARED		UINT64CONST(0x5256000000000001)
#define BUILD_KEY_AREA			UINT64CONST(0x5256000000000002)
#define BUILD_KEY_QUERY_TEXT	UINT64CONST(0x5256000000000003)
#define BUILD_KEY_WAL_USAGE		UINT64CONST(0x5256000000000004)
#define BUILD_KEY_BUFFER_USAGE	UINT64CONST(0x5256000000000005)
#define BUILD_KEY_CELLS			UINT64CONST(0x5256000000000006)
#define BUILD_AREA_BYTES		(64 * 1024)	/* at the start; it grows */

/* Followed by the parallel scan of the table. */
typedef struct HnswBuildShared
{
	Oid			heap_oid;
	Oid			index_oid;
	bool		concurrent;
	double		expected;
	uint64		root;			/* of the graph; 0: it is built in parts */
	HnswBuildCounts counts;
	slock_t		mutex;			/* protects what follows */
	double		heap_tuples;
} HnswBuildShared;

typedef struct HnswBuildLeader
{
	ParallelContext *context;
	HnswBuildShared *shared;
	Snapshot	snapshot;
	dsa_area   *area;
	HnswCells  *cells;			/* of a build in parts, or NULL */
	int			cell_count;
	WalUsage   *wal_usage;
	BufferUsage *buffer_usage;
} HnswBuildLeader;

extern PGDLLEXPORT void rv_hnsw_build_worker(dsm_segment *segment, shm_toc *toc);

static ParallelTableScanDesc
build_shared_scan(HnswBuildShared *shared)
{
	return (ParallelTableScanDesc) ((char *) shared + BUFFERALIGN(sizeof(HnswBuildShared)));
}

/* ---- the graph's memory ---- */

static uint64_t
build_area_alloc(void *host, size_t size)
{
	dsa_pointer pointer = dsa_allocate_extended(host, size, DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);

	return DsaPointerIsValid(pointer) ? (uint64_t) pointer : 0;
}

static void *
build_area_address(void *host, uint64_t reference)
{
	return dsa_get_address(host, (dsa_pointer) reference);
}

static void
build_area_free(void *host, uint64_t reference)
{
	dsa_free(host, (dsa_pointer) reference);
}

/* The graph's view of a process; root = 0: creates it. */
static void
build_attach_graph(HnswBuild *build, dsa_area *area, uint64 root)
{
	RveHnswMemory memory = {area, build_area_alloc, build_area_address, build_area_free};
	RveHnswMemParams params;
	MemoryContext old = MemoryContextSwitchTo(build->graph_context);

	rvi_hnsw_build_params(build, &params);
	params.memory = &memory;
	if (root == 0)
		rv_runtime_check_status(rve_hnsw_mem_create(&params, &build->mem), "hnsw build");
	else
		rv_runtime_check_status(rve_hnsw_mem_attach(&params, root, &build->mem), "hnsw build");
	MemoryContextSwitchTo(old);
}

/*
 * Whether shared memory of that size can be had. Where it cannot, as in a
 * container whose /dev/shm is small, one process builds in memory of its own.
 */
static bool
build_shared_memory_fits(double bytes)
{
#ifdef __linux__
	struct statvfs status;

	if (dynamic_shared_memory_type == DSM_IMPL_POSIX && statvfs("/dev/shm", &status) == 0 &&
		(double) status.f_bavail * status.f_frsize < bytes)
	{
		ereport(NOTICE,
				(errmsg("building in one process, as /dev/shm has no room for %.0f MB",
						bytes / (1024 * 1024)),
				 errhint("Make /dev/shm larger, or set dynamic_shared_memory_type to \"mmap\".")));
		return false;
	}
#endif
	return true;
}

/* ---- the part of every process ---- */

static void
build_take_part(HnswBuild *build, HnswBuildShared *shared, HnswCells *cells, int participant)
{
	TableScanDesc scan = table_beginscan_parallel(build->heap, build_shared_scan(shared));
	double		heap_tuples;

	build->counts = &shared->counts;
	if (cells != NULL)
		heap_tuples = rvi_hnsw_cells_work(build, cells, participant, scan);
	else
		heap_tuples = table_index_build_scan(build->heap, build->rel, build->info, true,
											 build->reports, rvi_hnsw_build_row, build, scan);
	SpinLockAcquire(&shared->mutex);
	shared->heap_tuples += heap_tuples;
	SpinLockRelease(&shared->mutex);
}

/* ---- the leader ---- */

static void
build_estimate_toc(HnswBuild *build, HnswBuildLeader *leader)
{
	ParallelContext *context = leader->context;
	Size		shared = add_size(BUFFERALIGN(sizeof(HnswBuildShared)),
								  table_parallelscan_estimate(build->heap, leader->snapshot));

	shm_toc_estimate_chunk(&context->estimator, shared);
	shm_toc_estimate_chunk(&context->estimator, BUILD_AREA_BYTES);
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(BufferUsage), context->nworkers));
	shm_toc_estimate_keys(&context->estimator, 5);
	shm_toc_estimate_chunk(&context->estimator, leader->cell_count == 0 ? 1 :
						   rvi_hnsw_cells_bytes(build, leader->cell_count));
	if (debug_query_string != NULL)
	{
		shm_toc_estimate_chunk(&context->estimator, strlen(debug_query_string) + 1);
		shm_toc_estimate_keys(&context->estimator, 1);
	}
}

static void
build_fill_toc(HnswBuild *build, HnswBuildLeader *leader)
{
	ParallelContext *context = leader->context;
	shm_toc    *toc = context->toc;
	Size		scan_bytes = table_parallelscan_estimate(build->heap, leader->snapshot);
	HnswBuildShared *shared = shm_toc_allocate(toc, BUFFERALIGN(sizeof(HnswBuildShared)) +
											   scan_bytes);
	void	   *area = shm_toc_allocate(toc, BUILD_AREA_BYTES);

	shared->heap_oid = RelationGetRelid(build->heap);
	shared->index_oid = RelationGetRelid(build->rel);
	shared->concurrent = build->info->ii_Concurrent;
	shared->expected = build->expected;
	shared->heap_tuples = 0;
	shared->root = 0;
	rvi_hnsw_build_init_counts(&shared->counts);
	SpinLockInit(&shared->mutex);
	table_parallelscan_initialize(build->heap, build_shared_scan(shared), leader->snapshot);
	shm_toc_insert(toc, BUILD_KEY_SHARED, shared);
	leader->shared = shared;

	leader->area = dsa_create_in_place(area, BUILD_AREA_BYTES, LWTRANCHE_PARALLEL_QUERY_DSA,
									   context->seg);
	shm_toc_insert(toc, BUILD_KEY_AREA, area);
	if (leader->cell_count > 0)
	{
		leader->cells = shm_toc_allocate(toc, rvi_hnsw_cells_bytes(build, leader->cell_count));
		shm_toc_insert(toc, BUILD_KEY_CELLS, leader->cells);
	}
	leader->wal_usage = shm_toc_allocate(toc, mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_insert(toc, BUILD_KEY_WAL_USAGE, leader->wal_usage);
	leader->buffer_usage = shm_toc_allocate(toc, mul_size(sizeof(BufferUsage), context->nworkers));
	shm_toc_insert(toc, BUILD_KEY_BUFFER_USAGE, leader->buffer_usage);
	if (debug_query_string != NULL)
	{
		char	   *text = shm_toc_allocate(toc, strlen(debug_query_string) + 1);

		strcpy(text, debug_query_string);
		shm_toc_insert(toc, BUILD_KEY_QUERY_TEXT, text);
	}
}

static void
build_end_parallel(HnswBuildLeader *leader)
{
	if (leader->area != NULL)
		dsa_detach(leader->area);
	if (IsMVCCSnapshot(leader->snapshot))
		UnregisterSnapshot(leader->snapshot);
	DestroyParallelContext(leader->context);
	ExitParallelMode();
}

/* Starts the workers; false, with nothing left, when there are none to be had. */
static bool
build_begin_parallel(HnswBuild *build, HnswBuildLeader *leader, int workers)
{
	EnterParallelMode();
	leader->context = CreateParallelContext("ruvector", "rv_hnsw_build_worker", workers);

	/* a concurrent build sees what its snapshot sees, others see all that may be alive */
	leader->snapshot = build->info->ii_Concurrent ?
		RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	build_estimate_toc(build, leader);
	InitializeParallelDSM(leader->context);
	if (leader->context->seg != NULL)
	{
		build_fill_toc(build, leader);
		if (leader->cells != NULL)
			rvi_hnsw_cells_init(build, leader->cells, leader->cell_count, workers + 1,
								leader->context->seg);
		else
		{
			build_attach_graph(build, leader->area, 0);
			leader->shared->root = rve_hnsw_mem_root(build->mem);
		}
		LaunchParallelWorkers(leader->context);
	}
	if (leader->context->nworkers_launched > 0)
		return true;
	build->mem = NULL;
	build_end_parallel(leader);
	return false;
}

bool
rvi_hnsw_build_parallel(HnswBuild *build, int workers, int cells, double *heap_tuples)
{
	HnswBuildLeader leader = {.cell_count = cells};
	int			i;

	if ((cells == 0 &&
		 !build_shared_memory_fits(rvi_hnsw_build_estimate(build, build->expected))) ||
		!build_begin_parallel(build, &leader, workers))
		return false;
	ereport(DEBUG1,
			(errmsg_internal("hnsw build of index \"%s\" with %d workers",
							 RelationGetRelationName(build->rel),
							 leader.context->nworkers_launched)));
	build_take_part(build, leader.shared, leader.cells, 0);
	WaitForParallelWorkersToFinish(leader.context);
	for (i = 0; i < leader.context->nworkers_launched; i++)
		InstrAccumParallelQuery(&leader.buffer_usage[i], &leader.wal_usage[i]);
	rvi_hnsw_build_take_counts(build, &leader.shared->counts);
	if (leader.cells != NULL)
		rvi_hnsw_cells_finish(build, leader.cells);
	else if (!build->overflow)
		rvi_hnsw_build_write(build);
	*heap_tuples = leader.shared->heap_tuples;
	MemoryContextReset(build->graph_context);
	build->counts = NULL;
	build->mem = NULL;
	build_end_parallel(&leader);
	return true;
}

/* ---- a worker ---- */

void
rv_hnsw_build_worker(dsm_segment *segment, shm_toc *toc)
{
	HnswBuildShared *shared = shm_toc_lookup(toc, BUILD_KEY_SHARED, false);
	LOCKMODE	heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	WalUsage   *wal_usage = shm_toc_lookup(toc, BUILD_KEY_WAL_USAGE, false);
	BufferUsage *buffer_usage = shm_toc_lookup(toc, BUILD_KEY_BUFFER_USAGE, false);
	HnswCells  *cells = shm_toc_lookup(toc, BUILD_KEY_CELLS, true);
	HnswBuild	build;
	dsa_area   *area;
	Relation	heap;
	Relation	rel;

	debug_query_string = shm_toc_lookup(toc, BUILD_KEY_QUERY_TEXT, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	heap = table_open(shared->heap_oid, heap_lock);
	rel = index_open(shared->index_oid, index_lock);
	area = dsa_attach_in_place(shm_toc_lookup(toc, BUILD_KEY_AREA, false), segment);

	rvi_hnsw_build_init(&build, heap, rel, BuildIndexInfo(rel));
	build.info->ii_Concurrent = shared->concurrent;
	build.expected = shared->expected;
	rvi_hnsw_build_open(&build);
	if (shared->root != 0)
		build_attach_graph(&build, area, shared->root);
	InstrStartParallelQuery();
	if (cells != NULL)
		SharedFileSetAttach(&cells->files, segment);
	build_take_part(&build, shared, cells, ParallelWorkerNumber + 1);
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber], &wal_usage[ParallelWorkerNumber]);

	dsa_detach(area);
	index_close(rel, index_lock);
	table_close(heap, heap_lock);
}
