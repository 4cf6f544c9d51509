/*-------------------------------------------------------------------------
 *
 * hnsw_scan.c
 *	  Ordered scans: ORDER BY column <operator> query.
 *
 * The search finds candidates on codes; they are measured by code and payload
 * together, as many as it takes until those left cannot come before the next
 * row. It begins with a small share of its candidate list (the stop rule of
 * rve_hnsw.h for the first few rows) and goes on as the executor
 * asks for more: a scan with a small LIMIT pays for a small LIMIT.
 *
 * A measured distance comes with a bound on its error. Rows leave in the order
 * of what they are at least away, and unless the error is none the executor
 * computes the operator on the row and puts rows in its order
 * (xs_recheckorderby) wherever the bounds of two rows overlap: rows come out
 * in the operator's exact order although the index holds no exact vectors.
 * Setting ruvector.exact_order = off trusts the measured distances instead.
 *
 * When all ef candidates are used up and hnsw.iterative_scan allows it, the
 * search is resumed with ef more. strict_order holds a quarter of a batch back
 * while the search can go on, and drops a row that would have come before one
 * already returned; relaxed_order returns it late; off ends the scan.
 *
 * Why a returned TID belongs to the vector it was ranked by: the payload is
 * read with the seq it was written under, then the slot; a slot that is live
 * under the same seq still means that vector. Should vacuum recycle the heap
 * line afterwards, the row in it is invisible to this scan's MVCC snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/relscan.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "engine/runtime/rv_runtime.h"
#include "indexam/hnsw_scan_int.h"

#define SCAN_ENTRY_ATTEMPTS 16	/* when vacuum replaces the entry as a search starts */
#define SCAN_CHAIN_RESTARTS 16	/* when vacuum takes duplicates out under a walk */
#define SCAN_MEASURE_FIRST 12	/* rows measured before their spread says how many more */
#define SCAN_FLOAT_ROUNDING 6.1e-8	/* of one operation; kernels have n / 8 + 16 a term (rve_dist.h) */
#define SCAN_FLOAT_SLACK 1e-5	/* under cosine, what rounding of scaled vectors may lose */
#define SCAN_MARGIN 1.0			/* standard deviations beyond the largest of so many errors */
#define SCAN_MARGIN_WORST 1.25	/* and times the worst seen */
#define SCAN_TIES 8				/* times its rounding error a row's bound is lowered for the sake of ties */

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
	state->query_context = AllocSetContextCreate(context, "hnsw scan query",
												 ALLOCSET_DEFAULT_SIZES);
	state->index = rvi_hnsw_open(rel, &meta);
	state->graph = rvi_hnsw_graph_create(rel, state->index, &meta);
	state->code = palloc(state->index->geo.code_bytes);
	state->payload = palloc(Max(state->index->geo.payload_bytes, 1));
	rv_runtime_check_status(rve_hnsw_search_create(&state->search), "hnsw scan");
	state->filtered.graph = state->graph;
	state->filtered.search = state->search;
	if (norderbys > 0)
	{
		scan->xs_orderbyvals = palloc0(sizeof(Datum) * norderbys);
		scan->xs_orderbynulls = palloc0(sizeof(bool) * norderbys);
	}
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
	rvi_am_take_keys(scan, keys, orderbys);
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

/* What a NULL query stands for: it has no order to ask for. */
static void
scan_zero_query(HnswScan *state)
{
	RveVectorView *query = &state->query;

	memset(query, 0, sizeof(*query));
	query->elements = state->index->type->elements;
	query->dim = state->index->geo.dim;
	if (query->elements == RVE_DENSE)
		query->x = palloc0(query->dim * sizeof(float));
	else if (query->elements == RVE_BITS)
		query->bits = palloc0((query->dim + 7) / 8);
}

static void
scan_read_query(IndexScanDesc scan, HnswScan *state)
{
	ScanKey		key = &scan->orderByData[0];
	const RvHnswIndex *index = state->index;
	MemoryContext old;

	MemoryContextReset(state->query_context);
	old = MemoryContextSwitchTo(state->query_context);
	state->filter = rvi_hnsw_filter_create(&index->filters, scan->keyData, scan->numberOfKeys);
	state->graph->filter = state->filter;
	if (key->sk_flags & SK_ISNULL)
		scan_zero_query(state);
	else
	{
		Datum		value = PointerGetDatum(PG_DETOAST_DATUM(key->sk_argument));
		int			dim = index->type->dim(value);

		if (dim != index->geo.dim)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("different %s dimensions %d and %d", index->type->name,
							index->geo.dim, dim)));

		/* a zero query under cosine stays zero */
		(void) rvi_hnsw_read_value(index->type, index->metric, dim, value, &state->query);
	}
	MemoryContextSwitchTo(old);
	rv_runtime_check_status(rve_quant_query_prepare(index->codec, &state->query,
													&state->graph->query), "hnsw scan");
}

/* ---- rows ---- */

static bool
scan_before(double key, ItemPointer tid, const ScanRow *row)
{
	if (key != row->key)
		return key < row->key;
	return ItemPointerCompare(tid, (ItemPointer) &row->tid) < 0;
}

/* Puts a row among those that wait. */
static void
scan_insert_row(HnswScan *state, const ScanRow *row)
{
	int			low = state->next;
	int			high = state->count;

	if (state->count == state->room)
	{
		if (state->next > 0)
		{
			memmove(state->rows, state->rows + state->next,
					(state->count - state->next) * sizeof(ScanRow));
			state->count -= state->next;
			low = state->next = 0;
			high = state->count;
		}
		else
		{
			state->room = Max(64, 2 * state->room);
			state->rows = state->rows == NULL ? palloc(state->room * sizeof(ScanRow)) :
				repalloc(state->rows, state->room * sizeof(ScanRow));
		}
	}
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (scan_before(row->key, (ItemPointer) &row->tid, &state->rows[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	memmove(&state->rows[low + 1], &state->rows[low], (state->count - low) * sizeof(ScanRow));
	state->rows[low] = *row;
	state->count++;
}

/* The measured distance of the row in state->code and payload; *error bounds what it is off. */
static double
scan_distance(HnswScan *state, const RvHnswSlotData *slot, double *error)
{
	const RvHnswIndex *index = state->index;
	RveVectorView view;

	if (!index->raw_payload)
	{
		double		dist = rve_quant_refine(index->codec, state->graph->query, state->code,
											&slot->factors,
											index->geo.payload_bytes > 0 ? state->payload : NULL,
											error);

		if (*error == DBL_MAX &&
			rve_quant_code_complete(index->codec, state->code, &slot->factors))
			*error = 0;
		return dist;
	}
	memset(&view, 0, sizeof(view));
	view.elements = state->query.elements;
	view.dim = index->geo.dim;
	view.x = (const float *) state->payload;
	view.bits = state->payload;
	*error = 0;
	return rve_dist_exact(index->metric, &view, &state->query);
}

/*
 * Whether a slot has rows to return: its own, which gets row's tid if it
 * passes the filter, or duplicates. Those are found by themselves where all
 * rows that pass are.
 */
static bool
scan_judge(HnswScan *state, RveNode node, const RvHnswSlotData *slot, const uint32 *words,
		   ScanRow *row)
{
	bool		all = state->filter != NULL && state->filtered.exhaustive;

	if (slot->state != RV_HNSW_LIVE && !(all && slot->state == RV_HNSW_DUPLICATE))
		return false;
	row->tid = slot->tid;
	row->recheck = false;
	row->primary = node;
	row->chain = all ? RVE_NODE_NONE : slot->dup_next;
	if (state->filter != NULL)
	{
		if (!all)
			rvi_hnsw_filtered_give(&state->filtered, node);
		if (!rvi_hnsw_filter_passes(state->filter, words))
			ItemPointerSetInvalid(&row->tid);
		row->recheck = rvi_hnsw_filter_rechecks(state->filter, words);
	}
	return ItemPointerIsValid(&row->tid) || row->chain != RVE_NODE_NONE;
}

/*
 * Measures a found node and puts it among the waiting rows if it still is a
 * live one. False: vacuum has freed its slot since the search scored it.
 */
static bool
scan_measure(HnswScan *state, const RveCandidate *candidate)
{
	RvHnswReader *reader = &state->graph->reader;
	RveNode		node = candidate->node;
	RvHnswSlotData slot;
	ScanRow		row;
	uint32		words[RV_HNSW_MAX_FILTERS];
	double		dist;
	double		error;
	uint16		seq = 0;

	if (state->index->geo.payload_bytes > 0 &&
		!rvi_hnsw_read_vector(reader, node, &seq, state->payload))
		return false;
	if (!rvi_hnsw_read_row(reader, node, &slot, state->code, words) ||
		(state->index->geo.payload_bytes > 0 && slot.seq != seq))
		return false;
	if (!scan_judge(state, node, &slot, words, &row))
		return slot.state == RV_HNSW_LIVE || slot.state == RV_HNSW_DOOMED;
	dist = scan_distance(state, &slot, &error);
	state->spread += (dist - candidate->dist) * (dist - candidate->dist);
	state->worst = Max(state->worst, fabs(dist - candidate->dist));
	state->measured++;
	row.exact = error == 0 || !state->exact_order;
	row.key = row.exact ? dist : dist - error;
	row.bound = row.key;
	row.upper = row.exact ? dist : dist + error;
	row.chained = row.chain != RVE_NODE_NONE;

	/*
	 * Distances that are exact but for rounding tie in masses (of sparse
	 * vectors most may be orthogonal to the query), and keys of equal rows
	 * differ by what rounding may have done to each. A lower bound keeps
	 * strict order from taking those of a later batch for late. Under cosine
	 * the vectors were rounded as they were scaled, which error knows nothing of.
	 */
	if (!row.exact && state->index->geo.payload_bytes == 0 &&
		rve_quant_code_complete(state->index->codec, state->code, &slot.factors))
		row.bound -= SCAN_TIES * error +
			(state->index->metric == RVE_METRIC_COSINE ? SCAN_FLOAT_SLACK : 0);
	row.seq = slot.seq;
	scan_insert_row(state, &row);
	return true;
}

/*
 * What a code's distance may be off, as far as this scan has seen: the largest
 * of n normal errors is about sqrt(2 ln n) standard deviations.
 */
static double
scan_margin(const HnswScan *state)
{
	double		sigma = sqrt(state->spread / state->measured);

	return Max((SCAN_MARGIN + sqrt(2 * log(state->measured))) * sigma,
			   SCAN_MARGIN_WORST * state->worst);
}

/*
 * Measures found nodes until those left are, by their codes, surely behind the
 * first that waits. False: some node was freed meanwhile.
 */
static bool
scan_measure_ahead(HnswScan *state)
{
	bool		whole = true;

	while (state->found_next < state->found_count)
	{
		const RveCandidate *candidate = &state->found[state->found_next];

		if (state->next < state->count && state->measured >= SCAN_MEASURE_FIRST &&
			candidate->dist - scan_margin(state) > state->rows[state->next].upper)
			break;
		whole &= scan_measure(state, candidate);
		state->found_next++;
	}
	return whole;
}

/* ---- searching ---- */

static void
scan_reset(HnswScan *state)
{
	state->mode = rv_hnsw_iterative_scan;
	state->ef = rv_hnsw_ef_search;
	state->exact_order = rv_exact_order;
	state->started = true;
	state->exhausted = false;
	state->next = state->count = 0;
	state->found_next = state->found_count = 0;
	state->measured = 0;
	state->spread = state->worst = 0;
	state->returned = 0;
	state->last = state->last_upper = -INFINITY;
}

static void
scan_start(IndexScanDesc scan, HnswScan *state)
{
	RveHnswEffort effort;
	RvHnswMetaPageData meta;
	RveNode		missing = RVE_NODE_NONE;
	int			attempt;

	pgstat_count_index_scan(scan->indexRelation);
	scan_read_query(scan, state);
	scan_reset(state);
	if (state->filter != NULL && state->filter->never)
	{
		state->exhausted = state->filtered.exhaustive = true;
		state->filtered.heap.count = 0;
		return;
	}
	for (attempt = 0; attempt < SCAN_ENTRY_ATTEMPTS; attempt++)
	{
		bool		whole;

		rvi_hnsw_read_meta(scan->indexRelation, &meta);
		rvi_hnsw_graph_refresh(state->graph, &meta);
		if (state->filter != NULL)
		{
			rvi_hnsw_scan_filtered_start(state);
			if (state->filtered.exhaustive || state->found_count > 0 ||
				meta.entry == RVE_NODE_NONE)
				return;
		}
		else
		{
			rvi_hnsw_scan_search_from(state, &effort);
			if (rvi_hnsw_scan_take_found(state) == 0 && meta.entry == RVE_NODE_NONE)
				return;
		}

		/*
		 * A node that vacuum frees between being scored and being expanded
		 * has no edges: when it is where level 0 begins, the search finds it
		 * and nothing else.
		 */
		if (state->found_count > 0)
		{
			whole = scan_measure_ahead(state);
			if (whole || state->count > 0 || attempt == SCAN_ENTRY_ATTEMPTS - 1)
				return;
			continue;
		}

		/* the entry was removed between reading the meta page and reading it */
		if (meta.entry == missing)
			break;
		missing = meta.entry;
	}
	rvi_am_corrupted(scan->indexRelation, RV_HNSW_META_BLOCK,
					 "HNSW-4: the entry node does not exist.");
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
	uint32		words[RV_HNSW_MAX_FILTERS];
	uint64		steps = 0;
	int			restarts = 0;
	bool		is_new;

	while (row->chain != RVE_NODE_NONE)
	{
		RveNode		nid = row->chain;

		CHECK_FOR_INTERRUPTS();
		if (steps++ > (uint64) reader->blocks * reader->index->geo.slots_per_page)
			rvi_am_corrupted(reader->rel,
							 rvi_hnsw_slot_place(&reader->index->geo, nid).block,
							 "HNSW-7: a chain of duplicates is a circle.");
		if (rvi_hnsw_read_row(reader, nid, &slot, NULL, words) && slot.link == row->primary &&
			(slot.state == RV_HNSW_DUPLICATE || slot.state == RV_HNSW_DOOMED_DUPLICATE))
		{
			row->chain = slot.dup_next;
			rv_runtime_check_status(rve_hnsw_search_mark(state->search, nid, &is_new), "hnsw scan");
			if (is_new && slot.state == RV_HNSW_DUPLICATE &&
				(state->filter == NULL || rvi_hnsw_filter_passes(state->filter, words)))
			{
				row->tid = slot.tid;
				if (state->filter != NULL)
				{
					rvi_hnsw_filtered_give(&state->filtered, nid);
					row->recheck = rvi_hnsw_filter_rechecks(state->filter, words);
				}
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

/*
 * The operator's value of an engine distance: side -1, the least it can come
 * to in the operator's own float32 sums, +1, the most.
 */
static double
scan_operator_value(const HnswScan *state, double value, int side)
{
	double		terms = Min(state->index->geo.dim, RV_VECTOR_MAX_DIM);
	double		slack = side * SCAN_FLOAT_ROUNDING * (terms / 8 + 16);

	switch (state->index->metric)
	{
		case RVE_METRIC_L2:
			return sqrt(Max(value, 0.0)) * (1 + slack);
		case RVE_METRIC_COSINE:
			/* three sums, a root and a quotient, near 1 */
			return value / 2 + 4 * slack;
		default:
			return value + slack * fabs(value);
	}
}

/*
 * Whether the first row that waits comes before all others and behind all
 * returned ones, so that nobody has to look at the vector itself. Nearly
 * always so: bounds are narrow beside the distances between neighbours. For
 * rows that are measured that is sure; those that are not are behind by the
 * margin that scan_measure_ahead trusts, too.
 */
static bool
scan_is_certain(const HnswScan *state, const ScanRow *row)
{
	double		upper = scan_operator_value(state, row->upper, 1);

	if (row->chained ||
		scan_operator_value(state, state->last_upper, 1) > scan_operator_value(state, row->bound, -1))
		return false;
	if (state->next + 1 < state->count &&
		scan_operator_value(state, state->rows[state->next + 1].bound, -1) < upper)
		return false;
	return state->found_next == state->found_count ||
		scan_operator_value(state, state->found[state->found_next].dist - scan_margin(state), -1) >= upper;
}

/* The next row in order, copied to *out; false at the end. */
static bool
scan_next_row(HnswScan *state, ScanRow *out)
{
	for (;;)
	{
		ScanRow    *row;
		bool		late;
		bool		returned;

		do
		{
			while (rvi_hnsw_scan_search_on(state))
				;
			(void) scan_measure_ahead(state);
		} while (state->filter != NULL && state->filtered.exhaustive && !state->exhausted &&
				 state->found_next == state->found_count);
		if (state->next == state->count)
		{
			/* what was found has gone meanwhile: there may be more */
			if (state->exhausted || (state->filter != NULL && state->filtered.exhaustive) ||
				(state->mode == RV_HNSW_ITERATIVE_OFF &&
									 rve_hnsw_search_complete(state->search)) ||
				state->returned >= rv_hnsw_max_scan_tuples)
				return false;
			if (!rvi_hnsw_scan_search_on(state))
				return false;
			continue;
		}
		row = &state->rows[state->next];
		late = state->mode != RV_HNSW_ITERATIVE_RELAXED && row->key < state->last;
		returned = !late && ItemPointerIsValid(&row->tid);
		if (returned)
		{
			*out = *row;
			out->exact |= scan_is_certain(state, row);
			state->last = Max(state->last, out->exact ? row->upper : row->bound);
			state->last_upper = Max(state->last_upper, row->upper);
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
	ScanRow		row;
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
	found = scan_next_row(state, &row);
	if (found)
	{
		scan->xs_heaptid = row.tid;
		scan->xs_recheckorderby = !row.exact;
		scan->xs_orderbyvals[0] = Float8GetDatum(scan_operator_value(state, row.bound, row.exact ? 0 : -1));
		scan->xs_orderbynulls[0] = false;
	}
	MemoryContextSwitchTo(old);
	scan->xs_recheck = found && row.recheck;
	return found;
}
