/*-------------------------------------------------------------------------
 *
 * hnsw_build_pivots.c
 *	  Pivots of the cells of a build in parts.
 *
 * Dense vectors have means, and the means of a k-means over a few rows make
 * the best cells. Other kinds of rows have none: their pivots are rows, in each
 * cell the one that is nearest to the others. Where a sample of the rows shows
 * that a cell will be too large, one of its rows becomes a pivot, too.
 *
 * A pivot is an item, as if it were a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "indexam/hnsw_build_int.h"

#define PIVOTS_CANDIDATES 128	/* sampled rows for each */
#define PIVOTS_MAX_CANDIDATES 8192
#define PIVOTS_MEMORY 4			/* part of maintenance_work_mem for them, 1 / so many */
#define PIVOTS_ROUNDS 3			/* of improving rows that are pivots */
#define PIVOTS_MEDOID_MEMBERS 64	/* looked at for a better one */
#define PIVOTS_MEAN_ROUNDS 10	/* of k-means */
#define PIVOTS_MEAN_ROWS 8		/* for each mean at least */
#define PIVOTS_SPLIT_ROUNDS 20
#define PIVOTS_SEED UINT64CONST(0x43656C6C73)

/* Items of some rows, each as likely as any other. */
typedef struct PivotsSample
{
	HnswBuild  *build;
	uint8	   *items;
	const void **item;			/* each of them */
	uint32		room;
	uint64		rows;
	uint64		random;
} PivotsSample;

/* PostgreSQL callback */
static void
pivots_sample_callback(Relation rel, ItemPointer tid, Datum *values, bool *isnull, bool alive,
					  void *state)
{
	PivotsSample *sample = state;
	uint64		at = sample->rows;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	if (at >= sample->room)
		at = rve_base_random_next(&sample->random) % (at + 1);
	sample->rows++;
	if (at >= sample->room)
		return;
	if (rvi_hnsw_build_encode(sample->build, values[0]))
		memcpy(sample->items + at * rvi_hnsw_cells_stride(sample->build), sample->build->item,
			   sample->build->item_bytes);
	else
		sample->rows--;
}

static uint32
pivots_nearest(const HnswBuild *build, const void *item, const void *const *pivots, uint32 count,
			  float *dist)
{
	uint32		best = 0;
	uint32		i;

	rve_quant_symmetric_many(build->index->codec, item, pivots, (int) count, dist);
	for (i = 1; i < count; i++)
	{
		if (dist[i] < dist[best])
			best = i;
	}
	return best;
}

/* Replaces each pivot by that of its members which is nearest to the others. */
static void
pivots_improve(PivotsSample *sample, const void **pivots, uint32 count)
{
	uint32		n = (uint32) Min(sample->rows, sample->room);
	uint32	   *cell = palloc(n * sizeof(uint32));
	float	   *dist = palloc(Max(n, count) * sizeof(float));
	const void **members = palloc(PIVOTS_MEDOID_MEMBERS * sizeof(void *));
	uint32		c;
	uint32		i;
	uint32		j;

	for (i = 0; i < n; i++)
		cell[i] = pivots_nearest(sample->build, sample->item[i], pivots, count, dist);
	for (c = 0; c < count; c++)
	{
		uint32		found = 0;
		double		best = INFINITY;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < n && found < PIVOTS_MEDOID_MEMBERS; i++)
		{
			if (cell[i] == c)
				members[found++] = sample->item[i];
		}
		for (i = 0; i < found; i++)
		{
			double		sum = 0;

			rve_quant_symmetric_many(sample->build->index->codec, members[i], members,
									 (int) found, dist);
			for (j = 0; j < found; j++)
				sum += dist[j];
			if (sum < best)
			{
				best = sum;
				pivots[c] = members[i];
			}
		}
	}
	pfree(cell);
	pfree(dist);
	pfree(members);
}

/* k-means over the rows that the index's sample has kept: pivots = means, as items at out. */
static void
pivots_means(HnswBuild *build, uint8 *out, const void **pivots, uint32 count)
{
	const RvHnswSample *sample = build->sample;
	int			dim = sample->dim;
	uint32		n = (uint32) Min(sample->rows, (double) sample->keep);
	double	   *sums = palloc((Size) count * dim * sizeof(double));
	uint32	   *members = palloc(count * sizeof(uint32));
	float	   *dist = palloc(count * sizeof(float));
	float	   *mean = palloc(dim * sizeof(float));
	RveVectorView view = {.elements = RVE_DENSE, .dim = dim};
	uint32		round;
	uint32		i;
	int			d;

	for (round = 0; round < PIVOTS_MEAN_ROUNDS; round++)
	{
		CHECK_FOR_INTERRUPTS();
		memset(sums, 0, (Size) count * dim * sizeof(double));
		memset(members, 0, count * sizeof(uint32));
		for (i = 0; i < n; i++)
		{
			const float *x = sample->vectors + (Size) i * dim;
			uint32		c = i % count;

			view.x = x;
			rvi_hnsw_build_encode_view(build, &view);
			if (round > 0)
				c = pivots_nearest(build, build->item, pivots, count, dist);
			members[c]++;
			for (d = 0; d < dim; d++)
				sums[(Size) c * dim + d] += x[d];
		}
		for (i = 0; i < count; i++)
		{
			for (d = 0; d < dim; d++)
				mean[d] = members[i] == 0 ? sample->vectors[(Size) (i % n) * dim + d] :
					(float) (sums[(Size) i * dim + d] / members[i]);
			view.x = mean;
			rvi_hnsw_build_encode_view(build, &view);
			memcpy(out + i * rvi_hnsw_cells_stride(build), build->item, build->item_bytes);
			pivots[i] = out + i * rvi_hnsw_cells_stride(build);
		}
	}
}

/* Counts, for each cell, the sampled rows that would be in it; *member = the last of them. */
static void
pivots_loads(const PivotsSample *sample, const void **pivots, uint32 count, uint32 *loads,
			 const void **member)
{
	uint32		n = (uint32) Min(sample->rows, sample->room);
	float	   *dist = palloc(count * sizeof(float));
	uint32		i;
	int			k;

	memset(loads, 0, count * sizeof(uint32));
	for (i = 0; i < n; i++)
	{
		uint32		at = pivots_nearest(sample->build, sample->item[i], pivots, count, dist);

		for (k = 0; k < CELLS_OVERLAP && k < count; k++)
		{
			uint32		c;

			if (k == 0 || loads[at] % 3 == 0)
				member[at] = sample->item[i];
			loads[at]++;
			dist[at] = INFINITY;
			for (c = 0, at = 0; c < count; c++)
			{
				if (dist[c] < dist[at])
					at = c;
			}
		}
	}
	pfree(dist);
}

/* Adds pivots where the sample says that cells would be too large. */
static uint32
pivots_split(const PivotsSample *sample, const HnswCells *cells, const void **pivots, uint32 count)
{
	double		share = Min((double) sample->room / Max(sample->build->expected, 1), 1.0);
	uint32	   *loads = palloc(cells->room * sizeof(uint32));
	const void **member = palloc0(cells->room * sizeof(void *));
	uint32		round;
	uint32		i;

	for (round = 0; round < PIVOTS_SPLIT_ROUNDS; round++)
	{
		uint32		before = count;

		CHECK_FOR_INTERRUPTS();
		pivots_loads(sample, pivots, count, loads, member);
		for (i = 0; i < before && count < cells->room; i++)
		{
			if (loads[i] > cells->capacity * share)
				pivots[count++] = member[i];
		}
		if (count == before)
			break;
	}
	return count;
}

void
rvi_hnsw_cells_choose_pivots(HnswBuild *build, HnswCells *cells)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build pivots",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PivotsSample sample = {.build = build, .random = PIVOTS_SEED};
	const void **pivots = palloc(cells->room * sizeof(void *));
	Size		stride = rvi_hnsw_cells_stride(build);
	uint8	   *means = palloc_extended(cells->count * stride, MCXT_ALLOC_HUGE);
	uint32		i;

	/* within a part of the memory, but at least two for each */
	sample.room = Min(cells->count * PIVOTS_CANDIDATES, PIVOTS_MAX_CANDIDATES);
	sample.room = (uint32) Min(sample.room, build->memory_limit / PIVOTS_MEMORY / stride);
	sample.room = Max(sample.room, 2 * cells->count);
	sample.items = palloc_extended(sample.room * stride, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	sample.item = palloc(sample.room * sizeof(void *));
	for (i = 0; i < sample.room; i++)
		sample.item[i] = sample.items + i * stride;
	if (!rvi_hnsw_build_scan_ranges(build, pivots_sample_callback, &sample))
		table_index_build_scan(build->heap, build->rel, build->info, false, false,
							   pivots_sample_callback, &sample, NULL);

	/* the order of the sample is the table's: spread the first pivots over it */
	for (i = 0; i < cells->count; i++)
		pivots[i] = sample.item[(uint64) i * Min(sample.rows, sample.room) / cells->count];
	if (build->sample->vectors != NULL &&
		Min(build->sample->rows, (double) build->sample->keep) >= cells->count * PIVOTS_MEAN_ROWS)
		pivots_means(build, means, pivots, cells->count);
	else
	{
		for (i = 0; i < PIVOTS_ROUNDS; i++)
			pivots_improve(&sample, pivots, cells->count);
	}
	cells->count = pivots_split(&sample, cells, pivots, cells->count);
	for (i = 0; i < cells->count; i++)
		memcpy(rvi_hnsw_cells_pivot(build, cells, i), pivots[i], build->item_bytes);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
