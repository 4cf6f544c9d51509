/*-------------------------------------------------------------------------
 *
 * ivf_scan.c
 *	  Ordered scans: ORDER BY column <operator> query.
 *
 * A batch is what one look into `probes` lists finds. Their codes give each
 * row a lower bound of its distance; rows whose bound exceeds the upper
 * bound of SCAN_POOL others are dropped at once, the rest wait in a heap.
 * Rows are measured exactly, on the vectors in the index, in the order of
 * their bounds, and returned when no bound is left below them. When the
 * caller wants more than the pool is good for, the lists are scanned again
 * with a larger one. relaxed_order goes on with further lists.
 *
 * Which rows were returned is remembered, so that none comes twice: not by a
 * second look at a list, not when maintenance has it in two lists for a
 * moment. Why a returned TID belongs to the distance it was ranked by:
 * README-ivfflat.md, "TIDs".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relscan.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/ivf_int.h"
#include "indexam/ivf_pool.h"

#define SCAN_POOL 128			/* rows that a first look is good for */
#define SCAN_POOL_GROWTH 8

typedef struct IvfScanTid
{
	uint64		tid;
	char		status;
} IvfScanTid;

#define SH_PREFIX ivf_returned
#define SH_ELEMENT_TYPE IvfScanTid
#define SH_KEY_TYPE uint64
#define SH_KEY tid
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((key) >> 32) * 0x9E3779B9)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct IvfScanList
{
	float		rank;
	uint32		list;
} IvfScanList;

typedef struct IvfScan
{
	MemoryContext context;		/* of the scan */
	MemoryContext query_context;	/* of one ordering; reset by rescan */
	MemoryContext item_context; /* of reading one vector */
	RvIvfReader reader;
	bool		started;
	int			probes;			/* settings as the ordering started */
	int			max_probes;
	RvIvfIndex *index;
	RveIvfQuery *query;
	float	   *x;				/* as lists rank it */
	RveVectorView view;			/* as given */
	float		unit;			/* of codes' distances, in the operator's */
	IvfScanList *lists;			/* heap of those not yet chosen */
	int			list_count;
	uint32	   *chosen;			/* lists of the batch */
	int			chosen_count;
	int			probed;			/* lists of all batches */
	IvfPool		pool;
	IvfResults	results;
	ivf_returned_hash *returned;
	double		dist;			/* of the vector that was read last */
} IvfScan;

/* PostgreSQL callback */
IndexScanDesc
ivfbeginscan(Relation rel, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(rel, nkeys, norderbys);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfflat scan",
												  ALLOCSET_DEFAULT_SIZES);
	IvfScan    *state = MemoryContextAllocZero(context, sizeof(IvfScan));

	state->context = context;
	state->query_context = AllocSetContextCreate(context, "ivfflat scan query",
												 ALLOCSET_DEFAULT_SIZES);
	state->item_context = AllocSetContextCreate(context, "ivfflat scan vector",
												ALLOCSET_DEFAULT_SIZES);
	state->reader.rel = rel;
	scan->opaque = state;
	return scan;
}

/* PostgreSQL callback */
void
ivfrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	IvfScan    *state = scan->opaque;

	state->started = false;
	rvi_am_take_keys(scan, keys, orderbys);
}

/* PostgreSQL callback */
void
ivfendscan(IndexScanDesc scan)
{
	IvfScan    *state = scan->opaque;

	MemoryContextDelete(state->context);
	scan->opaque = NULL;
}

/* ---- the query ---- */

/* A NULL query has no order to ask for: the zero vector stands in. */
static void
ivf_scan_null_query(IvfScan *state)
{
	int			dim = state->index->geo.dim;

	state->x = palloc0(dim * sizeof(float));
	memset(&state->view, 0, sizeof(state->view));
	state->view.elements = state->index->type->elements;
	state->view.dim = dim;
	state->view.x = state->x;
	state->view.bits = palloc0((dim + 7) / 8);
}

static void
ivf_scan_read_query(IndexScanDesc scan, IvfScan *state)
{
	ScanKey		key = &scan->orderByData[0];
	const RvTypeDesc *type = state->index->type;
	int			dim = state->index->geo.dim;
	RvIvfRow	row;

	if (key->sk_flags & SK_ISNULL)
	{
		ivf_scan_null_query(state);
		return;
	}
	if (type->dim(key->sk_argument) != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg(type->elements == RVE_BITS ? "different bit lengths %d and %d" :
						"different vector dimensions %d and %d",
						dim, type->dim(key->sk_argument))));

	/* a zero query under cosine stays zero: every distance is then NaN */
	(void) rvi_ivf_read_row(type, state->index->metric, dim, key->sk_argument, &row);
	state->x = row.x;
	type->view(PointerGetDatum(row.item), &state->view);
}

/* ---- choosing lists: a heap by rank ---- */

static void
ivf_lists_sift(IvfScanList *lists, int n, int at)
{
	IvfScanList moving = lists[at];
	int			child;

	while ((child = 2 * at + 1) < n)
	{
		if (child + 1 < n && lists[child + 1].rank < lists[child].rank)
			child++;
		if (!(lists[child].rank < moving.rank))
			break;
		lists[at] = lists[child];
		at = child;
	}
	lists[at] = moving;
}

static void
ivf_lists_rank(IvfScan *state)
{
	const RveCentroids *centroids = &state->index->centroids;
	int			n = (int) centroids->count;
	float	   *ranks = palloc(n * sizeof(float));
	int			i;

	rve_kmeans_rank(centroids, state->x, ranks);
	state->lists = palloc(n * sizeof(IvfScanList));
	for (i = 0; i < n; i++)
	{
		state->lists[i].rank = ranks[i];
		state->lists[i].list = i;
	}
	pfree(ranks);
	state->list_count = n;
	for (i = n / 2 - 1; i >= 0; i--)
		ivf_lists_sift(state->lists, n, i);
	state->chosen = palloc(Min(state->probes, n) * sizeof(uint32));
}

/* The next batch's lists; false: no more, or no more allowed. */
static bool
ivf_lists_choose(IvfScan *state)
{
	int			n = Min(Min(state->probes, state->max_probes - state->probed),
						state->list_count);
	int			i;

	for (i = 0; i < n; i++)
	{
		state->chosen[i] = state->lists[0].list;
		state->lists[0] = state->lists[--state->list_count];
		ivf_lists_sift(state->lists, state->list_count, 0);
	}
	state->chosen_count = Max(n, 0);
	state->probed += state->chosen_count;
	return n > 0;
}

/* ---- scanning lists ---- */

/* What the estimate of a list's rows starts from. */
static void
ivf_list_base(const IvfScan *state, const float *centroid, float *base, float *reach)
{
	const RveDistTable *kernels = rve_dist_get();
	float		gap = kernels->l2sq_f32(state->x, centroid, state->index->geo.dim);

	*reach = sqrtf(gap);
	*base = gap;
	if (state->index->metric == RVE_METRIC_IP)
		*base = -kernels->ip_f32(state->x, centroid, state->index->geo.dim);
}

/* Scores the first `used` entries of a block. */
static void
ivf_scan_entries(IvfScan *state, RvIvfBlock block, int used, uint32 serial, const float bounds[2])
{
	float		lower[RVE_IVF_BLOCK];
	float		upper[RVE_IVF_BLOCK];
	float		limit = state->pool.limit;
	IvfCandidate candidate;
	int			i;

	rve_ivf_scan_block(state->query, block->codes, &block->factors, bounds[0], bounds[1],
					   lower, upper);
	candidate.place.serial = serial;
	for (i = 0; i < used; i++)
	{
		if (lower[i] > limit || !ItemPointerIsValid(&block->tid[i]))
			continue;
		candidate.lower = lower[i];
		candidate.upper = upper[i];
		candidate.place.block = block->vec_block[i];
		candidate.place.slot = block->vec_slot[i];
		candidate.tid = block->tid[i];
		rvi_ivf_pool_add(&state->pool, &candidate);
		limit = state->pool.limit;
	}
}

static void
ivf_scan_list(IvfScan *state, uint32 number)
{
	const RvIvfIndex *index = state->index;
	const RvIvfEntryData *list = &index->lists[number];
	const RvIvfGeometry *geo = &index->geo;
	BlockNumber block = list->first;
	Buffer		buffer = InvalidBuffer;
	BlockNumber steps = 0;
	float		bounds[2];

	ivf_list_base(state, index->centroids.x + (Size) number * geo->dim, &bounds[0], &bounds[1]);
	while (block != InvalidBlockNumber)
	{
		Page		page;
		int			used;
		int			i;

		CHECK_FOR_INTERRUPTS();
		page = rvi_ivf_lock_page(&state->reader, block, &buffer);
		if (page == NULL)
			break;

		/* a page that has changed hands: the list was retired long ago (only on a standby) */
		if (!rvi_ivf_page_is(index, page, RV_IVF_PAGE_CODE, list->serial))
		{
			rvi_am_unlock_page(buffer);
			break;
		}
		rvi_ivf_check_code_page(state->reader.rel, index, block, page);
		if (steps++ > state->reader.blocks)
			rvi_am_corrupted(state->reader.rel, block, "IVF-4: a list's chain is a circle.");
		used = rvi_ivf_head(page)->used;
		for (i = 0; i < used; i += RVE_IVF_BLOCK)
			ivf_scan_entries(state, rvi_ivf_block(geo, page, i / RVE_IVF_BLOCK),
							 Min(used - i, RVE_IVF_BLOCK), list->serial, bounds);
		block = rvi_ivf_opaque(page)->next;
		rvi_am_unlock_page(buffer);
	}
	rvi_am_release(buffer);
}

/* Fills the pool from the batch's lists. */
static void
ivf_scan_batch(IvfScan *state, int want)
{
	int			i;

	rvi_ivf_pool_start(&state->pool, want);
	rvi_ivf_results_start(&state->results);
	for (i = 0; i < state->chosen_count; i++)
		ivf_scan_list(state, state->chosen[i]);
	rvi_ivf_pool_finish(&state->pool);
}

static void
ivf_scan_start(IndexScanDesc scan, IvfScan *state)
{
	RvIvfMetaPageData meta;

	pgstat_count_index_scan(scan->indexRelation);
	MemoryContextReset(state->query_context);
	MemoryContextSwitchTo(state->query_context);
	memset(&state->pool, 0, sizeof(state->pool));
	memset(&state->results, 0, sizeof(state->results));
	state->query = NULL;
	state->index = rvi_ivf_open(scan->indexRelation, &meta);
	state->probes = rv_ivfflat_probes;
	state->max_probes = rv_ivfflat_iterative_scan == RV_IVFFLAT_ITERATIVE_OFF ? state->probes :
		Max(rv_ivfflat_max_probes, state->probes);
	state->probed = 0;
	state->unit = state->index->metric == RVE_METRIC_COSINE ? 0.5f : 1.0f;
	state->returned = ivf_returned_create(state->query_context, SCAN_POOL, NULL);
	ivf_scan_read_query(scan, state);
	rv_runtime_check_status(rve_ivf_query_prepare(state->index->codec, state->x,
												  state->index->origin, &state->query),
							"ivfflat scan");
	ivf_lists_rank(state);
	if (ivf_lists_choose(state))
		ivf_scan_batch(state, SCAN_POOL);
	state->started = true;
}

/* ---- exact distances ---- */

static void
ivf_scan_use_item(void *arg, const char *item)
{
	IvfScan    *state = arg;
	RveVectorView view;

	state->index->type->view(PointerGetDatum(item), &view);
	state->dist = rvi_ivf_exact(state->index->metric, &view, &state->view);
}

/* Measures the candidate with the lowest bound. */
static void
ivf_scan_rerank(IvfScan *state)
{
	IvfCandidate candidate = rvi_ivf_pool_pop(&state->pool);
	MemoryContext old = MemoryContextSwitchTo(state->item_context);
	bool		found = rvi_ivf_with_item(&state->reader, state->index, candidate.place,
										  ivf_scan_use_item, state);

	MemoryContextSwitchTo(old);
	MemoryContextReset(state->item_context);
	if (found)
		rvi_ivf_results_add(&state->results, state->dist, &candidate.tid);
}

/* Whether a candidate may still be nearer than the best result. */
static inline bool
ivf_scan_is_open(const IvfScan *state)
{
	return state->pool.count > 0 &&
		(state->results.count == 0 ||
		 !((double) state->pool.all[0].lower * state->unit > state->results.all[0].dist));
}

/* The next row in order; false at the end. */
static bool
ivf_scan_next(IvfScan *state, ItemPointer tid)
{
	for (;;)
	{
		bool		seen;

		CHECK_FOR_INTERRUPTS();
		while (ivf_scan_is_open(state))
			ivf_scan_rerank(state);
		if (state->pool.dropped &&
			(state->results.count == 0 ||
			 !(state->results.all[0].dist <= (double) state->pool.limit * state->unit)))
		{
			ivf_scan_batch(state, Min(state->pool.want, PG_INT32_MAX / SCAN_POOL_GROWTH) *
						   SCAN_POOL_GROWTH);
			continue;
		}
		if (state->results.count == 0)
		{
			if (!ivf_lists_choose(state))
				return false;
			ivf_scan_batch(state, SCAN_POOL);
			continue;
		}
		*tid = rvi_ivf_results_pop(&state->results);
		ivf_returned_insert(state->returned,
							((uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16) |
							ItemPointerGetOffsetNumberNoCheck(tid), &seen);
		if (!seen)
			return true;
	}
}

/* PostgreSQL callback */
bool
ivfgettuple(IndexScanDesc scan, ScanDirection direction)
{
	IvfScan    *state = scan->opaque;
	MemoryContext old;
	bool		found;

	if (!ScanDirectionIsForward(direction))
		elog(ERROR, "ivfflat indexes are scanned forward only");
	if (scan->numberOfOrderBys != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot scan ivfflat index without order")));
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ivfflat indexes support MVCC snapshots only")));
	old = MemoryContextSwitchTo(state->query_context);
	if (!state->started)
		ivf_scan_start(scan, state);
	found = ivf_scan_next(state, &scan->xs_heaptid);
	MemoryContextSwitchTo(old);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	return found;
}
