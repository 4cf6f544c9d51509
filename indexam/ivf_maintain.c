/*-------------------------------------------------------------------------
 *
 * ivf_maintain.c
 *	  Lists follow the data: large ones are split, small ones merged.
 *
 * After SPFresh's LIRE (Xu et al., SOSP 2023). A list of more than twice the
 * mean size is replaced by as many lists as its rows are worth, one below a quarter
 * of it by its neighbours; when rows have got far from their centroids, all
 * lists are formed anew, as a build does. All its rows go to the nearest list there will be;
 * then rows of neighbouring lists that are nearer to a new list move there.
 * Only rows that change lists get a new code.
 *
 * Order of writes: new lists, which nobody sees; rows into them and into
 * neighbours; the new directory; the switch, one record; then rows that moved
 * out of lists that stay. A crash before the switch leaves lost pages and
 * perhaps rows in two lists, one after it rows in two lists: scans return none
 * twice. Rows for lists that stay are therefore written last. While rows are copied the old list takes new ones, until it is
 * marked busy for the rest; from then to the switch inserts into it wait for
 * the page lock on the meta page that is held here.
 *
 * Caller holds a self-conflicting lock on the table, so no rows are removed
 * by others meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"

#define MAINTAIN_SPLIT 2.0		/* times the mean size */
#define MAINTAIN_MERGE 0.25
#define MAINTAIN_SAMPLES_ANEW 50	/* rows a list when all are formed anew, as in a build */
#define MAINTAIN_LEAST_ANEW 10000
#define MAINTAIN_SPLIT_SHARE 0.8	/* of a list's rows in one of its parts: it stays whole */
#define MAINTAIN_SAMPLES 256	/* rows a new list that k-means looks at */
#define MAINTAIN_NEIGHBOURS 8	/* lists around a new one whose rows may move to it */

/*
 * Rows are farther from their centroids than when these were formed: by a fifth on
 * average, and new centroids would be nearer by a tenth.
 */
#define MAINTAIN_DRIFT 1.2
#define MAINTAIN_GAIN 0.9
#define MAINTAIN_DRIFT_SAMPLES 2000

/* A list of the present directory. */
typedef struct MaintainList
{
	RvIvfEntryData entry;
	uint32		rows;
	int			parts;			/* lists its rows are worth; 0 = to be merged */
	bool		gone;			/* it is replaced */
	uint8	   *copied;			/* a bit per entry, page by page */
	Size		copied_bytes;
} MaintainList;

/* Rows that moved out of one page of a list that stays. */
typedef struct MaintainMoved
{
	struct MaintainMoved *next;
	const RvIvfEntryData *list;
	BlockNumber block;
	int			n;
	uint16	   *positions;
	ItemPointerData *tids;
} MaintainMoved;

typedef struct IvfMaintain
{
	Relation	rel;
	RvIvfMaintenance *done;
	RvIvfMetaPageData meta;
	RvIvfIndex *index;			/* as it is */
	RvIvfIndex	next;			/* as it will be */
	RvIvfDirectory directory;	/* the same, to be written */
	RvIvfSampler sampler;
	double		total;			/* rows */
	bool		anew;			/* all lists are replaced */
	float	   *samples;		/* to judge centroids by */
	int			sample_count;
	float	   *new_centroids;	/* then, of all */
	int			new_count;
	double		new_error;
	int			kept;			/* lists of next that stay, the first ones */
	MaintainList *lists;
	RvIvfReader reader;
	RvIvfWriter writer;
	RvIvfBatch	batch;
	MaintainList **owners;		/* of the batch's rows: list and entry that they are copies of */
	Size	   *entries;
	bool		deferring;		/* rows for lists that stay are left for later */
	RvIvfPageRows rows;
	MemoryContext row_context;
	MaintainMoved *moved;
} IvfMaintain;

/* ---- what is to be done ---- */

static void
maintain_count(IvfMaintain *m)
{
	Size		n = m->index->centroids.count;
	Size		i;

	m->lists = palloc0(n * sizeof(MaintainList));
	for (i = 0; i < n; i++)
	{
		MaintainList *list = &m->lists[i];

		vacuum_delay_point();
		list->entry = m->index->lists[i];
		list->parts = 1;
		if (!rvi_ivf_read_rows(&m->reader, m->index, &list->entry, list->entry.first, false,
							   &m->rows))
			rvi_am_corrupted(m->rel, list->entry.first,
							 "IVF-4: the directory names a page that is not its list's first.");
		list->rows = m->rows.head.rows;
		m->total += list->rows;

		/* maintenance that failed left it so; there is no other at work */
		if (m->rows.head.state == RV_IVF_BUSY)
			(void) rvi_ivf_set_state(&m->writer, &list->entry, RV_IVF_OPEN);
	}
}

/* What becomes of a list; true: it is replaced. */
static bool
maintain_judge(MaintainList *list, double target)
{
	if (list->rows > MAINTAIN_SPLIT * Max(target, RVE_IVF_BLOCK))
		list->parts = (int) Min(rint(list->rows / Max(target, RVE_IVF_BLOCK)), RV_IVF_MAX_LISTS);
	else if (target >= RVE_IVF_BLOCK && list->rows < MAINTAIN_MERGE * target)
		list->parts = 0;
	return list->parts != 1;
}

/* ---- new lists ---- */

/* A sample of all lists, each by its size; total: rows of all. */
static int
maintain_sample_all(IvfMaintain *m, double total, float *samples, int room)
{
	int			n = 0;
	Size		i;

	for (i = 0; i < m->index->centroids.count; i++)
	{
		MaintainList *list = &m->lists[i];
		int			share = (int) Min(ceil(room * (list->rows / total)), room - n);

		if (share > 0)
			n += rvi_ivf_sample_list(&m->sampler, &list->entry, list->rows,
									 samples + (Size) n * m->index->geo.dim, share);
	}
	return n;
}

/* Finds the centroids that split a list; it stays when it cannot be split. */
static int
maintain_train(IvfMaintain *m, MaintainList *list, float *centroids)
{
	int			room;
	float	   *samples = rvi_ivf_alloc_samples(&m->sampler,
												Min((double) list->parts * MAINTAIN_SAMPLES,
													list->rows), list->parts, &room);
	int			n = rvi_ivf_sample_list(&m->sampler, &list->entry, list->rows, samples, room);
	double		error;
	int			found = rvi_ivf_cluster(&m->sampler, list->parts, true, samples, n, centroids,
										&error);

	/* equal rows, or nearly so: most would end up in one list again */
	if (found > 1 &&
		rvi_ivf_largest_share(&m->sampler, centroids, found, samples, n) > MAINTAIN_SPLIT_SHARE)
		found = 1;
	pfree(samples);
	list->gone = found > 1;
	list->parts = found > 1 ? found : 1;
	return found > 1 ? found : 0;
}

/* Finds the centroids of as many lists as the index is to have, from rows of all lists. */
static void
maintain_train_anew(IvfMaintain *m)
{
	int			room;
	float	   *samples = rvi_ivf_alloc_samples(&m->sampler,
												Min(m->total, Max((double) m->meta.lists *
																  MAINTAIN_SAMPLES_ANEW,
																  MAINTAIN_LEAST_ANEW)),
												m->meta.lists, &room);
	int			n = maintain_sample_all(m, m->total, samples, room);

	m->new_centroids = MemoryContextAllocHuge(CurrentMemoryContext, (Size) m->meta.lists *
											  m->index->geo.dim * sizeof(float));
	m->new_count = rvi_ivf_cluster(&m->sampler, m->meta.lists, false, samples, n,
								   m->new_centroids, &m->new_error);
	pfree(samples);
}

/* A small sample to judge centroids by. */
static void
maintain_draw(IvfMaintain *m)
{
	int			room;

	m->samples = rvi_ivf_alloc_samples(&m->sampler, Min(m->total, MAINTAIN_DRIFT_SAMPLES), 1,
									   &room);
	m->sample_count = maintain_sample_all(m, m->total, m->samples, room);
}

static float
maintain_error(IvfMaintain *m, const RveCentroids *centroids)
{
	double		error = rve_kmeans_error(centroids, m->samples, m->sample_count);

	CHECK_FOR_INTERRUPTS();
	return (float) error;
}

/*
 * Whether rows have moved so far from the centroids that new ones are worth
 * it: then m->new_centroids are these.
 */
static bool
maintain_has_drifted(IvfMaintain *m)
{
	float		error = maintain_error(m, &m->index->centroids);

	if (!(error > MAINTAIN_DRIFT * m->meta.error))
		return false;
	maintain_train_anew(m);
	if (m->new_count > 0 && m->new_error < MAINTAIN_GAIN * error)
		return true;

	/* the data are like that: do not try again before they have changed once more */
	rvi_ivf_set_error(&m->writer, error);
	return false;
}

/* Decides which lists are split and merged; false: none. */
static bool
maintain_plan(IvfMaintain *m)
{
	Size		n = m->index->centroids.count;
	bool		any = false;
	bool		any_left = false;
	Size		largest = 0;
	Size		i;

	for (i = 0; i < n; i++)
	{
		MaintainList *list = &m->lists[i];

		list->gone = maintain_judge(list, m->total / m->meta.lists);
		any |= list->gone;
		any_left |= list->parts > 0;
		largest = list->rows > m->lists[largest].rows ? i : largest;
	}
	m->anew = maintain_has_drifted(m);
	if (!any_left)
	{
		m->lists[largest].parts = 1;
		m->lists[largest].gone = false;
	}
	for (i = 0; i < n && m->anew; i++)
		m->lists[i].gone = true;
	return any || m->anew;
}

/* Appends a list to the future directory. */
static void
maintain_add_list(IvfMaintain *m, const RvIvfEntryData *entry, const float *centroid)
{
	RvIvfDirectory *directory = &m->directory;

	directory->lists[directory->nlists] = *entry;
	memcpy(directory->centroids + (Size) directory->nlists * directory->dim, centroid,
		   directory->dim * sizeof(float));
	directory->nlists++;
}

/* The centroids of all new lists; returns how many those are. */
static int
maintain_train_all(IvfMaintain *m, float **centroids)
{
	int			dim = m->index->geo.dim;
	Size		room = 0;
	int			n = 0;
	Size		i;

	if (m->anew)
	{
		*centroids = m->new_centroids;
		return m->new_count;
	}
	for (i = 0; i < m->index->centroids.count; i++)
		room += m->lists[i].parts > 1 ? m->lists[i].parts : 0;
	*centroids = MemoryContextAllocHuge(CurrentMemoryContext, (room + 1) * dim * sizeof(float));
	for (i = 0; i < m->index->centroids.count; i++)
		if (m->lists[i].parts > 1)
			n += maintain_train(m, &m->lists[i], *centroids + (Size) n * dim);
	return n;
}

/* The mean of all new centroids becomes the origin when no list stays whose codes hang on the old one. */
static void
maintain_set_origin(IvfMaintain *m, const float *centroids, int n)
{
	int			i;
	int			d;

	memcpy(m->directory.origin, m->index->origin, m->directory.dim * sizeof(float));
	if (m->kept > 0)
		return;
	memset(m->directory.origin, 0, m->directory.dim * sizeof(float));
	for (i = 0; i < n; i++)
		for (d = 0; d < m->directory.dim; d++)
			m->directory.origin[d] += centroids[(Size) i * m->directory.dim + d] / n;
}

/* Makes m->directory and m->next; false: nothing is left to be done. */
static bool
maintain_create_lists(IvfMaintain *m)
{
	int			dim = m->index->geo.dim;
	float	   *centroids;
	int			n = maintain_train_all(m, &centroids);
	int			gone = 0;
	uint32		serial;
	Size		i;

	for (i = 0; i < m->index->centroids.count; i++)
		gone += m->lists[i].gone;
	if (gone == 0 || (m->anew && n < 2))
		return false;
	m->kept = (int) m->index->centroids.count - gone;
	m->directory.dim = dim;
	m->directory.origin = palloc(dim * sizeof(float));
	m->directory.lists = palloc((m->kept + n) * sizeof(RvIvfEntryData));
	m->directory.centroids = MemoryContextAllocHuge(CurrentMemoryContext,
													(Size) (m->kept + n) * dim * sizeof(float));
	for (i = 0; i < m->index->centroids.count; i++)
		if (!m->lists[i].gone)
			maintain_add_list(m, &m->lists[i].entry, m->index->centroids.x + i * dim);
	maintain_set_origin(m, centroids, n);
	serial = n > 0 ? rvi_ivf_take_serials(&m->writer, n) : 0;
	for (i = 0; i < (Size) n; i++)
	{
		RvIvfEntryData entry;

		entry.serial = serial + i;
		entry.first = rvi_ivf_create_list(&m->writer, &m->index->geo, entry.serial);
		maintain_add_list(m, &entry, centroids + i * dim);
	}
	m->done->created = n;
	return true;
}

/* The index as it will be, for encoding and assigning. */
static void
maintain_init_next(IvfMaintain *m)
{
	m->next = *m->index;
	m->next.origin = m->directory.origin;
	m->next.lists = m->directory.lists;
	m->next.centroids.x = m->directory.centroids;
	m->next.centroids.count = m->directory.nlists;
	if (m->index->centroids.inverse_norms != NULL)
	{
		float	   *norms = palloc(m->directory.nlists * sizeof(float));

		rve_kmeans_inverse_norms(m->directory.centroids, m->directory.nlists, m->directory.dim,
								 norms);
		m->next.centroids.inverse_norms = norms;
	}
	m->directory.error = m->anew ? (float) m->new_error : maintain_error(m, &m->next.centroids);
	rvi_ivf_batch_init(&m->batch, &m->next, &m->writer);
	m->owners = palloc(m->batch.room * sizeof(MaintainList *));
	m->entries = palloc(m->batch.room * sizeof(Size));
}

/* ---- rows of lists that go ---- */

/* Takes rows out of the batch that belong in lists that stay; they count as not copied. */
static void
maintain_defer(IvfMaintain *m)
{
	RvIvfBatch *batch = &m->batch;
	Size		dim = m->index->geo.dim;
	int			kept = 0;
	int			i;

	for (i = 0; i < batch->count; i++)
	{
		Size		entry = m->entries[i];

		if (batch->nearest[i] < (uint32) m->kept)
		{
			m->owners[i]->copied[entry / 8] &= ~(1 << (entry % 8));
			continue;
		}
		if (kept != i)
		{
			memcpy(batch->x + kept * dim, batch->x + i * dim, dim * sizeof(float));
			batch->items[kept] = batch->items[i];
			batch->nearest[kept] = batch->nearest[i];
		}
		kept++;
	}
	batch->count = kept;
}

/*
 * Appends the batch's rows. Before the lists are busy, only those for new
 * lists: what an error then leaves behind is lost pages, and not row after row twice.
 */
static void
maintain_flush(IvfMaintain *m)
{
	rvi_ivf_batch_assign(&m->batch);
	if (m->deferring)
		maintain_defer(m);
	m->done->moved += rvi_ivf_batch_load(&m->batch);
}

/* Whether the entry was not copied before; it counts as copied from now on. */
static bool
maintain_take(IvfMaintain *m, MaintainList *list, Size entry)
{
	Size		bytes = entry / 8 + 1;

	if (bytes > list->copied_bytes)
	{
		Size		room = Max(bytes, 2 * list->copied_bytes);

		list->copied = list->copied == NULL ? palloc(room) : repalloc_huge(list->copied, room);
		memset(list->copied + list->copied_bytes, 0, room - list->copied_bytes);
		list->copied_bytes = room;
	}
	if ((list->copied[entry / 8] >> (entry % 8)) & 1)
		return false;
	list->copied[entry / 8] |= 1 << (entry % 8);
	return true;
}

/* Copies the rows of a list that were not copied yet to the lists of next. */
static void
maintain_copy(IvfMaintain *m, MaintainList *list)
{
	BlockNumber block = list->entry.first;
	Size		page = 0;
	int			i;

	while (block != InvalidBlockNumber)
	{
		vacuum_delay_point();
		if (page > RelationGetNumberOfBlocks(m->rel) ||
			!rvi_ivf_read_rows(&m->reader, m->index, &list->entry, block, false, &m->rows))
			rvi_am_corrupted(m->rel, block,
							 "IVF-4: a list's chain leads to a page of something else.");
		for (i = 0; i < m->rows.n; i++)
		{
			MemoryContext old;
			RvIvfRow	row;
			Size		entry = page * m->index->geo.capacity + m->rows.positions[i];

			if (!maintain_take(m, list, entry))
				continue;
			m->owners[m->batch.count] = list;
			m->entries[m->batch.count] = entry;
			old = MemoryContextSwitchTo(m->row_context);
			rvi_ivf_read_stored(&m->reader, m->index, m->rows.places[i], &row);
			rvi_ivf_batch_add(&m->batch, &row, &m->rows.tids[i]);
			MemoryContextSwitchTo(old);
			MemoryContextReset(m->row_context);
			if (rvi_ivf_batch_is_full(&m->batch))
				maintain_flush(m);
		}
		block = m->rows.next;
		page++;
	}
}

/* Copies what there is of all lists that go. */
static void
maintain_copy_all(IvfMaintain *m)
{
	Size		i;

	for (i = 0; i < m->index->centroids.count; i++)
		if (m->lists[i].gone)
			maintain_copy(m, &m->lists[i]);
	maintain_flush(m);
}

/* ---- rows of lists that stay ---- */

/* Marks the lists that are among the nearest to a new one. */
static void
maintain_find_neighbours(IvfMaintain *m, bool *near)
{
	RveCentroids kept = m->next.centroids;
	float	   *ranks;
	int			i;
	int			k;
	int			l;

	kept.count = m->kept;
	memset(near, 0, m->kept * sizeof(bool));
	ranks = palloc(Max(m->kept, 1) * sizeof(float));
	for (i = m->kept; i < m->directory.nlists; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rve_kmeans_rank(&kept, m->directory.centroids + (Size) i * m->directory.dim, ranks);
		for (k = 0; k < Min(MAINTAIN_NEIGHBOURS, m->kept); k++)
		{
			int			best = 0;

			for (l = 1; l < m->kept; l++)
				if (ranks[l] < ranks[best])
					best = l;
			near[best] = true;
			ranks[best] = INFINITY;
		}
	}
	pfree(ranks);
}

/* Notes that a row of the present page is to leave it once the switch is done. */
static void
maintain_note_moved(IvfMaintain *m, const RvIvfEntryData *list, BlockNumber block, int i)
{
	MaintainMoved *moved = m->moved;

	if (moved == NULL || moved->block != block)
	{
		moved = palloc0(sizeof(MaintainMoved));
		moved->next = m->moved;
		moved->list = list;
		moved->block = block;
		moved->positions = palloc(m->index->geo.capacity * sizeof(uint16));
		moved->tids = palloc(m->index->geo.capacity * sizeof(ItemPointerData));
		m->moved = moved;
	}
	moved->positions[moved->n] = m->rows.positions[i];
	moved->tids[moved->n++] = m->rows.tids[i];
}

/* Puts the rows of a page that are nearer to a new list than to theirs into the batch. */
static void
maintain_reassign_page(IvfMaintain *m, int number, BlockNumber block)
{
	int			i;

	for (i = 0; i < m->rows.n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(m->row_context);
		RvIvfRow	row;
		uint32		nearest;

		rvi_ivf_read_stored(&m->reader, m->index, m->rows.places[i], &row);
		rve_kmeans_assign(&m->next.centroids, row.x, 1, &nearest, NULL);
		if (nearest >= (uint32) m->kept)
			rvi_ivf_batch_add(&m->batch, &row, &m->rows.tids[i]);
		MemoryContextSwitchTo(old);
		MemoryContextReset(m->row_context);
		if (nearest >= (uint32) m->kept)
			maintain_note_moved(m, &m->directory.lists[number], block, i);
		if (rvi_ivf_batch_is_full(&m->batch))
			maintain_flush(m);
	}
}

static void
maintain_reassign(IvfMaintain *m)
{
	bool	   *near = palloc(Max(m->kept, 1) * sizeof(bool));
	int			i;

	maintain_find_neighbours(m, near);
	for (i = 0; i < m->kept; i++)
	{
		BlockNumber block = m->directory.lists[i].first;

		while (near[i] && block != InvalidBlockNumber)
		{
			vacuum_delay_point();
			if (!rvi_ivf_read_rows(&m->reader, m->index, &m->directory.lists[i], block, false,
								   &m->rows))
				break;
			maintain_reassign_page(m, i, block);
			block = m->rows.next;
		}
	}
	maintain_flush(m);
	pfree(near);
}

/* Takes moved rows out of the lists that they were in. */
static void
maintain_remove_moved(IvfMaintain *m)
{
	MaintainMoved *moved;

	for (moved = m->moved; moved != NULL; moved = moved->next)
	{
		RvIvfRemoval removal;

		CHECK_FOR_INTERRUPTS();
		removal.list = moved->list;
		removal.block = moved->block;
		removal.n = moved->n;
		removal.positions = moved->positions;
		removal.tids = moved->tids;
		removal.hint = moved->list->first;
		rvi_ivf_remove(&m->writer, m->index, &removal);
	}
}

/* ---- the switch ---- */

static void
maintain_switch(IvfMaintain *m)
{
	Size		n = m->index->centroids.count;
	RvIvfEntryData *retired = palloc(n * sizeof(RvIvfEntryData));
	BlockNumber head;
	uint32		gone = 0;
	Size		i;

	/* inserts into lists that go wait from here on */
	LockPage(m->rel, RV_IVF_META_BLOCK, ExclusiveLock);
	for (i = 0; i < n; i++)
	{
		if (!m->lists[i].gone)
			continue;
		CHECK_FOR_INTERRUPTS();
		if (!rvi_ivf_set_state(&m->writer, &m->lists[i].entry, RV_IVF_BUSY))
			rvi_am_corrupted(m->rel, m->lists[i].entry.first,
							 "IVF-4: the directory names a page that is not its list's first.");
		retired[gone++] = m->lists[i].entry;
		m->done->split += m->lists[i].parts > 1;
		m->done->merged += m->lists[i].parts == 0;
	}
	maintain_copy_all(m);		/* what came meanwhile, and what goes to lists that stay */
	head = rvi_ivf_write_retired(&m->writer, retired, gone, m->meta.retired_head);
	rvi_ivf_switch(&m->writer, &m->directory, head);
	UnlockPage(m->rel, RV_IVF_META_BLOCK, ExclusiveLock);
	pfree(retired);
}

static void
maintain_lists(IvfMaintain *m)
{
	maintain_count(m);
	if (m->total < 1)
		return;
	maintain_draw(m);
	if (!maintain_plan(m) || !maintain_create_lists(m))
		return;
	maintain_init_next(m);
	m->deferring = true;
	maintain_copy_all(m);
	m->deferring = false;
	maintain_reassign(m);
	rvi_ivf_read_meta(m->rel, &m->meta);
	maintain_switch(m);
	rvi_ivf_free_directory(&m->writer, &m->meta);
	maintain_remove_moved(m);
	m->done->lists_after = m->directory.nlists;
}

void
rvi_ivf_maintain(Relation rel, RvIvfMaintenance *done)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat maintenance",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	IvfMaintain *m = palloc0(sizeof(IvfMaintain));

	memset(done, 0, sizeof(*done));
	m->rel = rel;
	m->done = done;
	m->index = rvi_ivf_open(rel, &m->meta);
	m->reader.rel = rel;
	rvi_ivf_writer_init(&m->writer, rel, m->index->magic, false);
	m->writer.maintenance = true;
	m->row_context = AllocSetContextCreate(context, "ivfflat maintenance row",
										   ALLOCSET_DEFAULT_SIZES);
	rvi_ivf_page_rows_init(&m->rows, &m->index->geo);
	rvi_ivf_sampler_init(&m->sampler, rel, m->index);
	done->lists_before = done->lists_after = m->index->centroids.count;
	done->freed = rvi_ivf_free_retired(&m->writer, m->index);
	if (m->index->geo.item_bytes > 0)
		maintain_lists(m);
	rvi_ivf_writer_done(&m->writer);

	/* lists retired just now get their horizon, and usually wait for the next time */
	done->freed += rvi_ivf_free_retired(&m->writer, m->index);
	done->freed += rvi_ivf_free_leaked(&m->writer, rvi_ivf_open(rel, &m->meta));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
