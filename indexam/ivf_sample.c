/*-------------------------------------------------------------------------
 *
 * ivf_sample.c
 *	  Samples of the rows in an ivfflat index, and clustering them.
 *
 * Maintenance forms lists from what the index holds itself: the table is not
 * read. Pages are read under share locks, one at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define SAMPLE_SEED UINT64CONST(0x4D61696E7461696E)

typedef struct SampleItem
{
	const RvIvfIndex *index;
	RvIvfRow	row;
} SampleItem;

void
rvi_ivf_sampler_init(RvIvfSampler *sampler, Relation rel, const RvIvfIndex *index)
{
	memset(sampler, 0, sizeof(*sampler));
	sampler->reader.rel = rel;
	sampler->index = index;
	sampler->random = SAMPLE_SEED;
	sampler->row_context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat sample row",
												 ALLOCSET_DEFAULT_SIZES);
	rvi_ivf_page_rows_init(&sampler->rows, &index->geo);
}

/* Takes a stored vector as the row it came from. */
static void
sample_use_item(void *arg, const char *item)
{
	SampleItem *sample = arg;
	char	   *copy = palloc(sample->index->geo.item_bytes);

	memcpy(copy, item, sample->index->geo.item_bytes);
	sample->row.item = copy;
	sample->row.item_bytes = sample->index->geo.item_bytes;
	sample->row.x = palloc(sample->index->geo.dim * sizeof(float));
	rvi_ivf_item_floats(sample->index, copy, sample->row.x);
}

void
rvi_ivf_read_stored(RvIvfReader *reader, const RvIvfIndex *index, RvIvfPlace place, RvIvfRow *row)
{
	SampleItem	sample = {0};

	sample.index = index;
	if (!rvi_ivf_with_item(reader, index, place, sample_use_item, &sample))
		rvi_am_corrupted(reader->rel, place.block,
						 "IVF-5: an entry's vector page is not its list's.");
	*row = sample.row;
}

float *
rvi_ivf_alloc_samples(const RvIvfSampler *sampler, double wanted, int least, int *room)
{
	Size		vector = sampler->index->geo.dim * sizeof(float);
	double		limit = (double) maintenance_work_mem * 1024 / vector;

	*room = (int) Max(Min(Min(wanted, limit), PG_INT32_MAX / 2), least);
	return MemoryContextAllocHuge(CurrentMemoryContext, *room * vector);
}

int
rvi_ivf_sample_list(RvIvfSampler *sampler, const RvIvfEntryData *list, uint32 list_rows,
					float *samples, int room)
{
	int			dim = sampler->index->geo.dim;
	int			step = Max((int) (list_rows / Max(room, 1)), 1);
	BlockNumber block = list->first;
	int			seen = 0;
	int			n = 0;
	int			i;

	while (block != InvalidBlockNumber && n < room)
	{
		vacuum_delay_point();
		if (!rvi_ivf_read_rows(&sampler->reader, sampler->index, list, block, false,
							   &sampler->rows))
			break;
		for (i = 0; i < sampler->rows.n && n < room; i++)
		{
			MemoryContext old;
			RvIvfRow	row;

			if (seen++ % step != 0)
				continue;
			old = MemoryContextSwitchTo(sampler->row_context);
			rvi_ivf_read_stored(&sampler->reader, sampler->index, sampler->rows.places[i], &row);
			memcpy(samples + (Size) n * dim, row.x, dim * sizeof(float));
			n++;
			MemoryContextSwitchTo(old);
			MemoryContextReset(sampler->row_context);
		}
		block = sampler->rows.next;
	}
	return n;
}

/* Samples come in the order of lists and pages; k-means wants them in none. */
static void
sample_shuffle(RvIvfSampler *sampler, float *samples, int n)
{
	int			dim = sampler->index->geo.dim;
	float	   *swap = palloc(dim * sizeof(float));
	int			i;

	for (i = n - 1; i > 0; i--)
	{
		float	   *a = samples + (Size) i * dim;
		float	   *b = samples + (rve_base_random_next(&sampler->random) % (i + 1)) * dim;

		memcpy(swap, a, dim * sizeof(float));
		memmove(a, b, dim * sizeof(float));
		memcpy(b, swap, dim * sizeof(float));
	}
	pfree(swap);
}

int
rvi_ivf_cluster(RvIvfSampler *sampler, int lists, bool by_density, float *samples, int n,
				float *centroids, double *error)
{
	RveKmeansParams params = {0};
	int			found;

	sample_shuffle(sampler, samples, n);
	params.dim = sampler->index->geo.dim;
	params.lists = lists;
	params.spherical = rvi_ivf_counts_direction(sampler->index->metric);
	params.random_start = by_density;
	params.seed = SAMPLE_SEED;
	rv_runtime_check_status(rve_kmeans_train(&params, samples, n, centroids, &found, error),
							"ivfflat k-means");
	return found;
}

double
rvi_ivf_largest_share(const RvIvfSampler *sampler, const float *centroids, int lists,
					  const float *samples, int n)
{
	RveCentroids view = {0};
	float	   *norms = palloc(lists * sizeof(float));
	uint32	   *nearest = palloc(Max(n, 1) * sizeof(uint32));
	int		   *counts = palloc0(lists * sizeof(int));
	int			largest = 0;
	int			i;

	view.x = centroids;
	view.count = lists;
	view.dim = sampler->index->geo.dim;
	if (rvi_ivf_counts_direction(sampler->index->metric))
	{
		rve_kmeans_inverse_norms(centroids, lists, view.dim, norms);
		view.inverse_norms = norms;
	}
	rve_kmeans_assign(&view, samples, n, nearest, NULL);
	for (i = 0; i < n; i++)
		largest = Max(largest, ++counts[nearest[i]]);
	pfree(counts);
	pfree(nearest);
	pfree(norms);
	return n > 0 ? (double) largest / n : 0;
}
