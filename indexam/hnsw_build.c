/*-------------------------------------------------------------------------
 *
 * hnsw_build.c
 *	  CREATE INDEX: mean, codes and graph in memory, then pages.
 *
 * The table is read twice: a sample of its blocks gives the mean that codes
 * are centred on, and the number of rows to expect; the full scan encodes each
 * row, writes its vector to its final page at once and adds its code to the
 * graph in memory. At the end the graph is written out and the whole relation
 * is WAL-logged. hnsw_build_parallel.c does the same with several processes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/progress.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_build_int.h"

#define BUILD_PHASE_LOADING 2
#define BUILD_SAMPLE_RANGES 64
#define BUILD_SAMPLE_RANGE_BLOCKS 8
#define BUILD_SAMPLE_BLOCKS (BUILD_SAMPLE_RANGES * BUILD_SAMPLE_RANGE_BLOCKS)
#define BUILD_SAMPLE_ENOUGH 256 /* rows; fewer in the sample means reading everything */
#define BUILD_PARALLEL_ROWS 1000	/* fewer are added before a worker has started */
#define BUILD_OVERFLOW 1.25		/* times maintenance_work_mem: the estimate was wrong */
#define BUILD_SAMPLE_ROWS 20000	/* of them have a part in the mean */

/* ---- the sample ---- */

/* Reads a row for the life of row_context. */
static bool
build_read_row(HnswBuild *build, Datum value, RveVectorView *view)
{
	MemoryContext old = MemoryContextSwitchTo(build->row_context);
	bool		ok = rvi_hnsw_read_value(build->type, build->metric, build->meta.dim, value, view);

	MemoryContextSwitchTo(old);
	return ok;
}

/* PostgreSQL callback */
static void
build_sample_callback(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive,
					  void *state)
{
	HnswBuild  *build = state;
	RveVectorView view;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	build->seen++;
	if (build->range_room <= 0)
		return;
	if (build_read_row(build, values[0], &view))
	{
		rvi_hnsw_sample_add(build->sample, &view);
		build->range_room--;
	}
	MemoryContextReset(build->row_context);
}

bool
rvi_hnsw_build_scan_ranges(HnswBuild *build, IndexBuildCallback callback, void *state)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(build->heap);
	uint32		i;

	if (blocks <= 2 * BUILD_SAMPLE_BLOCKS)
		return false;
	for (i = 0; i < BUILD_SAMPLE_RANGES; i++)
	{
		build->range_room = BUILD_SAMPLE_ROWS / BUILD_SAMPLE_RANGES;
		table_index_build_range_scan(build->heap, build->rel, build->info, false, false, false,
									 (BlockNumber) ((uint64) blocks * i / BUILD_SAMPLE_RANGES),
									 BUILD_SAMPLE_RANGE_BLOCKS, callback, state, NULL);
	}
	return true;
}

/* Reads a sample of the rows; build->expected = rows of the index, as far as it shows. */
static void
build_sample(HnswBuild *build)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(build->heap);

	build->sample = rvi_hnsw_sample_create(&build->meta);
	if (rvi_hnsw_build_scan_ranges(build, build_sample_callback, build))
		build->expected = build->seen * blocks / BUILD_SAMPLE_BLOCKS;
	if (build->sample->rows < BUILD_SAMPLE_ENOUGH)
	{
		rvi_hnsw_sample_reset(build->sample);
		build->seen = 0;
		build->range_room = BUILD_SAMPLE_ROWS;
		table_index_build_scan(build->heap, build->rel, build->info, false, false,
							   build_sample_callback, build, NULL);
		build->expected = build->seen;
	}
}

/* ---- the graph in memory ---- */

static float
build_distance(void *context, const void *a, const void *b)
{
	HnswBuild  *build = context;
	float		dist;

	rve_quant_symmetric_many(build->index->codec, a, &b, 1, &dist);
	return dist;
}

static void
build_distances(void *context, const void *item, const void *const *others, int n, float *out)
{
	HnswBuild  *build = context;

	rve_quant_symmetric_many(build->index->codec, item, others, n, out);
}

/* Whether the row being added, whose code node has, is equal in the rest, too. */
static bool
build_same(void *context, RveNode node)
{
	HnswBuild  *build = context;
	uint16		seq;

	if (build->index->geo.payload_bytes == 0)
		return rve_quant_code_complete(build->index->codec, build->row.code, &build->row.factors);
	return rvi_hnsw_read_vector(&build->reader, node, &seq, build->other) &&
		memcmp(build->other, build->row.payload, build->index->geo.payload_bytes) == 0;
}

void
rvi_hnsw_build_open(HnswBuild *build)
{
	build->index = rvi_hnsw_open(build->rel, &build->meta);
	rvi_hnsw_writer_init(&build->writer, build->rel, build->index, true);
	rvi_hnsw_reader_init(&build->reader, build->rel, build->index);
	build->other = palloc(Max(build->index->geo.payload_bytes, 1));
	build->factors_at = build->index->geo.code_bytes;
	build->item_bytes = build->factors_at + sizeof(RveCodeFactors);
	build->item = palloc(build->item_bytes);
	rvi_hnsw_row_init(&build->row, &build->index->geo);
	build->memory_limit = (double) maintenance_work_mem * 1024;
	build->graph_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build graph",
												 ALLOCSET_DEFAULT_SIZES);
}

void
rvi_hnsw_build_params(HnswBuild *build, RveHnswMemParams *params)
{
	memset(params, 0, sizeof(*params));
	params->m = build->meta.m;
	params->ef_construction = build->meta.ef_construction;
	params->seed = build->meta.seed;
	params->item_bytes = build->item_bytes;
	params->expected = (uint32) Min(build->expected * 1.02, RVE_HNSW_MAX_NODES);
	params->distance = build_distance;
	params->distances = build_distances;
	params->same = build_same;
	params->context = build;
}

uint64
rvi_hnsw_build_tag(ItemPointer tid)
{
	return ((uint64) ItemPointerGetBlockNumber(tid) << 16) | ItemPointerGetOffsetNumber(tid);
}

static void
build_tag_to_tid(uint64 tag, ItemPointer tid)
{
	ItemPointerSet(tid, (BlockNumber) (tag >> 16), (OffsetNumber) (tag & 0xFFFF));
}

/* ---- the graph on pages ---- */

double
rvi_hnsw_build_estimate(const HnswBuild *build, double rows)
{
	return rve_hnsw_mem_estimate(build->meta.m, build->item_bytes, rows);
}

/* Upper lists of one node; *level is lowered to what found room. */
static BlockNumber
build_write_upper(HnswBuild *build, RveNode nid, const HnswBuildLists *from, int *level)
{
	RvHnswEdgeChange lists[RVE_HNSW_MAX_LEVEL];
	BlockNumber block;
	int			n;

	if (*level == 0)
		return InvalidBlockNumber;
	block = rvi_hnsw_reserve_upper(&build->writer, nid, BUILD_FIRST_SEQ, level);
	if (*level == 0)
		return InvalidBlockNumber;
	memset(lists, 0, sizeof(lists));
	for (n = 0; n < *level; n++)
	{
		lists[n].nid = nid;
		lists[n].level = n + 1;
		lists[n].new_edges = (RveNode *) from->edges[n + 1];
		lists[n].new_count = from->count[n + 1];
	}
	rvi_hnsw_write_upper(&build->writer, block, lists, *level);
	return block;
}

void
rvi_hnsw_build_write_node(HnswBuild *build, RveNode nid, const RveHnswMemNode *node,
						  const HnswBuildLists *lists)
{
	RvHnswNodeImage image = {0};
	uint32		filters[RV_HNSW_MAX_FILTERS];
	int			level = node->level;

	image.nid = nid;
	image.seq = BUILD_FIRST_SEQ;
	build_tag_to_tid(node->tag, &image.tid);
	image.code = node->item;
	memcpy(&image.factors, image.code + build->factors_at, sizeof(RveCodeFactors));
	image.dup_next = node->next_duplicate;

	/* they are on their page already: the graph in memory does without */
	if (!rvi_hnsw_read_filters(&build->reader, nid, filters))
		elog(ERROR, "filter words of node %u are missing", nid);
	image.filters = filters;
	if (node->duplicate_of != RVE_NODE_NONE)
	{
		image.state = RV_HNSW_DUPLICATE;
		image.link = node->duplicate_of;
	}
	else
	{
		image.state = RV_HNSW_LIVE;
		image.link = build_write_upper(build, nid, lists, &level);
		image.level = level;
		image.edges = lists->edges[0];
		image.degree = lists->count[0];
	}
	rvi_hnsw_write_node(&build->writer, &image);
}

void
rvi_hnsw_build_warn_unreachable(HnswBuild *build, uint32 unreachable)
{
	if (unreachable > 0)
		ereport(WARNING,
				(errmsg("%u rows of index \"%s\" cannot be reached by searches",
						unreachable, RelationGetRelationName(build->rel))));
}

void
rvi_hnsw_build_write(HnswBuild *build)
{
	RveGraph	graph;
	RveHnswMemNode node;
	HnswBuildLists lists;
	RveNode		nid;
	uint32		unreachable;
	int			level;
	MemoryContext old = MemoryContextSwitchTo(build->graph_context);

	rv_runtime_check_status(rve_hnsw_mem_connect(build->mem, &unreachable), "hnsw build");
	rvi_hnsw_build_warn_unreachable(build, unreachable);
	rve_hnsw_mem_graph(build->mem, &graph);
	for (nid = 0; nid < rve_hnsw_mem_count(build->mem); nid++)
	{
		CHECK_FOR_INTERRUPTS();
		rve_hnsw_mem_node(build->mem, nid, &node);
		for (level = 0; level <= node.level; level++)
			lists.edges[level] = rve_hnsw_mem_edges(build->mem, nid, level, &lists.count[level]);
		rvi_hnsw_build_write_node(build, nid, &node, &lists);
	}
	rvi_hnsw_set_meta(&build->writer, graph.entry,
					  graph.entry == RVE_NODE_NONE ? 0 : graph.entry_level,
					  rve_hnsw_mem_count(build->mem));
	MemoryContextSwitchTo(old);
}

/* ---- rows ---- */

/* Makes build->row and build->item of a vector. */
void
rvi_hnsw_build_encode_view(HnswBuild *build, const RveVectorView *view)
{
	rvi_hnsw_encode_row(build->index, view, &build->row);
	memcpy(build->item, build->row.code, build->factors_at);
	memcpy(build->item + build->factors_at, &build->row.factors, sizeof(RveCodeFactors));
}

bool
rvi_hnsw_build_encode(HnswBuild *build, Datum value)
{
	RveVectorView view;
	bool		ok = build_read_row(build, value, &view);

	if (ok)
		rvi_hnsw_build_encode_view(build, &view);
	MemoryContextReset(build->row_context);
	return ok;
}

void
rvi_hnsw_build_encode_filters(HnswBuild *build, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(build->row_context);

	rvi_hnsw_filter_encode(&build->index->filters, values, isnull, build->row.filters);
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->row_context);
}

static void
build_add_to_memory(HnswBuild *build, ItemPointer tid)
{
	MemoryContext old = MemoryContextSwitchTo(build->graph_context);
	RveNode		nid;

	rv_runtime_check_status(rve_hnsw_mem_reserve(build->mem, &nid), "hnsw build");

	/* before the node is public: who finds an equal code compares the vector */
	rvi_hnsw_write_vector(&build->writer, nid, BUILD_FIRST_SEQ, build->row.payload);
	rvi_hnsw_write_filters(&build->writer, nid, build->row.filters);
	rv_runtime_check_status(rve_hnsw_mem_insert(build->mem, nid, build->item,
												rvi_hnsw_build_tag(tid)), "hnsw build");
	MemoryContextSwitchTo(old);
}

void
rvi_hnsw_build_row(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive,
				   void *state)
{
	HnswBuild  *build = state;
	uint64		indexed;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	if (pg_atomic_read_u32(&build->counts->overflow) != 0)
	{
		/* what is left to do here is to know how many rows there are */
		pg_atomic_fetch_add_u64(&build->counts->seen, 1);
		return;
	}
	if (!rvi_hnsw_build_encode(build, values[0]))
		return;
	rvi_hnsw_build_encode_filters(build, values, isnull);
	pg_atomic_fetch_add_u64(&build->counts->seen, 1);
	build_add_to_memory(build, tid);
	indexed = pg_atomic_add_fetch_u64(&build->counts->indexed, 1);
	if (build->reports)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) indexed);
	if (rve_hnsw_mem_bytes(build->mem) > build->memory_limit * BUILD_OVERFLOW)
		pg_atomic_write_u32(&build->counts->overflow, 1);
}

/* ---- callbacks of the access method ---- */

void
rvi_hnsw_build_init(HnswBuild *build, Relation heap, Relation rel, struct IndexInfo *info)
{
	memset(build, 0, sizeof(*build));
	build->heap = heap;
	build->rel = rel;
	build->info = info;
	rvi_am_lookup(rel, &build->type, &build->metric);
	build->row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build row",
											   ALLOCSET_DEFAULT_SIZES);
}

void
rvi_hnsw_build_init_counts(HnswBuildCounts *counts)
{
	pg_atomic_init_u64(&counts->indexed, 0);
	pg_atomic_init_u64(&counts->seen, 0);
	pg_atomic_init_u32(&counts->overflow, 0);
}

void
rvi_hnsw_build_take_counts(HnswBuild *build, HnswBuildCounts *counts)
{
	build->overflow = pg_atomic_read_u32(&counts->overflow) != 0;
	build->indexed = (double) pg_atomic_read_u64(&counts->indexed);
	if (build->overflow)
		build->expected = (double) pg_atomic_read_u64(&counts->seen);
}

/* One process does it all. */
static double
build_serial(HnswBuild *build)
{
	RveHnswMemParams params;
	HnswBuildCounts counts;
	double		heap_tuples;
	MemoryContext old = MemoryContextSwitchTo(build->graph_context);

	rvi_hnsw_build_init_counts(&counts);
	build->counts = &counts;
	rvi_hnsw_build_params(build, &params);
	rv_runtime_check_status(rve_hnsw_mem_create(&params, &build->mem), "hnsw build");
	MemoryContextSwitchTo(old);

	/* not synchronised with other scans: the same table gives the same index */
	heap_tuples = table_index_build_scan(build->heap, build->rel, build->info, false, true,
										 rvi_hnsw_build_row, build, NULL);
	rvi_hnsw_build_take_counts(build, &counts);
	if (!build->overflow)
		rvi_hnsw_build_write(build);
	MemoryContextReset(build->graph_context);
	build->mem = NULL;
	build->counts = NULL;
	return heap_tuples;
}

/* One process, in parts: what processes would share is in a segment all the same. */
static double
build_serial_cells(HnswBuild *build, int count)
{
	dsm_segment *segment = dsm_create(rvi_hnsw_cells_bytes(build, count), 0);
	HnswCells  *cells = dsm_segment_address(segment);
	HnswBuildCounts counts;
	double		heap_tuples;

	rvi_hnsw_build_init_counts(&counts);
	build->counts = &counts;
	rvi_hnsw_cells_init(build, cells, count, 1, segment);
	heap_tuples = rvi_hnsw_cells_work(build, cells, 0, NULL);
	rvi_hnsw_cells_finish(build, cells);
	rvi_hnsw_build_take_counts(build, &counts);
	build->counts = NULL;
	dsm_detach(segment);
	return heap_tuples;
}

/* Worker processes that a build may have. */
static int
build_workers(HnswBuild *build)
{
	if (build->expected < BUILD_PARALLEL_ROWS)
		return 0;
	return plan_create_index_workers(RelationGetRelid(build->heap), RelationGetRelid(build->rel));
}

/* How many parts to build in; 0: all at once. Says so. */
static int
build_plan_cells(HnswBuild *build, int workers)
{
	double		megabyte = 1024 * 1024;
	double		needed = rvi_hnsw_build_estimate(build, build->expected);
	int			cells = 0;

	if (needed > build->memory_limit)
		cells = rvi_hnsw_cells_count(build, workers + 1);
	ereport(cells == 0 ? DEBUG1 : NOTICE,
			(errmsg("hnsw graph of about %.0f rows takes %.0f MB, maintenance_work_mem is %.0f MB",
					build->expected, ceil(needed / megabyte), build->memory_limit / megabyte),
			 cells == 0 ? 0 : errdetail("It is built in overlapping parts, which takes longer."),
			 cells == 0 ? 0 : errhint("Increase maintenance_work_mem to speed up builds.")));
	return cells;
}

/* Builds, in parts if that is how it has to be; false: it was to be, but was not foreseen. */
static bool
build_try(HnswBuild *build, double *heap_tuples)
{
	int			workers = build_workers(build);
	int			cells = build_plan_cells(build, workers);

	build->overflow = false;
	if (workers > 0 && rvi_hnsw_build_parallel(build, workers, cells, heap_tuples))
		return !build->overflow;
	if (cells > 0)
	{
		if (workers > 0)
			cells = rvi_hnsw_cells_count(build, 1);
		*heap_tuples = build_serial_cells(build, cells);
	}
	else
		*heap_tuples = build_serial(build);
	return !build->overflow;
}

/* PostgreSQL callback */
IndexBuildResult *
hnswbuild(Relation heap, Relation rel, struct IndexInfo *info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	HnswBuild	build;
	float	   *mean;

	if (RelationGetNumberOfBlocks(rel) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("index \"%s\" already contains data", RelationGetRelationName(rel))));
	rvi_hnsw_build_init(&build, heap, rel, info);
	rvi_hnsw_meta_init(rel, build.type, build.metric, &build.meta);
	build.reports = true;
	build_sample(&build);
	mean = rvi_hnsw_sample_finish(build.sample, &build.meta);
	rvi_hnsw_create_meta(rel, MAIN_FORKNUM, &build.meta, mean);
	rvi_hnsw_build_open(&build);

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, BUILD_PHASE_LOADING);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) build.expected);
	while (!build_try(&build, &result->heap_tuples))
		;						/* now it knows how many rows there are */
	rvi_hnsw_calibrate(&build.writer, build.index, build.sample);
	rvi_hnsw_log_all(rel);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) build.indexed);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) build.indexed);
	result->index_tuples = build.indexed;
	return result;
}

/* PostgreSQL callback */
void
hnswbuildempty(Relation rel)
{
	RvHnswMetaPageData meta;
	const RvTypeDesc *type;
	RveMetric	metric;

	rvi_am_lookup(rel, &type, &metric);
	rvi_hnsw_meta_init(rel, type, metric, &meta);
	rvi_hnsw_create_meta(rel, INIT_FORKNUM, &meta, palloc0(meta.dim * sizeof(float)));
}
