/*-------------------------------------------------------------------------
 *
 * hnsw_scan.c
 *	  Ordered scans: ORDER BY column <operator> query.
 *
 * A batch is what one search returns, ef nodes found on codes. All of them
 * are measured exactly on their vectors before any is returned, so rows leave
 * in the operator's order. When the executor wants more than the batch, the
 * search is resumed. strict_order holds a quarter of a batch back while the
 * search can go on, merges the next batch into it, and drops a row that
 * would have come before one already returned; relaxed_order returns it
 * late; off ends the scan with the first batch.
 *
 * Why a returned TID belongs to the vector it was ranked by: the vector is
 * read with the seq it was written under, then the slot; a slot that is live
 * under the same seq still means that vector. Should vacuum recycle the heap
 * line afterwards, the row in it is invisible to this scan's MVCC snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relscan.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_int.h"

#define SCAN_ENTRY_ATTEMPTS 16	/* when vacuum replaces the entry as a search starts */
#define SCAN_CHAIN_RESTARTS 16	/* when vacuum takes duplicates out under a walk */
#define SCAN_HELD_BACK 4		/* strict order: 1/4 of a batch */

/* A row to return; with duplicates, the chain that follows it at the same distance. */
typedef struct ScanRow
{
	double		dist;
	ItemPointerData tid;
	uint16		seq;			/* of primary */
	RveNode		primary;
	RveNode		chain;			/* next duplicate or RVE_NODE_NONE */
} ScanRow;

typedef struct HnswScan
{
	MemoryContext context;
	RvHnswIndex *index;
	RvHnswPageGraph *graph;
	RveHnswSearch *search;
	float	   *query;			/* as given */
	float	   *coded;			/* normalised for cosine */
	float	   *vector;
	bool		started;
	bool		exhausted;		/* the search has nothing more */
	double		last;			/* distance of the last row returned */
	double		returned;
	int			ef;				/* settings as the scan started */
	int			mode;
	ScanRow    *rows;			/* [next, count) wait, sorted */
	int			next;
	int			count;
	int			room;
} HnswScan;

/* PostgreSQL callback */
IndexScanDesc
hnswbeginscan(Relation rel, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(rel, nkeys, norderbys);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw scan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	HnswScan   *state = palloc0(sizeof(HnswScan));
	RvHnswMetaPageData meta;

	state->context = context;
	state->index = rvi_hnsw_open(rel, &meta);
	state->graph = rvi_hnsw_graph_create(rel, state->index, &meta);
	state->query = palloc(state->index->geo.dim * sizeof(float));
	state->coded = palloc(state->index->geo.dim * sizeof(float));
	state->vector = palloc(state->index->geo.dim * sizeof(float));
	rv_runtime_check_status(rve_hnsw_search_create(&state->search), "hnsw scan");
	MemoryContextSwitchTo(old);
	scan->opaque = state;
	return scan;
}

/* PostgreSQL callback */
void
hnswrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	HnswScan   *state = scan->opaque;

	state->started = false;
	state->exhausted = false;
	state->next = state->count = 0;
	state->returned = 0;
	if (keys != NULL && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orderbys != NULL && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}

/* PostgreSQL callback */
void
hnswendscan(IndexScanDesc scan)
{
	HnswScan   *state = scan->opaque;

	MemoryContextDelete(state->context);
	scan->opaque = NULL;
}

/* ---- the query ---- */

/* A NULL query has no order to ask for: the zero vector stands in. */
static void
scan_read_query(IndexScanDesc scan, HnswScan *state)
{
	ScanKey		key = &scan->orderByData[0];
	int			dim = state->index->geo.dim;
	RvHnswRow	row;

	row.stored = state->query;
	row.coded = state->coded;
	if (key->sk_flags & SK_ISNULL)
	{
		memset(state->query, 0, dim * sizeof(float));
		memset(state->coded, 0, dim * sizeof(float));
		return;
	}
	if (state->index->type->dim(key->sk_argument) != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different vector dimensions %d and %d", dim,
						state->index->type->dim(key->sk_argument))));

	/* a zero query under cosine stays zero: every distance is then NaN */
	(void) rvi_hnsw_read_row(state->index->type, state->index->metric, dim, key->sk_argument, &row);
}

/* ---- rows ---- */

static int
scan_compare_rows(const void *a, const void *b)
{
	const ScanRow *left = a;
	const ScanRow *right = b;
	bool		left_nan = isnan(left->dist);
	bool		right_nan = isnan(right->dist);

	if (left_nan != right_nan)
		return left_nan - right_nan;
	if (!left_nan && left->dist != right->dist)
		return left->dist < right->dist ? -1 : 1;
	return ItemPointerCompare((ItemPointer) &left->tid, (ItemPointer) &right->tid);
}

/* As the operator does; NaN passes through. */
static double
scan_clamp_cosine(double value)
{
	if (value > 1.0)
		return 1.0;
	return value < -1.0 ? -1.0 : value;
}

/* The operator's distance, or something that orders the same way. */
static double
scan_exact(const HnswScan *state)
{
	const RveDistTable *kernels = rve_dist_get();
	int			dim = state->index->geo.dim;
	float		ip;
	float		aa;
	float		bb;

	if (state->index->metric == RVE_METRIC_IP)
		return -kernels->ip_f32(state->vector, state->query, dim);
	if (state->index->metric != RVE_METRIC_COSINE)
		return kernels->l2sq_f32(state->vector, state->query, dim);
	kernels->cos_f32(state->vector, state->query, dim, &ip, &aa, &bb);
	return 1.0 - scan_clamp_cosine(ip / sqrt((double) aa * bb));
}

/*
 * Puts a found node among the waiting rows if it still is a live one. False:
 * vacuum has freed its slot since the search scored it.
 */
static bool
scan_add_row(HnswScan *state, RveNode node)
{
	RvHnswReader *reader = &state->graph->reader;
	RvHnswSlotData slot;
	ScanRow    *row;
	uint16		seq;

	if (!rvi_hnsw_read_vector(reader, node, &seq, state->vector) ||
		!rvi_hnsw_read_slot(reader, node, &slot) || slot.seq != seq)
		return false;
	if (slot.state != RV_HNSW_LIVE)
		return slot.state == RV_HNSW_DOOMED;
	if (!ItemPointerIsValid(&slot.tid) && slot.dup_next == RVE_NODE_NONE)
		return true;
	row = &state->rows[state->count++];
	row->dist = scan_exact(state);
	row->tid = slot.tid;
	row->seq = seq;
	row->primary = node;
	row->chain = slot.dup_next;
	return true;
}

/*
 * Takes what the last search or resume found into the waiting rows. False:
 * some of it was freed meanwhile.
 */
static bool
scan_take_batch(HnswScan *state)
{
	const RveCandidate *found;
	bool		whole = true;
	int			n;
	int			i;

	found = rve_hnsw_search_results(state->search, &n);
	state->exhausted = n == 0;
	if (state->next > 0)
	{
		memmove(state->rows, state->rows + state->next,
				(state->count - state->next) * sizeof(ScanRow));
		state->count -= state->next;
		state->next = 0;
	}
	if (state->count + n > state->room)
	{
		state->room = Max(state->count + n, 2 * state->ef);
		state->rows = state->rows == NULL ? palloc(state->room * sizeof(ScanRow)) :
			repalloc(state->rows, state->room * sizeof(ScanRow));
	}
	for (i = 0; i < n; i++)
		whole &= scan_add_row(state, found[i].node);
	qsort(state->rows, state->count, sizeof(ScanRow), scan_compare_rows);
	return whole;
}

/* ---- searching ---- */

static void
scan_start(IndexScanDesc scan, HnswScan *state)
{
	RvHnswMetaPageData meta;
	RveNode		missing = RVE_NODE_NONE;
	int			attempt;
	int			n;
	RveVectorView view = {.elements = RVE_DENSE, .dim = state->index->geo.dim};

	pgstat_count_index_scan(scan->indexRelation);
	scan_read_query(scan, state);
	view.x = state->coded;
	rv_runtime_check_status(rve_quant_query_prepare(state->index->codec, &view,
													&state->graph->query), "hnsw scan");
	state->ef = rv_hnsw_ef_search;
	state->mode = rv_hnsw_iterative_scan;
	state->last = -INFINITY;
	state->started = true;
	for (attempt = 0; attempt < SCAN_ENTRY_ATTEMPTS; attempt++)
	{
		rvi_hnsw_read_meta(scan->indexRelation, &meta);
		rvi_hnsw_graph_refresh(state->graph, &meta);
		rv_runtime_check_status(rve_hnsw_search_start(state->search, &state->graph->graph,
													  state->ef,
													  state->mode != RV_HNSW_ITERATIVE_OFF),
								"hnsw scan");
		rve_hnsw_search_results(state->search, &n);

		/*
		 * A node that vacuum frees between being scored and being expanded
		 * has no edges: when it is where level 0 begins, the search finds it
		 * and nothing else.
		 */
		if ((n > 0 || meta.entry == RVE_NODE_NONE) &&
			(scan_take_batch(state) || state->count > 0 ||
			 attempt == SCAN_ENTRY_ATTEMPTS - 1))
			return;

		/* the entry was removed between reading the meta page and reading it */
		if (n > 0)
			continue;
		if (meta.entry == missing)
			break;
		missing = meta.entry;
	}
	rvi_hnsw_corrupted(scan->indexRelation, RV_HNSW_META_BLOCK,
					   "HNSW-4: the entry node does not exist.");
}

/* Whether to get another batch before returning the next waiting row. */
static bool
scan_wants_more(const HnswScan *state)
{
	int			held_back = 0;

	if (state->exhausted || state->mode == RV_HNSW_ITERATIVE_OFF ||
		state->returned + state->count - state->next >= rv_hnsw_max_scan_tuples)
		return false;
	if (state->mode == RV_HNSW_ITERATIVE_STRICT)
		held_back = state->ef / SCAN_HELD_BACK;
	return state->count - state->next <= held_back;
}

/*
 * Moves a row on to the next duplicate in its chain that this scan has not
 * returned. False: there is none. Vacuum may take links out meanwhile; a walk
 * that ends up elsewhere starts again from the node the chain hangs on.
 */
static bool
scan_follow_chain(HnswScan *state, ScanRow *row)
{
	RvHnswReader *reader = &state->graph->reader;
	RvHnswSlotData slot;
	uint64		steps = 0;
	int			restarts = 0;
	bool		is_new;

	while (row->chain != RVE_NODE_NONE)
	{
		RveNode		nid = row->chain;

		CHECK_FOR_INTERRUPTS();
		if (steps++ > (uint64) reader->blocks * reader->index->geo.slots_per_page)
			rvi_hnsw_corrupted(reader->rel,
							   rvi_hnsw_slot_place(&reader->index->geo, nid).block,
							   "HNSW-7: a chain of duplicates is a circle.");
		if (rvi_hnsw_read_slot(reader, nid, &slot) && slot.link == row->primary &&
			(slot.state == RV_HNSW_DUPLICATE || slot.state == RV_HNSW_DOOMED_DUPLICATE))
		{
			row->chain = slot.dup_next;
			rv_runtime_check_status(rve_hnsw_search_mark(state->search, nid, &is_new), "hnsw scan");
			if (is_new && slot.state == RV_HNSW_DUPLICATE)
			{
				row->tid = slot.tid;
				return true;
			}
			continue;
		}
		if (++restarts > SCAN_CHAIN_RESTARTS ||
			!rvi_hnsw_read_slot(reader, row->primary, &slot) ||
			slot.state != RV_HNSW_LIVE || slot.seq != row->seq)
			return false;
		row->chain = slot.dup_next;
	}
	return false;
}

/* The next row in order; false at the end. */
static bool
scan_next_row(HnswScan *state, ItemPointer tid)
{
	for (;;)
	{
		ScanRow    *row;
		bool		late;
		bool		returned;

		while (scan_wants_more(state))
		{
			rv_runtime_check_status(rve_hnsw_search_resume(state->search, &state->graph->graph),
									"hnsw scan");
			(void) scan_take_batch(state);
		}
		if (state->next == state->count)
			return false;
		row = &state->rows[state->next];
		late = state->mode == RV_HNSW_ITERATIVE_STRICT && row->dist < state->last;
		returned = !late && ItemPointerIsValid(&row->tid);
		if (returned)
		{
			*tid = row->tid;
			state->last = row->dist;
			state->returned++;
		}
		if (late || !scan_follow_chain(state, row))
			state->next++;
		if (returned)
			return true;
	}
}

/* PostgreSQL callback */
bool
hnswgettuple(IndexScanDesc scan, ScanDirection direction)
{
	HnswScan   *state = scan->opaque;
	MemoryContext old;
	bool		found;

	if (!ScanDirectionIsForward(direction))
		elog(ERROR, "hnsw indexes are scanned forward only");
	if (scan->numberOfOrderBys != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot scan hnsw index without order")));
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("hnsw indexes support MVCC snapshots only")));
	old = MemoryContextSwitchTo(state->context);
	if (!state->started)
		scan_start(scan, state);
	found = scan_next_row(state, &scan->xs_heaptid);
	MemoryContextSwitchTo(old);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	return found;
}
