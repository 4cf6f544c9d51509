/*-------------------------------------------------------------------------
 *
 * hnsw_build.c
 *	  CREATE INDEX: mean, codes and graph in memory, then pages.
 *
 * The table is read twice: a sample of its blocks gives the mean that codes
 * are centred on; the full scan encodes each row, adds it to the graph in
 * memory (codes and edges only) and writes its exact vector to its final
 * page at once. At the end the graph is written out and the whole relation
 * is WAL-logged. When the graph outgrows maintenance_work_mem it is written
 * out early and the remaining rows take the way of ordinary inserts, still
 * without WAL of their own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/tableam.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define BUILD_PHASE_LOADING 2
#define BUILD_SAMPLE_RANGES 64
#define BUILD_SAMPLE_RANGE_BLOCKS 8
#define BUILD_SAMPLE_ENOUGH 256 /* rows; fewer in the sample means reading everything */
#define BUILD_FIRST_SEQ 1

typedef struct HnswBuild
{
	Relation	heap;
	Relation	rel;
	struct IndexInfo *info;
	const RvTypeDesc *type;
	RveMetric	metric;
	RvHnswMetaPageData meta;

	RvHnswSample *sample;

	/* the graph */
	RvHnswIndex *index;
	RvHnswWriter writer;
	RvHnswReader reader;
	RveHnswMem *mem;
	MemoryContext graph_context;
	MemoryContext row_context;
	RvHnswRow	row;
	uint8	   *other;			/* a stored payload, for comparison */
	uint8	   *item;			/* RveCodeFactors, code */
	Size		memory_limit;
	bool		flushed;		/* the graph is on pages */
	double		indexed;
} HnswBuild;

/* ---- the mean ---- */

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
	if (build_read_row(build, values[0], &view))
		rvi_hnsw_sample_add(build->sample, &view);
	MemoryContextReset(build->row_context);
}

/* Reads the rows of evenly spread block ranges, or all rows when those are few. */
static void
build_sample(HnswBuild *build)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(build->heap);
	uint32		i;

	build->sample = rvi_hnsw_sample_create(&build->meta);
	if (blocks > 2 * BUILD_SAMPLE_RANGES * BUILD_SAMPLE_RANGE_BLOCKS)
	{
		for (i = 0; i < BUILD_SAMPLE_RANGES; i++)
			table_index_build_range_scan(build->heap, build->rel, build->info, false, false, false,
										 (BlockNumber) ((uint64) blocks * i / BUILD_SAMPLE_RANGES),
										 BUILD_SAMPLE_RANGE_BLOCKS, build_sample_callback, build,
										 NULL);
	}
	if (build->sample->rows < BUILD_SAMPLE_ENOUGH)
	{
		rvi_hnsw_sample_reset(build->sample);
		table_index_build_scan(build->heap, build->rel, build->info, true, false,
							   build_sample_callback, build, NULL);
	}
}

/* ---- the graph in memory ---- */

static float
build_distance(void *context, const void *a, const void *b)
{
	HnswBuild  *build = context;
	float		dist = rve_quant_symmetric(build->index->codec,
										   (const uint8 *) a + sizeof(RveCodeFactors), a,
										   (const uint8 *) b + sizeof(RveCodeFactors), b);

	if (likely(isfinite(dist)))
		return dist;
	return dist < 0 ? -FLT_MAX : FLT_MAX;
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

static void
build_start_graph(HnswBuild *build)
{
	RveHnswMemParams params = {0};
	MemoryContext old;

	build->other = palloc(Max(build->index->geo.payload_bytes, 1));
	rvi_hnsw_row_init(&build->row, &build->index->geo);
	params.m = build->meta.m;
	params.ef_construction = build->meta.ef_construction;
	params.seed = build->meta.seed;
	params.item_bytes = sizeof(RveCodeFactors) + build->index->geo.code_bytes;
	params.distance = build_distance;
	params.same = build_same;
	params.context = build;
	build->item = palloc(params.item_bytes);
	build->memory_limit = (Size) maintenance_work_mem * 1024;
	build->graph_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build graph",
												 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(build->graph_context);
	rv_runtime_check_status(rve_hnsw_mem_create(&params, &build->mem), "hnsw build");
	MemoryContextSwitchTo(old);
}

static uint64
build_tid_to_tag(ItemPointer tid)
{
	return ((uint64) ItemPointerGetBlockNumber(tid) << 16) | ItemPointerGetOffsetNumber(tid);
}

static void
build_tag_to_tid(uint64 tag, ItemPointer tid)
{
	ItemPointerSet(tid, (BlockNumber) (tag >> 16), (OffsetNumber) (tag & 0xFFFF));
}

/* ---- the graph on pages ---- */

/* Upper lists of one node; *level is lowered to what found room. */
static BlockNumber
build_write_upper(HnswBuild *build, RveNode nid, int *level)
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
		lists[n].new_edges = (RveNode *) rve_hnsw_mem_edges(build->mem, nid, n + 1,
															&lists[n].new_count);
	}
	rvi_hnsw_write_upper(&build->writer, block, lists, *level);
	return block;
}

static void
build_write_node(HnswBuild *build, RveNode nid)
{
	RvHnswNodeImage image = {0};
	RveHnswMemNode node;
	int			level;

	rve_hnsw_mem_node(build->mem, nid, &node);
	level = node.level;
	image.nid = nid;
	image.seq = BUILD_FIRST_SEQ;
	build_tag_to_tid(node.tag, &image.tid);
	memcpy(&image.factors, node.item, sizeof(RveCodeFactors));
	image.code = (const uint8 *) node.item + sizeof(RveCodeFactors);
	image.dup_next = node.next_duplicate;
	if (node.duplicate_of != RVE_NODE_NONE)
	{
		image.state = RV_HNSW_DUPLICATE;
		image.link = node.duplicate_of;
	}
	else
	{
		image.state = RV_HNSW_LIVE;
		image.link = build_write_upper(build, nid, &level);
		image.level = level;
		image.edges = rve_hnsw_mem_edges(build->mem, nid, 0, &image.degree);
	}
	rvi_hnsw_write_node(&build->writer, &image);
}

/* Writes the graph out and forgets it. */
static void
build_flush(HnswBuild *build)
{
	RveGraph	graph;
	RveNode		nid;
	uint32		unreachable;
	MemoryContext old = MemoryContextSwitchTo(build->graph_context);

	rv_runtime_check_status(rve_hnsw_mem_connect(build->mem, &unreachable), "hnsw build");
	if (unreachable > 0)
		ereport(WARNING,
				(errmsg("%u rows of index \"%s\" cannot be reached by searches",
						unreachable, RelationGetRelationName(build->rel))));
	rve_hnsw_mem_graph(build->mem, &graph);
	for (nid = 0; nid < rve_hnsw_mem_count(build->mem); nid++)
	{
		CHECK_FOR_INTERRUPTS();
		build_write_node(build, nid);
	}
	rvi_hnsw_set_meta(&build->writer, graph.entry,
					  graph.entry == RVE_NODE_NONE ? 0 : graph.entry_level,
					  rve_hnsw_mem_count(build->mem));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(build->graph_context);
	build->graph_context = NULL;
	build->mem = NULL;
	build->flushed = true;
}

static void
build_add_to_memory(HnswBuild *build, ItemPointer tid)
{
	RveNode		nid = rve_hnsw_mem_count(build->mem);
	MemoryContext old = MemoryContextSwitchTo(build->graph_context);

	memcpy(build->item, &build->row.factors, sizeof(RveCodeFactors));
	memcpy(build->item + sizeof(RveCodeFactors), build->row.code, build->index->geo.code_bytes);
	rv_runtime_check_status(rve_hnsw_mem_add(build->mem, build->item, build_tid_to_tag(tid)),
							"hnsw build");
	MemoryContextSwitchTo(old);
	rvi_hnsw_write_vector(&build->writer, nid, BUILD_FIRST_SEQ, build->row.payload);
	if (rve_hnsw_mem_bytes(build->mem) <= build->memory_limit)
		return;
	ereport(NOTICE,
			(errmsg("hnsw graph no longer fits into maintenance_work_mem after %.0f rows",
					build->indexed + 1),
			 errdetail("The remaining rows are inserted one by one, which takes longer."),
			 errhint("Increase maintenance_work_mem to speed up builds.")));
	build_flush(build);
}

/* PostgreSQL callback */
static void
build_callback(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	HnswBuild  *build = state;
	RveVectorView view;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	if (!build_read_row(build, values[0], &view))
	{
		MemoryContextReset(build->row_context);
		return;
	}
	rvi_hnsw_encode_row(build->index, &view, &build->row);
	if (!build->flushed)
		build_add_to_memory(build, tid);
	else
	{
		MemoryContext old = MemoryContextSwitchTo(build->row_context);

		rvi_hnsw_insert(&build->writer, build->index, &build->row, tid);
		MemoryContextSwitchTo(old);
	}
	MemoryContextReset(build->row_context);
	build->indexed++;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) build->indexed);
}

/* ---- callbacks of the access method ---- */

static void
build_init(HnswBuild *build, Relation heap, Relation rel, struct IndexInfo *info)
{
	memset(build, 0, sizeof(*build));
	build->heap = heap;
	build->rel = rel;
	build->info = info;
	if (RelationGetNumberOfBlocks(rel) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("index \"%s\" already contains data", RelationGetRelationName(rel))));
	rvi_am_lookup(rel, &build->type, &build->metric);
	rvi_hnsw_meta_init(rel, build->type, build->metric, &build->meta);
	build->row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build row",
											   ALLOCSET_DEFAULT_SIZES);
}

/* PostgreSQL callback */
IndexBuildResult *
hnswbuild(Relation heap, Relation rel, struct IndexInfo *info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	HnswBuild	build;
	float	   *mean;

	build_init(&build, heap, rel, info);
	build_sample(&build);
	mean = rvi_hnsw_sample_finish(build.sample, &build.meta);
	rvi_hnsw_create_meta(rel, MAIN_FORKNUM, &build.meta, mean);
	build.index = rvi_hnsw_open(rel, &build.meta);
	rvi_hnsw_writer_init(&build.writer, rel, build.index, true);
	rvi_hnsw_reader_init(&build.reader, rel, build.index);
	build_start_graph(&build);

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, BUILD_PHASE_LOADING);
	if (heap->rd_rel->reltuples > 0)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL,
									 (int64) heap->rd_rel->reltuples);
	result->heap_tuples = table_index_build_scan(heap, rel, info, true, true, build_callback,
												 &build, NULL);
	if (!build.flushed)
		build_flush(&build);
	rvi_hnsw_calibrate(&build.writer, build.index, build.sample);
	rvi_hnsw_log_all(rel);
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
