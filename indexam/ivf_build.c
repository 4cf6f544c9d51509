/*-------------------------------------------------------------------------
 *
 * ivf_build.c
 *	  CREATE INDEX: k-means on a sample, then all rows, batch by batch.
 *
 * A batch of rows is assigned to lists at once, so that centroids pass
 * through the processor's cache once for several rows, and then appended list by
 * list, so that pages fill up one after the other. Pages are plain buffers
 * until the end, when the whole relation is WAL-logged. Memory: the sample
 * and the centroids while clustering, then one batch; both within
 * maintenance_work_mem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
#include "utils/sampling.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define IVF_BUILD_SEED UINT64CONST(0x52754976664974)	/* any constant: builds are reproducible */
#define IVF_SAMPLES_PER_LIST 50
#define IVF_LEAST_SAMPLES 10000
#define IVF_PROBE_BLOCKS 32		/* read first, to see how many rows a block has */

typedef struct IvfBuild
{
	Relation	heap;
	Relation	rel;
	struct IndexInfo *info;
	const RvTypeDesc *type;
	RveMetric	metric;
	RvIvfMetaPageData meta;
	MemoryContext row_context;

	/* the sample */
	float	   *samples;
	int			sample_count;
	int			sample_room;
	double		seen;
	double		skip;
	ReservoirStateData reservoir;

	/* the rows */
	RvIvfIndex *index;
	RvIvfWriter writer;
	RvIvfBatch	batch;
	double		indexed;
} IvfBuild;

/* ---- parameters ---- */

/* Fills the meta page of an empty index from the index's definition. */
static void
ivf_init_meta(Relation rel, RvIvfMetaPageData *meta, const RvTypeDesc **type, RveMetric *metric)
{
	rvi_am_lookup(rel, type, metric);
	if (!rvi_ivf_metric_supported(*metric, (*type)->elements))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("operator class of index \"%s\" uses a distance that ivfflat does not support",
						RelationGetRelationName(rel))));
	memset(meta, 0, sizeof(*meta));
	meta->magic = RV_IVF_MAGIC;
	meta->version = RV_IVF_VERSION;
	meta->index_magic = pg_prng_uint32(&pg_global_prng_state) | 1;	/* zero pages never match */
	meta->dim = rvi_am_column_dim(rel, *type, Min((*type)->max_dim, RVE_IVF_MAX_DIM), "ivfflat");
	meta->metric = *metric;
	meta->elements = (*type)->elements;
	meta->seed = IVF_BUILD_SEED;
	meta->lists = rvi_ivf_option_lists(rel);
	meta->directory = RV_IVF_META_BLOCK + 2;
	meta->directory_serial = RV_IVF_EMPTY_SERIAL + 1;
	meta->nlists = 1;
	meta->next_serial = RV_IVF_EMPTY_SERIAL + 2;
	meta->free_head = meta->retired_head = InvalidBlockNumber;
}

/* The files of an index without rows: one list around zero. */
static void
ivf_create_empty(Relation rel, int forknum, const RvIvfMetaPageData *meta)
{
	RvIvfEntryData entry = {RV_IVF_EMPTY_SERIAL, RV_IVF_META_BLOCK + 1};
	RvIvfDirectory directory = {0};
	Size		size;
	char	   *bytes;

	directory.dim = meta->dim;
	directory.nlists = 1;
	directory.origin = directory.centroids = palloc0(meta->dim * sizeof(float));
	directory.lists = &entry;
	bytes = rvi_ivf_directory_bytes(&directory, meta->directory_serial, &size);
	rvi_ivf_create_meta(rel, forknum, meta, bytes, size);
	pfree(bytes);
	pfree(directory.origin);
}

/* ---- the sample ---- */

/* How many samples maintenance_work_mem has room for; raises when that is too few. */
static int
ivf_sample_room(const IvfBuild *build)
{
	Size		vector = build->meta.dim * sizeof(float);
	Size		per_sample = vector + 3 * sizeof(uint32);
	Size		centroids = build->meta.lists * (vector + 4 * sizeof(uint32));
	Size		limit = (Size) maintenance_work_mem * 1024;
	Size		wanted = Max(build->meta.lists * IVF_SAMPLES_PER_LIST, IVF_LEAST_SAMPLES);
	Size		least = centroids + build->meta.lists * per_sample;

	if (least > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("memory required is %zu MB, maintenance_work_mem is %d MB",
						least / (1024 * 1024) + 1, maintenance_work_mem / 1024),
				 errhint("Increase maintenance_work_mem, or use fewer lists.")));
	return (int) Min(wanted, (limit - centroids) / per_sample);
}

/* Reads a datum; false: rows like it are not indexed. */
static bool
ivf_build_read(IvfBuild *build, Datum value, RvIvfRow *row)
{
	return rvi_ivf_read_row(build->type, build->metric, build->meta.dim, value, row);
}

static void
ivf_sample_keep(IvfBuild *build, Datum value, int place)
{
	MemoryContext old = MemoryContextSwitchTo(build->row_context);
	RvIvfRow	row;

	if (ivf_build_read(build, value, &row))
	{
		memcpy(build->samples + (Size) place * build->meta.dim, row.x,
			   build->meta.dim * sizeof(float));
		build->meta.item_bytes = row.item_bytes;
		if (place == build->sample_count)
			build->sample_count++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->row_context);
}

/* PostgreSQL callback: Vitter's reservoir; rows that are skipped are not even detoasted. */
static void
ivf_sample_callback(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive,
					void *state)
{
	IvfBuild   *build = state;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	if (build->sample_count < build->sample_room)
		ivf_sample_keep(build, values[0], build->sample_count);
	else
	{
		if (build->skip < 0)
			build->skip = reservoir_get_next_S(&build->reservoir, build->seen, build->sample_room);
		if (build->skip <= 0)
			ivf_sample_keep(build, values[0],
							(int) (build->sample_room * sampler_random_fract(&build->reservoir.randstate)));
		build->skip--;
	}
	build->seen++;
}

static void
ivf_sample_blocks(IvfBuild *build, BlockNumber blocks, int wanted)
{
	BlockSamplerData sampler;

	BlockSampler_Init(&sampler, blocks, wanted, (uint32) IVF_BUILD_SEED);
	while (BlockSampler_HasMore(&sampler))
		table_index_build_range_scan(build->heap, build->rel, build->info, false, true, false,
									 BlockSampler_Next(&sampler), 1, ivf_sample_callback, build,
									 NULL);
}

/* Rows of random blocks, as many blocks as hold about twice the samples wanted. */
static void
ivf_sample(IvfBuild *build)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(build->heap);
	double		wanted;

	build->sample_room = ivf_sample_room(build);
	build->samples = MemoryContextAllocHuge(CurrentMemoryContext,
											(Size) build->sample_room * build->meta.dim *
											sizeof(float));
	build->skip = -1;
	reservoir_init_selection_state(&build->reservoir, build->sample_room);
	ivf_sample_blocks(build, blocks, IVF_PROBE_BLOCKS);
	if (blocks <= IVF_PROBE_BLOCKS)
		return;
	wanted = 2.0 * build->sample_room * IVF_PROBE_BLOCKS / Max(build->seen, 1.0);
	build->sample_count = 0;
	build->seen = 0;
	build->skip = -1;
	ivf_sample_blocks(build, blocks, (int) Min((double) blocks, Max(wanted, IVF_PROBE_BLOCKS)));
}

/* ---- the lists ---- */

/* The mean of the centroids: query tables are made around it. */
static void
ivf_set_origin(RvIvfDirectory *directory)
{
	int			i;
	int			d;

	memset(directory->origin, 0, directory->dim * sizeof(float));
	for (i = 0; i < directory->nlists; i++)
		for (d = 0; d < directory->dim; d++)
			directory->origin[d] += directory->centroids[(Size) i * directory->dim + d] /
				directory->nlists;
}

/* Creates the index's files with the lists that the sample forms. */
static void
ivf_create_lists(IvfBuild *build)
{
	RveKmeansParams params = {0};
	RvIvfDirectory directory = {0};
	RvIvfGeometry geo;
	double		error;
	int			i;

	params.dim = build->meta.dim;
	params.lists = build->meta.lists;
	params.spherical = rvi_ivf_counts_direction(build->metric);
	params.seed = IVF_BUILD_SEED;
	directory.dim = build->meta.dim;
	directory.centroids = MemoryContextAllocHuge(CurrentMemoryContext, (Size) build->meta.lists *
												 build->meta.dim * sizeof(float));
	rv_runtime_check_status(rve_kmeans_train(&params, build->samples, build->sample_count,
											 directory.centroids, &directory.nlists, &error),
							"ivfflat k-means");
	directory.error = (float) error;
	if (directory.nlists == 0)
	{
		ivf_create_empty(build->rel, MAIN_FORKNUM, &build->meta);
		return;
	}
	rvi_ivf_create_meta(build->rel, MAIN_FORKNUM, &build->meta, NULL, 0);
	rvi_ivf_writer_init(&build->writer, build->rel, build->meta.index_magic, true);
	rvi_ivf_geometry_init(&geo, build->meta.dim, build->meta.item_bytes);
	directory.origin = palloc(build->meta.dim * sizeof(float));
	ivf_set_origin(&directory);
	directory.lists = palloc(directory.nlists * sizeof(RvIvfEntryData));
	for (i = 0; i < directory.nlists; i++)
	{
		directory.lists[i].serial = rvi_ivf_take_serials(&build->writer, 1);
		directory.lists[i].first = rvi_ivf_create_list(&build->writer, &geo,
													   directory.lists[i].serial);
	}
	rvi_ivf_switch(&build->writer, &directory, InvalidBlockNumber);
}

static void
ivf_train(IvfBuild *build)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat build sample",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	ivf_sample(build);
	if (build->sample_count < (int) build->meta.lists)
		ereport(NOTICE,
				(errmsg("ivfflat index created with little data"),
				 errdetail("There are fewer rows than lists; recall is low while the table grows."),
				 errhint("VACUUM and ruvector_index_maintenance form new lists from the rows there are.")));
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, RV_IVF_PHASE_KMEANS);
	ivf_create_lists(build);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---- the rows ---- */

static void
ivf_batch_flush(IvfBuild *build)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, RV_IVF_PHASE_ASSIGN);
	rvi_ivf_batch_assign(&build->batch);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, RV_IVF_PHASE_LOAD);
	build->indexed += rvi_ivf_batch_load(&build->batch);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) build->indexed);
}

/* PostgreSQL callback */
static void
ivf_build_callback(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive,
				   void *state)
{
	IvfBuild   *build = state;
	MemoryContext old;
	RvIvfRow	row;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(build->row_context);
	if (ivf_build_read(build, values[0], &row))
	{
		if (build->index->geo.item_bytes == 0)
			rvi_ivf_geometry_init(&build->index->geo, build->meta.dim,
								  rvi_ivf_learn_item_bytes(&build->writer, row.item_bytes));
		rvi_ivf_batch_add(&build->batch, &row, tid);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->row_context);
	if (rvi_ivf_batch_is_full(&build->batch))
		ivf_batch_flush(build);
}

/* ---- callbacks of the access method ---- */

static void
ivf_build_init(IvfBuild *build, Relation heap, Relation rel, struct IndexInfo *info)
{
	memset(build, 0, sizeof(*build));
	build->heap = heap;
	build->rel = rel;
	build->info = info;
	if (RelationGetNumberOfBlocks(rel) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("index \"%s\" already contains data", RelationGetRelationName(rel))));
	ivf_init_meta(rel, &build->meta, &build->type, &build->metric);
	build->row_context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat build row",
											   ALLOCSET_DEFAULT_SIZES);
}

/* PostgreSQL callback */
IndexBuildResult *
ivfbuild(Relation heap, Relation rel, struct IndexInfo *info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	IvfBuild	build;

	ivf_build_init(&build, heap, rel, info);
	ivf_train(&build);
	build.index = rvi_ivf_open(rel, &build.meta);
	rvi_ivf_writer_init(&build.writer, rel, build.index->magic, true);
	rvi_ivf_batch_init(&build.batch, build.index, &build.writer);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, RV_IVF_PHASE_ASSIGN);
	if (heap->rd_rel->reltuples > 0)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL,
									 (int64) heap->rd_rel->reltuples);
	result->heap_tuples = table_index_build_scan(heap, rel, info, true, true, ivf_build_callback,
												 &build, NULL);
	ivf_batch_flush(&build);
	rvi_ivf_log_all(rel);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) build.indexed);
	result->index_tuples = build.indexed;
	return result;
}

/* PostgreSQL callback */
void
ivfbuildempty(Relation rel)
{
	RvIvfMetaPageData meta;
	const RvTypeDesc *type;
	RveMetric	metric;

	ivf_init_meta(rel, &meta, &type, &metric);
	ivf_create_empty(rel, INIT_FORKNUM, &meta);
}
